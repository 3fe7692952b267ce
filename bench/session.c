#include "session.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PACKET_MAX_LEN 16384
#define CREATE "$aws/certificates/create-from-csr/json"

enum packet { CONNACK = 0x20, PUBLISH = 0x30, SUBACK = 0x90 };

struct packet_text {
    unsigned char bytes[PACKET_MAX_LEN];
    size_t len;
};

static int dial(const struct bench_place *place)
{
    struct timeval limit = {.tv_sec = 10};
    struct sockaddr_in address = {.sin_family = AF_INET};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_port = htons((unsigned short)place->port);
    if (fd < 0 || inet_pton(AF_INET, place->host, &address.sin_addr) != 1)
        return fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool secure(struct bench_session *session,
                   const struct bench_place *place, X509 *certificate,
                   EVP_PKEY *key)
{
    session->packet_id = 0;
    session->refused = 0;
    session->ssl = NULL;
    session->socket = dial(place);
    if (session->socket < 0)
        return false;
    session->ssl = SSL_new(place->context);
    return session->ssl && SSL_set_fd(session->ssl, session->socket) == 1 &&
           SSL_use_certificate(session->ssl, certificate) == 1 &&
           SSL_use_PrivateKey(session->ssl, key) == 1 &&
           SSL_set_tlsext_host_name(session->ssl, "localhost") == 1 &&
           SSL_connect(session->ssl) == 1;
}

static void put_text(struct packet_text *body, const char *text)
{
    size_t len = strlen(text);

    body->bytes[body->len++] = (unsigned char)(len >> 8);
    body->bytes[body->len++] = (unsigned char)len;
    memcpy(body->bytes + body->len, text, len);
    body->len += len;
}

static bool send_packet(struct bench_session *session, unsigned char type,
                        const struct packet_text *body)
{
    unsigned char out[PACKET_MAX_LEN + 5];
    size_t at = 0;
    size_t left = body->len;

    out[at++] = type;
    do {
        out[at] = (unsigned char)(left & 127);
        left >>= 7;
        if (left)
            out[at] |= 128;
        at++;
    } while (left);
    memcpy(out + at, body->bytes, body->len);
    return SSL_write(session->ssl, out, (int)(at + body->len)) > 0;
}

static bool read_all(struct bench_session *session, unsigned char *to,
                     size_t len)
{
    while (len > 0) {
        int got = SSL_read(session->ssl, to, (int)len);

        if (got <= 0)
            return false;
        to += got;
        len -= (size_t)got;
    }
    return true;
}

static bool read_packet(struct bench_session *session, unsigned char *type,
                        struct packet_text *body)
{
    unsigned char byte;
    unsigned shift = 0;
    size_t len = 0;

    if (!read_all(session, type, 1))
        return false;
    do {
        if (!read_all(session, &byte, 1) || shift > 21)
            return false;
        len |= (size_t)(byte & 127) << shift;
        shift += 7;
    } while (byte & 128);
    body->len = len;
    if (len >= sizeof(body->bytes) || !read_all(session, body->bytes, len))
        return false;
    body->bytes[len] = '\0';
    return true;
}

/* Waits for a PUBLISH, acknowledges it, gives its topic and payload. */
static bool read_reply(struct bench_session *session, struct packet_text *body,
                       const char **topic, const char **payload)
{
    struct packet_text answer = {.len = 2};
    unsigned char type;
    size_t topic_len;

    do {
        if (!read_packet(session, &type, body))
            return false;
    } while ((type & 0xf0) != PUBLISH);
    if (body->len < 5)
        return false;
    topic_len = (size_t)body->bytes[0] << 8 | body->bytes[1];
    if (topic_len + 4 > body->len || !(type & 0x06))
        return false;
    memcpy(answer.bytes, body->bytes + 2 + topic_len, 2);
    body->bytes[2 + topic_len] = '\0';
    *topic = (const char *)body->bytes + 2;
    *payload = (const char *)body->bytes + 4 + topic_len;
    return send_packet(session, 0x40, &answer);
}

/* Or else why not. */
static bool accepted(struct bench_session *session, const char *topic,
                     const char *payload)
{
    static const char name[] = "\"statusCode\":";
    size_t len = strlen(topic);
    const char *code;

    if (len > 9 && strcmp(topic + len - 9, "/accepted") == 0)
        return true;
    code = strstr(payload, name);
    if (code)
        session->refused = (unsigned)strtoul(code + sizeof(name) - 1, NULL, 10);
    return false;
}

bool bench_session_open(struct bench_session *session,
                        const struct bench_place *place, X509 *certificate,
                        EVP_PKEY *key, const char *client_id)
{
    static const unsigned char head[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60};
    struct packet_text body = {.len = sizeof(head)};
    unsigned char type;

    if (!secure(session, place, certificate, key))
        return false;
    memcpy(body.bytes, head, sizeof(head));
    put_text(&body, client_id);
    if (!send_packet(session, 0x10, &body) ||
        !read_packet(session, &type, &body) || type != CONNACK || body.len != 2)
        return false;
    session->refused = body.bytes[1];
    return session->refused == 0;
}

void bench_session_close(struct bench_session *session)
{
    static const struct packet_text none = {.len = 0};

    if (session->ssl && SSL_is_init_finished(session->ssl)) {
        (void)send_packet(session, 0xe0, &none);
        SSL_shutdown(session->ssl);
    }
    SSL_free(session->ssl);
    session->ssl = NULL;
    if (session->socket >= 0)
        close(session->socket);
    session->socket = -1;
}

bool bench_session_subscribe(struct bench_session *session,
                             const struct bench_place *place)
{
    static const char *const ends[] = {"accepted", "rejected"};
    struct packet_text body = {.len = 2};
    char topic[256];

    body.bytes[0] = 0;
    body.bytes[1] = 1;
    session->packet_id = 1;
    for (size_t i = 0; i < 2; i++) {
        snprintf(topic, sizeof(topic), CREATE "/%s", ends[i]);
        put_text(&body, topic);
        body.bytes[body.len++] = 1;
        snprintf(topic, sizeof(topic),
                 "$aws/provisioning-templates/%s/provision/json/%s",
                 place->template_name, ends[i]);
        put_text(&body, topic);
        body.bytes[body.len++] = 1;
    }
    return send_packet(session, 0x82, &body);
}

static bool publish(struct bench_session *session, const char *topic,
                    const char *payload)
{
    struct packet_text body = {.len = 0};
    size_t len = strlen(payload);

    put_text(&body, topic);
    session->packet_id++;
    body.bytes[body.len++] = (unsigned char)(session->packet_id >> 8);
    body.bytes[body.len++] = (unsigned char)session->packet_id;
    memcpy(body.bytes + body.len, payload, len);
    body.len += len;
    return send_packet(session, 0x32, &body);
}

/* Copies a text member of flat JSON, "\n" turned into line ends. */
static bool member(const char *json, const char *name, char *out, size_t room)
{
    char quoted[64];
    const char *at;
    size_t len = 0;

    snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    at = strstr(json, quoted);
    if (!at)
        return false;
    at += strlen(quoted);
    at += strspn(at, " ");
    if (*at++ != '"')
        return false;
    for (; *at && *at != '"' && len + 1 < room; at++) {
        if (*at != '\\') {
            out[len++] = *at;
        } else {
            at++;
            out[len++] = *at == 'n' ? '\n' : *at;
        }
    }
    out[len] = '\0';
    return *at == '"';
}

bool bench_session_create(struct bench_session *session, const char *csr_pem,
                          struct bench_created *created)
{
    struct packet_text body;
    char json[4096] = "{\"certificateSigningRequest\":\"";
    size_t len = strlen(json);
    const char *topic;
    const char *payload;

    for (; *csr_pem && len < sizeof(json) - 8; csr_pem++) {
        if (*csr_pem == '\n') {
            json[len++] = '\\';
            json[len++] = 'n';
        } else {
            json[len++] = *csr_pem;
        }
    }
    memcpy(json + len, "\"}", 3);
    session->refused = 0;
    return publish(session, CREATE, json) &&
           read_reply(session, &body, &topic, &payload) &&
           accepted(session, topic, payload) &&
           member(payload, "certificateOwnershipToken", created->token,
                  sizeof(created->token)) &&
           member(payload, "certificatePem", created->certificate_pem,
                  sizeof(created->certificate_pem));
}

bool bench_session_ask(struct bench_session *session,
                       const struct bench_place *place, const char *token,
                       const char *serial)
{
    char json[5120];
    char topic[256];

    snprintf(topic, sizeof(topic),
             "$aws/provisioning-templates/%s/provision/json",
             place->template_name);
    snprintf(json, sizeof(json),
             "{\"certificateOwnershipToken\":\"%s\","
             "\"parameters\":{\"SerialNumber\":\"%s\"}}",
             token, serial);
    return publish(session, topic, json);
}

bool bench_session_answer(struct bench_session *session)
{
    struct packet_text body;
    const char *topic;
    const char *payload;

    session->refused = 0;
    return read_reply(session, &body, &topic, &payload) &&
           accepted(session, topic, payload);
}

bool bench_session_register(struct bench_session *session,
                            const struct bench_place *place, const char *token,
                            const char *serial)
{
    return bench_session_ask(session, place, token, serial) &&
           bench_session_answer(session);
}

bool bench_session_greet(const struct bench_place *place)
{
    struct bench_session session;
    unsigned char byte;
    bool done = secure(&session, place, place->claim, place->claim_key) &&
                read_all(&session, &byte, 1);

    if (session.ssl)
        SSL_shutdown(session.ssl);
    SSL_free(session.ssl);
    if (session.socket >= 0)
        close(session.socket);
    return done;
}
