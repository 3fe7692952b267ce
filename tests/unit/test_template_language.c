/* Functions, findings, limits, and templates that are known good. */
#include "template_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PARAMETERS                                           \
    "'Parameters':{'A':{'Type':'String','Default':'x,y,z'}," \
    "'B':{'Type':'String','Default':'1'}},"
#define MAPPINGS "'Mappings':{'M':{'1':{'k':'one'},'2':{'k':'two'}}},"

/* names and values in turn, ended by NULL. */
static enum imprint_status apply(const struct imprint_template *template,
                                 const char *const *sent,
                                 const char *const *hook,
                                 struct imprint_template_plan *plan,
                                 struct imprint_why *why)
{
    struct imprint_pair pairs[2][8];
    const char *const *lists[2] = {sent, hook};
    size_t counts[2] = {0, 0};
    size_t i;

    for (i = 0; i < 2; i++) {
        while (lists[i] && lists[i][2 * counts[i]]) {
            pairs[i][counts[i]].name =
                imprint_slice_text(lists[i][2 * counts[i]]);
            pairs[i][counts[i]].value =
                imprint_slice_text(lists[i][2 * counts[i] + 1]);
            counts[i]++;
        }
    }
    return imprint_template_apply(
        template,
        &(struct imprint_template_parameters){imprint_slice_text(ID), pairs[0],
                                              counts[0], pairs[1], counts[1]},
        plan, why);
}

/* What DeviceConfiguration's only value becomes. */
static enum imprint_status evaluate(const char *value, const char *const *sent,
                                    char result[512], struct imprint_why *why)
{
    struct imprint_template *template = NULL;
    struct imprint_template_plan plan;
    char text[4096];
    enum imprint_status status;

    (void)snprintf(text, sizeof(text),
                   "{" PARAMETERS MAPPINGS "'Resources':{" CERTIFICATE
                   "},'DeviceConfiguration':{'v':%s}}",
                   value);
    status = template_try_parse(text, &template, why);
    if (status != IMPRINT_OK)
        return status;
    status = apply(template, sent, NULL, &plan, why);
    if (status == IMPRINT_OK) {
        (void)snprintf(result, 512, "%s",
                       (const char *)plan.configuration[0].value.bytes);
        imprint_template_free_plan(&plan);
    }
    imprint_template_free(template);
    return status;
}

static void test_functions(void **state)
{
    static const struct {
        const char *value;
        const char *result;
    } cases[] = {
        {"{'Ref':'A'}", "x,y,z"},
        {"{'Ref':'AWS::IoT::Certificate::Id'}", ID},
        {"{'Fn::Join':['',['a',{'Ref':'B'},'c']]}", "a1c"},
        {"{'Fn::Join':['-',[]]}", ""},
        {"{'Fn::Join':['-',{'Fn::Split':[',',{'Ref':'A'}]}]}", "x-y-z"},
        {"{'Fn::Select':[0,['a','b']]}", "a"},
        {"{'Fn::Select':['1',['a','b']]}", "b"},
        {"{'Fn::Select':[{'Ref':'B'},['a','b']]}", "b"},
        {"{'Fn::Select':[2,{'Fn::Split':[',',{'Ref':'A'}]}]}", "z"},
        {"{'Fn::Select':[0,{'Fn::Split':['--','a']}]}", "a"},
        {"{'Fn::Select':[1,{'Fn::Split':['--','a--']}]}", ""},
        {"{'Fn::FindInMap':['M',{'Ref':'B'},'k']}", "one"},
        {"{'Fn::FindInMap':['M','2','k']}", "two"},
        {"{'Fn::FindInMap':[{'Fn::Sub':'M'},{'Fn::Select':[0,['2']]},'k']}",
         "two"},
        {"{'Fn::Sub':'a-${B}-$c'}", "a-1-$c"},
        {"{'Fn::Sub':'${AWS::IoT::Certificate::Id}'}", ID},
        {"{'Fn::Sub':'${!B}${B}${!iot:ClientId}'}", "${B}1${iot:ClientId}"},
        {"{'Fn::Sub':['${v}.${B}',{'v':{'Ref':'A'}}]}", "x,y,z.1"},
        {"{'Fn::Sub':['${B}',{'B':'own'}]}", "own"},
        {"{'Fn::Sub':''}", ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct imprint_why why = {"", ""};
        char result[512] = "";

        if (evaluate(cases[i].value, NULL, result, &why) != IMPRINT_OK ||
            strcmp(result, cases[i].result) != 0)
            fail_msg("%s: %s, %s", cases[i].value, result, why.text);
    }
}

static void test_bad_functions(void **state)
{
    static const struct {
        const char *value;
        const char *why;
    } cases[] = {
        {"{'Ref':1}", "Ref must name"},
        {"{'Ref':'AWS::AccountId'}", "CloudFormation's"},
        {"{'Ref':'C'}", "used but not declared"},
        {"{'Fn::Join':[{'Ref':'A'},['a']]}", "delimiter"},
        {"{'Fn::Join':['-','a']}", "must be a list"},
        {"{'Fn::Join':['-',['a',{'Fn::Split':['-','a']}]]}", "gives a list"},
        {"{'Fn::Join':['-',{'Ref':'A'}]}", "gives a text"},
        {"{'Fn::Split':[',',{'Ref':'A'}]}", "gives a list"},
        {"{'Fn::Select':[0,{'Fn::Split':['','a']}]}", "not empty"},
        {"{'Fn::Select':[2,['a','b']]}", "no item 2 in a list of 2"},
        {"{'Fn::Select':[-1,['a','b']]}", "not the index"},
        {"{'Fn::Select':[1.5,['a','b']]}", "not the index"},
        {"{'Fn::Select':[true,['a','b']]}", "must be a text"},
        {"{'Fn::Select':[0]}", "must be [index"},
        {"{'Fn::FindInMap':['N','1','k']}", "\"N\" is not in Mappings"},
        {"{'Fn::FindInMap':['M','3','k']}", "\"3\" is not in the map"},
        {"{'Fn::FindInMap':['M','1','l']}", "\"l\" is not in the map"},
        {"{'Fn::Sub':'${B'}", "without \"}\""},
        {"{'Fn::Sub':'${C}'}", "used but not declared"},
        {"{'Fn::Sub':['${B}']}", "must be a text, or"},
        {"{'Fn::If':['a','b','c']}", "no function \"Fn::If\""},
        {"{'Fn::join':['',[]]}", "no function \"Fn::join\""},
        {"{'Ref':'A','Fn::Sub':''}", "can't have objects"},
        {"7", "must be a text"},
        {"null", "must be a text"},
        {"['a']", "can't have objects or lists"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct imprint_why why = {"", ""};
        char result[512] = "";

        if (evaluate(cases[i].value, NULL, result, &why) !=
                IMPRINT_ERR_FORMAT ||
            !strstr(why.text, cases[i].why))
            fail_msg("%s: %s, %s", cases[i].value, result, why.text);
    }
}

/* What only a device's parameters make wrong. */
static void test_bad_values(void **state)
{
    static const struct {
        const char *value;
        const char *sent;
        const char *why;
    } cases[] = {
        {"{'Fn::Select':[{'Ref':'B'},['a']]}", "1", "no item 1 in a list of 1"},
        {"{'Fn::Select':[{'Ref':'B'},['a']]}", "x", "\"x\" is not the index"},
        {"{'Fn::Select':[{'Ref':'B'},['a']]}", "", "\"\" is not the index"},
        {"{'Fn::FindInMap':['M',{'Ref':'B'},'k']}", "9",
         "DeviceConfiguration.v.Fn::FindInMap[1]: \"9\" is not in the map"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *const sent[] = {"B", cases[i].sent, NULL};
        struct imprint_why why = {"", ""};
        char result[512] = "";

        if (evaluate(cases[i].value, sent, result, &why) !=
                IMPRINT_ERR_ARGUMENT ||
            !strstr(why.text, cases[i].why))
            fail_msg("%s: %s, %s", cases[i].value, result, why.text);
    }
}

/* What the service says of the certificate is not the device's to say. */
static void test_built_in(void **state)
{
    static const char *const values[] = {
        "{'Ref':'AWS::IoT::Certificate::Id'}",
        "{'Fn::Sub':'${AWS::IoT::Certificate::Id}'}",
        "{'Fn::Join':['',[{'Ref':'AWS::IoT::Certificate::Id'}]]}",
    };
    static const char *const sent[] = {"AWS::IoT::Certificate::Id", "forged",
                                       NULL};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct imprint_why why = {"", ""};
        char result[512] = "";

        assert_int_equal(evaluate(values[i], sent, result, &why), IMPRINT_OK);
        assert_string_equal(result, ID);
    }
}

/* AWS's own: the template of its continuous integration. */
static const char aws_template[] =
    "{'Parameters':{'DeviceLocation':{'Type':'String'},"
    "'AWS::IoT::Certificate::Id':{'Type':'String'},"
    "'SerialNumber':{'Type':'String'}},\n"
    " 'Mappings':{'LocationTable':{'Seattle':{'LocationUrl':"
    "'https://example.aws'}}},\n"
    " 'Resources':{\n"
    "  'thing':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':{'Fn::Join':"
    "['',['ThingPrefix_',{'Ref':'SerialNumber'}]]},\n"
    "     'AttributePayload':{'version':'v1','serialNumber':'serialNumber'}},\n"
    "     'OverrideSettings':{'AttributePayload':'MERGE','ThingTypeName':"
    "'REPLACE','ThingGroups':'DO_NOTHING'}},\n"
    "  'certificate':{'Type':'AWS::IoT::Certificate','Properties':{"
    "'CertificateId':{'Ref':'AWS::IoT::Certificate::Id'},'Status':'Active'},\n"
    "     'OverrideSettings':{'Status':'REPLACE'}},\n"
    "  'policy':{'Type':'AWS::IoT::Policy','Properties':{'PolicyDocument':{"
    "'Version':'2012-10-17','Statement':[\n"
    "     {'Effect':'Allow','Action':['iot:Connect','iot:Subscribe',"
    "'iot:Publish','iot:Receive'],'Resource':'*'}]}}}},\n"
    " 'DeviceConfiguration':{'FallbackUrl':"
    "'https://www.example.com/test-site',\n"
    "  'LocationUrl':{'Fn::FindInMap':['LocationTable',"
    "{'Ref':'DeviceLocation'},'LocationUrl']}}}";

static void test_of_aws(void **state)
{
    static const char *const sent[] = {"SerialNumber", "7", "DeviceLocation",
                                       "Seattle", NULL};
    struct imprint_template *template = template_parse(aws_template);
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(apply(template, sent, NULL, &plan, &why), IMPRINT_OK);
    assert_string_equal(plan.thing.name, "ThingPrefix_7");
    assert_int_equal(plan.thing.attribute_count, 2);
    assert_true(imprint_slice_is(plan.thing.attributes[0].name,
                                 "serialNumber")); /* sorted */
    assert_true(plan.has_overrides);
    assert_int_equal(plan.on_attributes, IMPRINT_TEMPLATE_MERGE);
    assert_int_equal(plan.on_type, IMPRINT_TEMPLATE_REPLACE);
    assert_int_equal(plan.on_groups, IMPRINT_TEMPLATE_DO_NOTHING);
    assert_int_equal(plan.on_status, IMPRINT_TEMPLATE_REPLACE);
    assert_true(plan.activates);
    assert_int_equal(plan.policy_count, 1);
    assert_true(
        imprint_slice_is(plan.configuration[1].value, "https://example.aws"));
    imprint_template_free_plan(&plan);
    imprint_template_free(template);
}

static void test_every_prefix(void **state)
{
    char *text = template_quote(aws_template);
    size_t len;

    (void)state;
    for (len = 0; len < strlen(text); len++) {
        struct imprint_findings findings = {.count = 0};
        struct imprint_template *template = NULL;

        imprint_template_check(imprint_slice_of(text, len), false, &findings);
        assert_int_equal(findings.error_count, 1);
        assert_true(findings.items[0].point.line > 0);
        imprint_finding_free(&findings);
        assert_int_equal(imprint_template_parse(imprint_slice_of(text, len),
                                                &template, NULL),
                         IMPRINT_ERR_FORMAT);
    }
    free(text);
}

/* The hook supplies CertDate; no groups; a policy by its name. */
static void test_of_the_hook(void **state)
{
    static const char *const sent[] = {
        "deviceId", "d1", "CertDate", "liar", "AWS::IoT::Certificate::Id",
        "liar",     NULL};
    static const char *const hook[] = {"CertDate", "2026-01-02", "Other", "x",
                                       NULL};
    struct imprint_template *template = template_parse(
        "{'Parameters':{'deviceId':{'Type':'String'},"
        "'CertDate':{'Type':'String'}},'Resources':{" CERTIFICATE
        ",'t':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':"
        "{'Ref':'deviceId'},'AttributePayload':{'CertDate':{'Ref':'CertDate'},"
        "'id':{'Ref':'AWS::IoT::Certificate::Id'}},'ThingGroups':[]}},"
        "'p':{'Type':'AWS::IoT::Policy','Properties':{'PolicyName':"
        "{'Fn::Sub':'policy-${deviceId}'}}}}}");
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(apply(template, sent, hook, &plan, &why), IMPRINT_OK);
    assert_string_equal(plan.thing.name, "d1");
    assert_true(imprint_slice_is(plan.thing.attributes[0].value, "2026-01-02"));
    assert_true(imprint_slice_is(plan.thing.attributes[1].value, ID));
    assert_int_equal(plan.thing.group_count, 0);
    assert_string_equal(plan.policies[0].name, "policy-d1");
    imprint_template_free_plan(&plan);
    assert_int_equal(apply(template, sent + 2, hook, &plan, &why),
                     IMPRINT_ERR_ARGUMENT);
    assert_non_null(strstr(why.text, "\"deviceId\" is missing"));
    imprint_template_free(template);
}

/* A declared parameter without a Default must come, used or not. */
static void test_unused_parameter(void **state)
{
    struct imprint_template *template = template_parse(
        "{'Parameters':{'a':{'Type':'String'}},'Resources':{" CERTIFICATE "}}");
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(apply(template, NULL, NULL, &plan, &why),
                     IMPRINT_ERR_ARGUMENT);
    assert_non_null(strstr(why.text, "\"a\" is missing"));
    imprint_template_free(template);
}

static void test_policy_with_functions(void **state)
{
    static const char *const sent[] = {"s", "a\"b\\", NULL};
    struct imprint_template *template = template_parse(
        "{'Parameters':{'s':{'Type':'String'}},'Resources':{" CERTIFICATE
        ",'p':{'Type':'AWS::IoT::Policy','Properties':{'PolicyDocument':{"
        "'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':"
        "{'Fn::Split':[',','iot:Connect,iot:Publish']},'Resource':{'Fn::Join':"
        "['',['arn:aws:iot:us-east-1:123456789012:client/',{'Ref':'s'},"
        "'${iot:ClientId}']]}}]}}}}}");
    struct imprint_template_plan plan;
    struct imprint_why why = {"", ""};

    (void)state;
    if (apply(template, sent, NULL, &plan, &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
    assert_non_null(
        strstr(plan.policies[0].document, "[\"iot:Connect\",\"iot:Publish\"]"));
    assert_non_null(strstr(plan.policies[0].document,
                           "client/a\\\"b\\\\${iot:ClientId}\""));
    imprint_template_free_plan(&plan);
    imprint_template_free(template);
}

/* ---- findings ---- */

static const struct imprint_finding *find(
    const struct imprint_findings *findings, const char *text)
{
    size_t i;

    for (i = 0; i < findings->count; i++) {
        if (strstr(findings->items[i].text, text))
            return &findings->items[i];
    }
    return NULL;
}

static void test_findings(void **state)
{
    static const struct {
        const char *text;
        bool is_warning;
        const char *place;
        const char *hint;
    } cases[] = {
        {"every device gets the same thing", true,
         "Resources.t.Properties.ThingName", "parameter"},
        {"\"ThingNames\" does not exist", false,
         "Resources.t.Properties.ThingNames", "did you mean \"ThingName\"?"},
        {"\"Unused\" is declared but never used", true, "Parameters.Unused",
         "hook"},
        {"\"has space\" can't be taken", false,
         "Resources.t.Properties.AttributePayload.a", "no spaces"},
        {"the thing group \"g1\" must exist", true,
         "Resources.t.Properties.ThingGroups[0]", ""},
        {"the policy \"p1\" must exist", true,
         "Resources.p.Properties.PolicyName", ""},
        {"must be DO_NOTHING, REPLACE, FAIL or MERGE", false,
         "Resources.t.OverrideSettings.ThingGroups",
         "did you mean \"REPLACE\"?"},
        {"must be DO_NOTHING, REPLACE or FAIL", false,
         "Resources.t.OverrideSettings.THING_TYPE_NAME", "MERGE is for"},
        {"AWS has no OverrideSettings for a policy", false,
         "Resources.p.OverrideSettings", ""},
        {"\"Conditions\" does not exist", false, "Conditions",
         "CloudFormation"},
        {"\"enabled\" does not exist", false, "enabled", "--enabled"},
        {"must be a text", false, "Mappings.M.a.b", "can't have functions"},
    };
    char *text = template_quote(
        "{'Parameters':{'Unused':{'Type':'String'}},\n"
        "'Conditions':{},'enabled':true,\n"
        "'Mappings':{'M':{'a':{'b':{'Ref':'Unused'}}}},\n"
        "'Resources':{" CERTIFICATE ",\n"
        "'t':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':'a',\n"
        "'ThingNames':'b','AttributePayload':{'a':'has space'},\n"
        "'ThingGroups':['g1',7]},'OverrideSettings':{'ThingGroups':'replace',\n"
        "'THING_TYPE_NAME':'MERGE'}},\n"
        "'p':{'Type':'AWS::IoT::Policy','Properties':{'PolicyName':'p1'},\n"
        "'OverrideSettings':{}}}}");
    struct imprint_findings findings = {.count = 0};
    size_t i;

    (void)state;
    imprint_template_check(imprint_slice_text(text), false, &findings);
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct imprint_finding *item = find(&findings, cases[i].text);

        if (!item || item->is_warning != cases[i].is_warning ||
            strcmp(item->place, cases[i].place) != 0 ||
            !strstr(item->hint, cases[i].hint))
            fail_msg("%s: %s, %s", cases[i].text, item ? item->place : "",
                     item ? item->hint : "");
    }
    assert_int_equal(find(&findings, "has space")->point.line, 6);
    assert_int_equal(find(&findings, "\"ThingNames\"")->point.column, 1);
    imprint_finding_free(&findings);
    free(text);
}

static size_t count_takeovers(const char *name, bool has_hook)
{
    struct imprint_findings findings = {.count = 0};
    char text[1024];
    char *copy;
    size_t count;

    (void)snprintf(text, sizeof(text),
                   "{'Parameters':{'s':{'Type':'String'}},'Resources':{%s,"
                   "'t':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':"
                   "%s,'AttributePayload':{'s':{'Ref':'s'}}}}}}",
                   CERTIFICATE, name);
    copy = template_quote(text);
    imprint_template_check(imprint_slice_text(copy), has_hook, &findings);
    assert_int_equal(findings.error_count, 0);
    assert_non_null(find(&findings, "without OverrideSettings"));
    count = find(&findings, "take over") ? 1 : 0;
    imprint_finding_free(&findings);
    free(copy);
    return count;
}

static void test_takeover(void **state)
{
    (void)state;
    assert_int_equal(count_takeovers("{'Ref':'s'}", false), 1);
    assert_int_equal(count_takeovers("{'Fn::Sub':'a-${s}'}", false), 1);
    assert_int_equal(count_takeovers("{'Ref':'s'}", true), 0);
    assert_int_equal(
        count_takeovers("{'Ref':'AWS::IoT::Certificate::Id'}", false), 0);
}

/* ---- limits ---- */

static enum imprint_status parse_thing(const char *properties,
                                       struct imprint_why *why)
{
    struct imprint_template *template = NULL;
    char text[8192];
    enum imprint_status status;

    (void)snprintf(text, sizeof(text),
                   "{'Resources':{%s,'t':{'Type':'AWS::IoT::Thing',"
                   "'Properties':{%s}}}}",
                   CERTIFICATE, properties);
    status = template_try_parse(text, &template, why);
    imprint_template_free(template);
    return status;
}

static void put_attributes(char *text, size_t room_len, const char *start,
                           size_t count)
{
    size_t len = (size_t)snprintf(
        text, room_len, "'ThingName':'a',%s'AttributePayload':{", start);
    size_t i;

    for (i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, room_len - len, "%s'a%zu':'v'",
                                i > 0 ? "," : "", i);
    (void)snprintf(text + len, room_len - len, "}");
}

static void test_limits(void **state)
{
    static const char ten[] =
        "'ThingName':'a','ThingGroups':['0','1','2','3','4','5','6','7','8',"
        "'9'%s]";
    struct imprint_why why = {"", ""};
    char text[4096];
    char name[160];

    (void)state;
    put_attributes(text, sizeof(text), "", 3);
    assert_int_equal(parse_thing(text, &why), IMPRINT_OK);
    put_attributes(text, sizeof(text), "", 4);
    assert_int_equal(parse_thing(text, &why), IMPRINT_ERR_FORMAT);
    assert_non_null(strstr(why.text, "at most 3 attributes"));
    put_attributes(text, sizeof(text), "'ThingTypeName':'t',", 50);
    assert_int_equal(parse_thing(text, &why), IMPRINT_OK);
    put_attributes(text, sizeof(text), "'ThingTypeName':'t',", 51);
    assert_int_equal(parse_thing(text, &why), IMPRINT_ERR_FORMAT);
    (void)snprintf(text, sizeof(text), ten, "");
    assert_int_equal(parse_thing(text, &why), IMPRINT_OK);
    (void)snprintf(text, sizeof(text), ten, ",'10'");
    assert_int_equal(parse_thing(text, &why), IMPRINT_ERR_FORMAT);
    assert_non_null(strstr(why.text, "at most 10 groups"));
    (void)memset(name, 'a', sizeof(name));
    name[128] = '\0';
    (void)snprintf(text, sizeof(text), "'ThingName':'%s'", name);
    assert_int_equal(parse_thing(text, &why), IMPRINT_OK);
    (void)snprintf(text, sizeof(text), "'ThingName':'%sa'", name);
    assert_int_equal(parse_thing(text, &why), IMPRINT_ERR_FORMAT);
    (void)snprintf(text, sizeof(text),
                   "'ThingName':'a','AttributePayload':{'%sa':''}", name);
    assert_int_equal(parse_thing(text, &why), IMPRINT_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_bad_functions),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_of_aws),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_of_the_hook),
        cmocka_unit_test(test_unused_parameter),
        cmocka_unit_test(test_policy_with_functions),
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_takeover),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
