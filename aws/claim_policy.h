/*
 * The smallest policy that lets a claim provision, and nothing else.
 *
 * Source: AWS IoT Core developer guide, "Provisioning devices that don't have
 * device certificates using fleet provisioning", narrowed: exact topics in
 * place of create/ and provision/ with a wildcard, which miss create-from-csr.
 */
#ifndef IMPRINT_AWS_CLAIM_POLICY_H
#define IMPRINT_AWS_CLAIM_POLICY_H

#include <stdbool.h>

#include "imprint/status.h"
#include "imprint/why.h"

/* At least one flow and one format. */
struct imprint_claim_policy {
    const char *partition; /* "aws", "aws-cn", "aws-us-gov" */
    const char *region;
    const char *account; /* 12 digits */
    const char *template_name;
    const char *client_id_prefix; /* "": any client id */
    bool has_csr;
    bool has_service; /* a service-made key */
    bool has_json;
    bool has_cbor;
};

/*
 * *text: indented JSON, at most IMPRINT_POLICY_MAX_LEN characters without white
 * space; free it. ERR_ARGUMENT: a name is none; why says which.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claim_policy_write(
    const struct imprint_claim_policy *wanted, char **text,
    struct imprint_why *why);

#endif
