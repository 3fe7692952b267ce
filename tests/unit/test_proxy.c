#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "device/proxy.h"

static void exemptions(void **state)
{
    static const struct {
        const char *list;
        const char *host;
        unsigned port;
        bool is_exempt;
    } cases[] = {
        {NULL, "h", 1, false},
        {"", "h", 1, false},
        {"*", "h", 1, true},
        {"example.com", "example.com", 1, true},
        {"example.com", "EXAMPLE.COM", 1, true},
        {"example.com", "a.example.com", 1, true},
        {".example.com", "a.example.com", 1, true},
        {".example.com", "example.com", 1, true},
        {"example.com", "badexample.com", 1, false},
        {"example.com", "example.com.evil", 1, false},
        {"a, b,\tc", "c", 1, true},
        {",,", "h", 1, false},
        {".", "h", 1, false},
        {"h:8883", "h", 8883, true},
        {"h:8883", "h", 443, false},
        {"*:443", "h", 443, true},
        {"h:", "h", 1, false},
        {"h:x", "h", 1, false},
        {"127.0.0.1", "127.0.0.1", 1, true},
        {"::1", "::1", 1, true},
        {"[::1]", "::1", 1, true},
        {"[::1]:8883", "::1", 8883, true},
        {"[::1]:8883", "::1", 443, false},
        {"::1", "2::1", 1, false},
        {"10.0.0.0/8", "10.1.2.3", 1, true},
        {"10.0.0.0/8", "11.1.2.3", 1, false},
        {"192.168.128.0/17", "192.168.200.1", 1, true},
        {"192.168.128.0/17", "192.168.127.1", 1, false},
        {"0.0.0.0/0", "1.2.3.4", 1, true},
        {"1.2.3.4/32", "1.2.3.4", 1, true},
        {"1.2.3.4/32", "1.2.3.5", 1, false},
        {"1.2.3.4/33", "1.2.3.4", 1, false},
        {"fd00::/8", "fd12::1", 1, true},
        {"fd00::/8", "fe12::1", 1, false},
        {"::1/128", "::1", 1, true},
        {"10.0.0.0/8:443", "10.1.2.3", 443, true},
        {"10.0.0.0/8:443", "10.1.2.3", 1, false},
        {"10.0.0.0/8", "host.10.0.0.0", 1, false},
        {"10.0.0.0/", "10.1.2.3", 1, false},
        {"10.0.0.0/x", "10.1.2.3", 1, false},
        {"/8", "10.1.2.3", 1, false},
        {"a/8", "a", 1, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool got = imprint_proxy_exempts(cases[i].list, cases[i].host,
                                         (uint16_t)cases[i].port);

        if (got != cases[i].is_exempt)
            fail_msg("\"%s\" and %s:%u", cases[i].list, cases[i].host,
                     cases[i].port);
    }
}

static void urls(void **state)
{
    static const struct {
        const char *url;
        const char *place;
        bool has_password;
        bool is_fine;
    } cases[] = {
        {"http://h:3128", "h:3128", false, true},
        {"HTTP://h", "h", false, true},
        {"http://u@h:1/", "h:1", false, true},
        {"http://u:p@h:1", "h:1", true, true},
        {"http://u:p@q@h:1/x", "h:1", true, true},
        {"http://u:@h", "h", true, true},
        {"socks5://[::1]:1080", "[::1]:1080", false, true},
        {"socks5h://u:p@h?x", "h", true, true},
        {"u:p@h:1", "h:1", true, false},
        {"ftp://u:p@h", "h", true, false},
        {"https://h", "", false, false},
        {"http://", "", false, false},
        {"http://:1", ":1", false, false},
        {"http://u:p@", "", true, false},
        {"", "", false, false},
    };
    char place[IMPRINT_DIAL_PLACE_LEN];
    struct imprint_why why;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum imprint_status status = imprint_proxy_check(cases[i].url, &why);

        assert_int_equal(status,
                         cases[i].is_fine ? IMPRINT_OK : IMPRINT_ERR_SETTINGS);
        if (!cases[i].is_fine)
            assert_null(strstr(why.text, "u:p"));
        assert_int_equal(imprint_proxy_has_password(cases[i].url),
                         cases[i].has_password);
        if (!cases[i].is_fine)
            continue;
        imprint_proxy_place(cases[i].url, place);
        assert_string_equal(place, cases[i].place);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exemptions),
        cmocka_unit_test(urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
