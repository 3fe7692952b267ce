/* A stand-in for STS: who a request is signed by. */
#include <stdio.h>

#include "rest_route.h"

static enum imprint_status get_identity(struct imprint_rest_call *call)
{
    char arn[160];
    const char *user = call->user[0] ? call->user : "anonymous";

    (void)snprintf(arn, sizeof(arn),
                   "arn:aws:iam::" IMPRINT_REST_ACCOUNT ":user/%s", user);
    imprint_rest_xml(call, "Arn", arn);
    imprint_rest_xml(call, "UserId", user);
    imprint_rest_xml(call, "Account", IMPRINT_REST_ACCOUNT);
    return IMPRINT_OK;
}

const struct imprint_rest_route imprint_rest_sts_routes[] = {
    {"GetCallerIdentity", "POST", "/", IMPRINT_REST_READ, "", get_identity},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
