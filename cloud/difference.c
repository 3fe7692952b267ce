#include "difference.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/document.h"
#include "aws/memory.h"
#include "aws/place.h"

#define VALUE_LEN 160

struct writing {
    struct imprint_memory_text text;
};

static void put(struct writing *writing, const char *text)
{
    imprint_memory_put(&writing->text, imprint_slice_text(text));
}

static void put_value(struct writing *writing,
                      const struct imprint_document *node)
{
    char *value = imprint_document_write(node);

    writing->text.has_failed |= !value;
    if (value)
        imprint_memory_put(&writing->text,
                           imprint_slice_of(value, strnlen(value, VALUE_LEN)));
    if (value && strlen(value) > VALUE_LEN)
        put(writing, "...");
    free(value);
}

/* One of them may be NULL. */
static void put_line(struct writing *writing, const struct imprint_place *place,
                     const struct imprint_document *before,
                     const struct imprint_document *after)
{
    char name[IMPRINT_PLACE_LEN];

    imprint_place_name(place, name);
    put(writing, name[0] ? name : "all of it");
    put(writing, ": ");
    if (before)
        put_value(writing, before);
    else
        put(writing, "(nothing)");
    put(writing, " -> ");
    if (after)
        put_value(writing, after);
    else
        put(writing, "(nothing)");
    put(writing, "\n");
}

static void compare(struct writing *writing, const struct imprint_place *place,
                    const struct imprint_document *before,
                    const struct imprint_document *after);

static void compare_members(struct writing *writing,
                            const struct imprint_place *place,
                            const struct imprint_document *before,
                            const struct imprint_document *after)
{
    const struct imprint_document *value;
    void *cursor = NULL;
    const char *name;

    while ((name = imprint_document_next(before, &cursor, &value))) {
        const struct imprint_place below = imprint_place_member(place, name);

        compare(writing, &below, value, imprint_document_member(after, name));
    }
    cursor = NULL;
    while ((name = imprint_document_next(after, &cursor, &value))) {
        const struct imprint_place below = imprint_place_member(place, name);

        if (!imprint_document_member(before, name))
            compare(writing, &below, NULL, value);
    }
}

static void compare_items(struct writing *writing,
                          const struct imprint_place *place,
                          const struct imprint_document *before,
                          const struct imprint_document *after)
{
    size_t counts[2] = {imprint_document_count(before),
                        imprint_document_count(after)};

    for (size_t i = 0; i < counts[0] || i < counts[1]; i++) {
        const struct imprint_place below = imprint_place_item(place, i);

        compare(writing, &below,
                i < counts[0] ? imprint_document_item(before, i) : NULL,
                i < counts[1] ? imprint_document_item(after, i) : NULL);
    }
}

static void compare(struct writing *writing, const struct imprint_place *place,
                    const struct imprint_document *before,
                    const struct imprint_document *after)
{
    enum imprint_document_kind kind = imprint_document_kind_of(before);

    if (before && after && imprint_document_is_equal(before, after))
        return;
    if (!before || !after || kind != imprint_document_kind_of(after))
        put_line(writing, place, before, after);
    else if (kind == IMPRINT_DOCUMENT_OBJECT)
        compare_members(writing, place, before, after);
    else if (kind == IMPRINT_DOCUMENT_ARRAY)
        compare_items(writing, place, before, after);
    else
        put_line(writing, place, before, after);
}

char *imprint_difference_write(const char *before, const char *after)
{
    struct writing writing = {.text = {.bytes = NULL}};
    struct imprint_document *left = NULL;
    struct imprint_document *right = NULL;
    bool is_read = imprint_document_read(imprint_slice_text(before), &left,
                                         NULL) == IMPRINT_OK &&
                   imprint_document_read(imprint_slice_text(after), &right,
                                         NULL) == IMPRINT_OK;

    put(&writing, "");
    if (is_read)
        compare(&writing, NULL, left, right);
    imprint_document_free(left);
    imprint_document_free(right);
    if (is_read && !writing.text.has_failed)
        return writing.text.bytes ? writing.text.bytes : strdup("");
    free(writing.text.bytes);
    return NULL;
}
