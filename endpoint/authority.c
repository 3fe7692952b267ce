#include "authority.h"

#include "endpoint.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "posix/why.h"

#define SERIAL_LEN 20
#define SKEW_S 300 /* clocks of devices may be late */

/* What an issuer needs, and an authority is. */
struct imprint_authority {
    EVP_PKEY *key;
    X509 *certificate; /* NULL: signs itself */
};

/* What a certificate says about its subject; key is who it is for. */
struct profile {
    EVP_PKEY *key;
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

void imprint_authority_certificate_id(struct imprint_slice certificate_der,
                                      char id[IMPRINT_AUTHORITY_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[IMPRINT_AUTHORITY_DIGEST_LEN];
    size_t i;

    imprint_authority_digest(certificate_der, digest);
    for (i = 0; i < sizeof(digest); i++) {
        id[2 * i] = digits[digest[i] >> 4];
        id[2 * i + 1] = digits[digest[i] & 15];
    }
    id[IMPRINT_AUTHORITY_ID_LEN] = '\0';
}

bool imprint_authority_make_token(char token[IMPRINT_AUTHORITY_TOKEN_LEN + 1])
{
    static const char head[] = "{\"version\":\"20191023\",\"cipher\":\"";
    uint8_t random[233];
    uint8_t text[sizeof(head) - 1 + 312 + 2 + 1] = {0};
    size_t len = sizeof(head) - 1;
    bool made = RAND_priv_bytes(random, sizeof(random)) == 1;

    if (made) {
        memcpy(text, head, sizeof(head));
        len += (size_t)EVP_EncodeBlock(text + len, random, sizeof(random));
        text[len] = '"';
        text[len + 1] = '}';
        (void)EVP_EncodeBlock((uint8_t *)token, text, (int)len + 2);
    }
    OPENSSL_cleanse(random, sizeof(random));
    OPENSSL_cleanse(text, sizeof(text));
    return made;
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

static char *write_key(EVP_PKEY *key, bool is_rsa)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    int done = 0;

    if (bio && key)
        done =
            is_rsa
                ? PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0,
                                                       NULL, NULL)
                : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    if (done != 1) {
        BIO_free(bio);
        return NULL;
    }
    return take_text(bio);
}

char *imprint_authority_make_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *pem = write_key(key, false);

    EVP_PKEY_free(key);
    return pem;
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
            pem = write_key(key, true);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    return pem;
}

static char *write_certificate(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (!bio || PEM_write_bio_X509(bio, certificate) != 1) {
        BIO_free(bio);
        return NULL;
    }
    return take_text(bio);
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

static X509 *read_certificate(struct imprint_slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.bytes, (int)pem.len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return certificate;
}

/* ---- certificates ---- */

static X509_NAME *make_name(const char *common_name)
{
    X509_NAME *name = X509_NAME_new();

    if (name && X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                           (const unsigned char *)common_name,
                                           -1, -1, 0) != 1) {
        X509_NAME_free(name);
        return NULL;
    }
    return name;
}

static bool set_serial(X509 *certificate)
{
    uint8_t bytes[SERIAL_LEN];
    BIGNUM *number = NULL;
    bool done = false;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, 20 bytes */
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    done = number &&
           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return done;
}

static bool add_extension(X509 *certificate, X509V3_CTX *context, int nid,
                          const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool done = extension && X509_add_ext(certificate, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return done;
}

static bool add_extensions(X509 *certificate, X509 *issuer,
                           const struct profile *profile)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    if (issuer != certificate &&
        !add_extension(certificate, &context, NID_authority_key_identifier,
                       "keyid:always"))
        return false;
    if (!add_extension(certificate, &context, NID_subject_key_identifier,
                       "hash") ||
        !add_extension(certificate, &context, NID_basic_constraints,
                       profile->constraints) ||
        !add_extension(certificate, &context, NID_key_usage, profile->usage))
        return false;
    if (profile->extended_usage &&
        !add_extension(certificate, &context, NID_ext_key_usage,
                       profile->extended_usage))
        return false;
    return !profile->names ||
           add_extension(certificate, &context, NID_subject_alt_name,
                         profile->names);
}

static bool set_times(X509 *certificate, int64_t not_after)
{
    time_t end = (time_t)not_after;

    return X509_gmtime_adj(X509_getm_notBefore(certificate), -SKEW_S) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), end);
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
        set_times(certificate, profile->not_after) &&
        X509_set_pubkey(certificate, profile->key) == 1 &&
        add_extensions(certificate, issuer, profile) &&
        X509_sign(certificate, authority->key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* A client's certificate, with what protocol it speaks left open. */
static enum imprint_status issue_client(
    const struct imprint_authority *authority, EVP_PKEY *key,
    X509_NAME *subject, int64_t not_after,
    struct imprint_authority_certificate *out)
{
    struct profile profile = {
        .key = key,
        .subject = subject,
        .not_after = not_after,
        .constraints = "critical,CA:FALSE",
        .usage = "critical,digitalSignature",
    };
    X509 *certificate = subject ? issue(authority, &profile) : NULL;
    unsigned char *der = NULL;
    int der_len = certificate ? i2d_X509(certificate, &der) : -1;
    char *pem = certificate ? write_certificate(certificate) : NULL;

    X509_free(certificate);
    if (der_len <= 0 || !pem) {
        OPENSSL_free(der);
        free(pem);
        return IMPRINT_ERR_INTERNAL;
    }
    imprint_authority_certificate_id(imprint_slice_of(der, (size_t)der_len),
                                     out->id);
    OPENSSL_free(der);
    out->pem = pem;
    out->not_after = not_after;
    return IMPRINT_OK;
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
        status = issue_client(authority, key, subject, not_after, out);
    X509_NAME_free(subject);
    EVP_PKEY_free(key);
    return status == IMPRINT_OK ? status : fail(why, "signing a key");
}

/* ---- requests ---- */

/*
 * The bytes between PEM's two lines, which may be one line with what they
 * enclose: base64 without white space goes to text. 0: this is no request.
 */
static size_t strip_pem(struct imprint_slice pem, uint8_t *text)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST-----",
                                         "NEW CERTIFICATE REQUEST-----"};
    char copy[IMPRINT_AUTHORITY_CSR_MAX_LEN + 1];
    const char *start;
    const char *end;
    size_t len = 0;
    size_t i;

    memcpy(copy, pem.bytes, pem.len);
    copy[pem.len] = '\0';
    start = strstr(copy, "-----BEGIN ");
    end = start ? strstr(start, "-----END ") : NULL;
    if (!end)
        return 0;
    start += strlen("-----BEGIN ");
    for (i = 0; i < 2; i++) {
        size_t label_len = strlen(labels[i]);

        if (strncmp(start, labels[i], label_len) == 0 &&
            strncmp(end + strlen("-----END "), labels[i], label_len) == 0)
            break;
    }
    if (i == 2)
        return 0;
    for (start += strlen(labels[i]); start < end; start++) {
        if (!strchr(" \t\r\n", *start))
            text[len++] = (uint8_t)*start;
    }
    return len;
}

static X509_REQ *read_request(struct imprint_slice pem)
{
    uint8_t text[IMPRINT_AUTHORITY_CSR_MAX_LEN];
    uint8_t der[IMPRINT_AUTHORITY_CSR_MAX_LEN];
    const uint8_t *at = der;
    size_t text_len = strip_pem(pem, text);
    X509_REQ *request;
    int len;

    if (text_len == 0 || text_len % 4 != 0)
        return NULL;
    len = EVP_DecodeBlock(der, text, (int)text_len);
    if (len <= 0)
        return NULL;
    /* EVP_DecodeBlock counts the padding as bytes */
    len -= (text[text_len - 1] == '=') + (text[text_len - 2] == '=');
    request = d2i_X509_REQ(NULL, &at, len);
    if (request && at != der + len) {
        X509_REQ_free(request);
        return NULL;
    }
    return request;
}

static bool is_key_taken(EVP_PKEY *key)
{
    char group[32];
    size_t group_len = 0;

    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 8192;
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), &group_len) ==
               1 &&
           (strcmp(group, "prime256v1") == 0 ||
            strcmp(group, "secp384r1") == 0 || strcmp(group, "secp521r1") == 0);
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
    request = read_request(csr_pem);
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
    else if (issue_client(authority, key, X509_REQ_get_subject_name(request),
                          IMPRINT_AUTHORITY_LAST_DAY, out) == IMPRINT_OK)
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
    *out = authority;
    return IMPRINT_OK;
}

void imprint_authority_close(struct imprint_authority *authority)
{
    if (!authority)
        return;
    EVP_PKEY_free(authority->key);
    X509_free(authority->certificate);
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
    X509 *certificate = NULL;
    char *pem = NULL;

    profile.key = read_key(role->key_pem);
    profile.subject = make_name(role->common_name);
    profile.not_after = role->not_after;
    profile.names = role->names;
    if (profile.key && profile.subject)
        certificate = issue(authority, &profile);
    if (certificate)
        pem = write_certificate(certificate);
    X509_free(certificate);
    X509_NAME_free(profile.subject);
    EVP_PKEY_free(profile.key);
    return pem;
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
