/* IoT policies and their versions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/name.h"
#include "aws/policy.h"
#include "catalog.h"
#include "rest_list.h"
#include "rest_route.h"
#include "rest_tags.h"
#include "versions.h"

#define ARN_KIND "policy"

static enum imprint_status check_document(struct imprint_rest_call *call,
                                          const char *document)
{
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};
    enum imprint_status status =
        imprint_policy_parse(imprint_slice_text(document), &policy, &why);

    imprint_policy_free(policy);
    return status == IMPRINT_OK
               ? status
               : imprint_rest_refuse(call, IMPRINT_REST_MALFORMED_POLICY,
                                     "Policy document is Malformed: %s",
                                     why.text);
}

static enum imprint_status find(struct imprint_rest_call *call)
{
    return imprint_rest_need_policy(call, call->labels[0]);
}

static enum imprint_status create(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    const char *document = imprint_rest_text(call, "policyDocument");
    enum imprint_status status;

    if (!imprint_name_policy_ok(name))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "policyName \"%.130s\" must be %s", name,
                                   IMPRINT_NAME_POLICY);
    status = imprint_catalog_find_policy(call->registry, name, NULL);
    if (status == IMPRINT_OK) {
        imprint_rest_write_arn(call->resource_arn, ARN_KIND, name);
        return imprint_rest_refuse(call, IMPRINT_REST_ALREADY_EXISTS,
                                   "Policy cannot be created - name already "
                                   "exists (name=%s)",
                                   name);
    }
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    status = check_document(call, document);
    if (status == IMPRINT_OK)
        status = imprint_catalog_put_policy(call->registry, name, document);
    if (status == IMPRINT_OK)
        status = imprint_rest_tags_put(call, ARN_KIND, name);
    imprint_rest_put(call, call->out, "policyName", name);
    imprint_rest_put_arn(call, call->out, "policyArn", ARN_KIND, name);
    imprint_rest_put(call, call->out, "policyDocument", document);
    imprint_rest_put(call, call->out, "policyVersionId", "1");
    return status;
}

static void put_times(struct imprint_rest_call *call, const char *created,
                      const char *modified)
{
    imprint_rest_put_count(call, call->out, "creationDate", created);
    imprint_rest_put_count(call, call->out, "lastModifiedDate", modified);
    imprint_rest_put(call, call->out, "generationId", modified);
}

static void get_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;

    imprint_rest_put(call, call->out, "policyName", columns[0]);
    imprint_rest_put_arn(call, call->out, "policyArn", ARN_KIND, columns[0]);
    imprint_rest_put(call, call->out, "policyDocument", columns[1]);
    imprint_rest_put(call, call->out, "defaultVersionId", columns[2]);
    put_times(call, columns[3], columns[4]);
}

static enum imprint_status get(struct imprint_rest_call *call)
{
    enum imprint_status status = find(call);

    return status == IMPRINT_OK
               ? imprint_rest_look(call, IMPRINT_VIEW_POLICY, call->labels[0],
                                   get_one, call)
               : status;
}

static void list_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item = imprint_rest_new(call);

    imprint_rest_put(call, item, "policyName", columns[0]);
    imprint_rest_put_arn(call, item, "policyArn", ARN_KIND, columns[0]);
    imprint_rest_add(call, item);
}

static enum imprint_status list(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_POLICIES,
        .of = "",
        .member = "policies",
        .by_marker = true,
        .each = list_one,
    };

    return imprint_rest_list(call, &listing);
}

static void count_one(void *user, const char *const *columns)
{
    (void)columns;
    ++*(size_t *)user;
}

static enum imprint_status drop(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    size_t versions = 0;
    const struct imprint_views_page page = {
        .of = name, .after = "", .each = count_one, .user = &versions};
    enum imprint_status status = find(call);

    if (status == IMPRINT_OK)
        status = imprint_views_show(call->registry,
                                    IMPRINT_VIEW_POLICY_VERSIONS, &page, NULL);
    if (status == IMPRINT_OK && versions > 1)
        return imprint_rest_refuse(
            call, IMPRINT_REST_DELETE_CONFLICT,
            "Cannot delete the policy because it has one "
            "or more policy versions attached to it "
            "(name=%s)",
            name);
    if (status == IMPRINT_OK)
        status = imprint_catalog_drop_policy(call->registry, name);
    if (status == IMPRINT_ERR_REFUSED && !call->error)
        return imprint_rest_refuse(call, IMPRINT_REST_DELETE_CONFLICT,
                                   "The policy cannot be deleted as the policy "
                                   "is attached to one or more principals "
                                   "(name=%s)",
                                   name);
    return status == IMPRINT_OK ? imprint_rest_tags_drop(call, ARN_KIND, name)
                                : status;
}

/* ---- versions ---- */

static enum imprint_status create_version(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    const char *document = imprint_rest_text(call, "policyDocument");
    bool is_default = imprint_rest_is_on(call, "setAsDefault");
    char version[24];
    int64_t number = 0;
    enum imprint_status status = find(call);

    if (status == IMPRINT_OK)
        status = check_document(call, document);
    if (status == IMPRINT_OK)
        status = imprint_versions_put(call->registry, IMPRINT_VERSIONS_POLICY,
                                      name, document, &number);
    if (status == IMPRINT_ERR_REFUSED && !call->error)
        return imprint_rest_refuse(call, IMPRINT_REST_VERSIONS_LIMIT,
                                   "The policy %s already has the maximum "
                                   "number of versions (%d)",
                                   name, IMPRINT_VERSIONS_MAX_COUNT);
    if (status == IMPRINT_OK && is_default)
        status = imprint_versions_set_default(
            call->registry, IMPRINT_VERSIONS_POLICY, name, number);
    (void)snprintf(version, sizeof(version), "%lld", (long long)number);
    imprint_rest_put_arn(call, call->out, "policyArn", ARN_KIND, name);
    imprint_rest_put(call, call->out, "policyDocument", document);
    imprint_rest_put(call, call->out, "policyVersionId", version);
    imprint_rest_put_bool(call, call->out, "isDefaultVersion", is_default);
    return status;
}

static void list_version(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item = imprint_rest_new(call);

    imprint_rest_put(call, item, "versionId", columns[0]);
    imprint_rest_put_bool(call, item, "isDefaultVersion",
                          strcmp(columns[3], "1") == 0);
    imprint_rest_put_count(call, item, "createDate", columns[1]);
    imprint_rest_add(call, item);
}

/* All at once: there are five at most. */
static enum imprint_status list_versions(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_POLICY_VERSIONS,
        .of = call->labels[0],
        .member = "policyVersions",
        .each = list_version,
    };
    enum imprint_status status = find(call);

    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

static void get_one_version(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;

    if (strcmp(columns[0], call->labels[1]) != 0)
        return;
    imprint_rest_put_arn(call, call->out, "policyArn", ARN_KIND,
                         call->labels[0]);
    imprint_rest_put(call, call->out, "policyName", call->labels[0]);
    imprint_rest_put(call, call->out, "policyDocument", columns[2]);
    imprint_rest_put(call, call->out, "policyVersionId", columns[0]);
    imprint_rest_put_bool(call, call->out, "isDefaultVersion",
                          strcmp(columns[3], "1") == 0);
    put_times(call, columns[1], columns[1]);
}

static enum imprint_status get_version(struct imprint_rest_call *call)
{
    const struct imprint_views_page page = {.of = call->labels[0],
                                            .after = "",
                                            .each = get_one_version,
                                            .user = call};
    enum imprint_status status = find(call);

    if (status == IMPRINT_OK)
        status = imprint_views_show(call->registry,
                                    IMPRINT_VIEW_POLICY_VERSIONS, &page, NULL);
    if (status == IMPRINT_OK && !imprint_json_text(call->out, "policyArn"))
        status = IMPRINT_ERR_NOT_FOUND;
    return imprint_rest_missing(call, status, "Version of policy",
                                call->labels[0]);
}

static enum imprint_status set_default(struct imprint_rest_call *call)
{
    enum imprint_status status = find(call);

    if (status == IMPRINT_OK)
        status = imprint_versions_set_default(
            call->registry, IMPRINT_VERSIONS_POLICY, call->labels[0],
            strtoll(call->labels[1], NULL, 10));
    return imprint_rest_missing(call, status, "Version of policy",
                                call->labels[0]);
}

static enum imprint_status drop_version(struct imprint_rest_call *call)
{
    enum imprint_status status = find(call);

    if (status == IMPRINT_OK)
        status = imprint_versions_drop(call->registry, IMPRINT_VERSIONS_POLICY,
                                       call->labels[0],
                                       strtoll(call->labels[1], NULL, 10));
    if (status == IMPRINT_ERR_REFUSED && !call->error)
        return imprint_rest_refuse(call, IMPRINT_REST_DELETE_CONFLICT,
                                   "Cannot delete the default version of the "
                                   "policy %s",
                                   call->labels[0]);
    return imprint_rest_missing(call, status, "Version of policy",
                                call->labels[0]);
}

#define ONE "/policies/{}"

const struct imprint_rest_route imprint_rest_policies_routes[] = {
    {"ListPolicies", "GET", "/policies", IMPRINT_REST_READ,
     "?marker:s ?pageSize:n ?isAscendingOrder:b", list},
    {"CreatePolicy", "POST", ONE, IMPRINT_REST_WRITE,
     "policyDocument:s! tags:l", create},
    {"GetPolicy", "GET", ONE, IMPRINT_REST_READ, "", get},
    {"DeletePolicy", "DELETE", ONE, IMPRINT_REST_WRITE, "", drop},
    {"CreatePolicyVersion", "POST", ONE "/version", IMPRINT_REST_WRITE,
     "policyDocument:s! ?setAsDefault:b", create_version},
    {"ListPolicyVersions", "GET", ONE "/version", IMPRINT_REST_READ, "",
     list_versions},
    {"GetPolicyVersion", "GET", ONE "/version/{}", IMPRINT_REST_READ, "",
     get_version},
    {"SetDefaultPolicyVersion", "PATCH", ONE "/version/{}", IMPRINT_REST_WRITE,
     "", set_default},
    {"DeletePolicyVersion", "DELETE", ONE "/version/{}", IMPRINT_REST_WRITE, "",
     drop_version},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
