/*
 * A TCP connection by way of an HTTP proxy (CONNECT, RFC 9110 section 9.3.6) or
 * a SOCKS5 proxy (RFC 1928). libcurl speaks to the proxy, with every method of
 * authentication that it has; it is loaded when a proxy is first used.
 */
#ifndef IMPRINT_DEVICE_PROXY_H
#define IMPRINT_DEVICE_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "device/dial.h"
#include "imprint/device.h"

/* http://, socks5:// or socks5h://, [user[:password]@]host[:port]. */
IMPRINT_MUST_USE enum imprint_status imprint_proxy_check(
    const char *url, struct imprint_why *why);

/* True if the URL has a password in it. */
bool imprint_proxy_has_password(const char *url);

/* "host:port" of a URL, for messages: without user and password. */
void imprint_proxy_place(const char *url, char out[IMPRINT_DIAL_PLACE_LEN]);

/*
 * True if no_proxy, which may be NULL, exempts host: a list with commas or
 * blanks of names, each for itself and all below it, with or without a leading
 * dot; addresses; or "*". Each may have a port.
 */
bool imprint_proxy_exempts(const char *no_proxy, const char *host,
                           uint16_t port);

/*
 * As imprint_dial_open, by the settings' proxy. ERR_SETTINGS: the proxy wants
 * another user or password, or libcurl is not there. ERR_NETWORK: it does not
 * let us through. ERR_LOST; ERR_STOPPED.
 */
IMPRINT_MUST_USE enum imprint_status imprint_proxy_open(
    const struct imprint_device_settings *settings,
    const struct imprint_dial_options *options, int *out,
    struct imprint_why *why);

#endif
