/* The template language: what is taken, what is refused, and what it makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/template.h"

#define CERTIFICATE                                              \
    "\"c\":{\"Type\":\"AWS::IoT::Certificate\",\"Properties\":{" \
    "\"CertificateId\":{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}"
#define THING_MAX_LEN 128
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct imprint_template *parse(const char *text)
{
    struct imprint_template *template = NULL;
    struct imprint_why why = {"", ""};

    if (imprint_template_parse(imprint_slice_text(text), &template, &why) !=
        IMPRINT_OK)
        fail_msg("%s: %s", text, why.text);
    return template;
}

static enum imprint_status apply(const struct imprint_template *template,
                                 const char *name, const char *value,
                                 struct imprint_template_plan *out,
                                 struct imprint_why *why)
{
    const struct imprint_pair pair = {imprint_slice_text(name),
                                      imprint_slice_text(value)};
    const struct imprint_template_parameters parameters = {
        .certificate_id = imprint_slice_text(ID),
        .pairs = &pair,
        .pair_count = name ? 1 : 0,
    };

    return imprint_template_apply(template, &parameters, out, why);
}

static void test_refused_at_load(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"{\n\n]", "line 3"},
        {"\"x\"", "must be an object"},
        {"{}", "Resources: is missing"},
        {"{\"Resources\":{}}", "there is no AWS::IoT::Certificate"},
        {"{\"Resources\":{" CERTIFICATE "},\"Conditions\":{}}",
         "\"Conditions\" does not exist here"},
        {"{\"Resources\":{" CERTIFICATE ",\"x\":{\"Type\":\"AWS::S3\","
         "\"Properties\":{}}}}",
         "Resources.x.Type: there is no resource \"AWS::S3\""},
        {"{\"Resources\":{" CERTIFICATE ",\"x\":{\"Properties\":{}}}}",
         "Resources.x.Type: there is no resource"},
        {"{\"Resources\":{" CERTIFICATE ",\"x\":7}}", "Resources.x"},
        {"{\"Resources\":{" CERTIFICATE ",\"t\":{\"Type\":\"AWS::IoT::Thing\","
         "\"Properties\":{}}}}",
         "ThingName: is missing"},
        {"{\"Resources\":{" CERTIFICATE ",\"t\":{\"Type\":\"AWS::IoT::Thing\","
         "\"Properties\":{\"ThingName\":{\"Ref\":\"Unknown\"}}}}}",
         "\"Unknown\" is used but not declared"},
        {"{\"Resources\":{" CERTIFICATE ",\"t\":{\"Type\":\"AWS::IoT::Thing\","
         "\"Properties\":{\"ThingName\":{\"Ref\":"
         "\"AWS::IoT::Certificate::CommonName\"}}}}}",
         "CommonName\" exists in just-in-time"},
        {"{\"Resources\":{" CERTIFICATE ",\"t\":{\"Type\":\"AWS::IoT::Thing\","
         "\"Properties\":{\"ThingName\":{\"Fn::Sub\":[]}}}}}",
         "Fn::Sub: must be a text, or"},
        {"{\"Resources\":{" CERTIFICATE ",\"t\":{\"Type\":\"AWS::IoT::Thing\","
         "\"Properties\":{\"ThingName\":{\"Fn::Join\":[\"a\"]}}}}}",
         "Fn::Join: must be"},
        {"{\"Resources\":{" CERTIFICATE ",\"t\":{\"Type\":\"AWS::IoT::Thing\","
         "\"Properties\":{\"ThingName\":{\"Ref\":\"a\",\"b\":1}}}}}",
         "one function"},
        {"{\"Resources\":{" CERTIFICATE ",\"p\":{\"Type\":\"AWS::IoT::Policy\","
         "\"Properties\":{}}}}",
         "one of PolicyName and PolicyDocument"},
        {"{\"Resources\":{" CERTIFICATE ",\"p\":{\"Type\":\"AWS::IoT::Policy\","
         "\"Properties\":{\"PolicyName\":\"a\",\"PolicyDocument\":\"b\"}}}}",
         "one of PolicyName and PolicyDocument"},
        {"{\"Resources\":{" CERTIFICATE ",\"p\":{\"Type\":\"AWS::IoT::Policy\","
         "\"Properties\":{\"PolicyDocument\":{\"Version\":\"1\"}}}}}",
         "PolicyDocument"},
        {"{\"Resources\":{" CERTIFICATE ",\"d\":{\"Type\":"
         "\"AWS::IoT::Certificate\",\"Properties\":{\"CertificateId\":"
         "{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}}}",
         "one AWS::IoT::Certificate only"},
        {"{\"Resources\":{\"c\":{\"Type\":\"AWS::IoT::Certificate\","
         "\"Properties\":{\"CertificatePem\":\"x\"}}}}",
         "\"CertificatePem\" does not exist here"},
        {"{\"Resources\":{\"c\":{\"Type\":\"AWS::IoT::Certificate\","
         "\"Properties\":{\"CertificateId\":\"x\"}}}}",
         "CertificateId: must be"},
        {"{\"Resources\":{\"c\":{\"Type\":\"AWS::IoT::Certificate\","
         "\"Properties\":{\"CertificateId\":"
         "{\"Ref\":\"AWS::IoT::Certificate::Id\"},\"Status\":\"REVOKED\"}}}}",
         "Status: must be"},
        {"{\"Parameters\":{\"a\":{\"Type\":\"Number\"}},\"Resources\":"
         "{" CERTIFICATE "}}",
         "Parameters.a.Type: the Type"},
        {"{\"Parameters\":{\"a\":{\"Type\":\"String\",\"Default\":1}},"
         "\"Resources\":{" CERTIFICATE "}}",
         "Default"},
        {"{\"Parameters\":{\"AWS::Region\":{\"Type\":\"String\"}},"
         "\"Resources\":{" CERTIFICATE "}}",
         "\"AWS::Region\" is CloudFormation's"},
        {"{\"Resources\":{" CERTIFICATE "},\"DeviceConfiguration\":"
         "{\"a\":{\"b\":\"c\"}}}",
         "DeviceConfiguration can't have objects"},
        {"{\"Resources\":{" CERTIFICATE "},\"DeviceConfiguration\":"
         "{\"a\":7}}",
         "DeviceConfiguration.a: must be a text"},
        {"{\"Resources\":{" CERTIFICATE "},\"DeviceConfiguration\":[]}",
         "DeviceConfiguration: must be an object"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct imprint_template *template = NULL;
        struct imprint_why why = {"", ""};

        if (imprint_template_parse(imprint_slice_text(cases[i].text), &template,
                                   &why) != IMPRINT_ERR_FORMAT ||
            !strstr(why.text, cases[i].why))
            fail_msg("%s: %s", cases[i].text, why.text);
        assert_null(template);
    }
}

static void test_size(void **state)
{
    struct imprint_template *template = NULL;
    struct imprint_why why = {"", ""};
    char text[IMPRINT_TEMPLATE_MAX_LEN + 2];

    (void)state;
    (void)memset(text, ' ', sizeof(text));
    (void)snprintf(text, sizeof(text), "{\"Resources\":{%s}}", CERTIFICATE);
    text[strlen(text)] = ' ';
    imprint_template_free(NULL);
    assert_int_equal(
        imprint_template_parse(imprint_slice_of(text, IMPRINT_TEMPLATE_MAX_LEN),
                               &template, &why),
        IMPRINT_OK);
    imprint_template_free(template);
    template = NULL;
    assert_int_equal(imprint_template_parse(
                         imprint_slice_of(text, IMPRINT_TEMPLATE_MAX_LEN + 1),
                         &template, &why),
                     IMPRINT_ERR_FORMAT);
    assert_non_null(strstr(why.text, "10240"));
}

/* Fn::Join in Fn::Join, up to a depth that no stack minds. */
static void test_depth(void **state)
{
    struct imprint_template *template = NULL;
    struct imprint_why why = {"", ""};
    char text[4096];
    size_t depth;

    (void)state;
    for (depth = 1; depth <= 20; depth++) {
        size_t len = (size_t)snprintf(text, sizeof(text),
                                      "{\"Resources\":{%s},"
                                      "\"DeviceConfiguration\":{\"a\":",
                                      CERTIFICATE);
        size_t i;

        for (i = 0; i < depth; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len,
                                    "{\"Fn::Join\":[\"\",[");
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\"x\"");
        for (i = 0; i < depth; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "]]}");
        (void)snprintf(text + len, sizeof(text) - len, "}}");
        if (depth <= IMPRINT_TEMPLATE_MAX_DEPTH)
            imprint_template_free(parse(text));
        else
            assert_int_equal(imprint_template_parse(imprint_slice_text(text),
                                                    &template, &why),
                             IMPRINT_ERR_FORMAT);
    }
    assert_non_null(strstr(why.hint, "parameterOverrides"));
}

static const char whole[] =
    "{\"Parameters\":{\"SerialNumber\":{\"Type\":\"String\"},"
    "\"Place\":{\"Type\":\"String\",\"Default\":\"WA\"},"
    "\"AWS::IoT::Certificate::Id\":{\"Type\":\"String\"}},"
    "\"Resources\":{"
    "\"t\":{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{\"ThingName\":"
    "{\"Fn::Join\":[\"_\",[\"Pre\",{\"Ref\":\"SerialNumber\"}]]},"
    "\"AttributePayload\":{\"place\":{\"Ref\":\"Place\"}}}},"
    "\"c\":{\"Type\":\"AWS::IoT::Certificate\",\"Properties\":{"
    "\"CertificateId\":{\"Ref\":\"AWS::IoT::Certificate::Id\"},"
    "\"Status\":\"Inactive\"}},"
    "\"p\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{\"PolicyName\":"
    "\"one\"}},"
    "\"q\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{\"PolicyDocument\":"
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
    "\"Action\":\"iot:Connect\",\"Resource\":"
    "\"arn:aws:iot:r:a:client/${iot:Connection.Thing.ThingName}\"}]}}},"
    "\"r\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{\"PolicyDocument\":"
    "\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{"
    "\\\"Effect\\\":\\\"Deny\\\",\\\"Action\\\":\\\"iot:*\\\","
    "\\\"Resource\\\":\\\"*\\\"}]}\"}}},"
    "\"DeviceConfiguration\":{\"url\":\"https://example.com\","
    "\"id\":{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}";

static void test_whole(void **state)
{
    struct imprint_template *template = parse(whole);
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(apply(template, "SerialNumber", "SN-1", &plan, &why),
                     IMPRINT_OK);
    imprint_template_free(template); /* the plan has its own memory */
    assert_string_equal(plan.thing.name, "Pre_SN-1");
    assert_int_equal(plan.thing.attribute_count, 1);
    assert_true(imprint_slice_is(plan.thing.attributes[0].name, "place"));
    assert_true(imprint_slice_is(plan.thing.attributes[0].value, "WA"));
    assert_int_equal(plan.policy_count, 3);
    assert_string_equal(plan.policies[0].name, "one");
    assert_null(plan.policies[0].document);
    assert_null(plan.policies[1].name);
    assert_non_null(strstr(plan.policies[1].document,
                           "client/${iot:Connection.Thing.ThingName}"));
    assert_non_null(strstr(plan.policies[2].document, "\"Deny\""));
    assert_false(plan.activates);
    assert_int_equal(plan.configuration_count, 2);
    assert_true(imprint_slice_is(plan.configuration[0].name, "url"));
    assert_true(
        imprint_slice_is(plan.configuration[0].value, "https://example.com"));
    assert_true(imprint_slice_is(plan.configuration[1].value, ID));
    imprint_template_free_plan(&plan);
}

static void test_smallest(void **state)
{
    struct imprint_template *template =
        parse("{\"Resources\":{" CERTIFICATE "}}");
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(apply(template, NULL, NULL, &plan, &why), IMPRINT_OK);
    assert_null(plan.thing.name);
    assert_true(plan.activates);
    assert_int_equal(plan.policy_count, 0);
    assert_int_equal(plan.configuration_count, 0);
    imprint_template_free_plan(&plan);
    imprint_template_free(template);
}

static void test_parameters(void **state)
{
    struct imprint_template *template = parse(whole);
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};
    char name[200];

    (void)state;
    assert_int_equal(apply(template, "Other", "x", &plan, &why),
                     IMPRINT_ERR_ARGUMENT);
    assert_non_null(strstr(why.text, "\"SerialNumber\" is missing"));
    assert_int_equal(apply(template, "SerialNumber", "a b", &plan, &why),
                     IMPRINT_ERR_ARGUMENT);
    assert_non_null(strstr(why.text, "ThingName: \"Pre_a b\" can't be"));
    (void)memset(name, 'a', sizeof(name));
    name[THING_MAX_LEN - 4] = '\0';
    assert_int_equal(apply(template, "SerialNumber", name, &plan, &why),
                     IMPRINT_OK);
    imprint_template_free_plan(&plan);
    name[THING_MAX_LEN - 4] = 'a';
    name[THING_MAX_LEN - 3] = '\0';
    assert_int_equal(apply(template, "SerialNumber", name, &plan, &why),
                     IMPRINT_ERR_ARGUMENT);
    imprint_template_free(template);
}

/* The certificate's id is the service's to say. */
static void test_no_override(void **state)
{
    struct imprint_template *template = parse(
        "{\"Resources\":{" CERTIFICATE ",\"t\":{\"Type\":\"AWS::IoT::Thing\","
        "\"Properties\":{\"ThingName\":"
        "{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}}}");
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(
        apply(template, "AWS::IoT::Certificate::Id", "mine", &plan, &why),
        IMPRINT_OK);
    assert_string_equal(plan.thing.name, ID);
    imprint_template_free_plan(&plan);
    imprint_template_free(template);
}

static void test_attribute_values(void **state)
{
    struct imprint_template *template = parse(
        "{\"Parameters\":{\"v\":{\"Type\":\"String\"}},"
        "\"Resources\":{" CERTIFICATE ",\"t\":{\"Type\":\"AWS::IoT::Thing\","
        "\"Properties\":{\"ThingName\":\"a\",\"AttributePayload\":"
        "{\"n\":{\"Ref\":\"v\"}}}}},\"DeviceConfiguration\":"
        "{\"a\":{\"Fn::Join\":[\"\",[{\"Ref\":\"v\"},{\"Ref\":\"v\"},"
        "{\"Ref\":\"v\"}]]}}}");
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};
    char value[4097];

    (void)state;
    assert_int_equal(apply(template, "v", "", &plan, &why), IMPRINT_OK);
    imprint_template_free_plan(&plan);
    assert_int_equal(apply(template, "v", "has space", &plan, &why),
                     IMPRINT_ERR_ARGUMENT);
    assert_non_null(strstr(why.text, "\"n\" can't have the value"));
    (void)memset(value, 'a', sizeof(value));
    value[800] = '\0';
    assert_int_equal(apply(template, "v", value, &plan, &why), IMPRINT_OK);
    imprint_template_free_plan(&plan);
    value[800] = 'a';
    value[801] = '\0';
    assert_int_equal(apply(template, "v", value, &plan, &why),
                     IMPRINT_ERR_ARGUMENT);
    imprint_template_free(template);
}

/* Many references to one long parameter do not make a reply too large. */
static void test_value_too_long(void **state)
{
    struct imprint_template *template =
        parse("{\"Parameters\":{\"v\":{\"Type\":\"String\"}},"
              "\"Resources\":{" CERTIFICATE "},\"DeviceConfiguration\":"
              "{\"a\":{\"Fn::Join\":[\"\",[{\"Ref\":\"v\"},{\"Ref\":\"v\"},"
              "{\"Ref\":\"v\"}]]}}}");
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};
    char value[4097];

    (void)state;
    (void)memset(value, 'a', sizeof(value));
    value[IMPRINT_TEMPLATE_VALUE_MAX_LEN / 3] = '\0';
    assert_int_equal(apply(template, "v", value, &plan, &why), IMPRINT_OK);
    imprint_template_free_plan(&plan);
    value[IMPRINT_TEMPLATE_VALUE_MAX_LEN / 3] = 'a';
    value[4096] = '\0';
    assert_int_equal(apply(template, "v", value, &plan, &why),
                     IMPRINT_ERR_ARGUMENT);
    assert_non_null(
        strstr(why.text, "DeviceConfiguration.a.Fn::Join: is longer than"));
    imprint_template_free(template);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_at_load),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_no_override),
        cmocka_unit_test(test_attribute_values),
        cmocka_unit_test(test_value_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
