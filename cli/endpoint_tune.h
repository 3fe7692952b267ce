/* Settings of an endpoint: what `run` sets at its start, and what is set. */
#ifndef IMPRINT_CLI_ENDPOINT_TUNE_H
#define IMPRINT_CLI_ENDPOINT_TUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_settings;

/* --clock, --faults, --explain and --strict. Texts NULL: not given. */
struct imprint_endpoint_tune {
    char clock[24]; /* clock_offset_s; "": not given */
    char *faults;
    const char *explain;
};

/* Writes nothing yet. ERR_SETTINGS: a value is none, or two contradict. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_tune_read(
    const struct imprint_settings *settings, struct imprint_endpoint_tune *out,
    struct imprint_why *why);
void imprint_endpoint_tune_free(struct imprint_endpoint_tune *tune);
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_tune_apply(
    const char *dir, const struct imprint_endpoint_tune *tune,
    struct imprint_why *why);

/* What makes an endpoint other than AWS, for who starts it. */
struct imprint_endpoint_tune_state {
    int64_t clock_offset_s;
    bool is_explaining;
    size_t fault_count;
};

IMPRINT_MUST_USE enum imprint_status imprint_endpoint_tune_look(
    const char *dir, struct imprint_endpoint_tune_state *out,
    struct imprint_why *why);

/* Sets a hint if nothing is there to run for a hook's target. */
void imprint_endpoint_tune_hint(const char *dir, const char *target,
                                struct imprint_why *why);

/* *value is to be freed; "" if there is no such setting. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_tune_find(
    const char *dir, const char *name, char **value, struct imprint_why *why);

#endif
