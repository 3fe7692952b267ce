/* Which operation a request is, and what it may have in it. */
#ifndef IMPRINT_ENDPOINT_REST_ROUTE_H
#define IMPRINT_ENDPOINT_REST_ROUTE_H

#include "rest_call.h"

enum imprint_rest_service {
    IMPRINT_REST_IOT, /* signed for "iot" or "execute-api" */
    IMPRINT_REST_IAM,
    IMPRINT_REST_STS,
    IMPRINT_REST_LAMBDA
};

enum imprint_rest_use {
    IMPRINT_REST_READ,
    IMPRINT_REST_WRITE, /* in a transaction */
    IMPRINT_REST_ALONE  /* by itself: it waits, or opens the registry again */
};

struct imprint_rest_route {
    const char *name; /* "CreatePolicy"; NULL: the end of a table */
    const char *method;
    const char *path; /* "/policies/{}"; IAM and STS: "/" */
    enum imprint_rest_use use;
    /*
     * Body members and query parameters by name, kind and need:
     * "policyDocument:s! tags:l ?setAsDefault:b": s text, n number, b bool,
     * o object, l list; "?" in the query; "!" it must be there.
     */
    const char *members;
    enum imprint_status (*run)(struct imprint_rest_call *call);
};

/* Of the files rest_<what>.c. */
extern const struct imprint_rest_route imprint_rest_templates_routes[];
extern const struct imprint_rest_route imprint_rest_certificates_routes[];
extern const struct imprint_rest_route imprint_rest_policies_routes[];
extern const struct imprint_rest_route imprint_rest_attachments_routes[];
extern const struct imprint_rest_route imprint_rest_register_routes[];
extern const struct imprint_rest_route imprint_rest_things_routes[];
extern const struct imprint_rest_route imprint_rest_principals_routes[];
extern const struct imprint_rest_route imprint_rest_names_routes[];
extern const struct imprint_rest_route imprint_rest_members_routes[];
extern const struct imprint_rest_route imprint_rest_cas_routes[];
extern const struct imprint_rest_route imprint_rest_tags_routes[];
extern const struct imprint_rest_route imprint_rest_account_routes[];
extern const struct imprint_rest_route imprint_rest_iam_routes[];
extern const struct imprint_rest_route imprint_rest_sts_routes[];
extern const struct imprint_rest_route imprint_rest_lambda_routes[];

/* What is found: with labels as they stand in the path, not decoded. */
struct imprint_rest_match {
    const struct imprint_rest_route *route;
    enum imprint_rest_service service;
    struct imprint_slice labels[IMPRINT_REST_LABEL_MAX_COUNT];
    bool has_path; /* there is one with another method */
};

/* action: the form's, or NULL. False: there is none. */
bool imprint_rest_route_find(const char *method, const char *path,
                             const char *action,
                             struct imprint_rest_match *out);

/* Body and query of a call against members; ERR_REFUSED: call has it. */
enum imprint_status imprint_rest_route_check(
    struct imprint_rest_call *call, const struct imprint_rest_route *route);

#endif
