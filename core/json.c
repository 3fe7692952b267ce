#include "format.h"

/* JSON, RFC 8259: the whole of it, but that no text may have a NUL in it. */

/* struct imprint_reader's place: what comes next. */
enum place {
    PLACE_VALUE, /* the message itself */
    PLACE_FIRST, /* after { or [ */
    PLACE_COLON,
    PLACE_NEXT /* after a value */
};

#define CODE_BAD UINT32_MAX

/* What is escaped by one letter: letter, byte. */
static const uint8_t escapes[] = "n\nr\rt\t\"\"\\\\b\bf\f//";

static void skip_space(struct imprint_reader *reader)
{
    for (;; reader->at++) {
        uint8_t c = imprint_format_peek(reader);

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
    }
}

static uint32_t read_code(struct imprint_reader *reader)
{
    uint32_t code = 0;
    unsigned i;

    for (i = 0; i < 4; i++) {
        unsigned digit = imprint_format_hex(imprint_format_peek(reader));

        if (digit > 15)
            return CODE_BAD;
        reader->at++;
        code = (code << 4) | digit;
    }
    return code;
}

/* After "\u": a code point of four digits, or of twice four. */
static uint32_t read_code_point(struct imprint_reader *reader)
{
    uint32_t code = read_code(reader);
    uint32_t low;

    if (code == 0 || code >> 10 == 0x37)
        return CODE_BAD;
    if (code >> 10 != 0x36)
        return code;
    if (!imprint_format_take(reader, '\\') || !imprint_format_take(reader, 'u'))
        return CODE_BAD;
    low = read_code(reader);
    if (low >> 10 != 0x37)
        return CODE_BAD;
    return 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
}

static void put_code_point(struct imprint_writer *text, uint32_t code)
{
    unsigned shift = 0;
    uint32_t mark = 0;

    if (code >= 0x10000) {
        shift = 18;
        mark = 0xf0;
    } else if (code >= 0x800) {
        shift = 12;
        mark = 0xe0;
    } else if (code >= 0x80) {
        shift = 6;
        mark = 0xc0;
    }
    imprint_slice_put_byte(text, (uint8_t)(mark | code >> shift));
    while (shift) {
        shift -= 6;
        imprint_slice_put_byte(text, (uint8_t)(0x80 | (code >> shift & 0x3f)));
    }
}

static bool read_escape(struct imprint_reader *reader,
                        struct imprint_writer *text)
{
    uint32_t code;
    unsigned i;

    if (imprint_format_take(reader, 'u')) {
        code = read_code_point(reader);
        if (code == CODE_BAD)
            return false;
        put_code_point(text, code);
        return true;
    }
    for (i = 0; escapes[i]; i += 2)
        if (imprint_format_take(reader, escapes[i])) {
            imprint_slice_put_byte(text, escapes[i + 1]);
            return true;
        }
    return false;
}

static enum imprint_token read_text(struct imprint_reader *reader,
                                    struct imprint_writer *text)
{
    size_t len;

    if (!imprint_format_take(reader, '"'))
        return IMPRINT_TOKEN_BAD;
    for (;; reader->at += len) {
        len = 0;
        if (imprint_format_take(reader, '"'))
            return IMPRINT_TOKEN_TEXT;
        if (imprint_format_take(reader, '\\')) {
            if (!read_escape(reader, text))
                return IMPRINT_TOKEN_BAD;
            continue;
        }
        if (imprint_format_peek(reader) < ' ') /* the end, too */
            return IMPRINT_TOKEN_BAD;
        len = imprint_format_utf8_len(reader->at, reader->end);
        if (!len)
            return IMPRINT_TOKEN_BAD;
        imprint_slice_put(text, imprint_slice_of(reader->at, len));
    }
}

/* The number of digits that were there. */
static size_t skip_digits(struct imprint_reader *reader)
{
    const uint8_t *from = reader->at;

    while (imprint_format_peek(reader) >= '0' &&
           imprint_format_peek(reader) <= '9')
        reader->at++;
    return (size_t)(reader->at - from);
}

/* False if digits stand for more than 32 bits. */
static bool sum_digits(const uint8_t *digits, size_t count, uint32_t *sum)
{
    *sum = 0;
    for (; count; count--) {
        uint32_t digit = *digits++ - (uint32_t)'0';

        if (*sum > UINT32_MAX / 10)
            return false;
        *sum *= 10;
        if (*sum + digit < *sum)
            return false;
        *sum += digit;
    }
    return true;
}

static enum imprint_token read_number(struct imprint_reader *reader)
{
    bool whole = !imprint_format_take(reader, '-');
    size_t count = 1;

    if (!imprint_format_take(reader, '0'))
        count = skip_digits(reader);
    if (!count)
        return IMPRINT_TOKEN_BAD;
    if (whole)
        whole = sum_digits(reader->start, count, &reader->number);
    if (imprint_format_take(reader, '.')) {
        whole = false;
        if (!skip_digits(reader))
            return IMPRINT_TOKEN_BAD;
    }
    if (imprint_format_take(reader, 'e') || imprint_format_take(reader, 'E')) {
        whole = false;
        if (!imprint_format_take(reader, '+'))
            (void)imprint_format_take(reader, '-');
        if (!skip_digits(reader))
            return IMPRINT_TOKEN_BAD;
    }
    return whole ? IMPRINT_TOKEN_NUMBER : IMPRINT_TOKEN_OTHER;
}

static enum imprint_token read_word(struct imprint_reader *reader,
                                    const char *word, enum imprint_token token)
{
    for (; *word; word++)
        if (!imprint_format_take(reader, (uint8_t)*word))
            return IMPRINT_TOKEN_BAD;
    return token;
}

static enum imprint_token open_items(struct imprint_reader *reader, uint8_t end,
                                     enum imprint_token token)
{
    if (reader->depth == IMPRINT_FORMAT_MAX_DEPTH)
        return IMPRINT_TOKEN_BAD;
    reader->at++;
    reader->left[++reader->depth] = end;
    reader->place = PLACE_FIRST;
    return token;
}

static enum imprint_token read_value(struct imprint_reader *reader,
                                     struct imprint_writer *text)
{
    uint8_t c = imprint_format_peek(reader);

    reader->start = reader->at;
    reader->place = PLACE_NEXT;
    if (c == '"')
        return read_text(reader, text);
    if (c == '{')
        return open_items(reader, '}', IMPRINT_TOKEN_MAP);
    if (c == '[')
        return open_items(reader, ']', IMPRINT_TOKEN_OTHERS);
    if (c == 'n')
        return read_word(reader, "null", IMPRINT_TOKEN_NULL);
    if (c == 't')
        return read_word(reader, "true", IMPRINT_TOKEN_OTHER);
    if (c == 'f')
        return read_word(reader, "false", IMPRINT_TOKEN_OTHER);
    return read_number(reader);
}

static enum imprint_token read_token(struct imprint_reader *reader,
                                     struct imprint_writer *text)
{
    uint8_t place = reader->place;
    uint8_t end = (uint8_t)reader->left[reader->depth];
    bool named = false;

    skip_space(reader);
    if (place == PLACE_VALUE)
        return read_value(reader, text);
    if (!reader->depth)
        return reader->at == reader->end ? IMPRINT_TOKEN_END
                                         : IMPRINT_TOKEN_BAD;
    if (place == PLACE_COLON) {
        if (!imprint_format_take(reader, ':'))
            return IMPRINT_TOKEN_BAD;
    } else {
        if (imprint_format_take(reader, end)) {
            reader->depth--;
            reader->place = PLACE_NEXT;
            return IMPRINT_TOKEN_CLOSE;
        }
        if (place == PLACE_NEXT && !imprint_format_take(reader, ','))
            return IMPRINT_TOKEN_BAD;
        named = end == '}';
    }
    skip_space(reader);
    if (!named)
        return read_value(reader, text);
    reader->place = PLACE_COLON;
    return read_text(reader, text);
}

static void put_open(struct imprint_writer *writer, size_t member_count)
{
    (void)member_count;
    imprint_slice_put_byte(writer, '{');
    writer->first = true;
}

static void put_close(struct imprint_writer *writer)
{
    imprint_slice_put_byte(writer, '}');
    writer->first = false;
}

static bool is_plain(uint8_t byte)
{
    return byte >= ' ' && byte != '"' && byte != '\\';
}

static void put_escaped(struct imprint_writer *writer, uint8_t byte)
{
    unsigned i;

    for (i = 0; escapes[i] != '/'; i += 2)
        if (escapes[i + 1] == byte) {
            imprint_slice_put_byte(writer, '\\');
            imprint_slice_put_byte(writer, escapes[i]);
            return;
        }
    if (byte < ' ') {
        imprint_slice_put_text(writer, "\\u00");
        imprint_slice_put_byte(writer, byte & 0x10 ? '1' : '0');
        byte &= 0xf;
        byte = (uint8_t)(byte < 10 ? '0' + byte : 'a' - 10 + byte);
    }
    imprint_slice_put_byte(writer, byte);
}

static void put_text(struct imprint_writer *writer, struct imprint_slice text)
{
    size_t from;
    size_t i;

    imprint_slice_put_byte(writer, '"');
    for (i = 0; i < text.len; i++) {
        for (from = i; i < text.len && is_plain(text.bytes[i]); i++)
            ;
        imprint_slice_put(writer,
                          imprint_slice_of(text.bytes + from, i - from));
        if (i < text.len)
            put_escaped(writer, text.bytes[i]);
    }
    imprint_slice_put_byte(writer, '"');
}

static void put_name(struct imprint_writer *writer, struct imprint_slice name)
{
    if (!writer->first)
        imprint_slice_put_byte(writer, ',');
    writer->first = false;
    put_text(writer, name);
    imprint_slice_put_byte(writer, ':');
}

/* Without a division, which small cores do not have. */
static void put_number(struct imprint_writer *writer, uint32_t number)
{
    static const uint32_t powers[] = {
        1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10};
    bool started = false;
    unsigned i;

    for (i = 0; i < sizeof(powers) / sizeof(powers[0]); i++) {
        uint8_t digit = '0';

        for (; number >= powers[i]; number -= powers[i])
            digit++;
        started = started || digit != '0';
        if (started)
            imprint_slice_put_byte(writer, digit);
    }
    imprint_slice_put_byte(writer, (uint8_t)('0' + number));
}

const struct imprint_format imprint_json_format = {
    IMPRINT_ENC_JSON, read_token, put_open,   put_close,
    put_name,         put_text,   put_number,
};
