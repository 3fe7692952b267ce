#include "catalog.h"

#include "sql.h"

#define CERTIFICATE_POLICY_MAX_COUNT 10 /* AWS quota */

/* ---- the shapes that statements have here ---- */

static struct imprint_sql *with_texts(struct imprint_registry *registry,
                                      enum imprint_sql_name which,
                                      const char *first, const char *second)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, which);

    imprint_sql_bind_text(statement, 1, first);
    if (second)
        imprint_sql_bind_text(statement, 2, second);
    return statement;
}

static struct imprint_sql *with_text(struct imprint_registry *registry,
                                     enum imprint_sql_name which,
                                     const char *text)
{
    return with_texts(registry, which, text, NULL);
}

static enum imprint_status each_name(struct imprint_sql *statement,
                                     void (*each)(void *user, const char *name),
                                     void *user)
{
    enum imprint_status status;

    while ((status = imprint_sql_step(statement)) == IMPRINT_OK)
        each(user, imprint_sql_text(statement, 0));
    return imprint_sql_end(statement, status);
}

static enum imprint_status each_document(struct imprint_sql *statement,
                                         void (*each)(void *user,
                                                      const char *name,
                                                      const char *document),
                                         void *user)
{
    enum imprint_status status;

    while ((status = imprint_sql_step(statement)) == IMPRINT_OK)
        each(user, imprint_sql_text(statement, 0),
             imprint_sql_text(statement, 1));
    return imprint_sql_end(statement, status);
}

/* ---- things ---- */

enum imprint_status imprint_catalog_put_thing(
    struct imprint_registry *registry,
    const struct imprint_catalog_thing *thing)
{
    struct imprint_sql *statement =
        with_text(registry, SQL_PUT_THING, thing->name);

    imprint_sql_bind_text(statement, 2,
                          thing->attributes ? thing->attributes : "{}");
    imprint_sql_bind_text(statement, 3, thing->type);
    imprint_sql_bind_text(statement, 4, thing->billing_group);
    imprint_sql_bind_number(statement, 5, thing->created);
    return imprint_sql_run(statement);
}

enum imprint_status imprint_catalog_find_thing(
    struct imprint_registry *registry, const char *name,
    void (*found)(void *user, const struct imprint_catalog_thing *thing),
    void *user)
{
    struct imprint_sql *row = with_text(registry, SQL_FIND_THING, name);
    enum imprint_status status = imprint_sql_step(row);
    struct imprint_catalog_thing thing;
    enum imprint_status end;

    if (status == IMPRINT_OK) {
        thing = (struct imprint_catalog_thing){
            .name = imprint_sql_text(row, 0),
            .attributes = imprint_sql_text(row, 1),
            .type = imprint_sql_text(row, 2),
            .billing_group = imprint_sql_text(row, 3),
            .created = imprint_sql_number(row, 4),
        };
        found(user, &thing);
    }
    end = imprint_sql_end(row, status);
    return status == IMPRINT_ERR_NOT_FOUND ? status : end;
}

enum imprint_status imprint_catalog_put_member(
    struct imprint_registry *registry, const char *group, const char *thing)
{
    return imprint_sql_run(with_texts(registry, SQL_PUT_MEMBER, group, thing));
}

enum imprint_status imprint_catalog_drop_members(
    struct imprint_registry *registry, const char *thing)
{
    return imprint_sql_run(with_text(registry, SQL_DROP_MEMBERS, thing));
}

enum imprint_status imprint_catalog_each_group(
    struct imprint_registry *registry, const char *thing,
    void (*each)(void *user, const char *group), void *user)
{
    return each_name(with_text(registry, SQL_GROUPS, thing), each, user);
}

/* ---- certificates and their things ---- */

enum imprint_status imprint_catalog_attach_thing(
    struct imprint_registry *registry, const char *certificate_id,
    const char *thing, bool is_exclusive)
{
    struct imprint_sql *statement =
        with_texts(registry, SQL_OTHER_THING, certificate_id, thing);
    enum imprint_status status;

    imprint_sql_bind_number(statement, 3, is_exclusive);
    status = imprint_sql_ask(statement);
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status == IMPRINT_OK ? IMPRINT_ERR_REFUSED : status;
    statement = with_texts(registry, SQL_ATTACH_THING, certificate_id, thing);
    imprint_sql_bind_number(statement, 3, is_exclusive);
    return imprint_sql_run(statement);
}

enum imprint_status imprint_catalog_each_thing(
    struct imprint_registry *registry, const char *certificate_id,
    void (*each)(void *user, const char *thing, bool is_exclusive), void *user)
{
    struct imprint_sql *row = with_text(registry, SQL_THINGS, certificate_id);
    enum imprint_status status;

    while ((status = imprint_sql_step(row)) == IMPRINT_OK)
        each(user, imprint_sql_text(row, 0), imprint_sql_number(row, 1) != 0);
    return imprint_sql_end(row, status);
}

/* ---- names ---- */

enum imprint_status imprint_catalog_put_name(struct imprint_registry *registry,
                                             enum imprint_catalog_kind kind,
                                             const char *name)
{
    return imprint_sql_run(
        with_text(registry, SQL_PUT_TYPE + (enum imprint_sql_name)kind, name));
}

enum imprint_status imprint_catalog_find_name(struct imprint_registry *registry,
                                              enum imprint_catalog_kind kind,
                                              const char *name)
{
    return imprint_sql_ask(
        with_text(registry, SQL_FIND_TYPE + (enum imprint_sql_name)kind, name));
}

enum imprint_status imprint_catalog_each_name(
    struct imprint_registry *registry, enum imprint_catalog_kind kind,
    void (*each)(void *user, const char *name), void *user)
{
    return each_name(
        imprint_sql_ready(registry, SQL_TYPES + (enum imprint_sql_name)kind),
        each, user);
}

/* ---- policies ---- */

enum imprint_status imprint_catalog_put_policy(
    struct imprint_registry *registry, const char *name, const char *document)
{
    return imprint_sql_run(
        with_texts(registry, SQL_PUT_POLICY, name, document));
}

enum imprint_status imprint_catalog_find_policy(
    struct imprint_registry *registry, const char *name, char **document)
{
    return imprint_sql_ask_text(with_text(registry, SQL_FIND_POLICY, name),
                                document);
}

enum imprint_status imprint_catalog_each_policy(
    struct imprint_registry *registry, void (*each)(void *user, const char *),
    void *user)
{
    return each_name(imprint_sql_ready(registry, SQL_POLICIES), each, user);
}

enum imprint_status imprint_catalog_drop_policy(
    struct imprint_registry *registry, const char *name)
{
    enum imprint_status status =
        imprint_sql_run_one(with_text(registry, SQL_DROP_POLICY, name));

    if (status == IMPRINT_ERR_NOT_FOUND &&
        imprint_catalog_find_policy(registry, name, NULL) == IMPRINT_OK)
        status = IMPRINT_ERR_REFUSED;
    return status;
}

static void see(void *user, const struct imprint_catalog_thing *thing)
{
    (void)user;
    (void)thing;
}

enum imprint_status imprint_catalog_drop_thing(
    struct imprint_registry *registry, const char *name)
{
    enum imprint_status status =
        imprint_sql_run_one(with_text(registry, SQL_DROP_THING, name));

    if (status == IMPRINT_ERR_NOT_FOUND &&
        imprint_catalog_find_thing(registry, name, see, NULL) == IMPRINT_OK)
        status = IMPRINT_ERR_REFUSED;
    return status;
}

/* What was not put is there already, or one too many. */
static enum imprint_status attach(struct imprint_registry *registry,
                                  const char *certificate_id,
                                  const char *policy)
{
    struct imprint_sql *statement =
        with_texts(registry, SQL_ATTACH, certificate_id, policy);
    enum imprint_status status;

    imprint_sql_bind_number(statement, 3, CERTIFICATE_POLICY_MAX_COUNT);
    status = imprint_sql_run_one(statement);
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    status = imprint_sql_ask(
        with_texts(registry, SQL_FIND_ATTACHMENT, certificate_id, policy));
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_ERR_REFUSED : status;
}

enum imprint_status imprint_catalog_attach_policy(
    struct imprint_registry *registry, const char *certificate_id,
    const char *policy, bool is_attached)
{
    if (is_attached)
        return attach(registry, certificate_id, policy);
    return imprint_sql_run_one(
        with_texts(registry, SQL_DETACH, certificate_id, policy));
}

enum imprint_status imprint_catalog_attach_group_policy(
    struct imprint_registry *registry, const char *group, const char *policy,
    bool is_attached)
{
    if (is_attached)
        return imprint_sql_run(
            with_texts(registry, SQL_ATTACH_GROUP, group, policy));
    return imprint_sql_run_one(
        with_texts(registry, SQL_DETACH_GROUP, group, policy));
}

enum imprint_status imprint_catalog_each_certificate_policy(
    struct imprint_registry *registry, const char *certificate_id,
    void (*each)(void *user, const char *name, const char *document),
    void *user)
{
    return each_document(
        with_text(registry, SQL_CERTIFICATE_POLICIES, certificate_id), each,
        user);
}

enum imprint_status imprint_catalog_each_thing_policy(
    struct imprint_registry *registry, const char *thing,
    void (*each)(void *user, const char *name, const char *document),
    void *user)
{
    return each_document(with_text(registry, SQL_THING_POLICIES, thing), each,
                         user);
}

/* ---- templates ---- */

enum imprint_status imprint_catalog_put_template(
    struct imprint_registry *registry,
    const struct imprint_catalog_template *template)
{
    struct imprint_sql *statement = with_texts(
        registry, SQL_PUT_TEMPLATE, template->name, template->document);

    imprint_sql_bind_text(statement, 3, template->hook);
    imprint_sql_bind_number(statement, 4, template->is_enabled);
    return imprint_sql_run(statement);
}

enum imprint_status imprint_catalog_each_template(
    struct imprint_registry *registry, const char *name,
    void (*each)(void *user, const struct imprint_catalog_template *template),
    void *user)
{
    struct imprint_sql *row = imprint_sql_ready(
        registry, name ? SQL_ONE_TEMPLATE : SQL_ALL_TEMPLATES);
    bool is_any = false;
    enum imprint_status status;

    if (name)
        imprint_sql_bind_text(row, 1, name);
    while ((status = imprint_sql_step(row)) == IMPRINT_OK) {
        struct imprint_catalog_template found = {
            .name = imprint_sql_text(row, 0),
            .document = imprint_sql_text(row, 1),
            .hook = imprint_sql_text(row, 2),
            .is_enabled = imprint_sql_number(row, 3) != 0,
        };

        each(user, &found);
        is_any = true;
    }
    status = imprint_sql_end(row, status);
    return status == IMPRINT_OK && name && !is_any ? IMPRINT_ERR_NOT_FOUND
                                                   : status;
}

enum imprint_status imprint_catalog_drop_template(
    struct imprint_registry *registry, const char *name)
{
    return imprint_sql_run_one(with_text(registry, SQL_DROP_TEMPLATE, name));
}
