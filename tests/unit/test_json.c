/* JSON, seen through a rejection: what is taken, what is refused, and how. */
#include "messages.h"

#include "imprint/codec.h"

static const struct imprint_format *const json = &imprint_json_format;

static enum imprint_status status_of(const void *bytes, size_t len,
                                     struct imprint_rejection *out)
{
    uint8_t room[512];
    struct imprint_writer into = imprint_slice_writer(room, sizeof(room));

    return get_rejection(json, imprint_slice_of(bytes, len), &into, out);
}

/* value as an unknown member, alone and in an array. */
static enum imprint_status status_of_value(const void *value, size_t len)
{
    static const char before[] = "{\"statusCode\":7,\"x\":";
    enum imprint_status status[2];
    unsigned i;

    for (i = 0; i < 2; i++) {
        uint8_t room[600];
        struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));
        struct imprint_rejection out;

        imprint_slice_put_text(&writer, before);
        imprint_slice_put_text(&writer, i ? "[" : "");
        imprint_slice_put(&writer, imprint_slice_of(value, len));
        imprint_slice_put_text(&writer, i ? "]}" : "}");
        status[i] = status_of(room, writer.len, &out);
        if (!status[i])
            assert_int_equal(out.status_code, 7);
    }
    if (status[0] != status[1])
        fail_msg("differs in an array: %.*s", (int)len, (const char *)value);
    return status[0];
}

/* clang-format off */
static const char *const good_values[] = {
    "null", "true", "false", "0", "-0", "1", "-1", "10", "1234567890123",
    "0.0", "0.1", "-0.1", "1.50", "1e1", "1E1", "1e+1", "1e-1", "0e0", "0E+00",
    "-1.5e-10", "123e45", "1.234567890123456789E+400",
    "99999999999999999999999999999999999", "\"\"", "\"a\"", "\" \"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0001\"", "\"\\u001f\"",
    "\"\\u00e9\"", "\"\\uD834\\udd1e\"", "\"\\uffff\"", "\"\\uFFFE\"",
    "\"\\udbff\\udfff\"", "\"\\ud800\\udc00\"", "\"\\u2028\"", "\"\xc3\xa9\"",
    "\"\xe2\x82\xac\"", "\"\xf0\x9d\x84\x9e\"", "\"\xef\xbb\xbf\"", "\"\x7f\"",
    "\"/\"", "[]", "[ ]", "[1]", "[1,2]", "[ 1 , 2 ]", "[[]]", "[[],[]]",
    "[{}]", "[null,1,\"1\",{}]", "{}", "{ }", "{\"\":0}", "{\"a\":1}",
    "{\"a\":1,\"a\":1}", "{ \"a\" : 1 , \"b\" : [ ] }",
    "{\"a\":{\"b\":{\"c\":[]}}}", "{\"statusCode\":\"not this one\"}",
    "\t\n\r 1 \t\n\r", "{\"a\\u0062\\n\":1}", "[[[[[[[[[[[]]]]]]]]]]]",
};
/* clang-format on */

static void good_values_are_skipped(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good_values) / sizeof(good_values[0]); i++)
        if (status_of_value(good_values[i], strlen(good_values[i])))
            fail_msg("refused: %s", good_values[i]);
}

/* clang-format off */
static const char *const bad_values[] = {
    ",", ":", "}", "]", "nul", "nulll", "Null", "NULL", "tru", "truE",
    "True", "fals", "falsy", "undefined", "NaN", "Infinity", "-Infinity", "-",
    "+1", "01", "-01", "00", "1.", "-1.", ".1", "-.1", "1.e1", "1e", "1e+",
    "1e-", "1E", "1.5e", "1 0", "1a", "0x1", "1_0", "1.2.3", "1e1.5", "1e1e1",
    "--1", "-+1", "1+1", "- 1", "1,", "\xef\xbc\x91", "\"", "\"a", "\"\\\"",
    "\"\\", "\"\\x41\"", "\"\\a\"", "\"\\0\"", "\"\\'\"", "\"\\U0041\"",
    "\"\\u\"", "\"\\u1\"", "\"\\u12\"", "\"\\u123\"", "\"\\u123g\"",
    "\"\\u 123\"", "\"\\u+123\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"",
    "\"\\ud800a\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"",
    "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800\\udc0\"",
    "\"\\ud800\\", "\"\\ud800\\u", "\"\\u00", "\"\n\"", "\"\t\"", "\"\x01\"",
    "\"\x1f\"", "'a'", "a", "\"a\"b", "\"a\"\"b\"", "[", "[1", "[1,", "[,",
    "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1:2]", "[}", "[\"a\"", "[1]]", "[[]",
    "[][]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}",
    "{,}", "{\"a\"}", "{\"a\",1}", "{\"a\":}", "{\"a\" 1}", "{a:1}", "{1:1}",
    "{'a':1}", "{null:1}", "{[]:1}", "{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}",
    "{\"a\"::1}", "{\"a\":1:2}", "{]", "{\"a\":1]", "[1}", "{}{}",
    "{\"\\u0000\":1}", "/**/1", "1//", "1#", "\f1", "\v1", "\xc2\xa0" "1",
    "\xef\xbb\xbf" "1",
};
/* clang-format on */

static void bad_values_are_refused(void **state)
{
    static const char none[] = "{\"statusCode\":7,\"x\":}";
    struct imprint_rejection out;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++)
        if (status_of_value(bad_values[i], strlen(bad_values[i])) !=
            IMPRINT_ERR_FORMAT)
            fail_msg("taken: %s", bad_values[i]);
    assert_int_equal(status_of(none, strlen(none), &out), IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of_value("\"a\0b\"", 5), IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of_value("1\0", 2), IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of_value("\0", 1), IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of_value("[\0]", 3), IMPRINT_ERR_FORMAT);
}

/* Bytes inside a text, and whether they are UTF-8. */
/* clang-format off */
static const struct {
    const char *bytes;
    bool good;
} utf8[] = {
    {"\x7f", true}, {"\x80", false}, {"\xbf", false}, {"\xc0\x80", false},
    {"\xc0\xaf", false}, {"\xc1\xbf", false}, {"\xc2\x80", true},
    {"\xc2", false}, {"\xc2\x7f", false}, {"\xc2\xc0", false},
    {"\xdf\xbf", true}, {"\xdf\xbf\xbf", false}, {"\xe0\x80\x80", false},
    {"\xe0\x9f\xbf", false}, {"\xe0\xa0\x80", true}, {"\xe0\xa0", false},
    {"\xe1\x80\x7f", false}, {"\xec\xbf\xbf", true}, {"\xed\x80\x80", true},
    {"\xed\x9f\xbf", true}, {"\xed\xa0\x80", false}, {"\xed\xbf\xbf", false},
    {"\xee\x80\x80", true}, {"\xef\xbf\xbf", true}, {"\xef\xbf\xbd", true},
    {"\xef\xbf", false}, {"\xf0\x80\x80\x80", false},
    {"\xf0\x8f\xbf\xbf", false}, {"\xf0\x90\x80\x80", true},
    {"\xf0\x90\x80", false}, {"\xf1\x80\x80\x80", true},
    {"\xf3\xbf\xbf\xbf", true}, {"\xf4\x80\x80\x80", true},
    {"\xf4\x8f\xbf\xbf", true}, {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false}, {"\xf7\xbf\xbf\xbf", false},
    {"\xf8\x88\x80\x80\x80", false}, {"\xfc\x84\x80\x80\x80\x80", false},
    {"\xfe", false}, {"\xfc\x84\x80\x80", false},
    {"\xf9\x90\x80\x80", false}, {"\xff\x84\x80\x80", false},
    {"\xff", false}, {"\xf1\x80\x80\xc0", false},
    {"\xf1\x80\x41\x80", false}, {"a\xc3\xa9z", true},
};
/* clang-format on */

static void utf8_is_checked(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(utf8) / sizeof(utf8[0]); i++) {
        char text[64];
        struct imprint_rejection out;

        snprintf(text, sizeof(text), "{\"statusCode\":1,\"errorCode\":\"%s\"}",
                 utf8[i].bytes);
        assert_int_equal(status_of(text, strlen(text), &out),
                         utf8[i].good ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
        snprintf(text, sizeof(text), "{\"statusCode\":1,\"%s\":0}",
                 utf8[i].bytes);
        assert_int_equal(status_of(text, strlen(text), &out),
                         utf8[i].good ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
    }
}

static void escapes_come_out_as_text(void **state)
{
    static const struct {
        const char *json;
        const char *text;
    } cases[] = {
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e9\\u00E9", "A\xc3\xa9\xc3\xa9"},
        {"\\u007f\\u0080\\u07ff\\u0800", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"},
        {"\\ud7ff\\ue000\\uffff", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"},
        {"\\ud800\\udc00\\uDBFF\\uDFFF", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        {"\\u0001\\u001f", "\x01\x1f"},
        {"a\\u0062c", "abc"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        uint8_t room[64];
        struct imprint_writer into = imprint_slice_writer(room, sizeof(room));
        struct imprint_rejection out;

        snprintf(text, sizeof(text),
                 "{\"status\\u0043ode\":1,\"errorCode\":\"%s\"}",
                 cases[i].json);
        assert_int_equal(
            get_rejection(json, imprint_slice_text(text), &into, &out),
            IMPRINT_OK);
        assert_slice_is(out.code, cases[i].text, strlen(cases[i].text));
    }
}

static void numbers_are_whole_and_of_32_bits(void **state)
{
    static const struct {
        const char *json;
        bool good;
        uint32_t number;
    } cases[] = {
        {"0", true, 0},
        {"7", true, 7},
        {"400", true, 400},
        {"4294967294", true, 4294967294u},
        {"4294967295", true, 4294967295u},
        {"4294967296", false, 0},
        {"4294967300", false, 0},
        {"42949672950", false, 0},
        {"18446744073709551617", false, 0},
        {"-0", false, 0},
        {"-1", false, 0},
        {"400.0", false, 0},
        {"4e2", false, 0},
        {"4E+2", false, 0},
        {"0400", false, 0},
        {"\"400\"", false, 0},
        {"null", false, 0},
        {"[400]", false, 0},
        {"true", false, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        struct imprint_rejection out;

        snprintf(text, sizeof(text), "{\"statusCode\":%s}", cases[i].json);
        assert_int_equal(status_of(text, strlen(text), &out),
                         cases[i].good ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
        if (cases[i].good)
            assert_int_equal(out.status_code, cases[i].number);
    }
}

static void a_message_is_one_object(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "null",
        "1",
        "\"a\"",
        "[]",
        "[{\"statusCode\":1}]",
        "{\"statusCode\":1}{}",
        "{\"statusCode\":1},",
        "{\"statusCode\":1}]",
        "{\"statusCode\":1}}",
        "{\"statusCode\":1} x",
        "{{\"statusCode\":1}}",
        "\xef\xbb\xbf{\"statusCode\":1}",
        "{\"statusCode\":1",
    };
    static const char good[] = " \r\n\t{ \"statusCode\" \t:\n1\r} \n";
    struct imprint_rejection out;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (status_of(bad[i], strlen(bad[i]), &out) != IMPRINT_ERR_FORMAT)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(status_of(good, sizeof(good), &out), IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of(good, sizeof(good) - 1, &out), IMPRINT_OK);
    assert_int_equal(status_of(NULL, 0, &out), IMPRINT_ERR_FORMAT);
}

/* The message is the first of 16. */
static void depth_ends_at_16(void **state)
{
    unsigned kind;
    unsigned depth;

    (void)state;
    for (kind = 0; kind < 2; kind++)
        for (depth = 1; depth <= 20; depth++) {
            uint8_t room[256];
            struct imprint_writer writer =
                imprint_slice_writer(room, sizeof(room));
            struct imprint_rejection out;
            unsigned i;

            imprint_slice_put_text(&writer, "{\"statusCode\":1,\"x\":");
            for (i = 1; i < depth; i++)
                imprint_slice_put_text(&writer, kind ? "[" : "{\"a\":");
            imprint_slice_put_byte(&writer, '1');
            for (i = 1; i < depth; i++)
                imprint_slice_put_byte(&writer, kind ? ']' : '}');
            imprint_slice_put_byte(&writer, '}');
            assert_int_equal(status_of(room, writer.len, &out),
                             depth <= 16 ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
        }
}

/* The writer's text is read back the same, for every byte and then some. */
static void written_text_comes_back(void **state)
{
    unsigned byte;

    (void)state;
    for (byte = 1; byte < 0x80; byte++) {
        uint8_t text[3] = {'a', (uint8_t)byte, 'z'};
        struct imprint_rejection in = {byte, imprint_slice_of(text, 3),
                                       imprint_slice_of(text + 1, 1)};
        struct imprint_rejection out;
        uint8_t room[128];
        uint8_t texts[8];
        struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));
        struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
        size_t i;

        imprint_codec_put_rejection(&writer, json, &in);
        for (i = 0; i < writer.len; i++)
            assert_in_range(room[i], 0x20, 0x7f);
        assert_int_equal(
            get_rejection(json, imprint_slice_since(&writer, 0), &into, &out),
            IMPRINT_OK);
        assert_true(imprint_slice_equal(in.code, out.code));
        assert_true(imprint_slice_equal(in.message, out.message));
    }
}

static void written_numbers_are_decimal(void **state)
{
    static const uint32_t numbers[] = {
        0,   1,     9,     10,        11,         99,        100,
        101, 65535, 65536, 100000000, 1000000000, UINT32_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct imprint_rejection in;
        uint8_t room[128];
        char expected[128];
        struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));

        memset(&in, 0, sizeof(in));
        in.status_code = numbers[i];
        imprint_codec_put_rejection(&writer, json, &in);
        snprintf(
            expected, sizeof(expected),
            "{\"statusCode\":%lu,\"errorCode\":\"\",\"errorMessage\":\"\"}",
            (unsigned long)numbers[i]);
        assert_slice_is(imprint_slice_since(&writer, 0), expected,
                        strlen(expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values_are_skipped),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(escapes_come_out_as_text),
        cmocka_unit_test(numbers_are_whole_and_of_32_bits),
        cmocka_unit_test(a_message_is_one_object),
        cmocka_unit_test(depth_ends_at_16),
        cmocka_unit_test(written_text_comes_back),
        cmocka_unit_test(written_numbers_are_decimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
