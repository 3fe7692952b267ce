#include "registration_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/memory.h"
#include "aws/thing.h"
#include "catalog.h"
#include "provision_parts.h"

#define GROUP_MAX_COUNT 256 /* of a thing that exists; AWS: 10 */

/* ---- a thing that exists ---- */

struct existing {
    struct imprint_template_thing thing;
    const char *groups[GROUP_MAX_COUNT];
    void *memory; /* of all its texts */
    bool has_failed;
};

static const char *copy(struct existing *existing, const char *text)
{
    const char *copied;

    if (!text)
        return NULL;
    copied = imprint_memory_copy(&existing->memory, imprint_slice_text(text));
    if (!copied)
        existing->has_failed = true;
    return copied;
}

static void take_thing(void *user, const struct imprint_catalog_thing *found)
{
    struct existing *existing = user;
    struct imprint_template_thing *thing = &existing->thing;

    if (imprint_thing_read_attributes(found->attributes, &thing->attributes,
                                      &thing->attribute_count,
                                      &existing->memory) != IMPRINT_OK)
        existing->has_failed = true;
    thing->name = copy(existing, found->name);
    thing->type = copy(existing, found->type);
    thing->billing_group = copy(existing, found->billing_group);
}

static void take_group(void *user, const char *group)
{
    struct existing *existing = user;

    if (existing->thing.group_count == GROUP_MAX_COUNT)
        existing->has_failed = true;
    else
        existing->groups[existing->thing.group_count++] = copy(existing, group);
}

/* ERR_NOT_FOUND: there is no such thing. */
static enum imprint_status read_existing(
    const struct imprint_provision *provision, const char *name,
    struct existing *existing)
{
    enum imprint_status status = imprint_catalog_find_thing(
        provision->registry, name, take_thing, existing);

    existing->thing.groups = existing->groups;
    if (status == IMPRINT_OK)
        status = imprint_catalog_each_group(provision->registry, name,
                                            take_group, existing);
    return status == IMPRINT_OK && existing->has_failed ? IMPRINT_ERR_INTERNAL
                                                        : status;
}

/* ---- a thing as it shall be ---- */

static enum imprint_status check_name(const struct imprint_provision *provision,
                                      struct imprint_provision_request *request,
                                      enum imprint_catalog_kind kind,
                                      const char *name)
{
    static const char *const kinds[] = {
        [IMPRINT_CATALOG_THING_TYPE] = "thing type",
        [IMPRINT_CATALOG_THING_GROUP] = "thing group",
        [IMPRINT_CATALOG_BILLING_GROUP] = "billing group",
    };
    enum imprint_status status =
        name ? imprint_catalog_find_name(provision->registry, kind, name)
             : IMPRINT_OK;

    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_provision_reject(
            request, 404, "ResourceNotFound",
            "There is no %s \"%s\", which the template names.", kinds[kind],
            name);
    return status;
}

static enum imprint_status check_names(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    const struct imprint_template_thing *thing)
{
    enum imprint_status status =
        check_name(provision, request, IMPRINT_CATALOG_THING_TYPE, thing->type);
    size_t i;

    if (status == IMPRINT_OK)
        status = check_name(provision, request, IMPRINT_CATALOG_BILLING_GROUP,
                            thing->billing_group);
    for (i = 0; i < thing->group_count && status == IMPRINT_OK; i++)
        status = check_name(provision, request, IMPRINT_CATALOG_THING_GROUP,
                            thing->groups[i]);
    return status;
}

static enum imprint_status put_properties(
    const struct imprint_provision *provision,
    const struct imprint_template_thing *thing)
{
    char *attributes = imprint_thing_write_attributes(thing->attributes,
                                                      thing->attribute_count);
    struct imprint_catalog_thing put = {
        .name = thing->name,
        .attributes = attributes,
        .type = thing->type,
        .billing_group = thing->billing_group,
        .created = imprint_rules_now(provision->rules),
    };
    enum imprint_status status =
        attributes ? imprint_catalog_put_thing(provision->registry, &put)
                   : IMPRINT_ERR_INTERNAL;

    free(attributes);
    return status;
}

static bool has_groups(const struct imprint_template_thing *thing,
                       const struct imprint_template_thing *existing)
{
    size_t i;

    if (thing->group_count != existing->group_count)
        return false;
    for (i = 0; i < thing->group_count; i++) {
        if (strcmp(thing->groups[i], existing->groups[i]) != 0)
            return false;
    }
    return true;
}

/* Those who may look at the thing hear of groups only if they changed. */
static enum imprint_status put_groups(
    const struct imprint_provision *provision,
    const struct imprint_template_thing *thing,
    const struct imprint_template_thing *existing)
{
    enum imprint_status status = IMPRINT_OK;
    size_t i;

    if (has_groups(thing, existing))
        return IMPRINT_OK;
    if (existing->group_count > 0)
        status = imprint_catalog_drop_members(provision->registry, thing->name);
    for (i = 0; i < thing->group_count && status == IMPRINT_OK; i++)
        status = imprint_catalog_put_member(provision->registry,
                                            thing->groups[i], thing->name);
    return status;
}

static enum imprint_status put_thing(const struct imprint_provision *provision,
                                     struct imprint_provision_request *request,
                                     struct imprint_template_plan *plan,
                                     const struct existing *existing)
{
    struct imprint_template_thing thing = plan->thing;
    struct imprint_why why = {{0}, {0}};
    enum imprint_status status = IMPRINT_OK;

    if (existing->thing.name)
        status =
            imprint_template_override(plan, &existing->thing, &thing, &why);
    if (status == IMPRINT_ERR_REFUSED)
        return imprint_provision_reject(request, 409, "ResourceConflict",
                                        "OverrideSettings do not allow it: "
                                        "%s.",
                                        why.text);
    if (status == IMPRINT_OK)
        status = check_names(provision, request, &thing);
    if (status == IMPRINT_OK)
        status = put_properties(provision, &thing);
    return status == IMPRINT_OK
               ? put_groups(provision, &thing, &existing->thing)
               : status;
}

/* Another node may be about to make it. */
static enum imprint_status lock_thing(const struct imprint_provision *provision,
                                      const char *name)
{
    char what[160];

    (void)snprintf(what, sizeof(what), "thing/%s", name);
    return imprint_registry_lock(provision->registry, what);
}

static enum imprint_status store_thing(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    struct imprint_template_plan *plan)
{
    struct existing existing = {.memory = NULL};
    enum imprint_status status = lock_thing(provision, plan->thing.name);

    if (status == IMPRINT_OK)
        status = read_existing(provision, plan->thing.name, &existing);

    if (status == IMPRINT_OK || status == IMPRINT_ERR_NOT_FOUND)
        status = put_thing(provision, request, plan, &existing);
    imprint_memory_free(&existing.memory);
    return status;
}

/* ---- policies ---- */

/* Its name is its digest, so that one there says the same. */
static enum imprint_status put_document(
    const struct imprint_provision *provision, const char *name,
    const char *document)
{
    enum imprint_status status =
        imprint_catalog_find_policy(provision->registry, name, NULL);

    return status == IMPRINT_ERR_NOT_FOUND
               ? imprint_catalog_put_policy(provision->registry, name, document)
               : status;
}

static enum imprint_status check_policy(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request, const char *name)
{
    enum imprint_status status =
        imprint_catalog_find_policy(provision->registry, name, NULL);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_provision_reject(
            request, 404, "ResourceNotFound",
            "There is no policy \"%s\", which the template names.", name);
    return status;
}

static enum imprint_status store_policy(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    const struct imprint_template_policy *policy)
{
    char digest[IMPRINT_AUTHORITY_ID_LEN + 1];
    const char *name = policy->name;
    enum imprint_status status;

    if (name) {
        status = check_policy(provision, request, name);
    } else {
        imprint_authority_certificate_id(imprint_slice_text(policy->document),
                                         digest);
        name = digest;
        status = put_document(provision, name, policy->document);
    }
    if (status != IMPRINT_OK)
        return status;
    status = imprint_catalog_attach_policy(provision->registry,
                                           request->certificate.id, name, true);
    if (status == IMPRINT_ERR_REFUSED)
        return imprint_provision_reject(
            request, 400, "LimitExceeded",
            "The certificate would have more than 10 policies.");
    return status;
}

/* ---- the certificate ---- */

static enum imprint_status attach_thing(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    const struct imprint_template_plan *plan)
{
    enum imprint_status status = imprint_catalog_attach_thing(
        provision->registry, request->certificate.id, plan->thing.name,
        plan->is_exclusive);

    if (status == IMPRINT_ERR_REFUSED)
        return imprint_provision_reject(
            request, 409, "ResourceConflict",
            "The certificate has another thing, and one of them is to be its "
            "only one.");
    return status;
}

/*
 * One that nobody touched is as the template says. Else somebody gave it a
 * state before it was registered, which only REPLACE may change.
 */
static enum imprint_status store_state(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    const struct imprint_template_plan *plan, enum imprint_registry_state state)
{
    enum imprint_registry_state wanted =
        plan->activates ? IMPRINT_REGISTRY_ACTIVE : IMPRINT_REGISTRY_INACTIVE;

    if (state != IMPRINT_REGISTRY_PENDING) {
        if (state == wanted || plan->on_status == IMPRINT_TEMPLATE_DO_NOTHING)
            return IMPRINT_OK;
        if (plan->on_status != IMPRINT_TEMPLATE_REPLACE)
            return imprint_provision_reject(request, 409, "ResourceConflict",
                                            "The certificate is %s already.",
                                            imprint_registry_state_name(state));
    }
    return imprint_registry_set_state(provision->registry,
                                      request->certificate.id, wanted);
}

/* The state comes last: nobody is told of what came before it. */
enum imprint_status imprint_registration_plan_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    struct imprint_template_plan *plan, enum imprint_registry_state state)
{
    enum imprint_status status = IMPRINT_OK;
    size_t i;

    if (plan->thing.name)
        status = store_thing(provision, request, plan);
    for (i = 0; i < plan->policy_count && status == IMPRINT_OK; i++)
        status = store_policy(provision, request, &plan->policies[i]);
    if (status == IMPRINT_OK && plan->thing.name)
        status = attach_thing(provision, request, plan);
    return status == IMPRINT_OK ? store_state(provision, request, plan, state)
                                : status;
}
