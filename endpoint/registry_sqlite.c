#include "registry_sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix/file.h"
#include "posix/why.h"

#define SCHEMA_NUMBER 3
#define PATH_LEN 4096
#define WRITE_WAIT_MS 5000
#define READ_WAIT_MS 200

/* schema/<name>.sql, turned into C by the build */
extern const char imprint_registry_schema_sqlite[];
extern const char imprint_registry_schema_sqlite_1_aside[];
extern const char imprint_registry_schema_sqlite_1_over[];
extern const char imprint_registry_schema_sqlite_2_aside[];
extern const char imprint_registry_schema_sqlite_2_over[];

const char *imprint_registry_problem(const struct imprint_registry *registry)
{
    return registry->problem;
}

/* ---- one statement ---- */

static enum imprint_status fail(struct imprint_registry *registry)
{
    int code = sqlite3_errcode(registry->database);

    (void)snprintf(registry->problem, sizeof(registry->problem), "registry: %s",
                   sqlite3_errmsg(registry->database));
    return code == SQLITE_BUSY || code == SQLITE_LOCKED ? IMPRINT_ERR_BUSY
                                                        : IMPRINT_ERR_STORAGE;
}

struct imprint_registry_other {
    const char *text;
    struct imprint_registry_statement statement;
    struct imprint_registry_other *next;
};

static struct imprint_registry_statement *prepare(
    struct imprint_registry *registry,
    struct imprint_registry_statement *statement, const char *text)
{
    statement->registry = registry;
    if (!statement->prepared)
        (void)sqlite3_prepare_v3(registry->database, text, -1,
                                 SQLITE_PREPARE_PERSISTENT,
                                 &statement->prepared, NULL);
    return statement;
}

struct imprint_registry_statement *imprint_registry_sqlite_ready(
    struct imprint_registry *registry, enum sql which)
{
    return prepare(registry, &registry->statements[which],
                   imprint_registry_statements_text(which));
}

struct imprint_registry_statement *imprint_registry_sqlite_ready_text(
    struct imprint_registry *registry, const char *text)
{
    struct imprint_registry_other *other = registry->others;

    while (other && other->text != text)
        other = other->next;
    if (!other) {
        other = calloc(1, sizeof(*other));
        if (!other)
            return &registry->none;
        other->text = text;
        other->next = registry->others;
        registry->others = other;
    }
    return prepare(registry, &other->statement, text);
}

/* SQLite's calls take a statement that is NULL, and do nothing. */

void imprint_registry_sqlite_bind_text(
    struct imprint_registry_statement *statement, int index, const char *text)
{
    (void)sqlite3_bind_text(statement->prepared, index, text, -1,
                            SQLITE_STATIC);
}

void imprint_registry_sqlite_bind_number(
    struct imprint_registry_statement *statement, int index, int64_t number)
{
    (void)sqlite3_bind_int64(statement->prepared, index, number);
}

void imprint_registry_sqlite_bind_bytes(
    struct imprint_registry_statement *statement, int index,
    struct imprint_slice bytes)
{
    (void)sqlite3_bind_blob64(statement->prepared, index, bytes.bytes,
                              bytes.len, SQLITE_STATIC);
}

enum imprint_status imprint_registry_sqlite_step(
    struct imprint_registry_statement *statement)
{
    int code =
        statement->prepared ? sqlite3_step(statement->prepared) : SQLITE_ERROR;

    if (code == SQLITE_ROW)
        return IMPRINT_OK;
    return code == SQLITE_DONE ? IMPRINT_ERR_NOT_FOUND
                               : fail(statement->registry);
}

const char *imprint_registry_sqlite_text(
    const struct imprint_registry_statement *statement, int column)
{
    return (const char *)sqlite3_column_text(statement->prepared, column);
}

int64_t imprint_registry_sqlite_number(
    const struct imprint_registry_statement *statement, int column)
{
    return sqlite3_column_int64(statement->prepared, column);
}

struct imprint_slice imprint_registry_sqlite_bytes(
    const struct imprint_registry_statement *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement->prepared, column);

    return imprint_slice_of(
        bytes, (size_t)sqlite3_column_bytes(statement->prepared, column));
}

/* What is bound is the caller's and must go before he returns. */
static void finish(struct imprint_registry_statement *statement)
{
    if (!statement->prepared)
        return;
    (void)sqlite3_reset(statement->prepared);
    (void)sqlite3_clear_bindings(statement->prepared);
}

enum imprint_status imprint_registry_sqlite_end(
    struct imprint_registry_statement *statement, enum imprint_status status)
{
    finish(statement);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

enum imprint_status imprint_registry_sqlite_run(
    struct imprint_registry_statement *statement)
{
    return imprint_registry_sqlite_end(statement,
                                       imprint_registry_sqlite_step(statement));
}

enum imprint_status imprint_registry_sqlite_run_one(
    struct imprint_registry_statement *statement)
{
    enum imprint_status status = imprint_registry_sqlite_run(statement);

    if (status == IMPRINT_OK &&
        imprint_registry_sqlite_changes(statement->registry) == 0)
        return IMPRINT_ERR_NOT_FOUND;
    return status;
}

enum imprint_status imprint_registry_sqlite_ask(
    struct imprint_registry_statement *statement)
{
    return imprint_registry_sqlite_ask_text(statement, NULL);
}

enum imprint_status imprint_registry_sqlite_ask_text(
    struct imprint_registry_statement *statement, char **text)
{
    enum imprint_status status = imprint_registry_sqlite_step(statement);
    char *copy;

    if (status == IMPRINT_OK && text) {
        copy = strdup(imprint_registry_sqlite_text(statement, 0));
        if (copy)
            *text = copy;
        else
            status = IMPRINT_ERR_INTERNAL;
    }
    finish(statement);
    return status;
}

size_t imprint_registry_sqlite_changes(const struct imprint_registry *registry)
{
    return (size_t)sqlite3_changes(registry->database);
}

/* ---- open ---- */

/*
 * Empty, 0600: SQLite gives its other files the same mode. One that is there
 * is left alone: to close it would take away the locks of every connection
 * that this process has to it (POSIX), and others would then clear the log away
 * under its feet.
 */
static enum imprint_status make_file(const char *path, struct imprint_why *why)
{
    int file;

    if (access(path, F_OK) == 0)
        return IMPRINT_OK;
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "can't open \"%s\"",
                               path);
    (void)close(file);
    return IMPRINT_OK;
}

static int take_number(void *number, int count, char **values, char **names)
{
    (void)names;
    if (count > 0 && values[0])
        *(int *)number = (int)strtol(values[0], NULL, 10);
    return 0;
}

static bool execute(sqlite3 *database, const char *text)
{
    return sqlite3_exec(database, text, NULL, NULL, NULL) == SQLITE_OK;
}

static bool read_number(sqlite3 *database, int *number)
{
    *number = 0;
    return sqlite3_exec(database, "PRAGMA user_version", take_number, number,
                        NULL) == SQLITE_OK;
}

/* Makes the tables, and fills them with what an older schema had. */
static bool write_schema(sqlite3 *database, int number)
{
    const struct {
        const char *aside;
        const char *over;
    } steps[SCHEMA_NUMBER] = {
        {"", ""},
        {imprint_registry_schema_sqlite_1_aside,
         imprint_registry_schema_sqlite_1_over},
        {imprint_registry_schema_sqlite_2_aside,
         imprint_registry_schema_sqlite_2_over},
    };
    char set[64];

    (void)snprintf(set, sizeof(set), "PRAGMA user_version = %d", SCHEMA_NUMBER);
    return execute(database, steps[number].aside) &&
           execute(database, imprint_registry_schema_sqlite) &&
           execute(database, steps[number].over) && execute(database, set);
}

static bool is_older(int number)
{
    return number >= 0 && number < SCHEMA_NUMBER;
}

static enum imprint_status fail_open(sqlite3 *database, const char *path,
                                     struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\": %s", path,
                           sqlite3_errmsg(database));
}

/* In one transaction; another process may be about the same. */
static enum imprint_status make_schema(sqlite3 *database, const char *path,
                                       int *number, struct imprint_why *why)
{
    enum imprint_status status;

    if (execute(database, "BEGIN IMMEDIATE") && read_number(database, number) &&
        (!is_older(*number) || write_schema(database, *number)) &&
        execute(database, "COMMIT")) {
        if (is_older(*number))
            *number = SCHEMA_NUMBER;
        return IMPRINT_OK;
    }
    status = fail_open(database, path, why);
    (void)execute(database, "ROLLBACK");
    return status;
}

static enum imprint_status set_up(struct imprint_registry *registry,
                                  enum imprint_registry_use use,
                                  const char *path, struct imprint_why *why)
{
    static const char pragmas[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
        "PRAGMA wal_autocheckpoint = 16000; PRAGMA temp_store = MEMORY;";
    bool writes = use == IMPRINT_REGISTRY_WRITE;
    sqlite3 *database = registry->database;
    enum imprint_status status = IMPRINT_OK;
    int number = 0;

    (void)sqlite3_extended_result_codes(database, 0);
    (void)sqlite3_busy_timeout(database, writes ? WRITE_WAIT_MS : READ_WAIT_MS);
    if (!read_number(database, &number) || !execute(database, pragmas))
        return fail_open(database, path, why);
    if (is_older(number) && (number > 0 || writes))
        status = make_schema(database, path, &number, why);
    if (status == IMPRINT_OK && number != SCHEMA_NUMBER)
        status = imprint_why_set(why, IMPRINT_ERR_STORAGE,
                                 "\"%s\" has schema %d; this program knows %d",
                                 path, number, SCHEMA_NUMBER);
    if (status == IMPRINT_OK &&
        !execute(database, writes ? "PRAGMA cache_size = -16384"
                                  : "PRAGMA query_only = ON"))
        status = fail_open(database, path, why);
    return status;
}

static void see_last_change(struct imprint_registry *registry)
{
    struct imprint_registry_statement *statement =
        imprint_registry_sqlite_ready(registry, SQL_LAST_CHANGE);
    enum imprint_status status = imprint_registry_sqlite_step(statement);

    if (status == IMPRINT_OK)
        registry->seen_change = imprint_registry_sqlite_number(statement, 0);
    (void)imprint_registry_sqlite_end(statement, status);
}

enum imprint_status imprint_registry_open(const char *dir,
                                          enum imprint_registry_use use,
                                          struct imprint_registry **out,
                                          struct imprint_why *why)
{
    char path[PATH_LEN];
    struct imprint_registry *registry = calloc(1, sizeof(*registry));
    enum imprint_status status = IMPRINT_OK;

    if (!registry)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    (void)snprintf(path, sizeof(path), "%s/registry.db", dir);
    if (use == IMPRINT_REGISTRY_WRITE)
        status = make_file(path, why);
    if (status == IMPRINT_OK &&
        sqlite3_open_v2(path, &registry->database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        status = imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                                 "there is no registry in \"%s\"", dir);
    if (status == IMPRINT_OK)
        status = set_up(registry, use, path, why);
    if (status == IMPRINT_OK && use == IMPRINT_REGISTRY_WRITE)
        status = imprint_file_sync_dir(dir, why);
    if (status != IMPRINT_OK) {
        imprint_registry_close(registry);
        return status;
    }
    registry->none.registry = registry;
    see_last_change(registry);
    *out = registry;
    return IMPRINT_OK;
}

void imprint_registry_close(struct imprint_registry *registry)
{
    size_t i;

    if (!registry)
        return;
    for (i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_finalize(registry->statements[i].prepared);
    while (registry->others) {
        struct imprint_registry_other *other = registry->others;

        registry->others = other->next;
        (void)sqlite3_finalize(other->statement.prepared);
        free(other);
    }
    (void)sqlite3_close(registry->database);
    free(registry);
}

/* ---- transactions ---- */

static enum imprint_status run(struct imprint_registry *registry,
                               enum sql which)
{
    return imprint_registry_sqlite_run(
        imprint_registry_sqlite_ready(registry, which));
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
    if (!sqlite3_get_autocommit(registry->database))
        (void)run(registry, SQL_ROLLBACK);
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
