/* The certificates that somebody means by one word. */
#ifndef IMPRINT_ENDPOINT_TARGETS_H
#define IMPRINT_ENDPOINT_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "authority.h"
#include "imprint/status.h"
#include "registry.h"

struct imprint_targets {
    char (*ids)[IMPRINT_AUTHORITY_ID_LEN + 1];
    size_t count;
    /* its own */
    const char *word;
    size_t room;
    bool has_failed;
};

/*
 * word: a certificate's id, or a claim's name, which may have several.
 * ERR_NOT_FOUND: neither. ERR_INTERNAL: no memory.
 */
IMPRINT_MUST_USE enum imprint_status imprint_targets_find(
    struct imprint_registry *registry, const char *word,
    struct imprint_targets *out);
/* All zeros are fine. */
void imprint_targets_free(struct imprint_targets *targets);

#endif
