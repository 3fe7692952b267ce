/* Offsets of the service's clock, as a person writes them. */
#ifndef IMPRINT_CLI_ENDPOINT_CLOCK_H
#define IMPRINT_CLI_ENDPOINT_CLOCK_H

#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

/*
 * "+65m", "-1h30m" and "+90s" move on from *offset_s, "now" is 0, and
 * "2026-12-01T00:00:00Z" is so far from the machine's clock. ERR_SETTINGS.
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_clock_move(
    const char *text, int64_t *offset_s, struct imprint_why *why);

/* What the service's clock says now. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_clock_now(
    const char *dir, int64_t *now, struct imprint_why *why);

#endif
