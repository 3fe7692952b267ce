/*
 * What the tests of the core's formats share: the good messages below
 * tests/vectors/messages, and payloads of an exact size, behind which the
 * sanitizers watch.
 */
#ifndef TESTS_UNIT_MESSAGES_H
#define TESTS_UNIT_MESSAGES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "imprint/codec.h"

/* A copy on the heap with nothing behind it; free .bytes by drop. */
static inline struct imprint_slice copy_of(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    if (len)
        memcpy(copy, bytes, len);
    return imprint_slice_of(copy, len);
}

static inline void drop(struct imprint_slice slice)
{
    free((void *)(uintptr_t)slice.bytes);
}

/* The file name.json or name.cbor. */
static inline struct imprint_slice message_named(
    const char *name, const struct imprint_format *format)
{
    bool json = imprint_codec_encoding(format) == IMPRINT_ENC_JSON;
    uint8_t bytes[4096];
    char path[512];
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "%s/messages/%s.%s", TEST_VECTORS, name,
             json ? "json" : "cbor");
    file = fopen(path, "rb");
    if (!file)
        fail_msg("no %s", path);
    len = fread(bytes, 1, sizeof(bytes), file);
    assert_in_range(len, 1, sizeof(bytes) - 1);
    assert_int_equal(fclose(file), 0);
    return copy_of(bytes, len);
}

/* Reads a rejection out of a payload with nothing behind it. */
static inline enum imprint_status get_rejection(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_rejection *out)
{
    struct imprint_slice copy = copy_of(payload.bytes, payload.len);
    enum imprint_status status =
        imprint_codec_get_rejection(format, copy, into, out);

    drop(copy);
    return status;
}

#define assert_slice_is(slice, text, text_len)                  \
    do {                                                        \
        assert_int_equal((slice).len, (text_len));              \
        if ((slice).len)                                        \
            assert_memory_equal((slice).bytes, text, text_len); \
    } while (0)

#endif
