/*
 * Whether the wall clock can be right: it is not before anything that is known
 * to have happened. A device without a battery wakes up in 1970, and would take
 * good certificates for bad ones.
 */
#ifndef IMPRINT_DEVICE_WALLCLOCK_H
#define IMPRINT_DEVICE_WALLCLOCK_H

#include <stdint.h>

#include "imprint/device.h"

#define IMPRINT_WALLCLOCK_TEXT_LEN 24

struct imprint_wallclock {
    int64_t latest; /* Unix seconds; the clock is not before it */
    char what[400]; /* what happened then, for messages */
};

/* The day on which this program was built. */
void imprint_wallclock_init(struct imprint_wallclock *wallclock);

/* Something else: "claim", its name, "becomes valid". */
void imprint_wallclock_note(struct imprint_wallclock *wallclock, int64_t when,
                            const char *what, const char *name,
                            const char *deed);

/*
 * When a file was written, less a minute for clocks that are put right. path
 * may be NULL, the file may be missing.
 */
void imprint_wallclock_note_file(struct imprint_wallclock *wallclock,
                                 const char *path);

/*
 * OK: the clock can be right. ERR_CLOCK: it is behind, and was so for all of
 * settings->wait_for_clock_s. ERR_STOPPED.
 */
IMPRINT_MUST_USE enum imprint_status imprint_wallclock_await(
    const struct imprint_wallclock *wallclock,
    const struct imprint_device_settings *settings, struct imprint_why *why);

/* "2026-11-25 10:00Z", or "?". */
void imprint_wallclock_write(int64_t seconds,
                             char text[IMPRINT_WALLCLOCK_TEXT_LEN]);

#endif
