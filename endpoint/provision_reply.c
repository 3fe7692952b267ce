#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/file.h"
#include "provision_parts.h"

#define REPLY_MAX_LEN 131072 /* of a payload */
#define HEAD_MAX_LEN 8       /* what a longer text costs beside its bytes */

static void encode(struct imprint_writer *writer,
                   const struct imprint_provision_request *request)
{
    struct imprint_rejection rejection = {
        .status_code = request->rejection.status_code,
        .code = imprint_slice_text(request->rejection.code),
        .message = imprint_slice_text(request->rejection.message),
    };

    if (rejection.status_code != 0)
        imprint_codec_put_rejection(writer, imprint_provision_format(request),
                                    &rejection);
    else
        imprint_codec_put_created(writer, imprint_provision_format(request),
                                  &request->identity);
}

/* False: no memory. */
static bool make_reply(struct imprint_provision_request *request)
{
    struct imprint_writer writer = imprint_slice_writer(NULL, 0);
    size_t len;

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

/* A reply to RegisterThing, with all that its deviceConfiguration has. */
struct registered {
    const struct imprint_format *format;
    struct imprint_identity identity;
    struct imprint_pair pairs[IMPRINT_PROVISION_PARAMETER_MAX_COUNT];
    size_t pair_count;
};

/* text has room for twice the reply. */
static bool read_reply(const struct imprint_provision_request *request,
                       uint8_t *text, struct registered *out)
{
    struct imprint_writer into =
        imprint_slice_writer(text, 2 * request->reply_len);

    out->format = imprint_provision_format(request);
    if (imprint_codec_get_registered(
            out->format, imprint_slice_of(request->reply, request->reply_len),
            &into, &out->identity) != IMPRINT_OK)
        return false;
    out->pair_count = IMPRINT_PROVISION_PARAMETER_MAX_COUNT - 1;
    if (out->identity.device_configuration.len > 0)
        return imprint_codec_get_pairs(
                   out->format, out->identity.device_configuration, &into,
                   out->pairs, &out->pair_count) == IMPRINT_OK;
    out->pair_count = 0;
    return true;
}

static size_t put_reply(const struct registered *reply, uint8_t *bytes,
                        size_t room_len)
{
    struct imprint_writer writer = imprint_slice_writer(bytes, room_len);

    imprint_codec_put_registered(&writer, reply->format,
                                 reply->identity.thing_name, reply->pairs,
                                 reply->pair_count);
    return writer.len;
}

/* Pads deviceConfiguration until the reply is as long as one can be. */
static bool lengthen(struct imprint_provision_request *request)
{
    struct registered reply;
    uint8_t *text = malloc(2 * request->reply_len + 1);
    char *padding = malloc(REPLY_MAX_LEN);
    uint8_t *bytes = malloc(REPLY_MAX_LEN);
    struct imprint_pair *last;
    bool done = text && padding && bytes && read_reply(request, text, &reply);
    size_t len = 0;

    if (done) {
        memset(padding, 'x', REPLY_MAX_LEN);
        last = &reply.pairs[reply.pair_count++];
        *last = (struct imprint_pair){.name = imprint_slice_text("padding")};
        len = put_reply(&reply, NULL, 0) + HEAD_MAX_LEN;
        done = len < REPLY_MAX_LEN;
    }
    if (done) {
        last->value = imprint_slice_of(padding, REPLY_MAX_LEN - len);
        free(request->reply);
        request->reply = bytes;
        request->reply_len = put_reply(&reply, bytes, REPLY_MAX_LEN);
        bytes = NULL;
    }
    free(text);
    free(padding);
    free(bytes);
    return done;
}

bool imprint_provision_answer(struct imprint_provision_request *request)
{
    bool is_rejected = request->rejection.status_code != 0;
    struct imprint_topic topic = request->topic;
    struct imprint_writer writer =
        imprint_slice_writer(request->reply_topic, IMPRINT_TOPIC_MAX_LEN);

    topic.outcome = is_rejected ? IMPRINT_OUT_REJECTED : IMPRINT_OUT_ACCEPTED;
    imprint_topics_put(&writer, &topic);
    if (!imprint_slice_fits(&writer))
        return false;
    request->reply_topic[writer.len] = '\0';
    if (is_rejected || topic.operation != IMPRINT_OP_REGISTER) {
        if (!make_reply(request))
            return false;
    } else if (!request->reply ||
               (request->fault.kind == IMPRINT_FAULT_LONG_REPLY &&
                !lengthen(request))) {
        return false;
    }
    if (request->fault.kind == IMPRINT_FAULT_CUT &&
        (int64_t)request->reply_len > request->fault.number)
        request->reply_len = (size_t)request->fault.number;
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
        (void)snprintf(rest, room_len, "rejected, %u %s: %s%s%s",
                       (unsigned)request->rejection.status_code,
                       request->rejection.code,
                       imprint_line_quote(message, request->rejection.message),
                       request->note[0] != '\0' ? "; " : "", request->note);
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
    if (request->rejection.status_code == 0 && request->note[0] != '\0') {
        size_t used = strlen(line);

        (void)snprintf(line + used, IMPRINT_LINE_LEN - used, "; %s",
                       request->note);
    }
}
