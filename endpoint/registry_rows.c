#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql_driver.h"

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

/* ---- certificates ---- */

enum imprint_status imprint_registry_put_certificate(
    struct imprint_registry *registry,
    const struct imprint_registry_certificate *certificate)
{
    struct imprint_sql *statement =
        imprint_sql_ready(registry, SQL_PUT_CERTIFICATE);

    imprint_sql_bind_text(statement, 1, certificate->id);
    imprint_sql_bind_text(statement, 2, certificate->pem);
    imprint_sql_bind_text(statement, 3, certificate->claim);
    imprint_sql_bind_text(statement, 4, certificate->maker);
    imprint_sql_bind_text(statement, 5, state_names[certificate->state]);
    imprint_sql_bind_number(statement, 6, certificate->is_temporary);
    imprint_sql_bind_number(statement, 7, certificate->created);
    imprint_sql_bind_number(statement, 8, certificate->not_after);
    imprint_sql_bind_number(statement, 9, certificate->connected);
    return imprint_sql_run(statement);
}

/* A state that is not known lets nobody in. */
static enum imprint_registry_state find_state(const char *name)
{
    int state;

    for (state = IMPRINT_REGISTRY_PENDING; state < IMPRINT_REGISTRY_REVOKED;
         state++) {
        if (name && strcmp(state_names[state], name) == 0)
            break;
    }
    return (enum imprint_registry_state)state;
}

static struct imprint_registry_certificate certificate_of(
    const struct imprint_sql *row)
{
    return (struct imprint_registry_certificate){
        .id = imprint_sql_text(row, 0),
        .pem = imprint_sql_text(row, 1),
        .claim = imprint_sql_text(row, 2),
        .maker = imprint_sql_text(row, 3),
        .thing = imprint_sql_text(row, 4),
        .state = find_state(imprint_sql_text(row, 5)),
        .is_temporary = imprint_sql_number(row, 6) != 0,
        .created = imprint_sql_number(row, 7),
        .not_after = imprint_sql_number(row, 8),
        .connected = imprint_sql_number(row, 9),
    };
}

enum imprint_status imprint_registry_each_certificate(
    struct imprint_registry *registry, const char *id,
    void (*each)(void *user, const struct imprint_registry_certificate *found),
    void *user)
{
    struct imprint_sql *statement = imprint_sql_ready(
        registry, id ? SQL_ONE_CERTIFICATE : SQL_ALL_CERTIFICATES);
    bool is_any = false;
    enum imprint_status status;

    if (id)
        imprint_sql_bind_text(statement, 1, id);
    while ((status = imprint_sql_step(statement)) == IMPRINT_OK) {
        struct imprint_registry_certificate found = certificate_of(statement);

        each(user, &found);
        is_any = true;
    }
    status = imprint_sql_end(statement, status);
    return status == IMPRINT_OK && id && !is_any ? IMPRINT_ERR_NOT_FOUND
                                                 : status;
}

enum imprint_status imprint_registry_set_state(
    struct imprint_registry *registry, const char *id,
    enum imprint_registry_state state)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, SQL_SET_STATE);

    imprint_sql_bind_text(statement, 1, id);
    imprint_sql_bind_text(statement, 2, state_names[state]);
    return imprint_sql_run_one(statement);
}

enum imprint_status imprint_registry_set_connected(
    struct imprint_registry *registry, const char *id, int64_t now)
{
    struct imprint_sql *statement =
        imprint_sql_ready(registry, SQL_SET_CONNECTED);

    imprint_sql_bind_text(statement, 1, id);
    imprint_sql_bind_number(statement, 2, now);
    return imprint_sql_run(statement);
}

enum imprint_status imprint_registry_drop_certificate(
    struct imprint_registry *registry, const char *id)
{
    struct imprint_sql *statement =
        imprint_sql_ready(registry, SQL_DROP_CERTIFICATE);

    imprint_sql_bind_text(statement, 1, id);
    return imprint_sql_run_one(statement);
}

/* ---- tokens ---- */

enum imprint_status imprint_registry_put_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    const char *certificate_id, int64_t expires)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, SQL_PUT_TOKEN);

    imprint_sql_bind_bytes(statement, 1, imprint_slice_of(hash, 32));
    imprint_sql_bind_text(statement, 2, certificate_id);
    imprint_sql_bind_number(statement, 3, expires);
    return imprint_sql_run_one(statement);
}

/* False: no memory. */
static bool copy_token(const struct imprint_sql *row,
                       struct imprint_registry_token *out)
{
    struct imprint_registry_token token = {.reply = NULL};
    struct imprint_slice request_hash = imprint_sql_bytes(row, 2);
    struct imprint_slice reply = imprint_sql_bytes(row, 3);

    (void)snprintf(token.certificate_id, sizeof(token.certificate_id), "%s",
                   imprint_sql_text(row, 0));
    token.expires = imprint_sql_number(row, 1);
    token.is_used = request_hash.len == sizeof(token.request_hash);
    if (token.is_used) {
        memcpy(token.request_hash, request_hash.bytes, request_hash.len);
        token.reply = malloc(reply.len + 1);
        if (!token.reply)
            return false;
        if (reply.len > 0)
            memcpy(token.reply, reply.bytes, reply.len);
        token.reply_len = reply.len;
    }
    *out = token;
    return true;
}

enum imprint_status imprint_registry_find_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    struct imprint_registry_token *out)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, SQL_FIND_TOKEN);
    enum imprint_status status;
    enum imprint_status end;

    imprint_sql_bind_bytes(statement, 1, imprint_slice_of(hash, 32));
    status = imprint_sql_step(statement);
    if (status == IMPRINT_OK && !copy_token(statement, out))
        status = IMPRINT_ERR_INTERNAL;
    end = imprint_sql_end(statement, status);
    return status == IMPRINT_ERR_NOT_FOUND ? status : end;
}

enum imprint_status imprint_registry_use_token(
    struct imprint_registry *registry, const uint8_t hash[32],
    const uint8_t request_hash[32], struct imprint_slice reply)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, SQL_USE_TOKEN);

    imprint_sql_bind_bytes(statement, 1, imprint_slice_of(hash, 32));
    imprint_sql_bind_bytes(statement, 2, imprint_slice_of(request_hash, 32));
    imprint_sql_bind_bytes(statement, 3, reply);
    return imprint_sql_run_one(statement);
}

/* ---- what expires ---- */

static enum imprint_status run_until(struct imprint_registry *registry,
                                     enum imprint_sql_name which, int64_t now)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, which);

    imprint_sql_bind_number(statement, 1, now);
    return which == SQL_ANY_EXPIRED ? imprint_sql_ask(statement)
                                    : imprint_sql_run(statement);
}

static enum imprint_status drop_expired(struct imprint_registry *registry,
                                        int64_t now, size_t *count)
{
    enum imprint_status status = run_until(registry, SQL_DROP_UNCLAIMED, now);

    if (status == IMPRINT_OK)
        *count = imprint_sql_changes(registry);
    if (status == IMPRINT_OK)
        status = run_until(registry, SQL_DROP_TOKENS, now);
    if (status == IMPRINT_OK)
        status = run_until(registry, SQL_DROP_TEMPORARY, now);
    return status;
}

enum imprint_status imprint_registry_expire(struct imprint_registry *registry,
                                            int64_t now, size_t *count)
{
    size_t dropped_count = 0;
    enum imprint_status status = run_until(registry, SQL_ANY_EXPIRED, now);

    *count = 0;
    if (status != IMPRINT_OK)
        return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
    status = imprint_registry_begin(registry);
    if (status != IMPRINT_OK)
        return status;
    status = drop_expired(registry, now, &dropped_count);
    if (status == IMPRINT_OK)
        status = imprint_registry_commit(registry);
    if (status == IMPRINT_OK)
        *count = dropped_count;
    else
        imprint_registry_undo(registry);
    return status;
}

/* ---- spare keys, settings, changes ---- */

enum imprint_status imprint_registry_put_key(struct imprint_registry *registry,
                                             const char *pem, int64_t *id)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, SQL_PUT_KEY);
    int64_t given = 0;
    enum imprint_status status;

    imprint_sql_bind_text(statement, 1, pem);
    while ((status = imprint_sql_step(statement)) == IMPRINT_OK)
        given = imprint_sql_number(statement, 0);
    status = imprint_sql_end(statement, status);
    if (status == IMPRINT_OK)
        *id = given;
    return status;
}

enum imprint_status imprint_registry_take_key(struct imprint_registry *registry,
                                              int64_t id, const char *pem)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, SQL_TAKE_KEY);

    imprint_sql_bind_number(statement, 1, id);
    imprint_sql_bind_text(statement, 2, pem);
    return imprint_sql_run_one(statement);
}

enum imprint_status imprint_registry_each_key(
    struct imprint_registry *registry,
    void (*each)(void *user, int64_t id, const char *pem), void *user)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, SQL_KEYS);
    enum imprint_status status;

    while ((status = imprint_sql_step(statement)) == IMPRINT_OK)
        each(user, imprint_sql_number(statement, 0),
             imprint_sql_text(statement, 1));
    return imprint_sql_end(statement, status);
}

enum imprint_status imprint_registry_put_setting(
    struct imprint_registry *registry, const char *name, const char *value)
{
    struct imprint_sql *statement =
        imprint_sql_ready(registry, value ? SQL_PUT_SETTING : SQL_DROP_SETTING);

    imprint_sql_bind_text(statement, 1, name);
    if (value)
        imprint_sql_bind_text(statement, 2, value);
    return imprint_sql_run(statement);
}

enum imprint_status imprint_registry_find_setting(
    struct imprint_registry *registry, const char *name, char **value)
{
    struct imprint_sql *statement =
        imprint_sql_ready(registry, SQL_FIND_SETTING);

    imprint_sql_bind_text(statement, 1, name);
    return imprint_sql_ask_text(statement, value);
}

enum imprint_status imprint_registry_each_setting(
    struct imprint_registry *registry, const char *prefix,
    void (*each)(void *user, const char *name, const char *value), void *user)
{
    struct imprint_sql *statement = imprint_sql_ready(registry, SQL_SETTINGS);
    enum imprint_status status;

    imprint_sql_bind_text(statement, 1, prefix);
    while ((status = imprint_sql_step(statement)) == IMPRINT_OK)
        each(user, imprint_sql_text(statement, 0),
             imprint_sql_text(statement, 1));
    return imprint_sql_end(statement, status);
}

enum imprint_status imprint_registry_each_change(
    struct imprint_registry *registry,
    void (*each)(void *user, const char *what), void *user)
{
    struct imprint_sql *statement;
    int64_t version = 0;
    enum imprint_status status = registry->driver->version(registry, &version);

    if (status != IMPRINT_OK || version == registry->seen_version)
        return status;
    statement = imprint_sql_ready(registry, SQL_CHANGES);
    imprint_sql_bind_number(statement, 1, registry->seen_change);
    while ((status = imprint_sql_step(statement)) == IMPRINT_OK) {
        int64_t seq = imprint_sql_number(statement, 0);

        if (seq != registry->seen_change + 1) {
            /* some were pruned in the meantime */
            each(user, IMPRINT_REGISTRY_SETTINGS);
            each(user, NULL);
        }
        each(user, imprint_sql_text(statement, 1));
        registry->seen_change = seq;
    }
    status = imprint_sql_end(statement, status);
    if (status == IMPRINT_OK)
        registry->seen_version = version;
    return status;
}
