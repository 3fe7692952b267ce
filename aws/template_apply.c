/* What a template makes of what a device sent. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "document.h"
#include "function.h"
#include "grammar.h"
#include "memory.h"
#include "name.h"
#include "policy.h"
#include "posix/why.h"
#include "template_tree.h"

/* A device's reply has to go into one message. */
#define CONFIGURATION_MAX_LEN 65536
#define GROUP_MAX_COUNT 10

static enum imprint_status no_memory(struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

struct apply {
    const struct imprint_template *template;
    struct imprint_function_run run;
    struct imprint_template_plan *plan;
    struct imprint_why *why;
};

/* A value of the plan's own. */
static enum imprint_status evaluate(struct apply *apply,
                                    const struct imprint_document *node,
                                    const struct imprint_place *place,
                                    const char **out)
{
    const char *text = NULL;
    enum imprint_status status =
        imprint_function_text(&apply->run, node, place, &text);

    if (status != IMPRINT_OK)
        return status;
    *out = imprint_memory_copy(&apply->plan->memory, imprint_slice_text(text));
    return *out ? IMPRINT_OK : no_memory(apply->why);
}

/* A property that is a name; one that is missing leaves *out alone. */
static enum imprint_status evaluate_name(struct apply *apply,
                                         const struct imprint_document *node,
                                         const struct imprint_place *place,
                                         bool (*is_ok)(const char *),
                                         const char **out)
{
    enum imprint_status status;

    if (!node)
        return IMPRINT_OK;
    status = evaluate(apply, node, place, out);
    if (status == IMPRINT_OK && !is_ok(*out))
        return imprint_function_refuse(
            &apply->run, place, "\"%.200s\" can't be %s", *out,
            is_ok == imprint_name_policy_ok ? "a policy's name"
                                            : "a name of a thing, a type or a "
                                              "group");
    return status;
}

static enum imprint_status evaluate_property(
    struct apply *apply, const struct imprint_document *properties,
    const struct imprint_place *place, const char *name, const char **out)
{
    const struct imprint_place own = imprint_place_member(place, name);

    return evaluate_name(apply, imprint_document_member(properties, name), &own,
                         imprint_name_thing_ok, out);
}

/* An object of values; *out is not NULL if there is one. */
static enum imprint_status evaluate_map(struct apply *apply,
                                        const struct imprint_document *object,
                                        const struct imprint_place *place,
                                        struct imprint_pair **out,
                                        size_t *count)
{
    const struct imprint_document *value;
    enum imprint_status status = IMPRINT_OK;
    const char *name;
    void *cursor = NULL;

    if (!object)
        return IMPRINT_OK;
    *out = imprint_memory_take(&apply->plan->memory,
                               (imprint_document_count(object) + 1) *
                                   sizeof(**out));
    if (!*out)
        return no_memory(apply->why);
    while (status == IMPRINT_OK &&
           (name = imprint_document_next(object, &cursor, &value))) {
        const struct imprint_place own = imprint_place_member(place, name);
        const char *text = NULL;

        status = evaluate(apply, value, &own, &text);
        name =
            imprint_memory_copy(&apply->plan->memory, imprint_slice_text(name));
        if (!name)
            return no_memory(apply->why);
        (*out)[*count].name = imprint_slice_text(name);
        (*out)[(*count)++].value = imprint_slice_text(text);
    }
    return status;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct imprint_pair *left = a;
    const struct imprint_pair *right = b;

    return strcmp((const char *)left->name.bytes,
                  (const char *)right->name.bytes);
}

static enum imprint_status apply_attributes(
    struct apply *apply, const struct imprint_document *properties,
    const struct imprint_place *place)
{
    static const char name[] = "AttributePayload";
    const struct imprint_place own = imprint_place_member(place, name);
    struct imprint_template_thing *thing = &apply->plan->thing;
    enum imprint_status status =
        evaluate_map(apply, imprint_document_member(properties, name), &own,
                     &thing->attributes, &thing->attribute_count);
    size_t i;

    for (i = 0; status == IMPRINT_OK && i < thing->attribute_count; i++) {
        const char *value = (const char *)thing->attributes[i].value.bytes;

        if (!imprint_name_value_ok(value))
            return imprint_function_refuse(
                &apply->run, &own,
                "the attribute \"%s\" can't have the value \"%.200s\"",
                (const char *)thing->attributes[i].name.bytes, value);
    }
    if (status == IMPRINT_OK && thing->attribute_count > 0)
        qsort(thing->attributes, thing->attribute_count,
              sizeof(*thing->attributes), compare_pairs);
    return status;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, none twice, the plan's own. */
static enum imprint_status keep_groups(struct apply *apply, const char **list,
                                       size_t count,
                                       const struct imprint_place *place)
{
    struct imprint_template_thing *thing = &apply->plan->thing;
    size_t i;

    qsort(list, count, sizeof(*list), compare_texts);
    thing->groups = imprint_memory_take(&apply->plan->memory,
                                        (count + 1) * sizeof(*thing->groups));
    if (!thing->groups)
        return no_memory(apply->why);
    for (i = 0; i < count; i++) {
        if (!imprint_name_thing_ok(list[i]))
            return imprint_function_refuse(&apply->run, place,
                                           "\"%.200s\" can't be a group's "
                                           "name",
                                           list[i]);
        if (i > 0 && strcmp(list[i - 1], list[i]) == 0)
            continue;
        thing->groups[thing->group_count] = imprint_memory_copy(
            &apply->plan->memory, imprint_slice_text(list[i]));
        if (!thing->groups[thing->group_count++])
            return no_memory(apply->why);
    }
    if (thing->group_count > GROUP_MAX_COUNT)
        return imprint_function_refuse(&apply->run, place,
                                       "a thing is in at most %d groups",
                                       GROUP_MAX_COUNT);
    return IMPRINT_OK;
}

static enum imprint_status apply_groups(
    struct apply *apply, const struct imprint_document *properties,
    const struct imprint_place *place)
{
    static const char name[] = "ThingGroups";
    const struct imprint_place own = imprint_place_member(place, name);
    const struct imprint_document *node =
        imprint_document_member(properties, name);
    const char **list = NULL;
    size_t count = 0;
    enum imprint_status status;

    if (!node)
        return IMPRINT_OK;
    status = imprint_function_list(&apply->run, node, &own, &list, &count);
    return status == IMPRINT_OK ? keep_groups(apply, list, count, &own)
                                : status;
}

static enum imprint_template_override read_override(
    const struct imprint_document *settings, const char *name)
{
    static const char *const names[] = {"", "DO_NOTHING", "REPLACE", "FAIL",
                                        "MERGE"};
    const char *text =
        imprint_document_text(imprint_grammar_setting(settings, name));
    int i = IMPRINT_TEMPLATE_MERGE;

    while (i > IMPRINT_TEMPLATE_UNSET && (!text || strcmp(text, names[i]) != 0))
        i--;
    return (enum imprint_template_override)i;
}

static enum imprint_status apply_thing(struct apply *apply,
                                       const struct imprint_document *resource,
                                       const struct imprint_place *place)
{
    const struct imprint_place own = imprint_place_member(place, "Properties");
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");
    const struct imprint_document *settings =
        imprint_document_member(resource, "OverrideSettings");
    struct imprint_template_plan *plan = apply->plan;
    enum imprint_status status = evaluate_property(
        apply, properties, &own, "ThingName", &plan->thing.name);

    plan->has_overrides = settings != NULL;
    plan->on_attributes = read_override(settings, "AttributePayload");
    plan->on_type = read_override(settings, "ThingTypeName");
    plan->on_groups = read_override(settings, "ThingGroups");
    if (status == IMPRINT_OK)
        status = apply_attributes(apply, properties, &own);
    if (status == IMPRINT_OK)
        status = evaluate_property(apply, properties, &own, "ThingTypeName",
                                   &plan->thing.type);
    if (status == IMPRINT_OK)
        status = evaluate_property(apply, properties, &own, "BillingGroup",
                                   &plan->thing.billing_group);
    return status == IMPRINT_OK ? apply_groups(apply, properties, &own)
                                : status;
}

/* True or false as one of two words, in any case; a missing one: the second. */
static enum imprint_status evaluate_choice(struct apply *apply,
                                           const struct imprint_document *node,
                                           const struct imprint_place *place,
                                           const char *const words[2],
                                           bool *out)
{
    const char *text = NULL;
    enum imprint_status status;

    if (!node)
        return IMPRINT_OK;
    status = imprint_function_text(&apply->run, node, place, &text);
    if (status != IMPRINT_OK)
        return status;
    if (strcasecmp(text, words[0]) != 0 && strcasecmp(text, words[1]) != 0)
        return imprint_function_refuse(&apply->run, place,
                                       "\"%.64s\" must be %s or %s", text,
                                       words[0], words[1]);
    *out = strcasecmp(text, words[0]) == 0;
    return IMPRINT_OK;
}

static enum imprint_status apply_certificate(
    struct apply *apply, const struct imprint_document *resource,
    const struct imprint_place *place)
{
    static const char *const states[] = {"ACTIVE", "INACTIVE"};
    static const char *const types[] = {"EXCLUSIVE_THING",
                                        "NON_EXCLUSIVE_THING"};
    const struct imprint_place own = imprint_place_member(place, "Properties");
    const struct imprint_place status_place =
        imprint_place_member(&own, "Status");
    const struct imprint_place type_place =
        imprint_place_member(&own, "ThingPrincipalType");
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");
    enum imprint_status status =
        evaluate_choice(apply, imprint_document_member(properties, "Status"),
                        &status_place, states, &apply->plan->activates);

    apply->plan->on_status = read_override(
        imprint_document_member(resource, "OverrideSettings"), "Status");
    if (status != IMPRINT_OK)
        return status;
    return evaluate_choice(
        apply, imprint_document_member(properties, "ThingPrincipalType"),
        &type_place, types, &apply->plan->is_exclusive);
}

/* What came out must be a policy, whatever the device put into it. */
static enum imprint_status check_made(struct apply *apply, const char *text,
                                      const struct imprint_place *place,
                                      const char **out)
{
    struct imprint_document *document = NULL;
    struct imprint_policy *policy = NULL;
    struct imprint_why inner = {"", ""};
    char *compact = NULL;
    enum imprint_status status =
        imprint_policy_parse(imprint_slice_text(text), &policy, &inner);

    imprint_policy_free(policy);
    if (status != IMPRINT_OK)
        return imprint_function_refuse(&apply->run, place, "%.300s",
                                       inner.text);
    if (imprint_document_read(imprint_slice_text(text), &document, NULL) ==
        IMPRINT_OK)
        compact = imprint_document_write(document);
    imprint_document_free(document);
    if (compact)
        *out = imprint_memory_copy(&apply->plan->memory,
                                   imprint_slice_text(compact));
    free(compact);
    return *out ? IMPRINT_OK : no_memory(apply->why);
}

/* A document with functions in it, or one that a function makes. */
static enum imprint_status make_document(struct apply *apply,
                                         const struct imprint_document *node,
                                         const struct imprint_place *place,
                                         const char **out)
{
    struct imprint_memory_text made = {.bytes = NULL};
    const char *text = NULL;
    enum imprint_status status =
        imprint_function_is(node)
            ? imprint_function_text(&apply->run, node, place, &text)
            : imprint_function_write(&apply->run, node, place, &made);

    if (status == IMPRINT_OK && made.has_failed)
        status = no_memory(apply->why);
    if (status == IMPRINT_OK)
        status = check_made(apply, text ? text : made.bytes, place, out);
    free(made.bytes);
    return status;
}

static enum imprint_status apply_policy(struct apply *apply,
                                        const struct imprint_document *resource,
                                        const struct imprint_place *place,
                                        const char *document)
{
    const struct imprint_place own = imprint_place_member(place, "Properties");
    const struct imprint_place name_place =
        imprint_place_member(&own, "PolicyName");
    const struct imprint_place document_place =
        imprint_place_member(&own, "PolicyDocument");
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");
    const struct imprint_document *name =
        imprint_document_member(properties, "PolicyName");
    struct imprint_template_policy *policy =
        &apply->plan->policies[apply->plan->policy_count++];

    if (name)
        return evaluate_name(apply, name, &name_place, imprint_name_policy_ok,
                             &policy->name);
    if (!document)
        return make_document(
            apply, imprint_document_member(properties, "PolicyDocument"),
            &document_place, &policy->document);
    policy->document =
        imprint_memory_copy(&apply->plan->memory, imprint_slice_text(document));
    return policy->document ? IMPRINT_OK : no_memory(apply->why);
}

static enum imprint_status apply_resources(struct apply *apply)
{
    const struct imprint_document *resources =
        imprint_document_member(apply->template->root, "Resources");
    const struct imprint_place place = imprint_place_member(NULL, "Resources");
    const struct imprint_document *resource;
    enum imprint_status status = IMPRINT_OK;
    const char *name;
    void *cursor = NULL;
    size_t i;

    for (i = 0; status == IMPRINT_OK &&
                (name = imprint_document_next(resources, &cursor, &resource));
         i++) {
        const struct imprint_place own = imprint_place_member(&place, name);
        const char *type =
            imprint_document_text(imprint_document_member(resource, "Type"));

        if (strcmp(type, "AWS::IoT::Thing") == 0)
            status = apply_thing(apply, resource, &own);
        else if (strcmp(type, "AWS::IoT::Policy") == 0)
            status = apply_policy(apply, resource, &own,
                                  apply->template->documents[i]);
        else
            status = apply_certificate(apply, resource, &own);
    }
    return status;
}

/* Every parameter has a value, even one that nothing refers to. */
static enum imprint_status check_parameters(struct apply *apply)
{
    const struct imprint_place place = imprint_place_member(NULL, "Parameters");
    const struct imprint_document *parameter;
    enum imprint_status status = IMPRINT_OK;
    const char *name;
    void *cursor = NULL;

    while (status == IMPRINT_OK &&
           (name = imprint_document_next(apply->run.scope.parameters, &cursor,
                                         &parameter))) {
        const char *value = NULL;

        status = imprint_function_ref(&apply->run, name, &place, &value);
    }
    return status;
}

static enum imprint_status apply_configuration(struct apply *apply)
{
    static const char name[] = "DeviceConfiguration";
    const struct imprint_place place = imprint_place_member(NULL, name);
    struct imprint_template_plan *plan = apply->plan;
    size_t total_len = 0;
    size_t i;
    enum imprint_status status = evaluate_map(
        apply, imprint_document_member(apply->template->root, name), &place,
        &plan->configuration, &plan->configuration_count);

    if (status != IMPRINT_OK)
        return status;
    for (i = 0; i < plan->configuration_count; i++)
        total_len +=
            plan->configuration[i].name.len + plan->configuration[i].value.len;
    if (total_len > CONFIGURATION_MAX_LEN)
        return imprint_function_refuse(
            &apply->run, &place, "its values are longer than %d bytes together",
            CONFIGURATION_MAX_LEN);
    return IMPRINT_OK;
}

enum imprint_status imprint_template_apply(
    const struct imprint_template *template,
    const struct imprint_template_parameters *parameters,
    struct imprint_template_plan *out, struct imprint_why *why)
{
    const struct imprint_document *root = template->root;
    struct imprint_template_plan plan = {.activates = true};
    void *made = NULL;
    struct apply apply = {
        .template = template,
        .run = {.scope = {imprint_document_member(root, "Parameters"),
                          imprint_document_member(root, "Mappings")},
                .sent = parameters,
                .memory = &made,
                .why = why},
        .plan = &plan,
        .why = why,
    };
    enum imprint_status status = check_parameters(&apply);

    plan.policies = imprint_memory_take(
        &plan.memory,
        (imprint_document_count(imprint_document_member(root, "Resources")) +
         1) *
            sizeof(*plan.policies));
    if (status == IMPRINT_OK)
        status = plan.policies ? apply_resources(&apply) : no_memory(why);
    if (status == IMPRINT_OK)
        status = apply_configuration(&apply);
    imprint_memory_free(&made);
    if (status == IMPRINT_OK)
        *out = plan;
    else
        imprint_template_free_plan(&plan);
    return status;
}

void imprint_template_free_plan(struct imprint_template_plan *plan)
{
    imprint_memory_free(&plan->memory);
    *plan = (struct imprint_template_plan){.memory = NULL};
}
