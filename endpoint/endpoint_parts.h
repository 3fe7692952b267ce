/*
 * Private to endpoint.c, which has requests and replies; endpoint_session.c,
 * connections; endpoint_access.c, what they may do; and endpoint_watch.c, what
 * onlookers are told of all that.
 */
#ifndef IMPRINT_ENDPOINT_ENDPOINT_PARTS_H
#define IMPRINT_ENDPOINT_ENDPOINT_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"
#include "fault.h"
#include "line.h"
#include "principal.h"
#include "provision.h"
#include "rate.h"
#include "rules.h"
#include "service.h"
#include "watch.h"

#define IMPRINT_ENDPOINT_NAME_LEN 320
#define IMPRINT_ENDPOINT_CLIENT_COUNT 4096 /* that rates are kept of */

struct imprint_endpoint_session {
    struct imprint_principal *principal;
    char client_id[IMPRINT_PROVISION_CLIENT_ID_MAX_LEN + 1];
    char address[64];
    struct imprint_rate messages;
    struct imprint_rate bytes;
    size_t open_count; /* requests that did not come back */
    atomic_bool is_gone;
    bool is_evicted;
    bool has_lost; /* its certificate: that is why it is evicted */
    struct imprint_endpoint_session *next_evicted;
    struct imprint_endpoint_session *next_of_principal;
    struct imprint_endpoint_session *next; /* of all */
    struct imprint_endpoint_session *previous;
};

/* A reply that a fault keeps back. */
struct imprint_endpoint_held {
    struct imprint_provision_request *request;
    bool is_behind; /* the session's next reply; else until due_ms */
    uint64_t due_ms;
    struct imprint_endpoint_held *next;
};

struct imprint_endpoint {
    struct imprint_endpoint_options options;
    char *dir;
    struct imprint_registry *registry;
    struct imprint_rules rules;
    struct imprint_faults *faults;
    struct imprint_principals *principals;
    struct imprint_service *service;
    struct imprint_watch *watch;
    struct imprint_endpoint_session *sessions; /* those that left, too */
    struct imprint_endpoint_session *evicted;
    struct imprint_provision_request *collected; /* what collect lent last */
    bool is_double;                              /* and will lend again */
    struct imprint_endpoint_held *held;
    uint64_t looked_ms;
    struct imprint_rate operations[3]; /* by enum imprint_operation */
    struct imprint_rate connects;
    struct imprint_rate filters;
    struct imprint_rate clients[IMPRINT_ENDPOINT_CLIENT_COUNT];
};

/* ---- endpoint.c ---- */

void imprint_endpoint_say(const struct imprint_endpoint *endpoint,
                          const char *line);

/* Puts it among those who have to go. */
void imprint_endpoint_evict(struct imprint_endpoint *endpoint,
                            struct imprint_endpoint_session *session,
                            bool has_lost);

/* ---- endpoint_session.c ---- */

/* "client X (1234abcd, claim Y)", for the log. */
const char *imprint_endpoint_name(char name[IMPRINT_ENDPOINT_NAME_LEN],
                                  const struct imprint_principal *principal,
                                  const char *client_id);

/* Nobody knows it any more, and no request is on its way. */
void imprint_endpoint_free_session(struct imprint_endpoint *endpoint,
                                   struct imprint_endpoint_session *session);

/* ---- endpoint_access.c ---- */

/* The policies' verdict; a no is logged. */
bool imprint_endpoint_decide(const struct imprint_endpoint *endpoint,
                             const struct imprint_principal *principal,
                             struct imprint_policy_request *request);

/* ---- endpoint_watch.c ---- */

void imprint_endpoint_tell_connected(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session);
void imprint_endpoint_tell_refused(const struct imprint_endpoint *endpoint,
                                   const struct imprint_endpoint_connect *who,
                                   const char *id, const char *reason);
void imprint_endpoint_tell_denied(const struct imprint_endpoint *endpoint,
                                  const struct imprint_principal *principal,
                                  const struct imprint_policy_request *request,
                                  const char *reason);
void imprint_endpoint_tell_subscribed(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session, const char *filter);
void imprint_endpoint_tell_requested(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session,
    const struct imprint_provision_request *request);
void imprint_endpoint_tell_throttled(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session, const char *rate);
/* Of a request that was carried out; once. */
void imprint_endpoint_tell_answered(
    const struct imprint_endpoint *endpoint,
    const struct imprint_provision_request *request);
void imprint_endpoint_tell_thrown_off(
    const struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_session *session, const char *reason);
void imprint_endpoint_tell_left(const struct imprint_endpoint *endpoint,
                                const struct imprint_endpoint_session *session);
/* Now and then: that it lives, and how the pool is. */
void imprint_endpoint_tell_beat(const struct imprint_endpoint *endpoint);

#endif
