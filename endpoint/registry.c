#include "registry.h"

#include <stdlib.h>

#include "posix/why.h"
#include "sql_driver.h"
#include "where.h"

/* ---- open, close ---- */

static void see_last_change(struct imprint_registry *registry)
{
    struct imprint_sql *statement =
        imprint_sql_ready(registry, SQL_LAST_CHANGE);
    enum imprint_status status = imprint_sql_step(statement);

    if (status == IMPRINT_OK)
        registry->seen_change = imprint_sql_number(statement, 0);
    (void)imprint_sql_end(statement, status);
}

enum imprint_status imprint_registry_open(const char *dir,
                                          enum imprint_registry_use use,
                                          struct imprint_registry **out,
                                          struct imprint_why *why)
{
    struct imprint_registry *registry;
    char *url;
    enum imprint_status status = imprint_where_find(dir, &url, why);

    if (status != IMPRINT_OK)
        return status;
    registry = calloc(1, sizeof(*registry));
    if (!registry) {
        free(url);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    }
    registry->none.registry = registry;
    status = url ? imprint_registry_postgres_open(registry, url, use, why)
                 : imprint_registry_sqlite_open(registry, dir, use, why);
    free(url);
    if (status != IMPRINT_OK) {
        imprint_registry_close(registry);
        return status;
    }
    see_last_change(registry);
    *out = registry;
    return IMPRINT_OK;
}

void imprint_registry_close(struct imprint_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < SQL_COUNT; i++)
        registry->driver->free(&registry->statements[i]);
    while (registry->others) {
        struct imprint_sql_other *other = registry->others;

        registry->others = other->next;
        registry->driver->free(&other->statement);
        free(other);
    }
    registry->driver->close(registry);
    free(registry);
}

const char *imprint_registry_problem(const struct imprint_registry *registry)
{
    return registry->problem;
}

/* ---- transactions ---- */

static enum imprint_status run(struct imprint_registry *registry,
                               enum imprint_sql_name which)
{
    return imprint_sql_run(imprint_sql_ready(registry, which));
}

enum imprint_status imprint_registry_begin(struct imprint_registry *registry)
{
    return run(registry, SQL_BEGIN);
}

enum imprint_status imprint_registry_commit(struct imprint_registry *registry)
{
    return run(registry, SQL_COMMIT);
}

void imprint_registry_undo(struct imprint_registry *registry)
{
    if (registry->driver->is_open(registry))
        (void)run(registry, SQL_ROLLBACK);
}

enum imprint_status imprint_registry_lock(struct imprint_registry *registry,
                                          const char *what)
{
    struct imprint_sql *statement;

    if (!registry->driver->lock)
        return IMPRINT_OK;
    statement = imprint_sql_ready_text(registry, registry->driver->lock);
    imprint_sql_bind_text(statement, 1, what);
    return imprint_sql_ask(statement);
}

enum imprint_status imprint_registry_mark(struct imprint_registry *registry)
{
    return run(registry, SQL_MARK);
}

enum imprint_status imprint_registry_unmark(struct imprint_registry *registry,
                                            bool keep)
{
    enum imprint_status status = keep ? IMPRINT_OK : run(registry, SQL_BACK);

    return status == IMPRINT_OK ? run(registry, SQL_KEEP) : status;
}
