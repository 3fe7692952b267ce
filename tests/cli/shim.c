/*
 * LD_PRELOAD: cuts the power at the N-th file operation below a directory.
 *
 *   IMPRINT_CUT_DIR    the directory, absolute
 *   IMPRINT_CUT_AT     N, from 1; the operation itself does not happen
 *   IMPRINT_CUT_LOSE   a directory beside it: what was not synced is lost, as
 *                      far as a disk may lose it: bytes of files that had no
 *                      fsync, and names in directories that had none
 *   IMPRINT_CLOCK      what time() says, in Unix seconds
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX 512

enum deed { MADE, MADE_DIR, MOVED, REMOVED, REMOVED_DIR };

/* What would be undone, latest last. */
struct entry {
    enum deed deed;
    char path[PATH_MAX];
    char from[PATH_MAX];   /* MOVED */
    char backup[PATH_MAX]; /* of what was removed or moved over; or "" */
    int done;              /* its directory was synced */
};

static struct entry *entries;
static int entry_count;
static int dirty[MAX]; /* duplicates of descriptors with unsynced bytes */
static int dirty_count;
static long operation_count;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

static int is_ours(const char *path)
{
    const char *dir = setting("IMPRINT_CUT_DIR");
    char full[PATH_MAX];

    if (!dir[0])
        return 0;
    if (path[0] != '/') {
        if (!getcwd(full, sizeof(full)))
            return 0;
        strncat(full, "/", sizeof(full) - strlen(full) - 1);
        strncat(full, path, sizeof(full) - strlen(full) - 1);
        path = full;
    }
    return strncmp(path, dir, strlen(dir)) == 0;
}

static int is_our_file(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, PATH_MAX - 1);
    if (len <= 0)
        return 0;
    path[len] = '\0';
    return is_ours(path);
}

static void undo(const struct entry *entry)
{
    switch (entry->deed) {
    case MADE:
        REAL(unlink)(entry->path);
        break;
    case MADE_DIR:
        REAL(rmdir)(entry->path);
        break;
    case MOVED:
        REAL(rename)(entry->path, entry->from);
        if (entry->backup[0])
            REAL(rename)(entry->backup, entry->path);
        break;
    case REMOVED:
        if (entry->backup[0])
            REAL(rename)(entry->backup, entry->path);
        break;
    case REMOVED_DIR:
        REAL(mkdir)(entry->path, 0700);
        break;
    }
}

static void cut(void)
{
    if (setting("IMPRINT_CUT_LOSE")[0]) {
        for (int i = 0; i < dirty_count; i++)
            (void)!REAL(ftruncate)(dirty[i], 0);
        for (int i = entry_count - 1; i >= 0; i--) {
            if (!entries[i].done)
                undo(&entries[i]);
        }
    }
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Counts an operation, and cuts if its turn has come. */
static void count(void)
{
    operation_count++;
    if (operation_count == atol(setting("IMPRINT_CUT_AT")))
        cut();
}

static void note(enum deed deed, const char *path, const char *from,
                 const char *backup)
{
    struct entry *entry;

    if (!setting("IMPRINT_CUT_LOSE")[0])
        return;
    if (!entries)
        entries = calloc(MAX, sizeof(*entries));
    if (!entries || entry_count == MAX)
        abort();
    entry = &entries[entry_count++];
    entry->deed = deed;
    snprintf(entry->path, PATH_MAX, "%s", path);
    snprintf(entry->from, PATH_MAX, "%s", from);
    snprintf(entry->backup, PATH_MAX, "%s", backup);
}

/* Keeps what stands at path by another name; "" if nothing does. */
static void back_up(const char *path, char backup[PATH_MAX])
{
    const char *dir = setting("IMPRINT_CUT_LOSE");

    backup[0] = '\0';
    if (!dir[0])
        return;
    snprintf(backup, PATH_MAX, "%s/%d", dir, entry_count);
    if (linkat(AT_FDCWD, path, AT_FDCWD, backup, 0) != 0)
        backup[0] = '\0';
}

static void dir_of(const char *path, char dir[PATH_MAX])
{
    char *slash;

    snprintf(dir, PATH_MAX, "%s", path);
    slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
}

/* A directory's names are durable now. */
static void settle_dir(int fd)
{
    struct stat synced;
    struct stat now;
    char dir[PATH_MAX];

    if (fstat(fd, &synced) != 0)
        return;
    for (int i = 0; i < entry_count; i++) {
        dir_of(entries[i].path, dir);
        if (stat(dir, &now) == 0 && now.st_ino == synced.st_ino)
            entries[i].done = 1;
    }
}

static void settle_file(int fd)
{
    struct stat synced;
    struct stat now;

    if (fstat(fd, &synced) != 0)
        return;
    for (int i = 0; i < dirty_count; i++) {
        if (fstat(dirty[i], &now) == 0 && now.st_ino == synced.st_ino) {
            close(dirty[i]);
            dirty[i--] = dirty[--dirty_count];
        }
    }
}

/* ---- the clock ---- */

time_t time(time_t *out)
{
    const char *said = setting("IMPRINT_CLOCK");
    time_t now = said[0] ? (time_t)atoll(said) : REAL(time)(NULL);

    if (out)
        *out = now;
    return now;
}

/* ---- what is watched ---- */

static int open_watched(const char *path, int flags, mode_t mode)
{
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    struct stat now;
    int is_new;
    int fd;

    if (!writes || !is_ours(path))
        return REAL(open)(path, flags, mode);
    count();
    is_new = flags & O_CREAT && lstat(path, &now) != 0;
    fd = REAL(open)(path, flags, mode);
    if (fd >= 0 && is_new)
        note(MADE, path, "", "");
    return fd;
}

#define OPENER(name)                               \
    int name(const char *path, int flags, ...)     \
    {                                              \
        va_list arguments;                         \
        mode_t mode = 0;                           \
                                                   \
        va_start(arguments, flags);                \
        if (flags & O_CREAT)                       \
            mode = (mode_t)va_arg(arguments, int); \
        va_end(arguments);                         \
        return open_watched(path, flags, mode);    \
    }

OPENER(open)
OPENER(open64)

int __open_2(const char *path, int flags)
{
    return open_watched(path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_watched(path, flags, 0);
}

static void soil(int fd)
{
    char path[PATH_MAX];

    if (!is_our_file(fd, path))
        return;
    count();
    if (dirty_count == MAX)
        abort();
    dirty[dirty_count++] = dup(fd);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    soil(fd);
    return REAL(write)(fd, bytes, len);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    soil(fd);
    return REAL(pwrite)(fd, bytes, len, offset);
}

int ftruncate(int fd, off_t len)
{
    soil(fd);
    return REAL(ftruncate)(fd, len);
}

int fchmod(int fd, mode_t mode)
{
    char path[PATH_MAX];

    if (is_our_file(fd, path))
        count();
    return REAL(fchmod)(fd, mode);
}

int fsync(int fd)
{
    char path[PATH_MAX];
    int result;

    if (!is_our_file(fd, path))
        return REAL(fsync)(fd);
    count();
    result = REAL(fsync)(fd);
    settle_file(fd);
    settle_dir(fd);
    return result;
}

int rename(const char *from, const char *to)
{
    char backup[PATH_MAX];
    int result;

    if (!is_ours(to))
        return REAL(rename)(from, to);
    count();
    back_up(to, backup);
    result = REAL(rename)(from, to);
    if (result == 0)
        note(MOVED, to, from, backup);
    return result;
}

int unlink(const char *path)
{
    char backup[PATH_MAX];
    int result;

    if (!is_ours(path))
        return REAL(unlink)(path);
    count();
    back_up(path, backup);
    result = REAL(unlink)(path);
    if (result == 0)
        note(REMOVED, path, "", backup);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    int result;

    if (!is_ours(path))
        return REAL(mkdir)(path, mode);
    count();
    result = REAL(mkdir)(path, mode);
    if (result == 0)
        note(MADE_DIR, path, "", "");
    return result;
}

int rmdir(const char *path)
{
    int result;

    if (!is_ours(path))
        return REAL(rmdir)(path);
    count();
    result = REAL(rmdir)(path);
    if (result == 0)
        note(REMOVED_DIR, path, "", "");
    return result;
}

int symlink(const char *target, const char *path)
{
    int result;

    if (!is_ours(path))
        return REAL(symlink)(target, path);
    count();
    result = REAL(symlink)(target, path);
    if (result == 0)
        note(MADE, path, "", "");
    return result;
}
