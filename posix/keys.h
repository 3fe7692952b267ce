/*
 * Keys and certificates. Text is PEM; what holds a private key is overwritten
 * before it is freed. Failures are IMPRINT_ERR_KEY unless said otherwise.
 */
#ifndef IMPRINT_POSIX_KEYS_H
#define IMPRINT_POSIX_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_keys_key; /* a private key */

enum imprint_keys_kind {
    IMPRINT_KEYS_P256,
    IMPRINT_KEYS_P384,
    IMPRINT_KEYS_RSA2048,
    IMPRINT_KEYS_RSA3072,
    IMPRINT_KEYS_OTHER /* can be read, not made */
};

/* NUL-terminated; the caller frees each with imprint_keys_free_pem. */
struct imprint_keys_bundle {
    char *certificate_pem; /* leaf first, then its chain */
    char *key_pem;         /* PKCS#8, not encrypted */
    char *root_pem;        /* what is self-signed beside the leaf, or NULL */
};

struct imprint_keys_certificate {
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
    char id[65];       /* SHA-256 of the DER in lower-case hex */
    char subject[256]; /* RFC 2253, cut if longer */
};

IMPRINT_MUST_USE enum imprint_status imprint_keys_make(
    enum imprint_keys_kind kind, struct imprint_keys_key **out,
    struct imprint_why *why);

/* Any PEM form; password NULL means that the key is not encrypted. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_read(
    struct imprint_slice pem, const char *password,
    struct imprint_keys_key **out, struct imprint_why *why);
void imprint_keys_free(struct imprint_keys_key *key);
enum imprint_keys_kind imprint_keys_kind_of(const struct imprint_keys_key *key);

/* The EVP_PKEY, for a library that wants one. The key's own. */
void *imprint_keys_pkey(const struct imprint_keys_key *key);

/*
 * A key whose private half is elsewhere: see keys_hold.h. Its public half is
 * the certificate's or, if that is empty, the one that the holder knows. It is
 * tried with a signature. ERR_KEY: the two are no pair. The holder is closed
 * with the key, or before a failure returns.
 */
struct imprint_keys_holder;
IMPRINT_MUST_USE enum imprint_status imprint_keys_hold(
    struct imprint_slice certificate_pem,
    const struct imprint_keys_holder *holder, struct imprint_keys_key **out,
    struct imprint_why *why);

/* PKCS#8, not encrypted, NUL-terminated. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_write(
    const struct imprint_keys_key *key, char **pem, struct imprint_why *why);

/* Overwrites, then frees. pem may be NULL. */
void imprint_keys_free_pem(char *pem);

/* A PKCS#10 request whose subject is CN=common_name, signed with SHA-2. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_request(
    const struct imprint_keys_key *key, const char *common_name, char **pem,
    struct imprint_why *why);

/* ERR_KEY if the request does not belong to the key, or does not parse. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_check_request(
    const struct imprint_keys_key *key, struct imprint_slice pem,
    struct imprint_why *why);

/* Facts of the first certificate; what follows it must parse too. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_read_certificate(
    struct imprint_slice pem, struct imprint_keys_certificate *out,
    struct imprint_why *why);

/* ERR_KEY if the first certificate's public key is not the key's. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_check_pair(
    const struct imprint_keys_key *key, struct imprint_slice certificate_pem,
    struct imprint_why *why);

/*
 * SHA-256 of the public key's SubjectPublicKeyInfo (DER) in lower-case hex:
 * the same for a key, its request and its certificate.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_digest(
    const struct imprint_keys_key *key, char hex[65], struct imprint_why *why);

/*
 * Signs the SHA-256 of text: ECDSA in DER, or RSA with PKCS#1 v1.5. *hex is
 * lower-case and NUL-terminated, to be freed.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_sign(
    const struct imprint_keys_key *key, struct imprint_slice text, char **hex,
    struct imprint_why *why);

#define IMPRINT_KEYS_DIGEST_LEN 32

/* SHA-256, and HMAC with it. False: OpenSSL can't. */
IMPRINT_MUST_USE bool imprint_keys_sha256(
    struct imprint_slice text, uint8_t digest[IMPRINT_KEYS_DIGEST_LEN]);
IMPRINT_MUST_USE bool imprint_keys_hmac(struct imprint_slice secret,
                                        struct imprint_slice text,
                                        uint8_t mac[IMPRINT_KEYS_DIGEST_LEN]);
/* Lower-case, with a NUL behind it. */
void imprint_keys_write_hex(const uint8_t *bytes, size_t len, char *hex);
/* HMAC-SHA-256 in lower-case hex. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_mac(
    struct imprint_slice secret, struct imprint_slice text, char hex[65],
    struct imprint_why *why);

/*
 * Opens a PKCS#12, old ciphers (openssl pkcs12 -legacy) too. password NULL
 * means none.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_open_pkcs12(
    struct imprint_slice der, const char *password,
    struct imprint_keys_bundle *out, struct imprint_why *why);
void imprint_keys_free_bundle(struct imprint_keys_bundle *bundle);

#endif
