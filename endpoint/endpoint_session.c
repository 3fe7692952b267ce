#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "endpoint_parts.h"
#include "posix/clock.h"

#define ARN_LEN (IMPRINT_POLICY_VALUE_MAX_LEN + 1)

const char *imprint_endpoint_name(char name[IMPRINT_ENDPOINT_NAME_LEN],
                                  const struct imprint_principal *principal,
                                  const char *client_id)
{
    char quoted[IMPRINT_LINE_WORD_LEN];
    bool is_claim = principal->claim[0] != '\0';

    (void)snprintf(name, IMPRINT_ENDPOINT_NAME_LEN, "client %s (%.8s%s%s)",
                   imprint_line_quote(quoted, client_id), principal->id,
                   is_claim ? ", claim " : "", principal->claim);
    return name;
}

/* AWS IoT hangs up on MQTT 3.1.1 without a word, and gives MQTT 5 a code. */
static enum imprint_status say_no(const struct imprint_endpoint *endpoint,
                                  const struct imprint_endpoint_connect *who)
{
    return who->mqtt_version >= 5 ||
                   imprint_rules_get(&endpoint->rules, IMPRINT_RULE_EXPLAIN)
               ? IMPRINT_ERR_REFUSED
               : IMPRINT_ERR_LOST;
}

static enum imprint_status refuse(const struct imprint_endpoint *endpoint,
                                  const struct imprint_endpoint_connect *who,
                                  const char *id, const char *reason)
{
    char line[IMPRINT_LINE_LEN];
    char quoted[IMPRINT_LINE_WORD_LEN];

    (void)snprintf(line, sizeof(line),
                   "client %s (%.8s) from %s: connection refused, %s",
                   imprint_line_quote(quoted, who->client_id), id,
                   who->address[0] ? who->address : "unknown", reason);
    imprint_endpoint_say(endpoint, line);
    imprint_endpoint_tell_refused(endpoint, who, id, reason);
    return say_no(endpoint, who);
}

/* ---- who is let in ---- */

/* The rate of one client id; two that share a place share it. */
static struct imprint_rate *rate_of(struct imprint_endpoint *endpoint,
                                    const char *client_id)
{
    uint32_t hash = 2166136261u;

    for (; *client_id != '\0'; client_id++)
        hash = (hash ^ (uint8_t)*client_id) * 16777619u;
    return &endpoint->clients[hash % IMPRINT_ENDPOINT_CLIENT_COUNT];
}

/* Too many, or too long; NULL: neither. */
static const char *find_limit(struct imprint_endpoint *endpoint,
                              const struct imprint_endpoint_connect *who)
{
    const struct imprint_rules *rules = &endpoint->rules;
    uint64_t now_ms = (uint64_t)imprint_clock_now_ms();
    size_t len = strlen(who->client_id);

    if (len > IMPRINT_PROVISION_CLIENT_ID_MAX_LEN ||
        (int64_t)len > imprint_rules_get(rules, IMPRINT_RULE_CLIENT_ID_MAX_LEN))
        return "its client id is too long";
    if (!imprint_rate_take(&endpoint->connects,
                           imprint_rules_get(rules, IMPRINT_RULE_CONNECT_RATE),
                           1, now_ms))
        return "connect_rate is used up";
    if (!imprint_rate_take(rate_of(endpoint, who->client_id),
                           imprint_rules_get(rules, IMPRINT_RULE_CLIENT_RATE),
                           1, now_ms))
        return "client_rate of this client id is used up";
    return NULL;
}

static enum imprint_status strike(const struct imprint_endpoint *endpoint,
                                  const struct imprint_endpoint_connect *who,
                                  const struct imprint_principal *principal)
{
    const struct imprint_fault_case now = {
        .event = IMPRINT_FAULT_CONNECT,
        .client_id = who->client_id,
        .claim = principal->claim,
        .thing_name = principal->thing,
    };
    struct imprint_fault fault;

    imprint_fault_match(endpoint->faults, &now, &fault);
    if (fault.kind == IMPRINT_FAULT_NONE)
        return IMPRINT_OK;
    (void)refuse(endpoint, who, principal->id, "a fault strikes it");
    return fault.kind == IMPRINT_FAULT_CLOSE ? IMPRINT_ERR_LOST
                                             : IMPRINT_ERR_REFUSED;
}

static enum imprint_status check_connect(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_connect *who,
    const struct imprint_principal *principal)
{
    char arn[ARN_LEN];
    char reason[64];
    struct imprint_policy_request request = {
        .action = "iot:Connect",
        .resource = arn,
        .client_id = who->client_id,
        .source_ip = who->address,
        .is_persistent = who->is_persistent,
    };

    if (principal->state != IMPRINT_REGISTRY_ACTIVE) {
        (void)snprintf(reason, sizeof(reason), "its certificate is %s",
                       imprint_registry_state_name(principal->state));
        return refuse(endpoint, who, principal->id, reason);
    }
    if (principal->not_after < imprint_rules_now(&endpoint->rules))
        return refuse(endpoint, who, principal->id, "its certificate expired");
    if (principal->is_broken)
        return refuse(endpoint, who, principal->id,
                      "one of its policies can't be used");
    (void)snprintf(arn, sizeof(arn), IMPRINT_PROVISION_ARN "client/%s",
                   who->client_id);
    return imprint_endpoint_decide(endpoint, principal, &request)
               ? strike(endpoint, who, principal)
               : say_no(endpoint, who);
}

/* ---- sessions ---- */

static void link_session(struct imprint_endpoint *endpoint,
                         struct imprint_endpoint_session *session)
{
    session->next = endpoint->sessions;
    if (session->next)
        session->next->previous = session;
    endpoint->sessions = session;
    session->next_of_principal = session->principal->sessions;
    session->principal->sessions = session;
}

static void say_connected(const struct imprint_endpoint *endpoint,
                          const struct imprint_endpoint_connect *who,
                          const struct imprint_endpoint_session *session)
{
    static const char *const versions[] = {"?", "?", "?", "3.1", "3.1.1", "5"};
    char line[IMPRINT_LINE_LEN];
    char name[IMPRINT_ENDPOINT_NAME_LEN];
    bool is_known = who->mqtt_version >= 3 && who->mqtt_version <= 5;

    (void)snprintf(
        line, sizeof(line), "%s from %.64s: connected, MQTT %s",
        imprint_endpoint_name(name, session->principal, session->client_id),
        who->address[0] ? who->address : "unknown",
        versions[is_known ? who->mqtt_version : 0]);
    imprint_endpoint_say(endpoint, line);
}

/* A device's first connection goes into the registry, when there is time. */
static void note_connected(struct imprint_endpoint *endpoint,
                           struct imprint_principal *principal)
{
    if (principal->was_seen || principal->claim[0] != '\0')
        return;
    principal->was_seen = true;
    imprint_service_note_connected(endpoint->service, principal->id);
}

static struct imprint_endpoint_session *make_session(
    struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_connect *who,
    struct imprint_principal *principal)
{
    struct imprint_endpoint_session *session = calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    session->principal = principal;
    (void)snprintf(session->client_id, sizeof(session->client_id), "%s",
                   who->client_id);
    (void)snprintf(session->address, sizeof(session->address), "%s",
                   who->address);
    atomic_init(&session->is_gone, false);
    link_session(endpoint, session);
    say_connected(endpoint, who, session);
    imprint_endpoint_tell_connected(endpoint, session);
    note_connected(endpoint, principal);
    return session;
}

enum imprint_status imprint_endpoint_admit(
    struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_connect *connect,
    struct imprint_endpoint_session **out)
{
    char id[IMPRINT_AUTHORITY_ID_LEN + 1];
    struct imprint_endpoint_session *session = NULL;
    struct imprint_principal *principal;
    const char *limit = find_limit(endpoint, connect);
    enum imprint_status status;

    imprint_authority_certificate_id(connect->certificate_der, id);
    if (limit)
        return refuse(endpoint, connect, id, limit);
    status = imprint_principal_find(endpoint->principals, id, &principal);
    if (status == IMPRINT_ERR_NOT_FOUND)
        return refuse(endpoint, connect, id,
                      "its certificate is not known; a trusted user's claim "
                      "is not when it has expired");
    if (status != IMPRINT_OK) {
        (void)refuse(endpoint, connect, id,
                     imprint_registry_problem(endpoint->registry));
        return IMPRINT_ERR_TIMEOUT;
    }
    status = check_connect(endpoint, connect, principal);
    if (status == IMPRINT_OK) {
        session = make_session(endpoint, connect, principal);
        status = session ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
    }
    if (session)
        *out = session;
    else
        imprint_principal_give_back(endpoint->principals, principal);
    return status;
}

const char *imprint_endpoint_certificate_id(
    const struct imprint_endpoint_session *session)
{
    return session->principal->id;
}

void imprint_endpoint_free_session(struct imprint_endpoint *endpoint,
                                   struct imprint_endpoint_session *session)
{
    if (session->next)
        session->next->previous = session->previous;
    if (session->previous)
        session->previous->next = session->next;
    else
        endpoint->sessions = session->next;
    free(session);
}

bool imprint_endpoint_take_x509(void *x509, uint8_t **der, size_t *der_len)
{
    return imprint_authority_take_x509(x509, der, der_len);
}

void imprint_endpoint_leave(struct imprint_endpoint *endpoint,
                            struct imprint_endpoint_session *session)
{
    struct imprint_endpoint_session **link = &session->principal->sessions;

    imprint_endpoint_tell_left(endpoint, session);
    while (*link != session)
        link = &(*link)->next_of_principal;
    *link = session->next_of_principal;
    for (link = &endpoint->evicted; *link; link = &(*link)->next_evicted) {
        if (*link == session) {
            *link = session->next_evicted;
            break;
        }
    }
    imprint_principal_give_back(endpoint->principals, session->principal);
    session->principal = NULL;
    atomic_store(&session->is_gone, true);
    if (session->open_count == 0)
        imprint_endpoint_free_session(endpoint, session);
}
