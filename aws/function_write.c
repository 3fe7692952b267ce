/* A document as JSON, with what its functions give in their places. */
#include <stdlib.h>

#include "function.h"
#include "posix/why.h"

bool imprint_function_is_inside(const struct imprint_document *node)
{
    const struct imprint_document *value;
    void *cursor = NULL;
    size_t i;

    if (imprint_function_is(node))
        return true;
    if (imprint_document_kind_of(node) == IMPRINT_DOCUMENT_ARRAY) {
        for (i = 0; i < imprint_document_count(node); i++) {
            if (imprint_function_is_inside(imprint_document_item(node, i)))
                return true;
        }
        return false;
    }
    while (imprint_document_next(node, &cursor, &value)) {
        if (imprint_function_is_inside(value))
            return true;
    }
    return false;
}

static void put(struct imprint_memory_text *out, const char *text)
{
    imprint_memory_put(out, imprint_slice_text(text));
}

static enum imprint_status write_function(struct imprint_function_run *run,
                                          const struct imprint_document *node,
                                          const struct imprint_place *place,
                                          struct imprint_memory_text *out)
{
    const char **items = NULL;
    const char *text = NULL;
    size_t count = 0;
    size_t i;
    enum imprint_status status;

    if (!imprint_function_gives_list(node)) {
        status = imprint_function_text(run, node, place, &text);
        if (status == IMPRINT_OK)
            imprint_memory_put_quoted(out, imprint_slice_text(text));
        return status;
    }
    status = imprint_function_list(run, node, place, &items, &count);
    if (status != IMPRINT_OK)
        return status;
    put(out, "[");
    for (i = 0; i < count; i++) {
        put(out, i > 0 ? "," : "");
        imprint_memory_put_quoted(out, imprint_slice_text(items[i]));
    }
    put(out, "]");
    return IMPRINT_OK;
}

static enum imprint_status write_object(struct imprint_function_run *run,
                                        const struct imprint_document *node,
                                        const struct imprint_place *place,
                                        struct imprint_memory_text *out)
{
    const struct imprint_document *value;
    enum imprint_status status = IMPRINT_OK;
    const char *before = "";
    void *cursor = NULL;
    const char *name;

    put(out, "{");
    while (status == IMPRINT_OK &&
           (name = imprint_document_next(node, &cursor, &value))) {
        const struct imprint_place own = imprint_place_member(place, name);

        put(out, before);
        before = ",";
        imprint_memory_put_quoted(out, imprint_slice_text(name));
        put(out, ":");
        status = imprint_function_write(run, value, &own, out);
    }
    put(out, "}");
    return status;
}

static enum imprint_status write_array(struct imprint_function_run *run,
                                       const struct imprint_document *node,
                                       const struct imprint_place *place,
                                       struct imprint_memory_text *out)
{
    enum imprint_status status = IMPRINT_OK;
    size_t i;

    put(out, "[");
    for (i = 0; i < imprint_document_count(node) && status == IMPRINT_OK; i++) {
        const struct imprint_place own = imprint_place_item(place, i);

        put(out, i > 0 ? "," : "");
        status = imprint_function_write(run, imprint_document_item(node, i),
                                        &own, out);
    }
    put(out, "]");
    return status;
}

enum imprint_status imprint_function_write(struct imprint_function_run *run,
                                           const struct imprint_document *node,
                                           const struct imprint_place *place,
                                           struct imprint_memory_text *out)
{
    char *atom;

    if (imprint_function_is(node))
        return write_function(run, node, place, out);
    if (imprint_document_kind_of(node) == IMPRINT_DOCUMENT_OBJECT)
        return write_object(run, node, place, out);
    if (imprint_document_kind_of(node) == IMPRINT_DOCUMENT_ARRAY)
        return write_array(run, node, place, out);
    atom = imprint_document_write(node);
    if (!atom)
        return imprint_why_set(run->why, IMPRINT_ERR_INTERNAL, "out of memory");
    put(out, atom);
    free(atom);
    return IMPRINT_OK;
}
