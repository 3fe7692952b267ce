/*
 * What an operator does to an endpoint's directory, whether an endpoint runs
 * on it or not: one that does sees it within a second.
 */
#ifndef IMPRINT_ENDPOINT_ADMIN_H
#define IMPRINT_ENDPOINT_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* Texts are good during the call; claim and thing are "" if there is none. */
struct imprint_endpoint_certificate {
    const char *id;
    const char *claim; /* the claim's name */
    const char *thing;
    const char *status; /* "ACTIVE", as AWS writes it */
    int64_t created;    /* Unix seconds */
    int64_t not_after;
};

/* Oldest first. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_list(
    const char *dir,
    void (*each)(void *user,
                 const struct imprint_endpoint_certificate *certificate),
    void *user, struct imprint_why *why);

/* status is "ACTIVE", "INACTIVE" or "REVOKED"; id has 64 digits. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_set_status(
    const char *dir, const char *id, const char *status,
    struct imprint_why *why);

struct imprint_endpoint_claim {
    const char *name; /* [0-9A-Za-z_-]{1,36}; its folder in claims/ */
    bool is_rsa;
    int64_t not_after;  /* Unix seconds; 0: the end of 2049 */
    const char *policy; /* NULL: the one of template fleet's claims */
};

/*
 * Makes claims/<name>/private.key (0600) and certificate.pem, and makes them
 * known, ACTIVE. What is there already is left as it is. dir is prepared.
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_make_claim(
    const char *dir, const struct imprint_endpoint_claim *claim,
    struct imprint_why *why);

/* Checks the document, and puts it in place of one of the same name. */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_put_policy(
    const char *dir, const char *name, struct imprint_slice document,
    struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_put_template(
    const char *dir, const char *name, struct imprint_slice document,
    struct imprint_why *why);

/*
 * "token_lifetime_s" (3600) or "pool_size" (256 keys), from the next
 * imprint_endpoint_open on.
 */
IMPRINT_MUST_USE enum imprint_status imprint_endpoint_set(
    const char *dir, const char *name, int64_t value, struct imprint_why *why);

#endif
