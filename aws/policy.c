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

    bool is_fine = imprint_policy_compile(node, place, findings, &policy);

    imprint_policy_warn(node, place, is_fine, findings);
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

/* A request, and the decision as far as it has come. */
struct deciding {
    const struct imprint_policy *const *policies;
    size_t policy_count;
    const struct imprint_policy_request *request;
    struct imprint_slice resource;
    struct imprint_pattern_sieve sieve; /* of the resource */
    uint32_t action;
    size_t nearness; /* of the nearest statement */
    struct imprint_policy_decision *out;
};

static bool fits_resource(const struct deciding *state,
                          const struct imprint_policy_statement *statement)
{
    size_t i;

    for (i = 0; i < statement->resource_count; i++) {
        if (imprint_pattern_may_match(&statement->resources[i],
                                      &state->sieve) &&
            imprint_pattern_match(&statement->resources[i], state->resource,
                                  state->request, false))
            return true;
    }
    return false;
}

static bool is_short(const char *text)
{
    return !text || strnlen(text, IMPRINT_POLICY_VALUE_MAX_LEN + 1) <=
                        IMPRINT_POLICY_VALUE_MAX_LEN;
}

static void set_statement(const struct deciding *state, size_t policy,
                          size_t statement)
{
    state->out->policy_index = policy;
    state->out->statement_index = statement;
    state->out->statement = state->policies[policy]->statements[statement].text;
}

/* Of a statement about the action: it decides, or it may be the nearest. */
static void weigh(struct deciding *state, size_t policy, size_t index)
{
    const struct imprint_policy_statement *statement =
        &state->policies[policy]->statements[index];
    bool has_resource = fits_resource(state, statement);
    size_t failed;
    size_t nearness;

    if (has_resource && imprint_condition_hold(statement->conditions,
                                               statement->condition_count,
                                               state->request, &failed)) {
        state->out->verdict =
            statement->allows ? IMPRINT_POLICY_ALLOWED : IMPRINT_POLICY_DENIED;
        set_statement(state, policy, index);
    } else if (statement->allows) {
        nearness = imprint_policy_nearness(statement, state->resource,
                                           has_resource, state->nearness);
        if (nearness > state->nearness)
            set_statement(state, policy, index);
        state->nearness = nearness;
    }
}

/* The first that denies, else the first that allows, else the nearest. */
static void find_verdict(struct deciding *state)
{
    size_t i;
    size_t k;

    for (i = 0; i < state->policy_count; i++) {
        for (k = 0; k < state->policies[i]->count; k++) {
            const struct imprint_policy_statement *statement =
                &state->policies[i]->statements[k];

            if (!(statement->actions & state->action) ||
                (statement->allows &&
                 state->out->verdict == IMPRINT_POLICY_ALLOWED))
                continue;
            weigh(state, i, k);
            if (state->out->verdict == IMPRINT_POLICY_DENIED)
                return;
        }
    }
}

/* The first one with the resource that is about other actions. */
static void find_other_action(struct deciding *state)
{
    size_t i;
    size_t k;

    for (i = 0; i < state->policy_count; i++) {
        for (k = 0; k < state->policies[i]->count; k++) {
            const struct imprint_policy_statement *statement =
                &state->policies[i]->statements[k];

            if (statement->allows && fits_resource(state, statement)) {
                set_statement(state, i, k);
                return;
            }
        }
    }
}

void imprint_policy_evaluate(const struct imprint_policy *const *policies,
                             size_t policy_count,
                             const struct imprint_policy_request *request,
                             struct imprint_policy_decision *out)
{
    struct deciding state = {.policies = policies,
                             .policy_count = policy_count,
                             .request = request,
                             .out = out};

    *out = (struct imprint_policy_decision){.verdict = IMPRINT_POLICY_SILENT};
    if (!request->action || !request->resource ||
        !is_short(request->resource) || !is_short(request->client_id) ||
        !is_short(request->thing_name))
        return;
    state.resource = imprint_slice_text(request->resource);
    imprint_pattern_sift(state.resource, &state.sieve);
    state.action = imprint_policy_action_bit(request->action);
    find_verdict(&state);
    if (out->verdict == IMPRINT_POLICY_SILENT && !out->statement)
        find_other_action(&state);
}
