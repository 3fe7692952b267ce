/*
 * Who may do what: certificates as the registry has them, with their policies
 * compiled. A cache over a connection of its own, for one thread.
 */
#ifndef IMPRINT_ENDPOINT_PRINCIPAL_H
#define IMPRINT_ENDPOINT_PRINCIPAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authority.h"
#include "aws/policy.h"
#include "registry.h"

/* Policies of one certificate; AWS allows 10. */
#define IMPRINT_PRINCIPAL_POLICY_MAX_COUNT 16

struct imprint_endpoint_session;

struct imprint_principal {
    char id[IMPRINT_AUTHORITY_ID_LEN + 1];
    char claim[65];  /* the claim's name; "": a device */
    char thing[129]; /* "": none */
    enum imprint_registry_state state;
    int64_t not_after;
    /* Compiled; broken: one could not be, so nothing is allowed. */
    struct imprint_policy *policies[IMPRINT_PRINCIPAL_POLICY_MAX_COUNT];
    size_t policy_count;
    bool is_broken;

    /* the user's: sessions that have it */
    struct imprint_endpoint_session *sessions;
    /* the cache's */
    size_t use_count;
    bool is_stale;
    struct imprint_principal *next;
};

struct imprint_principals;

/* NULL: no memory. registry stays the caller's. */
struct imprint_principals *imprint_principal_open(
    struct imprint_registry *registry);
/* What was found must have been given back. NULL is fine. */
void imprint_principal_close(struct imprint_principals *cache);

/*
 * By certificate id; to be given back. ERR_NOT_FOUND: no such certificate.
 * ERR_BUSY, ERR_STORAGE: as the registry says.
 */
IMPRINT_MUST_USE enum imprint_status imprint_principal_find(
    struct imprint_principals *cache, const char *id,
    struct imprint_principal **out);
void imprint_principal_give_back(struct imprint_principals *cache,
                                 struct imprint_principal *principal);

/* Before it is looked at: reads it again if need be. False: can't be read. */
bool imprint_principal_refresh(struct imprint_principals *cache,
                               struct imprint_principal *principal);

/*
 * Looks for what others wrote to the registry, and calls lost for every
 * principal in use that is not ACTIVE any more. A bounded number is looked at
 * in one call.
 */
void imprint_principal_look(struct imprint_principals *cache,
                            void (*lost)(void *user,
                                         struct imprint_principal *principal),
                            void *user);

/* The verdict on request, whose thing_name and is_attached are filled in. */
void imprint_principal_evaluate(const struct imprint_principal *principal,
                                struct imprint_policy_request *request,
                                struct imprint_policy_decision *out);

#endif
