/* Faults of connections and replies, limits, rates, and a clock that moves. */
#include "endpoint_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint/admin.h"
#include "posix/clock.h"

#define JSON IMPRINT_ENC_JSON
#define CBOR IMPRINT_ENC_CBOR
#define WAIT_MS 30000
#define TICK_NS 5000000

static void put(struct fixture *fixture, const char *name, const char *value)
{
    struct imprint_why why = {"", ""};

    fixture_must(imprint_admin_set(fixture->dir, name, value, &why), &why);
}

/* An endpoint that has read it. */
static void reopen_with(struct fixture *fixture, const char *name,
                        const char *value)
{
    imprint_endpoint_close(fixture->endpoint);
    fixture->endpoint = NULL;
    put(fixture, name, value);
    fixture_open_endpoint(fixture);
}

static void submit(struct fixture *fixture,
                   struct imprint_endpoint_session *session,
                   enum imprint_encoding encoding)
{
    char *csr = fixture_make_csr(IMPRINT_KEYS_P256);
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    char topic[128];

    fixture_name_topic(topic, IMPRINT_OP_CREATE_CSR, encoding);
    imprint_codec_put_csr(&writer, fixture_format_of(encoding),
                          imprint_slice_text(csr));
    assert_true(imprint_endpoint_submit(fixture->endpoint, session, topic,
                                        imprint_slice_since(&writer, 0)));
    imprint_keys_free_pem(csr);
}

/* As a broker does that looks every now and then. */
static bool wait_for(bool (*is_there)(struct fixture *, void *),
                     struct fixture *fixture, void *out)
{
    const struct timespec tick = {0, TICK_NS};
    int64_t end_ms = (int64_t)imprint_clock_now_ms() + WAIT_MS;

    while (!is_there(fixture, out)) {
        if ((int64_t)imprint_clock_now_ms() > end_ms)
            return false;
        (void)nanosleep(&tick, NULL);
    }
    return true;
}

static bool has_reply(struct fixture *fixture, void *out)
{
    return imprint_endpoint_collect(fixture->endpoint, out);
}

static bool has_eviction(struct fixture *fixture, void *out)
{
    struct imprint_endpoint_reply reply;

    assert_false(imprint_endpoint_collect(fixture->endpoint, &reply));
    return imprint_endpoint_evicted(fixture->endpoint, out);
}

/* The next reply is the session's, accepted, in this encoding. */
static void expect_reply(struct fixture *fixture,
                         const struct imprint_endpoint_session *session,
                         enum imprint_encoding encoding)
{
    struct imprint_endpoint_reply reply;

    assert_true(wait_for(has_reply, fixture, &reply));
    assert_ptr_equal(reply.session, session);
    assert_non_null(strstr(reply.topic, encoding == JSON ? "/json/accepted"
                                                         : "/cbor/accepted"));
}

static void expect_nothing(struct fixture *fixture)
{
    struct imprint_endpoint_reply reply;
    struct imprint_endpoint_eviction eviction;

    assert_false(imprint_endpoint_collect(fixture->endpoint, &reply));
    assert_false(imprint_endpoint_evicted(fixture->endpoint, &eviction));
}

static void leave(struct fixture *fixture,
                  struct imprint_endpoint_session *session)
{
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* ---- faults of a reply ---- */

static void a_lost_reply_does_not_come(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;

    reopen_with(fixture, "faults", "create nth=1: lose");
    session = fixture_connect_claim(fixture, "a");
    submit(fixture, session, JSON);
    submit(fixture, session, CBOR);
    expect_reply(fixture, session, CBOR);
    expect_nothing(fixture);
    leave(fixture, session);
}

static void a_delayed_reply_comes_late(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    int64_t start_ms;

    reopen_with(fixture, "faults", "create nth=1: delay 700");
    session = fixture_connect_claim(fixture, "a");
    start_ms = (int64_t)imprint_clock_now_ms();
    submit(fixture, session, JSON);
    expect_reply(fixture, session, JSON);
    assert_true((int64_t)imprint_clock_now_ms() - start_ms >= 700);
    expect_nothing(fixture);
    leave(fixture, session);
}

static void a_doubled_reply_comes_twice(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;

    reopen_with(fixture, "faults", "create nth=1: double");
    session = fixture_connect_claim(fixture, "a");
    submit(fixture, session, JSON);
    submit(fixture, session, CBOR);
    expect_reply(fixture, session, JSON);
    expect_reply(fixture, session, JSON);
    expect_reply(fixture, session, CBOR);
    expect_nothing(fixture);
    leave(fixture, session);
}

static void a_swapped_reply_comes_behind_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct imprint_endpoint_session *other;

    reopen_with(fixture, "faults", "create nth=1: swap");
    session = fixture_connect_claim(fixture, "a");
    other = fixture_connect_claim(fixture, "b");
    submit(fixture, session, JSON);
    submit(fixture, other, JSON);
    expect_reply(fixture, other, JSON);
    expect_nothing(fixture);
    submit(fixture, session, CBOR);
    expect_reply(fixture, session, CBOR);
    expect_reply(fixture, session, JSON);
    expect_nothing(fixture);
    leave(fixture, session);
    leave(fixture, other);
}

static void a_close_ends_one_connection(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct imprint_endpoint_session *other;
    struct imprint_endpoint_eviction eviction;

    reopen_with(fixture, "faults", "create nth=1: close");
    session = fixture_connect_claim(fixture, "a");
    other = fixture_connect_claim(fixture, "b");
    submit(fixture, session, JSON);
    assert_true(wait_for(has_eviction, fixture, &eviction));
    assert_ptr_equal(eviction.session, session);
    assert_false(eviction.has_lost);
    leave(fixture, session);
    expect_nothing(fixture);
    submit(fixture, other, JSON);
    expect_reply(fixture, other, JSON);
    leave(fixture, other);
}

/* b's reply comes when a's is held. */
static void hold_one(struct fixture *fixture, const char *fault,
                     struct imprint_endpoint_session **session)
{
    struct imprint_endpoint_session *other;

    reopen_with(fixture, "faults", fault);
    *session = fixture_connect_claim(fixture, "a");
    other = fixture_connect_claim(fixture, "b");
    submit(fixture, *session, JSON);
    submit(fixture, other, JSON);
    expect_reply(fixture, other, JSON);
    leave(fixture, other);
}

static void who_leaves_does_not_get_what_is_held(void **state)
{
    static const char *const faults[] = {"client=a: delay 600000",
                                         "client=a: swap"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < 2; i++) {
        struct imprint_endpoint_session *session;

        hold_one(fixture, faults[i], &session);
        leave(fixture, session);
        expect_nothing(fixture);
        hold_one(fixture, faults[i], &session);
        leave(fixture, session); /* and the endpoint is closed at once */
    }
}

static void who_leaves_gets_no_second_one(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;

    reopen_with(fixture, "faults", "client=a: double");
    session = fixture_connect_claim(fixture, "a");
    submit(fixture, session, JSON);
    expect_reply(fixture, session, JSON);
    leave(fixture, session);
    expect_nothing(fixture);
}

/* ---- faults of a connection ---- */

static void a_fault_keeps_a_client_out(void **state)
{
    struct fixture *fixture = *state;
    const char *claim = fixture->paths.claim_certificate_pem;
    struct imprint_endpoint_session *session = NULL;

    reopen_with(fixture, "faults",
                "connect client=a nth=1: close\nconnect client=a nth=2: "
                "refuse\n");
    assert_int_equal(fixture_try_claim(fixture, claim, "a", &session),
                     IMPRINT_ERR_LOST);
    assert_int_equal(fixture_try_claim(fixture, claim, "a", &session),
                     IMPRINT_ERR_REFUSED);
    assert_null(session);
    assert_true(fixture_is_logged(fixture, "a fault strikes it"));
    leave(fixture, fixture_connect_claim(fixture, "b"));
    leave(fixture, fixture_connect_claim(fixture, "a"));
}

static enum imprint_endpoint_verdict ask(
    struct fixture *fixture, struct imprint_endpoint_session *session,
    const struct imprint_endpoint_act *act)
{
    return imprint_endpoint_allows(fixture->endpoint, session, act);
}

#define ACCEPTED "$aws/certificates/create-from-csr/json/accepted"
#define REQUEST "$aws/certificates/create-from-csr/json"

static void a_fault_keeps_a_filter_out(void **state)
{
    const struct imprint_endpoint_act act = {IMPRINT_ENDPOINT_SUBSCRIBE,
                                             ACCEPTED, 0, 0};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;

    reopen_with(fixture, "faults",
                "subscribe nth=1: close\nsubscribe nth=2: refuse\n");
    session = fixture_connect_claim(fixture, "a");
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_CLOSE);
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_REJECTED);
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_ALLOWED);
    leave(fixture, session);
}

/* ---- rates ---- */

static struct imprint_endpoint_session *be_throttled(struct fixture *fixture,
                                                     const char *answer)
{
    struct imprint_endpoint_session *session;

    put(fixture, "throttle_answer", answer);
    reopen_with(fixture, "create_csr_rate", "1");
    session = fixture_connect_claim(fixture, "a");
    submit(fixture, session, JSON);
    submit(fixture, session, CBOR);
    assert_true(fixture_is_logged(fixture, "create_csr_rate is used up"));
    return session;
}

static void what_is_too_fast_gets_429(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session = be_throttled(fixture, "0");
    size_t count = 0;

    for (size_t i = 0; i < 2; i++) {
        struct reply reply;

        assert_ptr_equal(fixture_wait_reply(fixture, &reply), session);
        if (fixture_is_accepted(&reply)) {
            assert_non_null(strstr(reply.topic, "/json/"));
            continue;
        }
        assert_non_null(strstr(reply.topic, "/cbor/rejected"));
        fixture_check_rejected(&reply, CBOR, 429, "Throttled");
        count++;
    }
    assert_int_equal(count, 1);
    expect_nothing(fixture);
    leave(fixture, session);
}

static void what_is_too_fast_gets_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session = be_throttled(fixture, "1");

    expect_reply(fixture, session, JSON);
    expect_nothing(fixture);
    leave(fixture, session);
}

static void who_is_too_fast_is_closed(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session = be_throttled(fixture, "2");
    struct imprint_endpoint_eviction eviction;

    assert_true(imprint_endpoint_evicted(fixture->endpoint, &eviction));
    assert_ptr_equal(eviction.session, session);
    assert_false(eviction.has_lost);
    leave(fixture, session);
}

static void a_message_too_many_is_rejected(void **state)
{
    const struct imprint_endpoint_act act = {IMPRINT_ENDPOINT_PUBLISH, REQUEST,
                                             10, 0};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct imprint_endpoint_session *other;

    reopen_with(fixture, "publish_rate", "1");
    session = fixture_connect_claim(fixture, "a");
    other = fixture_connect_claim(fixture, "b");
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_ALLOWED);
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_REJECTED);
    assert_int_equal(ask(fixture, other, &act), IMPRINT_ENDPOINT_ALLOWED);
    assert_true(fixture_is_logged(fixture, "publish_rate is used up"));
    leave(fixture, session);
    leave(fixture, other);
}

static void bytes_too_many_are_rejected(void **state)
{
    const struct imprint_endpoint_act act = {IMPRINT_ENDPOINT_PUBLISH, REQUEST,
                                             100, 0};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;

    reopen_with(fixture, "byte_rate", "150");
    session = fixture_connect_claim(fixture, "a");
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_ALLOWED);
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_REJECTED);
    leave(fixture, session);
}

/* From now on the claim's policy says no. */
static void deny_all(struct fixture *fixture)
{
    struct imprint_why why = {"", ""};

    fixture_must(
        imprint_admin_put_policy(
            fixture->dir, "fleet-claim",
            imprint_slice_text("{\"Version\":\"2012-10-17\",\"Statement\":[{"
                               "\"Effect\":\"Deny\",\"Action\":\"iot:*\","
                               "\"Resource\":\"*\"}]}"),
            &why),
        &why);
}

static void mqtt_311_hears_no_reason_unless_told_to(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session = NULL;
    static const struct {
        const char *explain;
        bool is_v311;
        enum imprint_status status;
    } rows[] = {
        {"0", true, IMPRINT_ERR_LOST},
        {"0", false, IMPRINT_ERR_REFUSED},
        {"1", true, IMPRINT_ERR_REFUSED},
        {"1", false, IMPRINT_ERR_REFUSED},
    };

    char too_long[130];

    (void)memset(too_long, 'a', sizeof(too_long));
    too_long[129] = '\0';
    deny_all(fixture);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reopen_with(fixture, "explain", rows[i].explain);
        fixture->is_v311 = rows[i].is_v311;
        assert_int_equal(fixture_try_claim(fixture,
                                           fixture->paths.claim_certificate_pem,
                                           too_long, &session),
                         rows[i].status);
        assert_int_equal(fixture_try_claim(fixture,
                                           fixture->paths.claim_certificate_pem,
                                           "a", &session),
                         rows[i].status);
    }
}

static void a_client_too_fast_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session = NULL;

    reopen_with(fixture, "client_rate", "1");
    leave(fixture, fixture_connect_claim(fixture, "a"));
    assert_int_equal(fixture_try_claim(fixture,
                                       fixture->paths.claim_certificate_pem,
                                       "a", &session),
                     IMPRINT_ERR_REFUSED);
    leave(fixture, fixture_connect_claim(fixture, "b"));
    assert_true(fixture_is_logged(fixture, "client_rate of this client id"));
}

/* ---- sizes and counts ---- */

static void what_is_too_long_ends_the_connection(void **state)
{
    char topic[258];
    struct imprint_endpoint_act act = {IMPRINT_ENDPOINT_PUBLISH, topic, 0, 0};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "a");

    memset(topic, 'x', sizeof(topic));
    topic[257] = '\0';
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_CLOSE);
    topic[256] = '\0'; /* no more than its policy is against it */
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_DENIED);
    act.topic = "1/2/3/4/5/6/7/8/9";
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_CLOSE);
    act.topic = "1/2/3/4/5/6/7/8";
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_DENIED);
    act.topic = REQUEST;
    act.payload_len = 131073;
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_CLOSE);
    act.payload_len = 131072;
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_ALLOWED);
    leave(fixture, session);
}

static void a_filter_too_many_is_rejected(void **state)
{
    struct imprint_endpoint_act act = {IMPRINT_ENDPOINT_SUBSCRIBE, ACCEPTED, 0,
                                       49};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "a");

    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_ALLOWED);
    act.subscription_count = 50;
    assert_int_equal(ask(fixture, session, &act), IMPRINT_ENDPOINT_REJECTED);
    leave(fixture, session);
}

/* ---- the clock ---- */

static bool has_lost_one(struct fixture *fixture, void *out)
{
    return imprint_endpoint_evicted(fixture->endpoint, out);
}

static void a_moved_clock_ends_what_expires(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *sessions[2] = {
        fixture_connect_claim(fixture, "a"),
        fixture_connect_claim(fixture, "b")};
    struct imprint_endpoint_eviction first;
    struct imprint_endpoint_eviction second;
    struct imprint_endpoint_session *late = NULL;

    put(fixture, "clock_offset_s", "946080000"); /* 30 years */
    assert_true(wait_for(has_lost_one, fixture, &first));
    assert_true(imprint_endpoint_evicted(fixture->endpoint, &second));
    assert_true(first.has_lost && second.has_lost);
    assert_ptr_not_equal(first.session, second.session);
    assert_true(fixture_is_logged(fixture, "its certificate expired"));
    assert_int_equal(fixture_try_claim(fixture,
                                       fixture->paths.claim_certificate_pem,
                                       "c", &late),
                     IMPRINT_ERR_REFUSED);
    leave(fixture, sessions[0]);
    leave(fixture, sessions[1]);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lost_reply_does_not_come),
        TEST(a_delayed_reply_comes_late),
        TEST(a_doubled_reply_comes_twice),
        TEST(a_swapped_reply_comes_behind_the_next),
        TEST(a_close_ends_one_connection),
        TEST(who_leaves_does_not_get_what_is_held),
        TEST(who_leaves_gets_no_second_one),
        TEST(a_fault_keeps_a_client_out),
        TEST(a_fault_keeps_a_filter_out),
        TEST(what_is_too_fast_gets_429),
        TEST(what_is_too_fast_gets_nothing),
        TEST(who_is_too_fast_is_closed),
        TEST(a_message_too_many_is_rejected),
        TEST(bytes_too_many_are_rejected),
        TEST(mqtt_311_hears_no_reason_unless_told_to),
        TEST(a_client_too_fast_is_refused),
        TEST(what_is_too_long_ends_the_connection),
        TEST(a_filter_too_many_is_rejected),
        TEST(a_moved_clock_ends_what_expires),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
