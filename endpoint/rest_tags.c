/* Tags, as JSON objects by ARN. */
#include "rest_tags.h"

#include <stdio.h>
#include <string.h>

#include "resource.h"
#include "rest_route.h"

#define TAG_MAX_COUNT 50 /* AWS quota */

/* What is there, or nothing. */
static enum imprint_status load(struct imprint_rest_call *call, const char *arn,
                                struct imprint_json **tags)
{
    enum imprint_status status =
        imprint_resource_find(call->registry, IMPRINT_RESOURCE_TAGS, arn, tags);

    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    *tags = imprint_rest_new(call);
    return *tags ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
}

static enum imprint_status save(struct imprint_rest_call *call, const char *arn,
                                const struct imprint_json *tags)
{
    void *cursor = NULL;
    enum imprint_status status;

    if (imprint_json_next(tags, &cursor))
        return imprint_resource_put(call->registry, IMPRINT_RESOURCE_TAGS, arn,
                                    tags);
    status = imprint_resource_drop(call->registry, IMPRINT_RESOURCE_TAGS, arn);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

/* [{"Key", "Value"}...] over what is there. */
static enum imprint_status merge(struct imprint_rest_call *call,
                                 const struct imprint_json *list,
                                 struct imprint_json *tags)
{
    size_t count = 0;
    void *cursor = NULL;

    for (size_t i = 0; i < imprint_json_count(list); i++) {
        const struct imprint_json *tag = imprint_json_item(list, i);
        const char *key = tag ? imprint_json_text(tag, "Key") : NULL;
        const char *value = tag ? imprint_json_text(tag, "Value") : NULL;

        if (!key || key[0] == '\0' || strlen(key) > 128 ||
            (value && strlen(value) > 256))
            return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                       "tags must be a list of Key (1 to 128 "
                                       "characters) and Value (up to 256)");
        imprint_rest_put(call, tags, key, value ? value : "");
    }
    while (imprint_json_next(tags, &cursor))
        count++;
    if (count > TAG_MAX_COUNT)
        return imprint_rest_refuse(call, IMPRINT_REST_LIMIT_EXCEEDED,
                                   "A resource has %d tags at most",
                                   TAG_MAX_COUNT);
    return IMPRINT_OK;
}

static enum imprint_status add(struct imprint_rest_call *call, const char *arn)
{
    const struct imprint_json *list = imprint_json_list(call->body, "tags");
    struct imprint_json *tags = NULL;
    enum imprint_status status;

    if (!list)
        return IMPRINT_OK;
    status = load(call, arn, &tags);
    if (status == IMPRINT_OK)
        status = merge(call, list, tags);
    if (status == IMPRINT_OK)
        status = save(call, arn, tags);
    imprint_json_free(tags);
    return status;
}

enum imprint_status imprint_rest_tags_put(struct imprint_rest_call *call,
                                          const char *kind, const char *name)
{
    char arn[IMPRINT_REST_ARN_LEN];

    imprint_rest_write_arn(arn, kind, name);
    return add(call, arn);
}

enum imprint_status imprint_rest_tags_drop(struct imprint_rest_call *call,
                                           const char *kind, const char *name)
{
    char arn[IMPRINT_REST_ARN_LEN];
    enum imprint_status status;

    imprint_rest_write_arn(arn, kind, name);
    status = imprint_resource_drop(call->registry, IMPRINT_RESOURCE_TAGS, arn);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

/* ---- operations ---- */

/* What can have tags, and where it is. */
static enum imprint_status find_resource(struct imprint_rest_call *call,
                                         const char *arn)
{
    static const struct {
        const char *kind;
        enum imprint_view view;
    } kinds[] = {
        {"provisioningtemplate", IMPRINT_VIEW_TEMPLATE},
        {"policy", IMPRINT_VIEW_POLICY},
        {"thingtype", IMPRINT_VIEW_TYPE},
        {"thinggroup", IMPRINT_VIEW_GROUP},
        {"billinggroup", IMPRINT_VIEW_BILLING_GROUP},
    };
    char part[32];

    for (size_t i = 0; arn && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *name = NULL;

        (void)snprintf(part, sizeof(part), ":%s/", kinds[i].kind);
        if (!strstr(arn, part))
            continue;
        if (imprint_rest_read_arn(call, arn, kinds[i].kind, &name) !=
            IMPRINT_OK)
            return IMPRINT_ERR_REFUSED;
        return imprint_rest_missing(
            call, imprint_rest_is_there(call, kinds[i].view, name), "Resource",
            arn);
    }
    return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                               "\"%.200s\" is no ARN of a resource that has "
                               "tags",
                               arn ? arn : "");
}

static enum imprint_status tag(struct imprint_rest_call *call)
{
    const char *arn = imprint_rest_text(call, "resourceArn");
    enum imprint_status status = find_resource(call, arn);

    return status == IMPRINT_OK ? add(call, arn) : status;
}

static enum imprint_status untag(struct imprint_rest_call *call)
{
    const char *arn = imprint_rest_text(call, "resourceArn");
    const struct imprint_json *keys = imprint_json_list(call->body, "tagKeys");
    struct imprint_json *tags = NULL;
    enum imprint_status status = find_resource(call, arn);

    if (status == IMPRINT_OK)
        status = load(call, arn, &tags);
    if (status != IMPRINT_OK)
        return status;
    for (size_t i = 0; i < imprint_json_count(keys); i++) {
        const char *key = imprint_json_item_text(keys, i);

        if (key)
            (void)imprint_json_drop(tags, key);
    }
    status = save(call, arn, tags);
    imprint_json_free(tags);
    return status;
}

static enum imprint_status list(struct imprint_rest_call *call)
{
    const char *arn = imprint_rest_query(call, "resourceArn");
    struct imprint_json *tags = NULL;
    void *cursor = NULL;
    const char *key;
    enum imprint_status status = find_resource(call, arn);

    if (status == IMPRINT_OK)
        status = load(call, arn, &tags);
    if (status != IMPRINT_OK)
        return status;
    call->list = imprint_json_new_list();
    call->has_failed |= !call->list;
    while ((key = imprint_json_next(tags, &cursor))) {
        struct imprint_json *item = imprint_rest_new(call);

        imprint_rest_put(call, item, "Key", key);
        imprint_rest_put(call, item, "Value", imprint_json_text(tags, key));
        imprint_rest_add(call, item);
    }
    imprint_rest_put_value(call, call->out, "tags", call->list);
    call->list = NULL;
    imprint_json_free(tags);
    return status;
}

const struct imprint_rest_route imprint_rest_tags_routes[] = {
    {"TagResource", "POST", "/tags", IMPRINT_REST_WRITE,
     "resourceArn:s! tags:l!", tag},
    {"UntagResource", "POST", "/untag", IMPRINT_REST_WRITE,
     "resourceArn:s! tagKeys:l!", untag},
    {"ListTagsForResource", "GET", "/tags", IMPRINT_REST_READ,
     "?resourceArn:s! ?nextToken:s", list},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
