#include "claims.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claims_policy.h"
#include "edit.h"
#include "imprint/topics.h"
#include "keyring.h"
#include "posix/file.h"
#include "posix/keys.h"
#include "posix/why.h"
#include "rules.h"
#include "targets.h"

#define PATH_LEN 4096
#define PEM_MAX_LEN 16384

static enum imprint_status check_name(const char *name, struct imprint_why *why)
{
    if (!imprint_topics_template_ok(imprint_slice_text(name)))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a claim's name: it has 1 to 36 "
                               "letters, digits, \"_\" and \"-\"",
                               name);
    if (strcmp(name, IMPRINT_CLAIMS_TEMPORARY) == 0)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" is what trusted users' claims are "
                               "called",
                               name);
    return IMPRINT_OK;
}

/* ---- its files, as far as they are there ---- */

struct files {
    char key_path[PATH_LEN];
    char certificate_path[PATH_LEN];
    char *key_pem;
    size_t key_len;
    char *certificate_pem;
    size_t certificate_len;
};

static struct imprint_slice key_of(const struct files *files)
{
    return imprint_slice_of(files->key_pem, files->key_len);
}

static struct imprint_slice certificate_of(const struct files *files)
{
    return imprint_slice_of(files->certificate_pem, files->certificate_len);
}

static void release(struct files *files)
{
    imprint_file_free_secret(files->key_pem, files->key_len);
    free(files->certificate_pem);
}

static enum imprint_status load(const char *path, char **text, size_t *len,
                                struct imprint_why *why)
{
    enum imprint_status status =
        imprint_file_read(path, PEM_MAX_LEN, text, len, why);

    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

static void name_files(const char *dir, const char *name, struct files *out)
{
    (void)snprintf(out->key_path, PATH_LEN, "%s/claims/%s/private.key", dir,
                   name);
    (void)snprintf(out->certificate_path, PATH_LEN,
                   "%s/claims/%s/certificate.pem", dir, name);
}

static enum imprint_status load_files(const char *dir, const char *name,
                                      struct files *out,
                                      struct imprint_why *why)
{
    char folder[PATH_LEN];
    enum imprint_status status;

    (void)snprintf(folder, sizeof(folder), "%s/claims", dir);
    status = imprint_file_make_dir(folder, 0700, why);
    (void)snprintf(folder, sizeof(folder), "%s/claims/%s", dir, name);
    if (status == IMPRINT_OK)
        status = imprint_file_make_dir(folder, 0700, why);
    name_files(dir, name, out);
    if (status == IMPRINT_OK)
        status = load(out->key_path, &out->key_pem, &out->key_len, why);
    if (status == IMPRINT_OK)
        status = load(out->certificate_path, &out->certificate_pem,
                      &out->certificate_len, why);
    return status;
}

/* What is not there is fine. */
static enum imprint_status remove_files(const char *dir, const char *name,
                                        struct imprint_why *why)
{
    struct files files = {.key_pem = NULL};
    char folder[PATH_LEN];
    enum imprint_status status;

    name_files(dir, name, &files);
    (void)snprintf(folder, sizeof(folder), "%s/claims/%s", dir, name);
    if (access(folder, F_OK) != 0)
        return IMPRINT_OK;
    status = imprint_file_sweep(folder, why);
    if (status == IMPRINT_OK)
        status = imprint_file_erase(files.key_path, why);
    if (status == IMPRINT_OK)
        status = imprint_file_erase(files.certificate_path, why);
    if (status == IMPRINT_OK && rmdir(folder) != 0 && errno != ENOTEMPTY)
        status =
            imprint_why_set(why, IMPRINT_ERR_STORAGE, "can't remove \"%s\": %s",
                            folder, strerror(errno));
    (void)snprintf(folder, sizeof(folder), "%s/claims", dir);
    return status == IMPRINT_OK ? imprint_file_sync_dir(folder, why) : status;
}

/* ---- make ---- */

static enum imprint_status make_key(const struct imprint_claims_batch *batch,
                                    struct files *files,
                                    struct imprint_why *why)
{
    files->key_pem = batch->is_rsa ? imprint_authority_make_rsa_key(NULL)
                                   : imprint_authority_make_key();
    if (!files->key_pem)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "OpenSSL can't make a key");
    files->key_len = strlen(files->key_pem);
    return imprint_file_replace(files->key_path, key_of(files), 0600, why);
}

static enum imprint_status make_certificate(
    const char *dir, const struct imprint_claims_batch *batch,
    struct files *files, struct imprint_why *why)
{
    struct imprint_authority_certificate certificate = {.pem = NULL};
    struct imprint_authority *authority = NULL;
    int64_t not_after =
        batch->not_after ? batch->not_after : IMPRINT_AUTHORITY_LAST_DAY;
    enum imprint_status status = imprint_keyring_open(dir, &authority, why);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_authority_sign_key(authority, key_of(files), not_after,
                                        &certificate, why);
    imprint_authority_close(authority);
    if (status != IMPRINT_OK)
        return status;
    free(files->certificate_pem);
    files->certificate_pem = certificate.pem;
    files->certificate_len = strlen(certificate.pem);
    return imprint_file_replace(files->certificate_path, certificate_of(files),
                                0644, why);
}

static bool is_pair(const struct files *files)
{
    struct imprint_keys_key *key = NULL;
    bool matches = false;

    if (!files->certificate_pem ||
        imprint_keys_read(key_of(files), NULL, &key, NULL) != IMPRINT_OK)
        return false;
    matches =
        imprint_keys_check_pair(key, certificate_of(files), NULL) == IMPRINT_OK;
    imprint_keys_free(key);
    return matches;
}

struct making {
    const struct imprint_claims_batch *batch;
    const struct files *files;
};

static void ignore(void *user,
                   const struct imprint_registry_certificate *certificate)
{
    (void)user;
    (void)certificate;
}

/* ERR_NOT_FOUND: the registry does not know the certificate. */
static enum imprint_status find_known(void *user,
                                      struct imprint_registry *registry,
                                      struct imprint_why *why)
{
    const struct files *files = user;
    struct imprint_keys_certificate read;
    enum imprint_status status =
        imprint_keys_read_certificate(certificate_of(files), &read, why);

    return status == IMPRINT_OK ? imprint_registry_each_certificate(
                                      registry, read.id, ignore, NULL)
                                : status;
}

static enum imprint_status make_known(void *user,
                                      struct imprint_registry *registry,
                                      struct imprint_why *why)
{
    const struct making *making = user;
    const struct imprint_claims_wish wish = {.policy = making->batch->policy,
                                             .template_name =
                                                 making->batch->template_name};
    struct imprint_keys_certificate read;
    struct imprint_registry_certificate certificate = {
        .id = read.id,
        .pem = making->files->certificate_pem,
        .claim = making->batch->name,
        .state = IMPRINT_REGISTRY_ACTIVE,
    };
    struct imprint_rules rules;
    enum imprint_status status = imprint_keys_read_certificate(
        certificate_of(making->files), &read, why);

    if (status != IMPRINT_OK)
        return status;
    imprint_rules_read(&rules, registry, true);
    certificate.created = imprint_rules_now(&rules);
    certificate.not_after = read.not_after;
    status = imprint_registry_put_certificate(registry, &certificate);
    if (status == IMPRINT_OK)
        status = imprint_claims_attach_policy(registry, read.id, &wish, why);
    return status;
}

static enum imprint_status make_anew(const char *dir,
                                     const struct imprint_claims_batch *batch,
                                     struct files *files,
                                     struct imprint_why *why)
{
    struct making making = {.batch = batch, .files = files};
    const struct imprint_edit edit = {.work = make_known,
                                      .user = &making,
                                      .operation = "claim",
                                      .what = batch->name};
    enum imprint_status status;

    imprint_file_free_secret(files->key_pem, files->key_len);
    files->key_pem = NULL;
    status = make_key(batch, files, why);
    if (status == IMPRINT_OK)
        status = make_certificate(dir, batch, files, why);
    if (status == IMPRINT_OK)
        status = imprint_edit_run(dir, &edit, why);
    if (status != IMPRINT_OK)
        (void)remove_files(dir, batch->name, NULL);
    return status;
}

/*
 * A certificate that is known keeps its state: it may be INACTIVE by now. One
 * that is not was deleted, or never became known: it must not come back.
 */
enum imprint_status imprint_claims_make(
    const char *dir, const struct imprint_claims_batch *batch,
    struct imprint_why *why)
{
    struct files files = {.key_pem = NULL};
    const struct imprint_edit edit = {.work = find_known, .user = &files};
    enum imprint_status status = check_name(batch->name, why);

    if (status == IMPRINT_OK)
        status = load_files(dir, batch->name, &files, why);
    if (status == IMPRINT_OK)
        status = is_pair(&files) ? imprint_edit_look(dir, &edit, why)
                                 : IMPRINT_ERR_NOT_FOUND;
    if (status == IMPRINT_ERR_NOT_FOUND)
        status = make_anew(dir, batch, &files, why);
    release(&files);
    return status;
}

/* ---- drop ---- */

static enum imprint_status forget(void *user, struct imprint_registry *registry,
                                  struct imprint_why *why)
{
    const char *name = user;
    struct imprint_targets targets = {.ids = NULL};
    enum imprint_status status = imprint_targets_find(registry, name, &targets);
    size_t i;

    (void)why;
    for (i = 0; status == IMPRINT_OK && i < targets.count; i++)
        status = imprint_registry_drop_certificate(registry, targets.ids[i]);
    imprint_targets_free(&targets);
    return status;
}

enum imprint_status imprint_claims_drop_files(const char *dir, const char *name,
                                              const char *id,
                                              struct imprint_why *why)
{
    struct files files = {.key_pem = NULL};
    struct imprint_keys_certificate read;
    enum imprint_status status;
    bool is_its_own;

    if (check_name(name, NULL) != IMPRINT_OK)
        return IMPRINT_OK;
    name_files(dir, name, &files);
    status = load(files.certificate_path, &files.certificate_pem,
                  &files.certificate_len, why);
    is_its_own = files.certificate_pem &&
                 imprint_keys_read_certificate(certificate_of(&files), &read,
                                               NULL) == IMPRINT_OK &&
                 strcmp(read.id, id) == 0;
    release(&files);
    return status == IMPRINT_OK && is_its_own ? remove_files(dir, name, why)
                                              : status;
}

/* Whoever has the key is locked out first. */
enum imprint_status imprint_claims_drop(const char *dir, const char *name,
                                        struct imprint_why *why)
{
    char folder[PATH_LEN];
    struct imprint_edit edit = {.work = forget,
                                .user = (void *)(uintptr_t)name,
                                .operation = "delete",
                                .what = name};
    enum imprint_status status = check_name(name, why);

    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(folder, sizeof(folder), "%s/claims/%s", dir, name);
    status = imprint_edit_run(dir, &edit, why);
    if (status == IMPRINT_ERR_NOT_FOUND && access(folder, F_OK) != 0)
        return imprint_why_set(why, status, "there is no claim \"%s\"", name);
    if (status != IMPRINT_OK && status != IMPRINT_ERR_NOT_FOUND)
        return status;
    return remove_files(dir, name, why);
}
