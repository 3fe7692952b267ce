/* A wait that a caller can end, before there is a session to wait for. */
#ifndef IMPRINT_DEVICE_PAUSE_H
#define IMPRINT_DEVICE_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/device.h"

/*
 * Waits for wait_ms, or until is_over, if that is not NULL, says so; it and
 * settings->stop are asked at least every 200 ms. ERR_STOPPED: why is filled.
 */
IMPRINT_MUST_USE enum imprint_status imprint_pause_wait(
    const struct imprint_device_settings *settings, uint64_t wait_ms,
    bool (*is_over)(void *user), void *user, struct imprint_why *why);

#endif
