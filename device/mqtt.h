/*
 * One MQTT session over TLS. No thread; the caller waits in imprint_mqtt_wait.
 */
#ifndef IMPRINT_DEVICE_MQTT_H
#define IMPRINT_DEVICE_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/tls.h"
#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_MQTT_TOPIC_MAX_COUNT 8
#define IMPRINT_MQTT_ALL_GRANTED 0xff
#define IMPRINT_MQTT_PAYLOAD_MAX_LEN 131072 /* AWS IoT Core's own limit */

struct imprint_mqtt;

struct imprint_mqtt_options {
    const char *host; /* both for messages */
    uint16_t port;
    const char *dir; /* the device's own; see handover.h */
    const char *client_id;
    int version;             /* 3 (3.1.1) or 5 */
    uint32_t timeout_tls_ms; /* for the handshake */
    uint32_t timeout_ms;     /* from then on for CONNACK */
    struct imprint_tls *tls; /* the caller's; outlives the session */
    /* CONNECTED as soon as CONNECT leaves: MQTT allows to go on, AWS does not
     */
    bool early_requests;
    /* Optional: what the library tells; holds no payload. */
    void (*log)(void *user, const char *line);
    void *user;
};

enum imprint_mqtt_kind {
    IMPRINT_MQTT_QUIET, /* nothing came, or a signal did */
    IMPRINT_MQTT_CONNECTED,
    IMPRINT_MQTT_ENDED,
    IMPRINT_MQTT_SUBSCRIBED,
    IMPRINT_MQTT_MESSAGE
};

struct imprint_mqtt_report {
    enum imprint_mqtt_kind kind;
    /*
     * ENDED: ERR_REFUSED, ERR_LOST, ERR_TIMEOUT before CONNACK, or what will
     * not get better by itself
     */
    enum imprint_status status;
    uint8_t ungranted;          /* SUBSCRIBED: index, or 0xff */
    struct imprint_slice topic; /* MESSAGE; good until the next wait */
    struct imprint_slice payload;
};

/*
 * Begins TLS and MQTT, with a clean session, on the connected socket tcp, which
 * it closes in any case. ERR_STORAGE: see handover.h. Most trouble comes by
 * imprint_mqtt_wait.
 */
IMPRINT_MUST_USE enum imprint_status imprint_mqtt_open(
    const struct imprint_mqtt_options *options, int tcp,
    struct imprint_mqtt **out, struct imprint_why *why);

/* Says DISCONNECT if there is somebody to hear it. session may be NULL. */
/*
 * The certificate that it shows (PEM, leaf first), with its key; once, before
 * the first wait. The time for the handshake begins now. ERR_KEY: unusable.
 */
IMPRINT_MUST_USE enum imprint_status imprint_mqtt_show(
    struct imprint_mqtt *session, const char *certificate_pem,
    const struct imprint_keys_key *key, struct imprint_why *why);

void imprint_mqtt_close(struct imprint_mqtt *session);

/* One SUBSCRIBE packet, QoS 1; up to IMPRINT_MQTT_TOPIC_MAX_COUNT. */
IMPRINT_MUST_USE enum imprint_status imprint_mqtt_subscribe(
    struct imprint_mqtt *session, const struct imprint_slice *topics,
    size_t topic_count, struct imprint_why *why);

/* QoS 1, no retain. */
IMPRINT_MUST_USE enum imprint_status imprint_mqtt_publish(
    struct imprint_mqtt *session, struct imprint_slice topic,
    struct imprint_slice payload, struct imprint_why *why);

/* Waits at most wait_ms for the next report; why is filled for ENDED. */
void imprint_mqtt_wait(struct imprint_mqtt *session, uint32_t wait_ms,
                       struct imprint_mqtt_report *out,
                       struct imprint_why *why);

/* True if the TLS handshake is through and CONNACK has not come. */
bool imprint_mqtt_is_unanswered(const struct imprint_mqtt *session);

/* Nothing came for too long: says what it waited for. */
void imprint_mqtt_tell_silence(const struct imprint_mqtt *session,
                               struct imprint_why *why);

#endif
