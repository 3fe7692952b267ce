/* Things in thing groups and billing groups. */
#include <string.h>

#include "catalog.h"
#include "control.h"
#include "rest_list.h"
#include "rest_route.h"

struct pair {
    const char *group;
    const char *thing;
};

/* By name or by ARN. */
static enum imprint_status read_name(struct imprint_rest_call *call,
                                     const char *name_member,
                                     const char *arn_member, const char *kind,
                                     const char **out)
{
    const char *arn = imprint_rest_text(call, arn_member);

    *out = imprint_rest_text(call, name_member);
    if (*out)
        return IMPRINT_OK;
    if (arn)
        return imprint_rest_read_arn(call, arn, kind, out);
    return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                               "%s or %s must be there", name_member,
                               arn_member);
}

static enum imprint_status find_thing(struct imprint_rest_call *call,
                                      const char *name)
{
    return imprint_rest_need(call, IMPRINT_VIEW_THING, "Thing", name);
}

static enum imprint_status find_group(struct imprint_rest_call *call,
                                      bool is_billing, const char *name)
{
    return is_billing ? imprint_rest_need(call, IMPRINT_VIEW_BILLING_GROUP,
                                          "Billing group", name)
                      : imprint_rest_need(call, IMPRINT_VIEW_GROUP,
                                          "Thing group", name);
}

static enum imprint_status read_pair(struct imprint_rest_call *call,
                                     bool is_billing, struct pair *out)
{
    enum imprint_status status =
        is_billing ? read_name(call, "billingGroupName", "billingGroupArn",
                               "billinggroup", &out->group)
                   : read_name(call, "thingGroupName", "thingGroupArn",
                               "thinggroup", &out->group);

    if (status == IMPRINT_OK)
        status = read_name(call, "thingName", "thingArn", "thing", &out->thing);
    if (status == IMPRINT_OK)
        status = find_group(call, is_billing, out->group);
    if (status == IMPRINT_OK)
        status = find_thing(call, out->thing);
    return status;
}

static enum imprint_status add(struct imprint_rest_call *call)
{
    struct pair pair;
    enum imprint_status status = read_pair(call, false, &pair);

    return status == IMPRINT_OK ? imprint_catalog_put_member(
                                      call->registry, pair.group, pair.thing)
                                : status;
}

static enum imprint_status take_away(struct imprint_rest_call *call)
{
    struct pair pair;
    enum imprint_status status = read_pair(call, false, &pair);

    if (status == IMPRINT_OK)
        status =
            imprint_control_drop_member(call->registry, pair.group, pair.thing);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

/* A thing is in one billing group at most. */
static enum imprint_status add_billing(struct imprint_rest_call *call)
{
    struct pair pair;
    enum imprint_status status = read_pair(call, true, &pair);

    return status == IMPRINT_OK ? imprint_control_set_billing_group(
                                      call->registry, pair.thing, pair.group)
                                : status;
}

static enum imprint_status take_away_billing(struct imprint_rest_call *call)
{
    struct pair pair;
    enum imprint_status status = read_pair(call, true, &pair);

    return status == IMPRINT_OK ? imprint_control_set_billing_group(
                                      call->registry, pair.thing, NULL)
                                : status;
}

/* Each of a list of group names. */
static enum imprint_status each_of(
    struct imprint_rest_call *call, const char *member, const char *thing,
    enum imprint_status (*change)(struct imprint_registry *registry,
                                  const char *group, const char *thing))
{
    const struct imprint_json *list = imprint_json_list(call->body, member);
    enum imprint_status status = IMPRINT_OK;

    for (size_t i = 0;
         status == IMPRINT_OK && list && i < imprint_json_count(list); i++) {
        const char *group = imprint_json_item_text(list, i);

        if (!group)
            return imprint_rest_refuse(call, IMPRINT_REST_SERIALIZATION,
                                       "%s must be a list of names", member);
        status = find_group(call, false, group);
        if (status == IMPRINT_OK)
            status = change(call->registry, group, thing);
        if (status == IMPRINT_ERR_NOT_FOUND)
            status = IMPRINT_OK;
    }
    return status;
}

static enum imprint_status update_for_thing(struct imprint_rest_call *call)
{
    const char *thing = imprint_rest_text(call, "thingName");
    enum imprint_status status = find_thing(call, thing);

    if (status == IMPRINT_OK)
        status = each_of(call, "thingGroupsToRemove", thing,
                         imprint_control_drop_member);
    if (status == IMPRINT_OK)
        status = each_of(call, "thingGroupsToAdd", thing,
                         imprint_catalog_put_member);
    return status;
}

/* ---- lists ---- */

static void list_thing(void *user, const char *const *columns)
{
    imprint_rest_add_text(user, columns[6]);
}

static enum imprint_status list_things_of(struct imprint_rest_call *call,
                                          bool is_billing)
{
    const struct imprint_rest_listing listing = {
        .view = is_billing ? IMPRINT_VIEW_BILLING_GROUP_THINGS
                : imprint_rest_is_on(call, "recursive")
                    ? IMPRINT_VIEW_GROUP_ALL_THINGS
                    : IMPRINT_VIEW_GROUP_THINGS,
        .of = call->labels[0],
        .member = "things",
        .each = list_thing,
    };
    enum imprint_status status = find_group(call, is_billing, call->labels[0]);

    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

static enum imprint_status list_things(struct imprint_rest_call *call)
{
    return list_things_of(call, false);
}

static enum imprint_status list_billing_things(struct imprint_rest_call *call)
{
    return list_things_of(call, true);
}

static void list_group(void *user, const char *const *columns)
{
    imprint_rest_list_group(user, "thinggroup", columns[0]);
}

static enum imprint_status list_groups(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_THING_GROUPS,
        .of = call->labels[0],
        .member = "thingGroups",
        .each = list_group,
    };
    enum imprint_status status = find_thing(call, call->labels[0]);

    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

#define GROUP "thingGroupName:s thingGroupArn:s thingName:s thingArn:s"
#define BILLING "billingGroupName:s billingGroupArn:s thingName:s thingArn:s"
#define PAGED "?maxResults:n ?nextToken:s"

const struct imprint_rest_route imprint_rest_members_routes[] = {
    {"AddThingToThingGroup", "PUT", "/thing-groups/addThingToThingGroup",
     IMPRINT_REST_WRITE, GROUP " overrideDynamicGroups:b", add},
    {"RemoveThingFromThingGroup", "PUT",
     "/thing-groups/removeThingFromThingGroup", IMPRINT_REST_WRITE, GROUP,
     take_away},
    {"UpdateThingGroupsForThing", "PUT",
     "/thing-groups/updateThingGroupsForThing", IMPRINT_REST_WRITE,
     "thingName:s! thingGroupsToAdd:l thingGroupsToRemove:l "
     "overrideDynamicGroups:b",
     update_for_thing},
    {"AddThingToBillingGroup", "PUT", "/billing-groups/addThingToBillingGroup",
     IMPRINT_REST_WRITE, BILLING, add_billing},
    {"RemoveThingFromBillingGroup", "PUT",
     "/billing-groups/removeThingFromBillingGroup", IMPRINT_REST_WRITE, BILLING,
     take_away_billing},
    {"ListThingsInThingGroup", "GET", "/thing-groups/{}/things",
     IMPRINT_REST_READ, "?recursive:b " PAGED, list_things},
    {"ListThingsInBillingGroup", "GET", "/billing-groups/{}/things",
     IMPRINT_REST_READ, PAGED, list_billing_things},
    {"ListThingGroupsForThing", "GET", "/things/{}/thing-groups",
     IMPRINT_REST_READ, PAGED, list_groups},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
