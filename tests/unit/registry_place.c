#include "registry_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint/where.h"

#define PATH_LEN 128
#define SQL_LEN 16384

static const char *server(void)
{
    return getenv("IMPRINT_TEST_POSTGRES");
}

bool registry_place_is_postgres(void)
{
    return server() != NULL;
}

struct text {
    char *bytes;
    size_t len;
};

static void append(struct text *text, const char *more, size_t len)
{
    text->bytes = realloc(text->bytes, text->len + len + 1);
    assert_non_null(text->bytes);
    memcpy(text->bytes + text->len, more, len);
    text->bytes[text->len + len] = '\0';
    text->len += len;
}

/* ---- PostgreSQL, by its own client ---- */

/* The directory's name, with what a name may have; "K" is "k_". */
static void name_schema(const char *dir, char name[64])
{
    size_t len = 0;

    for (const char *at = dir + strlen("/tmp/"); *at && len < 62; at++) {
        name[len++] = (char)(*at == '-' ? '_' : tolower(*at));
        if (isupper(*at))
            name[len++] = '_';
    }
    name[len] = '\0';
}

static char *run_client(const char *sql)
{
    struct text text = {calloc(1, 1), 0};
    char line[4096];
    ssize_t got;
    int out[2];
    int status;
    pid_t child;

    assert_int_equal(pipe(out), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(out[0]);
        (void)execlp("psql", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-P",
                     "null=NULL", server(), "-c", sql, (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    while ((got = read(out[0], line, sizeof(line))) > 0)
        append(&text, line, (size_t)got);
    (void)close(out[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("%s", sql);
    return text.bytes;
}

void registry_place_set(const char *dir)
{
    struct imprint_why why = {"", ""};
    char schema[64];
    char sql[SQL_LEN];
    char url[512];

    if (!server())
        return;
    name_schema(dir, schema);
    /* SQLite's, for what tests ask */
    (void)snprintf(sql, sizeof(sql),
                   "CREATE SCHEMA %s; CREATE FUNCTION %s.hex(BYTEA) "
                   "RETURNS TEXT LANGUAGE sql AS "
                   "'SELECT upper(encode($1, ''hex''))'",
                   schema, schema);
    free(run_client(sql));
    (void)snprintf(url, sizeof(url), "%s?options=-csearch_path%%3D%s", server(),
                   schema);
    if (imprint_where_set(dir, url, &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
}

/* ---- SQLite ---- */

static int take_row(void *user, int count, char **values, char **names)
{
    (void)names;
    for (int i = 0; i < count; i++) {
        const char *value = values[i] ? values[i] : "NULL";

        append(user, value, strlen(value));
        append(user, i + 1 < count ? "|" : "\n", 1);
    }
    return 0;
}

static char *ask_sqlite(const char *dir, const char *sql)
{
    struct text text = {calloc(1, 1), 0};
    sqlite3 *database = NULL;
    char path[PATH_LEN];
    char *problem = NULL;

    assert_non_null(text.bytes);
    (void)snprintf(path, sizeof(path), "%s/registry.db", dir);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    (void)sqlite3_busy_timeout(database, 5000);
    if (sqlite3_exec(database, sql, take_row, &text, &problem) != SQLITE_OK)
        fail_msg("%s: %s", sql, problem);
    (void)sqlite3_close(database);
    return text.bytes;
}

char *registry_place_ask(const char *dir, const char *sql)
{
    char schema[64];
    char whole[SQL_LEN];

    if (!server())
        return ask_sqlite(dir, sql);
    name_schema(dir, schema);
    assert_true(snprintf(whole, sizeof(whole), "SET search_path = %s; %s",
                         schema, sql) < SQL_LEN);
    return run_client(whole);
}
