#include "posix/keys.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "posix/keys_parts.h"
#include "posix/why.h"

/* Sets text and OpenSSL's own reason for it, which holds no secret. */
static enum imprint_status fail(struct imprint_why *why, const char *text)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return imprint_why_set(why, IMPRINT_ERR_KEY, "%s%s%s", text,
                           reason ? ": " : "", reason ? reason : "");
}

static enum imprint_status no_memory(struct imprint_why *why)
{
    ERR_clear_error();
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

static BIO *read_bio(struct imprint_slice slice)
{
    if (slice.len == 0 || slice.len > INT_MAX)
        return NULL;
    return BIO_new_mem_buf(slice.bytes, (int)slice.len);
}

/* Takes what was written to bio as text, and ends bio. NULL: no memory. */
static char *take_text(BIO *bio)
{
    char *bytes = NULL;
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &bytes);

    if (len >= 0)
        text = malloc((size_t)len + 1);
    if (text) {
        if (len > 0)
            memcpy(text, bytes, (size_t)len);
        text[len] = '\0';
    }
    if (bytes && len > 0)
        OPENSSL_cleanse(bytes, (size_t)len);
    BIO_free(bio);
    return text;
}

static enum imprint_status wrap(EVP_PKEY *pkey, struct imprint_keys_key **out,
                                struct imprint_why *why)
{
    struct imprint_keys_key *key = malloc(sizeof(*key));

    if (!key) {
        EVP_PKEY_free(pkey);
        return no_memory(why);
    }
    key->pkey = pkey;
    *out = key;
    return IMPRINT_OK;
}

enum imprint_status imprint_keys_make(enum imprint_keys_kind kind,
                                      struct imprint_keys_key **out,
                                      struct imprint_why *why)
{
    EVP_PKEY *pkey = NULL;

    if (kind == IMPRINT_KEYS_P256)
        pkey = EVP_EC_gen("P-256");
    else if (kind == IMPRINT_KEYS_P384)
        pkey = EVP_EC_gen("P-384");
    else if (kind == IMPRINT_KEYS_RSA2048)
        pkey = EVP_RSA_gen(2048);
    else if (kind == IMPRINT_KEYS_RSA3072)
        pkey = EVP_RSA_gen(3072);
    if (!pkey)
        return fail(why, "cannot make a key");
    return wrap(pkey, out, why);
}

struct answer {
    const char *password;
    bool asked;
};

static int give_password(char *buffer, int size, int writing, void *user)
{
    struct answer *answer = user;
    size_t len = answer->password ? strlen(answer->password) : 0;

    (void)writing;
    answer->asked = true;
    if (!answer->password || size < 0 || len > (size_t)size)
        return -1;
    memcpy(buffer, answer->password, len);
    return (int)len;
}

enum imprint_status imprint_keys_read(struct imprint_slice pem,
                                      const char *password,
                                      struct imprint_keys_key **out,
                                      struct imprint_why *why)
{
    struct answer answer = {password, false};
    BIO *bio = read_bio(pem);
    EVP_PKEY *pkey = NULL;

    if (bio)
        pkey = PEM_read_bio_PrivateKey(bio, NULL, give_password, &answer);
    BIO_free(bio);
    if (pkey)
        return wrap(pkey, out, why);
    ERR_clear_error();
    if (answer.asked && !password) {
        imprint_why_set(why, IMPRINT_ERR_KEY, "the private key is encrypted");
        imprint_why_hint(why, "give its password in IMPRINT_PASSWORD or with "
                              "--password-file");
        return IMPRINT_ERR_KEY;
    }
    if (answer.asked)
        return imprint_why_set(why, IMPRINT_ERR_KEY,
                               "the private key does not open with this "
                               "password");
    return imprint_why_set(why, IMPRINT_ERR_KEY, "not a private key in PEM");
}

void imprint_keys_free(struct imprint_keys_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

void *imprint_keys_pkey(const struct imprint_keys_key *key)
{
    return key->pkey;
}

enum imprint_keys_kind imprint_keys_kind_of(const struct imprint_keys_key *key)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(key->pkey);

    if (EVP_PKEY_is_a(key->pkey, "RSA")) {
        if (bits == 2048)
            return IMPRINT_KEYS_RSA2048;
        return bits == 3072 ? IMPRINT_KEYS_RSA3072 : IMPRINT_KEYS_OTHER;
    }
    if (EVP_PKEY_is_a(key->pkey, "EC") &&
        EVP_PKEY_get_group_name(key->pkey, group, sizeof(group), NULL)) {
        if (strcmp(group, "prime256v1") == 0)
            return IMPRINT_KEYS_P256;
        if (strcmp(group, "secp384r1") == 0)
            return IMPRINT_KEYS_P384;
    }
    return IMPRINT_KEYS_OTHER;
}

static enum imprint_status write_pkey(const EVP_PKEY *pkey, char **pem,
                                      struct imprint_why *why)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text;

    if (!bio)
        return no_memory(why);
    if (!PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)) {
        BIO_free(bio);
        return fail(why, "cannot write the private key");
    }
    text = take_text(bio);
    if (!text)
        return no_memory(why);
    *pem = text;
    return IMPRINT_OK;
}

enum imprint_status imprint_keys_write(const struct imprint_keys_key *key,
                                       char **pem, struct imprint_why *why)
{
    return write_pkey(key->pkey, pem, why);
}

void imprint_keys_free_pem(char *pem)
{
    if (pem)
        OPENSSL_cleanse(pem, strlen(pem));
    free(pem);
}

static bool fill_request(X509_REQ *request, EVP_PKEY *pkey,
                         const char *common_name)
{
    const EVP_MD *digest = EVP_sha256();
    X509_NAME *subject = X509_REQ_get_subject_name(request);

    if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_bits(pkey) > 256)
        digest = EVP_sha384();
    return X509_REQ_set_version(request, X509_REQ_VERSION_1) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                      (const unsigned char *)common_name, -1,
                                      -1, 0) &&
           X509_REQ_set_pubkey(request, pkey) &&
           X509_REQ_sign(request, pkey, digest) > 0;
}

enum imprint_status imprint_keys_request(const struct imprint_keys_key *key,
                                         const char *common_name, char **pem,
                                         struct imprint_why *why)
{
    X509_REQ *request = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    if (!request || !bio || !fill_request(request, key->pkey, common_name) ||
        !PEM_write_bio_X509_REQ(bio, request)) {
        X509_REQ_free(request);
        BIO_free(bio);
        return fail(why, "cannot make a certificate signing request");
    }
    X509_REQ_free(request);
    text = take_text(bio);
    if (!text)
        return no_memory(why);
    *pem = text;
    return IMPRINT_OK;
}

enum imprint_status imprint_keys_check_request(
    const struct imprint_keys_key *key, struct imprint_slice pem,
    struct imprint_why *why)
{
    BIO *bio = read_bio(pem);
    X509_REQ *request = NULL;
    bool good;

    if (bio)
        request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    BIO_free(bio);
    good = request && X509_REQ_check_private_key(request, key->pkey) == 1;
    X509_REQ_free(request);
    if (!good)
        return fail(why, "the signing request is not this key's");
    return IMPRINT_OK;
}

static bool unix_time(const ASN1_TIME *time, int64_t *out)
{
    struct tm tm;
    time_t seconds;

    if (!ASN1_TIME_to_tm(time, &tm))
        return false;
    seconds = timegm(&tm);
    *out = seconds;
    return true;
}

/* In lower case, NUL-terminated: hex has room for 2 * len + 1. */
void imprint_keys_write_hex(const uint8_t *bytes, size_t len, char *hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * len] = '\0';
}

static bool digest_id(const X509 *certificate, char id[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    if (!X509_digest(certificate, EVP_sha256(), digest, &len) || len != 32)
        return false;
    imprint_keys_write_hex(digest, len, id);
    return true;
}

static void write_subject(const X509 *certificate, char *subject, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    long len = 0;

    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                                  XN_FLAG_RFC2253) >= 0)
        len = BIO_get_mem_data(bio, &bytes);
    if (len < 0)
        len = 0;
    if ((size_t)len >= size)
        len = (long)size - 1;
    if (len > 0)
        memcpy(subject, bytes, (size_t)len);
    subject[len] = '\0';
    BIO_free(bio);
}

/* The first certificate; NULL if one of the chain does not parse. */
static X509 *read_chain(struct imprint_slice pem)
{
    BIO *bio = read_bio(pem);
    X509 *first = NULL;
    X509 *next;

    if (bio)
        first = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    while (first && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        X509_free(next);
    /* the end is "no start line"; everything else is damage */
    if (first && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        X509_free(first);
        first = NULL;
    }
    if (first)
        ERR_clear_error();
    BIO_free(bio);
    return first;
}

enum imprint_status imprint_keys_read_certificate(
    struct imprint_slice pem, struct imprint_keys_certificate *out,
    struct imprint_why *why)
{
    struct imprint_keys_certificate facts;
    X509 *certificate = read_chain(pem);
    bool good;

    if (!certificate)
        return fail(why, "not a certificate in PEM");
    good = unix_time(X509_get0_notBefore(certificate), &facts.not_before) &&
           unix_time(X509_get0_notAfter(certificate), &facts.not_after) &&
           digest_id(certificate, facts.id);
    write_subject(certificate, facts.subject, sizeof(facts.subject));
    X509_free(certificate);
    if (!good)
        return fail(why, "the certificate has unreadable dates");
    *out = facts;
    return IMPRINT_OK;
}

enum imprint_status imprint_keys_check_pair(
    const struct imprint_keys_key *key, struct imprint_slice certificate_pem,
    struct imprint_why *why)
{
    X509 *certificate = read_chain(certificate_pem);
    EVP_PKEY *public_key;
    bool equal;

    if (!certificate)
        return fail(why, "not a certificate in PEM");
    public_key = X509_get0_pubkey(certificate);
    equal = public_key && EVP_PKEY_eq(public_key, key->pkey) == 1;
    X509_free(certificate);
    ERR_clear_error();
    if (!equal)
        return imprint_why_set(why, IMPRINT_ERR_KEY,
                               "the certificate belongs to another key");
    return IMPRINT_OK;
}

enum imprint_status imprint_keys_digest(const struct imprint_keys_key *key,
                                        char hex[65], struct imprint_why *why)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char *der = NULL;
    size_t digest_len = 0;
    int len = i2d_PUBKEY(key->pkey, &der);
    bool good = len > 0 && EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len,
                                        digest, &digest_len);

    OPENSSL_free(der);
    if (!good)
        return fail(why, "cannot digest the public key");
    imprint_keys_write_hex(digest, digest_len, hex);
    return IMPRINT_OK;
}

enum imprint_status imprint_keys_sign(const struct imprint_keys_key *key,
                                      struct imprint_slice text, char **hex,
                                      struct imprint_why *why)
{
    unsigned char signature[1024]; /* RSA of 8,192 bits */
    size_t len = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good =
        context &&
        EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key->pkey,
                              NULL) > 0 &&
        EVP_DigestSign(context, signature, &len, text.bytes, text.len) > 0;

    EVP_MD_CTX_free(context);
    if (!good)
        return fail(why, "cannot sign with this key");
    *hex = malloc(2 * len + 1);
    if (!*hex)
        return no_memory(why);
    imprint_keys_write_hex(signature, len, *hex);
    return IMPRINT_OK;
}

bool imprint_keys_sha256(struct imprint_slice text,
                         uint8_t digest[IMPRINT_KEYS_DIGEST_LEN])
{
    return EVP_Digest(text.bytes, text.len, digest, NULL, EVP_sha256(), NULL);
}

bool imprint_keys_hmac(struct imprint_slice secret, struct imprint_slice text,
                       uint8_t mac[IMPRINT_KEYS_DIGEST_LEN])
{
    return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret.bytes,
                     secret.len, text.bytes, text.len, mac,
                     IMPRINT_KEYS_DIGEST_LEN, NULL);
}

enum imprint_status imprint_keys_mac(struct imprint_slice secret,
                                     struct imprint_slice text, char hex[65],
                                     struct imprint_why *why)
{
    uint8_t mac[IMPRINT_KEYS_DIGEST_LEN];

    if (!imprint_keys_hmac(secret, text, mac))
        return fail(why, "cannot make a code");
    imprint_keys_write_hex(mac, sizeof(mac), hex);
    return IMPRINT_OK;
}

/* Chain to certificate_pem, self-signed ones to root_pem. */
static bool write_others(BIO *chain, BIO *roots, STACK_OF(X509) * others)
{
    for (int i = 0; i < sk_X509_num(others); i++) {
        X509 *other = sk_X509_value(others, i);
        bool is_root = X509_self_signed(other, 0) == 1;

        if (!PEM_write_bio_X509(is_root ? roots : chain, other))
            return false;
    }
    return true;
}

static enum imprint_status write_bundle(EVP_PKEY *pkey, X509 *certificate,
                                        STACK_OF(X509) * others,
                                        struct imprint_keys_bundle *out,
                                        struct imprint_why *why)
{
    BIO *chain = BIO_new(BIO_s_mem());
    BIO *roots = BIO_new(BIO_s_mem());
    enum imprint_status status;

    if (!chain || !roots || !PEM_write_bio_X509(chain, certificate) ||
        !write_others(chain, roots, others)) {
        BIO_free(chain);
        BIO_free(roots);
        return no_memory(why);
    }
    memset(out, 0, sizeof(*out));
    status = write_pkey(pkey, &out->key_pem, why);
    out->certificate_pem = take_text(chain);
    out->root_pem = take_text(roots);
    if (status == IMPRINT_OK && (!out->certificate_pem || !out->root_pem))
        status = no_memory(why);
    if (status != IMPRINT_OK) {
        imprint_keys_free_bundle(out);
    } else if (out->root_pem[0] == '\0') {
        free(out->root_pem);
        out->root_pem = NULL;
    }
    return status;
}

/* Parses in the library context that is the thread's default now. */
static enum imprint_status parse_pkcs12(struct imprint_slice der,
                                        const char *password,
                                        struct imprint_keys_bundle *out,
                                        struct imprint_why *why)
{
    enum imprint_status status;
    BIO *bio = read_bio(der);
    PKCS12 *p12 = bio ? d2i_PKCS12_bio(bio, NULL) : NULL;
    EVP_PKEY *pkey = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *others = NULL;

    BIO_free(bio);
    if (!p12) {
        status = fail(why, "not a PKCS#12 file");
    } else if (PKCS12_mac_present(p12) &&
               !PKCS12_verify_mac(p12, password ? password : "", -1) &&
               !PKCS12_verify_mac(p12, NULL, 0)) {
        ERR_clear_error();
        status = imprint_why_set(why, IMPRINT_ERR_KEY,
                                 password ? "the PKCS#12 does not open with "
                                            "this password"
                                          : "the PKCS#12 needs a password");
    } else if (!PKCS12_parse(p12, password, &pkey, &certificate, &others)) {
        status = IMPRINT_ERR_CANNOT;
    } else if (!pkey || !certificate) {
        status = imprint_why_set(why, IMPRINT_ERR_KEY, "the PKCS#12 has no %s",
                                 pkey ? "certificate" : "private key");
    } else {
        status = write_bundle(pkey, certificate, others, out, why);
    }
    EVP_PKEY_free(pkey);
    X509_free(certificate);
    sk_X509_pop_free(others, X509_free);
    PKCS12_free(p12);
    return status;
}

/* The old ciphers stay in a library context that nobody else sees. */
static enum imprint_status parse_legacy(struct imprint_slice der,
                                        const char *password,
                                        struct imprint_keys_bundle *out,
                                        struct imprint_why *why)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX *before;
    OSSL_PROVIDER *usual = NULL;
    OSSL_PROVIDER *legacy = NULL;
    enum imprint_status status = IMPRINT_ERR_CANNOT;

    if (!context)
        return no_memory(why);
    usual = OSSL_PROVIDER_load(context, "default");
    legacy = OSSL_PROVIDER_load(context, "legacy");
    if (usual && legacy) {
        before = OSSL_LIB_CTX_set0_default(context);
        status = parse_pkcs12(der, password, out, why);
        if (status == IMPRINT_ERR_CANNOT)
            status = fail(why, "the PKCS#12 does not parse");
        OSSL_LIB_CTX_set0_default(before);
    } else {
        status = imprint_why_set(why, IMPRINT_ERR_KEY,
                                 "the PKCS#12 uses old ciphers, and OpenSSL's "
                                 "legacy provider is not installed");
        imprint_why_hint(why, "install the legacy provider, or write the file "
                              "anew with openssl pkcs12 -export without "
                              "-legacy");
    }
    OSSL_PROVIDER_unload(legacy);
    OSSL_PROVIDER_unload(usual);
    OSSL_LIB_CTX_free(context);
    ERR_clear_error();
    return status;
}

enum imprint_status imprint_keys_open_pkcs12(struct imprint_slice der,
                                             const char *password,
                                             struct imprint_keys_bundle *out,
                                             struct imprint_why *why)
{
    struct imprint_keys_bundle bundle;
    enum imprint_status status = parse_pkcs12(der, password, &bundle, why);

    if (status == IMPRINT_ERR_CANNOT) {
        ERR_clear_error();
        status = parse_legacy(der, password, &bundle, why);
    }
    if (status == IMPRINT_OK)
        *out = bundle;
    return status;
}

void imprint_keys_free_bundle(struct imprint_keys_bundle *bundle)
{
    imprint_keys_free_pem(bundle->key_pem);
    free(bundle->certificate_pem);
    free(bundle->root_pem);
    memset(bundle, 0, sizeof(*bundle));
}
