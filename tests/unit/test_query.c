/* Percent escapes and parameters. */
#include "dir_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/query.h"

static void test_decode(void **state)
{
    static const struct {
        const char *text;
        const char *decoded; /* NULL: refused */
    } rows[] = {{"", ""},         {"a%2Fb", "a/b"}, {"a%2fb", "a/b"},
                {"%", "%"},       {"%2", "%2"},     {"%zz", "%zz"},
                {"%41%42", "AB"}, {"a+b", "a+b"},   {"%00", NULL},
                {"x%00y", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = imprint_query_decode(imprint_slice_text(rows[i].text));

        if (rows[i].decoded)
            assert_string_equal(text, rows[i].decoded);
        else
            assert_null(text);
        free(text);
    }
}

static void test_parameters(void **state)
{
    char *value = imprint_query_parameter("b=1&a=x%3Dy&c", "a");

    (void)state;
    assert_string_equal(value, "x=y");
    free(value);
    value = imprint_query_parameter("b=1&c", "c");
    assert_string_equal(value, "");
    free(value);
    assert_null(imprint_query_parameter("b=1&c", "d"));
    assert_null(imprint_query_parameter("", "d"));
}

/* As many as fit, and one more. */
static void test_count(void **state)
{
    char text[4 * IMPRINT_QUERY_MAX_COUNT + 8] = "";
    struct imprint_query *query;

    (void)state;
    for (size_t i = 0; i < IMPRINT_QUERY_MAX_COUNT; i++)
        (void)snprintf(text + 4 * i, 5, "a=1&");
    query = imprint_query_read(text);
    assert_non_null(query);
    assert_int_equal(query->count, IMPRINT_QUERY_MAX_COUNT);
    imprint_query_free(query);
    (void)snprintf(text + 4 * IMPRINT_QUERY_MAX_COUNT, 4, "b=2");
    assert_null(imprint_query_read(text));
    assert_null(imprint_query_read("a=%00"));
}

static void test_form(void **state)
{
    struct imprint_query *query =
        imprint_query_read_form(imprint_slice_text("A=x+y%2B&B=&A=z"));

    (void)state;
    assert_string_equal(imprint_query_find(query, "A"), "x y+");
    assert_string_equal(imprint_query_find(query, "B"), "");
    assert_null(imprint_query_find(query, "C"));
    imprint_query_free(query);
    assert_null(imprint_query_read_form(imprint_slice_of("a\0b", 3)));
}

/* By the escaped bytes: "/" stands before "-". */
static void test_canonize(void **state)
{
    struct imprint_query *query = imprint_query_read("b=2&b=1&-=x&%2F=y");

    (void)state;
    assert_true(imprint_query_canonize(query));
    assert_string_equal(query->all[0].name, "%2F");
    assert_string_equal(query->all[1].name, "-");
    assert_string_equal(query->all[2].value, "1");
    assert_string_equal(query->all[3].value, "2");
    imprint_query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),   cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_count),    cmocka_unit_test(test_form),
        cmocka_unit_test(test_canonize),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
