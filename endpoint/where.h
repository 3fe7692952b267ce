/* Where a directory's registry is: in it (SQLite), or at a URL (PostgreSQL). */
#ifndef IMPRINT_ENDPOINT_WHERE_H
#define IMPRINT_ENDPOINT_WHERE_H

#include <stdbool.h>

#include "imprint/status.h"
#include "imprint/why.h"

/*
 * From now on: postgresql://..., without a password in it, or "sqlite".
 * ERR_SETTINGS: it is neither. Nothing is carried over.
 */
IMPRINT_MUST_USE enum imprint_status imprint_where_set(const char *dir,
                                                       const char *url,
                                                       struct imprint_why *why);
/* *url is to be freed; NULL: it is SQLite. */
IMPRINT_MUST_USE enum imprint_status imprint_where_find(
    const char *dir, char **url, struct imprint_why *why);
/* True: there is one, wherever. */
bool imprint_where_is_there(const char *dir);

#endif
