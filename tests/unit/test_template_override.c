/* What becomes of a thing that exists, and things as JSON. */
#include "template_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/memory.h"
#include "aws/thing.h"

static const char *const words[] = {NULL, "DO_NOTHING", "REPLACE", "FAIL",
                                    "MERGE"};

/* A plan whose OverrideSettings has this word for all three, or none. */
static struct imprint_template_plan make_plan(const char *word, bool has_any)
{
    struct imprint_template *template;
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};
    const char *merged = word;
    const struct imprint_template_parameters parameters = {
        .certificate_id = imprint_slice_text("0123")};
    char text[2048];
    char settings[256] = "";

    if (has_any && word)
        (void)snprintf(settings, sizeof(settings),
                       ",'OverrideSettings':{'AttributePayload':'%s',"
                       "'THING_TYPE_NAME':'%s','ThingGroups':'%s'}",
                       word, strcmp(word, "MERGE") == 0 ? "REPLACE" : merged,
                       word);
    else if (has_any)
        (void)snprintf(settings, sizeof(settings), ",'OverrideSettings':{}");
    (void)snprintf(text, sizeof(text),
                   "{'Resources':{%s,'t':{'Type':'AWS::IoT::Thing',"
                   "'Properties':{'ThingName':'a','AttributePayload':{'b':'2',"
                   "'c':'3'},'ThingTypeName':'new','ThingGroups':['h','g']}"
                   "%s}}}",
                   CERTIFICATE, settings);
    template = template_parse(text);
    assert_int_equal(imprint_template_apply(template, &parameters, &plan, &why),
                     IMPRINT_OK);
    imprint_template_free(template);
    return plan;
}

/* The thing as "type;a=1,b=2;g,h". */
static void describe(const struct imprint_template_thing *thing, char text[256])
{
    size_t len =
        (size_t)snprintf(text, 256, "%s;", thing->type ? thing->type : "");
    size_t i;

    for (i = 0; i < thing->attribute_count; i++)
        len += (size_t)snprintf(text + len, 256 - len, "%s=%s,",
                                (const char *)thing->attributes[i].name.bytes,
                                (const char *)thing->attributes[i].value.bytes);
    len += (size_t)snprintf(text + len, 256 - len, ";");
    for (i = 0; i < thing->group_count; i++)
        len += (size_t)snprintf(text + len, 256 - len, "%s,", thing->groups[i]);
}

static void test_overrides(void **state)
{
    static const char same[] =
        "{'thingName':'a','attributes':{'c':'3','b':'2'},"
        "'thingTypeName':'new','thingGroups':['g','h']}";
    static const char other[] =
        "{'thingName':'a','attributes':{'a':'1','b':'1'},"
        "'thingTypeName':'old','thingGroups':['f','g']}";
    static const char as_other[] = "old;a=1,b=1,;f,g,";
    static const char as_new[] = "new;b=2,c=3,;g,h,";
    static const struct {
        int word; /* -1: no section */
        const char *existing;
        const char *result; /* NULL: refused */
    } cases[] = {
        {-1, same, as_new},
        {-1, other, NULL},
        {IMPRINT_TEMPLATE_UNSET, same, as_new},
        {IMPRINT_TEMPLATE_UNSET, other, as_other},
        {IMPRINT_TEMPLATE_DO_NOTHING, same, as_new},
        {IMPRINT_TEMPLATE_DO_NOTHING, other, as_other},
        {IMPRINT_TEMPLATE_REPLACE, same, as_new},
        {IMPRINT_TEMPLATE_REPLACE, other, as_new},
        {IMPRINT_TEMPLATE_FAIL, same, NULL},
        {IMPRINT_TEMPLATE_FAIL, other, NULL},
        {IMPRINT_TEMPLATE_MERGE, same, as_new},
        {IMPRINT_TEMPLATE_MERGE, other, "new;a=1,b=2,c=3,;f,g,h,"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int word = cases[i].word;
        struct imprint_template_plan plan =
            make_plan(word < 0 ? NULL : words[word], word >= 0);
        struct imprint_template_thing existing;
        struct imprint_template_thing after;
        struct imprint_why why = {"", ""};
        void *memory = NULL;
        char *json = template_quote(cases[i].existing);
        char text[256] = "";
        enum imprint_status status;

        assert_int_equal(imprint_thing_read(imprint_slice_text(json), &existing,
                                            &memory, &why),
                         IMPRINT_OK);
        status = imprint_template_override(&plan, &existing, &after, &why);
        if (status == IMPRINT_OK)
            describe(&after, text);
        if (cases[i].result
                ? status != IMPRINT_OK || strcmp(text, cases[i].result) != 0
                : status != IMPRINT_ERR_REFUSED || !why.text[0])
            fail_msg("case %zu: %s, %s", i, text, why.text);
        imprint_template_free_plan(&plan);
        imprint_memory_free(&memory);
        free(json);
    }
}

/* One property alone, when there is no section: the refusal names it. */
static void test_each_difference(void **state)
{
    static const struct {
        const char *existing;
        const char *property;
    } cases[] = {
        {"{'thingName':'a','attributes':{'b':'2','c':'4'},"
         "'thingTypeName':'new','thingGroups':['g','h']}",
         "AttributePayload"},
        {"{'thingName':'a','attributes':{'b':'2','c':'3'},"
         "'thingGroups':['g','h']}",
         "ThingTypeName"},
        {"{'thingName':'a','attributes':{'b':'2','c':'3'},"
         "'thingTypeName':'new','thingGroups':['g']}",
         "ThingGroups"},
        {"{'thingName':'a','attributes':{'b':'2','c':'3'},"
         "'thingTypeName':'new','thingGroups':['g','h'],"
         "'billingGroupName':'b'}",
         "BillingGroup"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct imprint_template_plan plan = make_plan(NULL, false);
        struct imprint_template_thing existing;
        struct imprint_template_thing after;
        struct imprint_why why = {"", ""};
        void *memory = NULL;
        char *json = template_quote(cases[i].existing);

        assert_int_equal(imprint_thing_read(imprint_slice_text(json), &existing,
                                            &memory, &why),
                         IMPRINT_OK);
        assert_int_equal(
            imprint_template_override(&plan, &existing, &after, &why),
            IMPRINT_ERR_REFUSED);
        assert_non_null(strstr(why.text, cases[i].property));
        imprint_template_free_plan(&plan);
        imprint_memory_free(&memory);
        free(json);
    }
}

static void test_attributes_json(void **state)
{
    struct imprint_pair *pairs = NULL;
    size_t count = 0;
    void *memory = NULL;
    char *json;

    (void)state;
    assert_int_equal(
        imprint_thing_read_attributes("{\"b\":\"\\\"\\n\",\"a\":\"\"}", &pairs,
                                      &count, &memory),
        IMPRINT_OK);
    assert_int_equal(count, 2);
    json = imprint_thing_write_attributes(pairs, count);
    assert_string_equal(json, "{\"a\":\"\",\"b\":\"\\\"\\u000a\"}");
    free(json);
    imprint_memory_free(&memory);
    json = imprint_thing_write_attributes(NULL, 0);
    assert_string_equal(json, "{}");
    free(json);
    assert_int_equal(
        imprint_thing_read_attributes("{\"a\":1}", &pairs, &count, &memory),
        IMPRINT_ERR_FORMAT);
    assert_int_equal(
        imprint_thing_read_attributes("[]", &pairs, &count, &memory),
        IMPRINT_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_each_difference),
        cmocka_unit_test(test_attributes_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
