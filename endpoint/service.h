/*
 * The worker: requests in, replies out. Its thread takes what is waiting, signs
 * it, and commits it to the registry in one transaction, so that many requests
 * share one wait for the disk. A request for a service-made key waits aside
 * while the pool is empty.
 */
#ifndef IMPRINT_ENDPOINT_SERVICE_H
#define IMPRINT_ENDPOINT_SERVICE_H

#include <stddef.h>

#include "endpoint.h"
#include "pool.h"
#include "provision.h"

/* Requests that may be open at a time, over all sessions. */
#define IMPRINT_SERVICE_MAX_OPEN_COUNT 2048

struct imprint_service;

/* Of options, dir, wake, log and user are used; it must outlive the service. */
IMPRINT_MUST_USE enum imprint_status imprint_service_open(
    const struct imprint_endpoint_options *options,
    struct imprint_service **out, struct imprint_why *why);
/* Ends and joins the threads, and drops what is open. NULL is fine. */
void imprint_service_close(struct imprint_service *service);

/* Takes request over. Every request comes back by imprint_service_collect. */
void imprint_service_submit(struct imprint_service *service,
                            struct imprint_provision_request *request);

/* A request that is done, the caller's now; NULL: none. */
struct imprint_provision_request *imprint_service_collect(
    struct imprint_service *service);

void imprint_service_figures(struct imprint_service *service,
                             struct imprint_pool_figures *out);

#endif
