#include <stdio.h>
#include <string.h>

#include "endpoint_parts.h"
#include "imprint/topics.h"
#include "posix/clock.h"

#define ARN_LEN (IMPRINT_POLICY_VALUE_MAX_LEN + 1)

static void say_no(const struct imprint_endpoint *endpoint,
                   const struct imprint_principal *principal,
                   const struct imprint_policy_request *request,
                   const char *reason)
{
    char line[IMPRINT_LINE_LEN];
    char name[IMPRINT_ENDPOINT_NAME_LEN];
    char resource[IMPRINT_LINE_WORD_LEN];

    (void)snprintf(line, sizeof(line), "%s: %s of %s: not allowed%.480s",
                   imprint_endpoint_name(name, principal, request->client_id),
                   request->action,
                   imprint_line_quote(resource, request->resource), reason);
    imprint_endpoint_say(endpoint, line);
    imprint_endpoint_tell_denied(endpoint, principal, request, reason);
}

/* With the statement that decided or came nearest, and what is wrong in it. */
static void say_denied(const struct imprint_endpoint *endpoint,
                       const struct imprint_principal *principal,
                       const struct imprint_policy_request *request,
                       const struct imprint_policy_decision *decision)
{
    char hint[IMPRINT_WHY_TEXT_LEN] = "";
    char reason[IMPRINT_LINE_LEN];

    if (!decision->statement) {
        say_no(endpoint, principal, request, " by any statement");
        return;
    }
    imprint_principal_explain(principal, request, decision, hint);
    (void)snprintf(
        reason, sizeof(reason), "%s%s%.200s%s%.240s",
        decision->verdict == IMPRINT_POLICY_DENIED ? ", denied by "
                                                   : " by any statement; ",
        hint, hint[0] ? "; " : "",
        decision->verdict == IMPRINT_POLICY_DENIED ? "" : "nearest: ",
        decision->statement);
    say_no(endpoint, principal, request, reason);
}

bool imprint_endpoint_decide(const struct imprint_endpoint *endpoint,
                             const struct imprint_principal *principal,
                             struct imprint_policy_request *request)
{
    struct imprint_policy_decision decision;

    imprint_principal_evaluate(principal, request, &decision);
    if (decision.verdict == IMPRINT_POLICY_ALLOWED)
        return true;
    say_denied(endpoint, principal, request, &decision);
    return false;
}

/* ---- what no policy can allow ---- */

static bool is_reserved(const char *topic)
{
    return strncmp(topic, "$aws/", 5) == 0;
}

/* Topics of AWS that this service does not have. */
static bool is_served(enum imprint_endpoint_access access, const char *topic)
{
    struct imprint_topic found;
    bool is_known = imprint_topics_find(imprint_slice_text(topic), &found);
    bool is_request = is_known && found.outcome == IMPRINT_OUT_REQUEST;

    if (!is_reserved(topic))
        return true;
    switch (access) {
    case IMPRINT_ENDPOINT_PUBLISH:
        return is_request;
    case IMPRINT_ENDPOINT_RETAIN:
        return false;
    case IMPRINT_ENDPOINT_SUBSCRIBE:
        return strpbrk(topic, "+#") || (is_known && !is_request);
    default:
        return is_known && !is_request;
    }
}

/* A reply of the service's own, where policies need not allow it. */
static bool is_free(const struct imprint_endpoint *endpoint,
                    const struct imprint_endpoint_act *act)
{
    return act->access == IMPRINT_ENDPOINT_RECEIVE && is_reserved(act->topic) &&
           imprint_rules_get(&endpoint->rules, IMPRINT_RULE_RECEIVE_GATES) == 0;
}

/* Why no policy is asked, or NULL. */
static const char *find_bar(const struct imprint_endpoint *endpoint,
                            const struct imprint_endpoint_session *session,
                            enum imprint_endpoint_access access,
                            const char *topic)
{
    const struct imprint_principal *principal = session->principal;

    if (!is_served(access, topic))
        return access == IMPRINT_ENDPOINT_RETAIN
                   ? ", it is reserved, and takes no RETAIN"
                   : ", it is reserved";
    if (!imprint_principal_refresh(endpoint->principals, session->principal))
        return ", the registry can't be read";
    if (principal->state != IMPRINT_REGISTRY_ACTIVE)
        return ", its certificate is not ACTIVE any more";
    if (principal->not_after < imprint_rules_now(&endpoint->rules))
        return ", its certificate expired";
    if (principal->is_broken)
        return ", one of its policies can't be used";
    return NULL;
}

/* ---- limits ---- */

static bool is_over(const struct imprint_endpoint *endpoint,
                    enum imprint_rule rule, size_t count)
{
    int64_t limit = imprint_rules_get(&endpoint->rules, rule);

    return limit > 0 && count > (size_t)limit;
}

static size_t count_slashes(const char *topic)
{
    size_t count = 0;

    while ((topic = strchr(topic, '/'))) {
        count++;
        topic++;
    }
    return count;
}

static bool take(const struct imprint_endpoint *endpoint,
                 struct imprint_rate *rate, enum imprint_rule rule,
                 size_t amount)
{
    return imprint_rate_take(rate, imprint_rules_get(&endpoint->rules, rule),
                             (int64_t)amount, (uint64_t)imprint_clock_now_ms());
}

/* What is over a size ends the connection, what is over a count does not. */
static enum imprint_endpoint_verdict find_limit(
    struct imprint_endpoint *endpoint, struct imprint_endpoint_session *session,
    const struct imprint_endpoint_act *act, const char **reason)
{
    *reason = NULL;
    if (is_over(endpoint, IMPRINT_RULE_TOPIC_MAX_LEN, strlen(act->topic)))
        *reason = ", it is longer than topic_max_len";
    else if (is_over(endpoint, IMPRINT_RULE_TOPIC_MAX_SLASHES,
                     count_slashes(act->topic)))
        *reason = ", it has more slashes than topic_max_slashes";
    else if (is_over(endpoint, IMPRINT_RULE_PAYLOAD_MAX_LEN, act->payload_len))
        *reason = ", the message is longer than payload_max_len";
    if (*reason)
        return IMPRINT_ENDPOINT_CLOSE;
    if (act->access == IMPRINT_ENDPOINT_SUBSCRIBE) {
        if (is_over(endpoint, IMPRINT_RULE_SUBSCRIPTION_MAX_COUNT,
                    act->subscription_count + 1))
            *reason = ", it has subscription_max_count filters";
        else if (!take(endpoint, &endpoint->filters,
                       IMPRINT_RULE_SUBSCRIBE_RATE, 1))
            *reason = ", subscribe_rate is used up";
    } else if (!take(endpoint, &session->messages, IMPRINT_RULE_PUBLISH_RATE,
                     1)) {
        *reason = ", publish_rate is used up";
    } else if (!take(endpoint, &session->bytes, IMPRINT_RULE_BYTE_RATE,
                     act->payload_len)) {
        *reason = ", byte_rate is used up";
    }
    return *reason ? IMPRINT_ENDPOINT_REJECTED : IMPRINT_ENDPOINT_ALLOWED;
}

/* ---- all together ---- */

static enum imprint_endpoint_verdict ask_policies(
    const struct imprint_endpoint *endpoint,
    struct imprint_endpoint_session *session,
    struct imprint_policy_request *request,
    const struct imprint_endpoint_act *act)
{
    if (!imprint_endpoint_decide(endpoint, session->principal, request))
        return IMPRINT_ENDPOINT_DENIED;
    request->action = "iot:RetainPublish";
    if (act->access == IMPRINT_ENDPOINT_RETAIN &&
        !imprint_endpoint_decide(endpoint, session->principal, request))
        return IMPRINT_ENDPOINT_DENIED;
    return IMPRINT_ENDPOINT_ALLOWED;
}

static enum imprint_endpoint_verdict strike(
    struct imprint_endpoint *endpoint, struct imprint_endpoint_session *session,
    const struct imprint_endpoint_act *act)
{
    const struct imprint_fault_case now = {
        .event = IMPRINT_FAULT_SUBSCRIBE,
        .client_id = session->client_id,
        .claim = session->principal->claim,
        .thing_name = session->principal->thing,
    };
    struct imprint_fault fault;
    char line[IMPRINT_LINE_LEN];
    char name[IMPRINT_ENDPOINT_NAME_LEN];

    if (act->access != IMPRINT_ENDPOINT_SUBSCRIBE)
        return IMPRINT_ENDPOINT_ALLOWED;
    imprint_fault_match(endpoint->faults, &now, &fault);
    if (fault.kind == IMPRINT_FAULT_NONE)
        return IMPRINT_ENDPOINT_ALLOWED;
    (void)snprintf(
        line, sizeof(line), "%s: a fault strikes its SUBSCRIBE",
        imprint_endpoint_name(name, session->principal, session->client_id));
    imprint_endpoint_say(endpoint, line);
    return fault.kind == IMPRINT_FAULT_CLOSE ? IMPRINT_ENDPOINT_CLOSE
                                             : IMPRINT_ENDPOINT_REJECTED;
}

enum imprint_endpoint_verdict imprint_endpoint_allows(
    struct imprint_endpoint *endpoint, struct imprint_endpoint_session *session,
    const struct imprint_endpoint_act *act)
{
    static const char *const actions[] = {
        [IMPRINT_ENDPOINT_PUBLISH] = "iot:Publish",
        [IMPRINT_ENDPOINT_RETAIN] = "iot:Publish",
        [IMPRINT_ENDPOINT_SUBSCRIBE] = "iot:Subscribe",
        [IMPRINT_ENDPOINT_RECEIVE] = "iot:Receive",
    };
    enum imprint_endpoint_verdict verdict = IMPRINT_ENDPOINT_DENIED;
    char arn[ARN_LEN];
    struct imprint_policy_request request = {
        .action = actions[act->access],
        .resource = arn,
        .client_id = session->client_id,
        .source_ip = session->address,
    };
    const char *reason;
    int len = snprintf(arn, sizeof(arn), IMPRINT_PROVISION_ARN "%s/%s",
                       act->access == IMPRINT_ENDPOINT_SUBSCRIBE ? "topicfilter"
                                                                 : "topic",
                       act->topic);

    reason = find_bar(endpoint, session, act->access, act->topic);
    if (len < 0 || (size_t)len >= sizeof(arn))
        reason = ", it is too long";
    if (!reason && act->access != IMPRINT_ENDPOINT_RECEIVE)
        verdict = find_limit(endpoint, session, act, &reason);
    if (reason) {
        say_no(endpoint, session->principal, &request, reason);
        return verdict;
    }
    if (is_free(endpoint, act))
        return IMPRINT_ENDPOINT_ALLOWED;
    verdict = ask_policies(endpoint, session, &request, act);
    if (verdict == IMPRINT_ENDPOINT_ALLOWED)
        verdict = strike(endpoint, session, act);
    if (verdict == IMPRINT_ENDPOINT_ALLOWED &&
        act->access == IMPRINT_ENDPOINT_SUBSCRIBE)
        imprint_endpoint_tell_subscribed(endpoint, session, act->topic);
    return verdict;
}
