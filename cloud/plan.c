#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "difference.h"
#include "posix/why.h"
#include "signer.h"

#define ARN_LEN 256
#define ROLE_TRY_COUNT 8 /* a new role is known everywhere after seconds */

const char *imprint_plan_kind_name(enum imprint_plan_kind kind)
{
    static const char *const names[] = {"role", "policy", "template"};

    return names[kind];
}

static enum imprint_status no_memory(struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* ---- whose is it ---- */

static void name_arn(const struct imprint_plan *plan, const char *kind,
                     const char *name, char arn[ARN_LEN])
{
    (void)snprintf(arn, ARN_LEN, "arn:%s:iot:%s:%s:%s/%s",
                   plan->account.partition, plan->place->signer->region,
                   plan->account.number, kind, name);
}

static void name_path(const struct imprint_plan *plan, char path[128])
{
    (void)snprintf(path, 128, "/imprint/%s/", plan->fleet->name);
}

/* Of a policy or template that is there: SAME until compared. */
static enum imprint_status find_owner(const struct imprint_plan *plan,
                                      const char *arn_kind,
                                      struct imprint_plan_item *item,
                                      struct imprint_why *why)
{
    char arn[ARN_LEN];
    char *fleet = NULL;
    enum imprint_status status;

    name_arn(plan, arn_kind, item->name, arn);
    status = imprint_iot_find_fleet(plan->place, arn, &fleet, why);
    if (status != IMPRINT_OK)
        return status;
    item->state = fleet && strcmp(fleet, plan->fleet->name) == 0
                      ? IMPRINT_PLAN_SAME
                      : IMPRINT_PLAN_FOREIGN;
    free(fleet);
    return IMPRINT_OK;
}

/* ---- what is there ---- */

static enum imprint_status look_role(struct imprint_plan *plan,
                                     struct imprint_why *why)
{
    struct imprint_plan_item *item = &plan->items[IMPRINT_PLAN_ROLE];
    struct imprint_iam_role role;
    char path[128];
    enum imprint_status status =
        imprint_iam_find_role(plan->place, item->name, &role, why);

    name_path(plan, path);
    if (status != IMPRINT_OK) {
        item->state = IMPRINT_PLAN_ABSENT;
        return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
    }
    if (strcmp(role.path, path) != 0 || !role.trusts_iot) {
        item->state = IMPRINT_PLAN_FOREIGN;
    } else if (!role.has_policy) {
        item->state = IMPRINT_PLAN_DIFFERENT;
        item->difference =
            strdup("AWSIoTThingsRegistration: (nothing) -> attached\n");
    }
    return IMPRINT_OK;
}

static enum imprint_status look_policy(struct imprint_plan *plan,
                                       struct imprint_why *why)
{
    struct imprint_plan_item *item = &plan->items[IMPRINT_PLAN_POLICY];
    char *found = NULL;
    enum imprint_status status =
        imprint_iot_find_policy(plan->place, item->name, &found, why);

    if (status != IMPRINT_OK) {
        item->state = IMPRINT_PLAN_ABSENT;
        return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
    }
    status = find_owner(plan, "policy", item, why);
    if (status == IMPRINT_OK && item->state == IMPRINT_PLAN_SAME &&
        !imprint_iot_is_same(found, plan->policy)) {
        item->state = IMPRINT_PLAN_DIFFERENT;
        item->difference = imprint_difference_write(found, plan->policy);
    }
    free(found);
    return status;
}

/* Of two texts, one of which may be NULL, adds "name: a -> b" if they differ.
 * False: no memory. */
static bool add_line(char **lines, const char *name, const char *before,
                     const char *after)
{
    char *longer = NULL;
    int len;

    before = before ? before : "(nothing)";
    after = after ? after : "(nothing)";
    if (strcmp(before, after) == 0)
        return true;
    len = asprintf(&longer, "%s%s: %s -> %s\n", *lines ? *lines : "", name,
                   before, after);
    if (len < 0)
        return false;
    free(*lines);
    *lines = longer;
    return true;
}

static enum imprint_status compare_template(struct imprint_plan *plan,
                                            struct imprint_plan_item *item,
                                            struct imprint_why *why)
{
    const struct imprint_iot_template *found = &plan->found;
    const struct imprint_iot_template *wanted = &plan->wanted;

    if (!imprint_iot_is_same(found->body, wanted->body)) {
        item->difference = imprint_difference_write(found->body, wanted->body);
        if (!item->difference)
            return no_memory(why);
    }
    if (!add_line(&item->difference, "role", found->role, wanted->role) ||
        !add_line(&item->difference, "hook", found->hook, wanted->hook) ||
        !add_line(&item->difference, "enabled",
                  found->is_enabled ? "true" : "false", "true"))
        return no_memory(why);
    if (item->difference)
        item->state = IMPRINT_PLAN_DIFFERENT;
    return IMPRINT_OK;
}

static enum imprint_status look_template(struct imprint_plan *plan,
                                         struct imprint_why *why)
{
    struct imprint_plan_item *item = &plan->items[IMPRINT_PLAN_TEMPLATE];
    enum imprint_status status =
        imprint_iot_find_template(plan->place, item->name, &plan->found, why);

    if (status != IMPRINT_OK) {
        item->state = IMPRINT_PLAN_ABSENT;
        return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
    }
    status = find_owner(plan, "provisioningtemplate", item, why);
    if (status == IMPRINT_OK && item->state == IMPRINT_PLAN_SAME)
        status = compare_template(plan, item, why);
    return status;
}

static enum imprint_status look(struct imprint_plan *plan,
                                struct imprint_why *why)
{
    enum imprint_status status;

    for (unsigned i = 0; i < IMPRINT_PLAN_KIND_COUNT; i++) {
        free(plan->items[i].difference);
        plan->items[i].difference = NULL;
        plan->items[i].state = IMPRINT_PLAN_SAME;
    }
    imprint_iot_free_template(&plan->found);
    status = look_role(plan, why);
    if (status == IMPRINT_OK)
        status = look_policy(plan, why);
    return status == IMPRINT_OK ? look_template(plan, why) : status;
}

/* ---- make, free ---- */

static enum imprint_status write_wanted(struct imprint_plan *plan,
                                        struct imprint_why *why)
{
    const struct imprint_fleet *fleet = plan->fleet;
    const struct imprint_fleet_home home = {
        .partition = plan->account.partition,
        .region = plan->place->signer->region,
        .account = plan->account.number,
    };
    char path[128];

    imprint_fleet_role(fleet, plan->items[IMPRINT_PLAN_ROLE].name);
    imprint_fleet_policy(fleet, plan->items[IMPRINT_PLAN_POLICY].name);
    (void)snprintf(plan->items[IMPRINT_PLAN_TEMPLATE].name,
                   IMPRINT_FLEET_NAME_LEN, "%s", fleet->name);
    plan->wanted.body = imprint_fleet_write_template(fleet);
    plan->wanted.hook = fleet->hook ? strdup(fleet->hook) : NULL;
    plan->wanted.is_enabled = true;
    name_path(plan, path);
    if (asprintf(&plan->wanted.role, "arn:%s:iam::%s:role%s%s",
                 plan->account.partition, plan->account.number, path,
                 plan->items[IMPRINT_PLAN_ROLE].name) < 0)
        plan->wanted.role = NULL;
    plan->policy = imprint_fleet_write_policy(fleet, &home);
    return plan->wanted.body && plan->wanted.role && plan->policy &&
                   (plan->wanted.hook || !fleet->hook)
               ? IMPRINT_OK
               : no_memory(why);
}

enum imprint_status imprint_plan_make(const struct imprint_call_place *place,
                                      const struct imprint_fleet *fleet,
                                      struct imprint_plan *out,
                                      struct imprint_why *why)
{
    enum imprint_status status;

    *out = (struct imprint_plan){.place = place, .fleet = fleet};
    status = imprint_iam_find_account(place, &out->account, why);
    if (status == IMPRINT_OK)
        status = write_wanted(out, why);
    if (status == IMPRINT_OK)
        status = look(out, why);
    if (status != IMPRINT_OK)
        imprint_plan_free(out);
    return status;
}

void imprint_plan_free(struct imprint_plan *plan)
{
    for (unsigned i = 0; i < IMPRINT_PLAN_KIND_COUNT; i++) {
        free(plan->items[i].difference);
        plan->items[i].difference = NULL;
    }
    imprint_iot_free_template(&plan->wanted);
    imprint_iot_free_template(&plan->found);
    free(plan->policy);
    plan->policy = NULL;
}

bool imprint_plan_is_done(const struct imprint_plan *plan)
{
    for (unsigned i = 0; i < IMPRINT_PLAN_KIND_COUNT; i++) {
        if (plan->items[i].state != IMPRINT_PLAN_SAME)
            return false;
    }
    return true;
}

/* ---- apply ---- */

/* What was made before a cut, by an answer that was lost, is fine. */
static enum imprint_status made(enum imprint_status status)
{
    return status == IMPRINT_ERR_ARGUMENT ? IMPRINT_OK : status;
}

static enum imprint_status apply_role(struct imprint_plan *plan,
                                      struct imprint_why *why)
{
    const struct imprint_plan_item *item = &plan->items[IMPRINT_PLAN_ROLE];
    char path[128];
    enum imprint_status status = IMPRINT_OK;

    name_path(plan, path);
    if (item->state == IMPRINT_PLAN_ABSENT)
        status =
            made(imprint_iam_create_role(plan->place, item->name, path, why));
    return status == IMPRINT_OK
               ? imprint_iam_attach_policy(plan->place, &plan->account,
                                           item->name, why)
               : status;
}

static enum imprint_status apply_policy(struct imprint_plan *plan,
                                        struct imprint_why *why)
{
    const struct imprint_plan_item *item = &plan->items[IMPRINT_PLAN_POLICY];

    if (item->state == IMPRINT_PLAN_ABSENT)
        return made(imprint_iot_create_policy(
            plan->place, item->name, plan->policy, plan->fleet->name, why));
    return imprint_iot_change_policy(plan->place, item->name, plan->policy,
                                     why);
}

/* A role that was made just now can't be assumed everywhere at once. */
static enum imprint_status apply_template(struct imprint_plan *plan,
                                          struct imprint_why *why)
{
    const struct imprint_plan_item *item = &plan->items[IMPRINT_PLAN_TEMPLATE];
    bool is_new_role =
        plan->items[IMPRINT_PLAN_ROLE].state == IMPRINT_PLAN_ABSENT;
    enum imprint_status status = IMPRINT_ERR_REFUSED;

    for (int tries = 0; tries < ROLE_TRY_COUNT; tries++) {
        const struct timespec wait = {.tv_sec = tries > 0 ? 2 : 0};

        (void)nanosleep(&wait, NULL);
        if (item->state == IMPRINT_PLAN_ABSENT)
            status = made(imprint_iot_create_template(plan->place, item->name,
                                                      &plan->wanted,
                                                      plan->fleet->name, why));
        else
            status = imprint_iot_change_template(
                plan->place, item->name, &plan->wanted, &plan->found, why);
        if (status != IMPRINT_ERR_REFUSED || !is_new_role)
            break;
    }
    return status;
}

static enum imprint_status refuse_foreign(const struct imprint_plan *plan,
                                          struct imprint_why *why)
{
    for (unsigned i = 0; i < IMPRINT_PLAN_KIND_COUNT; i++) {
        const struct imprint_plan_item *item = &plan->items[i];

        if (item->state != IMPRINT_PLAN_FOREIGN)
            continue;
        (void)imprint_why_set(why, IMPRINT_ERR_REFUSED,
                              "%s \"%s\" is there, and was not made for fleet "
                              "\"%s\"",
                              imprint_plan_kind_name(i), item->name,
                              plan->fleet->name);
        imprint_why_hint(why,
                         "give the fleet another name, or remove that "
                         "%s",
                         imprint_plan_kind_name(i));
        return IMPRINT_ERR_REFUSED;
    }
    return IMPRINT_OK;
}

enum imprint_status imprint_plan_apply(
    struct imprint_plan *plan, const struct imprint_plan_onlooker *onlooker,
    struct imprint_why *why)
{
    static enum imprint_status (*const steps[])(struct imprint_plan *,
                                                struct imprint_why *) = {
        apply_role, apply_policy, apply_template};
    enum imprint_status status = refuse_foreign(plan, why);

    for (unsigned i = 0; i < IMPRINT_PLAN_KIND_COUNT && status == IMPRINT_OK;
         i++) {
        const struct imprint_plan_item *item = &plan->items[i];

        if (item->state == IMPRINT_PLAN_SAME)
            continue;
        onlooker->see(onlooker->user,
                      item->state == IMPRINT_PLAN_ABSENT ? "making"
                                                         : "changing",
                      i, item->name);
        status = steps[i](plan, why);
    }
    if (status == IMPRINT_OK)
        status = look(plan, why);
    if (status == IMPRINT_OK && !imprint_plan_is_done(plan))
        status = imprint_why_set(why, IMPRINT_ERR_CANNOT,
                                 "what was made is not there as it was made; "
                                 "see imprint cloud plan");
    return status;
}

/* ---- destroy ---- */

static enum imprint_status drop(const struct imprint_plan *plan,
                                enum imprint_plan_kind kind,
                                struct imprint_why *why)
{
    const char *name = plan->items[kind].name;
    enum imprint_status status;

    switch (kind) {
    case IMPRINT_PLAN_TEMPLATE:
        return imprint_iot_drop_template(plan->place, name, why);
    case IMPRINT_PLAN_POLICY:
        status = imprint_iot_drop_policy(plan->place, name, why);
        if (status == IMPRINT_ERR_REFUSED)
            imprint_why_hint(why, "devices that are provisioned have it: "
                                  "detach it, or remove their certificates");
        return status;
    default:
        return imprint_iam_drop_role(plan->place, &plan->account, name, why);
    }
}

enum imprint_status imprint_plan_destroy(
    struct imprint_plan *plan, const struct imprint_plan_onlooker *onlooker,
    struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;

    for (unsigned i = IMPRINT_PLAN_KIND_COUNT;
         i-- > 0 && status == IMPRINT_OK;) {
        const struct imprint_plan_item *item = &plan->items[i];

        if (item->state == IMPRINT_PLAN_ABSENT ||
            item->state == IMPRINT_PLAN_FOREIGN)
            continue;
        onlooker->see(onlooker->user, "removing", i, item->name);
        status = drop(plan, i, why);
    }
    return status;
}
