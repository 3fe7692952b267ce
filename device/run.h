/* The loop around the machine: one action, one event. */
#ifndef IMPRINT_DEVICE_RUN_H
#define IMPRINT_DEVICE_RUN_H

#include "device/address.h"
#include "device/claim.h"
#include "device/issue.h"
#include "device/store.h"
#include "imprint/device.h"

struct imprint_run_needs {
    const struct imprint_device_settings *settings; /* defaults filled in */
    const char *dir;
    struct imprint_store *store;
    const struct imprint_claim *claim;
    const struct imprint_address *address;
    const struct imprint_issue_renewal *renewal; /* NULL: a first identity */
};

/*
 * Provisions. On failure the identity in use stays in use. *is_unclear: TLS
 * came up, and then a connection was hung up or silent without a word on why.
 */
IMPRINT_MUST_USE enum imprint_status imprint_run_provision(
    const struct imprint_run_needs *needs, bool *is_unclear,
    struct imprint_why *why);

#endif
