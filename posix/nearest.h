/* The name that somebody probably meant. */
#ifndef IMPRINT_POSIX_NEAREST_H
#define IMPRINT_POSIX_NEAREST_H

#include <stddef.h>

#define IMPRINT_NEAREST_MAX_LEN 40 /* a longer name is near to nothing */

/* All borrowed. */
struct imprint_nearest {
    const char *name; /* what was written */
    size_t len;
    const char *best; /* NULL: none is near enough */
    size_t distance;  /* of the best; one more than the farthest allowed */
};

void imprint_nearest_start(struct imprint_nearest *nearest, const char *name,
                           size_t len);

/*
 * Takes candidate if it is nearer than those before it: letters left out, put
 * in, replaced or swapped are counted; one in three may be wrong, three at
 * most.
 */
void imprint_nearest_offer(struct imprint_nearest *nearest,
                           const char *candidate);

#endif
