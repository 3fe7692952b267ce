#include "endpoint.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "imprint/topics.h"
#include "line.h"
#include "posix/why.h"
#include "principal.h"
#include "service.h"

#define ARN "arn:aws:iot:us-east-1:000000000000:"
#define ARN_LEN (IMPRINT_POLICY_VALUE_MAX_LEN + 1)
#define NAME_LEN 320
#define LOOK_MS 100
#define SESSION_MAX_OPEN_COUNT 256

struct imprint_endpoint_session {
    struct imprint_principal *principal;
    char client_id[IMPRINT_PROVISION_CLIENT_ID_MAX_LEN + 1];
    size_t open_count; /* requests that did not come back */
    atomic_bool is_gone;
    bool is_evicted;
    struct imprint_endpoint_session *next_evicted;
    struct imprint_endpoint_session *next_of_principal;
    struct imprint_endpoint_session *next; /* of all */
    struct imprint_endpoint_session *previous;
};

struct imprint_endpoint {
    struct imprint_endpoint_options options;
    char *dir;
    struct imprint_registry *registry;
    struct imprint_principals *principals;
    struct imprint_service *service;
    struct imprint_endpoint_session *sessions; /* those that left, too */
    struct imprint_endpoint_session *evicted;
    struct imprint_provision_request *collected; /* what collect lent last */
    uint64_t looked_ms;
};

static void say(const struct imprint_endpoint *endpoint, const char *line)
{
    if (endpoint->options.log)
        endpoint->options.log(endpoint->options.user, line);
}

/* ---- open, close ---- */

static void ignore_wake(void *user)
{
    (void)user;
}

static enum imprint_status open_parts(struct imprint_endpoint *endpoint,
                                      struct imprint_why *why)
{
    enum imprint_status status =
        imprint_service_open(&endpoint->options, &endpoint->service, why);

    if (status == IMPRINT_OK)
        status = imprint_registry_open(endpoint->dir, IMPRINT_REGISTRY_READ,
                                       &endpoint->registry, why);
    if (status != IMPRINT_OK)
        return status;
    endpoint->principals = imprint_principal_open(endpoint->registry);
    return endpoint->principals
               ? IMPRINT_OK
               : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

enum imprint_status imprint_endpoint_open(
    const struct imprint_endpoint_options *options,
    struct imprint_endpoint **out, struct imprint_why *why)
{
    struct imprint_endpoint *endpoint = calloc(1, sizeof(*endpoint));
    enum imprint_status status = IMPRINT_ERR_INTERNAL;

    if (!endpoint)
        return imprint_why_set(why, status, "out of memory");
    endpoint->options = *options;
    endpoint->dir = strdup(options->dir);
    endpoint->options.dir = endpoint->dir;
    if (!options->wake)
        endpoint->options.wake = ignore_wake;
    if (endpoint->dir)
        status = open_parts(endpoint, why);
    else
        (void)imprint_why_set(why, status, "out of memory");
    if (status == IMPRINT_OK)
        *out = endpoint;
    else
        imprint_endpoint_close(endpoint);
    return status;
}

void imprint_endpoint_close(struct imprint_endpoint *endpoint)
{
    if (!endpoint)
        return;
    imprint_provision_free(endpoint->collected);
    imprint_service_close(endpoint->service);
    while (endpoint->sessions) {
        struct imprint_endpoint_session *session = endpoint->sessions;

        endpoint->sessions = session->next;
        free(session);
    }
    imprint_principal_close(endpoint->principals);
    imprint_registry_close(endpoint->registry);
    free(endpoint->dir);
    free(endpoint);
}

/* ---- what is allowed ---- */

/* "client X (1234abcd, claim Y)", for the log. */
static const char *name_client(char name[NAME_LEN],
                               const struct imprint_principal *principal,
                               const char *client_id)
{
    char quoted[IMPRINT_LINE_WORD_LEN];
    bool is_claim = principal->claim[0] != '\0';

    (void)snprintf(name, NAME_LEN, "client %s (%.8s%s%s)",
                   imprint_line_quote(quoted, client_id), principal->id,
                   is_claim ? ", claim " : "", principal->claim);
    return name;
}

static void say_no(const struct imprint_endpoint *endpoint,
                   const struct imprint_principal *principal,
                   const struct imprint_policy_request *request,
                   const char *reason)
{
    char line[IMPRINT_LINE_LEN];
    char name[NAME_LEN];
    char resource[IMPRINT_LINE_WORD_LEN];

    (void)snprintf(line, sizeof(line), "%s: %s of %s: not allowed%.480s",
                   name_client(name, principal, request->client_id),
                   request->action,
                   imprint_line_quote(resource, request->resource), reason);
    say(endpoint, line);
}

/* Logs a no with the statement that decided or came nearest. */
static void say_denied(const struct imprint_endpoint *endpoint,
                       const struct imprint_principal *principal,
                       const struct imprint_policy_request *request,
                       const struct imprint_policy_decision *decision)
{
    char reason[IMPRINT_LINE_LEN];
    const char *how = decision->verdict == IMPRINT_POLICY_DENIED
                          ? ", denied by "
                          : " by any statement; nearest: ";

    if (!decision->statement)
        how = " by any statement";
    (void)snprintf(reason, sizeof(reason), "%s%s", how,
                   decision->statement ? decision->statement : "");
    say_no(endpoint, principal, request, reason);
}

static bool is_allowed(const struct imprint_endpoint *endpoint,
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

/* ---- sessions ---- */

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
    say(endpoint, line);
    return IMPRINT_ERR_REFUSED;
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
    };

    if (principal->state != IMPRINT_REGISTRY_ACTIVE) {
        (void)snprintf(reason, sizeof(reason), "its certificate is %s",
                       imprint_registry_state_name(principal->state));
        return refuse(endpoint, who, principal->id, reason);
    }
    if (principal->not_after < (int64_t)time(NULL))
        return refuse(endpoint, who, principal->id, "its certificate expired");
    if (principal->is_broken)
        return refuse(endpoint, who, principal->id,
                      "one of its policies can't be used");
    (void)snprintf(arn, sizeof(arn), ARN "client/%s", who->client_id);
    return is_allowed(endpoint, principal, &request) ? IMPRINT_OK
                                                     : IMPRINT_ERR_REFUSED;
}

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
    char name[NAME_LEN];
    bool is_known = who->mqtt_version >= 3 && who->mqtt_version <= 5;

    (void)snprintf(line, sizeof(line), "%s from %.64s: connected, MQTT %s",
                   name_client(name, session->principal, session->client_id),
                   who->address[0] ? who->address : "unknown",
                   versions[is_known ? who->mqtt_version : 0]);
    say(endpoint, line);
}

bool imprint_endpoint_take_x509(void *x509, uint8_t **der, size_t *der_len)
{
    return imprint_authority_take_x509(x509, der, der_len);
}

enum imprint_status imprint_endpoint_admit(
    struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_connect *connect,
    struct imprint_endpoint_session **out)
{
    char id[IMPRINT_AUTHORITY_ID_LEN + 1];
    struct imprint_endpoint_session *session;
    struct imprint_principal *principal;
    enum imprint_status status;

    imprint_authority_certificate_id(connect->certificate_der, id);
    if (strlen(connect->client_id) > IMPRINT_PROVISION_CLIENT_ID_MAX_LEN)
        return refuse(endpoint, connect, id, "its client id is too long");
    status = imprint_principal_find(endpoint->principals, id, &principal);
    if (status == IMPRINT_ERR_NOT_FOUND)
        return refuse(endpoint, connect, id, "its certificate is not known");
    if (status != IMPRINT_OK) {
        (void)refuse(endpoint, connect, id,
                     imprint_registry_problem(endpoint->registry));
        return IMPRINT_ERR_TIMEOUT;
    }
    status = check_connect(endpoint, connect, principal);
    session = status == IMPRINT_OK ? calloc(1, sizeof(*session)) : NULL;
    if (!session) {
        imprint_principal_give_back(endpoint->principals, principal);
        return status == IMPRINT_OK ? IMPRINT_ERR_INTERNAL : status;
    }
    session->principal = principal;
    (void)snprintf(session->client_id, sizeof(session->client_id), "%s",
                   connect->client_id);
    atomic_init(&session->is_gone, false);
    link_session(endpoint, session);
    say_connected(endpoint, connect, session);
    *out = session;
    return IMPRINT_OK;
}

const char *imprint_endpoint_certificate_id(
    const struct imprint_endpoint_session *session)
{
    return session->principal->id;
}

/* Nobody knows it any more, and no request is on its way. */
static void free_session(struct imprint_endpoint *endpoint,
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

void imprint_endpoint_leave(struct imprint_endpoint *endpoint,
                            struct imprint_endpoint_session *session)
{
    struct imprint_endpoint_session **link = &session->principal->sessions;

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
        free_session(endpoint, session);
}

/* ---- access ---- */

static bool is_reserved(const char *topic)
{
    return strncmp(topic, "$aws/", 5) == 0;
}

/* What policies can't allow: topics of AWS that this service does not have. */
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

/* Why no policy is asked, or NULL. */
static const char *find_bar(const struct imprint_endpoint *endpoint,
                            const struct imprint_endpoint_session *session,
                            enum imprint_endpoint_access access,
                            const char *topic)
{
    if (!is_served(access, topic))
        return ", it is reserved";
    if (!imprint_principal_refresh(endpoint->principals, session->principal))
        return ", the registry can't be read";
    if (session->principal->state != IMPRINT_REGISTRY_ACTIVE)
        return ", its certificate is not ACTIVE any more";
    if (session->principal->is_broken)
        return ", one of its policies can't be used";
    return NULL;
}

bool imprint_endpoint_allows(struct imprint_endpoint *endpoint,
                             struct imprint_endpoint_session *session,
                             enum imprint_endpoint_access access,
                             const char *topic)
{
    static const char *const actions[] = {
        [IMPRINT_ENDPOINT_PUBLISH] = "iot:Publish",
        [IMPRINT_ENDPOINT_RETAIN] = "iot:Publish",
        [IMPRINT_ENDPOINT_SUBSCRIBE] = "iot:Subscribe",
        [IMPRINT_ENDPOINT_RECEIVE] = "iot:Receive",
    };
    const char *reason;
    char arn[ARN_LEN];
    struct imprint_policy_request request = {
        .action = actions[access],
        .resource = arn,
        .client_id = session->client_id,
    };
    int len = snprintf(
        arn, sizeof(arn), ARN "%s/%s",
        access == IMPRINT_ENDPOINT_SUBSCRIBE ? "topicfilter" : "topic", topic);

    reason = find_bar(endpoint, session, access, topic);
    if (len < 0 || (size_t)len >= sizeof(arn))
        reason = ", it is too long";
    if (reason) {
        say_no(endpoint, session->principal, &request, reason);
        return false;
    }
    if (!is_allowed(endpoint, session->principal, &request))
        return false;
    request.action = "iot:RetainPublish";
    return access != IMPRINT_ENDPOINT_RETAIN ||
           is_allowed(endpoint, session->principal, &request);
}

/* ---- requests and replies ---- */

bool imprint_endpoint_submit(struct imprint_endpoint *endpoint,
                             struct imprint_endpoint_session *session,
                             const char *topic, struct imprint_slice payload)
{
    struct imprint_provision_request *request;
    struct imprint_topic found;

    if (!imprint_topics_find(imprint_slice_text(topic), &found) ||
        found.outcome != IMPRINT_OUT_REQUEST)
        return false;
    request = imprint_provision_new(&found, payload);
    if (!request) {
        say(endpoint, "out of memory: a request was dropped");
        return true;
    }
    request->session = session;
    request->is_gone = &session->is_gone;
    memcpy(request->client_id, session->client_id, sizeof(session->client_id));
    memcpy(request->claim_id, session->principal->id,
           sizeof(session->principal->id));
    if (++session->open_count > SESSION_MAX_OPEN_COUNT)
        imprint_provision_throttle(request);
    imprint_service_submit(endpoint->service, request);
    return true;
}

static void evict(void *user, struct imprint_principal *principal)
{
    struct imprint_endpoint *endpoint = user;
    struct imprint_endpoint_session *session;

    for (session = principal->sessions; session;
         session = session->next_of_principal) {
        if (session->is_evicted)
            continue;
        session->is_evicted = true;
        session->next_evicted = endpoint->evicted;
        endpoint->evicted = session;
    }
}

static void look(struct imprint_endpoint *endpoint)
{
    struct timespec now;
    uint64_t now_ms;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (now_ms - endpoint->looked_ms < LOOK_MS)
        return;
    endpoint->looked_ms = now_ms;
    imprint_principal_look(endpoint->principals, evict, endpoint);
}

bool imprint_endpoint_collect(struct imprint_endpoint *endpoint,
                              struct imprint_endpoint_reply *out)
{
    struct imprint_endpoint_session *session;
    struct imprint_provision_request *request;

    imprint_provision_free(endpoint->collected);
    endpoint->collected = NULL;
    look(endpoint);
    while ((request = imprint_service_collect(endpoint->service))) {
        session = request->session;
        session->open_count--;
        if (!atomic_load(&session->is_gone) && request->reply) {
            out->session = session;
            out->topic = request->reply_topic;
            out->payload = imprint_slice_of(request->reply, request->reply_len);
            endpoint->collected = request;
            return true;
        }
        imprint_provision_free(request);
        if (atomic_load(&session->is_gone) && session->open_count == 0)
            free_session(endpoint, session);
    }
    return false;
}

struct imprint_endpoint_session *imprint_endpoint_evicted(
    struct imprint_endpoint *endpoint)
{
    struct imprint_endpoint_session *session;
    char line[IMPRINT_LINE_LEN];
    char name[NAME_LEN];

    look(endpoint);
    session = endpoint->evicted;
    if (!session)
        return NULL;
    endpoint->evicted = session->next_evicted;
    (void)snprintf(line, sizeof(line), "%s: thrown off, certificate is %s",
                   name_client(name, session->principal, session->client_id),
                   imprint_registry_state_name(session->principal->state));
    say(endpoint, line);
    return session;
}

void imprint_endpoint_figures(struct imprint_endpoint *endpoint, char *line,
                              size_t line_len)
{
    struct imprint_pool_figures figures;

    imprint_service_figures(endpoint->service, &figures);
    (void)snprintf(line, line_len,
                   "pool: %zu of %zu keys, %zu made, refill %.1f keys/s",
                   figures.count, figures.size, figures.made_count,
                   figures.keys_per_second);
}
