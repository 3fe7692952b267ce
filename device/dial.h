/*
 * Opens a TCP connection: looks the name up, and races its addresses as
 * RFC 8305 says. Blocks, but never longer than it is told to.
 */
#ifndef IMPRINT_DEVICE_DIAL_H
#define IMPRINT_DEVICE_DIAL_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_DIAL_PLACE_LEN 280

struct imprint_dial_options {
    const char *host; /* name, or address of either family */
    uint16_t port;
    uint32_t timeout_ms; /* for all of it */
    /* Optional; asked at least every 200 ms; true: it ends with ERR_STOPPED. */
    bool (*stop)(void *user);
    void *user;
    /*
     * getaddrinfo if NULL. It is called in a thread of its own, which goes on
     * after a time-out: it may touch nothing but what it is given.
     */
    int (*resolve)(const char *host, const char *port,
                   const struct addrinfo *hints, struct addrinfo **out);
};

/*
 * A connected socket: non-blocking, close-on-exec, without Nagle's delay; the
 * caller closes it. ERR_LOST: nobody could be reached, and why says what
 * stands between. ERR_STOPPED.
 */
IMPRINT_MUST_USE enum imprint_status imprint_dial_open(
    const struct imprint_dial_options *options, int *out,
    struct imprint_why *why);

/* "host:port", or "[v6]:port". */
void imprint_dial_place(char out[IMPRINT_DIAL_PLACE_LEN], const char *host,
                        uint16_t port);

#endif
