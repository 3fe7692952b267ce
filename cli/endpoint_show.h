/* What `imprint endpoint` prints on stdout. */
#ifndef IMPRINT_CLI_ENDPOINT_SHOW_H
#define IMPRINT_CLI_ENDPOINT_SHOW_H

#include <stdbool.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_endpoint_paths;

struct imprint_endpoint_ready {
    const struct imprint_endpoint_paths *paths;
    const char *dir;
    const char *address; /* host:port to connect to */
    const char *command; /* what to type for this program */
    int broker_pid;
};

/* The command to paste into another terminal, on one line. */
void imprint_endpoint_show_ready(const struct imprint_endpoint_ready *ready);

/* The same for programs: one object on one line. ERR_INTERNAL. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_show_ready_json(
    const struct imprint_endpoint_ready *ready, struct imprint_why *why);

/* One line per certificate, or {"certificates": [...]}. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_show_certificates(
    const char *dir, bool json, struct imprint_why *why);

#endif
