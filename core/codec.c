#include "format.h"

/* The device's half: requests out, replies in. */

enum { CREATED_ID, CREATED_PEM, CREATED_TOKEN, CREATED_KEY, CREATED_COUNT };

static const struct imprint_member created[] = {
    {"certificateId", IMPRINT_TOKEN_TEXT, 1, IMPRINT_CERTIFICATE_ID_LEN,
     IMPRINT_CERTIFICATE_ID_LEN},
    {"certificatePem", IMPRINT_TOKEN_TEXT, 1, 1, 0},
    {"certificateOwnershipToken", IMPRINT_TOKEN_TEXT, 1, 1,
     IMPRINT_TOKEN_MAX_LEN},
    {"privateKey", IMPRINT_TOKEN_TEXT, 0, 0, 0},
    {NULL, 0, 0, 0, 0},
};

static const struct imprint_member registered[] = {
    {"thingName", IMPRINT_TOKEN_TEXT, 0, 0, 0},
    {"deviceConfiguration", IMPRINT_TOKEN_MAP, 0, 0, 0},
    {NULL, 0, 0, 0, 0},
};

static const struct imprint_member rejected[] = {
    {"statusCode", IMPRINT_TOKEN_NUMBER, 1, 0, 0},
    {"errorCode", IMPRINT_TOKEN_TEXT, 0, 0, 0},
    {"errorMessage", IMPRINT_TOKEN_TEXT, 0, 0, 0},
    {NULL, 0, 0, 0, 0},
};

enum imprint_encoding imprint_codec_encoding(const struct imprint_format *f)
{
    return f->encoding;
}

void imprint_codec_put_csr(struct imprint_writer *writer,
                           const struct imprint_format *format,
                           struct imprint_slice csr_pem)
{
    format->open(writer, 1);
    imprint_format_put_member(writer, format, "certificateSigningRequest",
                              csr_pem);
    format->close(writer);
}

void imprint_codec_put_register(struct imprint_writer *writer,
                                const struct imprint_format *format,
                                struct imprint_slice token,
                                const struct imprint_pair *parameters,
                                size_t parameter_count)
{
    format->open(writer, 2);
    imprint_format_put_member(writer, format, "certificateOwnershipToken",
                              token);
    imprint_format_put_pairs(writer, format, "parameters", parameters,
                             parameter_count);
    format->close(writer);
}

static bool is_hex(struct imprint_slice text)
{
    size_t i;

    for (i = 0; i < text.len; i++)
        if (imprint_format_hex(text.bytes[i]) > 15)
            return false;
    return true;
}

enum imprint_status imprint_codec_get_created(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_identity *out)
{
    struct imprint_found found[CREATED_COUNT];
    struct imprint_slice id;
    size_t from = into->len;

    if (imprint_format_get(format, payload, into, created, found))
        return IMPRINT_ERR_FORMAT;
    if (!imprint_slice_fits(into))
        return IMPRINT_ERR_SPACE;
    id = imprint_format_text(into, &found[CREATED_ID]);
    if (!is_hex(id)) {
        into->len = from;
        return IMPRINT_ERR_FORMAT;
    }
    out->certificate_id = id;
    out->certificate_pem = imprint_format_text(into, &found[CREATED_PEM]);
    out->private_key_pem = imprint_format_text(into, &found[CREATED_KEY]);
    out->token = imprint_format_text(into, &found[CREATED_TOKEN]);
    return IMPRINT_OK;
}

enum imprint_status imprint_codec_get_registered(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_identity *out)
{
    struct imprint_found found[2];
    size_t from;

    if (imprint_format_get(format, payload, into, registered, found))
        return IMPRINT_ERR_FORMAT;
    from = into->len;
    if (found[1].len)
        imprint_slice_put(into, imprint_slice_of(payload.bytes + found[1].from,
                                                 found[1].len));
    if (!imprint_slice_fits(into))
        return IMPRINT_ERR_SPACE;
    out->thing_name = imprint_format_text(into, &found[0]);
    out->device_configuration = imprint_slice_since(into, from);
    return IMPRINT_OK;
}

enum imprint_status imprint_codec_get_rejection(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_rejection *out)
{
    struct imprint_found found[3];

    if (imprint_format_get(format, payload, into, rejected, found))
        return IMPRINT_ERR_FORMAT;
    if (!imprint_slice_fits(into))
        return IMPRINT_ERR_SPACE;
    out->status_code = found[0].number;
    out->code = imprint_format_text(into, &found[1]);
    out->message = imprint_format_text(into, &found[2]);
    return IMPRINT_OK;
}
