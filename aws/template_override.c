/* What becomes of a thing that exists. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "posix/why.h"
#include "template.h"

#define GROUP_MAX_COUNT 10
#define ATTRIBUTE_MAX_COUNT 50
#define ATTRIBUTE_MAX_COUNT_WITHOUT_TYPE 3

static enum imprint_status refuse(const struct imprint_template_thing *existing,
                                  const char *property, const char *because,
                                  struct imprint_why *why)
{
    (void)imprint_why_set(why, IMPRINT_ERR_REFUSED,
                          "the thing \"%s\" exists, and %s%s", existing->name,
                          property, because);
    imprint_why_hint(why, "see OverrideSettings in the template");
    return IMPRINT_ERR_REFUSED;
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool has_same_attributes(const struct imprint_template_thing *a,
                                const struct imprint_template_thing *b)
{
    size_t i;

    if (a->attribute_count != b->attribute_count)
        return false;
    for (i = 0; i < a->attribute_count; i++) {
        if (!imprint_slice_equal(a->attributes[i].name,
                                 b->attributes[i].name) ||
            !imprint_slice_equal(a->attributes[i].value,
                                 b->attributes[i].value))
            return false;
    }
    return true;
}

static bool has_same_groups(const struct imprint_template_thing *a,
                            const struct imprint_template_thing *b)
{
    size_t i;

    if (a->group_count != b->group_count)
        return false;
    for (i = 0; i < a->group_count; i++) {
        if (strcmp(a->groups[i], b->groups[i]) != 0)
            return false;
    }
    return true;
}

/* Without OverrideSettings: as CreateThing takes the same thing again. */
static enum imprint_status compare_things(
    const struct imprint_template_thing *wanted,
    const struct imprint_template_thing *existing, struct imprint_why *why)
{
    static const char differs[] =
        " is another; the template has no OverrideSettings";

    if (!has_same_attributes(wanted, existing))
        return refuse(existing, "AttributePayload", differs, why);
    if (!is_same(wanted->type, existing->type))
        return refuse(existing, "ThingTypeName", differs, why);
    if (wanted->groups && !has_same_groups(wanted, existing))
        return refuse(existing, "ThingGroups", differs, why);
    if (!is_same(wanted->billing_group, existing->billing_group))
        return refuse(existing, "BillingGroup", differs, why);
    return IMPRINT_OK;
}

static enum imprint_status look_for_fail(
    const struct imprint_template_plan *plan,
    const struct imprint_template_thing *existing, struct imprint_why *why)
{
    static const char fails[] = " is FAIL in OverrideSettings";

    if (plan->on_attributes == IMPRINT_TEMPLATE_FAIL)
        return refuse(existing, "AttributePayload", fails, why);
    if (plan->on_type == IMPRINT_TEMPLATE_FAIL)
        return refuse(existing, "ThingTypeName", fails, why);
    if (plan->on_groups == IMPRINT_TEMPLATE_FAIL)
        return refuse(existing, "ThingGroups", fails, why);
    return IMPRINT_OK;
}

/* Both lists in one, in order; of a name in both, the template's value. */
static bool merge_attributes(struct imprint_template_plan *plan,
                             struct imprint_template_thing *thing)
{
    const struct imprint_template_thing *wanted = &plan->thing;
    struct imprint_pair *both = imprint_memory_take(
        &plan->memory,
        (thing->attribute_count + wanted->attribute_count + 1) * sizeof(*both));
    size_t i = 0;
    size_t j = 0;
    size_t count = 0;

    if (!both)
        return false;
    while (i < thing->attribute_count || j < wanted->attribute_count) {
        int order =
            i == thing->attribute_count ? 1
            : j == wanted->attribute_count
                ? -1
                : strcmp((const char *)thing->attributes[i].name.bytes,
                         (const char *)wanted->attributes[j].name.bytes);

        both[count++] =
            order < 0 ? thing->attributes[i] : wanted->attributes[j];
        i += order <= 0;
        j += order >= 0;
    }
    thing->attributes = both;
    thing->attribute_count = count;
    return true;
}

static bool merge_groups(struct imprint_template_plan *plan,
                         struct imprint_template_thing *thing)
{
    const struct imprint_template_thing *wanted = &plan->thing;
    const char **both = imprint_memory_take(
        &plan->memory,
        (thing->group_count + wanted->group_count + 1) * sizeof(*both));
    size_t i = 0;
    size_t j = 0;
    size_t count = 0;

    if (!both)
        return false;
    while (i < thing->group_count || j < wanted->group_count) {
        int order = i == thing->group_count ? 1
                    : j == wanted->group_count
                        ? -1
                        : strcmp(thing->groups[i], wanted->groups[j]);

        both[count++] = order < 0 ? thing->groups[i] : wanted->groups[j];
        i += order <= 0;
        j += order >= 0;
    }
    thing->groups = both;
    thing->group_count = count;
    return true;
}

/* What the template does not say at all is not replaced. */
static bool override(struct imprint_template_plan *plan,
                     struct imprint_template_thing *thing)
{
    const struct imprint_template_thing *wanted = &plan->thing;

    if (plan->on_type == IMPRINT_TEMPLATE_REPLACE && wanted->type)
        thing->type = wanted->type;
    if (plan->on_attributes == IMPRINT_TEMPLATE_REPLACE && wanted->attributes) {
        thing->attributes = wanted->attributes;
        thing->attribute_count = wanted->attribute_count;
    }
    if (plan->on_groups == IMPRINT_TEMPLATE_REPLACE && wanted->groups) {
        thing->groups = wanted->groups;
        thing->group_count = wanted->group_count;
    }
    return (plan->on_attributes != IMPRINT_TEMPLATE_MERGE ||
            merge_attributes(plan, thing)) &&
           (plan->on_groups != IMPRINT_TEMPLATE_MERGE ||
            merge_groups(plan, thing));
}

/* Only what was made here is looked at: a thing that is, may stay. */
static enum imprint_status check_limits(
    const struct imprint_template_thing *thing,
    const struct imprint_template_thing *existing, struct imprint_why *why)
{
    size_t max_count =
        thing->type ? ATTRIBUTE_MAX_COUNT : ATTRIBUTE_MAX_COUNT_WITHOUT_TYPE;

    if (thing->attribute_count > max_count &&
        thing->attribute_count > existing->attribute_count)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "the thing \"%s\" would have %zu attributes; "
                               "%zu are the most",
                               thing->name, thing->attribute_count, max_count);
    if (thing->group_count > GROUP_MAX_COUNT &&
        thing->group_count > existing->group_count)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "the thing \"%s\" would be in %zu groups; %d "
                               "are the most",
                               thing->name, thing->group_count,
                               GROUP_MAX_COUNT);
    return IMPRINT_OK;
}

enum imprint_status imprint_template_override(
    struct imprint_template_plan *plan,
    const struct imprint_template_thing *existing,
    struct imprint_template_thing *out, struct imprint_why *why)
{
    struct imprint_template_thing thing = *existing;
    enum imprint_status status =
        plan->has_overrides ? look_for_fail(plan, existing, why)
                            : compare_things(&plan->thing, existing, why);

    if (status == IMPRINT_OK && !override(plan, &thing))
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK)
        status = check_limits(&thing, existing, why);
    if (status == IMPRINT_OK)
        *out = thing;
    return status;
}
