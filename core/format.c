#include "format.h"
#include "mem.h"

#define NAME_MAX_LEN 32 /* longer than any name that we know */

size_t imprint_format_utf8_len(const uint8_t *at, const uint8_t *end)
{
    size_t len = 2;
    size_t i;
    uint32_t code = at[0];
    uint32_t least = 0x80;

    if (code < 0x80)
        return code ? 1 : 0;
    if (code >= 0xf0) {
        len = 4;
        least = 0x10000;
    } else if (code >= 0xe0) {
        len = 3;
        least = 0x800;
    }
    if (code < 0xc0 || code >= 0xf8 || (size_t)(end - at) < len)
        return 0;
    code &= 0x7fu >> len;
    for (i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = (code << 6) | (at[i] & 0x3f);
    }
    if (code < least || code > 0x10ffff || code >> 11 == 0x1b)
        return 0;
    return len;
}

unsigned imprint_format_hex(uint8_t digit)
{
    unsigned value = (unsigned)digit - '0';

    if (value < 10)
        return value;
    value = (digit | 0x20u) - 'a';
    return value < 6 ? value + 10 : 16;
}

uint8_t imprint_format_peek(const struct imprint_reader *reader)
{
    return reader->at == reader->end ? 0 : *reader->at;
}

bool imprint_format_take(struct imprint_reader *reader, uint8_t byte)
{
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

void imprint_format_start(struct imprint_reader *reader,
                          struct imprint_slice payload)
{
    reader->at = payload.bytes;
    reader->end = payload.bytes;
    if (payload.len) /* NULL takes no offset, not even 0 */
        reader->end += payload.len;
    reader->depth = 0;
    reader->place = 0;
    reader->left[0] = 1;
}

/* What a message had. */
struct found {
    enum imprint_token token;
    size_t at; /* of a text in `into`, of a map in the payload; a number */
    size_t len;
};

/* A message being read. */
struct message {
    const struct imprint_format *format;
    const struct imprint_member *members;
    struct imprint_slice payload;
    struct imprint_reader reader;
    struct found found[IMPRINT_MEMBERS_MAX_COUNT];
};

/* One value: a map or an array up to its CLOSE. */
static enum imprint_token read_value(struct message *message,
                                     struct imprint_writer *text)
{
    struct imprint_reader *reader = &message->reader;
    enum imprint_token token = message->format->read(reader, text);
    const uint8_t *start = reader->start;
    uint8_t depth = reader->depth;

    if (token != IMPRINT_TOKEN_MAP && token != IMPRINT_TOKEN_OTHERS)
        return token;
    while (reader->depth >= depth) {
        struct imprint_writer unused = imprint_slice_writer(NULL, 0);

        if (message->format->read(reader, &unused) == IMPRINT_TOKEN_BAD)
            return IMPRINT_TOKEN_BAD;
    }
    reader->start = start;
    return token;
}

static bool read_member(struct message *message, struct imprint_writer *into,
                        unsigned index)
{
    const struct imprint_member *member = &message->members[index];
    struct found *found = &message->found[index];
    size_t at = into->len;
    size_t len;

    if (found->token != IMPRINT_TOKEN_NONE)
        return false;
    found->token = read_value(message, into);
    if (found->token == IMPRINT_TOKEN_NULL)
        return !(member->rules & IMPRINT_RULE_REQUIRED);
    if (found->token != member->token)
        return false;
    len = into->len - at;
    if (found->token == IMPRINT_TOKEN_NUMBER)
        at = message->reader.number;
    if (found->token == IMPRINT_TOKEN_MAP) {
        at = (size_t)(message->reader.start - message->payload.bytes);
        len = (size_t)(message->reader.at - message->reader.start);
    }
    found->at = at;
    found->len = len;
    return len >= member->min_len &&
           (!member->max_len || len <= member->max_len);
}

/* One member of the map, known or not; or its CLOSE. */
static enum imprint_token read_any(struct message *message,
                                   struct imprint_writer *into)
{
    uint8_t room[NAME_MAX_LEN];
    struct imprint_writer name = imprint_slice_writer(room, sizeof(room));
    enum imprint_token token = message->format->read(&message->reader, &name);
    const struct imprint_member *members = message->members;
    unsigned i;

    if (token != IMPRINT_TOKEN_TEXT)
        return token;
    for (i = 0; members[i].name; i++)
        if (imprint_slice_is(imprint_slice_since(&name, 0), members[i].name))
            return read_member(message, into, i) ? IMPRINT_TOKEN_TEXT
                                                 : IMPRINT_TOKEN_BAD;
    if (read_value(message, &name) == IMPRINT_TOKEN_BAD)
        return IMPRINT_TOKEN_BAD;
    return IMPRINT_TOKEN_TEXT;
}

static bool read_message(struct message *message, struct imprint_writer *into)
{
    enum imprint_token token;
    unsigned i;

    if (message->format->read(&message->reader, into) != IMPRINT_TOKEN_MAP)
        return false;
    do
        token = read_any(message, into);
    while (token == IMPRINT_TOKEN_TEXT);
    if (token != IMPRINT_TOKEN_CLOSE ||
        message->format->read(&message->reader, into) != IMPRINT_TOKEN_END)
        return false;
    for (i = 0; message->members[i].name; i++)
        if (message->members[i].rules & IMPRINT_RULE_REQUIRED &&
            message->found[i].token == IMPRINT_TOKEN_NONE)
            return false;
    return true;
}

static bool hex_is_good(const struct message *message,
                        const struct imprint_writer *into)
{
    const struct found *found = message->found;
    const struct imprint_member *member = message->members;
    size_t i;

    if (!imprint_slice_fits(into))
        return true;
    for (; member->name; member++, found++)
        for (i = 0; member->rules & IMPRINT_RULE_HEX && i < found->len; i++)
            if (imprint_format_hex(into->bytes[found->at + i]) > 15)
                return false;
    return true;
}

static void hand_out(const struct message *message,
                     const struct imprint_writer *into, void *result)
{
    const struct found *found = message->found;
    const struct imprint_member *member = message->members;
    bool fits = imprint_slice_fits(into);

    for (; member->name; member++, found++) {
        void *out = (uint8_t *)result + member->offset;
        struct imprint_slice *slice = out;
        uint32_t *number = out;
        const uint8_t *bytes = into->bytes;

        if (member->token == IMPRINT_TOKEN_MAP)
            bytes = message->payload.bytes;
        else if (!fits)
            continue;
        if (member->token == IMPRINT_TOKEN_NUMBER)
            *number = (uint32_t)found->at;
        else if (found->len)
            *slice = imprint_slice_of(bytes + found->at, found->len);
        else
            *slice = imprint_slice_of(NULL, 0);
    }
}

enum imprint_status imprint_format_get(const struct imprint_format *format,
                                       struct imprint_slice payload,
                                       struct imprint_writer *into,
                                       const struct imprint_member *members,
                                       void *result)
{
    struct message message;
    size_t len = into->len;

    memset(&message, 0, sizeof(message));
    message.format = format;
    message.members = members;
    message.payload = payload;
    imprint_format_start(&message.reader, payload);
    if (!read_message(&message, into) || !hex_is_good(&message, into)) {
        into->len = len;
        return IMPRINT_ERR_FORMAT;
    }
    hand_out(&message, into, result);
    return imprint_slice_fits(into) ? IMPRINT_OK : IMPRINT_ERR_SPACE;
}

void imprint_format_put_member(struct imprint_writer *writer,
                               const struct imprint_format *format,
                               const char *name, struct imprint_slice text)
{
    format->name(writer, imprint_slice_text(name));
    format->text(writer, text);
}

void imprint_format_put_pairs(struct imprint_writer *writer,
                              const struct imprint_format *format,
                              const char *name,
                              const struct imprint_pair *pairs,
                              size_t pair_count)
{
    size_t i;

    format->name(writer, imprint_slice_text(name));
    format->open(writer, pair_count);
    for (i = 0; i < pair_count; i++) {
        format->name(writer, pairs[i].name);
        format->text(writer, pairs[i].value);
    }
    format->close(writer);
}
