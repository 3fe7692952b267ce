/*
 * A Linux device: one call that provisions, one that loads the identity. The
 * installed API of libimprint-device; hosted.
 */
#ifndef IMPRINT_DEVICE_H
#define IMPRINT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IMPRINT_DEVICE_PARAMETER_MAX_COUNT 64

enum imprint_device_key {
    IMPRINT_DEVICE_KEY_P256, /* the default */
    IMPRINT_DEVICE_KEY_P384,
    IMPRINT_DEVICE_KEY_RSA2048,
    IMPRINT_DEVICE_KEY_RSA3072,
    IMPRINT_DEVICE_KEY_SERVICE /* CreateKeysAndCertificate makes it */
};

/* What becomes of the file that has the claim's key, once it is not needed. */
enum imprint_device_claim_after {
    IMPRINT_DEVICE_CLAIM_KEEP, /* the default */
    IMPRINT_DEVICE_CLAIM_LOCK, /* mode 0000: nobody but root can read it */
    IMPRINT_DEVICE_CLAIM_ERASE /* overwritten and removed */
};

enum imprint_device_level {
    IMPRINT_DEVICE_LOG_ERROR,
    IMPRINT_DEVICE_LOG_INFO,
    IMPRINT_DEVICE_LOG_DEBUG,
    IMPRINT_DEVICE_LOG_TRACE
};

struct imprint_device_parameter {
    const char *name;
    const char *value;
};

/* Strings are borrowed for the call; NULL or 0 means the default. */
struct imprint_device_settings {
    const char *state_dir; /* [/var/lib/imprint] */
    const char *endpoint;  /* host, host:port or [v6]:port; port [8883] */
    const char *ca;        /* PEM file; [the PKCS#12's, else the system's] */
    const char *claim;     /* PEM certificate, or PKCS#12 with key */
    const char *claim_key; /* PEM; [private.key beside a PEM claim] */
    /*
     * In place of claim and claim_key: a trusted user's claim, as
     * CreateProvisioningClaim answers it or as the QR code of `imprint endpoint
     * claim --temporary` has it. The text itself, not a file.
     */
    const char *claim_json;
    enum imprint_device_claim_after claim_after; /* not with claim_json */
    const char *password; /* of the PKCS#12 or of the encrypted key */
    const char *template_name;
    const char *client_id;        /* [imprint- and 128 random bits] */
    const char *client_id_verify; /* [the thing name] */
    struct imprint_device_parameter
        parameters[IMPRINT_DEVICE_PARAMETER_MAX_COUNT];
    size_t parameter_count;
    /*
     * For the template's hook: "hmac:FILE" sends parameters Nonce and Proof,
     * over serial number and key, "ecdsa:FILE" sends signature, over the thing
     * name. FILE is a secret or a PEM key, for its owner's eyes only. [none]
     */
    const char *proof;
    enum imprint_device_key key;
    bool json;             /* messages in JSON instead of CBOR */
    int mqtt_version;      /* 3 or 5 [3] */
    int tls_version_max;   /* 12 or 13 [13] */
    bool force;            /* provision even if there is an identity */
    uint32_t timeout_ms;   /* for one connection or reply [20,000] */
    uint32_t attempts_max; /* [5] */
    /* Optional. message is one line without a secret, gone after the call. */
    void (*log)(void *user, enum imprint_device_level level,
                const char *message);
    /* Optional; step is one of a fixed few words such as "register". */
    void (*progress)(void *user, const char *step);
    /* Optional; polled; true ends the run with IMPRINT_ERR_STOPPED. */
    bool (*stop)(void *user);
    void *user;
};

/* What this device is; strings are NUL-terminated and owned by the struct. */
struct imprint_device_identity {
    char *thing_name; /* "" if the template names none */
    char *certificate_id;
    char *endpoint;
    char *template_name;
    char *private_key_path;
    char *certificate_path;
    char *ca_path;            /* NULL: the system's roots */
    char *configuration_path; /* device-configuration.json, or NULL */
    int64_t not_after;        /* Unix seconds; of the certificate */
    int64_t provisioned;      /* Unix seconds; of the commit */
};

/*
 * Gets an identity, or does nothing (no packet, no key made) if there is one
 * and !force. Goes on from where an earlier run was cut off. On failure the
 * identity in use stays in use.
 */
IMPRINT_MUST_USE enum imprint_status imprint_device_provision(
    const struct imprint_device_settings *settings, struct imprint_why *why);

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
void imprint_device_free(struct imprint_device_identity *identity);

/* Forgets every identity, staged and in use; keys are overwritten first. */
IMPRINT_MUST_USE enum imprint_status imprint_device_reset(
    const char *state_dir, struct imprint_why *why);

#ifdef __cplusplus
}
#endif

#endif
