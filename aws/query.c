#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- escapes ---- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *imprint_query_decode(struct imprint_slice text)
{
    char *out = malloc(text.len + 1);
    const char *bytes = (const char *)text.bytes;
    size_t len = 0;

    for (size_t i = 0; out && i < text.len; i++) {
        int high = i + 2 < text.len ? digit_of(bytes[i + 1]) : -1;
        int low = i + 2 < text.len ? digit_of(bytes[i + 2]) : -1;

        if (bytes[i] == '%' && high >= 0 && low >= 0) {
            out[len++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[len++] = bytes[i];
        }
        if (out[len - 1] == '\0') {
            free(out);
            return NULL;
        }
    }
    if (out)
        out[len] = '\0';
    return out;
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

void imprint_query_escape(struct imprint_memory_text *out, const char *text,
                          bool keeps_slash)
{
    char escape[4];

    for (; *text; text++) {
        if (is_unreserved(*text) || (keeps_slash && *text == '/')) {
            imprint_memory_put(out, imprint_slice_of(text, 1));
            continue;
        }
        (void)snprintf(escape, sizeof(escape), "%%%02X", (unsigned char)*text);
        imprint_memory_put(out, imprint_slice_text(escape));
    }
}

/* ---- parameters ---- */

/* False: a NUL, or no memory. */
static bool add(struct imprint_query *query, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    size_t value_len = equals ? len - name_len - 1 : 0;
    size_t at = query->count++;

    query->all[at].name =
        imprint_query_decode(imprint_slice_of(text, name_len));
    query->all[at].value = imprint_query_decode(
        imprint_slice_of(text + len - value_len, value_len));
    return query->all[at].name && query->all[at].value;
}

struct imprint_query *imprint_query_read(const char *text)
{
    struct imprint_query *query = calloc(1, sizeof(*query));

    while (query && *text) {
        size_t len = strcspn(text, "&");

        if (len > 0 && (query->count == IMPRINT_QUERY_MAX_COUNT ||
                        !add(query, text, len))) {
            imprint_query_free(query);
            return NULL;
        }
        text += len + (text[len] == '&');
    }
    return query;
}

struct imprint_query *imprint_query_read_form(struct imprint_slice form)
{
    char *text = malloc(form.len + 1);
    struct imprint_query *query;

    if (!text || (form.len > 0 && memchr(form.bytes, '\0', form.len))) {
        free(text);
        return NULL;
    }
    for (size_t i = 0; i < form.len; i++)
        text[i] = form.bytes[i] == '+' ? ' ' : (char)form.bytes[i];
    text[form.len] = '\0';
    query = imprint_query_read(text);
    free(text);
    return query;
}

void imprint_query_free(struct imprint_query *query)
{
    for (size_t i = 0; query && i < query->count; i++) {
        free(query->all[i].name);
        free(query->all[i].value);
    }
    free(query);
}

const char *imprint_query_find(const struct imprint_query *query,
                               const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->all[i].name, name) == 0)
            return query->all[i].value;
    }
    return NULL;
}

char *imprint_query_parameter(const char *text, const char *name)
{
    struct imprint_query *query = imprint_query_read(text);
    const char *value = query ? imprint_query_find(query, name) : NULL;
    char *copy = value ? strdup(value) : NULL;

    imprint_query_free(query);
    return copy;
}

static bool escape_one(char **text)
{
    struct imprint_memory_text escaped = {.bytes = NULL};

    imprint_memory_put(&escaped, imprint_slice_text(""));
    imprint_query_escape(&escaped, *text, false);
    if (escaped.has_failed) {
        free(escaped.bytes);
        return false;
    }
    free(*text);
    *text = escaped.bytes;
    return true;
}

static int compare(const void *a, const void *b)
{
    char *const *one = a; /* a name, and its value behind it */
    char *const *other = b;
    int order = strcmp(one[0], other[0]);

    return order ? order : strcmp(one[1], other[1]);
}

bool imprint_query_canonize(struct imprint_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        if (!escape_one(&query->all[i].name) ||
            !escape_one(&query->all[i].value))
            return false;
    }
    qsort(query->all, query->count, sizeof(query->all[0]), compare);
    return true;
}
