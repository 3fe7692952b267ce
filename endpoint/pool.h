/*
 * RSA keys made ahead, for CreateKeysAndCertificate: making one takes 0.2 to
 * 1 s, handing one out no time. One thread of the lowest priority keeps the
 * pool full; a second one helps while somebody waits.
 *
 * All calls are for one thread, the taker's, but imprint_pool_figures.
 */
#ifndef IMPRINT_ENDPOINT_POOL_H
#define IMPRINT_ENDPOINT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"
#include "registry.h"

struct imprint_pool;

struct imprint_pool_options {
    size_t size; /* keys to hold */
    /* Called from the pool's threads when there is a new key. */
    void (*ready)(void *user);
    void *user;
};

/* Begins with the registry's spare keys. */
IMPRINT_MUST_USE enum imprint_status imprint_pool_open(
    const struct imprint_pool_options *options,
    struct imprint_registry *registry, struct imprint_pool **out,
    struct imprint_why *why);
/* Waits for the threads; NULL is fine. */
void imprint_pool_close(struct imprint_pool *pool);

struct imprint_pool_key {
    int64_t id;   /* the registry's; 0: it was never stored */
    char *pem;    /* for imprint_pool_free_key */
    bool is_used; /* the taker's: it is a certificate's now */
};

/* False: there is none now. Before use, take it from the registry as well. */
bool imprint_pool_take(struct imprint_pool *pool, struct imprint_pool_key *out);
/* Back to where it came from: nobody has seen it. */
void imprint_pool_give_back(struct imprint_pool *pool,
                            struct imprint_pool_key *key);
void imprint_pool_free_key(struct imprint_pool_key *key);

/* There is other work now: filling can wait for a while, up to 5 s a key. */
void imprint_pool_yield(struct imprint_pool *pool);

/* How many are waiting for a key. */
void imprint_pool_want(struct imprint_pool *pool, size_t count);

/* Keys that are not stored yet. */
bool imprint_pool_is_unsaved(struct imprint_pool *pool);

/* Stores them, in the transaction that is open. */
enum imprint_status imprint_pool_save(struct imprint_pool *pool,
                                      struct imprint_registry *registry);

struct imprint_pool_figures {
    size_t count;
    size_t size;
    size_t made_count;
    double keys_per_second; /* of one thread that makes keys; 0: none yet */
};

/* From any thread. */
void imprint_pool_figures(struct imprint_pool *pool,
                          struct imprint_pool_figures *out);

#endif
