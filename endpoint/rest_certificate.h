/* A certificate that a request names. */
#ifndef IMPRINT_ENDPOINT_REST_CERTIFICATE_H
#define IMPRINT_ENDPOINT_REST_CERTIFICATE_H

#include "rest_call.h"

/* *id points into arn. ERR_REFUSED: call has it (400, 404). */
enum imprint_status imprint_rest_certificate_of_arn(
    struct imprint_rest_call *call, const char *arn, const char **id);
/* "ACTIVE", "INACTIVE"...; false: AWS knows no such one. */
bool imprint_rest_certificate_state(const char *name,
                                    enum imprint_registry_state *out);

/*
 * Puts one that has no ARN yet. ERR_REFUSED: 409, it is there already.
 * columns NULL: none.
 */
struct imprint_rest_certificate {
    const char *id;
    const char *pem;
    int64_t not_after;
    bool is_active;
    bool is_sni_only;
    const char *ca; /* id of the registered CA; NULL: none */
};

enum imprint_status imprint_rest_certificate_put(
    struct imprint_rest_call *call,
    const struct imprint_rest_certificate *certificate);
/* certificateArn, certificateId. */
void imprint_rest_certificate_show(struct imprint_rest_call *call,
                                   const char *id);

#endif
