#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine_rig.h"

const char *const rig_state_names[STATES] = {
    "NEW",           "JOIN",           "SUBSCRIBE",
    "CREATE_EARLY",  "CREATE_ASKED",   "CREATE_LAST",
    "STAGE_CERT",    "REGISTER_EARLY", "REGISTER_ASKED",
    "REGISTER_LAST", "STAGE_NAME",     "PROVE",
    "RESUME",        "COMMIT",         "REST_JOIN",
    "REST_PROVE",    "REST_RESUME",    "STOPPED"};

const char *const rig_action_names[] = {
    "WAIT", "CONNECT", "SUBSCRIBE", "PUBLISH", "STAGE", "COMMIT", "STOP"};

void rig_prepare(struct rig *rig)
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

void rig_stage_earlier(struct rig *rig, uint32_t token_left_ms)
{
    rig->config.staged.certificate_id = imprint_slice_text(ID);
    rig->config.staged.token = imprint_slice_text("t/o+k=");
    rig->config.staged_token_left_ms = token_left_ms;
}

void rig_begin(struct rig *rig)
{
    assert_int_equal(imprint_init(&rig->machine, &rig->config), IMPRINT_OK);
    rules_start(&rig->rules, &rig->config);
}

void rig_feed(struct rig *rig, const struct imprint_event *event)
{
    rules_step(&rig->rules, &rig->machine, event, rig->now_ms, &rig->action);
}

struct imprint_event rig_make(enum imprint_event_kind kind, uint32_t id)
{
    struct imprint_event event;

    memset(&event, 0, sizeof(event));
    event.kind = kind;
    event.id = id;
    event.ungranted = IMPRINT_ALL_GRANTED;
    return event;
}

/* A tick at the deadline. */
void rig_due(struct rig *rig)
{
    struct imprint_event event = rig_make(IMPRINT_EV_TICK, 0);

    if (rig->machine.deadline_ms != IMPRINT_NEVER &&
        rig->now_ms < rig->machine.deadline_ms)
        rig->now_ms = rig->machine.deadline_ms;
    rig_feed(rig, &event);
}

void rig_connected(struct rig *rig)
{
    struct imprint_event event =
        rig_make(IMPRINT_EV_CONNECTED, rig->rules.connect_id);

    rig_feed(rig, &event);
}

void rig_disconnected(struct rig *rig, bool refused)
{
    struct imprint_event event =
        rig_make(IMPRINT_EV_DISCONNECTED, rig->rules.connect_id);

    event.refused = refused;
    rig_feed(rig, &event);
}

void rig_granted(struct rig *rig)
{
    struct imprint_event event =
        rig_make(IMPRINT_EV_SUBSCRIBED, rig->rules.connect_id + 1);

    rig_feed(rig, &event);
}

void rig_message(struct rig *rig, const char *topic, const char *payload)
{
    struct imprint_event event =
        rig_make(IMPRINT_EV_MESSAGE, rig->rules.connect_id);

    event.topic = imprint_slice_text(topic);
    event.payload = imprint_slice_text(payload);
    rig_feed(rig, &event);
}

void rig_saved(struct rig *rig)
{
    struct imprint_event event = rig_make(IMPRINT_EV_SAVED, rig->action.id);

    rig_feed(rig, &event);
}

void rig_expect(struct rig *rig, int state, enum imprint_action_kind kind)
{
    assert_string_equal(rig_state_names[rig->machine.state],
                        rig_state_names[state]);
    assert_string_equal(rig_action_names[rig->action.kind],
                        rig_action_names[kind]);
}

/* The shortest way into a state. */
void rig_reach(struct rig *rig, int state)
{
    rig_prepare(rig);
    if (state == RESUME || state == REST_RESUME || state == REGISTER_EARLY ||
        state == REGISTER_ASKED)
        rig_stage_earlier(rig, 600000);
    rig_begin(rig);
    if (state == NEW)
        return;
    rig_due(rig);
    if (state == JOIN || state == RESUME)
        return;
    if (rig->machine.state == RESUME)
        rig_disconnected(rig, state != REST_RESUME);
    if (state == REST_RESUME)
        return;
    if (state == STOPPED || state == REST_JOIN) {
        rig_disconnected(rig, state == STOPPED);
        return;
    }
    rig_connected(rig);
    if (state == SUBSCRIBE)
        return;
    rig_due(rig);
    if (state == CREATE_EARLY || state == REGISTER_EARLY)
        return;
    rig_granted(rig);
    if (state == CREATE_ASKED || state == REGISTER_ASKED)
        return;
    if (state == CREATE_LAST) {
        rig_due(rig);
        return;
    }
    rig_message(rig, CREATE "/accepted", CREATED);
    if (state == STAGE_CERT)
        return;
    rig_saved(rig);
    if (state == REGISTER_LAST)
        return;
    rig_message(rig, REGISTER "/accepted", REGISTERED);
    if (state == STAGE_NAME)
        return;
    rig_saved(rig);
    if (state == PROVE)
        return;
    if (state == REST_PROVE)
        rig_disconnected(rig, true);
    else
        rig_connected(rig);
}

bool rig_slice_is(struct imprint_slice slice, const char *text)
{
    return imprint_slice_is(slice, text);
}

/* Answers every action as a good service and a good disk would. */
void rig_answer(struct rig *rig)
{
    switch (rig->action.kind) {
    case IMPRINT_DO_CONNECT:
        rig_connected(rig);
        break;
    case IMPRINT_DO_PUBLISH:
        if (rig_slice_is(rig->action.topics[0], REGISTER))
            rig_message(rig, REGISTER "/accepted", REGISTERED);
        else
            rig_message(rig, CREATE "/accepted", CREATED);
        break;
    case IMPRINT_DO_STAGE:
    case IMPRINT_DO_COMMIT:
        rig_saved(rig);
        break;
    default:
        rig_due(rig);
        break;
    }
}

const struct column rig_columns[RIG_COLUMN_COUNT] = {
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

void rig_drive(struct rig *rig, const struct column *column, bool right)
{
    struct imprint_event event =
        rig_make(column->kind, right_id(rig, column->kind) + (right ? 0 : 100));

    event.refused = column->flag;
    event.status = IMPRINT_ERR_STORAGE;
    if (column->flag && column->kind == IMPRINT_EV_SUBSCRIBED)
        event.ungranted = 2;
    event.topic = imprint_slice_text(column->topic);
    event.payload = imprint_slice_text(column->payload);
    if (column->kind == IMPRINT_EV_TICK && column->flag) {
        rig_due(rig);
        return;
    }
    /* Before the deadline wherever there is a before. */
    if (column->kind == IMPRINT_EV_TICK &&
        rig->machine.deadline_ms <= rig->now_ms)
        rig->now_ms =
            rig->machine.deadline_ms ? rig->machine.deadline_ms - 1 : 0;
    rig_feed(rig, &event);
}
