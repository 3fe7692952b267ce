/*
 * staged/: an identity on its way. dir is the device's directory, whose store
 * is open (store.h). Failures are IMPRINT_ERR_STORAGE unless said otherwise.
 */
#ifndef IMPRINT_DEVICE_STAGED_H
#define IMPRINT_DEVICE_STAGED_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_STAGED_TOKEN_LIFE_S 3600
#define IMPRINT_STAGED_TOKEN_MARGIN_S 60

/* NUL-terminated; NULL: not there. */
struct imprint_staged {
    char *private_key;     /* its PEM, or a pkcs11: URI (key.h) */
    char *request_pem;     /* only of a key that this device made */
    char *certificate_pem; /* with it, all that follows counts */
    char *token;
    char *certificate_id;
    char *thing_name;
    char *endpoint;
    char *template_name;
    char *key_kind;
    char *replaces; /* id of the certificate that it replaces, or "" */
    bool registered;
    uint32_t token_left_ms; /* 0: none, or the clock does not tell */
};

/* Text is borrowed for the call; NULL leaves a member out. */
struct imprint_staged_certificate {
    const char *private_key; /* only if the service made it */
    const char *certificate_pem;
    const char *ca_pem;
    const char *token;
    const char *certificate_id;
    const char *endpoint;
    const char *template_name;
    const char *key_kind;
    const char *serial_number;
    const char *replaces; /* id of the certificate in use, by a renewal */
    int64_t not_after;    /* Unix seconds */
};

/* ERR_NOT_FOUND: not even a key. Free with imprint_staged_free. */
IMPRINT_MUST_USE enum imprint_status imprint_staged_read(
    const char *dir, struct imprint_staged *out, struct imprint_why *why);
void imprint_staged_free(struct imprint_staged *staged);

/* Erases whatever is staged. */
IMPRINT_MUST_USE enum imprint_status imprint_staged_discard(
    const char *dir, struct imprint_why *why);

/* Instead of what is staged: a new key, by its text. */
IMPRINT_MUST_USE enum imprint_status imprint_staged_put_key(
    const char *dir, const char *private_key, struct imprint_why *why);

/* Its request. */
IMPRINT_MUST_USE enum imprint_status imprint_staged_put_request(
    const char *dir, const char *request_pem, struct imprint_why *why);

/* Beside the staged key, or with the service's. */
IMPRINT_MUST_USE enum imprint_status imprint_staged_put_certificate(
    const char *dir, const struct imprint_staged_certificate *certificate,
    struct imprint_why *why);

/* Both may be NULL: a template need not name a thing. */
IMPRINT_MUST_USE enum imprint_status imprint_staged_put_name(
    const char *dir, const char *thing_name, const char *configuration_json,
    struct imprint_why *why);

#endif
