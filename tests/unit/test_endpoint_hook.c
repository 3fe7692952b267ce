/* The endpoint with a hook in its template, and with a certificate provider. */
#include "endpoint_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint/admin.h"
#include "posix/clock.h"

#define JSON IMPRINT_ENC_JSON
#define WAIT_MS 20000
#define PATH_LEN 160
#define ARN "arn:aws:lambda:us-east-1:000000000000:function:check"

/* deviceConfiguration shows the parameter that only a hook gives. */
static const char template_text[] =
    "{\"Parameters\":{\"SerialNumber\":{\"Type\":\"String\"},"
    "\"CertDate\":{\"Type\":\"String\",\"Default\":\"unknown\"},"
    "\"AWS::IoT::Certificate::Id\":{\"Type\":\"String\"}},"
    "\"Resources\":{"
    "\"thing\":{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{"
    "\"ThingName\":{\"Ref\":\"SerialNumber\"}}},"
    "\"certificate\":{\"Type\":\"AWS::IoT::Certificate\",\"Properties\":{"
    "\"CertificateId\":{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}},"
    "\"DeviceConfiguration\":{\"date\":{\"Ref\":\"CertDate\"}}}";

static void name_file(const struct fixture *fixture, char path[PATH_LEN],
                      const char *name)
{
    (void)snprintf(path, PATH_LEN, "%s/%s", fixture->dir, name);
}

/* Puts the target of a shell script that begins in the endpoint's directory. */
static void write_script(const struct fixture *fixture, const char *body,
                         char target[PATH_LEN])
{
    static int count;
    char path[PATH_LEN - 8];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/script-%d", fixture->dir, count++);
    (void)snprintf(target, PATH_LEN, "exec:%s", path);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "#!/bin/sh\ncd %s\n%s\n", fixture->dir, body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static void set(const struct fixture *fixture, const char *name,
                const char *value)
{
    struct imprint_why why = {"", ""};

    fixture_must(imprint_admin_set(fixture->dir, name, value, &why), &why);
}

/* So that it reads all that was set. */
static void reopen(struct fixture *fixture)
{
    imprint_endpoint_close(fixture->endpoint);
    fixture_open_endpoint(fixture);
}

static void put_template(struct fixture *fixture, const char *hook)
{
    const struct imprint_admin_template template = {
        .name = "fleet",
        .document = imprint_slice_text(template_text),
        .hook = hook,
        .is_enabled = true,
    };
    struct imprint_why why = {"", ""};

    fixture_must(imprint_admin_put_template(fixture->dir, &template, &why),
                 &why);
}

static void put_hook(struct fixture *fixture, const char *body)
{
    char target[PATH_LEN];

    write_script(fixture, body, target);
    put_template(fixture, target);
}

/* A certificate and its registration as serial. */
static void provision(struct fixture *fixture, const char *serial,
                      struct reply *reply)
{
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, serial);
    struct reply created;
    const struct registration what = {
        .encoding = JSON,
        .token = fixture_create_csr(fixture, session, JSON, &created).token,
        .serial = serial,
    };

    fixture_ask_register(fixture, session, &what, reply);
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void check_has(const struct reply *reply, const char *text)
{
    if (!memmem(reply->payload, reply->len, text, strlen(text)))
        fail_msg("no %s in %.*s", text, (int)reply->len, reply->payload);
}

static bool is_file(const struct fixture *fixture, const char *name)
{
    char path[PATH_LEN];

    name_file(fixture, path, name);
    return access(path, F_OK) == 0;
}

static void wait_file(const struct fixture *fixture, const char *name)
{
    int64_t then_ms = imprint_clock_now_ms() + WAIT_MS;

    while (!is_file(fixture, name)) {
        assert_true(imprint_clock_now_ms() < then_ms);
        (void)poll(NULL, 0, 5);
    }
}

static void make_file(const struct fixture *fixture, const char *name)
{
    char path[PATH_LEN];

    name_file(fixture, path, name);
    assert_int_equal(close(creat(path, 0600)), 0);
}

/* ---- pre-provisioning hooks ---- */

static void test_allows(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;

    put_hook(fixture, "cat >event; echo '{\"allowProvisioning\":true,"
                      "\"parameterOverrides\":{\"CertDate\":\"2026-11-26\"}}'");
    provision(fixture, "SN-1", &reply);
    assert_true(fixture_is_accepted(&reply));
    check_has(&reply, "\"date\":\"2026-11-26\"");
    check_has(&reply, "\"thingName\":\"SN-1\"");
    assert_true(is_file(fixture, "event"));
}

/* What it gets is what AWS documents. */
static void test_event(void **state)
{
    struct fixture *fixture = *state;
    char command[PATH_LEN + 512];
    struct reply reply;

    put_hook(fixture, "cat >event; echo '{\"allowProvisioning\":true}'");
    provision(fixture, "SN-2", &reply);
    assert_true(fixture_is_accepted(&reply));
    check_has(&reply, "\"date\":\"unknown\"");
    (void)snprintf(command, sizeof(command),
                   "cd %s && grep -Eq '\"claimCertificateId\": \"[0-9a-f]{64}'"
                   " event && grep -Eq '\"certificateId\": \"[0-9a-f]{64}\"' "
                   "event && grep -q 'BEGIN CERTIFICATE' event && "
                   "grep -q 'arn:aws:iot:us-east-1:000000000000:"
                   "provisioningtemplate/fleet\"' event && grep -q "
                   "'\"clientId\": \"SN-2\"' event && grep -q "
                   "'\"SerialNumber\": \"SN-2\"' event",
                   fixture->dir);
    assert_int_equal(system(command), 0);
}

/* The device always gets the same no; the log has what it was. */
static void check_denied(struct fixture *fixture, const char *body,
                         const char *words)
{
    static const char said[] = "The pre-provisioning hook does not allow it.";
    struct reply reply;

    put_hook(fixture, body);
    provision(fixture, "SN-3", &reply);
    fixture_check_rejected(&reply, JSON, 403, "AccessDenied");
    check_has(&reply, said);
    if (!fixture_is_logged(fixture, words))
        fail_msg("not logged: %s", words);
}

static void test_denies(void **state)
{
    struct fixture *fixture = *state;

    check_denied(fixture, "echo '{\"allowProvisioning\":false}'",
                 "the hook said no");
    check_denied(fixture,
                 "echo not listed >&2; echo '{\"allowProvisioning\":false}'",
                 "the hook said no: \"not listed\"");
    check_denied(fixture, "echo oops >&2; exit 4",
                 "ended with status 4: \"oops\"");
    check_denied(fixture, "kill -KILL $$", "was ended by signal 9 (Killed)");
    check_denied(fixture, "exit 0", "answered nothing");
    check_denied(fixture, "echo yes", "answered no JSON: line 1");
    check_denied(fixture, "echo '{}'",
                 "answered without \"allowProvisioning\"");
    check_denied(fixture,
                 "echo '{\"allowProvisioning\":true,"
                 "\"parameterOverrides\":{\"CertDate\":7}}'",
                 "whose \"CertDate\" is no text");
    set(fixture, "hook_timeout_ms", "300");
    reopen(fixture);
    check_denied(fixture, "exec sleep 600", "was killed after 300 ms");
    assert_int_equal(fixture_count_certificates(fixture).pending, 9);
}

static void test_arn(void **state)
{
    struct fixture *fixture = *state;
    char target[PATH_LEN];
    struct reply reply;

    put_template(fixture, ARN);
    provision(fixture, "SN-4", &reply);
    fixture_check_rejected(&reply, JSON, 403, "AccessDenied");
    assert_true(fixture_is_logged(fixture, "hook:" ARN));
    write_script(fixture, "echo '{\"allowProvisioning\":true}'", target);
    set(fixture, "hook:" ARN, target);
    provision(fixture, "SN-4", &reply);
    assert_true(fixture_is_accepted(&reply));
}

/* One request, one call; the same again gets its answer without. */
static void test_once(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "once");
    struct registration what = {.encoding = JSON, .serial = "SN-5"};
    struct reply created;
    struct reply first;
    struct reply second;
    struct stat found;
    char path[PATH_LEN];

    put_hook(fixture, "echo x >>calls; echo '{\"allowProvisioning\":true}'");
    what.token = fixture_create_csr(fixture, session, JSON, &created).token;
    fixture_ask_register(fixture, session, &what, &first);
    fixture_ask_register(fixture, session, &what, &second);
    assert_true(fixture_is_accepted(&first));
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.payload, second.payload, first.len);
    name_file(fixture, path, "calls");
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_size, 2);
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* Submits a registration whose hook will wait. */
static void submit_register(struct fixture *fixture,
                            struct imprint_endpoint_session *session,
                            const char *serial)
{
    const struct imprint_pair parameter = {imprint_slice_text("SerialNumber"),
                                           imprint_slice_text(serial)};
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    struct imprint_slice token;
    struct reply created;
    char topic[128];

    token = fixture_create_csr(fixture, session, JSON, &created).token;
    fixture_name_topic(topic, IMPRINT_OP_REGISTER, JSON);
    imprint_codec_put_register(&writer, &imprint_json_format, token, &parameter,
                               1);
    assert_true(imprint_endpoint_submit(fixture->endpoint, session, topic,
                                        imprint_slice_since(&writer, 0)));
}

#define WAITING                                           \
    "touch began; until [ -e go ]; do sleep 0.01; done; " \
    "echo '{\"allowProvisioning\":true}'"

static void test_delays_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *slow;
    struct imprint_endpoint_session *fast;
    struct reply reply;
    int i;

    set(fixture, "hook_timeout_ms", "60000");
    reopen(fixture);
    slow = fixture_connect_claim(fixture, "slow");
    fast = fixture_connect_claim(fixture, "fast");
    put_hook(fixture, WAITING);
    submit_register(fixture, slow, "SN-6");
    wait_file(fixture, "began");
    for (i = 0; i < 20; i++)
        (void)fixture_create_csr(fixture, fast, JSON, &reply);
    make_file(fixture, "go");
    assert_ptr_equal(fixture_wait_reply(fixture, &reply), slow);
    assert_true(fixture_is_accepted(&reply));
    imprint_endpoint_leave(fixture->endpoint, slow);
    imprint_endpoint_leave(fixture->endpoint, fast);
}

/* The one who asked is gone: nothing is registered, nobody is answered. */
static void test_leaves(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct imprint_endpoint_reply none;
    struct reply reply;
    struct count before;

    set(fixture, "hook_timeout_ms", "60000");
    reopen(fixture);
    session = fixture_connect_claim(fixture, "leaves");
    put_hook(fixture, WAITING);
    submit_register(fixture, session, "SN-7");
    wait_file(fixture, "began");
    before = fixture_count_certificates(fixture);
    imprint_endpoint_leave(fixture->endpoint, session);
    make_file(fixture, "go");
    /* another one's whole way, behind it */
    session = fixture_connect_claim(fixture, "stays");
    submit_register(fixture, session, "SN-8");
    assert_ptr_equal(fixture_wait_reply(fixture, &reply), session);
    assert_true(fixture_is_accepted(&reply));
    check_has(&reply, "SN-8");
    assert_false(imprint_endpoint_collect(fixture->endpoint, &none));
    assert_int_equal(fixture_count_certificates(fixture).pending,
                     before.pending);
    assert_false(fixture_is_logged(fixture, "SN-7"));
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* The endpoint ends while hooks run and wait. */
static void test_close(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    int64_t began_ms;
    char serial[16];
    int i;

    set(fixture, "hook_timeout_ms", "60000");
    set(fixture, "hook_max_count", "1");
    reopen(fixture);
    session = fixture_connect_claim(fixture, "close");
    put_hook(fixture, WAITING);
    for (i = 0; i < 3; i++) {
        (void)snprintf(serial, sizeof(serial), "SN-9%d", i);
        submit_register(fixture, session, serial);
    }
    wait_file(fixture, "began");
    imprint_endpoint_leave(fixture->endpoint, session);
    began_ms = imprint_clock_now_ms();
    reopen(fixture);
    assert_true(imprint_clock_now_ms() - began_ms < WAIT_MS);
}

/* ---- certificate provider ---- */

static void ask_csr(struct fixture *fixture,
                    struct imprint_endpoint_session *session,
                    const char *csr_pem, struct reply *reply)
{
    char topic[128];
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));

    fixture_name_topic(topic, IMPRINT_OP_CREATE_CSR, JSON);
    imprint_codec_put_csr(&writer, &imprint_json_format,
                          imprint_slice_text(csr_pem));
    fixture_ask(fixture, session, topic, imprint_slice_since(&writer, 0),
                reply);
}

static void check_provider_failed(struct fixture *fixture, const char *body,
                                  const char *words)
{
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "provider");
    char *csr = fixture_make_csr(IMPRINT_KEYS_P256);
    char target[PATH_LEN];
    struct reply reply;

    write_script(fixture, body, target);
    set(fixture, "provider", target);
    ask_csr(fixture, session, csr, &reply);
    fixture_check_rejected(&reply, JSON, 500, "InternalFailure");
    if (!fixture_is_logged(fixture, words))
        fail_msg("not logged: %s", words);
    imprint_keys_free_pem(csr);
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_provider_fails(void **state)
{
    struct fixture *fixture = *state;
    struct count before = fixture_count_certificates(fixture);

    check_provider_failed(fixture, "exit 1", "ended with status 1");
    check_provider_failed(fixture, "echo '{}'",
                          "answered without a \"certificatePem\"");
    check_provider_failed(fixture, "echo '{\"certificatePem\":\"none\"}'",
                          "CreateCertificateFromCsr by client \"provider\"");
    set(fixture, "hook_timeout_ms", "300");
    reopen(fixture);
    check_provider_failed(fixture, "exec sleep 600", "was killed after 300 ms");
    assert_int_equal(fixture_count_certificates(fixture).all, before.all);
}

/* A request that is no good does not reach the provider. */
static void test_provider_sees_no_garbage(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "garbage");
    char target[PATH_LEN];
    struct reply reply;

    write_script(fixture, "touch called", target);
    set(fixture, "provider", target);
    ask_csr(fixture, session, "hello", &reply);
    fixture_check_rejected(&reply, JSON, 400,
                           "InvalidCertificateSigningRequest");
    assert_false(is_file(fixture, "called"));
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* CreateKeysAndCertificate has none; nor has a setting that was taken back. */
static void test_provider_signs_csr_alone(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "keys");
    char target[PATH_LEN];
    char topic[128];
    struct reply reply;

    write_script(fixture, "touch called; exit 1", target);
    set(fixture, "provider", target);
    fixture_name_topic(topic, IMPRINT_OP_CREATE_KEYS, JSON);
    fixture_ask(fixture, session, topic, imprint_slice_text(""), &reply);
    assert_true(fixture_is_accepted(&reply));
    set(fixture, "provider", NULL);
    (void)fixture_create_csr(fixture, session, JSON, &reply);
    assert_false(is_file(fixture, "called"));
    imprint_endpoint_leave(fixture->endpoint, session);
}

int main(void)
{
#define WITH_ENDPOINT(test) \
    cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        WITH_ENDPOINT(test_allows),
        WITH_ENDPOINT(test_event),
        WITH_ENDPOINT(test_denies),
        WITH_ENDPOINT(test_arn),
        WITH_ENDPOINT(test_once),
        WITH_ENDPOINT(test_delays_nobody),
        WITH_ENDPOINT(test_leaves),
        WITH_ENDPOINT(test_close),
        WITH_ENDPOINT(test_provider_fails),
        WITH_ENDPOINT(test_provider_sees_no_garbage),
        WITH_ENDPOINT(test_provider_signs_csr_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
