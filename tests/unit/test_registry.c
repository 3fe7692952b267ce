/* The registry: what is kept, what is undone, and what others see of it. */
#include "registry_rig.h"

#include "registry_place.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint/catalog.h"

#define PATH_LEN 256

static void see_certificate(void *user,
                            const struct imprint_registry_certificate *found)
{
    rig_see(user, "%s:%s:%s:%lld%s", found->id,
            imprint_registry_state_name(found->state),
            found->thing ? found->thing : "", (long long)found->connected,
            found->is_temporary ? ":temporary" : "");
}

static void see_key(void *user, int64_t id, const char *pem)
{
    (void)id;
    rig_see(user, "%s", pem);
}

static struct rig_seen find(struct imprint_registry *registry, const char *id)
{
    struct rig_seen seen = {.count = 0};
    enum imprint_status status =
        imprint_registry_each_certificate(registry, id, see_certificate, &seen);

    assert_int_equal(status, seen.count > 0 || !id ? IMPRINT_OK
                                                   : IMPRINT_ERR_NOT_FOUND);
    return seen;
}

static void put_temporary(struct imprint_registry *registry, const char *id,
                          int64_t not_after)
{
    const struct imprint_registry_certificate certificate = {
        .id = id,
        .pem = "pem",
        .claim = "temporary",
        .state = IMPRINT_REGISTRY_ACTIVE,
        .is_temporary = true,
        .created = 1,
        .not_after = not_after,
    };

    rig_ok(imprint_registry_put_certificate(registry, &certificate));
}

static void put_thing(struct imprint_registry *registry, const char *name)
{
    const struct imprint_catalog_thing thing = {.name = name};

    rig_ok(imprint_catalog_put_thing(registry, &thing));
}

static void set(const struct rig *rig, const char *id,
                enum imprint_registry_state state)
{
    rig_ok(imprint_registry_set_state(rig->registry, id, state));
}

static void test_certificates(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(find(rig->reader, "a").count, 0);
    rig_put(rig->registry, "b", IMPRINT_REGISTRY_PENDING);
    rig_put(rig->registry, "a", IMPRINT_REGISTRY_INACTIVE);
    put_temporary(rig->registry, "t", 5);
    assert_string_equal(find(rig->reader, "b").all, "b:PENDING_ACTIVATION::0");
    set(rig, "b", IMPRINT_REGISTRY_ACTIVE);
    put_thing(rig->registry, "two");
    put_thing(rig->registry, "one");
    rig_ok(imprint_catalog_attach_thing(rig->registry, "b", "two", false));
    rig_ok(imprint_catalog_attach_thing(rig->registry, "b", "one", false));
    rig_ok(imprint_registry_set_connected(rig->registry, "b", 7));
    rig_ok(imprint_registry_set_connected(rig->registry, "b", 8));
    assert_string_equal(find(rig->reader, "b").all, "b:ACTIVE:one:7");
    assert_int_equal(
        imprint_registry_set_state(rig->registry, "c", IMPRINT_REGISTRY_ACTIVE),
        IMPRINT_ERR_NOT_FOUND);
    /* oldest first, and without temporary claims */
    assert_string_equal(find(rig->reader, NULL).all,
                        "b:ACTIVE:one:7 a:INACTIVE::0");
    assert_string_equal(find(rig->reader, "t").all, "t:ACTIVE::0:temporary");
}

/* With all that hangs on it; what it hung on stays. */
static void test_drop(void **state)
{
    const uint8_t hash[32] = {1};
    struct rig *rig = *state;
    char *left;

    rig_put(rig->registry, "a", IMPRINT_REGISTRY_INACTIVE);
    put_thing(rig->registry, "thing");
    rig_ok(imprint_catalog_put_policy(rig->registry, "p", "{}"));
    rig_ok(imprint_catalog_attach_policy(rig->registry, "a", "p", true));
    rig_ok(imprint_catalog_attach_thing(rig->registry, "a", "thing", true));
    rig_ok(imprint_registry_put_token(rig->registry, hash, "a", 100));
    rig_ok(imprint_registry_drop_certificate(rig->registry, "a"));
    assert_int_equal(imprint_registry_drop_certificate(rig->registry, "a"),
                     IMPRINT_ERR_NOT_FOUND);
    left = rig_ask(rig, "SELECT (SELECT count(*) FROM token), "
                        "(SELECT count(*) FROM attachment), "
                        "(SELECT count(*) FROM certificate_thing), "
                        "(SELECT count(*) FROM thing), "
                        "(SELECT count(*) FROM policy)");
    assert_string_equal(left, "0|0|0|1|1\n");
    free(left);
}

static void test_tokens(void **state)
{
    const uint8_t hash[32] = {1};
    const uint8_t other[32] = {2};
    const uint8_t request[32] = {3};
    struct rig *rig = *state;
    struct imprint_registry_token token;

    assert_int_equal(imprint_registry_put_token(rig->registry, hash, "a", 100),
                     IMPRINT_ERR_NOT_FOUND);
    rig_put(rig->registry, "a", IMPRINT_REGISTRY_PENDING);
    rig_ok(imprint_registry_put_token(rig->registry, hash, "a", 100));
    assert_int_equal(imprint_registry_find_token(rig->registry, other, &token),
                     IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_registry_find_token(rig->registry, hash, &token));
    assert_string_equal(token.certificate_id, "a");
    assert_int_equal(token.expires, 100);
    assert_false(token.is_used);
    assert_null(token.reply);
    rig_ok(imprint_registry_use_token(rig->registry, hash, request,
                                      imprint_slice_text("reply")));
    rig_ok(imprint_registry_find_token(rig->registry, hash, &token));
    assert_true(token.is_used);
    assert_memory_equal(token.request_hash, request, 32);
    assert_int_equal(token.reply_len, 5);
    assert_memory_equal(token.reply, "reply", 5);
    free(token.reply);
    assert_int_equal(imprint_registry_use_token(rig->registry, other, request,
                                                imprint_slice_text("reply")),
                     IMPRINT_ERR_NOT_FOUND);
}

static void test_expire(void **state)
{
    const uint8_t hashes[3][32] = {{1}, {2}, {3}};
    struct rig *rig = *state;
    struct imprint_registry_token token;
    size_t count = 7;

    rig_put(rig->registry, "young", IMPRINT_REGISTRY_PENDING);
    rig_put(rig->registry, "old", IMPRINT_REGISTRY_PENDING);
    rig_put(rig->registry, "used", IMPRINT_REGISTRY_ACTIVE);
    rig_ok(imprint_registry_put_token(rig->registry, hashes[0], "young", 101));
    rig_ok(imprint_registry_put_token(rig->registry, hashes[1], "old", 100));
    rig_ok(imprint_registry_put_token(rig->registry, hashes[2], "used", 100));
    rig_ok(imprint_registry_expire(rig->registry, 99, &count));
    assert_int_equal(count, 0);
    rig_ok(imprint_registry_expire(rig->registry, 100, &count));
    assert_int_equal(count, 1);
    assert_int_equal(find(rig->registry, "old").count, 0);
    assert_int_equal(find(rig->registry, "young").count, 1);
    assert_int_equal(find(rig->registry, "used").count, 1);
    rig_ok(imprint_registry_find_token(rig->registry, hashes[0], &token));
    assert_int_equal(
        imprint_registry_find_token(rig->registry, hashes[1], &token),
        IMPRINT_ERR_NOT_FOUND);
    assert_int_equal(
        imprint_registry_find_token(rig->registry, hashes[2], &token),
        IMPRINT_ERR_NOT_FOUND);
}

/* A temporary claim goes at its end, on the dot, and nothing else with it. */
static void test_expire_temporary(void **state)
{
    struct rig *rig = *state;
    size_t count = 7;

    put_temporary(rig->registry, "t", 100);
    rig_put(rig->registry, "claim", IMPRINT_REGISTRY_ACTIVE);
    (void)rig_changes(rig);
    rig_ok(imprint_registry_expire(rig->registry, 99, &count));
    assert_int_equal(find(rig->registry, "t").count, 1);
    rig_ok(imprint_registry_expire(rig->registry, 100, &count));
    assert_int_equal(count, 0);
    assert_int_equal(find(rig->registry, "t").count, 0);
    assert_int_equal(find(rig->registry, "claim").count, 1);
    assert_string_equal(rig_changes(rig).all, "t");
}

static void test_transactions(void **state)
{
    struct rig *rig = *state;

    rig_ok(imprint_registry_begin(rig->registry));
    rig_put(rig->registry, "a", IMPRINT_REGISTRY_PENDING);
    assert_int_equal(find(rig->reader, "a").count, 0);
    rig_ok(imprint_registry_mark(rig->registry));
    rig_put(rig->registry, "b", IMPRINT_REGISTRY_PENDING);
    rig_ok(imprint_registry_unmark(rig->registry, false));
    rig_ok(imprint_registry_mark(rig->registry));
    rig_put(rig->registry, "c", IMPRINT_REGISTRY_PENDING);
    rig_ok(imprint_registry_unmark(rig->registry, true));
    rig_ok(imprint_registry_commit(rig->registry));
    assert_int_equal(find(rig->reader, "a").count, 1);
    assert_int_equal(find(rig->reader, "b").count, 0);
    assert_int_equal(find(rig->reader, "c").count, 1);
    rig_ok(imprint_registry_begin(rig->registry));
    rig_put(rig->registry, "d", IMPRINT_REGISTRY_PENDING);
    imprint_registry_undo(rig->registry);
    imprint_registry_undo(rig->registry); /* none is open: nothing */
    assert_int_equal(find(rig->registry, "d").count, 0);
}

/* A key is taken once, and only by who knows it. */
static void test_keys(void **state)
{
    struct rig *rig = *state;
    struct rig_seen seen = {.count = 0};
    int64_t one = 0;
    int64_t two = 0;

    rig_ok(imprint_registry_put_key(rig->registry, "first", &one));
    rig_ok(imprint_registry_put_key(rig->registry, "second", &two));
    assert_int_equal(imprint_registry_take_key(rig->registry, one, "second"),
                     IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_registry_take_key(rig->registry, one, "first"));
    assert_int_equal(imprint_registry_take_key(rig->registry, one, "first"),
                     IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_registry_each_key(rig->reader, see_key, &seen));
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.all, "second");
}

static void test_settings(void **state)
{
    struct rig *rig = *state;
    char *value = NULL;

    assert_int_equal(imprint_registry_find_setting(rig->reader, "n", &value),
                     IMPRINT_ERR_NOT_FOUND);
    rig_ok(imprint_registry_put_setting(rig->registry, "n", "6"));
    rig_ok(imprint_registry_put_setting(rig->registry, "n", "a\nb: c"));
    rig_ok(imprint_registry_find_setting(rig->reader, "n", &value));
    assert_string_equal(value, "a\nb: c");
    free(value);
    assert_string_equal(rig_changes(rig).all, "settings settings");
    rig_ok(imprint_registry_put_setting(rig->registry, "n", NULL));
    rig_ok(imprint_registry_put_setting(rig->registry, "n", NULL));
    assert_int_equal(imprint_registry_find_setting(rig->reader, "n", &value),
                     IMPRINT_ERR_NOT_FOUND);
    assert_string_equal(rig_changes(rig).all, "settings");
}

static void test_changes(void **state)
{
    struct rig *rig = *state;
    struct rig_seen seen;
    int i;

    rig_put(rig->registry, "a", IMPRINT_REGISTRY_PENDING);
    set(rig, "a", IMPRINT_REGISTRY_ACTIVE);
    /* what nobody can have looked at yet is no change */
    assert_string_equal(rig_changes(rig).all, "");
    set(rig, "a", IMPRINT_REGISTRY_INACTIVE);
    assert_string_equal(rig_changes(rig).all, "a");
    assert_string_equal(rig_changes(rig).all, "");
    set(rig, "a", IMPRINT_REGISTRY_INACTIVE);
    assert_string_equal(rig_changes(rig).all, "");
    set(rig, "a", IMPRINT_REGISTRY_ACTIVE);
    rig_ok(imprint_registry_drop_certificate(rig->registry, "a"));
    assert_string_equal(rig_changes(rig).all, "a a");
    /* more than are kept: look at everything */
    rig_put(rig->registry, "b", IMPRINT_REGISTRY_ACTIVE);
    rig_ok(imprint_registry_begin(rig->registry));
    for (i = 0; i < 2500; i++) {
        set(rig, "b", IMPRINT_REGISTRY_INACTIVE);
        set(rig, "b", IMPRINT_REGISTRY_ACTIVE);
    }
    rig_ok(imprint_registry_commit(rig->registry));
    seen = rig_changes(rig);
    assert_int_equal(seen.count, 4096 + 2);
    assert_memory_equal(seen.all, "settings * b b ", 15);
}

/* One that is undone leaves no gap that would look like something lost. */
static void test_undone_change(void **state)
{
    struct rig *rig = *state;

    rig_put(rig->registry, "a", IMPRINT_REGISTRY_ACTIVE);
    rig_ok(imprint_registry_begin(rig->registry));
    rig_ok(imprint_registry_mark(rig->registry));
    set(rig, "a", IMPRINT_REGISTRY_INACTIVE);
    rig_ok(imprint_registry_unmark(rig->registry, false));
    rig_ok(imprint_registry_commit(rig->registry));
    set(rig, "a", IMPRINT_REGISTRY_REVOKED);
    assert_string_equal(rig_changes(rig).all, "a");
}

static void test_reader_can_not_write(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(imprint_registry_put_setting(rig->reader, "n", "1"),
                     IMPRINT_ERR_STORAGE);
}

/* The writer's lock does not hold up a reader; another writer has to wait. */
static void test_readers_do_not_wait(void **state)
{
    struct rig *rig = *state;

    rig_put(rig->registry, "a", IMPRINT_REGISTRY_PENDING);
    rig_ok(imprint_registry_begin(rig->registry));
    rig_put(rig->registry, "b", IMPRINT_REGISTRY_PENDING);
    assert_int_equal(find(rig->reader, "a").count, 1);
    rig_ok(imprint_registry_commit(rig->registry));
}

static void test_modes(void **state)
{
    static const char *const names[] = {"registry.db", "registry.db-wal",
                                        "registry.db-shm"};
    struct rig *rig = *state;
    size_t i;

    if (registry_place_is_postgres())
        skip(); /* SQLite's own */
    rig_put(rig->registry, "a", IMPRINT_REGISTRY_PENDING);
    for (i = 0; i < 3; i++) {
        struct stat found;
        char path[PATH_LEN];

        (void)snprintf(path, sizeof(path), "%s/%s", rig->dir, names[i]);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0600);
    }
}

/* Killed without warning: what was committed is there, the rest is not. */
static void test_killed(void **state)
{
    struct rig *rig = *state;
    int status = 0;
    pid_t child;

    imprint_registry_close(rig->registry);
    imprint_registry_close(rig->reader);
    rig->registry = NULL;
    rig->reader = NULL;
    child = fork();
    if (child == 0) {
        struct imprint_registry *registry = NULL;

        if (imprint_registry_open(rig->dir, IMPRINT_REGISTRY_WRITE, &registry,
                                  NULL) != IMPRINT_OK)
            _exit(1);
        rig_put(registry, "kept", IMPRINT_REGISTRY_PENDING);
        (void)imprint_registry_begin(registry);
        rig_put(registry, "lost", IMPRINT_REGISTRY_PENDING);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    rig->registry = rig_open(rig, IMPRINT_REGISTRY_WRITE);
    assert_int_equal(find(rig->registry, "kept").count, 1);
    assert_int_equal(find(rig->registry, "lost").count, 0);
}

static void test_other_schema(void **state)
{
    struct rig *rig = *state;
    struct imprint_registry *registry = NULL;
    struct imprint_why why = {"", ""};
    sqlite3 *database = NULL;
    char path[PATH_LEN];

    if (registry_place_is_postgres())
        skip(); /* SQLite's own */
    (void)snprintf(path, sizeof(path), "%s/registry.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(database, "PRAGMA user_version = 99", NULL, NULL, NULL),
        SQLITE_OK);
    (void)sqlite3_close(database);
    assert_int_equal(imprint_registry_open(rig->dir, IMPRINT_REGISTRY_WRITE,
                                           &registry, &why),
                     IMPRINT_ERR_STORAGE);
    assert_non_null(strstr(why.text, "schema 99"));
    assert_int_equal(imprint_registry_open("/nonexistent",
                                           IMPRINT_REGISTRY_READ, &registry,
                                           &why),
                     IMPRINT_ERR_NOT_FOUND);
    assert_null(registry);
}

/* From the one before this, on either database, with what is in it. */
static void test_older_schema(void **state)
{
    struct rig *rig = *state;
    bool is_postgres = registry_place_is_postgres();
    char *before;
    char *after;

    rig_put(rig->registry, "a", IMPRINT_REGISTRY_ACTIVE);
    before = rig_dump(rig);
    imprint_registry_close(rig->registry);
    imprint_registry_close(rig->reader);
    rig->reader = NULL;
    rig_run(rig, "DROP INDEX certificate_claim");
    rig_run(rig, is_postgres ? "UPDATE schema_number SET number = 3"
                             : "PRAGMA user_version = 3");
    rig->registry = rig_open(rig, IMPRINT_REGISTRY_WRITE);
    after = rig_dump(rig);
    assert_string_equal(before, after);
    free(before);
    free(after);
    after = rig_ask(rig, is_postgres ? "SELECT number FROM schema_number"
                                     : "PRAGMA user_version");
    assert_string_equal(after, "4\n");
    free(after);
    rig_run(rig, "DROP INDEX certificate_claim"); /* it is there again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_certificates),
        RIG_TEST(test_drop),
        RIG_TEST(test_tokens),
        RIG_TEST(test_expire),
        RIG_TEST(test_expire_temporary),
        RIG_TEST(test_transactions),
        RIG_TEST(test_keys),
        RIG_TEST(test_settings),
        RIG_TEST(test_changes),
        RIG_TEST(test_undone_change),
        RIG_TEST(test_reader_can_not_write),
        RIG_TEST(test_readers_do_not_wait),
        RIG_TEST(test_modes),
        RIG_TEST(test_killed),
        RIG_TEST(test_other_schema),
        RIG_TEST(test_older_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
