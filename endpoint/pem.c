#include "pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_LINE_LEN 64

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t find(struct imprint_slice text, size_t from, const char *what)
{
    const uint8_t *at =
        from < text.len
            ? memmem(text.bytes + from, text.len - from, what, strlen(what))
            : NULL;

    return at ? (size_t)(at - text.bytes) : text.len;
}

/* Between the two lines of the label. False: there are none. */
static bool find_block(struct imprint_slice text, const char *label,
                       struct imprint_slice *block)
{
    char begin[LABEL_LINE_LEN];
    char end[LABEL_LINE_LEN];
    size_t start;
    size_t stop;

    (void)snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
    (void)snprintf(end, sizeof(end), "-----END %s-----", label);
    start = find(text, 0, begin);
    if (start == text.len)
        return false;
    start += strlen(begin);
    stop = find(text, start, end);
    if (stop == text.len)
        return false;
    *block = imprint_slice_of(text.bytes + start, stop - start);
    return true;
}

bool imprint_pem_decode_base64(struct imprint_slice text, uint8_t *bytes,
                               size_t *len)
{
    uint32_t bits = 0;
    size_t digit_count = 0;
    size_t pad_count = 0;
    size_t i;

    for (*len = 0, i = 0; i < text.len; i++) {
        char c = (char)text.bytes[i];
        const char *digit = c != '\0' ? strchr(digits, c) : NULL;

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=')
            pad_count++;
        else if (!digit || pad_count > 0)
            return false;
        bits = bits << 6 | (uint32_t)(digit ? digit - digits : 0);
        if (++digit_count % 4 != 0)
            continue;
        bytes[(*len)++] = (uint8_t)(bits >> 16);
        bytes[(*len)++] = (uint8_t)(bits >> 8);
        bytes[(*len)++] = (uint8_t)bits;
    }
    if (digit_count == 0 || digit_count % 4 != 0 || pad_count > 2)
        return false;
    *len -= pad_count;
    return true;
}

bool imprint_pem_decode(struct imprint_slice text, const char *label,
                        uint8_t **bytes, size_t *len)
{
    struct imprint_slice block;
    uint8_t *room;

    if (!find_block(text, label, &block))
        return false;
    room = malloc(block.len + 1);
    if (!room)
        return false;
    if (!imprint_pem_decode_base64(block, room, len)) {
        free(room);
        return false;
    }
    *bytes = room;
    return true;
}

void imprint_pem_encode(struct imprint_slice bytes, char *text)
{
    size_t i;

    for (i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t bits = (uint32_t)bytes.bytes[i] << 16;

        if (left > 1)
            bits |= (uint32_t)bytes.bytes[i + 1] << 8;
        if (left > 2)
            bits |= bytes.bytes[i + 2];
        *text++ = digits[bits >> 18];
        *text++ = digits[bits >> 12 & 63];
        *text++ = left > 1 ? (char)digits[bits >> 6 & 63] : '=';
        *text++ = left > 2 ? (char)digits[bits & 63] : '=';
    }
    *text = '\0';
}
