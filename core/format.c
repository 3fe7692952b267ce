#include "format.h"

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

static void start(struct imprint_reader *reader, struct imprint_slice payload)
{
    reader->at = payload.bytes;
    reader->end = payload.bytes;
    if (payload.len) /* NULL takes no offset, not even 0 */
        reader->end += payload.len;
    reader->depth = 0;
    reader->place = 0;
    reader->left[0] = 1;
}

/* One value: a map or an array up to its CLOSE. */
static enum imprint_token read_value(const struct imprint_format *format,
                                     struct imprint_reader *reader,
                                     struct imprint_writer *text)
{
    enum imprint_token token = format->read(reader, text);
    const uint8_t *from = reader->start;
    uint8_t depth = reader->depth;

    if (token != IMPRINT_TOKEN_MAP && token != IMPRINT_TOKEN_OTHERS)
        return token;
    while (reader->depth >= depth) {
        struct imprint_writer unused = imprint_slice_writer(NULL, 0);

        if (format->read(reader, &unused) == IMPRINT_TOKEN_BAD)
            return IMPRINT_TOKEN_BAD;
    }
    reader->start = from;
    return token;
}

/* The member of the name that comes next; or its CLOSE. */
static enum imprint_token read_name(const struct imprint_format *format,
                                    struct imprint_reader *reader,
                                    const struct imprint_member *members,
                                    size_t *index)
{
    uint8_t room[NAME_MAX_LEN];
    struct imprint_writer name = imprint_slice_writer(room, sizeof(room));
    enum imprint_token token = format->read(reader, &name);
    struct imprint_slice slice = imprint_slice_since(&name, 0);
    size_t i = 0;

    while (members[i].name && !imprint_slice_is(slice, members[i].name))
        i++;
    *index = i;
    return token;
}

static bool read_member(const struct imprint_format *format,
                        struct imprint_reader *reader,
                        struct imprint_writer *into,
                        const struct imprint_member *member,
                        struct imprint_found *found)
{
    if (found->token != IMPRINT_TOKEN_NONE)
        return false;
    found->from = into->len;
    found->token = read_value(format, reader, into);
    found->len = into->len - found->from;
    found->number = reader->number;
    if (found->token == IMPRINT_TOKEN_NULL && !member->required)
        return true;
    if (found->token == IMPRINT_TOKEN_MAP)
        found->len = (size_t)(reader->at - reader->start);
    return found->token == member->token && found->len >= member->min_len &&
           (!member->max_len || found->len <= member->max_len);
}

static bool read_message(const struct imprint_format *format,
                         struct imprint_slice payload,
                         struct imprint_writer *into,
                         const struct imprint_member *members,
                         struct imprint_found *found)
{
    struct imprint_reader reader;
    struct imprint_writer unused = imprint_slice_writer(NULL, 0);
    enum imprint_token token;
    size_t i;

    start(&reader, payload);
    for (i = 0; members[i].name; i++) {
        found[i].len = 0;
        found[i].token = IMPRINT_TOKEN_NONE;
    }
    if (format->read(&reader, &unused) != IMPRINT_TOKEN_MAP)
        return false;
    while ((token = read_name(format, &reader, members, &i)) ==
           IMPRINT_TOKEN_TEXT) {
        if (!members[i].name) {
            if (read_value(format, &reader, &unused) == IMPRINT_TOKEN_BAD)
                return false;
            continue;
        }
        if (!read_member(format, &reader, into, &members[i], &found[i]))
            return false;
        if (found[i].token == IMPRINT_TOKEN_MAP)
            found[i].from = (size_t)(reader.start - payload.bytes);
    }
    if (token != IMPRINT_TOKEN_CLOSE ||
        format->read(&reader, &unused) != IMPRINT_TOKEN_END)
        return false;
    for (i = 0; members[i].name; i++)
        if (members[i].required && found[i].token == IMPRINT_TOKEN_NONE)
            return false;
    return true;
}

enum imprint_status imprint_format_get(const struct imprint_format *format,
                                       struct imprint_slice payload,
                                       struct imprint_writer *into,
                                       const struct imprint_member *members,
                                       struct imprint_found *found)
{
    size_t from = into->len;

    if (read_message(format, payload, into, members, found))
        return IMPRINT_OK;
    into->len = from;
    return IMPRINT_ERR_FORMAT;
}

static struct imprint_slice piece(const struct imprint_writer *into,
                                  size_t from, size_t len)
{
    if (!len)
        return imprint_slice_of(NULL, 0);
    return imprint_slice_of(into->bytes + from, len);
}

struct imprint_slice imprint_format_text(const struct imprint_writer *into,
                                         const struct imprint_found *found)
{
    return piece(into, found->from, found->len);
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
    size_t room = *count;
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
        if (i >= room || !imprint_slice_fits(into))
            continue;
        pairs[i].name = piece(into, name, value - name);
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

    start(&reader, map);
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
