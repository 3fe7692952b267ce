/*
 * The order of provisioning. docs/DESIGN.md says why; docs/FORMATS.md has
 * the diagram, which is made from this file's golden matrix.
 */
#include "imprint/imprint.h"

#include "mem.h"
#include "transition.h"

#define TOKEN_LIFE_MS 3600000u
#define CSR_MAX_LEN 4096

const struct imprint_flow imprint_flow_csr = {IMPRINT_OP_CREATE_CSR,
                                              imprint_codec_put_csr};
const struct imprint_flow imprint_flow_service = {IMPRINT_OP_CREATE_KEYS, NULL};

/* The token is worth nothing: once a run, ask for another certificate. */
static void start_over(struct turn *turn)
{
    struct imprint *machine = turn->machine;

    if (machine->flags & FLAG_RESTARTED) {
        imprint_transition_stop(turn, IMPRINT_ERR_REFUSED);
        return;
    }
    machine->flags |= FLAG_RESTARTED;
    memset(&machine->identity, 0, sizeof(machine->identity));
    machine->session_id = 0; /* a duplicate would bring the same token */
    imprint_transition_fail(turn, IMPRINT_ERR_REFUSED, STATE_REST_JOIN);
}

static void on_tick(struct turn *turn)
{
    struct imprint *machine = turn->machine;

    if (turn->now_ms < machine->deadline_ms)
        return;
    switch ((enum state)machine->state) {
    case STATE_NEW:
        machine->token_until_ms =
            turn->now_ms + machine->config->staged_token_left_ms;
        if (machine->identity.certificate_id.len)
            imprint_transition_resume(turn);
        else
            imprint_transition_join(turn);
        break;
    case STATE_SUBSCRIBE:
        imprint_transition_ask(turn);
        break;
    case STATE_CREATE_ASKED:
    case STATE_REGISTER_ASKED:
        imprint_transition_ask_again(turn);
        break;
    case STATE_REST_JOIN:
        imprint_transition_join(turn);
        break;
    case STATE_REST_PROVE:
        imprint_transition_prove(turn);
        break;
    case STATE_REST_RESUME:
        imprint_transition_resume(turn);
        break;
    case STATE_PROVE:
        imprint_transition_fail(turn, IMPRINT_ERR_TIMEOUT, STATE_REST_PROVE);
        break;
    case STATE_RESUME:
        imprint_transition_fail(turn, IMPRINT_ERR_TIMEOUT, STATE_REST_RESUME);
        break;
    default:
        imprint_transition_fail(turn, IMPRINT_ERR_TIMEOUT, STATE_REST_JOIN);
        break;
    }
}

static void on_connected(struct turn *turn)
{
    switch ((enum state)turn->machine->state) {
    case STATE_JOIN:
        imprint_transition_subscribe(turn);
        break;
    case STATE_PROVE:
    case STATE_RESUME:
        imprint_transition_commit(turn);
        break;
    default:
        break;
    }
}

static void on_disconnected(struct turn *turn)
{
    struct imprint *machine = turn->machine;
    bool refused = turn->event->refused;
    enum imprint_status status =
        refused ? IMPRINT_ERR_REFUSED : IMPRINT_ERR_LOST;

    machine->session_id = 0;
    switch ((enum state)machine->state) {
    case STATE_STAGE_CERTIFICATE:
    case STATE_STAGE_NAME:
    case STATE_COMMIT:
    case STATE_REST_JOIN:
    case STATE_REST_PROVE:
    case STATE_REST_RESUME:
        break;
    case STATE_PROVE: /* refused: it may not have got around yet */
        imprint_transition_fail(turn, status, STATE_REST_PROVE);
        break;
    case STATE_RESUME:
        if (!refused)
            imprint_transition_fail(turn, status, STATE_REST_RESUME);
        else
            imprint_transition_join(turn);
        break;
    default:
        if (refused)
            imprint_transition_stop(turn, status);
        else
            imprint_transition_fail(turn, status, STATE_REST_JOIN);
        break;
    }
}

static void on_subscribed(struct turn *turn)
{
    struct imprint *machine = turn->machine;

    if (turn->event->ungranted != IMPRINT_ALL_GRANTED) {
        imprint_transition_stop(turn, IMPRINT_ERR_REFUSED);
        return;
    }
    machine->flags |= FLAG_GRANTED;
    switch ((enum state)machine->state) {
    case STATE_SUBSCRIBE:
        imprint_transition_ask(turn);
        break;
    case STATE_CREATE_EARLY:
        imprint_transition_await(turn, STATE_CREATE_ASKED);
        break;
    case STATE_REGISTER_EARLY:
        imprint_transition_await(turn, STATE_REGISTER_ASKED);
        break;
    default:
        break;
    }
}

/* Token and id go to the front of work; the rest is erased. */
static void keep_token(struct imprint *machine)
{
    uint8_t *work = machine->config->work;
    struct imprint_identity *identity = &machine->identity;
    uint8_t id[IMPRINT_CERTIFICATE_ID_LEN];
    size_t token_len = identity->token.len;

    memcpy(id, identity->certificate_id.bytes, sizeof(id));
    memmove(work, identity->token.bytes, token_len);
    memcpy(work + token_len, id, sizeof(id));
    machine->kept_len = (uint32_t)(token_len + sizeof(id));
    imprint_slice_erase(work + machine->kept_len,
                        machine->config->work_len - machine->kept_len);
    memset(identity, 0, sizeof(*identity));
    identity->token = imprint_slice_of(work, token_len);
    identity->certificate_id = imprint_slice_of(work + token_len, sizeof(id));
}

static void on_saved(struct turn *turn)
{
    struct imprint *machine = turn->machine;

    switch ((enum state)machine->state) {
    case STATE_STAGE_CERTIFICATE:
        keep_token(machine);
        if (machine->session_id && turn->now_ms < machine->token_until_ms)
            imprint_transition_ask(turn);
        else
            imprint_transition_fail(turn, IMPRINT_ERR_LOST, STATE_REST_JOIN);
        break;
    case STATE_STAGE_NAME:
        imprint_transition_prove(turn);
        break;
    case STATE_COMMIT:
        imprint_transition_stop(turn, IMPRINT_OK);
        break;
    default:
        break;
    }
}

/* A reply that can't be used: another one would be no better. */
static void stop_unreadable(struct turn *turn, enum imprint_status status,
                            const struct imprint_writer *into)
{
    if (status == IMPRINT_ERR_SPACE)
        imprint_transition_stop_short(turn, into->len);
    else
        imprint_transition_stop(turn, status);
}

static void on_created(struct turn *turn)
{
    struct imprint *machine = turn->machine;
    const struct imprint_config *config = machine->config;
    struct imprint_writer into = imprint_transition_scratch(machine);
    struct imprint_identity identity;
    enum imprint_status status = imprint_codec_get_created(
        config->format, turn->event->payload, &into, &identity);
    bool by_service = config->flow->operation == IMPRINT_OP_CREATE_KEYS;

    if (!status && by_service && !identity.private_key_pem.len)
        status = IMPRINT_ERR_FORMAT;
    if (status) {
        stop_unreadable(turn, status, &into);
        return;
    }
    if (!by_service)
        identity.private_key_pem = imprint_slice_of(NULL, 0);
    machine->identity = identity;
    machine->token_until_ms = turn->now_ms + TOKEN_LIFE_MS;
    imprint_transition_stage(turn, STATE_STAGE_CERTIFICATE);
}

static void on_registered(struct turn *turn)
{
    struct imprint *machine = turn->machine;
    struct imprint_writer into = imprint_transition_scratch(machine);
    struct imprint_identity identity;
    enum imprint_status status = imprint_codec_get_registered(
        machine->config->format, turn->event->payload, &into, &identity);

    if (status) {
        stop_unreadable(turn, status, &into);
        return;
    }
    machine->kept_len += (uint32_t)into.len;
    machine->identity.thing_name = identity.thing_name;
    machine->identity.device_configuration = identity.device_configuration;
    imprint_transition_stage(turn, STATE_STAGE_NAME);
}

static void on_rejected(struct turn *turn, enum imprint_operation operation)
{
    struct imprint *machine = turn->machine;
    struct imprint_writer into = imprint_transition_scratch(machine);
    struct imprint_rejection *rejection = &machine->rejection;
    enum imprint_status status = imprint_codec_get_rejection(
        machine->config->format, turn->event->payload, &into, rejection);

    if (status)
        stop_unreadable(turn, status, &into);
    else if (rejection->status_code == 429 || rejection->status_code >= 500)
        imprint_transition_fail(turn, IMPRINT_ERR_THROTTLED, STATE_REST_JOIN);
    else if (operation == IMPRINT_OP_REGISTER &&
             imprint_slice_is(rejection->code,
                              "InvalidCertificateOwnershipToken"))
        start_over(turn);
    else
        imprint_transition_stop(turn, IMPRINT_ERR_REFUSED);
}

static bool is_create(const struct imprint_config *config,
                      const struct imprint_topic *topic)
{
    return topic->operation == config->flow->operation;
}

static bool is_register(const struct imprint_config *config,
                        const struct imprint_topic *topic)
{
    return topic->operation == IMPRINT_OP_REGISTER &&
           imprint_slice_equal(topic->template_name, config->template_name);
}

/* In REST_JOIN a late yes still counts: better than to ask for another. */
static bool awaits(const struct imprint *machine,
                   const struct imprint_topic *topic)
{
    const struct imprint_config *config = machine->config;

    if (topic->outcome == IMPRINT_OUT_REQUEST ||
        topic->encoding != imprint_codec_encoding(config->format))
        return false;
    switch ((enum state)machine->state) {
    case STATE_CREATE_EARLY:
    case STATE_CREATE_ASKED:
    case STATE_CREATE_LAST:
        return is_create(config, topic);
    case STATE_REGISTER_EARLY:
    case STATE_REGISTER_ASKED:
    case STATE_REGISTER_LAST:
        return is_register(config, topic);
    case STATE_REST_JOIN:
        if (topic->outcome != IMPRINT_OUT_ACCEPTED)
            return false;
        return is_register(config, topic)
                   ? machine->identity.token.len > 0
                   : is_create(config, topic) && !machine->identity.token.len;
    default:
        return false;
    }
}

static void on_message(struct turn *turn)
{
    struct imprint_topic topic;

    if (!imprint_topics_find(turn->event->topic, &topic) ||
        !awaits(turn->machine, &topic))
        return;
    if (topic.outcome == IMPRINT_OUT_REJECTED)
        on_rejected(turn, topic.operation);
    else if (topic.operation == IMPRINT_OP_REGISTER)
        on_registered(turn);
    else
        on_created(turn);
}

static void on_cannot(struct turn *turn)
{
    enum imprint_status status = turn->event->status;

    imprint_transition_stop(turn, status < 0 ? status : IMPRINT_ERR_CANNOT);
}

static bool awaits_suback(const struct imprint *machine)
{
    if (machine->flags & FLAG_GRANTED)
        return false;
    return (machine->state >= STATE_SUBSCRIBE &&
            machine->state <= STATE_REGISTER_EARLY) ||
           machine->state == STATE_REST_JOIN;
}

/* Does the event answer what it says, and is that still of interest? */
static bool answers(const struct imprint *machine,
                    const struct imprint_event *event)
{
    switch (event->kind) {
    case IMPRINT_EV_TICK:
        return true;
    case IMPRINT_EV_CONNECTED:
    case IMPRINT_EV_DISCONNECTED:
    case IMPRINT_EV_MESSAGE:
        return machine->session_id && event->id == machine->session_id;
    case IMPRINT_EV_SUBSCRIBED:
        return machine->session_id && event->id == machine->session_id + 1 &&
               awaits_suback(machine);
    case IMPRINT_EV_SAVED:
        return event->id == machine->action_id;
    case IMPRINT_EV_CANNOT:
        return event->id == machine->action_id && machine->action_id;
    }
    return false;
}

static void take(struct turn *turn)
{
    switch (turn->event->kind) {
    case IMPRINT_EV_TICK:
        on_tick(turn);
        break;
    case IMPRINT_EV_CONNECTED:
        on_connected(turn);
        break;
    case IMPRINT_EV_DISCONNECTED:
        on_disconnected(turn);
        break;
    case IMPRINT_EV_SUBSCRIBED:
        on_subscribed(turn);
        break;
    case IMPRINT_EV_MESSAGE:
        on_message(turn);
        break;
    case IMPRINT_EV_SAVED:
        on_saved(turn);
        break;
    case IMPRINT_EV_CANNOT:
        on_cannot(turn);
        break;
    }
}

static bool config_ok(const struct imprint_config *config)
{
    if (!config->format || !config->flow || !config->work)
        return false;
    if (config->parameter_count && !config->parameters)
        return false;
    if (config->flow->put &&
        (!config->csr_pem.len || config->csr_pem.len > CSR_MAX_LEN))
        return false;
    return imprint_topics_template_ok(config->template_name) &&
           config->staged.token.len <= IMPRINT_TOKEN_MAX_LEN;
}

enum imprint_status imprint_init(struct imprint *machine,
                                 const struct imprint_config *config)
{
    if (!config_ok(config))
        return IMPRINT_ERR_ARGUMENT;
    memset(machine, 0, sizeof(*machine));
    machine->config = config;
    machine->random = config->seed * 0x9e3779b1u; /* spreads small seeds */
    if (!machine->random)
        machine->random = 1;
    machine->identity = config->staged;
    machine->identity.certificate_pem = imprint_slice_of(NULL, 0);
    machine->identity.private_key_pem = imprint_slice_of(NULL, 0);
    return IMPRINT_OK;
}

void imprint_step(struct imprint *machine, const struct imprint_event *event,
                  uint64_t now_ms, struct imprint_action *action)
{
    struct turn turn = {machine, event, action, now_ms};

    memset(action, 0, sizeof(*action));
    if (machine->state == STATE_STOPPED)
        action->kind = IMPRINT_DO_STOP;
    else if (answers(machine, event))
        take(&turn);
    action->id = machine->action_id;
    action->deadline_ms = machine->deadline_ms;
    action->step = (enum imprint_step_name)machine->step;
    action->identity = machine->identity;
    action->status = machine->status;
    action->rejection = machine->rejection;
    action->needed_len = machine->needed_len;
}

void imprint_wipe(struct imprint *machine)
{
    if (machine->config)
        imprint_slice_erase(machine->config->work, machine->config->work_len);
    imprint_slice_erase(machine, sizeof(*machine));
    machine->state = STATE_STOPPED;
    machine->status = IMPRINT_ERR_STOPPED;
    machine->deadline_ms = IMPRINT_NEVER;
}
