/* Shows identities on stdout. */
#ifndef IMPRINT_CLI_SHOW_H
#define IMPRINT_CLI_SHOW_H

#include <stdbool.h>

#include "imprint/device.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* Each may be NULL: there is none. */
struct imprint_show_identities {
    const struct imprint_device_identity *current;
    const struct imprint_device_identity *staged;
    const struct imprint_device_identity *former;
};

void imprint_show_text(const struct imprint_show_identities *all);

/* One object. ERR_INTERNAL: out of memory. */
IMPRINT_MUST_USE enum imprint_status imprint_show_json(
    const struct imprint_show_identities *all, struct imprint_why *why);

/* The identity in use alone, as text or JSON. ERR_NOT_FOUND: there is none. */
IMPRINT_MUST_USE enum imprint_status imprint_show_current(
    const char *state_dir, bool json, struct imprint_why *why);

#endif
