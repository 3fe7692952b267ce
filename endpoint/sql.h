/*
 * Statements, and the small calls that carry them out: private to those who
 * put and find rows (registry_rows.c, catalog.c, views.c and the like). What is
 * behind it is one database of several (sql_driver.h).
 *
 * A statement's way: ready, bind, then run; or step while it is OK, look at
 * the row's columns, and end. One statement can't be used inside itself. What
 * it says is SQL that SQLite and PostgreSQL both take: parameters are ?1 to
 * ?16, and one whose type nothing else tells is a CAST (?1 AS TEXT).
 */
#ifndef IMPRINT_ENDPOINT_SQL_H
#define IMPRINT_ENDPOINT_SQL_H

#include "registry.h"
#include "sql_name.h"

struct imprint_sql; /* one statement of one registry */

/* Ready to be bound. If it can't be prepared, step says why. */
struct imprint_sql *imprint_sql_ready(struct imprint_registry *registry,
                                      enum imprint_sql_name which);

/* The same for a statement that stands where it is used: text is a literal. */
struct imprint_sql *imprint_sql_ready_text(struct imprint_registry *registry,
                                           const char *text);

/* By index, from 1. What is bound is borrowed until run or end. */
void imprint_sql_bind_text(struct imprint_sql *statement, int index,
                           const char *text);
void imprint_sql_bind_number(struct imprint_sql *statement, int index,
                             int64_t number);
void imprint_sql_bind_bytes(struct imprint_sql *statement, int index,
                            struct imprint_slice bytes);

/* OK: a row. ERR_NOT_FOUND: no more rows. */
enum imprint_status imprint_sql_step(struct imprint_sql *statement);
/* By column, from 0; good until the next step. NULL text for NULL. */
const char *imprint_sql_text(const struct imprint_sql *statement, int column);
int64_t imprint_sql_number(const struct imprint_sql *statement, int column);
struct imprint_slice imprint_sql_bytes(const struct imprint_sql *statement,
                                       int column);
/* status is the last step's; no more rows are fine. */
enum imprint_status imprint_sql_end(struct imprint_sql *statement,
                                    enum imprint_status status);

/* One without rows; ends it. Rows that were changed are counted in changes. */
enum imprint_status imprint_sql_run(struct imprint_sql *statement);
/* One that has to change a row: else ERR_NOT_FOUND. */
enum imprint_status imprint_sql_run_one(struct imprint_sql *statement);
/* One that is to have a row, and ends it: ERR_NOT_FOUND if it has none. */
enum imprint_status imprint_sql_ask(struct imprint_sql *statement);
/* The same, for its first column: *text is to be freed; may be NULL. */
enum imprint_status imprint_sql_ask_text(struct imprint_sql *statement,
                                         char **text);
size_t imprint_sql_changes(const struct imprint_registry *registry);

#endif
