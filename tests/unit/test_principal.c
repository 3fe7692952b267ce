/* Who may do what: the certificate's policies, its things and their groups. */
#include "registry_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/catalog.h"
#include "endpoint/principal.h"

#define ARN "arn:aws:iot:us-east-1:000000000000:"
#define THING "${iot:Connection.Thing.ThingName}"

/* O=Acme, OU=One, OU=Two, CN=SN-7 */
static const char pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIByjCCAW+gAwIBAgIUbRXq9IQ0xZV5rR2PuwdQnYFbq9QwCgYIKoZIzj0EAwIw\n"
    "OjENMAsGA1UECgwEQWNtZTEMMAoGA1UECwwDT25lMQwwCgYDVQQLDANUd28xDTAL\n"
    "BgNVBAMMBFNOLTcwHhcNMjYxMTI2MDcwMzU5WhcNNDgxMDIxMDcwMzU5WjA6MQ0w\n"
    "CwYDVQQKDARBY21lMQwwCgYDVQQLDANPbmUxDDAKBgNVBAsMA1R3bzENMAsGA1UE\n"
    "AwwEU04tNzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGIDmKkGMV6b1vEBb9x0\n"
    "hZKt4VXToS5zBEeTewjOpJknOkulWVslAAEMpaKKJmbcRy9877MKIo0ySWQehRd1\n"
    "koKjUzBRMB0GA1UdDgQWBBTUZSBTCZZFX4K6aJRd5Qb/HK3reTAfBgNVHSMEGDAW\n"
    "gBTUZSBTCZZFX4K6aJRd5Qb/HK3reTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49\n"
    "BAMCA0kAMEYCIQDg2dFo8mvAwvZ9acYkTuuCFqw+xc5nWR0/Y0QImGwuWQIhANln\n"
    "S2ubDc5+zQAEei9BTXNjOvMiH41eH+Kf7lQ8Hv3C\n"
    "-----END CERTIFICATE-----\n";

struct fixture {
    struct rig *rig;
    struct imprint_principals *cache;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    assert_int_equal(rig_set_up((void **)&fixture->rig), 0);
    fixture->cache = imprint_principal_open(fixture->rig->reader);
    assert_non_null(fixture->cache);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    int status;

    imprint_principal_close(fixture->cache);
    status = rig_tear_down((void **)&fixture->rig);
    free(fixture);
    return status;
}

/* ---- what is in the registry ---- */

static void put_certificate(const struct fixture *fixture, const char *id,
                            const char *claim, const char *text)
{
    const struct imprint_registry_certificate certificate = {
        .id = id,
        .pem = text,
        .claim = claim,
        .state = IMPRINT_REGISTRY_ACTIVE,
        .not_after = 99,
    };

    rig_ok(
        imprint_registry_put_certificate(fixture->rig->registry, &certificate));
}

/* One that allows or denies an action on a resource. */
static void put_policy(const struct fixture *fixture, const char *name,
                       const char *effect, const char *action,
                       const char *resource)
{
    char document[512];

    (void)snprintf(document, sizeof(document),
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":"
                   "\"%s\",\"Action\":\"%s\",\"Resource\":\"" ARN "%s\"}]}",
                   effect, action, resource);
    rig_ok(imprint_catalog_put_policy(fixture->rig->registry, name, document));
}

static void attach(const struct fixture *fixture, const char *id,
                   const char *policy)
{
    rig_ok(imprint_catalog_attach_policy(fixture->rig->registry, id, policy,
                                         true));
}

static void allow(const struct fixture *fixture, const char *id,
                  const char *resource)
{
    put_policy(fixture, resource, "Allow", "iot:Publish", resource);
    attach(fixture, id, resource);
}

static void put_thing(const struct fixture *fixture, const char *name,
                      const char *attributes, const char *type)
{
    const struct imprint_catalog_thing thing = {
        .name = name, .attributes = attributes, .type = type};

    if (type)
        rig_ok(imprint_catalog_put_name(fixture->rig->registry,
                                        IMPRINT_CATALOG_THING_TYPE, type));
    rig_ok(imprint_catalog_put_thing(fixture->rig->registry, &thing));
}

static void attach_thing(const struct fixture *fixture, const char *id,
                         const char *thing, bool is_exclusive)
{
    rig_ok(imprint_catalog_attach_thing(fixture->rig->registry, id, thing,
                                        is_exclusive));
}

static void put_member(const struct fixture *fixture, const char *group,
                       const char *thing)
{
    rig_ok(imprint_catalog_put_name(fixture->rig->registry,
                                    IMPRINT_CATALOG_THING_GROUP, group));
    rig_ok(imprint_catalog_put_member(fixture->rig->registry, group, thing));
}

static void attach_group(const struct fixture *fixture, const char *group,
                         const char *policy)
{
    rig_ok(imprint_catalog_attach_group_policy(fixture->rig->registry, group,
                                               policy, true));
}

/* ---- what comes of it ---- */

static struct imprint_principal *find(const struct fixture *fixture,
                                      const char *id)
{
    struct imprint_principal *principal = NULL;

    rig_ok(imprint_principal_find(fixture->cache, id, &principal));
    return principal;
}

static enum imprint_policy_verdict decide(
    const struct imprint_principal *principal, const char *client_id,
    const char *resource)
{
    char arn[256];
    struct imprint_policy_request request = {
        .action = "iot:Publish",
        .resource = arn,
        .client_id = client_id,
        .source_ip = "127.0.0.1",
    };
    struct imprint_policy_decision decision;

    (void)snprintf(arn, sizeof(arn), ARN "%s", resource);
    imprint_principal_evaluate(principal, &request, &decision);
    return decision.verdict;
}

static bool allows(const struct imprint_principal *principal,
                   const char *client_id, const char *resource)
{
    return decide(principal, client_id, resource) == IMPRINT_POLICY_ALLOWED;
}

/* As the endpoint does, four times a second. */
static void see_change(void *cache, const char *what)
{
    imprint_principal_change(cache, what);
}

static void see_lost(void *user, struct imprint_principal *principal)
{
    rig_see(user, "%s", principal->id);
}

static struct rig_seen look(const struct fixture *fixture)
{
    struct rig_seen lost = {.count = 0};

    rig_settle(fixture->rig);
    rig_ok(imprint_registry_each_change(fixture->rig->reader, see_change,
                                        fixture->cache));
    imprint_principal_look(fixture->cache, see_lost, &lost);
    return lost;
}

/* ---- tests ---- */

static void test_policies(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal = NULL;

    assert_int_equal(imprint_principal_find(fixture->cache, "a", &principal),
                     IMPRINT_ERR_NOT_FOUND);
    put_certificate(fixture, "a", "default", pem);
    allow(fixture, "a", "topic/t");
    principal = find(fixture, "a");
    assert_string_equal(principal->claim, "default");
    assert_string_equal(principal->thing, "");
    assert_int_equal(principal->not_after, 99);
    assert_true(allows(principal, "c", "topic/t"));
    assert_false(allows(principal, "c", "topic/u"));
    imprint_principal_give_back(fixture->cache, principal);
}

/* A policy or a certificate that can't be read allows nothing at all. */
static void test_broken(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;

    put_certificate(fixture, "a", NULL, pem);
    allow(fixture, "a", "topic/t");
    rig_ok(imprint_catalog_put_policy(fixture->rig->registry, "broken", "{"));
    attach(fixture, "a", "broken");
    put_certificate(fixture, "b", NULL, "no certificate");
    attach(fixture, "b", "topic/t");
    principal = find(fixture, "a");
    assert_true(principal->is_broken);
    assert_int_equal(decide(principal, "c", "topic/t"), IMPRINT_POLICY_SILENT);
    imprint_principal_give_back(fixture->cache, principal);
    principal = find(fixture, "b");
    assert_true(principal->is_broken);
    assert_false(allows(principal, "c", "topic/t"));
    imprint_principal_give_back(fixture->cache, principal);
}

/* The thing whose name is the client id, with its own type and attributes. */
static void test_things(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;

    put_certificate(fixture, "a", NULL, pem);
    put_thing(fixture, "one", "{\"x\":\"1\"}", "lamp");
    put_thing(fixture, "two", "{\"x\":\"2\",\"y\":\"3\"}", NULL);
    attach_thing(fixture, "a", "two", false);
    attach_thing(fixture, "a", "one", false);
    allow(fixture, "a", "topic/n/" THING);
    allow(fixture, "a", "topic/x/${iot:Connection.Thing.Attributes[x]}");
    allow(fixture, "a", "topic/y/${iot:Connection.Thing.Attributes[y]}");
    allow(fixture, "a", "topic/t/${iot:Connection.Thing.ThingTypeName}");
    principal = find(fixture, "a");
    assert_string_equal(principal->thing, "one");
    assert_true(allows(principal, "one", "topic/n/one"));
    assert_true(allows(principal, "two", "topic/n/two"));
    assert_false(allows(principal, "one", "topic/n/two"));
    assert_false(allows(principal, "other", "topic/n/one"));
    assert_true(allows(principal, "one", "topic/x/1"));
    assert_true(allows(principal, "two", "topic/x/2"));
    assert_false(allows(principal, "two", "topic/x/1"));
    assert_true(allows(principal, "two", "topic/y/3"));
    assert_false(allows(principal, "one", "topic/y/"));
    assert_true(allows(principal, "one", "topic/t/lamp"));
    assert_false(allows(principal, "two", "topic/t/lamp"));
    assert_false(allows(principal, "two", "topic/t/"));
    imprint_principal_give_back(fixture->cache, principal);
}

static void test_exclusive(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;

    put_certificate(fixture, "a", NULL, pem);
    put_thing(fixture, "one", "{}", NULL);
    attach_thing(fixture, "a", "one", true);
    allow(fixture, "a", "topic/n/" THING);
    principal = find(fixture, "a");
    assert_true(principal->is_exclusive);
    assert_true(allows(principal, "any", "topic/n/one"));
    imprint_principal_give_back(fixture->cache, principal);
}

/* More than are looked at: nothing is left out in silence. */
static void test_too_many(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;
    char name[32];
    int i;

    put_certificate(fixture, "a", NULL, pem);
    allow(fixture, "a", "topic/t");
    put_certificate(fixture, "b", NULL, pem);
    attach(fixture, "b", "topic/t");
    for (i = 0; i <= IMPRINT_PRINCIPAL_THING_MAX_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "thing-%d", i);
        put_thing(fixture, name, "{}", NULL);
        attach_thing(fixture, "a", name, false);
    }
    attach_thing(fixture, "b", "thing-0", false);
    put_member(fixture, "g", "thing-0");
    for (i = 0; i <= IMPRINT_PRINCIPAL_GROUP_POLICY_MAX_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "topic/%d", i);
        put_policy(fixture, name, "Allow", "iot:Publish", name);
        attach_group(fixture, "g", name);
    }
    principal = find(fixture, "a");
    assert_true(principal->is_broken);
    assert_false(allows(principal, "c", "topic/t"));
    imprint_principal_give_back(fixture->cache, principal);
    principal = find(fixture, "b");
    assert_true(principal->is_broken);
    assert_false(allows(principal, "thing-0", "topic/0"));
    imprint_principal_give_back(fixture->cache, principal);
}

static void test_groups(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;

    put_certificate(fixture, "a", NULL, pem);
    put_thing(fixture, "one", "{}", NULL);
    attach_thing(fixture, "a", "one", false);
    put_member(fixture, "g", "one");
    put_member(fixture, "h", "one");
    allow(fixture, "a", "topic/own/*");
    put_policy(fixture, "group", "Allow", "iot:Publish", "topic/group/" THING);
    put_policy(fixture, "deny", "Deny", "iot:Publish", "topic/own/secret");
    attach_group(fixture, "g", "group");
    attach_group(fixture, "h", "deny");
    principal = find(fixture, "a");
    assert_true(allows(principal, "one", "topic/group/one"));
    assert_true(allows(principal, "one", "topic/own/t"));
    assert_int_equal(decide(principal, "one", "topic/own/secret"),
                     IMPRINT_POLICY_DENIED);
    /* this one does not stand for the thing */
    assert_false(allows(principal, "other", "topic/group/one"));
    assert_true(allows(principal, "other", "topic/own/secret"));
    imprint_principal_give_back(fixture->cache, principal);
}

static void test_explain(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;
    struct imprint_policy_request request = {
        .action = "iot:Subscribe",
        .resource = ARN "topicfilter/group/t",
        .client_id = "one",
    };
    struct imprint_policy_decision decision;
    char line[IMPRINT_WHY_TEXT_LEN] = "";

    put_certificate(fixture, "a", NULL, pem);
    put_thing(fixture, "one", "{}", NULL);
    attach_thing(fixture, "a", "one", false);
    put_member(fixture, "g", "one");
    put_policy(fixture, "group", "Allow", "iot:Subscribe", "topic/group/t");
    attach_group(fixture, "g", "group");
    principal = find(fixture, "a");
    imprint_principal_evaluate(principal, &request, &decision);
    assert_int_equal(decision.verdict, IMPRINT_POLICY_SILENT);
    assert_non_null(decision.statement);
    imprint_principal_explain(principal, &request, &decision, line);
    assert_non_null(strstr(line, "topicfilter/"));
    imprint_principal_give_back(fixture->cache, principal);
}

static void test_certificate(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;

    put_certificate(fixture, "a", NULL, pem);
    allow(fixture, "a", "topic/cn/${iot:Certificate.Subject.CommonName}");
    allow(fixture, "a", "topic/o/${iot:Certificate.Issuer.Organization}");
    allow(fixture, "a", "topic/id/${iot:CertificateId}");
    principal = find(fixture, "a");
    assert_true(allows(principal, "c", "topic/cn/SN-7"));
    assert_false(allows(principal, "c", "topic/cn/SN-8"));
    assert_true(allows(principal, "c", "topic/o/Acme"));
    assert_true(allows(principal, "c", "topic/id/a"));
    imprint_principal_give_back(fixture->cache, principal);
}

static void put_condition(const struct fixture *fixture, const char *name)
{
    rig_ok(imprint_catalog_put_policy(
        fixture->rig->registry, name,
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
        "\"Action\":\"iot:Publish\",\"Resource\":\"*\",\"Condition\":{"
        "\"Bool\":{\"iot:Connection.Thing.IsAttached\":[\"true\"]}}}]}"));
}

static void test_is_attached(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;

    put_condition(fixture, "attached");
    put_thing(fixture, "one", "{}", NULL);
    put_certificate(fixture, "a", NULL, pem);
    put_certificate(fixture, "b", NULL, pem);
    attach(fixture, "a", "attached");
    attach(fixture, "b", "attached");
    attach_thing(fixture, "a", "one", false);
    principal = find(fixture, "a");
    assert_true(allows(principal, "one", "topic/t"));
    imprint_principal_give_back(fixture->cache, principal);
    principal = find(fixture, "b");
    assert_false(allows(principal, "one", "topic/t"));
    imprint_principal_give_back(fixture->cache, principal);
}

/* What changed is seen at the next look, by those whom it is about. */
static void test_changes(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *a;
    struct imprint_principal *b;

    put_certificate(fixture, "a", NULL, pem);
    put_certificate(fixture, "b", NULL, pem);
    put_thing(fixture, "one", "{\"x\":\"1\"}", NULL);
    attach_thing(fixture, "a", "one", false);
    allow(fixture, "a", "topic/x/${iot:Connection.Thing.Attributes[x]}");
    (void)look(fixture);
    a = find(fixture, "a");
    b = find(fixture, "b");
    put_thing(fixture, "one", "{\"x\":\"2\"}", NULL);
    assert_true(allows(a, "one", "topic/x/1"));
    assert_int_equal(look(fixture).count, 0);
    assert_true(allows(a, "one", "topic/x/2"));
    assert_false(allows(a, "one", "topic/x/1"));
    /* a group's policy may be anybody's */
    put_policy(fixture, "group", "Allow", "iot:Publish", "topic/group");
    put_member(fixture, "g", "one");
    attach_group(fixture, "g", "group");
    assert_int_equal(look(fixture).count, 0);
    assert_true(allows(a, "one", "topic/group"));
    /* settings are nothing to it */
    rig_ok(imprint_registry_put_setting(fixture->rig->registry, "n", "1"));
    assert_int_equal(look(fixture).count, 0);
    assert_false(a->is_stale || b->is_stale);
    imprint_principal_give_back(fixture->cache, a);
    imprint_principal_give_back(fixture->cache, b);
}

/* Who asked for a verdict in between has read it again: lost all the same. */
static void test_lost_to_others(void **state)
{
    enum { COUNT = 400 };
    struct fixture *fixture = *state;
    struct imprint_principal *all[COUNT];
    size_t lost_count = 0;
    char id[16];
    size_t i;

    for (i = 0; i < COUNT; i++) {
        (void)snprintf(id, sizeof(id), "c%zu", i);
        put_certificate(fixture, id, NULL, pem);
    }
    (void)look(fixture);
    for (i = 0; i < COUNT; i++) {
        (void)snprintf(id, sizeof(id), "c%zu", i);
        all[i] = find(fixture, id);
        rig_ok(imprint_registry_set_state(fixture->rig->registry, id,
                                          IMPRINT_REGISTRY_REVOKED));
    }
    lost_count = look(fixture).count;
    assert_in_range(lost_count, 1, COUNT - 1);
    for (i = 0; i < COUNT; i++)
        assert_true(imprint_principal_refresh(fixture->cache, all[i]));
    for (i = 0; i < 10 && lost_count < COUNT; i++)
        lost_count += look(fixture).count;
    assert_int_equal(lost_count, COUNT);
    for (i = 0; i < COUNT; i++)
        imprint_principal_give_back(fixture->cache, all[i]);
}

static void test_lost(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *a;
    struct imprint_principal *b;

    put_certificate(fixture, "a", NULL, pem);
    put_certificate(fixture, "b", NULL, pem);
    (void)look(fixture);
    a = find(fixture, "a");
    b = find(fixture, "b");
    assert_false(a->was_seen);
    a->was_seen = true; /* which the registry does not know yet */
    rig_ok(imprint_registry_set_connected(fixture->rig->registry, "b", 5));
    rig_ok(imprint_registry_set_state(fixture->rig->registry, "a",
                                      IMPRINT_REGISTRY_INACTIVE));
    assert_string_equal(look(fixture).all, "a");
    assert_int_equal(a->state, IMPRINT_REGISTRY_INACTIVE);
    assert_true(a->was_seen);
    imprint_principal_give_back(fixture->cache, a);
    rig_ok(imprint_registry_drop_certificate(fixture->rig->registry, "b"));
    assert_string_equal(look(fixture).all, "b");
    assert_int_equal(b->state, IMPRINT_REGISTRY_REVOKED);
    imprint_principal_give_back(fixture->cache, b);
    /* it is read anew, and may come back */
    rig_ok(imprint_registry_set_state(fixture->rig->registry, "a",
                                      IMPRINT_REGISTRY_ACTIVE));
    a = find(fixture, "a");
    assert_int_equal(a->state, IMPRINT_REGISTRY_ACTIVE);
    imprint_principal_give_back(fixture->cache, a);
}

static void test_was_seen(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;

    put_certificate(fixture, "a", NULL, pem);
    rig_ok(imprint_registry_set_connected(fixture->rig->registry, "a", 5));
    principal = find(fixture, "a");
    assert_true(principal->was_seen);
    imprint_principal_give_back(fixture->cache, principal);
}

/* Claims stay in the cache, and a change reaches those that nobody uses. */
static void test_idle(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_principal *principal;
    struct imprint_principal *again;

    put_certificate(fixture, "a", "default", pem);
    allow(fixture, "a", "topic/t");
    (void)look(fixture);
    principal = find(fixture, "a");
    imprint_principal_give_back(fixture->cache, principal);
    again = find(fixture, "a");
    assert_ptr_equal(again, principal);
    imprint_principal_give_back(fixture->cache, again);
    put_policy(fixture, "topic/t", "Deny", "iot:Publish", "topic/t");
    (void)look(fixture);
    again = find(fixture, "a");
    assert_int_equal(decide(again, "c", "topic/t"), IMPRINT_POLICY_DENIED);
    imprint_principal_give_back(fixture->cache, again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_policies),  TEST(test_broken),      TEST(test_things),
        TEST(test_exclusive), TEST(test_too_many),    TEST(test_groups),
        TEST(test_explain),   TEST(test_certificate), TEST(test_is_attached),
        TEST(test_changes),   TEST(test_lost),        TEST(test_lost_to_others),
        TEST(test_was_seen),  TEST(test_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
