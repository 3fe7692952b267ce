/*
 * Tries what a provisioning would do, step by step, and stops at the first that
 * fails. Changes nothing, and makes no certificate unless it shall.
 */
#ifndef IMPRINT_DEVICE_DOCTOR_H
#define IMPRINT_DEVICE_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/device.h"

enum imprint_doctor_result {
    IMPRINT_DOCTOR_OK,
    IMPRINT_DOCTOR_FAILED,
    IMPRINT_DOCTOR_SKIPPED /* it does not apply */
};

/* Text is good until the report returns. */
struct imprint_doctor_step {
    const char *step; /* "tls" */
    enum imprint_doctor_result result;
    uint32_t ms;
    const char *text;
};

/* What is wrong, and in which step; "" and IMPRINT_OK: nothing is. */
struct imprint_doctor_cause {
    enum imprint_status status;
    const char *step;
    const char *name; /* one of a fixed list: see imprint(1) */
    struct imprint_why why;
    char evidence[256]; /* why we think so; may be "" */
};

/*
 * As a provisioning would with these settings; without a claim in them, with
 * the identity in use. report is called as each step ends. is_full: with a
 * claim, provisions into a directory of its own that goes again; thing and
 * certificate stay at the service.
 */
IMPRINT_MUST_USE enum imprint_status imprint_doctor_examine(
    const struct imprint_device_settings *settings, bool is_full,
    void (*report)(void *user, const struct imprint_doctor_step *step),
    void *user, struct imprint_doctor_cause *cause);

#endif
