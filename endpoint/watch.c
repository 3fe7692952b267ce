#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "posix/why.h"

#define MAGIC 0x696d7072696e7431u /* and the version of what follows */

/* The file. */
struct content {
    uint64_t magic;
    _Atomic int64_t figures[IMPRINT_WATCH_FIGURE_COUNT];
    struct imprint_meter requests;
    struct imprint_meter hooks;
    _Atomic uint64_t last;
    struct {
        _Atomic uint64_t number; /* 0: it is being written */
        struct imprint_watch_event event;
    } slots[IMPRINT_WATCH_EVENT_COUNT];
};

struct imprint_watch {
    struct content *content;
};

/* ---- the file ---- */

/* A new file: who has the old one mapped keeps that. */
static int make_file(const char *path)
{
    char beside[PATH_MAX];
    int fd;
    int code;

    if (snprintf(beside, sizeof(beside), "%s.new", path) >=
        (int)sizeof(beside)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    (void)unlink(beside);
    fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    /* a disk that is full later must not end the broker by a signal */
    code = posix_fallocate(fd, 0, sizeof(struct content));
    if (code == 0 && rename(beside, path) == 0)
        return fd;
    code = code ? code : errno;
    (void)close(fd);
    (void)unlink(beside);
    errno = code;
    return -1;
}

static int open_file(const char *path)
{
    struct stat found;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0 && (fstat(fd, &found) != 0 ||
                    found.st_size != (off_t)sizeof(struct content))) {
        (void)close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

static struct content *map(int fd, bool is_writer)
{
    void *content =
        mmap(NULL, sizeof(struct content),
             is_writer ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    int code = errno;

    (void)close(fd);
    errno = code;
    return content == MAP_FAILED ? NULL : content;
}

enum imprint_status imprint_watch_open(const char *dir, bool is_writer,
                                       struct imprint_watch **out,
                                       struct imprint_why *why)
{
    char path[PATH_MAX];
    struct imprint_watch *watch = calloc(1, sizeof(*watch));
    int fd = -1;

    if (!watch)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (snprintf(path, sizeof(path), "%s/watch", dir) < (int)sizeof(path))
        fd = is_writer ? make_file(path) : open_file(path);
    if (fd >= 0)
        watch->content = map(fd, is_writer);
    if (watch->content && is_writer) {
        watch->content->magic = MAGIC;
        imprint_watch_set(watch, IMPRINT_WATCH_STARTED, time(NULL));
    }
    if (watch->content && watch->content->magic == MAGIC) {
        *out = watch;
        return IMPRINT_OK;
    }
    (void)imprint_why_set(why, IMPRINT_ERR_STORAGE, "file \"%s\": %s", path,
                          watch->content ? "it is of another version"
                                         : strerror(errno));
    imprint_why_hint(why, "\"imprint endpoint run\" makes it anew");
    imprint_watch_close(watch);
    return IMPRINT_ERR_STORAGE;
}

void imprint_watch_close(struct imprint_watch *watch)
{
    if (!watch)
        return;
    if (watch->content)
        (void)munmap(watch->content, sizeof(*watch->content));
    free(watch);
}

/* ---- figures ---- */

void imprint_watch_set(struct imprint_watch *watch,
                       enum imprint_watch_figure figure, int64_t value)
{
    atomic_store(&watch->content->figures[figure], value);
}

void imprint_watch_add(struct imprint_watch *watch,
                       enum imprint_watch_figure figure, int64_t amount)
{
    (void)atomic_fetch_add(&watch->content->figures[figure], amount);
}

int64_t imprint_watch_get(const struct imprint_watch *watch,
                          enum imprint_watch_figure figure)
{
    return atomic_load(&watch->content->figures[figure]);
}

struct imprint_meter *imprint_watch_requests(struct imprint_watch *watch)
{
    return &watch->content->requests;
}

struct imprint_meter *imprint_watch_hooks(struct imprint_watch *watch)
{
    return &watch->content->hooks;
}

/* ---- events ---- */

const char *imprint_watch_kind_name(enum imprint_watch_kind kind)
{
    static const char *const names[IMPRINT_WATCH_EVENT_KIND_COUNT] = {
        [IMPRINT_WATCH_EVENT_CONNECTED] = "connected",
        [IMPRINT_WATCH_EVENT_REFUSED] = "refused",
        [IMPRINT_WATCH_EVENT_SUBSCRIBED] = "subscribed",
        [IMPRINT_WATCH_EVENT_REQUESTED] = "requested",
        [IMPRINT_WATCH_EVENT_HOOK] = "hook",
        [IMPRINT_WATCH_EVENT_ANSWERED] = "answered",
        [IMPRINT_WATCH_EVENT_DENIED] = "denied",
        [IMPRINT_WATCH_EVENT_THROTTLED] = "throttled",
        [IMPRINT_WATCH_EVENT_THROWN_OFF] = "thrown-off",
        [IMPRINT_WATCH_EVENT_LEFT] = "left",
    };

    return kind < IMPRINT_WATCH_EVENT_KIND_COUNT ? names[kind] : "?";
}

void imprint_watch_tell(struct imprint_watch *watch,
                        struct imprint_watch_event *event)
{
    struct content *content = watch->content;
    uint64_t number = atomic_load(&content->last) + 1;
    size_t slot = number % IMPRINT_WATCH_EVENT_COUNT;
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    event->time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    atomic_store(&content->slots[slot].number, 0);
    atomic_thread_fence(memory_order_seq_cst);
    content->slots[slot].event = *event;
    atomic_thread_fence(memory_order_seq_cst);
    atomic_store(&content->slots[slot].number, number);
    atomic_store(&content->last, number);
}

uint64_t imprint_watch_last(const struct imprint_watch *watch)
{
    return atomic_load(&watch->content->last);
}

bool imprint_watch_read(const struct imprint_watch *watch, uint64_t number,
                        struct imprint_watch_event *out)
{
    const struct content *content = watch->content;
    size_t slot = number % IMPRINT_WATCH_EVENT_COUNT;

    if (number == 0 || atomic_load(&content->slots[slot].number) != number)
        return false;
    *out = content->slots[slot].event;
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load(&content->slots[slot].number) == number;
}
