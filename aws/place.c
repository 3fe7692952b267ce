#include "place.h"

#include <stdio.h>
#include <string.h>

#include "document.h"

#define LINK_MAX_COUNT 64 /* deeper places are found as their ancestor */

struct imprint_place imprint_place_member(const struct imprint_place *parent,
                                          const char *name)
{
    return (struct imprint_place){.parent = parent, .name = name};
}

struct imprint_place imprint_place_item(const struct imprint_place *parent,
                                        size_t index)
{
    return (struct imprint_place){.parent = parent, .index = index};
}

/* The chain from the root on; the count of its links. */
static size_t list_links(const struct imprint_place *place,
                         const struct imprint_place *links[LINK_MAX_COUNT])
{
    const struct imprint_place *link;
    size_t depth = 0;
    size_t at;

    for (link = place; link; link = link->parent)
        depth++;
    at = depth;
    for (link = place; link; link = link->parent) {
        if (--at < LINK_MAX_COUNT)
            links[at] = link;
    }
    return depth < LINK_MAX_COUNT ? depth : LINK_MAX_COUNT;
}

void imprint_place_name(const struct imprint_place *place,
                        char name[IMPRINT_PLACE_LEN])
{
    const struct imprint_place *links[LINK_MAX_COUNT];
    size_t count = list_links(place, links);
    size_t len = 0;
    size_t i;

    name[0] = '\0';
    for (i = 0; i < count && len < IMPRINT_PLACE_LEN; i++) {
        char *end = name + len;
        size_t room_len = IMPRINT_PLACE_LEN - len;
        int put_len = links[i]->name
                          ? snprintf(end, room_len, "%s%s", i > 0 ? "." : "",
                                     links[i]->name)
                          : snprintf(end, room_len, "[%zu]", links[i]->index);

        len += put_len > 0 ? (size_t)put_len : 0;
    }
}

/* ---- finding: over a text that is JSON for sure ---- */

struct scan {
    struct imprint_slice text;
    size_t at;
};

/* The next byte that is no white space, or NUL at the end. */
static uint8_t peek(struct scan *scan)
{
    while (scan->at < scan->text.len && scan->text.bytes[scan->at] != '\0' &&
           strchr(" \t\r\n", scan->text.bytes[scan->at]))
        scan->at++;
    return scan->at < scan->text.len ? scan->text.bytes[scan->at] : '\0';
}

static void skip_string(struct scan *scan)
{
    for (scan->at++; scan->at < scan->text.len; scan->at++) {
        uint8_t byte = scan->text.bytes[scan->at];

        if (byte == '\\') {
            scan->at++;
        } else if (byte == '"') {
            scan->at++;
            return;
        }
    }
}

/* Behind the value that begins here. */
static void skip_value(struct scan *scan)
{
    size_t depth = 0;

    for (;;) {
        uint8_t byte = peek(scan);

        if (byte == '\0' || (depth == 0 && strchr(",]}", byte)))
            return;
        if (byte == '"') {
            skip_string(scan);
        } else {
            depth += byte == '{' || byte == '[';
            depth -= byte == '}' || byte == ']';
            scan->at++;
        }
        if (depth == 0 && (byte == '"' || byte == '}' || byte == ']'))
            return;
    }
}

/* True if the quoted text between these two is name. */
static bool is_named(const struct scan *scan, size_t from, const char *name)
{
    struct imprint_slice quoted = {scan->text.bytes + from, scan->at - from};
    struct imprint_document *node = NULL;
    bool is_it;

    if (imprint_document_read(quoted, &node, NULL) != IMPRINT_OK)
        return false;
    is_it = imprint_document_text(node) &&
            strcmp(imprint_document_text(node), name) == 0;
    imprint_document_free(node);
    return is_it;
}

/* To the value of a member, whose name stands at *name_at. */
static bool enter_member(struct scan *scan, const char *name, size_t *name_at)
{
    if (peek(scan) != '{')
        return false;
    scan->at++;
    while (peek(scan) == '"') {
        bool is_it;

        *name_at = scan->at;
        skip_string(scan);
        is_it = is_named(scan, *name_at, name);
        if (peek(scan) == ':')
            scan->at++;
        (void)peek(scan);
        if (is_it)
            return true;
        skip_value(scan);
        if (peek(scan) == ',')
            scan->at++;
    }
    return false;
}

static bool enter_item(struct scan *scan, size_t index)
{
    if (peek(scan) != '[')
        return false;
    scan->at++;
    for (; peek(scan) != ']' && peek(scan) != '\0'; index--) {
        if (index == 0)
            return true;
        skip_value(scan);
        if (peek(scan) == ',')
            scan->at++;
    }
    return false;
}

static struct imprint_place_point point_at(struct imprint_slice text, size_t at)
{
    struct imprint_place_point point = {1, 1};
    size_t i;

    for (i = 0; i < at && i < text.len; i++) {
        if (text.bytes[i] == '\n') {
            point.line++;
            point.column = 1;
        } else if ((text.bytes[i] & 0xc0u) != 0x80u) {
            point.column++;
        }
    }
    return point;
}

struct imprint_place_point imprint_place_find(const struct imprint_place *place,
                                              struct imprint_slice text)
{
    const struct imprint_place *links[LINK_MAX_COUNT];
    size_t count = list_links(place, links);
    struct scan scan = {.text = text};
    size_t found_at;
    size_t i;

    (void)peek(&scan);
    found_at = scan.at;
    for (i = 0; i < count; i++) {
        size_t name_at = 0;

        if (links[i]->name ? !enter_member(&scan, links[i]->name, &name_at)
                           : !enter_item(&scan, links[i]->index))
            break;
        found_at = links[i]->name ? name_at : scan.at;
        if (links[i]->is_text)
            break;
    }
    return point_at(text, found_at);
}
