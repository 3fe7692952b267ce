/* Things and certificates that are attached to each other. */
#include <string.h>

#include "catalog.h"
#include "control.h"
#include "rest_certificate.h"
#include "rest_list.h"
#include "rest_route.h"

#define EXCLUSIVE "EXCLUSIVE_THING"
#define SHARED "NON_EXCLUSIVE_THING"

static enum imprint_status find(struct imprint_rest_call *call,
                                const char *name)
{
    return imprint_rest_need(call, IMPRINT_VIEW_THING, "Thing", name);
}

static enum imprint_status find_pair(struct imprint_rest_call *call,
                                     const char **id)
{
    enum imprint_status status = find(call, call->labels[0]);

    if (status == IMPRINT_OK && !call->principal)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "x-amzn-principal must not be null");
    if (status == IMPRINT_OK)
        status = imprint_rest_certificate_of_arn(call, call->principal, id);
    return status;
}

static enum imprint_status attach(struct imprint_rest_call *call)
{
    const char *type = imprint_rest_query(call, "thingPrincipalType");
    const char *id = NULL;
    enum imprint_status status = find_pair(call, &id);

    if (status == IMPRINT_OK && type && strcmp(type, EXCLUSIVE) != 0 &&
        strcmp(type, SHARED) != 0)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "thingPrincipalType must be " EXCLUSIVE
                                   " or " SHARED);
    if (status == IMPRINT_OK)
        status =
            imprint_catalog_attach_thing(call->registry, id, call->labels[0],
                                         type && strcmp(type, EXCLUSIVE) == 0);
    if (status == IMPRINT_ERR_REFUSED && !call->error)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "The certificate has another thing, and one "
                                   "of the two is exclusive");
    return status;
}

static enum imprint_status detach(struct imprint_rest_call *call)
{
    const char *id = NULL;
    enum imprint_status status = find_pair(call, &id);

    if (status == IMPRINT_OK)
        status =
            imprint_control_detach_thing(call->registry, id, call->labels[0]);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

static void list_principal(void *user, const char *const *columns)
{
    char arn[IMPRINT_REST_ARN_LEN];

    imprint_rest_write_arn(arn, "cert", columns[1]);
    imprint_rest_add_text(user, arn);
}

static const char *type_of(const char *is_exclusive)
{
    return strcmp(is_exclusive, "1") == 0 ? EXCLUSIVE : SHARED;
}

static bool is_type_wanted(const struct imprint_rest_call *call,
                           const char *is_exclusive)
{
    const char *type = imprint_rest_query(call, "thingPrincipalType");

    return !type || strcmp(type, type_of(is_exclusive)) == 0;
}

static void list_principal_object(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item;

    if (!is_type_wanted(call, columns[0]))
        return;
    item = imprint_rest_new(call);
    imprint_rest_put_arn(call, item, "principal", "cert", columns[1]);
    imprint_rest_put(call, item, "thingPrincipalType", type_of(columns[0]));
    imprint_rest_add(call, item);
}

static enum imprint_status list_of_thing(
    struct imprint_rest_call *call, const char *member,
    void (*each)(void *user, const char *const *columns))
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_THING_CERTIFICATES,
        .of = call->labels[0],
        .member = member,
        .each = each,
    };
    enum imprint_status status = find(call, call->labels[0]);

    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

static enum imprint_status list_principals(struct imprint_rest_call *call)
{
    return list_of_thing(call, "principals", list_principal);
}

static enum imprint_status list_principals_v2(struct imprint_rest_call *call)
{
    return list_of_thing(call, "thingPrincipalObjects", list_principal_object);
}

static void list_thing(void *user, const char *const *columns)
{
    imprint_rest_add_text(user, columns[0]);
}

static void list_thing_object(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item;

    if (!is_type_wanted(call, columns[1]))
        return;
    item = imprint_rest_new(call);
    imprint_rest_put(call, item, "thingName", columns[0]);
    imprint_rest_put(call, item, "thingPrincipalType", type_of(columns[1]));
    imprint_rest_add(call, item);
}

static enum imprint_status list_of_principal(
    struct imprint_rest_call *call, const char *member,
    void (*each)(void *user, const char *const *columns))
{
    const char *id = NULL;
    struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_CERTIFICATE_THINGS,
        .member = member,
        .each = each,
    };
    enum imprint_status status;

    if (!call->principal)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "x-amzn-principal must not be null");
    status = imprint_rest_certificate_of_arn(call, call->principal, &id);
    listing.of = id;
    return status == IMPRINT_OK ? imprint_rest_list(call, &listing) : status;
}

static enum imprint_status list_things(struct imprint_rest_call *call)
{
    return list_of_principal(call, "things", list_thing);
}

static enum imprint_status list_things_v2(struct imprint_rest_call *call)
{
    return list_of_principal(call, "principalThingObjects", list_thing_object);
}

#define ONE "/things/{}"
#define PAGED "?maxResults:n ?nextToken:s"

const struct imprint_rest_route imprint_rest_principals_routes[] = {
    {"AttachThingPrincipal", "PUT", ONE "/principals", IMPRINT_REST_WRITE, "",
     attach},
    {"DetachThingPrincipal", "DELETE", ONE "/principals", IMPRINT_REST_WRITE,
     "", detach},
    {"ListThingPrincipals", "GET", ONE "/principals", IMPRINT_REST_READ, PAGED,
     list_principals},
    {"ListThingPrincipalsV2", "GET", ONE "/principals-v2", IMPRINT_REST_READ,
     PAGED, list_principals_v2},
    {"ListPrincipalThings", "GET", "/principals/things", IMPRINT_REST_READ,
     PAGED, list_things},
    {"ListPrincipalThingsV2", "GET", "/principals/things-v2", IMPRINT_REST_READ,
     PAGED, list_things_v2},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
