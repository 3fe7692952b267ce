/*
 * Who signs calls to AWS, and for which region: credentials as AWS's tools
 * find them.
 *
 * Source: AWS SDKs and Tools Reference Guide, "AWS access keys", "Shared config
 * and credentials files".
 */
#ifndef IMPRINT_CLOUD_SIGNER_H
#define IMPRINT_CLOUD_SIGNER_H

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_signer {
    char *access_key;
    char *secret;
    char *token;      /* a session's; NULL: none */
    char *region;     /* "eu-west-1" */
    char source[128]; /* where the key was found, for a person */
};

/*
 * In this order: AWS_ACCESS_KEY_ID and its like, unless profile is given; the
 * profile, AWS_PROFILE or "default", in the credentials file, then in the
 * config file. region NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's.
 * ERR_SETTINGS: there are none, or no region; why says where they may be.
 */
IMPRINT_MUST_USE enum imprint_status imprint_signer_find(
    const char *profile, const char *region, struct imprint_signer *out,
    struct imprint_why *why);
/* Erases the secret. */
void imprint_signer_free(struct imprint_signer *signer);

#endif
