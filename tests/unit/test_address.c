#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "device/address.h"

static void addresses_are_parsed(void **state)
{
    static const struct {
        const char *text;
        const char *host; /* NULL: refused */
        unsigned port;
    } cases[] = {{"localhost", "localhost", 8883},
                 {"a.iot.eu-west-1.amazonaws.com:443",
                  "a.iot.eu-west-1.amazonaws.com", 443},
                 {"[::1]:1883", "::1", 1883},
                 {"[::1]", "::1", 8883},
                 {"fe80::1", "fe80::1", 8883},
                 {"h:65535", "h", 65535},
                 {"", NULL, 0},
                 {":8883", NULL, 0},
                 {"h:", NULL, 0},
                 {"h:0", NULL, 0},
                 {"h:65536", NULL, 0},
                 {"h:8883x", NULL, 0},
                 {"h:-1", NULL, 0},
                 {"[::1", NULL, 0},
                 {"[::1]x", NULL, 0},
                 {"[]:1", NULL, 0},
                 {"mqtts://h:8883", NULL, 0},
                 {"h/path", NULL, 0},
                 {"a b", NULL, 0}};
    struct imprint_address address;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum imprint_status status =
            imprint_address_parse(cases[i].text, NULL, &address, NULL);

        if (!cases[i].host) {
            assert_int_equal(status, IMPRINT_ERR_SETTINGS);
            continue;
        }
        assert_int_equal(status, 0);
        assert_string_equal(address.host, cases[i].host);
        assert_int_equal(address.port, cases[i].port);
    }
}

static void ports_apart(void **state)
{
    struct imprint_address address;

    (void)state;
    assert_int_equal(imprint_address_parse("h:auto", NULL, &address, NULL), 0);
    assert_true(address.is_auto);
    assert_int_equal(address.port, 8883);
    assert_int_equal(imprint_address_parse("[::1]:auto", NULL, &address, NULL),
                     0);
    assert_true(address.is_auto);
    assert_int_equal(imprint_address_parse("h", "auto", &address, NULL), 0);
    assert_true(address.is_auto);
    assert_int_equal(imprint_address_parse("::1", "443", &address, NULL), 0);
    assert_false(address.is_auto);
    assert_int_equal(address.port, 443);
    assert_int_equal(imprint_address_parse("h:1", "443", &address, NULL),
                     IMPRINT_ERR_SETTINGS);
    assert_int_equal(imprint_address_parse("h", "Auto", &address, NULL),
                     IMPRINT_ERR_SETTINGS);
    assert_int_equal(imprint_address_parse("h", "", &address, NULL),
                     IMPRINT_ERR_SETTINGS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_parsed),
        cmocka_unit_test(ports_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
