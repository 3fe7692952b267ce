/* host, host:port, host:auto, [v6]:port or a bare v6 address. */
#ifndef IMPRINT_DEVICE_ADDRESS_H
#define IMPRINT_DEVICE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_ADDRESS_PORT 8883
/* where ALPN must say that it is MQTT */
#define IMPRINT_ADDRESS_PORT_ALPN 443

struct imprint_address {
    char host[256];
    uint16_t port;
    bool is_auto; /* any of the two above; port is the first */
};

/*
 * port is one that is given apart, or "auto"; NULL: none is. ERR_SETTINGS: text
 * is none of these, port is not one, or there are two.
 */
IMPRINT_MUST_USE enum imprint_status imprint_address_parse(
    const char *text, const char *port, struct imprint_address *out,
    struct imprint_why *why);

#endif
