/*
 * The authority's files in the endpoint's directory: root.key, root.pem,
 * issuer.key, issuer.pem, server.key, server.pem, and ca.pem, which is what
 * devices and the broker trust. Keys are 0600.
 */
#ifndef IMPRINT_ENDPOINT_KEYRING_H
#define IMPRINT_ENDPOINT_KEYRING_H

#include <stdbool.h>

#include "authority.h"

/*
 * Makes what is missing. A server certificate that is about to expire, or does
 * not speak for the host's name and extra_name (a host or an address; may be
 * NULL), is made anew. May be cut off anywhere and run again. *made: the root
 * is new.
 */
IMPRINT_MUST_USE enum imprint_status imprint_keyring_prepare(
    const char *dir, const char *extra_name, bool *made,
    struct imprint_why *why);

/* The issuer. ERR_NOT_FOUND: dir is not prepared. */
IMPRINT_MUST_USE enum imprint_status imprint_keyring_open(
    const char *dir, struct imprint_authority **out, struct imprint_why *why);

#endif
