/*
 * AWS IoT policies: check and evaluate. A policy is compiled once and then
 * only read, so that threads may share it.
 *
 * Spoken here: Version "2012-10-17"; Statement, one or an array; Sid; Effect;
 * Action and Resource, one or an array, with * and ?; the variables below and
 * the escapes ${*}, ${?}, ${$}. The rest of the language (Condition,
 * NotAction, NotResource, other variables) is refused by
 * imprint_policy_parse, in words: a policy is never taken for less than it is.
 *
 * Source: AWS IoT Core developer guide, "AWS IoT Core policies".
 */
#ifndef IMPRINT_AWS_POLICY_H
#define IMPRINT_AWS_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* Characters of a document without its white space (AWS quota). */
#define IMPRINT_POLICY_MAX_LEN 2048

/* Bytes of each text of a request; what is longer is not allowed. */
#define IMPRINT_POLICY_VALUE_MAX_LEN 1024

struct imprint_policy;

/* ERR_FORMAT names the line, or the place as Statement[1].Action[0]. */
IMPRINT_MUST_USE enum imprint_status imprint_policy_parse(
    struct imprint_slice text, struct imprint_policy **out,
    struct imprint_why *why);
/* NULL is fine. */
void imprint_policy_free(struct imprint_policy *policy);

/*
 * Who wants what. Texts are NUL-terminated; NULL where there is none, and a
 * variable that needs it then keeps a statement from matching.
 */
struct imprint_policy_request {
    const char *action;     /* "iot:Publish" */
    const char *resource;   /* the ARN */
    const char *client_id;  /* ${iot:ClientId} */
    const char *thing_name; /* ${iot:Connection.Thing.ThingName} */
    bool is_attached;       /* ${iot:Connection.Thing.IsAttached} */
};

enum imprint_policy_verdict {
    IMPRINT_POLICY_SILENT, /* no statement allows it: an implicit deny */
    IMPRINT_POLICY_DENIED, /* by a statement: no other one can help */
    IMPRINT_POLICY_ALLOWED
};

struct imprint_policy_decision {
    enum imprint_policy_verdict verdict;
    /*
     * Of the statement that decided, or, when SILENT, of the one that came
     * nearest (right action, other resource): its policy's index and its text,
     * which is that policy's own. NULL if there is none.
     */
    size_t policy_index;
    const char *statement;
};

/*
 * Over all policies together. Time is bounded by the length of the policies
 * times IMPRINT_POLICY_VALUE_MAX_LEN; nothing is allocated.
 */
void imprint_policy_evaluate(const struct imprint_policy *const *policies,
                             size_t policy_count,
                             const struct imprint_policy_request *request,
                             struct imprint_policy_decision *out);

/* True if the actions of this endpoint include action ("iot:Connect"). */
bool imprint_policy_action_ok(const char *action);

#endif
