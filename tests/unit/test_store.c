#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/manifest.h"
#include "device/staged.h"
#include "device/store.h"
#include "posix/file.h"

static char base[] = "/tmp/imprint-store-XXXXXX";
static char dir[64];
static unsigned dir_count;

static int make_base(void **state)
{
    (void)state;
    return mkdtemp(base) ? 0 : -1;
}

static int remove_base(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", base);
    return system(command);
}

/* Every test has a directory of its own, not made yet. */
static int next_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/%u", base, dir_count++);
    return 0;
}

/* Good until the call after the next. */
static const char *at(const char *name)
{
    static char paths[2][128];
    static unsigned turn;
    char *path = paths[turn++ % 2];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static bool is_there(const char *name)
{
    struct stat now;

    return lstat(at(name), &now) == 0;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(
        imprint_file_replace(at(name), imprint_slice_text(text), 0600, NULL),
        0);
}

static void assert_holds(const char *name, const char *expected)
{
    char *text;
    size_t len;

    assert_int_equal(imprint_file_read(at(name), 4096, &text, &len, NULL), 0);
    assert_string_equal(text, expected);
    free(text);
}

static struct imprint_store *open_store(bool *finished)
{
    struct imprint_store *store = NULL;
    struct imprint_why why = {"", ""};
    bool ignored;

    assert_int_equal(
        imprint_store_open(dir, &store, finished ? finished : &ignored, &why),
        0);
    return store;
}

/* What stage() stages as the replacement of; NULL: nothing. */
static const char *replaces;

static void put_key(void)
{
    assert_int_equal(imprint_staged_put_key(dir, "private", NULL), 0);
    assert_int_equal(imprint_staged_put_request(dir, "request", NULL), 0);
}

static void stage(const char *mark, const char *service_key)
{
    struct imprint_staged_certificate certificate = {
        service_key, mark,   "root",   "token",  mark,      "host:8883",
        "fleet",     "p256", "serial", replaces, 4102444800};

    if (!service_key)
        put_key();
    assert_false(imprint_staged_put_certificate(dir, &certificate, NULL));
}

static void provision(struct imprint_store *store, const char *mark)
{
    stage(mark, NULL);
    assert_int_equal(
        imprint_staged_put_name(dir, "thing", "{\"a\":\"b\"}", NULL), 0);
    assert_int_equal(imprint_store_commit(store, NULL), 0);
}

static void assert_current(const char *mark)
{
    struct imprint_device_identity identity;

    assert_int_equal(imprint_store_load(dir, "current", &identity, NULL), 0);
    assert_string_equal(identity.certificate_id, mark);
    imprint_device_free(&identity);
    assert_holds("current/certificate.pem", mark);
}

static void commit_makes_what_is_staged_current(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_device_identity identity;
    struct imprint_staged staged;
    struct stat now;

    (void)state;
    assert_int_equal(imprint_staged_read(dir, &staged, NULL),
                     IMPRINT_ERR_NOT_FOUND);
    assert_int_equal(imprint_store_load(dir, "current", &identity, NULL),
                     IMPRINT_ERR_NOT_FOUND);
    provision(store, "one");
    assert_int_equal(imprint_store_load(dir, "current", &identity, NULL), 0);
    assert_string_equal(identity.thing_name, "thing");
    assert_string_equal(identity.endpoint, "host:8883");
    assert_string_equal(identity.template_name, "fleet");
    assert_string_equal(identity.ca_path, at("current/ca.pem"));
    assert_string_equal(identity.configuration_path,
                        at("current/device-configuration.json"));
    assert_true(identity.not_after == 4102444800);
    assert_in_range(identity.provisioned, time(NULL) - 60, time(NULL));
    imprint_device_free(&identity);
    assert_holds("current/private.key", "private");
    assert_false(is_there("staged"));
    assert_false(is_there("current/token"));
    assert_false(is_there("current/request.csr"));
    assert_int_equal(lstat(at("current/private.key"), &now), 0);
    assert_int_equal(now.st_mode & 0777, 0600);
    assert_int_equal(lstat(at("identities/1"), &now), 0);
    assert_int_equal(now.st_mode & 0777, 0700);
    imprint_store_close(store);
}

static void another_commit_erases_the_one_before(void **state)
{
    struct imprint_store *store = open_store(NULL);

    (void)state;
    provision(store, "one");
    stage("two", NULL);
    assert_current("one");
    assert_int_equal(imprint_staged_put_name(dir, NULL, NULL, NULL), 0);
    assert_current("one");
    assert_int_equal(imprint_store_commit(store, NULL), 0);
    assert_current("two");
    assert_false(is_there("identities/1"));
    assert_false(is_there("current/device-configuration.json"));
    imprint_store_close(store);
}

static void staged_comes_back_as_it_went(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_staged staged;

    (void)state;
    put_key();
    assert_int_equal(imprint_staged_read(dir, &staged, NULL), 0);
    assert_string_equal(staged.private_key, "private");
    assert_string_equal(staged.request_pem, "request");
    assert_null(staged.certificate_pem);
    assert_int_equal(staged.token_left_ms, 0);
    imprint_staged_free(&staged);
    stage("one", NULL);
    assert_int_equal(imprint_staged_read(dir, &staged, NULL), 0);
    assert_string_equal(staged.certificate_pem, "one");
    assert_string_equal(staged.token, "token");
    assert_string_equal(staged.key_kind, "p256");
    assert_false(staged.registered);
    assert_in_range(staged.token_left_ms, 3500000, 3540000);
    imprint_staged_free(&staged);
    assert_int_equal(imprint_staged_put_name(dir, "thing", NULL, NULL), 0);
    assert_int_equal(imprint_staged_read(dir, &staged, NULL), 0);
    assert_true(staged.registered);
    assert_string_equal(staged.thing_name, "thing");
    imprint_staged_free(&staged);
    imprint_store_close(store);
}

static void set_token_made(int64_t made)
{
    struct imprint_manifest manifest;

    assert_int_equal(
        imprint_manifest_read(at("staged/identity.json"), &manifest, NULL), 0);
    manifest.token_made = made;
    assert_int_equal(
        imprint_manifest_write(at("staged/identity.json"), &manifest, NULL), 0);
    imprint_manifest_free(&manifest);
}

static void a_token_ages(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_staged staged;
    int64_t now = time(NULL);
    const struct {
        int64_t made;
        uint32_t least;
        uint32_t most;
    } cases[] = {{now - 1800, 1739000, 1740000},
                 {now - 3530, 5000, 10000},
                 {now - 3541, 0, 0},
                 {now - 100000, 0, 0},
                 {now + 100, 0, 0}, /* the clock went back */
                 {0, 0, 0}};

    (void)state;
    stage("one", NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_token_made(cases[i].made);
        assert_int_equal(imprint_staged_read(dir, &staged, NULL), 0);
        assert_in_range(staged.token_left_ms, cases[i].least, cases[i].most);
        imprint_staged_free(&staged);
    }
    imprint_store_close(store);
}

static void a_service_key_leaves_no_request(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_staged staged;

    (void)state;
    stage("one", NULL);
    stage("two", "service private");
    assert_int_equal(imprint_staged_read(dir, &staged, NULL), 0);
    assert_string_equal(staged.private_key, "service private");
    assert_string_equal(staged.certificate_pem, "two");
    assert_null(staged.request_pem);
    imprint_staged_free(&staged);
    imprint_store_close(store);
}

static void files_without_a_manifest_do_not_count(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_staged staged;

    (void)state;
    stage("one", NULL);
    assert_int_equal(unlink(at("staged/identity.json")), 0);
    assert_int_equal(imprint_staged_read(dir, &staged, NULL), 0);
    assert_null(staged.certificate_pem);
    assert_null(staged.token);
    assert_string_equal(staged.private_key, "private");
    imprint_staged_free(&staged);
    imprint_store_close(store);
}

/* Each of the states in which a commit can be cut off is finished. */
static void a_cut_commit_is_finished(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_manifest manifest;
    bool finished = true;

    (void)state;
    provision(store, "one");
    stage("two", NULL);
    imprint_store_close(store);
    store = open_store(&finished);
    assert_false(finished);
    assert_current("one");
    /* cut after the manifest was written */
    assert_int_equal(
        imprint_manifest_read(at("staged/identity.json"), &manifest, NULL), 0);
    manifest.provisioned = 5;
    assert_int_equal(
        imprint_manifest_write(at("staged/identity.json"), &manifest, NULL), 0);
    imprint_manifest_free(&manifest);
    imprint_store_close(store);
    store = open_store(&finished);
    assert_true(finished);
    assert_current("two");
    assert_false(is_there("current/token"));
    /* cut after the move, before current was swapped */
    assert_int_equal(unlink(at("current")), 0);
    assert_int_equal(symlink("identities/1", at("current")), 0);
    assert_int_equal(symlink("nowhere", at("current.next")), 0);
    imprint_store_close(store);
    store = open_store(&finished);
    assert_true(finished);
    assert_current("two");
    assert_false(is_there("current.next"));
    imprint_store_close(store);
}

static void leftovers_go_away(void **state)
{
    struct imprint_store *store = open_store(NULL);
    bool finished;

    (void)state;
    provision(store, "one");
    assert_int_equal(imprint_file_make_dir(at("identities/7"), 0700, NULL), 0);
    put("identities/7/private.key", "half an identity");
    put_key();
    put("staged/private.key.0123456789abcdef.new", "left over");
    imprint_store_close(store);
    store = open_store(&finished);
    assert_false(finished);
    assert_current("one");
    assert_false(is_there("identities/7"));
    assert_false(is_there("staged/private.key.0123456789abcdef.new"));
    assert_true(is_there("staged/private.key"));
    imprint_store_close(store);
}

static void reset_leaves_nothing(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_device_identity identity;

    (void)state;
    provision(store, "one");
    stage("two", NULL);
    assert_int_equal(imprint_store_reset(store, NULL), 0);
    assert_false(is_there("current"));
    assert_false(is_there("staged"));
    assert_false(is_there("identities/1"));
    assert_int_equal(imprint_store_load(dir, "current", &identity, NULL),
                     IMPRINT_ERR_NOT_FOUND);
    assert_int_equal(imprint_store_reset(store, NULL), 0);
    provision(store, "three");
    assert_current("three");
    imprint_store_close(store);
}

static void discard_leaves_current(void **state)
{
    struct imprint_store *store = open_store(NULL);

    (void)state;
    provision(store, "one");
    stage("two", NULL);
    assert_int_equal(imprint_staged_discard(dir, NULL), 0);
    assert_false(is_there("staged"));
    assert_current("one");
    assert_int_equal(imprint_staged_discard(dir, NULL), 0);
    imprint_store_close(store);
}

static void a_damaged_identity_is_told(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_device_identity identity;
    struct imprint_why why;

    (void)state;
    provision(store, "one");
    assert_int_equal(rename(at("current/private.key"), at("moved")), 0);
    assert_int_equal(imprint_store_load(dir, "current", &identity, &why),
                     IMPRINT_ERR_STORAGE);
    assert_non_null(strstr(why.text, "current/private.key"));
    assert_int_equal(rename(at("moved"), at("current/private.key")), 0);
    assert_current("one");
    put("current/identity.json", "{\"version\": 1, ");
    assert_int_equal(imprint_store_load(dir, "current", &identity, &why),
                     IMPRINT_ERR_STORAGE);
    put("current/identity.json", "{\"version\": 2, \"certificateId\": \"x\"}");
    assert_int_equal(imprint_store_load(dir, "current", &identity, &why),
                     IMPRINT_ERR_STORAGE);
    imprint_store_close(store);
}

static void open_is_refused(enum imprint_status expected, const char *part)
{
    struct imprint_store *store = NULL;
    struct imprint_why why = {"", ""};
    bool finished;

    assert_int_equal(imprint_store_open(dir, &store, &finished, &why),
                     expected);
    assert_null(store);
    assert_non_null(strstr(why.text, part));
    assert_true(why.hint[0] != '\0');
}

static void a_bad_directory_is_refused(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct stat now;

    (void)state;
    assert_int_equal(stat(dir, &now), 0);
    assert_int_equal(now.st_mode & 07777, 0700);
    open_is_refused(IMPRINT_ERR_BUSY, "process");
    imprint_store_close(store);
    assert_int_equal(chmod(dir, 0755), 0);
    open_is_refused(IMPRINT_ERR_STORAGE, "0755");
    assert_int_equal(chmod(dir, 0710), 0);
    open_is_refused(IMPRINT_ERR_STORAGE, "0710");
    if (geteuid() == 0) {
        assert_int_equal(chmod(dir, 0700), 0);
        assert_int_equal(chown(dir, 12345, 12345), 0);
        open_is_refused(IMPRINT_ERR_STORAGE, "user 12345");
    }
}

/* ---- the former ---- */

static void renew(struct imprint_store *store, const char *mark,
                  const char *replaced)
{
    replaces = replaced;
    provision(store, mark);
    replaces = NULL;
}

/* NULL: there is none. */
static void assert_former(const char *mark)
{
    struct imprint_device_identity identity;
    enum imprint_status status =
        imprint_store_load(dir, "former", &identity, NULL);

    if (!mark) {
        assert_int_equal(status, IMPRINT_ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(status, 0);
    assert_string_equal(identity.certificate_id, mark);
    imprint_device_free(&identity);
}

static void a_renewal_keeps_the_one_before(void **state)
{
    struct imprint_store *store = open_store(NULL);
    struct imprint_device_identity identity;

    (void)state;
    provision(store, "one");
    assert_former(NULL);
    renew(store, "two", "one");
    assert_current("two");
    assert_former("one");
    assert_int_equal(imprint_store_load(dir, "current", &identity, NULL), 0);
    assert_string_equal(identity.replaces_certificate_id, "one");
    assert_string_equal(identity.serial_number, "serial");
    imprint_device_free(&identity);
    renew(store, "three", "two");
    assert_current("three");
    assert_former("two");
    assert_int_equal(access(at("identities/1"), F_OK), -1);
    assert_int_equal(imprint_store_drop_former(store, NULL), 0);
    assert_former(NULL);
    assert_int_equal(access(at("identities/2"), F_OK), -1);
    imprint_store_close(store);
}

static void rollback_swaps(void **state)
{
    struct imprint_store *store = open_store(NULL);

    (void)state;
    provision(store, "one");
    assert_int_equal(imprint_store_rollback(store, NULL),
                     IMPRINT_ERR_NOT_FOUND);
    renew(store, "two", "one");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(imprint_store_rollback(store, NULL), 0);
        imprint_store_close(store);
        store = open_store(NULL); /* the recovery changes nothing */
        assert_current(i == 0 ? "one" : "two");
        assert_former(i == 0 ? "two" : "one");
    }
    assert_int_equal(imprint_store_rollback(store, NULL), 0);
    renew(store, "three", "one");
    assert_current("three");
    assert_former("one");
    imprint_store_close(store);
}

static void another_provision_forgets_the_former(void **state)
{
    struct imprint_store *store = open_store(NULL);

    (void)state;
    provision(store, "one");
    renew(store, "two", "one");
    provision(store, "three");
    assert_former(NULL);
    assert_int_equal(access(at("identities/1"), F_OK), -1);
    assert_int_equal(access(at("identities/2"), F_OK), -1);
    imprint_store_close(store);
}

static void link_to(const char *link, const char *target)
{
    (void)unlink(at(link));
    assert_int_equal(symlink(target, at(link)), 0);
}

/* Both links at one: each way that a cut between two steps can leave it. */
static void a_cut_rollback_is_put_right(void **state)
{
    struct imprint_store *store = open_store(NULL);
    bool finished;

    (void)state;
    provision(store, "one");
    renew(store, "two", "one");
    imprint_store_close(store);
    link_to("former", "identities/2");
    store = open_store(&finished);
    assert_false(finished);
    assert_current("two");
    assert_former("one");
    imprint_store_close(store);
    link_to("current", "identities/1");
    link_to("former", "identities/1");
    store = open_store(&finished);
    assert_current("two"); /* the rollback to it is finished */
    assert_former("one");
    imprint_store_close(store);
}

static void a_cut_renewal_is_finished(void **state)
{
    struct imprint_store *store = open_store(NULL);
    bool finished;

    (void)state;
    provision(store, "one");
    renew(store, "two", "one");
    renew(store, "three", "two");
    imprint_store_close(store);
    /* before any link was moved; the former of old is gone already */
    link_to("current", "identities/2");
    (void)unlink(at("former"));
    store = open_store(&finished);
    assert_true(finished);
    assert_current("three");
    assert_former("two");
    imprint_store_close(store);
    /* between the two links */
    link_to("current", "identities/2");
    store = open_store(&finished);
    assert_current("three");
    assert_former("two");
    imprint_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(commit_makes_what_is_staged_current, next_dir),
        cmocka_unit_test_setup(another_commit_erases_the_one_before, next_dir),
        cmocka_unit_test_setup(staged_comes_back_as_it_went, next_dir),
        cmocka_unit_test_setup(a_token_ages, next_dir),
        cmocka_unit_test_setup(a_service_key_leaves_no_request, next_dir),
        cmocka_unit_test_setup(files_without_a_manifest_do_not_count, next_dir),
        cmocka_unit_test_setup(a_cut_commit_is_finished, next_dir),
        cmocka_unit_test_setup(leftovers_go_away, next_dir),
        cmocka_unit_test_setup(a_renewal_keeps_the_one_before, next_dir),
        cmocka_unit_test_setup(rollback_swaps, next_dir),
        cmocka_unit_test_setup(another_provision_forgets_the_former, next_dir),
        cmocka_unit_test_setup(a_cut_rollback_is_put_right, next_dir),
        cmocka_unit_test_setup(a_cut_renewal_is_finished, next_dir),
        cmocka_unit_test_setup(reset_leaves_nothing, next_dir),
        cmocka_unit_test_setup(discard_leaves_current, next_dir),
        cmocka_unit_test_setup(a_damaged_identity_is_told, next_dir),
        cmocka_unit_test_setup(a_bad_directory_is_refused, next_dir),
    };

    return cmocka_run_group_tests(tests, make_base, remove_base);
}
