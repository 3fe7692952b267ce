/* Names of settings in the three places, and slips in them. */
#ifndef IMPRINT_POSIX_SETTINGS_NAMES_H
#define IMPRINT_POSIX_SETTINGS_NAMES_H

#include <stddef.h>

#include "imprint/status.h"
#include "imprint/why.h"

/* Hints at the option of this verb that was probably meant, or otherwise. */
void imprint_settings_names_hint_option(struct imprint_why *why,
                                        const char *verb, const char *name,
                                        const char *otherwise);

/* The same for what a file may have. */
void imprint_settings_names_hint_file(struct imprint_why *why,
                                      const char *name);

/* "claim-key" as "IMPRINT_CLAIM_KEY". */
void imprint_settings_names_variable(const char *name, char *out, size_t size);

/*
 * ERR_SETTINGS: a variable IMPRINT_... is nearly a setting's. Others that begin
 * so are somebody else's, since an environment is shared.
 */
IMPRINT_MUST_USE enum imprint_status imprint_settings_names_check_environment(
    struct imprint_why *why);

#endif
