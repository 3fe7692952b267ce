/*
 * imprint: AWS IoT fleet provisioning as a state machine. The installed API of
 * libimprint; freestanding C11: no heap, no I/O, no clock, no libc but
 * memcpy, memmove, memset, memcmp.
 *
 *     for (;;) {
 *         imprint_step(&machine, &event, now_ms, &action);
 *         if (action.kind == IMPRINT_DO_STOP)
 *             return action.status;
 *         event = carry_out(&action);
 *     }
 *
 * carry_out acts, waits, and returns an event, or a tick at the deadline (at
 * once if the deadline has passed already). docs/FORMATS.md has the state
 * diagram; docs/DESIGN.md says why.
 */
#ifndef IMPRINT_H
#define IMPRINT_H

#include "imprint/codec.h"
#include "imprint/event.h"
#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/topics.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Room that the machine needs in imprint_config.work for the service's usual
 * replies: a certificate of 2 KiB, a service-made RSA key, the longest token.
 * A chain or long parameters need more; IMPRINT_ERR_SPACE says how much.
 */
#define IMPRINT_WORK_LEN 8192

/* Who makes the private key. Naming a flow links it. */
struct imprint_flow;
extern const struct imprint_flow imprint_flow_csr;     /* the device */
extern const struct imprint_flow imprint_flow_service; /* the service */

/* Milliseconds and counts; 0 means the default in brackets. */
struct imprint_timing {
    uint32_t connect_ms;      /* for one connection to come up [30,000] */
    uint32_t reply_ms;        /* for SUBACK, and for a reply [20,000] */
    uint32_t repeat_ms;       /* after SUBACK, before asking again [5,000] */
    uint32_t backoff_base_ms; /* first back-off's upper bound [1,000] */
    uint32_t backoff_max_ms;  /* no back-off is longer [60,000] */
    uint32_t attempts_max;    /* tries without progress, then STOP [5] */
};

/*
 * Borrowed for the life of the machine, all of it. csr_pem belongs to a key
 * that is durable already: a certificate for a lost key would be litter.
 */
struct imprint_config {
    const struct imprint_format *format;
    const struct imprint_flow *flow;
    struct imprint_slice template_name;
    struct imprint_slice csr_pem; /* flow_csr only; PEM, up to 4,096 bytes */
    const struct imprint_pair *parameters;
    size_t parameter_count;
    uint8_t *work; /* the machine's own; holds secrets until wiped */
    size_t work_len;
    uint32_t seed; /* of the jitter; must differ between devices */
    struct imprint_timing timing;
    /* What an earlier run staged, or all empty. The token counts only for
     * staged_token_left_ms, from the first step on; thing_name is empty if
     * the thing is not registered yet, as far as is known. */
    struct imprint_identity staged;
    uint32_t staged_token_left_ms;
};

/* Opaque; the members are core/machine.c's. At most 256 bytes. */
struct imprint {
    const struct imprint_config *config;
    uint64_t deadline_ms;
    uint64_t token_until_ms;
    struct imprint_identity identity;
    struct imprint_rejection rejection;
    enum imprint_status status;
    uint32_t action_id;
    uint32_t session_id; /* the CONNECT in force; 0: none */
    uint32_t random;
    uint32_t kept_len; /* of work, from the front */
    uint32_t needed_len;
    uint32_t attempts; /* failures since the last progress */
    uint8_t state;
    uint8_t step;
    uint8_t flags;
};

/* ERR_ARGUMENT: a name, CSR or pointer is missing or too long. */
IMPRINT_MUST_USE enum imprint_status imprint_init(
    struct imprint *machine, const struct imprint_config *config);

/*
 * Takes one event, gives one action. Cannot fail: trouble ends in STOP, which
 * then repeats for ever. now_ms is monotonic; it need not start at 0.
 */
void imprint_step(struct imprint *machine, const struct imprint_event *event,
                  uint64_t now_ms, struct imprint_action *action);

/* Erases keys and token, work included. Every way out calls it. */
void imprint_wipe(struct imprint *machine);

#ifdef __cplusplus
}
#endif

#endif
