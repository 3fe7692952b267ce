#include "rest_slow.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "posix/clock.h"

#define CONNECTION_MAX_COUNT 512 /* more than rest_http.c lets in */
#define LOOK_MS 500

struct imprint_rest_slow {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool is_ending;
    int64_t limit_ms;
    struct {
        int fd;        /* -1: nobody */
        int64_t since; /* monotonic ms */
    } connections[CONNECTION_MAX_COUNT];
};

/* libmicrohttpd sees the end of the connection, and closes it itself. */
static void cut(struct imprint_rest_slow *slow)
{
    int64_t oldest = imprint_clock_now_ms() - slow->limit_ms;

    for (size_t i = 0; i < CONNECTION_MAX_COUNT; i++) {
        if (slow->connections[i].fd >= 0 && slow->connections[i].since < oldest)
            (void)shutdown(slow->connections[i].fd, SHUT_RDWR);
    }
}

static void *watch(void *user)
{
    struct imprint_rest_slow *slow = user;

    (void)pthread_mutex_lock(&slow->mutex);
    while (!slow->is_ending) {
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&slow->ended, &slow->mutex, &until);
        cut(slow);
    }
    (void)pthread_mutex_unlock(&slow->mutex);
    return NULL;
}

struct imprint_rest_slow *imprint_rest_slow_open(int64_t limit_ms)
{
    struct imprint_rest_slow *slow = calloc(1, sizeof(*slow));
    pthread_condattr_t monotonic;

    if (!slow)
        return NULL;
    slow->limit_ms = limit_ms;
    for (size_t i = 0; i < CONNECTION_MAX_COUNT; i++)
        slow->connections[i].fd = -1;
    (void)pthread_mutex_init(&slow->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&slow->ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&slow->thread, NULL, watch, slow) == 0)
        return slow;
    (void)pthread_cond_destroy(&slow->ended);
    (void)pthread_mutex_destroy(&slow->mutex);
    free(slow);
    return NULL;
}

void imprint_rest_slow_close(struct imprint_rest_slow *slow)
{
    if (!slow)
        return;
    (void)pthread_mutex_lock(&slow->mutex);
    slow->is_ending = true;
    (void)pthread_cond_signal(&slow->ended);
    (void)pthread_mutex_unlock(&slow->mutex);
    (void)pthread_join(slow->thread, NULL);
    (void)pthread_cond_destroy(&slow->ended);
    (void)pthread_mutex_destroy(&slow->mutex);
    free(slow);
}

/* Where fd is, or the first place that is free. */
static size_t find(const struct imprint_rest_slow *slow, int fd)
{
    size_t place = CONNECTION_MAX_COUNT;

    for (size_t i = 0; i < CONNECTION_MAX_COUNT; i++) {
        if (slow->connections[i].fd == fd)
            return i;
        if (slow->connections[i].fd < 0 && place == CONNECTION_MAX_COUNT)
            place = i;
    }
    return place;
}

void imprint_rest_slow_begin(struct imprint_rest_slow *slow, int fd)
{
    size_t i;

    (void)pthread_mutex_lock(&slow->mutex);
    i = find(slow, fd);
    if (i < CONNECTION_MAX_COUNT) {
        slow->connections[i].fd = fd;
        slow->connections[i].since = imprint_clock_now_ms();
    }
    (void)pthread_mutex_unlock(&slow->mutex);
}

void imprint_rest_slow_end(struct imprint_rest_slow *slow, int fd)
{
    size_t i;

    (void)pthread_mutex_lock(&slow->mutex);
    i = find(slow, fd);
    if (i < CONNECTION_MAX_COUNT && slow->connections[i].fd == fd)
        slow->connections[i].fd = -1;
    (void)pthread_mutex_unlock(&slow->mutex);
}
