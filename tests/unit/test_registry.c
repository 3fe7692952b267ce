/* The registry: what is kept, what is undone, and what others see of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint/registry.h"

#define PATH_LEN 256

struct fixture {
    char dir[64];
    struct imprint_registry *registry;
    struct imprint_registry *reader;
};

static struct imprint_registry *open_as(const struct fixture *fixture,
                                        enum imprint_registry_use use)
{
    struct imprint_registry *registry = NULL;
    struct imprint_why why = {"", ""};

    if (imprint_registry_open(fixture->dir, use, &registry, &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
    return registry;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    (void)snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/imprint-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    fixture->registry = open_as(fixture, IMPRINT_REGISTRY_WRITE);
    fixture->reader = open_as(fixture, IMPRINT_REGISTRY_READ);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    imprint_registry_close(fixture->registry);
    imprint_registry_close(fixture->reader);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->dir);
    free(fixture);
    return system(command);
}

static void ok(enum imprint_status status)
{
    assert_int_equal(status, IMPRINT_OK);
}

static void put(struct imprint_registry *registry, const char *id,
                enum imprint_registry_state state)
{
    const struct imprint_registry_certificate certificate = {
        .id = id,
        .pem = "pem",
        .maker = "maker",
        .state = state,
        .created = 1,
        .not_after = 2,
    };

    ok(imprint_registry_put_certificate(registry, &certificate));
}

struct seen {
    size_t count;
    enum imprint_registry_state state;
    char last[128];
    char thing[128];
};

static void see_certificate(void *user,
                            const struct imprint_registry_certificate *found)
{
    struct seen *seen = user;

    seen->count++;
    seen->state = found->state;
    (void)snprintf(seen->last, sizeof(seen->last), "%s", found->id);
    (void)snprintf(seen->thing, sizeof(seen->thing), "%s",
                   found->thing ? found->thing : "");
}

static void see_policy(void *user, const char *name, const char *document)
{
    struct seen *seen = user;

    seen->count++;
    (void)snprintf(seen->last, sizeof(seen->last), "%s=%s", name, document);
}

static void see_change(void *user, const char *id)
{
    struct seen *seen = user;

    seen->count++;
    (void)snprintf(seen->last, sizeof(seen->last), "%s", id ? id : "*");
}

static void see_key(void *user, int64_t id, const char *pem)
{
    struct seen *seen = user;

    (void)id;
    seen->count++;
    (void)snprintf(seen->last, sizeof(seen->last), "%s", pem);
}

static struct seen find(struct imprint_registry *registry, const char *id)
{
    struct seen seen = {.count = 0};
    enum imprint_status status =
        imprint_registry_each_certificate(registry, id, see_certificate, &seen);

    assert_int_equal(status, seen.count > 0 || !id ? IMPRINT_OK
                                                   : IMPRINT_ERR_NOT_FOUND);
    return seen;
}

static struct seen changes(struct imprint_registry *registry)
{
    struct seen seen = {.count = 0};

    ok(imprint_registry_each_change(registry, see_change, &seen));
    return seen;
}

static void test_certificates(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    assert_int_equal(find(fixture->reader, "a").count, 0);
    put(fixture->registry, "a", IMPRINT_REGISTRY_PENDING);
    put(fixture->registry, "b", IMPRINT_REGISTRY_INACTIVE);
    seen = find(fixture->reader, "a");
    assert_int_equal(seen.state, IMPRINT_REGISTRY_PENDING);
    assert_string_equal(seen.thing, "");
    ok(imprint_registry_set_state(fixture->registry, "a",
                                  IMPRINT_REGISTRY_ACTIVE, "thing"));
    ok(imprint_registry_set_state(fixture->registry, "a",
                                  IMPRINT_REGISTRY_REVOKED, NULL));
    seen = find(fixture->reader, "a");
    assert_int_equal(seen.state, IMPRINT_REGISTRY_REVOKED);
    assert_string_equal(seen.thing, "thing");
    assert_int_equal(imprint_registry_set_state(fixture->registry, "c",
                                                IMPRINT_REGISTRY_ACTIVE, NULL),
                     IMPRINT_ERR_NOT_FOUND);
    seen = find(fixture->reader, NULL);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.last, "b");
}

static void test_policies(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.count = 0};

    put(fixture->registry, "a", IMPRINT_REGISTRY_PENDING);
    /* no policy, no attachment */
    assert_int_equal(imprint_registry_attach(fixture->registry, "a", "p"),
                     IMPRINT_ERR_STORAGE);
    assert_true(strlen(imprint_registry_problem(fixture->registry)) > 10);
    ok(imprint_registry_put_document(fixture->registry, IMPRINT_REGISTRY_POLICY,
                                     "p", "1"));
    ok(imprint_registry_put_document(fixture->registry, IMPRINT_REGISTRY_POLICY,
                                     "q", "2"));
    ok(imprint_registry_attach(fixture->registry, "a", "p"));
    ok(imprint_registry_attach(fixture->registry, "a", "p"));
    ok(imprint_registry_attach(fixture->registry, "a", "q"));
    ok(imprint_registry_put_document(fixture->registry, IMPRINT_REGISTRY_POLICY,
                                     "q", "3"));
    ok(imprint_registry_each_policy(fixture->reader, "a", see_policy, &seen));
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.last, "q=3");
}

static void test_tokens(void **state)
{
    const uint8_t hash[32] = {1};
    const uint8_t other[32] = {2};
    const uint8_t request[32] = {3};
    struct fixture *fixture = *state;
    struct imprint_registry_token token;

    put(fixture->registry, "a", IMPRINT_REGISTRY_PENDING);
    ok(imprint_registry_put_token(fixture->registry, hash, "a", 100));
    assert_int_equal(
        imprint_registry_find_token(fixture->registry, other, &token),
        IMPRINT_ERR_NOT_FOUND);
    ok(imprint_registry_find_token(fixture->registry, hash, &token));
    assert_string_equal(token.certificate_id, "a");
    assert_int_equal(token.expires, 100);
    assert_false(token.is_used);
    assert_null(token.reply);
    ok(imprint_registry_use_token(fixture->registry, hash, request,
                                  imprint_slice_text("reply")));
    ok(imprint_registry_find_token(fixture->registry, hash, &token));
    assert_true(token.is_used);
    assert_memory_equal(token.request_hash, request, 32);
    assert_int_equal(token.reply_len, 5);
    assert_memory_equal(token.reply, "reply", 5);
    free(token.reply);
    assert_int_equal(imprint_registry_use_token(fixture->registry, other,
                                                request,
                                                imprint_slice_text("reply")),
                     IMPRINT_ERR_NOT_FOUND);
}

static void test_expire(void **state)
{
    const uint8_t hashes[3][32] = {{1}, {2}, {3}};
    struct fixture *fixture = *state;
    struct imprint_registry_token token;
    size_t count = 7;

    put(fixture->registry, "young", IMPRINT_REGISTRY_PENDING);
    put(fixture->registry, "old", IMPRINT_REGISTRY_PENDING);
    put(fixture->registry, "used", IMPRINT_REGISTRY_ACTIVE);
    ok(imprint_registry_put_token(fixture->registry, hashes[0], "young", 101));
    ok(imprint_registry_put_token(fixture->registry, hashes[1], "old", 100));
    ok(imprint_registry_put_token(fixture->registry, hashes[2], "used", 100));
    ok(imprint_registry_expire(fixture->registry, 99, &count));
    assert_int_equal(count, 0);
    ok(imprint_registry_expire(fixture->registry, 100, &count));
    assert_int_equal(count, 1);
    assert_int_equal(find(fixture->registry, "old").count, 0);
    assert_int_equal(find(fixture->registry, "young").count, 1);
    assert_int_equal(find(fixture->registry, "used").count, 1);
    ok(imprint_registry_find_token(fixture->registry, hashes[0], &token));
    assert_int_equal(
        imprint_registry_find_token(fixture->registry, hashes[1], &token),
        IMPRINT_ERR_NOT_FOUND);
    assert_int_equal(
        imprint_registry_find_token(fixture->registry, hashes[2], &token),
        IMPRINT_ERR_NOT_FOUND);
}

static void test_transactions(void **state)
{
    struct fixture *fixture = *state;

    ok(imprint_registry_begin(fixture->registry));
    put(fixture->registry, "a", IMPRINT_REGISTRY_PENDING);
    assert_int_equal(find(fixture->reader, "a").count, 0);
    ok(imprint_registry_mark(fixture->registry));
    put(fixture->registry, "b", IMPRINT_REGISTRY_PENDING);
    ok(imprint_registry_unmark(fixture->registry, false));
    ok(imprint_registry_mark(fixture->registry));
    put(fixture->registry, "c", IMPRINT_REGISTRY_PENDING);
    ok(imprint_registry_unmark(fixture->registry, true));
    ok(imprint_registry_commit(fixture->registry));
    assert_int_equal(find(fixture->reader, "a").count, 1);
    assert_int_equal(find(fixture->reader, "b").count, 0);
    assert_int_equal(find(fixture->reader, "c").count, 1);
    ok(imprint_registry_begin(fixture->registry));
    put(fixture->registry, "d", IMPRINT_REGISTRY_PENDING);
    imprint_registry_undo(fixture->registry);
    imprint_registry_undo(fixture->registry); /* none is open: nothing */
    assert_int_equal(find(fixture->registry, "d").count, 0);
}

static void test_documents(void **state)
{
    struct fixture *fixture = *state;
    char *text = NULL;
    int kind;

    for (kind = IMPRINT_REGISTRY_POLICY; kind <= IMPRINT_REGISTRY_THING;
         kind++) {
        enum imprint_registry_document document =
            (enum imprint_registry_document)kind;

        assert_int_equal(imprint_registry_find_document(fixture->registry,
                                                        document, "n", &text),
                         IMPRINT_ERR_NOT_FOUND);
        ok(imprint_registry_put_document(fixture->registry, document, "n",
                                         "1"));
        ok(imprint_registry_put_document(fixture->registry, document, "n",
                                         "2"));
        ok(imprint_registry_find_document(fixture->reader, document, "n",
                                          NULL));
        ok(imprint_registry_find_document(fixture->reader, document, "n",
                                          &text));
        assert_string_equal(text, "2");
        free(text);
    }
}

/* A key is taken once, and only by who knows it. */
static void test_keys(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.count = 0};
    int64_t one = 0;
    int64_t two = 0;

    ok(imprint_registry_put_key(fixture->registry, "first", &one));
    ok(imprint_registry_put_key(fixture->registry, "second", &two));
    assert_int_equal(
        imprint_registry_take_key(fixture->registry, one, "second"),
        IMPRINT_ERR_NOT_FOUND);
    ok(imprint_registry_take_key(fixture->registry, one, "first"));
    assert_int_equal(imprint_registry_take_key(fixture->registry, one, "first"),
                     IMPRINT_ERR_NOT_FOUND);
    ok(imprint_registry_each_key(fixture->reader, see_key, &seen));
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last, "second");
}

static void test_settings(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(imprint_registry_setting(fixture->reader, "n", 5), 5);
    ok(imprint_registry_put_setting(fixture->registry, "n", 6));
    ok(imprint_registry_put_setting(fixture->registry, "n", 7));
    assert_int_equal(imprint_registry_setting(fixture->reader, "n", 5), 7);
}

static void test_changes(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    int i;

    put(fixture->registry, "a", IMPRINT_REGISTRY_PENDING);
    ok(imprint_registry_put_document(fixture->registry, IMPRINT_REGISTRY_POLICY,
                                     "p", "1"));
    ok(imprint_registry_attach(fixture->registry, "a", "p"));
    ok(imprint_registry_set_state(fixture->registry, "a",
                                  IMPRINT_REGISTRY_ACTIVE, "t"));
    /* what nobody can have looked at yet is no change */
    assert_int_equal(changes(fixture->reader).count, 0);
    ok(imprint_registry_set_state(fixture->registry, "a",
                                  IMPRINT_REGISTRY_INACTIVE, NULL));
    seen = changes(fixture->reader);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last, "a");
    assert_int_equal(changes(fixture->reader).count, 0);
    /* a policy that says what it said before */
    ok(imprint_registry_put_document(fixture->registry, IMPRINT_REGISTRY_POLICY,
                                     "p", "1"));
    assert_int_equal(changes(fixture->reader).count, 0);
    ok(imprint_registry_put_document(fixture->registry, IMPRINT_REGISTRY_POLICY,
                                     "p", "2"));
    seen = changes(fixture->reader);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last, "*");
    /* more than are kept: look at everything */
    ok(imprint_registry_begin(fixture->registry));
    for (i = 0; i < 5000; i++) {
        ok(imprint_registry_set_state(fixture->registry, "a",
                                      IMPRINT_REGISTRY_ACTIVE, NULL));
        ok(imprint_registry_set_state(fixture->registry, "a",
                                      IMPRINT_REGISTRY_INACTIVE, NULL));
    }
    ok(imprint_registry_commit(fixture->registry));
    assert_int_equal(changes(fixture->reader).count, 4096 + 1);
}

static void test_reader_can_not_write(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(imprint_registry_put_setting(fixture->reader, "n", 1),
                     IMPRINT_ERR_STORAGE);
}

/* The writer's lock does not hold up a reader; another writer has to wait. */
static void test_readers_do_not_wait(void **state)
{
    struct fixture *fixture = *state;

    put(fixture->registry, "a", IMPRINT_REGISTRY_PENDING);
    ok(imprint_registry_begin(fixture->registry));
    put(fixture->registry, "b", IMPRINT_REGISTRY_PENDING);
    assert_int_equal(find(fixture->reader, "a").count, 1);
    ok(imprint_registry_commit(fixture->registry));
}

static void test_modes(void **state)
{
    static const char *const names[] = {"registry.db", "registry.db-wal",
                                        "registry.db-shm"};
    struct fixture *fixture = *state;
    size_t i;

    put(fixture->registry, "a", IMPRINT_REGISTRY_PENDING);
    for (i = 0; i < 3; i++) {
        struct stat found;
        char path[PATH_LEN];

        (void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, names[i]);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0600);
    }
}

/* Killed without warning: what was committed is there, the rest is not. */
static void test_killed(void **state)
{
    struct fixture *fixture = *state;
    int status = 0;
    pid_t child;

    imprint_registry_close(fixture->registry);
    imprint_registry_close(fixture->reader);
    fixture->registry = NULL;
    fixture->reader = NULL;
    child = fork();
    if (child == 0) {
        struct imprint_registry *registry = NULL;

        if (imprint_registry_open(fixture->dir, IMPRINT_REGISTRY_WRITE,
                                  &registry, NULL) != IMPRINT_OK)
            _exit(1);
        put(registry, "kept", IMPRINT_REGISTRY_PENDING);
        (void)imprint_registry_begin(registry);
        put(registry, "lost", IMPRINT_REGISTRY_PENDING);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture->registry = open_as(fixture, IMPRINT_REGISTRY_WRITE);
    assert_int_equal(find(fixture->registry, "kept").count, 1);
    assert_int_equal(find(fixture->registry, "lost").count, 0);
}

static void test_other_schema(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_registry *registry = NULL;
    struct imprint_why why = {"", ""};
    sqlite3 *database = NULL;
    char path[PATH_LEN];

    (void)snprintf(path, sizeof(path), "%s/registry.db", fixture->dir);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(database, "PRAGMA user_version = 99", NULL, NULL, NULL),
        SQLITE_OK);
    (void)sqlite3_close(database);
    assert_int_equal(imprint_registry_open(fixture->dir, IMPRINT_REGISTRY_WRITE,
                                           &registry, &why),
                     IMPRINT_ERR_STORAGE);
    assert_non_null(strstr(why.text, "schema 99"));
    assert_int_equal(imprint_registry_open("/nonexistent",
                                           IMPRINT_REGISTRY_READ, &registry,
                                           &why),
                     IMPRINT_ERR_NOT_FOUND);
    assert_null(registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_certificates),
        TEST(test_policies),
        TEST(test_tokens),
        TEST(test_expire),
        TEST(test_transactions),
        TEST(test_documents),
        TEST(test_keys),
        TEST(test_settings),
        TEST(test_changes),
        TEST(test_reader_can_not_write),
        TEST(test_readers_do_not_wait),
        TEST(test_modes),
        TEST(test_killed),
        TEST(test_other_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
