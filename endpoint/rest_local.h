/*
 * What the control plane's address has beside AWS's operations: metrics,
 * health, the live page and what that asks for. For rest.c; from any thread.
 */
#ifndef IMPRINT_ENDPOINT_REST_LOCAL_H
#define IMPRINT_ENDPOINT_REST_LOCAL_H

#include "meter.h"
#include "registry.h"
#include "rest_parts.h"
#include "rules.h"
#include "watch.h"

struct imprint_rest_local;

/* rules must outlive it. */
IMPRINT_MUST_USE enum imprint_status imprint_rest_local_open(
    const struct imprint_rest_options *options,
    const struct imprint_rules *rules, struct imprint_rest_local **out,
    struct imprint_why *why);
void imprint_rest_local_close(struct imprint_rest_local *local); /* or NULL */

const struct imprint_watch *imprint_rest_local_watch(
    const struct imprint_rest_local *local);

/* True: it was one of these, and out is its answer. */
bool imprint_rest_local_answer(struct imprint_rest_local *local,
                               struct imprint_registry *registry,
                               const struct imprint_signature_request *request,
                               struct imprint_rest_answer *out);

/* One of AWS's operations was answered; error NULL: it was done. */
void imprint_rest_local_note(struct imprint_rest_local *local,
                             const char *operation, const char *error,
                             int64_t took_us);

/* ---- rest_login.c: who may see it ---- */

struct imprint_rest_login;

struct imprint_rest_login *imprint_rest_login_new(bool is_open, bool is_tls);
void imprint_rest_login_free(struct imprint_rest_login *login); /* or NULL */

/*
 * By the page's cookie; by HTTP's Basic authentication with an access key's id
 * and secret; or, where all may ask, from this machine.
 */
bool imprint_rest_login_may(struct imprint_rest_login *login,
                            struct imprint_registry *registry,
                            const struct imprint_signature_request *request,
                            int64_t now);

/*
 * {"accessKeyId", "secretAccessKey", "sessionToken"?} for a cookie,
 * "Set-Cookie" as it is to be sent. False: no such key, or it was asked from
 * another page.
 */
bool imprint_rest_login_enter(struct imprint_rest_login *login,
                              struct imprint_registry *registry,
                              const struct imprint_signature_request *request,
                              int64_t now, char cookie[160]);
void imprint_rest_login_leave(struct imprint_rest_login *login,
                              const struct imprint_signature_request *request,
                              char cookie[160]);

/* ---- rest_metrics.c ---- */

struct imprint_rest_metrics {
    struct imprint_watch *watch;
    const struct imprint_meter *rest; /* of AWS's operations */
    struct imprint_registry *registry;
};

/* In Prometheus's text format, to be freed. NULL: no memory. */
char *imprint_rest_metrics_write(const struct imprint_rest_metrics *metrics);

/* NULL: the broker turns and the registry answers. Else what does not. */
const char *imprint_rest_metrics_find_fault(
    const struct imprint_rest_metrics *metrics);

/* ---- rest_overview.c ---- */

/* Templates, claims, counts, figures, leaks, as JSON, to be freed. */
char *imprint_rest_overview_write(const char *dir,
                                  struct imprint_registry *registry,
                                  int64_t now);

#endif
