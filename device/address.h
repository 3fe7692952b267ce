/* host, host:port, [v6]:port or a bare v6 address. */
#ifndef IMPRINT_DEVICE_ADDRESS_H
#define IMPRINT_DEVICE_ADDRESS_H

#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_ADDRESS_PORT 8883

struct imprint_address {
    char host[256];
    uint16_t port;
};

/* ERR_SETTINGS: it is none of these. */
IMPRINT_MUST_USE enum imprint_status imprint_address_parse(
    const char *text, struct imprint_address *out, struct imprint_why *why);

#endif
