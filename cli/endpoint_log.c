#include "endpoint_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
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

/* Until somebody writes to the log. */
static bool wait_more(int watch)
{
    char events[4096];

    return read(watch, events, sizeof(events)) > 0;
}

enum imprint_status imprint_endpoint_log(const char *dir, bool follow,
                                         struct imprint_why *why)
{
    char path[PATH_MAX];
    int watch = -1;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/log", dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS, "log \"%s\": %s", path,
                        strerror(errno));
        imprint_why_hint(why, "start \"imprint endpoint run\" once, or name "
                              "its --dir");
        return IMPRINT_ERR_SETTINGS;
    }
    if (follow) {
        watch = inotify_init1(IN_CLOEXEC);
        if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
            follow = false;
    }
    while (copy(fd) && follow && wait_more(watch))
        continue;
    if (watch >= 0)
        (void)close(watch);
    (void)close(fd);
    return IMPRINT_OK;
}
