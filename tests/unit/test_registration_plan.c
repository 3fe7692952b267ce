/* What a template does to what is there already, and to what is missing. */
#include "registration_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/catalog.h"

#define OVERRIDE(settings) ",\"OverrideSettings\":{" settings "}"
#define COLOR ",\"AttributePayload\":{\"color\":{\"Ref\":\"Color\"}}"
#define POLICY(properties) \
    "\"Type\":\"AWS::IoT::Policy\",\"Properties\":{" properties "}"

static void check_refused(struct desk *desk, const char *token,
                          const char *parameters, const char *word)
{
    desk_check_rejected(desk, desk_register(desk, "t", token, parameters), 409,
                        "ResourceConflict", word);
}

/* ---- names that must be there ---- */

static void check_missing(struct desk *desk, const char *properties,
                          const char *policy, const char *word)
{
    desk_put_template(desk, &(struct desk_template){.name = "t",
                                                    .properties = properties,
                                                    .policy = policy});
    desk_check_rejected(desk, desk_register(desk, "t", "a", "{\"SN\":\"s\"}"),
                        404, "ResourceNotFound", word);
}

static void test_missing(void **state)
{
    struct desk *desk = *state;

    desk_create(desk, "a");
    desk_put_group(desk, "g");
    check_missing(desk, ",\"ThingGroups\":[\"g\",\"h\"]", NULL,
                  "thing group \"h\"");
    check_missing(desk, ",\"ThingTypeName\":\"lamp\"", NULL,
                  "thing type \"lamp\"");
    check_missing(desk, ",\"BillingGroup\":\"b\"", NULL, "billing group \"b\"");
    check_missing(desk, ",\"ThingGroups\":[\"g\"]",
                  ",\"p\":{" POLICY("\"PolicyName\":\"none\"") "}",
                  "policy \"none\"");
}

/* ---- things that exist ---- */

static void test_same_thing(void **state)
{
    struct desk *desk = *state;

    desk_put_group(desk, "g");
    desk_put_template(
        desk, &(struct desk_template){
                  .name = "t", .properties = COLOR ",\"ThingGroups\":[\"g\"]"});
    desk_create(desk, "a");
    desk_create(desk, "b");
    desk_check_accepted(desk_register(desk, "t", "a", "{\"SN\":\"s\"}"));
    (void)rig_changes(desk->rig);
    /* without OverrideSettings only the very same thing will do */
    check_refused(desk, "b", "{\"SN\":\"s\",\"Color\":\"blue\"}",
                  "allow it: the thing \"s\" exists, and");
    desk_check_accepted(desk_register(desk, "t", "b", "{\"SN\":\"s\"}"));
    desk_check_rows(desk, "SELECT * FROM certificate_thing", "1|1|0\n2|1|0\n");
    assert_string_equal(rig_changes(desk->rig).all, "");
}

/* A thing of an older registry, whose attributes stand in another form. */
static void test_same_thing_spelled_otherwise(void **state)
{
    const struct imprint_catalog_thing thing = {
        .name = "s", .attributes = "{\n  \"color\": \"red\"\n}\n"};
    struct desk *desk = *state;

    desk_put_template(
        desk, &(struct desk_template){.name = "t", .properties = COLOR});
    rig_ok(imprint_catalog_put_thing(desk->rig->registry, &thing));
    desk_create(desk, "a");
    desk_check_accepted(desk_register(desk, "t", "a", "{\"SN\":\"s\"}"));
}

static void put_existing(struct desk *desk)
{
    const struct imprint_catalog_thing thing = {
        .name = "s",
        .attributes = "{\"color\":\"red\",\"size\":\"9\"}",
        .type = "lamp",
    };

    rig_ok(imprint_catalog_put_name(desk->rig->registry,
                                    IMPRINT_CATALOG_THING_TYPE, "lamp"));
    rig_ok(imprint_catalog_put_name(desk->rig->registry,
                                    IMPRINT_CATALOG_THING_TYPE, "door"));
    rig_ok(imprint_catalog_put_thing(desk->rig->registry, &thing));
    desk_put_group(desk, "g");
    desk_put_group(desk, "h");
    rig_ok(imprint_catalog_put_member(desk->rig->registry, "g", "s"));
    desk_create(desk, "a");
}

static void check_thing(struct desk *desk, const char *overrides,
                        const char *thing, const char *groups)
{
    desk_put_template(desk,
                      &(struct desk_template){.name = "t",
                                              .properties = COLOR
                                              ",\"ThingTypeName\":\"door\","
                                              "\"ThingGroups\":[\"h\"]",
                                              .overrides = overrides});
    desk_check_accepted(
        desk_register(desk, "t", "a", "{\"SN\":\"s\",\"Color\":\"blue\"}"));
    desk_check_rows(desk, "SELECT attributes, type FROM thing", thing);
    desk_check_rows(desk, "SELECT thing_group FROM membership ORDER BY 1",
                    groups);
}

static void test_replace(void **state)
{
    struct desk *desk = *state;

    put_existing(desk);
    check_thing(desk,
                OVERRIDE("\"AttributePayload\":\"REPLACE\",\"ThingTypeName\":"
                         "\"REPLACE\",\"ThingGroups\":\"REPLACE\""),
                "{\"color\":\"blue\"}|door\n", "h\n");
}

static void test_merge(void **state)
{
    struct desk *desk = *state;

    put_existing(desk);
    check_thing(desk,
                OVERRIDE("\"AttributePayload\":\"MERGE\",\"ThingTypeName\":"
                         "\"DO_NOTHING\",\"ThingGroups\":\"MERGE\""),
                "{\"color\":\"blue\",\"size\":\"9\"}|lamp\n", "g\nh\n");
}

static void test_do_nothing(void **state)
{
    struct desk *desk = *state;

    put_existing(desk);
    check_thing(desk,
                OVERRIDE("\"AttributePayload\":\"DO_NOTHING\","
                         "\"ThingTypeName\":\"DO_NOTHING\","
                         "\"ThingGroups\":\"DO_NOTHING\""),
                "{\"color\":\"red\",\"size\":\"9\"}|lamp\n", "g\n");
}

static void test_fail(void **state)
{
    struct desk *desk = *state;

    put_existing(desk);
    desk_put_template(
        desk, &(struct desk_template){
                  .name = "t",
                  .properties = COLOR,
                  .overrides = OVERRIDE("\"AttributePayload\":\"FAIL\"")});
    check_refused(desk, "a", "{\"SN\":\"s\",\"Color\":\"blue\"}", "\"s\"");
}

/* Those who are connected as the thing hear of it. */
static void test_change_is_told(void **state)
{
    struct desk *desk = *state;

    put_existing(desk);
    rig_put(desk->rig->registry, "old", IMPRINT_REGISTRY_ACTIVE);
    rig_ok(
        imprint_catalog_attach_thing(desk->rig->registry, "old", "s", false));
    (void)rig_changes(desk->rig);
    desk_put_template(
        desk, &(struct desk_template){
                  .name = "t",
                  .properties = COLOR,
                  .overrides = OVERRIDE("\"AttributePayload\":\"MERGE\"")});
    desk_check_accepted(
        desk_register(desk, "t", "a", "{\"SN\":\"s\",\"Color\":\"blue\"}"));
    assert_string_equal(rig_changes(desk->rig).all, "old");
}

/* ---- policies ---- */

#define DOCUMENT(resource)                                              \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\"," \
    "\"Action\":\"iot:Connect\",\"Resource\":\"" resource "\"}]}"

static void test_documents(void **state)
{
    struct desk *desk = *state;

    desk_put_template(desk, &(struct desk_template){
                                .name = "t",
                                .policy = ",\"p\":{" POLICY(
                                    "\"PolicyDocument\":" DOCUMENT("*")) "}"});
    desk_create(desk, "a");
    desk_create(desk, "b");
    desk_check_accepted(desk_register(desk, "t", "a", "{\"SN\":\"s\"}"));
    desk_check_rows(desk, "SELECT length(name), document FROM policy",
                    "64|" DOCUMENT("*") "\n");
    (void)rig_changes(desk->rig);
    /* the same for all devices: nobody else has to look again */
    desk_check_accepted(desk_register(desk, "t", "b", "{\"SN\":\"s-2\"}"));
    desk_check_rows(desk, "SELECT count(*) FROM policy", "1\n");
    desk_check_rows(desk, "SELECT count(*) FROM attachment", "2\n");
    assert_string_equal(rig_changes(desk->rig).all, "");
}

/* One that only the parameters make a bad one: it gets too long. */
static void test_bad_document(void **state)
{
    struct desk *desk = *state;
    char parameters[2200];

    (void)snprintf(parameters, sizeof(parameters),
                   "{\"SN\":\"s\",\"Color\":\"%02100d\"}", 0);
    desk_put_template(
        desk, &(struct desk_template){
                  .name = "t",
                  .policy = ",\"p\":{" POLICY(
                      "\"PolicyDocument\":{\"Version\":\"2012-10-17\","
                      "\"Statement\":[{\"Effect\":\"Allow\",\"Action\":"
                      "\"iot:Connect\",\"Resource\":{\"Fn::Join\":[\"\",["
                      "\"arn:aws:iot:us-east-1:000000000000:client/\","
                      "{\"Ref\":\"Color\"}]]}}]}") "}"});
    desk_create(desk, "a");
    desk_check_rejected(desk, desk_register(desk, "t", "a", parameters), 400,
                        "InvalidParameters", "2048");
    desk_check_accepted(desk_register(desk, "t", "a", "{\"SN\":\"s\"}"));
}

static void test_too_many_policies(void **state)
{
    struct desk *desk = *state;
    char name[16];
    int i;

    desk_put_policy(desk, "one-more");
    desk_put_template(
        desk, &(struct desk_template){.name = "t",
                                      .policy = ",\"p\":{" POLICY(
                                          "\"PolicyName\":\"one-more\"") "}"});
    desk_create(desk, "a");
    for (i = 0; i < 10; i++) {
        (void)snprintf(name, sizeof(name), "p-%d", i);
        desk_put_policy(desk, name);
        rig_ok(imprint_catalog_attach_policy(desk->rig->registry, "a", name,
                                             true));
    }
    desk_check_rejected(desk, desk_register(desk, "t", "a", "{\"SN\":\"s\"}"),
                        400, "LimitExceeded", "10");
}

/* ---- the certificate ---- */

static void test_exclusive(void **state)
{
    struct desk *desk = *state;

    desk_put_template(
        desk,
        &(struct desk_template){
            .name = "t",
            .certificate = ",\"ThingPrincipalType\":\"EXCLUSIVE_THING\""});
    desk_create(desk, "a");
    desk_check_accepted(desk_register(desk, "t", "a", "{\"SN\":\"s\"}"));
    desk_check_rows(desk, "SELECT * FROM certificate_thing", "1|1|1\n");
    /* one that an operator gave another thing before */
    desk_create(desk, "b");
    rig_ok(imprint_catalog_put_thing(
        desk->rig->registry, &(struct imprint_catalog_thing){.name = "o"}));
    rig_ok(imprint_catalog_attach_thing(desk->rig->registry, "b", "o", false));
    check_refused(desk, "b", "{\"SN\":\"s\"}", "another thing");
}

static void test_inactive(void **state)
{
    struct desk *desk = *state;

    desk_put_template(
        desk, &(struct desk_template){
                  .name = "t", .certificate = ",\"Status\":\"INACTIVE\""});
    desk_create(desk, "a");
    desk_check_accepted(desk_register(desk, "t", "a", "{\"SN\":\"s\"}"));
    desk_check_rows(desk, "SELECT state FROM certificate", "INACTIVE\n");
}

/* Somebody gave the certificate a state before it was registered. */
static void test_status(void **state)
{
    static const struct {
        const char *overrides;
        bool is_refused;
        const char *state;
    } cases[] = {
        {NULL, true, "REVOKED\n"},
        {OVERRIDE("\"Status\":\"FAIL\""), true, "REVOKED\n"},
        {OVERRIDE("\"Status\":\"DO_NOTHING\""), false, "REVOKED\n"},
        {OVERRIDE("\"Status\":\"REPLACE\""), false, "ACTIVE\n"},
    };
    struct desk *desk = *state;
    char id[16];
    char sql[64];
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(id, sizeof(id), "a-%zu", i);
        (void)snprintf(sql, sizeof(sql),
                       "SELECT state FROM certificate WHERE id = '%s'", id);
        desk_create(desk, id);
        rig_ok(imprint_registry_set_state(desk->rig->registry, id,
                                          IMPRINT_REGISTRY_REVOKED));
        desk_put_template(desk, &(struct desk_template){
                                    .name = "t", .status = cases[i].overrides});
        if (cases[i].is_refused)
            check_refused(desk, id, "{\"SN\":\"s\"}", "REVOKED");
        else
            desk_check_accepted(desk_register(desk, "t", id, "{\"SN\":\"s\"}"));
        desk_check_rows(desk, sql, cases[i].state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(test_missing),
        DESK_TEST(test_same_thing),
        DESK_TEST(test_same_thing_spelled_otherwise),
        DESK_TEST(test_replace),
        DESK_TEST(test_merge),
        DESK_TEST(test_do_nothing),
        DESK_TEST(test_fail),
        DESK_TEST(test_change_is_told),
        DESK_TEST(test_documents),
        DESK_TEST(test_bad_document),
        DESK_TEST(test_too_many_policies),
        DESK_TEST(test_exclusive),
        DESK_TEST(test_inactive),
        DESK_TEST(test_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
