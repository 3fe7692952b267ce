#include "registry_rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_LEN 128

struct imprint_registry *rig_open(const struct rig *rig,
                                  enum imprint_registry_use use)
{
    struct imprint_registry *registry = NULL;
    struct imprint_why why = {"", ""};

    if (imprint_registry_open(rig->dir, use, &registry, &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
    return registry;
}

int rig_set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    (void)snprintf(rig->dir, sizeof(rig->dir), "/tmp/imprint-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->registry = rig_open(rig, IMPRINT_REGISTRY_WRITE);
    rig->reader = rig_open(rig, IMPRINT_REGISTRY_READ);
    *state = rig;
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *rig = *state;
    char command[128];

    imprint_registry_close(rig->registry);
    imprint_registry_close(rig->reader);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", rig->dir);
    free(rig);
    return system(command);
}

void rig_ok(enum imprint_status status)
{
    assert_int_equal(status, IMPRINT_OK);
}

void rig_put(struct imprint_registry *registry, const char *id,
             enum imprint_registry_state state)
{
    const struct imprint_registry_certificate certificate = {
        .id = id,
        .pem = "pem",
        .maker = "maker",
        .state = state,
        .created = 1,
        .not_after = 2,
    };

    rig_ok(imprint_registry_put_certificate(registry, &certificate));
}

/* ---- SQL ---- */

struct text {
    char *bytes;
    size_t len;
};

static void append(struct text *text, const char *more, char end)
{
    size_t len = strlen(more);

    text->bytes = realloc(text->bytes, text->len + len + 2);
    assert_non_null(text->bytes);
    memcpy(text->bytes + text->len, more, len);
    text->bytes[text->len + len] = end;
    text->bytes[text->len + len + 1] = '\0';
    text->len += len + 1;
}

static int take_row(void *user, int count, char **values, char **names)
{
    int i;

    (void)names;
    for (i = 0; i < count; i++)
        append(user, values[i] ? values[i] : "NULL",
               i + 1 < count ? '|' : '\n');
    return 0;
}

static char *execute(const struct rig *rig, const char *sql)
{
    struct text text = {calloc(1, 1), 0};
    sqlite3 *database = NULL;
    char path[PATH_LEN];
    char *problem = NULL;

    assert_non_null(text.bytes);
    (void)snprintf(path, sizeof(path), "%s/registry.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    (void)sqlite3_busy_timeout(database, 5000);
    if (sqlite3_exec(database, sql, take_row, &text, &problem) != SQLITE_OK)
        fail_msg("%s: %s", sql, problem);
    (void)sqlite3_close(database);
    return text.bytes;
}

void rig_run(const struct rig *rig, const char *sql)
{
    free(execute(rig, sql));
}

char *rig_ask(const struct rig *rig, const char *sql)
{
    return execute(rig, sql);
}

char *rig_dump(const struct rig *rig)
{
    struct text text = {calloc(1, 1), 0};
    char *names =
        rig_ask(rig, "SELECT name FROM sqlite_master WHERE type = 'table' "
                     "AND name NOT LIKE 'sqlite_%' AND name <> 'change' "
                     "ORDER BY name");
    char *rest = names;
    char *name;

    while ((name = strtok_r(rest, "\n", &rest))) {
        char sql[128];
        char *rows;

        (void)snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY 1", name);
        rows = rig_ask(rig, sql);
        append(&text, name, '\n');
        append(&text, rows, '\n');
        free(rows);
    }
    free(names);
    return text.bytes;
}

/* ---- what callbacks give ---- */

void rig_see(struct rig_seen *seen, const char *format, ...)
{
    size_t len = strlen(seen->all);
    va_list arguments;

    seen->count++;
    if (len > 0 && len + 1 < sizeof(seen->all))
        seen->all[len++] = ' ';
    va_start(arguments, format);
    (void)vsnprintf(seen->all + len, sizeof(seen->all) - len, format,
                    arguments);
    va_end(arguments);
}

void rig_see_name(void *seen, const char *name)
{
    rig_see(seen, "%s", name ? name : "*");
}

void rig_see_document(void *seen, const char *name, const char *document)
{
    rig_see(seen, "%s=%s", name, document);
}

struct rig_seen rig_changes(const struct rig *rig)
{
    struct rig_seen seen = {.count = 0};

    rig_ok(imprint_registry_each_change(rig->reader, rig_see_name, &seen));
    return seen;
}
