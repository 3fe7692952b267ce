#include "authority.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority_parts.h"
#include "endpoint.h"
#include "pem.h"
#include "posix/why.h"

#define ISSUER_NAME \
    "Amazon Web Services O=Amazon.com Inc. L=Seattle ST=Washington C=US"
#define SKEW_S 300 /* clocks of devices may be late */
/* OWASP's password storage cheat sheet; more memory than 32 MiB OpenSSL's
 * reading refuses */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5

/* What an issuer needs, and an authority is. */
struct imprint_authority {
    EVP_PKEY *key;
    X509 *certificate; /* NULL: signs itself */
    bool is_p256;
};

/* What a certificate says; key is who it is for. */
struct profile {
    EVP_PKEY *key;
    struct imprint_slice point; /* of a P-256 key, if it is at hand */
    X509_NAME *subject;
    int64_t not_after;
    const char *constraints;
    const char *usage;
    const char *extended_usage; /* or NULL */
    const char *names;          /* subjectAltName, or NULL */
};

static enum imprint_status fail(struct imprint_why *why, const char *what)
{
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "%s: OpenSSL failed",
                           what);
}

/* ---- digests, tokens, keys ---- */

bool imprint_authority_take_x509(void *x509, uint8_t **der, size_t *der_len)
{
    int len = i2d_X509(x509, NULL);
    uint8_t *bytes = len > 0 ? malloc((size_t)len) : NULL;
    uint8_t *end = bytes;

    if (bytes && i2d_X509(x509, &end) != len) {
        free(bytes);
        bytes = NULL;
    }
    X509_free(x509);
    if (!bytes)
        return false;
    *der = bytes;
    *der_len = (size_t)len;
    return true;
}

void imprint_authority_digest(struct imprint_slice bytes,
                              uint8_t digest[IMPRINT_AUTHORITY_DIGEST_LEN])
{
    if (EVP_Digest(bytes.len > 0 ? bytes.bytes : (const uint8_t *)"", bytes.len,
                   digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

/* NUL-terminated copy of what was written; frees bio. NULL: no memory. */
static char *take_text(BIO *bio)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = len > 0 ? malloc((size_t)len + 1) : NULL;

    if (text) {
        memcpy(text, bytes, (size_t)len);
        text[len] = '\0';
    }
    BIO_free(bio);
    return text;
}

static char *write_key(EVP_PKEY *key, bool is_public)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    int done = 0;

    if (bio && key)
        done = is_public ? PEM_write_bio_PUBKEY(bio, key)
                         : PEM_write_bio_PrivateKey_traditional(
                               bio, key, NULL, NULL, 0, NULL, NULL);
    if (done == 1)
        return take_text(bio);
    BIO_free(bio);
    return NULL;
}

/* OpenSSL calls this between the candidates that it tries for primes. */
static int may_go_on(EVP_PKEY_CTX *context)
{
    const atomic_bool *stop = EVP_PKEY_CTX_get_app_data(context);

    return !(stop && atomic_load(stop));
}

char *imprint_authority_make_rsa_key(const atomic_bool *stop)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    char *pem = NULL;

    if (context && EVP_PKEY_keygen_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1) {
        EVP_PKEY_CTX_set_app_data(context, (void *)(uintptr_t)stop);
        EVP_PKEY_CTX_set_cb(context, may_go_on);
        if (EVP_PKEY_generate(context, &key) == 1)
            pem = write_key(key, false);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    return pem;
}

static EVP_PKEY *read_key(struct imprint_slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.bytes, (int)pem.len);
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "")
            : NULL;

    BIO_free(bio);
    return key;
}

char *imprint_authority_lock_key(struct imprint_slice key_pem,
                                 const char *passphrase)
{
    EVP_PKEY *key = read_key(key_pem);
    PKCS8_PRIV_KEY_INFO *info = key ? EVP_PKEY2PKCS8(key) : NULL;
    X509_ALGOR *how =
        info ? PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N,
                                     SCRYPT_R, SCRYPT_P)
             : NULL;
    X509_SIG *locked =
        how ? PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, how)
            : NULL;
    BIO *bio = locked ? BIO_new(BIO_s_mem()) : NULL;
    char *pem = NULL;

    if (how && !locked)
        X509_ALGOR_free(how);
    if (bio && PEM_write_bio_PKCS8(bio, locked) == 1)
        pem = take_text(bio);
    else
        BIO_free(bio);
    X509_SIG_free(locked);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(key);
    return pem;
}

char *imprint_authority_write_public(struct imprint_slice key_pem)
{
    EVP_PKEY *key = read_key(key_pem);
    char *pem = write_key(key, true);

    EVP_PKEY_free(key);
    return pem;
}

static X509 *read_certificate(struct imprint_slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.bytes, (int)pem.len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return certificate;
}

enum imprint_status imprint_authority_take_certificate(
    X509 *certificate, struct imprint_authority_certificate *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned char *der = NULL;
    int der_len = certificate ? i2d_X509(certificate, &der) : -1;
    struct tm end = {0};
    char *pem = NULL;

    if (bio && der_len > 0 && PEM_write_bio_X509(bio, certificate) == 1 &&
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
        pem = take_text(bio);
    else
        BIO_free(bio);
    if (pem) {
        imprint_authority_certificate_id(imprint_slice_of(der, (size_t)der_len),
                                         out->id);
        out->pem = pem;
        out->not_after = (int64_t)timegm(&end);
    }
    OPENSSL_free(der);
    return pem ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
}

/* ---- certificates ---- */

/* common_name NULL: AWS IoT's issuer, which is longer than X.520 allows. */
static X509_NAME *make_name(const char *common_name)
{
    int nid = common_name ? NID_commonName : NID_organizationalUnitName;
    int type = common_name ? MBSTRING_UTF8 : V_ASN1_UTF8STRING;
    const char *text = common_name ? common_name : ISSUER_NAME;
    X509_NAME *name = X509_NAME_new();

    if (name &&
        X509_NAME_add_entry_by_NID(name, nid, type, (const unsigned char *)text,
                                   -1, -1, 0) == 1)
        return name;
    X509_NAME_free(name);
    return NULL;
}

static bool set_serial(X509 *certificate)
{
    uint8_t bytes[20];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] =
        (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and no byte less */
    return ASN1_STRING_set(X509_get_serialNumber(certificate), bytes,
                           sizeof(bytes)) == 1;
}

static bool add_extensions(X509 *certificate, X509 *issuer,
                           const struct profile *profile)
{
    const struct {
        int nid;
        const char *value;
    } all[] = {{NID_authority_key_identifier,
                issuer != certificate ? "keyid:always" : NULL},
               {NID_subject_key_identifier, "hash"},
               {NID_basic_constraints, profile->constraints},
               {NID_key_usage, profile->usage},
               {NID_ext_key_usage, profile->extended_usage},
               {NID_subject_alt_name, profile->names}};
    X509V3_CTX context;
    bool done = true;
    size_t i;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (i = 0; done && i < sizeof(all) / sizeof(all[0]); i++) {
        X509_EXTENSION *one =
            all[i].value
                ? X509V3_EXT_conf_nid(NULL, &context, all[i].nid, all[i].value)
                : NULL;

        done =
            !all[i].value || (one && X509_add_ext(certificate, one, -1) == 1);
        X509_EXTENSION_free(one);
    }
    return done;
}

/* To write a key whose point is at hand costs less than to have it encoded. */
static bool set_key(X509 *certificate, const struct profile *profile)
{
    int len = (int)profile->point.len;
    unsigned char *bytes;

    if (len == 0)
        return X509_set_pubkey(certificate, profile->key) == 1;
    bytes = OPENSSL_memdup(profile->point.bytes, profile->point.len);
    if (bytes && X509_PUBKEY_set0_param(
                     X509_get_X509_PUBKEY(certificate),
                     OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
                     OBJ_nid2obj(NID_X9_62_prime256v1), bytes, len) == 1)
        return true;
    OPENSSL_free(bytes);
    return false;
}

/* NULL: OpenSSL failed. */
static X509 *issue(const struct imprint_authority *authority,
                   const struct profile *profile)
{
    X509 *certificate = X509_new();
    X509 *issuer =
        authority->certificate ? authority->certificate : certificate;

    if (certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        set_serial(certificate) &&
        X509_set_subject_name(certificate, profile->subject) == 1 &&
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -SKEW_S) &&
        ASN1_TIME_set(X509_getm_notAfter(certificate),
                      (time_t)profile->not_after) &&
        set_key(certificate, profile) &&
        add_extensions(certificate, issuer, profile) &&
        X509_sign(certificate, authority->key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* A client's certificate, with what protocol it speaks left open. */
static enum imprint_status issue_client(
    const struct imprint_authority *authority, struct profile profile,
    struct imprint_authority_certificate *out)
{
    X509 *certificate = NULL;
    enum imprint_status status;

    profile.constraints = "critical,CA:FALSE";
    profile.usage = "critical,digitalSignature";
    if (profile.subject)
        certificate = issue(authority, &profile);
    status = imprint_authority_take_certificate(certificate, out);
    X509_free(certificate);
    return status;
}

enum imprint_status imprint_authority_sign_key(
    const struct imprint_authority *authority, struct imprint_slice key_pem,
    int64_t not_after, struct imprint_authority_certificate *out,
    struct imprint_why *why)
{
    EVP_PKEY *key = read_key(key_pem);
    X509_NAME *subject = make_name("AWS IoT Certificate");
    enum imprint_status status = IMPRINT_ERR_INTERNAL;

    if (key)
        status = issue_client(authority,
                              (struct profile){.key = key,
                                               .subject = subject,
                                               .not_after = not_after},
                              out);
    X509_NAME_free(subject);
    EVP_PKEY_free(key);
    return status == IMPRINT_OK ? status : fail(why, "signing a key");
}

/* ---- requests ---- */

X509_REQ *imprint_authority_read_request(struct imprint_slice pem)
{
    uint8_t *der = NULL;
    const uint8_t *at;
    X509_REQ *request;
    size_t len;

    if (!imprint_pem_decode(pem, "CERTIFICATE REQUEST", &der, &len) &&
        !imprint_pem_decode(pem, "NEW CERTIFICATE REQUEST", &der, &len))
        return NULL;
    at = der;
    request = d2i_X509_REQ(NULL, &at, (long)len);
    if (request && at != der + len) {
        X509_REQ_free(request);
        request = NULL;
    }
    free(der);
    return request;
}

static bool is_key_taken(EVP_PKEY *key)
{
    char group[32] = "";
    size_t len;

    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 8192;
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
           (strcmp(group, "prime256v1") == 0 ||
            strcmp(group, "secp384r1") == 0 || strcmp(group, "secp521r1") == 0);
}

/*
 * ---- requests of P-256 keys ----
 *
 * Most are such, and to have OpenSSL 3.0 take one apart costs more than to
 * check and to sign it. What is in any way another one goes the long way, which
 * says what is wrong.
 */

/* NULL: it is not on the curve. curve: any key of it. */
static EVP_PKEY *make_point(EVP_PKEY *curve, struct imprint_slice point)
{
    EVP_PKEY *key = EVP_PKEY_new();

    if (key && EVP_PKEY_copy_parameters(key, curve) == 1 &&
        EVP_PKEY_set1_encoded_public_key(key, point.bytes, point.len) == 1)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool is_signed_by(EVP_PKEY *key,
                         const struct imprint_authority_request *request)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_so =
        context &&
        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(context, request->signature.bytes,
                         request->signature.len, request->info.bytes,
                         request->info.len) == 1;

    EVP_MD_CTX_free(context);
    return is_so;
}

static bool sign_p256(const struct imprint_authority *authority,
                      struct imprint_slice csr_pem,
                      struct imprint_authority_certificate *out)
{
    struct imprint_authority_request request;
    struct profile profile = {.not_after = IMPRINT_AUTHORITY_LAST_DAY};
    uint8_t *der = NULL;
    const uint8_t *at;
    size_t len;
    bool done = false;

    if (!authority->is_p256 ||
        !imprint_pem_decode(csr_pem, "CERTIFICATE REQUEST", &der, &len))
        return false;
    if (imprint_authority_read_p256(imprint_slice_of(der, len), &request)) {
        at = request.subject.bytes;
        profile.point = request.point;
        profile.key = make_point(authority->key, request.point);
        profile.subject = d2i_X509_NAME(NULL, &at, (long)request.subject.len);
        done = profile.key && profile.subject &&
               is_signed_by(profile.key, &request) &&
               issue_client(authority, profile, out) == IMPRINT_OK;
        X509_NAME_free(profile.subject);
        EVP_PKEY_free(profile.key);
    }
    free(der);
    return done;
}

enum imprint_status imprint_authority_sign_csr(
    const struct imprint_authority *authority, struct imprint_slice csr_pem,
    struct imprint_authority_certificate *out, struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_ERR_FORMAT;
    X509_REQ *request;
    EVP_PKEY *key;

    if (csr_pem.len > IMPRINT_AUTHORITY_CSR_MAX_LEN)
        return imprint_why_set(why, status, "longer than %d characters",
                               IMPRINT_AUTHORITY_CSR_MAX_LEN);
    if (sign_p256(authority, csr_pem, out))
        return IMPRINT_OK;
    request = imprint_authority_read_request(csr_pem);
    if (!request)
        return imprint_why_set(why, status,
                               "not a certificate signing request in PEM");
    key = X509_REQ_get0_pubkey(request);
    if (!key || !is_key_taken(key))
        (void)imprint_why_set(
            why, status,
            "the key is not RSA of 2048 bits or more, P-256, P-384 or P-521");
    else if (X509_REQ_verify(request, key) != 1)
        (void)imprint_why_set(why, status,
                              "the request's signature is not its key's");
    else if (issue_client(
                 authority,
                 (struct profile){.key = key,
                                  .subject = X509_REQ_get_subject_name(request),
                                  .not_after = IMPRINT_AUTHORITY_LAST_DAY},
                 out) == IMPRINT_OK)
        status = IMPRINT_OK;
    else
        status = fail(why, "signing a request");
    X509_REQ_free(request);
    return status;
}

/* ---- an authority's own ---- */

enum imprint_status imprint_authority_open(struct imprint_slice key_pem,
                                           struct imprint_slice certificate_pem,
                                           struct imprint_authority **out,
                                           struct imprint_why *why)
{
    struct imprint_authority *authority = calloc(1, sizeof(*authority));
    char group[32] = "";

    if (!authority)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    authority->key = read_key(key_pem);
    if (certificate_pem.len > 0)
        authority->certificate = read_certificate(certificate_pem);
    if (!authority->key || (certificate_pem.len > 0 &&
                            (!authority->certificate ||
                             X509_check_private_key(authority->certificate,
                                                    authority->key) != 1))) {
        imprint_authority_close(authority);
        return imprint_why_set(why, IMPRINT_ERR_KEY,
                               "the key and its certificate are no pair");
    }
    authority->is_p256 = EVP_PKEY_get_group_name(authority->key, group,
                                                 sizeof(group), NULL) == 1 &&
                         strcmp(group, "prime256v1") == 0;
    *out = authority;
    return IMPRINT_OK;
}

void imprint_authority_close(struct imprint_authority *authority)
{
    if (authority) {
        EVP_PKEY_free(authority->key);
        X509_free(authority->certificate);
    }
    free(authority);
}

static const struct profile roles[] = {
    [IMPRINT_AUTHORITY_ROOT] = {.constraints = "critical,CA:TRUE",
                                .usage = "critical,keyCertSign,cRLSign"},
    [IMPRINT_AUTHORITY_ISSUER] = {.constraints = "critical,CA:TRUE,pathlen:0",
                                  .usage = "critical,keyCertSign,cRLSign",
                                  .extended_usage = "clientAuth"},
    [IMPRINT_AUTHORITY_SERVER] = {.constraints = "critical,CA:FALSE",
                                  .usage = "critical,digitalSignature",
                                  .extended_usage = "serverAuth"},
};

char *imprint_authority_sign_role(const struct imprint_authority *authority,
                                  const struct imprint_authority_role *role)
{
    struct profile profile = roles[role->kind];
    struct imprint_authority_certificate out = {.pem = NULL};
    X509 *certificate = NULL;

    profile.key = read_key(role->key_pem);
    profile.subject = make_name(role->common_name);
    profile.not_after = role->not_after;
    profile.names = role->names;
    if (profile.key && profile.subject)
        certificate = issue(authority, &profile);
    (void)imprint_authority_take_certificate(certificate, &out);
    X509_free(certificate);
    X509_NAME_free(profile.subject);
    EVP_PKEY_free(profile.key);
    return out.pem;
}

bool imprint_authority_is_signed(const struct imprint_authority *authority,
                                 struct imprint_slice key_pem,
                                 struct imprint_slice certificate_pem)
{
    X509 *certificate = read_certificate(certificate_pem);
    EVP_PKEY *key = read_key(key_pem);
    bool is_so = certificate && key &&
                 X509_check_private_key(certificate, key) == 1 &&
                 X509_verify(certificate, authority->key) == 1;

    EVP_PKEY_free(key);
    X509_free(certificate);
    return is_so;
}

bool imprint_authority_speaks_for(struct imprint_slice certificate_pem,
                                  const char *name, int64_t until)
{
    X509 *certificate = read_certificate(certificate_pem);
    time_t then = (time_t)until;
    bool speaks = certificate &&
                  X509_cmp_time(X509_get0_notAfter(certificate), &then) > 0 &&
                  (X509_check_ip_asc(certificate, name, 0) == 1 ||
                   X509_check_host(certificate, name, 0, 0, NULL) == 1);

    X509_free(certificate);
    return speaks;
}
