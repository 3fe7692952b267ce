/*
 * The calls of STS and IAM that a fleet needs: whose account it is, and the
 * role that AWS IoT provisions with. Failures as in call.h.
 *
 * Source: AWS IoT Core developer guide, "Provisioning devices that don't have
 * device certificates using fleet provisioning"; IAM API reference.
 */
#ifndef IMPRINT_CLOUD_IAM_H
#define IMPRINT_CLOUD_IAM_H

#include <stdbool.h>

#include "call.h"

struct imprint_iam_account {
    char partition[16]; /* "aws", "aws-cn", "aws-us-gov" */
    char number[13];
};

IMPRINT_MUST_USE enum imprint_status imprint_iam_find_account(
    const struct imprint_call_place *place, struct imprint_iam_account *out,
    struct imprint_why *why);

struct imprint_iam_role {
    char path[128];
    bool trusts_iot; /* and nobody else */
    bool has_policy; /* AWSIoTThingsRegistration is attached */
};

/* ERR_NOT_FOUND: there is none. */
IMPRINT_MUST_USE enum imprint_status imprint_iam_find_role(
    const struct imprint_call_place *place, const char *name,
    struct imprint_iam_role *out, struct imprint_why *why);

/* path: "/imprint/<fleet>/", which says whose it is. */
IMPRINT_MUST_USE enum imprint_status imprint_iam_create_role(
    const struct imprint_call_place *place, const char *name, const char *path,
    struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_iam_attach_policy(
    const struct imprint_call_place *place,
    const struct imprint_iam_account *account, const char *role,
    struct imprint_why *why);
/* With what is attached to it. */
IMPRINT_MUST_USE enum imprint_status imprint_iam_drop_role(
    const struct imprint_call_place *place,
    const struct imprint_iam_account *account, const char *name,
    struct imprint_why *why);

#endif
