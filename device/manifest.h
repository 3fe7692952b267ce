/* identity.json: what an identity is, beside its key and certificate. */
#ifndef IMPRINT_DEVICE_MANIFEST_H
#define IMPRINT_DEVICE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "device/staged.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* Text is the manifest's own, never NULL; "" if it does not apply. */
struct imprint_manifest {
    char *thing_name;
    char *certificate_id;
    char *endpoint;
    char *template_name;
    char *key_kind;
    char *serial_number; /* the parameter SerialNumber that was sent */
    char *replaces;      /* id of the certificate that this one replaces */
    int64_t not_after;   /* Unix seconds; of the certificate */
    int64_t provisioned; /* Unix seconds; 0: staged */
    int64_t token_made;  /* Unix seconds; 0: no token any more */
    bool registered;
};

/* False: out of memory. */
bool imprint_manifest_init(struct imprint_manifest *manifest,
                           const struct imprint_staged_certificate *from);
void imprint_manifest_free(struct imprint_manifest *manifest);

/* ERR_NOT_FOUND: no such file. ERR_STORAGE: it does not parse. */
IMPRINT_MUST_USE enum imprint_status imprint_manifest_read(
    const char *path, struct imprint_manifest *out, struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_manifest_write(
    const char *path, const struct imprint_manifest *manifest,
    struct imprint_why *why);

#endif
