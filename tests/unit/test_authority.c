/* Certificates as AWS issues them, requests as devices send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "endpoint/authority.h"
#include "endpoint/authority_token.h"
#include "endpoint/keyring.h"
#include "endpoint/pem.h"
#include "posix/file.h"

#define PATH_LEN 256

static char dir[64];

static int set_up(void **state)
{
    struct imprint_authority *authority = NULL;
    struct imprint_why why = {"", ""};
    bool made = false;

    (void)snprintf(dir, sizeof(dir), "/tmp/imprint-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(
        imprint_keyring_prepare(dir, "device.example", &made, &why),
        IMPRINT_OK);
    assert_true(made);
    assert_int_equal(imprint_keyring_open(dir, &authority, &why), IMPRINT_OK);
    *state = authority;
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    imprint_authority_close(*state);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static X509 *read_file(const char *name)
{
    char path[PATH_LEN];
    X509 *certificate;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "r");
    assert_non_null(file);
    certificate = PEM_read_X509(file, NULL, NULL, NULL);
    assert_non_null(certificate);
    (void)fclose(file);
    return certificate;
}

static X509 *read_pem(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    assert_non_null(certificate);
    BIO_free(bio);
    return certificate;
}

/* A request by key, whose signature is by signer. */
static void make_request(EVP_PKEY *key, EVP_PKEY *signer, const EVP_MD *digest,
                         char out[8192])
{
    X509_REQ *request = X509_REQ_new();
    X509_NAME *name = X509_REQ_get_subject_name(request);
    BIO *bio = BIO_new(BIO_s_mem());
    int len;

    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                     (const uint8_t *)"Thing", -1, -1, 0);
    (void)X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                     (const uint8_t *)"Maker AG", -1, -1, 0);
    (void)X509_NAME_add_entry_by_txt(name, "C", MBSTRING_ASC,
                                     (const uint8_t *)"DE", -1, -1, 0);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    assert_true(X509_REQ_sign(request, signer, digest) > 0);
    assert_int_equal(PEM_write_bio_X509_REQ(bio, request), 1);
    len = BIO_read(bio, out, 8191);
    assert_true(len > 0);
    out[len] = '\0';
    BIO_free(bio);
    X509_REQ_free(request);
}

static void check_extension(X509 *certificate, int index, int nid,
                            bool critical)
{
    X509_EXTENSION *extension = X509_get_ext(certificate, index);

    assert_int_equal(OBJ_obj2nid(X509_EXTENSION_get_object(extension)), nid);
    assert_int_equal(X509_EXTENSION_get_critical(extension) != 0, critical);
}

/* As AWS IoT's: one name, whose equals signs and spaces are its own. */
static void check_issuer(X509 *certificate)
{
    static const char text[] =
        "Amazon Web Services O=Amazon.com Inc. L=Seattle ST=Washington C=US";
    X509_NAME *name = X509_get_issuer_name(certificate);
    X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, 0);
    ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);

    assert_int_equal(X509_NAME_entry_count(name), 1);
    assert_int_equal(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)),
                     NID_organizationalUnitName);
    assert_int_equal(ASN1_STRING_type(value), V_ASN1_UTF8STRING);
    assert_int_equal(ASN1_STRING_length(value), 66);
    assert_memory_equal(ASN1_STRING_get0_data(value), text, 66);
}

/* protocol: v3, 20 byte serial, the subject as it came, four extensions */
static void check_profile(X509 *certificate, EVP_PKEY *key)
{
    X509 *issuer = read_file("issuer.pem");
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    struct tm when;
    char end[32];

    check_issuer(certificate);
    assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
    assert_int_equal(ASN1_STRING_length(serial), 20);
    assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
    assert_int_equal(X509_get_signature_nid(certificate),
                     NID_ecdsa_with_SHA256);
    assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when),
                     1);
    (void)strftime(end, sizeof(end), "%Y-%m-%dT%H:%M:%SZ", &when);
    assert_string_equal(end, "2049-12-31T23:59:59Z");
    assert_true(X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0);
    assert_int_equal(X509_get_ext_count(certificate), 4);
    check_extension(certificate, 0, NID_authority_key_identifier, false);
    check_extension(certificate, 1, NID_subject_key_identifier, false);
    check_extension(certificate, 2, NID_basic_constraints, true);
    check_extension(certificate, 3, NID_key_usage, true);
    assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_check_ca(certificate), 0);
    assert_int_equal(X509_check_issued(issuer, certificate), X509_V_OK);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(certificate), key), 1);
    X509_free(issuer);
}

static void check_signs(struct imprint_authority *authority, EVP_PKEY *key,
                        const EVP_MD *digest)
{
    struct imprint_authority_certificate out = {.pem = NULL};
    struct imprint_why why = {"", ""};
    char request[8192];
    char subject[128];
    char id[65];
    unsigned char *der = NULL;
    X509 *certificate;
    int len;

    make_request(key, key, digest, request);
    if (imprint_authority_sign_csr(authority, imprint_slice_text(request), &out,
                                   &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
    certificate = read_pem(out.pem);
    check_profile(certificate, key);
    (void)X509_NAME_oneline(X509_get_subject_name(certificate), subject,
                            sizeof(subject));
    assert_string_equal(subject, "/CN=Thing/O=Maker AG/C=DE");
    len = i2d_X509(certificate, &der);
    imprint_authority_certificate_id(imprint_slice_of(der, (size_t)len), id);
    assert_string_equal(id, out.id);
    OPENSSL_free(der);
    X509_free(certificate);
    free(out.pem);
}

static void test_keys_taken(void **state)
{
    static const char *const groups[] = {"P-256", "P-384", "P-521"};
    static const unsigned bits[] = {2048, 3072};
    size_t i;

    for (i = 0; i < 3; i++) {
        EVP_PKEY *key = EVP_EC_gen(groups[i]);

        check_signs(*state, key, i == 0 ? EVP_sha256() : EVP_sha512());
        EVP_PKEY_free(key);
    }
    for (i = 0; i < 2; i++) {
        EVP_PKEY *key = EVP_RSA_gen(bits[i]);

        check_signs(*state, key, EVP_sha256());
        EVP_PKEY_free(key);
    }
}

static void check_refused(struct imprint_authority *authority,
                          const char *request, const char *reason)
{
    struct imprint_authority_certificate out = {.pem = NULL};
    struct imprint_why why = {"", ""};

    assert_int_equal(imprint_authority_sign_csr(
                         authority, imprint_slice_text(request), &out, &why),
                     IMPRINT_ERR_FORMAT);
    assert_null(out.pem);
    if (!strstr(why.text, reason))
        fail_msg("%s", why.text);
}

static void test_keys_refused(void **state)
{
    static const char *const groups[] = {"P-224", "secp256k1"};
    EVP_PKEY *key = EVP_RSA_gen(1024);
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char request[8192];
    size_t i;

    make_request(key, key, EVP_sha256(), request);
    check_refused(*state, request, "the key is not RSA of 2048");
    make_request(ed, ed, NULL, request);
    check_refused(*state, request, "the key is not RSA of 2048");
    EVP_PKEY_free(ed);
    EVP_PKEY_free(key);
    for (i = 0; i < 2; i++) {
        key = EVP_EC_gen(groups[i]);
        make_request(key, key, EVP_sha256(), request);
        check_refused(*state, request, "the key is not RSA of 2048");
        EVP_PKEY_free(key);
    }
}

/* Somebody else's public key. */
static void test_signature_of_another_key(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY *other = EVP_EC_gen("P-256");
    char request[8192];

    make_request(key, other, EVP_sha256(), request);
    check_refused(*state, request, "signature");
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

/* A bit of it is another one, wherever: nobody signed that. */
static void test_changed_request(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char request[8192];
    uint8_t *der = NULL;
    char *body;
    char *end;
    size_t len;
    size_t i;

    make_request(key, key, EVP_sha256(), request);
    EVP_PKEY_free(key);
    assert_true(imprint_pem_decode(imprint_slice_text(request),
                                   "CERTIFICATE REQUEST", &der, &len));
    body = strchr(request, '\n') + 1;
    end = strstr(body, "-----END");
    for (i = 0; i < len; i++) {
        struct imprint_authority_certificate out = {.pem = NULL};
        char changed[8192];
        size_t head_len = (size_t)(body - request);

        der[i] ^= (uint8_t)(1u << (i % 8));
        memcpy(changed, request, head_len);
        imprint_pem_encode(imprint_slice_of(der, len), changed + head_len);
        (void)strcat(changed, "\n");
        (void)strcat(changed, end);
        if (imprint_authority_sign_csr(*state, imprint_slice_text(changed),
                                       &out, NULL) != IMPRINT_ERR_FORMAT)
            fail_msg("byte %zu of %zu", i, len);
        der[i] ^= (uint8_t)(1u << (i % 8));
    }
    free(der);
}

static void test_forms_of_request(void **state)
{
    struct imprint_authority_certificate out = {.pem = NULL};
    struct imprint_why why = {"", ""};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char request[8192];
    char flat[8192];
    size_t len = 0;
    size_t i;

    make_request(key, key, EVP_sha256(), request);
    /* every prefix of it is refused, but for the missing last newline */
    for (i = 0; i + 1 < strlen(request); i++) {
        char cut[8192];

        memcpy(cut, request, i);
        cut[i] = '\0';
        if (!strstr(cut, "-----END CERTIFICATE REQUEST-----"))
            check_refused(*state, cut, "not a certificate signing request");
    }
    /* without any line break */
    for (i = 0; request[i] != '\0'; i++) {
        if (request[i] != '\n')
            flat[len++] = request[i];
    }
    flat[len] = '\0';
    assert_int_equal(imprint_authority_sign_csr(
                         *state, imprint_slice_text(flat), &out, &why),
                     IMPRINT_OK);
    free(out.pem);
    /* too long, although what is behind would not matter */
    memset(flat + len, ' ', sizeof(flat) - len);
    flat[4096] = '\0';
    assert_int_equal(imprint_authority_sign_csr(
                         *state, imprint_slice_text(flat), &out, &why),
                     IMPRINT_OK);
    free(out.pem);
    flat[4096] = ' ';
    flat[4097] = '\0';
    check_refused(*state, flat, "longer than 4096");
    check_refused(*state, "", "not a certificate signing request");
    check_refused(*state,
                  "-----BEGIN CERTIFICATE REQUEST-----"
                  "-----END CERTIFICATE REQUEST-----",
                  "not a certificate signing request");
    check_refused(*state,
                  "-----BEGIN CERTIFICATE REQUEST-----===="
                  "-----END CERTIFICATE REQUEST-----",
                  "not a certificate signing request");
    EVP_PKEY_free(key);
}

static void test_service_key(void **state)
{
    struct imprint_authority_certificate out = {.pem = NULL};
    struct imprint_why why = {"", ""};
    char *pem = imprint_authority_make_rsa_key(NULL);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    X509 *certificate;
    char subject[128];

    assert_int_equal(strncmp(pem, "-----BEGIN RSA PRIVATE KEY-----\n", 32), 0);
    assert_int_equal(EVP_PKEY_get_bits(key), 2048);
    assert_int_equal(imprint_authority_sign_key(*state, imprint_slice_text(pem),
                                                IMPRINT_AUTHORITY_LAST_DAY,
                                                &out, &why),
                     IMPRINT_OK);
    certificate = read_pem(out.pem);
    check_profile(certificate, key);
    (void)X509_NAME_oneline(X509_get_subject_name(certificate), subject,
                            sizeof(subject));
    assert_string_equal(subject, "/CN=AWS IoT Certificate");
    X509_free(certificate);
    free(out.pem);
    EVP_PKEY_free(key);
    BIO_free(bio);
    imprint_file_free_secret(pem, strlen(pem));
}

/* Whoever closes the endpoint does not wait for a key to be made. */
static void test_key_can_be_stopped(void **state)
{
    atomic_bool stop;

    (void)state;
    atomic_init(&stop, true);
    assert_null(imprint_authority_make_rsa_key(&stop));
}

static void test_token(void **state)
{
    char token[IMPRINT_AUTHORITY_TOKEN_LEN + 1];
    char other[IMPRINT_AUTHORITY_TOKEN_LEN + 1];
    uint8_t text[IMPRINT_AUTHORITY_TOKEN_LEN];

    (void)state;
    assert_true(imprint_authority_make_token(token));
    assert_true(imprint_authority_make_token(other));
    assert_int_equal(strlen(token), IMPRINT_AUTHORITY_TOKEN_LEN);
    assert_string_not_equal(token, other);
    assert_true(EVP_DecodeBlock(text, (const uint8_t *)token,
                                IMPRINT_AUTHORITY_TOKEN_LEN) > 0);
    assert_memory_equal(text, "{\"version\":\"20191023\",\"cipher\":\"", 32);
    assert_memory_equal(text + 32 + 312, "\"}", 2);
}

/* What ca.pem makes of a chain, for a purpose of TLS. */
static int verify(X509 *leaf, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    char path[PATH_LEN];
    int error;

    (void)snprintf(path, sizeof(path), "%s/ca.pem", dir);
    assert_int_equal(X509_STORE_load_file(store, path), 1);
    assert_int_equal(X509_STORE_CTX_init(context, store, leaf, NULL), 1);
    assert_int_equal(X509_STORE_CTX_set_purpose(context, purpose), 1);
    (void)X509_verify_cert(context);
    error = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return error;
}

/* A device can't be taken for the endpoint, whatever name it asked for. */
static void test_who_may_be_what(void **state)
{
    struct imprint_authority_certificate out = {.pem = NULL};
    struct imprint_why why = {"", ""};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *server = read_file("server.pem");
    X509 *device;
    char request[8192];

    make_request(key, key, EVP_sha256(), request);
    assert_int_equal(imprint_authority_sign_csr(
                         *state, imprint_slice_text(request), &out, &why),
                     IMPRINT_OK);
    device = read_pem(out.pem);
    assert_int_equal(verify(device, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    assert_int_equal(verify(device, X509_PURPOSE_SSL_SERVER),
                     X509_V_ERR_INVALID_PURPOSE);
    assert_int_equal(verify(server, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    assert_int_equal(verify(server, X509_PURPOSE_SSL_CLIENT),
                     X509_V_ERR_INVALID_PURPOSE);
    X509_free(device);
    X509_free(server);
    free(out.pem);
    EVP_PKEY_free(key);
}

static void test_server_names(void **state)
{
    struct imprint_why why = {"", ""};
    X509 *before = read_file("server.pem");
    X509 *after;
    char host[256] = "";
    bool made = true;

    (void)state;
    (void)gethostname(host, sizeof(host) - 1);
    assert_int_equal(X509_check_host(before, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(before, host, 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(before, "device.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(before, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(before, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(before, "192.0.2.1", 0), 0);
    /* nothing is made anew without need */
    assert_int_equal(imprint_keyring_prepare(dir, NULL, &made, &why),
                     IMPRINT_OK);
    assert_false(made);
    after = read_file("server.pem");
    assert_int_equal(X509_cmp(before, after), 0);
    X509_free(after);
    assert_int_equal(imprint_keyring_prepare(dir, "192.0.2.1", &made, &why),
                     IMPRINT_OK);
    after = read_file("server.pem");
    assert_int_equal(X509_check_ip_asc(after, "192.0.2.1", 0), 1);
    assert_int_equal(verify(after, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    X509_free(after);
    assert_int_equal(
        imprint_keyring_prepare(dir, "a,DNS:evil.example", &made, &why),
        IMPRINT_ERR_SETTINGS);
    X509_free(before);
}

static void test_modes(void **state)
{
    static const char *const keys[] = {"root.key", "issuer.key", "server.key"};
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        struct stat found;
        char path[PATH_LEN];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, keys[i]);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0600);
    }
}

/* Not somebody else's key, and not nothing. */
static void test_open_refuses(void **state)
{
    struct imprint_authority *authority = NULL;
    struct imprint_why why = {"", ""};
    char *other = imprint_authority_make_key();
    char path[PATH_LEN];

    (void)state;
    assert_int_equal(imprint_keyring_open("/nonexistent", &authority, &why),
                     IMPRINT_ERR_NOT_FOUND);
    (void)snprintf(path, sizeof(path), "%s/issuer.key", dir);
    assert_int_equal(
        imprint_file_replace(path, imprint_slice_text(other), 0600, &why),
        IMPRINT_OK);
    assert_int_equal(imprint_keyring_open(dir, &authority, &why),
                     IMPRINT_ERR_KEY);
    assert_null(authority);
    imprint_file_free_secret(other, strlen(other));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_taken),
        TEST(test_keys_refused),
        TEST(test_signature_of_another_key),
        TEST(test_changed_request),
        TEST(test_forms_of_request),
        TEST(test_service_key),
        TEST(test_key_can_be_stopped),
        TEST(test_token),
        TEST(test_who_may_be_what),
        TEST(test_server_names),
        TEST(test_modes),
        TEST(test_open_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
