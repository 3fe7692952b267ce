/*
 * The endpoint's certificate authority. A root signs the server's certificate
 * and one issuer; the issuer signs claims and devices, and may vouch for
 * clients only, so that no device can pose as the endpoint. ca.pem holds both.
 * An open authority is only read: threads may share it.
 */
#ifndef IMPRINT_ENDPOINT_AUTHORITY_H
#define IMPRINT_ENDPOINT_AUTHORITY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_AUTHORITY_ID_LEN 64 /* hex digits */
#define IMPRINT_AUTHORITY_DIGEST_LEN 32
#define IMPRINT_AUTHORITY_CSR_MAX_LEN 4096

/* 2049-12-31T23:59:59Z, as AWS IoT has it. */
#define IMPRINT_AUTHORITY_LAST_DAY INT64_C(2524607999)

struct imprint_authority;

/*
 * certificate_pem is empty for a root that does not have its own one yet.
 * ERR_KEY: no pair.
 */
IMPRINT_MUST_USE enum imprint_status imprint_authority_open(
    struct imprint_slice key_pem, struct imprint_slice certificate_pem,
    struct imprint_authority **out, struct imprint_why *why);
/* NULL is fine. */
void imprint_authority_close(struct imprint_authority *authority);

struct imprint_authority_certificate {
    char id[IMPRINT_AUTHORITY_ID_LEN + 1];
    char *pem; /* NUL-terminated; free it */
    int64_t not_after;
};

/*
 * A certificate for a request in PEM, with line breaks or without. ERR_FORMAT:
 * no request, its signature is wrong, or its key is none that AWS takes.
 */
IMPRINT_MUST_USE enum imprint_status imprint_authority_sign_csr(
    const struct imprint_authority *authority, struct imprint_slice csr_pem,
    struct imprint_authority_certificate *out, struct imprint_why *why);

/*
 * A certificate that somebody else made for a request, with the chain behind
 * it if there is one. ERR_FORMAT: not in PEM. ERR_REFUSED: its subject or its
 * key is not the request's.
 */
IMPRINT_MUST_USE enum imprint_status imprint_authority_adopt(
    struct imprint_slice csr_pem, struct imprint_slice certificate_pem,
    struct imprint_authority_certificate *out, struct imprint_why *why);

/*
 * What policy.h wants to know of a certificate: all pairs are memory's (see
 * aws/memory.h). ERR_FORMAT: it is none.
 */
IMPRINT_MUST_USE enum imprint_status imprint_authority_describe(
    struct imprint_slice certificate_pem, void **memory,
    struct imprint_pair **pairs, size_t *count);

/* A certificate "CN=AWS IoT Certificate" for a private key, until not_after. */
IMPRINT_MUST_USE enum imprint_status imprint_authority_sign_key(
    const struct imprint_authority *authority, struct imprint_slice key_pem,
    int64_t not_after, struct imprint_authority_certificate *out,
    struct imprint_why *why);

enum imprint_authority_role_kind {
    IMPRINT_AUTHORITY_ROOT,
    IMPRINT_AUTHORITY_ISSUER, /* of clients alone */
    IMPRINT_AUTHORITY_SERVER
};

/* The endpoint's own. */
struct imprint_authority_role {
    enum imprint_authority_role_kind kind;
    struct imprint_slice key_pem;
    const char *common_name; /* NULL: the name that AWS IoT's issuer has */
    const char *names;       /* a subjectAltName as OpenSSL reads it, or NULL */
    int64_t not_after;
};

/* Its certificate in PEM, NUL-terminated; free it. NULL: OpenSSL failed. */
char *imprint_authority_sign_role(const struct imprint_authority *authority,
                                  const struct imprint_authority_role *role);

/* True if key and certificate are a pair, and this authority signed it. */
bool imprint_authority_is_signed(const struct imprint_authority *authority,
                                 struct imprint_slice key_pem,
                                 struct imprint_slice certificate_pem);

/* True if a server's certificate has this host name or address until then. */
bool imprint_authority_speaks_for(struct imprint_slice certificate_pem,
                                  const char *name, int64_t until);

/* CAs that are trusted: the endpoint's own, and others. */
struct imprint_authority_trust {
    const char *file;
    const char *dir; /* as OpenSSL wants it: <hash>.0, <hash>.1... */
};
#define IMPRINT_AUTHORITY_HASH_LEN 8

/*
 * As a broker with this trust will judge a client's certificate, now; with
 * hash not NULL, one of a CA that is to be trusted, too, and its hash. *out is
 * the certificate alone. ERR_FORMAT: not in PEM. ERR_REFUSED: why says why.
 */
IMPRINT_MUST_USE enum imprint_status imprint_authority_check(
    const struct imprint_authority_trust *trust, struct imprint_slice pem,
    char *hash, struct imprint_authority_certificate *out,
    struct imprint_why *why);

/* True if the key of this CA signed that certificate. */
bool imprint_authority_is_issued(struct imprint_slice ca_pem,
                                 struct imprint_slice certificate_pem);

/*
 * A new key: P-256 as PKCS#8, or RSA-2048 as PKCS#1; NUL-terminated, to be
 * freed by imprint_file_free_secret. NULL: OpenSSL failed. RSA takes long (0.2
 * to 1 s): *stop, if not NULL, ends it soon after somebody sets it.
 */
char *imprint_authority_make_key(void);
char *imprint_authority_make_rsa_key(const atomic_bool *stop);

/*
 * Of a key in PEM, to be freed: its public half, and all of it as PKCS#8 under
 * a passphrase (AES-256, scrypt). NULL: it is none, or OpenSSL failed.
 */
char *imprint_authority_write_public(struct imprint_slice key_pem);
char *imprint_authority_lock_key(struct imprint_slice key_pem,
                                 const char *passphrase);

/* The certificate id: SHA-256 of the DER in lower-case hex. */
void imprint_authority_certificate_id(struct imprint_slice certificate_der,
                                      char id[IMPRINT_AUTHORITY_ID_LEN + 1]);

/* See imprint_endpoint_take_x509. */
bool imprint_authority_take_x509(void *x509, uint8_t **der, size_t *der_len);

void imprint_authority_digest(struct imprint_slice bytes,
                              uint8_t digest[IMPRINT_AUTHORITY_DIGEST_LEN]);

#endif
