/*
 * What goes on at an endpoint, for who looks on: figures, and the last events
 * one by one, in the file DIR/watch. The broker's thread writes it, the control
 * plane's threads read it meanwhile, in another process; nobody waits for
 * anybody. It begins anew with each run, and no secret is in it: no key, no
 * token, no payload.
 */
#ifndef IMPRINT_ENDPOINT_WATCH_H
#define IMPRINT_ENDPOINT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"
#include "meter.h"

#define IMPRINT_WATCH_EVENT_COUNT 4096 /* that are kept */

struct imprint_watch;

/* is_writer: makes it anew, with all its room on the disk; else it is there. */
IMPRINT_MUST_USE enum imprint_status imprint_watch_open(
    const char *dir, bool is_writer, struct imprint_watch **out,
    struct imprint_why *why);
void imprint_watch_close(struct imprint_watch *watch); /* or NULL */

/* ---- figures ---- */

enum imprint_watch_figure {
    IMPRINT_WATCH_STARTED, /* Unix seconds */
    IMPRINT_WATCH_BEAT_MS, /* imprint_clock_now_ms of its last turn */
    IMPRINT_WATCH_CLIENTS, /* that are connected */
    IMPRINT_WATCH_POOL_COUNT,
    IMPRINT_WATCH_POOL_SIZE,
    IMPRINT_WATCH_POOL_MADE,
    IMPRINT_WATCH_CONNECTED, /* from here on, since the start */
    IMPRINT_WATCH_REFUSED,   /* connections */
    IMPRINT_WATCH_DENIED,    /* what a client wanted to do */
    IMPRINT_WATCH_THROTTLED,
    IMPRINT_WATCH_THROWN_OFF,
    IMPRINT_WATCH_FIGURE_COUNT
};

void imprint_watch_set(struct imprint_watch *watch,
                       enum imprint_watch_figure figure, int64_t value);
void imprint_watch_add(struct imprint_watch *watch,
                       enum imprint_watch_figure figure, int64_t amount);
int64_t imprint_watch_get(const struct imprint_watch *watch,
                          enum imprint_watch_figure figure);

/* By operation, result and template; hooks: by outcome and template. */
struct imprint_meter *imprint_watch_requests(struct imprint_watch *watch);
struct imprint_meter *imprint_watch_hooks(struct imprint_watch *watch);

/* ---- events ---- */

enum imprint_watch_kind {
    IMPRINT_WATCH_EVENT_CONNECTED,
    IMPRINT_WATCH_EVENT_REFUSED, /* the connection; text: why */
    IMPRINT_WATCH_EVENT_SUBSCRIBED,
    IMPRINT_WATCH_EVENT_REQUESTED,
    IMPRINT_WATCH_EVENT_HOOK, /* it ran; result: its outcome */
    IMPRINT_WATCH_EVENT_ANSWERED,
    IMPRINT_WATCH_EVENT_DENIED,     /* what: the action; text: why */
    IMPRINT_WATCH_EVENT_THROTTLED,  /* text: which rate */
    IMPRINT_WATCH_EVENT_THROWN_OFF, /* text: why */
    IMPRINT_WATCH_EVENT_LEFT,
    IMPRINT_WATCH_EVENT_KIND_COUNT
};

/* Texts are NUL-terminated, and "" where there is none. */
struct imprint_watch_event {
    int64_t time_ms; /* Unix */
    int64_t took_us; /* HOOK, ANSWERED */
    enum imprint_watch_kind kind;
    char client_id[129];
    char certificate[17]; /* the beginning of its id */
    char made[17];        /* the same of one that is handed out or registered */
    char claim[65];       /* its name; "": a device's own certificate */
    char thing[129];
    char template_name[37];
    char address[64];
    char what[257];  /* topic filter, operation, action */
    char result[64]; /* "accepted", or the error's code */
    char text[512];  /* for a person: why, and what would help */
};

/* "connected", "refused", ... */
const char *imprint_watch_kind_name(enum imprint_watch_kind kind);

/* The writer's; its time is set. */
void imprint_watch_tell(struct imprint_watch *watch,
                        struct imprint_watch_event *event);

/* The number of the last one; the first is 1, and 0 is none. */
uint64_t imprint_watch_last(const struct imprint_watch *watch);
/* False: it is not there any more, or not yet. */
bool imprint_watch_read(const struct imprint_watch *watch, uint64_t number,
                        struct imprint_watch_event *out);

#endif
