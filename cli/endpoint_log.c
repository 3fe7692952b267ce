#include "endpoint_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/why.h"

/* All that is there now. False: nobody takes it any more. */
static bool copy(int fd)
{
    char text[65536];
    ssize_t got;

    while ((got = read(fd, text, sizeof(text))) > 0) {
        for (ssize_t at = 0; at < got;) {
            ssize_t put = write(STDOUT_FILENO, text + at, (size_t)(got - at));

            if (put < 0 && errno != EINTR)
                return false;
            at += put > 0 ? put : 0;
        }
    }
    return true;
}

/* Opens the log that is there now; *watch, unless it is NULL, tells of it. */
static int open_log(const char *path, int *watch)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || !watch)
        return fd;
    *watch = inotify_init1(IN_CLOEXEC);
    if (*watch >= 0 &&
        inotify_add_watch(*watch, path, IN_MODIFY | IN_ATTRIB) >= 0)
        return fd;
    if (*watch >= 0)
        (void)close(*watch);
    *watch = -1;
    return fd;
}

/* Until somebody writes to the log, or calls it another name. */
static bool wait_more(int watch)
{
    char events[4096];

    return read(watch, events, sizeof(events)) > 0;
}

/* True: the log is another file now, since this one was full. */
static bool is_replaced(int fd, const char *path)
{
    struct stat mine;
    struct stat now;

    return fstat(fd, &mine) == 0 && stat(path, &now) == 0 &&
           mine.st_ino != now.st_ino;
}

/* False: it was full; go on with the next one. */
static bool follow_one(int fd, int watch, const char *path)
{
    while (copy(fd) && watch >= 0 && wait_more(watch)) {
        if (!is_replaced(fd, path))
            continue;
        return !copy(fd); /* what was written until then */
    }
    return true;
}

enum imprint_status imprint_endpoint_log(const char *dir, bool follow,
                                         struct imprint_why *why)
{
    char path[PATH_MAX];
    bool is_done = false;

    (void)snprintf(path, sizeof(path), "%s/log", dir);
    while (!is_done) {
        int watch = -1;
        int fd = open_log(path, follow ? &watch : NULL);

        if (fd < 0) {
            imprint_why_set(why, IMPRINT_ERR_SETTINGS, "log \"%s\": %s", path,
                            strerror(errno));
            imprint_why_hint(why, "start \"imprint endpoint run\" once, or "
                                  "name its --dir");
            return IMPRINT_ERR_SETTINGS;
        }
        is_done = follow_one(fd, watch, path);
        if (watch >= 0)
            (void)close(watch);
        (void)close(fd);
    }
    return IMPRINT_OK;
}
