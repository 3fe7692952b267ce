/* Paths in the device's directory, and how an identity is erased. */
#ifndef IMPRINT_DEVICE_LAYOUT_H
#define IMPRINT_DEVICE_LAYOUT_H

#include <limits.h>

#include "imprint/status.h"
#include "imprint/why.h"

/* dir/place/name; name may be NULL. store.c refuses a dir too long for it. */
void imprint_layout_path(char out[PATH_MAX], const char *dir, const char *place,
                         const char *name);

/* ERR_STORAGE: "cannot <deed> <path>", and errno's text. */
enum imprint_status imprint_layout_fail(struct imprint_why *why,
                                        const char *deed, const char *path);

/* Erases dir/place/name; not there is OK. */
IMPRINT_MUST_USE enum imprint_status imprint_layout_drop(
    const char *dir, const char *place, const char *name,
    struct imprint_why *why);

/* fsync of dir/place. */
IMPRINT_MUST_USE enum imprint_status imprint_layout_sync(
    const char *dir, const char *place, struct imprint_why *why);

/*
 * Erases the identity in dir/place with its directory. Its manifest goes
 * first, durably: what a cut leaves then is rubbish for everybody.
 */
IMPRINT_MUST_USE enum imprint_status imprint_layout_remove(
    const char *dir, const char *place, struct imprint_why *why);

#endif
