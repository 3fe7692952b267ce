/*
 * What json.c and cbor.c do for codec.c, which is written once for both. A
 * reader hands out a message token by token; a format's own state is in the
 * reader, of fixed depth.
 */
#ifndef IMPRINT_CORE_FORMAT_H
#define IMPRINT_CORE_FORMAT_H

#include "imprint/codec.h"

/* Open maps and arrays, one in the other; a message is a map. */
#define IMPRINT_FORMAT_MAX_DEPTH 16

enum imprint_token {
    IMPRINT_TOKEN_NONE, /* nothing read */
    IMPRINT_TOKEN_BAD,  /* not well-formed; the reader is of no use then */
    IMPRINT_TOKEN_END,  /* the message is complete and nothing is behind it */
    IMPRINT_TOKEN_CLOSE,
    IMPRINT_TOKEN_MAP,    /* then name, value, name, value, ... CLOSE */
    IMPRINT_TOKEN_OTHERS, /* an array or tagged map: skip up to its CLOSE */
    IMPRINT_TOKEN_TEXT,
    IMPRINT_TOKEN_NUMBER, /* an integer from 0 to 2^32 - 1 */
    IMPRINT_TOKEN_NULL,
    IMPRINT_TOKEN_OTHER /* well-formed, not of use here: a float, a tag */
};

struct imprint_reader {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *start; /* of the token last read */
    uint32_t number;
    uint8_t depth;
    uint8_t place; /* json.c's */
    /* By depth. cbor.c: items to come; json.c: the byte that closes. */
    size_t left[IMPRINT_FORMAT_MAX_DEPTH + 1];
};

struct imprint_format {
    enum imprint_encoding encoding;
    /* One token; text (a name, too) is appended to text, unescaped. */
    enum imprint_token (*read)(struct imprint_reader *reader,
                               struct imprint_writer *text);
    void (*open)(struct imprint_writer *writer, size_t member_count);
    void (*close)(struct imprint_writer *writer);
    void (*name)(struct imprint_writer *writer, struct imprint_slice name);
    void (*text)(struct imprint_writer *writer, struct imprint_slice text);
    void (*number)(struct imprint_writer *writer, uint32_t number);
};

enum {
    IMPRINT_RULE_REQUIRED = 1, /* and not null */
    IMPRINT_RULE_HEX = 2       /* hexadecimal digits only */
};

/*
 * What a message may have, and where in the result it goes: a text and a map
 * to a struct imprint_slice, a number to an uint32_t. An array of these ends
 * with name NULL.
 */
struct imprint_member {
    const char *name;
    uint8_t token; /* TEXT, NUMBER or MAP */
    uint8_t rules;
    uint8_t offset;   /* in the result */
    uint8_t min_len;  /* of a text, in bytes */
    uint16_t max_len; /* of a text; 0: any */
};

#define IMPRINT_MEMBERS_MAX_COUNT 4

/*
 * Reads a message that is one map. Texts are appended to `into`, which is left
 * as it was by ERR_FORMAT; a map is borrowed from the payload. What the
 * message does not have is empty. ERR_SPACE gives the maps all the same.
 */
IMPRINT_MUST_USE enum imprint_status imprint_format_get(
    const struct imprint_format *format, struct imprint_slice payload,
    struct imprint_writer *into, const struct imprint_member *members,
    void *result);

void imprint_format_put_member(struct imprint_writer *writer,
                               const struct imprint_format *format,
                               const char *name, struct imprint_slice text);
void imprint_format_put_pairs(struct imprint_writer *writer,
                              const struct imprint_format *format,
                              const char *name,
                              const struct imprint_pair *pairs,
                              size_t pair_count);

/* Bytes of the UTF-8 sequence at the start; 0: bad, cut or NUL. */
size_t imprint_format_utf8_len(const uint8_t *at, const uint8_t *end);

void imprint_format_start(struct imprint_reader *reader,
                          struct imprint_slice payload);

/* The byte that comes next; 0, which no format takes there, at the end. */
uint8_t imprint_format_peek(const struct imprint_reader *reader);

/* Steps over byte if it comes next. */
bool imprint_format_take(struct imprint_reader *reader, uint8_t byte);

/* The value of a hexadecimal digit; 16: it is none. */
unsigned imprint_format_hex(uint8_t digit);

#endif
