/*
 * What of a fleet is in AWS, and what has to be done: a role, a policy, a
 * template. What is there and was not made for this fleet (its tag, and the
 * role's path) is never touched.
 */
#ifndef IMPRINT_CLOUD_PLAN_H
#define IMPRINT_CLOUD_PLAN_H

#include "call.h"
#include "fleet.h"
#include "iam.h"
#include "iot.h"

enum imprint_plan_state {
    IMPRINT_PLAN_SAME,
    IMPRINT_PLAN_ABSENT,
    IMPRINT_PLAN_DIFFERENT,
    IMPRINT_PLAN_FOREIGN /* somebody else's of this name */
};

enum imprint_plan_kind {
    IMPRINT_PLAN_ROLE,
    IMPRINT_PLAN_POLICY,
    IMPRINT_PLAN_TEMPLATE,
    IMPRINT_PLAN_KIND_COUNT
};

struct imprint_plan_item {
    char name[IMPRINT_FLEET_NAME_LEN];
    enum imprint_plan_state state;
    char *difference; /* lines for a person; NULL: none */
};

struct imprint_plan {
    const struct imprint_call_place *place;
    const struct imprint_fleet *fleet;
    struct imprint_iam_account account;
    struct imprint_plan_item items[IMPRINT_PLAN_KIND_COUNT];
    struct imprint_iot_template wanted; /* its body and its hook */
    char *policy;                       /* wanted */
    struct imprint_iot_template found;
};

/* "role", "policy", "template" */
const char *imprint_plan_kind_name(enum imprint_plan_kind kind);

/* Only looks. place and fleet are borrowed. Failures as in call.h. */
IMPRINT_MUST_USE enum imprint_status imprint_plan_make(
    const struct imprint_call_place *place, const struct imprint_fleet *fleet,
    struct imprint_plan *out, struct imprint_why *why);
void imprint_plan_free(struct imprint_plan *plan);
bool imprint_plan_is_done(const struct imprint_plan *plan);

/* Told before something is made, changed or removed; deed is "making"... */
struct imprint_plan_onlooker {
    void (*see)(void *user, const char *deed, enum imprint_plan_kind kind,
                const char *name);
    void *user;
};

/*
 * In the order in which they need each other, then looks again. May be cut off
 * anywhere and run again. ERR_REFUSED: or something is foreign, and nothing was
 * done; ERR_CANNOT: it is not as it was made.
 */
IMPRINT_MUST_USE enum imprint_status imprint_plan_apply(
    struct imprint_plan *plan, const struct imprint_plan_onlooker *onlooker,
    struct imprint_why *why);

/* In the order that AWS wants. What is foreign or absent stays so. */
IMPRINT_MUST_USE enum imprint_status imprint_plan_destroy(
    struct imprint_plan *plan, const struct imprint_plan_onlooker *onlooker,
    struct imprint_why *why);

#endif
