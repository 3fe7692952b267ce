#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authority.h"
#include "aws/name.h"
#include "catalog.h"
#include "claims.h"
#include "claims_policy.h"
#include "edit.h"
#include "imprint/topics.h"
#include "posix/file.h"
#include "posix/why.h"
#include "rules.h"

#define PATH_LEN 4096
#define PEM_MAX_LEN 65536
#define CA_MAX_COUNT 16 /* of one name */

/* Paths of what the broker trusts. */
struct trust {
    char file[PATH_LEN];
    char dir[PATH_LEN];
};

static struct imprint_authority_trust name_trust(const char *dir,
                                                 struct trust *paths)
{
    (void)snprintf(paths->file, PATH_LEN, "%s/ca.pem", dir);
    (void)snprintf(paths->dir, PATH_LEN, "%s/cas", dir);
    return (struct imprint_authority_trust){.file = paths->file,
                                            .dir = paths->dir};
}

/* ---- certificates ---- */

enum imprint_status imprint_claims_check(
    const char *dir, struct imprint_slice certificate_pem,
    struct imprint_authority_certificate *out, struct imprint_why *why)
{
    struct trust paths = {.file = ""};
    const struct imprint_authority_trust trust = name_trust(dir, &paths);

    return imprint_authority_check(&trust, certificate_pem, NULL, out, why);
}

struct registering {
    const struct imprint_claims_foreign *foreign;
    const struct imprint_authority_certificate *certificate;
};

static void ignore_certificate(
    void *user, const struct imprint_registry_certificate *certificate)
{
    (void)user;
    (void)certificate;
}

static void ignore_thing(void *user, const struct imprint_catalog_thing *thing)
{
    (void)user;
    (void)thing;
}

static enum imprint_status attach_thing(const struct registering *registering,
                                        struct imprint_registry *registry,
                                        int64_t now)
{
    const struct imprint_catalog_thing thing = {
        .name = registering->foreign->thing, .created = now};
    enum imprint_status status =
        imprint_catalog_find_thing(registry, thing.name, ignore_thing, NULL);

    if (status == IMPRINT_ERR_NOT_FOUND)
        status = imprint_catalog_put_thing(registry, &thing);
    if (status == IMPRINT_OK)
        status = imprint_catalog_attach_thing(
            registry, registering->certificate->id, thing.name, false);
    return status;
}

/* AWS: 409 ResourceAlreadyExists. */
static enum imprint_status refuse_known(const char *id, struct imprint_why *why)
{
    (void)imprint_why_set(why, IMPRINT_ERR_REFUSED,
                          "certificate \"%s\" is registered already", id);
    imprint_why_hint(why, "attach policies to it by imprint endpoint attach");
    return IMPRINT_ERR_REFUSED;
}

static enum imprint_status put(void *user, struct imprint_registry *registry,
                               struct imprint_why *why)
{
    const struct registering *registering = user;
    const struct imprint_claims_foreign *foreign = registering->foreign;
    const struct imprint_claims_wish wish = {
        .policy = foreign->policy, .template_name = foreign->template_name};
    struct imprint_registry_certificate certificate = {
        .id = registering->certificate->id,
        .pem = registering->certificate->pem,
        .claim = foreign->claim,
        .state = IMPRINT_REGISTRY_ACTIVE,
        .not_after = registering->certificate->not_after,
    };
    struct imprint_rules rules;
    enum imprint_status status = imprint_registry_each_certificate(
        registry, certificate.id, ignore_certificate, NULL);

    if (status != IMPRINT_ERR_NOT_FOUND)
        return status == IMPRINT_OK ? refuse_known(certificate.id, why)
                                    : status;
    imprint_rules_read(&rules, registry, true);
    certificate.created = imprint_rules_now(&rules);
    status = imprint_registry_put_certificate(registry, &certificate);
    if (status == IMPRINT_OK && (foreign->policy || foreign->claim))
        status =
            imprint_claims_attach_policy(registry, certificate.id, &wish, why);
    if (status == IMPRINT_OK && foreign->thing)
        status = attach_thing(registering, registry, certificate.created);
    return status;
}

static enum imprint_status check_names(
    const struct imprint_claims_foreign *foreign, struct imprint_why *why)
{
    if (foreign->claim &&
        (!imprint_topics_template_ok(imprint_slice_text(foreign->claim)) ||
         strcmp(foreign->claim, IMPRINT_CLAIMS_TEMPORARY) == 0))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a claim's name",
                               foreign->claim);
    if (foreign->thing && !imprint_name_thing_ok(foreign->thing))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a thing's name: it has %s",
                               foreign->thing, IMPRINT_NAME_THING);
    return IMPRINT_OK;
}

enum imprint_status imprint_claims_register(
    const char *dir, const struct imprint_claims_foreign *foreign, char id[65],
    struct imprint_why *why)
{
    struct imprint_authority_certificate certificate = {.pem = NULL};
    struct registering registering = {.foreign = foreign,
                                      .certificate = &certificate};
    struct imprint_edit edit = {.work = put,
                                .user = &registering,
                                .operation = "register",
                                .what = foreign->claim ? foreign->claim
                                                       : foreign->thing};
    enum imprint_status status = check_names(foreign, why);

    if (status == IMPRINT_OK)
        status = imprint_claims_check(dir, foreign->certificate_pem,
                                      &certificate, why);
    if (status == IMPRINT_ERR_REFUSED)
        imprint_why_hint(why, "imprint endpoint ca FILE makes the broker take "
                              "what another CA signed");
    if (status == IMPRINT_OK)
        status = imprint_edit_run(dir, &edit, why);
    if (status == IMPRINT_OK)
        memcpy(id, certificate.id, sizeof(certificate.id));
    free(certificate.pem);
    return status;
}

/* ---- CAs ---- */

/* A CA, and the name of its file. */
struct ca {
    struct imprint_authority_certificate certificate;
    char hash[IMPRINT_AUTHORITY_HASH_LEN + 1];
    char path[PATH_LEN];
    bool is_there;
};

/* The first number that is free; CAs of the same name stand in a row. */
static enum imprint_status find_place(const char *dir, struct ca *ca,
                                      struct imprint_why *why)
{
    int i;

    for (i = 0; i < CA_MAX_COUNT; i++) {
        char *text = NULL;
        size_t len = 0;
        enum imprint_status status;

        (void)snprintf(ca->path, PATH_LEN, "%s/cas/%s.%d", dir, ca->hash, i);
        status = imprint_file_read(ca->path, PEM_MAX_LEN, &text, &len, why);
        if (status == IMPRINT_ERR_NOT_FOUND)
            return IMPRINT_OK;
        if (status != IMPRINT_OK)
            return status;
        ca->is_there = strcmp(text, ca->certificate.pem) == 0;
        free(text);
        if (ca->is_there)
            return IMPRINT_OK;
    }
    return imprint_why_set(why, IMPRINT_ERR_REFUSED,
                           "there are %d CAs of this name already", i);
}

static enum imprint_status place(const char *dir, struct ca *ca,
                                 struct imprint_why *why)
{
    enum imprint_status status = find_place(dir, ca, why);

    if (status == IMPRINT_OK && !ca->is_there)
        status = imprint_file_replace(
            ca->path, imprint_slice_text(ca->certificate.pem), 0644, why);
    return status;
}

/* CAs of one name stand in a row without a gap: the last one fills it. */
static enum imprint_status unplace(const char *dir, struct ca *ca,
                                   struct imprint_why *why)
{
    enum imprint_status status = find_place(dir, ca, why);
    char last[PATH_LEN] = "";
    char next[PATH_LEN];

    if (status == IMPRINT_OK && !ca->is_there) {
        imprint_why_set(why, IMPRINT_ERR_NOT_FOUND, "this CA is not trusted");
        imprint_why_hint(why, "it is the certificate in FILE that counts");
        return IMPRINT_ERR_NOT_FOUND;
    }
    if (status != IMPRINT_OK)
        return status;
    for (int i = 0; i < CA_MAX_COUNT; i++) {
        (void)snprintf(next, PATH_LEN, "%s/cas/%s.%d", dir, ca->hash, i);
        if (access(next, F_OK) != 0)
            break;
        memcpy(last, next, PATH_LEN);
    }
    if (rename(last, ca->path) == 0 &&
        (strcmp(last, ca->path) != 0 || unlink(ca->path) == 0))
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_STORAGE, "cannot remove \"%s\": %s",
                           ca->path, strerror(errno));
}

/* What to do with a CA while nobody else does. */
static enum imprint_status change_cas(
    const char *dir, struct ca *ca,
    enum imprint_status (*change)(const char *dir, struct ca *ca,
                                  struct imprint_why *why),
    struct imprint_why *why)
{
    char path[PATH_LEN];
    int lock = -1;
    enum imprint_status status;

    (void)snprintf(path, sizeof(path), "%s/cas", dir);
    status = imprint_file_make_dir(path, 0700, why);
    (void)snprintf(path, sizeof(path), "%s/cas.lock", dir);
    if (status == IMPRINT_OK)
        status = imprint_file_lock(path, &lock, why);
    if (status != IMPRINT_OK)
        return status;
    status = change(dir, ca, why);
    imprint_file_unlock(lock);
    return status;
}

enum imprint_status imprint_claims_distrust(const char *dir,
                                            struct imprint_slice ca_pem,
                                            struct imprint_why *why)
{
    struct trust paths = {.file = ""};
    const struct imprint_authority_trust trust = name_trust(dir, &paths);
    struct ca ca = {.hash = ""};
    enum imprint_status status =
        imprint_authority_check(&trust, ca_pem, ca.hash, &ca.certificate, why);

    if (status == IMPRINT_OK)
        status = change_cas(dir, &ca, unplace, why);
    free(ca.certificate.pem);
    return status;
}

enum imprint_status imprint_claims_trust(const char *dir,
                                         struct imprint_slice ca_pem,
                                         struct imprint_why *why)
{
    struct trust paths = {.file = ""};
    const struct imprint_authority_trust trust = name_trust(dir, &paths);
    struct ca ca = {.hash = ""};
    enum imprint_status status =
        imprint_authority_check(&trust, ca_pem, ca.hash, &ca.certificate, why);

    if (status == IMPRINT_ERR_REFUSED)
        imprint_why_hint(why, "a CA that another one signed needs that one "
                              "first");
    if (status == IMPRINT_OK)
        status = change_cas(dir, &ca, place, why);
    free(ca.certificate.pem);
    return status;
}
