#include "iot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/document.h"
#include "aws/memory.h"
#include "aws/query.h"
#include "posix/json.h"
#include "posix/why.h"

#define PATH_LEN 512
#define VERSION_MAX_COUNT 5 /* of a policy or a template (AWS quota) */
#define PAYLOAD_VERSION "2020-04-01"

/* ---- calls ---- */

/* What a call is, but for its place. */
struct order {
    const char *method;
    const char *path;
    const char *query;
    const char *action;
    struct imprint_json *body; /* taken over; NULL: none */
};

/* *out, if it is wanted, gets the answer's object. */
static enum imprint_status run(const struct imprint_call_place *place,
                               const struct order *order,
                               struct imprint_json **out,
                               struct imprint_why *why)
{
    struct imprint_call_answer answer = {.body = NULL};
    char *body = order->body ? imprint_json_write_line(order->body) : NULL;
    const struct imprint_call call = {
        .service = "iot",
        .method = order->method,
        .path = order->path,
        .query = order->query,
        .body = body,
        .action = order->action,
    };
    enum imprint_status status;

    if (order->body && !body)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    else
        status = imprint_call_run(place, &call, &answer, why);
    imprint_json_free(order->body);
    free(body);
    if (status == IMPRINT_OK && out &&
        imprint_json_read(imprint_slice_text(answer.body), out, NULL) !=
            IMPRINT_OK)
        status =
            imprint_why_set(why, IMPRINT_ERR_FORMAT,
                            "%s: the answer is no JSON object", order->action);
    free(answer.body);
    return status;
}

/* A member of an answer, to be freed; "" if there is none. */
static enum imprint_status take(const struct imprint_json *object,
                                const char *name, char **out,
                                struct imprint_why *why)
{
    const char *text = imprint_json_text(object, name);

    *out = strdup(text ? text : "");
    return *out ? IMPRINT_OK
                : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* [{"Key": IMPRINT_IOT_TAG, "Value": fleet}] */
static bool put_tags(struct imprint_json *body, const char *fleet)
{
    struct imprint_json *list = imprint_json_new_list();
    struct imprint_json *tag = imprint_json_new();
    bool is_whole = list && tag &&
                    imprint_json_put_text(tag, "Key", IMPRINT_IOT_TAG) &&
                    imprint_json_put_text(tag, "Value", fleet);

    if (!list)
        imprint_json_free(tag);
    else
        is_whole = imprint_json_add(list, tag) && is_whole;
    return imprint_json_put_object(body, "tags", list) && is_whole;
}

bool imprint_iot_is_same(const char *a, const char *b)
{
    struct imprint_document *left = NULL;
    struct imprint_document *right = NULL;
    bool is_same = imprint_document_read(imprint_slice_text(a), &left, NULL) ==
                       IMPRINT_OK &&
                   imprint_document_read(imprint_slice_text(b), &right, NULL) ==
                       IMPRINT_OK &&
                   imprint_document_is_equal(left, right);

    imprint_document_free(left);
    imprint_document_free(right);
    return is_same;
}

enum imprint_status imprint_iot_find_fleet(
    const struct imprint_call_place *place, const char *arn, char **fleet,
    struct imprint_why *why)
{
    struct imprint_memory_text query = {.bytes = NULL};
    struct imprint_json *answer = NULL;
    const struct imprint_json *tags;
    struct order order = {"GET", "/tags", NULL, "iot:ListTagsForResource",
                          NULL};
    enum imprint_status status;

    *fleet = NULL;
    imprint_memory_put(&query, imprint_slice_text("resourceArn="));
    imprint_query_escape(&query, arn, false);
    order.query = query.bytes;
    status = query.has_failed
                 ? imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory")
                 : run(place, &order, &answer, why);
    free(query.bytes);
    tags = answer ? imprint_json_list(answer, "tags") : NULL;
    for (size_t i = 0; tags && i < imprint_json_count(tags); i++) {
        const struct imprint_json *tag = imprint_json_item(tags, i);
        const char *key = tag ? imprint_json_text(tag, "Key") : NULL;

        if (key && strcmp(key, IMPRINT_IOT_TAG) == 0 && !*fleet)
            status = take(tag, "Value", fleet, why);
    }
    imprint_json_free(answer);
    return status;
}

/* ---- versions: policies and templates have them alike ---- */

struct versions {
    const char *path; /* of one's versions */
    const char *member;
    const char *list_action;
    const char *delete_action;
};

static int64_t number_of(const struct imprint_json *version)
{
    const char *text = imprint_json_text(version, "versionId");

    return text ? strtoll(text, NULL, 10)
                : imprint_json_number(version, "versionId", 0);
}

/* The oldest one that is not the default, and how many there are. */
static enum imprint_status find_oldest(const struct imprint_call_place *place,
                                       const struct versions *versions,
                                       int64_t *oldest, size_t *count,
                                       struct imprint_why *why)
{
    const struct order order = {"GET", versions->path, NULL,
                                versions->list_action, NULL};
    struct imprint_json *answer = NULL;
    const struct imprint_json *list;
    enum imprint_status status = run(place, &order, &answer, why);

    *oldest = 0;
    *count = 0;
    if (status != IMPRINT_OK)
        return status;
    list = imprint_json_list(answer, versions->member);
    for (size_t i = 0; list && i < imprint_json_count(list); i++) {
        const struct imprint_json *version = imprint_json_item(list, i);
        int64_t number = version ? number_of(version) : 0;

        ++*count;
        if (number > 0 && !imprint_json_is_on(version, "isDefaultVersion") &&
            (*oldest == 0 || number < *oldest))
            *oldest = number;
    }
    imprint_json_free(answer);
    return IMPRINT_OK;
}

/* Until there are at most so many. */
static enum imprint_status cut_versions(const struct imprint_call_place *place,
                                        const struct versions *versions,
                                        size_t most, struct imprint_why *why)
{
    enum imprint_status status;
    int64_t oldest;
    size_t count;

    while ((status = find_oldest(place, versions, &oldest, &count, why)) ==
               IMPRINT_OK &&
           count > most && oldest > 0) {
        char path[PATH_LEN];
        const struct order order = {"DELETE", path, NULL,
                                    versions->delete_action, NULL};

        (void)snprintf(path, sizeof(path), "%s/%lld", versions->path,
                       (long long)oldest);
        status = run(place, &order, NULL, why);
        if (status != IMPRINT_OK && status != IMPRINT_ERR_NOT_FOUND)
            return status;
    }
    return status;
}

/* The one at path, with its versions. What is not there is gone. */
static enum imprint_status drop(const struct imprint_call_place *place,
                                const struct versions *versions,
                                const char *path, const char *action,
                                struct imprint_why *why)
{
    const struct order order = {"DELETE", path, NULL, action, NULL};
    enum imprint_status status = cut_versions(place, versions, 1, why);

    if (status == IMPRINT_OK)
        status = run(place, &order, NULL, why);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

/* ---- policies ---- */

static void name_policy(const char *name, const char *behind,
                        char path[PATH_LEN])
{
    (void)snprintf(path, PATH_LEN, "/policies/%s%s", name, behind);
}

static struct versions policy_versions(const char *path)
{
    return (struct versions){path, "policyVersions", "iot:ListPolicyVersions",
                             "iot:DeletePolicyVersion"};
}

enum imprint_status imprint_iot_find_policy(
    const struct imprint_call_place *place, const char *name, char **document,
    struct imprint_why *why)
{
    char path[PATH_LEN];
    const struct order order = {"GET", path, NULL, "iot:GetPolicy", NULL};
    struct imprint_json *answer = NULL;
    enum imprint_status status;

    name_policy(name, "", path);
    status = run(place, &order, &answer, why);
    if (status == IMPRINT_OK)
        status = take(answer, "policyDocument", document, why);
    imprint_json_free(answer);
    return status;
}

/* With the document, and a tag if fleet is not NULL. */
static enum imprint_status send_policy(const struct imprint_call_place *place,
                                       struct order *order,
                                       const char *document, const char *fleet,
                                       struct imprint_why *why)
{
    order->method = "POST";
    order->body = imprint_json_new();
    if (!order->body ||
        !imprint_json_put_text(order->body, "policyDocument", document) ||
        (fleet && !put_tags(order->body, fleet))) {
        imprint_json_free(order->body);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    }
    return run(place, order, NULL, why);
}

enum imprint_status imprint_iot_create_policy(
    const struct imprint_call_place *place, const char *name,
    const char *document, const char *fleet, struct imprint_why *why)
{
    char path[PATH_LEN];
    struct order order = {.path = path, .action = "iot:CreatePolicy"};

    name_policy(name, "", path);
    return send_policy(place, &order, document, fleet, why);
}

enum imprint_status imprint_iot_change_policy(
    const struct imprint_call_place *place, const char *name,
    const char *document, struct imprint_why *why)
{
    char path[PATH_LEN] = "";
    struct versions versions = policy_versions(path);
    struct order order = {.path = path,
                          .query = "setAsDefault=true",
                          .action = "iot:CreatePolicyVersion"};
    enum imprint_status status;

    name_policy(name, "/version", path);
    status = cut_versions(place, &versions, VERSION_MAX_COUNT - 1, why);
    return status == IMPRINT_OK
               ? send_policy(place, &order, document, NULL, why)
               : status;
}

enum imprint_status imprint_iot_drop_policy(
    const struct imprint_call_place *place, const char *name,
    struct imprint_why *why)
{
    char path[PATH_LEN];
    char versions_path[PATH_LEN] = "";
    const struct versions versions = policy_versions(versions_path);

    name_policy(name, "", path);
    name_policy(name, "/version", versions_path);
    return drop(place, &versions, path, "iot:DeletePolicy", why);
}

/* ---- templates ---- */

static void name_template(const char *name, const char *behind,
                          char path[PATH_LEN])
{
    (void)snprintf(path, PATH_LEN, "/provisioning-templates/%s%s", name,
                   behind);
}

static struct versions template_versions(const char *path)
{
    return (struct versions){path, "versions",
                             "iot:ListProvisioningTemplateVersions",
                             "iot:DeleteProvisioningTemplateVersion"};
}

void imprint_iot_free_template(struct imprint_iot_template *template)
{
    free(template->body);
    free(template->role);
    free(template->hook);
    *template = (struct imprint_iot_template){.body = NULL};
}

enum imprint_status imprint_iot_find_template(
    const struct imprint_call_place *place, const char *name,
    struct imprint_iot_template *out, struct imprint_why *why)
{
    char path[PATH_LEN];
    const struct order order = {"GET", path, NULL,
                                "iot:DescribeProvisioningTemplate", NULL};
    struct imprint_json *answer = NULL;
    const struct imprint_json *hook;
    enum imprint_status status;

    *out = (struct imprint_iot_template){.body = NULL};
    name_template(name, "", path);
    status = run(place, &order, &answer, why);
    if (status != IMPRINT_OK)
        return status;
    out->is_enabled = imprint_json_is_on(answer, "enabled");
    status = take(answer, "templateBody", &out->body, why);
    if (status == IMPRINT_OK)
        status = take(answer, "provisioningRoleArn", &out->role, why);
    hook = imprint_json_member(answer, "preProvisioningHook");
    if (status == IMPRINT_OK && hook)
        status = take(hook, "targetArn", &out->hook, why);
    imprint_json_free(answer);
    if (status != IMPRINT_OK)
        imprint_iot_free_template(out);
    return status;
}

static bool put_hook(struct imprint_json *body, const char *arn)
{
    struct imprint_json *hook = imprint_json_new();
    bool is_whole =
        hook && imprint_json_put_text(hook, "targetArn", arn) &&
        imprint_json_put_text(hook, "payloadVersion", PAYLOAD_VERSION);

    return imprint_json_put_object(body, "preProvisioningHook", hook) &&
           is_whole;
}

/* body is taken over. */
static enum imprint_status send(const struct imprint_call_place *place,
                                struct order *order, struct imprint_json *body,
                                bool is_whole, struct imprint_why *why)
{
    if (!is_whole) {
        imprint_json_free(body);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    }
    order->body = body;
    return run(place, order, NULL, why);
}

enum imprint_status imprint_iot_create_template(
    const struct imprint_call_place *place, const char *name,
    const struct imprint_iot_template *template, const char *fleet,
    struct imprint_why *why)
{
    struct order order = {.method = "POST",
                          .path = "/provisioning-templates",
                          .action = "iot:CreateProvisioningTemplate"};
    struct imprint_json *body = imprint_json_new();
    bool is_whole =
        body && imprint_json_put_text(body, "templateName", name) &&
        imprint_json_put_text(body, "templateBody", template->body) &&
        imprint_json_put_text(body, "provisioningRoleArn", template->role) &&
        imprint_json_put_bool(body, "enabled", template->is_enabled) &&
        (!template->hook || put_hook(body, template->hook)) &&
        put_tags(body, fleet);

    return send(place, &order, body, is_whole, why);
}

static enum imprint_status change_body(const struct imprint_call_place *place,
                                       const char *name, const char *text,
                                       struct imprint_why *why)
{
    char path[PATH_LEN] = "";
    const struct versions versions = template_versions(path);
    struct order order = {.method = "POST",
                          .path = path,
                          .query = "setAsDefault=true",
                          .action = "iot:CreateProvisioningTemplateVersion"};
    struct imprint_json *body = imprint_json_new();
    bool is_whole = body && imprint_json_put_text(body, "templateBody", text);
    enum imprint_status status;

    name_template(name, "/versions", path);
    status = cut_versions(place, &versions, VERSION_MAX_COUNT - 1, why);
    if (status == IMPRINT_OK)
        return send(place, &order, body, is_whole, why);
    imprint_json_free(body);
    return status;
}

static bool is_equal(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

enum imprint_status imprint_iot_change_template(
    const struct imprint_call_place *place, const char *name,
    const struct imprint_iot_template *template,
    const struct imprint_iot_template *found, struct imprint_why *why)
{
    char path[PATH_LEN];
    struct order order = {.method = "PATCH",
                          .path = path,
                          .action = "iot:UpdateProvisioningTemplate"};
    bool is_hooked = is_equal(template->hook, found->hook);
    struct imprint_json *body;
    bool is_whole;

    if (!imprint_iot_is_same(template->body, found->body)) {
        enum imprint_status status =
            change_body(place, name, template->body, why);

        if (status != IMPRINT_OK)
            return status;
    }
    if (is_equal(template->role, found->role) && is_hooked &&
        template->is_enabled == found->is_enabled)
        return IMPRINT_OK;
    name_template(name, "", path);
    body = imprint_json_new();
    is_whole =
        body &&
        imprint_json_put_text(body, "provisioningRoleArn", template->role) &&
        imprint_json_put_bool(body, "enabled", template->is_enabled) &&
        (is_hooked || template->hook ||
         imprint_json_put_bool(body, "removePreProvisioningHook", true)) &&
        (is_hooked || !template->hook || put_hook(body, template->hook));
    return send(place, &order, body, is_whole, why);
}

enum imprint_status imprint_iot_drop_template(
    const struct imprint_call_place *place, const char *name,
    struct imprint_why *why)
{
    char path[PATH_LEN];
    char versions_path[PATH_LEN] = "";
    const struct versions versions = template_versions(versions_path);

    name_template(name, "", path);
    name_template(name, "/versions", versions_path);
    return drop(place, &versions, path, "iot:DeleteProvisioningTemplate", why);
}
