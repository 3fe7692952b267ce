#include "device/address.h"

#include <stdlib.h>
#include <string.h>

#include "posix/why.h"

static enum imprint_status refuse(const char *text, struct imprint_why *why)
{
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"%s\" is not an endpoint's address", text);
    imprint_why_hint(why, "give HOST, HOST:PORT or [V6ADDRESS]:PORT");
    return IMPRINT_ERR_SETTINGS;
}

/* 0: not a port. */
static uint16_t port_of(const char *text)
{
    size_t len = strlen(text);
    unsigned long port;

    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return 0;
    port = strtoul(text, NULL, 10);
    return port <= 65535 ? (uint16_t)port : 0;
}

enum imprint_status imprint_address_parse(const char *text,
                                          struct imprint_address *out,
                                          struct imprint_why *why)
{
    const char *host = text;
    const char *colon = strrchr(text, ':');
    const char *port = NULL;
    size_t len = strlen(text);
    struct imprint_address address;

    if (text[0] == '[') {
        const char *end = strchr(text, ']');

        if (!end || (end[1] != '\0' && end[1] != ':'))
            return refuse(text, why);
        host = text + 1;
        len = (size_t)(end - host);
        port = end[1] == ':' ? end + 2 : NULL;
    } else if (colon && strchr(text, ':') == colon) {
        len = (size_t)(colon - text);
        port = colon + 1;
    }
    if (len == 0 || len >= sizeof(address.host) ||
        strcspn(host, "/ \t\r\n@%?#\"'") < len)
        return refuse(text, why);
    memcpy(address.host, host, len);
    address.host[len] = '\0';
    address.port = port ? port_of(port) : IMPRINT_ADDRESS_PORT;
    if (address.port == 0)
        return refuse(text, why);
    *out = address;
    return IMPRINT_OK;
}
