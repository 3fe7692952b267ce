/*
 * What was made and is not in use: litter that a fleet leaves at the service.
 */
#ifndef IMPRINT_ENDPOINT_REPORT_H
#define IMPRINT_ENDPOINT_REPORT_H

#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

enum imprint_report_kind {
    IMPRINT_REPORT_PENDING,    /* a certificate that nobody registered */
    IMPRINT_REPORT_BARE_THING, /* a thing without a certificate */
    IMPRINT_REPORT_NEVER_SEEN, /* ACTIVE, a device's, and never connected */
    IMPRINT_REPORT_SECOND,     /* not the newest ACTIVE one of its thing */
    IMPRINT_REPORT_KIND_COUNT
};

struct imprint_report_item {
    enum imprint_report_kind kind;
    const char *certificate_id; /* "": BARE_THING */
    const char *thing;          /* "": none */
    int64_t created;            /* Unix seconds */
};

/* "pending", "bare-thing", "never-connected", "second". */
const char *imprint_report_name(enum imprint_report_kind kind);

IMPRINT_MUST_USE enum imprint_status imprint_report_each(
    const char *dir,
    void (*each)(void *user, const struct imprint_report_item *item),
    void *user, struct imprint_why *why);

#endif
