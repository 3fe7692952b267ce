/* `imprint cloud init`. */
#ifndef IMPRINT_CLI_CLOUD_INIT_H
#define IMPRINT_CLI_CLOUD_INIT_H

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_settings;

/*
 * Writes a fleet's file from options, and asks on a terminal for those that are
 * missing. ERR_SETTINGS: one is missing or wrong, or path is there already.
 */
IMPRINT_MUST_USE enum imprint_status imprint_cloud_init(
    const struct imprint_settings *settings, const char *path,
    struct imprint_why *why);

#endif
