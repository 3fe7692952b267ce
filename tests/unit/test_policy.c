/* The policy language: what is taken, what is refused, and every verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/policy.h"

#define HEAD "{\"Version\":\"2012-10-17\",\"Statement\":"
#define A "arn:aws:iot:us-east-1:000000000000:"

static struct imprint_policy *parse(const char *text)
{
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};

    if (imprint_policy_parse(imprint_slice_text(text), &policy, &why) !=
        IMPRINT_OK)
        fail_msg("%s: %s", text, why.text);
    return policy;
}

/* One statement of this effect, actions and resources. */
static struct imprint_policy *make(const char *effect, const char *action,
                                   const char *resource)
{
    char text[4096];

    (void)snprintf(text, sizeof(text),
                   HEAD "[{\"Effect\":\"%s\",\"Action\":%s,\"Resource\":%s}]}",
                   effect, action, resource);
    return parse(text);
}

static enum imprint_policy_verdict ask(const struct imprint_policy *policy,
                                       const char *action, const char *resource)
{
    const struct imprint_policy_request request = {
        .action = action,
        .resource = resource,
        .client_id = "c*1",
        .thing_name = "SN-1",
        .is_attached = true,
    };
    struct imprint_policy_decision decision;

    imprint_policy_evaluate(&policy, 1, &request, &decision);
    return decision.verdict;
}

static void test_refused_at_load(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "line 1"},
        {"{\"Version\":\"2012-10-17\",\n\"Statement\":}", "line 2"},
        {"[]", "object"},
        {"{\"Version\":\"2012-10-17\",\"Version\":\"2012-10-17\"}",
         "duplicate"},
        {"{\"Statement\":[]}", "Version"},
        {"{\"Version\":\"2008-10-17\",\"Statement\":[]}", "Version"},
        {"{\"Version\":\"2012-10-17\"}", "Statement: is missing or empty"},
        {HEAD "[]}", "Statement: is missing or empty"},
        {HEAD "[7]}", "Statement[0]: is not an object"},
        {HEAD "[{\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":\"*\"},"
              "{\"Effect\":\"allow\",\"Action\":\"iot:*\","
              "\"Resource\":\"*\"}]}",
         "Statement[1].Effect"},
        {HEAD "{\"Effect\":\"Allow\",\"Resource\":\"*\"}}",
         "Statement.Action: is missing"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":[],\"Resource\":\"*\"}}",
         "Statement.Action: is empty"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\"}}",
         "Statement.Resource: is missing"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":[\"iot:*\",1],"
              "\"Resource\":\"*\"}}",
         "Statement.Action[1]: must be a text"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:Fly\","
              "\"Resource\":\"*\"}}",
         "\"iot:Fly\" is not supported"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}}",
         "\"s3:*\" is not supported"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\","
              "\"Resource\":\"topic/a\"}}",
         "\"topic/a\" is neither"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":\"*\","
              "\"Condition\":[]}}",
         "Statement.Condition: is not an object"},
        {HEAD "{\"Effect\":\"Allow\",\"NotAction\":\"iot:*\","
              "\"Resource\":\"*\"}}",
         "\"NotAction\" is not supported"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\","
              "\"NotResource\":\"*\"}}",
         "\"NotResource\" is not supported"},
        /* part of a known name is no known name */
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":\"*\","
              "\"Act\":1}}",
         "\"Act\" is not supported"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":\"*\","
              "\"Sid Effect\":1}}",
         "\"Sid Effect\" is not supported"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":\"*\"},"
              "\"More\":1}",
         "\"More\" is not supported"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\","
              "\"Resource\":\"" A "topic/${aws:Sourceip}\"}}",
         "\"${aws:Sourceip}\" is not supported"},
        {HEAD "{\"Effect\":\"Allow\",\"Action\":\"iot:*\","
              "\"Resource\":\"" A "topic/${iot:ClientId\"}}",
         "never closed"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct imprint_policy *policy = NULL;
        struct imprint_why why = {"", ""};

        assert_int_equal(imprint_policy_parse(imprint_slice_text(cases[i].text),
                                              &policy, &why),
                         IMPRINT_ERR_FORMAT);
        assert_null(policy);
        if (!strstr(why.text, cases[i].why))
            fail_msg("%s: %s", cases[i].text, why.text);
    }
}

/* White space does not count, as with AWS. */
static void test_size(void **state)
{
    static const char rest[] = "\"Effect\":\"Deny\",\"Action\":\"iot:*\","
                               "\"Resource\":\"*\"}}";
    size_t len = strlen(HEAD) + strlen("{\"Sid\":\"\",") + strlen(rest);
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};
    char sid[IMPRINT_POLICY_MAX_LEN + 1];
    char text[2 * IMPRINT_POLICY_MAX_LEN];

    (void)state;
    (void)memset(sid, 'a', sizeof(sid));
    sid[IMPRINT_POLICY_MAX_LEN - len] = '\0';
    (void)snprintf(text, sizeof(text), HEAD "{\"Sid\":\"%s\",%100s%s", sid, "",
                   rest);
    imprint_policy_free(parse(text));
    (void)snprintf(text, sizeof(text), HEAD "{\"Sid\":\"%sa\",%s", sid, rest);
    assert_int_equal(
        imprint_policy_parse(imprint_slice_text(text), &policy, &why),
        IMPRINT_ERR_FORMAT);
    assert_non_null(strstr(why.text, "2048"));
}

static void test_wildcards(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } cases[] = {
        {"*", "anything", true},
        {A "topic/a", A "topic/a", true},
        {A "topic/a", A "topic/b", false},
        {A "topic/a", A "topic/", false},
        {A "topic/a", A "topic/ab", false},
        {A "topic/a*", A "topic/a", true},
        {A "topic/a*", A "topic/a/b/c", true},
        {A "topic/*c", A "topic/a/b/c", true},
        {A "topic/*c", A "topic/a/b/d", false},
        {A "topic/a?c", A "topic/abc", true},
        {A "topic/a?c", A "topic/ac", false},
        {A "topic/?", A "topic/", false},
        {A "topic/a*b*c", A "topic/aXbXbXc", true},
        {A "topic/a*b*c", A "topic/aXcXb", false},
        {A "topic/**", A "topic/", true},
        {A "topic/*?", A "topic/", false},
        {A "topic/*?", A "topic/x", true},
        {"arn:*", A "topic/x", true},
        {"arn:aws:iot:*:*:topic/x", A "topic/x", true},
        /* MQTT's wildcards mean nothing here */
        {A "topicfilter/a/+", A "topicfilter/a/+", true},
        {A "topicfilter/a/+", A "topicfilter/a/b", false},
        {A "topicfilter/a/#", A "topicfilter/a/b", false},
        {A "topic/$aws/things", A "topic/$aws/things", true},
        {A "topic/A", A "topic/a", false},
        /* variables; their values are never patterns */
        {A "client/${iot:ClientId}", A "client/c*1", true},
        {A "client/${iot:ClientId}", A "client/cXX1", false},
        {A "client/${iot:Connection.Thing.ThingName}", A "client/SN-1", true},
        {A "topic/${iot:Connection.Thing.ThingName}/*", A "topic/SN-1/a", true},
        {A "topic/${iot:Connection.Thing.ThingName}/*", A "topic/SN-2/a",
         false},
        {A "topic/${iot:Connection.Thing.IsAttached}", A "topic/true", true},
        {A "topic/${*}", A "topic/*", true},
        {A "topic/${*}", A "topic/x", false},
        {A "topic/${?}${$}", A "topic/?$", true},
        {A "topic/${?}", A "topic/x", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char resource[256];
        struct imprint_policy *policy;
        bool matches;

        (void)snprintf(resource, sizeof(resource), "\"%s\"", cases[i].pattern);
        policy = make("Allow", "\"iot:*\"", resource);
        matches =
            ask(policy, "iot:Publish", cases[i].text) == IMPRINT_POLICY_ALLOWED;
        if (matches != cases[i].matches)
            fail_msg("%s, %s", cases[i].pattern, cases[i].text);
        imprint_policy_free(policy);
    }
}

static void test_actions(void **state)
{
    struct imprint_policy *policy =
        make("Allow", "[\"iot:Publish\",\"iot:Re*\"]",
             "[\"" A "topic/a\",\"" A "topic/b\"]");

    (void)state;
    assert_int_equal(ask(policy, "iot:Publish", A "topic/a"),
                     IMPRINT_POLICY_ALLOWED);
    assert_int_equal(ask(policy, "iot:Receive", A "topic/b"),
                     IMPRINT_POLICY_ALLOWED);
    assert_int_equal(ask(policy, "iot:RetainPublish", A "topic/b"),
                     IMPRINT_POLICY_ALLOWED);
    assert_int_equal(ask(policy, "iot:Subscribe", A "topic/b"),
                     IMPRINT_POLICY_SILENT);
    assert_int_equal(ask(policy, "iot:Publish", A "topic/c"),
                     IMPRINT_POLICY_SILENT);
    imprint_policy_free(policy);
}

/* What a device can be asked about; a policy may name more. */
static void test_device_actions(void **state)
{
    static const char *const device[] = {
        "iot:Connect",   "iot:Publish",       "iot:Receive",
        "iot:Subscribe", "iot:RetainPublish", "iot:AssumeRoleWithCertificate"};
    static const char *const others[] = {"",        "iot:",
                                         "iot:*",   "iot:publish",
                                         "Publish", "iot:GetThingShadow",
                                         "iot:P?"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(device) / sizeof(*device); i++)
        assert_true(imprint_policy_action_ok(device[i]));
    for (i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_false(imprint_policy_action_ok(others[i]));
}

/* A deny wins over every allow, in whatever policy and order. */
static void test_deny_wins(void **state)
{
    struct imprint_policy *allow = make("Allow", "\"iot:*\"", "\"*\"");
    struct imprint_policy *deny =
        make("Deny", "\"iot:Publish\"", "\"" A "topic/secret*\"");
    const struct imprint_policy *orders[2][2] = {{allow, deny}, {deny, allow}};
    struct imprint_policy_request request = {.action = "iot:Publish",
                                             .resource = A "topic/secret/1"};
    struct imprint_policy_decision decision;
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        request.resource = A "topic/secret/1";
        imprint_policy_evaluate(orders[i], 2, &request, &decision);
        assert_int_equal(decision.verdict, IMPRINT_POLICY_DENIED);
        assert_ptr_equal(orders[i][decision.policy_index], deny);
        assert_non_null(strstr(decision.statement, "\"Deny\""));
        request.resource = A "topic/open";
        imprint_policy_evaluate(orders[i], 2, &request, &decision);
        assert_int_equal(decision.verdict, IMPRINT_POLICY_ALLOWED);
        assert_ptr_equal(orders[i][decision.policy_index], allow);
    }
    imprint_policy_evaluate(orders[0], 0, &request, &decision);
    assert_int_equal(decision.verdict, IMPRINT_POLICY_SILENT);
    assert_null(decision.statement);
    imprint_policy_free(allow);
    imprint_policy_free(deny);
}

/* Of two that could have, the one that matched further is named. */
static void test_nearest(void **state)
{
    struct imprint_policy *policy = parse(
        HEAD "[{\"Sid\":\"far\",\"Effect\":\"Allow\","
             "\"Action\":\"iot:Publish\",\"Resource\":\"" A "client/a\"},"
             "{\"Sid\":\"near\",\"Effect\":\"Allow\","
             "\"Action\":\"iot:Publish\",\"Resource\":\"" A "topic/ab\"},"
             "{\"Sid\":\"other\",\"Effect\":\"Allow\","
             "\"Action\":\"iot:Receive\",\"Resource\":\"" A "topic/abc\"}]}");
    const struct imprint_policy *policies = policy;
    const struct imprint_policy_request request = {.action = "iot:Publish",
                                                   .resource = A "topic/abc"};
    struct imprint_policy_decision decision;

    (void)state;
    imprint_policy_evaluate(&policies, 1, &request, &decision);
    assert_int_equal(decision.verdict, IMPRINT_POLICY_SILENT);
    assert_non_null(strstr(decision.statement, "\"near\""));
    imprint_policy_free(policy);
}

static void test_unresolved(void **state)
{
    struct imprint_policy *allow =
        make("Allow", "\"iot:*\"",
             "\"" A "topic/${iot:Connection.Thing.ThingName}*\"");
    const struct imprint_policy *policies = allow;
    struct imprint_policy_request request = {.action = "iot:Publish",
                                             .resource = A "topic/x"};
    struct imprint_policy_decision decision;

    (void)state;
    imprint_policy_evaluate(&policies, 1, &request, &decision);
    assert_int_equal(decision.verdict, IMPRINT_POLICY_SILENT);
    request.thing_name = "x";
    imprint_policy_evaluate(&policies, 1, &request, &decision);
    assert_int_equal(decision.verdict, IMPRINT_POLICY_ALLOWED);
    request.resource = NULL;
    imprint_policy_evaluate(&policies, 1, &request, &decision);
    assert_int_equal(decision.verdict, IMPRINT_POLICY_SILENT);
    imprint_policy_free(allow);
}

/* What is longer than a value may be is not allowed, even by everything. */
static void test_too_long(void **state)
{
    struct imprint_policy *policy = make("Allow", "\"iot:*\"", "\"*\"");
    char resource[IMPRINT_POLICY_VALUE_MAX_LEN + 2];

    (void)state;
    (void)memset(resource, 'a', sizeof(resource));
    resource[IMPRINT_POLICY_VALUE_MAX_LEN] = '\0';
    assert_int_equal(ask(policy, "iot:Publish", resource),
                     IMPRINT_POLICY_ALLOWED);
    resource[IMPRINT_POLICY_VALUE_MAX_LEN] = 'a';
    resource[IMPRINT_POLICY_VALUE_MAX_LEN + 1] = '\0';
    assert_int_equal(ask(policy, "iot:Publish", resource),
                     IMPRINT_POLICY_SILENT);
    imprint_policy_free(policy);
}

/* The pattern that takes others for ever: bounded by pattern times text. */
static void test_bounded_time(void **state)
{
    char pattern[IMPRINT_POLICY_MAX_LEN];
    char resource[IMPRINT_POLICY_VALUE_MAX_LEN + 1];
    struct imprint_policy *policy;
    clock_t start = clock();
    size_t len = 0;

    (void)state;
    len += (size_t)snprintf(pattern, sizeof(pattern), "\"arn:");
    while (len < 1800)
        len += (size_t)snprintf(pattern + len, sizeof(pattern) - len, "*a");
    (void)snprintf(pattern + len, sizeof(pattern) - len, "*b\"");
    (void)memset(resource, 'a', sizeof(resource));
    memcpy(resource, "arn:", 4);
    resource[IMPRINT_POLICY_VALUE_MAX_LEN] = '\0';
    policy = make("Deny", "\"iot:*\"", pattern);
    assert_int_equal(ask(policy, "iot:Publish", resource),
                     IMPRINT_POLICY_SILENT);
    resource[IMPRINT_POLICY_VALUE_MAX_LEN - 1] = 'b';
    assert_int_equal(ask(policy, "iot:Publish", resource),
                     IMPRINT_POLICY_DENIED);
    imprint_policy_free(policy);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 1);
}

/* A run of stars as long as a policy may be still denies. */
static void test_many_stars(void **state)
{
    char pattern[IMPRINT_POLICY_MAX_LEN];
    struct imprint_policy *policy;

    (void)state;
    (void)memset(pattern, '*', sizeof(pattern));
    memcpy(pattern, "\"arn:", 5);
    memcpy(pattern + 1800, "\"", 2);
    policy = make("Deny", "\"iot:*\"", pattern);
    assert_int_equal(ask(policy, "iot:Publish", "arn:x"),
                     IMPRINT_POLICY_DENIED);
    imprint_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_at_load),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_device_actions),
        cmocka_unit_test(test_deny_wins),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_unresolved),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_bounded_time),
        cmocka_unit_test(test_many_stars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
