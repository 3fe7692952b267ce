/* Parsed templates, kept by their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "endpoint/templates.h"

static const struct imprint_template *must_parse(
    struct imprint_templates *templates, int number)
{
    const struct imprint_template *parsed = NULL;
    struct imprint_why why = {"", ""};
    char text[400];

    (void)snprintf(text, sizeof(text),
                   "{\"Resources\":{\"thing%d\":{\"Type\":\"AWS::IoT::Thing\","
                   "\"Properties\":{\"ThingName\":\"a\"}},"
                   "\"certificate\":{\"Type\":\"AWS::IoT::Certificate\","
                   "\"Properties\":{\"CertificateId\":"
                   "{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}}}",
                   number);
    if (imprint_templates_parse(templates, text, &parsed, &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
    return parsed;
}

static void test_kept(void **state)
{
    struct imprint_templates templates = {.next = 0};
    const struct imprint_template *first = must_parse(&templates, 0);
    const struct imprint_template *second = must_parse(&templates, 1);

    (void)state;
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(must_parse(&templates, 0), first);
    assert_ptr_equal(must_parse(&templates, 1), second);
    imprint_templates_free(&templates);
    assert_null(templates.items[0].document);
}

/* More than there is room for: each is right, the last ones are kept. */
static void test_many(void **state)
{
    struct imprint_templates templates = {.next = 0};
    const struct imprint_template *last[IMPRINT_TEMPLATES_COUNT];
    int number;
    int round;

    (void)state;
    for (round = 0; round < 3; round++)
        for (number = 0; number < 2 * IMPRINT_TEMPLATES_COUNT; number++)
            last[number % IMPRINT_TEMPLATES_COUNT] =
                must_parse(&templates, number);
    for (number = 0; number < IMPRINT_TEMPLATES_COUNT; number++)
        assert_ptr_equal(
            must_parse(&templates, IMPRINT_TEMPLATES_COUNT + number),
            last[number]);
    imprint_templates_free(&templates);
}

/* What is no template is not kept, and is said each time. */
static void test_bad(void **state)
{
    struct imprint_templates templates = {.next = 0};
    const struct imprint_template *parsed = NULL;
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct imprint_why why = {"", ""};

        assert_int_equal(
            imprint_templates_parse(&templates, "{", &parsed, &why),
            IMPRINT_ERR_FORMAT);
        assert_true(why.text[0] != '\0');
        assert_null(parsed);
    }
    assert_null(templates.items[0].document);
    imprint_templates_free(&templates);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
