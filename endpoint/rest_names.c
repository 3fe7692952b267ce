/* Thing types, thing groups and billing groups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/name.h"
#include "control.h"
#include "rest_id.h"
#include "rest_list.h"
#include "rest_route.h"
#include "rest_tags.h"

#define DEPRECATION_S 300 /* AWS: a type may go five minutes after that */
#define DEPRECATED "deprecationDate" /* in a type's document, if it is */

/* What the three have in common, and where they differ. */
struct kind {
    enum imprint_catalog_kind catalog;
    enum imprint_view one;
    enum imprint_view all;
    const char *words;
    const char *arn;
    const char *name; /* the members of answers */
    const char *arn_member;
    const char *id;
    const char *properties;
    const char *metadata;
    const char *list;
};

static const struct kind type_kind = {
    IMPRINT_CATALOG_THING_TYPE,
    IMPRINT_VIEW_TYPE,
    IMPRINT_VIEW_TYPES,
    "Thing type",
    "thingtype",
    "thingTypeName",
    "thingTypeArn",
    "thingTypeId",
    "thingTypeProperties",
    "thingTypeMetadata",
    "thingTypes",
};
static const struct kind group_kind = {
    IMPRINT_CATALOG_THING_GROUP,
    IMPRINT_VIEW_GROUP,
    IMPRINT_VIEW_GROUPS,
    "Thing group",
    "thinggroup",
    "thingGroupName",
    "thingGroupArn",
    "thingGroupId",
    "thingGroupProperties",
    "thingGroupMetadata",
    "thingGroups",
};
static const struct kind billing_kind = {
    IMPRINT_CATALOG_BILLING_GROUP,
    IMPRINT_VIEW_BILLING_GROUP,
    IMPRINT_VIEW_BILLING_GROUPS,
    "Billing group",
    "billinggroup",
    "billingGroupName",
    "billingGroupArn",
    "billingGroupId",
    "billingGroupProperties",
    "billingGroupMetadata",
    "billingGroups",
};

/* One that is there. */
struct named {
    char *document;
    char *parent;
    int64_t created;
    int64_t version;
    bool has_failed;
};

static void take(void *user, const char *const *columns)
{
    struct named *named = user;

    named->created = strtoll(columns[0], NULL, 10);
    named->version = strtoll(columns[1], NULL, 10);
    named->document = strdup(columns[2]);
    named->parent = columns[3] ? strdup(columns[3]) : NULL;
    named->has_failed = !named->document || (columns[3] && !named->parent);
}

static void release(struct named *named)
{
    free(named->document);
    free(named->parent);
}

static enum imprint_status load(struct imprint_rest_call *call,
                                const struct kind *kind, const char *name,
                                struct named *out)
{
    enum imprint_status status =
        imprint_rest_look(call, kind->one, name, take, out);

    return status == IMPRINT_OK && out->has_failed ? IMPRINT_ERR_INTERNAL
                                                   : status;
}

/* ---- create ---- */

static void put_head(struct imprint_rest_call *call, const struct kind *kind,
                     const char *name, int64_t created)
{
    char id[IMPRINT_REST_ID_LEN];

    imprint_rest_id_make(kind->arn, name, created, id);
    imprint_rest_put(call, call->out, kind->name, name);
    imprint_rest_put_arn(call, call->out, kind->arn_member, kind->arn, name);
    imprint_rest_put(call, call->out, kind->id, id);
}

/* The properties of the body as a text of their own; free it. */
static char *write_properties(const struct imprint_rest_call *call,
                              const struct kind *kind)
{
    const struct imprint_json *properties =
        imprint_json_member(call->body, kind->properties);

    return properties ? imprint_json_write_line(properties) : strdup("{}");
}

/* The same once more is fine. */
static enum imprint_status compare(struct imprint_rest_call *call,
                                   const struct kind *kind, const char *name,
                                   const char *properties,
                                   const struct named *there)
{
    if (strcmp(there->document, properties) == 0 &&
        imprint_rest_is_same(there->parent,
                             imprint_rest_text(call, "parentGroupName"))) {
        put_head(call, kind, name, there->created);
        return IMPRINT_OK;
    }
    imprint_rest_write_arn(call->resource_arn, kind->arn, name);
    return imprint_rest_refuse(call, IMPRINT_REST_ALREADY_EXISTS,
                               "%s %s already exists with different properties",
                               kind->words, name);
}

static enum imprint_status make(struct imprint_rest_call *call,
                                const struct kind *kind, const char *name,
                                const char *properties)
{
    struct named made = {.document = NULL};
    enum imprint_status status = imprint_control_put_name(
        call->registry, kind->catalog, name, properties,
        imprint_rest_text(call, "parentGroupName"));

    if (status == IMPRINT_OK)
        status = load(call, kind, name, &made);
    if (status == IMPRINT_OK)
        status = imprint_rest_tags_put(call, kind->arn, name);
    put_head(call, kind, name, made.created);
    release(&made);
    return status;
}

static enum imprint_status create(struct imprint_rest_call *call,
                                  const struct kind *kind)
{
    const char *name = call->labels[0];
    const char *parent = imprint_rest_text(call, "parentGroupName");
    char *properties = NULL;
    struct named there = {.document = NULL};
    enum imprint_status status = IMPRINT_OK;

    if (!imprint_name_thing_ok(name))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "%s \"%.130s\" must be %s", kind->name, name,
                                   IMPRINT_NAME_THING);
    if (parent)
        status =
            imprint_rest_need(call, IMPRINT_VIEW_GROUP, "Thing group", parent);
    if (status != IMPRINT_OK)
        return status;
    properties = write_properties(call, kind);
    status = properties ? load(call, kind, name, &there) : IMPRINT_ERR_INTERNAL;
    if (status == IMPRINT_OK)
        status = compare(call, kind, name, properties, &there);
    else if (status == IMPRINT_ERR_NOT_FOUND)
        status = make(call, kind, name, properties);
    release(&there);
    free(properties);
    return status;
}

static enum imprint_status create_type(struct imprint_rest_call *call)
{
    return create(call, &type_kind);
}

static enum imprint_status create_group(struct imprint_rest_call *call)
{
    return create(call, &group_kind);
}

static enum imprint_status create_billing(struct imprint_rest_call *call)
{
    return create(call, &billing_kind);
}

/* ---- show ---- */

static void add_ancestor(void *user, const char *const *columns)
{
    imprint_rest_list_group(user, "thinggroup", columns[0]);
}

/* From the root down to the parent. */
static enum imprint_status put_ancestors(struct imprint_rest_call *call,
                                         struct imprint_json *metadata,
                                         const char *name)
{
    const struct imprint_views_page page = {
        .of = name, .after = "", .each = add_ancestor, .user = call};
    enum imprint_status status;

    call->list = imprint_json_new_list();
    call->has_failed |= !call->list;
    status = imprint_views_show(call->registry, IMPRINT_VIEW_GROUP_ANCESTORS,
                                &page, NULL);
    imprint_rest_put_value(call, metadata, "rootToParentThingGroups",
                           call->list);
    call->list = NULL;
    return status;
}

/* Properties and metadata, as they are described and listed. */
static void put_rest(struct imprint_rest_call *call, const struct kind *kind,
                     struct imprint_json *object, const struct named *named)
{
    struct imprint_json *properties = NULL;
    struct imprint_json *metadata = imprint_rest_new(call);
    int64_t deprecated;

    if (imprint_json_read(imprint_slice_text(named->document), &properties,
                          NULL) != IMPRINT_OK) {
        call->has_failed = true;
        imprint_json_free(metadata);
        return;
    }
    deprecated = imprint_json_number(properties, DEPRECATED, 0);
    (void)imprint_json_drop(properties, DEPRECATED);
    imprint_rest_put_number(call, metadata, "creationDate", named->created);
    imprint_rest_put(call, metadata, "parentGroupName", named->parent);
    if (kind == &type_kind)
        imprint_rest_put_bool(call, metadata, "deprecated", deprecated != 0);
    if (deprecated)
        imprint_rest_put_number(call, metadata, DEPRECATED, deprecated);
    imprint_rest_put_value(call, object, kind->properties, properties);
    imprint_rest_put_value(call, object, kind->metadata, metadata);
}

static enum imprint_status describe(struct imprint_rest_call *call,
                                    const struct kind *kind)
{
    const char *name = call->labels[0];
    struct named named = {.document = NULL};
    enum imprint_status status = imprint_rest_missing(
        call, load(call, kind, name, &named), kind->words, name);

    if (status == IMPRINT_OK) {
        put_head(call, kind, name, named.created);
        put_rest(call, kind, call->out, &named);
        if (kind != &type_kind)
            imprint_rest_put_number(call, call->out, "version", named.version);
    }
    if (status == IMPRINT_OK && named.parent)
        status = put_ancestors(
            call, imprint_json_open(call->out, kind->metadata), name);
    release(&named);
    return status;
}

static enum imprint_status describe_type(struct imprint_rest_call *call)
{
    return describe(call, &type_kind);
}

static enum imprint_status describe_group(struct imprint_rest_call *call)
{
    return describe(call, &group_kind);
}

static enum imprint_status describe_billing(struct imprint_rest_call *call)
{
    return describe(call, &billing_kind);
}

/* ---- list ---- */

static bool has_prefix(const struct imprint_rest_call *call, const char *name)
{
    const char *prefix = imprint_rest_query(call, "namePrefixFilter");

    return !prefix || strncmp(name, prefix, strlen(prefix)) == 0;
}

static void list_type(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    const char *wanted = imprint_rest_query(call, "thingTypeName");
    struct named named = {.document = NULL};
    struct imprint_json *item;

    if (wanted && strcmp(wanted, columns[4]) != 0)
        return;
    item = imprint_rest_new(call);
    take(&named, columns);
    imprint_rest_put(call, item, "thingTypeName", columns[4]);
    imprint_rest_put_arn(call, item, "thingTypeArn", "thingtype", columns[4]);
    if (named.has_failed)
        call->has_failed = true;
    else
        put_rest(call, &type_kind, item, &named);
    release(&named);
    imprint_rest_add(call, item);
}

static void put_group(struct imprint_rest_call *call, const char *arn,
                      const char *name)
{
    if (has_prefix(call, name))
        imprint_rest_list_group(call, arn, name);
}

static void list_group(void *user, const char *const *columns)
{
    put_group(user, "thinggroup", columns[4]);
}

static void list_billing_group(void *user, const char *const *columns)
{
    put_group(user, "billinggroup", columns[4]);
}

static enum imprint_status list_types(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_TYPES,
        .of = "",
        .member = "thingTypes",
        .each = list_type,
    };

    return imprint_rest_list(call, &listing);
}

static enum imprint_status list_groups(struct imprint_rest_call *call)
{
    const char *parent = imprint_rest_query(call, "parentGroup");
    const char *recursive = imprint_rest_query(call, "recursive");
    bool is_flat = recursive && strcmp(recursive, "false") == 0;
    const struct imprint_rest_listing listing = {
        .view = parent    ? is_flat ? IMPRINT_VIEW_CHILD_GROUPS
                                    : IMPRINT_VIEW_DESCENDANT_GROUPS
                : is_flat ? IMPRINT_VIEW_ROOT_GROUPS
                          : IMPRINT_VIEW_GROUPS,
        .of = parent ? parent : "",
        .member = "thingGroups",
        .each = list_group,
    };
    enum imprint_status status =
        parent
            ? imprint_rest_need(call, IMPRINT_VIEW_GROUP, "Thing group", parent)
            : IMPRINT_OK;

    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

static enum imprint_status list_billing(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_BILLING_GROUPS,
        .of = "",
        .member = "billingGroups",
        .each = list_billing_group,
    };

    return imprint_rest_list(call, &listing);
}

/* ---- change ---- */

static enum imprint_status update(struct imprint_rest_call *call,
                                  const struct kind *kind)
{
    const char *name = call->labels[0];
    char *properties = write_properties(call, kind);
    struct named named = {.document = NULL};
    enum imprint_status status = imprint_rest_missing(
        call, load(call, kind, name, &named), kind->words, name);

    if (status == IMPRINT_OK && !properties)
        status = IMPRINT_ERR_INTERNAL;
    if (status == IMPRINT_OK)
        status = imprint_rest_check_version(
            call, imprint_json_number(call->body, "expectedVersion", 0),
            named.version);
    if (status == IMPRINT_OK)
        status = imprint_control_change_name(call->registry, kind->catalog,
                                             name, properties);
    imprint_rest_put_number(call, call->out, "version", named.version + 1);
    release(&named);
    free(properties);
    return status;
}

static enum imprint_status update_group(struct imprint_rest_call *call)
{
    return update(call, &group_kind);
}

static enum imprint_status update_billing(struct imprint_rest_call *call)
{
    return update(call, &billing_kind);
}

/* Groups that are not there are deleted, as with AWS. */
static enum imprint_status drop(struct imprint_rest_call *call,
                                const struct kind *kind)
{
    const char *name = call->labels[0];
    const char *expected = imprint_rest_query(call, "expectedVersion");
    struct named named = {.document = NULL};
    enum imprint_status status = load(call, kind, name, &named);

    if (status == IMPRINT_OK)
        status = imprint_rest_check_version(
            call, expected ? strtoll(expected, NULL, 10) : 0, named.version);
    release(&named);
    if (status == IMPRINT_OK &&
        imprint_rest_is_there(call, IMPRINT_VIEW_CHILD_GROUPS, name) ==
            IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "Thing group %s has child groups", name);
    if (status == IMPRINT_OK)
        status = imprint_control_drop_name(call->registry, kind->catalog, name);
    if (status == IMPRINT_OK)
        status = imprint_rest_tags_drop(call, kind->arn, name);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

static enum imprint_status drop_group(struct imprint_rest_call *call)
{
    return drop(call, &group_kind);
}

static enum imprint_status drop_billing(struct imprint_rest_call *call)
{
    return drop(call, &billing_kind);
}

/* ---- types go in two steps ---- */

static enum imprint_status load_type(struct imprint_rest_call *call,
                                     struct imprint_json **document)
{
    struct named named = {.document = NULL};
    enum imprint_status status = imprint_rest_missing(
        call, load(call, &type_kind, call->labels[0], &named), type_kind.words,
        call->labels[0]);

    if (status == IMPRINT_OK &&
        imprint_json_read(imprint_slice_text(named.document), document, NULL) !=
            IMPRINT_OK)
        status = IMPRINT_ERR_STORAGE;
    release(&named);
    return status;
}

static enum imprint_status deprecate(struct imprint_rest_call *call)
{
    struct imprint_json *document = NULL;
    char *text = NULL;
    enum imprint_status status = load_type(call, &document);

    if (status != IMPRINT_OK)
        return status;
    if (imprint_json_is_on(call->body, "undoDeprecate"))
        (void)imprint_json_drop(document, DEPRECATED);
    else if (imprint_json_number(document, DEPRECATED, 0) == 0)
        imprint_rest_put_number(call, document, DEPRECATED, call->now);
    text = imprint_json_write_line(document);
    status = text ? imprint_control_change_name(call->registry,
                                                IMPRINT_CATALOG_THING_TYPE,
                                                call->labels[0], text)
                  : IMPRINT_ERR_INTERNAL;
    free(text);
    imprint_json_free(document);
    return status;
}

static enum imprint_status drop_type(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    struct imprint_json *document = NULL;
    int64_t deprecated;
    enum imprint_status status = load_type(call, &document);

    if (status != IMPRINT_OK)
        return status;
    deprecated = imprint_json_number(document, DEPRECATED, 0);
    imprint_json_free(document);
    if (deprecated == 0 || call->now < deprecated + DEPRECATION_S)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "Thing type %s must have been deprecated "
                                   "for 5 minutes before it can be deleted",
                                   name);
    if (imprint_rest_is_there(call, IMPRINT_VIEW_TYPE_THINGS, name) ==
        IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "Thing type %s has things", name);
    status = imprint_control_drop_name(call->registry,
                                       IMPRINT_CATALOG_THING_TYPE, name);
    return status == IMPRINT_OK
               ? imprint_rest_tags_drop(call, "thingtype", name)
               : status;
}

#define TYPE "/thing-types/{}"
#define GROUP "/thing-groups/{}"
#define BILLING "/billing-groups/{}"
#define PAGED "?maxResults:n ?nextToken:s"

const struct imprint_rest_route imprint_rest_names_routes[] = {
    {"CreateThingType", "POST", TYPE, IMPRINT_REST_WRITE,
     "thingTypeProperties:o tags:l", create_type},
    {"DescribeThingType", "GET", TYPE, IMPRINT_REST_READ, "", describe_type},
    {"ListThingTypes", "GET", "/thing-types", IMPRINT_REST_READ, PAGED,
     list_types},
    {"DeprecateThingType", "POST", TYPE "/deprecate", IMPRINT_REST_WRITE,
     "undoDeprecate:b", deprecate},
    {"DeleteThingType", "DELETE", TYPE, IMPRINT_REST_WRITE, "", drop_type},
    {"CreateThingGroup", "POST", GROUP, IMPRINT_REST_WRITE,
     "parentGroupName:s thingGroupProperties:o tags:l", create_group},
    {"DescribeThingGroup", "GET", GROUP, IMPRINT_REST_READ, "", describe_group},
    {"UpdateThingGroup", "PATCH", GROUP, IMPRINT_REST_WRITE,
     "thingGroupProperties:o! expectedVersion:n", update_group},
    {"DeleteThingGroup", "DELETE", GROUP, IMPRINT_REST_WRITE,
     "?expectedVersion:n", drop_group},
    {"ListThingGroups", "GET", "/thing-groups", IMPRINT_REST_READ,
     "?recursive:b " PAGED, list_groups},
    {"CreateBillingGroup", "POST", BILLING, IMPRINT_REST_WRITE,
     "billingGroupProperties:o tags:l", create_billing},
    {"DescribeBillingGroup", "GET", BILLING, IMPRINT_REST_READ, "",
     describe_billing},
    {"UpdateBillingGroup", "PATCH", BILLING, IMPRINT_REST_WRITE,
     "billingGroupProperties:o! expectedVersion:n", update_billing},
    {"DeleteBillingGroup", "DELETE", BILLING, IMPRINT_REST_WRITE,
     "?expectedVersion:n", drop_billing},
    {"ListBillingGroups", "GET", "/billing-groups", IMPRINT_REST_READ, PAGED,
     list_billing},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
