#include <stdlib.h>
#include <string.h>

#include "sql_driver.h"

/* ---- ready ---- */

static struct imprint_sql *prepare(struct imprint_registry *registry,
                                   struct imprint_sql *statement,
                                   const char *text)
{
    statement->registry = registry;
    statement->text = text;
    registry->driver->prepare(statement);
    return statement;
}

struct imprint_sql *imprint_sql_ready(struct imprint_registry *registry,
                                      enum imprint_sql_name which)
{
    return prepare(registry, &registry->statements[which],
                   which == SQL_BEGIN ? registry->driver->begin
                                      : imprint_sql_name_text(which));
}

struct imprint_sql *imprint_sql_ready_text(struct imprint_registry *registry,
                                           const char *text)
{
    struct imprint_sql_other *other = registry->others;

    while (other && other->statement.text != text)
        other = other->next;
    if (!other) {
        other = calloc(1, sizeof(*other));
        if (!other)
            return &registry->none;
        other->next = registry->others;
        registry->others = other;
    }
    return prepare(registry, &other->statement, text);
}

/* ---- what the driver does ---- */

void imprint_sql_bind_text(struct imprint_sql *statement, int index,
                           const char *text)
{
    statement->registry->driver->bind_text(statement, index, text);
}

void imprint_sql_bind_number(struct imprint_sql *statement, int index,
                             int64_t number)
{
    statement->registry->driver->bind_number(statement, index, number);
}

void imprint_sql_bind_bytes(struct imprint_sql *statement, int index,
                            struct imprint_slice bytes)
{
    statement->registry->driver->bind_bytes(statement, index, bytes);
}

enum imprint_status imprint_sql_step(struct imprint_sql *statement)
{
    return statement->registry->driver->step(statement);
}

const char *imprint_sql_text(const struct imprint_sql *statement, int column)
{
    return statement->registry->driver->text(statement, column);
}

int64_t imprint_sql_number(const struct imprint_sql *statement, int column)
{
    return statement->registry->driver->number(statement, column);
}

struct imprint_slice imprint_sql_bytes(const struct imprint_sql *statement,
                                       int column)
{
    return statement->registry->driver->bytes(statement, column);
}

size_t imprint_sql_changes(const struct imprint_registry *registry)
{
    return registry->driver->changes(registry);
}

/* ---- run, ask ---- */

/* What is bound is the caller's and must go before he returns. */
static void finish(struct imprint_sql *statement)
{
    statement->registry->driver->reset(statement);
}

enum imprint_status imprint_sql_end(struct imprint_sql *statement,
                                    enum imprint_status status)
{
    finish(statement);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

enum imprint_status imprint_sql_run(struct imprint_sql *statement)
{
    return imprint_sql_end(statement, imprint_sql_step(statement));
}

enum imprint_status imprint_sql_run_one(struct imprint_sql *statement)
{
    enum imprint_status status = imprint_sql_run(statement);

    if (status == IMPRINT_OK && imprint_sql_changes(statement->registry) == 0)
        return IMPRINT_ERR_NOT_FOUND;
    return status;
}

enum imprint_status imprint_sql_ask(struct imprint_sql *statement)
{
    return imprint_sql_ask_text(statement, NULL);
}

enum imprint_status imprint_sql_ask_text(struct imprint_sql *statement,
                                         char **text)
{
    enum imprint_status status = imprint_sql_step(statement);
    char *copy;

    if (status == IMPRINT_OK && text) {
        copy = strdup(imprint_sql_text(statement, 0));
        if (copy)
            *text = copy;
        else
            status = IMPRINT_ERR_INTERNAL;
    }
    finish(statement);
    return status;
}
