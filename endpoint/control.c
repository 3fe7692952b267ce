#include "control.h"

#include "sql.h"

static struct imprint_sql *with_texts(struct imprint_registry *registry,
                                      const char *sql, const char *first,
                                      const char *second)
{
    struct imprint_sql *statement = imprint_sql_ready_text(registry, sql);

    imprint_sql_bind_text(statement, 1, first);
    if (second)
        imprint_sql_bind_text(statement, 2, second);
    return statement;
}

enum imprint_status imprint_control_change_template(
    struct imprint_registry *registry, const char *name,
    const struct imprint_control_template *change)
{
    struct imprint_sql *statement =
        with_texts(registry,
                   "UPDATE template SET modified = unixepoch(), "
                   "description = nullif(coalesce(?2, description), ''), "
                   "role = nullif(coalesce(?3, role), ''), "
                   "hook = nullif(coalesce(?4, hook), ''), "
                   "is_enabled = CAST(coalesce(?5, is_enabled) AS INTEGER) "
                   "WHERE name = ?1",
                   name, change->description);

    imprint_sql_bind_text(statement, 3, change->role);
    imprint_sql_bind_text(statement, 4, change->hook);
    imprint_sql_bind_text(statement, 5, change->is_enabled);
    return imprint_sql_run_one(statement);
}

enum imprint_status imprint_control_set_origin(
    struct imprint_registry *registry, const char *certificate_id,
    const char *ca, bool is_sni_only)
{
    struct imprint_sql *statement =
        with_texts(registry,
                   "UPDATE certificate SET ca = ?2, is_sni_only = ?3 "
                   "WHERE id = ?1",
                   certificate_id, ca);

    imprint_sql_bind_number(statement, 3, is_sni_only);
    return imprint_sql_run_one(statement);
}

enum imprint_status imprint_control_detach_thing(
    struct imprint_registry *registry, const char *certificate_id,
    const char *thing)
{
    return imprint_sql_run_one(
        with_texts(registry,
                   "DELETE FROM certificate_thing WHERE certificate = "
                   "(SELECT number FROM certificate WHERE id = ?1) "
                   "AND thing = (SELECT number FROM thing WHERE name = ?2)",
                   certificate_id, thing));
}

/* ---- types and groups ---- */

enum imprint_status imprint_control_drop_member(
    struct imprint_registry *registry, const char *group, const char *thing)
{
    return imprint_sql_run_one(
        with_texts(registry,
                   "DELETE FROM membership WHERE thing_group = ?1 "
                   "AND thing = (SELECT number FROM thing WHERE name = ?2)",
                   group, thing));
}

enum imprint_status imprint_control_set_billing_group(
    struct imprint_registry *registry, const char *thing, const char *group)
{
    return imprint_sql_run_one(
        with_texts(registry,
                   "UPDATE thing SET billing_group = ?2, "
                   "version = version + 1 WHERE name = ?1",
                   thing, group));
}

enum imprint_status imprint_control_put_name(struct imprint_registry *registry,
                                             enum imprint_catalog_kind kind,
                                             const char *name,
                                             const char *document,
                                             const char *parent)
{
    static const char *const texts[] = {
        [IMPRINT_CATALOG_THING_TYPE] =
            "INSERT INTO thing_type (name, document) VALUES (?1, ?2)",
        [IMPRINT_CATALOG_THING_GROUP] =
            ("INSERT INTO thing_group (name, document, parent) "
             "VALUES (?1, ?2, ?3)"),
        [IMPRINT_CATALOG_BILLING_GROUP] =
            "INSERT INTO billing_group (name, document) VALUES (?1, ?2)",
    };
    struct imprint_sql *statement =
        with_texts(registry, texts[kind], name, document);

    if (parent)
        imprint_sql_bind_text(statement, 3, parent);
    return imprint_sql_run(statement);
}

enum imprint_status imprint_control_change_name(
    struct imprint_registry *registry, enum imprint_catalog_kind kind,
    const char *name, const char *document)
{
    static const char *const texts[] = {
        [IMPRINT_CATALOG_THING_TYPE] =
            "UPDATE thing_type SET document = ?2, version = version + 1 "
            "WHERE name = ?1",
        [IMPRINT_CATALOG_THING_GROUP] =
            "UPDATE thing_group SET document = ?2, version = version + 1 "
            "WHERE name = ?1",
        [IMPRINT_CATALOG_BILLING_GROUP] =
            "UPDATE billing_group SET document = ?2, version = version + 1 "
            "WHERE name = ?1",
    };

    return imprint_sql_run_one(
        with_texts(registry, texts[kind], name, document));
}

enum imprint_status imprint_control_drop_name(struct imprint_registry *registry,
                                              enum imprint_catalog_kind kind,
                                              const char *name)
{
    static const char *const texts[][3] = {
        [IMPRINT_CATALOG_THING_TYPE] = {"DELETE FROM thing_type "
                                        "WHERE name = ?1"},
        [IMPRINT_CATALOG_THING_GROUP] =
            {"DELETE FROM membership WHERE thing_group = ?1",
             "DELETE FROM group_attachment WHERE thing_group = ?1",
             "DELETE FROM thing_group WHERE name = ?1"},
        [IMPRINT_CATALOG_BILLING_GROUP] =
            {"UPDATE thing SET billing_group = NULL, version = version + 1 "
             "WHERE billing_group = ?1",
             "DELETE FROM billing_group WHERE name = ?1"},
    };
    enum imprint_status status = IMPRINT_OK;
    size_t last = 0;

    while (last < 2 && texts[kind][last + 1])
        last++;
    for (size_t i = 0; status == IMPRINT_OK && i < last; i++)
        status =
            imprint_sql_run(with_texts(registry, texts[kind][i], name, NULL));
    if (status == IMPRINT_OK)
        status = imprint_sql_run_one(
            with_texts(registry, texts[kind][last], name, NULL));
    return status;
}
