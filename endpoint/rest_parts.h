/* Private to rest.c, rest_http.c and rest_auth.c: a request and its answer. */
#ifndef IMPRINT_ENDPOINT_REST_PARTS_H
#define IMPRINT_ENDPOINT_REST_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/signature.h"
#include "rest.h"
#include "rest_call.h"
#include "rest_route.h"

#define IMPRINT_REST_BODY_MAX_LEN (1u << 20)
#define IMPRINT_REST_THREAD_COUNT 4

struct imprint_rest_answer {
    unsigned status;
    const char *type;        /* Content-Type */
    const char *error;       /* x-amzn-ErrorType; NULL: none */
    bool has_function_error; /* X-Amz-Function-Error */
    char *body;              /* to be freed */
    char id[37];             /* x-amzn-RequestId; "": it is none of AWS's */
    char cookie[160];        /* Set-Cookie; "": none */
    char policy[384];        /* Content-Security-Policy; "": none */
    bool is_stream;          /* of server-sent events, instead of a body */
};

/* Whole: carries it out. From any of the server's threads. */
void imprint_rest_answer(struct imprint_rest *rest,
                         const struct imprint_signature_request *request,
                         struct imprint_rest_answer *out);

struct imprint_watch; /* watch.h */
const struct imprint_watch *imprint_rest_watch(const struct imprint_rest *rest);

/* ---- rest_write.c ---- */

/* What a call came to. */
void imprint_rest_write(struct imprint_rest_call *call,
                        const struct imprint_rest_match *match,
                        struct imprint_rest_answer *out);
/* For what rest_http.c refuses by itself. */
void imprint_rest_write_error(enum imprint_rest_error error,
                              const char *message,
                              struct imprint_rest_answer *out);

/*
 * Who signed, into user; "" for nobody, where that is allowed. service: for
 * what the signature is good. ERR_REFUSED: call has the error.
 */
enum imprint_status imprint_rest_auth_check(
    struct imprint_rest_call *call,
    const struct imprint_signature_request *request, bool is_open,
    char user[65], char service[IMPRINT_SIGNATURE_WORD_LEN]);

/* From this machine, and not on behalf of another site's page. */
bool imprint_rest_auth_is_local(
    const struct imprint_signature_request *request);

/* ---- rest_http.c: libmicrohttpd ---- */

struct imprint_rest_http;

IMPRINT_MUST_USE enum imprint_status imprint_rest_http_open(
    const struct imprint_rest_options *options, struct imprint_rest *rest,
    struct imprint_rest_http **out, struct imprint_why *why);
uint16_t imprint_rest_http_port(const struct imprint_rest_http *http);
void imprint_rest_http_close(struct imprint_rest_http *http);

#endif
