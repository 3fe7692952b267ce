/* A private key in a PKCS#11 token (OASIS PKCS #11 2.40). */
#ifndef IMPRINT_POSIX_KEYS_TOKEN_H
#define IMPRINT_POSIX_KEYS_TOKEN_H

#include "keys_hold.h"
#include "keys_uri.h"
#include "imprint/status.h"
#include "imprint/why.h"

/*
 * Finds the one token and the one private key that the URI means, and logs in,
 * once. ERR_SETTINGS: the module or the token is not there, or there are
 * several of token or key. ERR_NOT_FOUND: no such key. ERR_KEY: the PIN is
 * wrong, missing or locked. The holder's close leaves it.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_token_open(
    const struct imprint_keys_uri *uri, const struct imprint_keys_reach *reach,
    struct imprint_keys_holder *out, struct imprint_why *why);

/*
 * Says in *uri which of all tokens it means, by label and serial number: the
 * same one tomorrow, whatever slot it is in then. Nobody logs in.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_token_pin_down(
    struct imprint_keys_uri *uri, const struct imprint_keys_reach *reach,
    struct imprint_why *why);

/*
 * Makes a pair of keys there, that never leaves, with the URI's label and id.
 * To be called when imprint_keys_token_open did not find it. ERR_KEY: the token
 * can't make one of this kind.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_token_make(
    const struct imprint_keys_uri *uri, const struct imprint_keys_reach *reach,
    enum imprint_keys_kind kind, struct imprint_why *why);

/* Erases the pair with the URI's label and id; none is OK. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_token_erase(
    const struct imprint_keys_uri *uri, const struct imprint_keys_reach *reach,
    struct imprint_why *why);

#endif
