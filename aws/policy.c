#include "policy.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "policy_parts.h"
#include "posix/why.h"

/* ---- check, parse, free ---- */

void imprint_policy_check_node(const struct imprint_document *node,
                               const struct imprint_place *place,
                               struct imprint_findings *findings)
{
    struct imprint_policy policy = {.count = 0};

    if (imprint_policy_compile(node, place, findings, &policy))
        imprint_policy_warn(node, place, findings);
    imprint_memory_free(&policy.memory);
}

void imprint_policy_check(struct imprint_slice text,
                          struct imprint_findings *findings)
{
    struct imprint_document *root = NULL;
    struct imprint_why why = {{0}, {0}};

    findings->source = text;
    if (imprint_document_read(text, &root, &why) != IMPRINT_OK) {
        imprint_finding_no_json(findings, &why);
        return;
    }
    imprint_policy_check_node(root, NULL, findings);
    imprint_document_free(root);
}

enum imprint_status imprint_policy_parse(struct imprint_slice text,
                                         struct imprint_policy **out,
                                         struct imprint_why *why)
{
    struct imprint_findings findings = {.source = text};
    struct imprint_document *root = NULL;
    struct imprint_policy *policy;
    enum imprint_status status = imprint_document_read(text, &root, why);

    if (status != IMPRINT_OK)
        return status;
    policy = calloc(1, sizeof(*policy));
    if (!policy)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    else if (!imprint_policy_compile(root, NULL, &findings, policy))
        status = imprint_finding_status(&findings, why);
    imprint_finding_free(&findings);
    imprint_document_free(root);
    if (status == IMPRINT_OK)
        *out = policy;
    else
        imprint_policy_free(policy);
    return status;
}

void imprint_policy_free(struct imprint_policy *policy)
{
    if (!policy)
        return;
    imprint_memory_free(&policy->memory);
    free(policy);
}

/* ---- evaluate ---- */

static bool fits_resource(const struct imprint_policy_statement *statement,
                          struct imprint_slice resource,
                          const struct imprint_policy_request *request)
{
    size_t i;

    for (i = 0; i < statement->resource_count; i++) {
        if (imprint_pattern_match(&statement->resources[i], resource, request,
                                  false))
            return true;
    }
    return false;
}

static bool fits(const struct imprint_policy_statement *statement,
                 struct imprint_slice resource,
                 const struct imprint_policy_request *request)
{
    size_t failed;

    return fits_resource(statement, resource, request) &&
           imprint_condition_hold(statement->conditions,
                                  statement->condition_count, request, &failed);
}

static bool is_short(const char *text)
{
    return !text || strnlen(text, IMPRINT_POLICY_VALUE_MAX_LEN + 1) <=
                        IMPRINT_POLICY_VALUE_MAX_LEN;
}

/* The first that denies, else the first that allows. */
static void find_verdict(const struct imprint_policy *const *policies,
                         size_t policy_count,
                         const struct imprint_policy_request *request,
                         struct imprint_policy_decision *out)
{
    uint32_t bit = imprint_policy_action_bit(request->action);
    struct imprint_slice resource = imprint_slice_text(request->resource);
    size_t i;
    size_t k;

    for (i = 0; i < policy_count; i++) {
        for (k = 0; k < policies[i]->count; k++) {
            const struct imprint_policy_statement *statement =
                &policies[i]->statements[k];

            if (!(statement->actions & bit) ||
                (statement->allows && out->verdict == IMPRINT_POLICY_ALLOWED) ||
                !fits(statement, resource, request))
                continue;
            *out = (struct imprint_policy_decision){statement->allows
                                                        ? IMPRINT_POLICY_ALLOWED
                                                        : IMPRINT_POLICY_DENIED,
                                                    i, k, statement->text};
            if (!statement->allows)
                return;
        }
    }
}

static void find_nearest(const struct imprint_policy *const *policies,
                         size_t policy_count,
                         const struct imprint_policy_request *request,
                         struct imprint_policy_decision *out)
{
    size_t best = 0;
    size_t i;
    size_t k;

    for (i = 0; i < policy_count; i++) {
        for (k = 0; k < policies[i]->count; k++) {
            size_t nearness =
                imprint_policy_nearness(&policies[i]->statements[k], request);

            if (nearness <= best)
                continue;
            best = nearness;
            out->policy_index = i;
            out->statement_index = k;
            out->statement = policies[i]->statements[k].text;
        }
    }
}

void imprint_policy_evaluate(const struct imprint_policy *const *policies,
                             size_t policy_count,
                             const struct imprint_policy_request *request,
                             struct imprint_policy_decision *out)
{
    *out = (struct imprint_policy_decision){.verdict = IMPRINT_POLICY_SILENT};
    if (!request->action || !request->resource ||
        !is_short(request->resource) || !is_short(request->client_id) ||
        !is_short(request->thing_name))
        return;
    find_verdict(policies, policy_count, request, out);
    if (out->verdict == IMPRINT_POLICY_SILENT)
        find_nearest(policies, policy_count, request, out);
}
