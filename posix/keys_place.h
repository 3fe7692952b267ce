/*
 * A private key that is in no file: on a PKCS#11 token (pkcs11:) or in a TPM
 * (tpm2:, handle:). The URI decides; see keys_token.h and keys_tpm.h for the
 * errors of each.
 */
#ifndef IMPRINT_POSIX_KEYS_PLACE_H
#define IMPRINT_POSIX_KEYS_PLACE_H

#include <stdbool.h>

#include "keys_hold.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_KEYS_PLACE_URI_LEN 4096u

bool imprint_keys_place_is(const char *text);

/* ERR_SETTINGS: malformed, or it has a PIN in it. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_place_check(
    const char *uri, struct imprint_why *why);

/* ERR_NOT_FOUND: the place is there, and has no such key. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_place_open(
    const char *uri, const struct imprint_keys_reach *reach,
    struct imprint_keys_holder *out, struct imprint_why *why);

/*
 * The URI of one key of one place, for a wish that may leave both open;
 * *is_new: the wish named no key, and this one is not there yet.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_place_choose(
    const char *wish, const struct imprint_keys_reach *reach,
    char uri[IMPRINT_KEYS_PLACE_URI_LEN], bool *is_new,
    struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_keys_place_make(
    const char *uri, const struct imprint_keys_reach *reach,
    enum imprint_keys_kind kind, struct imprint_why *why);

/* None there is OK. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_place_erase(
    const char *uri, const struct imprint_keys_reach *reach,
    struct imprint_why *why);

/* Does a wish name a key? */
bool imprint_keys_place_names(const char *wish);

/* Is all that the wish says true of uri? */
bool imprint_keys_place_fits(const char *wish, const char *uri);

/* The place alone, without the key. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_place_of(
    const char *uri, char place[IMPRINT_KEYS_PLACE_URI_LEN],
    struct imprint_why *why);

#endif
