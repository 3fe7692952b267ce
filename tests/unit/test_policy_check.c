/*
 * What is wrong with a policy: every error, with its line and column. The texts
 * are those of policy_rig_checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/policy.h"
#include "policy_rig.h"

#define TEXT_LEN POLICY_RIG_JSON_LEN
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define HEAD "{'Version':'2012-10-17',\n'Statement':"
#define ACTION HEAD "{'Effect':'Allow','Resource':'@client/a','Action':\n"
#define RESOURCE HEAD "{'Effect':'Allow','Action':'iot:Publish','Resource':\n"
#define CONDITION                                                             \
    HEAD "{'Effect':'Allow','Action':'iot:Connect','Resource':'@client/a',\n" \
         "'Condition':"
#define TAIL "}}"

struct given {
    const char *document;
    const char *findings; /* "error LINE:COLUMN PLACE: TEXT\n", each */
};

/* The findings of a check; and what cannot be used is not parsed either. */
static void expect(const char *document, const char *wanted)
{
    struct imprint_findings findings = {.count = 0};
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};
    char *text = policy_rig_checked(document);
    char *got;

    imprint_policy_check(imprint_slice_text(text), &findings);
    imprint_finding_sort(&findings);
    got = policy_rig_findings(&findings, false);
    if (strcmp(got, wanted) != 0)
        fail_msg("%s\n%s, not\n%s", text, got, wanted);
    assert_int_equal(
        imprint_policy_parse(imprint_slice_text(text), &policy, &why),
        findings.error_count > 0 ? IMPRINT_ERR_FORMAT : IMPRINT_OK);
    imprint_policy_free(policy);
    imprint_finding_free(&findings);
    free(got);
    free(text);
}

static void expect_all(const struct given *given, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        expect(given[i].document, given[i].findings);
}

/* A text in the place of %s, which has this one problem. */
struct problem {
    const char *text;
    const char *problem;
};

static void expect_each(const char *head, const char *tail, const char *place,
                        const struct problem *problems)
{
    char document[TEXT_LEN];
    char finding[1024];

    for (; problems->text; problems++) {
        (void)snprintf(document, sizeof(document), "%s%s%s", head,
                       problems->text, tail);
        (void)snprintf(finding, sizeof(finding), "error %s: %s\n", place,
                       problems->problem);
        expect(document, finding);
    }
}

static void test_shape(void **state)
{
    static const struct given given[] = {
        {"{", "error 1:1 : no JSON: string or '}' expected near end of file\n"},
        {"{'Version':'2012-10-17',\n  'Statement':[}",
         "error 2:16 : no JSON: unexpected token near '}'\n"},
        {"['x']", "error 1:1 : the policy is not an object\n"},
        {"7", "error 1:1 : the policy is not an object\n"},
        {"{'Version':1}", "error 1:1 Statement: is missing or empty\n"
                          "error 1:2 Version: must be '2012-10-17'\n"},
        {"{'Version':'2008-10-17',\n'Id':7,'Stetement':[],\n 'Statement':'x'}",
         "error 1:2 Version: must be '2012-10-17'\n"
         "error 2:8 Stetement: 'Stetement' is not supported\n"
         "error 3:2 Statement: is not an object\n"},
        {HEAD "[{'Effect':'allow','Action':7,'Resource':[]},\n7,\n"
              "  {'Sid':5}]"
              "}",
         "error 2:15 Statement[0].Effect: must be 'Allow' or 'Deny'\n"
         "error 2:32 Statement[0].Action: must be a text\n"
         "error 2:43 Statement[0].Resource: is empty\n"
         "error 3:1 Statement[1]: is not an object\n"
         "error 4:3 Statement[2].Action: is missing\n"
         "error 4:3 Statement[2].Resource: is missing\n"
         "error 4:3 Statement[2].Effect: must be 'Allow' or 'Deny'\n"
         "error 4:4 Statement[2].Sid: must be a text\n"},
        {HEAD "{'Effect':'Allow','Principal':'*',\n"
              "'NotAction':'iot:*','NotResource':'*','Efect':'x'}"
              "}",
         "error 2:31 Statement.Principal: 'Principal' is not supported\n"
         "error 3:1 Statement.NotAction: 'NotAction' is not supported\n"
         "error 3:21 Statement.NotResource: 'NotResource' is not supported\n"
         "error 3:39 Statement.Efect: 'Efect' is not supported\n"},
        {HEAD "{'Effect':'Allow',\n'Action':'iot:Publish','Condition':'x'}"
              "}",
         "error 2:1 Statement.Resource: is missing\n"
         "error 3:24 Statement.Condition: is not an object\n"},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

static void test_actions(void **state)
{
#define UNKNOWN(action)                                                       \
    {                                                                         \
        "'" action "'", "'" action "' is not supported: no action of AWS IoT" \
    }
    static const struct problem problems[] = {
        UNKNOWN("iot:Publsh"),
        UNKNOWN("IOT:Publish"),
        UNKNOWN("iot:"),
        UNKNOWN(""),
        UNKNOWN("s3:GetObject"),
        UNKNOWN("iot:Fly*"),
        UNKNOWN("iot:?"),
        UNKNOWN("iot:${*}"),
        {"'iot:${iot:ClientId}'", "an action can't have variables"},
        {"'iot:${'", "an action can't have variables"},
        {"{}", "must be a text"},
        {NULL, NULL},
    };

    (void)state;
    expect_each(ACTION, TAIL, "2:69 Statement.Action", problems);
    expect(ACTION "['iot:Connect',[],null]" TAIL,
           "error 3:16 Statement.Action[1]: must be a text\n"
           "error 3:19 Statement.Action[2]: must be a text\n");
}

static void test_resources(void **state)
{
#define NEITHER(resource)                                          \
    {                                                              \
        "'" resource "'", "'" resource "' is neither an ARN nor *" \
    }
    static const struct problem problems[] = {
        NEITHER(""),
        NEITHER("topic/a"),
        NEITHER("*secret"),
        NEITHER("ARN:aws:iot:r:1:topic/a"),
        {"'arn:aws:iot'", "'arn:aws:iot' is no whole ARN"},
        {"'arn:aws:iot:r:1'", "'arn:aws:iot:r:1' is no whole ARN"},
        {"'@topic/${'", "'${' is never closed in '${'"},
        {"'@topic/a${iot:ClientId/b'",
         "'${' is never closed in '${iot:ClientId/b'"},
        {"{}", "must be a text"},
        {NULL, NULL},
    };

    (void)state;
    expect_each(RESOURCE, TAIL, "2:54 Statement.Resource", problems);
    expect(RESOURCE "['@topic/a',7,\n {},true]" TAIL,
           "error 3:28 Statement.Resource[1]: must be a text\n"
           "error 4:2 Statement.Resource[2]: must be a text\n"
           "error 4:5 Statement.Resource[3]: must be a text\n");
}

/* Of no request, of several values, and what only looks like one. */
static const char *const no_variables[] = {
    "",
    "**",
    "iot:clientid",
    "iot:ClientId ",
    "aws:SourceIP",
    "iot:Thing.ThingName",
    "iot:Connection.Thing.Attributes",
    "iot:Connection.Thing.Attributes[]",
    "iot:Connection.Thing.Attributes[x",
    "iot:Certificate.",
    "iot:Certificate.Subject",
    "iot:Certificate.Subject.Foo",
    "iot:Certificate.Subject.CommonName.",
    "iot:Certificate.Subject.CommonName.1234",
    "iot:Certificate.Subject.CommonName.List",
    "iot:Certificate.Subject.CommonNames",
    "iot:Certificate.SerialNumber.1",
    "iot:ConnectAttributes",
    "iot:DomainName",
    "aws:CurrentTime",
};

static void test_variables(void **state)
{
    char document[1024];
    char finding[1024];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(no_variables); i++) {
        (void)snprintf(document, sizeof(document), "%s'@topic/${%s}/x'%s",
                       RESOURCE, no_variables[i], TAIL);
        (void)snprintf(finding, sizeof(finding),
                       "error 2:54 Statement.Resource: the variable '${%s}' is "
                       "not supported\n",
                       no_variables[i]);
        expect(document, finding);
        (void)snprintf(document, sizeof(document),
                       "%s{'StringLike':{'iot:ClientId':['x','y${%s}']}}%s",
                       CONDITION, no_variables[i], TAIL);
        (void)snprintf(finding, sizeof(finding),
                       "error 3:48 Statement.Condition.StringLike.iot:ClientId"
                       "[1]: '${%s}' has a variable that can't be used\n",
                       no_variables[i]);
        expect(document, finding);
    }
    expect(CONDITION "{'StringEquals':{'iot:ClientId':'a${'}}" TAIL,
           "error 3:30 Statement.Condition.StringEquals.iot:ClientId: '${' has "
           "a variable that can't be used\n");
}

/* As many as there may be; the next one is an error. */
static void test_variable_count(void **state)
{
    static const char variable[] = "${iot:ClientId}";
    char document[1024] = RESOURCE "'@topic/";
    size_t i;

    (void)state;
    for (i = 0; i < 16; i++)
        (void)strcat(document, variable);
    i = strlen(document);
    (void)strcat(document, "'" TAIL);
    expect(document, "");
    document[i] = '\0';
    (void)strcat(document, "${*}${aws:SourceIp}'" TAIL);
    expect(document, "error 2:54 Statement.Resource: it has more than 16 "
                     "variables\n");
}

static void test_operators(void **state)
{
    static const char *const names[] = {
        "StringEqual",
        "stringequals",
        "StringEquals ",
        "",
        "IfExists",
        "ForAnyValue:",
        "ForAllValues:IfExists",
        "ForAnyvalue:StringEquals",
        "ForAllValues:ForAnyValue:StringEquals",
        "StringEqualsIfExistsIfExists",
        "NullIfExists",
        "ForAnyValue:Null",
        "NumericEquals",
        "DateLessThan",
        "BinaryEquals",
    };
    char document[1024];
    char finding[1024];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(document, sizeof(document),
                       "%s{'Bool':{},'%s':{'iot:ClientId':'true'}}%s",
                       CONDITION, names[i], TAIL);
        (void)snprintf(finding, sizeof(finding),
                       "error 3:24 Statement.Condition.%s: '%s' is no operator "
                       "that AWS IoT's keys can use\n",
                       names[i], names[i]);
        expect(document, finding);
    }
    expect(CONDITION "[]" TAIL,
           "error 3:1 Statement.Condition: is not an object\n");
    expect(CONDITION "{'StringEquals':'x','Bool':[]}" TAIL,
           "error 3:14 Statement.Condition.StringEquals: is not an object\n"
           "error 3:33 Statement.Condition.Bool: is not an object\n");
}

static void test_keys(void **state)
{
    static const char *const foreign[] = {"iot:DomainName", "iot:LastWillTopic",
                                          "iot:Certificate.AvailableKeys"};
    static const char *const names[] = {
        "",
        "iot:clientid",
        "aws:CurrentTime",
        "${iot:ClientId}",
        "iot:Connection.Thing.Attributes[]",
        "iot:Connection.Thing.Attributes[x",
        "iot:Certificate.Subject",
        "iot:Certificate.Subject.CommonName.list",
        "*",
    };
    char document[1024];
    char finding[1024];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(names) + COUNT_OF(foreign); i++) {
        bool is_foreign = i >= COUNT_OF(names);
        const char *name = is_foreign ? foreign[i - COUNT_OF(names)] : names[i];

        (void)snprintf(document, sizeof(document),
                       "%s{'StringEquals':\n {'%s':'x'}}%s", CONDITION, name,
                       TAIL);
        (void)snprintf(finding, sizeof(finding),
                       "error 4:3 Statement.Condition.StringEquals.%s: %s'%s' "
                       "is %s\n",
                       name, is_foreign ? "the key " : "", name,
                       is_foreign ? "not supported here"
                                  : "no condition key of AWS IoT");
        expect(document, finding);
    }
    expect(CONDITION "{'NotIpAddress':{'iot:ClientId':'::'}}" TAIL,
           "error 3:30 Statement.Condition.NotIpAddress.iot:ClientId: "
           "'iot:ClientId' is no address; aws:SourceIp is\n");
}

static void test_values(void **state)
{
    static const struct problem texts[] = {
        {"7", "must be a text"},    {"true", "must be a text"},
        {"null", "must be a text"}, {"{}", "must be a text"},
        {"[]", "is empty"},         {NULL, NULL},
    };
    static const struct given given[] = {
        {CONDITION "{'StringEquals':{'iot:ClientId':['x',\n null,['y']],"
                   "'aws:SourceIp':1}}" TAIL,
         "error 4:2 Statement.Condition.StringEquals.iot:ClientId[1]: must be "
         "a text\n"
         "error 4:7 Statement.Condition.StringEquals.iot:ClientId[2]: must be "
         "a text\n"
         "error 4:14 Statement.Condition.StringEquals.aws:SourceIp: must be a "
         "text\n"},
        {CONDITION "{'Bool':{'iot:ClientId':['yes',1,'TRUE',true,'']}}" TAIL,
         "error 3:38 Statement.Condition.Bool.iot:ClientId[0]: 'yes' is not "
         "true or false\n"
         "error 3:44 Statement.Condition.Bool.iot:ClientId[1]: must be a text\n"
         "error 3:58 Statement.Condition.Bool.iot:ClientId[4]: '' is not true "
         "or false\n"},
        {CONDITION "{'Null':{'iot:ClientId':['0',false,null]}}" TAIL,
         "error 3:38 Statement.Condition.Null.iot:ClientId[0]: '0' is not true "
         "or false\n"
         "error 3:48 Statement.Condition.Null.iot:ClientId[2]: must be a "
         "text\n"},
        /* no value at all is fine, if it is said how many of them fit */
        {CONDITION "{'ForAllValues:StringEquals':{'iot:ClientId':[]}}" TAIL,
         ""},
    };

    (void)state;
    expect_each(CONDITION "{'StringEquals':{'iot:ClientId':", "}}" TAIL,
                "3:30 Statement.Condition.StringEquals.iot:ClientId", texts);
    expect_all(given, COUNT_OF(given));
}

static void test_addresses(void **state)
{
    static const char *const addresses[] = {
        "",
        "*",
        "/8",
        "localhost",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/8x",
        "10.0.0.0/ 8",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "10.0.0.0/99999999999999999999",
        "::1/129",
        ":::",
        "fe80::1%eth0",
        "${aws:SourceIp}",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa",
    };
    char document[1024];
    char finding[1024];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(addresses); i++) {
        (void)snprintf(document, sizeof(document),
                       "%s{'IpAddress':{'aws:SourceIp':['::/0','%s']}}%s",
                       CONDITION, addresses[i], TAIL);
        (void)snprintf(finding, sizeof(finding),
                       "error 3:50 Statement.Condition.IpAddress.aws:SourceIp"
                       "[1]: '%s' is no address or range\n",
                       addresses[i]);
        expect(document, finding);
    }
}

/* What is too much to keep is counted. */
static void test_many(void **state)
{
    struct imprint_findings findings = {.count = 0};
    char *text = policy_rig_json(ACTION "[");
    size_t len = strlen(text);
    size_t i;

    (void)state;
    for (i = 0; i < 300; i++)
        len += (size_t)snprintf(text + len, TEXT_LEN - len, "\"x%zu\",", i);
    (void)snprintf(text + len, TEXT_LEN - len, "\"iot:Connect\"]}}");
    imprint_policy_check(imprint_slice_text(text), &findings);
    assert_int_equal(findings.count, IMPRINT_FINDING_MAX_COUNT);
    assert_int_equal(findings.error_count, 301);
    assert_non_null(strstr(findings.items[0].text, "2048"));
    imprint_finding_free(&findings);
    free(text);
}

/* Inside another document: places begin at its root. */
static void test_inside(void **state)
{
    static const char outer[] =
        "{'Resources':\n  {'policy':\n {'Version':'2012-10-17','Statement':\n"
        "    {'Effect':'Allow','Action':'iot:Fly','Resource':'*'}}}}";
    char *text = policy_rig_json(outer);
    struct imprint_findings findings = {.source = imprint_slice_text(text)};
    struct imprint_place resources = imprint_place_member(NULL, "Resources");
    struct imprint_place policy = imprint_place_member(&resources, "policy");
    struct imprint_document *root = NULL;
    char *got;

    (void)state;
    assert_int_equal(
        imprint_document_read(imprint_slice_text(text), &root, NULL),
        IMPRINT_OK);
    imprint_policy_check_node(
        imprint_document_member(imprint_document_member(root, "Resources"),
                                "policy"),
        &policy, &findings);
    got = policy_rig_findings(&findings, false);
    assert_string_equal(got, "error 4:23 Resources.policy.Statement.Action: "
                             "'iot:Fly' is not supported: no action of AWS "
                             "IoT\n");
    free(got);
    imprint_document_free(root);
    imprint_finding_free(&findings);
    free(text);
}

/* Parsing tells the first error of the text, with its hint. */
static void test_first(void **state)
{
    char *text =
        policy_rig_json(HEAD "{'Effect':'Allow','Action':'iot:Publsh',\n"
                             "'Resource':'topic/a','Effekt':1}}");
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(
        imprint_policy_parse(imprint_slice_text(text), &policy, &why),
        IMPRINT_ERR_FORMAT);
    assert_null(policy);
    assert_string_equal(why.text,
                        "line 2, column 31: Statement.Action: \"iot:Publsh\" "
                        "is not supported: no action of AWS IoT");
    assert_string_equal(why.hint, "did you mean \"iot:Publish\"?");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),          cmocka_unit_test(test_actions),
        cmocka_unit_test(test_resources),      cmocka_unit_test(test_variables),
        cmocka_unit_test(test_variable_count), cmocka_unit_test(test_operators),
        cmocka_unit_test(test_keys),           cmocka_unit_test(test_values),
        cmocka_unit_test(test_addresses),      cmocka_unit_test(test_many),
        cmocka_unit_test(test_inside),         cmocka_unit_test(test_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
