#include "endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_parts.h"
#include "imprint/topics.h"
#include "posix/clock.h"
#include "posix/why.h"

#define LOOK_MS 100
#define SESSION_MAX_OPEN_COUNT 256

void imprint_endpoint_say(const struct imprint_endpoint *endpoint,
                          const char *line)
{
    if (endpoint->options.log)
        endpoint->options.log(endpoint->options.user, line);
}

/* ---- rules and faults ---- */

/* A text that does not parse was not put by us; what counted goes on. */
static void read_faults(struct imprint_endpoint *endpoint)
{
    struct imprint_why why = {{0}, {0}};
    char line[IMPRINT_LINE_LEN];
    char *text = NULL;
    enum imprint_status status =
        imprint_registry_find_setting(endpoint->registry, "faults", &text);

    if (status == IMPRINT_ERR_NOT_FOUND || status == IMPRINT_OK)
        status = imprint_fault_set(endpoint->faults,
                                   imprint_slice_text(text ? text : ""), &why);
    else
        return;
    free(text);
    if (status == IMPRINT_OK)
        return;
    (void)snprintf(line, sizeof(line), "faults: %s", why.text);
    imprint_endpoint_say(endpoint, line);
}

static void evict_expired(struct imprint_endpoint *endpoint)
{
    int64_t now = imprint_rules_now(&endpoint->rules);
    struct imprint_endpoint_session *session;

    for (session = endpoint->sessions; session; session = session->next) {
        if (session->principal && session->principal->not_after < now)
            imprint_endpoint_evict(endpoint, session, true);
    }
}

static void read_settings(struct imprint_endpoint *endpoint)
{
    int64_t before =
        imprint_rules_get(&endpoint->rules, IMPRINT_RULE_CLOCK_OFFSET_S);

    imprint_rules_read(&endpoint->rules, endpoint->registry, false);
    read_faults(endpoint);
    imprint_endpoint_say(endpoint, "settings: read again");
    if (before ==
        imprint_rules_get(&endpoint->rules, IMPRINT_RULE_CLOCK_OFFSET_S))
        return;
    evict_expired(endpoint);
    imprint_service_wake(endpoint->service);
}

/* ---- open, close ---- */

static void ignore_wake(void *user)
{
    (void)user;
}

static enum imprint_status open_parts(struct imprint_endpoint *endpoint,
                                      struct imprint_why *why)
{
    enum imprint_status status = imprint_registry_open(
        endpoint->dir, IMPRINT_REGISTRY_WRITE, &endpoint->registry, why);

    /* made or brought up to date by now; from here on it is only read */
    imprint_registry_close(endpoint->registry);
    endpoint->registry = NULL;
    if (status == IMPRINT_OK)
        status = imprint_registry_open(endpoint->dir, IMPRINT_REGISTRY_READ,
                                       &endpoint->registry, why);
    if (status != IMPRINT_OK)
        return status;
    endpoint->principals = imprint_principal_open(endpoint->registry);
    endpoint->faults = imprint_fault_new();
    if (!endpoint->principals || !endpoint->faults)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    imprint_rules_read(&endpoint->rules, endpoint->registry, true);
    read_faults(endpoint);
    status = imprint_watch_open(endpoint->dir, true, &endpoint->watch, why);
    if (status != IMPRINT_OK)
        return status;
    return imprint_service_open(&endpoint->options, &endpoint->rules,
                                endpoint->faults, &endpoint->service, why);
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
    while (endpoint->held) {
        struct imprint_endpoint_held *held = endpoint->held;

        endpoint->held = held->next;
        imprint_provision_free(held->request);
        free(held);
    }
    imprint_service_close(endpoint->service);
    while (endpoint->sessions) {
        struct imprint_endpoint_session *session = endpoint->sessions;

        endpoint->sessions = session->next;
        free(session);
    }
    imprint_principal_close(endpoint->principals);
    imprint_fault_free(endpoint->faults);
    imprint_watch_close(endpoint->watch);
    imprint_registry_close(endpoint->registry);
    free(endpoint->dir);
    free(endpoint);
}

/* ---- who has to go ---- */

void imprint_endpoint_evict(struct imprint_endpoint *endpoint,
                            struct imprint_endpoint_session *session,
                            bool has_lost)
{
    session->has_lost = session->has_lost || has_lost;
    if (session->is_evicted)
        return;
    session->is_evicted = true;
    session->next_evicted = endpoint->evicted;
    endpoint->evicted = session;
}

static void evict_all(void *user, struct imprint_principal *principal)
{
    struct imprint_endpoint *endpoint = user;
    struct imprint_endpoint_session *session;

    for (session = principal->sessions; session;
         session = session->next_of_principal)
        imprint_endpoint_evict(endpoint, session, true);
}

static void take_change(void *user, const char *what)
{
    struct imprint_endpoint *endpoint = user;

    if (what && strcmp(what, IMPRINT_REGISTRY_SETTINGS) == 0)
        read_settings(endpoint);
    else
        imprint_principal_change(endpoint->principals, what);
}

static void look(struct imprint_endpoint *endpoint)
{
    uint64_t now_ms = (uint64_t)imprint_clock_now_ms();

    if (now_ms - endpoint->looked_ms < LOOK_MS)
        return;
    if (now_ms / 1000 != endpoint->looked_ms / 1000)
        evict_expired(endpoint);
    endpoint->looked_ms = now_ms;
    imprint_endpoint_tell_beat(endpoint);
    (void)imprint_registry_each_change(endpoint->registry, take_change,
                                       endpoint);
    imprint_principal_look(endpoint->principals, evict_all, endpoint);
}

bool imprint_endpoint_evicted(struct imprint_endpoint *endpoint,
                              struct imprint_endpoint_eviction *out)
{
    struct imprint_endpoint_session *session;
    char line[IMPRINT_LINE_LEN];
    char name[IMPRINT_ENDPOINT_NAME_LEN];
    enum imprint_registry_state state;
    char reason[64] = "";

    look(endpoint);
    session = endpoint->evicted;
    if (!session)
        return false;
    endpoint->evicted = session->next_evicted;
    session->is_evicted = false;
    state = session->principal->state;
    if (session->has_lost)
        (void)snprintf(reason, sizeof(reason), "its certificate %s%s",
                       state == IMPRINT_REGISTRY_ACTIVE ? "expired" : "is ",
                       state == IMPRINT_REGISTRY_ACTIVE
                           ? ""
                           : imprint_registry_state_name(state));
    (void)snprintf(
        line, sizeof(line), "%s: thrown off%s%s",
        imprint_endpoint_name(name, session->principal, session->client_id),
        reason[0] ? ", " : "", reason);
    imprint_endpoint_say(endpoint, line);
    imprint_endpoint_tell_thrown_off(endpoint, session, reason);
    out->session = session;
    out->has_lost = session->has_lost;
    return true;
}

/* ---- requests ---- */

/* True if it was too many, and got its answer: none, or the end. */
static bool throttle(struct imprint_endpoint *endpoint,
                     struct imprint_endpoint_session *session,
                     struct imprint_provision_request *request)
{
    static const enum imprint_rule rates[] = {
        [IMPRINT_OP_CREATE_KEYS] = IMPRINT_RULE_CREATE_KEYS_RATE,
        [IMPRINT_OP_CREATE_CSR] = IMPRINT_RULE_CREATE_CSR_RATE,
        [IMPRINT_OP_REGISTER] = IMPRINT_RULE_REGISTER_RATE,
    };
    enum imprint_operation operation = request->topic.operation;
    char line[IMPRINT_LINE_LEN];
    char name[IMPRINT_ENDPOINT_NAME_LEN];
    int64_t answer;

    if (imprint_rate_take(&endpoint->operations[operation],
                          imprint_rules_get(&endpoint->rules, rates[operation]),
                          1, (uint64_t)imprint_clock_now_ms()))
        return false;
    answer = imprint_rules_get(&endpoint->rules, IMPRINT_RULE_THROTTLE_ANSWER);
    (void)snprintf(
        line, sizeof(line), "%s: throttled, %s is used up%s",
        imprint_endpoint_name(name, session->principal, session->client_id),
        imprint_rules_row(rates[operation])->name,
        answer == IMPRINT_RULES_SILENCE ? "; no answer"
        : answer == IMPRINT_RULES_CLOSE ? "; closing"
                                        : "");
    imprint_endpoint_say(endpoint, line);
    imprint_endpoint_tell_throttled(endpoint, session,
                                    imprint_rules_row(rates[operation])->name);
    if (answer == IMPRINT_RULES_REJECT) {
        imprint_provision_throttle(request);
        return false;
    }
    if (answer == IMPRINT_RULES_CLOSE)
        imprint_endpoint_evict(endpoint, session, false);
    return true;
}

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
        imprint_endpoint_say(endpoint, "out of memory: a request was dropped");
        return true;
    }
    imprint_endpoint_tell_requested(endpoint, session, request);
    if (throttle(endpoint, session, request)) {
        imprint_provision_free(request);
        return true;
    }
    request->since_us = imprint_clock_now_us();
    request->session = session;
    request->is_gone = &session->is_gone;
    memcpy(request->client_id, session->client_id, sizeof(session->client_id));
    memcpy(request->claim_id, session->principal->id,
           sizeof(session->principal->id));
    (void)snprintf(request->claim, sizeof(request->claim), "%s",
                   session->principal->claim);
    if (++session->open_count > SESSION_MAX_OPEN_COUNT)
        imprint_provision_throttle(request);
    imprint_service_submit(endpoint->service, request);
    return true;
}

/* ---- replies ---- */

/* Nobody gets it. */
static void drop(struct imprint_endpoint *endpoint,
                 struct imprint_provision_request *request)
{
    struct imprint_endpoint_session *session = request->session;

    imprint_provision_free(request);
    if (--session->open_count == 0 && atomic_load(&session->is_gone))
        imprint_endpoint_free_session(endpoint, session);
}

/* Without memory it goes out at once. */
static bool hold(struct imprint_endpoint *endpoint,
                 struct imprint_provision_request *request)
{
    struct imprint_endpoint_held *held = calloc(1, sizeof(*held));
    struct imprint_endpoint_held **end = &endpoint->held;

    if (!held)
        return false;
    held->request = request;
    held->is_behind = request->fault.kind == IMPRINT_FAULT_SWAP;
    held->due_ms = (uint64_t)imprint_clock_now_ms() +
                   (held->is_behind ? 0 : (uint64_t)request->fault.number);
    request->fault.kind = IMPRINT_FAULT_NONE;
    while (*end)
        end = &(*end)->next;
    *end = held;
    return true;
}

/* The first held one whose time has come, or whose session went. */
static struct imprint_provision_request *take_due(
    struct imprint_endpoint *endpoint)
{
    uint64_t now_ms = (uint64_t)imprint_clock_now_ms();
    struct imprint_endpoint_held **link;

    for (link = &endpoint->held; *link; link = &(*link)->next) {
        struct imprint_endpoint_held *held = *link;
        struct imprint_provision_request *request = held->request;

        if (!atomic_load(request->is_gone) &&
            (held->is_behind || held->due_ms > now_ms))
            continue;
        *link = held->next;
        free(held);
        return request;
    }
    return NULL;
}

/* What was swapped goes right behind this one. */
static void release(struct imprint_endpoint *endpoint,
                    const struct imprint_endpoint_session *session)
{
    struct imprint_endpoint_held *held;

    for (held = endpoint->held; held; held = held->next) {
        if (held->request->session == session)
            held->is_behind = false;
    }
}

/* True: it is to be sent now. */
static bool pass_fault(struct imprint_endpoint *endpoint,
                       struct imprint_provision_request *request)
{
    struct imprint_endpoint_session *session = request->session;

    switch (request->fault.kind) {
    case IMPRINT_FAULT_CLOSE:
        imprint_endpoint_evict(endpoint, session, false);
        drop(endpoint, request);
        return false;
    case IMPRINT_FAULT_LOSE:
        drop(endpoint, request);
        return false;
    case IMPRINT_FAULT_DELAY:
    case IMPRINT_FAULT_SWAP:
        return !hold(endpoint, request);
    case IMPRINT_FAULT_DOUBLE:
        endpoint->is_double = true;
        return true;
    default:
        return true;
    }
}

/* Once that is carried out. */
static struct imprint_provision_request *take_done(
    struct imprint_endpoint *endpoint)
{
    struct imprint_provision_request *request =
        imprint_service_collect(endpoint->service);

    if (request)
        imprint_endpoint_tell_answered(endpoint, request);
    return request;
}

/* The next one to be sent, or NULL. */
static struct imprint_provision_request *take_reply(
    struct imprint_endpoint *endpoint)
{
    struct imprint_provision_request *request;

    while ((request = take_due(endpoint)) || (request = take_done(endpoint))) {
        if (atomic_load(request->is_gone) || !request->reply)
            drop(endpoint, request);
        else if (pass_fault(endpoint, request))
            return request;
    }
    return NULL;
}

bool imprint_endpoint_collect(struct imprint_endpoint *endpoint,
                              struct imprint_endpoint_reply *out)
{
    struct imprint_provision_request *request = endpoint->collected;

    look(endpoint);
    if (request && endpoint->is_double && !atomic_load(request->is_gone)) {
        endpoint->is_double = false;
    } else {
        endpoint->is_double = false;
        if (request)
            drop(endpoint, request);
        request = take_reply(endpoint);
        endpoint->collected = request;
        if (!request)
            return false;
        release(endpoint, request->session);
    }
    out->session = request->session;
    out->topic = request->reply_topic;
    out->payload = imprint_slice_of(request->reply, request->reply_len);
    return true;
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
