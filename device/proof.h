/*
 * What a device sends along to prove that it is the one it says it is, as
 * parameters of RegisterThing for the template's hook. docs/FORMATS.md has the
 * bytes.
 */
#ifndef IMPRINT_DEVICE_PROOF_H
#define IMPRINT_DEVICE_PROOF_H

#include <stddef.h>

#include "imprint/device.h"
#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_PROOF_PAIR_MAX_COUNT 2

struct imprint_keys_key;

struct imprint_proof {
    const char *serial; /* borrowed from the settings */
    char *secret;       /* of hmac; NULL: there is none */
    size_t secret_len;
    char nonce[33];
    char code[65];
    char *signature; /* of ecdsa; NULL: there is none */
    /* the parameters; they borrow from the above */
    struct imprint_pair pairs[IMPRINT_PROOF_PAIR_MAX_COUNT];
    size_t pair_count; /* 0: no proof is wanted */
};

/*
 * Reads the key that settings->proof names, and signs what is known already.
 * ERR_SETTINGS: no such proof, nothing to prove, a parameter has its name, or
 * its key is no use. Free with imprint_proof_close, whatever comes out.
 */
IMPRINT_MUST_USE enum imprint_status imprint_proof_open(
    const struct imprint_device_settings *settings, struct imprint_proof *out,
    struct imprint_why *why);

/*
 * Proves anew, for the certificate of this key. To be called when the key is
 * known, and for each certificate: no nonce serves two.
 */
IMPRINT_MUST_USE enum imprint_status imprint_proof_renew(
    struct imprint_proof *proof, const struct imprint_keys_key *key,
    struct imprint_why *why);

/* Erases what is secret. */
void imprint_proof_close(struct imprint_proof *proof);

#endif
