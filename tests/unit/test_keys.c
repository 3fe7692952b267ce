#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "posix/file.h"
#include "posix/keys.h"

static char dir[] = "/tmp/imprint-keys-XXXXXX";

/* Runs openssl, another implementation of our formats than our calls. */
static bool openssl(const char *arguments)
{
    char command[1024];

    (void)snprintf(command, sizeof(command),
                   "cd '%s' && openssl %s >out 2>err </dev/null", dir,
                   arguments);
    return system(command) == 0;
}

static char *slurp(const char *name, size_t *len)
{
    char path[160];
    char *text = NULL;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(imprint_file_read(path, 65536, &text, len, NULL), 0);
    return text;
}

static void spill(const char *name, const char *text)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(
        imprint_file_replace(path, imprint_slice_text(text), 0600, NULL), 0);
}

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    return openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
                   "-nodes -keyout ca.key -out ca.pem -subj /CN=root -days "
                   "2") &&
                   openssl("genpkey -algorithm EC -pkeyopt "
                           "ec_paramgen_curve:P-256 -out key.pem") &&
                   openssl("req -new -key key.pem -subj /O=x/CN=claim -out "
                           "leaf.csr") &&
                   openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key "
                           "-set_serial 5 -days 1 -out leaf.pem") &&
                   openssl("ec -in key.pem -aes256 -passout pass:sesame -out "
                           "locked.pem") &&
                   openssl("pkcs8 -topk8 -in key.pem -passout pass:sesame "
                           "-out locked8.pem") &&
                   openssl("pkcs12 -export -inkey key.pem -in leaf.pem "
                           "-certfile ca.pem -passout pass:sesame -out "
                           "new.pfx") &&
                   openssl("pkcs12 -export -legacy -inkey key.pem -in "
                           "leaf.pem -certfile ca.pem -passout pass:sesame "
                           "-out old.pfx") &&
                   openssl("pkcs12 -export -inkey key.pem -in leaf.pem "
                           "-passout pass: -out empty.pfx") &&
                   openssl("pkcs12 -export -nokeys -in leaf.pem -passout "
                           "pass:sesame -out nokey.pfx")
               ? 0
               : -1;
}

static int remove_files(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static struct imprint_keys_key *key_in(const char *name, const char *password)
{
    struct imprint_keys_key *key = NULL;
    size_t len;
    char *pem = slurp(name, &len);

    assert_int_equal(
        imprint_keys_read(imprint_slice_of(pem, len), password, &key, NULL), 0);
    free(pem);
    return key;
}

static void every_kind_is_made_written_and_read(void **state)
{
    static const char *const shown[] = {"prime256v1", "secp384r1", "2048 bit",
                                        "3072 bit"};

    (void)state;
    for (int kind = 0; kind < IMPRINT_KEYS_OTHER; kind++) {
        struct imprint_keys_key *key;
        struct imprint_keys_key *again;
        char *pem;
        char *request;
        char *out;
        size_t len;

        assert_int_equal(
            imprint_keys_make((enum imprint_keys_kind)kind, &key, NULL), 0);
        assert_int_equal(imprint_keys_kind_of(key), kind);
        assert_int_equal(imprint_keys_write(key, &pem, NULL), 0);
        assert_non_null(strstr(pem, "-----BEGIN PRIVATE KEY-----\n"));
        spill("made.pem", pem);
        assert_true(openssl("pkey -in made.pem -noout -text"));
        out = slurp("out", &len);
        assert_non_null(strstr(out, shown[kind]));
        free(out);
        assert_int_equal(
            imprint_keys_read(imprint_slice_text(pem), NULL, &again, NULL), 0);
        assert_int_equal(imprint_keys_request(key, "thing 1", &request, NULL),
                         0);
        assert_int_equal(imprint_keys_check_request(
                             again, imprint_slice_text(request), NULL),
                         0);
        spill("made.csr", request);
        assert_true(openssl("req -in made.csr -verify -noout -subject"));
        out = slurp("out", &len);
        assert_non_null(strstr(out, "CN = thing 1"));
        free(out);
        free(request);
        imprint_keys_free_pem(pem);
        imprint_keys_free(again);
        imprint_keys_free(key);
    }
}

static void encrypted_keys_need_their_password(void **state)
{
    static const char *const names[] = {"locked.pem", "locked8.pem"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct imprint_keys_key *key = NULL;
        struct imprint_why why;
        size_t len;
        char *pem = slurp(names[i], &len);
        struct imprint_slice slice = imprint_slice_of(pem, len);

        assert_int_equal(imprint_keys_read(slice, "sesame", &key, &why), 0);
        imprint_keys_free(key);
        key = NULL;
        assert_int_equal(imprint_keys_read(slice, "wrong", &key, &why),
                         IMPRINT_ERR_KEY);
        assert_non_null(strstr(why.text, "password"));
        assert_int_equal(imprint_keys_read(slice, NULL, &key, &why),
                         IMPRINT_ERR_KEY);
        assert_non_null(strstr(why.text, "encrypted"));
        assert_null(key);
        free(pem);
    }
}

static void damaged_pem_is_refused(void **state)
{
    struct imprint_keys_certificate facts;
    struct imprint_keys_key *key = NULL;
    struct imprint_keys_key *good = key_in("key.pem", NULL);
    struct imprint_why why;
    size_t len;
    char *pem = slurp("leaf.pem", &len);
    char twice[8192];

    (void)state;
    for (size_t cut = 0; cut + 2 < len; cut += 7)
        assert_int_equal(imprint_keys_read_certificate(
                             imprint_slice_of(pem, cut), &facts, &why),
                         IMPRINT_ERR_KEY);
    assert_int_equal(
        imprint_keys_read(imprint_slice_of(pem, len), NULL, &key, &why),
        IMPRINT_ERR_KEY);
    assert_int_equal(
        imprint_keys_read(imprint_slice_of("", 0), NULL, &key, &why),
        IMPRINT_ERR_KEY);
    assert_int_equal(
        imprint_keys_check_request(good, imprint_slice_of(pem, len), &why),
        IMPRINT_ERR_KEY);
    /* a chain whose second certificate is damaged */
    (void)snprintf(twice, sizeof(twice), "%s%.*s", pem, (int)(len / 2), pem);
    assert_int_equal(
        imprint_keys_read_certificate(imprint_slice_text(twice), &facts, &why),
        IMPRINT_ERR_KEY);
    (void)snprintf(twice, sizeof(twice), "%s%s", pem, pem);
    assert_int_equal(
        imprint_keys_read_certificate(imprint_slice_text(twice), &facts, &why),
        0);
    imprint_keys_free(good);
    free(pem);
}

static void facts_are_right(void **state)
{
    struct imprint_keys_certificate facts;
    char colons[100] = "";
    size_t len;
    char *pem = slurp("leaf.pem", &len);
    char *out;
    size_t at = 0;

    (void)state;
    assert_int_equal(
        imprint_keys_read_certificate(imprint_slice_of(pem, len), &facts, NULL),
        0);
    free(pem);
    assert_string_equal(facts.subject, "CN=claim,O=x");
    assert_int_equal(facts.not_after - facts.not_before, 86400);
    assert_in_range(time(NULL), facts.not_before, facts.not_after);
    assert_true(openssl("x509 -in leaf.pem -noout -fingerprint -sha256"));
    out = slurp("out", &len);
    for (size_t i = 0; facts.id[i]; i++) {
        if (i > 0 && i % 2 == 0)
            colons[at++] = ':';
        colons[at++] =
            (char)(facts.id[i] >= 'a' ? facts.id[i] - 32 : facts.id[i]);
    }
    assert_non_null(strstr(out, colons));
    free(out);
}

static void pairs_are_told_from_strangers(void **state)
{
    struct imprint_keys_key *key = key_in("key.pem", NULL);
    struct imprint_keys_key *stranger = key_in("ca.key", NULL);
    struct imprint_why why;
    size_t len;
    size_t csr_len;
    char *pem = slurp("leaf.pem", &len);
    char *csr = slurp("leaf.csr", &csr_len);

    (void)state;
    assert_int_equal(
        imprint_keys_check_pair(key, imprint_slice_of(pem, len), &why), 0);
    assert_int_equal(
        imprint_keys_check_pair(stranger, imprint_slice_of(pem, len), &why),
        IMPRINT_ERR_KEY);
    assert_int_equal(
        imprint_keys_check_request(key, imprint_slice_of(csr, csr_len), &why),
        0);
    assert_int_equal(imprint_keys_check_request(
                         stranger, imprint_slice_of(csr, csr_len), &why),
                     IMPRINT_ERR_KEY);
    imprint_keys_free(key);
    imprint_keys_free(stranger);
    free(pem);
    free(csr);
}

static enum imprint_status open_pfx(const char *name, const char *password,
                                    struct imprint_keys_bundle *bundle,
                                    struct imprint_why *why)
{
    size_t len;
    char *der = slurp(name, &len);
    enum imprint_status status = imprint_keys_open_pkcs12(
        imprint_slice_of(der, len), password, bundle, why);

    free(der);
    return status;
}

static void pkcs12_opens_new_and_old(void **state)
{
    static const char *const names[] = {"new.pfx", "old.pfx"};
    size_t len;
    char *leaf = slurp("leaf.pem", &len);
    char *root = slurp("ca.pem", &len);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct imprint_keys_bundle bundle;
        struct imprint_keys_key *key;
        struct imprint_why why = {"", ""};

        assert_int_equal(open_pfx(names[i], "sesame", &bundle, &why), 0);
        assert_string_equal(bundle.certificate_pem, leaf);
        assert_string_equal(bundle.root_pem, root);
        assert_int_equal(imprint_keys_read(imprint_slice_text(bundle.key_pem),
                                           NULL, &key, &why),
                         0);
        assert_int_equal(
            imprint_keys_check_pair(key, imprint_slice_text(leaf), &why), 0);
        imprint_keys_free(key);
        imprint_keys_free_bundle(&bundle);
        assert_int_equal(open_pfx(names[i], "wrong", &bundle, &why),
                         IMPRINT_ERR_KEY);
        assert_non_null(strstr(why.text, "password"));
        assert_int_equal(open_pfx(names[i], NULL, &bundle, &why),
                         IMPRINT_ERR_KEY);
        assert_non_null(strstr(why.text, "needs a password"));
    }
    free(leaf);
    free(root);
}

static void odd_pkcs12_is_told(void **state)
{
    struct imprint_keys_bundle bundle;
    struct imprint_why why;

    (void)state;
    assert_int_equal(open_pfx("empty.pfx", NULL, &bundle, &why), 0);
    assert_null(bundle.root_pem);
    imprint_keys_free_bundle(&bundle);
    assert_int_equal(open_pfx("nokey.pfx", "sesame", &bundle, &why),
                     IMPRINT_ERR_KEY);
    assert_non_null(strstr(why.text, "no private key"));
    assert_int_equal(open_pfx("leaf.pem", "sesame", &bundle, &why),
                     IMPRINT_ERR_KEY);
}

static void without_the_legacy_provider_there_is_a_hint(void **state)
{
    struct imprint_keys_bundle bundle;
    struct imprint_why why;

    (void)state;
    /* read when a provider is loaded, so it holds from here on */
    assert_int_equal(setenv("OPENSSL_MODULES", "/nonexistent", 1), 0);
    assert_int_equal(open_pfx("old.pfx", "sesame", &bundle, &why),
                     IMPRINT_ERR_KEY);
    assert_non_null(strstr(why.text, "legacy provider"));
    assert_non_null(strstr(why.hint, "without -legacy"));
    assert_int_equal(unsetenv("OPENSSL_MODULES"), 0);
}

static void the_old_ciphers_stay_inside(void **state)
{
    EVP_CIPHER *cipher;

    (void)state;
    cipher = EVP_CIPHER_fetch(NULL, "RC2-40-CBC", NULL);
    assert_null(cipher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_made_written_and_read),
        cmocka_unit_test(encrypted_keys_need_their_password),
        cmocka_unit_test(damaged_pem_is_refused),
        cmocka_unit_test(facts_are_right),
        cmocka_unit_test(pairs_are_told_from_strangers),
        cmocka_unit_test(pkcs12_opens_new_and_old),
        cmocka_unit_test(odd_pkcs12_is_told),
        cmocka_unit_test(without_the_legacy_provider_there_is_a_hint),
        cmocka_unit_test(the_old_ciphers_stay_inside),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
