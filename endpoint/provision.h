/*
 * The three operations of the device provisioning MQTT API, one request at a
 * time and in three steps: sign, which takes long and needs no registry;
 * store, in a transaction that may be shared by several requests; answer, once
 * that is committed. For one thread.
 */
#ifndef IMPRINT_ENDPOINT_PROVISION_H
#define IMPRINT_ENDPOINT_PROVISION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authority.h"
#include "imprint/codec.h"
#include "imprint/topics.h"
#include "line.h"
#include "pool.h"
#include "registry.h"

#define IMPRINT_PROVISION_PAYLOAD_MAX_LEN 32768
#define IMPRINT_PROVISION_PARAMETER_MAX_COUNT 64
#define IMPRINT_PROVISION_CLIENT_ID_MAX_LEN 128
#define IMPRINT_PROVISION_TOKEN_LIFETIME_S 3600

struct imprint_provision {
    const struct imprint_authority *authority;
    struct imprint_registry *registry;
    int64_t token_lifetime_s;
};

/* errorCode is not documented by AWS but for the token; these are ours. */
struct imprint_provision_rejection {
    uint32_t status_code; /* 0: accepted */
    const char *code;
    char message[IMPRINT_WHY_TEXT_LEN];
};

struct imprint_provision_request {
    /* who, what */
    void *session;
    const atomic_bool *is_gone; /* the session's: nobody waits any more */
    struct imprint_topic topic; /* template_name borrows from below */
    char template_name[IMPRINT_TEMPLATE_NAME_MAX_LEN + 1];
    char client_id[IMPRINT_PROVISION_CLIENT_ID_MAX_LEN + 1];
    char claim_id[IMPRINT_AUTHORITY_ID_LEN + 1];
    uint8_t *payload; /* own, as what is below */
    size_t payload_len;
    struct imprint_pool_key key; /* CreateKeysAndCertificate: to be given */

    /* between the steps */
    uint8_t *text; /* what registration borrows from */
    struct imprint_registration registration;
    struct imprint_pair parameters[IMPRINT_PROVISION_PARAMETER_MAX_COUNT];
    struct imprint_authority_certificate certificate;
    char token[IMPRINT_AUTHORITY_TOKEN_LEN + 1];
    char thing_name[129];
    bool is_repeat;
    bool key_is_lost; /* by store: another process took it, give another one */

    /* what comes out */
    struct imprint_provision_rejection rejection;
    char reply_topic[IMPRINT_TOPIC_MAX_LEN + 1];
    uint8_t *reply;
    size_t reply_len;

    struct imprint_provision_request *next; /* the owner's */
};

/* NULL: no memory. topic is a request's; payload is copied. */
struct imprint_provision_request *imprint_provision_new(
    const struct imprint_topic *topic, struct imprint_slice payload);
/* Erases, then frees. */
void imprint_provision_free(struct imprint_provision_request *request);

/* ---- for registration.c ---- */

const struct imprint_format *imprint_provision_format(
    const struct imprint_provision_request *request);

/* Says no in the reply; IMPRINT_ERR_REFUSED. */
enum imprint_status imprint_provision_reject(
    struct imprint_provision_request *request, uint32_t status_code,
    const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
enum imprint_status imprint_provision_reject_payload(
    struct imprint_provision_request *request);

/* Room for the payload's text: it never grows by being unescaped. */
bool imprint_provision_make_text(struct imprint_provision_request *request,
                                 struct imprint_writer *writer);

/* ---- the steps ---- */

/* A step does nothing for a request that is rejected already. */
void imprint_provision_sign(const struct imprint_provision *provision,
                            struct imprint_provision_request *request);

/*
 * Not OK: undo what it did, and reject the request by imprint_provision_fail
 * unless it is rejected already.
 */
enum imprint_status imprint_provision_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request);

/* 500 InternalFailure. */
void imprint_provision_fail(struct imprint_provision_request *request);
/* 429 Throttled. */
void imprint_provision_throttle(struct imprint_provision_request *request);

/* Fills reply_topic and reply. False: no memory. */
bool imprint_provision_answer(struct imprint_provision_request *request);

/* What came out, for the log. */
void imprint_provision_describe(const struct imprint_provision_request *request,
                                char line[IMPRINT_LINE_LEN]);

#endif
