/*
 * A Linux device: one call that provisions, one that loads the identity. The
 * installed API of libimprint-device; hosted.
 */
#ifndef IMPRINT_DEVICE_H
#define IMPRINT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/device_settings.h"
#include "imprint/status.h"
#include "imprint/why.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What this device is; strings are NUL-terminated and owned by the struct. */
struct imprint_device_identity {
    char *thing_name; /* "" if the template names none */
    char *certificate_id;
    char *endpoint;
    char *template_name;
    char *private_key_path;
    char *private_key_uri; /* the file holds it: the key is on a token; NULL */
    char *certificate_path;
    char *ca_path;                 /* NULL: the system's roots */
    char *configuration_path;      /* device-configuration.json, or NULL */
    char *serial_number;           /* the parameter SerialNumber, or "" */
    char *replaces_certificate_id; /* "": it is no renewal */
    int64_t not_after;             /* Unix seconds; of the certificate */
    int64_t provisioned;           /* Unix seconds; of the commit */
};

/*
 * Gets an identity, or does nothing (no packet, no key made) if there is one
 * and !force. Goes on from where an earlier run was cut off. On failure the
 * identity in use stays in use.
 */
IMPRINT_MUST_USE enum imprint_status imprint_device_provision(
    const struct imprint_device_settings *settings, struct imprint_why *why);

/*
 * Replaces the identity in use by another one of the same thing: the same
 * sequence, with the identity in use as the claim. It stays in use until a
 * connection under the new one, then it becomes the former. Of the settings,
 * claim, claim_key and claim_json are not looked at; endpoint, template_name,
 * ca and the parameters ThingName and SerialNumber are the identity's unless
 * set. ERR_NOT_FOUND: not provisioned. ERR_SETTINGS: also if the parameters
 * made another thing of it.
 */
IMPRINT_MUST_USE enum imprint_status imprint_device_renew(
    const struct imprint_device_settings *settings, struct imprint_why *why);

/*
 * The former identity is in use again, and the one in use becomes the former.
 * Connects nowhere. ERR_NOT_FOUND: there is no former. ERR_REFUSED: it expired.
 */
IMPRINT_MUST_USE enum imprint_status imprint_device_rollback(
    const char *state_dir, struct imprint_why *why);

/*
 * Reads the identity in use. ERR_NOT_FOUND: not provisioned. Free with
 * imprint_device_free. state_dir NULL is the default.
 */
IMPRINT_MUST_USE enum imprint_status imprint_device_load(
    const char *state_dir, struct imprint_device_identity *out,
    struct imprint_why *why);

/* The same for an identity on its way; thing_name may be "". */
IMPRINT_MUST_USE enum imprint_status imprint_device_load_staged(
    const char *state_dir, struct imprint_device_identity *out,
    struct imprint_why *why);
/* The same for the identity that was replaced last. */
IMPRINT_MUST_USE enum imprint_status imprint_device_load_former(
    const char *state_dir, struct imprint_device_identity *out,
    struct imprint_why *why);
void imprint_device_free(struct imprint_device_identity *identity);

/*
 * Forgets every identity, staged and in use; keys are overwritten first, and
 * those that were made on a token are erased there, by settings->pkcs11_module
 * and pin. If that fails the rest is forgotten all the same, and another call
 * tries it again. Of the settings, state_dir, those two and log are looked at.
 */
IMPRINT_MUST_USE enum imprint_status imprint_device_reset(
    const struct imprint_device_settings *settings, struct imprint_why *why);

#ifdef __cplusplus
}
#endif

#endif
