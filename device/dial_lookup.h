/* The name service, with a deadline. */
#ifndef IMPRINT_DEVICE_DIAL_LOOKUP_H
#define IMPRINT_DEVICE_DIAL_LOOKUP_H

#include "device/dial.h"

/*
 * The addresses of options->host; free with freeaddrinfo. until_ms is of
 * imprint_clock_now_ms. Statuses as imprint_dial_open.
 */
IMPRINT_MUST_USE enum imprint_status imprint_dial_lookup(
    const struct imprint_dial_options *options, int64_t until_ms,
    struct addrinfo **out, struct imprint_why *why);

/* ERR_STOPPED in words. */
enum imprint_status imprint_dial_tell_stop(struct imprint_why *why);

#endif
