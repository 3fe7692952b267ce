/* What `check` of templates and policies prints on stdout. */
#ifndef IMPRINT_CLI_FINDING_SHOW_H
#define IMPRINT_CLI_FINDING_SHOW_H

#include <stdbool.h>

#include "aws/finding.h"

/*
 * A line for each, in the order of the text, and its hint; or one JSON object.
 * path is the file's, as it was given. Frees them; returns the exit code.
 */
int imprint_finding_show(const char *path, struct imprint_findings *findings,
                         bool json);

#endif
