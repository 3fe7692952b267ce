/*
 * What the control plane alone changes in the registry; what devices bring
 * about is in catalog.h. Statuses and lifetimes as in registry.h.
 */
#ifndef IMPRINT_ENDPOINT_CONTROL_H
#define IMPRINT_ENDPOINT_CONTROL_H

#include "catalog.h"

/* What is NULL stays as it is; "" for none. ERR_NOT_FOUND: no such template. */
struct imprint_control_template {
    const char *description;
    const char *role; /* an ARN */
    const char *hook;
    const char *is_enabled; /* "0" or "1" */
};

IMPRINT_MUST_USE enum imprint_status imprint_control_change_template(
    struct imprint_registry *registry, const char *name,
    const struct imprint_control_template *change);

/* Of a certificate that was registered. ca NULL: none. */
IMPRINT_MUST_USE enum imprint_status imprint_control_set_origin(
    struct imprint_registry *registry, const char *certificate_id,
    const char *ca, bool is_sni_only);

/* ERR_NOT_FOUND: they were not attached. */
IMPRINT_MUST_USE enum imprint_status imprint_control_detach_thing(
    struct imprint_registry *registry, const char *certificate_id,
    const char *thing);

/* ---- types and groups ---- */

/* ERR_NOT_FOUND: it is not in the group. */
IMPRINT_MUST_USE enum imprint_status imprint_control_drop_member(
    struct imprint_registry *registry, const char *group, const char *thing);

/* group NULL: none. ERR_NOT_FOUND: no such thing. */
IMPRINT_MUST_USE enum imprint_status imprint_control_set_billing_group(
    struct imprint_registry *registry, const char *thing, const char *group);

/* A new one; parent NULL: none, or not a thing group. */
IMPRINT_MUST_USE enum imprint_status imprint_control_put_name(
    struct imprint_registry *registry, enum imprint_catalog_kind kind,
    const char *name, const char *document, const char *parent);
/* Its version grows. ERR_NOT_FOUND: there is none. */
IMPRINT_MUST_USE enum imprint_status imprint_control_change_name(
    struct imprint_registry *registry, enum imprint_catalog_kind kind,
    const char *name, const char *document);
/* With memberships and attachments of policies. ERR_NOT_FOUND: none. */
IMPRINT_MUST_USE enum imprint_status imprint_control_drop_name(
    struct imprint_registry *registry, enum imprint_catalog_kind kind,
    const char *name);

#endif
