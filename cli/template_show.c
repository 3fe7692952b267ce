#include "template_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/memory.h"
#include "aws/thing.h"
#include "posix/why.h"

static void put(struct imprint_memory_text *out, const char *text)
{
    imprint_memory_put(out, imprint_slice_text(text));
}

static void quote(struct imprint_memory_text *out, const char *text)
{
    if (text)
        imprint_memory_put_quoted(out, imprint_slice_text(text));
    else
        put(out, "null");
}

static enum imprint_status print(struct imprint_memory_text *text,
                                 struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;

    if (text->has_failed)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    else if (text->bytes)
        (void)fputs(text->bytes, stdout);
    free(text->bytes);
    return status;
}

/* ---- a trial as JSON ---- */

static void put_pairs(struct imprint_memory_text *out,
                      const struct imprint_pair *pairs, size_t count)
{
    char *json = imprint_thing_write_attributes(pairs, count);

    out->has_failed |= !json;
    if (json)
        put(out, json);
    free(json);
}

static void put_thing(struct imprint_memory_text *out,
                      const struct imprint_template_thing *thing)
{
    size_t i;

    if (!thing || !thing->name) {
        put(out, "null");
        return;
    }
    put(out, "{\"thingName\":");
    quote(out, thing->name);
    put(out, ",\"attributes\":");
    put_pairs(out, thing->attributes, thing->attribute_count);
    put(out, ",\"thingTypeName\":");
    quote(out, thing->type);
    put(out, ",\"billingGroupName\":");
    quote(out, thing->billing_group);
    put(out, ",\"thingGroups\":[");
    for (i = 0; i < thing->group_count; i++) {
        put(out, i > 0 ? "," : "");
        quote(out, thing->groups[i]);
    }
    put(out, "]}");
}

static void put_hook(struct imprint_memory_text *out,
                     const struct imprint_hook_answer *hook)
{
    if (!hook) {
        put(out, "null");
        return;
    }
    put(out, hook->allows ? "{\"allowProvisioning\":true"
                          : "{\"allowProvisioning\":false");
    put(out, ",\"parameterOverrides\":");
    put_pairs(out, hook->overrides, hook->override_count);
    put(out, "}");
}

static void put_policies(struct imprint_memory_text *out,
                         const struct imprint_template_plan *plan)
{
    size_t i;

    put(out, ",\"policies\":[");
    for (i = 0; i < plan->policy_count; i++) {
        put(out, i > 0 ? "," : "");
        if (plan->policies[i].name) {
            put(out, "{\"policyName\":");
            quote(out, plan->policies[i].name);
        } else {
            put(out, "{\"policyDocument\":");
            put(out, plan->policies[i].document);
        }
        put(out, "}");
    }
    put(out, "]");
}

static void put_trial_json(struct imprint_memory_text *out,
                           const struct imprint_template_show_trial *trial)
{
    const struct imprint_template_plan *plan = trial->plan;
    char code[24];

    put(out, "{\"hook\":");
    put_hook(out, trial->hook);
    if (!plan) {
        (void)snprintf(code, sizeof(code), "%d", trial->status_code);
        put(out, ",\"refused\":{\"statusCode\":");
        put(out, code);
        put(out, ",\"why\":");
        quote(out, trial->refusal->text);
        put(out, "}}\n");
        return;
    }
    put(out, ",\"before\":");
    put_thing(out, trial->existing);
    put(out, ",\"after\":");
    put_thing(out, trial->after);
    put(out, ",\"certificate\":{\"status\":");
    quote(out, plan->activates ? "ACTIVE" : "INACTIVE");
    put(out, ",\"thingPrincipalType\":");
    quote(out, plan->is_exclusive ? "EXCLUSIVE_THING" : "NON_EXCLUSIVE_THING");
    put(out, "}");
    put_policies(out, plan);
    put(out, ",\"reply\":{\"thingName\":");
    quote(out, plan->thing.name);
    put(out, ",\"deviceConfiguration\":");
    put_pairs(out, plan->configuration, plan->configuration_count);
    put(out, "}}\n");
}

/* ---- a trial for a person ---- */

static void put_line(struct imprint_memory_text *out, const char *label,
                     const char *text)
{
    char start[24];

    (void)snprintf(start, sizeof(start), "%-14s", label);
    put(out, start);
    put(out, text);
    put(out, "\n");
}

static void put_pair(struct imprint_memory_text *out, const char *label,
                     const struct imprint_pair *pair)
{
    char start[24];

    (void)snprintf(start, sizeof(start), "%-14s", label);
    put(out, start);
    imprint_memory_put(out, pair->name);
    put(out, " = ");
    imprint_memory_put(out, pair->value);
    put(out, "\n");
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* "a -> b"; nothing if both are NULL; *is_changed if they differ. */
static void put_change(struct imprint_memory_text *out, const char *label,
                       const char *before, const char *after, bool *is_changed)
{
    char start[160];

    if (!before && !after)
        return;
    (void)snprintf(start, sizeof(start), "%-14s", label);
    put(out, start);
    if (!is_same(before, after)) {
        *is_changed = true;
        put(out, before ? before : "(none)");
        put(out, " -> ");
    }
    put(out, after ? after : "(none)");
    put(out, "\n");
}

static const char *value_of(const struct imprint_template_thing *thing,
                            struct imprint_slice name)
{
    size_t i;

    for (i = 0; thing && i < thing->attribute_count; i++) {
        if (imprint_slice_equal(thing->attributes[i].name, name))
            return (const char *)thing->attributes[i].value.bytes;
    }
    return NULL;
}

static void put_attributes(struct imprint_memory_text *out,
                           const struct imprint_template_thing *before,
                           const struct imprint_template_thing *after,
                           bool *is_changed)
{
    char label[160];
    size_t i;

    for (i = 0; before && i < before->attribute_count; i++) {
        struct imprint_slice name = before->attributes[i].name;

        (void)snprintf(label, sizeof(label), "  .%s ",
                       (const char *)name.bytes);
        if (!value_of(after, name))
            put_change(out, label, value_of(before, name), NULL, is_changed);
    }
    for (i = 0; i < after->attribute_count; i++) {
        struct imprint_slice name = after->attributes[i].name;

        (void)snprintf(label, sizeof(label), "  .%s ",
                       (const char *)name.bytes);
        put_change(out, label, value_of(before, name), value_of(after, name),
                   is_changed);
    }
}

static const char *find_group(const struct imprint_template_thing *thing,
                              const char *name)
{
    size_t i;

    for (i = 0; thing && i < thing->group_count; i++) {
        if (strcmp(thing->groups[i], name) == 0)
            return thing->groups[i];
    }
    return NULL;
}

static void put_groups(struct imprint_memory_text *out,
                       const struct imprint_template_thing *before,
                       const struct imprint_template_thing *after,
                       bool *is_changed)
{
    size_t i;

    for (i = 0; before && i < before->group_count; i++) {
        if (!find_group(after, before->groups[i]))
            put_change(out, "  group", before->groups[i], NULL, is_changed);
    }
    for (i = 0; i < after->group_count; i++)
        put_change(out, "  group", find_group(before, after->groups[i]),
                   after->groups[i], is_changed);
}

static void put_thing_text(struct imprint_memory_text *out,
                           const struct imprint_template_show_trial *trial)
{
    static const struct imprint_template_thing none = {.name = NULL};
    const struct imprint_template_thing *before = trial->existing;
    const struct imprint_template_thing *after = trial->after;
    struct imprint_memory_text lines = {.bytes = NULL};
    bool is_changed = false;

    if (!after) {
        put_line(out, "thing", "(the template makes none)");
        return;
    }
    before = before ? before : &none;
    put_change(&lines, "  type", before->type, after->type, &is_changed);
    put_change(&lines, "  billing", before->billing_group, after->billing_group,
               &is_changed);
    put_attributes(&lines, before, after, &is_changed);
    put_groups(&lines, before, after, &is_changed);
    put(out, "thing         ");
    put(out, after->name);
    if (before == &none)
        put(out, " (new)\n");
    else
        put(out, is_changed ? " (changed)\n" : " (as it was)\n");
    imprint_memory_put(out, imprint_slice_of(lines.bytes, lines.len));
    out->has_failed |= lines.has_failed;
    free(lines.bytes);
}

static void put_hook_text(struct imprint_memory_text *out,
                          const struct imprint_hook_answer *hook)
{
    size_t i;

    if (!hook)
        return;
    put_line(out, "hook", hook->allows ? "allows it" : "does not allow it");
    for (i = 0; i < hook->override_count; i++)
        put_pair(out, "  override", &hook->overrides[i]);
}

static void put_trial_text(struct imprint_memory_text *out,
                           const struct imprint_template_show_trial *trial)
{
    const struct imprint_template_plan *plan = trial->plan;
    size_t i;

    put_hook_text(out, trial->hook);
    if (!plan)
        return;
    put_thing_text(out, trial);
    put_line(out, "certificate", plan->activates ? "ACTIVE" : "INACTIVE");
    if (plan->is_exclusive)
        put_line(out, "", "for this thing alone (EXCLUSIVE_THING)");
    for (i = 0; i < plan->policy_count; i++) {
        const struct imprint_template_policy *policy = &plan->policies[i];

        put_line(out, "policy", policy->name ? policy->name : policy->document);
    }
    put_line(out, "device gets",
             plan->thing.name ? plan->thing.name : "(no thing name)");
    for (i = 0; i < plan->configuration_count; i++)
        put_pair(out, "", &plan->configuration[i]);
}

enum imprint_status imprint_template_show_trial(
    const struct imprint_template_show_trial *trial, bool json,
    struct imprint_why *why)
{
    struct imprint_memory_text out = {.bytes = NULL};

    if (json)
        put_trial_json(&out, trial);
    else
        put_trial_text(&out, trial);
    return print(&out, why);
}
