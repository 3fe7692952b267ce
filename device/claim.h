/* The claim: reading it, and what must hold before the first packet. */
#ifndef IMPRINT_DEVICE_CLAIM_H
#define IMPRINT_DEVICE_CLAIM_H

#include <stdint.h>

#include "imprint/device.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_keys_key;

/* NUL-terminated; free with imprint_claim_free. */
struct imprint_claim {
    char *certificate_pem;
    struct imprint_keys_key *key;
    char *ca_pem;    /* NULL: the system's roots */
    int64_t expires; /* a trusted user's, Unix seconds; 0: another kind */
};

/*
 * Reads claim, key and roots as the settings say. ERR_SETTINGS: a file cannot
 * be read. ERR_KEY: wrong password, unreadable, or key and certificate are no
 * pair. ERR_REFUSED: expired. ERR_CLOCK: see wallclock.h. ERR_STOPPED.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claim_open(
    const struct imprint_device_settings *settings, struct imprint_claim *out,
    struct imprint_why *why);
/* The same of an identity in use, which is its own claim when it is renewed. */
IMPRINT_MUST_USE enum imprint_status imprint_claim_open_identity(
    const struct imprint_device_settings *settings,
    const struct imprint_device_identity *identity, struct imprint_claim *out,
    struct imprint_why *why);
/* Before a clock is asked how long an identity is good. ERR_CLOCK, ERR_STOPPED.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claim_await_clock(
    const struct imprint_device_settings *settings,
    const struct imprint_device_identity *identity, struct imprint_why *why);
void imprint_claim_free(struct imprint_claim *claim);

/*
 * Does with the key's file as settings->claim_after says; once or again, what
 * is gone is fine. ERR_STORAGE: it can't.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claim_finish(
    const struct imprint_device_settings *settings, struct imprint_why *why);

#endif
