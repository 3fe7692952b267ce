/*
 * One call to AWS or to what speaks like it: signed, repeated while the service
 * is busy or away, and what it said when it refused.
 *
 * Source: AWS General Reference, "Signature Version 4 for API requests", "Error
 * retries and exponential backoff in AWS".
 */
#ifndef IMPRINT_CLOUD_CALL_H
#define IMPRINT_CLOUD_CALL_H

#include <stddef.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_signer;

/* Where calls go. */
struct imprint_call_place {
    const struct imprint_signer *signer;
    const char *url; /* "http://127.0.0.1:4567"; NULL: AWS */
};

struct imprint_call {
    const char *service; /* "iot", "iam", "sts": the signature's */
    const char *method;
    const char *path;   /* escaped, from "/" on */
    const char *query;  /* escaped and sorted, or NULL */
    const char *body;   /* JSON, or a form of IAM's and STS's; NULL: none */
    const char *action; /* of IAM's policies, "iot:CreatePolicy" */
};

struct imprint_call_answer {
    char *body; /* NUL-terminated; free it. Good if the call was OK */
    char error[80];
};

/*
 * ERR_NOT_FOUND: there is no such thing. ERR_ARGUMENT: there is one already.
 * ERR_REFUSED: another no, whose kind is in answer->error. ERR_THROTTLED,
 * ERR_NETWORK, ERR_LOST, ERR_TIMEOUT: still so at the last of several tries; it
 * may have been done. why has the service's words.
 */
IMPRINT_MUST_USE enum imprint_status imprint_call_run(
    const struct imprint_call_place *place, const struct imprint_call *call,
    struct imprint_call_answer *answer, struct imprint_why *why);

/* The text between <name> and </name>, to be freed; NULL: there is none. */
char *imprint_call_element(const char *xml, const char *name);

#endif
