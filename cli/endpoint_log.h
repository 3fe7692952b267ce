/* `imprint endpoint log`: the event log on stdout. */
#ifndef IMPRINT_CLI_ENDPOINT_LOG_H
#define IMPRINT_CLI_ENDPOINT_LOG_H

#include <stdbool.h>

#include "imprint/status.h"
#include "imprint/why.h"

/*
 * What the endpoint of dir has logged; with follow it goes on until a signal
 * or until nobody reads. ERR_NOT_FOUND is never given: no log yet is
 * ERR_SETTINGS, a wrong dir.
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_log(
    const char *dir, bool follow, struct imprint_why *why);

#endif
