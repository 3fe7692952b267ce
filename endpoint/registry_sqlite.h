/*
 * Private to registry_sqlite.c, which opens a registry and carries out its
 * statements, and registry_rows.c, which puts and finds rows by them.
 */
#ifndef IMPRINT_ENDPOINT_REGISTRY_SQLITE_H
#define IMPRINT_ENDPOINT_REGISTRY_SQLITE_H

#include "registry.h"

struct sqlite3;
struct sqlite3_stmt;

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
    SQL_ATTACH,
    SQL_POLICIES,
    SQL_PUT_TOKEN,
    SQL_FIND_TOKEN,
    SQL_USE_TOKEN,
    SQL_ANY_EXPIRED,
    SQL_DROP_UNCLAIMED,
    SQL_DROP_TOKENS,
    SQL_PUT_POLICY,
    SQL_FIND_POLICY,
    SQL_PUT_TEMPLATE,
    SQL_FIND_TEMPLATE,
    SQL_PUT_THING,
    SQL_FIND_THING,
    SQL_PUT_KEY,
    SQL_TAKE_KEY,
    SQL_KEYS,
    SQL_PUT_SETTING,
    SQL_SETTING,
    SQL_VERSION,
    SQL_CHANGES,
    SQL_LAST_CHANGE,
    SQL_COUNT
};

struct imprint_registry {
    struct sqlite3 *database;
    struct sqlite3_stmt *prepared[SQL_COUNT];
    int64_t seen_version;
    int64_t seen_change;
    char problem[256];
};

/* Ready to be bound. NULL: step says why. */
struct sqlite3_stmt *imprint_registry_sqlite_ready(
    struct imprint_registry *registry, enum sql which);

/* OK: a row. ERR_NOT_FOUND: no more rows. Finish after anything but OK. */
enum imprint_status imprint_registry_sqlite_step(
    struct imprint_registry *registry, struct sqlite3_stmt *statement);

/* What is bound borrows from the caller, so it must go before he returns. */
void imprint_registry_sqlite_finish(struct sqlite3_stmt *statement);

/* Carries out a statement without rows, and finishes it. */
enum imprint_status imprint_registry_sqlite_run(
    struct imprint_registry *registry, struct sqlite3_stmt *statement);

#endif
