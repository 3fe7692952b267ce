/*
 * Memory that is freed all at once: a chain of blocks behind one pointer, which
 * is NULL at first. And a text that grows.
 */
#ifndef IMPRINT_AWS_MEMORY_H
#define IMPRINT_AWS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/slice.h"

/* len zeros, aligned for anything. NULL: no memory. */
void *imprint_memory_take(void **memory, size_t len);
/* A copy, with a NUL behind it. NULL: no memory. */
char *imprint_memory_copy(void **memory, struct imprint_slice text);
/* *memory is NULL afterwards. */
void imprint_memory_free(void **memory);

/*
 * A text that is put together: {NULL} at first. A failure is remembered: check
 * once, at the end.
 */
struct imprint_memory_text {
    char *bytes; /* NUL-terminated, to be freed; NULL while it is empty */
    size_t len;
    size_t capacity;
    bool has_failed; /* no memory */
};

void imprint_memory_put(struct imprint_memory_text *text,
                        struct imprint_slice more);
/* As a JSON string, with its quotes. */
void imprint_memory_put_quoted(struct imprint_memory_text *text,
                               struct imprint_slice more);

#endif
