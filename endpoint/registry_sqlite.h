/*
 * Private to those who put and find rows (registry_rows.c, catalog.c, views.c
 * and the like): statements, and the small calls that carry them out. What is
 * behind it (registry_sqlite.c, registry_statements.c) is one database. What
 * devices wait for has named statements.
 *
 * A statement's way: ready, bind, then run; or step while it is OK, look at
 * the row's columns, and end. One statement can't be used inside itself.
 */
#ifndef IMPRINT_ENDPOINT_REGISTRY_SQLITE_H
#define IMPRINT_ENDPOINT_REGISTRY_SQLITE_H

#include "registry.h"
#include "registry_statements.h"

struct sqlite3;
struct sqlite3_stmt;

struct imprint_registry_statement {
    struct imprint_registry *registry;
    struct sqlite3_stmt *prepared; /* NULL: not yet, or it can't be */
};

struct imprint_registry {
    struct sqlite3 *database;
    struct imprint_registry_statement statements[SQL_COUNT];
    struct imprint_registry_other *others;  /* those without a name */
    struct imprint_registry_statement none; /* when there is no memory */
    int64_t seen_version;
    int64_t seen_change;
    char problem[256];
};

/* Ready to be bound. If it can't be prepared, step says why. */
struct imprint_registry_statement *imprint_registry_sqlite_ready(
    struct imprint_registry *registry, enum sql which);

/* The same for a statement that stands where it is used: text is a literal. */
struct imprint_registry_statement *imprint_registry_sqlite_ready_text(
    struct imprint_registry *registry, const char *text);

/* By index, from 1. What is bound is borrowed until run or end. */
void imprint_registry_sqlite_bind_text(
    struct imprint_registry_statement *statement, int index, const char *text);
void imprint_registry_sqlite_bind_number(
    struct imprint_registry_statement *statement, int index, int64_t number);
void imprint_registry_sqlite_bind_bytes(
    struct imprint_registry_statement *statement, int index,
    struct imprint_slice bytes);

/* OK: a row. ERR_NOT_FOUND: no more rows. */
enum imprint_status imprint_registry_sqlite_step(
    struct imprint_registry_statement *statement);
/* By column, from 0; good until the next step. NULL text for NULL. */
const char *imprint_registry_sqlite_text(
    const struct imprint_registry_statement *statement, int column);
int64_t imprint_registry_sqlite_number(
    const struct imprint_registry_statement *statement, int column);
struct imprint_slice imprint_registry_sqlite_bytes(
    const struct imprint_registry_statement *statement, int column);
/* status is the last step's; no more rows are fine. */
enum imprint_status imprint_registry_sqlite_end(
    struct imprint_registry_statement *statement, enum imprint_status status);

/* One without rows; ends it. Rows that were changed are counted in changes. */
enum imprint_status imprint_registry_sqlite_run(
    struct imprint_registry_statement *statement);
/* One that has to change a row: else ERR_NOT_FOUND. */
enum imprint_status imprint_registry_sqlite_run_one(
    struct imprint_registry_statement *statement);
/* One that is to have a row, and ends it: ERR_NOT_FOUND if it has none. */
enum imprint_status imprint_registry_sqlite_ask(
    struct imprint_registry_statement *statement);
/* The same, for its first column: *text is to be freed; may be NULL. */
enum imprint_status imprint_registry_sqlite_ask_text(
    struct imprint_registry_statement *statement, char **text);
size_t imprint_registry_sqlite_changes(const struct imprint_registry *registry);

#endif
