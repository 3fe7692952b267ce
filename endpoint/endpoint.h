/*
 * The local endpoint: AWS IoT's provisioning service over a registry. It knows
 * no broker; the plugin brings connections and messages and takes replies away.
 *
 * Threads: one caller thread (the broker's). The endpoint's own are inside;
 * they call only options.wake. No call waits for a key, a hook, or the disk,
 * except open, prepare, close, and (bounded) admit.
 */
#ifndef IMPRINT_ENDPOINT_ENDPOINT_H
#define IMPRINT_ENDPOINT_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_endpoint;
struct imprint_endpoint_session; /* one MQTT connection */

struct imprint_endpoint_options {
    const char *dir; /* the endpoint's directory; everything is below it */
    /* Called from a worker when imprint_endpoint_collect has something. */
    void (*wake)(void *user);
    /* One readable line per event; called on the caller thread or a worker. */
    void (*log)(void *user, const char *line);
    void *user;
};

/* What imprint_endpoint_prepare made or found; paths are absolute. */
struct imprint_endpoint_paths {
    char ca_pem[512];
    char server_certificate_pem[512];
    char server_key[512];
    char claim_certificate_pem[512];
    char claim_key[512];
    char template_name[64];
    bool made; /* this call made the authority */
};

/*
 * Makes what is missing in dir (0700): authority, server certificate
 * (localhost, 127.0.0.1, ::1, the host's name, and extra_name if not NULL),
 * registry, claim "default" with its policy, device policy, template "fleet".
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_prepare(
    const char *dir, const char *extra_name, struct imprint_endpoint_paths *out,
    struct imprint_why *why);

/* Opens a prepared directory and starts the workers. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_open(
    const struct imprint_endpoint_options *options,
    struct imprint_endpoint **out, struct imprint_why *why);
/* Ends and joins the workers; open sessions must have left. */
void imprint_endpoint_close(struct imprint_endpoint *endpoint);

struct imprint_endpoint_connect {
    struct imprint_slice certificate_der;
    const char *client_id;
    const char *address; /* the client's, "" if unknown */
    int mqtt_version;    /* 3, 4 (3.1.1) or 5 */
    bool is_persistent;  /* no clean session */
};

/* DER, to be freed, of an OpenSSL X509, which is taken over in any case. */
bool imprint_endpoint_take_x509(void *x509, uint8_t **der, size_t *der_len);

/*
 * IMPRINT_OK gives a session, which must leave; its certificate_id is good
 * until then. ERR_REFUSED: unknown, not ACTIVE, expired, not allowed to connect
 * by its policies, or too many (logged). ERR_LOST: the same, and AWS closes
 * without a word; so does a fault.
 * ERR_TIMEOUT: the registry is busy.
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_admit(
    struct imprint_endpoint *endpoint,
    const struct imprint_endpoint_connect *connect,
    struct imprint_endpoint_session **out);
const char *imprint_endpoint_certificate_id(
    const struct imprint_endpoint_session *session);

/* Replies to its open requests are dropped. */
void imprint_endpoint_leave(struct imprint_endpoint *endpoint,
                            struct imprint_endpoint_session *session);

enum imprint_endpoint_access {
    IMPRINT_ENDPOINT_PUBLISH,
    IMPRINT_ENDPOINT_RETAIN, /* PUBLISH with retain */
    IMPRINT_ENDPOINT_SUBSCRIBE,
    IMPRINT_ENDPOINT_RECEIVE
};

enum imprint_endpoint_verdict {
    IMPRINT_ENDPOINT_ALLOWED,
    IMPRINT_ENDPOINT_REJECTED, /* not this one; the connection stays */
    IMPRINT_ENDPOINT_DENIED,   /* MQTT 3.1.1 has no word for it: close */
    IMPRINT_ENDPOINT_CLOSE     /* whatever the version */
};

/* What a session wants to do. */
struct imprint_endpoint_act {
    enum imprint_endpoint_access access;
    const char *topic;         /* or the filter of SUBSCRIBE */
    size_t payload_len;        /* of a message */
    size_t subscription_count; /* SUBSCRIBE: what it has already */
};

/* By policies, limits and faults. A no is logged with what came nearest. */
enum imprint_endpoint_verdict imprint_endpoint_allows(
    struct imprint_endpoint *endpoint, struct imprint_endpoint_session *session,
    const struct imprint_endpoint_act *act);

/*
 * Hands over a PUBLISH that was allowed. True: it is a request of the
 * provisioning API, so the broker must swallow it, and a reply will come (at
 * once or later) unless the session leaves. False: an ordinary message.
 */
bool imprint_endpoint_submit(struct imprint_endpoint *endpoint,
                             struct imprint_endpoint_session *session,
                             const char *topic, struct imprint_slice payload);

/* A reply; topic and payload are good until the next collect. */
struct imprint_endpoint_reply {
    struct imprint_endpoint_session *session;
    const char *topic;
    struct imprint_slice payload;
};

/* True while there is one. Also ages tokens and looks at what changed. */
bool imprint_endpoint_collect(struct imprint_endpoint *endpoint,
                              struct imprint_endpoint_reply *out);

struct imprint_endpoint_eviction {
    struct imprint_endpoint_session *session;
    bool has_lost; /* its certificate: all its connections go; else this one */
};

/* Who has to go next; false: nobody. Call it often: it also looks. */
bool imprint_endpoint_evicted(struct imprint_endpoint *endpoint,
                              struct imprint_endpoint_eviction *out);

/* Human-readable figures, one line: pool fill and refill rate. */
void imprint_endpoint_figures(struct imprint_endpoint *endpoint, char *line,
                              size_t line_len);

#endif
