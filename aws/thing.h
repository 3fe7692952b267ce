/* Things as JSON: what a registry keeps of one, and what AWS describes. */
#ifndef IMPRINT_AWS_THING_H
#define IMPRINT_AWS_THING_H

#include <stddef.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"
#include "template.h"

/*
 * {"name": "value", ...}, into pairs sorted by name, with NULs behind their
 * texts; all of it is *memory, which imprint_memory_free frees. ERR_FORMAT: it
 * is something else.
 */
IMPRINT_MUST_USE enum imprint_status imprint_thing_read_attributes(
    const char *json, struct imprint_pair **out, size_t *count, void **memory);

/* The way back: compact, free it. NULL: no memory. */
char *imprint_thing_write_attributes(const struct imprint_pair *pairs,
                                     size_t count);

/*
 * What DescribeThing answers: {"thingName", "attributes", "thingTypeName",
 * "billingGroupName"}, and "thingGroups", a list of names. All but the first
 * may be missing; other members count for nothing. ERR_FORMAT says what is
 * wrong.
 */
IMPRINT_MUST_USE enum imprint_status imprint_thing_read(
    struct imprint_slice text, struct imprint_template_thing *out,
    void **memory, struct imprint_why *why);

#endif
