#include "device/address.h"

#include <stdlib.h>
#include <string.h>

#include "posix/why.h"

static enum imprint_status refuse(const char *text, struct imprint_why *why)
{
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"%s\" is not an endpoint's address", text);
    imprint_why_hint(why,
                     "give HOST, HOST:PORT, HOST:auto or [V6ADDRESS]:PORT");
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

static bool take_port(const char *text, struct imprint_address *out)
{
    out->is_auto = text && strcmp(text, "auto") == 0;
    out->port = text && !out->is_auto ? port_of(text) : IMPRINT_ADDRESS_PORT;
    return out->port != 0;
}

/* *port: what stands behind the host, or NULL. */
static bool take_host(const char *text, struct imprint_address *out,
                      const char **port)
{
    const char *host = text;
    const char *colon = strrchr(text, ':');
    size_t len = strlen(text);

    *port = NULL;
    if (text[0] == '[') {
        const char *end = strchr(text, ']');

        if (!end || (end[1] != '\0' && end[1] != ':'))
            return false;
        host = text + 1;
        len = (size_t)(end - host);
        *port = end[1] == ':' ? end + 2 : NULL;
    } else if (colon && strchr(text, ':') == colon) {
        len = (size_t)(colon - text);
        *port = colon + 1;
    }
    if (len == 0 || len >= sizeof(out->host) ||
        strcspn(host, "/ \t\r\n@%?#\"'") < len)
        return false;
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    return true;
}

enum imprint_status imprint_address_parse(const char *text, const char *port,
                                          struct imprint_address *out,
                                          struct imprint_why *why)
{
    struct imprint_address address;
    const char *own_port;

    if (!take_host(text, &address, &own_port))
        return refuse(text, why);
    if (own_port && port) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "the endpoint \"%s\" has a port, and port \"%s\" is "
                        "set, too",
                        text, port);
        imprint_why_hint(why, "leave one of them out");
        return IMPRINT_ERR_SETTINGS;
    }
    if (port && !take_port(port, &address)) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS, "\"%s\" is not a port",
                        port);
        imprint_why_hint(why, "give 1 to 65535, or auto: 8883, then 443");
        return IMPRINT_ERR_SETTINGS;
    }
    if (!port && !take_port(own_port, &address))
        return refuse(text, why);
    *out = address;
    return IMPRINT_OK;
}
