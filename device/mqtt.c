#include "device/mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/dial.h"
#include "device/handover.h"
#include "device/inbox.h"
#include "posix/clock.h"
#include "posix/why.h"

#define KEEPALIVE_S 60

struct imprint_mqtt {
    struct mosquitto *client;
    struct imprint_tls *tls;
    void (*log)(void *user, const char *line);
    void *user;
    char place[IMPRINT_DIAL_PLACE_LEN]; /* host and port, for messages */
    struct imprint_inbox inbox;
    int64_t tls_until_ms;     /* when the handshake is due */
    int64_t connack_until_ms; /* 0: TLS is not up */
    uint32_t timeout_tls_ms;
    uint32_t timeout_ms;
    int connack; /* -1: none yet */
    int reason;  /* of an MQTT 5 DISCONNECT or PUBACK; 0: none */
    bool asked;  /* a SUBSCRIBE or PUBLISH left */
    bool granted;
    bool too_large;
    bool ended;
    bool is_v5;
    bool is_early; /* CONNECTED is told before CONNACK */
    bool is_told;  /* it was */
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
    (void)mosquitto_lib_init();
}

/* ---- what libmosquitto tells ---- */

static void on_connect(struct mosquitto *client, void *user, int code)
{
    struct imprint_mqtt *session = user;

    (void)client;
    session->connack = code;
    if (code == 0 && !session->is_told)
        (void)imprint_inbox_push(&session->inbox, IMPRINT_MQTT_CONNECTED);
}

static void on_disconnect(struct mosquitto *client, void *user, int code,
                          const mosquitto_property *properties)
{
    struct imprint_mqtt *session = user;

    (void)client;
    (void)properties;
    /* what is below 0x80 is libmosquitto's own number */
    if (code >= 0x80 && session->reason == 0)
        session->reason = code;
}

static void on_subscribe(struct mosquitto *client, void *user, int id,
                         int count, const int *granted)
{
    struct imprint_mqtt *session = user;
    struct imprint_inbox_item *item =
        imprint_inbox_push(&session->inbox, IMPRINT_MQTT_SUBSCRIBED);

    (void)client;
    (void)id;
    session->granted = true;
    for (int i = count - 1; item && i >= 0; i--) {
        if (granted[i] >= 0x80)
            item->ungranted = (uint8_t)i;
    }
}

static void on_publish(struct mosquitto *client, void *user, int id, int code,
                       const mosquitto_property *properties)
{
    struct imprint_mqtt *session = user;

    (void)client;
    (void)id;
    (void)properties;
    if (code >= 0x80 && session->reason == 0)
        session->reason = code;
}

static void on_message(struct mosquitto *client, void *user,
                       const struct mosquitto_message *message)
{
    struct imprint_mqtt *session = user;

    (void)client;
    if (message->payloadlen < 0 ||
        message->payloadlen > IMPRINT_MQTT_PAYLOAD_MAX_LEN)
        session->too_large = true;
    else
        imprint_inbox_push_message(
            &session->inbox, message->topic,
            imprint_slice_of(message->payload, (size_t)message->payloadlen));
}

static void on_log(struct mosquitto *client, void *user, int level,
                   const char *line)
{
    struct imprint_mqtt *session = user;

    (void)client;
    (void)level;
    session->log(session->user, line);
}

/* ---- open and close ---- */

static bool set_options(struct imprint_mqtt *session,
                        const struct imprint_mqtt_options *options)
{
    struct mosquitto *client = session->client;
    int version = session->is_v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;

    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_disconnect_v5_callback_set(client, on_disconnect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_publish_v5_callback_set(client, on_publish);
    mosquitto_message_callback_set(client, on_message);
    if (session->log)
        mosquitto_log_callback_set(client, on_log);
    return mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, version) ==
               0 &&
           mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) ==
               0 &&
           mosquitto_void_option(client, MOSQ_OPT_SSL_CTX,
                                 imprint_tls_context(options->tls)) == 0;
}

static const char no_tls_hint[] =
    "a firewall or proxy between may cut TLS, packets above the path's MTU may "
    "get lost, or the port speaks something else: try --port 443, --proxy, or "
    "another network";

static const char not_let_in_hint[] =
    "is it the endpoint of the certificate's account and region? is the "
    "certificate known there and ACTIVE? does its policy allow iot:Connect on "
    "client/ for this client id?";

static enum imprint_status tell_closed(const struct imprint_mqtt *session,
                                       const char *reason,
                                       struct imprint_why *why)
{
    const char *when = "instead of answering CONNECT";

    if (!imprint_tls_ready(session->tls)) {
        imprint_why_set(why, IMPRINT_ERR_LOST,
                        "%s closed the connection before TLS was up",
                        session->place);
        imprint_why_hint(why, "%s", no_tls_hint);
        return IMPRINT_ERR_LOST;
    }
    if (session->connack == 0)
        when = session->asked ? "after a request" : "after connecting";
    imprint_why_set(why, IMPRINT_ERR_LOST, "%s closed the connection %s: %s",
                    session->place, when, reason);
    if (session->connack == 0)
        imprint_why_hint(why, "if it does so every time: the policy does not "
                              "allow this, or another client has the same "
                              "client id; imprint doctor finds out");
    else if (imprint_tls_lacks_alpn(session->tls))
        imprint_why_hint(why, "it did not take ALPN x-amzn-mqtt-ca: that is no "
                              "port 443 of AWS IoT, or something between ends "
                              "TLS");
    else
        imprint_why_hint(why, "%s", not_let_in_hint);
    return IMPRINT_ERR_LOST;
}

static enum imprint_status tell_begin(const struct imprint_mqtt *session,
                                      int code, struct imprint_why *why)
{
    int number = errno;
    enum imprint_status status = imprint_tls_trouble(session->tls, why);

    if (status != IMPRINT_OK)
        return status;
    return imprint_why_set(
        why, IMPRINT_ERR_LOST, "cannot begin MQTT with %s: %s", session->place,
        code == MOSQ_ERR_ERRNO ? strerror(number) : mosquitto_strerror(code));
}

/* The library connects to a Unix socket, begins TLS there, and is given the
 * true connection. */
static enum imprint_status begin(struct imprint_mqtt *session, const char *dir,
                                 int tcp, struct imprint_why *why)
{
    struct imprint_handover handover;
    enum imprint_status status = imprint_handover_open(dir, &handover, why);
    int code;

    if (status != IMPRINT_OK) {
        (void)close(tcp);
        return status;
    }
    code =
        mosquitto_connect_async(session->client, handover.path, 0, KEEPALIVE_S);
    if (code == MOSQ_ERR_SUCCESS)
        return imprint_handover_finish(
            &handover, mosquitto_socket(session->client), tcp, why);
    status = tell_begin(session, code, why);
    (void)close(tcp);
    imprint_handover_close(&handover);
    return status;
}

enum imprint_status imprint_mqtt_open(
    const struct imprint_mqtt_options *options, int tcp,
    struct imprint_mqtt **out, struct imprint_why *why)
{
    struct imprint_mqtt *session = calloc(1, sizeof(*session));
    enum imprint_status status;

    (void)pthread_once(&library_once, start_library);
    if (session) {
        session->tls = options->tls;
        session->log = options->log;
        session->user = options->user;
        session->is_v5 = options->version == 5;
        session->is_early = options->early_requests;
        session->connack = -1;
        session->timeout_ms = options->timeout_ms;
        session->timeout_tls_ms = options->timeout_tls_ms;
        imprint_dial_place(session->place, options->host, options->port);
        session->client = mosquitto_new(options->client_id, true, session);
    }
    if (!session || !session->client || !set_options(session, options)) {
        imprint_mqtt_close(session);
        (void)close(tcp);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "cannot set MQTT up");
    }
    status = begin(session, options->dir, tcp, why);
    if (status == IMPRINT_OK)
        *out = session;
    else
        imprint_mqtt_close(session);
    return status;
}

enum imprint_status imprint_mqtt_show(struct imprint_mqtt *session,
                                      const char *certificate_pem,
                                      const struct imprint_keys_key *key,
                                      struct imprint_why *why)
{
    session->tls_until_ms =
        imprint_clock_now_ms() + (int64_t)session->timeout_tls_ms;
    return imprint_tls_show(mosquitto_ssl_get(session->client), certificate_pem,
                            key, why);
}

void imprint_mqtt_close(struct imprint_mqtt *session)
{
    if (!session)
        return;
    if (session->client) {
        if (session->connack == 0 && !session->ended)
            (void)mosquitto_disconnect(session->client);
        mosquitto_destroy(session->client);
    }
    imprint_inbox_clear(&session->inbox);
    free(session);
}

/* ---- requests ---- */

static char *text_of(struct imprint_slice slice)
{
    return strndup(slice.len ? (const char *)slice.bytes : "", slice.len);
}

static enum imprint_status tell_send(const struct imprint_mqtt *session,
                                     const char *what, int code,
                                     struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_LOST, "cannot send %s to %s: %s",
                           what, session->place, mosquitto_strerror(code));
}

enum imprint_status imprint_mqtt_subscribe(struct imprint_mqtt *session,
                                           const struct imprint_slice *topics,
                                           size_t topic_count,
                                           struct imprint_why *why)
{
    char *texts[IMPRINT_MQTT_TOPIC_MAX_COUNT] = {NULL};
    int code = MOSQ_ERR_SUCCESS;

    if (topic_count > IMPRINT_MQTT_TOPIC_MAX_COUNT)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "too many topics");
    for (size_t i = 0; i < topic_count; i++) {
        texts[i] = text_of(topics[i]);
        if (!texts[i])
            code = MOSQ_ERR_NOMEM;
    }
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_subscribe_multiple(
            session->client, NULL, (int)topic_count, texts, 1, 0, NULL);
    for (size_t i = 0; i < topic_count; i++)
        free(texts[i]);
    session->asked = true;
    session->granted = false;
    return code ? tell_send(session, "SUBSCRIBE", code, why) : IMPRINT_OK;
}

enum imprint_status imprint_mqtt_publish(struct imprint_mqtt *session,
                                         struct imprint_slice topic,
                                         struct imprint_slice payload,
                                         struct imprint_why *why)
{
    char *text = text_of(topic);
    int code = MOSQ_ERR_NOMEM;

    if (payload.len > IMPRINT_MQTT_PAYLOAD_MAX_LEN)
        code = MOSQ_ERR_PAYLOAD_SIZE;
    else if (text)
        code = mosquitto_publish(session->client, NULL, text, (int)payload.len,
                                 payload.len ? payload.bytes : NULL, 1, false);
    free(text);
    session->asked = true;
    return code ? tell_send(session, "PUBLISH", code, why) : IMPRINT_OK;
}

/* ---- why it ended ---- */

static enum imprint_status tell_connack(const struct imprint_mqtt *session,
                                        struct imprint_why *why)
{
    int code = session->connack;
    enum imprint_status status = IMPRINT_ERR_REFUSED;
    const char *text = session->is_v5 ? mosquitto_reason_string(code)
                                      : mosquitto_connack_string(code);
    const char *hint = not_let_in_hint;

    if (code == (session->is_v5 ? MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION : 1)) {
        status = IMPRINT_ERR_SETTINGS;
        hint = "try the other --mqtt version";
    } else if (code == 3 || code == MQTT_RC_SERVER_UNAVAILABLE ||
               code == MQTT_RC_SERVER_BUSY || code == MQTT_RC_QUOTA_EXCEEDED ||
               code == MQTT_RC_CONNECTION_RATE_EXCEEDED ||
               code == MQTT_RC_UNSPECIFIED) {
        status = IMPRINT_ERR_LOST;
        hint = "";
    }
    imprint_why_set(why, status, "%s refused the connection (CONNACK %d): %.*s",
                    session->place, code, (int)strcspn(text, "."), text);
    imprint_why_hint(why, "%s", hint);
    return status;
}

/* The peer went away by itself: AWS IoT does so when a policy says no. */
static enum imprint_status tell_end(const struct imprint_mqtt *session,
                                    int code, int number,
                                    struct imprint_why *why)
{
    enum imprint_status status;
    const char *reason = "closed";

    if (session->connack > 0)
        return tell_connack(session, why);
    status = imprint_tls_trouble(session->tls, why);
    if (status != IMPRINT_OK)
        return status;
    if (session->too_large)
        return imprint_why_set(why, IMPRINT_ERR_SPACE,
                               "%s sent a message longer than %d bytes",
                               session->place, IMPRINT_MQTT_PAYLOAD_MAX_LEN);
    if (session->reason) {
        bool is_ours = session->reason == MQTT_RC_NOT_AUTHORIZED ||
                       session->reason == MQTT_RC_ADMINISTRATIVE_ACTION;

        status = is_ours ? IMPRINT_ERR_REFUSED : IMPRINT_ERR_LOST;
        return imprint_why_set(why, status, "%s said no: %s", session->place,
                               mosquitto_reason_string(session->reason));
    }
    if (number)
        reason = strerror(number);
    else if (code != MOSQ_ERR_CONN_LOST && code != MOSQ_ERR_NO_CONN &&
             code != MOSQ_ERR_SUCCESS)
        reason = mosquitto_strerror(code);
    return tell_closed(session, reason, why);
}

bool imprint_mqtt_is_unanswered(const struct imprint_mqtt *session)
{
    return session->connack == -1 && imprint_tls_ready(session->tls);
}

void imprint_mqtt_tell_silence(const struct imprint_mqtt *session,
                               struct imprint_why *why)
{
    const char *what = "a TLS handshake";

    if (session->connack == 0)
        what = session->asked && !session->granted ? "SUBACK" : "a reply";
    else if (imprint_tls_ready(session->tls))
        what = "CONNACK";
    imprint_why_set(why, IMPRINT_ERR_TIMEOUT, "no answer from %s: %s is due",
                    session->place, what);
    if (session->connack == 0)
        imprint_why_hint(why, "the service may be slow, or the claim's policy "
                              "does not allow the request");
    else
        imprint_why_hint(why, "%s",
                         imprint_tls_ready(session->tls)
                             ? "is that port MQTT's, and the service well?"
                             : no_tls_hint);
}

/* ---- waiting ---- */

/* Does what the socket allows. Reads first: the peer's last word may be
 * there when writing would only tell that it is gone. */
static int serve(struct imprint_mqtt *session, short events)
{
    struct mosquitto *client = session->client;
    int code = MOSQ_ERR_SUCCESS;

    if (events & (POLLIN | POLLERR | POLLHUP)) {
        do {
            code = mosquitto_loop_read(client, 1);
        } while (code == MOSQ_ERR_SUCCESS && mosquitto_socket(client) >= 0 &&
                 imprint_tls_pending(mosquitto_ssl_get(client)));
    }
    if (code == MOSQ_ERR_SUCCESS && events & POLLOUT)
        code = mosquitto_loop_write(client, 1);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_loop_misc(client);
    return code;
}

/*
 * The socket's own word on what happened. libmosquitto may overlook the end,
 * and would serve the dead socket for ever.
 */
static int check_socket(const struct pollfd *poller, int *number)
{
    socklen_t len = sizeof(*number);
    char byte;

    if (poller->revents & POLLERR &&
        getsockopt(poller->fd, SOL_SOCKET, SO_ERROR, number, &len) == 0 &&
        *number)
        return MOSQ_ERR_ERRNO;
    if (!(poller->revents & POLLHUP) ||
        recv(poller->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
        return MOSQ_ERR_SUCCESS;
    *number = 0;
    return MOSQ_ERR_CONN_LOST;
}

static void note_first(const struct imprint_mqtt *session, int fd)
{
    uint8_t bytes[8];
    ssize_t len = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

    if (len > 0)
        imprint_tls_note_first(session->tls,
                               imprint_slice_of(bytes, (size_t)len));
}

/* Polls and serves the socket. MOSQ_ERR_SUCCESS: it is still good. */
static int poll_socket(struct imprint_mqtt *session, int wait_ms, int *number)
{
    struct pollfd poller = {mosquitto_socket(session->client), POLLIN, 0};
    int code = MOSQ_ERR_SUCCESS;

    if (poller.fd < 0)
        return MOSQ_ERR_NO_CONN;
    if (mosquitto_want_write(session->client))
        poller.events |= POLLOUT;
    if (poll(&poller, 1, wait_ms) < 0)
        return MOSQ_ERR_SUCCESS;
    if (!imprint_tls_ready(session->tls) && poller.revents & POLLIN)
        note_first(session, poller.fd);
    errno = 0;
    code = serve(session, poller.revents);
    if (code == MOSQ_ERR_ERRNO)
        *number = errno;
    if (code != MOSQ_ERR_SUCCESS)
        return code;
    if (mosquitto_socket(session->client) < 0)
        return MOSQ_ERR_NO_CONN;
    return check_socket(&poller, number);
}

/* A step of the opening takes longer than it may. */
static bool is_late(struct imprint_mqtt *session)
{
    int64_t now = imprint_clock_now_ms();

    if (session->connack != -1)
        return false;
    if (!imprint_tls_ready(session->tls))
        return now >= session->tls_until_ms;
    if (session->connack_until_ms == 0)
        session->connack_until_ms = now + session->timeout_ms;
    return now >= session->connack_until_ms;
}

/* CONNECT has left: what follows may, too, for one who does not wait. */
static void tell_early(struct imprint_mqtt *session)
{
    if (!session->is_early || session->is_told || session->connack != -1 ||
        !imprint_tls_ready(session->tls))
        return;
    session->is_told = true;
    (void)imprint_inbox_push(&session->inbox, IMPRINT_MQTT_CONNECTED);
}

/* False: it ended, and out says why. What came before the end counts first. */
static bool turn(struct imprint_mqtt *session, int wait_ms,
                 struct imprint_mqtt_report *out, struct imprint_why *why)
{
    int number = 0;
    int code = poll_socket(session, wait_ms, &number);
    bool has_ended;

    tell_early(session);
    if (session->inbox.count > 0)
        return true;
    has_ended =
        code != MOSQ_ERR_SUCCESS || session->reason || session->too_large;
    if (!has_ended && !is_late(session))
        return true;
    session->ended = true;
    out->kind = IMPRINT_MQTT_ENDED;
    if (has_ended) {
        out->status = tell_end(session, code, number, why);
    } else {
        out->status = IMPRINT_ERR_TIMEOUT;
        imprint_mqtt_tell_silence(session, why);
    }
    return false;
}

void imprint_mqtt_wait(struct imprint_mqtt *session, uint32_t wait_ms,
                       struct imprint_mqtt_report *out, struct imprint_why *why)
{
    uint64_t until_ms = (uint64_t)imprint_clock_now_ms() + wait_ms;
    uint64_t now = until_ms - wait_ms;

    imprint_inbox_forget(&session->inbox);
    memset(out, 0, sizeof(*out));
    out->kind = IMPRINT_MQTT_QUIET;
    do {
        if (imprint_inbox_pop(&session->inbox, out) ||
            !turn(session, (int)(until_ms - now), out, why))
            return;
        now = (uint64_t)imprint_clock_now_ms();
    } while (now < until_ms);
    (void)imprint_inbox_pop(&session->inbox, out);
}
