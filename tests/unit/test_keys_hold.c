#define OPENSSL_SUPPRESS_DEPRECATED

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "posix/keys.h"
#include "posix/keys_hold.h"

/* A token of ours: the whole key, and how often it was used and closed. */
struct token {
    EVP_PKEY *pkey;
    unsigned signed_count;
    unsigned closed_count;
    bool refuses;
};

static bool sign_ec(struct token *token, struct imprint_slice digest,
                    uint8_t *out, size_t *out_len)
{
    ECDSA_SIG *signature =
        ECDSA_do_sign(digest.bytes, (int)digest.len,
                      (EC_KEY *)(uintptr_t)EVP_PKEY_get0_EC_KEY(token->pkey));

    assert_non_null(signature);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32),
                     32);
    ECDSA_SIG_free(signature);
    *out_len = 64;
    return true;
}

static bool sign(void *user, enum imprint_keys_hold_way way,
                 struct imprint_slice bytes, uint8_t *out, size_t *out_len)
{
    struct token *token = user;
    int len;

    token->signed_count++;
    if (token->refuses)
        return false;
    if (way == IMPRINT_KEYS_HOLD_ECDSA)
        return sign_ec(token, bytes, out, out_len);
    len = RSA_private_encrypt((int)bytes.len, bytes.bytes, out,
                              (RSA *)(uintptr_t)EVP_PKEY_get0_RSA(token->pkey),
                              way == IMPRINT_KEYS_HOLD_RAW ? RSA_NO_PADDING
                                                           : RSA_PKCS1_PADDING);
    assert_true(len > 0);
    *out_len = (size_t)len;
    return true;
}

static void close_token(void *user)
{
    struct token *token = user;

    token->closed_count++;
}

/* A certificate of its own; free it. */
static char *certify(EVP_PKEY *pkey)
{
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    char *pem;
    long len;

    assert_int_equal(X509_set_pubkey(certificate, pkey), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 60));
    assert_true(X509_sign(certificate, pkey, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    len = BIO_get_mem_data(bio, &bytes);
    pem = strndup(bytes, (size_t)len);
    BIO_free(bio);
    X509_free(certificate);
    return pem;
}

static enum imprint_status hold(struct token *token, const char *pem,
                                struct imprint_keys_key **out)
{
    const struct imprint_keys_holder holder = {
        .sign = sign, .close = close_token, .user = token};

    return imprint_keys_hold(imprint_slice_text(pem), &holder, out, NULL);
}

static void check_kind(EVP_PKEY *pkey)
{
    struct token token = {.pkey = pkey};
    struct imprint_keys_key *key = NULL;
    char *pem = certify(pkey);
    char *request = NULL;

    assert_non_null(pkey);
    assert_int_equal(hold(&token, pem, &key), IMPRINT_OK);
    assert_int_equal(token.signed_count, 1);
    assert_int_equal(
        imprint_keys_check_pair(key, imprint_slice_text(pem), NULL),
        IMPRINT_OK);
    assert_int_equal(imprint_keys_request(key, "held", &request, NULL),
                     IMPRINT_OK);
    assert_int_equal(
        imprint_keys_check_request(key, imprint_slice_text(request), NULL),
        IMPRINT_OK);
    assert_int_equal(token.closed_count, 0);
    imprint_keys_free(key);
    assert_int_equal(token.closed_count, 1);
    free(request);
    free(pem);
    EVP_PKEY_free(pkey);
}

static void ec(void **state)
{
    (void)state;
    check_kind(EVP_EC_gen("P-256"));
}

static void rsa(void **state)
{
    (void)state;
    check_kind(EVP_RSA_gen(2048));
}

/* TLS 1.3 wants RSA-PSS, whose padding OpenSSL makes here. */
static void rsa_pss(void **state)
{
    struct token token = {.pkey = EVP_RSA_gen(2048)};
    struct imprint_keys_key *key = NULL;
    char *pem = certify(token.pkey);
    unsigned char signature[512];
    size_t len = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;

    (void)state;
    assert_int_equal(hold(&token, pem, &key), IMPRINT_OK);
    assert_int_equal(EVP_DigestSignInit(context, &options, EVP_sha256(), NULL,
                                        imprint_keys_pkey(key)),
                     1);
    assert_int_equal(
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(
        EVP_DigestSign(context, signature, &len, (const unsigned char *)"x", 1),
        1);
    EVP_MD_CTX_reset(context);
    assert_int_equal(
        EVP_DigestVerifyInit(context, &options, EVP_sha256(), NULL, token.pkey),
        1);
    assert_int_equal(
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_DigestVerify(context, signature, len,
                                      (const unsigned char *)"x", 1),
                     1);
    EVP_MD_CTX_free(context);
    imprint_keys_free(key);
    EVP_PKEY_free(token.pkey);
    free(pem);
}

/* The holder is closed once, whatever goes wrong. */
static void refusals(void **state)
{
    struct token token = {.pkey = EVP_EC_gen("P-256")};
    EVP_PKEY *other = EVP_EC_gen("P-256");
    struct imprint_keys_key *key = NULL;
    char *pem = certify(token.pkey);
    char *strange = certify(other);

    (void)state;
    assert_int_equal(hold(&token, strange, &key), IMPRINT_ERR_KEY);
    assert_int_equal(token.closed_count, 1);
    assert_int_equal(hold(&token, "no certificate", &key), IMPRINT_ERR_KEY);
    assert_int_equal(token.closed_count, 2);
    token.refuses = true;
    assert_int_equal(hold(&token, pem, &key), IMPRINT_ERR_KEY);
    assert_int_equal(token.closed_count, 3);
    assert_null(key);
    EVP_PKEY_free(token.pkey);
    EVP_PKEY_free(other);
    free(pem);
    free(strange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ec),
        cmocka_unit_test(rsa),
        cmocka_unit_test(rsa_pss),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
