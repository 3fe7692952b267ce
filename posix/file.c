#include "posix/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "posix/why.h"

static enum imprint_status fail(struct imprint_why *why, const char *deed,
                                const char *path)
{
    int number = errno;
    enum imprint_status status;

    status = imprint_why_set(why, IMPRINT_ERR_STORAGE, "cannot %s \"%s\": %s",
                             deed, path, strerror(number));
    if (number == ENOSPC || number == EDQUOT)
        imprint_why_hint(why, "make room on that file system");
    else if (number == EACCES || number == EPERM)
        imprint_why_hint(why, "check its owner and mode, or run as its owner");
    else if (number == EROFS)
        imprint_why_hint(why, "mount it writable, or choose another directory");
    return status;
}

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        len -= (size_t)written;
    }
    return true;
}

/* Best effort: a copy-on-write disk or flash keeps old blocks anyway. */
static void overwrite(int fd, off_t size)
{
    static const uint8_t zeros[512];

    while (size > 0) {
        size_t len = size < (off_t)sizeof(zeros) ? (size_t)size : sizeof(zeros);

        if (!write_all(fd, zeros, len))
            return;
        size -= (off_t)len;
    }
    (void)fsync(fd);
}

static bool erase(const char *path)
{
    struct stat stat_now;
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd >= 0) {
        if (fstat(fd, &stat_now) == 0 && S_ISREG(stat_now.st_mode))
            overwrite(fd, stat_now.st_size);
        close(fd);
    }
    return unlink(path) == 0 || errno == ENOENT;
}

/* The directory of path, as text in dir. */
static bool dir_of(const char *path, char dir[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (len >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (len > 0)
        memcpy(dir, path, len);
    else
        dir[len++] = slash ? '/' : '.';
    dir[len] = '\0';
    return true;
}

enum imprint_status imprint_file_sync_dir(const char *path,
                                          struct imprint_why *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed;

    if (fd < 0)
        return fail(why, "open the directory", path);
    failed = fsync(fd);
    /* some file systems cannot sync a directory, and say so with EINVAL */
    if (failed && errno == EINVAL)
        failed = 0;
    if (failed)
        fail(why, "sync the directory", path);
    close(fd);
    return failed ? IMPRINT_ERR_STORAGE : IMPRINT_OK;
}

static enum imprint_status sync_parent(const char *path,
                                       struct imprint_why *why)
{
    char dir[PATH_MAX];

    if (!dir_of(path, dir))
        return fail(why, "write", path);
    return imprint_file_sync_dir(dir, why);
}

/* Makes and fills temporary; false with errno leaves nothing behind. */
static bool write_temporary(const char *temporary, struct imprint_slice bytes,
                            mode_t mode)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(temporary, flags, mode & 0600);
    int number;

    if (fd < 0)
        return false;
    if (write_all(fd, bytes.bytes, bytes.len) &&
        (mode == 0600 || fchmod(fd, mode) == 0) && fsync(fd) == 0)
        return close(fd) == 0;
    number = errno;
    close(fd);
    erase(temporary);
    errno = number;
    return false;
}

enum imprint_status imprint_file_put(const char *path,
                                     struct imprint_slice bytes, mode_t mode,
                                     struct imprint_why *why)
{
    char temporary[PATH_MAX];
    uint64_t random;
    int len;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return fail(why, "write", path);
    len = snprintf(temporary, sizeof(temporary), "%s.%016llx.new", path,
                   (unsigned long long)random);
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return fail(why, "write", path);
    }
    if (!write_temporary(temporary, bytes, mode))
        return fail(why, "write", path);
    if (rename(temporary, path) != 0) {
        fail(why, "write", path);
        erase(temporary);
        return IMPRINT_ERR_STORAGE;
    }
    return IMPRINT_OK;
}

enum imprint_status imprint_file_replace(const char *path,
                                         struct imprint_slice bytes,
                                         mode_t mode, struct imprint_why *why)
{
    enum imprint_status status = imprint_file_put(path, bytes, mode, why);

    return status == IMPRINT_OK ? sync_parent(path, why) : status;
}

/* Fills text from fd, which may give fewer bytes than its size said. */
static bool read_all(int fd, char *text, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        ssize_t got = read(fd, text + *len, size - *len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        *len += (size_t)got;
    }
    return true;
}

static enum imprint_status read_open(int fd, const char *path, size_t max_len,
                                     struct imprint_writer *out,
                                     struct imprint_why *why)
{
    struct stat stat;
    char *text;
    size_t len;

    if (fstat(fd, &stat) != 0)
        return fail(why, "read", path);
    if (!S_ISREG(stat.st_mode))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "\"%s\" is not a regular file", path);
    if (stat.st_size < 0 || (uint64_t)stat.st_size > max_len)
        return imprint_why_set(why, IMPRINT_ERR_SPACE,
                               "\"%s\" has %lld bytes; at most %zu are taken",
                               path, (long long)stat.st_size, max_len);
    text = malloc((size_t)stat.st_size + 1);
    if (!text)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (!read_all(fd, text, (size_t)stat.st_size, &len)) {
        fail(why, "read", path);
        imprint_file_free_secret(text, (size_t)stat.st_size);
        return IMPRINT_ERR_STORAGE;
    }
    text[len] = '\0';
    out->bytes = (uint8_t *)text;
    out->len = len;
    return IMPRINT_OK;
}

static enum imprint_status check_private(int fd, const char *path,
                                         struct imprint_why *why)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0)
        return fail(why, "read", path);
    if (!(stat.st_mode & (S_IRWXG | S_IRWXO)))
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_KEY,
                    "\"%s\" is a secret, and others may read it: mode %04o",
                    path, (unsigned)stat.st_mode & 07777);
    imprint_why_hint(why, "chmod 600 %s", path);
    return IMPRINT_ERR_KEY;
}

/* check may be NULL. */
static enum imprint_status read_checked(
    const char *path, size_t max_len,
    enum imprint_status (*check)(int fd, const char *path,
                                 struct imprint_why *why),
    struct imprint_writer *out, struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    /* O_NONBLOCK: opening a FIFO must not wait for a writer */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;

        status = fail(why, "read", path);
        return missing ? IMPRINT_ERR_NOT_FOUND : status;
    }
    if (check)
        status = check(fd, path, why);
    if (status == IMPRINT_OK)
        status = read_open(fd, path, max_len, out, why);
    close(fd);
    return status;
}

enum imprint_status imprint_file_read(const char *path, size_t max_len,
                                      char **text, size_t *len,
                                      struct imprint_why *why)
{
    struct imprint_writer out = {.bytes = NULL};
    enum imprint_status status = read_checked(path, max_len, NULL, &out, why);

    if (status == IMPRINT_OK) {
        *text = (char *)out.bytes;
        *len = out.len;
    }
    return status;
}

enum imprint_status imprint_file_read_private(const char *path, size_t max_len,
                                              char **text, size_t *len,
                                              struct imprint_why *why)
{
    struct imprint_writer out = {.bytes = NULL};
    enum imprint_status status =
        read_checked(path, max_len, check_private, &out, why);

    if (status == IMPRINT_OK) {
        *text = (char *)out.bytes;
        *len = out.len;
    }
    return status;
}

enum imprint_status imprint_file_read_fd(int fd, size_t max_len, char **text,
                                         size_t *len, struct imprint_why *why)
{
    char name[32] = "standard input";
    char *room = malloc(max_len + 1);
    size_t got;

    if (fd != STDIN_FILENO)
        (void)snprintf(name, sizeof(name), "descriptor %d", fd);
    if (!room)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (!read_all(fd, room, max_len + 1, &got)) {
        fail(why, "read", name);
        imprint_file_free_secret(room, max_len + 1);
        return IMPRINT_ERR_STORAGE;
    }
    if (got > max_len) {
        imprint_file_free_secret(room, max_len + 1);
        return imprint_why_set(why, IMPRINT_ERR_SPACE,
                               "%s has more than %zu bytes", name, max_len);
    }
    room[got] = '\0';
    *text = room;
    *len = got;
    return IMPRINT_OK;
}

void imprint_file_free_secret(char *text, size_t len)
{
    if (text)
        explicit_bzero(text, len);
    free(text);
}

/* False: errno says why. */
static bool copy_bytes(int from, int to)
{
    uint8_t bytes[65536];

    for (;;) {
        ssize_t got = read(from, bytes, sizeof(bytes));

        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || !write_all(to, bytes, (size_t)got))
            return false;
    }
    explicit_bzero(bytes, sizeof(bytes));
    return true;
}

static enum imprint_status copy_open(int from, const char *path,
                                     const char *to_path,
                                     struct imprint_why *why)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    enum imprint_status status = IMPRINT_OK;
    struct stat stat;
    int to;

    if (fstat(from, &stat) != 0 || flock(from, LOCK_SH) != 0)
        return fail(why, "read", path);
    if (!S_ISREG(stat.st_mode))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "\"%s\" is not a regular file", path);
    to = open(to_path, flags, stat.st_mode & 0600);
    if (to < 0)
        return fail(why, "write", to_path);
    if (!copy_bytes(from, to) || fchmod(to, stat.st_mode & 0777) != 0 ||
        fsync(to) != 0)
        status = fail(why, "copy", path);
    if (close(to) != 0 && status == IMPRINT_OK)
        status = fail(why, "write", to_path);
    if (status != IMPRINT_OK)
        erase(to_path);
    return status;
}

enum imprint_status imprint_file_copy(const char *from, const char *to,
                                      struct imprint_why *why)
{
    int fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    enum imprint_status status;

    if (fd < 0) {
        bool missing = errno == ENOENT;

        status = fail(why, "read", from);
        return missing ? IMPRINT_ERR_NOT_FOUND : status;
    }
    status = copy_open(fd, from, to, why);
    close(fd); /* the lock goes with it */
    return status;
}

static enum imprint_status make_one(const char *path, mode_t mode,
                                    struct imprint_why *why)
{
    struct stat stat_now;

    if (mkdir(path, mode) == 0)
        return sync_parent(path, why);
    if (errno != EEXIST)
        return fail(why, "make the directory", path);
    if (stat(path, &stat_now) != 0)
        return fail(why, "make the directory", path);
    if (!S_ISDIR(stat_now.st_mode))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "\"%s\" is not a directory", path);
    return IMPRINT_OK;
}

enum imprint_status imprint_file_make_dir(const char *path, mode_t mode,
                                          struct imprint_why *why)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    enum imprint_status status;
    struct stat stat_now;

    if (len == 0 || len >= sizeof(part))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE,
                               "\"%s\" is not a usable directory name", path);
    if (stat(path, &stat_now) == 0 && S_ISDIR(stat_now.st_mode))
        return IMPRINT_OK;
    memcpy(part, path, len + 1);
    while (len > 1 && part[len - 1] == '/')
        part[--len] = '\0';
    for (char *slash = strchr(part + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        /* a parent may exist where we may not write: look first */
        if (stat(part, &stat_now) != 0) {
            status = make_one(part, 0755, why);
            if (status != IMPRINT_OK)
                return status;
        }
        *slash = '/';
    }
    return make_one(part, mode, why);
}

static enum imprint_status say_holder(int fd, const char *path,
                                      struct imprint_why *why)
{
    char pid[24] = "";
    ssize_t got = pread(fd, pid, sizeof(pid) - 1, 0);

    if (got > 0)
        pid[strcspn(pid, "\n")] = '\0';
    if (got > 0 && pid[0] && pid[strspn(pid, "0123456789")] == '\0')
        imprint_why_set(why, IMPRINT_ERR_BUSY, "\"%s\" is locked by process %s",
                        path, pid);
    else
        imprint_why_set(why, IMPRINT_ERR_BUSY,
                        "\"%s\" is locked by another process", path);
    imprint_why_hint(why, "wait until it ends, or end it");
    return IMPRINT_ERR_BUSY;
}

enum imprint_status imprint_file_lock(const char *path, int *lock,
                                      struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    char pid[24];
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags, 0600);
    int len;

    if (fd < 0)
        return fail(why, "open the lock", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? say_holder(fd, path, why)
                                      : fail(why, "lock", path);
        close(fd);
        return status;
    }
    /* only a help for people: a full disk must not stop us here */
    len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && len > 0)
        (void)!pwrite(fd, pid, (size_t)len, 0);
    *lock = fd;
    return IMPRINT_OK;
}

void imprint_file_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

enum imprint_status imprint_file_erase(const char *path,
                                       struct imprint_why *why)
{
    return erase(path) ? IMPRINT_OK : fail(why, "remove", path);
}

/* nftw's signature. */
static int erase_entry(const char *path, const struct stat *stat, int kind,
                       struct FTW *place)
{
    (void)stat;
    (void)place;
    if (kind == FTW_DP)
        return rmdir(path);
    return erase(path) ? 0 : -1;
}

enum imprint_status imprint_file_erase_dir(const char *path,
                                           struct imprint_why *why)
{
    if (nftw(path, erase_entry, 8, FTW_DEPTH | FTW_PHYS) != 0 &&
        errno != ENOENT)
        return fail(why, "remove", path);
    return IMPRINT_OK;
}

static bool is_leftover(const char *name)
{
    size_t len = strlen(name);

    return len > 21 && name[len - 21] == '.' &&
           strspn(name + len - 20, "0123456789abcdef") == 16 &&
           strcmp(name + len - 4, ".new") == 0;
}

enum imprint_status imprint_file_sweep(const char *dir, struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    char path[PATH_MAX];
    struct dirent *entry;
    DIR *stream = opendir(dir);

    if (!stream)
        return errno == ENOENT ? IMPRINT_OK : fail(why, "read", dir);
    while (status == IMPRINT_OK && (entry = readdir(stream))) {
        int len = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);

        if (is_leftover(entry->d_name) && len > 0 && len < PATH_MAX)
            status = imprint_file_erase(path, why);
    }
    closedir(stream);
    return status;
}

enum imprint_status imprint_file_room(const char *path, uint64_t *room_len,
                                      struct imprint_why *why)
{
    struct statvfs now;

    if (statvfs(path, &now) != 0)
        return fail(why, "look at the file system of", path);
    *room_len = (uint64_t)now.f_bavail * now.f_frsize;
    return IMPRINT_OK;
}
