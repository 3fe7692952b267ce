#include "sql_driver.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix/file.h"
#include "posix/why.h"

#define PATH_LEN 4096
#define WRITE_WAIT_MS 5000
#define READ_WAIT_MS 200

/* schema/<name>.sql, turned into C by the build */
extern const char imprint_registry_schema_sqlite[];
extern const char imprint_registry_schema_sqlite_1_aside[];
extern const char imprint_registry_schema_sqlite_1_over[];
extern const char imprint_registry_schema_sqlite_2_aside[];
extern const char imprint_registry_schema_sqlite_2_over[];
extern const char imprint_registry_schema_common_3_over[];

/* ---- one statement ---- */

static sqlite3 *database_of(const struct imprint_sql *statement)
{
    return statement->registry->connection;
}

static enum imprint_status fail(struct imprint_registry *registry)
{
    int code = sqlite3_errcode(registry->connection);

    (void)snprintf(registry->problem, sizeof(registry->problem), "registry: %s",
                   sqlite3_errmsg(registry->connection));
    return code == SQLITE_BUSY || code == SQLITE_LOCKED ? IMPRINT_ERR_BUSY
                                                        : IMPRINT_ERR_STORAGE;
}

/* SQLite's calls take a statement that is NULL, and do nothing. */

static void prepare(struct imprint_sql *statement)
{
    sqlite3_stmt *prepared = NULL;

    if (statement->prepared)
        return;
    (void)sqlite3_prepare_v3(database_of(statement), statement->text, -1,
                             SQLITE_PREPARE_PERSISTENT, &prepared, NULL);
    statement->prepared = prepared;
}

static void bind_text(struct imprint_sql *statement, int index,
                      const char *text)
{
    (void)sqlite3_bind_text(statement->prepared, index, text, -1,
                            SQLITE_STATIC);
}

static void bind_number(struct imprint_sql *statement, int index,
                        int64_t number)
{
    (void)sqlite3_bind_int64(statement->prepared, index, number);
}

static void bind_bytes(struct imprint_sql *statement, int index,
                       struct imprint_slice bytes)
{
    (void)sqlite3_bind_blob64(statement->prepared, index, bytes.bytes,
                              bytes.len, SQLITE_STATIC);
}

static enum imprint_status step(struct imprint_sql *statement)
{
    int code =
        statement->prepared ? sqlite3_step(statement->prepared) : SQLITE_ERROR;

    if (code == SQLITE_ROW)
        return IMPRINT_OK;
    return code == SQLITE_DONE ? IMPRINT_ERR_NOT_FOUND
                               : fail(statement->registry);
}

static const char *text_of(const struct imprint_sql *statement, int column)
{
    return (const char *)sqlite3_column_text(statement->prepared, column);
}

static int64_t number_of(const struct imprint_sql *statement, int column)
{
    return sqlite3_column_int64(statement->prepared, column);
}

static struct imprint_slice bytes_of(const struct imprint_sql *statement,
                                     int column)
{
    const void *bytes = sqlite3_column_blob(statement->prepared, column);

    return imprint_slice_of(
        bytes, (size_t)sqlite3_column_bytes(statement->prepared, column));
}

static void reset(struct imprint_sql *statement)
{
    if (!statement->prepared)
        return;
    (void)sqlite3_reset(statement->prepared);
    (void)sqlite3_clear_bindings(statement->prepared);
}

static void free_statement(struct imprint_sql *statement)
{
    (void)sqlite3_finalize(statement->prepared);
}

static size_t changes(const struct imprint_registry *registry)
{
    return (size_t)sqlite3_changes(registry->connection);
}

static enum imprint_status version(struct imprint_registry *registry,
                                   int64_t *out)
{
    struct imprint_sql *statement =
        imprint_sql_ready_text(registry, "PRAGMA data_version");
    enum imprint_status status = imprint_sql_step(statement);

    if (status == IMPRINT_OK)
        *out = imprint_sql_number(statement, 0);
    return imprint_sql_end(statement, status);
}

static bool is_open(const struct imprint_registry *registry)
{
    return !sqlite3_get_autocommit(registry->connection);
}

static void close_connection(struct imprint_registry *registry)
{
    (void)sqlite3_close(registry->connection);
}

static const struct imprint_sql_driver driver = {
    .begin = "BEGIN IMMEDIATE",
    .prepare = prepare,
    .bind_text = bind_text,
    .bind_number = bind_number,
    .bind_bytes = bind_bytes,
    .step = step,
    .text = text_of,
    .number = number_of,
    .bytes = bytes_of,
    .reset = reset,
    .free = free_statement,
    .changes = changes,
    .version = version,
    .is_open = is_open,
    .close = close_connection,
};

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
        const char *made; /* "": the tables stay */
        const char *over;
    } steps[IMPRINT_SQL_DRIVER_SCHEMA] = {
        {"", imprint_registry_schema_sqlite, ""},
        {imprint_registry_schema_sqlite_1_aside, imprint_registry_schema_sqlite,
         imprint_registry_schema_sqlite_1_over},
        {imprint_registry_schema_sqlite_2_aside, imprint_registry_schema_sqlite,
         imprint_registry_schema_sqlite_2_over},
        {"", "", imprint_registry_schema_common_3_over},
    };
    char set[64];

    (void)snprintf(set, sizeof(set), "PRAGMA user_version = %d",
                   IMPRINT_SQL_DRIVER_SCHEMA);
    return execute(database, steps[number].aside) &&
           execute(database, steps[number].made) &&
           execute(database, steps[number].over) && execute(database, set);
}

static bool is_older(int number)
{
    return number >= 0 && number < IMPRINT_SQL_DRIVER_SCHEMA;
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
            *number = IMPRINT_SQL_DRIVER_SCHEMA;
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
    sqlite3 *database = registry->connection;
    enum imprint_status status = IMPRINT_OK;
    int number = 0;

    (void)sqlite3_extended_result_codes(database, 0);
    (void)sqlite3_busy_timeout(database, writes ? WRITE_WAIT_MS : READ_WAIT_MS);
    if (!read_number(database, &number) || !execute(database, pragmas))
        return fail_open(database, path, why);
    if (is_older(number) && (number > 0 || writes))
        status = make_schema(database, path, &number, why);
    if (status == IMPRINT_OK && number != IMPRINT_SQL_DRIVER_SCHEMA)
        status = imprint_why_set(why, IMPRINT_ERR_STORAGE,
                                 "\"%s\" has schema %d; this program knows %d",
                                 path, number, IMPRINT_SQL_DRIVER_SCHEMA);
    if (status == IMPRINT_OK &&
        !execute(database, writes ? "PRAGMA cache_size = -16384"
                                  : "PRAGMA query_only = ON"))
        status = fail_open(database, path, why);
    return status;
}

enum imprint_status imprint_registry_sqlite_open(
    struct imprint_registry *registry, const char *dir,
    enum imprint_registry_use use, struct imprint_why *why)
{
    char path[PATH_LEN];
    sqlite3 *database = NULL;
    enum imprint_status status = IMPRINT_OK;

    registry->driver = &driver;
    (void)snprintf(path, sizeof(path), "%s/registry.db", dir);
    if (use == IMPRINT_REGISTRY_WRITE)
        status = make_file(path, why);
    if (status != IMPRINT_OK)
        return status;
    if (sqlite3_open_v2(path, &database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        status = imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                                 "there is no registry in \"%s\"", dir);
    registry->connection = database;
    if (status == IMPRINT_OK)
        status = set_up(registry, use, path, why);
    if (status == IMPRINT_OK && use == IMPRINT_REGISTRY_WRITE)
        status = imprint_file_sync_dir(dir, why);
    return status;
}
