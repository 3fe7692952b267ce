#include "device/dial_lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "posix/clock.h"
#include "posix/thread.h"
#include "posix/why.h"

#define STOP_POLL_MS 100

/*
 * getaddrinfo can't be interrupted. So it runs in a thread that nobody waits
 * for; what both sides touch is freed by whoever is done with it last.
 */
struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int (*resolve)(const char *host, const char *port,
                   const struct addrinfo *hints, struct addrinfo **out);
    struct addrinfo hints;
    struct addrinfo *list;
    int code; /* getaddrinfo's */
    int number;
    bool is_done;
    bool is_abandoned;
    char port[8];
    char host[];
};

static void drop(struct lookup *lookup)
{
    if (lookup->list)
        freeaddrinfo(lookup->list);
    (void)pthread_cond_destroy(&lookup->changed);
    (void)pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static void *work(void *user)
{
    struct lookup *lookup = user;
    struct addrinfo *list = NULL;
    int code =
        lookup->resolve(lookup->host, lookup->port, &lookup->hints, &list);
    int number = errno;
    bool is_abandoned;

    (void)pthread_mutex_lock(&lookup->lock);
    lookup->code = code;
    lookup->number = number;
    lookup->list = code == 0 ? list : NULL;
    lookup->is_done = true;
    is_abandoned = lookup->is_abandoned;
    (void)pthread_cond_signal(&lookup->changed);
    (void)pthread_mutex_unlock(&lookup->lock);
    if (is_abandoned)
        drop(lookup);
    return NULL;
}

static struct lookup *start(const struct imprint_dial_options *options)
{
    size_t len = strlen(options->host) + 1;
    struct lookup *lookup = calloc(1, sizeof(*lookup) + len);
    pthread_t thread;

    if (!lookup)
        return NULL;
    memcpy(lookup->host, options->host, len);
    (void)snprintf(lookup->port, sizeof(lookup->port), "%u",
                   (unsigned)options->port);
    lookup->hints.ai_family = AF_UNSPEC;
    lookup->hints.ai_socktype = SOCK_STREAM;
    lookup->hints.ai_flags = AI_NUMERICSERV;
    lookup->resolve = options->resolve ? options->resolve : getaddrinfo;
    (void)pthread_mutex_init(&lookup->lock, NULL);
    (void)pthread_cond_init(&lookup->changed, NULL);
    if (!imprint_thread_start(&thread, "imprint-lookup", work, lookup)) {
        drop(lookup);
        return NULL;
    }
    (void)pthread_detach(thread);
    return lookup;
}

/* Until it is done, the time is over, or somebody says stop. */
static bool wait_for(struct lookup *lookup,
                     const struct imprint_dial_options *options,
                     int64_t until_ms, bool *stopped)
{
    struct timespec until;
    int64_t now = imprint_clock_now_ms();
    bool is_done;

    (void)pthread_mutex_lock(&lookup->lock);
    while (!lookup->is_done && !*stopped && now < until_ms) {
        int64_t next = now + STOP_POLL_MS;

        if (next > until_ms)
            next = until_ms;
        until.tv_sec = next / 1000;
        until.tv_nsec = (long)(next % 1000) * 1000000;
        (void)pthread_cond_clockwait(&lookup->changed, &lookup->lock,
                                     CLOCK_MONOTONIC, &until);
        *stopped = options->stop && options->stop(options->user);
        now = imprint_clock_now_ms();
    }
    is_done = lookup->is_done;
    lookup->is_abandoned = !is_done;
    (void)pthread_mutex_unlock(&lookup->lock);
    return is_done;
}

static enum imprint_status tell_code(const char *host, int code, int number,
                                     struct imprint_why *why)
{
    if (code == EAI_AGAIN) {
        imprint_why_set(why, IMPRINT_ERR_LOST,
                        "the name service has no answer for \"%s\"", host);
        imprint_why_hint(why, "check that the network is up, and the name "
                              "servers in /etc/resolv.conf");
        return IMPRINT_ERR_LOST;
    }
    if (code == EAI_SYSTEM || code == EAI_MEMORY)
        return imprint_why_set(
            why, IMPRINT_ERR_LOST, "cannot look \"%s\" up: %s", host,
            code == EAI_SYSTEM ? strerror(number) : gai_strerror(code));
    imprint_why_set(why, IMPRINT_ERR_LOST, "\"%s\" has no address", host);
    imprint_why_hint(why, "check the name, and that name service works");
    return IMPRINT_ERR_LOST;
}

enum imprint_status imprint_dial_tell_stop(struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_STOPPED,
                           "stopped before it was connected");
}

static enum imprint_status look_up(const struct imprint_dial_options *options,
                                   int64_t until_ms, struct addrinfo **out,
                                   struct imprint_why *why)
{
    struct lookup *lookup = start(options);
    enum imprint_status status = IMPRINT_OK;
    bool stopped = false;

    if (!lookup)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "out of memory or of threads");
    if (!wait_for(lookup, options, until_ms, &stopped)) {
        if (stopped)
            return imprint_dial_tell_stop(why);
        imprint_why_set(why, IMPRINT_ERR_LOST,
                        "the name service does not answer within %g s",
                        options->timeout_ms / 1000.0);
        imprint_why_hint(why,
                         "\"%s\" was asked for: check the name servers "
                         "in /etc/resolv.conf, or firewalls",
                         options->host);
        return IMPRINT_ERR_LOST;
    }
    if (lookup->code == 0) {
        *out = lookup->list;
        lookup->list = NULL;
    } else {
        status = tell_code(options->host, lookup->code, lookup->number, why);
    }
    drop(lookup);
    return status;
}

enum imprint_status imprint_dial_lookup(
    const struct imprint_dial_options *options, int64_t until_ms,
    struct addrinfo **out, struct imprint_why *why)
{
    struct addrinfo hints;
    char port[8];

    /* an address needs no name service, and so no thread */
    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    (void)snprintf(port, sizeof(port), "%u", (unsigned)options->port);
    if (getaddrinfo(options->host, port, &hints, out) == 0)
        return IMPRINT_OK;
    return look_up(options, until_ms, out, why);
}
