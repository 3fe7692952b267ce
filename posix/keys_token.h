/* A private key in a PKCS#11 token (OASIS PKCS #11 2.40). */
#ifndef IMPRINT_POSIX_KEYS_TOKEN_H
#define IMPRINT_POSIX_KEYS_TOKEN_H

#include "keys_hold.h"
#include "keys_uri.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_keys_token_options {
    const char *module; /* NULL: the URI's, else p11-kit's */
    const char *pin;    /* NULL: the URI's pin-source, else none */
};

/*
 * Finds the one token and the one private key that the URI means, and logs in,
 * once. ERR_SETTINGS: the module, the token or the key is not there, or there
 * are several. ERR_KEY: the PIN is wrong, missing or locked. The holder's close
 * logs out.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keys_token_open(
    const struct imprint_keys_uri *uri,
    const struct imprint_keys_token_options *options,
    struct imprint_keys_holder *out, struct imprint_why *why);

#endif
