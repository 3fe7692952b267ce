/* What has a name: things, groups, policies, templates, and what hangs on it */
#include "registry_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/catalog.h"

static void see_thing(void *user, const struct imprint_catalog_thing *thing)
{
    rig_see(user, "%s:%s:%s:%s:%lld", thing->name, thing->attributes,
            thing->type ? thing->type : "",
            thing->billing_group ? thing->billing_group : "",
            (long long)thing->created);
}

static void see_attached(void *user, const char *thing, bool is_exclusive)
{
    rig_see(user, "%s%s", thing, is_exclusive ? "!" : "");
}

static void see_template(void *user,
                         const struct imprint_catalog_template *template)
{
    rig_see(user, "%s:%s:%s:%d", template->name, template->document,
            template->hook ? template->hook : "", template->is_enabled);
}

static void put_thing(const struct rig *rig, const char *name,
                      const char *attributes)
{
    const struct imprint_catalog_thing thing = {
        .name = name, .attributes = attributes, .created = 5};

    rig_ok(imprint_catalog_put_thing(rig->registry, &thing));
}

static void put_policy(const struct rig *rig, const char *name,
                       const char *document)
{
    rig_ok(imprint_catalog_put_policy(rig->registry, name, document));
}

static void put_group(const struct rig *rig, const char *name)
{
    rig_ok(imprint_catalog_put_name(rig->registry, IMPRINT_CATALOG_THING_GROUP,
                                    name));
}

static struct rig_seen find_thing(const struct rig *rig, const char *name)
{
    struct rig_seen seen = {.count = 0};
    enum imprint_status status =
        imprint_catalog_find_thing(rig->reader, name, see_thing, &seen);

    assert_int_equal(status,
                     seen.count > 0 ? IMPRINT_OK : IMPRINT_ERR_NOT_FOUND);
    return seen;
}

static struct rig_seen things_of(const struct rig *rig, const char *id)
{
    struct rig_seen seen = {.count = 0};

    rig_ok(imprint_catalog_each_thing(rig->reader, id, see_attached, &seen));
    return seen;
}

static void test_things(void **state)
{
    struct rig *rig = *state;
    struct imprint_catalog_thing thing = {
        .name = "a", .attributes = "{\"x\":\"1\"}", .created = 7};

    assert_int_equal(find_thing(rig, "a").count, 0);
    rig_ok(imprint_catalog_put_thing(rig->registry, &thing));
    assert_string_equal(find_thing(rig, "a").all, "a:{\"x\":\"1\"}:::7");
    thing = (struct imprint_catalog_thing){
        .name = "a", .type = "t", .billing_group = "b", .created = 8};
    /* neither type nor billing group is there */
    assert_int_equal(imprint_catalog_put_thing(rig->registry, &thing),
                     IMPRINT_ERR_STORAGE);
    rig_ok(imprint_catalog_put_name(rig->registry, IMPRINT_CATALOG_THING_TYPE,
                                    "t"));
    rig_ok(imprint_catalog_put_name(rig->registry,
                                    IMPRINT_CATALOG_BILLING_GROUP, "b"));
    rig_ok(imprint_catalog_put_thing(rig->registry, &thing));
    assert_string_equal(find_thing(rig, "a").all, "a:{}:t:b:7");
}

static void test_groups(void **state)
{
    struct rig *rig = *state;
    struct rig_seen seen = {.count = 0};

    put_thing(rig, "a", NULL);
    assert_int_equal(imprint_catalog_put_member(rig->registry, "g", "a"),
                     IMPRINT_ERR_STORAGE);
    put_group(rig, "h");
    put_group(rig, "g");
    rig_ok(imprint_catalog_put_member(rig->registry, "h", "a"));
    rig_ok(imprint_catalog_put_member(rig->registry, "g", "a"));
    rig_ok(imprint_catalog_put_member(rig->registry, "g", "a"));
    put_thing(rig, "a", "{\"x\":\"1\"}"); /* which leaves them */
    rig_ok(imprint_catalog_each_group(rig->reader, "a", rig_see_name, &seen));
    assert_string_equal(seen.all, "g h");
    rig_ok(imprint_catalog_drop_members(rig->registry, "a"));
    seen = (struct rig_seen){.count = 0};
    rig_ok(imprint_catalog_each_group(rig->reader, "a", rig_see_name, &seen));
    assert_string_equal(seen.all, "");
}

static void test_names(void **state)
{
    struct rig *rig = *state;
    int i;

    for (i = IMPRINT_CATALOG_THING_TYPE; i <= IMPRINT_CATALOG_BILLING_GROUP;
         i++) {
        enum imprint_catalog_kind kind = (enum imprint_catalog_kind)i;
        struct rig_seen seen = {.count = 0};

        assert_int_equal(imprint_catalog_find_name(rig->reader, kind, "n"),
                         IMPRINT_ERR_NOT_FOUND);
        rig_ok(imprint_catalog_put_name(rig->registry, kind, "n"));
        rig_ok(imprint_catalog_put_name(rig->registry, kind, "n"));
        rig_ok(imprint_catalog_put_name(rig->registry, kind, "m"));
        rig_ok(imprint_catalog_find_name(rig->reader, kind, "n"));
        rig_ok(
            imprint_catalog_each_name(rig->reader, kind, rig_see_name, &seen));
        assert_string_equal(seen.all, "m n");
    }
}

static void test_attach_thing(void **state)
{
    struct rig *rig = *state;
    struct imprint_registry *registry = rig->registry;

    rig_put(registry, "a", IMPRINT_REGISTRY_PENDING);
    assert_int_equal(imprint_catalog_attach_thing(registry, "a", "one", false),
                     IMPRINT_ERR_STORAGE);
    put_thing(rig, "one", NULL);
    put_thing(rig, "two", NULL);
    rig_ok(imprint_catalog_attach_thing(registry, "a", "one", true));
    assert_int_equal(imprint_catalog_attach_thing(registry, "a", "two", false),
                     IMPRINT_ERR_REFUSED);
    rig_ok(imprint_catalog_attach_thing(registry, "a", "one", true));
    assert_string_equal(things_of(rig, "a").all, "one!");
    rig_ok(imprint_catalog_attach_thing(registry, "a", "one", false));
    rig_ok(imprint_catalog_attach_thing(registry, "a", "two", false));
    assert_int_equal(imprint_catalog_attach_thing(registry, "a", "two", true),
                     IMPRINT_ERR_REFUSED);
    assert_string_equal(things_of(rig, "a").all, "one two");
    /* the other way round there is no limit */
    rig_put(registry, "b", IMPRINT_REGISTRY_PENDING);
    rig_ok(imprint_catalog_attach_thing(registry, "b", "one", true));
    assert_string_equal(things_of(rig, "b").all, "one!");
}

static void test_policies(void **state)
{
    struct rig *rig = *state;
    struct rig_seen seen = {.count = 0};
    char *document = NULL;

    assert_int_equal(imprint_catalog_find_policy(rig->reader, "p", &document),
                     IMPRINT_ERR_NOT_FOUND);
    put_policy(rig, "q", "1");
    put_policy(rig, "p", "2");
    put_policy(rig, "p", "3");
    put_policy(rig, "$claim-fleet", "4");
    rig_ok(imprint_catalog_find_policy(rig->reader, "p", NULL));
    rig_ok(imprint_catalog_find_policy(rig->reader, "p", &document));
    assert_string_equal(document, "3");
    free(document);
    rig_ok(imprint_catalog_each_policy(rig->reader, rig_see_name, &seen));
    assert_string_equal(seen.all, "p q");
    rig_ok(imprint_catalog_drop_policy(rig->registry, "p"));
    assert_int_equal(imprint_catalog_drop_policy(rig->registry, "p"),
                     IMPRINT_ERR_NOT_FOUND);
}

static void test_attach_policy(void **state)
{
    struct rig *rig = *state;
    struct rig_seen seen = {.count = 0};
    char name[16];
    int i;

    rig_put(rig->registry, "a", IMPRINT_REGISTRY_PENDING);
    assert_int_equal(
        imprint_catalog_attach_policy(rig->registry, "a", "p0", true),
        IMPRINT_ERR_STORAGE);
    assert_true(strlen(imprint_registry_problem(rig->registry)) > 10);
    for (i = 0; i < 11; i++) {
        (void)snprintf(name, sizeof(name), "p%d", i);
        put_policy(rig, name, "{}");
        assert_int_equal(
            imprint_catalog_attach_policy(rig->registry, "a", name, true),
            i < 10 ? IMPRINT_OK : IMPRINT_ERR_REFUSED);
    }
    rig_ok(imprint_catalog_attach_policy(rig->registry, "a", "p9", true));
    assert_int_equal(imprint_catalog_drop_policy(rig->registry, "p9"),
                     IMPRINT_ERR_REFUSED);
    for (i = 2; i < 10; i++) {
        (void)snprintf(name, sizeof(name), "p%d", i);
        rig_ok(imprint_catalog_attach_policy(rig->registry, "a", name, false));
    }
    assert_int_equal(
        imprint_catalog_attach_policy(rig->registry, "a", "p9", false),
        IMPRINT_ERR_NOT_FOUND);
    put_policy(rig, "p1", "{1}");
    rig_ok(imprint_catalog_each_certificate_policy(rig->reader, "a",
                                                   rig_see_document, &seen));
    assert_string_equal(seen.all, "p0={} p1={1}");
}

/* Of all groups of a thing, each once; a group's policy can't be dropped. */
static void test_group_policies(void **state)
{
    struct rig *rig = *state;
    struct rig_seen seen = {.count = 0};

    put_thing(rig, "a", NULL);
    put_group(rig, "g");
    put_group(rig, "h");
    put_group(rig, "other");
    put_policy(rig, "p", "1");
    put_policy(rig, "q", "2");
    put_policy(rig, "r", "3");
    rig_ok(imprint_catalog_put_member(rig->registry, "g", "a"));
    rig_ok(imprint_catalog_put_member(rig->registry, "h", "a"));
    rig_ok(imprint_catalog_attach_group_policy(rig->registry, "g", "q", true));
    rig_ok(imprint_catalog_attach_group_policy(rig->registry, "h", "q", true));
    rig_ok(imprint_catalog_attach_group_policy(rig->registry, "h", "p", true));
    rig_ok(
        imprint_catalog_attach_group_policy(rig->registry, "other", "r", true));
    rig_ok(imprint_catalog_each_thing_policy(rig->reader, "a", rig_see_document,
                                             &seen));
    assert_string_equal(seen.all, "p=1 q=2");
    assert_int_equal(imprint_catalog_drop_policy(rig->registry, "p"),
                     IMPRINT_ERR_REFUSED);
    rig_ok(imprint_catalog_attach_group_policy(rig->registry, "h", "p", false));
    assert_int_equal(
        imprint_catalog_attach_group_policy(rig->registry, "h", "p", false),
        IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_catalog_drop_policy(rig->registry, "p"));
}

static void test_templates(void **state)
{
    struct rig *rig = *state;
    struct imprint_catalog_template template = {
        .name = "b", .document = "{}", .hook = "exec:/h", .is_enabled = true};
    struct rig_seen seen = {.count = 0};

    assert_int_equal(
        imprint_catalog_each_template(rig->reader, "b", see_template, &seen),
        IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_catalog_put_template(rig->registry, &template));
    template = (struct imprint_catalog_template){"a", "[]", NULL, false};
    rig_ok(imprint_catalog_put_template(rig->registry, &template));
    rig_ok(
        imprint_catalog_each_template(rig->reader, NULL, see_template, &seen));
    assert_string_equal(seen.all, "a:[]::0 b:{}:exec:/h:1");
    template = (struct imprint_catalog_template){"b", "{1}", NULL, false};
    rig_ok(imprint_catalog_put_template(rig->registry, &template));
    seen = (struct rig_seen){.count = 0};
    rig_ok(
        imprint_catalog_each_template(rig->reader, "b", see_template, &seen));
    assert_string_equal(seen.all, "b:{1}::0");
    rig_ok(imprint_catalog_drop_template(rig->registry, "b"));
    assert_int_equal(imprint_catalog_drop_template(rig->registry, "b"),
                     IMPRINT_ERR_NOT_FOUND);
}

/* ---- who has to look again ---- */

/* A device on its first way through: nobody can have looked at it yet. */
static void register_first(const struct rig *rig, const char *id,
                           const char *thing)
{
    rig_put(rig->registry, id, IMPRINT_REGISTRY_PENDING);
    put_thing(rig, thing, "{}");
    rig_ok(imprint_catalog_put_member(rig->registry, "g", thing));
    put_policy(rig, "p", "1");
    rig_ok(imprint_catalog_attach_policy(rig->registry, id, "p", true));
    rig_ok(imprint_catalog_attach_thing(rig->registry, id, thing, false));
    rig_ok(
        imprint_registry_set_state(rig->registry, id, IMPRINT_REGISTRY_ACTIVE));
}

static void test_changes_of_policies(void **state)
{
    struct rig *rig = *state;

    put_group(rig, "g");
    register_first(rig, "a", "one");
    assert_string_equal(rig_changes(rig).all, "");
    put_policy(rig, "p", "1"); /* says what it said before */
    assert_string_equal(rig_changes(rig).all, "");
    put_policy(rig, "p", "2");
    assert_string_equal(rig_changes(rig).all, "*");
    put_policy(rig, "q", "1");
    rig_ok(imprint_catalog_attach_policy(rig->registry, "a", "q", true));
    rig_ok(imprint_catalog_attach_policy(rig->registry, "a", "q", true));
    assert_string_equal(rig_changes(rig).all, "a");
    rig_ok(imprint_catalog_attach_policy(rig->registry, "a", "q", false));
    assert_string_equal(rig_changes(rig).all, "a");
    rig_ok(imprint_catalog_attach_group_policy(rig->registry, "g", "q", true));
    assert_string_equal(rig_changes(rig).all, "*");
    rig_ok(imprint_catalog_attach_group_policy(rig->registry, "g", "q", false));
    assert_string_equal(rig_changes(rig).all, "*");
}

static void test_changes_of_things(void **state)
{
    struct rig *rig = *state;
    struct imprint_catalog_thing thing = {.name = "one", .type = "t"};

    put_group(rig, "g");
    register_first(rig, "a", "one");
    register_first(rig, "b", "two");
    (void)rig_changes(rig);
    put_thing(rig, "one", "{}");
    assert_string_equal(rig_changes(rig).all, "");
    put_thing(rig, "one", "{\"x\":\"1\"}");
    assert_string_equal(rig_changes(rig).all, "a");
    rig_ok(imprint_catalog_put_name(rig->registry, IMPRINT_CATALOG_THING_TYPE,
                                    "t"));
    assert_string_equal(rig_changes(rig).all, "");
    thing.attributes = "{\"x\":\"1\"}";
    rig_ok(imprint_catalog_put_thing(rig->registry, &thing));
    assert_string_equal(rig_changes(rig).all, "a");
    rig_ok(imprint_catalog_drop_members(rig->registry, "two"));
    assert_string_equal(rig_changes(rig).all, "b");
    rig_ok(imprint_catalog_put_member(rig->registry, "g", "two"));
    assert_string_equal(rig_changes(rig).all, "b");
    rig_ok(imprint_catalog_attach_thing(rig->registry, "a", "two", false));
    assert_string_equal(rig_changes(rig).all, "a");
    rig_ok(imprint_catalog_attach_thing(rig->registry, "b", "two", true));
    assert_string_equal(rig_changes(rig).all, "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_things),
        RIG_TEST(test_groups),
        RIG_TEST(test_names),
        RIG_TEST(test_attach_thing),
        RIG_TEST(test_policies),
        RIG_TEST(test_attach_policy),
        RIG_TEST(test_group_policies),
        RIG_TEST(test_templates),
        RIG_TEST(test_changes_of_policies),
        RIG_TEST(test_changes_of_things),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
