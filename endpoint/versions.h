/*
 * Versions of policies and templates: documents with numbers, of which one is
 * the default, and in force. Numbers begin with 1 and are not used again.
 * Statuses and lifetimes as in registry.h; to be called in a transaction.
 */
#ifndef IMPRINT_ENDPOINT_VERSIONS_H
#define IMPRINT_ENDPOINT_VERSIONS_H

#include "registry.h"

#define IMPRINT_VERSIONS_MAX_COUNT 5 /* AWS quota, of both kinds */

enum imprint_versions_of { IMPRINT_VERSIONS_POLICY, IMPRINT_VERSIONS_TEMPLATE };

/*
 * One more, which is not the default. ERR_NOT_FOUND: nothing of that name.
 * ERR_REFUSED: it has five already.
 */
IMPRINT_MUST_USE enum imprint_status imprint_versions_put(
    struct imprint_registry *registry, enum imprint_versions_of of,
    const char *name, const char *document, int64_t *number);
/* ERR_NOT_FOUND: no such version. */
IMPRINT_MUST_USE enum imprint_status imprint_versions_set_default(
    struct imprint_registry *registry, enum imprint_versions_of of,
    const char *name, int64_t number);
/* ERR_NOT_FOUND: no such version. ERR_REFUSED: it is the default. */
IMPRINT_MUST_USE enum imprint_status imprint_versions_drop(
    struct imprint_registry *registry, enum imprint_versions_of of,
    const char *name, int64_t number);

#endif
