/*
 * Private to machine.c and transition.c: the states, and what a transition
 * does. machine.c decides, transition.c carries out.
 */
#ifndef IMPRINT_CORE_TRANSITION_H
#define IMPRINT_CORE_TRANSITION_H

#include "imprint/imprint.h"

/*
 * EARLY: asked, SUBACK still to come. ASKED: asked before SUBACK, so the reply
 * may have been missed; ask once more. LAST: nothing more to ask on this
 * connection. One request and one repeat an operation and a connection: what
 * else is asked goes over a new connection, where no old reply can come.
 */
enum state {
    STATE_NEW,
    STATE_JOIN, /* connecting as the claim */
    STATE_SUBSCRIBE,
    STATE_CREATE_EARLY,
    STATE_CREATE_ASKED,
    STATE_CREATE_LAST,
    STATE_STAGE_CERTIFICATE,
    STATE_REGISTER_EARLY,
    STATE_REGISTER_ASKED,
    STATE_REGISTER_LAST,
    STATE_STAGE_NAME,
    STATE_PROVE,  /* connecting as the identity just registered */
    STATE_RESUME, /* connecting as an identity that an earlier run staged */
    STATE_COMMIT,
    STATE_REST_JOIN, /* backing off, then JOIN */
    STATE_REST_PROVE,
    STATE_REST_RESUME,
    STATE_STOPPED,
    STATE_COUNT
};

enum { FLAG_GRANTED = 1, FLAG_RESTARTED = 2 };

/* How a certificate is asked for. put is NULL where the request is empty. */
struct imprint_flow {
    enum imprint_operation operation;
    void (*put)(struct imprint_writer *writer,
                const struct imprint_format *format,
                struct imprint_slice csr_pem);
};

/* One turn: what imprint_step was called with. */
struct turn {
    struct imprint *machine;
    const struct imprint_event *event;
    struct imprint_action *action;
    uint64_t now_ms;
};

/* The end. */
void imprint_transition_stop(struct turn *turn, enum imprint_status status);

/* The end for want of room: written_len is what scratch needed. */
void imprint_transition_stop_short(struct turn *turn, size_t written_len);

/* A failure that may pass: backs off into rest, or stops after too many. */
void imprint_transition_fail(struct turn *turn, enum imprint_status status,
                             enum state rest);

/* CONNECT as the claim; as what was registered; as what was staged. */
void imprint_transition_join(struct turn *turn);
void imprint_transition_prove(struct turn *turn);
void imprint_transition_resume(struct turn *turn);

void imprint_transition_subscribe(struct turn *turn);

/* The connection's first request: register with a good token, else create. */
void imprint_transition_ask(struct turn *turn);

/* The reply may have come before SUBACK took effect: rule 6's one repeat. */
void imprint_transition_ask_again(struct turn *turn);

/* SUBACK came after the request: wait a little for the reply, then repeat. */
void imprint_transition_await(struct turn *turn, enum state state);

void imprint_transition_stage(struct turn *turn, enum state state);
void imprint_transition_commit(struct turn *turn);

/* Work that is free: what lies in front of it is in use for good. */
struct imprint_writer imprint_transition_scratch(const struct imprint *machine);

#endif
