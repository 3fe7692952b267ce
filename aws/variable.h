/*
 * Policy variables and condition keys: what a policy may ask of a request.
 *
 * Source: AWS IoT Core developer guide, "AWS IoT Core policy variables".
 */
#ifndef IMPRINT_AWS_VARIABLE_H
#define IMPRINT_AWS_VARIABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/slice.h"
#include "policy.h"

enum imprint_variable_kind {
    IMPRINT_VARIABLE_CLIENT_ID,
    IMPRINT_VARIABLE_SOURCE_IP,
    IMPRINT_VARIABLE_CERTIFICATE_ID,
    IMPRINT_VARIABLE_THING_NAME,
    IMPRINT_VARIABLE_THING_TYPE,
    IMPRINT_VARIABLE_IS_ATTACHED,
    IMPRINT_VARIABLE_ATTRIBUTE,   /* detail: its name */
    IMPRINT_VARIABLE_CERTIFICATE, /* detail: "Subject.CommonName" */
    IMPRINT_VARIABLE_CONNECT      /* a key only: iot:ConnectAttributes */
};

struct imprint_variable {
    enum imprint_variable_kind kind;
    struct imprint_slice detail; /* borrowed from the name */
};

/* By name, without "${" and "}". False: there is no such one. */
bool imprint_variable_find(struct imprint_slice name,
                           struct imprint_variable *out);

/* True for a name that AWS IoT knows and that has no value here. */
bool imprint_variable_is_foreign(const char *name);

/* True if a request can have several values of it. */
bool imprint_variable_is_list(const struct imprint_variable *variable);

/*
 * The index-th value that request has, borrowed from it; false behind the last.
 * What is no list has one or none.
 */
bool imprint_variable_get(const struct imprint_variable *variable,
                          const struct imprint_policy_request *request,
                          size_t index, struct imprint_slice *out);

/*
 * The value that stands for ${variable} in a text. As with AWS, one of a
 * certificate that holds * $ + ? # stands for nothing.
 */
bool imprint_variable_put_in(const struct imprint_variable *variable,
                             const struct imprint_policy_request *request,
                             struct imprint_slice *out);

#endif
