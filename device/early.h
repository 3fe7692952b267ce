/*
 * The connection under the new identity, begun while the certificate is still
 * being asked for (--early-verify): its round trips for TCP and for the first
 * half of TLS are over when there is something to show. Whatever goes wrong
 * with it before is no trouble: a connection is opened then as without it.
 */
#ifndef IMPRINT_DEVICE_EARLY_H
#define IMPRINT_DEVICE_EARLY_H

#include <stdbool.h>

#include "device/session.h"

/* All zero at first. */
struct imprint_early {
    struct imprint_session session;
    struct imprint_route route;
    struct imprint_device_settings settings;
    char *client_id; /* CONNECT is written with it already */
    bool has_begun;  /* once in a run is enough */
};

/*
 * options: of the identity; client_id is what it is going to be, as far as that
 * is known, and certificate and key are not looked at. Takes a round trip, and
 * not longer than a quarter of the time for a reply.
 */
void imprint_early_begin(struct imprint_early *early,
                         const struct imprint_session_options *options);

/*
 * Shows certificate and key of options, and hands the session over. False:
 * there is none, or it has another client id; then it is closed. *status: what
 * came of showing.
 */
bool imprint_early_take(struct imprint_early *early,
                        const struct imprint_session_options *options,
                        struct imprint_session *out, struct imprint_why *why,
                        enum imprint_status *status);

void imprint_early_end(struct imprint_early *early);

#endif
