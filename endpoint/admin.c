#include "admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/policy.h"
#include "aws/template.h"
#include "imprint/topics.h"
#include "keyring.h"
#include "posix/file.h"
#include "posix/keys.h"
#include "posix/why.h"
#include "registry.h"
#include "setup.h"

#define PATH_LEN 4096
#define PEM_MAX_LEN 16384

static enum imprint_status fail(const struct imprint_registry *registry,
                                enum imprint_status status,
                                struct imprint_why *why)
{
    return imprint_why_set(why, status, "%s",
                           imprint_registry_problem(registry));
}

/* ---- certificates ---- */

struct listing {
    void (*each)(void *user,
                 const struct imprint_endpoint_certificate *certificate);
    void *user;
};

static void show(void *user, const struct imprint_registry_certificate *found)
{
    const struct listing *listing = user;
    struct imprint_endpoint_certificate certificate = {
        .id = found->id,
        .claim = found->claim ? found->claim : "",
        .thing = found->thing ? found->thing : "",
        .status = imprint_registry_state_name(found->state),
        .created = found->created,
        .not_after = found->not_after,
    };

    listing->each(listing->user, &certificate);
}

enum imprint_status imprint_endpoint_list(
    const char *dir,
    void (*each)(void *user,
                 const struct imprint_endpoint_certificate *certificate),
    void *user, struct imprint_why *why)
{
    struct listing listing = {.each = each, .user = user};
    struct imprint_registry *registry = NULL;
    enum imprint_status status =
        imprint_registry_open(dir, IMPRINT_REGISTRY_READ, &registry, why);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_registry_each_certificate(registry, NULL, show, &listing);
    if (status != IMPRINT_OK)
        (void)fail(registry, status, why);
    imprint_registry_close(registry);
    return status;
}

enum imprint_status imprint_endpoint_set_status(const char *dir, const char *id,
                                                const char *status_name,
                                                struct imprint_why *why)
{
    static const enum imprint_registry_state states[] = {
        IMPRINT_REGISTRY_ACTIVE, IMPRINT_REGISTRY_INACTIVE,
        IMPRINT_REGISTRY_REVOKED};
    struct imprint_registry *registry = NULL;
    enum imprint_status status;
    size_t i;

    for (i = 0; i < 3; i++) {
        if (strcmp(imprint_registry_state_name(states[i]), status_name) == 0)
            break;
    }
    if (i == 3)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" is not ACTIVE, INACTIVE or REVOKED",
                               status_name);
    status = imprint_registry_open(dir, IMPRINT_REGISTRY_WRITE, &registry, why);
    if (status != IMPRINT_OK)
        return status;
    status = imprint_registry_set_state(registry, id, states[i], NULL);
    if (status == IMPRINT_ERR_NOT_FOUND)
        (void)imprint_why_set(why, status, "there is no certificate \"%s\"",
                              id);
    else if (status != IMPRINT_OK)
        (void)fail(registry, status, why);
    imprint_registry_close(registry);
    return status;
}

/* ---- claims ---- */

/* The claim's files, as far as they are there. */
struct files {
    char key_path[PATH_LEN];
    char certificate_path[PATH_LEN];
    char *key_pem;
    size_t key_len;
    char *certificate_pem;
    size_t certificate_len;
};

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
    (void)snprintf(out->key_path, PATH_LEN, "%s/claims/%s/private.key", dir,
                   name);
    (void)snprintf(out->certificate_path, PATH_LEN,
                   "%s/claims/%s/certificate.pem", dir, name);
    if (status == IMPRINT_OK)
        status = load(out->key_path, &out->key_pem, &out->key_len, why);
    if (status == IMPRINT_OK)
        status = load(out->certificate_path, &out->certificate_pem,
                      &out->certificate_len, why);
    return status;
}

static enum imprint_status make_key(const struct imprint_endpoint_claim *claim,
                                    struct files *files,
                                    struct imprint_why *why)
{
    files->key_pem = claim->is_rsa ? imprint_authority_make_rsa_key(NULL)
                                   : imprint_authority_make_key();
    if (!files->key_pem)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "OpenSSL can't make a key");
    files->key_len = strlen(files->key_pem);
    return imprint_file_replace(
        files->key_path, imprint_slice_of(files->key_pem, files->key_len), 0600,
        why);
}

static enum imprint_status make_certificate(
    const char *dir, const struct imprint_endpoint_claim *claim,
    struct files *files, struct imprint_why *why)
{
    struct imprint_authority_certificate certificate = {.pem = NULL};
    struct imprint_authority *authority = NULL;
    int64_t not_after =
        claim->not_after ? claim->not_after : IMPRINT_AUTHORITY_LAST_DAY;
    enum imprint_status status = imprint_keyring_open(dir, &authority, why);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_authority_sign_key(
        authority, imprint_slice_of(files->key_pem, files->key_len), not_after,
        &certificate, why);
    imprint_authority_close(authority);
    if (status != IMPRINT_OK)
        return status;
    free(files->certificate_pem);
    files->certificate_pem = certificate.pem;
    files->certificate_len = strlen(certificate.pem);
    return imprint_file_replace(
        files->certificate_path,
        imprint_slice_of(files->certificate_pem, files->certificate_len), 0644,
        why);
}

static bool is_pair(const struct files *files)
{
    struct imprint_keys_key *key = NULL;
    bool matches = false;

    if (!files->certificate_pem ||
        imprint_keys_read(imprint_slice_of(files->key_pem, files->key_len),
                          NULL, &key, NULL) != IMPRINT_OK)
        return false;
    matches = imprint_keys_check_pair(key,
                                      imprint_slice_of(files->certificate_pem,
                                                       files->certificate_len),
                                      NULL) == IMPRINT_OK;
    imprint_keys_free(key);
    return matches;
}

static void ignore(void *user,
                   const struct imprint_registry_certificate *certificate)
{
    (void)user;
    (void)certificate;
}

/* A certificate that is known keeps its state: it may be INACTIVE by now. */
static enum imprint_status make_known(
    struct imprint_registry *registry,
    const struct imprint_endpoint_claim *claim, const struct files *files,
    struct imprint_why *why)
{
    struct imprint_keys_certificate read;
    struct imprint_registry_certificate certificate = {
        .id = read.id,
        .pem = files->certificate_pem,
        .claim = claim->name,
        .state = IMPRINT_REGISTRY_ACTIVE,
        .created = (int64_t)time(NULL),
    };
    enum imprint_status status = imprint_keys_read_certificate(
        imprint_slice_of(files->certificate_pem, files->certificate_len), &read,
        why);

    if (status != IMPRINT_OK)
        return status;
    certificate.not_after = read.not_after;
    status = imprint_registry_begin(registry);
    if (status == IMPRINT_OK)
        status =
            imprint_registry_each_certificate(registry, read.id, ignore, NULL);
    if (status == IMPRINT_ERR_NOT_FOUND) {
        status = imprint_registry_put_certificate(registry, &certificate);
        if (status == IMPRINT_OK)
            status = imprint_registry_attach(
                registry, read.id,
                claim->policy ? claim->policy : IMPRINT_SETUP_CLAIM_POLICY);
    }
    if (status == IMPRINT_OK)
        status = imprint_registry_commit(registry);
    if (status != IMPRINT_OK) {
        (void)fail(registry, status, why);
        imprint_registry_undo(registry);
    }
    return status;
}

enum imprint_status imprint_endpoint_make_claim(
    const char *dir, const struct imprint_endpoint_claim *claim,
    struct imprint_why *why)
{
    struct files files = {.key_pem = NULL};
    struct imprint_registry *registry = NULL;
    enum imprint_status status;

    if (!imprint_topics_template_ok(imprint_slice_text(claim->name)))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a claim's name", claim->name);
    status = load_files(dir, claim->name, &files, why);
    if (status == IMPRINT_OK && !files.key_pem)
        status = make_key(claim, &files, why);
    if (status == IMPRINT_OK && !is_pair(&files))
        status = make_certificate(dir, claim, &files, why);
    if (status == IMPRINT_OK)
        status =
            imprint_registry_open(dir, IMPRINT_REGISTRY_WRITE, &registry, why);
    if (status == IMPRINT_OK)
        status = make_known(registry, claim, &files, why);
    imprint_registry_close(registry);
    release(&files);
    return status;
}

/* ---- documents, settings ---- */

static enum imprint_status put_document(const char *dir,
                                        enum imprint_registry_document kind,
                                        const char *name,
                                        struct imprint_slice document,
                                        struct imprint_why *why)
{
    struct imprint_registry *registry = NULL;
    char *text = malloc(document.len + 1);
    enum imprint_status status;

    if (!text)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    memcpy(text, document.bytes, document.len);
    text[document.len] = '\0';
    status = imprint_registry_open(dir, IMPRINT_REGISTRY_WRITE, &registry, why);
    if (status == IMPRINT_OK) {
        status = imprint_registry_put_document(registry, kind, name, text);
        if (status != IMPRINT_OK)
            (void)fail(registry, status, why);
    }
    imprint_registry_close(registry);
    free(text);
    return status;
}

enum imprint_status imprint_endpoint_put_policy(const char *dir,
                                                const char *name,
                                                struct imprint_slice document,
                                                struct imprint_why *why)
{
    struct imprint_policy *policy = NULL;
    enum imprint_status status = imprint_policy_parse(document, &policy, why);

    imprint_policy_free(policy);
    return status == IMPRINT_OK
               ? put_document(dir, IMPRINT_REGISTRY_POLICY, name, document, why)
               : status;
}

enum imprint_status imprint_endpoint_put_template(const char *dir,
                                                  const char *name,
                                                  struct imprint_slice document,
                                                  struct imprint_why *why)
{
    struct imprint_template *template = NULL;
    enum imprint_status status;

    if (!imprint_topics_template_ok(imprint_slice_text(name)))
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a template's name", name);
    status = imprint_template_parse(document, &template, why);
    imprint_template_free(template);
    return status == IMPRINT_OK ? put_document(dir, IMPRINT_REGISTRY_TEMPLATE,
                                               name, document, why)
                                : status;
}

enum imprint_status imprint_endpoint_set(const char *dir, const char *name,
                                         int64_t value, struct imprint_why *why)
{
    struct imprint_registry *registry = NULL;
    enum imprint_status status;

    if (strcmp(name, "token_lifetime_s") != 0 && strcmp(name, "pool_size") != 0)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "there is no setting \"%s\"", name);
    if (value < 0 || value > 1000000)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT, "%s can't be %lld",
                               name, (long long)value);
    status = imprint_registry_open(dir, IMPRINT_REGISTRY_WRITE, &registry, why);
    if (status != IMPRINT_OK)
        return status;
    status = imprint_registry_put_setting(registry, name, value);
    if (status != IMPRINT_OK)
        (void)fail(registry, status, why);
    imprint_registry_close(registry);
    return status;
}
