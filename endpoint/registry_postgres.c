#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"
#include "posix/why.h"
#include "sql_driver.h"

#define NUMBER_LEN 24
#define COLUMN_MAX_COUNT 12
#define BYTES_MAX_LEN (1 << 20)
#define FIRST_SCHEMA 3 /* that PostgreSQL had */
#define CHANNEL "imprint_change"
#define WRITE_WAIT_MS 5000
#define READ_WAIT_MS 500
#define AGAIN_MS 1000 /* for a connection that was lost, where one may wait */

extern const char imprint_registry_schema_postgres[];
extern const char imprint_registry_schema_common_3_over[];

/* The registry's connection. */
struct place {
    struct imprint_postgres *postgres;
    size_t changes; /* of the statement that ran last */
    unsigned count; /* of statements */
};

struct prepared {
    struct imprint_postgres_statement statement;
    char numbers[IMPRINT_POSTGRES_PARAMETER_MAX_COUNT][NUMBER_LEN];
    uint8_t *bytes[COLUMN_MAX_COUNT]; /* of columns that were asked for */
};

static struct place *place_of(const struct imprint_sql *statement)
{
    return statement->registry->connection;
}

static enum imprint_status note(struct imprint_registry *registry,
                                enum imprint_status status)
{
    const struct place *place = registry->connection;

    if (status != IMPRINT_OK && status != IMPRINT_ERR_NOT_FOUND)
        (void)snprintf(registry->problem, sizeof(registry->problem), "%s",
                       imprint_postgres_problem(place->postgres));
    return status;
}

/* ---- prepare, bind ---- */

/* "?3" becomes "$3"; *count is the highest. Free it. */
static char *write_text(const char *text, int *count)
{
    char *copy = strdup(text);

    *count = 0;
    for (char *at = copy; at && (at = strchr(at, '?')); at++) {
        int number = (int)strtol(at + 1, NULL, 10);

        *at = '$';
        if (number > *count)
            *count = number;
    }
    return copy;
}

static void prepare(struct imprint_sql *statement)
{
    struct prepared *prepared;
    int count;

    if (statement->prepared)
        return;
    prepared = calloc(1, sizeof(*prepared));
    if (!prepared)
        return;
    prepared->statement.text = write_text(statement->text, &count);
    if (!prepared->statement.text ||
        count > IMPRINT_POSTGRES_PARAMETER_MAX_COUNT) {
        free(prepared->statement.text);
        free(prepared);
        return;
    }
    prepared->statement.count = count;
    prepared->statement.number = ++place_of(statement)->count;
    prepared->statement.row = -1;
    statement->prepared = prepared;
}

static void bind(struct prepared *prepared, int index, const char *value,
                 int len, int format)
{
    if (!prepared)
        return;
    prepared->statement.values[index - 1] = value;
    prepared->statement.lens[index - 1] = len;
    prepared->statement.formats[index - 1] = format;
}

static void bind_text(struct imprint_sql *statement, int index,
                      const char *text)
{
    bind(statement->prepared, index, text, 0, 0);
}

static void bind_number(struct imprint_sql *statement, int index,
                        int64_t number)
{
    struct prepared *prepared = statement->prepared;

    if (!prepared)
        return;
    (void)snprintf(prepared->numbers[index - 1], NUMBER_LEN, "%lld",
                   (long long)number);
    bind(prepared, index, prepared->numbers[index - 1], 0, 0);
}

static void bind_bytes(struct imprint_sql *statement, int index,
                       struct imprint_slice bytes)
{
    bind(statement->prepared, index,
         bytes.bytes ? (const char *)bytes.bytes : "",
         bytes.len <= BYTES_MAX_LEN ? (int)bytes.len : 0, 1);
}

/* ---- step ---- */

/* A transaction that was lost is over when somebody says so. */
static bool ends_lost(const struct imprint_sql *statement)
{
    const struct place *place = place_of(statement);
    bool ends = statement->text == imprint_sql_name_text(SQL_ROLLBACK);
    bool begins = statement->text == statement->registry->driver->begin;

    if (!imprint_postgres_is_open(place->postgres) || (!ends && !begins))
        return false;
    imprint_postgres_end(place->postgres);
    return ends && !imprint_postgres_is_open(place->postgres);
}

static enum imprint_status step(struct imprint_sql *statement)
{
    struct place *place = place_of(statement);
    struct prepared *prepared = statement->prepared;
    enum imprint_status status = IMPRINT_OK;

    if (!prepared)
        return IMPRINT_ERR_INTERNAL;
    if (ends_lost(statement))
        return IMPRINT_ERR_NOT_FOUND;
    if (!prepared->statement.result) {
        status = imprint_postgres_run(place->postgres, &prepared->statement);
        if (status != IMPRINT_OK)
            return note(statement->registry, status);
        place->changes = imprint_postgres_changes(&prepared->statement);
    }
    prepared->statement.row++;
    return prepared->statement.row <
                   imprint_postgres_count(&prepared->statement)
               ? IMPRINT_OK
               : IMPRINT_ERR_NOT_FOUND;
}

static const char *text_of(const struct imprint_sql *statement, int column)
{
    const struct prepared *prepared = statement->prepared;

    return imprint_postgres_text(&prepared->statement, column);
}

static int64_t number_of(const struct imprint_sql *statement, int column)
{
    const char *text = text_of(statement, column);

    return text ? strtoll(text, NULL, 10) : 0;
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* "\x0a1b" */
static struct imprint_slice bytes_of(const struct imprint_sql *statement,
                                     int column)
{
    struct prepared *prepared = statement->prepared;
    const char *text = text_of(statement, column);
    uint8_t *bytes;
    size_t len =
        text && strncmp(text, "\\x", 2) == 0 ? strlen(text) / 2 - 1 : 0;

    free(prepared->bytes[column]);
    bytes = text ? malloc(len + 1) : NULL;
    prepared->bytes[column] = bytes;
    if (!bytes)
        return imprint_slice_of(NULL, 0);
    for (size_t i = 0; i < len; i++)
        bytes[i] =
            (uint8_t)(digit(text[2 + 2 * i]) << 4 | digit(text[3 + 2 * i]));
    return imprint_slice_of(bytes, len);
}

static void reset(struct imprint_sql *statement)
{
    struct prepared *prepared = statement->prepared;

    if (!prepared)
        return;
    imprint_postgres_clear(&prepared->statement);
    for (size_t i = 0; i < COLUMN_MAX_COUNT; i++) {
        free(prepared->bytes[i]);
        prepared->bytes[i] = NULL;
    }
    memset(prepared->statement.values, 0, sizeof(prepared->statement.values));
}

static void free_statement(struct imprint_sql *statement)
{
    struct prepared *prepared = statement->prepared;

    if (!prepared)
        return;
    reset(statement);
    free(prepared->statement.text);
    free(prepared);
}

static size_t changes(const struct imprint_registry *registry)
{
    const struct place *place = registry->connection;

    return place->changes;
}

static enum imprint_status version(struct imprint_registry *registry,
                                   int64_t *out)
{
    const struct place *place = registry->connection;

    return note(registry, imprint_postgres_listen(place->postgres, out));
}

static bool is_open(const struct imprint_registry *registry)
{
    const struct place *place = registry->connection;

    return imprint_postgres_is_open(place->postgres);
}

static void close_connection(struct imprint_registry *registry)
{
    struct place *place = registry->connection;

    if (!place)
        return;
    imprint_postgres_close(place->postgres);
    free(place);
}

static const struct imprint_sql_driver driver = {
    .begin = "BEGIN",
    .lock = "SELECT pg_advisory_xact_lock(hashtextextended(?1, 0))",
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

/* The first row's first column; 0: there is none. */
static enum imprint_status ask_number(struct imprint_registry *registry,
                                      const char *text, int64_t *out)
{
    struct imprint_sql *statement = imprint_sql_ready_text(registry, text);
    enum imprint_status status = imprint_sql_step(statement);

    *out = 0;
    if (status == IMPRINT_OK)
        *out = imprint_sql_number(statement, 0);
    return imprint_sql_end(statement, status);
}

/* Names are sorted by bytes here, as SQLite does, and are UTF-8. */
static enum imprint_status check_database(struct imprint_registry *registry,
                                          struct imprint_why *why)
{
    static const char text[] =
        "SELECT 1 FROM pg_database WHERE datname = current_database() AND "
        "pg_encoding_to_char(encoding) = 'UTF8' AND datcollate IN "
        "('C', 'POSIX')";
    int64_t is_fine = 0;
    enum imprint_status status = ask_number(registry, text, &is_fine);

    if (status != IMPRINT_OK || is_fine)
        return status;
    (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                          "the database does not sort UTF-8 by bytes");
    imprint_why_hint(why, "make one by: createdb -T template0 -E UTF8 "
                          "--locale=C NAME");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status read_schema(struct imprint_registry *registry,
                                       int64_t *number)
{
    enum imprint_status status =
        ask_number(registry,
                   "SELECT count(*) FROM pg_class WHERE relname = "
                   "'schema_number' AND relnamespace = "
                   "current_schema()::regnamespace",
                   number);

    return status == IMPRINT_OK && *number > 0
               ? ask_number(registry, "SELECT number FROM schema_number",
                            number)
               : status;
}

static bool is_older(int64_t number)
{
    return number == 0 ||
           (number >= FIRST_SCHEMA && number < IMPRINT_SQL_DRIVER_SCHEMA);
}

static enum imprint_status write_schema(struct imprint_registry *registry,
                                        int64_t number)
{
    struct place *place = registry->connection;
    char text[128];
    enum imprint_status status = imprint_postgres_execute(
        place->postgres, number == 0 ? imprint_registry_schema_postgres
                                     : imprint_registry_schema_common_3_over);

    (void)snprintf(text, sizeof(text),
                   "DELETE FROM schema_number;"
                   "INSERT INTO schema_number (number) VALUES (%d)",
                   IMPRINT_SQL_DRIVER_SCHEMA);
    return status == IMPRINT_OK
               ? imprint_postgres_execute(place->postgres, text)
               : status;
}

/* In one transaction; other nodes may be about the same. */
static enum imprint_status make_schema(struct imprint_registry *registry,
                                       int64_t *number)
{
    enum imprint_status status = imprint_registry_begin(registry);

    if (status == IMPRINT_OK)
        status = imprint_registry_lock(registry, "schema");
    if (status == IMPRINT_OK)
        status = read_schema(registry, number);
    if (status == IMPRINT_OK && is_older(*number)) {
        status = write_schema(registry, *number);
        *number = IMPRINT_SQL_DRIVER_SCHEMA;
    }
    if (status == IMPRINT_OK)
        status = imprint_registry_commit(registry);
    if (status != IMPRINT_OK)
        imprint_registry_undo(registry);
    return note(registry, status);
}

static enum imprint_status set_up(struct imprint_registry *registry,
                                  bool writes, struct imprint_why *why)
{
    int64_t number = 0;
    enum imprint_status status = check_database(registry, why);

    if (status == IMPRINT_ERR_SETTINGS)
        return status;
    if (status == IMPRINT_OK)
        status = read_schema(registry, &number);
    if (status == IMPRINT_OK && is_older(number) && (number > 0 || writes))
        status = make_schema(registry, &number);
    if (status != IMPRINT_OK)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "%s",
                               registry->problem);
    if (number == IMPRINT_SQL_DRIVER_SCHEMA)
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                           "the registry has schema %lld; this program knows "
                           "%d",
                           (long long)number, IMPRINT_SQL_DRIVER_SCHEMA);
}

enum imprint_status imprint_registry_postgres_open(
    struct imprint_registry *registry, const char *url,
    enum imprint_registry_use use, struct imprint_why *why)
{
    bool writes = use == IMPRINT_REGISTRY_WRITE;
    const struct imprint_postgres_options options = {
        .url = url,
        .listen = CHANNEL,
        .is_reader = !writes,
        .statement_ms = writes ? WRITE_WAIT_MS : READ_WAIT_MS,
        .wait_ms = writes ? AGAIN_MS : 0,
    };
    struct place *place = calloc(1, sizeof(*place));
    enum imprint_status status;

    registry->driver = &driver;
    registry->connection = place;
    if (!place)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = imprint_postgres_open(&options, &place->postgres, why);
    return status == IMPRINT_OK ? set_up(registry, writes, why) : status;
}
