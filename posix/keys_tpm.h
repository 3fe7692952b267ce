/*
 * A private key in a TPM 2.0, at a persistent handle: tpm2:0x81000001, or
 * handle:0x81000001. tpm2-tss speaks to it (ESAPI); one key signs at a time, so
 * that a resource manager is not needed. Calls from several threads wait for
 * each other.
 */
#ifndef IMPRINT_POSIX_KEYS_TPM_H
#define IMPRINT_POSIX_KEYS_TPM_H

#include <stdint.h>

#include "keys_hold.h"
#include "imprint/status.h"
#include "imprint/why.h"

/*
 * ERR_NOT_FOUND: nothing is at the handle. ERR_SETTINGS: no TPM, or what is
 * there is no key that can sign. ERR_KEY: the PIN is wrong (it is tried once),
 * or the TPM is locked.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_tpm_open(
    uint32_t handle, const struct imprint_keys_reach *reach,
    struct imprint_keys_holder *out, struct imprint_why *why);

/* A handle that nothing is at, by chance. ERR_SETTINGS: no TPM. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_tpm_choose(
    const struct imprint_keys_reach *reach, uint32_t *handle,
    struct imprint_why *why);

/*
 * Makes one there that never leaves, as a primary key of the owner's hierarchy;
 * the PIN, if there is one, is its authorisation. ERR_KEY: the TPM can't.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_tpm_make(
    uint32_t handle, const struct imprint_keys_reach *reach,
    enum imprint_keys_kind kind, struct imprint_why *why);

/* What is at the handle leaves the TPM; nothing is OK. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_tpm_erase(
    uint32_t handle, const struct imprint_keys_reach *reach,
    struct imprint_why *why);

#endif
