/* Roles of the IAM stand-in, for who wants to pass one to a service. */
#ifndef IMPRINT_ENDPOINT_REST_ROLE_H
#define IMPRINT_ENDPOINT_REST_ROLE_H

#include "rest_call.h"

/*
 * As iam:PassRole and IoT's own look at it: the role is there, and lets
 * iot.amazonaws.com assume it. ERR_REFUSED: call has it.
 */
enum imprint_status imprint_rest_role_check(struct imprint_rest_call *call,
                                            const char *arn);

#endif
