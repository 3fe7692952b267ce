#include "machine_rules.h"

static void rules_publish(struct rules *rules,
                          const struct imprint_config *config,
                          const struct imprint_action *action, uint64_t now_ms)
{
    struct imprint_topic topic;

    RULE(rules->as == IMPRINT_AS_CLAIM);
    RULE(imprint_topics_find(action->topics[0], &topic));
    RULE(topic.outcome == IMPRINT_OUT_REQUEST);
    if (topic.operation == IMPRINT_OP_REGISTER) {
        RULE(imprint_slice_equal(topic.template_name, config->template_name));
        RULE(++rules->registers <= 2);
        RULE(rules->has_token);
        RULE(rules->registers == 2 || now_ms < rules->token_until_ms);
        RULE(rules->registers == 1 || (rules->early && rules->suback));
    } else {
        RULE(!rules->has_token || now_ms >= rules->token_until_ms);
        RULE(!rules->replied);
        RULE(++rules->creates <= 2);
        RULE(rules->creates == 1 || (rules->early && rules->suback));
        rules->has_token = false;
    }
    if (rules->creates + rules->registers == 1 ||
        (topic.operation == IMPRINT_OP_REGISTER && rules->registers == 1))
        rules->early = !rules->suback;
}

static void rules_event(struct rules *rules, const struct imprint_event *event,
                        const struct imprint_action *action)
{
    if (event->kind == IMPRINT_EV_SUBSCRIBED &&
        event->id == rules->connect_id + 1 && event->id <= rules->last_id)
        rules->suback = true;
    if (event->kind == IMPRINT_EV_MESSAGE &&
        (action->kind != IMPRINT_DO_WAIT || action->rejection.status_code))
        rules->replied = true;
    if (event->kind == IMPRINT_EV_MESSAGE && action->rejection.status_code &&
        imprint_slice_is(action->rejection.code,
                         "InvalidCertificateOwnershipToken"))
        rules->has_token = false;
}

static void rules_act(struct rules *rules, const struct imprint_config *config,
                      const struct imprint_event *event,
                      const struct imprint_action *action, uint64_t now_ms)
{
    switch (action->kind) {
    case IMPRINT_DO_WAIT:
        break;
    case IMPRINT_DO_CONNECT:
        rules->connect_id = action->id;
        rules->as = action->as;
        rules->creates = rules->registers = 0;
        rules->suback = rules->early = rules->replied = false;
        rules->proven = false;
        if (action->as == IMPRINT_AS_IDENTITY)
            RULE(action->identity.certificate_id.len);
        break;
    case IMPRINT_DO_SUBSCRIBE:
        RULE(action->topic_count == IMPRINT_TOPIC_COUNT);
        RULE(action->id == rules->connect_id + 1);
        break;
    case IMPRINT_DO_PUBLISH:
        rules_publish(rules, config, action, now_ms);
        break;
    case IMPRINT_DO_STAGE:
        RULE(event->kind == IMPRINT_EV_MESSAGE);
        RULE(event->id == rules->connect_id);
        RULE(rules->as == IMPRINT_AS_CLAIM);
        RULE(action->deadline_ms == IMPRINT_NEVER);
        if (action->identity.certificate_pem.len) {
            RULE(action->identity.token.len);
            rules->has_token = true;
            rules->token_until_ms = now_ms + 3600000;
        }
        break;
    case IMPRINT_DO_COMMIT:
        RULE(event->kind == IMPRINT_EV_CONNECTED);
        RULE(event->id == rules->connect_id);
        RULE(rules->as == IMPRINT_AS_IDENTITY);
        RULE(action->deadline_ms == IMPRINT_NEVER);
        rules->proven = true;
        break;
    case IMPRINT_DO_STOP:
        if (action->status == IMPRINT_OK) {
            RULE(rules->proven);
            RULE(event->kind == IMPRINT_EV_SAVED);
        }
        RULE(action->status != IMPRINT_ERR_SPACE || action->needed_len);
        rules->stopped = true;
        rules->stop = *action;
        break;
    }
}

void rules_step(struct rules *rules, struct imprint *machine,
                const struct imprint_event *event, uint64_t now_ms,
                struct imprint_action *action)
{
    const struct imprint_config *config = machine->config;

    imprint_step(machine, event, now_ms, action);
    if (!rules->started && event->kind == IMPRINT_EV_TICK) {
        rules->started = true;
        rules->token_until_ms = now_ms + config->staged_token_left_ms;
    }
    if (rules->stopped) {
        RULE(action->kind == IMPRINT_DO_STOP);
        RULE(memcmp(action, &rules->stop, sizeof(*action)) == 0);
        return;
    }
    rules_event(rules, event, action);
    if (action->kind == IMPRINT_DO_WAIT) {
        RULE(action->id == rules->last_id);
    } else {
        RULE(action->id == rules->last_id + 1);
        rules->last_id = action->id;
    }
    rules_act(rules, config, event, action, now_ms);
}

void rules_start(struct rules *rules, const struct imprint_config *config)
{
    memset(rules, 0, sizeof(*rules));
    rules->has_token =
        config->staged.token.len > 0 && config->staged_token_left_ms > 0;
}
