/* What a person is shown of two documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cloud/difference.h"

static void test_lines(void **state)
{
    static const struct {
        const char *before;
        const char *after;
        const char *lines;
    } cases[] = {
        {"{}", "{}", ""},
        {"{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", ""},
        {"{\"a\":\"x\"}", "{\"a\":\"y\"}", "a: \"x\" -> \"y\"\n"},
        {"{\"a\":{\"b\":[1,2]}}", "{\"a\":{\"b\":[1,3]}}", "a.b[1]: 2 -> 3\n"},
        {"{\"a\":1}", "{\"b\":true}",
         "a: 1 -> (nothing)\nb: (nothing) -> true\n"},
        {"{\"a\":[1]}", "{\"a\":[1,2,3]}",
         "a[1]: (nothing) -> 2\na[2]: (nothing) -> 3\n"},
        {"{\"a\":[1,2]}", "{\"a\":[1]}", "a[1]: 2 -> (nothing)\n"},
        {"{\"a\":\"1\"}", "{\"a\":1}", "a: \"1\" -> 1\n"},
        {"{\"a\":{\"b\":1}}", "{\"a\":[1]}", "a: {\"b\":1} -> [1]\n"},
        {"{\"a\":null}", "{\"a\":0}", "a: null -> 0\n"},
        {"[1]", "{}", "all of it: [1] -> {}\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *lines = imprint_difference_write(cases[i].before, cases[i].after);

        assert_non_null(lines);
        assert_string_equal(lines, cases[i].lines);
        free(lines);
    }
}

static void test_long_values_are_cut(void **state)
{
    char after[1024] = "{\"a\":\"";
    char *lines;

    (void)state;
    memset(after + 6, 'x', 900);
    memcpy(after + 906, "\"}", 3);
    lines = imprint_difference_write("{\"a\":\"\"}", after);
    assert_non_null(lines);
    assert_true(strlen(lines) < 200);
    assert_non_null(strstr(lines, "xxx...\n"));
    free(lines);
}

static void test_no_json(void **state)
{
    (void)state;
    assert_null(imprint_difference_write("{", "{}"));
    assert_null(imprint_difference_write("{}", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_no_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
