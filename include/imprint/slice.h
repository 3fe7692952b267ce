/*
 * Borrowed bytes, and a writer that remembers overflow. Part of the installed
 * API; freestanding.
 */
#ifndef IMPRINT_SLICE_H
#define IMPRINT_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* len bytes that somebody else owns; not NUL-terminated. {NULL, 0} is empty. */
struct imprint_slice {
    const uint8_t *bytes;
    size_t len;
};

/* A name and its value, both UTF-8 text. */
struct imprint_pair {
    struct imprint_slice name;
    struct imprint_slice value;
};

/*
 * Writes into a caller's buffer. len grows past capacity when the buffer is
 * too small, so that after the last write it is the size that was needed, and
 * nothing is written behind capacity. Check once, at the end.
 */
struct imprint_writer {
    uint8_t *bytes;
    size_t capacity;
    size_t len;
    bool first; /* a format's own: no separator before the next member */
};

struct imprint_slice imprint_slice_of(const void *bytes, size_t len);

/* text is NUL-terminated; NULL gives the empty slice. */
struct imprint_slice imprint_slice_text(const char *text);

bool imprint_slice_equal(struct imprint_slice a, struct imprint_slice b);

/* Compares with a NUL-terminated text. */
bool imprint_slice_is(struct imprint_slice slice, const char *text);

struct imprint_writer imprint_slice_writer(void *bytes, size_t capacity);

void imprint_slice_put(struct imprint_writer *writer,
                       struct imprint_slice slice);
void imprint_slice_put_byte(struct imprint_writer *writer, uint8_t byte);
void imprint_slice_put_text(struct imprint_writer *writer, const char *text);

/* True while everything that was written fits. */
bool imprint_slice_fits(const struct imprint_writer *writer);

/* What stands at [from, writer->len); empty if it did not fit. */
struct imprint_slice imprint_slice_since(const struct imprint_writer *writer,
                                         size_t from);

/* Overwrites with zeros in a way that the compiler keeps. */
void imprint_slice_erase(void *bytes, size_t len);

#ifdef __cplusplus
}
#endif

#endif
