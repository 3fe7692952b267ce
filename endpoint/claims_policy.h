/* What a claim may do, as the registry keeps it. */
#ifndef IMPRINT_ENDPOINT_CLAIMS_POLICY_H
#define IMPRINT_ENDPOINT_CLAIMS_POLICY_H

#include "imprint/status.h"
#include "imprint/why.h"
#include <stdbool.h>

#include "registry.h"

/*
 * A policy of this name, unless there is one: to provision by the template,
 * in both flows and formats, and nothing else.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_put_policy(
    struct imprint_registry *registry, const char *name,
    const char *template_name, struct imprint_why *why);

/* Longest: a template's name, and what stands before or behind it. */
#define IMPRINT_CLAIMS_POLICY_LEN 48

/* What a policy for a claim is to be, and what it is called in the end. */
struct imprint_claims_wish {
    const char *policy;        /* NULL: the template's own */
    const char *template_name; /* NULL: "fleet" */
};

/*
 * Attaches the policy that is wished for. ERR_NOT_FOUND: no such policy, or no
 * such template.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_attach_policy(
    struct imprint_registry *registry, const char *certificate_id,
    const struct imprint_claims_wish *wish, struct imprint_why *why);

/* ERR_NOT_FOUND: no such template. *is_enabled may be NULL. */
IMPRINT_MUST_USE enum imprint_status imprint_claims_find_template(
    struct imprint_registry *registry, const char *name, bool *is_enabled,
    struct imprint_why *why);

#endif
