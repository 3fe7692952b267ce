/*
 * An identity on its way: key and request before anything is asked, and the
 * checks on what comes back before it is staged.
 */
#ifndef IMPRINT_DEVICE_ISSUE_H
#define IMPRINT_DEVICE_ISSUE_H

#include "device/address.h"
#include "device/claim.h"
#include "device/staged.h"
#include "imprint/imprint.h"
#include "imprint/device.h"

/* What a renewal replaces. */
struct imprint_issue_renewal {
    const char *certificate_id;
    const char *thing_name; /* the new identity must have it, too; "": any */
};

struct imprint_keys_key;

struct imprint_issue {
    /* the caller's */
    const struct imprint_device_settings *settings;
    const char *dir;
    const char *endpoint; /* host:port */
    const struct imprint_claim *claim;
    const struct imprint_issue_renewal *renewal; /* NULL: a first identity */
    /* ours; what is in it is durable */
    struct imprint_staged staged;
    struct imprint_keys_key *key; /* the staged one, open; NULL: none yet */
};

/*
 * Takes up what an earlier run staged, if it still fits the settings; else
 * makes a key and its request, durably. With IMPRINT_DEVICE_KEY_SERVICE there
 * may be neither. Free with imprint_issue_free, whatever comes out.
 */
IMPRINT_MUST_USE enum imprint_status imprint_issue_prepare(
    struct imprint_issue *issue, struct imprint_why *why);

/*
 * Stages a certificate with its token, or a name with its configuration
 * (imprint_action.identity of a STAGE). ERR_FORMAT: the service sent something
 * that cannot be used.
 */
IMPRINT_MUST_USE enum imprint_status imprint_issue_stage(
    struct imprint_issue *issue, const struct imprint_identity *identity,
    struct imprint_why *why);

void imprint_issue_free(struct imprint_issue *issue);

/* The value of a template parameter, or NULL. */
const char *imprint_issue_parameter(
    const struct imprint_device_settings *settings, const char *name);

#endif
