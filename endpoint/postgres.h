/*
 * One connection to PostgreSQL that comes back by itself: for
 * registry_postgres.c. To be used by one thread. libpq is loaded when it is
 * first needed.
 */
#ifndef IMPRINT_ENDPOINT_POSTGRES_H
#define IMPRINT_ENDPOINT_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_POSTGRES_PARAMETER_MAX_COUNT 16

struct imprint_postgres;

struct imprint_postgres_options {
    const char *url;
    const char *listen; /* a channel whose notices count; NULL: none */
    bool is_reader;     /* it can't write */
    int statement_ms;   /* a statement may take so long */
    int wait_ms;        /* and a call wait so long for a new connection */
};

/*
 * ERR_SETTINGS: no libpq, or what the URL says can't be reached; the hint says
 * what to do.
 */
IMPRINT_MUST_USE enum imprint_status imprint_postgres_open(
    const struct imprint_postgres_options *options,
    struct imprint_postgres **out, struct imprint_why *why);
/* NULL is fine. */
void imprint_postgres_close(struct imprint_postgres *postgres);

/* Why the last call failed, on one line. */
const char *imprint_postgres_problem(const struct imprint_postgres *postgres);

/* Several statements, without parameters or rows. */
enum imprint_status imprint_postgres_execute(struct imprint_postgres *postgres,
                                             const char *sql);

/* Notices and new connections until now: another number, look again. */
enum imprint_status imprint_postgres_listen(struct imprint_postgres *postgres,
                                            int64_t *count);

/* True within a transaction, and behind one that was lost until it is ended. */
bool imprint_postgres_is_open(const struct imprint_postgres *postgres);
/* It is ended: what was lost counts no more. */
void imprint_postgres_end(struct imprint_postgres *postgres);

/* ---- statements ---- */

struct imprint_postgres_statement {
    char *text; /* with $1 for ?1; own */
    unsigned number;
    unsigned generation; /* of the connection that knows it; 0: none */
    int count;           /* parameters */
    const char *values[IMPRINT_POSTGRES_PARAMETER_MAX_COUNT];
    int lens[IMPRINT_POSTGRES_PARAMETER_MAX_COUNT];
    int formats[IMPRINT_POSTGRES_PARAMETER_MAX_COUNT]; /* 1: bytes */
    void *result; /* of the last run; NULL: none */
    int row;
};

/*
 * Runs it, with values. ERR_BUSY: the connection was lost, or others were in
 * the way: it may be tried again, a transaction from its beginning.
 */
enum imprint_status imprint_postgres_run(
    struct imprint_postgres *postgres,
    struct imprint_postgres_statement *statement);
/* Rows of the result, and how many were changed. */
int imprint_postgres_count(const struct imprint_postgres_statement *statement);
size_t imprint_postgres_changes(
    const struct imprint_postgres_statement *statement);
/* NULL for NULL; good until the result is cleared. Bytes are "\x..." */
const char *imprint_postgres_text(
    const struct imprint_postgres_statement *statement, int column);
void imprint_postgres_clear(struct imprint_postgres_statement *statement);

#endif
