/*
 * What the machine takes and what it gives: one event in, one action out. Part
 * of the installed API; freestanding. imprint.h includes it.
 */
#ifndef IMPRINT_EVENT_H
#define IMPRINT_EVENT_H

#include "imprint/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IMPRINT_NEVER UINT64_MAX  /* a deadline that does not come */
#define IMPRINT_ALL_GRANTED 0xffu /* imprint_event.ungranted */
#define IMPRINT_TOPIC_COUNT 4

enum imprint_event_kind {
    IMPRINT_EV_TICK,         /* only time passed; also starts the machine */
    IMPRINT_EV_CONNECTED,    /* CONNACK 0 */
    IMPRINT_EV_DISCONNECTED, /* refused (the service said no), or lost */
    IMPRINT_EV_SUBSCRIBED,
    IMPRINT_EV_MESSAGE,
    IMPRINT_EV_SAVED, /* STAGE or COMMIT survives a power cut now */
    IMPRINT_EV_CANNOT /* the action will never work; see status */
};

/* id: the action that this answers; for DISCONNECTED and MESSAGE, CONNECT's. */
struct imprint_event {
    enum imprint_event_kind kind;
    uint32_t id;
    bool refused;               /* DISCONNECTED */
    uint8_t ungranted;          /* SUBSCRIBED: index, or ALL_GRANTED */
    enum imprint_status status; /* CANNOT: why */
    struct imprint_slice topic; /* MESSAGE, borrowed for the call */
    struct imprint_slice payload;
};

enum imprint_action_kind {
    IMPRINT_DO_WAIT,      /* for an event or the deadline */
    IMPRINT_DO_CONNECT,   /* close any session; connect, clean, .as */
    IMPRINT_DO_SUBSCRIBE, /* to all .topics, QoS 1, in one packet */
    IMPRINT_DO_PUBLISH,   /* .payload to .topics[0], QoS 1, no retain */
    IMPRINT_DO_STAGE,     /* write .identity durably; nobody uses it yet */
    IMPRINT_DO_COMMIT,    /* make what is staged the identity in use */
    IMPRINT_DO_STOP       /* the end, for ever; close any session */
};

enum imprint_as { IMPRINT_AS_CLAIM, IMPRINT_AS_IDENTITY };

/* How far a run got; imprint_action.step says it with every action. */
enum imprint_step_name {
    IMPRINT_STEP_CONNECT,
    IMPRINT_STEP_SUBSCRIBE,
    IMPRINT_STEP_CREATE,
    IMPRINT_STEP_STAGE,
    IMPRINT_STEP_REGISTER,
    IMPRINT_STEP_VERIFY,
    IMPRINT_STEP_COMMIT
};

/*
 * Slices point into config or work and are good until the next step. STAGE
 * comes twice: with certificate and token; then, registered, with thing name
 * and configuration only (empty slices mean: keep what is staged).
 */
struct imprint_action {
    enum imprint_action_kind kind;
    uint32_t id;
    uint64_t deadline_ms; /* NEVER for STAGE and COMMIT */
    enum imprint_step_name step;
    enum imprint_as as;
    struct imprint_slice topics[IMPRINT_TOPIC_COUNT];
    size_t topic_count;
    struct imprint_slice payload;
    struct imprint_identity identity;
    /* of STOP, and of a WAIT that backs off: what it is about */
    enum imprint_status status;
    struct imprint_rejection rejection; /* status_code 0: none */
    size_t needed_len;                  /* ERR_SPACE: work_len that is needed */
};

#ifdef __cplusplus
}
#endif

#endif
