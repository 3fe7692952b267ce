#include "format.h"

/* CBOR, RFC 8949: what of it a message or its unknown members may have. */

enum major {
    MAJOR_NUMBER,
    MAJOR_NEGATIVE,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE
};

#define INFO_BYTE 24 /* the argument is in 1, 2, 4, 8 bytes from here on */
#define INFO_EIGHT_BYTES 27
#define INFO_INDEFINITE 31
#define INDEFINITE_MAJORS 0xbcu /* bytes, text, array, map, and their break */
#define SIMPLE_NULL 22
#define SIMPLE_LEAST 32 /* of those in a byte of their own */

/* left of a map or array of indefinite length: more than any message has. */
#define LEFT_LEAST (SIZE_MAX - 2)
#define LEFT_VALUE (SIZE_MAX - 2)
#define LEFT_NAME (SIZE_MAX - 1)
#define LEFT_ARRAY SIZE_MAX

struct head {
    uint32_t argument;
    uint8_t major;
    uint8_t info;
    bool big; /* the argument has more than 32 bits */
};

static bool read_head(struct imprint_reader *reader, struct head *head)
{
    unsigned len;

    if (reader->at == reader->end)
        return false;
    head->major = *reader->at >> 5;
    head->info = *reader->at++ & 31;
    head->argument = head->info;
    head->big = false;
    if (head->info < INFO_BYTE)
        return true;
    if (head->info == INFO_INDEFINITE)
        return (INDEFINITE_MAJORS >> head->major) & 1;
    if (head->info > INFO_EIGHT_BYTES)
        return false;
    len = 1u << (head->info - INFO_BYTE);
    if ((size_t)(reader->end - reader->at) < len)
        return false;
    for (head->argument = 0; len; len--) {
        if (head->argument >> 24)
            head->big = true;
        head->argument = (head->argument << 8) | *reader->at++;
    }
    return head->major != MAJOR_SIMPLE || head->info != INFO_BYTE ||
           head->argument >= SIMPLE_LEAST;
}

static bool is_break(const struct head *head)
{
    return head->major == MAJOR_SIMPLE && head->info == INFO_INDEFINITE;
}

static bool read_chunk(struct imprint_reader *reader, const struct head *head,
                       struct imprint_writer *text)
{
    const uint8_t *from = reader->at;
    const uint8_t *end;
    size_t len = 1;

    if (head->big || head->argument > (size_t)(reader->end - from))
        return false;
    end = from + head->argument;
    reader->at = end;
    if (head->major == MAJOR_BYTES)
        return true;
    imprint_slice_put(text, imprint_slice_of(from, head->argument));
    while (from < end && len) {
        len = imprint_format_utf8_len(from, end);
        from += len;
    }
    return len;
}

static bool read_string(struct imprint_reader *reader, const struct head *head,
                        struct imprint_writer *text)
{
    struct head chunk;

    if (head->info != INFO_INDEFINITE)
        return read_chunk(reader, head, text);
    for (;;) {
        if (!read_head(reader, &chunk))
            return false;
        if (is_break(&chunk))
            return true;
        if (chunk.major != head->major || chunk.info == INFO_INDEFINITE)
            return false;
        if (!read_chunk(reader, &chunk, text))
            return false;
    }
}

static bool open_items(struct imprint_reader *reader, const struct head *head)
{
    size_t bytes_left = (size_t)(reader->end - reader->at);
    bool map = head->major == MAJOR_MAP;
    size_t *left;

    if (reader->depth == IMPRINT_FORMAT_MAX_DEPTH)
        return false;
    left = &reader->left[++reader->depth];
    if (head->info == INFO_INDEFINITE) {
        *left = map ? LEFT_NAME : LEFT_ARRAY;
        return true;
    }
    *left = (size_t)head->argument << map;
    /* An item has a byte at least: no count is larger than what follows. */
    return !head->big && head->argument <= bytes_left >> map;
}

static enum imprint_token close_items(struct imprint_reader *reader)
{
    if (reader->depth) {
        reader->depth--;
        return IMPRINT_TOKEN_CLOSE;
    }
    return reader->at == reader->end ? IMPRINT_TOKEN_END : IMPRINT_TOKEN_BAD;
}

static enum imprint_token read_item(struct imprint_reader *reader,
                                    const struct head *head,
                                    struct imprint_writer *text)
{
    bool good = true;
    enum imprint_token token = IMPRINT_TOKEN_OTHER;

    if (head->major == MAJOR_NUMBER && !head->big) {
        reader->number = head->argument;
        token = IMPRINT_TOKEN_NUMBER;
    } else if (head->major == MAJOR_TEXT) {
        good = read_string(reader, head, text);
        token = IMPRINT_TOKEN_TEXT;
    } else if (head->major == MAJOR_BYTES) {
        good = read_string(reader, head, text);
    } else if (head->major == MAJOR_MAP) {
        good = open_items(reader, head);
        token = IMPRINT_TOKEN_MAP;
    } else if (head->major == MAJOR_ARRAY) {
        good = open_items(reader, head);
        token = IMPRINT_TOKEN_OTHERS;
    } else if (head->major == MAJOR_SIMPLE && head->info == SIMPLE_NULL) {
        token = IMPRINT_TOKEN_NULL;
    }
    return good ? token : IMPRINT_TOKEN_BAD;
}

static enum imprint_token read_token(struct imprint_reader *reader,
                                     struct imprint_writer *text)
{
    size_t *left = &reader->left[reader->depth];
    enum imprint_token token;
    struct head head;
    bool tagged = false;

    reader->start = reader->at;
    if (!*left)
        return close_items(reader);
    for (;;) {
        if (!read_head(reader, &head))
            return IMPRINT_TOKEN_BAD;
        if (head.major != MAJOR_TAG)
            break;
        tagged = true;
    }
    if (is_break(&head)) {
        if (tagged || *left < LEFT_NAME)
            return IMPRINT_TOKEN_BAD;
        return close_items(reader);
    }
    if (*left < LEFT_LEAST)
        --*left;
    else if (*left != LEFT_ARRAY)
        *left ^= LEFT_NAME ^ LEFT_VALUE;
    token = read_item(reader, &head, text);
    if (!tagged || token == IMPRINT_TOKEN_BAD)
        return token;
    return token == IMPRINT_TOKEN_MAP || token == IMPRINT_TOKEN_OTHERS
               ? IMPRINT_TOKEN_OTHERS
               : IMPRINT_TOKEN_OTHER;
}

/* The shortest form. */
static void put_head(struct imprint_writer *writer, enum major major,
                     size_t argument)
{
    unsigned info = INFO_BYTE;
    unsigned shift = 0;
    uint8_t first = (uint8_t)((unsigned)major << 5);

    if (argument < INFO_BYTE) {
        imprint_slice_put_byte(writer, (uint8_t)(first | argument));
        return;
    }
    if (argument >> 16) {
        info += 2;
        shift = 24;
    } else if (argument >> 8) {
        info += 1;
        shift = 8;
    }
    imprint_slice_put_byte(writer, (uint8_t)(first | info));
    for (;; shift -= 8) {
        imprint_slice_put_byte(writer, (uint8_t)(argument >> shift));
        if (!shift)
            return;
    }
}

static void put_open(struct imprint_writer *writer, size_t member_count)
{
    put_head(writer, MAJOR_MAP, member_count);
}

static void put_close(struct imprint_writer *writer)
{
    (void)writer; /* the length was definite */
}

static void put_text(struct imprint_writer *writer, struct imprint_slice text)
{
    put_head(writer, MAJOR_TEXT, text.len);
    imprint_slice_put(writer, text);
}

static void put_number(struct imprint_writer *writer, uint32_t number)
{
    put_head(writer, MAJOR_NUMBER, number);
}

const struct imprint_format imprint_cbor_format = {
    IMPRINT_ENC_CBOR, read_token, put_open,   put_close,
    put_text,         put_text,   put_number,
};
