#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "registry_sqlite.h"

static const char *const state_names[] = {
    [IMPRINT_REGISTRY_PENDING] = "PENDING_ACTIVATION",
    [IMPRINT_REGISTRY_ACTIVE] = "ACTIVE",
    [IMPRINT_REGISTRY_INACTIVE] = "INACTIVE",
    [IMPRINT_REGISTRY_REVOKED] = "REVOKED",
};

const char *imprint_registry_state_name(enum imprint_registry_state state)
{
    return state_names[state];
}

/* A statement that is NULL takes nothing; the next step says why. */
static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    (void)sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *statement, int index, int64_t number)
{
    (void)sqlite3_bind_int64(statement, index, number);
}

static void bind_bytes(sqlite3_stmt *statement, int index, const void *bytes,
                       size_t len)
{
    (void)sqlite3_bind_blob(statement, index, bytes, (int)len, SQLITE_STATIC);
}

/* Carries out one that has to change a row. */
static enum imprint_status run_one(struct imprint_registry *registry,
                                   sqlite3_stmt *statement)
{
    enum imprint_status status =
        imprint_registry_sqlite_run(registry, statement);

    if (status == IMPRINT_OK && sqlite3_changes(registry->database) == 0)
        return IMPRINT_ERR_NOT_FOUND;
    return status;
}

static const char *text_at(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

/* ---- certificates ---- */

enum imprint_status imprint_registry_put_certificate(
    struct imprint_registry *registry,
    const struct imprint_registry_certificate *certificate)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_PUT_CERTIFICATE);

    bind_text(statement, 1, certificate->id);
    bind_text(statement, 2, certificate->pem);
    bind_text(statement, 3, certificate->claim);
    bind_text(statement, 4, certificate->maker);
    bind_text(statement, 5, certificate->thing);
    bind_text(statement, 6, state_names[certificate->state]);
    bind_number(statement, 7, certificate->created);
    bind_number(statement, 8, certificate->not_after);
    return imprint_registry_sqlite_run(registry, statement);
}

static enum imprint_registry_state find_state(const char *name)
{
    int state;

    for (state = IMPRINT_REGISTRY_PENDING; state < IMPRINT_REGISTRY_REVOKED;
         state++) {
        if (strcmp(state_names[state], name) == 0)
            break;
    }
    return (enum imprint_registry_state)state;
}

enum imprint_status imprint_registry_each_certificate(
    struct imprint_registry *registry, const char *id,
    void (*each)(void *user, const struct imprint_registry_certificate *found),
    void *user)
{
    sqlite3_stmt *statement = imprint_registry_sqlite_ready(
        registry, id ? SQL_ONE_CERTIFICATE : SQL_ALL_CERTIFICATES);
    bool is_any = false;
    enum imprint_status status;

    if (id)
        bind_text(statement, 1, id);
    while ((status = imprint_registry_sqlite_step(registry, statement)) ==
           IMPRINT_OK) {
        struct imprint_registry_certificate found = {
            .id = text_at(statement, 0),
            .pem = text_at(statement, 1),
            .claim = text_at(statement, 2),
            .maker = text_at(statement, 3),
            .thing = text_at(statement, 4),
            .state = find_state(text_at(statement, 5)),
            .created = sqlite3_column_int64(statement, 6),
            .not_after = sqlite3_column_int64(statement, 7),
        };

        each(user, &found);
        is_any = true;
    }
    imprint_registry_sqlite_finish(statement);
    if (status == IMPRINT_ERR_NOT_FOUND && (is_any || !id))
        return IMPRINT_OK;
    return status;
}

enum imprint_status imprint_registry_set_state(
    struct imprint_registry *registry, const char *id,
    enum imprint_registry_state state, const char *thing)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_SET_STATE);

    bind_text(statement, 1, id);
    bind_text(statement, 2, state_names[state]);
    bind_text(statement, 3, thing);
    return run_one(registry, statement);
}

enum imprint_status imprint_registry_attach(struct imprint_registry *registry,
                                            const char *certificate_id,
                                            const char *policy)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_ATTACH);

    bind_text(statement, 1, certificate_id);
    bind_text(statement, 2, policy);
    return imprint_registry_sqlite_run(registry, statement);
}

enum imprint_status imprint_registry_each_policy(
    struct imprint_registry *registry, const char *certificate_id,
    void (*each)(void *user, const char *name, const char *document),
    void *user)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_POLICIES);
    enum imprint_status status;

    bind_text(statement, 1, certificate_id);
    while ((status = imprint_registry_sqlite_step(registry, statement)) ==
           IMPRINT_OK)
        each(user, text_at(statement, 0), text_at(statement, 1));
    imprint_registry_sqlite_finish(statement);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

/* ---- tokens ---- */

enum imprint_status imprint_registry_put_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    const char *certificate_id, int64_t expires)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_PUT_TOKEN);

    bind_bytes(statement, 1, hash, 32);
    bind_text(statement, 2, certificate_id);
    bind_number(statement, 3, expires);
    return imprint_registry_sqlite_run(registry, statement);
}

/* False: no memory. */
static bool copy_token(sqlite3_stmt *statement,
                       struct imprint_registry_token *out)
{
    struct imprint_registry_token token = {.reply = NULL};
    const void *reply = sqlite3_column_blob(statement, 3);
    int reply_len = sqlite3_column_bytes(statement, 3);

    (void)snprintf(token.certificate_id, sizeof(token.certificate_id), "%s",
                   text_at(statement, 0));
    token.expires = sqlite3_column_int64(statement, 1);
    token.is_used =
        sqlite3_column_bytes(statement, 2) == (int)sizeof(token.request_hash);
    if (token.is_used) {
        memcpy(token.request_hash, sqlite3_column_blob(statement, 2),
               sizeof(token.request_hash));
        token.reply = malloc((size_t)reply_len + 1);
        if (!token.reply)
            return false;
        if (reply_len > 0)
            memcpy(token.reply, reply, (size_t)reply_len);
        token.reply_len = (size_t)reply_len;
    }
    *out = token;
    return true;
}

enum imprint_status imprint_registry_find_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    struct imprint_registry_token *out)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_FIND_TOKEN);
    enum imprint_status status;

    bind_bytes(statement, 1, hash, 32);
    status = imprint_registry_sqlite_step(registry, statement);
    if (status == IMPRINT_OK && !copy_token(statement, out))
        status = IMPRINT_ERR_INTERNAL;
    imprint_registry_sqlite_finish(statement);
    return status;
}

enum imprint_status imprint_registry_use_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    const uint8_t request_hash[32], struct imprint_slice reply)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_USE_TOKEN);

    bind_bytes(statement, 1, hash, 32);
    bind_bytes(statement, 2, request_hash, 32);
    bind_bytes(statement, 3, reply.bytes, reply.len);
    return run_one(registry, statement);
}

enum imprint_status imprint_registry_expire(struct imprint_registry *registry,
                                            int64_t now, size_t *count)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_ANY_EXPIRED);
    enum imprint_status status;

    *count = 0;
    bind_number(statement, 1, now);
    status = imprint_registry_sqlite_step(registry, statement);
    imprint_registry_sqlite_finish(statement);
    if (status != IMPRINT_OK)
        return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
    status = imprint_registry_begin(registry);
    if (status != IMPRINT_OK)
        return status;
    statement = imprint_registry_sqlite_ready(registry, SQL_DROP_UNCLAIMED);
    bind_number(statement, 1, now);
    status = imprint_registry_sqlite_run(registry, statement);
    *count = (size_t)sqlite3_changes(registry->database);
    statement = imprint_registry_sqlite_ready(registry, SQL_DROP_TOKENS);
    bind_number(statement, 1, now);
    if (status == IMPRINT_OK)
        status = imprint_registry_sqlite_run(registry, statement);
    if (status == IMPRINT_OK)
        status = imprint_registry_commit(registry);
    if (status != IMPRINT_OK)
        imprint_registry_undo(registry);
    return status;
}

/* ---- documents ---- */

enum imprint_status imprint_registry_put_document(
    struct imprint_registry *registry, enum imprint_registry_document kind,
    const char *name, const char *document)
{
    static const enum sql which[] = {
        [IMPRINT_REGISTRY_POLICY] = SQL_PUT_POLICY,
        [IMPRINT_REGISTRY_TEMPLATE] = SQL_PUT_TEMPLATE,
        [IMPRINT_REGISTRY_THING] = SQL_PUT_THING,
    };
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, which[kind]);

    bind_text(statement, 1, name);
    bind_text(statement, 2, document);
    if (kind == IMPRINT_REGISTRY_THING)
        bind_number(statement, 3, (int64_t)time(NULL));
    return imprint_registry_sqlite_run(registry, statement);
}

enum imprint_status imprint_registry_find_document(
    struct imprint_registry *registry, enum imprint_registry_document kind,
    const char *name, char **document)
{
    static const enum sql which[] = {
        [IMPRINT_REGISTRY_POLICY] = SQL_FIND_POLICY,
        [IMPRINT_REGISTRY_TEMPLATE] = SQL_FIND_TEMPLATE,
        [IMPRINT_REGISTRY_THING] = SQL_FIND_THING,
    };
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, which[kind]);
    enum imprint_status status;

    bind_text(statement, 1, name);
    status = imprint_registry_sqlite_step(registry, statement);
    if (status == IMPRINT_OK && document) {
        *document = strdup(text_at(statement, 0));
        status = *document ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
    }
    imprint_registry_sqlite_finish(statement);
    return status;
}

/* ---- spare keys, settings, changes ---- */

enum imprint_status imprint_registry_put_key(struct imprint_registry *registry,
                                             const char *pem, int64_t *id)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_PUT_KEY);
    enum imprint_status status;

    bind_text(statement, 1, pem);
    status = imprint_registry_sqlite_run(registry, statement);
    if (status == IMPRINT_OK)
        *id = sqlite3_last_insert_rowid(registry->database);
    return status;
}

enum imprint_status imprint_registry_take_key(struct imprint_registry *registry,
                                              int64_t id, const char *pem)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_TAKE_KEY);

    bind_number(statement, 1, id);
    bind_text(statement, 2, pem);
    return run_one(registry, statement);
}

enum imprint_status imprint_registry_each_key(
    struct imprint_registry *registry,
    void (*each)(void *user, int64_t id, const char *pem), void *user)
{
    sqlite3_stmt *statement = imprint_registry_sqlite_ready(registry, SQL_KEYS);
    enum imprint_status status;

    while ((status = imprint_registry_sqlite_step(registry, statement)) ==
           IMPRINT_OK)
        each(user, sqlite3_column_int64(statement, 0), text_at(statement, 1));
    imprint_registry_sqlite_finish(statement);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

enum imprint_status imprint_registry_put_setting(
    struct imprint_registry *registry, const char *name, int64_t value)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_PUT_SETTING);

    bind_text(statement, 1, name);
    bind_number(statement, 2, value);
    return imprint_registry_sqlite_run(registry, statement);
}

int64_t imprint_registry_setting(struct imprint_registry *registry,
                                 const char *name, int64_t fallback)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_SETTING);

    bind_text(statement, 1, name);
    if (imprint_registry_sqlite_step(registry, statement) == IMPRINT_OK)
        fallback = sqlite3_column_int64(statement, 0);
    imprint_registry_sqlite_finish(statement);
    return fallback;
}

enum imprint_status imprint_registry_each_change(
    struct imprint_registry *registry, void (*each)(void *user, const char *id),
    void *user)
{
    sqlite3_stmt *statement =
        imprint_registry_sqlite_ready(registry, SQL_VERSION);
    enum imprint_status status =
        imprint_registry_sqlite_step(registry, statement);
    int64_t version = 0;

    if (status == IMPRINT_OK)
        version = sqlite3_column_int64(statement, 0);
    imprint_registry_sqlite_finish(statement);
    if (status != IMPRINT_OK || version == registry->seen_version)
        return status;
    statement = imprint_registry_sqlite_ready(registry, SQL_CHANGES);
    bind_number(statement, 1, registry->seen_change);
    while ((status = imprint_registry_sqlite_step(registry, statement)) ==
           IMPRINT_OK) {
        int64_t seq = sqlite3_column_int64(statement, 0);

        if (seq != registry->seen_change + 1)
            each(user, NULL); /* some were pruned in the meantime */
        each(user, text_at(statement, 1));
        registry->seen_change = seq;
    }
    imprint_registry_sqlite_finish(statement);
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    registry->seen_version = version;
    return IMPRINT_OK;
}
