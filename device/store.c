#include "device/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/handover.h"
#include "device/identities.h"
#include "device/key.h"
#include "device/layout.h"
#include "device/manifest.h"
#include "device/staged.h"
#include "posix/file.h"
#include "posix/why.h"

#define ROOM_MIN_LEN 131072u /* an identity's files, twice, in small blocks */

#define KEY_MAX_LEN 262144u

struct imprint_store {
    char *dir;
    int lock;
};

/* ---- open ---- */

static enum imprint_status check_owner(const char *dir, struct imprint_why *why)
{
    struct stat now;

    if (stat(dir, &now) != 0)
        return imprint_layout_fail(why, "look at", dir);
    if (!S_ISDIR(now.st_mode)) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\" is not a directory",
                        dir);
        imprint_why_hint(why, "give another directory with --state");
        return IMPRINT_ERR_STORAGE;
    }
    if (now.st_uid != geteuid()) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE,
                        "\"%s\" belongs to user %ld, not to %ld", dir,
                        (long)now.st_uid, (long)geteuid());
        imprint_why_hint(why, "run as its owner, or chown it");
        return IMPRINT_ERR_STORAGE;
    }
    if (now.st_mode & 077) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE,
                        "\"%s\" has mode %04o: others may look into it", dir,
                        (unsigned)now.st_mode & 07777u);
        imprint_why_hint(why, "chmod 700 \"%s\"", dir);
        return IMPRINT_ERR_STORAGE;
    }
    return IMPRINT_OK;
}

static enum imprint_status check_access(const char *dir,
                                        struct imprint_why *why)
{
    bool read_only;

    if (access(dir, R_OK | W_OK | X_OK) == 0)
        return IMPRINT_OK;
    read_only = errno == EROFS;
    imprint_layout_fail(why, "write into", dir);
    imprint_why_hint(why, read_only ? "mount it writable, or give --state"
                                    : "check its mode, or give --state");
    return IMPRINT_ERR_STORAGE;
}

enum imprint_status imprint_store_check_dir(const char *dir,
                                            struct imprint_why *why)
{
    enum imprint_status status = check_owner(dir, why);

    return status ? status : check_access(dir, why);
}

enum imprint_status imprint_store_check_room(const char *dir,
                                             struct imprint_why *why)
{
    uint64_t room_len;
    enum imprint_status status = imprint_file_room(dir, &room_len, why);

    if (status != IMPRINT_OK || room_len >= ROOM_MIN_LEN)
        return status;
    imprint_why_set(why, IMPRINT_ERR_STORAGE,
                    "\"%s\" has room for %llu bytes; %u are needed", dir,
                    (unsigned long long)room_len, ROOM_MIN_LEN);
    imprint_why_hint(why, "make room on that file system");
    return IMPRINT_ERR_STORAGE;
}

/* ---- commit ---- */

/* The last steps of a commit: what was in use is kept, or goes. */
static enum imprint_status take_over(const char *dir, unsigned number,
                                     bool keeps, struct imprint_why *why)
{
    unsigned current = imprint_identities_linked(dir, "current");
    unsigned former = keeps ? current : 0;
    enum imprint_status status =
        former ? imprint_identities_link(dir, "former", former, why)
               : imprint_identities_unlink(dir, "former", why);

    if (status == IMPRINT_OK)
        status = imprint_identities_link(dir, "current", number, why);
    if (status == IMPRINT_OK)
        status = imprint_identities_keep(dir, number, former, why);
    return status;
}

/* The second half of a commit. */
static enum imprint_status finish_commit(const struct imprint_store *store,
                                         bool keeps, struct imprint_why *why)
{
    unsigned number = imprint_identities_highest(store->dir, 0) + 1;
    enum imprint_status status;
    char from[PATH_MAX];
    char to[PATH_MAX];
    char place[32];

    imprint_layout_path(from, store->dir, "staged", NULL);
    imprint_layout_path(to, store->dir, "identities", NULL);
    status = imprint_file_make_dir(to, 0700, why);
    if (status == IMPRINT_OK)
        status = imprint_layout_drop(store->dir, "staged", "token", why);
    if (status == IMPRINT_OK)
        status = imprint_layout_drop(store->dir, "staged", "request.csr", why);
    if (status == IMPRINT_OK)
        status = imprint_file_sweep(from, why);
    if (status == IMPRINT_OK)
        status = imprint_file_sync_dir(from, why);
    if (status != IMPRINT_OK)
        return status;
    imprint_identities_name(place, number);
    imprint_layout_path(to, store->dir, place, NULL);
    if (rename(from, to) != 0)
        return imprint_layout_fail(why, "move to", to);
    status = imprint_layout_sync(store->dir, "identities", why);
    return status ? status : take_over(store->dir, number, keeps, why);
}

/* ---- after a power cut ---- */

/* A renewal keeps what it replaces. */
static bool is_renewal(const char *dir, unsigned number)
{
    struct imprint_manifest manifest;
    char path[PATH_MAX];
    char place[32];
    bool renewal;

    imprint_identities_name(place, number);
    imprint_layout_path(path, dir, place, "identity.json");
    if (imprint_manifest_read(path, &manifest, NULL) != IMPRINT_OK)
        return false;
    renewal = manifest.replaces[0] != '\0';
    imprint_manifest_free(&manifest);
    return renewal;
}

/*
 * Both links at one identity: a rollback was cut off between its two steps.
 * `current` was not moved yet, so the other one is still the former.
 */
static enum imprint_status recover_former(const char *dir,
                                          struct imprint_why *why)
{
    unsigned current = imprint_identities_linked(dir, "current");
    unsigned former = imprint_identities_linked(dir, "former");
    unsigned other = imprint_identities_highest(dir, current);

    if (former && former == current)
        former = other && imprint_identities_is_whole(dir, other) ? other : 0;
    if (former == imprint_identities_linked(dir, "former"))
        return IMPRINT_OK;
    return former ? imprint_identities_link(dir, "former", former, why)
                  : imprint_identities_unlink(dir, "former", why);
}

/*
 * An identity that was moved but not pointed at yet is finished; what no link
 * points at is rubbish then.
 */
static enum imprint_status recover_identities(const struct imprint_store *store,
                                              bool *finished,
                                              struct imprint_why *why)
{
    const char *dir = store->dir;
    unsigned highest = imprint_identities_highest(dir, 0);
    enum imprint_status status;

    if (highest > imprint_identities_linked(dir, "current") &&
        highest != imprint_identities_linked(dir, "former") &&
        imprint_identities_is_whole(dir, highest)) {
        *finished = true;
        return take_over(dir, highest, is_renewal(dir, highest), why);
    }
    status = recover_former(dir, why);
    if (status == IMPRINT_OK)
        status = imprint_identities_keep(
            dir, imprint_identities_linked(dir, "current"),
            imprint_identities_linked(dir, "former"), why);
    return status;
}

static enum imprint_status recover(const struct imprint_store *store,
                                   bool *finished, struct imprint_why *why)
{
    struct imprint_manifest manifest;
    enum imprint_status status;
    char path[PATH_MAX];

    *finished = false;
    imprint_layout_path(path, store->dir, "staged", NULL);
    status = imprint_file_sweep(path, why);
    if (status == IMPRINT_OK)
        status = recover_identities(store, finished, why);
    imprint_layout_path(path, store->dir, "staged", "identity.json");
    if (status != IMPRINT_OK ||
        imprint_manifest_read(path, &manifest, NULL) != IMPRINT_OK)
        return status;
    if (manifest.provisioned) {
        status = finish_commit(store, manifest.replaces[0] != '\0', why);
        *finished = status == IMPRINT_OK;
    }
    imprint_manifest_free(&manifest);
    return status;
}

static enum imprint_status open_checked(struct imprint_store *store,
                                        bool *finished, struct imprint_why *why)
{
    enum imprint_status status;
    char path[PATH_MAX];

    if (strlen(store->dir) > PATH_MAX - 128)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "the directory's name is too long");
    status = imprint_file_make_dir(store->dir, 0700, why);
    if (status != IMPRINT_OK)
        imprint_why_hint(why, "%s",
                         access(store->dir, F_OK) == 0
                             ? "give another directory with --state"
                             : "make it, owned by who runs imprint, or give "
                               "another directory with --state");
    if (status == IMPRINT_OK)
        status = imprint_store_check_dir(store->dir, why);
    if (status != IMPRINT_OK)
        return status;
    imprint_layout_path(path, store->dir, "lock", NULL);
    status = imprint_file_lock(path, &store->lock, why);
    if (status != IMPRINT_OK)
        return status;
    imprint_handover_sweep(store->dir);
    return recover(store, finished, why);
}

enum imprint_status imprint_store_open(const char *dir,
                                       struct imprint_store **out,
                                       bool *finished, struct imprint_why *why)
{
    struct imprint_store *store = calloc(1, sizeof(*store));
    enum imprint_status status;

    if (store)
        store->dir = strdup(dir);
    if (!store || !store->dir) {
        free(store);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    }
    store->lock = -1;
    status = open_checked(store, finished, why);
    if (status == IMPRINT_OK)
        *out = store;
    else
        imprint_store_close(store);
    return status;
}

void imprint_store_leave(struct imprint_store *store)
{
    imprint_file_unlock(store->lock);
    store->lock = -1;
}

enum imprint_status imprint_store_return(struct imprint_store *store,
                                         bool *finished,
                                         struct imprint_why *why)
{
    return open_checked(store, finished, why);
}

void imprint_store_close(struct imprint_store *store)
{
    if (!store)
        return;
    imprint_file_unlock(store->lock);
    free(store->dir);
    free(store);
}

enum imprint_status imprint_store_commit(struct imprint_store *store,
                                         struct imprint_why *why)
{
    struct imprint_manifest manifest;
    enum imprint_status status;
    char path[PATH_MAX];
    bool keeps;

    imprint_layout_path(path, store->dir, "staged", "identity.json");
    status = imprint_manifest_read(path, &manifest, why);
    if (status != IMPRINT_OK)
        return IMPRINT_ERR_STORAGE;
    manifest.provisioned = time(NULL);
    if (manifest.provisioned <= 0)
        manifest.provisioned = 1;
    manifest.token_made = 0;
    keeps = manifest.replaces[0] != '\0';
    status = imprint_manifest_write(path, &manifest, why);
    imprint_manifest_free(&manifest);
    return status ? status : finish_commit(store, keeps, why);
}

/* ---- back, and away ---- */

enum imprint_status imprint_store_rollback(struct imprint_store *store,
                                           struct imprint_why *why)
{
    unsigned current = imprint_identities_linked(store->dir, "current");
    unsigned former = imprint_identities_linked(store->dir, "former");
    enum imprint_status status;

    if (!current || !former)
        return imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                               "there is no former identity in \"%s\"",
                               store->dir);
    status = imprint_identities_link(store->dir, "former", current, why);
    if (status == IMPRINT_OK)
        status = imprint_identities_link(store->dir, "current", former, why);
    return status;
}

enum imprint_status imprint_store_drop_former(struct imprint_store *store,
                                              struct imprint_why *why)
{
    enum imprint_status status =
        imprint_identities_unlink(store->dir, "former", why);

    if (status == IMPRINT_OK)
        status = imprint_identities_keep(
            store->dir, imprint_identities_linked(store->dir, "current"), 0,
            why);
    return status;
}

enum imprint_status imprint_store_reset(struct imprint_store *store,
                                        struct imprint_why *why)
{
    unsigned current = imprint_identities_linked(store->dir, "current");
    enum imprint_status status = imprint_staged_discard(store->dir, why);
    char place[32];

    imprint_identities_name(place, current);
    if (status == IMPRINT_OK && current)
        status = imprint_layout_remove(store->dir, place, why);
    if (status == IMPRINT_OK)
        status = imprint_identities_keep(store->dir, 0, 0, why);
    if (status == IMPRINT_OK)
        status = imprint_identities_unlink(store->dir, "current", why);
    if (status == IMPRINT_OK)
        status = imprint_identities_unlink(store->dir, "former", why);
    return status ? status : imprint_file_sync_dir(store->dir, why);
}

/* ---- load ---- */

static char *join(const char *dir, const char *place, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s/%s", dir, place, name) < 0 ? NULL : path;
}

static void drop_missing(char **path)
{
    if (*path && access(*path, F_OK) != 0) {
        free(*path);
        *path = NULL;
    }
}

/* What private.key holds, if that is no key; NULL. */
static char *read_uri(const char *path)
{
    char *text;
    char *uri = NULL;
    size_t len;

    if (!path ||
        imprint_file_read(path, KEY_MAX_LEN, &text, &len, NULL) != IMPRINT_OK)
        return NULL;
    if (imprint_key_is_elsewhere(text))
        uri = strdup(text);
    imprint_file_free_secret(text, len);
    return uri;
}

static enum imprint_status check_whole(
    const struct imprint_device_identity *identity, struct imprint_why *why)
{
    const char *missing = NULL;

    if (!identity->private_key_path || !identity->certificate_path)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (access(identity->private_key_path, R_OK) != 0)
        missing = identity->private_key_path;
    else if (access(identity->certificate_path, R_OK) != 0)
        missing = identity->certificate_path;
    if (!missing)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_STORAGE,
                    "the identity is damaged: \"%s\" cannot be read", missing);
    imprint_why_hint(why, "imprint rollback if there is a former one, else "
                          "imprint provision --force");
    return IMPRINT_ERR_STORAGE;
}

enum imprint_status imprint_store_load(const char *dir, const char *place,
                                       struct imprint_device_identity *out,
                                       struct imprint_why *why)
{
    struct imprint_device_identity identity;
    struct imprint_manifest manifest;
    enum imprint_status status;
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s/identity.json", dir, place) >=
        (int)sizeof(path))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "the directory's name is too long");
    status = imprint_manifest_read(path, &manifest, why);
    if (status == IMPRINT_ERR_NOT_FOUND)
        imprint_why_set(why, status, "no identity in \"%s\"", dir);
    if (status != IMPRINT_OK)
        return status;
    identity.thing_name = manifest.thing_name;
    identity.certificate_id = manifest.certificate_id;
    identity.endpoint = manifest.endpoint;
    identity.template_name = manifest.template_name;
    identity.not_after = manifest.not_after;
    identity.provisioned = manifest.provisioned;
    identity.serial_number = manifest.serial_number;
    identity.replaces_certificate_id = manifest.replaces;
    free(manifest.key_kind);
    identity.private_key_path = join(dir, place, "private.key");
    identity.private_key_uri = read_uri(identity.private_key_path);
    identity.certificate_path = join(dir, place, "certificate.pem");
    identity.ca_path = join(dir, place, "ca.pem");
    identity.configuration_path = join(dir, place, "device-configuration.json");
    drop_missing(&identity.ca_path);
    drop_missing(&identity.configuration_path);
    status = check_whole(&identity, why);
    if (status == IMPRINT_OK)
        *out = identity;
    else
        imprint_device_free(&identity);
    return status;
}
