#include "registry_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry_place.h"

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
    registry_place_set(rig->dir);
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

void rig_run(const struct rig *rig, const char *sql)
{
    free(registry_place_ask(rig->dir, sql));
}

char *rig_ask(const struct rig *rig, const char *sql)
{
    return registry_place_ask(rig->dir, sql);
}

char *rig_dump(const struct rig *rig)
{
    const char *all = registry_place_is_postgres()
                          ? "SELECT tablename FROM pg_tables WHERE schemaname "
                            "= current_schema() AND tablename <> 'change' "
                            "ORDER BY 1"
                          : "SELECT name FROM sqlite_master WHERE type = "
                            "'table' AND name NOT LIKE 'sqlite_%' AND name <> "
                            "'change' ORDER BY name";
    char *names = rig_ask(rig, all);
    char *rest = names;
    char *sql = calloc(1, 1);
    char *dump;
    char *name;

    while ((name = strtok_r(rest, "\n", &rest))) {
        char *longer = NULL;

        assert_true(asprintf(&longer,
                             "%sSELECT '%s'; SELECT * FROM %s "
                             "ORDER BY 1; ",
                             sql, name, name) >= 0);
        free(sql);
        sql = longer;
    }
    dump = rig_ask(rig, sql);
    free(sql);
    free(names);
    return dump;
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

/* PostgreSQL sends its notices with an answer, if not before. */
void rig_settle(const struct rig *rig)
{
    char *value = NULL;

    (void)imprint_registry_find_setting(rig->reader, "none", &value);
}

struct rig_seen rig_changes(const struct rig *rig)
{
    struct rig_seen seen = {.count = 0};

    rig_settle(rig);
    rig_ok(imprint_registry_each_change(rig->reader, rig_see_name, &seen));
    return seen;
}
