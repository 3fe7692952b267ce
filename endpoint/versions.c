#include "versions.h"

#include "sql.h"

/* The same for policies and templates: the table's name is its owners' kind. */
enum step {
    STEP_DEFAULT,
    STEP_COUNT,
    STEP_GROW,
    STEP_INSERT,
    STEP_LAST,
    STEP_FIND,
    STEP_ASIDE,
    STEP_SWITCH,
    STEP_DROP,
    STEP_TOTAL
};

#define OWNER(table) "'" table "/' || ?1"
#define STEPS(table)                                                           \
    {                                                                          \
        [STEP_DEFAULT] = {"SELECT version FROM " table " WHERE name = ?1"},    \
        [STEP_COUNT] = {"SELECT count(*) FROM version WHERE owner = " OWNER(   \
            table)},                                                           \
        [STEP_GROW] = {"UPDATE " table " SET last_version = last_version + 1 " \
                       "WHERE name = ?1"},                                     \
        [STEP_INSERT] =                                                        \
            {"INSERT INTO version (owner, number, document, created) "         \
             "SELECT " OWNER(table) ", last_version, ?2, unixepoch() "         \
                                    "FROM " table " WHERE name = ?1"},         \
        [STEP_LAST] = {"SELECT last_version FROM " table " WHERE name = ?1"},  \
        [STEP_FIND] = {"SELECT number FROM version "                           \
                       "WHERE owner = " OWNER(table) " AND number = ?2"},      \
        [STEP_ASIDE] =                                                         \
            {"INSERT INTO version (owner, number, document, created) "         \
             "SELECT " OWNER(table) ", version, document, version_created "    \
                                    "FROM " table " WHERE name = ?1"},         \
        [STEP_SWITCH] = {"UPDATE " table                                       \
                         " SET (document, version, version_created) = "        \
                         "(SELECT document, number, created FROM version "     \
                         "WHERE owner = " OWNER(                               \
                             table) " AND number = ?2), "                      \
                                    "modified = unixepoch() "                  \
                                    "WHERE name = ?1"},                        \
        [STEP_DROP] = {"DELETE FROM version "                                  \
                       "WHERE owner = " OWNER(table) " AND number = ?2"},      \
    }

/* Structs, so that nobody takes a text for two. */
static const struct {
    const char *text;
} steps[][STEP_TOTAL] = {
    [IMPRINT_VERSIONS_POLICY] = STEPS("policy"),
    [IMPRINT_VERSIONS_TEMPLATE] = STEPS("template"),
};

struct version {
    struct imprint_registry *registry;
    enum imprint_versions_of of;
    const char *name;
    int64_t number;
};

static struct imprint_sql *ready(const struct version *version, enum step step)
{
    struct imprint_sql *statement = imprint_sql_ready_text(
        version->registry, steps[version->of][step].text);

    imprint_sql_bind_text(statement, 1, version->name);
    return statement;
}

static struct imprint_sql *ready_number(const struct version *version,
                                        enum step step)
{
    struct imprint_sql *statement = ready(version, step);

    imprint_sql_bind_number(statement, 2, version->number);
    return statement;
}

/* ERR_NOT_FOUND: it has no row. */
static enum imprint_status ask(struct imprint_sql *statement, int64_t *number)
{
    enum imprint_status status = imprint_sql_step(statement);
    enum imprint_status end;

    if (status == IMPRINT_OK)
        *number = imprint_sql_number(statement, 0);
    end = imprint_sql_end(statement, status);
    return status == IMPRINT_ERR_NOT_FOUND ? status : end;
}

enum imprint_status imprint_versions_put(struct imprint_registry *registry,
                                         enum imprint_versions_of of,
                                         const char *name, const char *document,
                                         int64_t *number)
{
    const struct version version = {registry, of, name, 0};
    struct imprint_sql *insert;
    int64_t count = 0;
    enum imprint_status status = ask(ready(&version, STEP_COUNT), &count);

    if (status == IMPRINT_OK && count + 1 >= IMPRINT_VERSIONS_MAX_COUNT)
        return IMPRINT_ERR_REFUSED;
    if (status == IMPRINT_OK)
        status = imprint_sql_run_one(ready(&version, STEP_GROW));
    if (status != IMPRINT_OK)
        return status;
    insert = ready(&version, STEP_INSERT);
    imprint_sql_bind_text(insert, 2, document);
    status = imprint_sql_run_one(insert);
    return status == IMPRINT_OK ? ask(ready(&version, STEP_LAST), number)
                                : status;
}

enum imprint_status imprint_versions_set_default(
    struct imprint_registry *registry, enum imprint_versions_of of,
    const char *name, int64_t number)
{
    const struct version version = {registry, of, name, number};
    int64_t found = 0;
    enum imprint_status status = ask(ready(&version, STEP_DEFAULT), &found);

    if (status != IMPRINT_OK || found == number)
        return status;
    status = ask(ready_number(&version, STEP_FIND), &found);
    if (status == IMPRINT_OK)
        status = imprint_sql_run_one(ready(&version, STEP_ASIDE));
    if (status == IMPRINT_OK)
        status = imprint_sql_run_one(ready_number(&version, STEP_SWITCH));
    if (status == IMPRINT_OK)
        status = imprint_sql_run_one(ready_number(&version, STEP_DROP));
    return status;
}

enum imprint_status imprint_versions_drop(struct imprint_registry *registry,
                                          enum imprint_versions_of of,
                                          const char *name, int64_t number)
{
    const struct version version = {registry, of, name, number};
    int64_t found = 0;
    enum imprint_status status = ask(ready(&version, STEP_DEFAULT), &found);

    if (status == IMPRINT_OK && found == number)
        return IMPRINT_ERR_REFUSED;
    if (status == IMPRINT_OK)
        status = imprint_sql_run_one(ready_number(&version, STEP_DROP));
    return status;
}
