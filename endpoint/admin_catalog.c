#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "aws/name.h"
#include "aws/policy.h"
#include "aws/template.h"
#include "catalog.h"
#include "edit.h"
#include "hook.h"
#include "imprint/topics.h"
#include "posix/why.h"
#include "setup.h"

#define TEMPLATE_MAX_COUNT 256 /* AWS quota */
#define ARN_MAX_LEN 250        /* the longest function's name, with an alias */

/* ---- policies ---- */

struct document {
    const char *name;
    char *text;
};

/* NUL-terminated; SQLite and the checks would see different ends of one that
 * has a NUL in it. */
static enum imprint_status copy_text(struct imprint_slice document, char **text,
                                     struct imprint_why *why)
{
    if (document.len > 0 && memchr(document.bytes, '\0', document.len))
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "the document is no text: it has a NUL");
    *text = document.len > 0
                ? strndup((const char *)document.bytes, document.len)
                : strdup("");
    return *text ? IMPRINT_OK
                 : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

static enum imprint_status put_policy(void *user,
                                      struct imprint_registry *registry,
                                      struct imprint_why *why)
{
    const struct document *document = user;

    (void)why;
    return imprint_catalog_put_policy(registry, document->name, document->text);
}

enum imprint_status imprint_admin_put_policy(const char *dir, const char *name,
                                             struct imprint_slice document,
                                             struct imprint_why *why)
{
    struct document copy = {.name = name};
    struct imprint_edit edit = {
        .work = put_policy, .user = &copy, .operation = "policy", .what = name};
    struct imprint_policy *policy = NULL;
    enum imprint_status status;

    if (!imprint_name_policy_ok(name))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a policy's name: it has "
                               "%s",
                               name, IMPRINT_NAME_POLICY);
    status = imprint_policy_parse(document, &policy, why);
    imprint_policy_free(policy);
    if (status == IMPRINT_OK)
        status = copy_text(document, &copy.text, why);
    if (status == IMPRINT_OK)
        status = imprint_edit_run(dir, &edit, why);
    free(copy.text);
    return status;
}

/* ---- templates ---- */

/* "arn:aws:lambda:us-east-1:000000000000:function:name". */
bool imprint_admin_is_lambda(const char *target)
{
    const char *service;
    const char *c;

    if (strncmp(target, "arn:", 4) != 0 || strlen(target) > ARN_MAX_LEN)
        return false;
    service = strchr(target + 4, ':');
    if (!service || service == target + 4 ||
        strncmp(service, ":lambda:", 8) != 0 || service[8] == '\0')
        return false;
    for (c = target; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return false;
    }
    return true;
}

/* A template that is to be put, and what there is of it. */
struct putting {
    const struct imprint_admin_template *wanted;
    struct imprint_catalog_template result;
    char *document; /* the wanted one's, or what is kept */
    char *hook;     /* what is kept */
    size_t other_count;
    bool is_there;
    bool has_failed; /* no memory */
};

static char *keep(struct putting *putting, const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    putting->has_failed |= text && !copy;
    return copy;
}

static void look(void *user, const struct imprint_catalog_template *found)
{
    struct putting *putting = user;
    const struct imprint_admin_template *wanted = putting->wanted;

    if (strcmp(found->name, wanted->name) != 0) {
        putting->other_count++;
        return;
    }
    putting->is_there = true;
    if (wanted->keeps_document)
        putting->document = keep(putting, found->document);
    if (wanted->keeps_hook)
        putting->hook = keep(putting, found->hook);
    if (wanted->keeps_state)
        putting->result.is_enabled = found->is_enabled;
}

static enum imprint_status put_template(void *user,
                                        struct imprint_registry *registry,
                                        struct imprint_why *why)
{
    struct putting *putting = user;
    const struct imprint_admin_template *wanted = putting->wanted;
    enum imprint_status status =
        imprint_catalog_each_template(registry, NULL, look, putting);

    if (status != IMPRINT_OK)
        return status;
    if (putting->has_failed)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (!putting->is_there && wanted->keeps_document)
        return imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                               "there is no template \"%s\"", wanted->name);
    if (putting->other_count >= TEMPLATE_MAX_COUNT)
        return imprint_why_set(why, IMPRINT_ERR_REFUSED,
                               "there are %d templates, and AWS allows no more",
                               TEMPLATE_MAX_COUNT);
    putting->result.document = putting->document;
    if (wanted->keeps_hook)
        putting->result.hook = putting->hook;
    return imprint_catalog_put_template(registry, &putting->result);
}

static enum imprint_status check_template(
    const struct imprint_admin_template *template, struct imprint_why *why)
{
    struct imprint_template *parsed = NULL;
    enum imprint_status status = IMPRINT_OK;

    if (!imprint_topics_template_ok(imprint_slice_text(template->name)))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a template's name: it has 1 to "
                               "36 letters, digits, \"_\" and \"-\"",
                               template->name);
    if (template->hook && !template->keeps_hook &&
        !imprint_admin_is_lambda(template->hook))
        status = imprint_hook_check_target(template->hook, why);
    if (status == IMPRINT_OK && !template->keeps_document)
        status = imprint_template_parse(template->document, &parsed, why);
    imprint_template_free(parsed);
    return status;
}

enum imprint_status imprint_admin_put_template(
    const char *dir, const struct imprint_admin_template *template,
    struct imprint_why *why)
{
    struct putting putting = {
        .wanted = template,
        .result = {.name = template->name,
                   .hook = template->hook,
                   .is_enabled = template->is_enabled || template->keeps_state},
    };
    struct imprint_edit edit = {.work = put_template,
                                .user = &putting,
                                .operation = "template",
                                .what = template->name};
    enum imprint_status status = check_template(template, why);

    if (status == IMPRINT_OK && !template->keeps_document)
        status = copy_text(template->document, &putting.document, why);
    if (status == IMPRINT_OK)
        status = imprint_edit_run(dir, &edit, why);
    free(putting.document);
    free(putting.hook);
    return status;
}

struct listing {
    void (*each)(void *user, const struct imprint_admin_template *template);
    void *user;
};

static void show(void *user, const struct imprint_catalog_template *found)
{
    const struct listing *listing = user;
    struct imprint_admin_template template = {
        .name = found->name,
        .document = imprint_slice_text(found->document),
        .hook = found->hook,
        .is_enabled = found->is_enabled,
    };

    listing->each(listing->user, &template);
}

static enum imprint_status list(void *user, struct imprint_registry *registry,
                                struct imprint_why *why)
{
    (void)why;
    return imprint_catalog_each_template(registry, NULL, show, user);
}

enum imprint_status imprint_admin_each_template(
    const char *dir,
    void (*each)(void *user, const struct imprint_admin_template *template),
    void *user, struct imprint_why *why)
{
    struct listing listing = {.each = each, .user = user};
    struct imprint_edit edit = {.work = list, .user = &listing};

    return imprint_edit_look(dir, &edit, why);
}

/* ---- names ---- */

static const struct {
    const char *words;
    enum imprint_catalog_kind kind; /* of those that are only there or not */
} kinds[] = {
    [IMPRINT_ADMIN_POLICY] = {.words = "policy"},
    [IMPRINT_ADMIN_TEMPLATE] = {.words = "template"},
    [IMPRINT_ADMIN_THING_TYPE] = {"thing type", IMPRINT_CATALOG_THING_TYPE},
    [IMPRINT_ADMIN_THING_GROUP] = {"thing group", IMPRINT_CATALOG_THING_GROUP},
    [IMPRINT_ADMIN_BILLING_GROUP] = {"billing group",
                                     IMPRINT_CATALOG_BILLING_GROUP},
};

struct naming {
    enum imprint_admin_kind kind;
    const char *name;
    void (*each)(void *user, const char *name);
    void *user;
};

static enum imprint_status put_name(void *user,
                                    struct imprint_registry *registry,
                                    struct imprint_why *why)
{
    const struct naming *naming = user;

    (void)why;
    return imprint_catalog_put_name(registry, kinds[naming->kind].kind,
                                    naming->name);
}

enum imprint_status imprint_admin_put_name(const char *dir,
                                           enum imprint_admin_kind kind,
                                           const char *name,
                                           struct imprint_why *why)
{
    struct naming naming = {.kind = kind, .name = name};
    struct imprint_edit edit = {.work = put_name,
                                .user = &naming,
                                .operation = kinds[kind].words,
                                .what = name};

    if (kind == IMPRINT_ADMIN_POLICY || kind == IMPRINT_ADMIN_TEMPLATE)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "a %s is more than a name", kinds[kind].words);
    if (!imprint_name_thing_ok(name))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a %s's name: it has %s", name,
                               kinds[kind].words, IMPRINT_NAME_THING);
    return imprint_edit_run(dir, &edit, why);
}

static void show_name(void *user,
                      const struct imprint_catalog_template *template)
{
    const struct naming *naming = user;

    naming->each(naming->user, template->name);
}

static enum imprint_status list_names(void *user,
                                      struct imprint_registry *registry,
                                      struct imprint_why *why)
{
    struct naming *naming = user;

    (void)why;
    if (naming->kind == IMPRINT_ADMIN_POLICY)
        return imprint_catalog_each_policy(registry, naming->each,
                                           naming->user);
    if (naming->kind == IMPRINT_ADMIN_TEMPLATE)
        return imprint_catalog_each_template(registry, NULL, show_name, naming);
    return imprint_catalog_each_name(registry, kinds[naming->kind].kind,
                                     naming->each, naming->user);
}

enum imprint_status imprint_admin_each_name(const char *dir,
                                            enum imprint_admin_kind kind,
                                            void (*each)(void *user,
                                                         const char *name),
                                            void *user, struct imprint_why *why)
{
    struct naming naming = {.kind = kind, .each = each, .user = user};
    struct imprint_edit edit = {.work = list_names, .user = &naming};

    return imprint_edit_look(dir, &edit, why);
}

static enum imprint_status drop_name(void *user,
                                     struct imprint_registry *registry,
                                     struct imprint_why *why)
{
    const struct naming *naming = user;
    const char *words = kinds[naming->kind].words;
    enum imprint_status status;

    if (naming->kind == IMPRINT_ADMIN_POLICY)
        status = imprint_catalog_drop_policy(registry, naming->name);
    else
        status = imprint_catalog_drop_template(registry, naming->name);
    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_why_set(why, status, "there is no %s \"%s\"", words,
                               naming->name);
    if (status != IMPRINT_ERR_REFUSED)
        return status;
    (void)imprint_why_set(why, status, "%s \"%s\" is attached to something",
                          words, naming->name);
    imprint_why_hint(why, "detach it first");
    return status;
}

enum imprint_status imprint_admin_drop_name(const char *dir,
                                            enum imprint_admin_kind kind,
                                            const char *name,
                                            struct imprint_why *why)
{
    struct naming naming = {.kind = kind, .name = name};
    struct imprint_edit edit = {.work = drop_name,
                                .user = &naming,
                                .operation = "delete",
                                .what = name};

    if (kind != IMPRINT_ADMIN_POLICY && kind != IMPRINT_ADMIN_TEMPLATE)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "a %s can't be deleted", kinds[kind].words);
    if (name[0] == '$')
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" is the endpoint's own", name);
    if (kind == IMPRINT_ADMIN_TEMPLATE &&
        strcmp(name, IMPRINT_SETUP_TEMPLATE) == 0) {
        (void)imprint_why_set(why, IMPRINT_ERR_REFUSED,
                              "the template \"%s\" would come back with the "
                              "next run, as it was made",
                              name);
        imprint_why_hint(why,
                         "disable it: imprint endpoint template %s "
                         "--disabled",
                         name);
        return IMPRINT_ERR_REFUSED;
    }
    return imprint_edit_run(dir, &edit, why);
}

static enum imprint_status drop_thing(void *user,
                                      struct imprint_registry *registry,
                                      struct imprint_why *why)
{
    const char *name = user;
    enum imprint_status status = imprint_catalog_drop_thing(registry, name);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_why_set(why, status, "there is no thing \"%s\"", name);
    if (status != IMPRINT_ERR_REFUSED)
        return status;
    (void)imprint_why_set(why, status, "thing \"%s\" has a certificate", name);
    imprint_why_hint(why, "delete that first: imprint endpoint delete %s",
                     name);
    return status;
}

enum imprint_status imprint_admin_drop_thing(const char *dir, const char *name,
                                             struct imprint_why *why)
{
    const struct imprint_edit edit = {.work = drop_thing,
                                      .user = (void *)(uintptr_t)name,
                                      .operation = "delete",
                                      .what = name};

    return imprint_edit_run(dir, &edit, why);
}
