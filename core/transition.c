#include "transition.h"

#include "mem.h"

#define BACKOFF_LIMIT_MS 0xffffffu /* keeps the jitter in 32 bits */

static const uint8_t step_of[STATE_COUNT] = {
    IMPRINT_STEP_CONNECT,  IMPRINT_STEP_CONNECT,  IMPRINT_STEP_SUBSCRIBE,
    IMPRINT_STEP_CREATE,   IMPRINT_STEP_CREATE,   IMPRINT_STEP_CREATE,
    IMPRINT_STEP_STAGE,    IMPRINT_STEP_REGISTER, IMPRINT_STEP_REGISTER,
    IMPRINT_STEP_REGISTER, IMPRINT_STEP_STAGE,    IMPRINT_STEP_VERIFY,
    IMPRINT_STEP_VERIFY,   IMPRINT_STEP_COMMIT,   IMPRINT_STEP_CONNECT,
    IMPRINT_STEP_VERIFY,   IMPRINT_STEP_VERIFY,   IMPRINT_STEP_COMMIT};

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static uint32_t connect_ms(const struct imprint *machine)
{
    return or_default(machine->config->timing.connect_ms, 30000);
}

static uint32_t reply_ms(const struct imprint *machine)
{
    return or_default(machine->config->timing.reply_ms, 20000);
}

struct imprint_writer imprint_transition_scratch(const struct imprint *machine)
{
    return imprint_slice_writer(machine->config->work + machine->kept_len,
                                machine->config->work_len - machine->kept_len);
}

static void enter(struct turn *turn, enum state state, uint64_t deadline_ms,
                  enum imprint_action_kind kind)
{
    turn->machine->state = (uint8_t)state;
    turn->machine->deadline_ms = deadline_ms;
    turn->action->kind = kind;
    if (kind != IMPRINT_DO_WAIT)
        turn->machine->action_id++;
    if (state != STATE_STOPPED)
        turn->machine->step = step_of[state];
}

void imprint_transition_stop(struct turn *turn, enum imprint_status status)
{
    memset(turn->action, 0, sizeof(*turn->action)); /* half made, perhaps */
    turn->machine->status = status;
    enter(turn, STATE_STOPPED, IMPRINT_NEVER, IMPRINT_DO_STOP);
}

void imprint_transition_stop_short(struct turn *turn, size_t written_len)
{
    turn->machine->needed_len =
        (uint32_t)(turn->machine->kept_len + written_len);
    imprint_transition_stop(turn, IMPRINT_ERR_SPACE);
}

static uint32_t draw(struct imprint *machine)
{
    uint32_t x = machine->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    machine->random = x;
    return x;
}

/* Exponential with full jitter: between 0 and base * 2^(attempts - 1). */
static uint32_t backoff_ms(struct imprint *machine)
{
    const struct imprint_timing *timing = &machine->config->timing;
    uint32_t max = or_default(timing->backoff_max_ms, 60000);
    uint32_t upper = or_default(timing->backoff_base_ms, 1000);
    uint32_t random = draw(machine) >> 16;
    uint32_t i;

    if (max > BACKOFF_LIMIT_MS)
        max = BACKOFF_LIMIT_MS;
    for (i = 1; i < machine->attempts && upper < max; i++)
        upper <<= 1;
    if (upper > max)
        upper = max;
    if (upper >> 16)
        return (random * (upper >> 8)) >> 8;
    return (random * upper) >> 16;
}

void imprint_transition_fail(struct turn *turn, enum imprint_status status,
                             enum state rest)
{
    struct imprint *machine = turn->machine;

    machine->attempts++;
    if (machine->attempts >=
        or_default(machine->config->timing.attempts_max, 5)) {
        imprint_transition_stop(turn, status);
        return;
    }
    machine->status = status;
    enter(turn, rest, turn->now_ms + backoff_ms(machine), IMPRINT_DO_WAIT);
}

static void connect_as(struct turn *turn, enum state state, enum imprint_as as)
{
    struct imprint *machine = turn->machine;

    memset(&machine->rejection, 0, sizeof(machine->rejection));
    machine->flags &= (uint8_t)~FLAG_GRANTED;
    enter(turn, state, turn->now_ms + connect_ms(machine), IMPRINT_DO_CONNECT);
    machine->session_id = machine->action_id;
    turn->action->as = as;
}

void imprint_transition_join(struct turn *turn)
{
    connect_as(turn, STATE_JOIN, IMPRINT_AS_CLAIM);
}

void imprint_transition_prove(struct turn *turn)
{
    connect_as(turn, STATE_PROVE, IMPRINT_AS_IDENTITY);
}

void imprint_transition_resume(struct turn *turn)
{
    connect_as(turn, STATE_RESUME, IMPRINT_AS_IDENTITY);
}

static struct imprint_topic topic_of(const struct imprint *machine,
                                     enum imprint_operation operation,
                                     enum imprint_outcome outcome)
{
    struct imprint_topic topic;

    topic.operation = operation;
    topic.outcome = outcome;
    topic.encoding = imprint_codec_encoding(machine->config->format);
    topic.template_name = machine->config->template_name;
    return topic;
}

static void add_topic(struct turn *turn, struct imprint_writer *writer,
                      const struct imprint_topic *topic)
{
    size_t from = writer->len;

    imprint_topics_put(writer, topic);
    turn->action->topics[turn->action->topic_count++] =
        imprint_slice_since(writer, from);
}

void imprint_transition_subscribe(struct turn *turn)
{
    static const uint8_t outcomes[] = {IMPRINT_OUT_ACCEPTED,
                                       IMPRINT_OUT_REJECTED};
    struct imprint *machine = turn->machine;
    struct imprint_writer writer = imprint_transition_scratch(machine);
    enum imprint_operation operation = machine->config->flow->operation;
    size_t i;

    for (i = 0; i < IMPRINT_TOPIC_COUNT; i++) {
        struct imprint_topic topic =
            topic_of(machine, i < 2 ? operation : IMPRINT_OP_REGISTER,
                     (enum imprint_outcome)outcomes[i & 1]);
        add_topic(turn, &writer, &topic);
    }
    if (!imprint_slice_fits(&writer)) {
        imprint_transition_stop_short(turn, writer.len);
        return;
    }
    /* The deadline is now: the request leaves in the same flight. */
    enter(turn, STATE_SUBSCRIBE, turn->now_ms, IMPRINT_DO_SUBSCRIBE);
}

static void publish(struct turn *turn, enum state state,
                    enum imprint_operation operation)
{
    struct imprint *machine = turn->machine;
    const struct imprint_config *config = machine->config;
    struct imprint_topic topic =
        topic_of(machine, operation, IMPRINT_OUT_REQUEST);
    struct imprint_writer writer = imprint_transition_scratch(machine);
    size_t from;

    add_topic(turn, &writer, &topic);
    from = writer.len;
    if (operation == IMPRINT_OP_REGISTER)
        imprint_codec_put_register(&writer, config->format,
                                   machine->identity.token, config->parameters,
                                   config->parameter_count);
    else if (config->flow->put)
        config->flow->put(&writer, config->format, config->csr_pem);
    if (!imprint_slice_fits(&writer)) {
        imprint_transition_stop_short(turn, writer.len);
        return;
    }
    turn->action->payload = imprint_slice_since(&writer, from);
    enter(turn, state, turn->now_ms + reply_ms(machine), IMPRINT_DO_PUBLISH);
}

static void forget_identity(struct imprint *machine)
{
    imprint_slice_erase(machine->config->work, machine->config->work_len);
    machine->kept_len = 0;
    memset(&machine->identity, 0, sizeof(machine->identity));
}

/* After its hour a certificate is gone with its token: same key, new one. */
static bool token_is_good(struct turn *turn)
{
    struct imprint *machine = turn->machine;

    if (machine->identity.token.len && turn->now_ms < machine->token_until_ms)
        return true;
    forget_identity(machine);
    return false;
}

void imprint_transition_ask(struct turn *turn)
{
    struct imprint *machine = turn->machine;
    bool granted = (machine->flags & FLAG_GRANTED) != 0;

    if (token_is_good(turn))
        publish(turn, granted ? STATE_REGISTER_LAST : STATE_REGISTER_EARLY,
                IMPRINT_OP_REGISTER);
    else
        publish(turn, granted ? STATE_CREATE_LAST : STATE_CREATE_EARLY,
                machine->config->flow->operation);
}

void imprint_transition_ask_again(struct turn *turn)
{
    struct imprint *machine = turn->machine;

    if (machine->state == STATE_REGISTER_ASKED)
        publish(turn, STATE_REGISTER_LAST, IMPRINT_OP_REGISTER);
    else
        publish(turn, STATE_CREATE_LAST, machine->config->flow->operation);
}

void imprint_transition_await(struct turn *turn, enum state state)
{
    uint32_t wait_ms =
        or_default(turn->machine->config->timing.repeat_ms, 5000);

    enter(turn, state, turn->now_ms + wait_ms, IMPRINT_DO_WAIT);
}

void imprint_transition_stage(struct turn *turn, enum state state)
{
    turn->machine->attempts = 0;
    enter(turn, state, IMPRINT_NEVER, IMPRINT_DO_STAGE);
}

void imprint_transition_commit(struct turn *turn)
{
    enter(turn, STATE_COMMIT, IMPRINT_NEVER, IMPRINT_DO_COMMIT);
}
