/* Hands a line to the caller's log callback, if there is one. */
#ifndef IMPRINT_DEVICE_SAY_H
#define IMPRINT_DEVICE_SAY_H

#include "imprint/device.h"

/* printf-style; cut at 512 bytes. The caller puts no secret into it. */
void imprint_say_line(const struct imprint_device_settings *settings,
                      enum imprint_device_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
