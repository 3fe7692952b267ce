/*
 * Claims of an endpoint's directory: of a batch, and temporary ones of a
 * trusted user; certificates and CAs that were made elsewhere. Statuses as in
 * admin.h.
 */
#ifndef IMPRINT_ENDPOINT_CLAIMS_H
#define IMPRINT_ENDPOINT_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* What a temporary claim is called where a claim's name stands. */
#define IMPRINT_CLAIMS_TEMPORARY "temporary"

struct imprint_authority_certificate; /* authority.h */

struct imprint_claims_batch {
    const char *name; /* [0-9A-Za-z_-]{1,36}; its folder in claims/ */
    bool is_rsa;
    int64_t not_after; /* Unix seconds; 0: the end of 2049 */
    /* NULL: "<template>-claim", which is made if missing */
    const char *policy;
    const char *template_name; /* NULL: "fleet"; must be there */
};

/*
 * Makes claims/<name>/private.key (0600) and certificate.pem, and makes them
 * known, ACTIVE. What is there and known is left as it is; a pair that the
 * registry does not know is replaced. dir is prepared.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_make(
    const char *dir, const struct imprint_claims_batch *batch,
    struct imprint_why *why);

/*
 * Deletes a claim's certificates and its folder. Devices that were made with
 * it go on.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_drop(
    const char *dir, const char *name, struct imprint_why *why);

/*
 * Of a certificate that was deleted by its id: deletes the claim's folder if
 * that is what it holds.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_drop_files(
    const char *dir, const char *name, const char *id, struct imprint_why *why);

/* A trusted user's claim (AWS: CreateProvisioningClaim). */
struct imprint_claims_temporary {
    char id[65];
    char *certificate_pem;
    char *private_key_pem;
    char *public_key_pem;
    int64_t expires; /* Unix seconds, by the service's clock */
};

/*
 * Kept nowhere but in the registry, without its key. It may provision by this
 * template alone, which must be there and enabled, in both flows and formats.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_make_temporary(
    const char *dir, const char *template_name,
    struct imprint_claims_temporary *out, struct imprint_why *why);
/* Erases the key. */
void imprint_claims_free_temporary(struct imprint_claims_temporary *claim);

/* A certificate that was made elsewhere, made known and ACTIVE. */
struct imprint_claims_foreign {
    struct imprint_slice certificate_pem;
    const char *claim;         /* the claim's name; NULL: it is a device's */
    const char *policy;        /* to attach; NULL: a claim's own, or none */
    const char *thing;         /* to attach, made if missing; NULL: none */
    const char *template_name; /* of a claim; NULL: "fleet" */
};

/*
 * The broker lets it connect only if a CA that it knows signed it: the
 * endpoint's own or one of imprint_claims_trust. ERR_REFUSED: no such CA.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_register(
    const char *dir, const struct imprint_claims_foreign *foreign, char id[65],
    struct imprint_why *why);

/* Whether the broker will take it: as imprint_authority_check. */
IMPRINT_MUST_USE enum imprint_status imprint_claims_check(
    const char *dir, struct imprint_slice certificate_pem,
    struct imprint_authority_certificate *out, struct imprint_why *why);

/*
 * Lets the broker take certificates that this CA signed: cas/<hash>.<n>. One
 * that runs takes it at once, unless it has used another CA of the same name:
 * then when it starts next. Twice is fine. ERR_REFUSED: it is no CA, or signed
 * by one that is not trusted.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_trust(
    const char *dir, struct imprint_slice ca_pem, struct imprint_why *why);

/*
 * Takes that back. One that runs may have it in memory until it starts next.
 * ERR_NOT_FOUND: it was not trusted. ERR_REFUSED, ERR_KEY: as above.
 */
IMPRINT_MUST_USE enum imprint_status imprint_claims_distrust(
    const char *dir, struct imprint_slice ca_pem, struct imprint_why *why);

#endif
