/* An endpoint without a broker, for its tests. */
#ifndef TESTS_UNIT_ENDPOINT_RIG_H
#define TESTS_UNIT_ENDPOINT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "endpoint/endpoint.h"
#include "imprint/codec.h"
#include "imprint/topics.h"
#include "posix/keys.h"

#define LOG_LEN 262144

struct reply {
    char topic[128];
    uint8_t payload[16384];
    size_t len;
    uint8_t text[16384];
};

struct fixture {
    char dir[64];
    struct imprint_endpoint_paths paths;
    struct imprint_endpoint *endpoint;
    sem_t woken;
    pthread_mutex_t lock;
    char log[LOG_LEN]; /* all lines */
    size_t log_len;
    bool is_v311; /* clients speak MQTT 3.1.1, not 5 */
};

struct count {
    size_t all;
    size_t pending;
};

bool fixture_is_logged(struct fixture *fixture, const char *text);

/* Fails with why unless status is OK. */
void fixture_must(enum imprint_status status, const struct imprint_why *why);

void fixture_open_endpoint(struct fixture *fixture);

/* imprint_endpoint_prepare again. */
void fixture_prepare(struct fixture *fixture);

/* A prepared directory and an endpoint with an empty pool of size 0. */
int fixture_set_up(void **state);

int fixture_tear_down(void **state);

enum imprint_status fixture_connect_pem(struct fixture *fixture,
                                        const char *pem, size_t len,
                                        const char *client_id,
                                        struct imprint_endpoint_session **out);

enum imprint_status fixture_try_claim(struct fixture *fixture, const char *path,
                                      const char *client_id,
                                      struct imprint_endpoint_session **out);

/* The default claim, which must be let in. */
struct imprint_endpoint_session *fixture_connect_claim(struct fixture *fixture,
                                                       const char *client_id);

/* For imprint_keys_free_pem. */
char *fixture_make_csr(enum imprint_keys_kind kind);

/* Whose reply came next. */
struct imprint_endpoint_session *fixture_wait_reply(struct fixture *fixture,
                                                    struct reply *out);

/* A plain yes or no. */
bool fixture_allows(struct fixture *fixture,
                    struct imprint_endpoint_session *session,
                    enum imprint_endpoint_access access, const char *topic);

/* Who has to go next, or NULL. */
struct imprint_endpoint_session *fixture_evicted(struct fixture *fixture);

/* Submits, and waits for the reply, which must be the session's. */
void fixture_ask(struct fixture *fixture,
                 struct imprint_endpoint_session *session, const char *topic,
                 struct imprint_slice payload, struct reply *out);

const struct imprint_format *fixture_format_of(enum imprint_encoding encoding);

void fixture_name_topic(char topic[128], enum imprint_operation operation,
                        enum imprint_encoding encoding);

bool fixture_is_accepted(const struct reply *reply);

/* The reply's certificate, borrowed from reply->text. */
struct imprint_identity fixture_read_created(struct reply *reply,
                                             enum imprint_encoding encoding);

struct imprint_identity fixture_create_csr(
    struct fixture *fixture, struct imprint_endpoint_session *session,
    enum imprint_encoding encoding, struct reply *reply);

/* Of template fleet; serial NULL: without a parameter. */
struct registration {
    enum imprint_encoding encoding;
    struct imprint_slice token;
    const char *serial;
};

void fixture_ask_register(struct fixture *fixture,
                          struct imprint_endpoint_session *session,
                          const struct registration *what, struct reply *reply);

void fixture_check_rejected(struct reply *reply, enum imprint_encoding encoding,
                            uint32_t status_code, const char *code);

struct count fixture_count_certificates(struct fixture *fixture);

#endif
