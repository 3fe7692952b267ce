/* What a machine says of itself, for names and serial numbers. */
#ifndef IMPRINT_POSIX_HOST_H
#define IMPRINT_POSIX_HOST_H

#include "imprint/status.h"
#include "imprint/why.h"

/*
 * Puts in what stands in ${...} in text: machine-id (machine-id(5)), mac:IF (an
 * interface's address), dmi:FIELD (what sysfs has as product_FIELD: serial,
 * uuid, ...), file:PATH (absolute); of each the first line, without white space
 * around it. root stands before all paths: "" but for tests. *out is to be
 * freed. ERR_SETTINGS: no such source, it can't be read, or it is empty.
 */
IMPRINT_MUST_USE enum imprint_status imprint_host_expand(
    const char *root, const char *text, char **out, struct imprint_why *why);

#endif
