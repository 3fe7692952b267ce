/*
 * One TLS connection's side of a device: what it shows, whom it trusts, and in
 * words why it failed.
 */
#ifndef IMPRINT_DEVICE_TLS_H
#define IMPRINT_DEVICE_TLS_H

#include <stdbool.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_keys_key;
struct imprint_tls;

struct imprint_tls_options {
    const char *host;   /* name or address that must be proven */
    const char *ca_pem; /* NULL: the system's roots */
    int version_max;    /* 12 or 13 */
    bool alpn;          /* offer x-amzn-mqtt-ca, as port 443 needs */
};

/* ERR_SETTINGS: the roots are unusable. */
IMPRINT_MUST_USE enum imprint_status imprint_tls_open(
    const struct imprint_tls_options *options, struct imprint_tls **out,
    struct imprint_why *why);
/*
 * What a connection shows when it is asked: ours, leaf first. ssl: an SSL that
 * has not read anything yet. ERR_KEY: unusable.
 */
IMPRINT_MUST_USE enum imprint_status imprint_tls_show(
    void *ssl, const char *certificate_pem, const struct imprint_keys_key *key,
    struct imprint_why *why);
void imprint_tls_close(struct imprint_tls *tls);

/*
 * "xxxx.iot.REGION.amazonaws.com": the endpoint of type iot:Data, not
 * iot:Data-ATS (AWS IoT Core Developer Guide, "Server authentication").
 */
bool imprint_tls_is_legacy(const char *host);

/* The SSL_CTX, for a library that wants one. Good until close. */
void *imprint_tls_context(const struct imprint_tls *tls);

/*
 * The first bytes that the peer sent, as soon as some are there, before they
 * are read: who does not speak TLS is seen by them. Later calls do nothing.
 */
void imprint_tls_note_first(struct imprint_tls *tls,
                            struct imprint_slice bytes);

/* "TLSv1.3"; "" before the handshake is through. */
const char *imprint_tls_version(const struct imprint_tls *tls);

/*
 * What imprint_tls_trouble is about, in a fixed word: "captive-portal",
 * "tls-name", "tls-root", "tls-expired", "tls-not-yet-valid",
 * "tls-certificate", "sni-refused" or, if the peer did not take ours,
 * "claim-refused". NULL: TLS has no word on it.
 */
const char *imprint_tls_trouble_name(const struct imprint_tls *tls);

/*
 * ALPN was offered, as port 443 needs it, and the peer took none: it is no MQTT
 * that will answer there. Or the peer wants one, and none was offered.
 */
bool imprint_tls_lacks_alpn(const struct imprint_tls *tls);

/* True once the handshake is through. */
bool imprint_tls_ready(const struct imprint_tls *tls);

/* True if ssl (an SSL) has bytes that a poll does not show. NULL: false. */
bool imprint_tls_pending(const void *ssl);

/*
 * Why the connection failed: IMPRINT_OK if TLS has no word on it (why is left
 * alone); ERR_REFUSED: the peer did not take our certificate; ERR_NETWORK or
 * ERR_CLOCK: we did not take the peer's; ERR_LOST: anything else.
 */
IMPRINT_MUST_USE enum imprint_status imprint_tls_trouble(
    const struct imprint_tls *tls, struct imprint_why *why);

#endif
