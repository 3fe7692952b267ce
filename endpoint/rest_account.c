/* The endpoint's address, the registration code, certificate providers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "aws/name.h"
#include "posix/keys.h"
#include "resource.h"
#include "rest_id.h"
#include "rest_list.h"
#include "rest_route.h"

#define PROVIDER_SETTING "provider"
#define PROVIDER_ARN_KIND "certificateprovider"
#define CSR_OPERATION "CreateCertificateFromCsr"
#define DEFAULT_PORT ":8883"

/* ---- where devices connect ---- */

/* A host alone, as AWS has it, unless the port is not the usual one. */
static enum imprint_status describe_endpoint(struct imprint_rest_call *call)
{
    static const char *const types[] = {"iot:Data", "iot:Data-ATS",
                                        "iot:CredentialProvider", "iot:Jobs"};
    const char *type = imprint_rest_query(call, "endpointType");
    const char *address = call->place->address;
    size_t len = strlen(address);
    char host[300];
    bool is_known = !type;

    for (size_t i = 0; !is_known && i < sizeof(types) / sizeof(types[0]); i++)
        is_known = strcmp(type, types[i]) == 0;
    if (!is_known)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "Endpoint type \"%.60s\" is not known",
                                   type);
    if (len > strlen(DEFAULT_PORT) &&
        strcmp(address + len - strlen(DEFAULT_PORT), DEFAULT_PORT) == 0)
        len -= strlen(DEFAULT_PORT);
    (void)snprintf(host, sizeof(host), "%.*s", (int)len, address);
    imprint_rest_put(call, call->out, "endpointAddress", host);
    return IMPRINT_OK;
}

/* ---- the registration code: what a verification certificate must say ---- */

static enum imprint_status get_code(struct imprint_rest_call *call)
{
    char *code = NULL;
    char made[65];
    enum imprint_status status = imprint_registry_find_setting(
        call->registry, IMPRINT_REST_CODE_SETTING, &code);

    if (status == IMPRINT_ERR_NOT_FOUND) {
        status = imprint_rest_id_random(made);
        if (status == IMPRINT_OK)
            status = imprint_registry_put_setting(
                call->registry, IMPRINT_REST_CODE_SETTING, made);
    }
    imprint_rest_put(call, call->out, "registrationCode", code ? code : made);
    free(code);
    return status;
}

static enum imprint_status drop_code(struct imprint_rest_call *call)
{
    return imprint_registry_put_setting(call->registry,
                                        IMPRINT_REST_CODE_SETTING, NULL);
}

/* ---- certificate providers: one of an account ---- */

static enum imprint_status refuse_provider(struct imprint_rest_call *call,
                                           enum imprint_status status,
                                           const char *name)
{
    return imprint_rest_missing(call, status, "Certificate provider", name);
}

static enum imprint_status check_provider(struct imprint_rest_call *call)
{
    const char *function = imprint_rest_text(call, "lambdaFunctionArn");
    const struct imprint_json *operations =
        imprint_json_list(call->body, "accountDefaultForOperations");
    const char *operation =
        operations ? imprint_json_item_text(operations, 0) : NULL;

    if (function && !imprint_admin_is_lambda(function))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "\"%.200s\" is not the ARN of a Lambda "
                                   "function",
                                   function);
    if (operations && (imprint_json_count(operations) != 1 || !operation ||
                       strcmp(operation, CSR_OPERATION) != 0))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "accountDefaultForOperations must be "
                                   "[\"" CSR_OPERATION "\"]");
    return IMPRINT_OK;
}

static void show_provider(struct imprint_rest_call *call, const char *name)
{
    imprint_rest_put(call, call->out, "certificateProviderName", name);
    imprint_rest_put_arn(call, call->out, "certificateProviderArn",
                         PROVIDER_ARN_KIND, name);
}

/* What devices' requests go to is the setting; the rest is for showing. */
static enum imprint_status save_provider(struct imprint_rest_call *call,
                                         const char *name,
                                         struct imprint_json *document)
{
    const char *function = imprint_rest_text(call, "lambdaFunctionArn");
    enum imprint_status status;

    imprint_rest_put(call, document, "lambdaFunctionArn", function);
    imprint_rest_put_number(call, document, "lastModifiedDate", call->now);
    status = imprint_resource_put(call->registry, IMPRINT_RESOURCE_PROVIDER,
                                  name, document);
    if (status == IMPRINT_OK)
        status = imprint_registry_put_setting(
            call->registry, PROVIDER_SETTING,
            imprint_json_text(document, "lambdaFunctionArn"));
    show_provider(call, name);
    return status;
}

static enum imprint_status create_provider(struct imprint_rest_call *call)
{
    const char *name = call->labels[0];
    struct imprint_json *document = NULL;
    enum imprint_status status;

    if (!imprint_name_policy_ok(name))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "certificateProviderName \"%.130s\" is not "
                                   "allowed",
                                   name);
    status = check_provider(call);
    if (status == IMPRINT_OK)
        status = imprint_resource_find(
            call->registry, IMPRINT_RESOURCE_PROVIDER, name, &document);
    if (status == IMPRINT_OK) {
        imprint_json_free(document);
        imprint_rest_write_arn(call->resource_arn, PROVIDER_ARN_KIND, name);
        return imprint_rest_refuse(call, IMPRINT_REST_ALREADY_EXISTS,
                                   "Certificate provider %s already exists",
                                   name);
    }
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    status = imprint_rest_is_there(call, IMPRINT_VIEW_RESOURCES,
                                   IMPRINT_RESOURCE_PROVIDER);
    if (status == IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_LIMIT_EXCEEDED,
                                   "An account has one certificate provider");
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    document = imprint_rest_new(call);
    imprint_rest_put_number(call, document, "creationDate", call->now);
    status =
        document ? save_provider(call, name, document) : IMPRINT_ERR_INTERNAL;
    imprint_json_free(document);
    return status;
}

static enum imprint_status load_provider(struct imprint_rest_call *call,
                                         struct imprint_json **document)
{
    return refuse_provider(call,
                           imprint_resource_find(call->registry,
                                                 IMPRINT_RESOURCE_PROVIDER,
                                                 call->labels[0], document),
                           call->labels[0]);
}

static enum imprint_status update_provider(struct imprint_rest_call *call)
{
    struct imprint_json *document = NULL;
    enum imprint_status status = check_provider(call);

    if (status == IMPRINT_OK)
        status = load_provider(call, &document);
    if (status == IMPRINT_OK)
        status = save_provider(call, call->labels[0], document);
    imprint_json_free(document);
    return status;
}

static enum imprint_status describe_provider(struct imprint_rest_call *call)
{
    struct imprint_json *document = NULL;
    struct imprint_json *operations = NULL;
    enum imprint_status status = load_provider(call, &document);

    if (status != IMPRINT_OK)
        return status;
    operations = imprint_json_new_list();
    call->has_failed |=
        !operations || !imprint_json_add_text(operations, CSR_OPERATION);
    show_provider(call, call->labels[0]);
    imprint_rest_put(call, call->out, "lambdaFunctionArn",
                     imprint_json_text(document, "lambdaFunctionArn"));
    imprint_rest_put_value(call, call->out, "accountDefaultForOperations",
                           operations);
    imprint_rest_put_number(call, call->out, "creationDate",
                            imprint_json_number(document, "creationDate", 0));
    imprint_rest_put_number(
        call, call->out, "lastModifiedDate",
        imprint_json_number(document, "lastModifiedDate", 0));
    imprint_json_free(document);
    return status;
}

static enum imprint_status drop_provider(struct imprint_rest_call *call)
{
    enum imprint_status status = refuse_provider(
        call,
        imprint_resource_drop(call->registry, IMPRINT_RESOURCE_PROVIDER,
                              call->labels[0]),
        call->labels[0]);

    return status == IMPRINT_OK ? imprint_registry_put_setting(
                                      call->registry, PROVIDER_SETTING, NULL)
                                : status;
}

static void list_provider(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item = imprint_rest_new(call);

    imprint_rest_put(call, item, "certificateProviderName", columns[2]);
    imprint_rest_put_arn(call, item, "certificateProviderArn",
                         PROVIDER_ARN_KIND, columns[2]);
    imprint_rest_add(call, item);
}

static enum imprint_status list_providers(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_RESOURCES,
        .of = IMPRINT_RESOURCE_PROVIDER,
        .member = "certificateProviders",
        .each = list_provider,
    };

    return imprint_rest_list(call, &listing);
}

#define PROVIDER "/certificate-providers/{}"

const struct imprint_rest_route imprint_rest_account_routes[] = {
    {"DescribeEndpoint", "GET", "/endpoint", IMPRINT_REST_READ,
     "?endpointType:s", describe_endpoint},
    {"GetRegistrationCode", "GET", "/registrationcode", IMPRINT_REST_WRITE, "",
     get_code},
    {"DeleteRegistrationCode", "DELETE", "/registrationcode",
     IMPRINT_REST_WRITE, "", drop_code},
    {"ListCertificateProviders", "GET", "/certificate-providers/",
     IMPRINT_REST_READ, "?nextToken:s ?isAscendingOrder:b", list_providers},
    {"ListCertificateProviders", "GET", "/certificate-providers",
     IMPRINT_REST_READ, "?nextToken:s ?isAscendingOrder:b", list_providers},
    {"CreateCertificateProvider", "POST", PROVIDER, IMPRINT_REST_WRITE,
     "lambdaFunctionArn:s! accountDefaultForOperations:l! clientToken:s tags:l",
     create_provider},
    {"DescribeCertificateProvider", "GET", PROVIDER, IMPRINT_REST_READ, "",
     describe_provider},
    {"UpdateCertificateProvider", "PUT", PROVIDER, IMPRINT_REST_WRITE,
     "lambdaFunctionArn:s accountDefaultForOperations:l", update_provider},
    {"DeleteCertificateProvider", "DELETE", PROVIDER, IMPRINT_REST_WRITE, "",
     drop_provider},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
