#include "cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/clock.h"
#include "posix/json.h"
#include "posix/notify.h"
#include "posix/why.h"

static void show_line(const char *label, const char *text)
{
    (void)printf("%-13s%s\n", label, text);
}

static void show_certificate(const struct imprint_device_identity *identity)
{
    char expiry[32];

    imprint_clock_write(identity->not_after, expiry);
    show_line("certificate", identity->certificate_id);
    show_line("expires", expiry);
    show_line("endpoint", identity->endpoint);
    show_line("template", identity->template_name);
}

static void show_current(const struct imprint_device_identity *identity)
{
    const char *path = identity->certificate_path;
    const char *slash = strrchr(path, '/');
    char since[32];

    imprint_clock_write(identity->provisioned, since);
    show_line("thing",
              identity->thing_name[0] ? identity->thing_name : "(none)");
    show_certificate(identity);
    show_line("since", since);
    if (identity->replaces_certificate_id[0])
        show_line("replaces", identity->replaces_certificate_id);
    if (identity->private_key_uri)
        show_line("key", identity->private_key_uri);
    (void)printf("%-13s%.*s\n", "directory", slash ? (int)(slash - path) : 0,
                 path);
}

void imprint_show_text(const struct imprint_show_identities *all)
{
    if (all->current)
        show_current(all->current);
    if (all->staged) {
        if (all->current)
            (void)printf("\n");
        show_line("staged", all->staged->thing_name[0]
                                ? all->staged->thing_name
                                : "(not registered yet)");
        show_certificate(all->staged);
    }
    if (all->former) {
        if (all->current || all->staged)
            (void)printf("\n");
        show_line("former", all->former->thing_name[0] ? all->former->thing_name
                                                       : "(none)");
        show_certificate(all->former);
    }
}

static bool put_time(struct imprint_json *json, const char *name,
                     int64_t seconds)
{
    char text[32];

    imprint_clock_write(seconds, text);
    return imprint_json_put_text(json, name, seconds ? text : NULL);
}

/* NULL: out of memory. */
static struct imprint_json *describe(
    const struct imprint_device_identity *identity)
{
    struct imprint_json *json = imprint_json_new();
    bool good =
        json &&
        imprint_json_put_text(json, "thingName", identity->thing_name) &&
        imprint_json_put_text(json, "certificateId",
                              identity->certificate_id) &&
        put_time(json, "notAfter", identity->not_after) &&
        imprint_json_put_text(json, "endpoint", identity->endpoint) &&
        imprint_json_put_text(json, "templateName", identity->template_name) &&
        put_time(json, "provisioned", identity->provisioned) &&
        imprint_json_put_text(json, "replacesCertificateId",
                              identity->replaces_certificate_id[0]
                                  ? identity->replaces_certificate_id
                                  : NULL) &&
        imprint_json_put_text(json, "privateKey",
                              identity->private_key_uri
                                  ? identity->private_key_uri
                                  : identity->private_key_path) &&
        imprint_json_put_text(json, "certificate",
                              identity->certificate_path) &&
        imprint_json_put_text(json, "ca", identity->ca_path) &&
        imprint_json_put_text(json, "deviceConfiguration",
                              identity->configuration_path);

    if (good)
        return json;
    imprint_json_free(json);
    return NULL;
}

static bool put_identity(struct imprint_json *json, const char *name,
                         const struct imprint_device_identity *identity)
{
    struct imprint_json *member = identity ? describe(identity) : NULL;

    if (identity && !member)
        return false;
    return imprint_json_put_object(json, name, member);
}

enum imprint_status imprint_show_json(const struct imprint_show_identities *all,
                                      struct imprint_why *why)
{
    struct imprint_json *json = imprint_json_new();
    char *text = NULL;

    if (json && put_identity(json, "current", all->current) &&
        put_identity(json, "staged", all->staged) &&
        put_identity(json, "former", all->former))
        text = imprint_json_write(json);
    imprint_json_free(json);
    if (!text)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    (void)fputs(text, stdout);
    free(text);
    return IMPRINT_OK;
}

enum imprint_status imprint_show_current(const char *state_dir, bool json,
                                         struct imprint_why *why)
{
    struct imprint_device_identity identity;
    struct imprint_show_identities all = {&identity, NULL, NULL};
    enum imprint_status status = imprint_device_load(state_dir, &identity, why);

    if (status != IMPRINT_OK)
        return status;
    imprint_notify_status("the identity is in use");
    if (json)
        status = imprint_show_json(&all, why);
    else
        imprint_show_text(&all);
    imprint_device_free(&identity);
    return status;
}
