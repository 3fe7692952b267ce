/* How a run gets a connection to the endpoint. */
#ifndef IMPRINT_DEVICE_ROUTE_H
#define IMPRINT_DEVICE_ROUTE_H

#include "device/address.h"
#include "device/dial.h"
#include "imprint/device.h"

struct imprint_route {
    const struct imprint_device_settings *settings; /* defaults filled in */
    struct imprint_address address;
    char place[IMPRINT_DIAL_PLACE_LEN]; /* host and port, for messages */
};

void imprint_route_init(struct imprint_route *route,
                        const struct imprint_device_settings *settings,
                        const struct imprint_address *address);

/*
 * A connected socket, the caller's; stop is as in dial.h. ERR_STOPPED;
 * ERR_LOST: it may work later; anything else will not get better by itself.
 */
IMPRINT_MUST_USE enum imprint_status imprint_route_open(
    struct imprint_route *route, bool (*stop)(void *user), void *user, int *out,
    struct imprint_why *why);

#endif
