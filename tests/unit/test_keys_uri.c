#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "posix/keys_uri.h"

static void whole(void **state)
{
    static const char text[] =
        "pkcs11:token=My%20token;serial=DECC01;manufacturer=M%3bX;model=Y;"
        "object=dev%2F1;id=%00%01%ff;type=private;slot-id=7;x-vendor=1?"
        "module-path=/usr/lib/m.so&pin-source=file:/run/pin&pin-value=1";
    static const uint8_t id[] = {0x00, 0x01, 0xff};
    struct imprint_keys_uri uri;

    (void)state;
    assert_true(imprint_keys_uri_is_token(text));
    assert_int_equal(imprint_keys_uri_parse(text, &uri, NULL), IMPRINT_OK);
    assert_string_equal(uri.token, "My token");
    assert_string_equal(uri.serial, "DECC01");
    assert_string_equal(uri.manufacturer, "M;X");
    assert_string_equal(uri.model, "Y");
    assert_string_equal(uri.object, "dev/1");
    assert_int_equal(uri.id_len, sizeof(id));
    assert_memory_equal(uri.id, id, sizeof(id));
    assert_true(uri.has_slot);
    assert_int_equal(uri.slot, 7);
    assert_string_equal(uri.module, "/usr/lib/m.so");
    assert_string_equal(uri.pin_source, "/run/pin");
    assert_true(uri.has_pin);
}

static void little(void **state)
{
    struct imprint_keys_uri uri;

    (void)state;
    assert_int_equal(imprint_keys_uri_parse("pkcs11:", &uri, NULL), IMPRINT_OK);
    assert_string_equal(uri.token, "");
    assert_false(uri.has_slot || uri.has_pin);
    assert_int_equal(imprint_keys_uri_parse("pkcs11:;token=a;", &uri, NULL),
                     IMPRINT_OK);
    assert_string_equal(uri.token, "a");
}

static void malformed(void **state)
{
    static const char *const texts[] = {
        "pkcs11:token",         "pkcs11:token=a;token=b", "pkcs11:token=%",
        "pkcs11:token=%4",      "pkcs11:token=%4g",       "pkcs11:token=a%00b",
        "pkcs11:id=%01;id=%02", "pkcs11:type=cert",       "pkcs11:slot-id=",
        "pkcs11:slot-id=-1",    "pkcs11:slot-id=1x",
    };
    char longest[IMPRINT_KEYS_URI_TEXT_LEN + 32] = "pkcs11:token=";
    struct imprint_keys_uri uri;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (imprint_keys_uri_parse(texts[i], &uri, NULL) !=
            IMPRINT_ERR_SETTINGS)
            fail_msg("%s", texts[i]);
    }
    memset(longest + 13, 'a', IMPRINT_KEYS_URI_TEXT_LEN - 1);
    assert_int_equal(imprint_keys_uri_parse(longest, &uri, NULL), IMPRINT_OK);
    longest[13 + IMPRINT_KEYS_URI_TEXT_LEN - 1] = 'a';
    assert_int_equal(imprint_keys_uri_parse(longest, &uri, NULL),
                     IMPRINT_ERR_SETTINGS);
}

static void written_as_read(void **state)
{
    static const char text[] =
        "pkcs11:token=My%20token;serial=DECC01;manufacturer=M%3BX;model=Y;"
        "slot-id=7;object=dev/1;id=%00%01%FF?module-path=/usr/lib/m.so&"
        "pin-source=/run/pin";
    char out[sizeof(text)];
    struct imprint_keys_uri uri;

    (void)state;
    assert_int_equal(imprint_keys_uri_parse(text, &uri, NULL), IMPRINT_OK);
    assert_true(imprint_keys_uri_write(&uri, out, sizeof(out)));
    assert_string_equal(out, text);
    for (size_t size = 0; size < sizeof(out); size++)
        assert_false(imprint_keys_uri_write(&uri, out, size));
    assert_int_equal(imprint_keys_uri_parse("pkcs11:", &uri, NULL), IMPRINT_OK);
    uri.has_pin = true;
    assert_true(imprint_keys_uri_write(&uri, out, sizeof(out)));
    assert_string_equal(out, "pkcs11:");
}

static void fits(void **state)
{
    static const char text[] = "pkcs11:token=a;serial=1;object=b;id=%01";
    static const char *const good[] = {
        "pkcs11:",         "pkcs11:token=a", "pkcs11:slot-id=3",
        "pkcs11:serial=1", "pkcs11:id=%01",  "pkcs11:token=a;object=b"};
    static const char *const bad[] = {"pkcs11:token=b", "pkcs11:serial=12",
                                      "pkcs11:object=a", "pkcs11:id=%01%01",
                                      "pkcs11:token=a;model=x"};
    struct imprint_keys_uri uri;
    struct imprint_keys_uri wanted;

    (void)state;
    assert_int_equal(imprint_keys_uri_parse(text, &uri, NULL), IMPRINT_OK);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(imprint_keys_uri_parse(good[i], &wanted, NULL), 0);
        assert_true(imprint_keys_uri_fits(&wanted, &uri));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(imprint_keys_uri_parse(bad[i], &wanted, NULL), 0);
        assert_false(imprint_keys_uri_fits(&wanted, &uri));
    }
}

static void tpm(void **state)
{
    static const char *const bad[] = {
        "tpm2:0x80000001", "tpm2:0x81800000",  "tpm2:1",
        "tpm2:0x",         "tpm2:0x81000001 ", "handle:",
        "tpm2:81000001",   "tpm2:0x181000001", "tpm2:0x8100000g"};
    uint32_t handle = 1;

    (void)state;
    assert_true(imprint_keys_uri_is_tpm("tpm2:"));
    assert_true(imprint_keys_uri_is_tpm("handle:0x81000001"));
    assert_false(imprint_keys_uri_is_tpm("/tpm2:") ||
                 imprint_keys_uri_is_tpm("tpm2"));
    assert_int_equal(imprint_keys_uri_parse_tpm("tpm2:", &handle, NULL), 0);
    assert_int_equal(handle, 0);
    assert_int_equal(
        imprint_keys_uri_parse_tpm("tpm2:0x81000001", &handle, NULL), 0);
    assert_int_equal(handle, 0x81000001);
    assert_int_equal(
        imprint_keys_uri_parse_tpm("handle:0x817fffff", &handle, NULL), 0);
    assert_int_equal(handle, 0x817fffff);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (imprint_keys_uri_parse_tpm(bad[i], &handle, NULL) !=
            IMPRINT_ERR_SETTINGS)
            fail_msg("%s", bad[i]);
    }
}

static void paths(void **state)
{
    (void)state;
    assert_string_equal(imprint_keys_uri_path("/a/b"), "/a/b");
    assert_string_equal(imprint_keys_uri_path("file:/a"), "/a");
    assert_string_equal(imprint_keys_uri_path("file:a"), "a");
    assert_string_equal(imprint_keys_uri_path("file:///a"), "/a");
    assert_false(imprint_keys_uri_is_token("/pkcs11:a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),     cmocka_unit_test(little),
        cmocka_unit_test(malformed), cmocka_unit_test(written_as_read),
        cmocka_unit_test(fits),      cmocka_unit_test(tpm),
        cmocka_unit_test(paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
