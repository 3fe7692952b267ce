/* What was made and is not in use: all of it, and nothing else. */
#include "registry_rig.h"

#include <stdio.h>
#include <string.h>

#include "endpoint/catalog.h"
#include "endpoint/report.h"

static void see_item(void *user, const struct imprint_report_item *item)
{
    rig_see(user, "%s:%s:%s:%lld", imprint_report_name(item->kind),
            item->certificate_id, item->thing, (long long)item->created);
}

static struct rig_seen report(const struct rig *rig)
{
    struct rig_seen seen = {.count = 0};
    struct imprint_why why = {"", ""};

    rig_ok(imprint_report_each(rig->dir, see_item, &seen, &why));
    return seen;
}

static void put_thing(const struct rig *rig, const char *name)
{
    const struct imprint_catalog_thing thing = {.name = name, .created = 5};

    rig_ok(imprint_catalog_put_thing(rig->registry, &thing));
}

static void attach(const struct rig *rig, const char *id, const char *thing)
{
    rig_ok(imprint_catalog_attach_thing(rig->registry, id, thing, false));
}

static void connect(const struct rig *rig, const char *id)
{
    rig_ok(imprint_registry_set_connected(rig->registry, id, 9));
}

static void test_nothing(void **state)
{
    const struct imprint_registry_certificate claim = {
        .id = "claim",
        .pem = "pem",
        .claim = "default",
        .state = IMPRINT_REGISTRY_ACTIVE,
    };
    struct rig *rig = *state;

    assert_string_equal(report(rig).all, "");
    /* a claim that never connected, a device that did, one put out of use */
    rig_ok(imprint_registry_put_certificate(rig->registry, &claim));
    rig_put(rig->registry, "a", IMPRINT_REGISTRY_ACTIVE);
    rig_put(rig->registry, "b", IMPRINT_REGISTRY_INACTIVE);
    put_thing(rig, "one");
    attach(rig, "a", "one");
    attach(rig, "b", "one");
    connect(rig, "a");
    assert_string_equal(report(rig).all, "");
}

static void test_each_kind(void **state)
{
    struct rig *rig = *state;

    rig_put(rig->registry, "p", IMPRINT_REGISTRY_PENDING);
    put_thing(rig, "bare");
    rig_put(rig->registry, "n", IMPRINT_REGISTRY_ACTIVE);
    assert_string_equal(report(rig).all,
                        "pending:p::1 bare-thing::bare:5 never-connected:n::1");
    attach(rig, "n", "bare");
    connect(rig, "n");
    assert_string_equal(report(rig).all, "pending:p::1");
}

/* The newest ACTIVE one counts, whatever came after it and went. */
static void test_second(void **state)
{
    struct rig *rig = *state;
    static const char *const ids[] = {"c", "b", "a"};
    size_t i;

    put_thing(rig, "one");
    for (i = 0; i < 3; i++) {
        rig_put(rig->registry, ids[i], IMPRINT_REGISTRY_ACTIVE);
        attach(rig, ids[i], "one");
        connect(rig, ids[i]);
    }
    assert_string_equal(report(rig).all, "second:c:one:1 second:b:one:1");
    rig_ok(imprint_registry_set_state(rig->registry, "a",
                                      IMPRINT_REGISTRY_REVOKED));
    assert_string_equal(report(rig).all, "second:c:one:1");
    rig_ok(imprint_registry_set_state(rig->registry, "c",
                                      IMPRINT_REGISTRY_INACTIVE));
    assert_string_equal(report(rig).all, "");
}

static void test_no_registry(void **state)
{
    struct imprint_why why = {"", ""};

    (void)state;
    assert_int_equal(imprint_report_each("/nonexistent", see_item, NULL, &why),
                     IMPRINT_ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nonexistent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_nothing),
        RIG_TEST(test_each_kind),
        RIG_TEST(test_second),
        RIG_TEST(test_no_registry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
