#include "service.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hook.h"
#include "keyring.h"
#include "posix/clock.h"
#include "posix/thread.h"
#include "posix/why.h"
#include "queue.h"
#include "templates.h"

#define BATCH_MAX_COUNT 64
#define TICK_MS 500 /* between looks for what expired */

/* A certificate that connected. */
struct note {
    struct note *next;
    char certificate_id[IMPRINT_AUTHORITY_ID_LEN + 1];
};

struct imprint_service {
    const struct imprint_endpoint_options *options;
    struct imprint_provision provision;
    struct imprint_templates templates; /* the thread's */
    struct imprint_authority *authority;
    struct imprint_registry *registry;
    struct imprint_pool *pool;
    struct imprint_hooks *hooks;
    pthread_t thread;
    bool is_started;
    struct imprint_queue parked; /* the thread's: for want of a key */
    struct note *being_noted;    /* the thread's: not committed yet */
    char *provider;              /* the thread's: what provision has */
    uint64_t expired_ms;         /* the thread's: of its last look */
    pthread_mutex_t lock;        /* all below */
    pthread_cond_t changed;
    bool is_stopping;
    bool has_key;  /* perhaps: a key came since the last look */
    bool is_moved; /* the clock */
    struct note *notes;
    size_t open_count;
    struct imprint_queue waiting;
    struct imprint_queue done;
};

static void say(const struct imprint_service *service, const char *line)
{
    if (service->options->log)
        service->options->log(service->options->user, line);
}

/* ---- a batch ---- */

static bool is_gone(const struct imprint_provision_request *request)
{
    return atomic_load(request->is_gone);
}

static bool needs_key(const struct imprint_provision_request *request)
{
    return request->topic.operation == IMPRINT_OP_CREATE_KEYS &&
           !request->key.pem && request->rejection.status_code == 0;
}

/* Parked requests come first; those that still lack a key are parked again. */
static void give_keys(struct imprint_service *service,
                      struct imprint_queue *incoming,
                      struct imprint_queue *batch)
{
    struct imprint_provision_request *request;
    struct imprint_queue all;

    imprint_queue_init(&all);
    imprint_queue_move(&all, &service->parked);
    imprint_queue_move(&all, incoming);
    while ((request = imprint_queue_pop(&all))) {
        if (is_gone(request) || !needs_key(request) ||
            (batch->count < BATCH_MAX_COUNT &&
             imprint_pool_take(service->pool, &request->key)))
            imprint_queue_push(batch, request);
        else
            imprint_queue_push(&service->parked, request);
    }
}

/* The request's own part of the transaction. Not OK: the transaction is off */
static enum imprint_status store_one(struct imprint_service *service,
                                     struct imprint_provision_request *request)
{
    enum imprint_status status = imprint_registry_mark(service->registry);
    enum imprint_status stored;

    if (status != IMPRINT_OK)
        return status;
    stored = imprint_provision_store(&service->provision, request);
    if (stored != IMPRINT_OK && request->rejection.status_code == 0 &&
        request->lack == IMPRINT_PROVISION_NOTHING) {
        say(service, imprint_registry_problem(service->registry));
        imprint_provision_fail(request);
    }
    request->key.is_used = stored == IMPRINT_OK;
    return imprint_registry_unmark(service->registry, stored == IMPRINT_OK);
}

static enum imprint_status store_notes(struct imprint_service *service)
{
    int64_t now = imprint_rules_now(service->provision.rules);
    const struct note *note;
    enum imprint_status status;

    for (note = service->being_noted; note; note = note->next) {
        status = imprint_registry_set_connected(service->registry,
                                                note->certificate_id, now);
        if (status != IMPRINT_OK && status != IMPRINT_ERR_NOT_FOUND)
            return status;
    }
    return IMPRINT_OK;
}

static void free_notes(struct note **notes)
{
    struct note *note;

    while ((note = *notes)) {
        *notes = note->next;
        free(note);
    }
}

static enum imprint_status store_batch(struct imprint_service *service,
                                       struct imprint_queue *batch)
{
    struct imprint_provision_request *request;
    enum imprint_status status = imprint_registry_begin(service->registry);

    if (status != IMPRINT_OK)
        return status;
    for (request = batch->first; request && status == IMPRINT_OK;
         request = request->next) {
        if (!is_gone(request) && request->rejection.status_code == 0 &&
            request->lack == IMPRINT_PROVISION_NOTHING)
            status = store_one(service, request);
    }
    if (status == IMPRINT_OK)
        status = store_notes(service);
    if (status == IMPRINT_OK)
        status = imprint_pool_save(service->pool, service->registry);
    if (status == IMPRINT_OK)
        status = imprint_registry_commit(service->registry);
    if (status == IMPRINT_OK)
        free_notes(&service->being_noted);
    else
        imprint_registry_undo(service->registry);
    return status;
}

/* True: it went where it gets what it lacks. */
static bool put_aside(struct imprint_service *service,
                      struct imprint_provision_request *request)
{
    enum imprint_provision_lack lack = request->lack;
    const struct imprint_rules *rules = service->provision.rules;

    if (lack == IMPRINT_PROVISION_NOTHING || is_gone(request) ||
        request->rejection.status_code != 0)
        return false;
    request->lack = IMPRINT_PROVISION_NOTHING;
    if (lack == IMPRINT_PROVISION_KEY) {
        imprint_pool_free_key(&request->key);
        free(request->certificate.pem);
        request->certificate.pem = NULL;
        imprint_queue_push(&service->parked, request);
        return true;
    }
    request->hook->user = request;
    request->hook->is_gone = request->is_gone;
    request->hook->timeout_ms =
        imprint_rules_get(rules, IMPRINT_RULE_HOOK_TIMEOUT_MS);
    imprint_hook_submit(
        service->hooks, request->hook,
        (size_t)imprint_rules_get(rules, IMPRINT_RULE_HOOK_MAX_COUNT));
    return true;
}

/* What was refused, or not stored at all, leaves its key as it was. */
static void give_back_key(struct imprint_service *service,
                          struct imprint_provision_request *request)
{
    if (request->key.pem &&
        (request->rejection.status_code != 0 || !request->key.is_used))
        imprint_pool_give_back(service->pool, &request->key);
}

/* Answered requests go to done. */
static void answer_batch(struct imprint_service *service,
                         struct imprint_queue *batch,
                         struct imprint_queue *done)
{
    struct imprint_provision_request *request;
    char line[IMPRINT_LINE_LEN];

    while ((request = imprint_queue_pop(batch))) {
        if (put_aside(service, request))
            continue;
        if (!is_gone(request) && imprint_provision_answer(request)) {
            imprint_provision_describe(request, line);
            say(service, line);
        }
        give_back_key(service, request);
        imprint_queue_push(done, request);
    }
}

/* The setting, for a batch that may need it; who signs must be known. */
static void find_provider(struct imprint_service *service,
                          const struct imprint_queue *batch)
{
    struct imprint_provision_request *first = batch->first;
    struct imprint_provision_request *request;
    enum imprint_status status;

    while (first && first->topic.operation != IMPRINT_OP_CREATE_CSR)
        first = first->next;
    if (!first)
        return;
    free(service->provider);
    service->provider = NULL;
    status = imprint_registry_find_setting(service->registry, "provider",
                                           &service->provider);
    service->provision.provider = service->provider;
    if (status == IMPRINT_OK || status == IMPRINT_ERR_NOT_FOUND)
        return;
    say(service, imprint_registry_problem(service->registry));
    for (request = first; request; request = request->next) {
        if (request->topic.operation == IMPRINT_OP_CREATE_CSR &&
            request->rejection.status_code == 0)
            imprint_provision_fail(request);
    }
}

/* A batch that could not be committed is rejected as a whole. */
static void carry_out(struct imprint_service *service,
                      struct imprint_queue *batch, struct imprint_queue *done)
{
    struct imprint_provision_request *request;

    find_provider(service, batch);
    for (request = batch->first; request; request = request->next) {
        if (!is_gone(request))
            imprint_provision_sign(&service->provision, request);
    }
    if (store_batch(service, batch) != IMPRINT_OK) {
        say(service, imprint_registry_problem(service->registry));
        for (request = batch->first; request; request = request->next) {
            if (request->rejection.status_code == 0 &&
                request->lack == IMPRINT_PROVISION_NOTHING)
                imprint_provision_fail(request);
        }
    }
    answer_batch(service, batch, done);
}

static void expire(struct imprint_service *service)
{
    char line[IMPRINT_LINE_LEN];
    size_t count = 0;

    if (imprint_registry_expire(service->registry,
                                imprint_rules_now(service->provision.rules),
                                &count) != IMPRINT_OK) {
        say(service, imprint_registry_problem(service->registry));
        return;
    }
    if (count == 0)
        return;
    (void)snprintf(line, sizeof(line),
                   "deleted %zu certificate%s that nobody registered in time",
                   count, count == 1 ? "" : "s");
    say(service, line);
}

/* ---- the thread ---- */

/* Until there is something to do, or TICK_MS passed. With the lock held. */
static void wait_for_work(struct imprint_service *service)
{
    uint64_t then_ms = (uint64_t)imprint_clock_now_ms() + TICK_MS;
    struct timespec then = {.tv_sec = (time_t)(then_ms / 1000),
                            .tv_nsec = (long)(then_ms % 1000) * 1000000};

    while (!service->is_stopping && service->waiting.count == 0 &&
           !service->has_key && !service->is_moved && !service->notes) {
        if (pthread_cond_timedwait(&service->changed, &service->lock, &then) ==
            ETIMEDOUT)
            return;
    }
}

/* True if a request is parked although there is a key: the batch was full. */
static bool could_go_on(const struct imprint_service *service)
{
    struct imprint_pool_figures figures = {.count = 0};

    if (service->parked.count > 0)
        imprint_pool_figures(service->pool, &figures);
    return figures.count > 0;
}

/* What came since the last time. With the lock held. */
static bool take_incoming(struct imprint_service *service,
                          struct imprint_queue *incoming)
{
    bool is_moved = service->is_moved;
    struct imprint_provision_request *request;
    struct note *note;

    service->has_key = false;
    service->is_moved = false;
    while ((note = service->notes)) {
        service->notes = note->next;
        note->next = service->being_noted;
        service->being_noted = note;
    }
    while (incoming->count < BATCH_MAX_COUNT &&
           (request = imprint_queue_pop(&service->waiting)))
        imprint_queue_push(incoming, request);
    return is_moved;
}

static void work_unlocked(struct imprint_service *service,
                          struct imprint_queue *incoming, bool is_moved,
                          struct imprint_queue *done)
{
    uint64_t now_ms = (uint64_t)imprint_clock_now_ms();
    struct imprint_queue batch;

    imprint_queue_init(&batch);
    if (is_moved || now_ms - service->expired_ms >= TICK_MS) {
        expire(service);
        service->expired_ms = now_ms;
    }
    if (incoming->count > 0)
        imprint_pool_yield(service->pool);
    give_keys(service, incoming, &batch);
    imprint_pool_want(service->pool, service->parked.count);
    if (batch.count > 0 || service->being_noted ||
        imprint_pool_is_unsaved(service->pool))
        carry_out(service, &batch, done);
}

/* With the lock held before and after. */
static void work(struct imprint_service *service)
{
    struct imprint_queue incoming;
    struct imprint_queue done;
    bool is_moved;

    imprint_queue_init(&incoming);
    imprint_queue_init(&done);
    is_moved = take_incoming(service, &incoming);
    (void)pthread_mutex_unlock(&service->lock);
    work_unlocked(service, &incoming, is_moved, &done);
    (void)pthread_mutex_lock(&service->lock);
    if (could_go_on(service))
        service->has_key = true;
    if (done.count == 0)
        return;
    imprint_queue_move(&service->done, &done);
    (void)pthread_mutex_unlock(&service->lock);
    service->options->wake(service->options->user);
    (void)pthread_mutex_lock(&service->lock);
}

static void *run(void *user)
{
    struct imprint_service *service = user;

    (void)pthread_mutex_lock(&service->lock);
    while (!service->is_stopping) {
        wait_for_work(service);
        if (!service->is_stopping)
            work(service);
    }
    (void)pthread_mutex_unlock(&service->lock);
    return NULL;
}

static void take_ready(void *user)
{
    struct imprint_service *service = user;

    (void)pthread_mutex_lock(&service->lock);
    service->has_key = true;
    (void)pthread_cond_signal(&service->changed);
    (void)pthread_mutex_unlock(&service->lock);
}

/* Its hook ran: the request begins again, and finds what came out. */
static void take_hook(void *user, struct imprint_hook_job *job)
{
    struct imprint_service *service = user;

    (void)pthread_mutex_lock(&service->lock);
    imprint_queue_push(&service->waiting, job->user);
    (void)pthread_cond_signal(&service->changed);
    (void)pthread_mutex_unlock(&service->lock);
}

/* ---- open, close ---- */

static enum imprint_status start_thread(struct imprint_service *service,
                                        struct imprint_why *why)
{
    service->is_started =
        imprint_thread_start(&service->thread, "imprint-worker", run, service);
    return service->is_started ? IMPRINT_OK
                               : imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                                                 "can't start a thread");
}

static enum imprint_status open_parts(struct imprint_service *service,
                                      struct imprint_why *why)
{
    struct imprint_pool_options pool = {.ready = take_ready, .user = service};
    enum imprint_status status =
        imprint_keyring_open(service->options->dir, &service->authority, why);

    if (status == IMPRINT_OK)
        status =
            imprint_registry_open(service->options->dir, IMPRINT_REGISTRY_WRITE,
                                  &service->registry, why);
    if (status != IMPRINT_OK)
        return status;
    service->provision.authority = service->authority;
    service->provision.registry = service->registry;
    pool.size = (size_t)imprint_rules_get(service->provision.rules,
                                          IMPRINT_RULE_POOL_SIZE);
    status = imprint_pool_open(&pool, service->registry, &service->pool, why);
    if (status == IMPRINT_OK)
        status = imprint_hook_open(take_hook, service, &service->hooks, why);
    return status == IMPRINT_OK ? start_thread(service, why) : status;
}

enum imprint_status imprint_service_open(
    const struct imprint_endpoint_options *options,
    const struct imprint_rules *rules, struct imprint_faults *faults,
    struct imprint_service **out, struct imprint_why *why)
{
    struct imprint_service *service = calloc(1, sizeof(*service));
    pthread_condattr_t attributes;
    enum imprint_status status;

    if (!service)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    service->options = options;
    service->provision.rules = rules;
    service->provision.faults = faults;
    service->provision.templates = &service->templates;
    imprint_queue_init(&service->parked);
    imprint_queue_init(&service->waiting);
    imprint_queue_init(&service->done);
    (void)pthread_mutex_init(&service->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&service->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    status = open_parts(service, why);
    if (status == IMPRINT_OK)
        *out = service;
    else
        imprint_service_close(service);
    return status;
}

void imprint_service_close(struct imprint_service *service)
{
    if (!service)
        return;
    (void)pthread_mutex_lock(&service->lock);
    service->is_stopping = true;
    (void)pthread_cond_broadcast(&service->changed);
    (void)pthread_mutex_unlock(&service->lock);
    if (service->is_started)
        (void)pthread_join(service->thread, NULL);
    imprint_hook_close(service->hooks);
    imprint_pool_close(service->pool);
    free_notes(&service->notes);
    free_notes(&service->being_noted);
    free(service->provider);
    imprint_queue_free(&service->parked);
    imprint_queue_free(&service->waiting);
    imprint_queue_free(&service->done);
    imprint_templates_free(&service->templates);
    imprint_registry_close(service->registry);
    imprint_authority_close(service->authority);
    (void)pthread_cond_destroy(&service->changed);
    (void)pthread_mutex_destroy(&service->lock);
    free(service);
}

/* ---- the caller's side ---- */

void imprint_service_submit(struct imprint_service *service,
                            struct imprint_provision_request *request)
{
    (void)pthread_mutex_lock(&service->lock);
    if (++service->open_count > IMPRINT_SERVICE_MAX_OPEN_COUNT)
        imprint_provision_throttle(request);
    imprint_queue_push(&service->waiting, request);
    (void)pthread_cond_signal(&service->changed);
    (void)pthread_mutex_unlock(&service->lock);
}

struct imprint_provision_request *imprint_service_collect(
    struct imprint_service *service)
{
    struct imprint_provision_request *request;

    (void)pthread_mutex_lock(&service->lock);
    request = imprint_queue_pop(&service->done);
    if (request)
        service->open_count--;
    (void)pthread_mutex_unlock(&service->lock);
    return request;
}

void imprint_service_wake(struct imprint_service *service)
{
    (void)pthread_mutex_lock(&service->lock);
    service->is_moved = true;
    (void)pthread_cond_signal(&service->changed);
    (void)pthread_mutex_unlock(&service->lock);
}

void imprint_service_note_connected(struct imprint_service *service,
                                    const char *certificate_id)
{
    struct note *note = calloc(1, sizeof(*note));

    if (!note)
        return; /* then it counts from its next connection on */
    (void)snprintf(note->certificate_id, sizeof(note->certificate_id), "%s",
                   certificate_id);
    (void)pthread_mutex_lock(&service->lock);
    note->next = service->notes;
    service->notes = note;
    (void)pthread_cond_signal(&service->changed);
    (void)pthread_mutex_unlock(&service->lock);
}

void imprint_service_figures(struct imprint_service *service,
                             struct imprint_pool_figures *out)
{
    imprint_pool_figures(service->pool, out);
}
