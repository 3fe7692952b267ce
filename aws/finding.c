#include "finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/why.h"

/* A new finding at place, or NULL. */
static struct imprint_finding *add(struct imprint_findings *findings,
                                   const struct imprint_place *place)
{
    struct imprint_finding *items;
    struct imprint_finding *item;

    if (findings->count == IMPRINT_FINDING_MAX_COUNT)
        return NULL;
    items = realloc(findings->items, (findings->count + 1) * sizeof(*items));
    if (!items)
        return NULL;
    findings->items = items;
    item = &items[findings->count++];
    *item = (struct imprint_finding){.is_warning = false};
    imprint_place_name(place, item->place);
    if (findings->source.len > 0)
        item->point = imprint_place_find(place, findings->source);
    return item;
}

void imprint_finding_error(struct imprint_findings *findings,
                           const struct imprint_place *place,
                           const char *format, ...)
{
    struct imprint_finding *item;
    va_list arguments;

    if (!findings)
        return;
    findings->error_count++;
    item = add(findings, place);
    if (!item)
        return;
    va_start(arguments, format);
    (void)vsnprintf(item->text, sizeof(item->text), format, arguments);
    va_end(arguments);
}

void imprint_finding_warn(struct imprint_findings *findings,
                          const struct imprint_place *place, const char *format,
                          ...)
{
    struct imprint_finding *item = findings ? add(findings, place) : NULL;
    va_list arguments;

    if (!item)
        return;
    item->is_warning = true;
    va_start(arguments, format);
    (void)vsnprintf(item->text, sizeof(item->text), format, arguments);
    va_end(arguments);
}

void imprint_finding_hint(struct imprint_findings *findings, const char *format,
                          ...)
{
    struct imprint_finding *item;
    va_list arguments;

    if (!findings || findings->count == 0)
        return;
    item = &findings->items[findings->count - 1];
    va_start(arguments, format);
    (void)vsnprintf(item->hint, sizeof(item->hint), format, arguments);
    va_end(arguments);
}

/* The error that comes first in the text; NULL: it could not be kept. */
static const struct imprint_finding *first_error(
    const struct imprint_findings *findings)
{
    const struct imprint_finding *first = NULL;
    size_t i;

    for (i = 0; i < findings->count; i++) {
        const struct imprint_finding *item = &findings->items[i];

        if (!item->is_warning &&
            (!first || item->point.line < first->point.line ||
             (item->point.line == first->point.line &&
              item->point.column < first->point.column)))
            first = item;
    }
    return first;
}

enum imprint_status imprint_finding_status(
    const struct imprint_findings *findings, struct imprint_why *why)
{
    const struct imprint_finding *error = first_error(findings);
    char where[64] = "";

    if (findings->error_count == 0)
        return IMPRINT_OK;
    if (!error)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (error->point.line > 0)
        (void)snprintf(where, sizeof(where),
                       "line %zu, column %zu: ", error->point.line,
                       error->point.column);
    (void)imprint_why_set(why, IMPRINT_ERR_FORMAT, "%s%s%s%s", where,
                          error->place, error->place[0] ? ": " : "",
                          error->text);
    if (error->hint[0])
        imprint_why_hint(why, "%s", error->hint);
    return IMPRINT_ERR_FORMAT;
}

/* "line 3, column 9: ...": what is behind it; else text itself. */
static const char *take_point(const char *text, struct imprint_place_point *out)
{
    static const char line[] = "line ";
    static const char column[] = ", column ";
    char *end;

    if (strncmp(text, line, sizeof(line) - 1) != 0)
        return text;
    out->line = strtoul(text + sizeof(line) - 1, &end, 10);
    if (strncmp(end, column, sizeof(column) - 1) != 0)
        return text;
    out->column = strtoul(end + sizeof(column) - 1, &end, 10);
    return end[0] == ':' && end[1] == ' ' ? end + 2 : text;
}

void imprint_finding_no_json(struct imprint_findings *findings,
                             const struct imprint_why *why)
{
    struct imprint_place_point point = {0, 0};
    const char *text = take_point(why->text, &point);

    imprint_finding_error(findings, NULL, "no JSON: %s", text);
    if (findings && findings->count > 0)
        findings->items[findings->count - 1].point = point;
}

static int compare(const void *a, const void *b)
{
    const struct imprint_finding *left = a;
    const struct imprint_finding *right = b;

    if (left->point.line != right->point.line)
        return left->point.line < right->point.line ? -1 : 1;
    if (left->point.column != right->point.column)
        return left->point.column < right->point.column ? -1 : 1;
    return strcmp(left->text, right->text);
}

void imprint_finding_sort(struct imprint_findings *findings)
{
    if (findings->count > 0)
        qsort(findings->items, findings->count, sizeof(*findings->items),
              compare);
}

void imprint_finding_free(struct imprint_findings *findings)
{
    free(findings->items);
    findings->items = NULL;
    findings->count = 0;
    findings->error_count = 0;
}
