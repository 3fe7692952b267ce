#include <string.h>

#include "policy_parts.h"

#define DEVICE_ACTION_COUNT 5
#define ACCOUNT_LEN 12

static const char *const device_actions[DEVICE_ACTION_COUNT] = {
    "iot:Connect", "iot:Publish", "iot:Receive", "iot:Subscribe",
    "iot:RetainPublish"};

/* What the statements have together, for what is missing in all of them. */
struct whole {
    struct imprint_findings *findings;
    const struct imprint_document *statements; /* an array, or one */
    bool has_create;    /* certificates/create/ and a wildcard */
    bool has_from_csr;  /* certificates/create-from-csr/ */
    bool has_provision; /* publishes to a template's topic */
    bool has_receive;
};

/* What is looked at now. */
struct view {
    struct whole *whole;
    const struct imprint_document *statement;
    const struct imprint_place *place;
};

/* Both for a text and for an array of texts; 0 for nothing. */
static size_t count_of(const struct imprint_document *list)
{
    return imprint_document_kind_of(list) == IMPRINT_DOCUMENT_ARRAY
               ? imprint_document_count(list)
               : list != NULL;
}

/* The empty text for what is none, which is an error elsewhere. */
static const char *text_at(const struct imprint_document *list, size_t index)
{
    const char *text = imprint_document_text(
        imprint_document_kind_of(list) == IMPRINT_DOCUMENT_ARRAY
            ? imprint_document_item(list, index)
            : list);

    return text ? text : "";
}

static bool has_action(const struct view *view, const char *action)
{
    const struct imprint_document *list =
        imprint_document_member(view->statement, "Action");
    size_t i;

    for (i = 0; i < count_of(list); i++) {
        const char *text = text_at(list, i);
        size_t len = strcspn(text, "*?");

        if (strcmp(text, action) == 0 ||
            (text[len] != '\0' && strncmp(text, action, len) == 0))
            return true;
    }
    return false;
}

/* True if resource can be what an action is about. */
static bool is_usable(const char *resource, const char *action)
{
    const char *rest = imprint_policy_resource_of(resource);
    const char *kind = imprint_policy_resource_kind(action);
    size_t len = rest ? strcspn(rest, "/*?") : 0;

    if (!rest || rest[len] != '/')
        return true; /* *, or a wildcard before the kind's end */
    return strlen(kind) == len && strncmp(rest, kind, len) == 0;
}

/* The same, but written out, not by a wildcard. */
static bool names_action(const struct view *view, const char *action)
{
    const struct imprint_document *list =
        imprint_document_member(view->statement, "Action");
    size_t i;

    for (i = 0; i < count_of(list); i++) {
        if (strcmp(text_at(list, i), action) == 0)
            return true;
    }
    return false;
}

/* ---- one resource ---- */

static void warn_kind(const struct view *view, const char *resource,
                      const struct imprint_place *at)
{
    const char *rest = imprint_policy_resource_of(resource);
    const char *action = NULL;
    size_t i;

    for (i = 0; i < DEVICE_ACTION_COUNT; i++) {
        if (!has_action(view, device_actions[i]))
            continue;
        if (is_usable(resource, device_actions[i]))
            return;
        action = device_actions[i];
    }
    if (!action)
        return;
    imprint_finding_warn(view->whole->findings, at, "\"%s\" never matches %s",
                         rest, action);
    imprint_finding_hint(view->whole->findings, "write \"%s%s\"",
                         imprint_policy_resource_kind(action),
                         rest + strcspn(rest, "/"));
}

/* True for a wildcard, a variable, or what is as long as an account is. */
static bool is_account(const char *text, size_t len)
{
    return strcspn(text, "*?$") < len ||
           (len == ACCOUNT_LEN && strspn(text, "0123456789") == len);
}

/* Partition, service, region and account: the head of an ARN. */
static void warn_account(const struct view *view, const char *resource,
                         const struct imprint_place *at)
{
    struct imprint_findings *findings = view->whole->findings;
    const char *rest = imprint_policy_resource_of(resource);
    const char *service = strchr(resource + 4, ':') + 1;
    const char *region = strchr(service, ':') + 1;
    const char *account = strchr(region, ':') + 1;
    int head_len = (int)(rest - resource);
    size_t len = (size_t)(region - 1 - service);

    if (!memchr(service, '*', len) &&
        (len != 3 || memcmp(service, "iot", 3) != 0)) {
        imprint_finding_warn(findings, at, "\"%.*s\" is not of the service iot",
                             head_len, resource);
    } else if (resource[4] == ':' || region[0] == ':' || account[0] == ':') {
        imprint_finding_warn(findings, at,
                             "\"%.*s\" lacks a partition, region or account",
                             head_len, resource);
    } else if (!is_account(account, (size_t)(rest - 1 - account))) {
        imprint_finding_warn(findings, at,
                             "\"%.*s\" is no account, which has 12 digits",
                             (int)(rest - 1 - account), account);
    } else {
        return;
    }
    imprint_finding_hint(findings, "write arn:aws:iot:REGION:ACCOUNT:%s", rest);
}

static void warn_text(const struct view *view, const char *resource,
                      const struct imprint_place *at)
{
    const char *rest = imprint_policy_resource_of(resource);

    if (!rest)
        return;
    warn_account(view, resource, at);
    if (strncmp(rest, "topic/", 6) == 0 && strpbrk(rest, "+#")) {
        imprint_finding_warn(view->whole->findings, at,
                             "\"%s\": + and # are plain characters here", rest);
        imprint_finding_hint(view->whole->findings,
                             "a policy's wildcards are * and ?");
    }
    if (strncmp(rest, "topicfilter/", 12) == 0 &&
        strstr(rest, "${iot:ClientId}")) {
        imprint_finding_warn(view->whole->findings, at,
                             "a client id with + or # in it widens \"%s\"",
                             rest);
        imprint_finding_hint(view->whole->findings,
                             "restrict the resource of iot:Connect");
    }
}

static void warn_everything(const struct view *view, const char *resource,
                            const struct imprint_place *at)
{
    size_t i;

    if (strcmp(resource, "*") != 0)
        return;
    for (i = 1; i < DEVICE_ACTION_COUNT; i++) {
        if (has_action(view, device_actions[i])) {
            imprint_finding_warn(view->whole->findings, at,
                                 "\"*\" lets it reach every topic of every "
                                 "device");
            imprint_finding_hint(view->whole->findings,
                                 "name the topics; "
                                 "${iot:Connection.Thing.ThingName} makes "
                                 "them its own");
            return;
        }
    }
    if (!has_action(view, "iot:Connect"))
        return;
    imprint_finding_warn(view->whole->findings, at,
                         "with any client id it can throw off every other "
                         "client");
    imprint_finding_hint(view->whole->findings,
                         "write client/PREFIX-* or "
                         "client/${iot:Connection.Thing.ThingName}");
}

/* What it may publish to: AWS's own sample has * for iot:Connect. */
static void note_provisioning(const struct view *view, const char *resource)
{
    struct whole *whole = view->whole;

    if (!has_action(view, "iot:Publish"))
        return;
    if (strstr(resource, "certificates/create/*"))
        whole->has_create = true;
    if (strstr(resource, "certificates/create-from-csr") ||
        strstr(resource, "certificates/create*") ||
        strstr(resource, "certificates/*") || strcmp(resource, "*") == 0)
        whole->has_from_csr = true;
    if (strstr(resource, "provisioning-templates/"))
        whole->has_provision = true;
}

/* ---- statements ---- */

/* An action without a resource, where another action has one. */
static void warn_unusable(const struct view *view,
                          const struct imprint_document *resources)
{
    struct imprint_place at = imprint_place_member(view->place, "Action");
    bool is_mixed = false;
    size_t i;
    size_t k;

    for (i = 0; i < DEVICE_ACTION_COUNT; i++) {
        for (k = 0; k < count_of(resources); k++)
            is_mixed |= has_action(view, device_actions[i]) &&
                        is_usable(text_at(resources, k), device_actions[i]);
    }
    for (i = 0; i < DEVICE_ACTION_COUNT && is_mixed; i++) {
        bool is_useful = !names_action(view, device_actions[i]);

        for (k = 0; k < count_of(resources) && !is_useful; k++)
            is_useful = is_usable(text_at(resources, k), device_actions[i]);
        if (is_useful)
            continue;
        imprint_finding_warn(view->whole->findings, &at,
                             "%s has no resource here that it could match",
                             device_actions[i]);
        imprint_finding_hint(view->whole->findings,
                             "it needs arn:aws:iot:REGION:ACCOUNT:%s/...",
                             imprint_policy_resource_kind(device_actions[i]));
    }
}

/* iot:* and *. */
static void warn_actions(const struct view *view)
{
    const struct imprint_document *list =
        imprint_document_member(view->statement, "Action");
    struct imprint_place at = imprint_place_member(view->place, "Action");
    size_t i;

    for (i = 0; i < count_of(list); i++) {
        struct imprint_place item = imprint_place_item(&at, i);
        const char *action = text_at(list, i);

        if (strcmp(action, "iot:*") != 0 && strcmp(action, "*") != 0)
            continue;
        imprint_finding_warn(
            view->whole->findings,
            imprint_document_kind_of(list) == IMPRINT_DOCUMENT_ARRAY ? &item
                                                                     : &at,
            "\"%s\" allows more than a device needs", action);
        imprint_finding_hint(view->whole->findings,
                             "name them: iot:Connect, iot:Publish, "
                             "iot:Receive, iot:Subscribe");
    }
}

/* A name that an earlier statement has as well. */
static void warn_sid(const struct view *view, size_t index)
{
    struct imprint_place at = imprint_place_member(view->place, "Sid");
    const char *sid =
        imprint_document_text(imprint_document_member(view->statement, "Sid"));
    size_t i;

    for (i = 0; i < index && sid; i++) {
        const char *other = imprint_document_text(imprint_document_member(
            imprint_document_item(view->whole->statements, i), "Sid"));

        if (!other || strcmp(sid, other) != 0)
            continue;
        imprint_finding_warn(view->whole->findings, &at,
                             "Statement[%zu] is called \"%s\" as well", i, sid);
        imprint_finding_hint(view->whole->findings,
                             "give every statement a Sid of its own");
        return;
    }
}

static void warn_statement(struct view *view)
{
    struct imprint_place at = imprint_place_member(view->place, "Resource");
    const struct imprint_document *resources =
        imprint_document_member(view->statement, "Resource");
    bool is_array =
        imprint_document_kind_of(resources) == IMPRINT_DOCUMENT_ARRAY;
    const char *effect = imprint_document_text(
        imprint_document_member(view->statement, "Effect"));
    size_t i;

    if (!effect || strcmp(effect, "Allow") != 0)
        return;
    if (has_action(view, "iot:Receive"))
        view->whole->has_receive = true;
    warn_actions(view);
    for (i = 0; i < count_of(resources); i++) {
        struct imprint_place item = imprint_place_item(&at, i);
        const struct imprint_place *here = is_array ? &item : &at;
        const char *resource = text_at(resources, i);

        warn_kind(view, resource, here);
        warn_text(view, resource, here);
        warn_everything(view, resource, here);
        note_provisioning(view, resource);
    }
    warn_unusable(view, resources);
}

void imprint_policy_warn(const struct imprint_document *root,
                         const struct imprint_place *place, bool is_fine,
                         struct imprint_findings *findings)
{
    struct imprint_place at = imprint_place_member(place, "Statement");
    const struct imprint_document *statements =
        imprint_document_member(root, "Statement");
    bool is_array =
        imprint_document_kind_of(statements) == IMPRINT_DOCUMENT_ARRAY;
    struct whole whole = {.findings = findings, .statements = statements};
    size_t i;

    for (i = 0; i < count_of(statements); i++) {
        struct imprint_place item = imprint_place_item(&at, i);
        struct view view = {
            &whole,
            is_array ? imprint_document_item(statements, i) : statements,
            is_array ? &item : &at,
        };

        warn_statement(&view);
        warn_sid(&view, i);
    }
    if (!is_fine)
        return;
    if (whole.has_create && !whole.has_from_csr) {
        imprint_finding_warn(findings, &at,
                             "create/* does not match create-from-csr/...: a "
                             "device that sends a CSR is denied");
        imprint_finding_hint(findings, "add .../certificates/create-from-csr/* "
                                       "if devices make their own keys");
    }
    if (whole.has_provision && !whole.has_receive) {
        imprint_finding_warn(findings, &at,
                             "no statement allows iot:Receive: the replies "
                             "may not arrive");
        imprint_finding_hint(findings, "allow iot:Receive on the topics of "
                                       "accepted and rejected");
    }
}
