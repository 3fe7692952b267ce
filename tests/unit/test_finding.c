/* Where in a document a fault stands, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/document.h"
#include "aws/finding.h"

static const char text[] = "\n"
                           "{\"a\": [1, {\"b\\u0063\": \"}]\\\"\"}, [], x],\n"
                           " \"\303\251\": {\"d\": {}}, \"e\": true,\n"
                           "\t\"doc\": \"{\\\"f\\\": 1}\"}\n";

struct expectation {
    const char *name; /* "" for the root */
    size_t line;
    size_t column;
};

static void check(const struct imprint_place *place,
                  const struct expectation *expected)
{
    struct imprint_place_point point =
        imprint_place_find(place, imprint_slice_text(text));
    char name[IMPRINT_PLACE_LEN];

    imprint_place_name(place, name);
    assert_string_equal(name, expected->name);
    assert_int_equal(point.line, expected->line);
    assert_int_equal(point.column, expected->column);
}

static void test_places(void **state)
{
    struct imprint_place a = imprint_place_member(NULL, "a");
    struct imprint_place number = imprint_place_item(&a, 0);
    struct imprint_place second = imprint_place_item(&a, 1);
    struct imprint_place bc = imprint_place_member(&second, "bc");
    struct imprint_place third = imprint_place_item(&a, 2);
    struct imprint_place accent = imprint_place_member(NULL, "\303\251");
    struct imprint_place d = imprint_place_member(&accent, "d");
    struct imprint_place e = imprint_place_member(NULL, "e");
    struct imprint_place doc = imprint_place_member(NULL, "doc");
    struct imprint_place f = imprint_place_member(&doc, "f");

    (void)state;
    check(NULL, &(struct expectation){"", 2, 1});
    check(&a, &(struct expectation){"a", 2, 2});
    check(&number, &(struct expectation){"a[0]", 2, 8});
    check(&second, &(struct expectation){"a[1]", 2, 11});
    check(&bc, &(struct expectation){"a[1].bc", 2, 12});
    check(&third, &(struct expectation){"a[2]", 2, 32});
    check(&accent, &(struct expectation){"\303\251", 3, 2});
    check(&d, &(struct expectation){"\303\251.d", 3, 8});
    check(&e, &(struct expectation){"e", 3, 18});
    doc.is_text = true;
    check(&f, &(struct expectation){"doc.f", 4, 2});
}

/* What is not there is where it would belong. */
static void test_missing(void **state)
{
    struct imprint_place a = imprint_place_member(NULL, "a");
    struct imprint_place beyond = imprint_place_item(&a, 9);
    struct imprint_place below = imprint_place_member(&beyond, "x");
    struct imprint_place wrong = imprint_place_member(&a, "x");
    struct imprint_place none = imprint_place_member(NULL, "nowhere");

    (void)state;
    check(&below, &(struct expectation){"a[9].x", 2, 2});
    check(&wrong, &(struct expectation){"a.x", 2, 2});
    check(&none, &(struct expectation){"nowhere", 2, 1});
}

/* Cut anywhere, and chained deeper than anything: no byte outside is read. */
static void test_bounds(void **state)
{
    struct imprint_place chain[200];
    char name[IMPRINT_PLACE_LEN];
    size_t i;

    (void)state;
    for (i = 0; i < 200; i++)
        chain[i] = imprint_place_member(i > 0 ? &chain[i - 1] : NULL, "a");
    imprint_place_name(&chain[199], name);
    assert_int_equal(strncmp(name, "a.a.a", 5), 0);
    for (i = 0; i <= strlen(text); i++) {
        struct imprint_slice part = imprint_slice_of(text, i);
        struct imprint_place deep = imprint_place_item(&chain[0], 2);

        assert_true(imprint_place_find(&chain[199], part).line >= 1);
        assert_true(imprint_place_find(&deep, part).line >= 1);
    }
}

static void test_findings(void **state)
{
    struct imprint_findings findings = {.source = imprint_slice_text(text)};
    struct imprint_place e = imprint_place_member(NULL, "e");
    struct imprint_place a = imprint_place_member(NULL, "a");
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(imprint_finding_status(&findings, &why), IMPRINT_OK);
    imprint_finding_warn(&findings, NULL, "is odd");
    assert_int_equal(imprint_finding_status(&findings, &why), IMPRINT_OK);
    imprint_finding_error(&findings, &e, "is \"%s\"", "true");
    imprint_finding_error(&findings, &a, "is wrong");
    imprint_finding_hint(&findings, "write %d", 7);
    assert_int_equal(imprint_finding_status(&findings, &why),
                     IMPRINT_ERR_FORMAT);
    assert_string_equal(why.text, "line 2, column 2: a: is wrong");
    assert_string_equal(why.hint, "write 7");
    imprint_finding_sort(&findings);
    assert_true(findings.items[0].is_warning);
    assert_string_equal(findings.items[2].text, "is \"true\"");
    imprint_finding_free(&findings);
    imprint_finding_error(NULL, NULL, "nobody wants to know");
}

/* Errors count even when they are too many to be kept. */
static void test_too_many(void **state)
{
    struct imprint_findings findings = {.source = imprint_slice_text("{}")};
    size_t i;

    (void)state;
    for (i = 0; i < IMPRINT_FINDING_MAX_COUNT; i++)
        imprint_finding_warn(&findings, NULL, "odd");
    imprint_finding_error(&findings, NULL, "wrong");
    assert_int_equal(findings.count, IMPRINT_FINDING_MAX_COUNT);
    assert_int_not_equal(imprint_finding_status(&findings, NULL), IMPRINT_OK);
    imprint_finding_free(&findings);
}

/* What is no JSON is wrong where its reader stopped. */
static void test_no_json(void **state)
{
    static const char broken[] = "{\n \"a\": }";
    struct imprint_findings findings = {.source = imprint_slice_text(broken)};
    struct imprint_document *root = NULL;
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(
        imprint_document_read(imprint_slice_text(broken), &root, &why),
        IMPRINT_ERR_FORMAT);
    imprint_finding_no_json(&findings, &why);
    assert_int_equal(findings.error_count, 1);
    assert_int_equal(findings.items[0].point.line, 2);
    assert_int_equal(findings.items[0].point.column, 7);
    assert_string_equal(findings.items[0].text,
                        "no JSON: unexpected token near '}'");
    (void)imprint_finding_status(&findings, &why);
    assert_string_equal(why.text, "line 2, column 7: no JSON: unexpected token "
                                  "near '}'");
    imprint_finding_no_json(NULL, &why);
    imprint_finding_free(&findings);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),   cmocka_unit_test(test_missing),
        cmocka_unit_test(test_bounds),   cmocka_unit_test(test_findings),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_no_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
