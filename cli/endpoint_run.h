/* `imprint endpoint run`: the broker's parent. */
#ifndef IMPRINT_CLI_ENDPOINT_RUN_H
#define IMPRINT_CLI_ENDPOINT_RUN_H

#include <stdbool.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_endpoint_rest;
struct imprint_endpoint_tune;

struct imprint_endpoint_run {
    const char *dir;
    const char *listen;
    const char *registry; /* where it is from now on; NULL: as it is */
    const char *command;  /* what to type for this program */
    const struct imprint_endpoint_tune *tune; /* set before it starts */
    struct imprint_endpoint_rest *rest;       /* read; opened and closed here */
    bool json;                                /* the ready line */
    bool log;                                 /* events on stderr, too */
};

/*
 * Until a signal ends it (IMPRINT_OK), the broker ends, or it cannot start.
 * Nothing is left running.
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_run(
    const struct imprint_endpoint_run *run, struct imprint_why *why);

#endif
