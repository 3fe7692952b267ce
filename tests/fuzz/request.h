/* Bytes as an HTTP request, for the targets that take one. */
#ifndef TESTS_FUZZ_REQUEST_H
#define TESTS_FUZZ_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "aws/signature.h"

#define REQUEST_HEADER_MAX_COUNT 16

struct request {
    char *text; /* what the rest borrows from */
    const char *names[REQUEST_HEADER_MAX_COUNT];
    const char *values[REQUEST_HEADER_MAX_COUNT];
    struct imprint_signature_request request;
};

/*
 * "METHOD TARGET", then headers "name:value", an empty line, and a body.
 * What is missing is empty.
 */
void request_read(struct request *out, const uint8_t *bytes, size_t len);
void request_free(struct request *request);

#endif
