/*
 * Any texts through the writers and back, in both formats; and any bytes as a
 * topic. The input is a script: a byte says which message, the rest are its
 * texts, each with a byte that says how long it is.
 */
#include <stdlib.h>
#include <string.h>

#include "codec_rules.h"
#include "imprint/topics.h"

struct script {
    const uint8_t *at;
    const uint8_t *end;
    uint8_t *text; /* room for what comes of it */
};

static uint32_t next_byte(struct script *script)
{
    return script->at < script->end ? *script->at++ : 0;
}

/* Any code point but NUL and the surrogates, as UTF-8. */
static void put_code_point(struct script *script, uint32_t code)
{
    unsigned shift = code < 0x80      ? 0
                     : code < 0x800   ? 6
                     : code < 0x10000 ? 12
                                      : 18;
    static const uint8_t marks[] = {0, 0xc0, 0xe0, 0xf0};

    *script->text++ = (uint8_t)(marks[shift / 6] | code >> shift);
    while (shift) {
        shift -= 6;
        *script->text++ = (uint8_t)(0x80 | ((code >> shift) & 0x3f));
    }
}

/* Bytes below 0x80 are themselves; others begin a code point of three. */
static struct imprint_slice next_text(struct script *script)
{
    uint32_t count = next_byte(script);
    uint8_t *from = script->text;

    while (count-- && script->at < script->end) {
        uint32_t code = next_byte(script);

        if (code >= 0x80) {
            code = (code & 0x1f) << 16 | next_byte(script) << 8;
            code |= next_byte(script);
            code &= code > 0x10ffff ? 0xffff : 0x1fffff;
        }
        if (code && code >> 11 != 0x1b)
            put_code_point(script, code);
    }
    return imprint_slice_of(from, (size_t)(script->text - from));
}

static void read_pairs(struct script *script, struct result *in)
{
    size_t count = next_byte(script) % (PAIRS_ROOM + 1);
    size_t i;

    while (in->pair_count < count) {
        struct imprint_pair *pair = &in->pairs[in->pair_count];

        pair->name = next_text(script);
        pair->value = next_text(script);
        for (i = 0; i < in->pair_count; i++)
            if (imprint_slice_equal(in->pairs[i].name, pair->name))
                return; /* twice: not a message that may be written */
        in->pair_count++;
    }
}

static void check_topic(struct imprint_slice text)
{
    struct imprint_topic topic;
    uint8_t room[IMPRINT_TOPIC_MAX_LEN];
    struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));

    if (!imprint_topics_find(text, &topic))
        return;
    imprint_topics_put(&writer, &topic);
    promise(imprint_slice_equal(imprint_slice_since(&writer, 0), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t *texts = malloc(len * 4 + 1);
    struct script script = {bytes, bytes + len, texts};
    enum kind kind = (enum kind)(next_byte(&script) % PAIRS);
    uint8_t id[IMPRINT_CERTIFICATE_ID_LEN];
    struct result in;
    size_t i;

    memset(&in, 0, sizeof(in));
    if (kind == CREATED) {
        for (i = 0; i < sizeof(id); i++)
            id[i] = (uint8_t) "0123456789abcdefABCDEF"[next_byte(&script) % 22];
        in.identity.certificate_id = imprint_slice_of(id, sizeof(id));
        in.identity.certificate_pem = next_text(&script);
        in.identity.private_key_pem = next_text(&script);
        in.identity.token = next_text(&script);
        if (!in.identity.certificate_pem.len || !in.identity.token.len)
            kind = REJECTED;
    }
    if (kind == CSR) {
        in.csr_pem = next_text(&script);
        if (!in.csr_pem.len)
            kind = REJECTED;
    }
    if (kind == REGISTERED)
        in.identity.thing_name = next_text(&script);
    if (kind == REGISTER)
        in.token = next_text(&script);
    if (kind == REGISTERED || kind == REGISTER)
        read_pairs(&script, &in);
    if (kind == REJECTED) {
        memset(&in, 0, sizeof(in));
        in.rejection.status_code = next_byte(&script) << 24 |
                                   next_byte(&script) << 16 |
                                   next_byte(&script) << 8 | next_byte(&script);
        in.rejection.code = next_text(&script);
        in.rejection.message = next_text(&script);
    }
    check_again(kind, &imprint_json_format, &in, len * 4);
    check_again(kind, &imprint_cbor_format, &in, len * 4);
    check_topic(imprint_slice_of(bytes, len));
    free(texts);
    return 0;
}
