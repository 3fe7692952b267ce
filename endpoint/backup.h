/*
 * An endpoint's directory on its way to another place: the registry as it was
 * at one moment, the authority, claims, CAs that are trusted, the audit log. An
 * endpoint may run on it meanwhile. The server's own pair stays behind: a first
 * run makes one for the new place. docs/FORMATS.md has the files.
 */
#ifndef IMPRINT_ENDPOINT_BACKUP_H
#define IMPRINT_ENDPOINT_BACKUP_H

#include <stdbool.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_backup {
    const char *dir;        /* the endpoint's */
    const char *place;      /* the backup's, a directory */
    const char *passphrase; /* private keys are encrypted with it */
};

#define IMPRINT_BACKUP_PASSPHRASE_MIN_LEN 12

/*
 * Makes place, or leaves nothing there. *is_whole false: the registry is not in
 * it, since it is a database elsewhere. ERR_ARGUMENT: the passphrase is too
 * short, or place is there already. ERR_NOT_FOUND: the endpoint has no
 * authority yet.
 */
IMPRINT_MUST_USE enum imprint_status imprint_backup_make(
    const struct imprint_backup *backup, bool *is_whole,
    struct imprint_why *why);

/*
 * Makes dir from place, or leaves it as it was: it must be empty, or not there
 * (ERR_ARGUMENT). ERR_NOT_FOUND: place is no backup. ERR_KEY: it is not this
 * passphrase. ERR_STORAGE: or the registry in it is damaged.
 */
IMPRINT_MUST_USE enum imprint_status imprint_backup_restore(
    const struct imprint_backup *backup, bool *is_whole,
    struct imprint_why *why);

#endif
