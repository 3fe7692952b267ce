#include "rest_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "setup.h"

#define ARN "arn:aws:iot:" IMPRINT_SETUP_REGION ":" IMPRINT_SETUP_ACCOUNT ":"

enum imprint_status imprint_rest_refuse(struct imprint_rest_call *call,
                                        enum imprint_rest_error error,
                                        const char *format, ...)
{
    va_list arguments;

    call->error = error;
    va_start(arguments, format);
    (void)vsnprintf(call->message, sizeof(call->message), format, arguments);
    va_end(arguments);
    /* what it quotes may be anything, and cut anywhere */
    imprint_line_clean(call->message);
    return IMPRINT_ERR_REFUSED;
}

enum imprint_status imprint_rest_missing(struct imprint_rest_call *call,
                                         enum imprint_status status,
                                         const char *what, const char *name)
{
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    return imprint_rest_refuse(call, IMPRINT_REST_NOT_FOUND, "%s %s not found",
                               what, name);
}

/* ---- what was asked ---- */

const char *imprint_rest_text(const struct imprint_rest_call *call,
                              const char *name)
{
    return imprint_json_text(call->body, name);
}

const char *imprint_rest_query(const struct imprint_rest_call *call,
                               const char *name)
{
    return imprint_query_find(call->query, name);
}

bool imprint_rest_is_on(const struct imprint_rest_call *call,
                        const char *query_name)
{
    const char *value = imprint_rest_query(call, query_name);

    return value && strcmp(value, "true") == 0;
}

enum imprint_status imprint_rest_read_arn(struct imprint_rest_call *call,
                                          const char *arn, const char *kind,
                                          const char **name)
{
    size_t kind_len = strlen(kind);

    if (arn && strncmp(arn, ARN, strlen(ARN)) == 0 &&
        strncmp(arn + strlen(ARN), kind, kind_len) == 0 &&
        arn[strlen(ARN) + kind_len] == '/' &&
        arn[strlen(ARN) + kind_len + 1] != '\0') {
        *name = arn + strlen(ARN) + kind_len + 1;
        return IMPRINT_OK;
    }
    return imprint_rest_refuse(
        call, IMPRINT_REST_INVALID_REQUEST,
        "\"%.200s\" is not an ARN of this account and Region: " ARN "%s/...",
        arn ? arn : "", kind);
}

void imprint_rest_write_arn(char arn[IMPRINT_REST_ARN_LEN], const char *kind,
                            const char *name)
{
    (void)snprintf(arn, IMPRINT_REST_ARN_LEN, ARN "%s/%s", kind, name);
}

/* ---- what comes out ---- */

/* What could not be made leaves has_failed, and everything goes on. */
struct imprint_json *imprint_rest_new(struct imprint_rest_call *call)
{
    struct imprint_json *object = imprint_json_new();

    call->has_failed |= !object;
    return object;
}

void imprint_rest_put(struct imprint_rest_call *call,
                      struct imprint_json *object, const char *name,
                      const char *text)
{
    if (text && object)
        call->has_failed |= !imprint_json_put_text(object, name, text);
}

void imprint_rest_put_number(struct imprint_rest_call *call,
                             struct imprint_json *object, const char *name,
                             int64_t number)
{
    if (object)
        call->has_failed |= !imprint_json_put_number(object, name, number);
}

void imprint_rest_put_count(struct imprint_rest_call *call,
                            struct imprint_json *object, const char *name,
                            const char *number)
{
    imprint_rest_put_number(call, object, name,
                            number ? strtoll(number, NULL, 10) : 0);
}

void imprint_rest_put_bool(struct imprint_rest_call *call,
                           struct imprint_json *object, const char *name,
                           bool value)
{
    if (object)
        call->has_failed |= !imprint_json_put_bool(object, name, value);
}

void imprint_rest_put_arn(struct imprint_rest_call *call,
                          struct imprint_json *object, const char *name,
                          const char *kind, const char *of)
{
    char arn[IMPRINT_REST_ARN_LEN];

    imprint_rest_write_arn(arn, kind, of);
    imprint_rest_put(call, object, name, arn);
}

void imprint_rest_put_value(struct imprint_rest_call *call,
                            struct imprint_json *object, const char *name,
                            struct imprint_json *value)
{
    if (object && value)
        call->has_failed |= !imprint_json_put_object(object, name, value);
    else
        imprint_json_free(value);
}

void imprint_rest_add(struct imprint_rest_call *call, struct imprint_json *item)
{
    if (call->list && item)
        call->has_failed |= !imprint_json_add(call->list, item);
    else
        imprint_json_free(item);
}

void imprint_rest_add_text(struct imprint_rest_call *call, const char *text)
{
    if (call->list)
        call->has_failed |= !imprint_json_add_text(call->list, text);
}

/* ---- single rows ---- */

struct looking {
    void (*each)(void *user, const char *const *columns);
    void *user;
    bool is_any;
};

static void see(void *user, const char *const *columns)
{
    struct looking *looking = user;

    looking->is_any = true;
    if (looking->each)
        looking->each(looking->user, columns);
}

enum imprint_status imprint_rest_look(
    struct imprint_rest_call *call, enum imprint_view view, const char *of,
    void (*each)(void *user, const char *const *columns), void *user)
{
    struct looking looking = {each, user, false};
    const struct imprint_views_page page = {
        .of = of, .after = "", .limit = 1, .each = see, .user = &looking};
    enum imprint_status status =
        imprint_views_show(call->registry, view, &page, NULL);

    return status == IMPRINT_OK && !looking.is_any ? IMPRINT_ERR_NOT_FOUND
                                                   : status;
}

enum imprint_status imprint_rest_is_there(struct imprint_rest_call *call,
                                          enum imprint_view view,
                                          const char *of)
{
    return imprint_rest_look(call, view, of, NULL, NULL);
}

enum imprint_status imprint_rest_need(struct imprint_rest_call *call,
                                      enum imprint_view view, const char *what,
                                      const char *name)
{
    return imprint_rest_missing(call, imprint_rest_is_there(call, view, name),
                                what, name);
}

enum imprint_status imprint_rest_need_policy(struct imprint_rest_call *call,
                                             const char *name)
{
    static const char what[] = "Policy";

    return name[0] == '$'
               ? imprint_rest_missing(call, IMPRINT_ERR_NOT_FOUND, what, name)
               : imprint_rest_need(call, IMPRINT_VIEW_POLICY, what, name);
}

enum imprint_status imprint_rest_check_version(struct imprint_rest_call *call,
                                               int64_t expected,
                                               int64_t version)
{
    if (expected == 0 || expected == version)
        return IMPRINT_OK;
    return imprint_rest_refuse(call, IMPRINT_REST_VERSION_CONFLICT,
                               "expectedVersion is %lld, and the version is "
                               "%lld",
                               (long long)expected, (long long)version);
}

bool imprint_rest_is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}
