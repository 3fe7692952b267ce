/*
 * A stand-in for IAM: the calls on roles that stand before a template is made.
 * Nothing is enforced but what passing a role to AWS IoT needs.
 *
 * Source: IAM API reference; the query protocol answers in XML, and policy
 * documents in it are percent-encoded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/document.h"
#include "aws/name.h"
#include "posix/clock.h"
#include "resource.h"
#include "rest_id.h"
#include "rest_role.h"
#include "rest_route.h"

#define ROLE_ARN "arn:aws:iam::" IMPRINT_REST_ACCOUNT ":role"
#define IOT_SERVICE "iot.amazonaws.com"
#define POLICY_MAX_COUNT 10 /* managed ones of a role (IAM quota) */

static const char *get(const struct imprint_rest_call *call, const char *name)
{
    return imprint_query_find(call->form, name);
}

static enum imprint_status refuse_missing(struct imprint_rest_call *call,
                                          enum imprint_status status,
                                          const char *name)
{
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    return imprint_rest_refuse(call, IMPRINT_REST_NO_SUCH_ENTITY,
                               "The role with name %.80s cannot be found.",
                               name);
}

static enum imprint_status need(struct imprint_rest_call *call,
                                const char *name, const char **out)
{
    *out = get(call, name);
    if (*out && (*out)[0] != '\0')
        return IMPRINT_OK;
    return imprint_rest_refuse(call, IMPRINT_REST_INVALID_INPUT,
                               "%s must not be null", name);
}

static enum imprint_status load(struct imprint_rest_call *call,
                                const char **name, struct imprint_json **role)
{
    enum imprint_status status = need(call, "RoleName", name);

    if (status == IMPRINT_OK)
        status = refuse_missing(call,
                                imprint_resource_find(call->registry,
                                                      IMPRINT_RESOURCE_ROLE,
                                                      *name, role),
                                *name);
    return status;
}

/* ---- who may assume a role ---- */

/* "iot.amazonaws.com", or a list with it. */
static bool names_iot(const struct imprint_document *service)
{
    const char *text = imprint_document_text(service);

    if (text)
        return strcmp(text, IOT_SERVICE) == 0;
    for (size_t i = 0; i < imprint_document_count(service); i++) {
        text = imprint_document_text(imprint_document_item(service, i));
        if (text && strcmp(text, IOT_SERVICE) == 0)
            return true;
    }
    return false;
}

static bool allows_iot(const struct imprint_document *statement)
{
    const char *effect =
        imprint_document_text(imprint_document_member(statement, "Effect"));

    return effect && strcmp(effect, "Allow") == 0 &&
           names_iot(imprint_document_member(
               imprint_document_member(statement, "Principal"), "Service"));
}

static bool trusts_iot(const char *text)
{
    struct imprint_document *document = NULL;
    const struct imprint_document *statements;
    bool is_allowed = false;

    if (imprint_document_read(imprint_slice_text(text), &document, NULL) !=
        IMPRINT_OK)
        return false;
    statements = imprint_document_member(document, "Statement");
    if (imprint_document_kind_of(statements) == IMPRINT_DOCUMENT_OBJECT)
        is_allowed = allows_iot(statements);
    else
        for (size_t i = 0; i < imprint_document_count(statements); i++)
            is_allowed =
                is_allowed || allows_iot(imprint_document_item(statements, i));
    imprint_document_free(document);
    return is_allowed;
}

enum imprint_status imprint_rest_role_check(struct imprint_rest_call *call,
                                            const char *arn)
{
    const char *name = strrchr(arn, '/');
    struct imprint_json *role = NULL;
    bool is_trusting;
    enum imprint_status status;

    if (strncmp(arn, "arn:aws:iam::", 13) != 0 || !name || strlen(arn) < 20)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "provisioningRoleArn \"%.200s\" is not the "
                                   "ARN of a role",
                                   arn);
    if (!imprint_rules_get(call->rules, IMPRINT_RULE_ROLE_CHECKS))
        return IMPRINT_OK;
    status = imprint_resource_find(call->registry, IMPRINT_RESOURCE_ROLE,
                                   name + 1, &role);
    if (status == IMPRINT_ERR_NOT_FOUND ||
        strncmp(arn, ROLE_ARN, strlen(ROLE_ARN)) != 0) {
        imprint_json_free(role);
        return imprint_rest_refuse(
            call, IMPRINT_REST_INVALID_REQUEST,
            "The role %.200s does not exist: make it by iam create-role at "
            "this address, or imprint endpoint set role_checks 0",
            arn);
    }
    if (status != IMPRINT_OK)
        return status;
    is_trusting = trusts_iot(imprint_json_text(role, "document"));
    imprint_json_free(role);
    return is_trusting
               ? IMPRINT_OK
               : imprint_rest_refuse(
                     call, IMPRINT_REST_INVALID_REQUEST,
                     "The role %.200s cannot be assumed by " IOT_SERVICE, arn);
}

/* ---- roles ---- */

static void put_escaped(struct imprint_rest_call *call, const char *element,
                        const char *text)
{
    struct imprint_memory_text escaped = {.bytes = NULL};

    imprint_memory_put(&escaped, imprint_slice_text(""));
    imprint_query_escape(&escaped, text, false);
    imprint_rest_xml(call, element, escaped.bytes ? escaped.bytes : "");
    call->has_failed |= escaped.has_failed;
    free(escaped.bytes);
}

static void show(struct imprint_rest_call *call, const char *name,
                 const struct imprint_json *role)
{
    const char *path = imprint_json_text(role, "path");
    const char *description = imprint_json_text(role, "description");
    int64_t created = imprint_json_number(role, "created", 0);
    char id[IMPRINT_REST_ID_LEN];
    char text[640];

    imprint_memory_put(&call->xml, imprint_slice_text("<Role>"));
    imprint_rest_xml(call, "Path", path);
    imprint_rest_xml(call, "RoleName", name);
    imprint_rest_id_make("role", name, created, id);
    for (char *c = id; *c; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        else if (*c == '-')
            *c = 'Z';
    }
    (void)snprintf(text, sizeof(text), "AROA%.17s", id);
    imprint_rest_xml(call, "RoleId", text);
    (void)snprintf(text, sizeof(text), ROLE_ARN "%.512s%.64s", path, name);
    imprint_rest_xml(call, "Arn", text);
    imprint_clock_write(created, text);
    imprint_rest_xml(call, "CreateDate", text);
    put_escaped(call, "AssumeRolePolicyDocument",
                imprint_json_text(role, "document"));
    if (description[0] != '\0')
        imprint_rest_xml(call, "Description", description);
    imprint_rest_xml(call, "MaxSessionDuration", "3600");
    imprint_memory_put(&call->xml, imprint_slice_text("</Role>"));
}

static enum imprint_status check_new(struct imprint_rest_call *call,
                                     const char *name, const char *document,
                                     const char *path)
{
    struct imprint_document *parsed = NULL;
    struct imprint_json *there = NULL;
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    if (!imprint_name_policy_ok(name) || strlen(name) > 64)
        return imprint_rest_refuse(
            call, IMPRINT_REST_INVALID_INPUT,
            "RoleName \"%.80s\" must be 1 to 64 letters, "
            "digits and \"_+=,.@-\"",
            name);
    if (path[0] != '/' || path[strlen(path) - 1] != '/' || strlen(path) > 512)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_INPUT,
                                   "Path must begin and end with \"/\"");
    status = imprint_document_read(imprint_slice_text(document), &parsed, &why);
    imprint_document_free(parsed);
    if (status != IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_MALFORMED_DOCUMENT,
                                   "AssumeRolePolicyDocument: %s", why.text);
    status = imprint_resource_find(call->registry, IMPRINT_RESOURCE_ROLE, name,
                                   &there);
    imprint_json_free(there);
    if (status == IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_ENTITY_EXISTS,
                                   "Role with name %s already exists.", name);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

static const char *or_else(const char *text, const char *other)
{
    return text ? text : other;
}

static enum imprint_status create(struct imprint_rest_call *call)
{
    const char *path = or_else(get(call, "Path"), "/");
    const char *name = NULL;
    const char *document = NULL;
    struct imprint_json *role;
    enum imprint_status status = need(call, "RoleName", &name);

    if (status == IMPRINT_OK)
        status = need(call, "AssumeRolePolicyDocument", &document);
    if (status == IMPRINT_OK)
        status = check_new(call, name, document, path);
    if (status != IMPRINT_OK)
        return status;
    role = imprint_rest_new(call);
    imprint_rest_put(call, role, "path", path);
    imprint_rest_put(call, role, "document", document);
    imprint_rest_put(call, role, "description",
                     or_else(get(call, "Description"), ""));
    imprint_rest_put_number(call, role, "created", call->now);
    imprint_rest_put_value(call, role, "policies", imprint_rest_new(call));
    status = role && !call->has_failed
                 ? imprint_resource_put(call->registry, IMPRINT_RESOURCE_ROLE,
                                        name, role)
                 : IMPRINT_ERR_INTERNAL;
    if (status == IMPRINT_OK)
        show(call, name, role);
    imprint_json_free(role);
    return status;
}

static enum imprint_status get_role(struct imprint_rest_call *call)
{
    const char *name = NULL;
    struct imprint_json *role = NULL;
    enum imprint_status status = load(call, &name, &role);

    if (status == IMPRINT_OK)
        show(call, name, role);
    imprint_json_free(role);
    return status;
}

static enum imprint_status drop(struct imprint_rest_call *call)
{
    const char *name = NULL;
    struct imprint_json *role = NULL;
    void *cursor = NULL;
    enum imprint_status status = load(call, &name, &role);

    if (status == IMPRINT_OK &&
        imprint_json_next(imprint_json_member(role, "policies"), &cursor))
        status = imprint_rest_refuse(call, IMPRINT_REST_IAM_DELETE_CONFLICT,
                                     "Cannot delete entity, must detach all "
                                     "policies first.");
    if (status == IMPRINT_OK)
        status =
            imprint_resource_drop(call->registry, IMPRINT_RESOURCE_ROLE, name);
    imprint_json_free(role);
    return status;
}

/* ---- their policies: by ARN, and not looked into ---- */

/* The role's policies with one more, or one less. */
static enum imprint_status change(struct imprint_rest_call *call,
                                  struct imprint_json *role, const char *arn,
                                  bool is_attached)
{
    const struct imprint_json *old = imprint_json_member(role, "policies");
    struct imprint_json *policies = imprint_rest_new(call);
    void *cursor = NULL;
    size_t count = 0;
    bool was_there = false;
    const char *name;

    while ((name = imprint_json_next(old, &cursor))) {
        was_there = was_there || strcmp(name, arn) == 0;
        if (strcmp(name, arn) == 0 && !is_attached)
            continue;
        imprint_rest_put_bool(call, policies, name, true);
        count++;
    }
    if (is_attached && !was_there) {
        imprint_rest_put_bool(call, policies, arn, true);
        count++;
    }
    imprint_rest_put_value(call, role, "policies", policies);
    if (!is_attached && !was_there)
        return imprint_rest_refuse(call, IMPRINT_REST_NO_SUCH_ENTITY,
                                   "Policy %.200s was not found.", arn);
    if (count > POLICY_MAX_COUNT)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_INPUT,
                                   "A role has %d policies at most",
                                   POLICY_MAX_COUNT);
    return IMPRINT_OK;
}

static enum imprint_status switch_policy(struct imprint_rest_call *call,
                                         bool is_attached)
{
    const char *name = NULL;
    const char *arn = NULL;
    struct imprint_json *role = NULL;
    enum imprint_status status = need(call, "PolicyArn", &arn);

    if (status == IMPRINT_OK && strncmp(arn, "arn:aws:iam::", 13) != 0)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_INPUT,
                                   "ARN %.200s is not valid.", arn);
    if (status == IMPRINT_OK)
        status = load(call, &name, &role);
    if (status == IMPRINT_OK)
        status = change(call, role, arn, is_attached);
    if (status == IMPRINT_OK)
        status = imprint_resource_put(call->registry, IMPRINT_RESOURCE_ROLE,
                                      name, role);
    imprint_json_free(role);
    return status;
}

static enum imprint_status attach(struct imprint_rest_call *call)
{
    return switch_policy(call, true);
}

static enum imprint_status detach(struct imprint_rest_call *call)
{
    return switch_policy(call, false);
}

static enum imprint_status list(struct imprint_rest_call *call)
{
    const char *name = NULL;
    const char *arn;
    struct imprint_json *role = NULL;
    void *cursor = NULL;
    enum imprint_status status = load(call, &name, &role);

    if (status != IMPRINT_OK)
        return status;
    imprint_memory_put(&call->xml, imprint_slice_text("<AttachedPolicies>"));
    while ((arn = imprint_json_next(imprint_json_member(role, "policies"),
                                    &cursor))) {
        const char *slash = strrchr(arn, '/');

        imprint_memory_put(&call->xml, imprint_slice_text("<member>"));
        imprint_rest_xml(call, "PolicyName", slash ? slash + 1 : arn);
        imprint_rest_xml(call, "PolicyArn", arn);
        imprint_memory_put(&call->xml, imprint_slice_text("</member>"));
    }
    imprint_memory_put(&call->xml, imprint_slice_text("</AttachedPolicies>"));
    imprint_rest_xml(call, "IsTruncated", "false");
    imprint_json_free(role);
    return IMPRINT_OK;
}

const struct imprint_rest_route imprint_rest_iam_routes[] = {
    {"CreateRole", "POST", "/", IMPRINT_REST_WRITE, "", create},
    {"GetRole", "POST", "/", IMPRINT_REST_READ, "", get_role},
    {"DeleteRole", "POST", "/", IMPRINT_REST_WRITE, "", drop},
    {"AttachRolePolicy", "POST", "/", IMPRINT_REST_WRITE, "", attach},
    {"DetachRolePolicy", "POST", "/", IMPRINT_REST_WRITE, "", detach},
    {"ListAttachedRolePolicies", "POST", "/", IMPRINT_REST_READ, "", list},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
