/*
 * What an endpoint allows, and what becomes of certificates, keys and files in
 * the course of time.
 */
#include "endpoint_rig.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "endpoint/registry.h"
#include <unistd.h>

#include "endpoint/admin.h"
#include "endpoint/claims.h"
#include "posix/file.h"

#define PATH_LEN 512

/* A claim may provision by its template, and do nothing else. */
static void test_claim_may_only_provision(void **state)
{
    static const struct {
        enum imprint_endpoint_access access;
        const char *topic;
        bool allowed;
    } cases[] = {
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/certificates/create/json", true},
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/certificates/create-from-csr/cbor",
         true},
        {IMPRINT_ENDPOINT_PUBLISH,
         "$aws/provisioning-templates/fleet/provision/cbor", true},
        {IMPRINT_ENDPOINT_PUBLISH,
         "$aws/provisioning-templates/other/provision/cbor", false},
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/certificates/create/json/accepted",
         false},
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/certificates/create/json/rejected",
         false},
        {IMPRINT_ENDPOINT_PUBLISH,
         "$aws/provisioning-templates/fleet/provision/json/accepted", false},
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/things/a/shadow/update", false},
        {IMPRINT_ENDPOINT_PUBLISH, "hello", false},
        {IMPRINT_ENDPOINT_RETAIN, "$aws/certificates/create/json", false},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "$aws/certificates/create/json/accepted",
         true},
        {IMPRINT_ENDPOINT_SUBSCRIBE,
         "$aws/provisioning-templates/fleet/provision/cbor/rejected", true},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "$aws/certificates/create/json/+", true},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "$aws/certificates/create/json", false},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "$aws/certificates/#", false},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "#", false},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "devices/#", false},
        {IMPRINT_ENDPOINT_RECEIVE, "$aws/certificates/create/json/accepted",
         true},
        {IMPRINT_ENDPOINT_RECEIVE, "devices/a/b", false},
    };
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool allowed =
            fixture_allows(fixture, session, cases[i].access, cases[i].topic);

        if (allowed != cases[i].allowed)
            fail_msg("%s", cases[i].topic);
    }
    assert_false(imprint_endpoint_submit(fixture->endpoint, session, "hello",
                                         imprint_slice_text("x")));
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* Lifetimes count in whole seconds: one could be over at once. */
static void test_token_expires(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct imprint_why why = {"", ""};
    static struct reply created;
    static struct reply reply;
    struct imprint_identity identity;
    struct timespec pause = {.tv_nsec = 20 * 1000000};
    int i;

    imprint_endpoint_close(fixture->endpoint);
    fixture_must(imprint_admin_set(fixture->dir, "token_lifetime_s", "2", &why),
                 &why);
    fixture_open_endpoint(fixture);
    session = fixture_connect_claim(fixture, "imprint-1");
    identity = fixture_create_csr(fixture, session, IMPRINT_ENC_JSON, &created);
    assert_int_equal(fixture_count_certificates(fixture).pending, 1);
    for (i = 0; i < 500 && fixture_count_certificates(fixture).pending > 0; i++)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(fixture_count_certificates(fixture).pending, 0);
    assert_int_equal(fixture_count_certificates(fixture).all, 1);
    assert_true(
        fixture_is_logged(fixture, "deleted 1 certificate that nobody"));
    fixture_ask_register(
        fixture, session,
        &(struct registration){IMPRINT_ENC_JSON, identity.token, "SN-1"},
        &reply);
    fixture_check_rejected(&reply, IMPRINT_ENC_JSON, 400,
                           "InvalidCertificateOwnershipToken");
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* 200 at once, from a pool that has them: none waits for a key to be made. */
static void test_burst_of_keys(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    struct imprint_registry *registry = NULL;
    struct imprint_why why = {"", ""};
    int64_t id;
    char *pem = NULL;
    char line[256];
    static struct reply reply;
    struct timespec start;
    struct timespec end;
    size_t i;

    imprint_endpoint_close(fixture->endpoint);
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL,
                                                          0, NULL, NULL),
                     1);
    (void)BIO_write(bio, "", 1);
    (void)BIO_get_mem_data(bio, &pem);
    assert_int_equal(imprint_registry_open(fixture->dir, IMPRINT_REGISTRY_WRITE,
                                           &registry, &why),
                     IMPRINT_OK);
    assert_int_equal(imprint_registry_begin(registry), IMPRINT_OK);
    for (i = 0; i < 200; i++)
        assert_int_equal(imprint_registry_put_key(registry, pem, &id),
                         IMPRINT_OK);
    assert_int_equal(imprint_registry_commit(registry), IMPRINT_OK);
    imprint_registry_close(registry);
    BIO_free(bio);
    EVP_PKEY_free(key);
    fixture_open_endpoint(fixture);
    imprint_endpoint_figures(fixture->endpoint, line, sizeof(line));
    assert_non_null(strstr(line, "pool: 200 of 0 keys, 0 made"));

    session = fixture_connect_claim(fixture, "imprint-1");
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (i = 0; i < 200; i++)
        assert_true(imprint_endpoint_submit(fixture->endpoint, session,
                                            "$aws/certificates/create/json",
                                            imprint_slice_text("{}")));
    for (i = 0; i < 200; i++) {
        assert_ptr_equal(fixture_wait_reply(fixture, &reply), session);
        assert_true(fixture_is_accepted(&reply));
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    print_message("# 200 service keys in %.0f ms\n",
                  1e3 * (double)(end.tv_sec - start.tv_sec) +
                      1e-6 * (double)(end.tv_nsec - start.tv_nsec));
    imprint_endpoint_figures(fixture->endpoint, line, sizeof(line));
    assert_non_null(strstr(line, "pool: 0 of 0 keys, 0 made"));
    imprint_endpoint_leave(fixture->endpoint, session);
    /* each was used up for good */
    imprint_endpoint_close(fixture->endpoint);
    fixture_open_endpoint(fixture);
    imprint_endpoint_figures(fixture->endpoint, line, sizeof(line));
    assert_non_null(strstr(line, "pool: 0 of 0 keys, 0 made"));
}

static void test_close_with_open_requests(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    size_t i;

    for (i = 0; i < 6; i++)
        assert_true(imprint_endpoint_submit(fixture->endpoint, session,
                                            "$aws/certificates/create/json",
                                            imprint_slice_text("")));
    imprint_endpoint_leave(fixture->endpoint, session);
    imprint_endpoint_close(fixture->endpoint);
    fixture_open_endpoint(fixture);
}

/* What another connection to the registry changes is seen within a second. */
static void test_deactivated_claim_is_thrown_off(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *one =
        fixture_connect_claim(fixture, "one");
    struct imprint_endpoint_session *two =
        fixture_connect_claim(fixture, "two");
    struct imprint_endpoint_session *none = NULL;
    struct imprint_endpoint_session *first = NULL;
    struct imprint_endpoint_session *second;
    struct imprint_why why = {"", ""};
    struct timespec pause = {.tv_nsec = 10 * 1000000};
    char id[65];
    int i;

    assert_null(fixture_evicted(fixture));
    (void)snprintf(id, sizeof(id), "%s", imprint_endpoint_certificate_id(one));
    fixture_must(imprint_admin_set_status(fixture->dir, id, "INACTIVE", &why),
                 &why);
    for (i = 0; i < 100 && !first; i++) {
        (void)nanosleep(&pause, NULL);
        first = fixture_evicted(fixture);
    }
    second = fixture_evicted(fixture);
    assert_true((first == one && second == two) ||
                (first == two && second == one));
    assert_null(fixture_evicted(fixture));
    assert_false(fixture_allows(fixture, one, IMPRINT_ENDPOINT_PUBLISH,
                                "$aws/certificates/create/json"));
    imprint_endpoint_leave(fixture->endpoint, one);
    imprint_endpoint_leave(fixture->endpoint, two);
    assert_int_equal(fixture_try_claim(fixture,
                                       fixture->paths.claim_certificate_pem,
                                       "one", &none),
                     IMPRINT_ERR_REFUSED);
    /* and a later run does not make it good again */
    fixture_prepare(fixture);
    assert_int_equal(fixture_try_claim(fixture,
                                       fixture->paths.claim_certificate_pem,
                                       "one", &none),
                     IMPRINT_ERR_REFUSED);
    fixture_must(imprint_admin_set_status(fixture->dir, id, "ACTIVE", &why),
                 &why);
    assert_int_equal(fixture_try_claim(fixture,
                                       fixture->paths.claim_certificate_pem,
                                       "one", &none),
                     IMPRINT_OK);
    imprint_endpoint_leave(fixture->endpoint, none);
}

static void test_policy_changes_at_once(void **state)
{
    static const char nothing[] =
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\","
        "\"Action\":\"iot:*\",\"Resource\":\"*\"}}";
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "one");
    struct imprint_endpoint_session *none = NULL;
    struct imprint_why why = {"", ""};
    struct timespec pause = {.tv_nsec = 10 * 1000000};
    bool allowed = true;
    int i;

    fixture_must(imprint_admin_put_policy(fixture->dir, "fleet-claim",
                                          imprint_slice_text(nothing), &why),
                 &why);
    for (i = 0; i < 100 && allowed; i++) {
        (void)nanosleep(&pause, NULL);
        assert_null(fixture_evicted(fixture));
        allowed = fixture_allows(fixture, session, IMPRINT_ENDPOINT_PUBLISH,
                                 "$aws/certificates/create/json");
    }
    assert_false(allowed);
    assert_true(fixture_is_logged(fixture, "denied by {\"Effect\":\"Deny\""));
    imprint_endpoint_leave(fixture->endpoint, session);
    assert_int_equal(fixture_try_claim(fixture,
                                       fixture->paths.claim_certificate_pem,
                                       "one", &none),
                     IMPRINT_ERR_REFUSED);
}

static void test_other_claims(void **state)
{
    const struct imprint_claims_batch rsa = {.name = "rsa", .is_rsa = true};
    const struct imprint_claims_batch old = {.name = "old",
                                             .not_after = 1700000000};
    const struct imprint_claims_batch bad = {.name = "../x"};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session = NULL;
    struct imprint_why why = {"", ""};
    struct stat found;
    char path[PATH_LEN];

    fixture_must(imprint_claims_make(fixture->dir, &rsa, &why), &why);
    fixture_must(imprint_claims_make(fixture->dir, &rsa, &why), &why);
    fixture_must(imprint_claims_make(fixture->dir, &old, &why), &why);
    assert_int_equal(imprint_claims_make(fixture->dir, &bad, &why),
                     IMPRINT_ERR_ARGUMENT);
    (void)snprintf(path, sizeof(path), "%s/claims/rsa/private.key",
                   fixture->dir);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    (void)snprintf(path, sizeof(path), "%s/claims/rsa/certificate.pem",
                   fixture->dir);
    assert_int_equal(fixture_try_claim(fixture, path, "a", &session),
                     IMPRINT_OK);
    imprint_endpoint_leave(fixture->endpoint, session);
    (void)snprintf(path, sizeof(path), "%s/claims/old/certificate.pem",
                   fixture->dir);
    assert_int_equal(fixture_try_claim(fixture, path, "a", &session),
                     IMPRINT_ERR_REFUSED);
    assert_true(fixture_is_logged(fixture, "expired"));
    assert_int_equal(fixture_count_certificates(fixture).all, 3);
}

/* Everything is there after a restart, and nothing is made twice. */
static void test_reopen(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    struct imprint_endpoint_session *device = NULL;
    static struct reply created;
    static struct reply reply;
    struct imprint_identity identity =
        fixture_create_csr(fixture, session, IMPRINT_ENC_CBOR, &created);
    struct imprint_why why = {"", ""};
    char *before = NULL;
    char *after = NULL;
    size_t len = 0;

    fixture_must(
        imprint_file_read(fixture->paths.ca_pem, 16384, &before, &len, &why),
        &why);
    imprint_endpoint_leave(fixture->endpoint, session);
    imprint_endpoint_close(fixture->endpoint);
    fixture_prepare(fixture);
    assert_false(fixture->paths.made);
    fixture_must(
        imprint_file_read(fixture->paths.ca_pem, 16384, &after, &len, &why),
        &why);
    assert_string_equal(before, after);
    free(before);
    free(after);
    fixture_open_endpoint(fixture);
    session = fixture_connect_claim(fixture, "imprint-1");
    fixture_ask_register(
        fixture, session,
        &(struct registration){IMPRINT_ENC_CBOR, identity.token, "SN-1"},
        &reply);
    assert_true(fixture_is_accepted(&reply));
    imprint_endpoint_leave(fixture->endpoint, session);
    imprint_endpoint_close(fixture->endpoint);
    fixture_open_endpoint(fixture);
    assert_int_equal(fixture_connect_pem(
                         fixture, (const char *)identity.certificate_pem.bytes,
                         identity.certificate_pem.len, "SN-1", &device),
                     IMPRINT_OK);
    imprint_endpoint_leave(fixture->endpoint, device);
    assert_int_equal(fixture_count_certificates(fixture).all, 2);
}

/* Whatever file is missing after a cut, the next run makes it. */
static void test_prepare_after_cut(void **state)
{
    static const char *const files[] = {"root.pem",
                                        "issuer.key",
                                        "issuer.pem",
                                        "ca.pem",
                                        "server.key",
                                        "server.pem",
                                        "claims/default/certificate.pem",
                                        "claims/default/private.key"};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    char path[PATH_LEN];
    size_t i;

    imprint_endpoint_close(fixture->endpoint);
    for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, files[i]);
        assert_int_equal(unlink(path), 0);
        fixture_prepare(fixture);
        assert_int_equal(access(path, F_OK), 0);
        fixture_open_endpoint(fixture);
        session = fixture_connect_claim(fixture, "imprint-1");
        imprint_endpoint_leave(fixture->endpoint, session);
        imprint_endpoint_close(fixture->endpoint);
    }
    fixture_open_endpoint(fixture);
}

/* A first run, killed at many moments: the next run makes the rest. */
static void test_first_run_killed(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct imprint_why why = {"", ""};
    char command[128];
    size_t cut_count = 0;
    int status;
    long i;

    imprint_endpoint_close(fixture->endpoint);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->dir);
    for (i = 0; i < 60; i++) {
        struct timespec pause = {.tv_nsec = i * 700000};
        pid_t child;

        assert_int_equal(system(command), 0);
        child = fork();
        if (child == 0)
            _exit(imprint_endpoint_prepare(fixture->dir, NULL, &fixture->paths,
                                           &why) != IMPRINT_OK);
        (void)nanosleep(&pause, NULL);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        cut_count += WIFSIGNALED(status) != 0;
        fixture_prepare(fixture);
        fixture_open_endpoint(fixture);
        session = fixture_connect_claim(fixture, "imprint-1");
        imprint_endpoint_leave(fixture->endpoint, session);
        assert_int_equal(fixture_count_certificates(fixture).all, 1);
        imprint_endpoint_close(fixture->endpoint);
    }
    print_message("# killed %zu times before its end\n", cut_count);
    assert_true(cut_count > 0);
    fixture_open_endpoint(fixture);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_claim_may_only_provision),
        TEST(test_token_expires),
        TEST(test_burst_of_keys),
        TEST(test_close_with_open_requests),
        TEST(test_deactivated_claim_is_thrown_off),
        TEST(test_policy_changes_at_once),
        TEST(test_other_claims),
        TEST(test_reopen),
        TEST(test_prepare_after_cut),
        TEST(test_first_run_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
