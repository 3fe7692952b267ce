#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    max_align_t bytes[];
};

void *imprint_memory_take(void **memory, size_t len)
{
    struct block *block = calloc(1, sizeof(*block) + len);

    if (!block)
        return NULL;
    block->next = *memory;
    *memory = block;
    return block->bytes;
}

char *imprint_memory_copy(void **memory, struct imprint_slice text)
{
    char *copy = imprint_memory_take(memory, text.len + 1);

    if (copy && text.len > 0)
        (void)memcpy(copy, text.bytes, text.len);
    return copy;
}

void imprint_memory_free(void **memory)
{
    struct block *block = *memory;

    while (block) {
        struct block *next = block->next;

        free(block);
        block = next;
    }
    *memory = NULL;
}

void imprint_memory_put(struct imprint_memory_text *text,
                        struct imprint_slice more)
{
    size_t len = text->len + more.len;

    if (len >= text->capacity && !text->has_failed) {
        size_t capacity = len < 64 ? 128 : 2 * len;
        char *bytes = realloc(text->bytes, capacity);

        text->has_failed = !bytes;
        if (bytes) {
            text->bytes = bytes;
            text->capacity = capacity;
        }
    }
    if (text->has_failed)
        return;
    if (more.len > 0)
        (void)memcpy(text->bytes + text->len, more.bytes, more.len);
    text->len = len;
    text->bytes[len] = '\0';
}

void imprint_memory_put_quoted(struct imprint_memory_text *text,
                               struct imprint_slice more)
{
    size_t from = 0;
    size_t i;

    imprint_memory_put(text, imprint_slice_text("\""));
    for (i = 0; i < more.len; i++) {
        uint8_t byte = more.bytes[i];
        char escape[8];

        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        if (byte >= 0x20)
            (void)snprintf(escape, sizeof(escape), "\\%c", byte);
        else
            (void)snprintf(escape, sizeof(escape), "\\u%04x", byte);
        imprint_memory_put(text, imprint_slice_of(more.bytes + from, i - from));
        imprint_memory_put(text, imprint_slice_text(escape));
        from = i + 1;
    }
    imprint_memory_put(text,
                       imprint_slice_of(more.bytes + from, more.len - from));
    imprint_memory_put(text, imprint_slice_text("\""));
}
