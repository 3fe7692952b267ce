/* What the control plane shows and changes of the registry. */
#include "registry_rig.h"

#include "registry_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/catalog.h"
#include "endpoint/control.h"
#include "endpoint/credentials.h"
#include "endpoint/resource.h"
#include "endpoint/versions.h"
#include "endpoint/views.h"

/* ---- views ---- */

static void see_key(void *user, const char *const *columns)
{
    rig_see(user, "%s", columns[0] ? columns[0] : "-");
}

static void see_last(void *user, const char *const *columns)
{
    rig_see(user, "%s", columns[4]);
}

/* The first columns of one page. */
static struct rig_seen show(const struct rig *rig, enum imprint_view view,
                            const char *of, size_t limit, char *next)
{
    struct rig_seen seen = {.count = 0};
    const struct imprint_views_page page = {
        .of = of,
        .after = next ? next : "",
        .limit = limit,
        .each = view == IMPRINT_VIEW_TYPES || view == IMPRINT_VIEW_GROUPS ||
                        view == IMPRINT_VIEW_CHILD_GROUPS ||
                        view == IMPRINT_VIEW_ROOT_GROUPS ||
                        view == IMPRINT_VIEW_DESCENDANT_GROUPS
                    ? see_last
                    : see_key,
        .user = &seen,
    };
    char behind[IMPRINT_VIEWS_KEY_LEN];

    rig_ok(imprint_views_show(rig->reader, view, &page, behind));
    if (next)
        (void)snprintf(next, IMPRINT_VIEWS_KEY_LEN, "%s", behind);
    return seen;
}

static void test_pages(void **state)
{
    const struct rig *rig = *state;
    char next[IMPRINT_VIEWS_KEY_LEN] = "";
    char name[8];

    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof(name), "p%d", i);
        rig_ok(imprint_catalog_put_policy(rig->registry, name, "{}"));
    }
    rig_ok(imprint_catalog_put_policy(rig->registry, "$own", "{}"));
    assert_string_equal(show(rig, IMPRINT_VIEW_POLICIES, "", 2, next).all,
                        "p0 p1");
    assert_string_equal(next, "p1");
    rig_ok(imprint_catalog_put_policy(rig->registry, "p11", "{}"));
    assert_string_equal(show(rig, IMPRINT_VIEW_POLICIES, "", 2, next).all,
                        "p11 p2");
    assert_string_equal(show(rig, IMPRINT_VIEW_POLICIES, "", 2, next).all,
                        "p3 p4");
    assert_string_equal(next, ""); /* a full page, and the last one */
    assert_string_equal(show(rig, IMPRINT_VIEW_POLICIES, "", 0, NULL).all,
                        "p0 p1 p11 p2 p3 p4");
}

/* Rows without an order of their own come in that of their making. */
static void test_certificates(void **state)
{
    const struct rig *rig = *state;
    char next[IMPRINT_VIEWS_KEY_LEN] = "";

    rig_put(rig->registry, "c", IMPRINT_REGISTRY_ACTIVE);
    rig_put(rig->registry, "a", IMPRINT_REGISTRY_INACTIVE);
    rig_put(rig->registry, "b", IMPRINT_REGISTRY_ACTIVE);
    assert_string_equal(
        show(rig, IMPRINT_VIEW_CERTIFICATES_UP, "", 0, NULL).all, "c a b");
    assert_string_equal(show(rig, IMPRINT_VIEW_CERTIFICATES, "", 2, next).all,
                        "b a");
    assert_string_equal(show(rig, IMPRINT_VIEW_CERTIFICATES, "", 2, next).all,
                        "c");
    assert_string_equal(next, "");
    rig_ok(imprint_control_set_origin(rig->registry, "a", "the-ca", true));
    assert_string_equal(
        show(rig, IMPRINT_VIEW_CERTIFICATES_BY_CA, "the-ca", 0, NULL).all, "a");
}

/* None looks through a whole table but those that show one. */
static void test_plans(void **state)
{
    const struct rig *rig = *state;
    char sql[2048];

    if (registry_place_is_postgres())
        skip(); /* SQLite's own */
    for (int view = 0; view < IMPRINT_VIEW_COUNT; view++) {
        const char *text = imprint_views_text((enum imprint_view)view);
        char *plan;

        assert_non_null(text);
        (void)snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", text);
        plan = rig_ask(rig, sql);
        if (view != IMPRINT_VIEW_CERTIFICATES &&
            view != IMPRINT_VIEW_CERTIFICATES_UP && strstr(plan, "|SCAN ") &&
            (strstr(plan, "SCAN thing\n") ||
             strstr(plan, "SCAN certificate\n") ||
             strstr(plan, "SCAN attachment\n") ||
             strstr(plan, "SCAN membership\n")))
            fail_msg("%s\n%s", text, plan);
        free(plan);
    }
}

/* ---- versions ---- */

static char *ask_document(const struct rig *rig)
{
    return rig_ask(rig, "SELECT version, document FROM policy");
}

static void test_versions(void **state)
{
    const struct rig *rig = *state;
    struct imprint_registry *registry = rig->registry;
    int64_t number = 0;
    char *row;

    rig_ok(imprint_catalog_put_policy(registry, "p", "{\"v\":1}"));
    for (int64_t i = 2; i <= IMPRINT_VERSIONS_MAX_COUNT; i++) {
        rig_ok(imprint_versions_put(registry, IMPRINT_VERSIONS_POLICY, "p",
                                    "{\"v\":2}", &number));
        assert_true(number == i);
    }
    assert_int_equal(imprint_versions_put(registry, IMPRINT_VERSIONS_POLICY,
                                          "p", "{}", &number),
                     IMPRINT_ERR_REFUSED);
    row = ask_document(rig);
    assert_string_equal(row, "1|{\"v\":1}\n");
    free(row);
    assert_string_equal(
        show(rig, IMPRINT_VIEW_POLICY_VERSIONS, "p", 3, NULL).all, "1 2 3");
    rig_ok(imprint_versions_set_default(registry, IMPRINT_VERSIONS_POLICY, "p",
                                        3));
    row = ask_document(rig);
    assert_string_equal(row, "3|{\"v\":2}\n");
    free(row);
    assert_string_equal(
        show(rig, IMPRINT_VIEW_POLICY_VERSIONS, "p", 0, NULL).all, "1 2 3 4 5");
    assert_int_equal(
        imprint_versions_drop(registry, IMPRINT_VERSIONS_POLICY, "p", 3),
        IMPRINT_ERR_REFUSED);
    rig_ok(imprint_versions_drop(registry, IMPRINT_VERSIONS_POLICY, "p", 5));
    assert_int_equal(
        imprint_versions_drop(registry, IMPRINT_VERSIONS_POLICY, "p", 5),
        IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_versions_put(registry, IMPRINT_VERSIONS_POLICY, "p", "{}",
                                &number));
    assert_true(number == 6); /* never one again */
    assert_int_equal(
        imprint_versions_set_default(registry, IMPRINT_VERSIONS_POLICY, "p", 5),
        IMPRINT_ERR_NOT_FOUND);
    assert_int_equal(imprint_versions_put(registry, IMPRINT_VERSIONS_TEMPLATE,
                                          "p", "{}", &number),
                     IMPRINT_ERR_NOT_FOUND);
}

/* A name that comes again starts anew; others keep theirs. */
static void test_versions_go(void **state)
{
    const struct rig *rig = *state;
    int64_t number;
    char *left;

    rig_ok(imprint_catalog_put_policy(rig->registry, "p", "{}"));
    rig_ok(imprint_catalog_put_policy(rig->registry, "q", "{}"));
    rig_ok(imprint_versions_put(rig->registry, IMPRINT_VERSIONS_POLICY, "p",
                                "{}", &number));
    rig_ok(imprint_versions_put(rig->registry, IMPRINT_VERSIONS_POLICY, "q",
                                "{}", &number));
    rig_ok(imprint_catalog_drop_policy(rig->registry, "p"));
    left = rig_ask(rig, "SELECT owner, number FROM version");
    assert_string_equal(left, "policy/q|2\n");
    free(left);
}

/* Who uses a certificate is told when the default changes, and only then. */
static void test_versions_told(void **state)
{
    const struct rig *rig = *state;
    int64_t number;

    rig_put(rig->registry, "c1", IMPRINT_REGISTRY_ACTIVE);
    rig_ok(imprint_catalog_put_policy(rig->registry, "p", "{}"));
    rig_ok(imprint_catalog_attach_policy(rig->registry, "c1", "p", true));
    (void)rig_changes(rig);
    rig_ok(imprint_versions_put(rig->registry, IMPRINT_VERSIONS_POLICY, "p",
                                "{\"v\":2}", &number));
    assert_string_equal(rig_changes(rig).all, "");
    rig_ok(imprint_versions_set_default(rig->registry, IMPRINT_VERSIONS_POLICY,
                                        "p", number));
    assert_string_equal(rig_changes(rig).all, "*");
}

/* ---- groups ---- */

static void put_group(const struct rig *rig, const char *name,
                      const char *parent)
{
    rig_ok(imprint_control_put_name(rig->registry, IMPRINT_CATALOG_THING_GROUP,
                                    name, "{}", parent));
}

static void test_groups(void **state)
{
    const struct rig *rig = *state;
    struct rig_seen seen = {.count = 0};
    const struct imprint_catalog_thing thing = {.name = "t",
                                                .attributes = "{}"};

    put_group(rig, "top", NULL);
    put_group(rig, "mid", "top");
    put_group(rig, "low", "mid");
    put_group(rig, "other", NULL);
    assert_string_equal(show(rig, IMPRINT_VIEW_ROOT_GROUPS, "", 0, NULL).all,
                        "other top");
    assert_string_equal(
        show(rig, IMPRINT_VIEW_CHILD_GROUPS, "top", 0, NULL).all, "mid");
    assert_string_equal(
        show(rig, IMPRINT_VIEW_DESCENDANT_GROUPS, "top", 0, NULL).all,
        "low mid");
    assert_string_equal(
        show(rig, IMPRINT_VIEW_GROUP_ANCESTORS, "low", 0, NULL).all, "top mid");
    rig_ok(imprint_catalog_put_thing(rig->registry, &thing));
    rig_ok(imprint_catalog_put_member(rig->registry, "low", "t"));
    /* a policy of a group above it is the thing's */
    rig_ok(imprint_catalog_put_policy(rig->registry, "p", "{}"));
    rig_ok(
        imprint_catalog_attach_group_policy(rig->registry, "top", "p", true));
    rig_ok(imprint_catalog_each_thing_policy(rig->registry, "t",
                                             rig_see_document, &seen));
    assert_int_equal(seen.count, 1);
    rig_ok(imprint_control_drop_member(rig->registry, "low", "t"));
    assert_int_equal(imprint_control_drop_member(rig->registry, "low", "t"),
                     IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_control_drop_name(rig->registry, IMPRINT_CATALOG_THING_GROUP,
                                     "low"));
    assert_int_equal(imprint_control_drop_name(
                         rig->registry, IMPRINT_CATALOG_THING_GROUP, "low"),
                     IMPRINT_ERR_NOT_FOUND);
}

/* ---- resources, access keys ---- */

static void test_resource(void **state)
{
    const struct rig *rig = *state;
    struct imprint_json *document = imprint_json_new();
    struct imprint_json *found = NULL;

    assert_true(imprint_json_put_text(document, "a", "b"));
    rig_ok(imprint_resource_put(rig->registry, IMPRINT_RESOURCE_ROLE, "r",
                                document));
    rig_ok(
        imprint_resource_find(rig->reader, IMPRINT_RESOURCE_ROLE, "r", &found));
    assert_string_equal(imprint_json_text(found, "a"), "b");
    imprint_json_free(found);
    assert_int_equal(
        imprint_resource_find(rig->reader, IMPRINT_RESOURCE_CA, "r", &found),
        IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_resource_drop(rig->registry, IMPRINT_RESOURCE_ROLE, "r"));
    assert_int_equal(
        imprint_resource_drop(rig->registry, IMPRINT_RESOURCE_ROLE, "r"),
        IMPRINT_ERR_NOT_FOUND);
    imprint_json_free(document);
}

static void see_key_of(void *user, const char *access_key_id, const char *name,
                       int64_t created, int64_t expires)
{
    (void)created;
    assert_true(strlen(access_key_id) == 20);
    rig_see(user, "%s%s", name, expires ? "+" : "");
}

static void test_credentials(void **state)
{
    const struct rig *rig = *state;
    struct imprint_why why = {"", ""};
    struct imprint_credentials made;
    struct imprint_credentials session;
    struct imprint_credentials found;
    struct rig_seen seen = {.count = 0};
    char name[65];

    rig_ok(imprint_credentials_add(rig->dir, "me", 0, &made, &why));
    rig_ok(imprint_credentials_add(rig->dir, "you", 60, &session, &why));
    assert_true(strncmp(made.access_key_id, "AKIA", 4) == 0 &&
                strlen(made.secret) == 40 && made.token[0] == '\0');
    assert_true(strncmp(session.access_key_id, "ASIA", 4) == 0 &&
                session.token[0] != '\0' && session.expires > 0);
    rig_ok(imprint_credentials_find(rig->reader, made.access_key_id, &found,
                                    name));
    assert_string_equal(found.secret, made.secret);
    assert_string_equal(name, "me");
    rig_ok(imprint_credentials_each(rig->dir, see_key_of, &seen, &why));
    assert_int_equal(seen.count, 2);
    assert_non_null(strstr(seen.all, "you+"));
    rig_ok(imprint_credentials_remove(rig->dir, made.access_key_id, &why));
    assert_int_equal(
        imprint_credentials_find(rig->reader, made.access_key_id, &found, name),
        IMPRINT_ERR_NOT_FOUND);
    assert_int_equal(
        imprint_credentials_remove(rig->dir, made.access_key_id, &why),
        IMPRINT_ERR_NOT_FOUND);
    assert_int_equal(imprint_credentials_add(rig->dir, "a b", 0, &made, &why),
                     IMPRINT_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_pages),       RIG_TEST(test_certificates),
        RIG_TEST(test_plans),       RIG_TEST(test_versions),
        RIG_TEST(test_versions_go), RIG_TEST(test_versions_told),
        RIG_TEST(test_groups),      RIG_TEST(test_resource),
        RIG_TEST(test_credentials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
