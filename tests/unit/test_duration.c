#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <string.h>

#include "posix/duration.h"

static uint64_t read_good(const char *text)
{
    uint64_t seconds = 0;

    assert_int_equal(imprint_duration_read(text, &seconds, NULL), IMPRINT_OK);
    return seconds;
}

static void test_units(void **state)
{
    (void)state;
    assert_int_equal(read_good("0"), 0);
    assert_int_equal(read_good("90"), 90);
    assert_int_equal(read_good("90s"), 90);
    assert_int_equal(read_good("10m"), 600);
    assert_int_equal(read_good("2h"), 7200);
    assert_int_equal(read_good("30d"), 2592000);
    assert_int_equal(read_good("3652d"), 315532800);
}

static void test_bad(void **state)
{
    static const char *const bad[] = {
        "",  "s",    "-1",    "+1",  " 1",         "1 ",  "1w",
        "m", "1.5h", "3653d", "1dd", "9999999999", "0x10"};
    struct imprint_why why;
    uint64_t seconds = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(imprint_duration_read(bad[i], &seconds, &why),
                         IMPRINT_ERR_SETTINGS);
        assert_int_equal(seconds, 7);
        assert_non_null(strstr(why.text, bad[i]));
        assert_non_null(strstr(why.hint, "30d"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
