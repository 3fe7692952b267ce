#include "posix/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "posix/why.h"

/* An opaque name for jansson's own type: no struct stands behind it. */
static json_t *open_object(const struct imprint_json *object)
{
    return (json_t *)(uintptr_t)object;
}

struct imprint_json *imprint_json_new(void)
{
    return (struct imprint_json *)json_object();
}

struct imprint_json *imprint_json_new_list(void)
{
    return (struct imprint_json *)json_array();
}

void imprint_json_free(struct imprint_json *object)
{
    if (object)
        json_decref(open_object(object));
}

bool imprint_json_put_text(struct imprint_json *object, const char *name,
                           const char *text)
{
    json_t *value = text ? json_string(text) : json_null();

    return json_object_set_new(open_object(object), name, value) == 0;
}

bool imprint_json_put_slices(struct imprint_json *object,
                             struct imprint_slice name,
                             struct imprint_slice text)
{
    json_t *value =
        json_stringn(text.len ? (const char *)text.bytes : "", text.len);
    char *copy = malloc(name.len + 1);
    bool done = false;

    if (copy && name.len > 0)
        memcpy(copy, name.bytes, name.len);
    if (copy) {
        copy[name.len] = '\0';
        done = strlen(copy) == name.len && value &&
               json_object_set(open_object(object), copy, value) == 0;
    }
    free(copy);
    json_decref(value);
    return done;
}

bool imprint_json_put_number(struct imprint_json *object, const char *name,
                             int64_t number)
{
    return json_object_set_new(open_object(object), name,
                               json_integer(number)) == 0;
}

bool imprint_json_put_bool(struct imprint_json *object, const char *name,
                           bool value)
{
    return json_object_set_new(open_object(object), name,
                               json_boolean(value)) == 0;
}

bool imprint_json_put_object(struct imprint_json *object, const char *name,
                             struct imprint_json *value)
{
    json_t *member = value ? open_object(value) : json_null();

    return json_object_set_new(open_object(object), name, member) == 0;
}

bool imprint_json_add_text(struct imprint_json *list, const char *text)
{
    return json_array_append_new(open_object(list), json_string(text)) == 0;
}

bool imprint_json_add(struct imprint_json *list, struct imprint_json *value)
{
    return json_array_append_new(open_object(list), open_object(value)) == 0;
}

enum imprint_json_kind imprint_json_kind_of(const struct imprint_json *object,
                                            const char *name)
{
    const json_t *value = json_object_get(open_object(object), name);

    if (!value)
        return IMPRINT_JSON_ABSENT;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return IMPRINT_JSON_TEXT;
    case JSON_INTEGER:
    case JSON_REAL:
        return IMPRINT_JSON_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return IMPRINT_JSON_BOOL;
    case JSON_OBJECT:
        return IMPRINT_JSON_OBJECT;
    case JSON_ARRAY:
        return IMPRINT_JSON_LIST;
    case JSON_NULL:
    default:
        return IMPRINT_JSON_NULL;
    }
}

bool imprint_json_drop(struct imprint_json *object, const char *name)
{
    return json_object_del(open_object(object), name) == 0;
}

const char *imprint_json_text(const struct imprint_json *object,
                              const char *name)
{
    return json_string_value(json_object_get(open_object(object), name));
}

const struct imprint_json *imprint_json_member(
    const struct imprint_json *object, const char *name)
{
    json_t *value = json_object_get(open_object(object), name);

    return json_is_object(value) ? (const struct imprint_json *)value : NULL;
}

bool imprint_json_takes(const char *text)
{
    json_t *value = json_string(text);

    json_decref(value);
    return value != NULL;
}

struct imprint_json *imprint_json_open(struct imprint_json *object,
                                       const char *name)
{
    json_t *value = json_object_get((json_t *)object, name);

    return json_is_object(value) ? (struct imprint_json *)value : NULL;
}

const struct imprint_json *imprint_json_list(const struct imprint_json *object,
                                             const char *name)
{
    json_t *value = json_object_get(open_object(object), name);

    return json_is_array(value) ? (const struct imprint_json *)value : NULL;
}

size_t imprint_json_count(const struct imprint_json *list)
{
    return json_array_size(open_object(list));
}

const char *imprint_json_item_text(const struct imprint_json *list,
                                   size_t index)
{
    return json_string_value(json_array_get(open_object(list), index));
}

const struct imprint_json *imprint_json_item(const struct imprint_json *list,
                                             size_t index)
{
    json_t *value = json_array_get(open_object(list), index);

    return json_is_object(value) ? (const struct imprint_json *)value : NULL;
}

const char *imprint_json_next(const struct imprint_json *object, void **cursor)
{
    json_t *of = open_object(object);

    *cursor =
        *cursor ? json_object_iter_next(of, *cursor) : json_object_iter(of);
    return *cursor ? json_object_iter_key(*cursor) : NULL;
}

int64_t imprint_json_number(const struct imprint_json *object, const char *name,
                            int64_t fallback)
{
    json_t *value = json_object_get(open_object(object), name);

    if (json_is_real(value) && json_real_value(value) > -1e15 &&
        json_real_value(value) < 1e15)
        return (int64_t)json_real_value(value);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool imprint_json_is_on(const struct imprint_json *object, const char *name)
{
    return json_is_true(json_object_get(open_object(object), name));
}

char *imprint_json_write(const struct imprint_json *object)
{
    char *text = json_dumps(open_object(object), JSON_INDENT(2));
    size_t len = text ? strlen(text) : 0;
    char *line = text ? realloc(text, len + 2) : NULL;

    if (!line) {
        free(text);
        return NULL;
    }
    memcpy(line + len, "\n", 2);
    return line;
}

char *imprint_json_write_line(const struct imprint_json *object)
{
    return json_dumps(open_object(object), JSON_COMPACT);
}

enum imprint_status imprint_json_read(struct imprint_slice text,
                                      struct imprint_json **out,
                                      struct imprint_why *why)
{
    json_error_t error;
    json_t *value = json_loadb((const char *)text.bytes, text.len,
                               JSON_REJECT_DUPLICATES, &error);

    if (!value)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT, "line %d: %s",
                               error.line, error.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return imprint_why_set(why, IMPRINT_ERR_FORMAT, "not a JSON object");
    }
    *out = (struct imprint_json *)value;
    return IMPRINT_OK;
}
