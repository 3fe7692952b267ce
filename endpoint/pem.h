/* PEM and its base64, with line breaks or without. */
#ifndef IMPRINT_ENDPOINT_PEM_H
#define IMPRINT_ENDPOINT_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"

/*
 * What the first block of this label has ("CERTIFICATE"), to be freed; what
 * stands before and behind it counts for nothing. False: no such block, it is
 * no base64, or no memory.
 */
bool imprint_pem_decode(struct imprint_slice text, const char *label,
                        uint8_t **bytes, size_t *len);

/* bytes has room for text.len of them. False: this is no base64. */
bool imprint_pem_decode_base64(struct imprint_slice text, uint8_t *bytes,
                               size_t *len);

/* 4 characters for 3 bytes, and a NUL. */
void imprint_pem_encode(struct imprint_slice bytes, char *text);

#endif
