/* The policy of a claim: all that provisioning needs, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/claim_policy.h"
#include "aws/policy.h"

#define HEAD "arn:aws:iot:eu-west-1:123456789012:"
#define TEXT_LEN 512
#define LETTERS_16 "abcdefghijklmnop"
#define LETTERS_32 LETTERS_16 LETTERS_16

static const struct imprint_claim_policy plain = {
    .partition = "aws",
    .region = "eu-west-1",
    .account = "123456789012",
    .template_name = "fleet",
    .client_id_prefix = "",
    .has_csr = true,
    .has_service = true,
    .has_json = true,
    .has_cbor = true,
};

static char *write_policy(const struct imprint_claim_policy *wanted)
{
    struct imprint_why why = {"", ""};
    char *text = NULL;

    if (imprint_claim_policy_write(wanted, &text, &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
    assert_non_null(text);
    return text;
}

static struct imprint_policy *parse(const char *text)
{
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};

    if (imprint_policy_parse(imprint_slice_text(text), &policy, &why) !=
        IMPRINT_OK)
        fail_msg("%s\n%s", why.text, text);
    return policy;
}

/* No error, no warning, and short enough for AWS. */
static void check(const char *text)
{
    struct imprint_findings findings = {.count = 0};
    size_t len = 0;
    size_t i;

    imprint_policy_check(imprint_slice_text(text), &findings);
    if (findings.count > 0)
        fail_msg("%s: %s\n%s", findings.items[0].place, findings.items[0].text,
                 text);
    imprint_finding_free(&findings);
    for (i = 0; text[i] != '\0'; i++)
        len += !strchr(" \n\t\r", text[i]);
    assert_in_range(len, 1, IMPRINT_POLICY_MAX_LEN);
}

static bool is_allowed(const struct imprint_policy *policy, const char *action,
                       const char *resource)
{
    const struct imprint_policy_request request = {
        .action = action, .resource = resource, .client_id = "any"};
    struct imprint_policy_decision decision;

    imprint_policy_evaluate(&policy, 1, &request, &decision);
    return decision.verdict == IMPRINT_POLICY_ALLOWED;
}

static void expect(const struct imprint_policy *policy, const char *action,
                   const char *resource, bool is_needed)
{
    if (is_allowed(policy, action, resource) != is_needed)
        fail_msg("%s of %s is %s", action, resource,
                 is_needed ? "not allowed" : "allowed, and not needed");
}

/* ---- what is allowed ---- */

static const struct {
    const char *action;
    const char *kind;
    const char *behind; /* the operation's topic */
    bool is_needed;
} uses[] = {
    {"iot:Publish", "topic", "", true},
    {"iot:Receive", "topic", "/accepted", true},
    {"iot:Receive", "topic", "/rejected", true},
    {"iot:Subscribe", "topicfilter", "/accepted", true},
    {"iot:Subscribe", "topicfilter", "/rejected", true},
    {"iot:RetainPublish", "topic", "", false},
    {"iot:Publish", "topic", "/accepted", false},
    {"iot:Publish", "topic", "/rejected", false},
    {"iot:Publish", "topic", "x", false},
    {"iot:Receive", "topic", "", false},
    {"iot:Subscribe", "topicfilter", "", false},
    {"iot:Subscribe", "topic", "/accepted", false},
    {"iot:Publish", "topicfilter", "", false},
};

/* One operation in one format: all uses, or none of them. */
static void expect_uses(const struct imprint_policy *policy, const char *topic,
                        const char *format, bool is_wanted)
{
    char resource[TEXT_LEN];
    size_t i;

    for (i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        (void)snprintf(resource, sizeof(resource), HEAD "%s/%s/%s%s",
                       uses[i].kind, topic, format, uses[i].behind);
        expect(policy, uses[i].action, resource,
               is_wanted && uses[i].is_needed);
    }
}

static void expect_operations(const struct imprint_policy *policy,
                              const struct imprint_claim_policy *wanted)
{
    static const char *const formats[] = {"json", "cbor", "xml"};
    const bool has[] = {wanted->has_json, wanted->has_cbor, false};
    size_t i;

    for (i = 0; i < 3; i++) {
        expect_uses(policy, "$aws/certificates/create-from-csr", formats[i],
                    has[i] && wanted->has_csr);
        expect_uses(policy, "$aws/certificates/create", formats[i],
                    has[i] && wanted->has_service);
        expect_uses(policy, "$aws/provisioning-templates/fleet/provision",
                    formats[i], has[i]);
        expect_uses(policy, "$aws/provisioning-templates/fleet2/provision",
                    formats[i], false);
        expect_uses(policy, "$aws/things/fleet/shadow", formats[i], false);
        expect_uses(policy, "fleet", formats[i], false);
    }
}

static void expect_nothing_else(const struct imprint_policy *policy)
{
    static const char *const filters[] = {
        "#",
        "+/#",
        "$aws/#",
        "$aws/certificates/#",
        "$aws/certificates/+/json/accepted",
        "$aws/certificates/create/#",
        "$aws/provisioning-templates/#",
        "$aws/provisioning-templates/+/provision/json/accepted",
        "$share/g/$aws/certificates/create/json/accepted",
    };
    static const char *const others[] = {
        "arn:aws:iot:eu-west-2:123456789012:",
        "arn:aws:iot:eu-west-1:123456789013:",
        "arn:aws-cn:iot:eu-west-1:123456789012:",
    };
    static const char topic[] =
        "topic/$aws/provisioning-templates/fleet/provision/json";
    char resource[TEXT_LEN];
    size_t i;

    for (i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        (void)snprintf(resource, sizeof(resource), HEAD "topicfilter/%s",
                       filters[i]);
        expect(policy, "iot:Subscribe", resource, false);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        (void)snprintf(resource, sizeof(resource), "%s%s", others[i], topic);
        expect(policy, "iot:Publish", resource, false);
        (void)snprintf(resource, sizeof(resource), "%sclient/any", others[i]);
        expect(policy, "iot:Connect", resource, false);
    }
    expect(policy, "iot:GetThingShadow", HEAD "thing/any", false);
    expect(policy, "iot:AssumeRoleWithCertificate", HEAD "rolealias/any",
           false);
}

static void test_flows_and_formats(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < 16; i++) {
        struct imprint_claim_policy wanted = plain;
        struct imprint_policy *policy;
        char *text;

        wanted.has_csr = i & 1;
        wanted.has_service = i & 2;
        wanted.has_json = i & 4;
        wanted.has_cbor = i & 8;
        if (!(i & 3) || !(i & 12))
            continue;
        text = write_policy(&wanted);
        check(text);
        assert_null(strstr(text, "/provision/*\""));
        policy = parse(text);
        expect(policy, "iot:Connect", HEAD "client/any", true);
        expect_operations(policy, &wanted);
        expect_nothing_else(policy);
        imprint_policy_free(policy);
        free(text);
    }
}

static void test_client_id(void **state)
{
    struct imprint_claim_policy wanted = plain;
    struct imprint_policy *policy;
    char *text;

    (void)state;
    wanted.client_id_prefix = "pump_1.a:b-";
    text = write_policy(&wanted);
    check(text);
    policy = parse(text);
    expect(policy, "iot:Connect", HEAD "client/pump_1.a:b-", true);
    expect(policy, "iot:Connect", HEAD "client/pump_1.a:b-7", true);
    expect(policy, "iot:Connect", HEAD "client/pump_1.a:b", false);
    expect(policy, "iot:Connect", HEAD "client/pump_1_a:b-7", false);
    expect(policy, "iot:Connect", HEAD "client/xpump_1.a:b-7", false);
    expect(policy, "iot:Connect", HEAD "topic/pump_1.a:b-7", false);
    expect_operations(policy, &wanted);
    imprint_policy_free(policy);
    free(text);
}

/* Where both formats would take too much, one wildcard stands for them. */
static void test_longest(void **state)
{
    static const char resource[] =
        "arn:" LETTERS_16 ":iot:" LETTERS_32 ":123456789012:%s/"
        "$aws/provisioning-templates/" LETTERS_32 "abcd/provision/%s";
    static const char *const replies[] = {"json/accepted", "json/rejected",
                                          "cbor/accepted", "cbor/rejected"};
    struct imprint_claim_policy wanted = plain;
    struct imprint_policy *policy;
    char whole[TEXT_LEN];
    char *text;
    size_t i;

    (void)state;
    wanted.partition = LETTERS_16;
    wanted.region = LETTERS_32;
    wanted.template_name = LETTERS_32 "abcd";
    wanted.client_id_prefix =
        LETTERS_32 LETTERS_32 LETTERS_32 LETTERS_16 "123456789012345";
    text = write_policy(&wanted);
    check(text);
    assert_non_null(strstr(text, "/provision/*\""));
    policy = parse(text);
    for (i = 0; i < 4; i++) {
        (void)snprintf(whole, sizeof(whole), resource, "topic", replies[i]);
        expect(policy, "iot:Receive", whole, true);
        expect(policy, "iot:Publish", whole, false);
        (void)snprintf(whole, sizeof(whole), resource, "topicfilter",
                       replies[i]);
        expect(policy, "iot:Subscribe", whole, true);
        (void)snprintf(whole, sizeof(whole), resource, "topic",
                       i % 2 ? "json" : "cbor");
        expect(policy, "iot:Publish", whole, true);
    }
    imprint_policy_free(policy);
    free(text);
}

/* ---- what is refused ---- */

static void expect_refused(const struct imprint_claim_policy *wanted,
                           const char *text)
{
    struct imprint_why why = {"", ""};
    char *policy = NULL;

    assert_int_equal(imprint_claim_policy_write(wanted, &policy, &why),
                     IMPRINT_ERR_ARGUMENT);
    assert_null(policy);
    if (!strstr(why.text, text))
        fail_msg("\"%s\" does not say \"%s\"", why.text, text);
}

/* Each member, one at a time. */
static void test_bad_names(void **state)
{
    static const struct {
        size_t member; /* its place in the struct */
        const char *value;
        const char *text;
    } cases[] = {
#define MEMBER(name) offsetof(struct imprint_claim_policy, name)
        {MEMBER(partition), "", "\"\" is not a partition"},
        {MEMBER(partition), "AWS", "\"AWS\" is not a partition"},
        {MEMBER(partition), LETTERS_16 "q", "is not a partition"},
        {MEMBER(region), "", "\"\" is not a region"},
        {MEMBER(region), "*", "\"*\" is not a region"},
        {MEMBER(region), "eu west", "\"eu west\" is not a region"},
        {MEMBER(region), LETTERS_32 "q", "is not a region"},
        {MEMBER(account), "", "\"\" is not an account: 12 digits"},
        {MEMBER(account), "12345678901", "is not an account"},
        {MEMBER(account), "1234567890123", "is not an account"},
        {MEMBER(account), "12345678901x", "is not an account"},
        {MEMBER(template_name), "", "\"\" is not a template's name"},
        {MEMBER(template_name), "a/b", "\"a/b\" is not a template's name"},
        {MEMBER(template_name), "fleet*", "is not a template's name"},
        {MEMBER(template_name), LETTERS_32 "abcde", "is not a template's name"},
        {MEMBER(client_id_prefix), "a*", "is not the beginning of a client id"},
        {MEMBER(client_id_prefix), "a?", "is not the beginning of a client id"},
        {MEMBER(client_id_prefix), "${iot:ClientId}",
         "is not the beginning of a client id"},
        {MEMBER(client_id_prefix), "a\"", "\"a\"\" is not the beginning"},
        {MEMBER(client_id_prefix), "a/", "is not the beginning of a client id"},
        {MEMBER(client_id_prefix),
         LETTERS_32 LETTERS_32 LETTERS_32 LETTERS_16 LETTERS_16,
         "is not the beginning of a client id"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct imprint_claim_policy wanted = plain;

        memcpy((char *)&wanted + cases[i].member, &cases[i].value,
               sizeof(cases[i].value));
        expect_refused(&wanted, cases[i].text);
    }
}

static void test_nothing_wanted(void **state)
{
    struct imprint_claim_policy wanted = plain;

    (void)state;
    wanted.has_csr = false;
    wanted.has_service = false;
    expect_refused(&wanted, "needs a flow");
    wanted = plain;
    wanted.has_json = false;
    wanted.has_cbor = false;
    expect_refused(&wanted, "needs a format");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows_and_formats),
        cmocka_unit_test(test_client_id),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_nothing_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
