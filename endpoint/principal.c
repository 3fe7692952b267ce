#include "principal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKET_COUNT 4096 /* a power of two */
#define IDLE_MAX_COUNT 256
#define SCAN_BUCKET_COUNT 64 /* in one look */

struct imprint_principals {
    struct imprint_registry *registry;
    struct imprint_principal *buckets[BUCKET_COUNT];
    size_t idle_count;
    size_t scan_left; /* buckets still to be looked through for stale ones */
};

/* Ids are digests: any of their digits are as good as a hash. */
static struct imprint_principal **bucket_of(struct imprint_principals *cache,
                                            const char *id)
{
    uint32_t hash = 0;
    size_t i;

    for (i = 0; i < 8 && id[i] != '\0'; i++)
        hash = hash * 31 + (uint8_t)id[i];
    return &cache->buckets[hash & (BUCKET_COUNT - 1)];
}

static void drop_policies(struct imprint_principal *principal)
{
    while (principal->policy_count > 0)
        imprint_policy_free(principal->policies[--principal->policy_count]);
    principal->is_broken = false;
}

static void free_principal(struct imprint_principal *principal)
{
    drop_policies(principal);
    free(principal);
}

struct imprint_principals *imprint_principal_open(
    struct imprint_registry *registry)
{
    struct imprint_principals *cache = calloc(1, sizeof(*cache));

    if (cache)
        cache->registry = registry;
    return cache;
}

void imprint_principal_close(struct imprint_principals *cache)
{
    size_t i;

    if (!cache)
        return;
    for (i = 0; i < BUCKET_COUNT; i++) {
        while (cache->buckets[i]) {
            struct imprint_principal *principal = cache->buckets[i];

            cache->buckets[i] = principal->next;
            free_principal(principal);
        }
    }
    free(cache);
}

/* ---- reading ---- */

static void take_certificate(void *user,
                             const struct imprint_registry_certificate *found)
{
    struct imprint_principal *principal = user;

    (void)snprintf(principal->claim, sizeof(principal->claim), "%s",
                   found->claim ? found->claim : "");
    (void)snprintf(principal->thing, sizeof(principal->thing), "%s",
                   found->thing ? found->thing : "");
    principal->state = found->state;
    principal->not_after = found->not_after;
}

static void take_policy(void *user, const char *name, const char *document)
{
    struct imprint_principal *principal = user;
    size_t at = principal->policy_count;

    (void)name;
    if (at == IMPRINT_PRINCIPAL_POLICY_MAX_COUNT ||
        imprint_policy_parse(imprint_slice_text(document),
                             &principal->policies[at], NULL) != IMPRINT_OK)
        principal->is_broken = true;
    else
        principal->policy_count++;
}

/* A certificate that is not there is as good as revoked. */
static enum imprint_status read_again(struct imprint_principals *cache,
                                      struct imprint_principal *principal)
{
    enum imprint_status status;

    drop_policies(principal);
    status = imprint_registry_each_certificate(cache->registry, principal->id,
                                               take_certificate, principal);
    if (status == IMPRINT_OK)
        status = imprint_registry_each_policy(cache->registry, principal->id,
                                              take_policy, principal);
    if (status == IMPRINT_ERR_NOT_FOUND)
        principal->state = IMPRINT_REGISTRY_REVOKED;
    principal->is_stale =
        status != IMPRINT_OK && status != IMPRINT_ERR_NOT_FOUND;
    return status;
}

bool imprint_principal_refresh(struct imprint_principals *cache,
                               struct imprint_principal *principal)
{
    if (principal->is_stale)
        (void)read_again(cache, principal);
    return !principal->is_stale;
}

/* ---- the cache ---- */

static struct imprint_principal *find_cached(struct imprint_principals *cache,
                                             const char *id)
{
    struct imprint_principal *principal = *bucket_of(cache, id);

    while (principal && strcmp(principal->id, id) != 0)
        principal = principal->next;
    return principal;
}

static void unlink_principal(struct imprint_principals *cache,
                             struct imprint_principal *principal)
{
    struct imprint_principal **link = bucket_of(cache, principal->id);

    while (*link != principal)
        link = &(*link)->next;
    *link = principal->next;
}

enum imprint_status imprint_principal_find(struct imprint_principals *cache,
                                           const char *id,
                                           struct imprint_principal **out)
{
    struct imprint_principal *principal = find_cached(cache, id);
    struct imprint_principal **bucket = bucket_of(cache, id);
    enum imprint_status status = IMPRINT_OK;

    if (principal) {
        if (principal->is_stale)
            status = read_again(cache, principal);
        if (status != IMPRINT_OK)
            return status;
        cache->idle_count -= principal->use_count == 0;
        principal->use_count++;
        *out = principal;
        return IMPRINT_OK;
    }
    principal = calloc(1, sizeof(*principal));
    if (!principal)
        return IMPRINT_ERR_INTERNAL;
    (void)snprintf(principal->id, sizeof(principal->id), "%s", id);
    status = read_again(cache, principal);
    if (status != IMPRINT_OK) {
        free_principal(principal);
        return status;
    }
    principal->next = *bucket;
    *bucket = principal;
    principal->use_count = 1;
    *out = principal;
    return IMPRINT_OK;
}

/* Claims come again and again, devices seldom: keep some claims only. */
void imprint_principal_give_back(struct imprint_principals *cache,
                                 struct imprint_principal *principal)
{
    if (--principal->use_count > 0)
        return;
    if (principal->claim[0] != '\0' && !principal->is_stale &&
        principal->state == IMPRINT_REGISTRY_ACTIVE &&
        cache->idle_count < IDLE_MAX_COUNT) {
        cache->idle_count++;
        return;
    }
    unlink_principal(cache, principal);
    free_principal(principal);
}

/* ---- what changed ---- */

static void take_change(void *user, const char *id)
{
    struct imprint_principals *cache = user;
    struct imprint_principal *principal;
    size_t i;

    if (id) {
        principal = find_cached(cache, id);
        if (principal)
            principal->is_stale = true;
        cache->scan_left = principal ? BUCKET_COUNT : cache->scan_left;
        return;
    }
    for (i = 0; i < BUCKET_COUNT; i++) {
        for (principal = cache->buckets[i]; principal;
             principal = principal->next)
            principal->is_stale = true;
    }
    cache->scan_left = BUCKET_COUNT;
}

void imprint_principal_look(struct imprint_principals *cache,
                            void (*lost)(void *user,
                                         struct imprint_principal *principal),
                            void *user)
{
    struct imprint_principal *principal;
    size_t read_count = 0;

    (void)imprint_registry_each_change(cache->registry, take_change, cache);
    while (cache->scan_left > 0 && read_count < SCAN_BUCKET_COUNT) {
        cache->scan_left--;
        for (principal = cache->buckets[cache->scan_left]; principal;
             principal = principal->next) {
            if (!principal->is_stale || principal->use_count == 0)
                continue;
            read_count++;
            if (imprint_principal_refresh(cache, principal) &&
                principal->state != IMPRINT_REGISTRY_ACTIVE)
                lost(user, principal);
        }
    }
}

void imprint_principal_evaluate(const struct imprint_principal *principal,
                                struct imprint_policy_request *request,
                                struct imprint_policy_decision *out)
{
    bool is_attached = principal->thing[0] != '\0';

    request->is_attached = is_attached;
    /* a thing that is not exclusive is named by the client id only */
    request->thing_name =
        is_attached && strcmp(principal->thing, request->client_id) == 0
            ? principal->thing
            : NULL;
    imprint_policy_evaluate(
        (const struct imprint_policy *const *)principal->policies,
        principal->is_broken ? 0 : principal->policy_count, request, out);
}
