/*
 * A private key by its text: PEM, or the pkcs11: URI of one on a token. A key
 * that this device makes on a token has a note in token-keys/ from before it is
 * made until it is erased: the note says that it is ours to erase.
 */
#ifndef IMPRINT_DEVICE_KEY_H
#define IMPRINT_DEVICE_KEY_H

#include <stdbool.h>

#include "imprint/device.h"
#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"
#include "posix/keys.h"

/* text NULL: false. */
bool imprint_key_is_elsewhere(const char *text);

/* ERR_SETTINGS: identity_key can't be that. */
IMPRINT_MUST_USE enum imprint_status imprint_key_check(const char *text,
                                                       struct imprint_why *why);

/*
 * Opens what text says. certificate_pem: has its public half; empty, if there
 * is none yet. Module and PIN are the settings'. ERR_NOT_FOUND: the token has
 * no such key. ERR_SETTINGS: see keys_token.h. ERR_KEY: unreadable, the PIN, or
 * no pair.
 */
IMPRINT_MUST_USE enum imprint_status imprint_key_open(
    const struct imprint_device_settings *settings, const char *text,
    struct imprint_slice certificate_pem, struct imprint_keys_key **out,
    struct imprint_why *why);

/*
 * What private.key is to hold for a new key that settings->identity_key wants
 * on a token: the URI of one object of one token. If the settings name no
 * object it is a new one, noted in token-keys/ of dir. Free *uri.
 */
IMPRINT_MUST_USE enum imprint_status imprint_key_choose(
    const struct imprint_device_settings *settings, const char *dir, char **uri,
    struct imprint_why *why);

/*
 * Can a key be had where settings->identity_key wants one: is the place there,
 * and does it let us in? Makes nothing. Errors are those of imprint_key_open.
 */
IMPRINT_MUST_USE enum imprint_status imprint_key_try(
    const struct imprint_device_settings *settings, struct imprint_why *why);

/* Makes it there, as settings->key says. */
IMPRINT_MUST_USE enum imprint_status imprint_key_make(
    const struct imprint_device_settings *settings, const char *uri,
    struct imprint_why *why);

/* Is a private key with this text where settings->identity_key wants one? */
bool imprint_key_fits(const struct imprint_device_settings *settings,
                      const char *dir, const char *text);

/*
 * What settings->identity_key is to be for a successor of this key: the same
 * token and, unless the object is ours, the same object. Free *uri.
 */
IMPRINT_MUST_USE enum imprint_status imprint_key_succeed(
    const char *dir, const char *text, char **uri, struct imprint_why *why);

/*
 * Erases the keys of ours that no identity in dir has any more, with their
 * notes. Tries all; the first trouble is told, and its note stays.
 */
IMPRINT_MUST_USE enum imprint_status imprint_key_sweep(
    const struct imprint_device_settings *settings, const char *dir,
    struct imprint_why *why);

#endif
