/* What faults make of the worker's replies, and of nothing else. */
#include "endpoint_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint/admin.h"

#define JSON IMPRINT_ENC_JSON
#define CBOR IMPRINT_ENC_CBOR
#define WAIT_S 20
#define REPLY_MAX_LEN 131072

/* Faults, and an endpoint that has read them. */
static void set_faults(struct fixture *fixture, const char *faults)
{
    struct imprint_why why = {"", ""};

    imprint_endpoint_close(fixture->endpoint);
    fixture->endpoint = NULL;
    fixture_must(imprint_admin_set(fixture->dir, "faults", faults, &why), &why);
    fixture_open_endpoint(fixture);
}

static void ask_csr(struct fixture *fixture,
                    struct imprint_endpoint_session *session,
                    struct reply *reply)
{
    char *csr = fixture_make_csr(IMPRINT_KEYS_P256);
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    char topic[128];

    fixture_name_topic(topic, IMPRINT_OP_CREATE_CSR, JSON);
    imprint_codec_put_csr(&writer, &imprint_json_format,
                          imprint_slice_text(csr));
    fixture_ask(fixture, session, topic, imprint_slice_since(&writer, 0),
                reply);
    imprint_keys_free_pem(csr);
}

static void test_refuse(void **state)
{
    struct fixture *fixture = *state;
    struct count before = fixture_count_certificates(fixture);
    struct imprint_endpoint_session *session;
    struct reply reply;

    set_faults(fixture, "create-csr nth=1: refuse 503 Unwell\n"
                        "create-csr nth=2: refuse 429\n");
    session = fixture_connect_claim(fixture, "refuse");
    ask_csr(fixture, session, &reply);
    fixture_check_rejected(&reply, JSON, 503, "Unwell");
    ask_csr(fixture, session, &reply);
    assert_non_null(strstr(reply.topic, "/rejected"));
    assert_non_null(memmem(reply.payload, reply.len, "Throttled", 9));
    assert_int_equal(fixture_count_certificates(fixture).all, before.all);
    ask_csr(fixture, session, &reply);
    assert_true(fixture_is_accepted(&reply));
    assert_int_equal(fixture_count_certificates(fixture).all, before.all + 1);
    assert_true(fixture_is_logged(fixture, "a fault strikes it: refuse"));
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_long_token_is_good(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct registration what = {.encoding = JSON, .serial = "SN-long"};
    struct reply created;
    struct reply reply;

    set_faults(fixture, "create-csr: long-token\n");
    session = fixture_connect_claim(fixture, "long-token");
    what.token = fixture_create_csr(fixture, session, JSON, &created).token;
    assert_int_equal(what.token.len, IMPRINT_TOKEN_MAX_LEN);
    fixture_ask_register(fixture, session, &what, &reply);
    if (!fixture_is_accepted(&reply))
        fail_msg("%.*s", (int)reply.len, reply.payload);
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_cut(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct reply reply;

    set_faults(fixture, "create-csr nth=1: cut 10\n"
                        "create-csr nth=2: cut 0\n"
                        "create-csr nth=3: cut 100000\n");
    session = fixture_connect_claim(fixture, "cut");
    ask_csr(fixture, session, &reply);
    assert_true(fixture_is_accepted(&reply));
    assert_int_equal(reply.len, 10);
    ask_csr(fixture, session, &reply);
    assert_int_equal(reply.len, 0);
    ask_csr(fixture, session, &reply);
    assert_true(reply.len > 1000);
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* A reply that struct reply has no room for: its length, its first bytes. */
static size_t wait_long_reply(struct fixture *fixture, uint8_t *bytes)
{
    struct imprint_endpoint_reply reply;
    struct timespec then;

    (void)clock_gettime(CLOCK_REALTIME, &then);
    then.tv_sec += WAIT_S;
    while (!imprint_endpoint_collect(fixture->endpoint, &reply))
        assert_int_equal(sem_timedwait(&fixture->woken, &then), 0);
    assert_non_null(strstr(reply.topic, "/accepted"));
    assert_true(reply.payload.len <= REPLY_MAX_LEN);
    memcpy(bytes, reply.payload.bytes, reply.payload.len);
    return reply.payload.len;
}

/* As long as a payload can be, and still what a device can read. */
static void check_long_reply(struct fixture *fixture,
                             enum imprint_encoding encoding, const char *serial)
{
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, serial);
    const struct imprint_pair parameter = {imprint_slice_text("SerialNumber"),
                                           imprint_slice_text(serial)};
    uint8_t *bytes = malloc(REPLY_MAX_LEN);
    uint8_t *room = malloc(2 * REPLY_MAX_LEN);
    struct imprint_writer writer = imprint_slice_writer(room, REPLY_MAX_LEN);
    struct imprint_identity identity;
    struct imprint_slice token;
    struct reply created;
    char topic[128];
    size_t len;

    assert_true(bytes && room);
    token = fixture_create_csr(fixture, session, encoding, &created).token;
    fixture_name_topic(topic, IMPRINT_OP_REGISTER, encoding);
    imprint_codec_put_register(&writer, fixture_format_of(encoding), token,
                               &parameter, 1);
    assert_true(imprint_endpoint_submit(fixture->endpoint, session, topic,
                                        imprint_slice_since(&writer, 0)));
    len = wait_long_reply(fixture, bytes);
    assert_in_range(len, REPLY_MAX_LEN - 16, REPLY_MAX_LEN);
    writer = imprint_slice_writer(room, 2 * REPLY_MAX_LEN);
    assert_int_equal(imprint_codec_get_registered(fixture_format_of(encoding),
                                                  imprint_slice_of(bytes, len),
                                                  &writer, &identity),
                     IMPRINT_OK);
    assert_true(imprint_slice_is(identity.thing_name, serial));
    free(bytes);
    free(room);
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_long_reply(void **state)
{
    struct fixture *fixture = *state;

    set_faults(fixture, "register: long-reply\n");
    check_long_reply(fixture, JSON, "SN-json");
    check_long_reply(fixture, CBOR, "SN-cbor");
}

/* A refusal costs no key: what was made is there again. */
static void test_refused_key(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct reply reply;
    char line[256];
    size_t count = 0;
    size_t made_count = 1;

    set_faults(fixture, "create-keys: refuse 503\n");
    session = fixture_connect_claim(fixture, "refuse");
    for (int i = 0; i < 2; i++) {
        fixture_ask(fixture, session, "$aws/certificates/create/json",
                    imprint_slice_text("{}"), &reply);
        assert_non_null(strstr(reply.topic, "/rejected"));
        imprint_endpoint_figures(fixture->endpoint, line, sizeof(line));
        assert_int_equal(
            sscanf(line, "pool: %zu of 0 keys, %zu made", &count, &made_count),
            2);
        assert_true(count > 0);
        assert_int_equal(count, made_count);
    }
    imprint_endpoint_leave(fixture->endpoint, session);
}

int main(void)
{
#define WITH_ENDPOINT(test) \
    cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        WITH_ENDPOINT(test_refuse),
        WITH_ENDPOINT(test_refused_key),
        WITH_ENDPOINT(test_long_token_is_good),
        WITH_ENDPOINT(test_cut),
        WITH_ENDPOINT(test_long_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
