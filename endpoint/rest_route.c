#include "rest_route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN 64

static const struct {
    const struct imprint_rest_route *routes;
    enum imprint_rest_service service;
} tables[] = {
    {imprint_rest_templates_routes, IMPRINT_REST_IOT},
    {imprint_rest_certificates_routes, IMPRINT_REST_IOT},
    {imprint_rest_policies_routes, IMPRINT_REST_IOT},
    {imprint_rest_attachments_routes, IMPRINT_REST_IOT},
    {imprint_rest_register_routes, IMPRINT_REST_IOT},
    {imprint_rest_things_routes, IMPRINT_REST_IOT},
    {imprint_rest_principals_routes, IMPRINT_REST_IOT},
    {imprint_rest_members_routes, IMPRINT_REST_IOT},
    {imprint_rest_names_routes, IMPRINT_REST_IOT},
    {imprint_rest_cas_routes, IMPRINT_REST_IOT},
    {imprint_rest_tags_routes, IMPRINT_REST_IOT},
    {imprint_rest_account_routes, IMPRINT_REST_IOT},
    {imprint_rest_iam_routes, IMPRINT_REST_IAM},
    {imprint_rest_sts_routes, IMPRINT_REST_STS},
    {imprint_rest_lambda_routes, IMPRINT_REST_LAMBDA},
};

/* "{}" takes what is there up to the next slash, and not nothing. */
static bool fits(const char *pattern, const char *path,
                 struct imprint_slice labels[IMPRINT_REST_LABEL_MAX_COUNT])
{
    size_t count = 0;

    while (*pattern) {
        size_t len;

        if (strncmp(pattern, "{}", 2) != 0) {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        len = strcspn(path, "/");
        if (len == 0 || count == IMPRINT_REST_LABEL_MAX_COUNT)
            return false;
        labels[count++] = imprint_slice_of(path, len);
        path += len;
        pattern += 2;
    }
    return *path == '\0';
}

static bool is_asked(const struct imprint_rest_route *route,
                     enum imprint_rest_service service, const char *action)
{
    if (service != IMPRINT_REST_IAM && service != IMPRINT_REST_STS)
        return !action;
    return action && strcmp(route->name, action) == 0;
}

static bool find_in(size_t table, const char *method, const char *path,
                    const char *action, struct imprint_rest_match *out)
{
    const struct imprint_rest_route *route = tables[table].routes;

    for (; route->name; route++) {
        if (!is_asked(route, tables[table].service, action) ||
            !fits(route->path, path, out->labels))
            continue;
        out->has_path = true;
        if (strcmp(route->method, method) != 0)
            continue;
        out->route = route;
        out->service = tables[table].service;
        return true;
    }
    return false;
}

/* A pattern without labels goes before one with ("/things" beside "/things/x"
 * never meet; "/thing-groups/addThingToThingGroup" and "/thing-groups/{}" do):
 * the tables have them first. */
bool imprint_rest_route_find(const char *method, const char *path,
                             const char *action, struct imprint_rest_match *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (find_in(i, method, path, action, out))
            return true;
    }
    return false;
}

/* ---- members ---- */

struct member {
    char name[NAME_LEN];
    char kind;
    bool is_query;
    bool is_needed;
};

/* The next of the words; false: none. */
static bool read_member(const char **words, struct member *out)
{
    const char *at = *words + strspn(*words, " ");
    size_t len;

    if (*at == '\0')
        return false;
    out->is_query = *at == '?';
    at += out->is_query;
    len = strcspn(at, ":");
    (void)snprintf(out->name, sizeof(out->name), "%.*s", (int)len, at);
    at += len + 1;
    out->kind = *at++;
    out->is_needed = *at == '!';
    *words = at + out->is_needed;
    return true;
}

static bool is_kind(enum imprint_json_kind found, char kind)
{
    switch (kind) {
    case 's':
        return found == IMPRINT_JSON_TEXT;
    case 'n':
        return found == IMPRINT_JSON_NUMBER;
    case 'b':
        return found == IMPRINT_JSON_BOOL;
    case 'o':
        return found == IMPRINT_JSON_OBJECT;
    default:
        return found == IMPRINT_JSON_LIST;
    }
}

static bool is_query_kind(const char *value, char kind)
{
    char *end;

    if (kind == 'b')
        return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
    if (kind != 'n')
        return true;
    (void)strtoll(value, &end, 10);
    return end != value && *end == '\0';
}

static enum imprint_status refuse_kind(struct imprint_rest_call *call,
                                       const struct member *member)
{
    const char *word = member->kind == 's'   ? "a string"
                       : member->kind == 'n' ? "a number"
                       : member->kind == 'b' ? "true or false"
                       : member->kind == 'o' ? "an object"
                                             : "a list";

    return imprint_rest_refuse(call, IMPRINT_REST_SERIALIZATION,
                               "%s must be %s", member->name, word);
}

static enum imprint_status check(struct imprint_rest_call *call,
                                 const struct member *member)
{
    enum imprint_json_kind kind =
        imprint_json_kind_of(call->body, member->name);
    const char *value = imprint_rest_query(call, member->name);
    bool is_there = member->is_query ? value != NULL
                                     : kind != IMPRINT_JSON_ABSENT &&
                                           kind != IMPRINT_JSON_NULL;

    if (!is_there && member->is_needed)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "%s must not be null", member->name);
    if (is_there && !(member->is_query ? is_query_kind(value, member->kind)
                                       : is_kind(kind, member->kind)))
        return refuse_kind(call, member);
    return IMPRINT_OK;
}

enum imprint_status imprint_rest_route_check(
    struct imprint_rest_call *call, const struct imprint_rest_route *route)
{
    const char *words = route->members;
    enum imprint_status status = IMPRINT_OK;
    struct member member;

    while (status == IMPRINT_OK && read_member(&words, &member))
        status = check(call, &member);
    return status;
}
