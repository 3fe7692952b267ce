#include "device/store.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/layout.h"
#include "device/manifest.h"
#include "device/staged.h"
#include "posix/file.h"
#include "posix/why.h"

#define ROOM_MIN_LEN 131072u /* an identity's files, twice, in small blocks */

struct imprint_store {
    char *dir;
    int lock;
};

/* ---- identities/<n> ---- */

/* 0: not a number from 1 on. */
static unsigned number_of(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > 9 || strspn(name, "0123456789") != len)
        return 0;
    return (unsigned)strtoul(name, NULL, 10);
}

/* The number that current points at; 0: none. */
static unsigned current_number(const struct imprint_store *store)
{
    static const char prefix[] = "identities/";
    char path[PATH_MAX];
    char target[PATH_MAX];
    ssize_t len;

    imprint_layout_path(path, store->dir, "current", NULL);
    len = readlink(path, target, sizeof(target) - 1);
    if (len < 0)
        return 0;
    target[len] = '\0';
    if (strncmp(target, prefix, strlen(prefix)) != 0)
        return 0;
    return number_of(target + strlen(prefix));
}

/* The highest number in identities/ but skip; 0: none. */
static unsigned highest_number(const struct imprint_store *store, unsigned skip)
{
    unsigned highest = 0;
    struct dirent *entry;
    char path[PATH_MAX];
    DIR *stream;

    imprint_layout_path(path, store->dir, "identities", NULL);
    stream = opendir(path);
    while (stream && (entry = readdir(stream))) {
        unsigned number = number_of(entry->d_name);

        if (number > highest && number != skip)
            highest = number;
    }
    if (stream)
        closedir(stream);
    return highest;
}

static void place_of(char place[32], unsigned number)
{
    (void)snprintf(place, 32, "identities/%u", number);
}

static enum imprint_status point_current(const struct imprint_store *store,
                                         unsigned number,
                                         struct imprint_why *why)
{
    char path[PATH_MAX];
    char next[PATH_MAX];
    char place[32];

    place_of(place, number);
    imprint_layout_path(path, store->dir, "current", NULL);
    imprint_layout_path(next, store->dir, "current.next", NULL);
    if (unlink(next) != 0 && errno != ENOENT)
        return imprint_layout_fail(why, "remove", next);
    if (symlink(place, next) != 0)
        return imprint_layout_fail(why, "make the link", next);
    if (rename(next, path) != 0)
        return imprint_layout_fail(why, "replace", path);
    return imprint_file_sync_dir(store->dir, why);
}

static enum imprint_status remove_others(const struct imprint_store *store,
                                         unsigned keep, struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    unsigned number;

    while (status == IMPRINT_OK && (number = highest_number(store, keep))) {
        char place[32];

        place_of(place, number);
        status = imprint_layout_remove(store->dir, place, why);
    }
    return status;
}

/* ---- open ---- */

static enum imprint_status check_dir(const char *dir, struct imprint_why *why)
{
    struct stat now;

    if (stat(dir, &now) != 0)
        return imprint_layout_fail(why, "look at", dir);
    if (!S_ISDIR(now.st_mode))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "\"%s\" is not a directory", dir);
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

enum imprint_status imprint_store_check_room(const struct imprint_store *store,
                                             struct imprint_why *why)
{
    uint64_t room_len;
    enum imprint_status status = imprint_file_room(store->dir, &room_len, why);

    if (status != IMPRINT_OK || room_len >= ROOM_MIN_LEN)
        return status;
    imprint_why_set(why, IMPRINT_ERR_STORAGE,
                    "\"%s\" has room for %llu bytes; %u are needed", store->dir,
                    (unsigned long long)room_len, ROOM_MIN_LEN);
    imprint_why_hint(why, "make room on that file system");
    return IMPRINT_ERR_STORAGE;
}

/* The second half of a commit. */
static enum imprint_status finish_commit(const struct imprint_store *store,
                                         struct imprint_why *why)
{
    unsigned number = highest_number(store, 0) + 1;
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
    place_of(place, number);
    imprint_layout_path(to, store->dir, place, NULL);
    if (rename(from, to) != 0)
        return imprint_layout_fail(why, "move to", to);
    status = imprint_layout_sync(store->dir, "identities", why);
    if (status == IMPRINT_OK)
        status = point_current(store, number, why);
    if (status == IMPRINT_OK)
        status = remove_others(store, number, why);
    return status;
}

/* An identity that was moved but not pointed at yet is finished; anything
 * else in identities/ is rubbish. */
static enum imprint_status recover_identities(const struct imprint_store *store,
                                              bool *finished,
                                              struct imprint_why *why)
{
    unsigned current = current_number(store);
    unsigned highest = highest_number(store, 0);
    enum imprint_status status = IMPRINT_OK;
    struct imprint_manifest manifest;
    char path[PATH_MAX];
    char place[32];

    if (highest > current) {
        place_of(place, highest);
        imprint_layout_path(path, store->dir, place, "identity.json");
        if (imprint_manifest_read(path, &manifest, NULL) == IMPRINT_OK) {
            imprint_manifest_free(&manifest);
            status = point_current(store, highest, why);
            current = highest;
            *finished = true;
        }
    }
    if (status == IMPRINT_OK)
        status = remove_others(store, current, why);
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
        status = finish_commit(store, why);
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
        imprint_why_hint(why, "run as who may make it, or give another "
                              "directory with --state");
    if (status == IMPRINT_OK)
        status = check_dir(store->dir, why);
    if (status == IMPRINT_OK)
        status = check_access(store->dir, why);
    if (status != IMPRINT_OK)
        return status;
    imprint_layout_path(path, store->dir, "lock", NULL);
    status = imprint_file_lock(path, &store->lock, why);
    if (status == IMPRINT_OK)
        status = recover(store, finished, why);
    return status;
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

    imprint_layout_path(path, store->dir, "staged", "identity.json");
    status = imprint_manifest_read(path, &manifest, why);
    if (status != IMPRINT_OK)
        return IMPRINT_ERR_STORAGE;
    manifest.provisioned = time(NULL);
    if (manifest.provisioned <= 0)
        manifest.provisioned = 1;
    manifest.token_made = 0;
    status = imprint_manifest_write(path, &manifest, why);
    imprint_manifest_free(&manifest);
    if (status == IMPRINT_OK)
        status = finish_commit(store, why);
    return status;
}

enum imprint_status imprint_store_reset(struct imprint_store *store,
                                        struct imprint_why *why)
{
    unsigned current = current_number(store);
    enum imprint_status status = imprint_staged_discard(store->dir, why);
    char path[PATH_MAX];
    char place[32];

    place_of(place, current);
    if (status == IMPRINT_OK && current)
        status = imprint_layout_remove(store->dir, place, why);
    if (status == IMPRINT_OK)
        status = remove_others(store, 0, why);
    imprint_layout_path(path, store->dir, "current", NULL);
    if (status == IMPRINT_OK && unlink(path) != 0 && errno != ENOENT)
        status = imprint_layout_fail(why, "remove", path);
    if (status == IMPRINT_OK)
        status = imprint_file_sync_dir(store->dir, why);
    return status;
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
    imprint_why_hint(why, "restore it, or imprint provision --force");
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
    free(manifest.key_kind);
    identity.private_key_path = join(dir, place, "private.key");
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
