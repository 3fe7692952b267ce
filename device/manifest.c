#include "device/manifest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix/clock.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/why.h"

#define VERSION 1
#define MANIFEST_MAX_LEN 65536u

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

static bool is_whole(const struct imprint_manifest *manifest)
{
    return manifest->thing_name && manifest->certificate_id &&
           manifest->endpoint && manifest->template_name &&
           manifest->key_kind && manifest->serial_number && manifest->replaces;
}

bool imprint_manifest_init(struct imprint_manifest *manifest,
                           const struct imprint_staged_certificate *from)
{
    memset(manifest, 0, sizeof(*manifest));
    manifest->thing_name = copy("");
    manifest->certificate_id = copy(from->certificate_id);
    manifest->endpoint = copy(from->endpoint);
    manifest->template_name = copy(from->template_name);
    manifest->key_kind = copy(from->key_kind);
    manifest->serial_number = copy(from->serial_number);
    manifest->replaces = copy(from->replaces);
    manifest->not_after = from->not_after;
    if (is_whole(manifest))
        return true;
    imprint_manifest_free(manifest);
    return false;
}

void imprint_manifest_free(struct imprint_manifest *manifest)
{
    free(manifest->thing_name);
    free(manifest->certificate_id);
    free(manifest->endpoint);
    free(manifest->template_name);
    free(manifest->key_kind);
    free(manifest->serial_number);
    free(manifest->replaces);
    memset(manifest, 0, sizeof(*manifest));
}

static enum imprint_status parse(const struct imprint_json *json,
                                 const char *path, struct imprint_manifest *out,
                                 struct imprint_why *why)
{
    struct imprint_manifest manifest;

    if (imprint_json_number(json, "version", 0) != VERSION ||
        !imprint_json_text(json, "certificateId"))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "\"%s\" is no manifest of version %d", path,
                               VERSION);
    manifest.thing_name = copy(imprint_json_text(json, "thingName"));
    manifest.certificate_id = copy(imprint_json_text(json, "certificateId"));
    manifest.endpoint = copy(imprint_json_text(json, "endpoint"));
    manifest.template_name = copy(imprint_json_text(json, "templateName"));
    manifest.key_kind = copy(imprint_json_text(json, "keyKind"));
    manifest.serial_number = copy(imprint_json_text(json, "serialNumber"));
    manifest.replaces = copy(imprint_json_text(json, "replacesCertificateId"));
    manifest.not_after = imprint_json_number(json, "notAfterUnix", 0);
    manifest.provisioned = imprint_json_number(json, "provisionedUnix", 0);
    manifest.token_made = imprint_json_number(json, "tokenMadeUnix", 0);
    manifest.registered = imprint_json_is_on(json, "registered");
    if (!is_whole(&manifest)) {
        imprint_manifest_free(&manifest);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    }
    *out = manifest;
    return IMPRINT_OK;
}

enum imprint_status imprint_manifest_read(const char *path,
                                          struct imprint_manifest *out,
                                          struct imprint_why *why)
{
    struct imprint_why reason;
    struct imprint_json *json;
    enum imprint_status status;
    char *text;
    size_t len;

    status = imprint_file_read(path, MANIFEST_MAX_LEN, &text, &len, why);
    if (status == IMPRINT_ERR_NOT_FOUND)
        return status;
    if (status != IMPRINT_OK)
        return IMPRINT_ERR_STORAGE;
    status = imprint_json_read(imprint_slice_of(text, len), &json, &reason);
    free(text);
    if (status != IMPRINT_OK)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\": %s", path,
                               reason.text);
    status = parse(json, path, out, why);
    imprint_json_free(json);
    return status;
}

/* The same time twice: for people and for programs. */
static bool put_time(struct imprint_json *json, const char *name,
                     const char *unix_name, int64_t seconds)
{
    char text[IMPRINT_CLOCK_TEXT_LEN];

    imprint_clock_write(seconds, text);
    return text[0] != '\0' && imprint_json_put_text(json, name, text) &&
           imprint_json_put_number(json, unix_name, seconds);
}

static bool fill(struct imprint_json *json,
                 const struct imprint_manifest *manifest)
{
    bool good =
        imprint_json_put_number(json, "version", VERSION) &&
        imprint_json_put_text(json, "thingName", manifest->thing_name) &&
        imprint_json_put_text(json, "certificateId",
                              manifest->certificate_id) &&
        imprint_json_put_text(json, "endpoint", manifest->endpoint) &&
        imprint_json_put_text(json, "templateName", manifest->template_name) &&
        imprint_json_put_text(json, "keyKind", manifest->key_kind) &&
        put_time(json, "notAfter", "notAfterUnix", manifest->not_after) &&
        imprint_json_put_bool(json, "registered", manifest->registered);

    if (good && manifest->serial_number[0])
        good = imprint_json_put_text(json, "serialNumber",
                                     manifest->serial_number);
    if (good && manifest->replaces[0])
        good = imprint_json_put_text(json, "replacesCertificateId",
                                     manifest->replaces);
    if (good && manifest->token_made)
        good = imprint_json_put_number(json, "tokenMadeUnix",
                                       manifest->token_made);
    if (good && manifest->provisioned)
        good = put_time(json, "provisioned", "provisionedUnix",
                        manifest->provisioned);
    return good;
}

enum imprint_status imprint_manifest_write(
    const char *path, const struct imprint_manifest *manifest,
    struct imprint_why *why)
{
    struct imprint_json *json = imprint_json_new();
    enum imprint_status status;
    char *text = NULL;

    if (json && fill(json, manifest))
        text = imprint_json_write(json);
    imprint_json_free(json);
    if (!text)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "cannot write \"%s\": out of memory, or text "
                               "that is not UTF-8",
                               path);
    status = imprint_file_replace(path, imprint_slice_text(text), 0600, why);
    free(text);
    return status;
}
