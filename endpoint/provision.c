#include "provision.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "posix/file.h"
#include "registration.h"

const struct imprint_format *imprint_provision_format(
    const struct imprint_provision_request *request)
{
    return request->topic.encoding == IMPRINT_ENC_JSON ? &imprint_json_format
                                                       : &imprint_cbor_format;
}

enum imprint_status imprint_provision_reject(
    struct imprint_provision_request *request, uint32_t status_code,
    const char *code, const char *format, ...)
{
    char *at = request->rejection.message;
    va_list arguments;

    request->rejection.status_code = status_code;
    request->rejection.code = code;
    va_start(arguments, format);
    (void)vsnprintf(request->rejection.message,
                    sizeof(request->rejection.message), format, arguments);
    va_end(arguments);
    /* a value that was cut may have been cut inside a character */
    for (; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    return IMPRINT_ERR_REFUSED;
}

void imprint_provision_fail(struct imprint_provision_request *request)
{
    (void)imprint_provision_reject(request, 500, "InternalFailure",
                                   "The endpoint failed; try again later.");
}

void imprint_provision_throttle(struct imprint_provision_request *request)
{
    (void)imprint_provision_reject(request, 429, "Throttled",
                                   "Too many requests are open.");
}

/* ---- one request's memory ---- */

struct imprint_provision_request *imprint_provision_new(
    const struct imprint_topic *topic, struct imprint_slice payload)
{
    struct imprint_provision_request *request = calloc(1, sizeof(*request));
    bool is_short = payload.len <= IMPRINT_PROVISION_PAYLOAD_MAX_LEN;
    uint8_t *copy;
    size_t name_len =
        topic->operation == IMPRINT_OP_REGISTER ? topic->template_name.len : 0;

    if (!is_short)
        payload.len = 0;
    copy = malloc(payload.len + 1);
    if (!request || !copy || name_len >= sizeof(request->template_name)) {
        free(request);
        free(copy);
        return NULL;
    }
    if (payload.len > 0)
        memcpy(copy, payload.bytes, payload.len);
    if (name_len > 0)
        memcpy(request->template_name, topic->template_name.bytes, name_len);
    request->topic = *topic;
    request->topic.template_name = imprint_slice_text(request->template_name);
    request->payload = copy;
    request->payload_len = payload.len;
    if (!is_short)
        (void)imprint_provision_reject(request, 400, "InvalidPayload",
                                       "The payload is longer than %d bytes.",
                                       IMPRINT_PROVISION_PAYLOAD_MAX_LEN);
    return request;
}

void imprint_provision_free(struct imprint_provision_request *request)
{
    if (!request)
        return;
    imprint_file_free_secret((char *)request->text, request->payload_len);
    imprint_file_free_secret((char *)request->payload, request->payload_len);
    imprint_file_free_secret((char *)request->reply, request->reply_len);
    imprint_pool_free_key(&request->key);
    free(request->certificate.pem);
    imprint_slice_erase(request, sizeof(*request));
    free(request);
}

/* ---- sign ---- */

enum imprint_status imprint_provision_reject_payload(
    struct imprint_provision_request *request)
{
    return imprint_provision_reject(
        request, 400, "InvalidPayload",
        "The payload is not what this operation takes, in %s.",
        request->topic.encoding == IMPRINT_ENC_JSON ? "JSON" : "CBOR");
}

/* Text never grows by being unescaped. */
bool imprint_provision_make_text(struct imprint_provision_request *request,
                                 struct imprint_writer *writer)
{
    request->text = malloc(request->payload_len + 1);
    if (!request->text)
        return false;
    *writer = imprint_slice_writer(request->text, request->payload_len);
    return true;
}

static enum imprint_status sign_csr(const struct imprint_provision *provision,
                                    struct imprint_provision_request *request)
{
    struct imprint_why why = {{0}, {0}};
    struct imprint_slice csr_pem;
    struct imprint_writer text;
    enum imprint_status status;

    if (!imprint_provision_make_text(request, &text))
        return IMPRINT_ERR_INTERNAL;
    status = imprint_codec_get_csr(
        imprint_provision_format(request),
        imprint_slice_of(request->payload, request->payload_len), &text,
        &csr_pem);
    if (status != IMPRINT_OK)
        return imprint_provision_reject_payload(request);
    status = imprint_authority_sign_csr(provision->authority, csr_pem,
                                        &request->certificate, &why);
    if (status == IMPRINT_ERR_FORMAT)
        return imprint_provision_reject(
            request, 400, "InvalidCertificateSigningRequest",
            "The certificate signing request can't be used: %s.", why.text);
    return status;
}

static enum imprint_status sign_key(const struct imprint_provision *provision,
                                    struct imprint_provision_request *request)
{
    return imprint_authority_sign_key(
        provision->authority, imprint_slice_text(request->key.pem),
        IMPRINT_AUTHORITY_LAST_DAY, &request->certificate, NULL);
}

void imprint_provision_sign(const struct imprint_provision *provision,
                            struct imprint_provision_request *request)
{
    enum imprint_status status;

    if (request->rejection.status_code != 0)
        return;
    if (request->topic.operation == IMPRINT_OP_REGISTER)
        status = imprint_registration_read(request);
    else if (request->topic.operation == IMPRINT_OP_CREATE_CSR)
        status = sign_csr(provision, request);
    else
        status = sign_key(provision, request);
    if (status == IMPRINT_OK &&
        request->topic.operation != IMPRINT_OP_REGISTER &&
        !imprint_authority_make_token(request->token))
        status = IMPRINT_ERR_INTERNAL;
    if (status != IMPRINT_OK && request->rejection.status_code == 0)
        imprint_provision_fail(request);
}

/* ---- store: a new certificate ---- */

static enum imprint_status store_created(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    int64_t now = (int64_t)time(NULL);
    struct imprint_registry_certificate certificate = {
        .id = request->certificate.id,
        .pem = request->certificate.pem,
        .maker = request->claim_id,
        .state = IMPRINT_REGISTRY_PENDING,
        .created = now,
        .not_after = request->certificate.not_after,
    };
    uint8_t hash[IMPRINT_AUTHORITY_DIGEST_LEN];
    enum imprint_status status = IMPRINT_OK;

    if (request->key.id != 0)
        status = imprint_registry_take_key(provision->registry, request->key.id,
                                           request->key.pem);
    if (status == IMPRINT_ERR_NOT_FOUND)
        request->key_is_lost = true;
    if (status == IMPRINT_OK)
        status =
            imprint_registry_put_certificate(provision->registry, &certificate);
    if (status != IMPRINT_OK)
        return status;
    imprint_authority_digest(imprint_slice_text(request->token), hash);
    return imprint_registry_put_token(provision->registry, hash,
                                      request->certificate.id,
                                      now + provision->token_lifetime_s);
}

enum imprint_status imprint_provision_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    if (request->rejection.status_code != 0)
        return IMPRINT_OK;
    return request->topic.operation == IMPRINT_OP_REGISTER
               ? imprint_registration_store(provision, request)
               : store_created(provision, request);
}

/* ---- answer ---- */

static void encode(struct imprint_writer *writer,
                   const struct imprint_provision_request *request)
{
    struct imprint_rejection rejection = {
        .status_code = request->rejection.status_code,
        .code = imprint_slice_text(request->rejection.code),
        .message = imprint_slice_text(request->rejection.message),
    };
    struct imprint_identity identity = {
        .certificate_id = imprint_slice_text(request->certificate.id),
        .certificate_pem = imprint_slice_text(request->certificate.pem),
        .private_key_pem = imprint_slice_text(request->key.pem),
        .token = imprint_slice_text(request->token),
    };

    if (rejection.status_code != 0)
        imprint_codec_put_rejection(writer, imprint_provision_format(request),
                                    &rejection);
    else
        imprint_codec_put_created(writer, imprint_provision_format(request),
                                  &identity);
}

bool imprint_provision_answer(struct imprint_provision_request *request)
{
    bool is_rejected = request->rejection.status_code != 0;
    struct imprint_topic topic = request->topic;
    struct imprint_writer writer =
        imprint_slice_writer(request->reply_topic, IMPRINT_TOPIC_MAX_LEN);
    size_t len;

    topic.outcome = is_rejected ? IMPRINT_OUT_REJECTED : IMPRINT_OUT_ACCEPTED;
    imprint_topics_put(&writer, &topic);
    if (!imprint_slice_fits(&writer))
        return false;
    request->reply_topic[writer.len] = '\0';
    if (!is_rejected && topic.operation == IMPRINT_OP_REGISTER)
        return request->reply != NULL;
    writer = imprint_slice_writer(NULL, 0);
    encode(&writer, request);
    len = writer.len;
    imprint_file_free_secret((char *)request->reply, request->reply_len);
    request->reply_len = 0;
    request->reply = malloc(len);
    if (!request->reply)
        return false;
    writer = imprint_slice_writer(request->reply, len);
    encode(&writer, request);
    request->reply_len = len;
    return true;
}

void imprint_provision_describe(const struct imprint_provision_request *request,
                                char line[IMPRINT_LINE_LEN])
{
    static const char *const operations[] = {
        [IMPRINT_OP_CREATE_KEYS] = "CreateKeysAndCertificate",
        [IMPRINT_OP_CREATE_CSR] = "CreateCertificateFromCsr",
        [IMPRINT_OP_REGISTER] = "RegisterThing",
    };
    char client[IMPRINT_LINE_WORD_LEN];
    char message[IMPRINT_LINE_WORD_LEN];
    int len = snprintf(
        line, IMPRINT_LINE_LEN,
        "%s by client %s (%.8s): ", operations[request->topic.operation],
        imprint_line_quote(client, request->client_id), request->claim_id);
    char *rest = line + len;
    size_t room_len = IMPRINT_LINE_LEN - (size_t)len;

    if (request->rejection.status_code != 0)
        (void)snprintf(rest, room_len, "rejected, %u %s: %s",
                       (unsigned)request->rejection.status_code,
                       request->rejection.code,
                       imprint_line_quote(message, request->rejection.message));
    else if (request->topic.operation != IMPRINT_OP_REGISTER)
        (void)snprintf(rest, room_len, "made certificate %.8s",
                       request->certificate.id);
    else if (request->is_repeat)
        (void)snprintf(rest, room_len,
                       "the same again for certificate %.8s: the same answer",
                       request->certificate.id);
    else
        (void)snprintf(rest, room_len,
                       "thing \"%s\" of template \"%s\", certificate %.8s",
                       request->thing_name, request->template_name,
                       request->certificate.id);
}
