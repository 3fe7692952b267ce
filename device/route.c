#include "device/route.h"

#include <string.h>

void imprint_route_init(struct imprint_route *route,
                        const struct imprint_device_settings *settings,
                        const struct imprint_address *address)
{
    memset(route, 0, sizeof(*route));
    route->settings = settings;
    route->address = *address;
    imprint_dial_place(route->place, address->host, address->port);
}

enum imprint_status imprint_route_open(struct imprint_route *route,
                                       bool (*stop)(void *user), void *user,
                                       int *out, struct imprint_why *why)
{
    const struct imprint_dial_options options = {
        .host = route->address.host,
        .port = route->address.port,
        .timeout_ms = route->settings->timeout_ms,
        .stop = stop,
        .user = user};

    return imprint_dial_open(&options, out, why);
}
