#include "service.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "keyring.h"
#include "posix/clock.h"
#include "posix/why.h"

#define BATCH_MAX_COUNT 64
#define POOL_SIZE_COUNT 256
#define TICK_MS 500 /* between looks for what expired */

struct queue {
    struct imprint_provision_request *first;
    struct imprint_provision_request **end;
    size_t count;
};

struct imprint_service {
    const struct imprint_endpoint_options *options;
    struct imprint_provision provision;
    struct imprint_authority *authority;
    struct imprint_registry *registry;
    struct imprint_pool *pool;
    pthread_t thread;
    bool is_started;
    struct queue parked;  /* the thread's: for want of a key */
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    bool is_stopping;
    bool has_key; /* perhaps: a key came since the last look */
    size_t open_count;
    struct queue waiting;
    struct queue done;
};

static void init_queue(struct queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
    queue->count = 0;
}

static void push(struct queue *queue, struct imprint_provision_request *request)
{
    request->next = NULL;
    *queue->end = request;
    queue->end = &request->next;
    queue->count++;
}

static struct imprint_provision_request *pop(struct queue *queue)
{
    struct imprint_provision_request *request = queue->first;

    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->end = &queue->first;
    queue->count--;
    request->next = NULL;
    return request;
}

static void push_all(struct queue *queue, struct queue *from)
{
    struct imprint_provision_request *request;

    while ((request = pop(from)))
        push(queue, request);
}

static void free_queue(struct queue *queue)
{
    struct imprint_provision_request *request;

    while ((request = pop(queue)))
        imprint_provision_free(request);
}

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
static void give_keys(struct imprint_service *service, struct queue *incoming,
                      struct queue *batch)
{
    struct imprint_provision_request *request;
    struct queue all;

    init_queue(&all);
    push_all(&all, &service->parked);
    push_all(&all, incoming);
    while ((request = pop(&all))) {
        if (is_gone(request) || !needs_key(request) ||
            (batch->count < BATCH_MAX_COUNT &&
             imprint_pool_take(service->pool, &request->key)))
            push(batch, request);
        else
            push(&service->parked, request);
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
        !request->key_is_lost) {
        say(service, imprint_registry_problem(service->registry));
        imprint_provision_fail(request);
    }
    return imprint_registry_unmark(service->registry, stored == IMPRINT_OK);
}

static enum imprint_status store_batch(struct imprint_service *service,
                                       struct queue *batch)
{
    struct imprint_provision_request *request;
    enum imprint_status status = imprint_registry_begin(service->registry);

    if (status != IMPRINT_OK)
        return status;
    for (request = batch->first; request && status == IMPRINT_OK;
         request = request->next) {
        if (!is_gone(request) && request->rejection.status_code == 0)
            status = store_one(service, request);
    }
    if (status == IMPRINT_OK)
        status = imprint_pool_save(service->pool, service->registry);
    if (status == IMPRINT_OK)
        status = imprint_registry_commit(service->registry);
    if (status != IMPRINT_OK)
        imprint_registry_undo(service->registry);
    return status;
}

/* Answered requests go to done; one whose key was lost, back to parked. */
static void answer_batch(struct imprint_service *service, struct queue *batch,
                         struct queue *done)
{
    struct imprint_provision_request *request;
    char line[IMPRINT_LINE_LEN];

    while ((request = pop(batch))) {
        if (request->key_is_lost && request->rejection.status_code == 0) {
            imprint_pool_free_key(&request->key);
            free(request->certificate.pem);
            request->certificate.pem = NULL;
            request->key_is_lost = false;
            push(&service->parked, request);
            continue;
        }
        if (!is_gone(request) && imprint_provision_answer(request)) {
            imprint_provision_describe(request, line);
            say(service, line);
        }
        push(done, request);
    }
}

/* A batch that could not be committed is rejected as a whole. */
static void carry_out(struct imprint_service *service, struct queue *batch,
                      struct queue *done)
{
    struct imprint_provision_request *request;

    for (request = batch->first; request; request = request->next) {
        if (!is_gone(request))
            imprint_provision_sign(&service->provision, request);
    }
    if (store_batch(service, batch) != IMPRINT_OK) {
        say(service, imprint_registry_problem(service->registry));
        for (request = batch->first; request; request = request->next) {
            if (request->rejection.status_code == 0)
                imprint_provision_fail(request);
        }
    }
    answer_batch(service, batch, done);
}

static void expire(struct imprint_service *service)
{
    char line[IMPRINT_LINE_LEN];
    size_t count = 0;

    if (imprint_registry_expire(service->registry, (int64_t)time(NULL),
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
           !service->has_key) {
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

/* With the lock held before and after. */
static void work(struct imprint_service *service, uint64_t *expired_ms)
{
    struct imprint_provision_request *request;
    struct queue incoming;
    struct queue batch;
    struct queue done;

    init_queue(&incoming);
    init_queue(&batch);
    init_queue(&done);
    service->has_key = false;
    while (incoming.count < BATCH_MAX_COUNT &&
           (request = pop(&service->waiting)))
        push(&incoming, request);
    (void)pthread_mutex_unlock(&service->lock);
    if (incoming.count > 0)
        imprint_pool_yield(service->pool);
    give_keys(service, &incoming, &batch);
    imprint_pool_want(service->pool, service->parked.count);
    if (batch.count > 0 || imprint_pool_is_unsaved(service->pool))
        carry_out(service, &batch, &done);
    if ((uint64_t)imprint_clock_now_ms() - *expired_ms >= TICK_MS) {
        expire(service);
        *expired_ms = (uint64_t)imprint_clock_now_ms();
    }
    (void)pthread_mutex_lock(&service->lock);
    if (could_go_on(service))
        service->has_key = true;
    if (done.count == 0)
        return;
    push_all(&service->done, &done);
    (void)pthread_mutex_unlock(&service->lock);
    service->options->wake(service->options->user);
    (void)pthread_mutex_lock(&service->lock);
}

static void *run(void *user)
{
    struct imprint_service *service = user;
    uint64_t expired_ms = 0;

    (void)pthread_mutex_lock(&service->lock);
    while (!service->is_stopping) {
        wait_for_work(service);
        if (!service->is_stopping)
            work(service, &expired_ms);
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

/* ---- open, close ---- */

static enum imprint_status start_thread(struct imprint_service *service,
                                        struct imprint_why *why)
{
    sigset_t all;
    sigset_t before;

    /* the caller's signals are not for this thread */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    service->is_started =
        pthread_create(&service->thread, NULL, run, service) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
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
    service->provision = (struct imprint_provision){
        .authority = service->authority,
        .registry = service->registry,
        .token_lifetime_s =
            imprint_registry_setting(service->registry, "token_lifetime_s",
                                     IMPRINT_PROVISION_TOKEN_LIFETIME_S),
    };
    pool.size = (size_t)imprint_registry_setting(service->registry, "pool_size",
                                                 POOL_SIZE_COUNT);
    status = imprint_pool_open(&pool, service->registry, &service->pool, why);
    return status == IMPRINT_OK ? start_thread(service, why) : status;
}

enum imprint_status imprint_service_open(
    const struct imprint_endpoint_options *options,
    struct imprint_service **out, struct imprint_why *why)
{
    struct imprint_service *service = calloc(1, sizeof(*service));
    pthread_condattr_t attributes;
    enum imprint_status status;

    if (!service)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    service->options = options;
    init_queue(&service->parked);
    init_queue(&service->waiting);
    init_queue(&service->done);
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
    imprint_pool_close(service->pool);
    free_queue(&service->parked);
    free_queue(&service->waiting);
    free_queue(&service->done);
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
    push(&service->waiting, request);
    (void)pthread_cond_signal(&service->changed);
    (void)pthread_mutex_unlock(&service->lock);
}

struct imprint_provision_request *imprint_service_collect(
    struct imprint_service *service)
{
    struct imprint_provision_request *request;

    (void)pthread_mutex_lock(&service->lock);
    request = pop(&service->done);
    if (request)
        service->open_count--;
    (void)pthread_mutex_unlock(&service->lock);
    return request;
}

void imprint_service_figures(struct imprint_service *service,
                             struct imprint_pool_figures *out)
{
    imprint_pool_figures(service->pool, out);
}
