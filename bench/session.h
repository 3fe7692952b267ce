/* One MQTT 3.1.1 session over mutual TLS, made by hand, for load. */
#ifndef IMPRINT_BENCH_SESSION_H
#define IMPRINT_BENCH_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct bench_place {
    char host[64];
    int port;
    const char *template_name;
    SSL_CTX *context; /* the endpoint's authority; no certificate of ours */
    X509 *claim;
    EVP_PKEY *claim_key;
};

struct bench_session {
    SSL *ssl;
    int socket;
    unsigned short packet_id;
    /* What the last answer said: the code of a CONNACK, or the statusCode of a
     * rejection. 0: there was none, or it was no refusal. */
    unsigned refused;
};

/* What a reply held; texts are NUL-terminated. */
struct bench_created {
    char token[4096];
    char certificate_pem[8192];
};

/* TCP, TLS, CONNECT, CONNACK 0. */
bool bench_session_open(struct bench_session *session,
                        const struct bench_place *place, X509 *certificate,
                        EVP_PKEY *key, const char *client_id);
void bench_session_close(struct bench_session *session);

/* Four topics in one SUBSCRIBE; does not wait for the SUBACK. */
bool bench_session_subscribe(struct bench_session *session,
                             const struct bench_place *place);

/* CreateCertificateFromCsr, then RegisterThing, each up to its reply. */
bool bench_session_create(struct bench_session *session, const char *csr_pem,
                          struct bench_created *created);
bool bench_session_register(struct bench_session *session,
                            const struct bench_place *place, const char *token,
                            const char *serial);
/* The same in two steps. */
bool bench_session_ask(struct bench_session *session,
                       const struct bench_place *place, const char *token,
                       const char *serial);
bool bench_session_answer(struct bench_session *session);

/* TCP and TLS only, up to one byte from the server. */
bool bench_session_greet(const struct bench_place *place);

#endif
