/* A fleet that is switched on at once does not connect at once. */
#ifndef IMPRINT_DEVICE_SPREAD_H
#define IMPRINT_DEVICE_SPREAD_H

#include <stdint.h>

#include "imprint/device.h"

/* 0 to most_s, the same for the same name, even over many names. */
uint32_t imprint_spread_of(const char *name, uint32_t most_s);

/*
 * Waits a part of settings->spread_s that comes from the parameter
 * SerialNumber, else ThingName, else machine-id(5). ERR_SETTINGS: there is
 * none of them. ERR_STOPPED.
 */
IMPRINT_MUST_USE enum imprint_status imprint_spread_await(
    const struct imprint_device_settings *settings, struct imprint_why *why);

#endif
