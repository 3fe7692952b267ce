#include "rest_stream.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "posix/clock.h"
#include "posix/json.h"
#include "posix/thread.h"

#define LOOK_MS 100
#define FIGURES_MS 1000 /* the stream's heartbeat, too */
#define TEXT_LEN 16384  /* of one event: six bytes for one of its texts' */

struct imprint_rest_stream {
    struct imprint_rest_streams *streams;
    void *connection; /* NULL: the place is free */
    bool is_paused;
    uint64_t next; /* the event to come */
    int64_t figures_ms;
    size_t len; /* of text, which is sent up to at */
    size_t at;
    char text[TEXT_LEN];
};

struct imprint_rest_streams {
    struct imprint_rest_streams_options options;
    pthread_t thread;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t ended;
    bool is_ending;
    struct imprint_rest_stream *all[IMPRINT_REST_STREAM_MAX_COUNT];
};

/* ---- waking ---- */

/* With the mutex held, so that none is being paused meanwhile. */
static void wake(struct imprint_rest_streams *streams)
{
    uint64_t last = imprint_watch_last(streams->options.watch);
    int64_t now_ms = imprint_clock_now_ms();

    for (size_t i = 0; i < IMPRINT_REST_STREAM_MAX_COUNT; i++) {
        struct imprint_rest_stream *stream = streams->all[i];

        if (!stream || !stream->is_paused ||
            (!streams->is_ending && stream->next > last &&
             now_ms - stream->figures_ms < FIGURES_MS))
            continue;
        stream->is_paused = false;
        streams->options.resume(stream->connection);
    }
}

static void *run(void *user)
{
    struct imprint_rest_streams *streams = user;

    (void)pthread_mutex_lock(&streams->mutex);
    while (!streams->is_ending) {
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&streams->ended, &streams->mutex, &until);
        wake(streams);
    }
    (void)pthread_mutex_unlock(&streams->mutex);
    return NULL;
}

struct imprint_rest_streams *imprint_rest_streams_open(
    const struct imprint_rest_streams_options *options)
{
    struct imprint_rest_streams *streams = calloc(1, sizeof(*streams));
    pthread_condattr_t monotonic;

    if (!streams)
        return NULL;
    streams->options = *options;
    (void)pthread_mutex_init(&streams->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&streams->ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (imprint_thread_start(&streams->thread, "imprint-stream", run, streams))
        return streams;
    streams->is_ending = true;
    imprint_rest_streams_close(streams);
    return NULL;
}

void imprint_rest_streams_stop(struct imprint_rest_streams *streams)
{
    (void)pthread_mutex_lock(&streams->mutex);
    streams->is_ending = true;
    (void)pthread_cond_signal(&streams->ended);
    (void)pthread_mutex_unlock(&streams->mutex);
    (void)pthread_join(streams->thread, NULL);
}

void imprint_rest_streams_close(struct imprint_rest_streams *streams)
{
    if (!streams)
        return;
    (void)pthread_cond_destroy(&streams->ended);
    (void)pthread_mutex_destroy(&streams->mutex);
    free(streams);
}

/* ---- a stream ---- */

/*
 * Behind what the client saw, if that was of this run; else from the oldest
 * that is there.
 */
static uint64_t find_next(const struct imprint_watch *watch, const char *last)
{
    int64_t started = imprint_watch_get(watch, IMPRINT_WATCH_STARTED);
    uint64_t newest = imprint_watch_last(watch);
    char *dash = NULL;

    if (last && strtoll(last, &dash, 10) == started && *dash == '-') {
        uint64_t number = strtoull(dash + 1, NULL, 10);

        if (number <= newest)
            return number + 1;
    }
    return newest < IMPRINT_WATCH_EVENT_COUNT
               ? 1
               : newest - IMPRINT_WATCH_EVENT_COUNT + 2;
}

struct imprint_rest_stream *imprint_rest_stream_begin(
    struct imprint_rest_streams *streams, void *connection, const char *last)
{
    struct imprint_rest_stream *stream = calloc(1, sizeof(*stream));
    bool has_place = false;

    if (!stream)
        return NULL;
    stream->streams = streams;
    stream->connection = connection;
    stream->next = find_next(streams->options.watch, last);
    (void)pthread_mutex_lock(&streams->mutex);
    for (size_t i = 0; !has_place && i < IMPRINT_REST_STREAM_MAX_COUNT; i++) {
        if (streams->all[i])
            continue;
        streams->all[i] = stream;
        has_place = true;
    }
    (void)pthread_mutex_unlock(&streams->mutex);
    if (has_place)
        return stream;
    free(stream);
    return NULL;
}

void imprint_rest_stream_end(struct imprint_rest_stream *stream)
{
    struct imprint_rest_streams *streams = stream->streams;

    (void)pthread_mutex_lock(&streams->mutex);
    for (size_t i = 0; i < IMPRINT_REST_STREAM_MAX_COUNT; i++) {
        if (streams->all[i] == stream)
            streams->all[i] = NULL;
    }
    (void)pthread_mutex_unlock(&streams->mutex);
    free(stream);
}

/* ---- texts ---- */

/* Takes data over. What does not fit is left out: it can't be. */
static void put(struct imprint_rest_stream *stream, const char *id,
                const char *event, struct imprint_json *data)
{
    char *text = data ? imprint_json_write_line(data) : NULL;
    int len = snprintf(stream->text, sizeof(stream->text),
                       "%s%s%sevent: %s\ndata: %s\n\n", id ? "id: " : "",
                       id ? id : "", id ? "\n" : "", event, text ? text : "{}");

    stream->at = 0;
    stream->len =
        len > 0 && (size_t)len < sizeof(stream->text) ? (size_t)len : 0;
    free(text);
    imprint_json_free(data);
}

static void put_figures(struct imprint_rest_stream *stream)
{
    static const struct {
        const char *name;
        enum imprint_watch_figure figure;
    } figures[] = {
        {"started", IMPRINT_WATCH_STARTED},
        {"clients", IMPRINT_WATCH_CLIENTS},
        {"poolCount", IMPRINT_WATCH_POOL_COUNT},
        {"poolSize", IMPRINT_WATCH_POOL_SIZE},
        {"connected", IMPRINT_WATCH_CONNECTED},
        {"refused", IMPRINT_WATCH_REFUSED},
        {"denied", IMPRINT_WATCH_DENIED},
    };
    struct imprint_json *data = imprint_json_new();

    for (size_t i = 0; data && i < sizeof(figures) / sizeof(figures[0]); i++)
        (void)imprint_json_put_number(
            data, figures[i].name,
            imprint_watch_get(stream->streams->options.watch,
                              figures[i].figure));
    put(stream, NULL, "figures", data);
}

/* A client chose it: what is no UTF-8 is shown as far as it goes. */
static void put_text(struct imprint_json *data, const char *name,
                     const char *text)
{
    char shown[513];
    size_t len = 0;

    if (text[0] == '\0' || imprint_json_put_text(data, name, text))
        return;
    for (; text[len] != '\0' && len + 1 < sizeof(shown); len++)
        shown[len] = (unsigned char)text[len] < 0x80 ? text[len] : '?';
    shown[len] = '\0';
    (void)imprint_json_put_text(data, name, shown);
}

static void put_event(struct imprint_rest_stream *stream,
                      const struct imprint_watch_event *event, uint64_t number)
{
    char id[64];
    struct imprint_json *data = imprint_json_new();

    (void)snprintf(id, sizeof(id), "%" PRId64 "-%" PRIu64,
                   imprint_watch_get(stream->streams->options.watch,
                                     IMPRINT_WATCH_STARTED),
                   number);
    if (data) {
        (void)imprint_json_put_number(data, "number", (int64_t)number);
        (void)imprint_json_put_number(data, "time", event->time_ms);
        put_text(data, "kind", imprint_watch_kind_name(event->kind));
        put_text(data, "client", event->client_id);
        put_text(data, "certificate", event->certificate);
        put_text(data, "made", event->made);
        put_text(data, "claim", event->claim);
        put_text(data, "thing", event->thing);
        put_text(data, "template", event->template_name);
        put_text(data, "address", event->address);
        put_text(data, "what", event->what);
        put_text(data, "result", event->result);
        put_text(data, "text", event->text);
        if (event->kind == IMPRINT_WATCH_EVENT_ANSWERED ||
            event->kind == IMPRINT_WATCH_EVENT_HOOK)
            (void)imprint_json_put_number(data, "took", event->took_us);
    }
    put(stream, id, "device", data);
}

/* Some were overwritten before they could be sent. */
static void put_missed(struct imprint_rest_stream *stream)
{
    uint64_t next = find_next(stream->streams->options.watch, NULL);
    struct imprint_json *data = imprint_json_new();

    /* leave room, or the next is gone, too */
    next += IMPRINT_WATCH_EVENT_COUNT / 8;
    if (data)
        (void)imprint_json_put_number(data, "count",
                                      (int64_t)(next - stream->next));
    stream->next = next;
    put(stream, NULL, "missed", data);
}

/* False: there is nothing to say. */
static bool find_text(struct imprint_rest_stream *stream)
{
    const struct imprint_watch *watch = stream->streams->options.watch;
    struct imprint_watch_event event;
    int64_t now_ms = imprint_clock_now_ms();

    if (now_ms - stream->figures_ms >= FIGURES_MS) {
        stream->figures_ms = now_ms;
        put_figures(stream);
    } else if (stream->next > imprint_watch_last(watch)) {
        return false;
    } else if (imprint_watch_read(watch, stream->next, &event)) {
        put_event(stream, &event, stream->next++);
    } else {
        put_missed(stream);
    }
    return true;
}

ssize_t imprint_rest_stream_read(struct imprint_rest_stream *stream, char *text,
                                 size_t room_len)
{
    struct imprint_rest_streams *streams = stream->streams;
    size_t len = 0;
    bool is_ending;

    while (len < room_len && (stream->at < stream->len || find_text(stream))) {
        size_t left = stream->len - stream->at;
        size_t part = left < room_len - len ? left : room_len - len;

        memcpy(text + len, stream->text + stream->at, part);
        stream->at += part;
        len += part;
    }
    (void)pthread_mutex_lock(&streams->mutex);
    is_ending = streams->is_ending;
    if (!is_ending && len == 0) {
        stream->is_paused = true;
        streams->options.pause(stream->connection);
    }
    (void)pthread_mutex_unlock(&streams->mutex);
    return is_ending ? -1 : (ssize_t)len;
}
