#include "setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "catalog.h"
#include "claims.h"
#include "claims_policy.h"
#include "edit.h"
#include "endpoint.h"
#include "keyring.h"
#include "posix/file.h"
#include "posix/why.h"

#define PATH_LEN 4096
#define ARN "arn:aws:iot:" IMPRINT_SETUP_REGION ":" IMPRINT_SETUP_ACCOUNT ":"
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

static void ignore(void *user, const struct imprint_catalog_template *template)
{
    (void)user;
    (void)template;
}

/* What an operator changed is left as it is. */
static enum imprint_status put_missing(void *user,
                                       struct imprint_registry *registry,
                                       struct imprint_why *why)
{
    const struct imprint_catalog_template template = {
        .name = IMPRINT_SETUP_TEMPLATE,
        .document = fleet_template,
        .is_enabled = true,
    };
    enum imprint_status status = imprint_claims_put_policy(
        registry, IMPRINT_SETUP_CLAIM_POLICY, IMPRINT_SETUP_TEMPLATE, why);

    (void)user;
    if (status == IMPRINT_OK) {
        status = imprint_catalog_find_policy(registry,
                                             IMPRINT_SETUP_DEVICE_POLICY, NULL);
        if (status == IMPRINT_ERR_NOT_FOUND)
            status = imprint_catalog_put_policy(
                registry, IMPRINT_SETUP_DEVICE_POLICY, device_policy);
    }
    if (status == IMPRINT_OK) {
        status = imprint_catalog_each_template(registry, template.name, ignore,
                                               NULL);
        if (status == IMPRINT_ERR_NOT_FOUND)
            status = imprint_catalog_put_template(registry, &template);
    }
    return status;
}

/* Where the broker looks for CAs beside the endpoint's own. */
static enum imprint_status prepare_cas(const char *dir, struct imprint_why *why)
{
    char path[PATH_LEN];
    enum imprint_status status;

    (void)snprintf(path, sizeof(path), "%s/cas", dir);
    status = imprint_file_make_dir(path, 0700, why);
    return status == IMPRINT_OK ? imprint_file_sweep(path, why) : status;
}

static enum imprint_status prepare_all(const char *dir, const char *extra_name,
                                       bool *made, struct imprint_why *why)
{
    const struct imprint_claims_batch claim = {.name = IMPRINT_SETUP_CLAIM};
    const struct imprint_edit edit = {.work = put_missing};
    enum imprint_status status = imprint_file_sweep(dir, why);

    if (status == IMPRINT_OK)
        status = imprint_keyring_prepare(dir, extra_name, made, why);
    if (status == IMPRINT_OK)
        status = prepare_cas(dir, why);
    if (status == IMPRINT_OK)
        status = imprint_edit_run(dir, &edit, why);
    if (status == IMPRINT_OK)
        status = imprint_claims_make(dir, &claim, why);
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
