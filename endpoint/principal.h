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

/* AWS allows 10 policies each to a certificate and to a thing's 10 groups. */
#define IMPRINT_PRINCIPAL_POLICY_MAX_COUNT 16
#define IMPRINT_PRINCIPAL_GROUP_POLICY_MAX_COUNT 100
#define IMPRINT_PRINCIPAL_THING_MAX_COUNT 16

struct imprint_endpoint_session;

struct imprint_principal_thing; /* one that it is attached to */

struct imprint_principal {
    char id[IMPRINT_AUTHORITY_ID_LEN + 1];
    char claim[65];    /* the claim's name; "": a device */
    char thing[129];   /* the one it stands for, or the first; "": none */
    bool is_exclusive; /* it stands for its thing with any client id */
    enum imprint_registry_state state;
    int64_t not_after;
    bool was_seen; /* it connected once; the user sets it, too */
    /* Compiled, its own. */
    struct imprint_policy *policies[IMPRINT_PRINCIPAL_POLICY_MAX_COUNT];
    size_t policy_count;
    struct imprint_principal_thing *things[IMPRINT_PRINCIPAL_THING_MAX_COUNT];
    size_t thing_count;
    /* Policy variables of the certificate. */
    struct imprint_pair *variables;
    size_t variable_count;
    void *memory; /* of these */
    /* Something of it can't be read or is too much: nothing is allowed. */
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

/* As imprint_registry_each_change says it; settings are nothing to it. */
void imprint_principal_change(struct imprint_principals *cache,
                              const char *what);

/*
 * Reads again what changed, and calls lost for every principal in use that is
 * not ACTIVE any more. A bounded number is looked at in one call.
 */
void imprint_principal_look(struct imprint_principals *cache,
                            void (*lost)(void *user,
                                         struct imprint_principal *principal),
                            void *user);

/*
 * The verdict on request, which has action, resource, client_id, source_ip and
 * what is of this connection; the rest is filled in, borrowed from principal.
 * The policies are the certificate's, and behind them those of the groups of
 * the thing that the connection stands for.
 */
void imprint_principal_evaluate(const struct imprint_principal *principal,
                                struct imprint_policy_request *request,
                                struct imprint_policy_decision *out);

/* See imprint_policy_explain; request as evaluate left it. */
void imprint_principal_explain(const struct imprint_principal *principal,
                               const struct imprint_policy_request *request,
                               const struct imprint_policy_decision *decision,
                               char line[IMPRINT_WHY_TEXT_LEN]);

#endif
