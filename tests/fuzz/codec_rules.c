#include "codec_rules.h"

#include <stdlib.h>
#include <string.h>

void promise(bool kept)
{
    if (!kept)
        __builtin_trap();
}

static enum imprint_status get_kind(enum kind kind,
                                    const struct imprint_format *format,
                                    struct imprint_slice payload,
                                    struct imprint_writer *into,
                                    struct result *out)
{
    struct imprint_registration registration = {out->token, out->pairs,
                                                PAIRS_ROOM};
    enum imprint_status status;

    switch (kind) {
    case CREATED:
        return imprint_codec_get_created(format, payload, into, &out->identity);
    case REGISTERED:
        return imprint_codec_get_registered(format, payload, into,
                                            &out->identity);
    case REJECTED:
        return imprint_codec_get_rejection(format, payload, into,
                                           &out->rejection);
    case CSR:
        return imprint_codec_get_csr(format, payload, into, &out->csr_pem);
    case REGISTER:
        status =
            imprint_codec_get_register(format, payload, into, &registration);
        if (status) {
            promise(registration.parameter_count == PAIRS_ROOM);
            promise(registration.token.bytes == out->token.bytes);
        } else {
            out->pair_count = registration.parameter_count;
            out->token = registration.token;
        }
        return status;
    default:
        out->pair_count = PAIRS_ROOM;
        status = imprint_codec_get_pairs(format, payload, into, out->pairs,
                                         &out->pair_count);
        promise(!status || out->pair_count == PAIRS_ROOM);
        if (status)
            out->pair_count = 0;
        return status;
    }
}

static void put_kind(enum kind kind, const struct imprint_format *format,
                     struct imprint_writer *writer, const struct result *in)
{
    switch (kind) {
    case CREATED:
        imprint_codec_put_created(writer, format, &in->identity);
        break;
    case REGISTERED:
        imprint_codec_put_registered(writer, format, in->identity.thing_name,
                                     in->pairs, in->pair_count);
        break;
    case REJECTED:
        imprint_codec_put_rejection(writer, format, &in->rejection);
        break;
    case CSR:
        imprint_codec_put_csr(writer, format, in->csr_pem);
        break;
    case REGISTER:
        imprint_codec_put_register(writer, format, in->token, in->pairs,
                                   in->pair_count);
        break;
    default:
        break; /* no message of its own: REGISTERED writes pairs */
    }
}

static bool same_pairs(const struct result *a, const struct result *b)
{
    size_t i;

    if (a->pair_count != b->pair_count)
        return false;
    for (i = 0; i < a->pair_count; i++)
        if (!imprint_slice_equal(a->pairs[i].name, b->pairs[i].name) ||
            !imprint_slice_equal(a->pairs[i].value, b->pairs[i].value))
            return false;
    return true;
}

/* device_configuration is compared by its caller: its form may differ. */
static bool same(const struct result *a, const struct result *b)
{
    return imprint_slice_equal(a->identity.certificate_id,
                               b->identity.certificate_id) &&
           imprint_slice_equal(a->identity.certificate_pem,
                               b->identity.certificate_pem) &&
           imprint_slice_equal(a->identity.private_key_pem,
                               b->identity.private_key_pem) &&
           imprint_slice_equal(a->identity.token, b->identity.token) &&
           imprint_slice_equal(a->identity.thing_name,
                               b->identity.thing_name) &&
           a->rejection.status_code == b->rejection.status_code &&
           imprint_slice_equal(a->rejection.code, b->rejection.code) &&
           imprint_slice_equal(a->rejection.message, b->rejection.message) &&
           imprint_slice_equal(a->csr_pem, b->csr_pem) &&
           imprint_slice_equal(a->token, b->token) && same_pairs(a, b);
}

enum imprint_status get_into(enum kind kind,
                             const struct imprint_format *format,
                             struct imprint_slice payload,
                             struct imprint_writer *into, struct result *out)
{
    struct result before;
    enum imprint_status status;

    memset(out, 0, sizeof(*out));
    memcpy(&before, out, sizeof(before));
    status = get_kind(kind, format, payload, into, out);
    if (status) { /* the array of pairs alone may hold anything */
        memset(out->pairs, 0, sizeof(out->pairs));
        promise(!memcmp(out, &before, sizeof(before)));
    }
    if (status == IMPRINT_ERR_FORMAT)
        promise(into->len == 0);
    if (status == IMPRINT_OK)
        promise(imprint_slice_fits(into));
    return status;
}

/* One byte less than needed: the same number is named again. */
static void check_short(enum kind kind, const struct imprint_format *format,
                        struct imprint_slice payload, size_t need)
{
    uint8_t *bytes = malloc(need);
    struct imprint_writer into = imprint_slice_writer(bytes, need - 1);
    struct result out;

    promise(get_into(kind, format, payload, &into, &out) == IMPRINT_ERR_SPACE);
    promise(into.len == need);
    free(bytes);
}

void check_again(enum kind kind, const struct imprint_format *format,
                 const struct result *in, size_t texts_len)
{
    size_t room = texts_len * 6 + 256; /* \u0001 for one byte */
    uint8_t *bytes = malloc(room);
    uint8_t *texts = malloc(room);
    struct imprint_writer writer = imprint_slice_writer(bytes, room);
    struct imprint_writer into = imprint_slice_writer(texts, room);
    struct result out;

    put_kind(kind, format, &writer, in);
    promise(imprint_slice_fits(&writer));
    promise(get_into(kind, format, imprint_slice_since(&writer, 0), &into,
                     &out) == IMPRINT_OK);
    if (kind == REGISTERED) {
        out.pair_count = PAIRS_ROOM;
        promise(imprint_codec_get_pairs(
                    format, out.identity.device_configuration, &into, out.pairs,
                    &out.pair_count) == IMPRINT_OK);
    }
    promise(same(in, &out));
    free(bytes);
    free(texts);
}

/* The pairs of a configuration, where it is flat and they are not too many. */
static bool get_configuration(const struct imprint_format *format,
                              struct imprint_writer *into, struct result *out)
{
    out->pair_count = 0;
    if (!out->identity.device_configuration.len)
        return true;
    out->pair_count = PAIRS_ROOM;
    return !imprint_codec_get_pairs(format, out->identity.device_configuration,
                                    into, out->pairs, &out->pair_count);
}

static void check_kind(enum kind kind, const struct imprint_format *format,
                       struct imprint_slice payload)
{
    uint8_t *bytes = malloc(payload.len + 1);
    uint8_t *texts = malloc(payload.len + 1);
    struct imprint_writer into = imprint_slice_writer(bytes, payload.len);
    struct imprint_writer more = imprint_slice_writer(texts, payload.len);
    struct result out;
    enum imprint_status status = get_into(kind, format, payload, &into, &out);

    promise(into.len <= payload.len);
    if (status == IMPRINT_ERR_SPACE) /* more pairs than the array has room */
        promise(kind == PAIRS || kind == REGISTER);
    if (status == IMPRINT_OK && into.len)
        check_short(kind, format, payload, into.len);
    if (status == IMPRINT_OK && kind != PAIRS &&
        (kind != REGISTERED || get_configuration(format, &more, &out))) {
        check_again(kind, &imprint_json_format, &out, payload.len);
        check_again(kind, &imprint_cbor_format, &out, payload.len);
    }
    free(bytes);
    free(texts);
}

void check_payload(const struct imprint_format *format, const uint8_t *bytes,
                   size_t len)
{
    enum kind kind;

    for (kind = CREATED; kind < KINDS; kind++)
        check_kind(kind, format, imprint_slice_of(bytes, len));
}
