/* What a run was told: defaults filled in, and whether it makes sense. */
#ifndef IMPRINT_DEVICE_CHECK_H
#define IMPRINT_DEVICE_CHECK_H

#include "imprint/device.h"

/* dir, or the default. */
const char *imprint_check_dir(const char *dir);

void imprint_check_fill(struct imprint_device_settings *settings);

/* ERR_SETTINGS: a first identity needs something else. */
IMPRINT_MUST_USE enum imprint_status imprint_check_settings(
    const struct imprint_device_settings *settings, struct imprint_why *why);

/* The same without endpoint and claim: what a renewal needs. */
IMPRINT_MUST_USE enum imprint_status imprint_check_target(
    const struct imprint_device_settings *settings, struct imprint_why *why);

/*
 * ERR_SETTINGS: an endpoint of the old kind, which few can use. It is told when
 * something does not work there, not before.
 */
IMPRINT_MUST_USE enum imprint_status imprint_check_host(
    const char *host, struct imprint_why *why);

#endif
