/* OpenSSL's methods of keys are deprecated in 3.0, and the one way that needs
 * no provider of our own: RSA and EC of both TLS versions go through them. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "keys_hold.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "keys_parts.h"
#include "why.h"

#define SIGNATURE_MAX_LEN 1024

static EC_KEY_METHOD *ec_method;
static RSA_METHOD *rsa_method;
static int ec_index = -1;
static int rsa_index = -1;
static pthread_once_t methods_once = PTHREAD_ONCE_INIT;

/* ---- EC ---- */

static ECDSA_SIG *sign_ec(const unsigned char *digest, int digest_len,
                          const BIGNUM *inverse, const BIGNUM *point,
                          EC_KEY *key)
{
    const struct imprint_keys_holder *holder =
        EC_KEY_get_ex_data(key, ec_index);
    uint8_t text[SIGNATURE_MAX_LEN];
    size_t len = sizeof(text);
    ECDSA_SIG *signature;
    BIGNUM *r;
    BIGNUM *s;

    (void)inverse;
    (void)point;
    if (!holder || digest_len < 0 ||
        !holder->sign(holder->user, IMPRINT_KEYS_HOLD_ECDSA,
                      imprint_slice_of(digest, (size_t)digest_len), text,
                      &len) ||
        len == 0 || len % 2)
        return NULL;
    signature = ECDSA_SIG_new();
    r = BN_bin2bn(text, (int)len / 2, NULL);
    s = BN_bin2bn(text + len / 2, (int)len / 2, NULL);
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1)
        return signature;
    ECDSA_SIG_free(signature);
    BN_free(r);
    BN_free(s);
    return NULL;
}

static void finish(struct imprint_keys_holder *holder)
{
    if (!holder)
        return;
    holder->close(holder->user);
    free(holder);
}

static void finish_ec(EC_KEY *key)
{
    finish(EC_KEY_get_ex_data(key, ec_index));
}

/* ---- RSA ---- */

static int sign_rsa(int len, const unsigned char *bytes, unsigned char *out,
                    RSA *key, int padding)
{
    const struct imprint_keys_holder *holder = RSA_get_ex_data(key, rsa_index);
    size_t out_len = (size_t)RSA_size(key);
    enum imprint_keys_hold_way way = padding == RSA_PKCS1_PADDING
                                         ? IMPRINT_KEYS_HOLD_PKCS1
                                         : IMPRINT_KEYS_HOLD_RAW;

    if (!holder || len < 0 ||
        (padding != RSA_PKCS1_PADDING && padding != RSA_NO_PADDING) ||
        !holder->sign(holder->user, way, imprint_slice_of(bytes, (size_t)len),
                      out, &out_len))
        return -1;
    return (int)out_len;
}

static int finish_rsa(RSA *key)
{
    finish(RSA_get_ex_data(key, rsa_index));
    return 1;
}

/* ---- methods ---- */

static void make_methods(void)
{
    int (*sign)(int, const unsigned char *, int, unsigned char *,
                unsigned int *, const BIGNUM *, const BIGNUM *, EC_KEY *) =
        NULL;
    int (*set_up)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **) = NULL;

    ec_index = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    rsa_index = RSA_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    ec_method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    if (ec_method) {
        EC_KEY_METHOD_get_sign(ec_method, &sign, &set_up, NULL);
        EC_KEY_METHOD_set_sign(ec_method, sign, set_up, sign_ec);
        EC_KEY_METHOD_set_init(ec_method, NULL, finish_ec, NULL, NULL, NULL,
                               NULL);
    }
    rsa_method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    if (rsa_method && (RSA_meth_set_priv_enc(rsa_method, sign_rsa) != 1 ||
                       RSA_meth_set_finish(rsa_method, finish_rsa) != 1)) {
        RSA_meth_free(rsa_method);
        rsa_method = NULL;
    }
}

static EVP_PKEY *hold_ec(const EVP_PKEY *pkey,
                         struct imprint_keys_holder *holder)
{
    EC_KEY *key = EC_KEY_dup(EVP_PKEY_get0_EC_KEY((EVP_PKEY *)(uintptr_t)pkey));
    EVP_PKEY *out = EVP_PKEY_new();

    if (key && out && ec_index >= 0 && ec_method &&
        EC_KEY_set_method(key, ec_method) == 1 &&
        EC_KEY_set_ex_data(key, ec_index, holder) == 1 &&
        EVP_PKEY_assign_EC_KEY(out, key) == 1)
        return out;
    if (key)
        (void)EC_KEY_set_ex_data(key, ec_index, NULL); /* the caller closes */
    EC_KEY_free(key);
    EVP_PKEY_free(out);
    return NULL;
}

static EVP_PKEY *hold_rsa(const EVP_PKEY *pkey,
                          struct imprint_keys_holder *holder)
{
    RSA *key = RSAPublicKey_dup(EVP_PKEY_get0_RSA((EVP_PKEY *)(uintptr_t)pkey));
    EVP_PKEY *out = EVP_PKEY_new();

    if (key && out && rsa_index >= 0 && rsa_method &&
        RSA_set_method(key, rsa_method) == 1 &&
        RSA_set_ex_data(key, rsa_index, holder) == 1 &&
        EVP_PKEY_assign_RSA(out, key) == 1)
        return out;
    if (key)
        (void)RSA_set_ex_data(key, rsa_index, NULL);
    RSA_free(key);
    EVP_PKEY_free(out);
    return NULL;
}

/* The holder is closed with the key, or before NULL returns. */
static EVP_PKEY *hold(const EVP_PKEY *pkey,
                      const struct imprint_keys_holder *holder)
{
    struct imprint_keys_holder *own = malloc(sizeof(*own));
    EVP_PKEY *out = NULL;

    (void)pthread_once(&methods_once, make_methods);
    if (own) {
        *own = *holder;
        if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC)
            out = hold_ec(pkey, own);
        else if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA)
            out = hold_rsa(pkey, own);
    }
    if (!out) {
        holder->close(holder->user);
        free(own);
    }
    return out;
}

/* Signs something, and looks whether the public half agrees. */
static bool is_pair(EVP_PKEY *held, EVP_PKEY *public)
{
    static const unsigned char text[] = "imprint: is this a pair?";
    unsigned char signature[SIGNATURE_MAX_LEN];
    size_t len = sizeof(signature);
    EVP_MD_CTX *signing = EVP_MD_CTX_new();
    EVP_MD_CTX *verifying = EVP_MD_CTX_new();
    bool good =
        signing && verifying &&
        EVP_DigestSignInit(signing, NULL, EVP_sha256(), NULL, held) == 1 &&
        EVP_DigestSign(signing, signature, &len, text, sizeof(text)) == 1 &&
        EVP_DigestVerifyInit(verifying, NULL, EVP_sha256(), NULL, public) ==
            1 &&
        EVP_DigestVerify(verifying, signature, len, text, sizeof(text)) == 1;

    EVP_MD_CTX_free(signing);
    EVP_MD_CTX_free(verifying);
    ERR_clear_error();
    return good;
}

static EVP_PKEY *read_public(struct imprint_slice certificate_pem)
{
    BIO *bio = BIO_new_mem_buf(certificate_pem.bytes, (int)certificate_pem.len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *pkey = certificate ? X509_get_pubkey(certificate) : NULL;

    X509_free(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

static EVP_PKEY *build_ec(const struct imprint_keys_public *public)
{
    uint8_t point[1 + IMPRINT_KEYS_PUBLIC_MAX_LEN] = {4}; /* not compressed */
    EC_KEY *key = EC_KEY_new_by_curve_name(public->kind == IMPRINT_KEYS_P256
                                               ? NID_X9_62_prime256v1
                                               : NID_secp384r1);
    EVP_PKEY *out = EVP_PKEY_new();

    memcpy(point + 1, public->bytes, public->len);
    if (key && out && EC_KEY_oct2key(key, point, public->len + 1, NULL) == 1 &&
        EVP_PKEY_assign_EC_KEY(out, key) == 1)
        return out;
    EC_KEY_free(key);
    EVP_PKEY_free(out);
    return NULL;
}

static EVP_PKEY *build_rsa(const struct imprint_keys_public *public)
{
    RSA *key = RSA_new();
    EVP_PKEY *out = EVP_PKEY_new();
    BIGNUM *modulus = BN_bin2bn(public->bytes, (int)public->len, NULL);
    BIGNUM *exponent = BN_new();

    if (key && out && modulus && exponent &&
        BN_set_word(exponent, public->exponent) == 1 &&
        RSA_set0_key(key, modulus, exponent, NULL) == 1) {
        if (EVP_PKEY_assign_RSA(out, key) == 1)
            return out;
        modulus = exponent = NULL; /* the key's */
    }
    BN_free(modulus);
    BN_free(exponent);
    RSA_free(key);
    EVP_PKEY_free(out);
    return NULL;
}

static EVP_PKEY *find_public(struct imprint_slice certificate_pem,
                             const struct imprint_keys_public *public)
{
    if (certificate_pem.len > 0)
        return read_public(certificate_pem);
    if (public->len == 0 || public->len > sizeof(public->bytes))
        return NULL;
    return public->kind == IMPRINT_KEYS_P256 ||
                   public->kind == IMPRINT_KEYS_P384
               ? build_ec(public)
               : build_rsa(public);
}

enum imprint_status imprint_keys_hold(struct imprint_slice certificate_pem,
                                      const struct imprint_keys_holder *holder,
                                      struct imprint_keys_key **out,
                                      struct imprint_why *why)
{
    EVP_PKEY *public = find_public(certificate_pem, &holder->public);
    struct imprint_keys_key *key = malloc(sizeof(*key));
    EVP_PKEY *held = NULL;
    bool good;

    if (public && key)
        held = hold(public, holder);
    else
        holder->close(holder->user);
    good = held && is_pair(held, public);
    EVP_PKEY_free(public);
    if (good) {
        key->pkey = held;
        *out = key;
        return IMPRINT_OK;
    }
    EVP_PKEY_free(held);
    free(key);
    if (certificate_pem.len == 0)
        imprint_why_set(why, IMPRINT_ERR_KEY,
                        "the token's key does not sign, or its public half "
                        "there is of another key");
    else
        imprint_why_set(why, IMPRINT_ERR_KEY,
                        "the certificate belongs to another key than the "
                        "token's, or the token does not sign");
    imprint_why_hint(why,
                     "check the URI of the key, and that the key may sign");
    return IMPRINT_ERR_KEY;
}
