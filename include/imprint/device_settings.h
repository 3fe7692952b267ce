/* What imprint_device_provision and imprint_device_renew are told. */
#ifndef IMPRINT_DEVICE_SETTINGS_H
#define IMPRINT_DEVICE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* What to do when a run comes too early behind others that failed. */
enum imprint_device_retry {
    IMPRINT_DEVICE_RETRY_WAIT, /* the default */
    IMPRINT_DEVICE_RETRY_END,  /* IMPRINT_ERR_THROTTLED */
    IMPRINT_DEVICE_RETRY_NOW   /* try nevertheless */
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
    const char *endpoint;  /* host, host:port, host:auto or [v6]:port */
    const char *port;      /* if not there; "auto": 8883, then 443 [8883] */
    /*
     * http://, socks5:// or socks5h://[user[:password]@]host[:port]; [none]
     * no_proxy: a list of hosts that are reached without it, as in the
     * environment's NO_PROXY.
     */
    const char *proxy;
    const char *no_proxy;
    const char *proxy_user; /* in place of the URL's */
    const char *proxy_password;
    const char *ca;    /* PEM file; [the PKCS#12's, else the system's] */
    const char *claim; /* PEM certificate, or PKCS#12 with key */
    /* PEM file or URI: file:, pkcs11:, tpm2:; [private.key beside it] */
    const char *claim_key;
    /*
     * Where the identity's private key is made: "file:", a pkcs11: URI that
     * fits one token, or "tpm2:". If it names a key, by label or id or as
     * tpm2:0x81000001, that one is taken or, if it is not there, made, and
     * never erased; else each identity has its own. [file:; renew: where it is
     * now]
     */
    const char *identity_key;
    /* For what the URIs don't say. */
    const char *pkcs11_module; /* [p11-kit's] */
    const char *tcti;          /* the TPM's, as tpm2-tss writes it [its own] */
    const char *pin;           /* of the token, or of the TPM's keys */
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
    bool json;           /* messages in JSON instead of CBOR */
    int mqtt_version;    /* 3 or 5 [3] */
    int tls_version_max; /* 12 or 13 [13] */
    /*
     * Begin the identity's connection while the claim's is at work. Its client
     * id: client_id_verify, or the parameter ThingName or SerialNumber.
     */
    bool early_verify;
    /*
     * Send the first requests before CONNACK, which MQTT allows, 3.1.4, and AWS
     * IoT asks clients not to do (Developer Guide, "MQTT"). */
    bool early_requests;
    bool force;       /* provision even if there is an identity */
    bool drop_former; /* renew: erase what was replaced [keep it] */
    /* renew: only if the certificate is good for less than that; [0: always] */
    int64_t renew_before_s;
    /*
     * renew: the parameter that tells the hook the id of the certificate that
     * is replaced; "" for none. [ReplacesCertificateId]
     */
    const char *replaces_parameter;
    /* may be missing; only looked at for when it was written [none] */
    const char *settings_file;
    /* how long a clock that can't be right is waited for [0] */
    uint32_t wait_for_clock_s;
    /* the first try waits a part of this that the device's name decides [0] */
    uint32_t spread_s;
    enum imprint_device_retry retry; /* not with claim_json: it expires soon */
    uint32_t timeout_ms;         /* for CONNACK, or another reply [20,000] */
    uint32_t timeout_connect_ms; /* for DNS and TCP [timeout_ms] */
    uint32_t timeout_tls_ms;     /* for the handshake [timeout_ms] */
    uint32_t deadline_s;         /* for the whole call [none] */
    uint32_t attempts_max;       /* [5] */
    /* Optional. message is one line without a secret, gone after the call. */
    void (*log)(void *user, enum imprint_device_level level,
                const char *message);
    /*
     * Optional; step is one of a fixed few words such as "register", with the
     * time that a trusted user's claim has left behind it.
     */
    void (*progress)(void *user, const char *step);
    /* Optional; polled; true ends the run with IMPRINT_ERR_STOPPED. */
    bool (*stop)(void *user);
    void *user;
};

#ifdef __cplusplus
}
#endif

#endif
