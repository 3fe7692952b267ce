/* Fills struct imprint_why. For every room above the core. */
#ifndef IMPRINT_POSIX_WHY_H
#define IMPRINT_POSIX_WHY_H

#include "imprint/status.h"
#include "imprint/why.h"

/*
 * Sets text (printf-style), clears hint, and returns status, so that a
 * failing call can be one line. why may be NULL.
 */
enum imprint_status imprint_why_set(struct imprint_why *why,
                                    enum imprint_status status,
                                    const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets hint; the text stays. why may be NULL. */
void imprint_why_hint(struct imprint_why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
