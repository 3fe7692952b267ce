#include "postgres.h"

#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/clock.h"
#include "posix/library.h"
#include "posix/why.h"

/*
 * libpq brings LDAP and Kerberos along: it is loaded when a registry is there,
 * so that nobody else pays for it.
 */
#define LIBRARY_NAME "libpq.so.5"
#define FUNCTIONS(X)      \
    X(clear)              \
    X(cmdTuples)          \
    X(connectStartParams) \
    X(connectPoll)        \
    X(consumeInput)       \
    X(errorMessage)       \
    X(exec)               \
    X(execPrepared)       \
    X(finish)             \
    X(freemem)            \
    X(getisnull)          \
    X(getvalue)           \
    X(notifies)           \
    X(ntuples)            \
    X(prepare)            \
    X(resetPoll)          \
    X(resetStart)         \
    X(resultErrorField)   \
    X(resultStatus)       \
    X(setNoticeProcessor) \
    X(socket)             \
    X(status)             \
    X(transactionStatus)

#define POINTER(name) __typeof__(PQ##name) *(name);
#define SYMBOL(name) {"PQ" #name, offsetof(struct library, name)},

#define FIRST_WAIT_MS 10000
#define RETRY_MS 200    /* between two tries to connect */
#define CONNECT_MS 3000 /* and each takes no longer */

struct library {
    FUNCTIONS(POINTER)
};

static struct library library;
static bool has_library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void load_library(void)
{
    static const struct imprint_library_symbol symbols[] = {FUNCTIONS(SYMBOL)};

    has_library = imprint_library_load(
        LIBRARY_NAME, symbols, sizeof(symbols) / sizeof(symbols[0]), &library);
}

struct imprint_postgres {
    PGconn *connection;
    const char *listen;
    int statement_ms;
    int wait_ms;
    unsigned generation; /* of the connection; grows */
    bool is_up;          /* and set up */
    bool is_connecting;
    bool is_begun; /* a transaction */
    bool is_lost;  /* a transaction was, and nobody has ended it */
    bool is_first;
    bool is_reader;
    PostgresPollingStatusType polling;
    int64_t tried; /* monotonic ms */
    int64_t notice_count;
    char problem[256];
};

/* ---- problems ---- */

/* The first line: what is behind it are hints for people at a prompt. */
static void note_problem(struct imprint_postgres *postgres, const char *text)
{
    (void)snprintf(postgres->problem, sizeof(postgres->problem),
                   "registry: %.*s", (int)strcspn(text, "\n"), text);
}

static enum imprint_status fail_lost(struct imprint_postgres *postgres)
{
    note_problem(postgres, library.errorMessage(postgres->connection));
    return IMPRINT_ERR_BUSY;
}

/* SQLSTATEs after which the same may work. */
static bool is_passing(const char *state)
{
    static const char *const passing[] = {
        "08",    /* connection */
        "40",    /* serialization, deadlock */
        "53",    /* too many connections, out of memory */
        "55P03", /* lock not available */
        "57",    /* cancelled, shutting down */
    };

    for (size_t i = 0; state && i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (strncmp(state, passing[i], strlen(passing[i])) == 0)
            return true;
    }
    return false;
}

/* A standby, until it is promoted. */
static bool is_standby(const struct imprint_postgres *postgres,
                       const char *state)
{
    return state && strcmp(state, "25006") == 0 && !postgres->is_reader;
}

static void go_down(struct imprint_postgres *postgres)
{
    postgres->is_up = false;
    postgres->is_lost = postgres->is_lost || postgres->is_begun;
    postgres->is_begun = false;
}

/* While the connection is there; when it is lost, it can't be asked. */
static void note_transaction(struct imprint_postgres *postgres)
{
    postgres->is_begun =
        library.transactionStatus(postgres->connection) != PQTRANS_IDLE;
}

/* Clears result unless it is fine. */
static enum imprint_status judge(struct imprint_postgres *postgres,
                                 PGresult **result)
{
    ExecStatusType kind = library.resultStatus(*result);
    const char *state;
    bool may_pass;

    if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) {
        note_transaction(postgres);
        return IMPRINT_OK;
    }
    state =
        *result ? library.resultErrorField(*result, PG_DIAG_SQLSTATE) : NULL;
    may_pass = is_passing(state) || is_standby(postgres, state);
    note_problem(postgres, library.errorMessage(postgres->connection));
    library.clear(*result);
    *result = NULL;
    if (library.status(postgres->connection) != CONNECTION_OK) {
        go_down(postgres);
        return IMPRINT_ERR_BUSY;
    }
    note_transaction(postgres);
    return may_pass ? IMPRINT_ERR_BUSY : IMPRINT_ERR_STORAGE;
}

static enum imprint_status run_text(struct imprint_postgres *postgres,
                                    const char *sql)
{
    PGresult *result = library.exec(postgres->connection, sql);
    enum imprint_status status = judge(postgres, &result);

    library.clear(result);
    return status;
}

/* ---- connecting ---- */

static void ignore_notice(void *user, const char *text)
{
    (void)user;
    (void)text;
}

/* True: the socket is as connecting wants it, within that time. */
static bool wait_socket(const struct imprint_postgres *postgres, int ms)
{
    struct pollfd of = {
        library.socket(postgres->connection),
        postgres->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

    return of.fd < 0 || poll(&of, 1, ms) != 0;
}

/* Behind each connect: what this connection is like. */
static enum imprint_status set_up(struct imprint_postgres *postgres)
{
    char text[256];

    (void)library.setNoticeProcessor(postgres->connection, ignore_notice, NULL);
    (void)snprintf(text, sizeof(text),
                   "SET client_min_messages = warning; "
                   "SET statement_timeout = %d; SET lock_timeout = %d; "
                   "SET default_transaction_read_only = %s%s%s",
                   postgres->statement_ms, postgres->statement_ms,
                   postgres->is_reader ? "on" : "off",
                   postgres->listen ? "; LISTEN " : "",
                   postgres->listen ? postgres->listen : "");
    postgres->is_up = true;
    postgres->generation++;
    postgres->notice_count++;
    if (run_text(postgres, text) == IMPRINT_OK)
        return IMPRINT_OK;
    postgres->is_up = false;
    return IMPRINT_ERR_BUSY;
}

static void begin_connect(struct imprint_postgres *postgres)
{
    postgres->tried = imprint_clock_now_ms();
    postgres->is_connecting =
        postgres->is_first || library.resetStart(postgres->connection) == 1;
    postgres->polling = PGRES_POLLING_WRITING;
}

/* True: it is over, one way or the other. */
static bool go_on(struct imprint_postgres *postgres, int ms)
{
    if (!wait_socket(postgres, ms))
        return false;
    postgres->polling = postgres->is_first
                            ? library.connectPoll(postgres->connection)
                            : library.resetPoll(postgres->connection);
    return postgres->polling == PGRES_POLLING_OK ||
           postgres->polling == PGRES_POLLING_FAILED;
}

/* Up, or ERR_BUSY: not yet. Waits no longer than that. */
static enum imprint_status connect_within(struct imprint_postgres *postgres,
                                          int wait_ms)
{
    int64_t end = imprint_clock_now_ms() + wait_ms;

    if (postgres->is_up)
        return IMPRINT_OK;
    for (;;) {
        int64_t now = imprint_clock_now_ms();
        int left = end > now ? (int)(end - now) : 0;

        if (postgres->is_connecting && now > postgres->tried + CONNECT_MS &&
            !postgres->is_first)
            postgres->is_connecting = false;
        if (!postgres->is_connecting) {
            if (now < postgres->tried + RETRY_MS) {
                if (left < RETRY_MS)
                    return IMPRINT_ERR_BUSY;
                (void)poll(NULL, 0, RETRY_MS);
            }
            begin_connect(postgres);
        }
        if (postgres->is_connecting && !go_on(postgres, left)) {
            if (left == 0)
                return IMPRINT_ERR_BUSY;
            continue;
        }
        postgres->is_connecting = false;
        if (library.status(postgres->connection) == CONNECTION_OK) {
            postgres->is_first = false;
            return set_up(postgres);
        }
        (void)fail_lost(postgres);
        postgres->is_first = false;
        if (left == 0)
            return IMPRINT_ERR_BUSY;
    }
}

static enum imprint_status start(struct imprint_postgres *postgres,
                                 const char *url)
{
    static const char *const names[] = {
        "dbname",     "application_name", "connect_timeout",
        "keepalives", "keepalives_idle",  "tcp_user_timeout",
        NULL};
    const char *const values[] = {url, "imprint", "3", "1", "5", "3000", NULL};

    postgres->connection = library.connectStartParams(names, values, 1);
    if (!postgres->connection)
        return IMPRINT_ERR_INTERNAL;
    postgres->is_first = true;
    if (library.status(postgres->connection) == CONNECTION_BAD)
        return fail_lost(postgres);
    return connect_within(postgres, FIRST_WAIT_MS);
}

enum imprint_status imprint_postgres_open(
    const struct imprint_postgres_options *options,
    struct imprint_postgres **out, struct imprint_why *why)
{
    struct imprint_postgres *postgres;
    enum imprint_status status;

    (void)pthread_once(&library_once, load_library);
    if (!has_library) {
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "can't load %s, which PostgreSQL needs",
                              LIBRARY_NAME);
        imprint_why_hint(why, "apt-get install libpq5");
        return IMPRINT_ERR_SETTINGS;
    }
    postgres = calloc(1, sizeof(*postgres));
    if (!postgres)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    postgres->listen = options->listen;
    postgres->is_reader = options->is_reader;
    postgres->statement_ms = options->statement_ms;
    postgres->wait_ms = options->wait_ms;
    status = start(postgres, options->url);
    if (status == IMPRINT_OK) {
        *out = postgres;
        return status;
    }
    (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS, "%s", postgres->problem);
    imprint_why_hint(why, "look at the URL of --registry, and whether "
                          "PostgreSQL runs; passwords go into a passfile");
    imprint_postgres_close(postgres);
    return IMPRINT_ERR_SETTINGS;
}

void imprint_postgres_close(struct imprint_postgres *postgres)
{
    if (!postgres)
        return;
    library.finish(postgres->connection);
    free(postgres);
}

const char *imprint_postgres_problem(const struct imprint_postgres *postgres)
{
    return postgres->problem;
}

/* ---- use ---- */

/* Not while a lost transaction has not been ended: half of it is gone. */
static enum imprint_status be_ready(struct imprint_postgres *postgres)
{
    if (postgres->is_lost)
        return IMPRINT_ERR_BUSY;
    return connect_within(postgres, postgres->wait_ms);
}

enum imprint_status imprint_postgres_execute(struct imprint_postgres *postgres,
                                             const char *sql)
{
    enum imprint_status status = be_ready(postgres);

    return status == IMPRINT_OK ? run_text(postgres, sql) : status;
}

enum imprint_status imprint_postgres_listen(struct imprint_postgres *postgres,
                                            int64_t *count)
{
    enum imprint_status status = connect_within(postgres, 0);
    PGnotify *notice;

    if (status != IMPRINT_OK)
        return status;
    if (library.consumeInput(postgres->connection) != 1) {
        go_down(postgres);
        return fail_lost(postgres);
    }
    while ((notice = library.notifies(postgres->connection))) {
        postgres->notice_count++;
        library.freemem(notice);
    }
    *count = postgres->notice_count;
    return IMPRINT_OK;
}

bool imprint_postgres_is_open(const struct imprint_postgres *postgres)
{
    return postgres->is_lost || postgres->is_begun;
}

void imprint_postgres_end(struct imprint_postgres *postgres)
{
    postgres->is_lost = false;
}

/* ---- statements ---- */

static enum imprint_status prepare(struct imprint_postgres *postgres,
                                   struct imprint_postgres_statement *statement,
                                   const char *name)
{
    PGresult *result;
    enum imprint_status status;

    if (statement->generation == postgres->generation)
        return IMPRINT_OK;
    result =
        library.prepare(postgres->connection, name, statement->text, 0, NULL);
    status = judge(postgres, &result);
    library.clear(result);
    if (status == IMPRINT_OK)
        statement->generation = postgres->generation;
    return status;
}

enum imprint_status imprint_postgres_run(
    struct imprint_postgres *postgres,
    struct imprint_postgres_statement *statement)
{
    enum imprint_status status = be_ready(postgres);
    PGresult *result;
    char name[16];

    imprint_postgres_clear(statement);
    (void)snprintf(name, sizeof(name), "s%u", statement->number);
    if (status == IMPRINT_OK)
        status = prepare(postgres, statement, name);
    if (status != IMPRINT_OK)
        return status;
    result = library.execPrepared(postgres->connection, name, statement->count,
                                  statement->values, statement->lens,
                                  statement->formats, 0);
    status = judge(postgres, &result);
    statement->result = result;
    return status;
}

int imprint_postgres_count(const struct imprint_postgres_statement *statement)
{
    return library.ntuples(statement->result);
}

size_t imprint_postgres_changes(
    const struct imprint_postgres_statement *statement)
{
    return statement->result
               ? (size_t)strtoull(library.cmdTuples(statement->result), NULL,
                                  10)
               : 0;
}

const char *imprint_postgres_text(
    const struct imprint_postgres_statement *statement, int column)
{
    const PGresult *result = statement->result;

    return library.getisnull(result, statement->row, column)
               ? NULL
               : library.getvalue(result, statement->row, column);
}

void imprint_postgres_clear(struct imprint_postgres_statement *statement)
{
    if (statement->result)
        library.clear(statement->result);
    statement->result = NULL;
    statement->row = -1;
}
