#include "principal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/memory.h"
#include "aws/thing.h"
#include "catalog.h"

#define BUCKET_COUNT 4096 /* a power of two */
#define IDLE_MAX_COUNT 256
#define READ_MAX_COUNT 128 /* in one look, and the rest of a bucket */

struct imprint_principals {
    struct imprint_registry *registry;
    struct imprint_principal *buckets[BUCKET_COUNT];
    size_t idle_count;
    size_t scan_left; /* buckets still to be looked through, and the first */
    size_t scan_at;
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

/* ---- what a principal has ---- */

#define ALL_POLICY_MAX_COUNT              \
    (IMPRINT_PRINCIPAL_POLICY_MAX_COUNT + \
     IMPRINT_PRINCIPAL_GROUP_POLICY_MAX_COUNT)

struct imprint_principal_thing {
    char name[129];
    char *type; /* NULL: none; memory's, as what is below */
    struct imprint_pair *attributes;
    size_t attribute_count;
    void *memory;
    /* of its groups */
    struct imprint_policy *policies[IMPRINT_PRINCIPAL_GROUP_POLICY_MAX_COUNT];
    size_t policy_count;
};

static void free_thing(struct imprint_principal_thing *thing)
{
    while (thing->policy_count > 0)
        imprint_policy_free(thing->policies[--thing->policy_count]);
    imprint_memory_free(&thing->memory);
    free(thing);
}

/* All that is read again. */
static void drop_parts(struct imprint_principal *principal)
{
    while (principal->policy_count > 0)
        imprint_policy_free(principal->policies[--principal->policy_count]);
    while (principal->thing_count > 0)
        free_thing(principal->things[--principal->thing_count]);
    imprint_memory_free(&principal->memory);
    principal->variables = NULL;
    principal->variable_count = 0;
    principal->is_exclusive = false;
    principal->is_broken = false;
}

static void free_principal(struct imprint_principal *principal)
{
    drop_parts(principal);
    free(principal);
}

/* ---- open, close ---- */

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
    principal->state = found->state;
    principal->not_after = found->not_after;
    /* the user may know more than what was written so far */
    principal->was_seen = principal->was_seen || found->connected != 0;
    if (imprint_authority_describe(imprint_slice_text(found->pem),
                                   &principal->memory, &principal->variables,
                                   &principal->variable_count) != IMPRINT_OK)
        principal->is_broken = true;
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

static void take_thing(void *user, const char *name, bool is_exclusive)
{
    struct imprint_principal *principal = user;
    struct imprint_principal_thing *thing;

    if (principal->thing_count == IMPRINT_PRINCIPAL_THING_MAX_COUNT ||
        strlen(name) >= sizeof(thing->name) ||
        !(thing = calloc(1, sizeof(*thing)))) {
        principal->is_broken = true;
        return;
    }
    (void)snprintf(thing->name, sizeof(thing->name), "%s", name);
    principal->things[principal->thing_count++] = thing;
    if (is_exclusive)
        principal->is_exclusive = true;
}

/* ---- a thing of it ---- */

struct thing_reader {
    struct imprint_principal_thing *thing;
    bool is_broken;
};

static void take_group_policy(void *user, const char *name,
                              const char *document)
{
    struct thing_reader *reader = user;
    struct imprint_principal_thing *thing = reader->thing;
    size_t at = thing->policy_count;

    (void)name;
    if (at == IMPRINT_PRINCIPAL_GROUP_POLICY_MAX_COUNT ||
        imprint_policy_parse(imprint_slice_text(document), &thing->policies[at],
                             NULL) != IMPRINT_OK)
        reader->is_broken = true;
    else
        thing->policy_count++;
}

static void take_properties(void *user,
                            const struct imprint_catalog_thing *found)
{
    struct thing_reader *reader = user;
    struct imprint_principal_thing *thing = reader->thing;

    if (imprint_thing_read_attributes(found->attributes, &thing->attributes,
                                      &thing->attribute_count,
                                      &thing->memory) != IMPRINT_OK) {
        reader->is_broken = true;
        return;
    }
    if (!found->type)
        return;
    thing->type =
        imprint_memory_copy(&thing->memory, imprint_slice_text(found->type));
    if (!thing->type)
        reader->is_broken = true;
}

/* A thing that went in the meantime is a change that will be told. */
static enum imprint_status read_thing(struct imprint_principals *cache,
                                      struct imprint_principal *principal,
                                      struct imprint_principal_thing *thing)
{
    struct thing_reader reader = {.thing = thing};
    enum imprint_status status = imprint_catalog_find_thing(
        cache->registry, thing->name, take_properties, &reader);

    if (status == IMPRINT_OK)
        status = imprint_catalog_each_thing_policy(cache->registry, thing->name,
                                                   take_group_policy, &reader);
    if (reader.is_broken || status == IMPRINT_ERR_NOT_FOUND)
        principal->is_broken = true;
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

static enum imprint_status read_things(struct imprint_principals *cache,
                                       struct imprint_principal *principal)
{
    enum imprint_status status = imprint_catalog_each_thing(
        cache->registry, principal->id, take_thing, principal);
    size_t i;

    principal->thing[0] = '\0';
    for (i = 0; i < principal->thing_count && status == IMPRINT_OK; i++)
        status = read_thing(cache, principal, principal->things[i]);
    if (principal->thing_count > 0)
        (void)snprintf(principal->thing, sizeof(principal->thing), "%s",
                       principal->things[0]->name);
    return status;
}

/* A certificate that is not there is as good as revoked. */
static enum imprint_status read_again(struct imprint_principals *cache,
                                      struct imprint_principal *principal)
{
    enum imprint_status status;

    drop_parts(principal);
    status = imprint_registry_each_certificate(cache->registry, principal->id,
                                               take_certificate, principal);
    if (status == IMPRINT_OK)
        status = imprint_catalog_each_certificate_policy(
            cache->registry, principal->id, take_policy, principal);
    if (status == IMPRINT_OK)
        status = read_things(cache, principal);
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

void imprint_principal_change(struct imprint_principals *cache,
                              const char *what)
{
    struct imprint_principal *principal;
    size_t i;

    if (what) {
        principal = find_cached(cache, what);
        if (principal) {
            principal->is_stale = true;
            cache->scan_left = BUCKET_COUNT;
        }
        return;
    }
    for (i = 0; i < BUCKET_COUNT; i++) {
        for (principal = cache->buckets[i]; principal;
             principal = principal->next)
            principal->is_stale = true;
    }
    cache->scan_left = BUCKET_COUNT;
}

/*
 * Who was read again by others since the change is looked at as well: they
 * only asked for a verdict. What goes on where the last look ended gets
 * everywhere, however fast the changes come.
 */
void imprint_principal_look(struct imprint_principals *cache,
                            void (*lost)(void *user,
                                         struct imprint_principal *principal),
                            void *user)
{
    struct imprint_principal *principal;
    size_t read_count = 0;

    for (; cache->scan_left > 0 && read_count < READ_MAX_COUNT;
         cache->scan_left--) {
        for (principal = cache->buckets[cache->scan_at]; principal;
             principal = principal->next) {
            if (principal->use_count == 0)
                continue;
            read_count += principal->is_stale;
            if (!imprint_principal_refresh(cache, principal))
                return; /* the next look begins here */
            if (principal->state != IMPRINT_REGISTRY_ACTIVE)
                lost(user, principal);
        }
        cache->scan_at = (cache->scan_at + 1) % BUCKET_COUNT;
    }
}

/* ---- verdicts ---- */

/* The thing that a connection stands for: an exclusive one, or by its name. */
static const struct imprint_principal_thing *find_thing(
    const struct imprint_principal *principal, const char *client_id)
{
    size_t i;

    if (principal->is_exclusive)
        return principal->things[0];
    for (i = 0; client_id && i < principal->thing_count; i++) {
        if (strcmp(principal->things[i]->name, client_id) == 0)
            return principal->things[i];
    }
    return NULL;
}

static size_t gather_policies(
    const struct imprint_principal *principal, const char *client_id,
    const struct imprint_policy *all[ALL_POLICY_MAX_COUNT])
{
    const struct imprint_principal_thing *thing =
        find_thing(principal, client_id);
    size_t count = 0;
    size_t i;

    if (principal->is_broken)
        return 0;
    for (i = 0; i < principal->policy_count; i++)
        all[count++] = principal->policies[i];
    for (i = 0; thing && i < thing->policy_count; i++)
        all[count++] = thing->policies[i];
    return count;
}

void imprint_principal_evaluate(const struct imprint_principal *principal,
                                struct imprint_policy_request *request,
                                struct imprint_policy_decision *out)
{
    const struct imprint_policy *all[ALL_POLICY_MAX_COUNT];
    const struct imprint_principal_thing *thing =
        find_thing(principal, request->client_id);

    request->certificate_id = principal->id;
    request->certificate = principal->variables;
    request->certificate_count = principal->variable_count;
    request->is_attached = principal->thing_count > 0;
    request->thing_name = thing ? thing->name : NULL;
    request->thing_type = thing ? thing->type : NULL;
    request->attributes = thing ? thing->attributes : NULL;
    request->attribute_count = thing ? thing->attribute_count : 0;
    imprint_policy_evaluate(
        all, gather_policies(principal, request->client_id, all), request, out);
}

void imprint_principal_explain(const struct imprint_principal *principal,
                               const struct imprint_policy_request *request,
                               const struct imprint_policy_decision *decision,
                               char line[IMPRINT_WHY_TEXT_LEN])
{
    const struct imprint_policy *all[ALL_POLICY_MAX_COUNT];

    (void)gather_policies(principal, request->client_id, all);
    imprint_policy_explain(all, request, decision, line);
}
