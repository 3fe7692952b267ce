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
#include <stdint.h>

#include "authority_token.h"
#include "fault.h"
#include "hook.h"
#include "imprint/codec.h"
#include "imprint/topics.h"
#include "line.h"
#include "pool.h"
#include "registry.h"
#include "rules.h"

#define IMPRINT_PROVISION_PAYLOAD_MAX_LEN 32768
#define IMPRINT_PROVISION_PARAMETER_MAX_COUNT 64
#define IMPRINT_PROVISION_CLIENT_ID_MAX_LEN 128

/* Of everything that has an ARN here. */
#define IMPRINT_PROVISION_ARN "arn:aws:iot:us-east-1:000000000000:"

struct imprint_provision {
    const struct imprint_authority *authority;
    struct imprint_registry *registry;
    const struct imprint_rules *rules;
    struct imprint_faults *faults;
    struct imprint_templates *templates;
    const char *provider; /* the certificate provider's target, or NULL */
};

/* What a step could not do without; the step is then done again. */
enum imprint_provision_lack {
    IMPRINT_PROVISION_NOTHING,
    IMPRINT_PROVISION_KEY, /* another process took it: give another one */
    IMPRINT_PROVISION_HOOK /* request->hook is to be run */
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
    char claim[65];   /* the claim's name; "": a device's own certificate */
    uint8_t *payload; /* own, as what is below */
    size_t payload_len;
    struct imprint_pool_key key; /* CreateKeysAndCertificate: to be given */
    int64_t since_us;            /* it came; imprint_clock_now_us */

    /* between the steps */
    uint8_t *text; /* what the next three borrow from */
    struct imprint_slice csr_pem;
    struct imprint_registration registration;
    struct imprint_pair parameters[IMPRINT_PROVISION_PARAMETER_MAX_COUNT];
    struct imprint_authority_certificate certificate;
    char token[IMPRINT_AUTHORITY_TOKEN_LEN + 1];
    char thing_name[129];
    bool is_repeat;
    enum imprint_provision_lack lack;
    struct imprint_hook_job *hook; /* own; NULL: none was needed so far */
    struct imprint_fault fault;
    struct imprint_identity identity; /* what a create operation hands out */
    char *edit;                       /* what a fault made it borrow from */

    /* what comes out */
    char note[IMPRINT_WHY_TEXT_LEN]; /* for the log alone */
    struct imprint_provision_rejection rejection;
    char reply_topic[IMPRINT_TOPIC_MAX_LEN + 1];
    uint8_t *reply;
    size_t reply_len;
    struct imprint_provision_request *next; /* the owner's */
};

/* NULL: no memory. topic is a request's; payload is copied. */
struct imprint_provision_request *imprint_provision_new(
    const struct imprint_topic *topic, struct imprint_slice payload);
void imprint_provision_free(struct imprint_provision_request *request);

/* Free it. ERR_NOT_FOUND: an ARN, and setting "hook:<ARN>" is missing. */
enum imprint_status imprint_provision_find_target(
    struct imprint_registry *registry, const char *hook, char **target,
    struct imprint_why *why);

/* ---- the steps ---- */

/*
 * A step does nothing for a request that is rejected already, and this one
 * nothing twice. It may leave a lack; then don't store.
 */
void imprint_provision_sign(const struct imprint_provision *provision,
                            struct imprint_provision_request *request);

/*
 * Not OK: undo what it did, and reject the request by imprint_provision_fail
 * unless it is rejected already or lacks something.
 */
enum imprint_status imprint_provision_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request);

/* 500 InternalFailure; 429 Throttled. */
void imprint_provision_fail(struct imprint_provision_request *request);
void imprint_provision_throttle(struct imprint_provision_request *request);

/* Fills reply_topic and reply; once. False: no memory. */
bool imprint_provision_answer(struct imprint_provision_request *request);

void imprint_provision_describe(const struct imprint_provision_request *request,
                                char line[IMPRINT_LINE_LEN]);

#endif
