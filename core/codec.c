#include "format.h"

#define REQUIRED IMPRINT_RULE_REQUIRED
#define HEX_REQUIRED (IMPRINT_RULE_REQUIRED | IMPRINT_RULE_HEX)

static const char name_token[] = "certificateOwnershipToken";
static const char name_csr[] = "certificateSigningRequest";
static const char name_pem[] = "certificatePem";
static const char name_id[] = "certificateId";
static const char name_key[] = "privateKey";
static const char name_parameters[] = "parameters";
static const char name_thing[] = "thingName";
static const char name_configuration[] = "deviceConfiguration";
static const char name_status[] = "statusCode";
static const char name_code[] = "errorCode";
static const char name_message[] = "errorMessage";

static const struct imprint_member created[] = {
    {name_id, IMPRINT_TOKEN_TEXT, HEX_REQUIRED,
     offsetof(struct imprint_identity, certificate_id),
     IMPRINT_CERTIFICATE_ID_LEN, IMPRINT_CERTIFICATE_ID_LEN},
    {name_pem, IMPRINT_TOKEN_TEXT, REQUIRED,
     offsetof(struct imprint_identity, certificate_pem), 1, 0},
    {name_token, IMPRINT_TOKEN_TEXT, REQUIRED,
     offsetof(struct imprint_identity, token), 1, IMPRINT_TOKEN_MAX_LEN},
    {name_key, IMPRINT_TOKEN_TEXT, 0,
     offsetof(struct imprint_identity, private_key_pem), 0, 0},
    {NULL, 0, 0, 0, 0, 0},
};

static const struct imprint_member registered[] = {
    {name_thing, IMPRINT_TOKEN_TEXT, 0, offsetof(struct imprint_pair, name), 0,
     0},
    {name_configuration, IMPRINT_TOKEN_MAP, 0,
     offsetof(struct imprint_pair, value), 0, 0},
    {NULL, 0, 0, 0, 0, 0},
};

static const struct imprint_member rejected[] = {
    {name_status, IMPRINT_TOKEN_NUMBER, REQUIRED,
     offsetof(struct imprint_rejection, status_code), 0, 0},
    {name_code, IMPRINT_TOKEN_TEXT, 0, offsetof(struct imprint_rejection, code),
     0, 0},
    {name_message, IMPRINT_TOKEN_TEXT, 0,
     offsetof(struct imprint_rejection, message), 0, 0},
    {NULL, 0, 0, 0, 0, 0},
};

static const struct imprint_member csr[] = {
    {name_csr, IMPRINT_TOKEN_TEXT, REQUIRED, 0, 1, 0},
    {NULL, 0, 0, 0, 0, 0},
};

/* An empty token is the service's to refuse, with an error code of its own. */
static const struct imprint_member registration[] = {
    {name_token, IMPRINT_TOKEN_TEXT, REQUIRED,
     offsetof(struct imprint_pair, name), 0, IMPRINT_TOKEN_MAX_LEN},
    {name_parameters, IMPRINT_TOKEN_MAP, 0,
     offsetof(struct imprint_pair, value), 0, 0},
    {NULL, 0, 0, 0, 0, 0},
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
    imprint_format_put_member(writer, format, name_csr, csr_pem);
    format->close(writer);
}

void imprint_codec_put_register(struct imprint_writer *writer,
                                const struct imprint_format *format,
                                struct imprint_slice token,
                                const struct imprint_pair *parameters,
                                size_t parameter_count)
{
    format->open(writer, 2);
    imprint_format_put_member(writer, format, name_token, token);
    imprint_format_put_pairs(writer, format, name_parameters, parameters,
                             parameter_count);
    format->close(writer);
}

enum imprint_status imprint_codec_get_created(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_identity *out)
{
    return imprint_format_get(format, payload, into, created, out);
}

enum imprint_status imprint_codec_get_registered(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_identity *out)
{
    struct imprint_pair got; /* thing name and configuration */
    size_t from;

    if (imprint_format_get(format, payload, into, registered, &got) ==
        IMPRINT_ERR_FORMAT)
        return IMPRINT_ERR_FORMAT;
    from = into->len;
    imprint_slice_put(into, got.value);
    if (!imprint_slice_fits(into))
        return IMPRINT_ERR_SPACE;
    out->thing_name = got.name;
    out->device_configuration = imprint_slice_since(into, from);
    return IMPRINT_OK;
}

enum imprint_status imprint_codec_get_rejection(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_rejection *out)
{
    return imprint_format_get(format, payload, into, rejected, out);
}

static struct imprint_slice piece(const struct imprint_writer *writer,
                                  size_t from, size_t to)
{
    struct imprint_slice slice = imprint_slice_since(writer, from);

    if (slice.len)
        slice.len = to - from;
    return slice;
}

static bool name_is_new(const struct imprint_pair *pairs, size_t index)
{
    size_t i;

    for (i = 0; i < index; i++)
        if (imprint_slice_equal(pairs[i].name, pairs[index].name))
            return false;
    return true;
}

/* Counts on past the room, so that into->len ends at what is needed. */
static bool read_pairs(const struct imprint_format *format,
                       struct imprint_reader *reader,
                       struct imprint_writer *into, struct imprint_pair *pairs,
                       size_t *count)
{
    size_t i;

    for (i = 0;; i++) {
        size_t name = into->len;
        size_t value;
        enum imprint_token token = format->read(reader, into);

        if (token == IMPRINT_TOKEN_CLOSE)
            break;
        value = into->len;
        if (token != IMPRINT_TOKEN_TEXT ||
            format->read(reader, into) != IMPRINT_TOKEN_TEXT)
            return false;
        if (i >= *count || !imprint_slice_fits(into))
            continue;
        pairs[i].name = piece(into, name, value);
        pairs[i].value = imprint_slice_since(into, value);
        if (!name_is_new(pairs, i))
            return false;
    }
    *count = i;
    return format->read(reader, into) == IMPRINT_TOKEN_END;
}

enum imprint_status imprint_codec_get_pairs(const struct imprint_format *format,
                                            struct imprint_slice map,
                                            struct imprint_writer *into,
                                            struct imprint_pair *pairs,
                                            size_t *count)
{
    struct imprint_reader reader;
    size_t from = into->len;
    size_t found = *count;

    imprint_format_start(&reader, map);
    if (format->read(&reader, into) != IMPRINT_TOKEN_MAP ||
        !read_pairs(format, &reader, into, pairs, &found)) {
        into->len = from;
        return IMPRINT_ERR_FORMAT;
    }
    if (!imprint_slice_fits(into) || found > *count)
        return IMPRINT_ERR_SPACE;
    *count = found;
    return IMPRINT_OK;
}

enum imprint_status imprint_codec_get_csr(const struct imprint_format *format,
                                          struct imprint_slice payload,
                                          struct imprint_writer *into,
                                          struct imprint_slice *csr_pem)
{
    return imprint_format_get(format, payload, into, csr, csr_pem);
}

enum imprint_status imprint_codec_get_register(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, struct imprint_registration *out)
{
    struct imprint_pair got; /* token and parameters */
    size_t from = into->len;
    size_t count = 0;
    enum imprint_status status =
        imprint_format_get(format, payload, into, registration, &got);

    if (status != IMPRINT_ERR_FORMAT && got.value.len) {
        count = out->parameter_count;
        status = imprint_codec_get_pairs(format, got.value, into,
                                         out->parameters, &count);
    }
    if (status == IMPRINT_ERR_FORMAT)
        into->len = from;
    if (status)
        return status;
    out->token = got.name;
    out->parameter_count = count;
    return IMPRINT_OK;
}

void imprint_codec_put_created(struct imprint_writer *writer,
                               const struct imprint_format *format,
                               const struct imprint_identity *identity)
{
    bool key = identity->private_key_pem.len;

    format->open(writer, key ? 4 : 3);
    imprint_format_put_member(writer, format, name_id,
                              identity->certificate_id);
    imprint_format_put_member(writer, format, name_pem,
                              identity->certificate_pem);
    if (key)
        imprint_format_put_member(writer, format, name_key,
                                  identity->private_key_pem);
    imprint_format_put_member(writer, format, name_token, identity->token);
    format->close(writer);
}

void imprint_codec_put_registered(struct imprint_writer *writer,
                                  const struct imprint_format *format,
                                  struct imprint_slice thing_name,
                                  const struct imprint_pair *configuration,
                                  size_t configuration_count)
{
    format->open(writer, thing_name.len ? 2 : 1);
    imprint_format_put_pairs(writer, format, name_configuration, configuration,
                             configuration_count);
    if (thing_name.len)
        imprint_format_put_member(writer, format, name_thing, thing_name);
    format->close(writer);
}

void imprint_codec_put_rejection(struct imprint_writer *writer,
                                 const struct imprint_format *format,
                                 const struct imprint_rejection *rejection)
{
    format->open(writer, 3);
    format->name(writer, imprint_slice_text(name_status));
    format->number(writer, rejection->status_code);
    imprint_format_put_member(writer, format, name_code, rejection->code);
    imprint_format_put_member(writer, format, name_message, rejection->message);
    format->close(writer);
}
