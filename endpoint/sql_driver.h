/*
 * What a database has to do to be a registry: for sql.c, registry.c and the
 * drivers, registry_<database>.c.
 */
#ifndef IMPRINT_ENDPOINT_SQL_DRIVER_H
#define IMPRINT_ENDPOINT_SQL_DRIVER_H

#include "sql.h"

/* The number of the schema that every driver makes and asks for. */
#define IMPRINT_SQL_DRIVER_SCHEMA 4

/* Calls take a statement that could not be prepared, and step then fails. */
struct imprint_sql_driver {
    const char *begin; /* the statement that begins a transaction */
    /* One that keeps others from ?1 until its end; NULL: it keeps them from
     * everything. */
    const char *lock;
    /* Once for each; it may be needed again when a connection was lost. */
    void (*prepare)(struct imprint_sql *statement);
    void (*bind_text)(struct imprint_sql *statement, int index,
                      const char *text);
    void (*bind_number)(struct imprint_sql *statement, int index,
                        int64_t number);
    void (*bind_bytes)(struct imprint_sql *statement, int index,
                       struct imprint_slice bytes);
    enum imprint_status (*step)(struct imprint_sql *statement);
    const char *(*text)(const struct imprint_sql *statement, int column);
    int64_t (*number)(const struct imprint_sql *statement, int column);
    struct imprint_slice (*bytes)(const struct imprint_sql *statement,
                                  int column);
    /* Done with: what was bound is forgotten. */
    void (*reset)(struct imprint_sql *statement);
    void (*free)(struct imprint_sql *statement);
    /* Rows that the last one changed. */
    size_t (*changes)(const struct imprint_registry *registry);
    /* A number that is another one when somebody else changed something. */
    enum imprint_status (*version)(struct imprint_registry *registry,
                                   int64_t *version);
    bool (*is_open)(const struct imprint_registry *registry); /* transaction */
    void (*close)(struct imprint_registry *registry);
};

struct imprint_sql {
    struct imprint_registry *registry;
    const char *text;
    void *prepared; /* the driver's; NULL: not yet, or it can't be */
};

struct imprint_sql_other {
    struct imprint_sql statement;
    struct imprint_sql_other *next;
};

struct imprint_registry {
    const struct imprint_sql_driver *driver;
    void *connection; /* the driver's; NULL: none */
    struct imprint_sql statements[SQL_COUNT];
    struct imprint_sql_other *others; /* those without a name */
    struct imprint_sql none;          /* when there is no memory */
    int64_t seen_version;
    int64_t seen_change;
    char problem[256];
};

/* Sets driver, whatever comes out, and connection. */
IMPRINT_MUST_USE enum imprint_status imprint_registry_sqlite_open(
    struct imprint_registry *registry, const char *dir,
    enum imprint_registry_use use, struct imprint_why *why);

/* url: postgresql://... */
IMPRINT_MUST_USE enum imprint_status imprint_registry_postgres_open(
    struct imprint_registry *registry, const char *url,
    enum imprint_registry_use use, struct imprint_why *why);

#endif
