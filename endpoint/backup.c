#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "authority.h"
#include "edit.h"
#include "posix/file.h"
#include "posix/keys.h"
#include "posix/why.h"
#include "sql.h"
#include "where.h"

#define PATH_LEN 4096
#define PEM_MAX_LEN 16384

/* Files from one directory to another, which is made: "<name>.new" first. */
struct passage {
    const char *from;
    const char *to;
    const char *passphrase;
    bool locks; /* private keys; else it unlocks them */
};

static enum imprint_status join(const char *dir, const char *name,
                                char path[PATH_LEN], struct imprint_why *why)
{
    int len = snprintf(path, PATH_LEN, "%s/%s", dir, name);

    return len > 0 && len < PATH_LEN
               ? IMPRINT_OK
               : imprint_why_set(why, IMPRINT_ERR_STORAGE,
                                 "the path \"%s/%s\" is too long", dir, name);
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t len = strlen(name);

    return len > strlen(suffix) &&
           strcmp(name + len - strlen(suffix), suffix) == 0;
}

/* ---- keys ---- */

/* NULL: why says why. */
static char *unlock(struct imprint_slice pem, const char *passphrase,
                    const char *path, struct imprint_why *why)
{
    struct imprint_keys_key *key = NULL;
    char *text = NULL;

    if (imprint_keys_read(pem, passphrase, &key, why) != IMPRINT_OK) {
        (void)imprint_why_set(why, IMPRINT_ERR_KEY,
                              "\"%s\" does not open with this passphrase",
                              path);
        return NULL;
    }
    if (imprint_keys_write(key, &text, why) != IMPRINT_OK)
        text = NULL;
    imprint_keys_free(key);
    return text;
}

static enum imprint_status carry_key(const struct passage *passage,
                                     const char *from, const char *to,
                                     struct imprint_why *why)
{
    char *pem = NULL;
    char *other;
    size_t len = 0;
    enum imprint_status status =
        imprint_file_read(from, PEM_MAX_LEN, &pem, &len, why);

    if (status != IMPRINT_OK)
        return status;
    if (passage->locks)
        other = imprint_authority_lock_key(imprint_slice_of(pem, len),
                                           passage->passphrase);
    else
        other =
            unlock(imprint_slice_of(pem, len), passage->passphrase, from, why);
    imprint_file_free_secret(pem, len);
    if (other)
        status = imprint_file_replace(to, imprint_slice_text(other), 0600, why);
    else if (passage->locks)
        status = imprint_why_set(why, IMPRINT_ERR_KEY,
                                 "\"%s\" can't be encrypted", from);
    else
        status = IMPRINT_ERR_KEY;
    imprint_keys_free_pem(other);
    return status;
}

/* ---- files ---- */

static enum imprint_status carry_file(const struct passage *passage,
                                      const char *name, struct imprint_why *why)
{
    char from[PATH_LEN];
    char to[PATH_LEN];
    enum imprint_status status = join(passage->from, name, from, why);

    if (status == IMPRINT_OK)
        status = join(passage->to, name, to, why);
    if (status != IMPRINT_OK)
        return status;
    return ends_in(name, ".key") ? carry_key(passage, from, to, why)
                                 : imprint_file_copy(from, to, why);
}

/* Each name in a folder, but for what a cut left. */
static enum imprint_status each_name(
    const struct passage *passage, const char *folder,
    enum imprint_status (*carry)(const struct passage *passage,
                                 const char *name, struct imprint_why *why),
    struct imprint_why *why)
{
    char path[PATH_LEN];
    char name[PATH_LEN];
    const struct dirent *entry;
    DIR *stream;
    enum imprint_status status = join(passage->from, folder, path, why);

    if (status != IMPRINT_OK)
        return status;
    stream = opendir(path);
    if (!stream)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "cannot read \"%s\": %s", path, strerror(errno));
    while (status == IMPRINT_OK && (entry = readdir(stream))) {
        if (entry->d_name[0] == '.' || ends_in(entry->d_name, ".new"))
            continue;
        status = join(folder, entry->d_name, name, why);
        if (status == IMPRINT_OK)
            status = carry(passage, name, why);
    }
    (void)closedir(stream);
    return status;
}

/* No such folder is fine. */
static enum imprint_status carry_folder(
    const struct passage *passage, const char *folder,
    enum imprint_status (*carry)(const struct passage *passage,
                                 const char *name, struct imprint_why *why),
    struct imprint_why *why)
{
    char path[PATH_LEN];
    enum imprint_status status = join(passage->from, folder, path, why);

    if (status != IMPRINT_OK || access(path, F_OK) != 0)
        return status;
    status = join(passage->to, folder, path, why);
    if (status == IMPRINT_OK)
        status = imprint_file_make_dir(path, 0700, why);
    if (status == IMPRINT_OK)
        status = each_name(passage, folder, carry, why);
    return status == IMPRINT_OK ? imprint_file_sync_dir(path, why) : status;
}

static enum imprint_status carry_claim(const struct passage *passage,
                                       const char *name,
                                       struct imprint_why *why)
{
    return carry_folder(passage, name, carry_file, why);
}

/* All but the registry. The key that tells a wrong passphrase comes first. */
static enum imprint_status carry_files(const struct passage *passage,
                                       struct imprint_why *why)
{
    static const struct {
        const char *name;
        bool may_lack;
    } files[] = {
        {"root.key", false},   {"root.pem", false},    {"issuer.key", false},
        {"issuer.pem", false}, {"ca.pem", false},      {"audit", true},
        {"address", true},     {"registry.url", true},
    };
    enum imprint_status status = IMPRINT_OK;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        status = carry_file(passage, files[i].name, why);
        if (status == IMPRINT_ERR_NOT_FOUND && files[i].may_lack)
            status = IMPRINT_OK;
        if (status != IMPRINT_OK)
            return status;
    }
    status = carry_folder(passage, "claims", carry_claim, why);
    return status == IMPRINT_OK ? carry_folder(passage, "cas", carry_file, why)
                                : status;
}

/* ---- the registry ---- */

/* A reader's connection takes VACUUM INTO for a change of what it reads. */
static enum imprint_status copy_rows(void *user,
                                     struct imprint_registry *registry,
                                     struct imprint_why *why)
{
    struct imprint_sql *statement;
    enum imprint_status status = imprint_sql_run(
        imprint_sql_ready_text(registry, "PRAGMA query_only = OFF"));

    (void)why;
    if (status != IMPRINT_OK)
        return status;
    statement = imprint_sql_ready_text(registry, "VACUUM INTO ?1");
    imprint_sql_bind_text(statement, 1, user);
    return imprint_sql_run(statement);
}

/* A key that was made ahead is nobody's yet: none of them is to be restored. */
static enum imprint_status forget_keys(void *user,
                                       struct imprint_registry *registry,
                                       struct imprint_why *why)
{
    (void)user;
    (void)why;
    return imprint_sql_run(
        imprint_sql_ready_text(registry, "DELETE FROM spare_key"));
}

static enum imprint_status check_rows(void *user,
                                      struct imprint_registry *registry,
                                      struct imprint_why *why)
{
    char *verdict = NULL;
    enum imprint_status status = imprint_sql_ask_text(
        imprint_sql_ready_text(registry, "PRAGMA quick_check"), &verdict);

    if (status == IMPRINT_OK && (!verdict || strcmp(verdict, "ok") != 0))
        status = imprint_why_set(why, IMPRINT_ERR_STORAGE,
                                 "the backup's registry is damaged: %s",
                                 verdict ? verdict : "");
    free(verdict);
    (void)user;
    return status;
}

/* SQLite gives no word on whether a copy is on the disk. */
static enum imprint_status sync_file(const char *path, struct imprint_why *why)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool is_synced = file >= 0 && fsync(file) == 0;

    if (file >= 0)
        (void)close(file);
    return is_synced ? IMPRINT_OK
                     : imprint_why_set(why, IMPRINT_ERR_STORAGE,
                                       "cannot write \"%s\": %s", path,
                                       strerror(errno));
}

static enum imprint_status make_empty(const char *path, struct imprint_why *why)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (file < 0)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "cannot write \"%s\": %s", path,
                               strerror(errno));
    (void)close(file);
    return IMPRINT_OK;
}

static enum imprint_status copy_registry(const struct passage *passage,
                                         struct imprint_why *why)
{
    char path[PATH_LEN];
    const struct imprint_edit copying = {.work = copy_rows, .user = path};
    const struct imprint_edit forgetting = {.work = forget_keys};
    enum imprint_status status = join(passage->to, "registry.db", path, why);

    if (status == IMPRINT_OK)
        status = make_empty(path, why);
    if (status == IMPRINT_OK)
        status = imprint_edit_look(passage->from, &copying, why);
    if (status == IMPRINT_OK)
        status = imprint_edit_run(passage->to, &forgetting, why);
    return status == IMPRINT_OK ? sync_file(path, why) : status;
}

static enum imprint_status restore_registry(const struct passage *passage,
                                            struct imprint_why *why)
{
    const struct imprint_edit checking = {.work = check_rows};
    enum imprint_status status = carry_file(passage, "registry.db", why);

    return status == IMPRINT_OK ? imprint_edit_look(passage->to, &checking, why)
                                : status;
}

/* ---- both ways ---- */

static enum imprint_status check_passphrase(const char *passphrase,
                                            struct imprint_why *why)
{
    if (strlen(passphrase) >= IMPRINT_BACKUP_PASSPHRASE_MIN_LEN)
        return IMPRINT_OK;
    (void)imprint_why_set(
        why, IMPRINT_ERR_ARGUMENT, "the passphrase has %zu bytes; it needs %d",
        strlen(passphrase), IMPRINT_BACKUP_PASSPHRASE_MIN_LEN);
    imprint_why_hint(why, "openssl rand -base64 24 makes a good one");
    return IMPRINT_ERR_ARGUMENT;
}

/* "<to>.new", which is renamed at the end. Slashes behind to are left out. */
static enum imprint_status make_new(const char *to, char path[PATH_LEN],
                                    struct imprint_why *why)
{
    size_t len = strlen(to);

    while (len > 1 && to[len - 1] == '/')
        len--;
    if (len + sizeof(".new") > PATH_LEN)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "the path \"%s\" is too long", to);
    (void)snprintf(path, PATH_LEN, "%.*s.new", (int)len, to);
    if (access(path, F_OK) != 0)
        return imprint_file_make_dir(path, 0700, why);
    (void)imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                          "\"%s\" is there already: another one is at it, or "
                          "was cut off",
                          path);
    imprint_why_hint(why, "if nobody is, remove it: rm -r %s", path);
    return IMPRINT_ERR_ARGUMENT;
}

/* What was carried, in one step to where it belongs; or nothing. */
static enum imprint_status finish(const char *path, const char *to,
                                  enum imprint_status status,
                                  struct imprint_why *why)
{
    char parent[PATH_LEN + sizeof("/..")];

    if (status == IMPRINT_OK)
        status = imprint_file_sync_dir(path, why);
    if (status == IMPRINT_OK && rename(path, to) != 0)
        status = imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                                 "cannot make \"%s\": %s", to, strerror(errno));
    if (status == IMPRINT_OK) {
        (void)snprintf(parent, sizeof(parent), "%s/..", to);
        return imprint_file_sync_dir(parent, why);
    }
    (void)imprint_file_erase_dir(path, NULL);
    return status;
}

enum imprint_status imprint_backup_make(const struct imprint_backup *backup,
                                        bool *is_whole, struct imprint_why *why)
{
    char path[PATH_LEN];
    char who[32];
    const struct imprint_audit_entry entry = {who, "backup", backup->place};
    const struct passage passage = {backup->dir, path, backup->passphrase,
                                    true};
    char *url = NULL;
    enum imprint_status status = check_passphrase(backup->passphrase, why);

    if (status == IMPRINT_OK && access(backup->place, F_OK) == 0) {
        (void)imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                              "\"%s\" is there already", backup->place);
        imprint_why_hint(why, "a backup makes a directory of its own: name "
                              "another one");
        return IMPRINT_ERR_ARGUMENT;
    }
    if (status == IMPRINT_OK)
        status = imprint_where_find(backup->dir, &url, why);
    *is_whole = !url;
    free(url);
    if (status == IMPRINT_OK)
        status = make_new(backup->place, path, why);
    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(who, sizeof(who), "uid:%u", (unsigned)getuid());
    status = imprint_audit_add(backup->dir, &entry, why);
    /* first: what the files have then is no less than what the registry has */
    if (status == IMPRINT_OK && *is_whole)
        status = copy_registry(&passage, why);
    if (status == IMPRINT_OK)
        status = carry_files(&passage, why);
    return finish(path, backup->place, status, why);
}

enum imprint_status imprint_backup_restore(const struct imprint_backup *backup,
                                           bool *is_whole,
                                           struct imprint_why *why)
{
    char path[PATH_LEN];
    const struct passage passage = {backup->place, path, backup->passphrase,
                                    false};
    char *url = NULL;
    enum imprint_status status;

    if (imprint_where_is_there(backup->dir)) {
        (void)imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                              "there is an endpoint in \"%s\"", backup->dir);
        imprint_why_hint(why, "restore to another --dir, or move that one "
                              "away");
        return IMPRINT_ERR_ARGUMENT;
    }
    if (!imprint_where_is_there(backup->place)) {
        (void)imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                              "there is no backup in \"%s\"", backup->place);
        imprint_why_hint(why, "name a directory that imprint endpoint backup "
                              "made");
        return IMPRINT_ERR_NOT_FOUND;
    }
    status = imprint_where_find(backup->place, &url, why);
    *is_whole = !url;
    free(url);
    if (status == IMPRINT_OK)
        status = make_new(backup->dir, path, why);
    if (status != IMPRINT_OK)
        return status;
    status = carry_files(&passage, why);
    if (status == IMPRINT_OK && *is_whole)
        status = restore_registry(&passage, why);
    return finish(path, backup->dir, status, why);
}
