#include "resource.h"

#include <stdlib.h>
#include <string.h>

#include "sql.h"

static struct imprint_sql *name_one(struct imprint_sql *statement,
                                    const char *kind, const char *name)
{
    imprint_sql_bind_text(statement, 1, kind);
    imprint_sql_bind_text(statement, 2, name);
    return statement;
}

enum imprint_status imprint_resource_put(struct imprint_registry *registry,
                                         const char *kind, const char *name,
                                         const struct imprint_json *document)
{
    char *text = imprint_json_write_line(document);
    struct imprint_sql *statement;
    enum imprint_status status;

    if (!text)
        return IMPRINT_ERR_INTERNAL;
    statement = name_one(
        imprint_sql_ready_text(
            registry,
            "INSERT INTO resource (kind, name, document) VALUES (?1, ?2, ?3) "
            "ON CONFLICT (kind, name) DO UPDATE SET "
            "document = excluded.document"),
        kind, name);
    imprint_sql_bind_text(statement, 3, text);
    status = imprint_sql_run(statement);
    explicit_bzero(text, strlen(text)); /* it may be a secret */
    free(text);
    return status;
}

enum imprint_status imprint_resource_find(struct imprint_registry *registry,
                                          const char *kind, const char *name,
                                          struct imprint_json **document)
{
    char *text = NULL;
    enum imprint_status status = imprint_sql_ask_text(
        name_one(imprint_sql_ready_text(registry,
                                        "SELECT document FROM resource "
                                        "WHERE kind = ?1 AND name = ?2"),
                 kind, name),
        &text);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_json_read(imprint_slice_text(text), document, NULL);
    explicit_bzero(text, strlen(text));
    free(text);
    return status == IMPRINT_OK ? status : IMPRINT_ERR_STORAGE;
}

enum imprint_status imprint_resource_drop(struct imprint_registry *registry,
                                          const char *kind, const char *name)
{
    return imprint_sql_run_one(name_one(
        imprint_sql_ready_text(registry, "DELETE FROM resource "
                                         "WHERE kind = ?1 AND name = ?2"),
        kind, name));
}
