/* Policies on certificates and thing groups. */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "rest_certificate.h"
#include "rest_list.h"
#include "rest_route.h"

#define POLICY_KIND "policy"
#define GROUP_KIND "thinggroup"

/* What a policy is on: one of the two is set. */
struct target {
    const char *certificate;
    const char *group;
};

static enum imprint_status find_target(struct imprint_rest_call *call,
                                       const char *arn, struct target *out)
{
    const char *name = NULL;
    enum imprint_status status;

    if (arn && strstr(arn, ":" GROUP_KIND "/")) {
        status = imprint_rest_read_arn(call, arn, GROUP_KIND, &name);
        if (status == IMPRINT_OK)
            status = imprint_rest_need(call, IMPRINT_VIEW_GROUP, "Thing group",
                                       name);
        out->group = name;
        return status;
    }
    status = imprint_rest_certificate_of_arn(call, arn, &name);
    out->certificate = name;
    return status;
}

/* What is so already is fine. */
static enum imprint_status switch_policy(struct imprint_rest_call *call,
                                         const char *arn, bool is_attached)
{
    const char *policy = call->labels[0];
    struct target target = {NULL, NULL};
    enum imprint_status status = imprint_rest_need_policy(call, policy);

    if (status == IMPRINT_OK)
        status = find_target(call, arn, &target);
    if (status != IMPRINT_OK)
        return status;
    status = target.group
                 ? imprint_catalog_attach_group_policy(
                       call->registry, target.group, policy, is_attached)
                 : imprint_catalog_attach_policy(
                       call->registry, target.certificate, policy, is_attached);
    if (status == IMPRINT_ERR_REFUSED)
        return imprint_rest_refuse(call, IMPRINT_REST_LIMIT_EXCEEDED,
                                   "The certificate has 10 policies, and no "
                                   "more are allowed");
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

static enum imprint_status attach(struct imprint_rest_call *call)
{
    return switch_policy(call, imprint_rest_text(call, "target"), true);
}

static enum imprint_status detach(struct imprint_rest_call *call)
{
    return switch_policy(call, imprint_rest_text(call, "target"), false);
}

static enum imprint_status attach_principal(struct imprint_rest_call *call)
{
    return switch_policy(call, call->principal, true);
}

static enum imprint_status detach_principal(struct imprint_rest_call *call)
{
    return switch_policy(call, call->principal, false);
}

/* ---- lists ---- */

static void list_policy(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item;

    if (columns[0][0] == '$')
        return; /* the endpoint's own */
    item = imprint_rest_new(call);
    imprint_rest_put(call, item, "policyName", columns[0]);
    imprint_rest_put_arn(call, item, "policyArn", POLICY_KIND, columns[0]);
    imprint_rest_add(call, item);
}

static enum imprint_status list_of(struct imprint_rest_call *call,
                                   const char *arn)
{
    struct target target = {NULL, NULL};
    struct imprint_rest_listing listing = {
        .member = "policies", .by_marker = true, .each = list_policy};
    enum imprint_status status = find_target(call, arn, &target);

    if (status != IMPRINT_OK)
        return status;
    listing.view = !target.group ? IMPRINT_VIEW_CERTIFICATE_POLICIES
                   : imprint_rest_is_on(call, "recursive")
                       ? IMPRINT_VIEW_GROUP_ALL_POLICIES
                       : IMPRINT_VIEW_GROUP_POLICIES;
    listing.of = target.group ? target.group : target.certificate;
    return imprint_rest_list(call, &listing);
}

static enum imprint_status list_attached(struct imprint_rest_call *call)
{
    return list_of(call, call->labels[0]);
}

static enum imprint_status list_principal(struct imprint_rest_call *call)
{
    return list_of(call, call->principal);
}

static void list_target(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    const char *slash = strchr(columns[0], '/');
    char arn[IMPRINT_REST_ARN_LEN];

    imprint_rest_write_arn(arn, slash[-1] == 'p' ? GROUP_KIND : "cert",
                           slash + 1);
    imprint_rest_add_text(call, arn);
}

static enum imprint_status list_targets(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_POLICY_TARGETS,
        .of = call->labels[0],
        .member = "targets",
        .by_marker = true,
        .each = list_target,
    };
    enum imprint_status status =
        imprint_rest_need_policy(call, call->labels[0]);

    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

static enum imprint_status list_principals(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_POLICY_CERTIFICATES,
        .of = call->policy,
        .member = "principals",
        .by_marker = true,
        .each = list_target,
    };
    enum imprint_status status;

    if (!call->policy)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "x-amzn-iot-policy must not be null");
    status = imprint_rest_need_policy(call, call->policy);
    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

/* ---- what counts in the end ---- */

static void list_effective(void *user, const char *name, const char *document)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item = imprint_rest_new(call);

    imprint_rest_put(call, item, "policyName", name);
    imprint_rest_put_arn(call, item, "policyArn", POLICY_KIND, name);
    imprint_rest_put(call, item, "policyDocument", document);
    imprint_rest_add(call, item);
}

static enum imprint_status get_effective(struct imprint_rest_call *call)
{
    const char *principal = imprint_rest_text(call, "principal");
    const char *thing = imprint_rest_query(call, "thingName");
    const char *id = NULL;
    enum imprint_status status = IMPRINT_OK;

    if (!principal && !thing)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "principal or thingName must be there");
    call->list = imprint_json_new_list();
    call->has_failed |= !call->list;
    if (principal)
        status = imprint_rest_certificate_of_arn(call, principal, &id);
    if (status == IMPRINT_OK && id)
        status = imprint_catalog_each_certificate_policy(call->registry, id,
                                                         list_effective, call);
    if (status == IMPRINT_OK && thing)
        status = imprint_catalog_each_thing_policy(call->registry, thing,
                                                   list_effective, call);
    imprint_rest_put_value(call, call->out, "effectivePolicies", call->list);
    call->list = NULL;
    return status;
}

#define PAGED "?marker:s ?pageSize:n ?isAscendingOrder:b"

const struct imprint_rest_route imprint_rest_attachments_routes[] = {
    {"AttachPolicy", "PUT", "/target-policies/{}", IMPRINT_REST_WRITE,
     "target:s!", attach},
    {"DetachPolicy", "POST", "/target-policies/{}", IMPRINT_REST_WRITE,
     "target:s!", detach},
    {"ListAttachedPolicies", "POST", "/attached-policies/{}", IMPRINT_REST_READ,
     "?recursive:b " PAGED, list_attached},
    {"ListTargetsForPolicy", "POST", "/policy-targets/{}", IMPRINT_REST_READ,
     PAGED, list_targets},
    {"AttachPrincipalPolicy", "PUT", "/principal-policies/{}",
     IMPRINT_REST_WRITE, "", attach_principal},
    {"DetachPrincipalPolicy", "DELETE", "/principal-policies/{}",
     IMPRINT_REST_WRITE, "", detach_principal},
    {"ListPrincipalPolicies", "GET", "/principal-policies", IMPRINT_REST_READ,
     PAGED, list_principal},
    {"ListPolicyPrincipals", "GET", "/policy-principals", IMPRINT_REST_READ,
     PAGED, list_principals},
    {"GetEffectivePolicies", "POST", "/effective-policies", IMPRINT_REST_READ,
     "principal:s cognitoIdentityPoolId:s ?thingName:s", get_effective},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
