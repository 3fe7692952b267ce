/* Spans of time as people write them. */
#ifndef IMPRINT_POSIX_DURATION_H
#define IMPRINT_POSIX_DURATION_H

#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

/*
 * "90", "90s", "10m", "2h" or "30d": a whole number of seconds, minutes, hours
 * or days, ten years at most. ERR_SETTINGS: anything else.
 */
IMPRINT_MUST_USE enum imprint_status imprint_duration_read(
    const char *text, uint64_t *seconds, struct imprint_why *why);

#endif
