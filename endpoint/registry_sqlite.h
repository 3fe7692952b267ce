/*
 * Private to those who put and find rows (registry_rows.c, catalog.c,
 * report.c): named statements, and the small calls that carry them out. What
 * is behind it (registry_sqlite.c, registry_statements.c) is one database.
 *
 * A statement's way: ready, bind, then run; or step while it is OK, look at
 * the row's columns, and end. One statement can't be used inside itself.
 */
#ifndef IMPRINT_ENDPOINT_REGISTRY_SQLITE_H
#define IMPRINT_ENDPOINT_REGISTRY_SQLITE_H

#include "registry.h"

enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_MARK,
    SQL_KEEP,
    SQL_BACK,
    SQL_PUT_CERTIFICATE,
    SQL_ALL_CERTIFICATES,
    SQL_ONE_CERTIFICATE,
    SQL_SET_STATE,
    SQL_SET_CONNECTED,
    SQL_DROP_CERTIFICATE,
    SQL_PUT_TOKEN,
    SQL_FIND_TOKEN,
    SQL_USE_TOKEN,
    SQL_ANY_EXPIRED,
    SQL_DROP_UNCLAIMED,
    SQL_DROP_TOKENS,
    SQL_DROP_TEMPORARY,
    SQL_PUT_KEY,
    SQL_TAKE_KEY,
    SQL_KEYS,
    SQL_PUT_SETTING,
    SQL_DROP_SETTING,
    SQL_FIND_SETTING,
    SQL_SETTINGS,
    SQL_VERSION,
    SQL_CHANGES,
    SQL_LAST_CHANGE,
    /* catalog.c */
    SQL_PUT_THING,
    SQL_FIND_THING,
    SQL_PUT_MEMBER,
    SQL_DROP_MEMBERS,
    SQL_GROUPS,
    SQL_OTHER_THING,
    SQL_ATTACH_THING,
    SQL_THINGS,
    SQL_PUT_TYPE, /* these in the order of enum imprint_catalog_kind */
    SQL_PUT_GROUP,
    SQL_PUT_BILLING_GROUP,
    SQL_FIND_TYPE,
    SQL_FIND_GROUP,
    SQL_FIND_BILLING_GROUP,
    SQL_TYPES,
    SQL_ALL_GROUPS,
    SQL_BILLING_GROUPS,
    SQL_PUT_POLICY,
    SQL_FIND_POLICY,
    SQL_POLICIES,
    SQL_DROP_POLICY,
    SQL_DROP_THING,
    SQL_ATTACH,
    SQL_FIND_ATTACHMENT,
    SQL_DETACH,
    SQL_ATTACH_GROUP,
    SQL_DETACH_GROUP,
    SQL_CERTIFICATE_POLICIES,
    SQL_THING_POLICIES,
    SQL_PUT_TEMPLATE,
    SQL_ALL_TEMPLATES,
    SQL_ONE_TEMPLATE,
    SQL_DROP_TEMPLATE,
    /* report.c, in the order of enum imprint_report_kind */
    SQL_REPORT_PENDING,
    SQL_REPORT_BARE_THINGS,
    SQL_REPORT_NEVER_SEEN,
    SQL_REPORT_SECONDS,
    SQL_COUNT
};

/* registry_statements.c */
const char *imprint_registry_statements_text(enum sql which);

struct sqlite3;
struct sqlite3_stmt;

struct imprint_registry_statement {
    struct imprint_registry *registry;
    struct sqlite3_stmt *prepared; /* NULL: not yet, or it can't be */
};

struct imprint_registry {
    struct sqlite3 *database;
    struct imprint_registry_statement statements[SQL_COUNT];
    int64_t seen_version;
    int64_t seen_change;
    char problem[256];
};

/* Ready to be bound. If it can't be prepared, step says why. */
struct imprint_registry_statement *imprint_registry_sqlite_ready(
    struct imprint_registry *registry, enum sql which);

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
