/*
 * AWS Signature Version 4, as a service looks at it: what a request says of
 * itself, and whether a secret made it.
 *
 * Source: AWS General Reference, "Create a signed AWS API request": canonical
 * request, string to sign, signing key; path segments are encoded twice.
 */
#ifndef IMPRINT_AWS_SIGNATURE_H
#define IMPRINT_AWS_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_SIGNATURE_WORD_LEN 65 /* of a scope's parts */
#define IMPRINT_SIGNATURE_KEY_LEN 129 /* of an access key's id */
#define IMPRINT_SIGNATURE_HEADERS_LEN 1025

/* As it came: nothing is decoded. Texts are NUL-terminated. */
struct imprint_signature_request {
    const char *method;
    const char *path;
    const char *query; /* behind the "?"; "" if there is none */
    const char *const *header_names;
    const char *const *header_values;
    size_t header_count;
    struct imprint_slice body;
};

/* What it says. */
struct imprint_signature {
    char access_key[IMPRINT_SIGNATURE_KEY_LEN];
    char date[9]; /* of the scope: YYYYMMDD */
    char region[IMPRINT_SIGNATURE_WORD_LEN];
    char service[IMPRINT_SIGNATURE_WORD_LEN];
    char headers[IMPRINT_SIGNATURE_HEADERS_LEN]; /* "host;x-amz-date" */
    char code[65];                               /* lower-case hex */
    char time[17];                               /* YYYYMMDDTHHMMSSZ */
    int64_t seconds;                             /* the same, Unix */
    int64_t expires_s; /* of a query's; 0: a header's has none */
    char *token;       /* the session's, to be freed; NULL: none */
    bool is_query;     /* it stood in the query */
};

/*
 * ERR_NOT_FOUND: it is not signed. ERR_FORMAT: why says what is missing or
 * wrong, as AWS does ("Authorization header requires ...").
 */
IMPRINT_MUST_USE enum imprint_status imprint_signature_read(
    const struct imprint_signature_request *request,
    struct imprint_signature *out, struct imprint_why *why);
void imprint_signature_free(struct imprint_signature *signature);

/*
 * What a secret makes of a request, with the scope, time and headers of
 * signature. False: no memory, or a signed header is not there.
 */
IMPRINT_MUST_USE bool imprint_signature_make(
    const struct imprint_signature_request *request,
    const struct imprint_signature *signature, const char *secret,
    char code[65]);

/* Compares with signature->code in constant time. */
IMPRINT_MUST_USE bool imprint_signature_is_by(
    const struct imprint_signature_request *request,
    const struct imprint_signature *signature, const char *secret);

/* The value of a header, whatever the case of its name; NULL: none. */
const char *imprint_signature_header(
    const struct imprint_signature_request *request, const char *name);

#endif
