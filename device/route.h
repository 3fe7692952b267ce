/* How a run gets a connection to the endpoint. */
#ifndef IMPRINT_DEVICE_ROUTE_H
#define IMPRINT_DEVICE_ROUTE_H

#include <stdbool.h>

#include "device/address.h"
#include "device/dial.h"
#include "imprint/device.h"

struct imprint_route {
    const struct imprint_device_settings *settings; /* defaults filled in */
    struct imprint_address address; /* with the port of the last connection */
    char place[IMPRINT_DIAL_PLACE_LEN]; /* that in words, for messages */
    /* What an identity remembers: the same, or "host:auto". */
    char name[IMPRINT_DIAL_PLACE_LEN];
    bool is_proxied;
    bool is_settled; /* the port is known to work */
};

void imprint_route_init(struct imprint_route *route,
                        const struct imprint_device_settings *settings,
                        const struct imprint_address *address);

/*
 * A connected socket, the caller's; stop is as in dial.h. With any of the ports
 * of an "auto" address, in their order. ERR_STOPPED; ERR_LOST: it may work
 * later; anything else will not get better by itself.
 */
IMPRINT_MUST_USE enum imprint_status imprint_route_open(
    struct imprint_route *route, bool (*stop)(void *user), void *user, int *out,
    struct imprint_why *why);

/* TLS came up there: no other port is tried any more. */
void imprint_route_settle(struct imprint_route *route);

/*
 * It did not, for a reason that another port may not have. True: there is
 * another one, which is next.
 */
bool imprint_route_turn(struct imprint_route *route);

#endif
