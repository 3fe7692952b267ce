/* Provisioning templates, their versions, and claims of trusted users. */
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "aws/template.h"
#include "catalog.h"
#include "claims.h"
#include "control.h"
#include "imprint/topics.h"
#include "rest_list.h"
#include "rest_route.h"
#include "rest_tags.h"
#include "rest_role.h"
#include "setup.h"
#include "versions.h"

#define ARN_KIND "provisioningtemplate"
#define TEMPLATE_MAX_COUNT 256 /* AWS quota */
#define DESCRIPTION_MAX_LEN 500

static enum imprint_status refuse_missing(struct imprint_rest_call *call,
                                          enum imprint_status status,
                                          const char *name)
{
    return imprint_rest_missing(call, status, "Template", name);
}

static enum imprint_status find(struct imprint_rest_call *call,
                                const char *name)
{
    return imprint_rest_need(call, IMPRINT_VIEW_TEMPLATE, "Template", name);
}

/* ---- what a request may bring ---- */

static enum imprint_status check_body(struct imprint_rest_call *call,
                                      const char *body)
{
    struct imprint_template *parsed = NULL;
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    if (strlen(body) > IMPRINT_TEMPLATE_MAX_LEN)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "templateBody has %zu characters; %d are "
                                   "allowed",
                                   strlen(body), IMPRINT_TEMPLATE_MAX_LEN);
    status = imprint_template_parse(imprint_slice_text(body), &parsed, &why);
    imprint_template_free(parsed);
    return status == IMPRINT_OK
               ? status
               : imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                     "Invalid template body: %s", why.text);
}

/* *target: the ARN; NULL: none was given. */
static enum imprint_status read_hook(struct imprint_rest_call *call,
                                     const char **target)
{
    const struct imprint_json *hook =
        imprint_json_member(call->body, "preProvisioningHook");
    const char *arn = hook ? imprint_json_text(hook, "targetArn") : NULL;
    const char *payload =
        hook ? imprint_json_text(hook, "payloadVersion") : NULL;

    *target = arn;
    if (!hook)
        return IMPRINT_OK;
    if (!arn)
        return imprint_rest_refuse(
            call, IMPRINT_REST_INVALID_REQUEST,
            "preProvisioningHook.targetArn must not be null");
    if (!imprint_admin_is_lambda(arn))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "\"%.200s\" is not the ARN of a Lambda "
                                   "function",
                                   arn);
    if (payload && strcmp(payload, "2020-04-01") != 0)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "payloadVersion must be 2020-04-01");
    return IMPRINT_OK;
}

static enum imprint_status read_change(struct imprint_rest_call *call,
                                       struct imprint_control_template *change)
{
    enum imprint_status status;

    change->description = imprint_rest_text(call, "description");
    change->role = imprint_rest_text(call, "provisioningRoleArn");
    if (change->description &&
        strlen(change->description) > DESCRIPTION_MAX_LEN)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "description has over %d characters",
                                   DESCRIPTION_MAX_LEN);
    if (imprint_json_kind_of(call->body, "enabled") == IMPRINT_JSON_BOOL)
        change->is_enabled =
            imprint_json_is_on(call->body, "enabled") ? "1" : "0";
    status = read_hook(call, &change->hook);
    if (status == IMPRINT_OK && change->role)
        status = imprint_rest_role_check(call, change->role);
    return status;
}

/* ---- create, update, delete ---- */

static enum imprint_status refuse_there(struct imprint_rest_call *call,
                                        const char *name)
{
    imprint_rest_write_arn(call->resource_arn, ARN_KIND, name);
    return imprint_rest_refuse(call, IMPRINT_REST_ALREADY_EXISTS,
                               "Template with name %s already exists", name);
}

static void count(void *user, const struct imprint_catalog_template *template)
{
    (void)template;
    ++*(size_t *)user;
}

static enum imprint_status check_new(struct imprint_rest_call *call,
                                     const char *name)
{
    const char *type = imprint_rest_text(call, "type");
    size_t there = 0;
    enum imprint_status status;

    if (!imprint_topics_template_ok(imprint_slice_text(name)))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "templateName \"%.100s\" must be 1 to 36 "
                                   "letters, digits, \"_\" and \"-\"",
                                   name);
    if (type && strcmp(type, "FLEET_PROVISIONING") != 0)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "type %.40s is not to be had here: "
                                   "FLEET_PROVISIONING",
                                   type);
    status = imprint_rest_is_there(call, IMPRINT_VIEW_TEMPLATE, name);
    if (status == IMPRINT_OK)
        return refuse_there(call, name);
    status = imprint_catalog_each_template(call->registry, NULL, count, &there);
    if (status == IMPRINT_OK && there >= TEMPLATE_MAX_COUNT)
        return imprint_rest_refuse(call, IMPRINT_REST_LIMIT_EXCEEDED,
                                   "There are %d templates, and no more are "
                                   "allowed",
                                   TEMPLATE_MAX_COUNT);
    return status;
}

static enum imprint_status create(struct imprint_rest_call *call)
{
    struct imprint_control_template change = {.role = NULL};
    const struct imprint_catalog_template template = {
        .name = imprint_rest_text(call, "templateName"),
        .document = imprint_rest_text(call, "templateBody"),
    };
    enum imprint_status status = check_new(call, template.name);

    if (status == IMPRINT_OK)
        status = read_change(call, &change);
    if (status == IMPRINT_OK)
        status = check_body(call, template.document);
    if (status == IMPRINT_OK)
        status = imprint_catalog_put_template(call->registry, &template);
    if (status == IMPRINT_OK)
        status = imprint_control_change_template(call->registry, template.name,
                                                 &change);
    if (status == IMPRINT_OK)
        status = imprint_rest_tags_put(call, ARN_KIND, template.name);
    imprint_rest_put_arn(call, call->out, "templateArn", ARN_KIND,
                         template.name);
    imprint_rest_put(call, call->out, "templateName", template.name);
    imprint_rest_put_number(call, call->out, "defaultVersionId", 1);
    return status;
}

static enum imprint_status update(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    int64_t version = imprint_json_number(call->body, "defaultVersionId", 0);
    struct imprint_control_template change = {.role = NULL};
    enum imprint_status status = find(call, name);

    if (status == IMPRINT_OK)
        status = read_change(call, &change);
    if (status == IMPRINT_OK &&
        imprint_json_is_on(call->body, "removePreProvisioningHook")) {
        if (change.hook)
            return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                       "preProvisioningHook can't be both set "
                                       "and removed");
        change.hook = "";
    }
    if (status == IMPRINT_OK)
        status = imprint_control_change_template(call->registry, name, &change);
    if (status != IMPRINT_OK || version == 0)
        return status;
    return imprint_rest_missing(
        call,
        imprint_versions_set_default(call->registry, IMPRINT_VERSIONS_TEMPLATE,
                                     name, version),
        "Version of template", name);
}

static enum imprint_status drop(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    enum imprint_status status;

    if (strcmp(name, IMPRINT_SETUP_TEMPLATE) == 0)
        return imprint_rest_refuse(call, IMPRINT_REST_DELETE_CONFLICT,
                                   "Template %s would come back with the "
                                   "endpoint's next start: disable it",
                                   name);
    status = imprint_catalog_drop_template(call->registry, name);
    if (status == IMPRINT_OK)
        status = imprint_rest_tags_drop(call, ARN_KIND, name);
    return refuse_missing(call, status, name);
}

/* ---- show ---- */

static void put_head(struct imprint_rest_call *call,
                     struct imprint_json *object, const char *const *columns)
{
    imprint_rest_put_arn(call, object, "templateArn", ARN_KIND, columns[0]);
    imprint_rest_put(call, object, "templateName", columns[0]);
    imprint_rest_put(call, object, "description", columns[1]);
    imprint_rest_put_count(call, object, "creationDate", columns[2]);
    imprint_rest_put_count(call, object, "lastModifiedDate", columns[3]);
    imprint_rest_put_bool(call, object, "enabled",
                          strcmp(columns[4], "1") == 0);
    imprint_rest_put(call, object, "type", "FLEET_PROVISIONING");
}

static void describe_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *hook = columns[5] ? imprint_rest_new(call) : NULL;

    put_head(call, call->out, columns);
    imprint_rest_put_count(call, call->out, "defaultVersionId", columns[8]);
    imprint_rest_put(call, call->out, "templateBody", columns[7]);
    imprint_rest_put(call, call->out, "provisioningRoleArn", columns[6]);
    imprint_rest_put(call, hook, "payloadVersion", "2020-04-01");
    imprint_rest_put(call, hook, "targetArn", columns[5]);
    imprint_rest_put_value(call, call->out, "preProvisioningHook", hook);
}

static enum imprint_status describe(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];

    return refuse_missing(call,
                          imprint_rest_look(call, IMPRINT_VIEW_TEMPLATE, name,
                                            describe_one, call),
                          name);
}

static void list_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item = imprint_rest_new(call);

    put_head(call, item, columns);
    imprint_rest_add(call, item);
}

static enum imprint_status list(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_TEMPLATES,
        .of = "",
        .member = "templates",
        .each = list_one,
    };

    return imprint_rest_list(call, &listing);
}

/* ---- versions ---- */

static enum imprint_status create_version(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    const char *body = imprint_rest_text(call, "templateBody");
    bool is_default = imprint_rest_is_on(call, "setAsDefault");
    int64_t number = 0;
    enum imprint_status status = find(call, name);

    if (status == IMPRINT_OK)
        status = check_body(call, body);
    if (status == IMPRINT_OK)
        status = imprint_versions_put(call->registry, IMPRINT_VERSIONS_TEMPLATE,
                                      name, body, &number);
    if (status == IMPRINT_ERR_REFUSED && !call->error)
        return imprint_rest_refuse(call, IMPRINT_REST_VERSIONS_LIMIT,
                                   "Template %s has %d versions: delete one "
                                   "first",
                                   name, IMPRINT_VERSIONS_MAX_COUNT);
    if (status == IMPRINT_OK && is_default)
        status = imprint_versions_set_default(
            call->registry, IMPRINT_VERSIONS_TEMPLATE, name, number);
    imprint_rest_put_arn(call, call->out, "templateArn", ARN_KIND, name);
    imprint_rest_put(call, call->out, "templateName", name);
    imprint_rest_put_number(call, call->out, "versionId", number);
    imprint_rest_put_bool(call, call->out, "isDefaultVersion", is_default);
    return status;
}

static void put_version(struct imprint_rest_call *call,
                        struct imprint_json *object, const char *const *columns)
{
    imprint_rest_put_count(call, object, "versionId", columns[0]);
    imprint_rest_put_count(call, object, "creationDate", columns[1]);
    imprint_rest_put_bool(call, object, "isDefaultVersion",
                          strcmp(columns[3], "1") == 0);
}

static void list_version(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item = imprint_rest_new(call);

    put_version(call, item, columns);
    imprint_rest_add(call, item);
}

static enum imprint_status list_versions(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_TEMPLATE_VERSIONS,
        .of = name,
        .member = "versions",
        .each = list_version,
    };
    enum imprint_status status = find(call, name);

    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

static void describe_one_version(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;

    if (strcmp(columns[0], call->labels[1]) != 0)
        return;
    put_version(call, call->out, columns);
    imprint_rest_put(call, call->out, "templateBody", columns[2]);
}

static enum imprint_status describe_version(struct imprint_rest_call *call)
{
    const struct imprint_views_page page = {.of = call->labels[0],
                                            .after = "",
                                            .each = describe_one_version,
                                            .user = call};
    enum imprint_status status = imprint_views_show(
        call->registry, IMPRINT_VIEW_TEMPLATE_VERSIONS, &page, NULL);

    if (status == IMPRINT_OK &&
        imprint_json_kind_of(call->out, "versionId") == IMPRINT_JSON_ABSENT)
        status = IMPRINT_ERR_NOT_FOUND;
    return imprint_rest_missing(call, status, "Version of template",
                                call->labels[0]);
}

static enum imprint_status drop_version(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    enum imprint_status status =
        imprint_versions_drop(call->registry, IMPRINT_VERSIONS_TEMPLATE, name,
                              strtoll(call->labels[1], NULL, 10));

    if (status == IMPRINT_ERR_REFUSED)
        return imprint_rest_refuse(call, IMPRINT_REST_DELETE_CONFLICT,
                                   "Version %s of template %s is the default",
                                   call->labels[1], name);
    return imprint_rest_missing(call, status, "Version of template", name);
}

/* ---- a trusted user's claim ---- */

static enum imprint_status create_claim(struct imprint_rest_call *call)
{
    struct imprint_claims_temporary claim;
    struct imprint_why why = {"", ""};
    struct imprint_json *pair;
    enum imprint_status status = imprint_claims_make_temporary(
        call->place->dir, call->labels[0], &claim, &why);

    if (status == IMPRINT_ERR_REFUSED)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST, "%s",
                                   why.text);
    if (status != IMPRINT_OK)
        return refuse_missing(call, status, call->labels[0]);
    pair = imprint_rest_new(call);
    imprint_rest_put(call, pair, "PublicKey", claim.public_key_pem);
    imprint_rest_put(call, pair, "PrivateKey", claim.private_key_pem);
    imprint_rest_put(call, call->out, "certificateId", claim.id);
    imprint_rest_put(call, call->out, "certificatePem", claim.certificate_pem);
    imprint_rest_put_value(call, call->out, "keyPair", pair);
    imprint_rest_put_number(call, call->out, "expiration", claim.expires);
    imprint_claims_free_temporary(&claim);
    return status;
}

#define ALL "/provisioning-templates"
#define ONE ALL "/{}"
#define CHANGES "description:s enabled:b preProvisioningHook:o "

const struct imprint_rest_route imprint_rest_templates_routes[] = {
    {"CreateProvisioningTemplate", "POST", ALL, IMPRINT_REST_WRITE,
     CHANGES "templateName:s! templateBody:s! provisioningRoleArn:s! tags:l "
             "type:s",
     create},
    {"ListProvisioningTemplates", "GET", ALL, IMPRINT_REST_READ,
     "?maxResults:n ?nextToken:s", list},
    {"DescribeProvisioningTemplate", "GET", ONE, IMPRINT_REST_READ, "",
     describe},
    {"UpdateProvisioningTemplate", "PATCH", ONE, IMPRINT_REST_WRITE,
     CHANGES "provisioningRoleArn:s defaultVersionId:n "
             "removePreProvisioningHook:b",
     update},
    {"DeleteProvisioningTemplate", "DELETE", ONE, IMPRINT_REST_WRITE, "", drop},
    {"CreateProvisioningTemplateVersion", "POST", ONE "/versions",
     IMPRINT_REST_WRITE, "templateBody:s! ?setAsDefault:b", create_version},
    {"ListProvisioningTemplateVersions", "GET", ONE "/versions",
     IMPRINT_REST_READ, "?maxResults:n ?nextToken:s", list_versions},
    {"DescribeProvisioningTemplateVersion", "GET", ONE "/versions/{}",
     IMPRINT_REST_READ, "", describe_version},
    {"DeleteProvisioningTemplateVersion", "DELETE", ONE "/versions/{}",
     IMPRINT_REST_WRITE, "", drop_version},
    {"CreateProvisioningClaim", "POST", ONE "/provisioning-claim",
     IMPRINT_REST_ALONE, "", create_claim},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
