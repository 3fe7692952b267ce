#include "document.h"

#include <jansson.h>
#include <stdint.h>

#include "posix/why.h"

/* An opaque name for jansson's own type: no struct stands behind it. */
static json_t *open_node(const struct imprint_document *node)
{
    return (json_t *)(uintptr_t)node;
}

static struct imprint_document *close_node(const json_t *value)
{
    return (struct imprint_document *)(uintptr_t)value;
}

enum imprint_status imprint_document_read(struct imprint_slice text,
                                          struct imprint_document **out,
                                          struct imprint_why *why)
{
    json_error_t error;
    json_t *value =
        json_loadb(text.len > 0 ? (const char *)text.bytes : "", text.len,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

    if (!value)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "line %d, column %d: %s", error.line,
                               error.column, error.text);
    *out = close_node(value);
    return IMPRINT_OK;
}

void imprint_document_free(struct imprint_document *root)
{
    if (root)
        json_decref(open_node(root));
}

enum imprint_document_kind imprint_document_kind_of(
    const struct imprint_document *node)
{
    const json_t *value = open_node(node);

    if (json_is_string(value))
        return IMPRINT_DOCUMENT_TEXT;
    if (json_is_object(value))
        return IMPRINT_DOCUMENT_OBJECT;
    if (json_is_array(value))
        return IMPRINT_DOCUMENT_ARRAY;
    if (json_is_number(value))
        return IMPRINT_DOCUMENT_NUMBER;
    return json_is_boolean(value) ? IMPRINT_DOCUMENT_BOOL
                                  : IMPRINT_DOCUMENT_OTHER;
}

const char *imprint_document_text(const struct imprint_document *node)
{
    return json_string_value(open_node(node));
}

bool imprint_document_is_true(const struct imprint_document *node)
{
    return json_is_true(open_node(node));
}

size_t imprint_document_count(const struct imprint_document *node)
{
    const json_t *value = open_node(node);

    return json_is_array(value) ? json_array_size(value)
                                : json_object_size(value);
}

const struct imprint_document *imprint_document_item(
    const struct imprint_document *array, size_t index)
{
    return close_node(json_array_get(open_node(array), index));
}

const struct imprint_document *imprint_document_member(
    const struct imprint_document *object, const char *name)
{
    return close_node(json_object_get(open_node(object), name));
}

const char *imprint_document_next(const struct imprint_document *object,
                                  void **cursor,
                                  const struct imprint_document **value)
{
    json_t *open = open_node(object);

    *cursor =
        *cursor ? json_object_iter_next(open, *cursor) : json_object_iter(open);
    if (!*cursor)
        return NULL;
    *value = close_node(json_object_iter_value(*cursor));
    return json_object_iter_key(*cursor);
}

char *imprint_document_write(const struct imprint_document *node)
{
    return json_dumps(open_node(node), JSON_COMPACT | JSON_ENCODE_ANY);
}

bool imprint_document_is_equal(const struct imprint_document *a,
                               const struct imprint_document *b)
{
    return json_equal(open_node(a), open_node(b)) == 1;
}
