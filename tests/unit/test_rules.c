/* What can be switched: names, what counts by itself, what the registry has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint/admin.h"
#include "endpoint/rules.h"
#include "endpoint_rig.h"

static void each_name_is_found_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < IMPRINT_RULE_COUNT; i++) {
        const struct imprint_rules_row *row =
            imprint_rules_row((enum imprint_rule)i);
        enum imprint_rule found;

        assert_non_null(row->name);
        assert_non_null(row->text);
        assert_true(imprint_rules_find(row->name, &found));
        assert_int_equal(found, i);
        assert_true(row->low <= row->fallback && row->fallback <= row->high);
    }
}

static void no_other_name_is_found(void **state)
{
    enum imprint_rule found;

    (void)state;
    assert_false(imprint_rules_find("", &found));
    assert_false(imprint_rules_find("token_lifetime", &found));
    assert_false(imprint_rules_find("TOKEN_LIFETIME_S", &found));
    assert_false(imprint_rules_find("faults", &found));
}

static void read_rules(const struct fixture *fixture,
                       struct imprint_rules *rules, bool is_first)
{
    struct imprint_registry *registry = NULL;
    struct imprint_why why = {"", ""};

    fixture_must(imprint_registry_open(fixture->dir, IMPRINT_REGISTRY_READ,
                                       &registry, &why),
                 &why);
    imprint_rules_read(rules, registry, is_first);
    imprint_registry_close(registry);
}

static void put(const struct fixture *fixture, const char *name,
                const char *value)
{
    struct imprint_why why = {"", ""};

    fixture_must(imprint_admin_set(fixture->dir, name, value, &why), &why);
}

static void what_is_not_set_counts_by_itself(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_rules rules;

    put(fixture, "pool_size", NULL);
    memset(&rules, 0xff, sizeof(rules));
    read_rules(fixture, &rules, true);
    for (size_t i = 0; i < IMPRINT_RULE_COUNT; i++)
        assert_int_equal(imprint_rules_get(&rules, (enum imprint_rule)i),
                         imprint_rules_row((enum imprint_rule)i)->fallback);
}

static void what_is_set_counts_until_it_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_rules rules;

    put(fixture, "register_rate", "7");
    put(fixture, "clock_offset_s", "-3600");
    read_rules(fixture, &rules, true);
    assert_int_equal(imprint_rules_get(&rules, IMPRINT_RULE_REGISTER_RATE), 7);
    assert_in_range(imprint_rules_now(&rules), time(NULL) - 3602,
                    time(NULL) - 3598);
    put(fixture, "register_rate", NULL);
    read_rules(fixture, &rules, false);
    assert_int_equal(imprint_rules_get(&rules, IMPRINT_RULE_REGISTER_RATE), 0);
}

/* One that the command line would not take. */
static void put_by_force(const struct fixture *fixture, const char *name,
                         const char *value)
{
    struct imprint_registry *registry = NULL;
    struct imprint_why why = {"", ""};

    fixture_must(imprint_registry_open(fixture->dir, IMPRINT_REGISTRY_WRITE,
                                       &registry, &why),
                 &why);
    fixture_must(imprint_registry_put_setting(registry, name, value), &why);
    imprint_registry_close(registry);
}

static void what_can_not_be_read_changes_nothing(void **state)
{
    static const char *const values[] = {
        "", "x", "5x", "-1", "0x", "1e99", "99999999999999999999"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct imprint_rules rules;

        put_by_force(fixture, "token_lifetime_s", "60");
        read_rules(fixture, &rules, true);
        put_by_force(fixture, "token_lifetime_s", values[i]);
        read_rules(fixture, &rules, false);
        assert_int_equal(
            imprint_rules_get(&rules, IMPRINT_RULE_TOKEN_LIFETIME_S), 60);
        read_rules(fixture, &rules, true);
        assert_int_equal(
            imprint_rules_get(&rules, IMPRINT_RULE_TOKEN_LIFETIME_S), 3600);
    }
}

static void bounds_are_told(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < IMPRINT_RULE_COUNT; i++) {
        const struct imprint_rules_row *row =
            imprint_rules_row((enum imprint_rule)i);
        struct imprint_why why = {"", ""};
        char value[32];

        (void)snprintf(value, sizeof(value), "%lld", (long long)row->low);
        put(fixture, row->name, value);
        (void)snprintf(value, sizeof(value), "%lld", (long long)row->high);
        put(fixture, row->name, value);
        (void)snprintf(value, sizeof(value), "%lld", (long long)row->high + 1);
        assert_int_not_equal(
            imprint_admin_set(fixture->dir, row->name, value, &why),
            IMPRINT_OK);
        assert_non_null(strstr(why.text, value));
        (void)snprintf(value, sizeof(value), "%lld", (long long)row->low - 1);
        assert_int_not_equal(
            imprint_admin_set(fixture->dir, row->name, value, &why),
            IMPRINT_OK);
    }
}

/* A limit of 0 is none; where 0 would let nobody in it can't be set. */
static void no_client_id_limit_lets_nobody_in(void **state)
{
    (void)state;
    assert_int_equal(imprint_rules_row(IMPRINT_RULE_CLIENT_ID_MAX_LEN)->low, 1);
}

#define WITH_DIR(name) \
    cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_found_once),
        cmocka_unit_test(no_other_name_is_found),
        WITH_DIR(what_is_not_set_counts_by_itself),
        WITH_DIR(what_is_set_counts_until_it_is_forgotten),
        WITH_DIR(what_can_not_be_read_changes_nothing),
        WITH_DIR(bounds_are_told),
        cmocka_unit_test(no_client_id_limit_lets_nobody_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
