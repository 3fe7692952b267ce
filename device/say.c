#include "device/say.h"

#include <stdarg.h>
#include <stdio.h>

void imprint_say_line(const struct imprint_device_settings *settings,
                      enum imprint_device_level level, const char *format, ...)
{
    char line[512];
    va_list arguments;

    if (!settings->log)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    settings->log(settings->user, level, line);
}
