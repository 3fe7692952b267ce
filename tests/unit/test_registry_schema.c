/* The schema: what an older one had is kept; what is asked has an index. */
#include "registry_rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/catalog.h"
#include "endpoint/sql_driver.h"
#include "posix/file.h"

#define SQL_MAX_LEN 65536
#define OBJECTS                                            \
    "SELECT type, name, tbl_name, sql FROM sqlite_master " \
    "ORDER BY type, name"

/* Puts a registry as an older schema made it in the place of the rig's. */
static void make_old(struct rig *rig, int number)
{
    char path[256];
    char *sql = NULL;
    size_t len = 0;
    struct imprint_why why = {"", ""};
    char command[128];

    imprint_registry_close(rig->registry);
    imprint_registry_close(rig->reader);
    rig->registry = NULL;
    rig->reader = NULL;
    (void)snprintf(command, sizeof(command), "rm '%s'/registry.db*", rig->dir);
    assert_int_equal(system(command), 0);
    (void)snprintf(path, sizeof(path), TEST_VECTORS "/registry_%d.sql", number);
    if (imprint_file_read(path, SQL_MAX_LEN, &sql, &len, &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
    rig_run(rig, sql);
    free(sql);
}

static void check(const struct rig *rig, const char *sql, const char *expected)
{
    char *rows = rig_ask(rig, sql);

    assert_string_equal(rows, expected);
    free(rows);
}

static void check_rows(const struct rig *rig)
{
    check(rig,
          "SELECT id, pem, claim, is_temporary, state, created, connected, "
          "maker FROM certificate ORDER BY number",
          "c1|pem 1|default|0|ACTIVE|10|0|NULL\n"
          "b2|pem 2|NULL|0|ACTIVE|20|0|c1\n"
          "a3|pem 3|NULL|0|PENDING_ACTIVATION|30|0|c1\n"
          "d4|pem 4|NULL|0|REVOKED|40|0|c1\n");
    check(rig, "SELECT DISTINCT not_after FROM certificate", "2524607999\n");
    check(rig,
          "SELECT hex(hash), id, expires, hex(request_hash), hex(reply) "
          "FROM token JOIN certificate ON number = certificate ORDER BY hash",
          "01|b2|3620|0A0B|7B7D\n02|a3|3630||\n");
    check(rig, "SELECT name, created, type, billing_group FROM thing",
          "device-1|21|NULL|NULL\ndevice-2|22|NULL|NULL\n");
    check(rig, "SELECT attributes FROM thing WHERE name = 'device-1'",
          "{\n  \"serial\": \"1\"\n}\n\n");
    check(rig,
          "SELECT id, name, is_exclusive FROM certificate_thing AS its "
          "JOIN certificate ON certificate.number = its.certificate "
          "JOIN thing ON thing.number = its.thing ORDER BY 1",
          "b2|device-1|0\nd4|device-1|0\n");
    check(rig, "SELECT name, length(document) FROM policy",
          "claim-fleet|39\ndevice|39\n");
    check(rig,
          "SELECT id, policy FROM attachment "
          "JOIN certificate ON number = certificate ORDER BY 1",
          "b2|device\nc1|claim-fleet\nd4|device\n");
    check(rig, "SELECT name, document, hook, is_enabled, version FROM template",
          "fleet|{\"Resources\":{}}|NULL|1|1\n");
    check(rig, "SELECT DISTINCT version FROM policy", "1\n");
    check(rig, "SELECT modified - created FROM certificate", "0\n0\n0\n0\n");
    check(rig, "SELECT count(*) FROM version", "0\n");
    check(rig, "SELECT * FROM spare_key", "7|key 7\n");
    check(rig, "SELECT name, value, typeof(value) FROM setting",
          "pool_size|16|text\ntoken_lifetime_s|3600|text\n");
    check(rig, "PRAGMA foreign_key_check", "");
    check(rig, "PRAGMA integrity_check", "ok\n");
}

static void test_first_schema(void **state)
{
    struct rig *rig = *state;
    char *fresh = rig_ask(rig, OBJECTS);
    char *value = NULL;

    make_old(rig, 1);
    rig->registry = rig_open(rig, IMPRINT_REGISTRY_WRITE);
    rig->reader = rig_open(rig, IMPRINT_REGISTRY_READ);
    check_rows(rig);
    check(rig, OBJECTS, fresh);
    free(fresh);
    /* and it works */
    rig_ok(
        imprint_registry_find_setting(rig->reader, "token_lifetime_s", &value));
    assert_string_equal(value, "3600");
    free(value);
    assert_string_equal(rig_changes(rig).all, "");
    rig_ok(imprint_registry_set_state(rig->registry, "b2",
                                      IMPRINT_REGISTRY_INACTIVE));
    assert_string_equal(rig_changes(rig).all, "b2");
    rig_ok(imprint_registry_drop_certificate(rig->registry, "b2"));
    check(rig, "SELECT count(*) FROM token", "1\n");
}

/* Who only reads may be the first to come. */
static void test_first_schema_reader(void **state)
{
    struct rig *rig = *state;

    make_old(rig, 1);
    rig->reader = rig_open(rig, IMPRINT_REGISTRY_READ);
    check_rows(rig);
    assert_int_equal(imprint_registry_put_setting(rig->reader, "n", "1"),
                     IMPRINT_ERR_STORAGE);
}

/* What can't be taken over whole is left as it is. */
static void test_first_schema_broken(void **state)
{
    struct rig *rig = *state;
    struct imprint_why why = {"", ""};
    char *before;
    char *after;

    make_old(rig, 1);
    rig_run(rig, "DROP TABLE spare_key");
    before = rig_ask(rig, "SELECT sql FROM sqlite_master");
    assert_int_equal(imprint_registry_open(rig->dir, IMPRINT_REGISTRY_WRITE,
                                           &rig->registry, &why),
                     IMPRINT_ERR_STORAGE);
    assert_non_null(strstr(why.text, "spare_key"));
    assert_null(rig->registry);
    after = rig_ask(rig, "SELECT sql FROM sqlite_master");
    assert_string_equal(before, after);
    check(rig, "PRAGMA user_version", "1\n");
    check(rig, "SELECT count(*) FROM certificate", "4\n");
    free(before);
    free(after);
}

static void check_second_rows(const struct rig *rig)
{
    check(rig,
          "SELECT number, id, pem, claim, is_temporary, state, created, "
          "connected, maker, modified, ca, is_sni_only FROM certificate",
          "1|c1|pem 1|default|0|ACTIVE|10|0|NULL|10|NULL|0\n"
          "3|b2|pem 2|NULL|0|ACTIVE|20|25|c1|20|NULL|0\n"
          "4|a3|pem 3|NULL|0|PENDING_ACTIVATION|30|0|c1|30|NULL|0\n"
          "9|d4|pem 4|NULL|0|REVOKED|40|0|c1|40|NULL|0\n"
          "10|e5|pem 5|temporary|1|ACTIVE|50|0|NULL|50|NULL|0\n");
    check(rig, "SELECT certificate, hex(hash), expires, hex(reply) FROM token",
          "3|01|3620|7B7D\n4|02|3630|\n");
    check(rig,
          "SELECT number, name, attributes, created, type, billing_group, "
          "version FROM thing",
          "1|device-1|{\"serial\":\"1\"}|21|sensor|dept|1\n"
          "5|device-2|{}|22|NULL|NULL|1\n");
    check(rig,
          "SELECT name, parent FROM thing_group UNION ALL "
          "SELECT name, version FROM thing_type UNION ALL "
          "SELECT name, version FROM billing_group",
          "all|NULL\nlab|NULL\nsensor|1\ndept|1\n");
    check(rig, "SELECT * FROM membership", "1|all\n5|lab\n");
    check(rig, "SELECT * FROM certificate_thing", "3|1|1\n9|5|0\n");
    check(rig, "SELECT * FROM attachment", "1|claim-fleet\n3|device\n");
    check(rig, "SELECT * FROM group_attachment", "lab|device\n");
    check(rig, "SELECT name, length(document), version FROM policy",
          "claim-fleet|39|1\ndevice|39|1\n");
    check(rig,
          "SELECT name, document, hook, is_enabled, version, role FROM "
          "template",
          "fleet|{\"Resources\":{}}|exec:/h|0|1|NULL\n");
    check(rig, "SELECT * FROM spare_key", "7|key 7\n");
    check(rig, "SELECT * FROM setting", "pool_size|16\n");
    check(rig, "PRAGMA foreign_key_check", "");
    check(rig, "PRAGMA integrity_check", "ok\n");
}

static void check_newer_schema(struct rig *rig, int number)
{
    char *fresh = rig_ask(rig, OBJECTS);

    make_old(rig, number);
    rig->registry = rig_open(rig, IMPRINT_REGISTRY_WRITE);
    rig->reader = rig_open(rig, IMPRINT_REGISTRY_READ);
    check_second_rows(rig);
    check(rig, OBJECTS, fresh);
    free(fresh);
    /* who follows is told */
    assert_string_equal(rig_changes(rig).all, "");
    rig_ok(imprint_registry_set_state(rig->registry, "b2",
                                      IMPRINT_REGISTRY_INACTIVE));
    assert_string_equal(rig_changes(rig).all, "b2");
}

static void test_second_schema(void **state)
{
    check_newer_schema(*state, 2);
}

static void test_third_schema(void **state)
{
    check_newer_schema(*state, 3);
}

/* ---- plans ---- */

/* Those that list everything, and the report's. */
static bool may_scan(enum imprint_sql_name which)
{
    return which == SQL_ALL_CERTIFICATES || which == SQL_ALL_TEMPLATES ||
           which == SQL_KEYS || which == SQL_TYPES || which == SQL_ALL_GROUPS ||
           which == SQL_BILLING_GROUPS || which == SQL_POLICIES ||
           which == SQL_SETTINGS || which >= SQL_REPORT_PENDING;
}

/* "up" and "down" are what was found so far of a tree. */
static bool has_scan(const char *plan)
{
    static const char *const fine[] = {"CONSTANT ROW", "up\n", "down\n"};
    const char *at;

    for (at = plan; (at = strstr(at, "|SCAN ")); at++) {
        size_t i = 0;

        while (i < 3 && strncmp(at + 6, fine[i], strlen(fine[i])) != 0)
            i++;
        if (i == 3)
            return true;
    }
    return false;
}

static void test_plans(void **state)
{
    struct rig *rig = *state;
    char sql[1024];
    int which;

    for (which = SQL_PUT_CERTIFICATE; which < SQL_COUNT; which++) {
        const char *text = imprint_sql_name_text((enum imprint_sql_name)which);
        char *plan;

        assert_non_null(text);
        if (may_scan((enum imprint_sql_name)which))
            continue;
        (void)snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", text);
        plan = rig_ask(rig, sql);
        if (has_scan(plan))
            fail_msg("%s\n%s", text, plan);
        free(plan);
    }
}

/* The report's look up the rest of a row, and do not search for it. */
static void test_report_plans(void **state)
{
    struct rig *rig = *state;
    char sql[1024];
    int which;

    for (which = SQL_REPORT_PENDING; which < SQL_COUNT; which++) {
        char *plan;
        const char *at;
        size_t count = 0;

        (void)snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s",
                       imprint_sql_name_text((enum imprint_sql_name)which));
        plan = rig_ask(rig, sql);
        for (at = plan; (at = strstr(at, "|SCAN ")); at++)
            count++;
        if (count != 1)
            fail_msg("%s\n%s", sql, plan);
        free(plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_first_schema),        RIG_TEST(test_first_schema_reader),
        RIG_TEST(test_first_schema_broken), RIG_TEST(test_second_schema),
        RIG_TEST(test_third_schema),        RIG_TEST(test_plans),
        RIG_TEST(test_report_plans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
