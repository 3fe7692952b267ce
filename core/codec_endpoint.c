#include "format.h"

/* The endpoint's half: requests in, replies out. */

static const struct imprint_member csr[] = {
    {"certificateSigningRequest", IMPRINT_TOKEN_TEXT, 1, 1, 0},
    {NULL, 0, 0, 0, 0},
};

/* An empty token is the service's to refuse, with its own error code. */
static const struct imprint_member registration[] = {
    {"certificateOwnershipToken", IMPRINT_TOKEN_TEXT, 1, 0,
     IMPRINT_TOKEN_MAX_LEN},
    {"parameters", IMPRINT_TOKEN_MAP, 0, 0, 0},
    {NULL, 0, 0, 0, 0},
};

enum imprint_status imprint_codec_get_csr(const struct imprint_format *format,
                                          struct imprint_slice payload,
                                          struct imprint_writer *into,
                                          struct imprint_slice *csr_pem)
{
    struct imprint_found found[1];

    if (imprint_format_get(format, payload, into, csr, found))
        return IMPRINT_ERR_FORMAT;
    if (!imprint_slice_fits(into))
        return IMPRINT_ERR_SPACE;
    *csr_pem = imprint_format_text(into, found);
    return IMPRINT_OK;
}

enum imprint_status imprint_codec_get_register(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_registration *out)
{
    struct imprint_found found[2];
    size_t count = 0;
    size_t from = into->len;
    enum imprint_status status = IMPRINT_OK;

    if (imprint_format_get(format, payload, into, registration, found))
        return IMPRINT_ERR_FORMAT;
    if (found[1].len) {
        count = out->parameter_count;
        status = imprint_codec_get_pairs(
            format,
            imprint_slice_of(payload.bytes + found[1].from, found[1].len), into,
            out->parameters, &count);
    }
    if (status == IMPRINT_ERR_FORMAT)
        into->len = from;
    else if (!imprint_slice_fits(into))
        status = IMPRINT_ERR_SPACE;
    if (status)
        return status;
    out->token = imprint_format_text(into, &found[0]);
    out->parameter_count = count;
    return IMPRINT_OK;
}

void imprint_codec_put_created(struct imprint_writer *writer,
                               const struct imprint_format *format,
                               const struct imprint_identity *identity)
{
    bool key = identity->private_key_pem.len;

    format->open(writer, key ? 4 : 3);
    imprint_format_put_member(writer, format, "certificateId",
                              identity->certificate_id);
    imprint_format_put_member(writer, format, "certificatePem",
                              identity->certificate_pem);
    if (key)
        imprint_format_put_member(writer, format, "privateKey",
                                  identity->private_key_pem);
    imprint_format_put_member(writer, format, "certificateOwnershipToken",
                              identity->token);
    format->close(writer);
}

void imprint_codec_put_registered(struct imprint_writer *writer,
                                  const struct imprint_format *format,
                                  struct imprint_slice thing_name,
                                  const struct imprint_pair *configuration,
                                  size_t configuration_count)
{
    format->open(writer, thing_name.len ? 2 : 1);
    imprint_format_put_pairs(writer, format, "deviceConfiguration",
                             configuration, configuration_count);
    if (thing_name.len)
        imprint_format_put_member(writer, format, "thingName", thing_name);
    format->close(writer);
}

void imprint_codec_put_rejection(struct imprint_writer *writer,
                                 const struct imprint_format *format,
                                 const struct imprint_rejection *rejection)
{
    format->open(writer, 3);
    format->name(writer, imprint_slice_text("statusCode"));
    format->number(writer, rejection->status_code);
    imprint_format_put_member(writer, format, "errorCode", rejection->code);
    imprint_format_put_member(writer, format, "errorMessage",
                              rejection->message);
    format->close(writer);
}
