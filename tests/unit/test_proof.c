#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device/proof.h"
#include "posix/file.h"
#include "posix/keys.h"

#define SECRET "0123456789abcdef0123456789abcdef"

/* docs/FORMATS.md and tests/cli/allow_list have the same. */
#define DIGEST \
    "3b3b5c63a25a93b92a1a3ef27d5100007745401b6652d9026075bca2c59884d7"
static const char device_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaRLAcCiU0owS3mRc\n"
    "H45rkrbgJ9Y+HjrRUdNFEVU+foChRANCAARX1I/pVLQRaCs5uHC/Bnd6Kv5F4E9r\n"
    "ENIiSkNb+5dCEhOEVqBa5Z60MY4/kAgHGVExQer5aMV7zbxQbRiyLACG\n"
    "-----END PRIVATE KEY-----\n";

static struct imprint_keys_key *key; /* the same, open */
static char dir[] = "/tmp/imprint-proof-XXXXXX";

static const char *in_dir(const char *prefix, const char *name)
{
    static char path[160];

    (void)snprintf(path, sizeof(path), "%s%s/%s", prefix, dir, name);
    return path;
}

static void spill(const char *name, const char *text, mode_t mode)
{
    assert_int_equal(imprint_file_replace(in_dir("", name),
                                          imprint_slice_text(text), mode, NULL),
                     0);
}

static bool shell(const char *command)
{
    char line[4096];

    (void)snprintf(line, sizeof(line), "cd '%s' && { %s; } >out 2>err", dir,
                   command);
    return system(line) == 0;
}

static void assert_out(const char *expected)
{
    char *text;
    size_t len;

    assert_int_equal(
        imprint_file_read(in_dir("", "out"), 65536, &text, &len, NULL), 0);
    assert_string_equal(text, expected);
    free(text);
}

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(dir) ||
        imprint_keys_read(imprint_slice_text(device_key), NULL, &key, NULL))
        return -1;
    spill("secret", SECRET "\n", 0600);
    spill("crlf", SECRET "\r\n", 0600);
    spill("bare", SECRET, 0600);
    spill("short", "0123456789abcde\n", 0600);
    spill("empty", "", 0600);
    spill("open", SECRET "\n", 0640);
    spill("device.key", device_key, 0600);
    return shell("openssl ecparam -name prime256v1 -genkey -noout -out ec.key "
                 "&& openssl pkey -in ec.key -pubout -out ec.pub && "
                 "openssl genrsa -out rsa.key 2048 && "
                 "openssl pkey -in rsa.key -pubout -out rsa.pub && "
                 "openssl ec -in ec.key -aes256 -passout pass:x -out locked && "
                 "chmod 600 ec.key rsa.key locked")
               ? 0
               : -1;
}

static int remove_files(void **state)
{
    char command[96];

    (void)state;
    imprint_keys_free(key);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static struct imprint_device_settings settings_with(const char *proof)
{
    struct imprint_device_settings settings;

    memset(&settings, 0, sizeof(settings));
    settings.proof = proof;
    settings.parameters[0].name = "ThingName";
    settings.parameters[0].value = "thing-1";
    settings.parameters[1].name = "SerialNumber";
    settings.parameters[1].value = "SN-1";
    settings.parameter_count = 2;
    return settings;
}

static void none_is_fine(void **state)
{
    struct imprint_device_settings settings = settings_with(NULL);
    struct imprint_proof proof;

    (void)state;
    assert_int_equal(imprint_proof_open(&settings, &proof, NULL), 0);
    assert_int_equal(proof.pair_count, 0);
    assert_int_equal(imprint_proof_renew(&proof, key, NULL), 0);
    imprint_proof_close(&proof);
}

/* The words of docs/FORMATS.md, by openssl(1). */
static void assert_proves(const struct imprint_proof *proof, const char *serial)
{
    char command[512];
    char expected[80];

    assert_int_equal(strspn(proof->nonce, "0123456789abcdef"), 32);
    (void)snprintf(command, sizeof(command),
                   "printf 'imprint-proof-v1\\n%s\\n%s\\n%s' '%s' '%s' " DIGEST
                   " | openssl dgst -sha256 -hmac " SECRET
                   " | awk '{print $NF}'",
                   "%s", "%s", "%s", serial, proof->nonce);
    assert_true(shell(command));
    (void)snprintf(expected, sizeof(expected), "%.64s\n", proof->code);
    assert_out(expected);
}

static void hmac_is_as_written(void **state)
{
    static const char *const files[] = {"secret", "crlf", "bare"};
    char first[33];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct imprint_device_settings settings =
            settings_with(in_dir("hmac:", files[i]));
        struct imprint_proof proof;

        assert_int_equal(imprint_proof_open(&settings, &proof, NULL), 0);
        assert_int_equal(imprint_proof_renew(&proof, key, NULL), 0);
        assert_proves(&proof, "SN-1");
        assert_int_equal(proof.pair_count, 2);
        assert_memory_equal(proof.pairs[0].name.bytes, "Nonce", 5);
        assert_memory_equal(proof.pairs[1].name.bytes, "Proof", 5);
        assert_int_equal(proof.pairs[0].value.len, 32);
        assert_int_equal(proof.pairs[1].value.len, 64);
        assert_ptr_equal(proof.pairs[0].value.bytes, proof.nonce);
        assert_ptr_equal(proof.pairs[1].value.bytes, proof.code);
        memcpy(first, proof.nonce, sizeof(first));
        assert_int_equal(imprint_proof_renew(&proof, key, NULL), 0);
        assert_string_not_equal(proof.nonce, first);
        assert_proves(&proof, "SN-1");
        imprint_proof_close(&proof);
        assert_null(proof.secret);
        assert_int_equal(proof.nonce[0] | proof.code[0], 0);
    }
}

static void the_thing_name_stands_for_a_serial_number(void **state)
{
    struct imprint_device_settings settings =
        settings_with(in_dir("hmac:", "secret"));
    struct imprint_proof proof;

    (void)state;
    settings.parameter_count = 1;
    assert_int_equal(imprint_proof_open(&settings, &proof, NULL), 0);
    assert_int_equal(imprint_proof_renew(&proof, key, NULL), 0);
    assert_proves(&proof, "thing-1");
    imprint_proof_close(&proof);
}

static void the_vector_holds(void **state)
{
    static const char text[] =
        "imprint-proof-v1\nSN-1\n00112233445566778899aabbccddeeff\n" DIGEST;
    char hex[65];

    (void)state;
    assert_int_equal(imprint_keys_digest(key, hex, NULL), 0);
    assert_string_equal(hex, DIGEST);
    assert_int_equal(imprint_keys_mac(imprint_slice_text(SECRET),
                                      imprint_slice_text(text), hex, NULL),
                     0);
    assert_string_equal(hex, "27717adff33b320b1fd495cbc0924a9d7cdf740e5dcda2b6"
                             "0a1c880533e9f29e");
}

static void a_signature_verifies(void **state)
{
    static const char *const kinds[] = {"ec", "rsa"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char path[80];
        char command[2048];
        struct imprint_device_settings settings;
        struct imprint_proof proof;

        (void)snprintf(path, sizeof(path), "ecdsa:%s/%s.key", dir, kinds[i]);
        settings = settings_with(path);
        assert_int_equal(imprint_proof_open(&settings, &proof, NULL), 0);
        assert_null(proof.secret);
        assert_int_equal(proof.pair_count, 1);
        assert_memory_equal(proof.pairs[0].name.bytes, "signature", 9);
        assert_int_equal(proof.pairs[0].value.len, strlen(proof.signature));
        spill("signature", proof.signature, 0600);
        (void)snprintf(command, sizeof(command),
                       "sed 's/../\\\\x&/g' signature | "
                       "xargs -0 printf '%%b' >signature.der; "
                       "printf thing-1 | openssl dgst -sha256 -verify %s.pub "
                       "-signature signature.der",
                       kinds[i]);
        assert_true(shell(command));
        assert_out("Verified OK\n");
        /* the certificate's key is nothing to it */
        assert_int_equal(imprint_proof_renew(&proof, NULL, NULL), 0);
        imprint_proof_close(&proof);
    }
}

static void expect_refusal(const struct imprint_device_settings *settings,
                           const char *text, const char *hint)
{
    struct imprint_why why = {"", ""};
    struct imprint_proof proof;

    assert_int_equal(imprint_proof_open(settings, &proof, &why),
                     IMPRINT_ERR_SETTINGS);
    imprint_proof_close(&proof);
    assert_non_null(strstr(why.text, text));
    assert_non_null(strstr(why.hint, hint));
}

static void refuse(const char *proof, const char *text, const char *hint)
{
    struct imprint_device_settings settings = settings_with(proof);

    expect_refusal(&settings, text, hint);
}

static void what_is_no_use_is_told(void **state)
{
    (void)state;
    refuse("", "\"\"", "hmac:KEYFILE");
    refuse("hmac", "\"hmac\"", "hmac:KEYFILE");
    refuse("hmac:", "\"hmac:\"", "hmac:KEYFILE");
    refuse("rsa:x", "\"rsa:x\"", "ecdsa:KEYFILE");
    refuse(in_dir("hmac:", "none"), "No such file", "");
    refuse(in_dir("hmac:", "open"), "mode 0640", "chmod 600");
    refuse(in_dir("hmac:", "short"), "15 bytes", "openssl rand");
    refuse(in_dir("hmac:", "empty"), "0 bytes", "openssl rand");
    refuse(in_dir("ecdsa:", "none"), "No such file", "");
    refuse(in_dir("ecdsa:", "open"), "mode 0640", "chmod 600");
    refuse(in_dir("ecdsa:", "secret"), "not a private key", "in PEM");
    refuse(in_dir("ecdsa:", "locked"), "encrypted", "not encrypted");
}

static void what_stands_in_the_way_is_told(void **state)
{
    struct imprint_device_settings settings =
        settings_with(in_dir("hmac:", "secret"));

    (void)state;
    settings.parameters[0].name = "Nonce";
    expect_refusal(&settings, "\"Nonce\" is set twice", "");
    settings.parameters[0].name = "Proof";
    expect_refusal(&settings, "\"Proof\" is set twice", "");
    settings.parameters[1].value = "";
    expect_refusal(&settings, "no serial number", "--thing-name");
    settings.parameter_count = 0;
    expect_refusal(&settings, "no serial number", "--thing-name");
    settings.parameter_count = IMPRINT_DEVICE_PARAMETER_MAX_COUNT - 1;
    for (size_t i = 0; i < settings.parameter_count; i++)
        settings.parameters[i].name = settings.parameters[i].value = "x";
    settings.parameters[0].name = "SerialNumber";
    expect_refusal(&settings, "more than 64", "");
    settings = settings_with(in_dir("ecdsa:", "ec.key"));
    settings.parameters[1].name = "signature";
    expect_refusal(&settings, "\"signature\" is set twice", "");
    settings.parameters[0].name = "Name";
    expect_refusal(&settings, "no thing name", "--thing-name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_fine),
        cmocka_unit_test(hmac_is_as_written),
        cmocka_unit_test(the_thing_name_stands_for_a_serial_number),
        cmocka_unit_test(the_vector_holds),
        cmocka_unit_test(a_signature_verifies),
        cmocka_unit_test(what_is_no_use_is_told),
        cmocka_unit_test(what_stands_in_the_way_is_told),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
