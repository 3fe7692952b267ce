/*
 * One connection of a run: a way to the endpoint, TLS, and MQTT over it. It may
 * be begun before the certificate is there that it will show: the ClientHello
 * leaves, and what the endpoint answers waits in the socket until then.
 */
#ifndef IMPRINT_DEVICE_SESSION_H
#define IMPRINT_DEVICE_SESSION_H

#include "device/mqtt.h"
#include "device/route.h"
#include "device/tls.h"
#include "imprint/device.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* Borrowed while the session lives: settings, route, key. */
struct imprint_session_options {
    const struct imprint_device_settings *settings;
    struct imprint_route *route;
    const char *dir;
    const char *client_id;
    const char *certificate_pem; /* NULL: imprint_mqtt_show brings it */
    const struct imprint_keys_key *key;
    const char *ca_pem;
    bool early_requests;      /* see mqtt.h */
    bool (*stop)(void *user); /* asked while it dials */
    void *user;
};

struct imprint_session {
    struct imprint_tls *tls;
    struct imprint_mqtt *mqtt; /* NULL: not open */
};

/* Errors are those of route.h, tls.h and mqtt.h. */
IMPRINT_MUST_USE enum imprint_status imprint_session_open(
    const struct imprint_session_options *options, struct imprint_session *out,
    struct imprint_why *why);

/* One that is not open is fine. */
void imprint_session_close(struct imprint_session *session);

#endif
