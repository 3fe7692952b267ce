#include "imprint/slice.h"
#include "mem.h"

struct imprint_slice imprint_slice_of(const void *bytes, size_t len)
{
    struct imprint_slice slice;

    slice.bytes = bytes;
    slice.len = len;
    return slice;
}

struct imprint_slice imprint_slice_text(const char *text)
{
    size_t len = 0;

    while (text && text[len])
        len++;
    return imprint_slice_of(text, len);
}

bool imprint_slice_equal(struct imprint_slice a, struct imprint_slice b)
{
    return a.len == b.len && (!a.len || !memcmp(a.bytes, b.bytes, a.len));
}

bool imprint_slice_is(struct imprint_slice slice, const char *text)
{
    return imprint_slice_equal(slice, imprint_slice_text(text));
}

struct imprint_writer imprint_slice_writer(void *bytes, size_t capacity)
{
    struct imprint_writer writer;

    writer.bytes = bytes;
    writer.capacity = capacity;
    writer.len = 0;
    writer.first = true;
    return writer;
}

void imprint_slice_put(struct imprint_writer *writer,
                       struct imprint_slice slice)
{
    size_t at = writer->len;

    writer->len += slice.len;
    if (slice.len && imprint_slice_fits(writer))
        memmove(writer->bytes + at, slice.bytes, slice.len);
}

void imprint_slice_put_byte(struct imprint_writer *writer, uint8_t byte)
{
    imprint_slice_put(writer, imprint_slice_of(&byte, 1));
}

void imprint_slice_put_text(struct imprint_writer *writer, const char *text)
{
    imprint_slice_put(writer, imprint_slice_text(text));
}

bool imprint_slice_fits(const struct imprint_writer *writer)
{
    return writer->len <= writer->capacity;
}

struct imprint_slice imprint_slice_since(const struct imprint_writer *writer,
                                         size_t from)
{
    if (!imprint_slice_fits(writer) || from >= writer->len)
        return imprint_slice_of(NULL, 0);
    return imprint_slice_of(writer->bytes + from, writer->len - from);
}

void imprint_slice_erase(void *bytes, size_t len)
{
    volatile uint8_t *byte = bytes;

    while (len--)
        *byte++ = 0;
}
