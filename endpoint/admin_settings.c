#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "catalog.h"
#include "edit.h"
#include "fault.h"
#include "hook.h"
#include "posix/why.h"
#include "rules.h"

#define HOOK "hook:"
#define HOOK_LEN 5
#define NUMBER_LEN 24

/* ---- set ---- */

static enum imprint_status check_number(const struct imprint_rules_row *row,
                                        const char *value,
                                        struct imprint_why *why)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(value, &end, 10);
    if (errno == 0 && end != value && *end == '\0' && value[0] != ' ' &&
        number >= row->low && number <= row->high)
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                           "%s can't be \"%s\": it is a number from %" PRId64
                           " to %" PRId64,
                           row->name, value, row->low, row->high);
}

static enum imprint_status check_faults(const char *value,
                                        struct imprint_why *why)
{
    struct imprint_faults *faults = imprint_fault_new();
    enum imprint_status status;

    if (!faults)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = imprint_fault_set(faults, imprint_slice_text(value), why);
    imprint_fault_free(faults);
    return status;
}

static enum imprint_status refuse_name(const char *name,
                                       struct imprint_why *why)
{
    (void)imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                          "there is no setting \"%s\"", name);
    imprint_why_hint(why, "see imprint endpoint settings");
    return IMPRINT_ERR_ARGUMENT;
}

static enum imprint_status check_provider(const char *value,
                                          struct imprint_why *why)
{
    if (imprint_admin_is_lambda(value) ||
        imprint_hook_check_target(value, NULL) == IMPRINT_OK)
        return IMPRINT_OK;
    (void)imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                          "the certificate provider can't be \"%.256s\"",
                          value);
    imprint_why_hint(why, "write exec:/path/of/program, a URL as in "
                          "http://127.0.0.1:8000/sign (no spaces, no user), "
                          "or the ARN of a Lambda function");
    return IMPRINT_ERR_ARGUMENT;
}

/* value NULL: it is to be forgotten. */
static enum imprint_status check(const char *name, const char *value,
                                 struct imprint_why *why)
{
    enum imprint_rule rule;

    if (imprint_rules_find(name, &rule))
        return value ? check_number(imprint_rules_row(rule), value, why)
                     : IMPRINT_OK;
    if (strcmp(name, "faults") == 0)
        return value ? check_faults(value, why) : IMPRINT_OK;
    if (strcmp(name, "provider") == 0)
        return value ? check_provider(value, why) : IMPRINT_OK;
    if (strncmp(name, HOOK, HOOK_LEN) != 0)
        return refuse_name(name, why);
    if (!imprint_admin_is_lambda(name + HOOK_LEN))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" is not the ARN of a Lambda function",
                               name + HOOK_LEN);
    return value ? imprint_hook_check_target(value, why) : IMPRINT_OK;
}

struct setting {
    const char *name;
    const char *value;
};

static enum imprint_status put(void *user, struct imprint_registry *registry,
                               struct imprint_why *why)
{
    const struct setting *setting = user;

    (void)why;
    return imprint_registry_put_setting(registry, setting->name,
                                        setting->value);
}

enum imprint_status imprint_admin_set(const char *dir, const char *name,
                                      const char *value,
                                      struct imprint_why *why)
{
    struct setting setting = {.name = name, .value = value};
    struct imprint_edit edit = {
        .work = put, .user = &setting, .operation = "set", .what = name};
    enum imprint_status status = check(name, value, why);

    return status == IMPRINT_OK ? imprint_edit_run(dir, &edit, why) : status;
}

/* ---- faults ---- */

static enum imprint_status add_faults(void *user,
                                      struct imprint_registry *registry,
                                      struct imprint_why *why)
{
    const char *rules = user;
    char *there = NULL;
    char *all = NULL;
    const char *gap;
    enum imprint_status status =
        imprint_registry_find_setting(registry, "faults", &there);

    if (status != IMPRINT_OK && status != IMPRINT_ERR_NOT_FOUND)
        return status;
    gap = there && there[0] && there[strlen(there) - 1] != '\n' ? "\n" : "";
    if (asprintf(&all, "%s%s%s", there ? there : "", gap, rules) < 0) {
        free(there);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    }
    status = check_faults(all, why);
    if (status == IMPRINT_OK)
        status = imprint_registry_put_setting(registry, "faults", all);
    else if (status == IMPRINT_ERR_FORMAT && there && there[0])
        imprint_why_hint(why, "lines are counted from the rules that are set: "
                              "see imprint endpoint faults");
    free(there);
    free(all);
    return status;
}

enum imprint_status imprint_admin_add_faults(const char *dir, const char *rules,
                                             struct imprint_why *why)
{
    const struct imprint_edit edit = {.work = add_faults,
                                      .user = (void *)(uintptr_t)rules,
                                      .operation = "fault",
                                      .what = rules};

    return imprint_edit_run(dir, &edit, why);
}

/* ---- list ---- */

struct listing {
    void (*each)(void *user, const struct imprint_admin_setting *setting);
    void *user;
    char **hooks; /* settings of the functions that are called */
    size_t count;
    bool has_failed; /* no memory */
};

/* The setting, with what is set in place of the value that it has. */
static enum imprint_status show(const struct listing *listing,
                                struct imprint_registry *registry,
                                struct imprint_admin_setting setting)
{
    char *value = NULL;
    enum imprint_status status =
        imprint_registry_find_setting(registry, setting.name, &value);

    if (status != IMPRINT_OK && status != IMPRINT_ERR_NOT_FOUND)
        return status;
    setting.is_set = value != NULL;
    if (value)
        setting.value = value;
    listing->each(listing->user, &setting);
    free(value);
    return IMPRINT_OK;
}

static enum imprint_status show_rule(const struct listing *listing,
                                     struct imprint_registry *registry,
                                     enum imprint_rule rule)
{
    const struct imprint_rules_row *row = imprint_rules_row(rule);
    char fallback[NUMBER_LEN];
    char aws[NUMBER_LEN] = "";
    const struct imprint_admin_setting setting = {
        .name = row->name, .value = fallback, .aws = aws, .text = row->text};

    (void)snprintf(fallback, sizeof(fallback), "%" PRId64, row->fallback);
    if (row->aws >= 0)
        (void)snprintf(aws, sizeof(aws), "%" PRId64, row->aws);
    return show(listing, registry, setting);
}

static void note_hook(struct listing *listing, const char *target)
{
    char **hooks;
    char *name = NULL;
    size_t i;

    if (!imprint_admin_is_lambda(target))
        return;
    for (i = 0; i < listing->count; i++) {
        if (strcmp(listing->hooks[i] + HOOK_LEN, target) == 0)
            return;
    }
    hooks = realloc(listing->hooks, (listing->count + 1) * sizeof(*hooks));
    if (hooks)
        listing->hooks = hooks;
    if (!hooks || asprintf(&name, HOOK "%s", target) < 0)
        listing->has_failed = true;
    else
        hooks[listing->count++] = name;
}

static void note_template(void *user,
                          const struct imprint_catalog_template *template)
{
    if (template->hook)
        note_hook(user, template->hook);
}

static void note_setting(void *user, const char *name, const char *value)
{
    (void)value;
    note_hook(user, name + HOOK_LEN);
}

/* Of every function that a template or the provider names, and all set ones. */
static enum imprint_status show_hooks(struct listing *listing,
                                      struct imprint_registry *registry)
{
    char *provider = NULL;
    enum imprint_status status =
        imprint_registry_find_setting(registry, "provider", &provider);
    size_t i;

    if (status == IMPRINT_OK)
        note_hook(listing, provider);
    free(provider);
    if (status == IMPRINT_OK || status == IMPRINT_ERR_NOT_FOUND)
        status = imprint_catalog_each_template(registry, NULL, note_template,
                                               listing);
    if (status == IMPRINT_OK)
        status = imprint_registry_each_setting(registry, HOOK, note_setting,
                                               listing);
    for (i = 0; status == IMPRINT_OK && i < listing->count; i++) {
        const struct imprint_admin_setting setting = {
            .name = listing->hooks[i],
            .value = "",
            .aws = "",
            .text = "what runs for this function; nothing: it fails"};

        status = show(listing, registry, setting);
    }
    return status;
}

static enum imprint_status list(void *user, struct imprint_registry *registry,
                                struct imprint_why *why)
{
    static const struct imprint_admin_setting texts[] = {
        {.name = "provider",
         .value = "",
         .aws = "",
         .text = "what signs in CreateCertificateFromCsr; nothing: we do"},
        {.name = "faults",
         .value = "",
         .aws = "",
         .text = "what is to go wrong, and when"}};
    struct listing *listing = user;
    enum imprint_status status = IMPRINT_OK;
    int rule;
    size_t i;

    for (rule = 0; status == IMPRINT_OK && rule < IMPRINT_RULE_COUNT; rule++)
        status = show_rule(listing, registry, (enum imprint_rule)rule);
    for (i = 0; status == IMPRINT_OK && i < 2; i++)
        status = show(listing, registry, texts[i]);
    if (status == IMPRINT_OK)
        status = show_hooks(listing, registry);
    return listing->has_failed
               ? imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory")
               : status;
}

enum imprint_status imprint_admin_each_setting(
    const char *dir,
    void (*each)(void *user, const struct imprint_admin_setting *setting),
    void *user, struct imprint_why *why)
{
    struct listing listing = {.each = each, .user = user};
    struct imprint_edit edit = {.work = list, .user = &listing};
    enum imprint_status status = imprint_edit_look(dir, &edit, why);
    size_t i;

    for (i = 0; i < listing.count; i++)
        free(listing.hooks[i]);
    free(listing.hooks);
    return status;
}
