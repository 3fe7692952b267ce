/* Private to policy.c, policy_compile.c, policy_explain.c: a policy, compiled.
 */
#ifndef IMPRINT_AWS_POLICY_PARTS_H
#define IMPRINT_AWS_POLICY_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "condition.h"
#include "pattern.h"
#include "policy.h"

struct imprint_policy_statement {
    bool allows;
    uint32_t actions; /* bits, by imprint_policy_action_bit */
    struct imprint_pattern *resources;
    size_t resource_count;
    struct imprint_condition *conditions;
    size_t condition_count;
    const char *text; /* compact JSON */
};

struct imprint_policy {
    struct imprint_policy_statement *statements;
    size_t count;
    void *memory;
};

/* 0: an action that there is not. */
uint32_t imprint_policy_action_bit(const char *action);

/* False: there were findings, and what is in out is good for free alone. */
bool imprint_policy_compile(const struct imprint_document *root,
                            const struct imprint_place *place,
                            struct imprint_findings *findings,
                            struct imprint_policy *out);

/*
 * What is allowed, but likely not meant. is_fine: it compiled; else what the
 * statements lack together is not looked for, since an error may hide it.
 */
void imprint_policy_warn(const struct imprint_document *root,
                         const struct imprint_place *place, bool is_fine,
                         struct imprint_findings *findings);

/*
 * How near a statement about the action came to allowing the resource, or least
 * if that is no less; has_resource: it has it, so a condition failed.
 */
size_t imprint_policy_nearness(const struct imprint_policy_statement *statement,
                               struct imprint_slice resource, bool has_resource,
                               size_t least);

#endif
