/*
 * The machine: whole runs, losses, time-outs, resumes, duplicates, every size
 * of work, jitter, wipe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine_rig.h"

static void test_csr_run(void **unused)
{
    static struct rig rig;

    (void)unused;
    rig_prepare(&rig);
    rig_begin(&rig);
    rig_due(&rig);
    rig_expect(&rig, JOIN, IMPRINT_DO_CONNECT);
    assert_int_equal(rig.action.as, IMPRINT_AS_CLAIM);
    rig_connected(&rig);
    rig_expect(&rig, SUBSCRIBE, IMPRINT_DO_SUBSCRIBE);
    assert_int_equal(rig.action.topic_count, 4);
    assert_true(rig_slice_is(rig.action.topics[0], CREATE "/accepted"));
    assert_true(rig_slice_is(rig.action.topics[1], CREATE "/rejected"));
    assert_true(rig_slice_is(rig.action.topics[2], REGISTER "/accepted"));
    assert_true(rig_slice_is(rig.action.topics[3], REGISTER "/rejected"));
    assert_int_equal(rig.action.deadline_ms, rig.now_ms);
    rig_due(&rig); /* the same flight: no SUBACK yet */
    rig_expect(&rig, CREATE_EARLY, IMPRINT_DO_PUBLISH);
    assert_true(rig_slice_is(rig.action.topics[0], CREATE));
    assert_true(rig_slice_is(rig.action.payload,
                             "{\"certificateSigningRequest\":\"CSR\\n\"}"));
    rig_message(&rig, CREATE "/accepted", CREATED);
    rig_expect(&rig, STAGE_CERT, IMPRINT_DO_STAGE);
    assert_true(rig_slice_is(rig.action.identity.certificate_pem, "PEM\n"));
    assert_true(rig_slice_is(rig.action.identity.token, "t/o+k="));
    assert_true(rig_slice_is(rig.action.identity.certificate_id, ID));
    rig_granted(&rig);
    rig_expect(&rig, STAGE_CERT, IMPRINT_DO_WAIT);
    rig.action.id = rig.machine.action_id;
    rig_saved(&rig);
    rig_expect(&rig, REGISTER_LAST, IMPRINT_DO_PUBLISH);
    assert_true(rig_slice_is(rig.action.payload,
                             "{\"certificateOwnershipToken\":\"t/o+k=\"}") ||
                rig_slice_is(rig.action.payload,
                             "{\"certificateOwnershipToken\":\"t/o+k=\","
                             "\"parameters\":{}}"));
    rig_message(&rig, REGISTER "/accepted", REGISTERED);
    rig_expect(&rig, STAGE_NAME, IMPRINT_DO_STAGE);
    assert_true(rig_slice_is(rig.action.identity.thing_name, "thing-1"));
    assert_true(rig_slice_is(rig.action.identity.device_configuration,
                             "{\"a\":\"b\"}"));
    assert_int_equal(rig.action.identity.certificate_pem.len, 0);
    rig_saved(&rig);
    rig_expect(&rig, PROVE, IMPRINT_DO_CONNECT);
    assert_int_equal(rig.action.as, IMPRINT_AS_IDENTITY);
    rig_connected(&rig);
    rig_expect(&rig, COMMIT, IMPRINT_DO_COMMIT);
    rig_saved(&rig);
    rig_expect(&rig, STOPPED, IMPRINT_DO_STOP);
    assert_int_equal(rig.action.status, IMPRINT_OK);
    assert_true(rig_slice_is(rig.action.identity.thing_name, "thing-1"));
    assert_true(rig_slice_is(rig.action.identity.certificate_id, ID));
}

static void test_service_run(void **unused)
{
    static struct rig rig;
    size_t i;

    (void)unused;
    rig_prepare(&rig);
    rig.config.flow = &imprint_flow_service;
    rig.config.csr_pem = imprint_slice_of(NULL, 0);
    rig_begin(&rig);
    rig_due(&rig);
    rig_connected(&rig);
    assert_true(rig_slice_is(rig.action.topics[0], CREATE_KEYS "/accepted"));
    rig_due(&rig);
    assert_int_equal(rig.action.payload.len, 0);
    rig_message(&rig, CREATE_KEYS "/accepted", CREATED_KEY);
    rig_expect(&rig, STAGE_CERT, IMPRINT_DO_STAGE);
    assert_true(rig_slice_is(rig.action.identity.private_key_pem, "SECRET\n"));
    rig_saved(&rig);
    rig_expect(&rig, REGISTER_EARLY, IMPRINT_DO_PUBLISH);
    for (i = 0; i + 6 < sizeof(rig.work); i++) /* staged: erased here */
        assert_memory_not_equal(rig.work + i, "SECRET", 6);
    rig_granted(&rig);
    rig_expect(&rig, REGISTER_ASKED, IMPRINT_DO_WAIT);
    rig_due(&rig);
    rig_expect(&rig, REGISTER_LAST, IMPRINT_DO_PUBLISH);
    rig_message(&rig, REGISTER "/accepted", "{}");
    rig_saved(&rig);
    rig_connected(&rig);
    rig_saved(&rig);
    assert_int_equal(rig.action.status, IMPRINT_OK);
    assert_int_equal(rig.action.identity.thing_name.len, 0);
}

static void test_service_key_missing(void **unused)
{
    static struct rig rig;

    (void)unused;
    rig_prepare(&rig);
    rig.config.flow = &imprint_flow_service;
    rig_begin(&rig);
    rig_due(&rig);
    rig_connected(&rig);
    rig_due(&rig);
    rig_message(&rig, CREATE_KEYS "/accepted", CREATED);
    rig_expect(&rig, STOPPED, IMPRINT_DO_STOP);
    assert_int_equal(rig.action.status, IMPRINT_ERR_FORMAT);
}

/* The connection is lost once after `step` actions: the run still ends well,
 * with one create request answered. */
static void test_lost_after_every_action(void **unused)
{
    static struct rig rig;
    int at;
    int step;

    (void)unused;
    for (at = 1; at < 12; at++) {
        rig_prepare(&rig);
        rig_begin(&rig);
        rig_due(&rig);
        for (step = 1; rig.action.kind != IMPRINT_DO_STOP; step++) {
            assert_in_range(step, 1, 60);
            if (step == at) {
                struct imprint_action before = rig.action;
                bool disk = before.kind == IMPRINT_DO_STAGE ||
                            before.kind == IMPRINT_DO_COMMIT;

                rig_disconnected(&rig, false);
                if (disk)
                    rig.action = before;
            }
            rig_answer(&rig);
        }
        assert_int_equal(rig.action.status, IMPRINT_OK);
    }
}

/* Nothing ever answers, from any state on: bounded, and named. */
static void test_time_out_everywhere(void **unused)
{
    static struct rig rig;
    int state;
    int ticks;

    (void)unused;
    for (state = 0; state < STATES; state++) {
        if (state == STAGE_CERT || state == STAGE_NAME || state == COMMIT ||
            state == STOPPED)
            continue;
        rig_reach(&rig, state);
        for (ticks = 0; rig.machine.state != STOPPED; ticks++) {
            assert_in_range(ticks, 0, 40);
            rig_due(&rig);
        }
        assert_int_equal(rig.action.status, IMPRINT_ERR_TIMEOUT);
    }
    for (state = 0; state < STATES; state++) { /* a slow disk is no fault */
        if (state != STAGE_CERT && state != STAGE_NAME && state != COMMIT)
            continue;
        rig_reach(&rig, state);
        rig.now_ms += 86400000;
        rig_due(&rig);
        rig_expect(&rig, state, IMPRINT_DO_WAIT);
    }
}

static void test_resume(void **unused)
{
    static struct rig rig;

    (void)unused;
    rig_reach(&rig, RESUME); /* it works already: no second registration */
    rig_connected(&rig);
    rig_expect(&rig, COMMIT, IMPRINT_DO_COMMIT);

    rig_prepare(&rig); /* refused: the same token again */
    rig_stage_earlier(&rig, 600000);
    rig.config.staged.certificate_pem = imprint_slice_text("PEM");
    rig_begin(&rig);
    rig_due(&rig);
    rig_disconnected(&rig, true);
    rig_expect(&rig, JOIN, IMPRINT_DO_CONNECT);
    rig_connected(&rig);
    rig_due(&rig);
    rig_expect(&rig, REGISTER_EARLY, IMPRINT_DO_PUBLISH);
    assert_true(rig_slice_is(rig.action.topics[0], REGISTER));
    rig_message(&rig, REGISTER "/accepted", REGISTERED);
    assert_int_equal(rig.action.identity.certificate_pem.len, 0);
    rig_saved(&rig);
    rig_connected(&rig);
    rig_saved(&rig);
    assert_int_equal(rig.action.status, IMPRINT_OK);

    rig_prepare(&rig); /* refused, and the hour is over: another certificate */
    rig_stage_earlier(&rig, 10);
    rig_begin(&rig);
    rig_due(&rig);
    rig_disconnected(&rig, true);
    rig.now_ms += 20;
    rig_connected(&rig);
    rig_due(&rig);
    assert_true(rig_slice_is(rig.action.topics[0], CREATE));

    rig_reach(&rig, RESUME); /* lost: the identity is tried again */
    rig_disconnected(&rig, false);
    rig_due(&rig);
    rig_expect(&rig, RESUME, IMPRINT_DO_CONNECT);
}

static void test_bad_token_starts_over_once(void **unused)
{
    static struct rig rig;

    (void)unused;
    rig_reach(&rig, REGISTER_LAST);
    rig_message(&rig, REGISTER "/rejected", BAD_TOKEN);
    rig_expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
    rig_due(&rig);
    rig_connected(&rig);
    rig_due(&rig);
    assert_true(rig_slice_is(rig.action.topics[0], CREATE));
    rig_message(&rig, CREATE "/accepted", CREATED);
    rig_saved(&rig);
    rig_message(&rig, REGISTER "/rejected", BAD_TOKEN);
    rig_expect(&rig, STOPPED, IMPRINT_DO_STOP);
    assert_int_equal(rig.action.status, IMPRINT_ERR_REFUSED);
    assert_int_equal(rig.action.rejection.status_code, 400);
    assert_true(rig_slice_is(rig.action.rejection.message, "why"));
    assert_int_equal(rig.action.step, IMPRINT_STEP_REGISTER);
}

/* Every reply twice, and each again in every later state. */
static void test_duplicates(void **unused)
{
    static const char *const replies[][2] = {
        {CREATE "/accepted", CREATED},
        {REGISTER "/accepted", REGISTERED},
        {CREATE "/rejected", REJECTED("400", "X")},
    };
    static struct rig rig;
    int state;
    size_t i;

    (void)unused;
    for (state = STAGE_CERT; state < STATES; state++) {
        for (i = 0; i < 3; i++) {
            struct imprint before;
            bool awaited =
                i == 1 && state >= REGISTER_EARLY && state <= REGISTER_LAST;

            rig_reach(&rig, state);
            if (awaited || rig.machine.session_id == 0)
                continue;
            before = rig.machine;
            rig_message(&rig, replies[i][0], replies[i][1]);
            assert_int_equal(rig.machine.state, before.state);
            assert_int_equal(rig.machine.action_id, before.action_id);
        }
    }
}

static void test_late_yes_counts(void **unused)
{
    static struct rig rig;

    (void)unused;
    rig_reach(&rig, CREATE_LAST);
    rig_due(&rig);
    rig_expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
    rig_message(&rig, CREATE "/accepted", CREATED);
    rig_expect(&rig, STAGE_CERT, IMPRINT_DO_STAGE);
    rig_saved(&rig);
    rig_due(&rig);
    rig_expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
    rig_message(&rig, REGISTER "/rejected", REJECTED("403", "X"));
    rig_expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
    rig_message(&rig, REGISTER "/accepted", REGISTERED);
    rig_expect(&rig, STAGE_NAME, IMPRINT_DO_STAGE);
}

/* Found by fuzzing: both asked twice on one connection. */
static void test_worthless_token_needs_a_new_connection(void **unused)
{
    static struct rig rig;

    (void)unused;
    rig_reach(&rig, STAGE_CERT); /* a disk that took longer than the hour */
    rig.now_ms += 3600000;
    rig_saved(&rig);
    rig_expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);

    rig_reach(&rig, REGISTER_LAST); /* a late duplicate has the same token */
    rig_message(&rig, REGISTER "/rejected", BAD_TOKEN);
    rig_message(&rig, CREATE "/accepted", CREATED);
    rig_expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
}

/* Runs with work_len; returns what STOP said. */
static enum imprint_status run_with(struct rig *rig, size_t work_len)
{
    int steps;

    rig_prepare(rig);
    rig->config.work_len = work_len;
    memset(rig->work, 0xa5, sizeof(rig->work));
    rig_begin(rig);
    rig_due(rig);
    for (steps = 0; rig->action.kind != IMPRINT_DO_STOP; steps++) {
        assert_in_range(steps, 0, 40);
        rig_answer(rig);
    }
    for (; work_len < sizeof(rig->work); work_len++)
        assert_int_equal(rig->work[work_len], 0xa5);
    return rig->action.status;
}

static void test_every_work_size(void **unused)
{
    static struct rig rig;
    size_t work_len;
    size_t enough = 0;
    size_t jumps = 0;

    (void)unused;
    for (work_len = 0; work_len < 700; work_len++) {
        enum imprint_status status = run_with(&rig, work_len);

        if (status == IMPRINT_OK) {
            if (!enough)
                enough = work_len;
            continue;
        }
        assert_int_equal(enough, 0);
        assert_int_equal(status, IMPRINT_ERR_SPACE);
        assert_true(rig.action.needed_len > work_len);
    }
    assert_in_range(enough, 1, 699);
    /* Following the advice gets there, and not beyond. */
    for (work_len = 0; run_with(&rig, work_len); jumps++) {
        work_len = rig.action.needed_len;
        assert_in_range(jumps, 0, 6);
    }
    assert_int_equal(work_len, enough);
}

static void test_backoff(void **unused)
{
    static struct rig rig;
    uint64_t longest[3] = {0, 0, 0};
    uint32_t seed;

    (void)unused;
    for (seed = 0; seed < 2000; seed++) {
        int i;

        rig_prepare(&rig);
        rig.config.seed = seed * 2654435761u;
        rig.config.timing.backoff_base_ms = 1000;
        rig.config.timing.backoff_max_ms = 3000;
        rig_begin(&rig);
        rig_due(&rig);
        for (i = 0; i < 3; i++) {
            uint64_t wait_ms;

            rig_disconnected(&rig, false);
            rig_expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
            wait_ms = rig.action.deadline_ms - rig.now_ms;
            assert_in_range(wait_ms, 0, i == 0 ? 1000 : i == 1 ? 2000 : 3000);
            if (wait_ms > longest[i])
                longest[i] = wait_ms;
            rig_due(&rig);
        }
    }
    assert_in_range(longest[0], 900, 1000);
    assert_in_range(longest[1], 1800, 2000);
    assert_in_range(longest[2], 2700, 3000);
}

static void test_backoff_of_hours(void **unused)
{
    static struct rig rig;
    uint64_t longest = 0;
    uint32_t seed;

    (void)unused;
    for (seed = 1; seed < 2000; seed++) {
        uint64_t wait_ms;

        rig_prepare(&rig);
        rig.config.seed = seed * 2654435761u;
        rig.config.timing.backoff_base_ms = 7200000;
        rig.config.timing.backoff_max_ms = UINT32_MAX;
        rig_begin(&rig);
        rig_due(&rig);
        rig_disconnected(&rig, false);
        wait_ms = rig.action.deadline_ms - rig.now_ms;
        assert_in_range(wait_ms, 0, 7200000);
        if (wait_ms > longest)
            longest = wait_ms;
    }
    assert_in_range(longest, 6500000, 7200000);
}

static void test_wipe(void **unused)
{
    static struct rig rig;
    size_t i;
    struct imprint_event tick = rig_make(IMPRINT_EV_TICK, 0);

    (void)unused;
    rig_reach(&rig, STAGE_NAME);
    imprint_wipe(&rig.machine);
    for (i = 0; i < sizeof(rig.work); i++)
        assert_int_equal(rig.work[i], 0);
    imprint_step(&rig.machine, &tick, 0, &rig.action);
    assert_int_equal(rig.action.kind, IMPRINT_DO_STOP);
    assert_int_equal(rig.action.status, IMPRINT_ERR_STOPPED);
    imprint_wipe(&rig.machine); /* twice does no harm */
}

static void test_init_checks(void **unused)
{
    static struct rig rig;
    static struct imprint_pair pair;
    static char long_text[5000];

    (void)unused;
    memset(long_text, 'x', sizeof(long_text) - 1);
#define REFUSES(change)                                           \
    do {                                                          \
        rig_prepare(&rig);                                        \
        change;                                                   \
        assert_int_equal(imprint_init(&rig.machine, &rig.config), \
                         IMPRINT_ERR_ARGUMENT);                   \
    } while (0)
    REFUSES(rig.config.format = NULL);
    REFUSES(rig.config.flow = NULL);
    REFUSES(rig.config.work = NULL);
    REFUSES(rig.config.template_name = imprint_slice_text(""));
    REFUSES(rig.config.template_name = imprint_slice_text("a/b"));
    REFUSES(rig.config.csr_pem = imprint_slice_text(""));
    REFUSES(rig.config.csr_pem = imprint_slice_text(long_text));
    REFUSES(rig.config.parameter_count = 1);
    REFUSES(rig.config.staged.token = imprint_slice_text(long_text));
#undef REFUSES
    rig_prepare(&rig);
    rig.config.parameters = &pair;
    rig.config.parameter_count = 1;
    assert_int_equal(imprint_init(&rig.machine, &rig.config), IMPRINT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csr_run),
        cmocka_unit_test(test_service_run),
        cmocka_unit_test(test_service_key_missing),
        cmocka_unit_test(test_lost_after_every_action),
        cmocka_unit_test(test_time_out_everywhere),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_bad_token_starts_over_once),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_late_yes_counts),
        cmocka_unit_test(test_worthless_token_needs_a_new_connection),
        cmocka_unit_test(test_every_work_size),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_backoff_of_hours),
        cmocka_unit_test(test_wipe),
        cmocka_unit_test(test_init_checks),
    };

    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
