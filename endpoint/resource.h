/*
 * What the control plane alone looks at, as JSON objects with names: nobody
 * joins on it. Statuses and lifetimes as in registry.h.
 */
#ifndef IMPRINT_ENDPOINT_RESOURCE_H
#define IMPRINT_ENDPOINT_RESOURCE_H

#include "posix/json.h"
#include "registry.h"

/* Kinds, and what a name is. */
#define IMPRINT_RESOURCE_CREDENTIAL "credential" /* access key id */
#define IMPRINT_RESOURCE_ROLE "role"             /* RoleName */
#define IMPRINT_RESOURCE_PERMISSION "permission" /* a Lambda function's ARN */
#define IMPRINT_RESOURCE_CA "ca"                 /* certificate id */
#define IMPRINT_RESOURCE_TAGS "tags"             /* ARN */
#define IMPRINT_RESOURCE_PROVIDER "provider"     /* certificateProviderName */

/* Puts, or replaces. ERR_INTERNAL: no memory. */
IMPRINT_MUST_USE enum imprint_status imprint_resource_put(
    struct imprint_registry *registry, const char *kind, const char *name,
    const struct imprint_json *document);
/* *document is to be freed. ERR_NOT_FOUND: there is none. */
IMPRINT_MUST_USE enum imprint_status imprint_resource_find(
    struct imprint_registry *registry, const char *kind, const char *name,
    struct imprint_json **document);
/* ERR_NOT_FOUND: there is none. */
IMPRINT_MUST_USE enum imprint_status imprint_resource_drop(
    struct imprint_registry *registry, const char *kind, const char *name);

#endif
