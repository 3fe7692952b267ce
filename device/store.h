/*
 * The device's directory: what is staged, what is in use. Every call leaves a
 * state from which the next open goes on, wherever the power is cut:
 *
 *     current -> identities/<n>   identity in use: private.key certificate.pem
 *                                 identity.json, perhaps ca.pem and
 *                                 device-configuration.json
 *     former -> identities/<m>    the one that it replaced, if it is kept
 *     staged/                     one on its way: the same, and request.csr,
 *                                 token; its certificate counts only beside
 *                                 its identity.json, which is written last
 *     lock                        holds the process that writes
 *
 * Failures are IMPRINT_ERR_STORAGE unless said otherwise.
 */
#ifndef IMPRINT_DEVICE_STORE_H
#define IMPRINT_DEVICE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/device.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_store;

/*
 * Makes or checks the directory (ours, 0700, writable), takes its lock
 * (ERR_BUSY says who has it), and puts right what a power cut left. *finished
 * tells that a commit was cut off and is done now.
 */
IMPRINT_MUST_USE enum imprint_status imprint_store_open(
    const char *dir, struct imprint_store **out, bool *finished,
    struct imprint_why *why);
void imprint_store_close(struct imprint_store *store);

/*
 * Lets others have the lock during a long wait, and opens again as
 * imprint_store_open does: what was read before may not be so any more.
 * Nothing but the two and a close is called between them, or if return fails.
 */
void imprint_store_leave(struct imprint_store *store);
IMPRINT_MUST_USE enum imprint_status imprint_store_return(
    struct imprint_store *store, bool *finished, struct imprint_why *why);

/* Is a directory that is there ours, 0700 and writable? */
IMPRINT_MUST_USE enum imprint_status imprint_store_check_dir(
    const char *dir, struct imprint_why *why);

/* Enough for another identity? A reset needs none. */
IMPRINT_MUST_USE enum imprint_status imprint_store_check_room(
    const char *dir, struct imprint_why *why);

/*
 * What is staged becomes what is in use. If it was staged as a replacement, the
 * one before it becomes the former, and the former is erased; else both are
 * erased.
 */
IMPRINT_MUST_USE enum imprint_status imprint_store_commit(
    struct imprint_store *store, struct imprint_why *why);

/* Current and former change places. ERR_NOT_FOUND: there is no former. */
IMPRINT_MUST_USE enum imprint_status imprint_store_rollback(
    struct imprint_store *store, struct imprint_why *why);

/* Erases the former identity; none is OK. */
IMPRINT_MUST_USE enum imprint_status imprint_store_drop_former(
    struct imprint_store *store, struct imprint_why *why);

/* Erases everything, keys before all else. */
IMPRINT_MUST_USE enum imprint_status imprint_store_reset(
    struct imprint_store *store, struct imprint_why *why);

/* place: "current", "former" or "staged". ERR_NOT_FOUND: no identity there. No
 * lock. */
IMPRINT_MUST_USE enum imprint_status imprint_store_load(
    const char *dir, const char *place, struct imprint_device_identity *out,
    struct imprint_why *why);

#endif
