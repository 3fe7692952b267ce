#include "views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql.h"

#define COLUMN_MAX_COUNT 10
#define ALL_ROWS INT64_MAX
#define ONE_PAGE "CAST(?2 AS TEXT) = ''" LIMIT

/* ?1: of; ?2: after; ?3: limit. */
#define LIMIT " LIMIT ?3"
#define BY_NAME(name) "AND " name " > ?2 ORDER BY " name LIMIT
#define NOTHING "WHERE CAST(?1 AS TEXT) IS NOT NULL "
#define CERTIFICATE "(SELECT number FROM certificate WHERE id = ?1)"
#define THING "(SELECT number FROM thing WHERE name = ?1)"

#define TEMPLATES                                                           \
    "SELECT name, description, created, modified, is_enabled, hook, role, " \
    "document, version, name FROM template "
#define POLICIES                                               \
    "SELECT name, document, version, created, modified, name " \
    "FROM policy "
#define CERTIFICATES                                                         \
    "SELECT id, state, created, is_sni_only, modified, ca, pem, not_after, " \
    "claim, number FROM certificate "
#define THINGS                                                                 \
    "SELECT thing.number, created, attributes, type, billing_group, version, " \
    "name FROM thing "
#define NAMED(table, parent) \
    "SELECT created, version, document, " parent ", name FROM " table " "
#define VERSIONS(table)                                                 \
    "SELECT number, created, document, is_default, number FROM "        \
    "(SELECT version AS number, version_created AS created, document, " \
    "1 AS is_default FROM " table " WHERE name = ?1 UNION ALL "         \
    "SELECT number, created, document, 0 FROM version "                 \
    "WHERE owner = '" table "/' || ?1) AS versions "                    \
    "WHERE number > ?2 ORDER BY number" LIMIT
#define CERTIFICATE_TARGETS                           \
    "SELECT 'cert/' || id AS target FROM attachment " \
    "JOIN certificate ON number = certificate "       \
    "WHERE policy = ?1 AND is_temporary = 0"
#define BELOW                                                        \
    "WITH RECURSIVE down (below) AS (SELECT CAST(?1 AS TEXT) UNION " \
    "SELECT name FROM thing_group JOIN down ON parent = below) "
#define LISTED "AND is_temporary = 0 "

static const struct {
    const char *text;
    int column_count;
} views[] = {
    [IMPRINT_VIEW_TEMPLATES] = {TEMPLATES NOTHING BY_NAME("name"), 10},
    [IMPRINT_VIEW_TEMPLATE] = {TEMPLATES "WHERE name = ?1 " BY_NAME("name"),
                               10},
    [IMPRINT_VIEW_TEMPLATE_VERSIONS] = {VERSIONS("template"), 5},
    [IMPRINT_VIEW_POLICY_VERSIONS] = {VERSIONS("policy"), 5},
    [IMPRINT_VIEW_POLICIES] = {POLICIES NOTHING
                               "AND substr(name, 1, 1) <> '$' " BY_NAME("name"),
                               6},
    [IMPRINT_VIEW_POLICY] = {POLICIES "WHERE name = ?1 " BY_NAME("name"), 6},
    [IMPRINT_VIEW_CERTIFICATE_POLICIES] = {"SELECT policy FROM attachment "
                                           "WHERE certificate = " CERTIFICATE
                                           " " BY_NAME("policy"),
                                           1},
    [IMPRINT_VIEW_GROUP_POLICIES] = {"SELECT policy FROM group_attachment "
                                     "WHERE thing_group = ?1 " BY_NAME(
                                         "policy"),
                                     1},
    [IMPRINT_VIEW_GROUP_ALL_POLICIES] =
        {"WITH RECURSIVE up (name) AS (SELECT CAST(?1 AS TEXT) UNION "
         "SELECT parent FROM thing_group JOIN up "
         "ON thing_group.name = up.name WHERE parent IS NOT NULL) "
         "SELECT DISTINCT policy FROM group_attachment "
         "WHERE thing_group IN (SELECT name FROM up) " BY_NAME("policy"),
         1},
    [IMPRINT_VIEW_POLICY_CERTIFICATES] =
        {"SELECT target FROM (" CERTIFICATE_TARGETS ") AS targets "
         "WHERE target > ?2 ORDER BY target" LIMIT,
         1},
    [IMPRINT_VIEW_POLICY_TARGETS] =
        {"SELECT target FROM (" CERTIFICATE_TARGETS " UNION ALL "
         "SELECT 'thinggroup/' || thing_group FROM group_attachment "
         "WHERE policy = ?1) AS targets "
         "WHERE target > ?2 ORDER BY target" LIMIT,
         1},
    [IMPRINT_VIEW_CERTIFICATES] = {CERTIFICATES NOTHING LISTED
                                   "AND number < ?2 "
                                   "ORDER BY number DESC" LIMIT,
                                   10},
    [IMPRINT_VIEW_CERTIFICATES_UP] = {CERTIFICATES NOTHING LISTED
                                      "AND number > ?2 "
                                      "ORDER BY number" LIMIT,
                                      10},
    [IMPRINT_VIEW_CERTIFICATE] = {CERTIFICATES "WHERE id = ?1 "
                                               "AND " ONE_PAGE,
                                  10},
    [IMPRINT_VIEW_CERTIFICATES_BY_CA] = {CERTIFICATES
                                         "WHERE ca = ?1 AND number > ?2 "
                                         "ORDER BY number" LIMIT,
                                         10},
    [IMPRINT_VIEW_CLAIMS] = {CERTIFICATES NOTHING
                             "AND claim IS NOT NULL " LISTED
                             "AND number > ?2 ORDER BY number" LIMIT,
                             10},
    [IMPRINT_VIEW_CERTIFICATE_THINGS] =
        {"SELECT name, is_exclusive, name FROM certificate_thing "
         "JOIN thing ON thing.number = certificate_thing.thing "
         "WHERE certificate = " CERTIFICATE " " BY_NAME("name"),
         3},
    [IMPRINT_VIEW_THING_CERTIFICATES] =
        {"SELECT is_exclusive, id FROM certificate_thing "
         "JOIN certificate ON certificate.number = certificate "
         "WHERE thing = " THING " " LISTED BY_NAME("id"),
         2},
    [IMPRINT_VIEW_THINGS] = {THINGS NOTHING BY_NAME("name"), 7},
    [IMPRINT_VIEW_THING] = {THINGS "WHERE name = ?1 " BY_NAME("name"), 7},
    [IMPRINT_VIEW_TYPE_THINGS] = {THINGS "WHERE type = ?1 " BY_NAME("name"), 7},
    [IMPRINT_VIEW_GROUP_THINGS] =
        {"SELECT thing.number, created, attributes, type, billing_group, "
         "version, name FROM membership JOIN thing ON number = thing "
         "WHERE thing_group = ?1 " BY_NAME("name"),
         7},
    [IMPRINT_VIEW_GROUP_ALL_THINGS] =
        {BELOW "SELECT number, created, attributes, type, billing_group, "
               "version, name FROM thing WHERE number IN "
               "(SELECT thing FROM membership WHERE thing_group IN "
               "(SELECT below FROM down)) " BY_NAME("name"),
         7},
    [IMPRINT_VIEW_BILLING_GROUP_THINGS] =
        {THINGS "WHERE billing_group = ?1 " BY_NAME("name"), 7},
    [IMPRINT_VIEW_THING_GROUPS] = {"SELECT thing_group FROM membership "
                                   "WHERE thing = " THING
                                   " " BY_NAME("thing_group"),
                                   1},
    [IMPRINT_VIEW_TYPES] = {NAMED("thing_type", "NULL") NOTHING BY_NAME("name"),
                            5},
    [IMPRINT_VIEW_TYPE] = {NAMED("thing_type",
                                 "NULL") "WHERE name = ?1 " BY_NAME("name"),
                           5},
    [IMPRINT_VIEW_GROUPS] = {NAMED("thing_group", "parent")
                                 NOTHING BY_NAME("name"),
                             5},
    [IMPRINT_VIEW_GROUP] = {NAMED("thing_group",
                                  "parent") "WHERE name = ?1 " BY_NAME("name"),
                            5},
    [IMPRINT_VIEW_CHILD_GROUPS] =
        {NAMED("thing_group", "parent") "WHERE parent = ?1 " BY_NAME("name"),
         5},
    [IMPRINT_VIEW_DESCENDANT_GROUPS] =
        {BELOW NAMED("thing_group", "parent") "WHERE name IN "
                                              "(SELECT below FROM down) AND "
                                              "name <> ?1 " BY_NAME("name"),
         5},
    [IMPRINT_VIEW_ROOT_GROUPS] = {NAMED("thing_group", "parent") NOTHING
                                  "AND parent IS NULL " BY_NAME("name"),
                                  5},
    [IMPRINT_VIEW_GROUP_ANCESTORS] =
        {"WITH RECURSIVE up (above, depth) AS (SELECT parent, 1 "
         "FROM thing_group WHERE name = ?1 AND parent IS NOT NULL UNION ALL "
         "SELECT parent, depth + 1 FROM thing_group JOIN up ON name = above "
         "WHERE parent IS NOT NULL) "
         "SELECT above FROM up WHERE CAST(?2 AS TEXT) = '' "
         "ORDER BY depth DESC" LIMIT,
         1},
    [IMPRINT_VIEW_BILLING_GROUPS] = {NAMED("billing_group", "NULL")
                                         NOTHING BY_NAME("name"),
                                     5},
    [IMPRINT_VIEW_BILLING_GROUP] =
        {NAMED("billing_group", "NULL") "WHERE name = ?1 " BY_NAME("name"), 5},
    [IMPRINT_VIEW_RESOURCES] = {"SELECT created, document, name FROM resource "
                                "WHERE kind = ?1 " BY_NAME("name"),
                                3},
};

const char *imprint_views_text(enum imprint_view view)
{
    return views[view].text;
}

/* Behind which row, by what the view's rows are sorted. */
static void bind_after(struct imprint_sql *row, enum imprint_view view,
                       const char *after)
{
    bool is_first = after[0] == '\0';
    int64_t number = is_first ? 0 : strtoll(after, NULL, 10);

    switch (view) {
    case IMPRINT_VIEW_CERTIFICATES: /* the newest first */
        imprint_sql_bind_number(row, 2, is_first ? INT64_MAX : number);
        break;
    case IMPRINT_VIEW_CERTIFICATES_UP:
    case IMPRINT_VIEW_CERTIFICATES_BY_CA:
    case IMPRINT_VIEW_CLAIMS:
    case IMPRINT_VIEW_TEMPLATE_VERSIONS:
    case IMPRINT_VIEW_POLICY_VERSIONS:
        imprint_sql_bind_number(row, 2, number);
        break;
    default:
        imprint_sql_bind_text(row, 2, after);
    }
}

enum imprint_status imprint_views_show(struct imprint_registry *registry,
                                       enum imprint_view view,
                                       const struct imprint_views_page *page,
                                       char next[IMPRINT_VIEWS_KEY_LEN])
{
    struct imprint_sql *row =
        imprint_sql_ready_text(registry, views[view].text);
    int count = views[view].column_count;
    const char *columns[COLUMN_MAX_COUNT];
    char key[IMPRINT_VIEWS_KEY_LEN] = "";
    enum imprint_status status;
    bool has_more = false;
    size_t seen = 0;

    imprint_sql_bind_text(row, 1, page->of);
    bind_after(row, view, page->after);
    imprint_sql_bind_number(row, 3,
                            page->limit ? (int64_t)page->limit + 1 : ALL_ROWS);
    while ((status = imprint_sql_step(row)) == IMPRINT_OK) {
        if (page->limit && seen == page->limit) {
            has_more = true;
            break;
        }
        for (int i = 0; i < count; i++)
            columns[i] = imprint_sql_text(row, i);
        (void)snprintf(key, sizeof(key), "%s", columns[count - 1]);
        page->each(page->user, columns);
        seen++;
    }
    if (next)
        (void)snprintf(next, IMPRINT_VIEWS_KEY_LEN, "%s", has_more ? key : "");
    return imprint_sql_end(row, status);
}
