#include "device/route.h"

#include <stdio.h>
#include <string.h>

#include "device/proxy.h"
#include "posix/why.h"

#define PORT_COUNT 2

static const uint16_t ports[PORT_COUNT] = {IMPRINT_ADDRESS_PORT,
                                           IMPRINT_ADDRESS_PORT_ALPN};

static void take_port(struct imprint_route *route, uint16_t port)
{
    route->address.port = port;
    imprint_dial_place(route->place, route->address.host, port);
}

void imprint_route_init(struct imprint_route *route,
                        const struct imprint_device_settings *settings,
                        const struct imprint_address *address)
{
    memset(route, 0, sizeof(*route));
    route->settings = settings;
    route->address = *address;
    route->is_settled = !address->is_auto;
    take_port(route, address->port);
    route->is_proxied =
        settings->proxy && !imprint_proxy_exempts(settings->no_proxy,
                                                  address->host, address->port);
    if (address->is_auto)
        (void)snprintf(route->name, sizeof(route->name), "%s:auto",
                       address->host);
    else
        memcpy(route->name, route->place, sizeof(route->name));
}

static enum imprint_status dial(const struct imprint_route *route,
                                bool (*stop)(void *user), void *user, int *out,
                                struct imprint_why *why)
{
    const struct imprint_dial_options options = {
        .host = route->address.host,
        .port = route->address.port,
        .timeout_ms = route->settings->timeout_connect_ms,
        .stop = stop,
        .user = user};

    if (route->is_proxied)
        return imprint_proxy_open(route->settings, &options, out, why);
    return imprint_dial_open(&options, out, why);
}

enum imprint_status imprint_route_open(struct imprint_route *route,
                                       bool (*stop)(void *user), void *user,
                                       int *out, struct imprint_why *why)
{
    struct imprint_why first = {"", ""};
    enum imprint_status status = dial(route, stop, user, out, &first);

    if ((status == IMPRINT_ERR_LOST || status == IMPRINT_ERR_NETWORK) &&
        imprint_route_turn(route)) {
        struct imprint_why second = {"", ""};

        status = dial(route, stop, user, out, &second);
        if (status != IMPRINT_OK) {
            imprint_why_set(why, status, "%.240s; %.240s", first.text,
                            second.text);
            imprint_why_hint(why, "%s", second.hint);
        }
        return status;
    }
    if (status != IMPRINT_OK && why)
        *why = first;
    return status;
}

void imprint_route_settle(struct imprint_route *route)
{
    route->is_settled = true;
}

bool imprint_route_turn(struct imprint_route *route)
{
    bool is_first = route->address.port == ports[0];

    if (route->is_settled)
        return false;
    take_port(route, ports[is_first ? 1 : 0]);
    return true;
}
