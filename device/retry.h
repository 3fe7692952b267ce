/*
 * What is remembered from run to run of tries that failed: retry.json in the
 * device's directory. A service that throttles, or a network that is down for
 * a day, is not hammered by whoever starts us again.
 */
#ifndef IMPRINT_DEVICE_RETRY_H
#define IMPRINT_DEVICE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/device.h"

struct imprint_retry {
    uint32_t failure_count; /* in a row */
    uint32_t wait_s;        /* before the next run, from then on */
    int64_t noted;          /* Unix seconds, of the last failure */
};

/* All zeros if nothing is noted, or nothing that can be read. */
void imprint_retry_read(const struct imprint_device_settings *settings,
                        struct imprint_retry *out);

/*
 * Before a connection: waits as settings->retry says. ERR_THROTTLED: it is too
 * early, and there shall be no waiting; one is let through if the clock was put
 * back behind the last. ERR_STOPPED.
 */
IMPRINT_MUST_USE enum imprint_status imprint_retry_await(
    const struct imprint_device_settings *settings,
    const struct imprint_retry *retry, struct imprint_why *why);

/*
 * Behind it: notes a failure that may go away by itself, for a time that grows
 * with each, and forgets all behind anything else. A stop changes nothing.
 * If it can't be written, the log says so.
 */
void imprint_retry_note(const struct imprint_device_settings *settings,
                        const struct imprint_retry *before,
                        enum imprint_status status);

/* How long the run after the failure_count-th failure waits, given chance. */
uint32_t imprint_retry_wait_s(uint32_t failure_count, bool is_throttled,
                              uint32_t chance);

/* What is left of it now; never more than was noted, whatever the clock did. */
uint32_t imprint_retry_left_s(const struct imprint_retry *retry, int64_t now);

/* Nothing is noted any more. */
void imprint_retry_forget(const char *dir);

#endif
