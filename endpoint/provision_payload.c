#include <stdlib.h>
#include <string.h>

#include "posix/file.h"
#include "provision_parts.h"

#define CSR_NAME "certificateSigningRequest"
#define NAME_LEN (sizeof(CSR_NAME) - 1) /* and TOKEN_NAME's */
#define TOKEN_NAME "certificateOwnershipToken"
#define PARAMETERS_NAME "parameters"

_Static_assert(sizeof(CSR_NAME) == sizeof(TOKEN_NAME),
               "one name can stand in the other's place");

/* What is wrong with a payload that the codec does not take. */
struct blame {
    const struct imprint_provision_request *request;
    uint8_t *copy; /* of the payload */
    uint8_t *text; /* room for what is read, and thrown away */
};

static struct imprint_slice payload_of(const struct blame *blame)
{
    return imprint_slice_of(blame->copy, blame->request->payload_len);
}

static struct imprint_writer writer_of(const struct blame *blame)
{
    return imprint_slice_writer(blame->text, blame->request->payload_len);
}

/* The reader of a reply that needs no member takes every map. */
static bool is_map(const struct blame *blame)
{
    struct imprint_writer text = writer_of(blame);
    struct imprint_identity nothing;

    return imprint_codec_get_registered(
               imprint_provision_format(blame->request), payload_of(blame),
               &text, &nothing) == IMPRINT_OK;
}

static uint8_t *find_name(const struct blame *blame, const char *name)
{
    return memmem(blame->copy, blame->request->payload_len, name, strlen(name));
}

/*
 * Both operations have one text that must be there, with names of one length:
 * under the other name, the other reader says whether the token is one. It
 * does not look at parameters.
 */
static bool has_token(const struct blame *blame)
{
    struct imprint_writer text = writer_of(blame);
    struct imprint_slice token;
    uint8_t *name = find_name(blame, TOKEN_NAME);
    bool has;

    if (!name)
        return false;
    memcpy(name, CSR_NAME, NAME_LEN);
    has = imprint_codec_get_csr(imprint_provision_format(blame->request),
                                payload_of(blame), &text, &token) == IMPRINT_OK;
    memcpy(name, TOKEN_NAME, NAME_LEN);
    return has;
}

static enum imprint_status reject_member(
    struct imprint_provision_request *request, const struct blame *blame)
{
    bool registers = request->topic.operation == IMPRINT_OP_REGISTER;
    const char *name = registers ? TOKEN_NAME : CSR_NAME;
    const char *problem = "must be a text";

    if (!find_name(blame, name)) {
        problem = "is missing";
    } else if (registers && has_token(blame)) {
        name = PARAMETERS_NAME;
        problem = "must be an object of texts, each name once";
    }
    return imprint_provision_reject(request, 400, "InvalidPayload",
                                    "The member \"%s\" %s.", name, problem);
}

enum imprint_status imprint_provision_reject_payload(
    struct imprint_provision_request *request)
{
    struct blame blame = {
        .request = request,
        .copy = malloc(request->payload_len + 1),
        .text = malloc(request->payload_len + 1),
    };
    enum imprint_status status;

    if (!blame.copy || !blame.text) {
        status = IMPRINT_ERR_INTERNAL;
    } else {
        memcpy(blame.copy, request->payload, request->payload_len);
        status = is_map(&blame)
                     ? reject_member(request, &blame)
                     : imprint_provision_reject(request, 400, "InvalidPayload",
                                                "The payload is not one %s.",
                                                request->topic.encoding ==
                                                        IMPRINT_ENC_JSON
                                                    ? "JSON object"
                                                    : "CBOR map");
    }
    imprint_file_free_secret((char *)blame.copy, request->payload_len);
    imprint_file_free_secret((char *)blame.text, request->payload_len);
    return status;
}
