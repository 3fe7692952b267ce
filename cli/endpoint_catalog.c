#include "endpoint/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/admin.h"
#include "endpoint_order.h"
#include "endpoint_tune.h"
#include "list.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/settings.h"
#include "posix/why.h"

#define DOCUMENT_MAX_LEN 65536u

static void print_document(const char *text, size_t len)
{
    (void)fwrite(text, 1, len, stdout);
    if (len == 0 || text[len - 1] != '\n')
        (void)putchar('\n');
}

/* Says where all faults are shown, if one is of the document. */
static void hint_check(enum imprint_status status, const char *verb,
                       const char *path, struct imprint_why *why)
{
    if (status == IMPRINT_ERR_FORMAT && !why->hint[0])
        imprint_why_hint(why, "\"imprint %s check %s\" shows all faults", verb,
                         path);
}

/* ---- templates ---- */

/* The template of one name, copied. */
struct template_search {
    const char *name;
    char *document;
    char *hook; /* NULL: none */
    bool is_enabled;
    bool is_found;
    bool is_broken;
};

static void take_template(void *user,
                          const struct imprint_admin_template *template)
{
    struct template_search *search = user;
    const struct imprint_slice document = template->document;

    if (strcmp(template->name, search->name) != 0)
        return;
    search->is_found = true;
    search->is_enabled = template->is_enabled;
    search->document = strndup((const char *)document.bytes, document.len);
    search->hook = template->hook ? strdup(template->hook) : NULL;
    search->is_broken = !search->document || (template->hook && !search->hook);
}

static void release(struct template_search *search)
{
    free(search->document);
    free(search->hook);
}

static enum imprint_status find_template(
    const struct imprint_endpoint_order *order, struct template_search *search,
    struct imprint_why *why)
{
    enum imprint_status status;

    memset(search, 0, sizeof(*search));
    search->name = order->operands[0];
    status =
        imprint_admin_each_template(order->dir, take_template, search, why);
    if (status == IMPRINT_OK && search->is_broken)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    return status;
}

static enum imprint_status show_template(const struct template_search *search,
                                         bool json, struct imprint_why *why)
{
    struct imprint_json *object;
    bool is_whole;

    if (!json) {
        print_document(search->document, strlen(search->document));
        return IMPRINT_OK;
    }
    object = imprint_json_new();
    is_whole = object &&
               imprint_json_put_text(object, "templateName", search->name) &&
               imprint_json_put_bool(object, "enabled", search->is_enabled) &&
               imprint_json_put_text(object, "hook", search->hook) &&
               imprint_json_put_text(object, "templateBody", search->document);
    return imprint_list_print(object, is_whole, why);
}

static enum imprint_status refuse_absent(const char *name,
                                         struct imprint_why *why)
{
    (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS, "no template \"%s\"",
                          name);
    imprint_why_hint(why, "see imprint endpoint templates, or name the file "
                          "that it comes from");
    return IMPRINT_ERR_SETTINGS;
}

/* What is not said stays as it is. */
static enum imprint_status put_template(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const struct imprint_settings *settings = order->settings;
    const char *path = order->operands[1];
    const char *hook = imprint_settings_get(settings, "hook");
    struct imprint_admin_template template = {
        .name = order->operands[0],
        .hook = hook,
        .is_enabled = imprint_settings_on(settings, "enabled"),
        .keeps_document = !path,
        .keeps_hook = !hook && !imprint_settings_on(settings, "no-hook"),
    };
    enum imprint_status status = IMPRINT_OK;
    char *text = NULL;
    size_t len = 0;

    template.keeps_state =
        !template.is_enabled && !imprint_settings_on(settings, "disabled");
    if (path)
        status = imprint_file_read(path, DOCUMENT_MAX_LEN, &text, &len, why);
    template.document = imprint_slice_of(text, len);
    if (status == IMPRINT_OK) {
        status = imprint_admin_put_template(order->dir, &template, why);
        hint_check(status, "template", path ? path : "FILE", why);
    }
    free(text);
    if (status == IMPRINT_ERR_NOT_FOUND && !path)
        return refuse_absent(template.name, why);
    if (status == IMPRINT_OK && hook)
        imprint_endpoint_tune_hint(order->dir, hook, why);
    return status;
}

static enum imprint_status check_options(
    const struct imprint_settings *settings, struct imprint_why *why)
{
    if (imprint_settings_on(settings, "hook") &&
        imprint_settings_on(settings, "no-hook"))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "--hook and --no-hook contradict each other");
    if (imprint_settings_on(settings, "enabled") &&
        imprint_settings_on(settings, "disabled"))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "--enabled and --disabled contradict each "
                               "other");
    return IMPRINT_OK;
}

static bool has_change(const struct imprint_endpoint_order *order)
{
    static const char *const options[] = {"hook", "no-hook", "enabled",
                                          "disabled"};

    if (order->operand_count > 1)
        return true;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (imprint_settings_on(order->settings, options[i]))
            return true;
    }
    return false;
}

enum imprint_status imprint_endpoint_catalog_template(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct template_search found;
    enum imprint_status status = check_options(order->settings, why);

    if (status != IMPRINT_OK)
        return status;
    if (has_change(order))
        return put_template(order, why);
    status = find_template(order, &found, why);
    if (status == IMPRINT_OK)
        status = found.is_found ? show_template(&found, order->json, why)
                                : refuse_absent(found.name, why);
    release(&found);
    return status;
}

struct listing {
    bool json;
    struct imprint_list list;
    const char *member; /* what a name is called in JSON */
};

static void list_template(void *user,
                          const struct imprint_admin_template *template)
{
    struct listing *listing = user;
    struct imprint_json *object;
    bool is_whole;

    if (!listing->json) {
        (void)printf("%-36s  %-8s  %s\n", template->name,
                     template->is_enabled ? "enabled" : "disabled",
                     template->hook ? template->hook : "no hook");
        return;
    }
    object = imprint_json_new();
    is_whole = object &&
               imprint_json_put_text(object, listing->member, template->name) &&
               imprint_json_put_bool(object, "enabled", template->is_enabled) &&
               imprint_json_put_text(object, "hook", template->hook);
    imprint_list_put(&listing->list, object, is_whole);
}

enum imprint_status imprint_endpoint_catalog_templates(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct listing listing = {
        order->json, {"templates", 0, false}, "templateName"};
    enum imprint_status status =
        imprint_admin_each_template(order->dir, list_template, &listing, why);

    return order->json ? imprint_list_end(&listing.list, status, why) : status;
}

/* ---- names ---- */

static void list_name(void *user, const char *name)
{
    struct listing *listing = user;
    struct imprint_json *object;

    if (!listing->json) {
        (void)printf("%s\n", name);
        return;
    }
    object = imprint_json_new();
    imprint_list_put(&listing->list, object,
                     object &&
                         imprint_json_put_text(object, listing->member, name));
}

static enum imprint_status list_names(
    const struct imprint_endpoint_order *order, enum imprint_admin_kind kind,
    struct listing *listing, struct imprint_why *why)
{
    enum imprint_status status =
        imprint_admin_each_name(order->dir, kind, list_name, listing, why);

    return order->json ? imprint_list_end(&listing->list, status, why) : status;
}

/* Makes the name, or lists all. */
static enum imprint_status put_or_list(
    const struct imprint_endpoint_order *order, enum imprint_admin_kind kind,
    struct listing listing, struct imprint_why *why)
{
    if (order->operand_count > 0)
        return imprint_admin_put_name(order->dir, kind, order->operands[0],
                                      why);
    return list_names(order, kind, &listing, why);
}

enum imprint_status imprint_endpoint_catalog_type(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const struct listing listing = {
        order->json, {"thingTypes", 0, false}, "thingTypeName"};

    return put_or_list(order, IMPRINT_ADMIN_THING_TYPE, listing, why);
}

enum imprint_status imprint_endpoint_catalog_group(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const struct listing listing = {
        order->json, {"thingGroups", 0, false}, "groupName"};

    return put_or_list(order, IMPRINT_ADMIN_THING_GROUP, listing, why);
}

enum imprint_status imprint_endpoint_catalog_billing_group(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const struct listing listing = {
        order->json, {"billingGroups", 0, false}, "groupName"};

    return put_or_list(order, IMPRINT_ADMIN_BILLING_GROUP, listing, why);
}

/* ---- policies ---- */

static enum imprint_status find_policy(const char *dir, const char *name,
                                       char **document, struct imprint_why *why)
{
    struct imprint_registry *registry = NULL;
    enum imprint_status status =
        imprint_registry_open(dir, IMPRINT_REGISTRY_READ, &registry, why);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_catalog_find_policy(registry, name, document);
    if (status == IMPRINT_ERR_NOT_FOUND) {
        imprint_why_set(why, status, "no policy \"%s\"", name);
        imprint_why_hint(why, "see imprint endpoint policies, or name the file "
                              "that it comes from");
    } else if (status != IMPRINT_OK) {
        imprint_why_set(why, status, "%s", imprint_registry_problem(registry));
    }
    imprint_registry_close(registry);
    return status;
}

static enum imprint_status show_policy(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const char *name = order->operands[0];
    char *document = NULL;
    enum imprint_status status = find_policy(order->dir, name, &document, why);
    struct imprint_json *object;
    bool is_whole;

    if (status == IMPRINT_OK && order->json) {
        object = imprint_json_new();
        is_whole = object &&
                   imprint_json_put_text(object, "policyName", name) &&
                   imprint_json_put_text(object, "policyDocument", document);
        status = imprint_list_print(object, is_whole, why);
    } else if (status == IMPRINT_OK) {
        print_document(document, strlen(document));
    }
    free(document);
    return status;
}

enum imprint_status imprint_endpoint_catalog_policy(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const char *path = order->operands[1];
    enum imprint_status status;
    char *text = NULL;
    size_t len = 0;

    if (!path)
        return show_policy(order, why);
    status = imprint_file_read(path, DOCUMENT_MAX_LEN, &text, &len, why);
    if (status != IMPRINT_OK)
        return status;
    status = imprint_admin_put_policy(order->dir, order->operands[0],
                                      imprint_slice_of(text, len), why);
    hint_check(status, "policy", path, why);
    free(text);
    return status;
}

enum imprint_status imprint_endpoint_catalog_policies(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct listing listing = {
        order->json, {"policies", 0, false}, "policyName"};

    return list_names(order, IMPRINT_ADMIN_POLICY, &listing, why);
}

enum imprint_status imprint_endpoint_catalog_attach(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    return imprint_admin_attach_policy(order->dir, order->operands[0],
                                       order->operands[1], true, why);
}

enum imprint_status imprint_endpoint_catalog_detach(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    return imprint_admin_attach_policy(order->dir, order->operands[0],
                                       order->operands[1], false, why);
}
