#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "posix/clock.h"
#include "posix/file.h"
#include "posix/thread.h"
#include "posix/why.h"

#define SIZE_MAX_COUNT 4096
#define YIELD_MS 100
#define YIELD_MAX_MS 5000
#define FAILED_MS 1000 /* OpenSSL can't make keys: do not ask all the time */

enum { THREAD_FILLS, THREAD_HELPS, THREAD_COUNT };

/* A ring is not needed: the newest key is as good as the oldest. */
struct stack {
    struct imprint_pool_key *keys;
    size_t count;
};

struct imprint_pool {
    struct imprint_pool_options options;
    pthread_t threads[THREAD_COUNT];
    size_t thread_count;
    atomic_bool stopping;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    struct stack saved;
    struct stack fresh; /* not in the registry */
    size_t wanted;
    uint64_t yielded_ms; /* when there was other work, and the last key */
    uint64_t filled_ms;
    size_t being_made;
    size_t made_count;
    uint64_t making_ms;
};

void imprint_pool_free_key(struct imprint_pool_key *key)
{
    if (key->pem)
        imprint_file_free_secret(key->pem, strlen(key->pem));
    *key = (struct imprint_pool_key){.pem = NULL};
}

/* pem becomes the stack's, which has room for every key there may be. */
static void push(struct stack *stack, int64_t id, char *pem)
{
    stack->keys[stack->count++] =
        (struct imprint_pool_key){.id = id, .pem = pem};
}

/*
 * Who waits for a key can't wait for the one that filling makes: on a machine
 * that is busy all the time, the lowest priority never gets done.
 */
static bool is_work(const struct imprint_pool *pool, size_t thread)
{
    size_t count = pool->saved.count + pool->fresh.count;
    size_t goal = pool->wanted;

    if (thread == THREAD_FILLS) {
        count += pool->being_made;
        if (pool->options.size > goal)
            goal = pool->options.size;
    }
    return count < goal && count + pool->being_made < SIZE_MAX_COUNT;
}

/* A look after wait_ms, or when something changed. With the lock held. */
static void rest(struct imprint_pool *pool, uint64_t wait_ms)
{
    uint64_t then_ms = (uint64_t)imprint_clock_now_ms() + wait_ms;
    struct timespec then = {.tv_sec = (time_t)(then_ms / 1000),
                            .tv_nsec = (long)(then_ms % 1000) * 1000000};

    if (!atomic_load(&pool->stopping))
        (void)pthread_cond_timedwait(&pool->changed, &pool->lock, &then);
}

/*
 * The lowest priority does not keep off a core that shares its silicon with a
 * busy one: so filling makes room by itself.
 */
static bool should_yield(const struct imprint_pool *pool, size_t thread)
{
    uint64_t now = (uint64_t)imprint_clock_now_ms();

    return thread == THREAD_FILLS && now - pool->yielded_ms < YIELD_MS &&
           now - pool->filled_ms < YIELD_MAX_MS;
}

/* One key, with the lock held before and after. */
static void make_one(struct imprint_pool *pool)
{
    uint64_t start_ms = (uint64_t)imprint_clock_now_ms();
    char *pem;

    pool->being_made++;
    (void)pthread_mutex_unlock(&pool->lock);
    pem = imprint_authority_make_rsa_key(&pool->stopping);
    (void)pthread_mutex_lock(&pool->lock);
    pool->being_made--;
    pool->filled_ms = (uint64_t)imprint_clock_now_ms();
    if (!pem) {
        rest(pool, FAILED_MS);
        return;
    }
    push(&pool->fresh, 0, pem);
    pool->made_count++;
    pool->making_ms += (uint64_t)imprint_clock_now_ms() - start_ms;
    (void)pthread_mutex_unlock(&pool->lock);
    pool->options.ready(pool->options.user);
    (void)pthread_mutex_lock(&pool->lock);
}

static void run(struct imprint_pool *pool, size_t thread)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (!atomic_load(&pool->stopping)) {
        if (is_work(pool, thread) && should_yield(pool, thread))
            rest(pool, YIELD_MS);
        else if (is_work(pool, thread))
            make_one(pool);
        else
            (void)pthread_cond_wait(&pool->changed, &pool->lock);
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

static void *fill(void *pool)
{
    struct sched_param parameters = {.sched_priority = 0};

    /* not at the cost of anybody else's work; if refused, at normal cost */
    (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &parameters);
    run(pool, THREAD_FILLS);
    return NULL;
}

static void *help(void *pool)
{
    run(pool, THREAD_HELPS);
    return NULL;
}

static void add_saved(void *user, int64_t id, const char *pem)
{
    struct imprint_pool *pool = user;
    char *copy = pool->saved.count < SIZE_MAX_COUNT ? strdup(pem) : NULL;

    if (copy)
        push(&pool->saved, id, copy);
}

static bool start_threads(struct imprint_pool *pool)
{
    static void *(*const mains[])(void *) = {fill, help};

    while (pool->thread_count < THREAD_COUNT &&
           imprint_thread_start(&pool->threads[pool->thread_count],
                                "imprint-keys", mains[pool->thread_count],
                                pool))
        pool->thread_count++;
    return pool->thread_count == THREAD_COUNT;
}

enum imprint_status imprint_pool_open(
    const struct imprint_pool_options *options,
    struct imprint_registry *registry, struct imprint_pool **out,
    struct imprint_why *why)
{
    /* both threads may have one under way */
    size_t room = SIZE_MAX_COUNT + THREAD_COUNT;
    struct imprint_pool *pool = calloc(1, sizeof(*pool));
    pthread_condattr_t attributes;
    enum imprint_status status;

    if (!pool)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    pool->options = *options;
    if (pool->options.size > SIZE_MAX_COUNT)
        pool->options.size = SIZE_MAX_COUNT;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    pool->saved.keys = calloc(room, sizeof(*pool->saved.keys));
    pool->fresh.keys = calloc(room, sizeof(*pool->fresh.keys));
    status = pool->saved.keys && pool->fresh.keys
                 ? imprint_registry_each_key(registry, add_saved, pool)
                 : IMPRINT_ERR_INTERNAL;
    if (status == IMPRINT_OK && !start_threads(pool))
        status = IMPRINT_ERR_INTERNAL;
    if (status != IMPRINT_OK) {
        imprint_pool_close(pool);
        return imprint_why_set(why, status, "can't fill the pool of keys");
    }
    *out = pool;
    return IMPRINT_OK;
}

static void free_stack(struct stack *stack)
{
    while (stack->count > 0)
        imprint_pool_free_key(&stack->keys[--stack->count]);
    free(stack->keys);
}

void imprint_pool_close(struct imprint_pool *pool)
{
    size_t i;

    if (!pool)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stopping, true);
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
    for (i = 0; i < pool->thread_count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    free_stack(&pool->saved);
    free_stack(&pool->fresh);
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

bool imprint_pool_take(struct imprint_pool *pool, struct imprint_pool_key *out)
{
    struct stack *stack;
    bool taken;

    (void)pthread_mutex_lock(&pool->lock);
    stack = pool->fresh.count > 0 ? &pool->fresh : &pool->saved;
    taken = stack->count > 0;
    if (taken) {
        *out = stack->keys[--stack->count];
        (void)pthread_cond_broadcast(&pool->changed);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return taken;
}

void imprint_pool_give_back(struct imprint_pool *pool,
                            struct imprint_pool_key *key)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->saved.count + pool->fresh.count < SIZE_MAX_COUNT) {
        push(key->id != 0 ? &pool->saved : &pool->fresh, key->id, key->pem);
        key->pem = NULL;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    imprint_pool_free_key(key);
}

void imprint_pool_yield(struct imprint_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->yielded_ms = (uint64_t)imprint_clock_now_ms();
    (void)pthread_mutex_unlock(&pool->lock);
}

void imprint_pool_want(struct imprint_pool *pool, size_t count)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (count != pool->wanted) {
        pool->wanted = count;
        (void)pthread_cond_broadcast(&pool->changed);
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

bool imprint_pool_is_unsaved(struct imprint_pool *pool)
{
    bool is_unsaved;

    (void)pthread_mutex_lock(&pool->lock);
    is_unsaved = pool->fresh.count > 0;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_unsaved;
}

enum imprint_status imprint_pool_save(struct imprint_pool *pool,
                                      struct imprint_registry *registry)
{
    enum imprint_status status = IMPRINT_OK;
    bool is_more = true;

    while (is_more && status == IMPRINT_OK) {
        struct imprint_pool_key key = {.pem = NULL};

        (void)pthread_mutex_lock(&pool->lock);
        is_more = pool->fresh.count > 0;
        if (is_more) {
            key = pool->fresh.keys[--pool->fresh.count];
            pool->being_made++; /* it is neither here nor there */
        }
        (void)pthread_mutex_unlock(&pool->lock);
        if (!is_more)
            break;
        status = imprint_registry_put_key(registry, key.pem, &key.id);
        (void)pthread_mutex_lock(&pool->lock);
        push(status == IMPRINT_OK ? &pool->saved : &pool->fresh, key.id,
             key.pem);
        pool->being_made--;
        (void)pthread_mutex_unlock(&pool->lock);
    }
    return status;
}

void imprint_pool_figures(struct imprint_pool *pool,
                          struct imprint_pool_figures *out)
{
    (void)pthread_mutex_lock(&pool->lock);
    out->count = pool->saved.count + pool->fresh.count;
    out->size = pool->options.size;
    out->made_count = pool->made_count;
    out->keys_per_second =
        pool->making_ms > 0
            ? 1000.0 * (double)pool->made_count / (double)pool->making_ms
            : 0;
    (void)pthread_mutex_unlock(&pool->lock);
}
