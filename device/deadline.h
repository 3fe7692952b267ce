/*
 * A limit for a whole run: settings whose stop also says yes when the time is
 * over. Everything that waits asks it, so it needs no place of its own there.
 */
#ifndef IMPRINT_DEVICE_DEADLINE_H
#define IMPRINT_DEVICE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/device.h"

#define IMPRINT_DEADLINE_STEP_LEN 96

struct imprint_deadline {
    const struct imprint_device_settings *asked; /* the caller's */
    int64_t end_ms;
    char step[IMPRINT_DEADLINE_STEP_LEN]; /* the last one that was told */
    bool is_over;
};

/*
 * *settings, a copy of asked, is made to end settings->deadline_s from now; 0:
 * it is left alone. deadline outlives the run.
 */
void imprint_deadline_begin(struct imprint_deadline *deadline,
                            const struct imprint_device_settings *asked,
                            struct imprint_device_settings *settings);

/* A stop that was a deadline's is ERR_TIMEOUT, in words; else status. */
IMPRINT_MUST_USE enum imprint_status imprint_deadline_end(
    const struct imprint_device_settings *settings, enum imprint_status status,
    struct imprint_why *why);

#endif
