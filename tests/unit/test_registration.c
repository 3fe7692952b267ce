/* RegisterThing: tokens, templates, hooks, faults; what fails leaves nothing */
#include "registration_rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/catalog.h"
#include "endpoint/sql_driver.h"

#define DEVICE_POLICY                                             \
    ",\"policy\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{" \
    "\"PolicyName\":\"device\"}}"

/* A template "fleet" with everything, and all that it names. */
static void put_fleet(struct desk *desk, const char *hook)
{
    desk_put_policy(desk, "device");
    desk_put_group(desk, "g");
    rig_ok(imprint_catalog_put_name(desk->rig->registry,
                                    IMPRINT_CATALOG_THING_TYPE, "lamp"));
    rig_ok(imprint_catalog_put_name(desk->rig->registry,
                                    IMPRINT_CATALOG_BILLING_GROUP, "b"));
    desk_put_template(
        desk, &(struct desk_template){
                  .name = "fleet",
                  .properties =
                      ",\"AttributePayload\":{\"color\":{\"Ref\":\"Color\"}},"
                      "\"ThingTypeName\":\"lamp\",\"ThingGroups\":[\"g\"],"
                      "\"BillingGroup\":\"b\"",
                  .policy = DEVICE_POLICY,
                  .hook = hook,
              });
}

static void check_reply(const struct imprint_provision_request *request,
                        const char *expected)
{
    char reply[512];

    desk_check_accepted(request);
    (void)snprintf(reply, sizeof(reply), "%.*s", (int)request->reply_len,
                   (const char *)request->reply);
    assert_string_equal(reply, expected);
}

static void test_all(void **state)
{
    struct desk *desk = *state;

    put_fleet(desk, NULL);
    desk_create(desk, "a");
    (void)rig_changes(desk->rig);
    check_reply(desk_register(desk, "fleet", "a", "{\"SN\":\"sn-1\"}"),
                "{\"deviceConfiguration\":{\"color\":\"red\"},"
                "\"thingName\":\"sn-1\"}");
    assert_string_equal(desk->last->thing_name, "sn-1");
    assert_string_equal(desk->last->certificate.id, "a");
    assert_false(desk->last->is_repeat);
    desk_check_rows(desk,
                    "SELECT name, attributes, type, billing_group FROM "
                    "thing",
                    "sn-1|{\"color\":\"red\"}|lamp|b\n");
    desk_check_rows(desk, "SELECT created / 1000000000 FROM thing", "1\n");
    desk_check_rows(desk, "SELECT * FROM membership", "1|g\n");
    desk_check_rows(desk, "SELECT * FROM certificate_thing", "1|1|0\n");
    desk_check_rows(desk, "SELECT * FROM attachment", "1|device\n");
    desk_check_rows(desk, "SELECT state FROM certificate", "ACTIVE\n");
    /* nobody can have looked at any of it */
    assert_string_equal(rig_changes(desk->rig).all, "");
}

static void test_templates(void **state)
{
    struct desk *desk = *state;

    desk_create(desk, "a");
    desk_check_rejected(desk, desk_register(desk, "none", "a", "{}"), 404,
                        "ResourceNotFound", "\"none\"");
    desk_put_template(
        desk, &(struct desk_template){.name = "off", .is_disabled = true});
    desk_check_rejected(desk, desk_register(desk, "off", "a", "{}"), 400,
                        "InvalidRequest", "disabled");
    rig_ok(imprint_catalog_put_template(
        desk->rig->registry,
        &(struct imprint_catalog_template){"bad", "{", NULL, true}));
    desk_check_rejected(desk, desk_register(desk, "bad", "a", "{}"), 400,
                        "InvalidRequest", "\"bad\" can't be used");
    put_fleet(desk, NULL);
    desk_check_rejected(desk, desk_register(desk, "fleet", "a", "{}"), 400,
                        "InvalidParameters", "SN");
    desk_check_rejected(desk,
                        desk_register(desk, "fleet", "a", "{\"SN\":\"a b\"}"),
                        400, "InvalidParameters", "a b");
    desk_check_accepted(desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"));
}

static void test_no_thing(void **state)
{
    struct desk *desk = *state;

    desk_put_template(
        desk, &(struct desk_template){.name = "t", .has_no_thing = true});
    desk_create(desk, "a");
    check_reply(desk_register(desk, "t", "a", "{\"SN\":\"s\"}"),
                "{\"deviceConfiguration\":{\"color\":\"red\"}}");
    desk_check_rows(desk, "SELECT state FROM certificate", "ACTIVE\n");
    desk_check_rows(desk, "SELECT count(*) FROM certificate_thing", "0\n");
}

/* ---- tokens ---- */

static void test_tokens(void **state)
{
    struct desk *desk = *state;

    put_fleet(desk, NULL);
    desk_create(desk, "a");
    desk_check_rejected(desk,
                        desk_register(desk, "fleet", "b", "{\"SN\":\"s\"}"),
                        400, "InvalidCertificateOwnershipToken", "not known");
    desk_put_setting(desk, "clock_offset_s", "3601");
    desk_check_rejected(desk,
                        desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"),
                        400, "InvalidCertificateOwnershipToken", "expired");
    desk_put_setting(desk, "clock_offset_s", "3590");
    desk_check_accepted(desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"));
}

/* The same again gets the same; anything else gets nothing. */
static void test_repeat(void **state)
{
    static const char first[] = "{\"SN\":\"s\",\"Color\":\"blue\"}";
    static const char reply[] = "{\"deviceConfiguration\":{\"color\":\"blue\"},"
                                "\"thingName\":\"s\"}";
    struct desk *desk = *state;
    char *rows;
    char *again;

    put_fleet(desk, NULL);
    desk_create(desk, "a");
    check_reply(desk_register(desk, "fleet", "a", first), reply);
    rows = rig_dump(desk->rig);
    check_reply(
        desk_register(desk, "fleet", "a", "{\"Color\":\"blue\",\"SN\":\"s\"}"),
        reply);
    assert_true(desk->last->is_repeat);
    assert_string_equal(desk->last->thing_name, "s");
    again = rig_dump(desk->rig);
    assert_string_equal(rows, again);
    free(rows);
    free(again);
    desk_check_rejected(desk,
                        desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"),
                        400, "InvalidCertificateOwnershipToken", "used");
    desk_put_template(desk, &(struct desk_template){.name = "other"});
    desk_check_rejected(desk, desk_register(desk, "other", "a", first), 400,
                        "InvalidCertificateOwnershipToken", "used");
    /* whatever became of the template */
    rig_ok(imprint_catalog_drop_template(desk->rig->registry, "fleet"));
    check_reply(desk_register(desk, "fleet", "a", first), reply);
}

/* ---- hooks ---- */

static void test_hook(void **state)
{
    struct desk *desk = *state;
    struct imprint_provision_request *request;
    char *after;

    put_fleet(desk, "exec:/hook");
    desk_create(desk, "a");
    request =
        desk_register(desk, "fleet", "a", "{\"SN\":\"s\",\"extra\":\"1\"}");
    assert_int_equal(request->lack, IMPRINT_PROVISION_HOOK);
    assert_int_equal(request->rejection.status_code, 0);
    after = rig_dump(desk->rig);
    assert_string_equal(desk->before, after);
    free(after);
    assert_string_equal(request->hook->target, "exec:/hook");
    assert_non_null(strstr(request->hook->event, "\"claim-id\""));
    assert_non_null(strstr(request->hook->event, "\"extra\""));
    assert_non_null(strstr(request->hook->event,
                           "arn:aws:iot:us-east-1:000000000000:"
                           "provisioningtemplate/fleet"));
    /* its parameters win, and may be ones that the device did not send */
    check_reply(
        desk_answer(desk, IMPRINT_HOOK_ANSWERED,
                    "{\"allowProvisioning\":true,\"parameterOverrides\":"
                    "{\"SN\":\"s-2\",\"Color\":\"green\"}}"),
        "{\"deviceConfiguration\":{\"color\":\"green\"},"
        "\"thingName\":\"s-2\"}");
    /* a repeat is not asked about again, and is what the device sent */
    check_reply(
        desk_register(desk, "fleet", "a", "{\"SN\":\"s\",\"extra\":\"1\"}"),
        "{\"deviceConfiguration\":{\"color\":\"green\"},"
        "\"thingName\":\"s-2\"}");
    assert_null(desk->last->hook);
}

/* The device hears one and the same; the log hears what it really was. */
static void test_hook_says_no(void **state)
{
    static const struct {
        enum imprint_hook_outcome outcome;
        const char *answer;
        const char *note;
    } cases[] = {
        {IMPRINT_HOOK_ANSWERED, "{\"allowProvisioning\":false}", "said no"},
        {IMPRINT_HOOK_ANSWERED, "{}", "allowProvisioning"},
        {IMPRINT_HOOK_ANSWERED, "nonsense", "JSON"},
        {IMPRINT_HOOK_FAILED, "exit status 3", "exit status 3"},
        {IMPRINT_HOOK_LATE, "killed after 5000 ms", "killed after 5000 ms"},
        {IMPRINT_HOOK_NOT_RUN, "", "did not run"},
    };
    struct desk *desk = *state;
    size_t i;

    put_fleet(desk, "exec:/hook");
    desk_create(desk, "a");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct imprint_provision_request *request;

        (void)desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}");
        request = desk_answer(desk, cases[i].outcome, cases[i].answer);
        desk_check_rejected(desk, request, 403, "AccessDenied", "hook");
        if (!strstr(request->note, cases[i].note))
            fail_msg("%s", request->note);
    }
}

/* The template got another hook while the first one ran. */
static void test_hook_replaced(void **state)
{
    struct desk *desk = *state;
    struct imprint_provision_request *request;

    put_fleet(desk, "exec:/lenient");
    desk_create(desk, "a");
    (void)desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}");
    desk_put_template(
        desk, &(struct desk_template){.name = "fleet", .hook = "exec:/strict"});
    request = desk_answer(desk, IMPRINT_HOOK_ANSWERED,
                          "{\"allowProvisioning\":true}");
    assert_int_equal(request->lack, IMPRINT_PROVISION_HOOK);
    assert_string_equal(request->hook->target, "exec:/strict");
    request = desk_answer(desk, IMPRINT_HOOK_ANSWERED,
                          "{\"allowProvisioning\":false}");
    desk_check_rejected(desk, request, 403, "AccessDenied", "hook");
}

static void test_hook_arn(void **state)
{
    struct desk *desk = *state;

    put_fleet(desk, "arn:aws:lambda:us-east-1:1:function:f");
    desk_create(desk, "a");
    desk_check_rejected(desk,
                        desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"),
                        403, "AccessDenied", "hook");
    assert_non_null(strstr(desk->last->note, "function:f"));
    desk_put_setting(desk, "hook:arn:aws:lambda:us-east-1:1:function:f",
                     "http://localhost:1/");
    (void)desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}");
    assert_int_equal(desk->last->lack, IMPRINT_PROVISION_HOOK);
    assert_string_equal(desk->last->hook->target, "http://localhost:1/");
}

/* The token expired, or the template went, while the hook ran. */
static void test_hook_is_late(void **state)
{
    struct desk *desk = *state;

    put_fleet(desk, "exec:/hook");
    desk_create(desk, "a");
    (void)desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}");
    desk_put_setting(desk, "clock_offset_s", "3601");
    desk_check_rejected(desk,
                        desk_answer(desk, IMPRINT_HOOK_ANSWERED,
                                    "{\"allowProvisioning\":true}"),
                        400, "InvalidCertificateOwnershipToken", "expired");
}

/* ---- faults ---- */

static void set_faults(struct desk *desk, const char *rules)
{
    struct imprint_why why = {"", ""};

    if (imprint_fault_set(desk->faults, imprint_slice_text(rules), &why) !=
        IMPRINT_OK)
        fail_msg("%s", why.text);
}

static void test_fault_refuse(void **state)
{
    struct desk *desk = *state;

    put_fleet(desk, NULL);
    desk_create(desk, "a");
    set_faults(desk, "register thing=s nth=1: refuse 500 Broken\n");
    desk_check_rejected(desk,
                        desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"),
                        500, "Broken", "");
    desk_check_accepted(desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"));
}

/* A repeat counts as well, by the thing that the certificate has. */
static void test_fault_repeat(void **state)
{
    struct desk *desk = *state;

    put_fleet(desk, NULL);
    desk_create(desk, "a");
    set_faults(desk, "register thing=s nth=2: lose\n");
    desk_check_accepted(desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"));
    assert_int_equal(desk->last->fault.kind, IMPRINT_FAULT_NONE);
    desk_check_accepted(desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"));
    assert_true(desk->last->is_repeat);
    assert_int_equal(desk->last->fault.kind, IMPRINT_FAULT_LOSE);
    desk_check_accepted(desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}"));
    assert_int_equal(desk->last->fault.kind, IMPRINT_FAULT_NONE);
}

/* What is rejected anyway counts once, too; a hook's wait does not. */
static void test_fault_counts(void **state)
{
    struct desk *desk = *state;

    put_fleet(desk, "exec:/hook");
    desk_create(desk, "a");
    set_faults(desk, "register nth=2: delay 5\n");
    desk_check_rejected(desk,
                        desk_register(desk, "none", "a", "{\"SN\":\"s\"}"), 404,
                        "ResourceNotFound", "none");
    assert_int_equal(desk->last->fault.kind, IMPRINT_FAULT_NONE);
    (void)desk_register(desk, "fleet", "a", "{\"SN\":\"s\"}");
    assert_int_equal(desk->last->fault.kind, IMPRINT_FAULT_NONE);
    desk_check_accepted(desk_answer(desk, IMPRINT_HOOK_ANSWERED,
                                    "{\"allowProvisioning\":true}"));
    assert_int_equal(desk->last->fault.kind, IMPRINT_FAULT_DELAY);
    assert_int_equal(desk->last->fault.number, 5);
}

/* ---- speed ---- */

/*
 * Rows looked at by a scan, in statements and their triggers: none, however
 * many things there are.
 */
static void test_no_scan(void **state)
{
    struct desk *desk = *state;
    char id[32];
    char parameters[64];
    int i;

    put_fleet(desk, NULL);
    for (i = 0; i < 50; i++) {
        (void)snprintf(id, sizeof(id), "certificate-%d", i);
        (void)snprintf(parameters, sizeof(parameters), "{\"SN\":\"s-%d\"}",
                       i / 2 * 2);
        desk_create(desk, id);
        desk_check_accepted(desk_register(desk, "fleet", id, parameters));
    }
    for (i = 0; i < SQL_COUNT; i++) {
        sqlite3_stmt *statement = desk->rig->registry->statements[i].prepared;

        if (statement &&
            sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0))
            fail_msg("%s", sqlite3_sql(statement));
    }
    assert_string_equal(rig_changes(desk->rig).all, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(test_all),           DESK_TEST(test_templates),
        DESK_TEST(test_no_thing),      DESK_TEST(test_tokens),
        DESK_TEST(test_repeat),        DESK_TEST(test_hook),
        DESK_TEST(test_hook_says_no),  DESK_TEST(test_hook_arn),
        DESK_TEST(test_hook_replaced), DESK_TEST(test_hook_is_late),
        DESK_TEST(test_fault_refuse),  DESK_TEST(test_fault_repeat),
        DESK_TEST(test_fault_counts),  DESK_TEST(test_no_scan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
