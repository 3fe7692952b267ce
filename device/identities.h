/*
 * identities/: every identity that is kept, by number, and the links `current`
 * and `former` that point at two of them. dir is the device's directory, whose
 * store is open (store.h). Failures are IMPRINT_ERR_STORAGE.
 */
#ifndef IMPRINT_DEVICE_IDENTITIES_H
#define IMPRINT_DEVICE_IDENTITIES_H

#include <stdbool.h>

#include "imprint/status.h"
#include "imprint/why.h"

/* Of identities/<number>, as paths are joined. */
void imprint_identities_name(char place[32], unsigned number);

/* The number that a link ("current", "former") points at; 0: none. */
unsigned imprint_identities_linked(const char *dir, const char *link);

/* The highest number there is, but skip; 0: none. */
unsigned imprint_identities_highest(const char *dir, unsigned skip);

/* True if it was once in use, or is to be: its manifest is there. */
bool imprint_identities_is_whole(const char *dir, unsigned number);

/* Points a link there, durably, by one rename. */
IMPRINT_MUST_USE enum imprint_status imprint_identities_link(
    const char *dir, const char *link, unsigned number,
    struct imprint_why *why);

/* Durably; not there is OK. */
IMPRINT_MUST_USE enum imprint_status imprint_identities_unlink(
    const char *dir, const char *link, struct imprint_why *why);

/* Erases all but two; 0 keeps none. */
IMPRINT_MUST_USE enum imprint_status imprint_identities_keep(
    const char *dir, unsigned one, unsigned other, struct imprint_why *why);

#endif
