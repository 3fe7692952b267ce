/*
 * The machine: golden matrix, whole runs, losses, time-outs, resumes,
 * duplicates, every size of work, jitter, wipe. IMPRINT_UPDATE_GOLDEN=1
 * rewrites tests/vectors/machine.golden.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/machine_rules.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CREATED                                                    \
    "{\"certificateId\":\"" ID "\",\"certificatePem\":\"PEM\\n\"," \
    "\"certificateOwnershipToken\":\"t/o+k=\"}"
#define CREATED_KEY                                                \
    "{\"certificateId\":\"" ID "\",\"certificatePem\":\"PEM\\n\"," \
    "\"privateKey\":\"SECRET\\n\",\"certificateOwnershipToken\":\"t/o+k=\"}"
#define REGISTERED \
    "{\"deviceConfiguration\":{\"a\":\"b\"},\"thingName\":\"thing-1\"}"
#define REJECTED(status, code)                         \
    "{\"statusCode\":" status ",\"errorCode\":\"" code \
    "\",\"errorMessage\":\"why\"}"
#define BAD_TOKEN REJECTED("400", "InvalidCertificateOwnershipToken")
#define CREATE "$aws/certificates/create-from-csr/json"
#define CREATE_KEYS "$aws/certificates/create/json"
#define REGISTER "$aws/provisioning-templates/fleet/provision/json"
#define START_MS 5000u

struct rig {
    struct imprint_config config;
    struct imprint machine;
    struct imprint_action action;
    struct rules rules;
    uint64_t now_ms;
    uint8_t work[IMPRINT_WORK_LEN];
};

static const char *const state_names[] = {
    "NEW",           "JOIN",           "SUBSCRIBE",
    "CREATE_EARLY",  "CREATE_ASKED",   "CREATE_LAST",
    "STAGE_CERT",    "REGISTER_EARLY", "REGISTER_ASKED",
    "REGISTER_LAST", "STAGE_NAME",     "PROVE",
    "RESUME",        "COMMIT",         "REST_JOIN",
    "REST_PROVE",    "REST_RESUME",    "STOPPED"};

enum {
    NEW,
    JOIN,
    SUBSCRIBE,
    CREATE_EARLY,
    CREATE_ASKED,
    CREATE_LAST,
    STAGE_CERT,
    REGISTER_EARLY,
    REGISTER_ASKED,
    REGISTER_LAST,
    STAGE_NAME,
    PROVE,
    RESUME,
    COMMIT,
    REST_JOIN,
    REST_PROVE,
    REST_RESUME,
    STOPPED,
    STATES
};

static const char *const action_names[] = {
    "WAIT", "CONNECT", "SUBSCRIBE", "PUBLISH", "STAGE", "COMMIT", "STOP"};

static void prepare(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    rig->config.format = &imprint_json_format;
    rig->config.flow = &imprint_flow_csr;
    rig->config.template_name = imprint_slice_text("fleet");
    rig->config.csr_pem = imprint_slice_text("CSR\n");
    rig->config.work = rig->work;
    rig->config.work_len = sizeof(rig->work);
    rig->config.seed = 7;
    rig->now_ms = START_MS;
}

static void stage_earlier(struct rig *rig, uint32_t token_left_ms)
{
    rig->config.staged.certificate_id = imprint_slice_text(ID);
    rig->config.staged.token = imprint_slice_text("t/o+k=");
    rig->config.staged_token_left_ms = token_left_ms;
}

static void begin(struct rig *rig)
{
    assert_int_equal(imprint_init(&rig->machine, &rig->config), IMPRINT_OK);
    rules_start(&rig->rules, &rig->config);
}

static void feed(struct rig *rig, const struct imprint_event *event)
{
    rules_step(&rig->rules, &rig->machine, event, rig->now_ms, &rig->action);
}

static struct imprint_event make(enum imprint_event_kind kind, uint32_t id)
{
    struct imprint_event event;

    memset(&event, 0, sizeof(event));
    event.kind = kind;
    event.id = id;
    event.ungranted = IMPRINT_ALL_GRANTED;
    return event;
}

/* A tick at the deadline. */
static void due(struct rig *rig)
{
    struct imprint_event event = make(IMPRINT_EV_TICK, 0);

    if (rig->machine.deadline_ms != IMPRINT_NEVER &&
        rig->now_ms < rig->machine.deadline_ms)
        rig->now_ms = rig->machine.deadline_ms;
    feed(rig, &event);
}

static void connected(struct rig *rig)
{
    struct imprint_event event =
        make(IMPRINT_EV_CONNECTED, rig->rules.connect_id);

    feed(rig, &event);
}

static void disconnected(struct rig *rig, bool refused)
{
    struct imprint_event event =
        make(IMPRINT_EV_DISCONNECTED, rig->rules.connect_id);

    event.refused = refused;
    feed(rig, &event);
}

static void granted(struct rig *rig)
{
    struct imprint_event event =
        make(IMPRINT_EV_SUBSCRIBED, rig->rules.connect_id + 1);

    feed(rig, &event);
}

static void message(struct rig *rig, const char *topic, const char *payload)
{
    struct imprint_event event =
        make(IMPRINT_EV_MESSAGE, rig->rules.connect_id);

    event.topic = imprint_slice_text(topic);
    event.payload = imprint_slice_text(payload);
    feed(rig, &event);
}

static void saved(struct rig *rig)
{
    struct imprint_event event = make(IMPRINT_EV_SAVED, rig->action.id);

    feed(rig, &event);
}

static void expect(struct rig *rig, int state, enum imprint_action_kind kind)
{
    assert_string_equal(state_names[rig->machine.state], state_names[state]);
    assert_string_equal(action_names[rig->action.kind], action_names[kind]);
}

/* The shortest way into a state. */
static void reach(struct rig *rig, int state)
{
    prepare(rig);
    if (state == RESUME || state == REST_RESUME || state == REGISTER_EARLY ||
        state == REGISTER_ASKED)
        stage_earlier(rig, 600000);
    begin(rig);
    if (state == NEW)
        return;
    due(rig);
    if (state == JOIN || state == RESUME)
        return;
    if (rig->machine.state == RESUME)
        disconnected(rig, state != REST_RESUME);
    if (state == REST_RESUME)
        return;
    if (state == STOPPED || state == REST_JOIN) {
        disconnected(rig, state == STOPPED);
        return;
    }
    connected(rig);
    if (state == SUBSCRIBE)
        return;
    due(rig);
    if (state == CREATE_EARLY || state == REGISTER_EARLY)
        return;
    granted(rig);
    if (state == CREATE_ASKED || state == REGISTER_ASKED)
        return;
    if (state == CREATE_LAST) {
        due(rig);
        return;
    }
    message(rig, CREATE "/accepted", CREATED);
    if (state == STAGE_CERT)
        return;
    saved(rig);
    if (state == REGISTER_LAST)
        return;
    message(rig, REGISTER "/accepted", REGISTERED);
    if (state == STAGE_NAME)
        return;
    saved(rig);
    if (state == PROVE)
        return;
    if (state == REST_PROVE)
        disconnected(rig, true);
    else
        connected(rig);
}

static void test_reach(void **unused)
{
    static struct rig rig;
    int state;

    (void)unused;
    assert_int_equal(sizeof(state_names) / sizeof(*state_names), STATES);
    for (state = 0; state < STATES; state++) {
        reach(&rig, state);
        assert_string_equal(state_names[rig.machine.state], state_names[state]);
    }
}

/* ---- the golden matrix ---- */

struct column {
    const char *name;
    enum imprint_event_kind kind;
    bool flag; /* due, refused, ungranted */
    const char *topic;
    const char *payload;
};

static const struct column columns[] = {
    {"tick-early", IMPRINT_EV_TICK, false, NULL, NULL},
    {"tick-due", IMPRINT_EV_TICK, true, NULL, NULL},
    {"connected", IMPRINT_EV_CONNECTED, false, NULL, NULL},
    {"lost", IMPRINT_EV_DISCONNECTED, false, NULL, NULL},
    {"refused", IMPRINT_EV_DISCONNECTED, true, NULL, NULL},
    {"subscribed", IMPRINT_EV_SUBSCRIBED, false, NULL, NULL},
    {"ungranted", IMPRINT_EV_SUBSCRIBED, true, NULL, NULL},
    {"created", IMPRINT_EV_MESSAGE, false, CREATE "/accepted", CREATED},
    {"registered", IMPRINT_EV_MESSAGE, false, REGISTER "/accepted", REGISTERED},
    {"create-rejected", IMPRINT_EV_MESSAGE, false, CREATE "/rejected",
     REJECTED("400", "InvalidCertificateSigningRequest")},
    {"create-throttled", IMPRINT_EV_MESSAGE, false, CREATE "/rejected",
     REJECTED("429", "Throttled")},
    {"register-rejected", IMPRINT_EV_MESSAGE, false, REGISTER "/rejected",
     REJECTED("403", "AccessDenied")},
    {"register-throttled", IMPRINT_EV_MESSAGE, false, REGISTER "/rejected",
     REJECTED("500", "InternalFailure")},
    {"token-rejected", IMPRINT_EV_MESSAGE, false, REGISTER "/rejected",
     BAD_TOKEN},
    {"create-garbage", IMPRINT_EV_MESSAGE, false, CREATE "/accepted", "{"},
    {"register-garbage", IMPRINT_EV_MESSAGE, false, REGISTER "/accepted", "{"},
    {"other-topic", IMPRINT_EV_MESSAGE, false,
     "$aws/provisioning-templates/other/provision/json/accepted", REGISTERED},
    {"saved", IMPRINT_EV_SAVED, false, NULL, NULL},
    {"cannot", IMPRINT_EV_CANNOT, false, NULL, NULL},
};

static uint32_t right_id(const struct rig *rig, enum imprint_event_kind kind)
{
    switch (kind) {
    case IMPRINT_EV_CONNECTED:
    case IMPRINT_EV_DISCONNECTED:
    case IMPRINT_EV_MESSAGE:
        return rig->rules.connect_id;
    case IMPRINT_EV_SUBSCRIBED:
        return rig->rules.connect_id + 1;
    default:
        return rig->machine.action_id;
    }
}

static void drive(struct rig *rig, const struct column *column, bool right)
{
    struct imprint_event event =
        make(column->kind, right_id(rig, column->kind) + (right ? 0 : 100));

    event.refused = column->flag;
    event.status = IMPRINT_ERR_STORAGE;
    if (column->flag && column->kind == IMPRINT_EV_SUBSCRIBED)
        event.ungranted = 2;
    event.topic = imprint_slice_text(column->topic);
    event.payload = imprint_slice_text(column->payload);
    if (column->kind == IMPRINT_EV_TICK && column->flag) {
        due(rig);
        return;
    }
    /* Before the deadline wherever there is a before. */
    if (column->kind == IMPRINT_EV_TICK &&
        rig->machine.deadline_ms <= rig->now_ms)
        rig->now_ms =
            rig->machine.deadline_ms ? rig->machine.deadline_ms - 1 : 0;
    feed(rig, &event);
}

static void print_row(FILE *out, struct rig *rig, int from,
                      const struct column *column, bool right)
{
    uint64_t deadline_ms = rig->action.deadline_ms;

    fprintf(out, "%-14s %-18s %-5s -> %-14s %-9s", state_names[from],
            column->name, right ? "right" : "wrong",
            state_names[rig->machine.state], action_names[rig->action.kind]);
    if (deadline_ms == IMPRINT_NEVER)
        fprintf(out, " never");
    else
        fprintf(out, " %+lld", (long long)deadline_ms - (long long)rig->now_ms);
    if (rig->action.kind == IMPRINT_DO_CONNECT)
        fprintf(out, " as-%s",
                rig->action.as == IMPRINT_AS_CLAIM ? "claim" : "identity");
    if (rig->action.kind == IMPRINT_DO_PUBLISH)
        fprintf(out, " %s",
                rig->action.topics[0].len == sizeof(REGISTER) - 1 ? "register"
                                                                  : "create");
    if (rig->action.kind == IMPRINT_DO_STOP)
        fprintf(out, " %s", imprint_status_name(rig->action.status));
    fprintf(out, "\n");
}

static char *matrix(void)
{
    static struct rig rig;
    char *text = NULL;
    size_t text_len = 0;
    FILE *out = open_memstream(&text, &text_len);
    size_t column;
    int state;
    int wrong;

    fprintf(out, "# state, event, id -> state, action, deadline from now in "
                 "ms, detail\n");
    for (state = 0; state < STATES; state++) {
        for (column = 0; column < sizeof(columns) / sizeof(*columns);
             column++) {
            for (wrong = 0; wrong < 2; wrong++) {
                if (wrong && columns[column].kind == IMPRINT_EV_TICK)
                    continue;
                reach(&rig, state);
                drive(&rig, &columns[column], !wrong);
                print_row(out, &rig, state, &columns[column], !wrong);
            }
        }
    }
    fclose(out);
    return text;
}

static void test_golden(void **unused)
{
    char *text = matrix();
    char *golden = calloc(1, strlen(text) + 2);
    FILE *file;

    (void)unused;
    if (getenv("IMPRINT_UPDATE_GOLDEN")) {
        file = fopen(TEST_VECTORS "/machine.golden", "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
    }
    file = fopen(TEST_VECTORS "/machine.golden", "r");
    assert_non_null(file);
    assert_int_equal(fread(golden, 1, strlen(text) + 1, file), strlen(text));
    fclose(file);
    assert_string_equal(text, golden);
    free(golden);
    free(text);
}

/* ---- whole runs ---- */

static bool slice_is(struct imprint_slice slice, const char *text)
{
    return imprint_slice_is(slice, text);
}

static void test_csr_run(void **unused)
{
    static struct rig rig;

    (void)unused;
    prepare(&rig);
    begin(&rig);
    due(&rig);
    expect(&rig, JOIN, IMPRINT_DO_CONNECT);
    assert_int_equal(rig.action.as, IMPRINT_AS_CLAIM);
    connected(&rig);
    expect(&rig, SUBSCRIBE, IMPRINT_DO_SUBSCRIBE);
    assert_int_equal(rig.action.topic_count, 4);
    assert_true(slice_is(rig.action.topics[0], CREATE "/accepted"));
    assert_true(slice_is(rig.action.topics[1], CREATE "/rejected"));
    assert_true(slice_is(rig.action.topics[2], REGISTER "/accepted"));
    assert_true(slice_is(rig.action.topics[3], REGISTER "/rejected"));
    assert_int_equal(rig.action.deadline_ms, rig.now_ms);
    due(&rig); /* the same flight: no SUBACK yet */
    expect(&rig, CREATE_EARLY, IMPRINT_DO_PUBLISH);
    assert_true(slice_is(rig.action.topics[0], CREATE));
    assert_true(slice_is(rig.action.payload,
                         "{\"certificateSigningRequest\":\"CSR\\n\"}"));
    message(&rig, CREATE "/accepted", CREATED);
    expect(&rig, STAGE_CERT, IMPRINT_DO_STAGE);
    assert_true(slice_is(rig.action.identity.certificate_pem, "PEM\n"));
    assert_true(slice_is(rig.action.identity.token, "t/o+k="));
    assert_true(slice_is(rig.action.identity.certificate_id, ID));
    granted(&rig);
    expect(&rig, STAGE_CERT, IMPRINT_DO_WAIT);
    rig.action.id = rig.machine.action_id;
    saved(&rig);
    expect(&rig, REGISTER_LAST, IMPRINT_DO_PUBLISH);
    assert_true(slice_is(rig.action.payload,
                         "{\"certificateOwnershipToken\":\"t/o+k=\"}") ||
                slice_is(rig.action.payload,
                         "{\"certificateOwnershipToken\":\"t/o+k=\","
                         "\"parameters\":{}}"));
    message(&rig, REGISTER "/accepted", REGISTERED);
    expect(&rig, STAGE_NAME, IMPRINT_DO_STAGE);
    assert_true(slice_is(rig.action.identity.thing_name, "thing-1"));
    assert_true(
        slice_is(rig.action.identity.device_configuration, "{\"a\":\"b\"}"));
    assert_int_equal(rig.action.identity.certificate_pem.len, 0);
    saved(&rig);
    expect(&rig, PROVE, IMPRINT_DO_CONNECT);
    assert_int_equal(rig.action.as, IMPRINT_AS_IDENTITY);
    connected(&rig);
    expect(&rig, COMMIT, IMPRINT_DO_COMMIT);
    saved(&rig);
    expect(&rig, STOPPED, IMPRINT_DO_STOP);
    assert_int_equal(rig.action.status, IMPRINT_OK);
    assert_true(slice_is(rig.action.identity.thing_name, "thing-1"));
    assert_true(slice_is(rig.action.identity.certificate_id, ID));
}

static void test_service_run(void **unused)
{
    static struct rig rig;
    size_t i;

    (void)unused;
    prepare(&rig);
    rig.config.flow = &imprint_flow_service;
    rig.config.csr_pem = imprint_slice_of(NULL, 0);
    begin(&rig);
    due(&rig);
    connected(&rig);
    assert_true(slice_is(rig.action.topics[0], CREATE_KEYS "/accepted"));
    due(&rig);
    assert_int_equal(rig.action.payload.len, 0);
    message(&rig, CREATE_KEYS "/accepted", CREATED_KEY);
    expect(&rig, STAGE_CERT, IMPRINT_DO_STAGE);
    assert_true(slice_is(rig.action.identity.private_key_pem, "SECRET\n"));
    saved(&rig);
    expect(&rig, REGISTER_EARLY, IMPRINT_DO_PUBLISH);
    for (i = 0; i + 6 < sizeof(rig.work); i++) /* staged: erased here */
        assert_memory_not_equal(rig.work + i, "SECRET", 6);
    granted(&rig);
    expect(&rig, REGISTER_ASKED, IMPRINT_DO_WAIT);
    due(&rig);
    expect(&rig, REGISTER_LAST, IMPRINT_DO_PUBLISH);
    message(&rig, REGISTER "/accepted", "{}");
    saved(&rig);
    connected(&rig);
    saved(&rig);
    assert_int_equal(rig.action.status, IMPRINT_OK);
    assert_int_equal(rig.action.identity.thing_name.len, 0);
}

static void test_service_key_missing(void **unused)
{
    static struct rig rig;

    (void)unused;
    prepare(&rig);
    rig.config.flow = &imprint_flow_service;
    begin(&rig);
    due(&rig);
    connected(&rig);
    due(&rig);
    message(&rig, CREATE_KEYS "/accepted", CREATED);
    expect(&rig, STOPPED, IMPRINT_DO_STOP);
    assert_int_equal(rig.action.status, IMPRINT_ERR_FORMAT);
}

/* Answers every action as a good service and a good disk would. */
static void answer(struct rig *rig)
{
    switch (rig->action.kind) {
    case IMPRINT_DO_CONNECT:
        connected(rig);
        break;
    case IMPRINT_DO_PUBLISH:
        if (slice_is(rig->action.topics[0], REGISTER))
            message(rig, REGISTER "/accepted", REGISTERED);
        else
            message(rig, CREATE "/accepted", CREATED);
        break;
    case IMPRINT_DO_STAGE:
    case IMPRINT_DO_COMMIT:
        saved(rig);
        break;
    default:
        due(rig);
        break;
    }
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
        prepare(&rig);
        begin(&rig);
        due(&rig);
        for (step = 1; rig.action.kind != IMPRINT_DO_STOP; step++) {
            assert_in_range(step, 1, 60);
            if (step == at) {
                struct imprint_action before = rig.action;
                bool disk = before.kind == IMPRINT_DO_STAGE ||
                            before.kind == IMPRINT_DO_COMMIT;

                disconnected(&rig, false);
                if (disk)
                    rig.action = before;
            }
            answer(&rig);
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
        reach(&rig, state);
        for (ticks = 0; rig.machine.state != STOPPED; ticks++) {
            assert_in_range(ticks, 0, 40);
            due(&rig);
        }
        assert_int_equal(rig.action.status, IMPRINT_ERR_TIMEOUT);
    }
    for (state = 0; state < STATES; state++) { /* a slow disk is no fault */
        if (state != STAGE_CERT && state != STAGE_NAME && state != COMMIT)
            continue;
        reach(&rig, state);
        rig.now_ms += 86400000;
        due(&rig);
        expect(&rig, state, IMPRINT_DO_WAIT);
    }
}

static void test_resume(void **unused)
{
    static struct rig rig;

    (void)unused;
    reach(&rig, RESUME); /* it works already: no second registration */
    connected(&rig);
    expect(&rig, COMMIT, IMPRINT_DO_COMMIT);

    reach(&rig, RESUME); /* refused: the same token again */
    disconnected(&rig, true);
    expect(&rig, JOIN, IMPRINT_DO_CONNECT);
    connected(&rig);
    due(&rig);
    expect(&rig, REGISTER_EARLY, IMPRINT_DO_PUBLISH);
    assert_true(slice_is(rig.action.topics[0], REGISTER));
    message(&rig, REGISTER "/accepted", REGISTERED);
    saved(&rig);
    connected(&rig);
    saved(&rig);
    assert_int_equal(rig.action.status, IMPRINT_OK);

    prepare(&rig); /* refused, and the hour is over: another certificate */
    stage_earlier(&rig, 10);
    begin(&rig);
    due(&rig);
    disconnected(&rig, true);
    rig.now_ms += 20;
    connected(&rig);
    due(&rig);
    assert_true(slice_is(rig.action.topics[0], CREATE));

    reach(&rig, RESUME); /* lost: the identity is tried again */
    disconnected(&rig, false);
    due(&rig);
    expect(&rig, RESUME, IMPRINT_DO_CONNECT);
}

static void test_bad_token_starts_over_once(void **unused)
{
    static struct rig rig;

    (void)unused;
    reach(&rig, REGISTER_LAST);
    message(&rig, REGISTER "/rejected", BAD_TOKEN);
    expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
    due(&rig);
    connected(&rig);
    due(&rig);
    assert_true(slice_is(rig.action.topics[0], CREATE));
    message(&rig, CREATE "/accepted", CREATED);
    saved(&rig);
    message(&rig, REGISTER "/rejected", BAD_TOKEN);
    expect(&rig, STOPPED, IMPRINT_DO_STOP);
    assert_int_equal(rig.action.status, IMPRINT_ERR_REFUSED);
    assert_int_equal(rig.action.rejection.status_code, 400);
    assert_true(slice_is(rig.action.rejection.message, "why"));
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

            reach(&rig, state);
            if (awaited || rig.machine.session_id == 0)
                continue;
            before = rig.machine;
            message(&rig, replies[i][0], replies[i][1]);
            assert_int_equal(rig.machine.state, before.state);
            assert_int_equal(rig.machine.action_id, before.action_id);
        }
    }
}

static void test_late_yes_counts(void **unused)
{
    static struct rig rig;

    (void)unused;
    reach(&rig, CREATE_LAST);
    due(&rig);
    expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
    message(&rig, CREATE "/accepted", CREATED);
    expect(&rig, STAGE_CERT, IMPRINT_DO_STAGE);
    saved(&rig);
    due(&rig);
    expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
    message(&rig, REGISTER "/rejected", REJECTED("403", "X"));
    expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
    message(&rig, REGISTER "/accepted", REGISTERED);
    expect(&rig, STAGE_NAME, IMPRINT_DO_STAGE);
}

/* Found by fuzzing: both asked twice on one connection. */
static void test_worthless_token_needs_a_new_connection(void **unused)
{
    static struct rig rig;

    (void)unused;
    reach(&rig, STAGE_CERT); /* a disk that took longer than the hour */
    rig.now_ms += 3600000;
    saved(&rig);
    expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);

    reach(&rig, REGISTER_LAST); /* a late duplicate has the same token */
    message(&rig, REGISTER "/rejected", BAD_TOKEN);
    message(&rig, CREATE "/accepted", CREATED);
    expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
}

/* Runs with work_len; returns what STOP said. */
static enum imprint_status run_with(struct rig *rig, size_t work_len)
{
    int steps;

    prepare(rig);
    rig->config.work_len = work_len;
    memset(rig->work, 0xa5, sizeof(rig->work));
    begin(rig);
    due(rig);
    for (steps = 0; rig->action.kind != IMPRINT_DO_STOP; steps++) {
        assert_in_range(steps, 0, 40);
        answer(rig);
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

        prepare(&rig);
        rig.config.seed = seed * 2654435761u;
        rig.config.timing.backoff_base_ms = 1000;
        rig.config.timing.backoff_max_ms = 3000;
        begin(&rig);
        due(&rig);
        for (i = 0; i < 3; i++) {
            uint64_t wait_ms;

            disconnected(&rig, false);
            expect(&rig, REST_JOIN, IMPRINT_DO_WAIT);
            wait_ms = rig.action.deadline_ms - rig.now_ms;
            assert_in_range(wait_ms, 0, i == 0 ? 1000 : i == 1 ? 2000 : 3000);
            if (wait_ms > longest[i])
                longest[i] = wait_ms;
            due(&rig);
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

        prepare(&rig);
        rig.config.seed = seed * 2654435761u;
        rig.config.timing.backoff_base_ms = 7200000;
        rig.config.timing.backoff_max_ms = UINT32_MAX;
        begin(&rig);
        due(&rig);
        disconnected(&rig, false);
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
    struct imprint_event tick = make(IMPRINT_EV_TICK, 0);

    (void)unused;
    reach(&rig, STAGE_NAME);
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
        prepare(&rig);                                            \
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
    prepare(&rig);
    rig.config.parameters = &pair;
    rig.config.parameter_count = 1;
    assert_int_equal(imprint_init(&rig.machine, &rig.config), IMPRINT_OK);
}

/* Random walks, reproducible, over the promises of machine_rules.h. */
static uint32_t walk_state;

static uint32_t walk(uint32_t below)
{
    walk_state = walk_state * 1664525u + 1013904223u;
    return (walk_state >> 16) % below;
}

static void test_random_walks(void **unused)
{
    static struct rig rig;
    size_t count = sizeof(columns) / sizeof(*columns);
    int ends = 0;
    int run;

    (void)unused;
    for (run = 0; run < 20000; run++) {
        int i;

        walk_state = (uint32_t)run;
        prepare(&rig);
        rig.config.seed = walk_state;
        if (walk(3) == 0)
            stage_earlier(&rig, walk(2) ? 600000 : 0);
        begin(&rig);
        for (i = 0; i < 60; i++) {
            if (walk(2))
                answer(&rig);
            else
                drive(&rig, &columns[walk((uint32_t)count)], walk(8) != 0);
        }
        if (rig.rules.stopped && rig.rules.stop.status == IMPRINT_OK)
            ends++;
        imprint_wipe(&rig.machine);
    }
    assert_in_range(ends, 1000, 20000); /* walks that reach the end count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_golden),
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
        cmocka_unit_test(test_random_walks),
    };

    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
