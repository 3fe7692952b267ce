#include "device/staged.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/layout.h"
#include "device/manifest.h"
#include "posix/file.h"
#include "posix/why.h"

#define PEM_MAX_LEN 262144u

/* Durable only after a sync of staged/: several files share one. */
static enum imprint_status put(const char *dir, const char *name,
                               const char *text, struct imprint_why *why)
{
    char path[PATH_MAX];

    imprint_layout_path(path, dir, "staged", name);
    return imprint_file_put(path, imprint_slice_text(text), 0600, why);
}

/* NULL in *text if there is no such file. */
static enum imprint_status get(const char *dir, const char *name, char **text,
                               struct imprint_why *why)
{
    char path[PATH_MAX];
    size_t len;
    enum imprint_status status;

    imprint_layout_path(path, dir, "staged", name);
    status = imprint_file_read(path, PEM_MAX_LEN, text, &len, why);
    if (status == IMPRINT_ERR_NOT_FOUND) {
        *text = NULL;
        return IMPRINT_OK;
    }
    return status == IMPRINT_OK ? status : IMPRINT_ERR_STORAGE;
}

static char *take(char **text)
{
    char *taken = *text;

    *text = NULL;
    return taken;
}

static uint32_t token_left_ms(int64_t made)
{
    int64_t age = (int64_t)time(NULL) - made;
    int64_t left =
        IMPRINT_STAGED_TOKEN_LIFE_S - IMPRINT_STAGED_TOKEN_MARGIN_S - age;

    if (made == 0 || age < 0 || left <= 0)
        return 0;
    return (uint32_t)left * 1000u;
}

/* Files that have no manifest beside them were cut off: they don't count. */
static enum imprint_status read_certificate(const char *dir,
                                            struct imprint_staged *out,
                                            struct imprint_why *why)
{
    struct imprint_manifest manifest;
    enum imprint_status status;
    char path[PATH_MAX];

    imprint_layout_path(path, dir, "staged", "identity.json");
    status = imprint_manifest_read(path, &manifest, why);
    if (status == IMPRINT_ERR_NOT_FOUND)
        return IMPRINT_OK;
    if (status != IMPRINT_OK)
        return status;
    status = get(dir, "certificate.pem", &out->certificate_pem, why);
    if (status == IMPRINT_OK)
        status = get(dir, "token", &out->token, why);
    out->certificate_id = take(&manifest.certificate_id);
    out->thing_name = take(&manifest.thing_name);
    out->endpoint = take(&manifest.endpoint);
    out->template_name = take(&manifest.template_name);
    out->key_kind = take(&manifest.key_kind);
    out->replaces = take(&manifest.replaces);
    out->registered = manifest.registered;
    out->token_left_ms = out->token ? token_left_ms(manifest.token_made) : 0;
    imprint_manifest_free(&manifest);
    return status;
}

enum imprint_status imprint_staged_read(const char *dir,
                                        struct imprint_staged *out,
                                        struct imprint_why *why)
{
    struct imprint_staged staged;
    enum imprint_status status;

    memset(&staged, 0, sizeof(staged));
    status = get(dir, "private.key", &staged.private_key, why);
    if (status == IMPRINT_OK && !staged.private_key)
        status =
            imprint_why_set(why, IMPRINT_ERR_NOT_FOUND, "nothing is staged");
    if (status == IMPRINT_OK)
        status = get(dir, "request.csr", &staged.request_pem, why);
    if (status == IMPRINT_OK)
        status = read_certificate(dir, &staged, why);
    if (status == IMPRINT_OK)
        *out = staged;
    else
        imprint_staged_free(&staged);
    return status;
}

static void free_secret(char *text)
{
    imprint_file_free_secret(text, text ? strlen(text) : 0);
}

void imprint_staged_free(struct imprint_staged *staged)
{
    free_secret(staged->private_key);
    free_secret(staged->token);
    free(staged->request_pem);
    free(staged->certificate_pem);
    free(staged->certificate_id);
    free(staged->thing_name);
    free(staged->endpoint);
    free(staged->template_name);
    free(staged->key_kind);
    free(staged->replaces);
    memset(staged, 0, sizeof(*staged));
}

enum imprint_status imprint_staged_discard(const char *dir,
                                           struct imprint_why *why)
{
    enum imprint_status status = imprint_layout_remove(dir, "staged", why);

    if (status == IMPRINT_OK)
        status = imprint_file_sync_dir(dir, why);
    return status;
}

static enum imprint_status make_staged(const char *dir, struct imprint_why *why)
{
    char path[PATH_MAX];

    imprint_layout_path(path, dir, "staged", NULL);
    return imprint_file_make_dir(path, 0700, why);
}

enum imprint_status imprint_staged_put_key(const char *dir,
                                           const char *private_key,
                                           struct imprint_why *why)
{
    enum imprint_status status = imprint_staged_discard(dir, why);

    if (status == IMPRINT_OK)
        status = make_staged(dir, why);
    if (status == IMPRINT_OK)
        status = put(dir, "private.key", private_key, why);
    if (status == IMPRINT_OK)
        status = imprint_layout_sync(dir, "staged", why);
    return status;
}

enum imprint_status imprint_staged_put_request(const char *dir,
                                               const char *request_pem,
                                               struct imprint_why *why)
{
    enum imprint_status status = put(dir, "request.csr", request_pem, why);

    return status ? status : imprint_layout_sync(dir, "staged", why);
}

static enum imprint_status forget_certificate(const char *dir, bool with_key,
                                              struct imprint_why *why)
{
    enum imprint_status status = make_staged(dir, why);

    if (status == IMPRINT_OK)
        status = imprint_layout_drop(dir, "staged", "identity.json", why);
    if (status == IMPRINT_OK && with_key)
        status = imprint_layout_drop(dir, "staged", "request.csr", why);
    if (status == IMPRINT_OK)
        status = imprint_layout_drop(dir, "staged", "device-configuration.json",
                                     why);
    if (status == IMPRINT_OK)
        status = imprint_layout_drop(dir, "staged", "ca.pem", why);
    if (status == IMPRINT_OK)
        status = imprint_layout_sync(dir, "staged", why);
    return status;
}

static enum imprint_status write_staged_manifest(
    const char *dir, const struct imprint_manifest *manifest,
    struct imprint_why *why)
{
    char path[PATH_MAX];

    imprint_layout_path(path, dir, "staged", "identity.json");
    return imprint_manifest_write(path, manifest, why);
}

enum imprint_status imprint_staged_put_certificate(
    const char *dir, const struct imprint_staged_certificate *certificate,
    struct imprint_why *why)
{
    struct imprint_manifest manifest;
    enum imprint_status status =
        forget_certificate(dir, certificate->private_key != NULL, why);

    if (status == IMPRINT_OK && certificate->private_key)
        status = put(dir, "private.key", certificate->private_key, why);
    if (status == IMPRINT_OK)
        status = put(dir, "certificate.pem", certificate->certificate_pem, why);
    if (status == IMPRINT_OK && certificate->ca_pem)
        status = put(dir, "ca.pem", certificate->ca_pem, why);
    if (status == IMPRINT_OK)
        status = put(dir, "token", certificate->token, why);
    if (status == IMPRINT_OK)
        status = imprint_layout_sync(dir, "staged", why);
    if (status != IMPRINT_OK)
        return status;
    if (!imprint_manifest_init(&manifest, certificate))
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    manifest.token_made = time(NULL);
    status = write_staged_manifest(dir, &manifest, why);
    imprint_manifest_free(&manifest);
    return status;
}

enum imprint_status imprint_staged_put_name(const char *dir,
                                            const char *thing_name,
                                            const char *configuration_json,
                                            struct imprint_why *why)
{
    struct imprint_manifest manifest;
    enum imprint_status status = IMPRINT_OK;
    char path[PATH_MAX];

    imprint_layout_path(path, dir, "staged", "identity.json");
    if (configuration_json)
        status = put(dir, "device-configuration.json", configuration_json, why);
    if (status == IMPRINT_OK)
        status = imprint_manifest_read(path, &manifest, why);
    if (status != IMPRINT_OK)
        return IMPRINT_ERR_STORAGE;
    free(manifest.thing_name);
    manifest.thing_name = strdup(thing_name ? thing_name : "");
    manifest.registered = true;
    if (manifest.thing_name)
        status = imprint_manifest_write(path, &manifest, why);
    else
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    imprint_manifest_free(&manifest);
    return status;
}
