/* Things; rest_principals.c has the certificates that are attached to them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/memory.h"
#include "aws/name.h"
#include "aws/thing.h"
#include "catalog.h"
#include "rest_id.h"
#include "rest_list.h"
#include "rest_route.h"

#define ARN_KIND "thing"
#define ATTRIBUTE_MAX_COUNT 3 /* of a thing without a type (AWS quota) */
#define TYPED_ATTRIBUTE_MAX_COUNT 50

static enum imprint_status refuse_missing(struct imprint_rest_call *call,
                                          enum imprint_status status,
                                          const char *name)
{
    return imprint_rest_missing(call, status, "Thing", name);
}

/* ---- a thing that is there ---- */

struct there {
    char *attributes;
    char *type;
    char *billing_group;
    int64_t version;
    int64_t created;
    bool has_failed;
};

static char *keep(struct there *there, const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    there->has_failed |= text && !copy;
    return copy;
}

static void take(void *user, const char *const *columns)
{
    struct there *there = user;

    there->created = strtoll(columns[1], NULL, 10);
    there->attributes = keep(there, columns[2]);
    there->type = keep(there, columns[3]);
    there->billing_group = keep(there, columns[4]);
    there->version = strtoll(columns[5], NULL, 10);
}

static enum imprint_status load(struct imprint_rest_call *call,
                                const char *name, struct there *there)
{
    enum imprint_status status =
        imprint_rest_look(call, IMPRINT_VIEW_THING, name, take, there);

    return status == IMPRINT_OK && there->has_failed ? IMPRINT_ERR_INTERNAL
                                                     : status;
}

static void release(struct there *there)
{
    free(there->attributes);
    free(there->type);
    free(there->billing_group);
}

/* ---- attributes ---- */

static enum imprint_status refuse_attribute(struct imprint_rest_call *call,
                                            const char *name, const char *value)
{
    if (!imprint_name_attribute_ok(name))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "Attribute name \"%.130s\" is not allowed",
                                   name);
    return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                               "Attribute \"%.130s\" must be %s%s", name,
                               IMPRINT_NAME_VALUE, value ? "" : ", a string");
}

/* wanted over old; "" takes one away where they are merged. */
static enum imprint_status merge(struct imprint_rest_call *call,
                                 const struct imprint_json *wanted,
                                 struct imprint_json *into, bool is_merge)
{
    void *cursor = NULL;
    const char *name;

    while ((name = imprint_json_next(wanted, &cursor))) {
        const char *value = imprint_json_text(wanted, name);

        if (!imprint_name_attribute_ok(name) || !value ||
            !imprint_name_value_ok(value))
            return refuse_attribute(call, name, value);
        if (value[0] == '\0' && is_merge)
            (void)imprint_json_drop(into, name);
        else
            imprint_rest_put(call, into, name, value);
    }
    return IMPRINT_OK;
}

/* Sorted, as the registry keeps it; free it. */
static char *write_sorted(const struct imprint_json *attributes)
{
    char *line = imprint_json_write_line(attributes);
    struct imprint_pair *pairs = NULL;
    void *memory = NULL;
    char *sorted = NULL;
    size_t count = 0;

    if (line && imprint_thing_read_attributes(line, &pairs, &count, &memory) ==
                    IMPRINT_OK)
        sorted = imprint_thing_write_attributes(pairs, count);
    imprint_memory_free(&memory);
    free(line);
    return sorted;
}

static size_t count_members(const struct imprint_json *object)
{
    void *cursor = NULL;
    size_t count = 0;

    while (imprint_json_next(object, &cursor))
        count++;
    return count;
}

/* What attributePayload makes of old ("{}" for none); *out is to be freed. */
static enum imprint_status read_attributes(struct imprint_rest_call *call,
                                           const char *old, bool has_type,
                                           char **out)
{
    const struct imprint_json *payload =
        imprint_json_member(call->body, "attributePayload");
    const struct imprint_json *wanted =
        payload ? imprint_json_member(payload, "attributes") : NULL;
    bool is_merge = payload && imprint_json_is_on(payload, "merge");
    struct imprint_json *into = NULL;
    size_t most = has_type ? TYPED_ATTRIBUTE_MAX_COUNT : ATTRIBUTE_MAX_COUNT;
    enum imprint_status status = imprint_json_read(
        imprint_slice_text(wanted && !is_merge ? "{}" : old), &into, NULL);

    if (status != IMPRINT_OK)
        return IMPRINT_ERR_STORAGE;
    if (wanted)
        status = merge(call, wanted, into, is_merge);
    if (status == IMPRINT_OK && wanted && count_members(into) > most)
        status = imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                     "A thing %s type has %zu attributes at "
                                     "most",
                                     has_type ? "with a" : "without a", most);
    if (status == IMPRINT_OK) {
        *out = write_sorted(into);
        status = *out ? status : IMPRINT_ERR_INTERNAL;
    }
    imprint_json_free(into);
    return status;
}

/* ---- create, update, delete ---- */

static void see_type(void *user, const char *const *columns)
{
    struct imprint_json *document = NULL;

    if (imprint_json_read(imprint_slice_text(columns[2]), &document, NULL) ==
        IMPRINT_OK)
        *(bool *)user = imprint_json_number(document, "deprecationDate", 0) > 0;
    imprint_json_free(document);
}

/* type may be NULL. */
static enum imprint_status check_type(struct imprint_rest_call *call,
                                      const char *type)
{
    bool is_deprecated = false;
    enum imprint_status status;

    if (!type)
        return IMPRINT_OK;
    status = imprint_rest_look(call, IMPRINT_VIEW_TYPE, type, see_type,
                               &is_deprecated);
    if (status == IMPRINT_OK && is_deprecated)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "Thing type %s is deprecated", type);
    return imprint_rest_missing(call, status, "Thing type", type);
}

static void put_made(struct imprint_rest_call *call, const char *name,
                     int64_t created)
{
    char id[IMPRINT_REST_ID_LEN];

    imprint_rest_id_make(ARN_KIND, name, created, id);
    imprint_rest_put(call, call->out, "thingName", name);
    imprint_rest_put_arn(call, call->out, "thingArn", ARN_KIND, name);
    imprint_rest_put(call, call->out, "thingId", id);
}

/* The same once more is fine. */
static enum imprint_status compare(struct imprint_rest_call *call,
                                   const struct imprint_catalog_thing *wanted,
                                   const struct there *there)
{
    if (imprint_rest_is_same(wanted->attributes, there->attributes) &&
        imprint_rest_is_same(wanted->type, there->type) &&
        imprint_rest_is_same(wanted->billing_group, there->billing_group)) {
        put_made(call, wanted->name, there->created);
        return IMPRINT_OK;
    }
    imprint_rest_write_arn(call->resource_arn, ARN_KIND, wanted->name);
    return imprint_rest_refuse(call, IMPRINT_REST_ALREADY_EXISTS,
                               "Thing %s already exists in account with "
                               "different attributes",
                               wanted->name);
}

static enum imprint_status create(struct imprint_rest_call *call)
{
    struct imprint_catalog_thing thing = {
        .name = call->labels[0],
        .type = imprint_rest_text(call, "thingTypeName"),
        .billing_group = imprint_rest_text(call, "billingGroupName"),
        .created = call->now,
    };
    struct there there = {.attributes = NULL};
    char *attributes = NULL;
    enum imprint_status status;

    if (!imprint_name_thing_ok(thing.name))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "thingName \"%.130s\" must be %s",
                                   thing.name, IMPRINT_NAME_THING);
    status = check_type(call, thing.type);
    if (status == IMPRINT_OK && thing.billing_group)
        status = imprint_rest_need(call, IMPRINT_VIEW_BILLING_GROUP,
                                   "Billing group", thing.billing_group);
    if (status == IMPRINT_OK)
        status = read_attributes(call, "{}", thing.type != NULL, &attributes);
    if (status != IMPRINT_OK)
        return status;
    thing.attributes = attributes;
    status = load(call, thing.name, &there);
    if (status == IMPRINT_OK) {
        status = compare(call, &thing, &there);
    } else if (status == IMPRINT_ERR_NOT_FOUND) {
        status = imprint_catalog_put_thing(call->registry, &thing);
        put_made(call, thing.name, thing.created);
    }
    release(&there);
    free(attributes);
    return status;
}

static enum imprint_status change(struct imprint_rest_call *call,
                                  const struct there *there)
{
    const char *type = imprint_rest_text(call, "thingTypeName");
    bool drops_type = imprint_json_is_on(call->body, "removeThingType");
    struct imprint_catalog_thing thing = {
        .name = call->labels[0],
        .type = drops_type ? NULL
                : type     ? type
                           : there->type,
        .billing_group = there->billing_group,
        .created = there->created,
    };
    char *attributes = NULL;
    enum imprint_status status = imprint_rest_check_version(
        call, imprint_json_number(call->body, "expectedVersion", 0),
        there->version);

    if (status == IMPRINT_OK && type && drops_type)
        status = imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                     "thingTypeName can't be both set and "
                                     "removed");
    if (status == IMPRINT_OK)
        status = check_type(call, type);
    if (status == IMPRINT_OK)
        status = read_attributes(call, there->attributes, thing.type != NULL,
                                 &attributes);
    thing.attributes = attributes;
    if (status == IMPRINT_OK)
        status = imprint_catalog_put_thing(call->registry, &thing);
    free(attributes);
    return status;
}

static enum imprint_status update(struct imprint_rest_call *call)
{
    struct there there = {.attributes = NULL};
    enum imprint_status status = refuse_missing(
        call, load(call, call->labels[0], &there), call->labels[0]);

    if (status == IMPRINT_OK)
        status = change(call, &there);
    release(&there);
    return status;
}

static enum imprint_status drop(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    const char *expected = imprint_rest_query(call, "expectedVersion");
    struct there there = {.attributes = NULL};
    enum imprint_status status = load(call, name, &there);

    if (status == IMPRINT_OK)
        status = imprint_rest_check_version(
            call, expected ? strtoll(expected, NULL, 10) : 0, there.version);
    release(&there);
    if (status == IMPRINT_OK)
        status = imprint_catalog_drop_thing(call->registry, name);
    if (status == IMPRINT_ERR_REFUSED && !call->error)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "Thing %s cannot be deleted: principals are "
                                   "attached to it",
                                   name);
    /* as AWS does: what is not there is deleted */
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

/* ---- shown ---- */

static void put_row(struct imprint_rest_call *call, struct imprint_json *object,
                    const char *const *columns)
{
    struct imprint_json *attributes = NULL;

    if (imprint_json_read(imprint_slice_text(columns[2]), &attributes, NULL) !=
        IMPRINT_OK)
        call->has_failed = true;
    imprint_rest_put(call, object, "thingName", columns[6]);
    imprint_rest_put_arn(call, object, "thingArn", ARN_KIND, columns[6]);
    imprint_rest_put(call, object, "thingTypeName", columns[3]);
    imprint_rest_put_value(call, object, "attributes", attributes);
    imprint_rest_put_count(call, object, "version", columns[5]);
}

static void describe_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;

    put_made(call, columns[6], strtoll(columns[1], NULL, 10));
    put_row(call, call->out, columns);
    imprint_rest_put(call, call->out, "defaultClientId", columns[6]);
    imprint_rest_put(call, call->out, "billingGroupName", columns[4]);
}

static enum imprint_status describe(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];

    return refuse_missing(
        call,
        imprint_rest_look(call, IMPRINT_VIEW_THING, name, describe_one, call),
        name);
}

/* The filters that a registry without a search index has. */
static bool is_wanted(const struct imprint_rest_call *call,
                      const char *const *columns)
{
    const char *name = imprint_rest_query(call, "attributeName");
    const char *value = imprint_rest_query(call, "attributeValue");
    bool by_prefix = imprint_rest_is_on(call, "usePrefixAttributeValue");
    struct imprint_json *attributes = NULL;
    const char *found;
    bool fits;

    if (!name)
        return true;
    if (imprint_json_read(imprint_slice_text(columns[2]), &attributes, NULL) !=
        IMPRINT_OK)
        return false;
    found = imprint_json_text(attributes, name);
    fits = found &&
           (!value || (by_prefix ? strncmp(found, value, strlen(value)) == 0
                                 : strcmp(found, value) == 0));
    imprint_json_free(attributes);
    return fits;
}

static void list_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item;

    if (!is_wanted(call, columns))
        return;
    item = imprint_rest_new(call);
    put_row(call, item, columns);
    imprint_rest_add(call, item);
}

static enum imprint_status list(struct imprint_rest_call *call)
{
    const char *type = imprint_rest_query(call, "thingTypeName");
    const struct imprint_rest_listing listing = {
        .view = type ? IMPRINT_VIEW_TYPE_THINGS : IMPRINT_VIEW_THINGS,
        .of = type ? type : "",
        .member = "things",
        .each = list_one,
    };

    return imprint_rest_list(call, &listing);
}

#define ONE "/things/{}"

const struct imprint_rest_route imprint_rest_things_routes[] = {
    {"ListThings", "GET", "/things", IMPRINT_REST_READ,
     "?maxResults:n ?nextToken:s ?usePrefixAttributeValue:b", list},
    {"CreateThing", "POST", ONE, IMPRINT_REST_WRITE,
     "thingTypeName:s attributePayload:o billingGroupName:s", create},
    {"DescribeThing", "GET", ONE, IMPRINT_REST_READ, "", describe},
    {"UpdateThing", "PATCH", ONE, IMPRINT_REST_WRITE,
     "thingTypeName:s attributePayload:o expectedVersion:n removeThingType:b",
     update},
    {"DeleteThing", "DELETE", ONE, IMPRINT_REST_WRITE, "?expectedVersion:n",
     drop},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
