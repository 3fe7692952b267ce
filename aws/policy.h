/*
 * AWS IoT policies: check and evaluate. A policy is compiled once and then
 * only read, so that threads may share it.
 *
 * Source: AWS IoT Core developer guide, "AWS IoT Core policies", "AWS IoT Core
 * policy variables".
 */
#ifndef IMPRINT_AWS_POLICY_H
#define IMPRINT_AWS_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "document.h"
#include "finding.h"
#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* Characters of a document without its white space (AWS quota). */
#define IMPRINT_POLICY_MAX_LEN 2048

/*
 * Bytes of a resource, a client id or a thing name; a request with a longer
 * one is not allowed.
 */
#define IMPRINT_POLICY_VALUE_MAX_LEN 1024

struct imprint_policy;

/*
 * Finds everything that is wrong or suspicious; text that is no JSON is one
 * error. findings->source is set to text.
 */
void imprint_policy_check(struct imprint_slice text,
                          struct imprint_findings *findings);

/* The same for a document inside another one (a template), at place. */
void imprint_policy_check_node(const struct imprint_document *node,
                               const struct imprint_place *place,
                               struct imprint_findings *findings);

/* ERR_FORMAT: the first error of imprint_policy_check. */
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
    const char *action;         /* "iot:Publish" */
    const char *resource;       /* the ARN */
    const char *client_id;      /* iot:ClientId */
    const char *source_ip;      /* aws:SourceIp, IPv4 or IPv6 */
    const char *certificate_id; /* iot:CertificateId */
    /*
     * Of the certificate, by the variable's name without "iot:Certificate.":
     * "Subject.CommonName", "Issuer.Organization.1",
     * "Subject.CommonName.List" (several pairs of that name: a list).
     */
    const struct imprint_pair *certificate;
    size_t certificate_count;
    /* iot:Connection.Thing: the thing that this connection stands for */
    const char *thing_name;
    const char *thing_type;
    const struct imprint_pair *attributes;
    size_t attribute_count;
    bool is_attached; /* the certificate, to a thing */
    /* iot:ConnectAttributes, of iot:Connect only */
    bool is_persistent;
    bool has_will;
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
     * nearest: its policy's index, its own index there, and its text, which is
     * that policy's own. NULL if there is none.
     */
    size_t policy_index;
    size_t statement_index;
    const char *statement;
};

/* Over all policies together. Bounded in time; nothing is allocated. */
void imprint_policy_evaluate(const struct imprint_policy *const *policies,
                             size_t policy_count,
                             const struct imprint_policy_request *request,
                             struct imprint_policy_decision *out);

/*
 * For a decision that is not ALLOWED: what about the nearest statement is not
 * as it should be, as one line for a person ("\"topic/a\" never matches
 * iot:Subscribe, which needs \"topicfilter/a\""); "" if there is nothing to
 * say. Not for a hot path.
 */
void imprint_policy_explain(const struct imprint_policy *const *policies,
                            const struct imprint_policy_request *request,
                            const struct imprint_policy_decision *decision,
                            char line[IMPRINT_WHY_TEXT_LEN]);

/* True if action is one that a device can be asked about ("iot:Connect"). */
bool imprint_policy_action_ok(const char *action);

/* "topic", "topicfilter", "client": what an action's resource begins with. */
const char *imprint_policy_resource_kind(const char *action);

/*
 * The part of an ARN behind the account ("topic/a"), or NULL: it is none of
 * AWS IoT's.
 */
const char *imprint_policy_resource_of(const char *arn);

#endif
