#include "registry_sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "posix/file.h"
#include "posix/why.h"

#define SCHEMA_NUMBER 1
#define PATH_LEN 4096
#define WRITE_WAIT_MS 5000
#define READ_WAIT_MS 200

/* schema/sqlite.sql, turned into C by the build */
extern const char imprint_registry_sqlite_schema[];

#define CERTIFICATE_COLUMNS                                           \
    "SELECT id, pem, claim, maker, thing, state, created, not_after " \
    "FROM certificate "

static const char *const statements[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_MARK] = "SAVEPOINT mark",
    [SQL_KEEP] = "RELEASE mark",
    [SQL_BACK] = "ROLLBACK TO mark",
    [SQL_PUT_CERTIFICATE] =
        "INSERT INTO certificate (id, pem, claim, maker, thing, state, "
        "created, not_after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_ALL_CERTIFICATES] = CERTIFICATE_COLUMNS "ORDER BY rowid",
    [SQL_ONE_CERTIFICATE] = CERTIFICATE_COLUMNS "WHERE id = ?1",
    [SQL_SET_STATE] = "UPDATE certificate SET state = ?2, "
                      "thing = coalesce(?3, thing) WHERE id = ?1",
    [SQL_ATTACH] = "INSERT INTO attachment (certificate_id, policy) "
                   "VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [SQL_POLICIES] = "SELECT name, document FROM attachment "
                     "JOIN policy ON policy.name = attachment.policy "
                     "WHERE certificate_id = ?1 ORDER BY name",
    [SQL_PUT_TOKEN] = "INSERT INTO token (hash, certificate_id, expires) "
                      "VALUES (?1, ?2, ?3)",
    [SQL_FIND_TOKEN] = "SELECT certificate_id, expires, request_hash, reply "
                       "FROM token WHERE hash = ?1",
    [SQL_USE_TOKEN] =
        "UPDATE token SET request_hash = ?2, reply = ?3 WHERE hash = ?1",
    [SQL_ANY_EXPIRED] = "SELECT 1 FROM token WHERE expires <= ?1 LIMIT 1",
    [SQL_DROP_UNCLAIMED] =
        "DELETE FROM certificate WHERE state = 'PENDING_ACTIVATION' AND id IN "
        "(SELECT certificate_id FROM token WHERE expires <= ?1)",
    [SQL_DROP_TOKENS] = "DELETE FROM token WHERE expires <= ?1",
    [SQL_PUT_POLICY] =
        "INSERT INTO policy (name, document) VALUES (?1, ?2) "
        "ON CONFLICT (name) DO UPDATE SET document = excluded.document "
        "WHERE document <> excluded.document",
    [SQL_FIND_POLICY] = "SELECT document FROM policy WHERE name = ?1",
    [SQL_PUT_TEMPLATE] =
        "INSERT INTO template (name, document) VALUES (?1, ?2) "
        "ON CONFLICT (name) DO UPDATE SET document = excluded.document",
    [SQL_FIND_TEMPLATE] = "SELECT document FROM template WHERE name = ?1",
    [SQL_PUT_THING] =
        "INSERT INTO thing (name, attributes, created) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (name) DO UPDATE SET attributes = excluded.attributes",
    [SQL_FIND_THING] = "SELECT attributes FROM thing WHERE name = ?1",
    [SQL_PUT_KEY] = "INSERT INTO spare_key (pem) VALUES (?1)",
    [SQL_TAKE_KEY] = "DELETE FROM spare_key WHERE id = ?1 AND pem = ?2",
    [SQL_KEYS] = "SELECT id, pem FROM spare_key ORDER BY id",
    [SQL_PUT_SETTING] = "INSERT INTO setting (name, value) VALUES (?1, ?2) "
                        "ON CONFLICT (name) DO UPDATE SET "
                        "value = excluded.value",
    [SQL_SETTING] = "SELECT value FROM setting WHERE name = ?1",
    [SQL_VERSION] = "PRAGMA data_version",
    [SQL_CHANGES] =
        "SELECT seq, certificate_id FROM change WHERE seq > ?1 ORDER BY seq",
    [SQL_LAST_CHANGE] = "SELECT coalesce(max(seq), 0) FROM change",
};

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

sqlite3_stmt *imprint_registry_sqlite_ready(struct imprint_registry *registry,
                                            enum sql which)
{
    sqlite3_stmt **statement = &registry->prepared[which];

    if (!*statement && sqlite3_prepare_v3(registry->database, statements[which],
                                          -1, SQLITE_PREPARE_PERSISTENT,
                                          statement, NULL) != SQLITE_OK)
        return NULL;
    return *statement;
}

void imprint_registry_sqlite_finish(sqlite3_stmt *statement)
{
    if (!statement)
        return;
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
}

enum imprint_status imprint_registry_sqlite_step(
    struct imprint_registry *registry, sqlite3_stmt *statement)
{
    int code = statement ? sqlite3_step(statement) : SQLITE_ERROR;

    if (code == SQLITE_ROW)
        return IMPRINT_OK;
    return code == SQLITE_DONE ? IMPRINT_ERR_NOT_FOUND : fail(registry);
}

enum imprint_status imprint_registry_sqlite_run(
    struct imprint_registry *registry, sqlite3_stmt *statement)
{
    enum imprint_status status =
        imprint_registry_sqlite_step(registry, statement);

    imprint_registry_sqlite_finish(statement);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

/* ---- open ---- */

/* Empty, 0600: SQLite gives its other files the same mode. */
static enum imprint_status make_file(const char *path, struct imprint_why *why)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

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

/* Makes the tables in one transaction; another process may do the same. */
static bool make_schema(sqlite3 *database, int *number)
{
    char set[64];

    (void)snprintf(set, sizeof(set), "PRAGMA user_version = %d; COMMIT",
                   SCHEMA_NUMBER);
    if (sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL))
        return false;
    if (sqlite3_exec(database, "PRAGMA user_version", take_number, number,
                     NULL) == SQLITE_OK &&
        *number != 0)
        return sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL) ==
               SQLITE_OK;
    *number = SCHEMA_NUMBER;
    return sqlite3_exec(database, imprint_registry_sqlite_schema, NULL, NULL,
                        NULL) == SQLITE_OK &&
           sqlite3_exec(database, set, NULL, NULL, NULL) == SQLITE_OK;
}

static enum imprint_status set_up(struct imprint_registry *registry,
                                  enum imprint_registry_use use,
                                  const char *path, struct imprint_why *why)
{
    static const char pragmas[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
        "PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;";
    bool writes = use == IMPRINT_REGISTRY_WRITE;
    sqlite3 *database = registry->database;
    int number = 0;

    (void)sqlite3_extended_result_codes(database, 0);
    (void)sqlite3_busy_timeout(database, writes ? WRITE_WAIT_MS : READ_WAIT_MS);
    if (sqlite3_exec(database, "PRAGMA user_version", take_number, &number,
                     NULL) ||
        sqlite3_exec(database, pragmas, NULL, NULL, NULL))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\": %s", path,
                               sqlite3_errmsg(database));
    if (number == 0 && writes && !make_schema(database, &number))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\": %s", path,
                               sqlite3_errmsg(database));
    if (number != SCHEMA_NUMBER)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "\"%s\" has schema %d; this program knows %d",
                               path, number, SCHEMA_NUMBER);
    if (!writes &&
        sqlite3_exec(database, "PRAGMA query_only = ON", NULL, NULL, NULL))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\": %s", path,
                               sqlite3_errmsg(database));
    return IMPRINT_OK;
}

static void see_last_change(struct imprint_registry *registry)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_LAST_CHANGE);

    if (imprint_registry_sqlite_step(registry, statement) == IMPRINT_OK)
        registry->seen_change = sqlite3_column_int64(statement, 0);
    imprint_registry_sqlite_finish(statement);
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
        (void)sqlite3_finalize(registry->prepared[i]);
    (void)sqlite3_close(registry->database);
    free(registry);
}

/* ---- transactions ---- */

enum imprint_status imprint_registry_begin(struct imprint_registry *registry)
{
    return imprint_registry_sqlite_run(
        registry, imprint_registry_sqlite_ready(registry, SQL_BEGIN));
}

enum imprint_status imprint_registry_commit(struct imprint_registry *registry)
{
    return imprint_registry_sqlite_run(
        registry, imprint_registry_sqlite_ready(registry, SQL_COMMIT));
}

void imprint_registry_undo(struct imprint_registry *registry)
{
    if (!sqlite3_get_autocommit(registry->database))
        (void)imprint_registry_sqlite_run(
            registry, imprint_registry_sqlite_ready(registry, SQL_ROLLBACK));
}

enum imprint_status imprint_registry_mark(struct imprint_registry *registry)
{
    return imprint_registry_sqlite_run(
        registry, imprint_registry_sqlite_ready(registry, SQL_MARK));
}

enum imprint_status imprint_registry_unmark(struct imprint_registry *registry,
                                            bool keep)
{
    enum imprint_status status = IMPRINT_OK;

    if (!keep)
        status = imprint_registry_sqlite_run(
            registry, imprint_registry_sqlite_ready(registry, SQL_BACK));
    return status == IMPRINT_OK
               ? imprint_registry_sqlite_run(
                     registry,
                     imprint_registry_sqlite_ready(registry, SQL_KEEP))
               : status;
}
