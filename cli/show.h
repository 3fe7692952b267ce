/* Shows identities on stdout. */
#ifndef IMPRINT_CLI_SHOW_H
#define IMPRINT_CLI_SHOW_H

#include "imprint/device.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* Each may be NULL: there is none. */
void imprint_show_text(const struct imprint_device_identity *current,
                       const struct imprint_device_identity *staged);

/* One object. ERR_INTERNAL: out of memory. */
IMPRINT_MUST_USE enum imprint_status imprint_show_json(
    const struct imprint_device_identity *current,
    const struct imprint_device_identity *staged, struct imprint_why *why);

#endif
