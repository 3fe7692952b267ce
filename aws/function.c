#include "function.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/why.h"

/* All that one application makes on its way. */
#define MADE_MAX_LEN 1048576
#define STAND_IN "x"
#define STAND_IN_ID \
    "0000000000000000000000000000000000000000000000000000000000000000"

bool imprint_function_is(const struct imprint_document *node)
{
    const struct imprint_document *argument;
    void *cursor = NULL;
    const char *name;

    if (imprint_document_kind_of(node) != IMPRINT_DOCUMENT_OBJECT ||
        imprint_document_count(node) != 1)
        return false;
    name = imprint_document_next(node, &cursor, &argument);
    return strcmp(name, "Ref") == 0 || strncmp(name, "Fn::", 4) == 0;
}

bool imprint_function_gives_list(const struct imprint_document *node)
{
    return imprint_function_is(node) &&
           imprint_document_member(node, "Fn::Split") != NULL;
}

enum imprint_status imprint_function_refuse(
    const struct imprint_function_run *run, const struct imprint_place *place,
    const char *format, ...)
{
    char name[IMPRINT_PLACE_LEN];
    char text[IMPRINT_WHY_TEXT_LEN];
    va_list arguments;

    imprint_place_name(place, name);
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return imprint_why_set(run->why, IMPRINT_ERR_ARGUMENT, "%s%s%s", name,
                           name[0] ? ": " : "", text);
}

static enum imprint_status no_memory(const struct imprint_function_run *run)
{
    return imprint_why_set(run->why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* Counts what is made, so that it stays bounded. */
static enum imprint_status count_made(struct imprint_function_run *run,
                                      const struct imprint_place *place,
                                      size_t len)
{
    run->used_len += len;
    if (run->used_len <= MADE_MAX_LEN)
        return IMPRINT_OK;
    return imprint_function_refuse(run, place,
                                   "the template's functions make more than "
                                   "%d bytes together",
                                   MADE_MAX_LEN);
}

static enum imprint_status keep(struct imprint_function_run *run,
                                const struct imprint_place *place,
                                struct imprint_slice text, const char **out)
{
    enum imprint_status status;

    if (text.len > IMPRINT_TEMPLATE_VALUE_MAX_LEN)
        return imprint_function_refuse(run, place, "is longer than %d bytes",
                                       IMPRINT_TEMPLATE_VALUE_MAX_LEN);
    status = count_made(run, place, text.len);
    if (status != IMPRINT_OK)
        return status;
    *out = imprint_memory_copy(run->memory, text);
    return *out ? IMPRINT_OK : no_memory(run);
}

/* Hands over what was put together; it is freed here. */
static enum imprint_status keep_made(struct imprint_function_run *run,
                                     const struct imprint_place *place,
                                     struct imprint_memory_text *made,
                                     const char **out)
{
    enum imprint_status status =
        made->has_failed
            ? no_memory(run)
            : keep(run, place, imprint_slice_of(made->bytes, made->len), out);

    free(made->bytes);
    return status;
}

/* ---- parameters ---- */

static const struct imprint_pair *find_pair(const struct imprint_pair *pairs,
                                            size_t count, const char *name)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (imprint_slice_is(pairs[i].name, name))
            return &pairs[i];
    }
    return NULL;
}

/* What the hook or the device says; NULL: neither. */
static const struct imprint_pair *find_sent(
    const struct imprint_template_parameters *sent, const char *name)
{
    const struct imprint_pair *pair =
        find_pair(sent->overrides, sent->override_count, name);

    return pair ? pair : find_pair(sent->pairs, sent->pair_count, name);
}

enum imprint_status imprint_function_ref(struct imprint_function_run *run,
                                         const char *name,
                                         const struct imprint_place *place,
                                         const char **out)
{
    const struct imprint_pair *pair = NULL;
    bool is_built_in = strcmp(name, IMPRINT_FUNCTION_CERTIFICATE_ID) == 0;

    if (is_built_in && !run->is_trial)
        return keep(run, place, run->sent->certificate_id, out);
    if (!run->is_trial)
        pair = find_sent(run->sent, name);
    if (pair && pair->value.len > 0 &&
        memchr(pair->value.bytes, '\0', pair->value.len))
        return imprint_function_refuse(run, place,
                                       "the parameter \"%s\" has a NUL", name);
    if (pair)
        return keep(run, place, pair->value, out);
    *out = imprint_document_text(imprint_document_member(
        imprint_document_member(run->scope.parameters, name), "Default"));
    if (!*out && run->is_trial)
        *out = is_built_in ? STAND_IN_ID : STAND_IN;
    if (*out)
        return IMPRINT_OK;
    return imprint_function_refuse(
        run, place, "the parameter \"%s\" is missing, and has no Default",
        name);
}

/* ---- the functions ---- */

static enum imprint_status join(struct imprint_function_run *run,
                                const struct imprint_document *argument,
                                const struct imprint_place *place,
                                const char **out)
{
    const struct imprint_place parts_place = imprint_place_item(place, 1);
    const char *delimiter =
        imprint_document_text(imprint_document_item(argument, 0));
    struct imprint_memory_text made = {.bytes = NULL};
    const char **parts = NULL;
    size_t count = 0;
    size_t i;
    enum imprint_status status = imprint_function_list(
        run, imprint_document_item(argument, 1), &parts_place, &parts, &count);

    if (status != IMPRINT_OK)
        return status;
    for (i = 0; i < count && made.len <= IMPRINT_TEMPLATE_VALUE_MAX_LEN; i++) {
        if (i > 0)
            imprint_memory_put(&made, imprint_slice_text(delimiter));
        imprint_memory_put(&made, imprint_slice_text(parts[i]));
    }
    return keep_made(run, place, &made, out);
}

/* A number, or a text or function that is one. */
static enum imprint_status read_index(struct imprint_function_run *run,
                                      const struct imprint_document *node,
                                      const struct imprint_place *place,
                                      size_t *index)
{
    const char *text = "";
    char *number = NULL;
    enum imprint_status status = IMPRINT_OK;

    if (imprint_document_kind_of(node) == IMPRINT_DOCUMENT_NUMBER) {
        number = imprint_document_write(node);
        text = number ? number : "";
        status = number ? IMPRINT_OK : no_memory(run);
    } else {
        status = imprint_function_text(run, node, place, &text);
    }
    if (status == IMPRINT_OK && text[0] != '\0' &&
        strspn(text, "0123456789") == strlen(text) && strlen(text) < 9)
        *index = (size_t)strtoul(text, NULL, 10);
    else if (status == IMPRINT_OK && run->is_trial)
        *index = 0;
    else if (status == IMPRINT_OK)
        status = imprint_function_refuse(
            run, place, "\"%.64s\" is not the index of an item", text);
    free(number);
    return status;
}

static enum imprint_status select_item(struct imprint_function_run *run,
                                       const struct imprint_document *argument,
                                       const struct imprint_place *place,
                                       const char **out)
{
    const struct imprint_place index_place = imprint_place_item(place, 0);
    const struct imprint_place list_place = imprint_place_item(place, 1);
    const char **items = NULL;
    size_t count = 0;
    size_t index = 0;
    enum imprint_status status = read_index(
        run, imprint_document_item(argument, 0), &index_place, &index);

    if (status == IMPRINT_OK)
        status = imprint_function_list(run, imprint_document_item(argument, 1),
                                       &list_place, &items, &count);
    if (status != IMPRINT_OK)
        return status;
    if (index >= count && !run->is_trial)
        return imprint_function_refuse(
            run, place, "there is no item %zu in a list of %zu", index, count);
    if (index >= count)
        *out = count > 0 ? items[0] : STAND_IN;
    else
        *out = items[index];
    return IMPRINT_OK;
}

/* One step down a map. */
static enum imprint_status find_key(struct imprint_function_run *run,
                                    const struct imprint_document *key,
                                    const struct imprint_place *place,
                                    const struct imprint_document **map)
{
    const struct imprint_document *found;
    const char *name = NULL;
    void *cursor = NULL;
    enum imprint_status status = imprint_function_text(run, key, place, &name);

    if (status != IMPRINT_OK)
        return status;
    found = imprint_document_member(*map, name);
    if (!found && run->is_trial)
        (void)imprint_document_next(*map, &cursor, &found);
    if (!found && !run->is_trial)
        return imprint_function_refuse(run, place,
                                       "\"%.200s\" is not in the map", name);
    *map = found;
    return IMPRINT_OK;
}

static enum imprint_status find_in_map(struct imprint_function_run *run,
                                       const struct imprint_document *argument,
                                       const struct imprint_place *place,
                                       const char **out)
{
    const struct imprint_document *map = run->scope.mappings;
    enum imprint_status status = IMPRINT_OK;
    size_t i;

    for (i = 0; i < 3 && status == IMPRINT_OK; i++) {
        const struct imprint_place key_place = imprint_place_item(place, i);

        status =
            find_key(run, imprint_document_item(argument, i), &key_place, &map);
    }
    if (status != IMPRINT_OK)
        return status;
    *out = imprint_document_text(map);
    if (!*out)
        *out = STAND_IN; /* of a trial: such a map is an error by itself */
    return IMPRINT_OK;
}

bool imprint_function_next_piece(const char **at,
                                 struct imprint_function_piece *out)
{
    const char *start = *at;
    const char *open = strstr(start, "${");
    const char *close;

    *out = (struct imprint_function_piece){.literal = {NULL, 0}};
    if (start[0] == '\0')
        return false;
    if (!open) {
        out->literal = imprint_slice_text(start);
        *at = start + out->literal.len;
        return true;
    }
    if (open[2] == '!') { /* "${!a}" is "${a}" */
        out->literal = imprint_slice_of(start, (size_t)(open + 2 - start));
        *at = open + 3;
        return true;
    }
    close = strchr(open, '}');
    *at = close ? close + 1 : NULL;
    if (!close)
        return false;
    out->literal = imprint_slice_of(start, (size_t)(open - start));
    out->variable = imprint_slice_of(open + 2, (size_t)(close - open - 2));
    return true;
}

/* A variable of Fn::Sub's own map, or a parameter. */
static enum imprint_status put_variable(struct imprint_function_run *run,
                                        const struct imprint_document *own,
                                        struct imprint_slice variable,
                                        const struct imprint_place *place,
                                        struct imprint_memory_text *made)
{
    const char *name = imprint_memory_copy(run->memory, variable);
    const struct imprint_document *node;
    const char *value = NULL;
    enum imprint_status status;

    if (!name)
        return no_memory(run);
    node = imprint_document_member(own, name);
    if (node) {
        const struct imprint_place map_place = imprint_place_item(place, 1);
        const struct imprint_place own_place =
            imprint_place_member(&map_place, name);

        status = imprint_function_text(run, node, &own_place, &value);
    } else {
        status = imprint_function_ref(run, name, place, &value);
    }
    if (status == IMPRINT_OK)
        imprint_memory_put(made, imprint_slice_text(value));
    return status;
}

static enum imprint_status substitute(struct imprint_function_run *run,
                                      const struct imprint_document *argument,
                                      const struct imprint_place *place,
                                      const char **out)
{
    const struct imprint_document *own = imprint_document_item(argument, 1);
    const char *at = imprint_document_text(argument);
    struct imprint_memory_text made = {.bytes = NULL};
    struct imprint_function_piece piece;
    enum imprint_status status = IMPRINT_OK;

    if (!at)
        at = imprint_document_text(imprint_document_item(argument, 0));
    while (status == IMPRINT_OK && made.len <= IMPRINT_TEMPLATE_VALUE_MAX_LEN &&
           imprint_function_next_piece(&at, &piece)) {
        imprint_memory_put(&made, piece.literal);
        if (piece.variable.bytes)
            status = put_variable(run, own, piece.variable, place, &made);
    }
    if (status == IMPRINT_OK)
        return keep_made(run, place, &made, out);
    free(made.bytes);
    return status;
}

enum imprint_status imprint_function_text(struct imprint_function_run *run,
                                          const struct imprint_document *node,
                                          const struct imprint_place *place,
                                          const char **out)
{
    static const struct {
        const char *name;
        enum imprint_status (*evaluate)(struct imprint_function_run *,
                                        const struct imprint_document *,
                                        const struct imprint_place *,
                                        const char **);
    } functions[] = {
        {"Fn::Join", join},
        {"Fn::Select", select_item},
        {"Fn::FindInMap", find_in_map},
        {"Fn::Sub", substitute},
    };
    const char *text = imprint_document_text(node);
    size_t i;

    if (text) {
        *out = text;
        return IMPRINT_OK;
    }
    text = imprint_document_text(imprint_document_member(node, "Ref"));
    if (text)
        return imprint_function_ref(run, text, place, out);
    for (i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        const struct imprint_document *argument =
            imprint_document_member(node, functions[i].name);

        if (argument) {
            const struct imprint_place own =
                imprint_place_member(place, functions[i].name);

            return functions[i].evaluate(run, argument, &own, out);
        }
    }
    return imprint_function_refuse(run, place, "is neither text nor function");
}

/* ---- lists ---- */

/* Room for count texts, all NULL. */
static enum imprint_status make_list(struct imprint_function_run *run,
                                     const struct imprint_place *place,
                                     size_t count, const char ***out)
{
    size_t len = (count + 1) * sizeof(**out);
    enum imprint_status status = count_made(run, place, len);

    if (status != IMPRINT_OK)
        return status;
    *out = imprint_memory_take(run->memory, len);
    return *out ? IMPRINT_OK : no_memory(run);
}

static enum imprint_status split(struct imprint_function_run *run,
                                 const struct imprint_document *argument,
                                 const struct imprint_place *place,
                                 const char ***out, size_t *count)
{
    const struct imprint_place text_place = imprint_place_item(place, 1);
    const char *delimiter =
        imprint_document_text(imprint_document_item(argument, 0));
    const char **list = NULL;
    const char *text = "";
    const char *at;
    size_t i;
    enum imprint_status status = imprint_function_text(
        run, imprint_document_item(argument, 1), &text_place, &text);

    if (status != IMPRINT_OK)
        return status;
    *count = 1;
    for (at = text; (at = strstr(at, delimiter)); at += strlen(delimiter))
        ++*count;
    status = make_list(run, place, *count, &list);
    at = text;
    for (i = 0; i < *count && status == IMPRINT_OK; i++) {
        const char *end = strstr(at, delimiter);
        size_t len = end ? (size_t)(end - at) : strlen(at);

        status = keep(run, place, imprint_slice_of(at, len), &list[i]);
        at = end ? end + strlen(delimiter) : at;
    }
    *out = list;
    return status;
}

enum imprint_status imprint_function_list(struct imprint_function_run *run,
                                          const struct imprint_document *node,
                                          const struct imprint_place *place,
                                          const char ***out, size_t *count)
{
    static const char name[] = "Fn::Split";
    enum imprint_status status;
    size_t i;

    if (imprint_function_gives_list(node)) {
        const struct imprint_place own = imprint_place_member(place, name);

        return split(run, imprint_document_member(node, name), &own, out,
                     count);
    }
    *count = imprint_document_count(node);
    status = make_list(run, place, *count, out);
    for (i = 0; i < *count && status == IMPRINT_OK; i++) {
        const struct imprint_place item_place = imprint_place_item(place, i);

        status = imprint_function_text(run, imprint_document_item(node, i),
                                       &item_place, &(*out)[i]);
    }
    return status;
}
