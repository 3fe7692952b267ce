/*
 * Why a request is not allowed: which statement came nearest, and what it
 * lacks. The texts are those of policy_rig_json.
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

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define POLICY_MAX_COUNT 4

#define STATEMENT(effect, action, resource) \
    "{'Effect':'" effect "','Action':" action ",'Resource':" resource "}"
#define ALLOW(action, resource) STATEMENT("Allow", action, resource)
#define DENY(action, resource) STATEMENT("Deny", action, resource)

/* An answer to a request. */
struct answer {
    enum imprint_policy_verdict verdict;
    size_t policy_index;
    size_t statement_index;
    bool has_statement;
    char line[IMPRINT_WHY_TEXT_LEN]; /* with ' for " */
};

static struct imprint_policy *parse(const char *statements)
{
    char document[POLICY_RIG_TEXT_LEN];
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};
    char *text;

    (void)snprintf(document, sizeof(document),
                   "{'Version':'2012-10-17','Statement':[%s]}", statements);
    text = policy_rig_json(document);
    if (imprint_policy_parse(imprint_slice_text(text), &policy, &why) !=
        IMPRINT_OK)
        fail_msg("%s: %s", text, why.text);
    free(text);
    return policy;
}

/* Of policies, each some statements; NULL is behind the last. */
static struct answer ask(const char *const *statements,
                         const struct imprint_policy_request *wanted)
{
    const struct imprint_policy *policies[POLICY_MAX_COUNT];
    struct imprint_policy_request request = *wanted;
    struct imprint_policy_decision decision;
    struct answer answer = {.verdict = IMPRINT_POLICY_SILENT};
    char *resource = policy_rig_json(request.resource);
    size_t count = 0;
    size_t i;

    for (; statements[count]; count++) {
        assert_true(count < POLICY_MAX_COUNT);
        policies[count] = parse(statements[count]);
    }
    request.resource = resource;
    imprint_policy_evaluate(policies, count, &request, &decision);
    imprint_policy_explain(policies, &request, &decision, answer.line);
    answer.verdict = decision.verdict;
    answer.policy_index = decision.policy_index;
    answer.statement_index = decision.statement_index;
    answer.has_statement = decision.statement != NULL;
    for (i = 0; answer.line[i] != '\0'; i++) {
        if (answer.line[i] == '"')
            answer.line[i] = '\'';
    }
    for (i = 0; i < count; i++)
        imprint_policy_free((struct imprint_policy *)policies[i]);
    free(resource);
    return answer;
}

struct given {
    const char *statements;
    const char *action;
    const char *resource;
    const char *line;
};

static void expect_all(const struct given *given, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const char *const statements[] = {given[i].statements, NULL};
        const struct imprint_policy_request request = {
            .action = given[i].action, .resource = given[i].resource};
        struct answer answer = ask(statements, &request);

        if (answer.verdict != IMPRINT_POLICY_SILENT)
            fail_msg("%s: it decides", given[i].statements);
        if (strcmp(answer.line, given[i].line) != 0)
            fail_msg("%s:\n%s, not\n%s", given[i].statements, answer.line,
                     given[i].line);
    }
}

static void test_action(void **state)
{
    static const struct given given[] = {
        {ALLOW("'iot:Receive'", "'@topic/a'"), "iot:Publish", "@topic/a",
         "it has the resource, but not the action iot:Publish"},
        {ALLOW("'iot:Publish'", "'*'"), "iot:RetainPublish", "@topic/a",
         "it has the resource, but not the action iot:RetainPublish"},
        /* neither the one nor the other: there is nothing to say */
        {ALLOW("'iot:Receive'", "'@topic/b'"), "iot:Publish", "@topic/a", ""},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

static void test_kind(void **state)
{
    static const struct given given[] = {
        {ALLOW("'iot:Subscribe'", "'@topic/a/b'"), "iot:Subscribe",
         "@topicfilter/a/b",
         "you wrote 'topic/a/b' for iot:Subscribe; it needs "
         "'topicfilter/a/b'"},
        {ALLOW("'iot:*'", "'@topicfilter/*'"), "iot:Publish", "@topic/a",
         "you wrote 'topicfilter/*' for iot:Publish; it needs 'topic/*'"},
        {ALLOW("'iot:Connect'", "'@topic/a'"), "iot:Connect", "@client/a",
         "you wrote 'topic/a' for iot:Connect; it needs 'client/a'"},
        {ALLOW("'iot:AssumeRoleWithCertificate'", "'@topic/r'"),
         "iot:AssumeRoleWithCertificate", "@rolealias/r",
         "you wrote 'topic/r' for iot:AssumeRoleWithCertificate; it needs "
         "'rolealias/r'"},
        /* a wildcard in it: the kind may be meant so */
        {ALLOW("'iot:Publish'", "'@top?cfilter/a'"), "iot:Publish", "@topic/a",
         "'top?cfilter/a' does not match 'topic/a'"},
        /* no kind at all */
        {ALLOW("'iot:Publish'", "'@topic'"), "iot:Publish", "@topic/a",
         "'topic' does not match 'topic/a'"},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

static void test_account(void **state)
{
    static const struct given given[] = {
        {ALLOW("'iot:Publish'", "'arn:aws:iot:eu:1:topic/a'"), "iot:Publish",
         "@topic/a",
         "its region or account is another one: 'arn:aws:iot:eu:1:' is not "
         "'arn:aws:iot:r:1:'"},
        {ALLOW("'iot:Publish'", "'arn:aws:iot:r:22:topic/a*'"), "iot:Publish",
         "@topic/a",
         "its region or account is another one: 'arn:aws:iot:r:22:' is not "
         "'arn:aws:iot:r:1:'"},
        {ALLOW("'iot:Publish'", "'arn:aws-cn:iot:r:1:topic/a'"), "iot:Publish",
         "@topic/a",
         "its region or account is another one: 'arn:aws-cn:iot:r:1:' is not "
         "'arn:aws:iot:r:1:'"},
        /* that the region is any is meant */
        {ALLOW("'iot:Publish'", "'arn:aws:iot:*:1:topic/b'"), "iot:Publish",
         "@topic/a", "'*:1:topic/b' does not match 'r:1:topic/a'"},
        /* what is asked for is no ARN */
        {ALLOW("'iot:Publish'", "'arn:aws:iot:r:1:topic/a'"), "iot:Publish",
         "topic/a", "'arn:aws:iot:r:1:topic/a' does not match 'topic/a'"},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

static void test_difference(void **state)
{
    static const struct given given[] = {
        {ALLOW("'iot:Publish'", "'@topic/a/bc/d'"), "iot:Publish",
         "@topic/a/bx/d", "'bc/d' does not match 'bx/d'"},
        {ALLOW("'iot:Publish'", "'@topic/ab'"), "iot:Publish", "@topic/abc",
         "'ab' does not match 'abc'"},
        {ALLOW("'iot:Publish'", "'@topic/abc'"), "iot:Publish", "@topic/ab",
         "'abc' does not match 'ab'"},
        /* all before the wildcard fits, so the whole is shown */
        {ALLOW("'iot:Publish'", "'@topic/a/*/c'"), "iot:Publish",
         "@topic/a/b/d", "'topic/a/*/c' does not match 'topic/a/b/d'"},
        {ALLOW("'iot:Publish'", "'@topic/a?'"), "iot:Publish", "@topic/a",
         "'topic/a?' does not match 'topic/a'"},
        /* of several resources, the one that goes furthest */
        {ALLOW("'iot:Publish'", "['@topic/x','@topic/a/bc','@topic/a']"),
         "iot:Publish", "@topic/a/bd", "'bc' does not match 'bd'"},
        {ALLOW("'iot:Publish'", "['@topic/a/x','@topic/a/y']"), "iot:Publish",
         "@topic/a/z", "'x' does not match 'z'"},
        {ALLOW("'iot:Publish'", "'@topic/A/b'"), "iot:Publish", "@topic/a/B",
         "'arn:aws:iot:r:1:topic/A/b' differs in upper and lower case"},
        {ALLOW("'iot:Publish'", "'@topic/a/*'"), "iot:Publish", "@topic/A/b",
         "'arn:aws:iot:r:1:topic/a/*' differs in upper and lower case"},
        /* what would be another line, or move a terminal's cursor */
        {ALLOW("'iot:Publish'", "'@topic/\\n\\u001b\\u007f?'"), "iot:Publish",
         "@topic/a\r", "'???\?' does not match 'a?'"},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

/* No more than a line shows of each. */
static void test_long(void **state)
{
    char statements[1024];
    char resource[1024];
    char line[1024];
    char a[301];
    char b[301];
    const char *policies[] = {statements, NULL};
    struct imprint_policy_request request = {.action = "iot:Publish",
                                             .resource = resource};
    struct answer answer;

    (void)state;
    (void)memset(a, 'a', 300);
    (void)memset(b, 'a', 300);
    a[299] = b[299] = 'b';
    a[0] = 'x';
    a[300] = b[300] = '\0';
    (void)snprintf(statements, sizeof(statements),
                   ALLOW("'iot:Publish'", "'@topic/%s'"), a);
    (void)snprintf(resource, sizeof(resource), "@topic/%s", b);
    (void)snprintf(line, sizeof(line), "'%.100s' does not match '%.100s'", a,
                   b);
    answer = ask(policies, &request);
    assert_string_equal(answer.line, line);
}

#define NO_THING                                                              \
    "the client id is not the name of a thing that the certificate is attach" \
    "ed to, or the thing has no such property"

static void test_missing(void **state)
{
    static const struct given given[] = {
        {ALLOW("'iot:Publish'", "'@topic/${iot:Connection.Thing.ThingName}/a'"),
         "iot:Publish", "@topic/x/a",
         "a variable in 'topic/${iot:Connection.Thing.ThingName}/a' has no "
         "value: " NO_THING},
        {ALLOW("'iot:Publish'", "'@topic/${iot:Connection.Thing.ThingTypeName}"
                                "'"),
         "iot:Publish", "@topic/x",
         "a variable in 'topic/${iot:Connection.Thing.ThingTypeName}' has no "
         "value: " NO_THING},
        {ALLOW("'iot:Publish'", "'@topic/${iot:Connection.Thing.Attributes[x]}"
                                "'"),
         "iot:Publish", "@topic/x",
         "a variable in 'topic/${iot:Connection.Thing.Attributes[x]}' has no "
         "value: " NO_THING},
        {ALLOW("'iot:Publish'", "'@topic/${iot:Certificate.Subject.Title}'"),
         "iot:Publish", "@topic/x",
         "a variable in 'topic/${iot:Certificate.Subject.Title}' has no value: "
         "the certificate has no such name"},
        {ALLOW("'iot:Connect'", "'@client/${iot:ClientId}'"), "iot:Connect",
         "@client/x",
         "a variable in 'client/${iot:ClientId}' has no value: the connection "
         "has none"},
        {ALLOW("'iot:Publish'", "'arn:*${aws:SourceIp}'"), "iot:Publish",
         "@topic/x",
         "a variable in 'arn:*${aws:SourceIp}' has no value: the connection "
         "has none"},
        /* the difference comes before the variable */
        {ALLOW("'iot:Publish'", "'@topic/a/${iot:ClientId}'"), "iot:Publish",
         "@topic/b/x", "'a/${iot:ClientId}' does not match 'b/x'"},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

static void test_condition(void **state)
{
#define CONDITION                                                     \
    "{'Effect':'Allow','Action':'iot:Publish','Resource':'@topic/a'," \
    "'Condition':{'StringEquals':{'iot:ClientId':'a'},"               \
    "'ForAnyValue:StringLikeIfExists':{'iot:CertificateId':'b*',"     \
    "'aws:SourceIp':'1*'},'Bool':{'iot:Connection.Thing.IsAttached':true}}}"
    const char *const statements[] = {CONDITION, NULL};
    struct imprint_policy_request request = {.action = "iot:Publish",
                                             .resource = "@topic/a"};

    (void)state;
    assert_string_equal(
        ask(statements, &request).line,
        "its condition 'StringEquals iot:ClientId' does not hold");
    request.client_id = "a";
    assert_string_equal(ask(statements, &request).line,
                        "its condition 'Bool iot:Connection.Thing.IsAttached' "
                        "does not hold");
    request.is_attached = true;
    request.source_ip = "2.0.0.1";
    assert_string_equal(ask(statements, &request).line,
                        "its condition 'ForAnyValue:StringLikeIfExists "
                        "aws:SourceIp' does not hold");
    request.certificate_id = "a";
    assert_string_equal(ask(statements, &request).line,
                        "its condition 'ForAnyValue:StringLikeIfExists "
                        "iot:CertificateId' does not hold");
    request.source_ip = NULL;
    request.certificate_id = "b";
    assert_int_equal(ask(statements, &request).verdict, IMPRINT_POLICY_ALLOWED);
}

/* Which statement is told, of several policies. */
static void test_nearest(void **state)
{
    static const struct {
        const char *policies[POLICY_MAX_COUNT];
        bool has_statement;
        size_t policy_index;
        size_t statement_index;
    } given[] = {
        {{NULL}, false, 0, 0},
        {{ALLOW("'iot:Receive'", "'@topic/b'"), NULL}, false, 0, 0},
        /* what denies others is not near */
        {{DENY("'iot:Publish'", "'@topic/b'"), NULL}, false, 0, 0},
        /* the action before the resource, however little of it fits */
        {{ALLOW("'iot:Receive'", "'@topic/a/b'"),
          ALLOW("'iot:Publish'", "'arn:aws-cn:iot:r:1:x'"), NULL},
         true,
         1,
         0},
        {{ALLOW("'iot:Receive'", "'@topic/b'"),
          ALLOW("'iot:Receive'", "'@topic/c'") "," ALLOW("'iot:Receive'",
                                                         "'@topic/a/*'"),
          ALLOW("'iot:Subscribe'", "'*'"), NULL},
         true,
         1,
         1},
        /* the longer run, and of equal ones the first */
        {{ALLOW("'iot:Publish'", "'@topic/x'"),
          DENY("'iot:Publish'", "'@topic/x'") "," ALLOW("'iot:Publish'",
                                                        "'@topic/a/c'"),
          ALLOW("'iot:Publish'", "'@topic/a/d'"), NULL},
         true,
         1,
         1},
        /* only a condition fails */
        {{ALLOW("'iot:Publish'", "'@topic/a/bc'"),
          "{'Effect':'Allow','Action':'iot:Publish','Resource':'*',"
          "'Condition':{'Null':{'iot:ClientId':'false'}}}",
          ALLOW("'iot:Publish'", "'@topic/a/c'"), NULL},
         true,
         1,
         0},
    };
    const struct imprint_policy_request request = {.action = "iot:Publish",
                                                   .resource = "@topic/a/b"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(given); i++) {
        struct answer answer = ask(given[i].policies, &request);

        if (answer.verdict != IMPRINT_POLICY_SILENT ||
            answer.has_statement != given[i].has_statement ||
            answer.policy_index != given[i].policy_index ||
            answer.statement_index != given[i].statement_index)
            fail_msg("case %zu: %zu, %zu", i, answer.policy_index,
                     answer.statement_index);
        assert_true((answer.line[0] != '\0') == answer.has_statement);
    }
}

/* What decides is told, but there is nothing to explain. */
static void test_decided(void **state)
{
    static const char *const allows[] = {
        ALLOW("'iot:Publish'", "'@topic/b'"),
        ALLOW("'iot:Receive'", "'*'") "," ALLOW("'iot:Publish'", "'*'"),
        ALLOW("'iot:Publish'", "'@topic/a'"), NULL};
    static const char *const denies[] = {
        ALLOW("'iot:Publish'", "'*'"),
        DENY("'iot:Publish'", "'@topic/b'") "," DENY("'iot:*'", "'@topic/*'"),
        DENY("'iot:Publish'", "'@topic/a'"), NULL};
    struct imprint_policy_request request = {.action = "iot:Publish",
                                             .resource = "@topic/a"};
    struct answer answer = ask(allows, &request);

    (void)state;
    assert_int_equal(answer.verdict, IMPRINT_POLICY_ALLOWED);
    assert_int_equal(answer.policy_index, 1);
    assert_int_equal(answer.statement_index, 1);
    assert_string_equal(answer.line, "");
    answer = ask(denies, &request);
    assert_int_equal(answer.verdict, IMPRINT_POLICY_DENIED);
    assert_int_equal(answer.policy_index, 1);
    assert_int_equal(answer.statement_index, 1);
    assert_string_equal(answer.line, "");
}

/* A request that is never allowed has no nearest statement. */
static void test_not_weighed(void **state)
{
    static const char *const statements[] = {ALLOW("'iot:*'", "'*'"), NULL};
    char name[IMPRINT_POLICY_VALUE_MAX_LEN + 2];
    struct imprint_policy_request request = {
        .action = "iot:Publish", .resource = "@topic/a", .thing_name = name};
    struct answer answer;

    (void)state;
    (void)memset(name, 'n', sizeof(name));
    name[IMPRINT_POLICY_VALUE_MAX_LEN] = '\0';
    assert_int_equal(ask(statements, &request).verdict, IMPRINT_POLICY_ALLOWED);
    name[IMPRINT_POLICY_VALUE_MAX_LEN] = 'n';
    name[IMPRINT_POLICY_VALUE_MAX_LEN + 1] = '\0';
    answer = ask(statements, &request);
    assert_int_equal(answer.verdict, IMPRINT_POLICY_SILENT);
    assert_false(answer.has_statement);
    assert_string_equal(answer.line, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_action),    cmocka_unit_test(test_kind),
        cmocka_unit_test(test_account),   cmocka_unit_test(test_difference),
        cmocka_unit_test(test_long),      cmocka_unit_test(test_missing),
        cmocka_unit_test(test_condition), cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_decided),   cmocka_unit_test(test_not_weighed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
