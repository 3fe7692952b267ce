/*
 * The worker: requests in, replies out. Its thread takes what is waiting, signs
 * it, and commits it to the registry in one transaction, so that many requests
 * share one wait for the disk. A request for a service-made key waits aside
 * while the pool is empty, one that needs a hook until that has run. Nothing
 * else waits for either.
 */
#ifndef IMPRINT_ENDPOINT_SERVICE_H
#define IMPRINT_ENDPOINT_SERVICE_H

#include <stddef.h>

#include "endpoint.h"
#include "fault.h"
#include "pool.h"
#include "provision.h"
#include "rules.h"

/* Requests that may be open at a time, over all sessions. */
#define IMPRINT_SERVICE_MAX_OPEN_COUNT 2048

struct imprint_service;

/*
 * Of options, dir, wake, log and user are used. All three must outlive the
 * service.
 */
IMPRINT_MUST_USE enum imprint_status imprint_service_open(
    const struct imprint_endpoint_options *options,
    const struct imprint_rules *rules, struct imprint_faults *faults,
    struct imprint_service **out, struct imprint_why *why);
/* Kills hooks, joins the threads, and drops what is open. NULL is fine. */
void imprint_service_close(struct imprint_service *service);

/* Takes request over. Every request comes back by imprint_service_collect. */
void imprint_service_submit(struct imprint_service *service,
                            struct imprint_provision_request *request);

/* A request that is done, the caller's now; NULL: none. */
struct imprint_provision_request *imprint_service_collect(
    struct imprint_service *service);

/* The service's clock moved: looks at once for what expired. */
void imprint_service_wake(struct imprint_service *service);

/* A device's certificate connected; the registry will have it soon. */
void imprint_service_note_connected(struct imprint_service *service,
                                    const char *certificate_id);

void imprint_service_figures(struct imprint_service *service,
                             struct imprint_pool_figures *out);

#endif
