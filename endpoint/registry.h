/*
 * The endpoint's registry: certificates, tokens, keys and settings; catalog.h
 * has what is named. One connection, to be used by one thread; several
 * connections and several processes may have the same registry open.
 *
 * Every call may fail with ERR_STORAGE, or with ERR_BUSY, and may then be tried
 * again; imprint_registry_problem says why. Text handed to a callback is good
 * until it returns. Times are Unix seconds.
 */
#ifndef IMPRINT_ENDPOINT_REGISTRY_H
#define IMPRINT_ENDPOINT_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_registry;

enum imprint_registry_use {
    IMPRINT_REGISTRY_WRITE, /* waits for others up to 5 s; made if missing */
    IMPRINT_REGISTRY_READ   /* waits up to 0.2 s */
};

IMPRINT_MUST_USE enum imprint_status imprint_registry_open(
    const char *dir, enum imprint_registry_use use,
    struct imprint_registry **out, struct imprint_why *why);
void imprint_registry_close(struct imprint_registry *registry); /* or NULL */
const char *imprint_registry_problem(const struct imprint_registry *registry);

/* What is committed survives a power cut. */
enum imprint_status imprint_registry_begin(struct imprint_registry *registry);
enum imprint_status imprint_registry_commit(struct imprint_registry *registry);
void imprint_registry_undo(struct imprint_registry *registry);
/* In one, before looking at what is changed then: nobody else has that name. */
enum imprint_status imprint_registry_lock(struct imprint_registry *registry,
                                          const char *what);
/* One inside the other: keep or undo what was done since the mark. */
enum imprint_status imprint_registry_mark(struct imprint_registry *registry);
enum imprint_status imprint_registry_unmark(struct imprint_registry *registry,
                                            bool keep);

enum imprint_registry_state {
    IMPRINT_REGISTRY_PENDING, /* "PENDING_ACTIVATION", the others likewise */
    IMPRINT_REGISTRY_ACTIVE,
    IMPRINT_REGISTRY_INACTIVE,
    IMPRINT_REGISTRY_REVOKED
};

const char *imprint_registry_state_name(enum imprint_registry_state state);

struct imprint_registry_certificate {
    const char *id;
    const char *pem;
    const char *claim; /* its name; NULL: it is a device's */
    const char *maker; /* id of the certificate that asked for it, or NULL */
    const char *thing; /* the first one, or NULL; putting ignores it */
    enum imprint_registry_state state;
    bool is_temporary; /* a trusted user's claim: listed nowhere */
    int64_t created;
    int64_t not_after;
    int64_t connected; /* when it did so first; 0: never */
};

enum imprint_status imprint_registry_put_certificate(
    struct imprint_registry *registry,
    const struct imprint_registry_certificate *certificate);

/*
 * id NULL: all but temporary claims, oldest first. ERR_NOT_FOUND: no such
 * certificate.
 */
enum imprint_status imprint_registry_each_certificate(
    struct imprint_registry *registry, const char *id,
    void (*each)(void *user, const struct imprint_registry_certificate *found),
    void *user);
/* ERR_NOT_FOUND: no such certificate. */
enum imprint_status imprint_registry_set_state(
    struct imprint_registry *registry, const char *id,
    enum imprint_registry_state state);
/* Keeps the first time. */
enum imprint_status imprint_registry_set_connected(
    struct imprint_registry *registry, const char *id, int64_t now);
/* With its attachments and its token. ERR_NOT_FOUND: no such certificate. */
enum imprint_status imprint_registry_drop_certificate(
    struct imprint_registry *registry, const char *id);

/* ---- tokens: known by SHA-256 alone, so that reading here gives none ---- */

struct imprint_registry_token {
    char certificate_id[65];
    int64_t expires;
    bool is_used;
    uint8_t request_hash[32]; /* of the request that used it */
    uint8_t *reply;           /* to that request; free it */
    size_t reply_len;
};
/* ERR_NOT_FOUND: no such certificate. */
enum imprint_status imprint_registry_put_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    const char *certificate_id, int64_t expires);
enum imprint_status imprint_registry_find_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    struct imprint_registry_token *out);
enum imprint_status imprint_registry_use_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    const uint8_t request_hash[32], struct imprint_slice reply);

/*
 * Deletes tokens that expired by now, with the certificates that they were to
 * prove and nobody registered (*count of these), and temporary claims.
 */
enum imprint_status imprint_registry_expire(struct imprint_registry *registry,
                                            int64_t now, size_t *count);

enum imprint_status imprint_registry_put_key(struct imprint_registry *registry,
                                             const char *pem, int64_t *id);
/* ERR_NOT_FOUND: somebody else took it, or it is not that key. */
enum imprint_status imprint_registry_take_key(struct imprint_registry *registry,
                                              int64_t id, const char *pem);
enum imprint_status imprint_registry_each_key(
    struct imprint_registry *registry,
    void (*each)(void *user, int64_t id, const char *pem), void *user);
/* value NULL forgets it. */
enum imprint_status imprint_registry_put_setting(
    struct imprint_registry *registry, const char *name, const char *value);
/* Those that are set and whose names begin so, sorted. */
enum imprint_status imprint_registry_each_setting(
    struct imprint_registry *registry, const char *prefix,
    void (*each)(void *user, const char *name, const char *value), void *user);
/* *value is to be freed. ERR_NOT_FOUND: it is not set. */
enum imprint_status imprint_registry_find_setting(
    struct imprint_registry *registry, const char *name, char **value);

/* What each_change says when a setting was put. */
#define IMPRINT_REGISTRY_SETTINGS "settings"

/*
 * What others changed since the last call on this connection: the id of a
 * certificate that lost or gained something, IMPRINT_REGISTRY_SETTINGS, or
 * NULL for "any certificate may have changed". Cheap when nothing did.
 */
enum imprint_status imprint_registry_each_change(
    struct imprint_registry *registry,
    void (*each)(void *user, const char *what), void *user);

#endif
