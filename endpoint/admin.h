/*
 * What an operator does to an endpoint's directory, whether an endpoint runs
 * on it or not: one that does sees it within a second. claims.h has the claims.
 *
 * ERR_NOT_FOUND: what is named is not there. ERR_ARGUMENT: it can't be so
 * named or so valued. ERR_REFUSED: AWS would not do it in this state. why says
 * which, and what to do.
 */
#ifndef IMPRINT_ENDPOINT_ADMIN_H
#define IMPRINT_ENDPOINT_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* ---- certificates ---- */

/* Texts are good during the call; claim and thing are "" if there is none. */
struct imprint_admin_certificate {
    const char *id;
    const char *claim;  /* the claim's name */
    const char *thing;  /* the first one */
    const char *status; /* "ACTIVE", as AWS writes it */
    const char *pem;
    int64_t created; /* Unix seconds */
    int64_t not_after;
    int64_t connected; /* first time; 0: never */
};

/* Oldest first, without temporary claims. */
IMPRINT_MUST_USE enum imprint_status imprint_admin_each_certificate(
    const char *dir,
    void (*each)(void *user,
                 const struct imprint_admin_certificate *certificate),
    void *user, struct imprint_why *why);

/* status is "ACTIVE", "INACTIVE" or "REVOKED"; id has 64 digits. */
IMPRINT_MUST_USE enum imprint_status imprint_admin_set_status(
    const char *dir, const char *id, const char *status,
    struct imprint_why *why);

/*
 * In AWS's order: ERR_REFUSED while it is ACTIVE, or attached to a thing or a
 * policy, unless is_forced, which detaches it and makes it INACTIVE first.
 */
IMPRINT_MUST_USE enum imprint_status imprint_admin_drop_certificate(
    const char *dir, const char *id, bool is_forced, struct imprint_why *why);

/* ---- policies and templates ---- */

/* Checks the document, and puts it in place of one of the same name. */
IMPRINT_MUST_USE enum imprint_status imprint_admin_put_policy(
    const char *dir, const char *name, struct imprint_slice document,
    struct imprint_why *why);

struct imprint_admin_template {
    const char *name;
    struct imprint_slice document;
    const char *hook; /* a target, an ARN that setting hook:ARN maps, or NULL */
    bool is_enabled;
    /* Putting: what it has of these stays. ERR_NOT_FOUND: it has no document */
    bool keeps_document;
    bool keeps_hook;
    bool keeps_state; /* enabled if it is new */
};

IMPRINT_MUST_USE enum imprint_status imprint_admin_put_template(
    const char *dir, const struct imprint_admin_template *template,
    struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_admin_each_template(
    const char *dir,
    void (*each)(void *user, const struct imprint_admin_template *template),
    void *user, struct imprint_why *why);

/* Can it be the ARN of a Lambda function? */
bool imprint_admin_is_lambda(const char *target);

/* target: a certificate's id, a claim's name, or "group/NAME". */
IMPRINT_MUST_USE enum imprint_status imprint_admin_attach_policy(
    const char *dir, const char *policy, const char *target, bool is_attached,
    struct imprint_why *why);

/* As AWS's DeleteThing. ERR_REFUSED: it has a certificate. */
IMPRINT_MUST_USE enum imprint_status imprint_admin_drop_thing(
    const char *dir, const char *name, struct imprint_why *why);

/* ---- other names ---- */

enum imprint_admin_kind {
    IMPRINT_ADMIN_POLICY,
    IMPRINT_ADMIN_TEMPLATE,
    IMPRINT_ADMIN_THING_TYPE,
    IMPRINT_ADMIN_THING_GROUP,
    IMPRINT_ADMIN_BILLING_GROUP
};

/* Types and groups only. Twice is fine. */
IMPRINT_MUST_USE enum imprint_status imprint_admin_put_name(
    const char *dir, enum imprint_admin_kind kind, const char *name,
    struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_admin_each_name(
    const char *dir, enum imprint_admin_kind kind,
    void (*each)(void *user, const char *name), void *user,
    struct imprint_why *why);
/* Policies and templates only. */
IMPRINT_MUST_USE enum imprint_status imprint_admin_drop_name(
    const char *dir, enum imprint_admin_kind kind, const char *name,
    struct imprint_why *why);

/* ---- settings ---- */

struct imprint_admin_setting {
    const char *name;
    const char *value;
    bool is_set;      /* else value is what counts by itself */
    const char *aws;  /* what AWS does; "": not documented */
    const char *text; /* what it means */
};

/*
 * Those of rules.h; "hook:ARN" and "provider", whose values are a hook's
 * target (a provider's may be an ARN); and "faults", a text as in fault.h.
 * value NULL forgets it. Listed is "hook:ARN" of each ARN that is
 * set or in use.
 */
IMPRINT_MUST_USE enum imprint_status imprint_admin_set(const char *dir,
                                                       const char *name,
                                                       const char *value,
                                                       struct imprint_why *why);
/* Puts rules behind those of "faults"; each ends with a newline. */
IMPRINT_MUST_USE enum imprint_status imprint_admin_add_faults(
    const char *dir, const char *rules, struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_admin_each_setting(
    const char *dir,
    void (*each)(void *user, const struct imprint_admin_setting *setting),
    void *user, struct imprint_why *why);

#endif
