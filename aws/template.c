#include "template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "document.h"
#include "grammar.h"
#include "posix/why.h"

/* A device's reply has to go into one message. */
#define CONFIGURATION_MAX_LEN 65536

struct imprint_template {
    struct imprint_document *root; /* as imprint_grammar_check wants it */
};

enum imprint_status imprint_template_parse(struct imprint_slice text,
                                           struct imprint_template **out,
                                           struct imprint_why *why)
{
    struct imprint_template *template;
    enum imprint_status status;

    if (text.len > IMPRINT_TEMPLATE_MAX_LEN)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "longer than %d characters",
                               IMPRINT_TEMPLATE_MAX_LEN);
    template = calloc(1, sizeof(*template));
    if (!template)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = imprint_document_read(text, &template->root, why);
    if (status == IMPRINT_OK)
        status = imprint_grammar_check(template->root, why);
    if (status == IMPRINT_OK)
        *out = template;
    else
        imprint_template_free(template);
    return status;
}

void imprint_template_free(struct imprint_template *template)
{
    if (!template)
        return;
    imprint_document_free(template->root);
    free(template);
}

struct apply {
    const struct imprint_document *declared;
    const struct imprint_template_parameters *sent;
    struct imprint_template_plan *plan;
    struct imprint_why *why;
};

/* Hands text, which may be NULL, to the plan. NULL: no memory. */
static const char *keep(struct imprint_template_plan *plan, char *text)
{
    char **texts =
        realloc(plan->texts, (plan->text_count + 1) * sizeof(*plan->texts));

    if (texts)
        plan->texts = texts;
    if (!texts || !text) {
        free(text);
        return NULL;
    }
    texts[plan->text_count++] = text;
    return text;
}

static enum imprint_status put_ref(struct apply *apply, const char *name,
                                   struct imprint_writer *writer)
{
    const char *standard;
    size_t i;

    if (strcmp(name, IMPRINT_GRAMMAR_CERTIFICATE_ID) == 0) {
        imprint_slice_put(writer, apply->sent->certificate_id);
        return IMPRINT_OK;
    }
    for (i = 0; i < apply->sent->pair_count; i++) {
        if (imprint_slice_is(apply->sent->pairs[i].name, name)) {
            imprint_slice_put(writer, apply->sent->pairs[i].value);
            return IMPRINT_OK;
        }
    }
    standard = imprint_document_text(imprint_document_member(
        imprint_document_member(apply->declared, name), "Default"));
    if (!standard)
        return imprint_why_set(apply->why, IMPRINT_ERR_ARGUMENT,
                               "the parameter \"%s\" is missing", name);
    imprint_slice_put_text(writer, standard);
    return IMPRINT_OK;
}

/* As deep as the grammar lets it be. */
static enum imprint_status put_value(struct apply *apply,
                                     const struct imprint_document *value,
                                     struct imprint_writer *writer)
{
    const char *text = imprint_document_text(value);
    const struct imprint_document *join;
    const struct imprint_document *parts;
    enum imprint_status status = IMPRINT_OK;
    size_t i;

    if (text) {
        imprint_slice_put_text(writer, text);
        return IMPRINT_OK;
    }
    text = imprint_document_text(imprint_document_member(value, "Ref"));
    if (text)
        return put_ref(apply, text, writer);
    join = imprint_document_member(value, "Fn::Join");
    parts = imprint_document_item(join, 1);
    for (i = 0; i < imprint_document_count(parts) && status == IMPRINT_OK;
         i++) {
        if (i > 0)
            imprint_slice_put_text(
                writer, imprint_document_text(imprint_document_item(join, 0)));
        status = put_value(apply, imprint_document_item(parts, i), writer);
    }
    return status;
}

static enum imprint_status evaluate(struct apply *apply, const char *what,
                                    const struct imprint_document *value,
                                    const char **out)
{
    char text[IMPRINT_TEMPLATE_VALUE_MAX_LEN + 1];
    struct imprint_writer writer =
        imprint_slice_writer(text, IMPRINT_TEMPLATE_VALUE_MAX_LEN);
    enum imprint_status status = put_value(apply, value, &writer);

    if (status != IMPRINT_OK)
        return status;
    if (!imprint_slice_fits(&writer))
        return imprint_why_set(apply->why, IMPRINT_ERR_ARGUMENT,
                               "the value of \"%s\" is longer than %d bytes",
                               what, IMPRINT_TEMPLATE_VALUE_MAX_LEN);
    text[writer.len] = '\0';
    *out = keep(apply->plan, strdup(text));
    return *out ? IMPRINT_OK
                : imprint_why_set(apply->why, IMPRINT_ERR_INTERNAL,
                                  "out of memory");
}

/* Only bytes of `allowed`, letters and digits, and min to max of them. */
static bool is_name(const char *text, const char *allowed, size_t min_len,
                    size_t max_len)
{
    size_t len = strlen(text);
    size_t i;

    for (i = 0; i < len; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || strchr(allowed, c)))
            return false;
    }
    return len >= min_len && len <= max_len;
}

static enum imprint_status evaluate_map(struct apply *apply,
                                        const struct imprint_document *object,
                                        struct imprint_pair **out,
                                        size_t *out_count)
{
    size_t count = imprint_document_count(object);
    const struct imprint_document *value;
    enum imprint_status status = IMPRINT_OK;
    size_t total_len = 0;
    const char *name;
    void *cursor = NULL;

    *out = calloc(count + 1, sizeof(**out));
    if (!*out)
        return imprint_why_set(apply->why, IMPRINT_ERR_INTERNAL,
                               "out of memory");
    while (status == IMPRINT_OK &&
           (name = imprint_document_next(object, &cursor, &value))) {
        const char *own_name = keep(apply->plan, strdup(name));
        const char *text = NULL;

        if (!own_name)
            return imprint_why_set(apply->why, IMPRINT_ERR_INTERNAL,
                                   "out of memory");
        status = evaluate(apply, name, value, &text);
        (*out)[*out_count].name = imprint_slice_text(own_name);
        (*out)[(*out_count)++].value = imprint_slice_text(text);
        total_len += text ? strlen(text) : 0;
    }
    if (status == IMPRINT_OK && total_len > CONFIGURATION_MAX_LEN)
        return imprint_why_set(apply->why, IMPRINT_ERR_ARGUMENT,
                               "the values are longer than %d bytes together",
                               CONFIGURATION_MAX_LEN);
    return status;
}

static enum imprint_status check_attributes(struct apply *apply)
{
    size_t i;

    for (i = 0; i < apply->plan->attribute_count; i++) {
        const struct imprint_pair *pair = &apply->plan->attributes[i];

        if (!is_name((const char *)pair->name.bytes, "_.,@/:#-", 1, 128) ||
            !is_name((const char *)pair->value.bytes, "_.,@/:#=[]-", 0, 800))
            return imprint_why_set(
                apply->why, IMPRINT_ERR_ARGUMENT,
                "the attribute \"%s\" can't have the value \"%.200s\"",
                (const char *)pair->name.bytes,
                (const char *)pair->value.bytes);
    }
    return IMPRINT_OK;
}

static enum imprint_status apply_thing(struct apply *apply,
                                       const struct imprint_document *node)
{
    struct imprint_template_plan *plan = apply->plan;
    enum imprint_status status =
        evaluate(apply, "ThingName", imprint_document_member(node, "ThingName"),
                 &plan->thing_name);

    if (status != IMPRINT_OK)
        return status;
    if (!is_name(plan->thing_name, ":_-", 1, IMPRINT_TEMPLATE_THING_MAX_LEN))
        return imprint_why_set(apply->why, IMPRINT_ERR_ARGUMENT,
                               "\"%.200s\" can't be a thing's name",
                               plan->thing_name);
    status =
        evaluate_map(apply, imprint_document_member(node, "AttributePayload"),
                     &plan->attributes, &plan->attribute_count);
    return status == IMPRINT_OK ? check_attributes(apply) : status;
}

static enum imprint_status apply_policy(struct apply *apply,
                                        const struct imprint_document *node)
{
    const struct imprint_document *name =
        imprint_document_member(node, "PolicyName");
    struct imprint_template_policy *policy =
        &apply->plan->policies[apply->plan->policy_count];
    enum imprint_status status;

    if (!name) {
        policy->document = keep(
            apply->plan, imprint_grammar_policy_text(
                             imprint_document_member(node, "PolicyDocument")));
        if (!policy->document)
            return imprint_why_set(apply->why, IMPRINT_ERR_INTERNAL,
                                   "out of memory");
        apply->plan->policy_count++;
        return IMPRINT_OK;
    }
    status = evaluate(apply, "PolicyName", name, &policy->name);
    if (status != IMPRINT_OK)
        return status;
    if (!is_name(policy->name, "_+=,.@-", 1, 128))
        return imprint_why_set(apply->why, IMPRINT_ERR_ARGUMENT,
                               "\"%.200s\" can't be a policy's name",
                               policy->name);
    apply->plan->policy_count++;
    return IMPRINT_OK;
}

static enum imprint_status apply_resource(
    struct apply *apply, const struct imprint_document *resource)
{
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");
    const char *type =
        imprint_document_text(imprint_document_member(resource, "Type"));
    const char *state;

    if (strcmp(type, "AWS::IoT::Thing") == 0)
        return apply_thing(apply, properties);
    if (strcmp(type, "AWS::IoT::Policy") == 0)
        return apply_policy(apply, properties);
    state =
        imprint_document_text(imprint_document_member(properties, "Status"));
    apply->plan->activates = !state || strcasecmp(state, "ACTIVE") == 0;
    return IMPRINT_OK;
}

static enum imprint_status apply_template(struct apply *apply,
                                          const struct imprint_document *root)
{
    const struct imprint_document *resources =
        imprint_document_member(root, "Resources");
    struct imprint_template_plan *plan = apply->plan;
    const struct imprint_document *resource;
    enum imprint_status status = IMPRINT_OK;
    void *cursor = NULL;

    plan->policies =
        calloc(imprint_document_count(resources), sizeof(*plan->policies));
    if (!plan->policies)
        return imprint_why_set(apply->why, IMPRINT_ERR_INTERNAL,
                               "out of memory");
    while (status == IMPRINT_OK &&
           imprint_document_next(resources, &cursor, &resource))
        status = apply_resource(apply, resource);
    if (status != IMPRINT_OK)
        return status;
    return evaluate_map(apply,
                        imprint_document_member(root, "DeviceConfiguration"),
                        &plan->configuration, &plan->configuration_count);
}

enum imprint_status imprint_template_apply(
    const struct imprint_template *template,
    const struct imprint_template_parameters *parameters,
    struct imprint_template_plan *out, struct imprint_why *why)
{
    struct imprint_template_plan plan = {.thing_name = NULL};
    struct apply apply = {
        .declared = imprint_document_member(template->root, "Parameters"),
        .sent = parameters,
        .plan = &plan,
        .why = why,
    };
    enum imprint_status status = apply_template(&apply, template->root);

    if (status == IMPRINT_OK)
        *out = plan;
    else
        imprint_template_free_plan(&plan);
    return status;
}

void imprint_template_free_plan(struct imprint_template_plan *plan)
{
    size_t i;

    for (i = 0; i < plan->text_count; i++)
        free(plan->texts[i]);
    free(plan->texts);
    free(plan->attributes);
    free(plan->policies);
    free(plan->configuration);
    *plan = (struct imprint_template_plan){.thing_name = NULL};
}
