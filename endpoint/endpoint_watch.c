#include <stdio.h>
#include <string.h>

#include "endpoint_parts.h"
#include "posix/clock.h"

static const char *const operations[] = {
    [IMPRINT_OP_CREATE_KEYS] = "CreateKeysAndCertificate",
    [IMPRINT_OP_CREATE_CSR] = "CreateCertificateFromCsr",
    [IMPRINT_OP_REGISTER] = "RegisterThing",
};

#define COPY(field, text) (void)snprintf(field, sizeof(field), "%s", text)
/* The beginning of what may be longer. */
#define CUT(field, text) \
    (void)snprintf(field, sizeof(field), "%.*s", (int)sizeof(field) - 1, text)

/* Of a client that has a certificate which we know. */
static void name_client(struct imprint_watch_event *event,
                        const struct imprint_principal *principal,
                        const char *client_id)
{
    CUT(event->client_id, client_id);
    CUT(event->certificate, principal->id);
    CUT(event->claim, principal->claim);
    CUT(event->thing, principal->thing);
}

static void name_session(struct imprint_watch_event *event,
                         const struct imprint_endpoint_session *session)
{
    name_client(event, session->principal, session->client_id);
    COPY(event->address, session->address);
}

void imprint_endpoint_tell_connected(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_CONNECTED};

    name_session(&event, session);
    imprint_watch_add(endpoint->watch, IMPRINT_WATCH_CLIENTS, 1);
    imprint_watch_add(endpoint->watch, IMPRINT_WATCH_CONNECTED, 1);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_refused(const struct imprint_endpoint *endpoint,
                                   const struct imprint_endpoint_connect *who,
                                   const char *id, const char *reason)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_REFUSED};

    CUT(event.client_id, who->client_id);
    CUT(event.address, who->address);
    CUT(event.certificate, id);
    CUT(event.text, reason);
    imprint_watch_add(endpoint->watch, IMPRINT_WATCH_REFUSED, 1);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_denied(const struct imprint_endpoint *endpoint,
                                  const struct imprint_principal *principal,
                                  const struct imprint_policy_request *request,
                                  const char *reason)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_DENIED};
    bool is_connect = strcmp(request->action, "iot:Connect") == 0;

    name_client(&event, principal, request->client_id);
    CUT(event.address, request->source_ip);
    COPY(event.what, request->action);
    (void)snprintf(event.text, sizeof(event.text), "%.160s: not allowed%.300s",
                   request->resource, reason);
    if (is_connect)
        event.kind = IMPRINT_WATCH_EVENT_REFUSED;
    imprint_watch_add(endpoint->watch,
                      is_connect ? IMPRINT_WATCH_REFUSED : IMPRINT_WATCH_DENIED,
                      1);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_subscribed(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session, const char *filter)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_SUBSCRIBED};

    name_session(&event, session);
    CUT(event.what, filter);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_requested(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session,
    const struct imprint_provision_request *request)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_REQUESTED};

    name_session(&event, session);
    COPY(event.what, operations[request->topic.operation]);
    COPY(event.template_name, request->template_name);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_throttled(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session, const char *rate)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_THROTTLED};

    name_session(&event, session);
    (void)snprintf(event.text, sizeof(event.text), "%s is used up", rate);
    imprint_watch_add(endpoint->watch, IMPRINT_WATCH_THROTTLED, 1);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_thrown_off(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session, const char *reason)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_THROWN_OFF};

    name_session(&event, session);
    CUT(event.text, reason);
    imprint_watch_add(endpoint->watch, IMPRINT_WATCH_THROWN_OFF, 1);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_left(const struct imprint_endpoint *endpoint,
                                const struct imprint_endpoint_session *session)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_LEFT};

    name_session(&event, session);
    imprint_watch_add(endpoint->watch, IMPRINT_WATCH_CLIENTS, -1);
    imprint_watch_tell(endpoint->watch, &event);
}

/* ---- what came of a request ---- */

static const char *outcome_name(enum imprint_hook_outcome outcome)
{
    switch (outcome) {
    case IMPRINT_HOOK_ANSWERED:
        return "answered";
    case IMPRINT_HOOK_LATE:
        return "late";
    case IMPRINT_HOOK_FAILED:
        return "failed";
    default:
        return "not-run";
    }
}

static void name_request(struct imprint_watch_event *event,
                         const struct imprint_provision_request *request)
{
    CUT(event->client_id, request->client_id);
    CUT(event->certificate, request->claim_id);
    COPY(event->claim, request->claim);
    COPY(event->what, operations[request->topic.operation]);
    COPY(event->template_name, request->template_name);
}

static void tell_hook(const struct imprint_endpoint *endpoint,
                      const struct imprint_provision_request *request)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_HOOK};
    const struct imprint_hook_job *job = request->hook;

    name_request(&event, request);
    event.took_us = job->took_us;
    COPY(event.result, outcome_name(job->outcome));
    if (job->outcome != IMPRINT_HOOK_ANSWERED)
        CUT(event.text, job->problem);
    imprint_meter_add(imprint_watch_hooks(endpoint->watch), event.result, "",
                      event.template_name, (uint64_t)job->took_us);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_answered(
    const struct imprint_endpoint *endpoint,
    const struct imprint_provision_request *request)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_ANSWERED};
    bool is_accepted = request->rejection.status_code == 0;
    const char *note = request->note;

    if (request->hook && request->hook->outcome != IMPRINT_HOOK_NOT_RUN)
        tell_hook(endpoint, request);
    name_request(&event, request);
    event.took_us = imprint_clock_now_us() - request->since_us;
    COPY(event.result, is_accepted ? "accepted" : request->rejection.code);
    CUT(event.made, request->certificate.id);
    if (is_accepted && request->topic.operation == IMPRINT_OP_REGISTER)
        COPY(event.thing, request->thing_name);
    (void)snprintf(event.text, sizeof(event.text), "%.250s%s%.250s",
                   is_accepted ? "" : request->rejection.message,
                   is_accepted || note[0] == '\0' ? "" : "; ", note);
    imprint_meter_add(imprint_watch_requests(endpoint->watch), event.what,
                      event.result, event.template_name,
                      (uint64_t)event.took_us);
    imprint_watch_tell(endpoint->watch, &event);
}

void imprint_endpoint_tell_beat(const struct imprint_endpoint *endpoint)
{
    struct imprint_watch *watch = endpoint->watch;
    struct imprint_pool_figures pool;

    imprint_service_figures(endpoint->service, &pool);
    imprint_watch_set(watch, IMPRINT_WATCH_POOL_COUNT, (int64_t)pool.count);
    imprint_watch_set(watch, IMPRINT_WATCH_POOL_SIZE, (int64_t)pool.size);
    imprint_watch_set(watch, IMPRINT_WATCH_POOL_MADE, (int64_t)pool.made_count);
    imprint_watch_set(watch, IMPRINT_WATCH_BEAT_MS, imprint_clock_now_ms());
}
