#include "setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "admin.h"
#include "endpoint.h"
#include "keyring.h"
#include "posix/file.h"
#include "posix/why.h"
#include "registry.h"

#define ARN "arn:aws:iot:us-east-1:000000000000:"
#define CREATE ARN "topic/$aws/certificates/create"
#define PROVISION ARN "topic/$aws/provisioning-templates/fleet/provision"
#define CREATE_FILTER ARN "topicfilter/$aws/certificates/create"
#define PROVISION_FILTER \
    ARN "topicfilter/$aws/provisioning-templates/fleet/provision"

/*
 * Requests by their exact topics, replies by their operation and format: what
 * a policy of AWS's size has room for.
 */
static const char claim_policy[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[\n"
    " {\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\n"
    "  \"Resource\":\"" ARN "client/*\"},\n"
    " {\"Effect\":\"Allow\",\"Action\":\"iot:Publish\",\"Resource\":[\n"
    "  \"" CREATE "/json\",\n"
    "  \"" CREATE "/cbor\",\n"
    "  \"" CREATE "-from-csr/json\",\n"
    "  \"" CREATE "-from-csr/cbor\",\n"
    "  \"" PROVISION "/json\",\n"
    "  \"" PROVISION "/cbor\"]},\n"
    " {\"Effect\":\"Allow\",\"Action\":\"iot:Receive\",\"Resource\":[\n"
    "  \"" CREATE "/json/*\",\n"
    "  \"" CREATE "/cbor/*\",\n"
    "  \"" CREATE "-from-csr/json/*\",\n"
    "  \"" CREATE "-from-csr/cbor/*\",\n"
    "  \"" PROVISION "/json/*\",\n"
    "  \"" PROVISION "/cbor/*\"]},\n"
    " {\"Effect\":\"Allow\",\"Action\":\"iot:Subscribe\",\"Resource\":[\n"
    "  \"" CREATE_FILTER "/json/*\",\n"
    "  \"" CREATE_FILTER "/cbor/*\",\n"
    "  \"" CREATE_FILTER "-from-csr/json/*\",\n"
    "  \"" CREATE_FILTER "-from-csr/cbor/*\",\n"
    "  \"" PROVISION_FILTER "/json/*\",\n"
    "  \"" PROVISION_FILTER "/cbor/*\"]}]}\n";

#define THING "${iot:Connection.Thing.ThingName}"

static const char device_policy[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[\n"
    " {\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\n"
    "  \"Resource\":\"" ARN "client/" THING "\"},\n"
    " {\"Effect\":\"Allow\",\"Action\":[\"iot:Publish\",\"iot:Receive\"],\n"
    "  \"Resource\":\"" ARN "topic/devices/" THING "/*\"},\n"
    " {\"Effect\":\"Allow\",\"Action\":\"iot:Subscribe\",\n"
    "  \"Resource\":\"" ARN "topicfilter/devices/" THING "/*\"}]}\n";

static const char fleet_template[] =
    "{\"Parameters\":{\n"
    "  \"SerialNumber\":{\"Type\":\"String\"},\n"
    "  \"AWS::IoT::Certificate::Id\":{\"Type\":\"String\"}},\n"
    " \"Resources\":{\n"
    "  \"thing\":{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{\n"
    "   \"ThingName\":{\"Ref\":\"SerialNumber\"}}},\n"
    "  \"certificate\":{\"Type\":\"AWS::IoT::Certificate\",\"Properties\":{\n"
    "   \"CertificateId\":{\"Ref\":\"AWS::IoT::Certificate::Id\"},\n"
    "   \"Status\":\"Active\"}},\n"
    "  \"policy\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{\n"
    "   \"PolicyName\":\"" IMPRINT_SETUP_DEVICE_POLICY "\"}}},\n"
    " \"DeviceConfiguration\":{\n"
    "  \"template\":\"fleet\",\n"
    "  \"topics\":{\"Fn::Join\":[\"\",[\"devices/\","
    "{\"Ref\":\"SerialNumber\"},\"/\"]]}}}\n";

/* What an operator changed is left as it is. */
static enum imprint_status put_if_missing(struct imprint_registry *registry,
                                          enum imprint_registry_document kind,
                                          const char *name,
                                          const char *document)
{
    enum imprint_status status =
        imprint_registry_find_document(registry, kind, name, NULL);

    return status == IMPRINT_ERR_NOT_FOUND
               ? imprint_registry_put_document(registry, kind, name, document)
               : status;
}

static enum imprint_status prepare_registry(const char *dir,
                                            struct imprint_why *why)
{
    struct imprint_registry *registry = NULL;
    enum imprint_status status =
        imprint_registry_open(dir, IMPRINT_REGISTRY_WRITE, &registry, why);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_registry_begin(registry);
    if (status == IMPRINT_OK)
        status = put_if_missing(registry, IMPRINT_REGISTRY_POLICY,
                                IMPRINT_SETUP_CLAIM_POLICY, claim_policy);
    if (status == IMPRINT_OK)
        status = put_if_missing(registry, IMPRINT_REGISTRY_POLICY,
                                IMPRINT_SETUP_DEVICE_POLICY, device_policy);
    if (status == IMPRINT_OK)
        status = put_if_missing(registry, IMPRINT_REGISTRY_TEMPLATE,
                                IMPRINT_SETUP_TEMPLATE, fleet_template);
    if (status == IMPRINT_OK)
        status = imprint_registry_commit(registry);
    if (status != IMPRINT_OK) {
        (void)imprint_why_set(why, status, "%s",
                              imprint_registry_problem(registry));
        imprint_registry_undo(registry);
    }
    imprint_registry_close(registry);
    return status;
}

static enum imprint_status prepare_all(const char *dir, const char *extra_name,
                                       bool *made, struct imprint_why *why)
{
    const struct imprint_endpoint_claim claim = {.name = IMPRINT_SETUP_CLAIM};
    enum imprint_status status = imprint_file_sweep(dir, why);

    if (status == IMPRINT_OK)
        status = imprint_keyring_prepare(dir, extra_name, made, why);
    if (status == IMPRINT_OK)
        status = prepare_registry(dir, why);
    if (status == IMPRINT_OK)
        status = imprint_endpoint_make_claim(dir, &claim, why);
    return status;
}

static enum imprint_status name_paths(const char *dir,
                                      struct imprint_endpoint_paths *out,
                                      struct imprint_why *why)
{
    static const char claim[] = "claims/" IMPRINT_SETUP_CLAIM;
    char *real = realpath(dir, NULL);
    const size_t room_len = sizeof(out->ca_pem);
    int longest;

    if (!real)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "can't find \"%s\"",
                               dir);
    (void)snprintf(out->ca_pem, room_len, "%s/ca.pem", real);
    (void)snprintf(out->server_certificate_pem, room_len, "%s/server.pem",
                   real);
    (void)snprintf(out->server_key, room_len, "%s/server.key", real);
    (void)snprintf(out->claim_key, room_len, "%s/%s/private.key", real, claim);
    longest = snprintf(out->claim_certificate_pem, room_len,
                       "%s/%s/certificate.pem", real, claim);
    (void)snprintf(out->template_name, sizeof(out->template_name), "%s",
                   IMPRINT_SETUP_TEMPLATE);
    free(real);
    return longest > 0 && (size_t)longest < room_len
               ? IMPRINT_OK
               : imprint_why_set(why, IMPRINT_ERR_STORAGE,
                                 "the path \"%s\" is too long", dir);
}

enum imprint_status imprint_endpoint_prepare(const char *dir,
                                             const char *extra_name,
                                             struct imprint_endpoint_paths *out,
                                             struct imprint_why *why)
{
    struct imprint_endpoint_paths paths = {.made = false};
    char path[sizeof(paths.ca_pem)];
    int lock = -1;
    enum imprint_status status = imprint_file_make_dir(dir, 0700, why);

    if (status == IMPRINT_OK)
        status = name_paths(dir, &paths, why);
    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(path, sizeof(path), "%s/prepare.lock", dir);
    status = imprint_file_lock(path, &lock, why);
    if (status != IMPRINT_OK)
        return status;
    status = prepare_all(dir, extra_name, &paths.made, why);
    imprint_file_unlock(lock);
    if (status == IMPRINT_OK)
        *out = paths;
    return status;
}
