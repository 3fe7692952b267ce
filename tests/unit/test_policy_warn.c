/*
 * What is allowed in a policy but likely not meant, and the hints. The texts
 * are those of policy_rig_checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "aws/policy.h"
#include "policy_rig.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define HEAD "{'Version':'2012-10-17',\n'Statement':"
#define ALLOW(action, resource) \
    HEAD "{'Effect':'Allow','Action':" action ",\n'Resource':" resource "}}"
#define TEMPLATE_TOPIC "topic/$aws/provisioning-templates/t/provision/*"

struct given {
    const char *document;
    const char *findings; /* as policy_rig_findings writes them */
};

static void expect(const char *document, const char *wanted)
{
    struct imprint_findings findings = {.count = 0};
    char *text = policy_rig_checked(document);
    char *got;

    imprint_policy_check(imprint_slice_text(text), &findings);
    imprint_finding_sort(&findings);
    got = policy_rig_findings(&findings, true);
    if (strcmp(got, wanted) != 0)
        fail_msg("%s\n%s, not\n%s", text, got, wanted);
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

/* topic/ for iot:Subscribe, and the like */
static void test_kind(void **state)
{
    static const struct given given[] = {
        {ALLOW("'iot:Subscribe'", "'@topic/a'"),
         "warning 3:1 Statement.Resource: 'topic/a' never matches "
         "iot:Subscribe\n"
         "hint: write 'topicfilter/a'\n"},
        {ALLOW("'iot:Publish'", "['@topic/b','@topicfilter/a*']"),
         "warning 3:39 Statement.Resource[1]: 'topicfilter/a*' never matches "
         "iot:Publish\n"
         "hint: write 'topic/a*'\n"},
        {ALLOW("'iot:Connect'", "'@topic/a'"),
         "warning 3:1 Statement.Resource: 'topic/a' never matches "
         "iot:Connect\n"
         "hint: write 'client/a'\n"},
        {ALLOW("['iot:Publish','iot:Receive']", "['@client/a']"),
         "warning 3:13 Statement.Resource[0]: 'client/a' never matches "
         "iot:Receive\n"
         "hint: write 'topic/a'\n"},
        {ALLOW("'iot:Sub*'", "'@topic/*'"),
         "warning 3:1 Statement.Resource: 'topic/*' never matches "
         "iot:Subscribe\n"
         "hint: write 'topicfilter/*'\n"},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

/* One of several actions has no resource. */
static void test_unusable(void **state)
{
    static const struct given given[] = {
        {ALLOW("['iot:Publish','iot:Subscribe','iot:Connect']", "'@topic/a'"),
         "warning 2:31 Statement.Action: iot:Connect has no resource here that "
         "it could match\n"
         "hint: it needs arn:aws:iot:REGION:ACCOUNT:client/...\n"
         "warning 2:31 Statement.Action: iot:Subscribe has no resource here "
         "that it could match\n"
         "hint: it needs arn:aws:iot:REGION:ACCOUNT:topicfilter/...\n"},
        /* a wildcard need not mean all of them */
        {ALLOW("['iot:Publish','iot:Sub*']", "'@topic/a'"), ""},
        {ALLOW("['iot:Publish','iot:Subscribe']", "'@topic*'"), ""},
        {ALLOW("['iot:Publish','iot:Subscribe']",
               "['@topic/a','@topicfilter/a']"),
         ""},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

static void test_everything(void **state)
{
    static const struct given given[] = {
        {ALLOW("'iot:*'", "'@topic/a'"),
         "warning 2:31 Statement.Action: 'iot:*' allows more than a device "
         "needs\n"
         "hint: name them: iot:Connect, iot:Publish, iot:Receive, "
         "iot:Subscribe\n"},
        {ALLOW("['iot:Publish','*']", "'@topic/a'"),
         "warning 2:55 Statement.Action[1]: '*' allows more than a device "
         "needs\n"
         "hint: name them: iot:Connect, iot:Publish, iot:Receive, "
         "iot:Subscribe\n"},
        {ALLOW("'iot:Connect'", "'*'"),
         "warning 3:1 Statement.Resource: with any client id it can throw off "
         "every other client\n"
         "hint: write client/PREFIX-* or "
         "client/${iot:Connection.Thing.ThingName}\n"},
        {ALLOW("['iot:Connect','iot:RetainPublish']", "['@client/a','*']"),
         "warning 3:40 Statement.Resource[1]: '*' lets it reach every topic of "
         "every device\n"
         "hint: name the topics; ${iot:Connection.Thing.ThingName} makes them "
         "its own\n"},
        {ALLOW("'iot:Connect'", "'@client/*'"), ""},
        {ALLOW("'greengrass:Discover'", "'*'"), ""},
        {ALLOW("'iot:GetThingShadow'", "'*'"), ""},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

/* Partition, service, region and account. */
static void test_head(void **state)
{
#define LACKING(line_column, index, head)                           \
    "warning " line_column " Statement.Resource[" index "]: '" head \
    "' lacks a partition, region or account\n"                      \
    "hint: write arn:aws:iot:REGION:ACCOUNT:topic/a\n"
    static const struct given given[] = {
        {ALLOW("'iot:Publish'",
               "['arn::iot:r:1:topic/a','arn:aws:iot::1:topic/a',\n"
               "'arn:aws:iot:r::topic/a','arn:aws:iot:::topic/a']"),
         LACKING("3:13", "0", "arn::iot:r:1:")
             LACKING("3:36", "1", "arn:aws:iot::1:")
                 LACKING("4:1", "2", "arn:aws:iot:r::")
                     LACKING("4:26", "3", "arn:aws:iot:::")},
        {ALLOW("'iot:Publish'",
               "['arn:aws:s3:r:1:topic/a','arn:aws::r:1:topic/a']"),
         "warning 3:13 Statement.Resource[0]: 'arn:aws:s3:r:1:' is not of the "
         "service iot\n"
         "hint: write arn:aws:iot:REGION:ACCOUNT:topic/a\n"
         "warning 3:38 Statement.Resource[1]: 'arn:aws::r:1:' is not of the "
         "service iot\n"
         "hint: write arn:aws:iot:REGION:ACCOUNT:topic/a\n"},
        {ALLOW("'iot:Publish'", "['arn:*:iot:*:*:topic/a','arn:*',\n"
                                "'arn:aws:*:r:1*:topic/a','arn:aws-cn:iot:r:"
                                "123456789012:topic/a']"),
         ""},
        {ALLOW("'iot:Publish'", "['arn:aws:iot:r:1:topic/a','arn:aws:s3:::b']"),
         "warning 3:13 Statement.Resource[0]: '1' is no account, which has 12 "
         "digits\n"
         "hint: write arn:aws:iot:REGION:ACCOUNT:topic/a\n"
         "warning 3:39 Statement.Resource[1]: 'arn:aws:s3:::' is not of the "
         "service iot\n"
         "hint: write arn:aws:iot:REGION:ACCOUNT:b\n"},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

/* What means something to MQTT only. */
static void test_mqtt(void **state)
{
    static const struct given given[] = {
        {ALLOW("['iot:Publish','iot:Subscribe']",
               "['@topic/a/#','@topic/+/a',\n'@topicfilter/+/#']"),
         "warning 3:13 Statement.Resource[0]: 'topic/a/#': + and # are plain "
         "characters here\n"
         "hint: a policy's wildcards are * and ?\n"
         "warning 3:41 Statement.Resource[1]: 'topic/+/a': + and # are plain "
         "characters here\n"
         "hint: a policy's wildcards are * and ?\n"},
        {ALLOW("'iot:Subscribe'", "'@topicfilter/${iot:ClientId}/x'"),
         "warning 3:1 Statement.Resource: a client id with + or # in it widens "
         "'topicfilter/${iot:ClientId}/x'\n"
         "hint: restrict the resource of iot:Connect\n"},
        {ALLOW("'iot:Publish'", "'@topic/${iot:ClientId}/x'"), ""},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

static void test_sids(void **state)
{
    static const char same[] = "warning 5:50 Statement[3].Sid: Statement[0] is "
                               "called 'a' as well\n"
                               "hint: give every statement a Sid of its own\n";

    (void)state;
    expect(HEAD "[{'Sid':'a','Effect':'Deny','Action':'iot:*',"
                "'Resource':'*'},\n"
                "{'Sid':'b','Effect':'Deny','Action':'iot:*','Resource':'*'},\n"
                "{'Effect':'Deny','Action':'iot:*','Resource':'*'},\n"
                "{'Effect':'Deny','Action':'iot:*','Resource':'*','Sid':'a'}]}",
           same);
}

/* AWS's own claim policy, and what lacks a reply. */
static void test_provisioning(void **state)
{
    static const char unheard[] =
        "warning 2:1 Statement: no statement allows iot:Receive: the replies "
        "may not arrive\n"
        "hint: allow iot:Receive on the topics of accepted and rejected\n";
    static const struct given given[] = {
        {HEAD "[{'Effect':'Allow','Action':'iot:Connect','Resource':'*'},\n"
              "{'Effect':'Allow','Action':['iot:Publish','iot:Receive'],"
              "'Resource':['@topic/$aws/certificates/create/*',"
              "'@" TEMPLATE_TOPIC "']},\n"
              "{'Effect':'Allow','Action':'iot:Subscribe','Resource':"
              "['@topicfilter/$aws/certificates/create/*',"
              "'@topicfilter/$aws/provisioning-templates/t/provision/*']}]}",
         "warning 2:1 Statement: create/* does not match create-from-csr/...: "
         "a device that sends a CSR is denied\n"
         "hint: add .../certificates/create-from-csr/* if devices make their "
         "own keys\n"
         "warning 2:55 Statement[0].Resource: with any client id it can throw "
         "off every other client\n"
         "hint: write client/PREFIX-* or "
         "client/${iot:Connection.Thing.ThingName}\n"},
        {ALLOW("'iot:Publish'", "'@" TEMPLATE_TOPIC "'"), unheard},
        /* to deny it is not to have it */
        {HEAD "[{'Effect':'Allow','Action':'iot:Publish',"
              "'Resource':'@" TEMPLATE_TOPIC "'},\n"
              "{'Effect':'Deny','Action':'iot:Receive',"
              "'Resource':'@topic/x'}]}",
         unheard},
        {ALLOW("['iot:Publish','iot:Re*']", "'@" TEMPLATE_TOPIC "'"), ""},
        {ALLOW("'iot:Receive'", "'@" TEMPLATE_TOPIC "'"), ""},
        {ALLOW("'iot:Publish'", "['@topic/$aws/certificates/create/*',\n"
                                "'@topic/$aws/certificates/create-from-csr/"
                                "*']"),
         ""},
        {ALLOW("'iot:Publish'", "'@topic/$aws/certificates/create*'"), ""},
        {ALLOW("'iot:Publish'", "'@topic/$aws/certificates/create/json'"), ""},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

/* A key of several values, and no word about how many of them. */
static void test_quantity(void **state)
{
#define CONNECT(conditions)                                                 \
    HEAD "{'Effect':'Allow','Action':'iot:Connect','Resource':'@client/a'," \
         "'Condition':\n" conditions "}}"
#define SEVERAL                            \
    "' can have several values\n"          \
    "hint: write ForAnyValue: or ForAllVa" \
    "lues: before the operator\n"
#define NAME_LIST "iot:Certificate.Subject.CommonName.List"
    static const struct given given[] = {
        {CONNECT("{'StringEquals':{'iot:ConnectAttributes':'LastWill'},\n"
                 "'StringLike':{'" NAME_LIST "':'x'}}"),
         "warning 3:18 Statement.Condition.StringEquals.iot:ConnectAttributes: "
         "'iot:ConnectAttributes" SEVERAL
         "warning 4:15 Statement.Condition.StringLike." NAME_LIST
         ": '" NAME_LIST SEVERAL},
        {CONNECT("{'ForAnyValue:StringEquals':"
                 "{'iot:ConnectAttributes':'LastWill'},\n"
                 "'ForAllValues:StringLike':{'" NAME_LIST "':'x'},"
                 "'Null':{'iot:ConnectAttributes':'false'}}"),
         ""},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

/* What is denied can't be too much. */
static void test_deny(void **state)
{
    (void)state;
    expect(HEAD "{'Effect':'Deny','Action':['iot:*','*','iot:Subscribe'],"
                "'Resource':['*','@topic/#','arn:aws:s3::1:x',"
                "'@" TEMPLATE_TOPIC "','@topicfilter/${iot:ClientId}']}}",
           "");
}

/* Errors have hints, too; with an error nothing is warned of. */
static void test_hints(void **state)
{
/* a warning, beside the error */
#define WIDE                                                                   \
    "warning 2:31 Statement.Action: 'iot:*' allows more than a device needs\n" \
    "hint: name them: iot:Connect, iot:Publish, iot:Receive, iot:Subscribe\n"
    static const struct given given[] = {
        {ALLOW("'iot:Publsh'", "'topic/a'"),
         "error 2:31 Statement.Action: 'iot:Publsh' is not supported: no "
         "action of AWS IoT\n"
         "hint: did you mean 'iot:Publish'?\n"
         "error 3:1 Statement.Resource: 'topic/a' is neither an ARN nor *\n"
         "hint: write arn:aws:iot:REGION:ACCOUNT:topic/a\n"},
        {ALLOW("'iot:*'", "'arn:aws:iot'"),
         WIDE "error 3:1 Statement.Resource: 'arn:aws:iot' is no whole ARN\n"
              "hint: write arn:aws:iot:REGION:ACCOUNT:topic/...\n"},
        {ALLOW("'iot:*'", "'@topic/${iot:Clientid}'"), WIDE
         "error 3:1 Statement.Resource: the variable '${iot:Clientid}' is not "
         "supported\n"
         "hint: there are ${iot:ClientId}, ${aws:SourceIp}, "
         "${iot:CertificateId}, ${iot:Connection.Thing...} and "
         "${iot:Certificate...}\n"},
        {ALLOW("'iot:*'", "'*','NotAction':'x','Principal':'*','Efect':1"), WIDE
         "warning 3:1 Statement.Resource: '*' lets it reach every topic "
         "of every device\n"
         "hint: name the topics; ${iot:Connection.Thing.ThingName} makes them "
         "its own\n"
         "error 3:16 Statement.NotAction: 'NotAction' is not supported\n"
         "hint: AWS IoT's policies have Action and Resource only; use a second "
         "statement with Deny\n"
         "error 3:32 Statement.Principal: 'Principal' is not supported\n"
         "hint: the certificate that it is attached to is the principal\n"
         "error 3:48 Statement.Efect: 'Efect' is not supported\n"
         "hint: did you mean 'Effect'?\n"},
        {CONNECT("{'NumericEquals':{},'IpAddress':{'aws:SourceIp':'x'}}"),
         "error 3:2 Statement.Condition.NumericEquals: 'NumericEquals' is no "
         "operator that AWS IoT's keys can use\n"
         "hint: numbers and dates have no keys here; see StringEquals, "
         "StringLike, Bool, Null, IpAddress\n"
         "error 3:34 Statement.Condition.IpAddress.aws:SourceIp: 'x' is no "
         "address or range\n"
         "hint: write an address as 192.0.2.1, or a range as 192.0.2.0/24 or "
         "2001:db8::/32\n"},
    };

    (void)state;
    expect_all(given, COUNT_OF(given));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind),         cmocka_unit_test(test_unusable),
        cmocka_unit_test(test_everything),   cmocka_unit_test(test_head),
        cmocka_unit_test(test_mqtt),         cmocka_unit_test(test_sids),
        cmocka_unit_test(test_provisioning), cmocka_unit_test(test_quantity),
        cmocka_unit_test(test_deny),         cmocka_unit_test(test_hints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
