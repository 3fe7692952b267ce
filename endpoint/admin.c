#include "admin.h"

#include <stdio.h>
#include <string.h>

#include "catalog.h"
#include "edit.h"
#include "posix/why.h"
#include "targets.h"

/* ---- certificates ---- */

struct listing {
    void (*each)(void *user,
                 const struct imprint_admin_certificate *certificate);
    void *user;
};

static void show(void *user, const struct imprint_registry_certificate *found)
{
    const struct listing *listing = user;
    struct imprint_admin_certificate certificate = {
        .id = found->id,
        .claim = found->claim ? found->claim : "",
        .thing = found->thing ? found->thing : "",
        .status = imprint_registry_state_name(found->state),
        .pem = found->pem,
        .created = found->created,
        .not_after = found->not_after,
        .connected = found->connected,
    };

    listing->each(listing->user, &certificate);
}

static enum imprint_status list(void *user, struct imprint_registry *registry,
                                struct imprint_why *why)
{
    (void)why;
    return imprint_registry_each_certificate(registry, NULL, show, user);
}

enum imprint_status imprint_admin_each_certificate(
    const char *dir,
    void (*each)(void *user,
                 const struct imprint_admin_certificate *certificate),
    void *user, struct imprint_why *why)
{
    struct listing listing = {.each = each, .user = user};
    struct imprint_edit edit = {.work = list, .user = &listing};

    return imprint_edit_look(dir, &edit, why);
}

static enum imprint_status refuse_missing(const char *id,
                                          struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                           "there is no certificate \"%s\"", id);
}

/* What is to become of a certificate. */
struct order {
    const char *id;
    enum imprint_registry_state state;
    bool is_forced;
};

static enum imprint_status set_status(void *user,
                                      struct imprint_registry *registry,
                                      struct imprint_why *why)
{
    const struct order *order = user;
    enum imprint_status status =
        imprint_registry_set_state(registry, order->id, order->state);

    return status == IMPRINT_ERR_NOT_FOUND ? refuse_missing(order->id, why)
                                           : status;
}

enum imprint_status imprint_admin_set_status(const char *dir, const char *id,
                                             const char *status,
                                             struct imprint_why *why)
{
    static const enum imprint_registry_state states[] = {
        IMPRINT_REGISTRY_ACTIVE, IMPRINT_REGISTRY_INACTIVE,
        IMPRINT_REGISTRY_REVOKED};
    static const char *const operations[] = {"activate", "deactivate",
                                             "revoke"};
    struct order order = {.id = id};
    struct imprint_edit edit = {.work = set_status, .user = &order, .what = id};
    size_t i;

    for (i = 0; i < 3; i++) {
        order.state = states[i];
        edit.operation = operations[i];
        if (strcmp(imprint_registry_state_name(states[i]), status) == 0)
            return imprint_edit_run(dir, &edit, why);
    }
    return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                           "\"%s\" is not ACTIVE, INACTIVE or REVOKED", status);
}

/* What keeps a certificate from being deleted. */
struct ties {
    bool is_active;
    char policy[129]; /* the first of them; "": none */
    char thing[129];
};

static void note_state(void *user,
                       const struct imprint_registry_certificate *found)
{
    struct ties *ties = user;

    ties->is_active = found->state == IMPRINT_REGISTRY_ACTIVE;
    if (found->thing)
        (void)snprintf(ties->thing, sizeof(ties->thing), "%s", found->thing);
}

static void note_policy(void *user, const char *name, const char *document)
{
    struct ties *ties = user;

    (void)document;
    if (ties->policy[0] == '\0')
        (void)snprintf(ties->policy, sizeof(ties->policy), "%s", name);
}

/* As AWS refuses it, 409 DeleteConflict. */
static enum imprint_status refuse_tied(const struct ties *ties,
                                       struct imprint_why *why)
{
    if (ties->policy[0])
        (void)imprint_why_set(why, IMPRINT_ERR_REFUSED,
                              "policy \"%s\" is attached to the certificate",
                              ties->policy);
    else if (ties->thing[0])
        (void)imprint_why_set(why, IMPRINT_ERR_REFUSED,
                              "thing \"%s\" is attached to the certificate",
                              ties->thing);
    else
        (void)imprint_why_set(why, IMPRINT_ERR_REFUSED,
                              "the certificate is ACTIVE");
    imprint_why_hint(why, "detach its policies and its things and deactivate "
                          "it first, as AWS wants it; --force does all that");
    return IMPRINT_ERR_REFUSED;
}

static enum imprint_status drop(void *user, struct imprint_registry *registry,
                                struct imprint_why *why)
{
    const struct order *order = user;
    struct ties ties = {.is_active = false};
    enum imprint_status status = imprint_registry_each_certificate(
        registry, order->id, note_state, &ties);

    if (status == IMPRINT_OK)
        status = imprint_catalog_each_certificate_policy(registry, order->id,
                                                         note_policy, &ties);
    if (status == IMPRINT_ERR_NOT_FOUND)
        return refuse_missing(order->id, why);
    if (status != IMPRINT_OK)
        return status;
    if (!order->is_forced &&
        (ties.is_active || ties.policy[0] || ties.thing[0]))
        return refuse_tied(&ties, why);
    return imprint_registry_drop_certificate(registry, order->id);
}

enum imprint_status imprint_admin_drop_certificate(const char *dir,
                                                   const char *id,
                                                   bool is_forced,
                                                   struct imprint_why *why)
{
    struct order order = {.id = id, .is_forced = is_forced};
    struct imprint_edit edit = {
        .work = drop, .user = &order, .operation = "delete", .what = id};

    return imprint_edit_run(dir, &edit, why);
}

/* ---- policies and what they are attached to ---- */

#define GROUP "group/"

struct attachment {
    const char *policy;
    const char *target;
    bool is_attached;
};

static enum imprint_status refuse_target(const struct attachment *attachment,
                                         struct imprint_why *why)
{
    (void)imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                          "there is no certificate or claim \"%s\"",
                          attachment->target);
    imprint_why_hint(why, "name a certificate's id, a claim, or group/NAME");
    return IMPRINT_ERR_NOT_FOUND;
}

static enum imprint_status attach_group(struct imprint_registry *registry,
                                        const struct attachment *attachment,
                                        struct imprint_why *why)
{
    const char *group = attachment->target + strlen(GROUP);
    enum imprint_status status =
        imprint_catalog_find_name(registry, IMPRINT_CATALOG_THING_GROUP, group);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_why_set(why, status, "there is no thing group \"%s\"",
                               group);
    if (status == IMPRINT_OK)
        status = imprint_catalog_attach_group_policy(
            registry, group, attachment->policy, attachment->is_attached);
    return status;
}

static enum imprint_status attach_all(struct imprint_registry *registry,
                                      const struct attachment *attachment,
                                      const struct imprint_targets *targets,
                                      struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    bool is_any = false;
    size_t i;

    for (i = 0; status == IMPRINT_OK && i < targets->count; i++) {
        status = imprint_catalog_attach_policy(registry, targets->ids[i],
                                               attachment->policy,
                                               attachment->is_attached);
        is_any = is_any || status == IMPRINT_OK;
        if (status == IMPRINT_ERR_REFUSED)
            (void)imprint_why_set(why, status,
                                  "certificate \"%s\" has 10 policies, and "
                                  "AWS allows no more",
                                  targets->ids[i]);
        else if (status == IMPRINT_ERR_NOT_FOUND)
            status = IMPRINT_OK; /* of several, some may have it */
    }
    return status == IMPRINT_OK && !is_any ? IMPRINT_ERR_NOT_FOUND : status;
}

/* Every certificate that is meant. */
static enum imprint_status attach_certificates(
    struct imprint_registry *registry, const struct attachment *attachment,
    struct imprint_why *why)
{
    struct imprint_targets targets = {.ids = NULL};
    enum imprint_status status =
        imprint_targets_find(registry, attachment->target, &targets);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return refuse_target(attachment, why);
    if (status == IMPRINT_OK)
        status = attach_all(registry, attachment, &targets, why);
    imprint_targets_free(&targets);
    return status;
}

static enum imprint_status attach(void *user, struct imprint_registry *registry,
                                  struct imprint_why *why)
{
    const struct attachment *attachment = user;
    enum imprint_status status =
        imprint_catalog_find_policy(registry, attachment->policy, NULL);

    if (status == IMPRINT_ERR_NOT_FOUND || attachment->policy[0] == '$')
        return imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                               "there is no policy \"%s\"", attachment->policy);
    if (status != IMPRINT_OK)
        return status;
    status = strncmp(attachment->target, GROUP, strlen(GROUP)) == 0
                 ? attach_group(registry, attachment, why)
                 : attach_certificates(registry, attachment, why);
    if (status == IMPRINT_ERR_NOT_FOUND && why->text[0] == '\0')
        (void)imprint_why_set(why, status,
                              "policy \"%s\" is not attached to \"%s\"",
                              attachment->policy, attachment->target);
    return status;
}

enum imprint_status imprint_admin_attach_policy(const char *dir,
                                                const char *policy,
                                                const char *target,
                                                bool is_attached,
                                                struct imprint_why *why)
{
    struct attachment attachment = {
        .policy = policy, .target = target, .is_attached = is_attached};
    struct imprint_edit edit = {.work = attach,
                                .user = &attachment,
                                .operation = is_attached ? "attach" : "detach",
                                .what = policy};

    return imprint_edit_run(dir, &edit, why);
}
