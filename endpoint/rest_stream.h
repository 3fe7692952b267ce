/*
 * The live page's streams of server-sent events (HTML standard, 9.2): what a
 * watch tells, as text, and a thread that wakes connections which wait for
 * more. Knows no HTTP library; rest_http.c brings the connections.
 */
#ifndef IMPRINT_ENDPOINT_REST_STREAM_H
#define IMPRINT_ENDPOINT_REST_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "watch.h"

#define IMPRINT_REST_STREAM_MAX_COUNT 16

struct imprint_rest_streams;
struct imprint_rest_stream;

struct imprint_rest_streams_options {
    const struct imprint_watch *watch; /* outlives the streams */
    /* The connection has nothing to send for now; it has again. */
    void (*pause)(void *connection);
    void (*resume)(void *connection);
};

/* NULL: no memory, or no thread. */
struct imprint_rest_streams *imprint_rest_streams_open(
    const struct imprint_rest_streams_options *options);
/* No connection waits any more, and what is read from now on is the end. */
void imprint_rest_streams_stop(struct imprint_rest_streams *streams);
/* When all streams ended. NULL is fine. */
void imprint_rest_streams_close(struct imprint_rest_streams *streams);

/*
 * last: what the client saw last ("Last-Event-ID"), or NULL. NULL: there are
 * IMPRINT_REST_STREAM_MAX_COUNT.
 */
struct imprint_rest_stream *imprint_rest_stream_begin(
    struct imprint_rest_streams *streams, void *connection, const char *last);
void imprint_rest_stream_end(struct imprint_rest_stream *stream);

/* How much it put into text; 0: the connection is paused; -1: it is over. */
ssize_t imprint_rest_stream_read(struct imprint_rest_stream *stream, char *text,
                                 size_t room_len);

#endif
