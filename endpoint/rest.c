#include "rest.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "fault.h"
#include "keyring.h"
#include "posix/clock.h"
#include "posix/why.h"
#include "rest_local.h"

#define LINE_LEN 1024

struct imprint_rest {
    char *dir;
    char *address;
    void (*log)(void *user, const char *line);
    void *user;
    bool is_open;
    struct imprint_authority *authority;
    struct imprint_rules rules;
    struct imprint_faults *faults;
    struct imprint_rest_local *local;
    struct imprint_rest_http *http;
    /* one for each thread; NULL: taken */
    struct imprint_registry *registries[IMPRINT_REST_THREAD_COUNT];
    pthread_mutex_t mutex;
};

/* ---- registries ---- */

/* There are as many as threads. */
static struct imprint_registry *take_registry(struct imprint_rest *rest)
{
    struct imprint_registry *registry = NULL;

    (void)pthread_mutex_lock(&rest->mutex);
    for (size_t i = 0; !registry && i < IMPRINT_REST_THREAD_COUNT; i++) {
        registry = rest->registries[i];
        rest->registries[i] = NULL;
    }
    (void)pthread_mutex_unlock(&rest->mutex);
    return registry;
}

static void give_registry(struct imprint_rest *rest,
                          struct imprint_registry *registry)
{
    (void)pthread_mutex_lock(&rest->mutex);
    for (size_t i = 0; registry && i < IMPRINT_REST_THREAD_COUNT; i++) {
        if (rest->registries[i])
            continue;
        rest->registries[i] = registry;
        registry = NULL;
    }
    (void)pthread_mutex_unlock(&rest->mutex);
}

/* ---- the way of a request ---- */

static enum imprint_status fail(struct imprint_rest_call *call,
                                enum imprint_status status)
{
    const char *problem = imprint_registry_problem(call->registry);

    if (call->error || status == IMPRINT_OK)
        return status;
    if (problem[0] == '\0')
        problem = "An internal failure; the endpoint's log may say more";
    if (status == IMPRINT_ERR_BUSY)
        return imprint_rest_refuse(call, IMPRINT_REST_UNAVAILABLE, "%s",
                                   problem);
    return imprint_rest_refuse(call, IMPRINT_REST_INTERNAL, "%s", problem);
}

/* GET changes nothing, and neither do the lists that are asked by POST. */
static enum imprint_status note(struct imprint_rest_call *call,
                                const struct imprint_rest_route *route)
{
    char who[80];
    const struct imprint_audit_entry entry = {who, route->name,
                                              call->labels[0]};
    struct imprint_why why = {"", ""};

    if (route->use == IMPRINT_REST_READ)
        return IMPRINT_OK;
    (void)snprintf(who, sizeof(who), "key:%s",
                   call->user && call->user[0] ? call->user : "-");
    if (imprint_audit_add(call->place->dir, &entry, &why) == IMPRINT_OK)
        return IMPRINT_OK;
    return imprint_rest_refuse(call, IMPRINT_REST_INTERNAL, "%s", why.text);
}

static enum imprint_status run(struct imprint_rest_call *call,
                               const struct imprint_rest_route *route)
{
    enum imprint_status status;

    if (route->use != IMPRINT_REST_WRITE) {
        status = note(call, route); /* it commits by itself */
        return status == IMPRINT_OK ? route->run(call) : status;
    }
    status = imprint_registry_begin(call->registry);
    if (status == IMPRINT_OK)
        status = imprint_registry_lock(call->registry, "control");
    if (status == IMPRINT_OK)
        status = route->run(call);
    if (status == IMPRINT_OK && call->has_failed)
        status = IMPRINT_ERR_INTERNAL;
    if (status == IMPRINT_OK)
        status = note(call, route);
    if (status == IMPRINT_OK)
        status = imprint_registry_commit(call->registry);
    if (status != IMPRINT_OK)
        imprint_registry_undo(call->registry);
    return status;
}

static bool has_service(const char *said, enum imprint_rest_service service)
{
    static const char *const names[] = {
        [IMPRINT_REST_IOT] = "iot",
        [IMPRINT_REST_IAM] = "iam",
        [IMPRINT_REST_STS] = "sts",
        [IMPRINT_REST_LAMBDA] = "lambda",
    };

    return strcmp(said, names[service]) == 0 ||
           (service == IMPRINT_REST_IOT && strcmp(said, "execute-api") == 0);
}

/* A signature for one service is none for another. */
static enum imprint_status check_service(struct imprint_rest_call *call,
                                         const struct imprint_rest_match *match,
                                         const char *said)
{
    if (said[0] == '\0' || has_service(said, match->service))
        return IMPRINT_OK;
    return imprint_rest_refuse(
        call, IMPRINT_REST_INVALID_SIGNATURE,
        "Credential should be scoped to correct service: not '%s'.", said);
}

static enum imprint_status refuse_path(
    struct imprint_rest_call *call, const struct imprint_rest_match *match,
    const struct imprint_signature_request *request)
{
    return imprint_rest_refuse(
        call,
        match->has_path ? IMPRINT_REST_METHOD : IMPRINT_REST_UNKNOWN_OPERATION,
        "%s %.200s is no operation of this endpoint; docs/FIDELITY.md lists "
        "those that it has",
        request->method, request->path);
}

static enum imprint_status read_body(
    struct imprint_rest_call *call, struct imprint_json **body,
    const struct imprint_signature_request *request)
{
    struct imprint_why why = {"", ""};

    *body = NULL;
    if (request->body.len > 0 && !call->form &&
        imprint_json_read(request->body, body, &why) != IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_SERIALIZATION,
                                   "The body: %s", why.text);
    if (!*body)
        *body = imprint_json_new();
    call->body = *body;
    return *body ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
}

/* Labels, decoded; what borrows is in texts. */
static enum imprint_status read_labels(struct imprint_rest_call *call,
                                       const struct imprint_rest_match *match,
                                       char *texts[])
{
    for (size_t i = 0; i < IMPRINT_REST_LABEL_MAX_COUNT; i++) {
        if (match->labels[i].len == 0)
            continue;
        texts[i] = imprint_query_decode(match->labels[i]);
        if (!texts[i] || !imprint_json_takes(texts[i]))
            return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                       "The path can't be read");
        call->labels[i] = texts[i];
    }
    return IMPRINT_OK;
}

static bool are_texts(const struct imprint_query *query)
{
    for (size_t i = 0; query && i < query->count; i++) {
        if (!imprint_json_takes(query->all[i].value))
            return false;
    }
    return true;
}

static enum imprint_status operate(
    struct imprint_rest_call *call, const struct imprint_rest_match *match,
    const struct imprint_signature_request *request)
{
    char *texts[IMPRINT_REST_LABEL_MAX_COUNT] = {NULL};
    struct imprint_json *body = NULL;
    enum imprint_status status = read_labels(call, match, texts);

    if (status == IMPRINT_OK &&
        (!are_texts(call->query) || !are_texts(call->form)))
        status = imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                     "A parameter is no UTF-8");
    if (status == IMPRINT_OK)
        status = read_body(call, &body, request);
    if (status == IMPRINT_OK)
        status = imprint_rest_route_check(call, match->route);
    if (status == IMPRINT_OK)
        status = run(call, match->route);
    for (size_t i = 0; i < IMPRINT_REST_LABEL_MAX_COUNT; i++)
        free(texts[i]);
    imprint_json_free(body);
    call->body = NULL;
    return status;
}

/* IAM and STS: a form at "/", whose Action is the operation. */
static struct imprint_query *read_form(
    const struct imprint_signature_request *request)
{
    const char *type = imprint_signature_header(request, "content-type");

    if (strcmp(request->path, "/") != 0 || !type ||
        strncmp(type, "application/x-www-form-urlencoded", 33) != 0)
        return NULL;
    return imprint_query_read_form(request->body);
}

static void wait_ms(int64_t ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* A rule of the setting "faults" may want it to go wrong. */
static enum imprint_status strike(struct imprint_rest_call *call,
                                  struct imprint_faults *faults,
                                  const struct imprint_rest_route *route)
{
    const struct imprint_fault_case now = {.event = IMPRINT_FAULT_REST,
                                           .operation = route->name};
    struct imprint_why why = {"", ""};
    struct imprint_fault fault;
    char *text = NULL;
    enum imprint_status status =
        imprint_registry_find_setting(call->registry, "faults", &text);

    if (status == IMPRINT_OK)
        status = imprint_fault_set(faults, imprint_slice_text(text), &why);
    free(text);
    if (status != IMPRINT_OK)
        return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
    imprint_fault_match(faults, &now, &fault);
    if (fault.kind == IMPRINT_FAULT_DELAY)
        wait_ms(fault.number);
    if (fault.kind != IMPRINT_FAULT_REFUSE)
        return IMPRINT_OK;
    call->status = (unsigned)fault.number;
    return imprint_rest_refuse(call, imprint_rest_error_find(fault.text),
                               "A fault rule wants it so");
}

static enum imprint_status route(
    struct imprint_rest *rest, struct imprint_rest_call *call,
    struct imprint_rest_match *match,
    const struct imprint_signature_request *request, const char *service)
{
    const char *action =
        call->form ? imprint_query_find(call->form, "Action") : NULL;
    enum imprint_status status;

    if (!imprint_rest_route_find(request->method, request->path, action, match))
        return refuse_path(call, match, request);
    status = check_service(call, match, service);
    if (status == IMPRINT_OK)
        status = strike(call, rest->faults, match->route);
    return status == IMPRINT_OK ? operate(call, match, request) : status;
}

static void say(const struct imprint_rest *rest,
                const struct imprint_rest_call *call,
                const struct imprint_rest_match *match,
                const struct imprint_signature_request *request)
{
    char line[LINE_LEN];

    if (!rest->log)
        return;
    (void)snprintf(line, sizeof(line), "rest %s%s%s%s%s: %s%s%s",
                   match->route ? match->route->name : request->method,
                   match->route ? "" : " ", match->route ? "" : request->path,
                   call->user && call->user[0] ? " by " : "",
                   call->user ? call->user : "",
                   call->error ? imprint_rest_error_name(call->error) : "ok",
                   call->error ? ": " : "", call->message);
    rest->log(rest->user, line);
}

static void carry_out(struct imprint_rest *rest,
                      const struct imprint_signature_request *request,
                      struct imprint_rest_call *call,
                      struct imprint_rest_answer *out)
{
    struct imprint_rest_match match = {.route = NULL};
    int64_t since_us = imprint_clock_now_us();
    char service[IMPRINT_SIGNATURE_WORD_LEN] = "";
    char user[65] = "";
    enum imprint_status status;

    call->user = user;
    status =
        imprint_rest_auth_check(call, request, rest->is_open, user, service);
    if (status == IMPRINT_OK)
        status = route(rest, call, &match, request, service);
    if (status == IMPRINT_OK && call->has_failed)
        status = IMPRINT_ERR_INTERNAL;
    (void)fail(call, status);
    imprint_rest_write(call, &match, out);
    imprint_rest_local_note(
        rest->local, match.route ? match.route->name : "none",
        call->error ? imprint_rest_error_name(call->error) : NULL,
        imprint_clock_now_us() - since_us);
    say(rest, call, &match, request);
}

void imprint_rest_answer(struct imprint_rest *rest,
                         const struct imprint_signature_request *request,
                         struct imprint_rest_answer *out)
{
    struct imprint_registry *registry = take_registry(rest);
    const struct imprint_rest_place place = {rest->dir, rest->address,
                                             rest->authority};
    const char *principal =
        imprint_signature_header(request, "x-amzn-principal");
    struct imprint_query *query = imprint_query_read(request->query);
    struct imprint_query *form = read_form(request);
    struct imprint_rest_call call = {
        .place = &place,
        .registry = registry,
        .rules = &rest->rules,
        .query = query,
        .form = form,
        .principal = principal ? principal
                               : imprint_signature_header(
                                     request, "x-amzn-iot-principal"),
        .policy = imprint_signature_header(request, "x-amzn-iot-policy"),
        .out = imprint_json_new(),
    };

    if (registry && query && call.out) {
        imprint_rules_read(&rest->rules, registry, false);
        call.now = imprint_rules_now(&rest->rules);
        if (!imprint_rest_local_answer(rest->local, registry, request, out))
            carry_out(rest, request, &call, out);
    } else {
        imprint_rest_write_error(IMPRINT_REST_INVALID_REQUEST,
                                 "The query can't be read", out);
    }
    imprint_json_free(call.out);
    imprint_query_free(query);
    imprint_query_free(form);
    free(call.xml.bytes);
    if (call.raw)
        explicit_bzero(call.raw, strlen(call.raw));
    free(call.raw);
    give_registry(rest, registry);
}

/* ---- open ---- */

static enum imprint_status open_registries(struct imprint_rest *rest,
                                           struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;

    for (size_t i = 0; status == IMPRINT_OK && i < IMPRINT_REST_THREAD_COUNT;
         i++)
        status = imprint_registry_open(rest->dir, IMPRINT_REGISTRY_WRITE,
                                       &rest->registries[i], why);
    if (status == IMPRINT_OK)
        imprint_rules_read(&rest->rules, rest->registries[0], true);
    return status;
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* Who others reach has TLS and wants signatures. */
static enum imprint_status check_reach(
    const struct imprint_rest_options *options, struct imprint_why *why)
{
    if (is_loopback(options->host))
        return IMPRINT_OK;
    if (options->is_open) {
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "without signatures, \"%s\" would let everybody "
                              "in",
                              options->host);
        imprint_why_hint(why, "listen on 127.0.0.1, or leave --no-auth out");
        return IMPRINT_ERR_SETTINGS;
    }
    if (options->is_remote && options->is_tls)
        return IMPRINT_OK;
    (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                          "\"%s\" can be reached from other machines",
                          options->host);
    imprint_why_hint(why, "listen on 127.0.0.1, or give --allow-remote and "
                          "--rest-tls");
    return IMPRINT_ERR_SETTINGS;
}

enum imprint_status imprint_rest_open(
    const struct imprint_rest_options *options, struct imprint_rest **out,
    struct imprint_why *why)
{
    struct imprint_rest *rest;
    enum imprint_status status = check_reach(options, why);

    if (status != IMPRINT_OK)
        return status;
    rest = calloc(1, sizeof(*rest));
    if (!rest)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    (void)pthread_mutex_init(&rest->mutex, NULL);
    rest->log = options->log;
    rest->user = options->user;
    rest->is_open = options->is_open;
    rest->dir = strdup(options->dir);
    rest->address = strdup(options->address);
    if (!rest->dir || !rest->address)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK)
        status = imprint_keyring_open(rest->dir, &rest->authority, why);
    if (status == IMPRINT_OK)
        status = open_registries(rest, why);
    if (status == IMPRINT_OK && !(rest->faults = imprint_fault_new()))
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK)
        status =
            imprint_rest_local_open(options, &rest->rules, &rest->local, why);
    if (status == IMPRINT_OK)
        status = imprint_rest_http_open(options, rest, &rest->http, why);
    if (status == IMPRINT_OK)
        *out = rest;
    else
        imprint_rest_close(rest);
    return status;
}

const struct imprint_watch *imprint_rest_watch(const struct imprint_rest *rest)
{
    return imprint_rest_local_watch(rest->local);
}

uint16_t imprint_rest_port(const struct imprint_rest *rest)
{
    return imprint_rest_http_port(rest->http);
}

void imprint_rest_close(struct imprint_rest *rest)
{
    if (!rest)
        return;
    imprint_rest_http_close(rest->http);
    imprint_rest_local_close(rest->local);
    for (size_t i = 0; i < IMPRINT_REST_THREAD_COUNT; i++)
        imprint_registry_close(rest->registries[i]);
    imprint_authority_close(rest->authority);
    imprint_fault_free(rest->faults);
    (void)pthread_mutex_destroy(&rest->mutex);
    free(rest->dir);
    free(rest->address);
    free(rest);
}
