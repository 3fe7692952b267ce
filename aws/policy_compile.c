#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "name.h"
#include "policy_parts.h"

/*
 * What a device is asked about comes first; the rest are actions of AWS IoT's
 * data plane and credential provider, which a policy may name.
 */
static const char *const actions[] = {
    "iot:Connect",
    "iot:Publish",
    "iot:Receive",
    "iot:Subscribe",
    "iot:RetainPublish",
    "iot:AssumeRoleWithCertificate",
    "iot:GetThingShadow",
    "iot:UpdateThingShadow",
    "iot:DeleteThingShadow",
    "iot:ListNamedShadowsForThing",
    "iot:GetRetainedMessage",
    "iot:ListRetainedMessages",
    "iot:DeleteConnection",
    "iotjobsdata:DescribeJobExecution",
    "iotjobsdata:GetPendingJobExecutions",
    "iotjobsdata:StartNextPendingJobExecution",
    "iotjobsdata:UpdateJobExecution",
    "greengrass:Discover",
    NULL,
};

#define DEVICE_ACTION_COUNT 6
#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]) - 1)

bool imprint_policy_action_ok(const char *action)
{
    size_t i;

    for (i = 0; i < DEVICE_ACTION_COUNT; i++) {
        if (strcmp(actions[i], action) == 0)
            return true;
    }
    return false;
}

uint32_t imprint_policy_action_bit(const char *action)
{
    size_t i;

    for (i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(actions[i], action) == 0)
            return 1u << i;
    }
    return 0;
}

struct compiling {
    struct imprint_findings *findings;
    struct imprint_policy *policy;
    struct imprint_policy_statement *statement;
};

static bool fail(const struct compiling *state,
                 const struct imprint_place *place, const char *problem)
{
    imprint_finding_error(state->findings, place, "%s", problem);
    return false;
}

static bool fail_memory(const struct compiling *state)
{
    return fail(state, NULL, "out of memory");
}

/* ---- members ---- */

/* Every member is among known, which a NULL ends. */
static bool check_members(const struct compiling *state,
                          const struct imprint_document *node,
                          const struct imprint_place *place,
                          const char *const *known)
{
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;
    bool is_fine = true;

    while ((name = imprint_document_next(node, &cursor, &value))) {
        struct imprint_place at = imprint_place_member(place, name);
        const char *meant;
        size_t i;

        for (i = 0; known[i] && strcmp(known[i], name) != 0; i++)
            ;
        if (known[i])
            continue;
        is_fine = false;
        imprint_finding_error(state->findings, &at, "\"%s\" is not supported",
                              name);
        meant = imprint_name_nearest(name, known);
        if (strncmp(name, "Not", 3) == 0)
            imprint_finding_hint(state->findings,
                                 "AWS IoT's policies have Action and Resource "
                                 "only; use a second statement with Deny");
        else if (strstr(name, "Principal"))
            imprint_finding_hint(state->findings,
                                 "the certificate that it is attached to is "
                                 "the principal");
        else if (meant)
            imprint_finding_hint(state->findings, "did you mean \"%s\"?",
                                 meant);
    }
    return is_fine;
}

/* ---- actions ---- */

static bool compile_action(const struct compiling *state, const char *text,
                           const struct imprint_place *place)
{
    struct imprint_pattern pattern;
    struct imprint_policy_request nobody = {.action = text};
    uint32_t found = 0;
    const char *meant;
    size_t at;
    size_t i;

    if (imprint_pattern_compile(imprint_slice_text(text), true,
                                &state->policy->memory, &pattern,
                                &at) != IMPRINT_PATTERN_FINE ||
        pattern.variable_count > 0)
        return fail(state, place, "an action can't have variables");
    for (i = 0; i < ACTION_COUNT; i++) {
        if (imprint_pattern_match(&pattern, imprint_slice_text(actions[i]),
                                  &nobody, false))
            found |= 1u << i;
    }
    state->statement->actions |= found;
    if (found != 0)
        return true;
    imprint_finding_error(state->findings, place,
                          "\"%s\" is not supported: no action of AWS IoT",
                          text);
    meant = imprint_name_nearest(text, actions);
    if (meant)
        imprint_finding_hint(state->findings, "did you mean \"%s\"?", meant);
    return false;
}

/* ---- resources ---- */

const char *imprint_policy_resource_of(const char *arn)
{
    size_t colons = 0;

    if (strncmp(arn, "arn:", 4) != 0)
        return NULL;
    for (; colons < 5; colons++) {
        arn = strchr(arn, ':');
        if (!arn)
            return NULL;
        arn++;
    }
    return arn;
}

static bool fail_pattern(const struct compiling *state,
                         const struct imprint_place *place,
                         enum imprint_pattern_problem problem, const char *at)
{
    switch (problem) {
    case IMPRINT_PATTERN_OPEN:
        imprint_finding_error(state->findings, place,
                              "'${' is never closed in \"%s\"", at);
        break;
    case IMPRINT_PATTERN_UNKNOWN:
        imprint_finding_error(state->findings, place,
                              "the variable \"%.*s}\" is not supported",
                              (int)strcspn(at, "}"), at);
        imprint_finding_hint(
            state->findings,
            "there are ${iot:ClientId}, ${aws:SourceIp}, ${iot:CertificateId}, "
            "${iot:Connection.Thing...} and ${iot:Certificate...}");
        break;
    case IMPRINT_PATTERN_TOO_MANY:
        imprint_finding_error(state->findings, place,
                              "it has more than %d variables",
                              IMPRINT_PATTERN_VARIABLE_MAX_COUNT);
        break;
    default:
        return fail_memory(state);
    }
    return false;
}

static bool compile_resource(const struct compiling *state, const char *text,
                             const struct imprint_place *place)
{
    struct imprint_policy_statement *statement = state->statement;
    struct imprint_pattern *out =
        &statement->resources[statement->resource_count++];
    size_t at = 0;
    enum imprint_pattern_problem problem;

    if (strcmp(text, "*") != 0 && strncmp(text, "arn:", 4) != 0) {
        imprint_finding_error(state->findings, place,
                              "\"%s\" is neither an ARN nor *", text);
        imprint_finding_hint(state->findings,
                             "write arn:aws:iot:REGION:ACCOUNT:%s", text);
        return false;
    }
    if (text[0] != '*' && !imprint_policy_resource_of(text) &&
        !strpbrk(text, "*?")) {
        imprint_finding_error(state->findings, place, "\"%s\" is no whole ARN",
                              text);
        imprint_finding_hint(state->findings,
                             "write arn:aws:iot:REGION:ACCOUNT:topic/...");
        return false;
    }
    problem = imprint_pattern_compile(imprint_slice_text(text), true,
                                      &state->policy->memory, out, &at);
    return problem == IMPRINT_PATTERN_FINE ||
           fail_pattern(state, place, problem, text + at);
}

/* ---- statements ---- */

/* A text, or an array of at least one. */
static bool compile_list(const struct compiling *state,
                         const struct imprint_document *node,
                         const struct imprint_place *place,
                         bool (*compile_one)(const struct compiling *,
                                             const char *,
                                             const struct imprint_place *))
{
    bool is_array = imprint_document_kind_of(node) == IMPRINT_DOCUMENT_ARRAY;
    size_t count = is_array ? imprint_document_count(node) : 1;
    bool is_fine = true;
    size_t i;

    if (!node)
        return fail(state, place, "is missing");
    if (count == 0)
        return fail(state, place, "is empty");
    for (i = 0; i < count; i++) {
        struct imprint_place item = imprint_place_item(place, i);
        const char *text = imprint_document_text(
            is_array ? imprint_document_item(node, i) : node);

        if (text)
            is_fine &= compile_one(state, text, is_array ? &item : place);
        else
            is_fine = fail(state, is_array ? &item : place, "must be a text");
    }
    return is_fine;
}

static bool compile_effect(const struct compiling *state,
                           const struct imprint_document *node,
                           const struct imprint_place *place)
{
    struct imprint_place at = imprint_place_member(place, "Effect");
    const char *effect =
        imprint_document_text(imprint_document_member(node, "Effect"));

    if (!effect ||
        (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0))
        return fail(state, &at, "must be \"Allow\" or \"Deny\"");
    state->statement->allows = effect[0] == 'A';
    return true;
}

static bool compile_conditions(const struct compiling *state,
                               const struct imprint_document *node,
                               const struct imprint_place *place)
{
    struct imprint_place at = imprint_place_member(place, "Condition");
    struct imprint_policy_statement *statement = state->statement;

    if (!node)
        return true;
    statement->condition_count = imprint_condition_count(node);
    return imprint_condition_compile(node, &at, state->findings,
                                     &state->policy->memory,
                                     &statement->conditions);
}

static bool compile_statement(const struct compiling *state,
                              const struct imprint_document *node,
                              const struct imprint_place *place)
{
    static const char *const known[] = {"Sid",      "Effect",    "Action",
                                        "Resource", "Condition", NULL};
    const struct imprint_document *sid = imprint_document_member(node, "Sid");
    const struct imprint_document *resources =
        imprint_document_member(node, "Resource");
    struct imprint_place at_sid = imprint_place_member(place, "Sid");
    struct imprint_place at_action = imprint_place_member(place, "Action");
    struct imprint_place at_resource = imprint_place_member(place, "Resource");
    char *text;
    bool is_fine;

    if (imprint_document_kind_of(node) != IMPRINT_DOCUMENT_OBJECT)
        return fail(state, place, "is not an object");
    text = imprint_document_write(node);
    state->statement->text = imprint_memory_copy(
        &state->policy->memory, imprint_slice_text(text ? text : ""));
    state->statement->resources = imprint_memory_take(
        &state->policy->memory, (imprint_document_count(resources) + 1) *
                                    sizeof(struct imprint_pattern));
    free(text);
    if (!text || !state->statement->text || !state->statement->resources)
        return fail_memory(state);
    is_fine = check_members(state, node, place, known);
    if (sid && !imprint_document_text(sid))
        is_fine = fail(state, &at_sid, "must be a text");
    is_fine &= compile_effect(state, node, place);
    /* what stands in their place has been refused */
    if (!imprint_document_member(node, "NotAction"))
        is_fine &= compile_list(state, imprint_document_member(node, "Action"),
                                &at_action, compile_action);
    if (!imprint_document_member(node, "NotResource"))
        is_fine &=
            compile_list(state, resources, &at_resource, compile_resource);
    is_fine &= compile_conditions(
        state, imprint_document_member(node, "Condition"), place);
    return is_fine;
}

static bool compile_statements(struct compiling *state,
                               const struct imprint_document *node,
                               const struct imprint_place *place)
{
    bool is_array = imprint_document_kind_of(node) == IMPRINT_DOCUMENT_ARRAY;
    size_t count = is_array ? imprint_document_count(node) : 1;
    bool is_fine = true;
    size_t i;

    if (!node || count == 0)
        return fail(state, place, "is missing or empty");
    state->policy->statements = imprint_memory_take(
        &state->policy->memory, count * sizeof(*state->policy->statements));
    if (!state->policy->statements)
        return fail_memory(state);
    state->policy->count = count;
    for (i = 0; i < count; i++) {
        struct imprint_place item = imprint_place_item(place, i);

        state->statement = &state->policy->statements[i];
        is_fine &= compile_statement(
            state, is_array ? imprint_document_item(node, i) : node,
            is_array ? &item : place);
    }
    return is_fine;
}

/* Without the white space between its tokens, as AWS counts. */
static bool is_short(const struct compiling *state,
                     const struct imprint_document *root,
                     const struct imprint_place *place)
{
    char *text = imprint_document_write(root);
    size_t len = 0;
    size_t i;

    if (!text)
        return fail_memory(state);
    for (i = 0; text[i] != '\0'; i++)
        len += text[i] != ' ' && ((uint8_t)text[i] & 0xc0u) != 0x80u;
    free(text);
    if (len <= IMPRINT_POLICY_MAX_LEN)
        return true;
    imprint_finding_error(state->findings, place,
                          "has %zu characters without white space; AWS takes "
                          "%d",
                          len, IMPRINT_POLICY_MAX_LEN);
    imprint_finding_hint(state->findings,
                         "use wildcards, or part it: a certificate can have "
                         "10 policies");
    return false;
}

bool imprint_policy_compile(const struct imprint_document *root,
                            const struct imprint_place *place,
                            struct imprint_findings *findings,
                            struct imprint_policy *out)
{
    static const char *const known[] = {"Version", "Id", "Statement", NULL};
    struct compiling state = {.findings = findings, .policy = out};
    struct imprint_place at_version = imprint_place_member(place, "Version");
    struct imprint_place at_statement =
        imprint_place_member(place, "Statement");
    const char *version =
        imprint_document_text(imprint_document_member(root, "Version"));
    bool is_fine;

    if (imprint_document_kind_of(root) != IMPRINT_DOCUMENT_OBJECT)
        return fail(&state, place, "the policy is not an object");
    is_fine = is_short(&state, root, place);
    is_fine &= check_members(&state, root, place, known);
    if (!version || strcmp(version, "2012-10-17") != 0)
        is_fine = fail(&state, &at_version, "must be \"2012-10-17\"");
    is_fine &= compile_statements(
        &state, imprint_document_member(root, "Statement"), &at_statement);
    return is_fine;
}
