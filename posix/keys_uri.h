/* Where a private key is: a file, an object of a PKCS#11 token, or in a TPM. */
#ifndef IMPRINT_POSIX_KEYS_URI_H
#define IMPRINT_POSIX_KEYS_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_KEYS_URI_TEXT_LEN 128
#define IMPRINT_KEYS_URI_PATH_LEN 512
#define IMPRINT_KEYS_URI_MAX_LEN 4096

/* pkcs11: of RFC 7512; decoded, "" is not given. */
struct imprint_keys_uri {
    char token[IMPRINT_KEYS_URI_TEXT_LEN]; /* its label */
    char serial[IMPRINT_KEYS_URI_TEXT_LEN];
    char manufacturer[IMPRINT_KEYS_URI_TEXT_LEN];
    char model[IMPRINT_KEYS_URI_TEXT_LEN];
    char object[IMPRINT_KEYS_URI_TEXT_LEN]; /* the key's label */
    uint8_t id[IMPRINT_KEYS_URI_TEXT_LEN];
    size_t id_len;
    bool has_slot;
    unsigned long slot;
    char module[IMPRINT_KEYS_URI_PATH_LEN];     /* module-path */
    char pin_source[IMPRINT_KEYS_URI_PATH_LEN]; /* a path, of file: */
    bool has_pin; /* pin-value: not taken, since a URI is no place for it */
};

bool imprint_keys_uri_is_token(const char *text);

/* The path of "file:PATH", "file:///PATH" or of a bare path. */
const char *imprint_keys_uri_path(const char *text);

/* ERR_SETTINGS: it is no such URI; why says at what. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_uri_parse(
    const char *text, struct imprint_keys_uri *out, struct imprint_why *why);

/* All but a PIN; NUL-terminated. False: size is too small. */
IMPRINT_MUST_USE bool imprint_keys_uri_write(const struct imprint_keys_uri *uri,
                                             char *out, size_t size);

/* Is what wanted says of token and object true of uri? Slots don't count:
 * they are numbered anew as tokens come and go. */
bool imprint_keys_uri_fits(const struct imprint_keys_uri *wanted,
                           const struct imprint_keys_uri *uri);

/* tpm2:0x81000001, handle:0x81000001, or tpm2: alone. */
bool imprint_keys_uri_is_tpm(const char *text);

/* *handle 0: none is named. ERR_SETTINGS: no persistent handle of an owner. */
IMPRINT_MUST_USE enum imprint_status imprint_keys_uri_parse_tpm(
    const char *text, uint32_t *handle, struct imprint_why *why);

#endif
