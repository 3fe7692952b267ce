#include "finding_show.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/memory.h"
#include "cli.h"

static void put(struct imprint_memory_text *out, const char *text)
{
    imprint_memory_put(out, imprint_slice_text(text));
}

static void quote(struct imprint_memory_text *out, const char *text)
{
    imprint_memory_put_quoted(out, imprint_slice_text(text));
}

static void put_json(struct imprint_memory_text *out,
                     const struct imprint_finding *item)
{
    char start[96];

    (void)snprintf(start, sizeof(start),
                   "{\"line\":%zu,\"column\":%zu,\"severity\":\"%s\","
                   "\"place\":",
                   item->point.line, item->point.column,
                   item->is_warning ? "warning" : "error");
    put(out, start);
    quote(out, item->place);
    put(out, ",\"text\":");
    quote(out, item->text);
    put(out, ",\"hint\":");
    if (item->hint[0])
        quote(out, item->hint);
    else
        put(out, "null");
    put(out, "}");
}

static void put_text(struct imprint_memory_text *out, const char *path,
                     struct imprint_finding *item)
{
    char point[64];

    imprint_cli_hide_controls(item->place);
    imprint_cli_hide_controls(item->text);
    imprint_cli_hide_controls(item->hint);
    (void)snprintf(point, sizeof(point), ":%zu:%zu: %s: ", item->point.line,
                   item->point.column, item->is_warning ? "warning" : "error");
    put(out, path);
    put(out, point);
    put(out, item->place);
    put(out, item->place[0] ? ": " : "");
    put(out, item->text);
    put(out, "\n");
    if (!item->hint[0])
        return;
    put(out, "  hint: ");
    put(out, item->hint);
    put(out, "\n");
}

/* All of it, or nothing: no memory. */
static bool print(const char *path, struct imprint_findings *findings,
                  bool json)
{
    struct imprint_memory_text out = {.bytes = NULL};
    char end[48];
    bool is_whole;

    put(&out, json ? "{\"findings\":[" : "");
    for (size_t i = 0; i < findings->count; i++) {
        put(&out, json && i > 0 ? "," : "");
        if (json)
            put_json(&out, &findings->items[i]);
        else
            put_text(&out, path, &findings->items[i]);
    }
    (void)snprintf(end, sizeof(end), "],\"errors\":%zu}\n",
                   findings->error_count);
    put(&out, json ? end : "");
    is_whole = !out.has_failed;
    if (is_whole && out.bytes)
        (void)fputs(out.bytes, stdout);
    free(out.bytes);
    return is_whole;
}

int imprint_finding_show(const char *path, struct imprint_findings *findings,
                         bool json)
{
    static const struct imprint_why no_memory = {"out of memory", ""};
    size_t error_count = findings->error_count;
    bool is_shown;

    imprint_finding_sort(findings);
    is_shown = print(path, findings, json);
    imprint_finding_free(findings);
    if (!is_shown)
        return imprint_cli_fail(IMPRINT_ERR_INTERNAL, &no_memory);
    return error_count > 0 ? IMPRINT_CLI_USAGE : IMPRINT_CLI_DONE;
}
