/* One HTTP exchange, by libcurl, which is loaded when it is first needed. */
#ifndef IMPRINT_CLOUD_EXCHANGE_H
#define IMPRINT_CLOUD_EXCHANGE_H

#include <stddef.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_EXCHANGE_ANSWER_MAX_LEN 4194304
#define IMPRINT_EXCHANGE_HEADER_MAX_COUNT 8

struct imprint_exchange {
    const char *method;
    const char *url;
    const char *headers[IMPRINT_EXCHANGE_HEADER_MAX_COUNT]; /* "name: value" */
    const char *body;                                       /* NULL: none */
    /* The answer's: */
    unsigned status;
    char error[80]; /* the header x-amzn-errortype, up to ":"; "": none */
    char *answer;   /* NUL-terminated, to be freed; NULL: none came */
    size_t answer_len;
};

/*
 * ERR_NETWORK, ERR_LOST, ERR_TIMEOUT: there is no answer; why says why. Else
 * there is one, whatever its status.
 */
IMPRINT_MUST_USE enum imprint_status imprint_exchange_run(
    struct imprint_exchange *exchange, struct imprint_why *why);

#endif
