#include "why.h"

#include <stdarg.h>
#include <stdio.h>

enum imprint_status imprint_why_set(struct imprint_why *why,
                                    enum imprint_status status,
                                    const char *format, ...)
{
    va_list arguments;

    if (!why)
        return status;
    va_start(arguments, format);
    (void)vsnprintf(why->text, sizeof(why->text), format, arguments);
    va_end(arguments);
    why->hint[0] = '\0';
    return status;
}

void imprint_why_hint(struct imprint_why *why, const char *format, ...)
{
    va_list arguments;

    if (!why)
        return;
    va_start(arguments, format);
    (void)vsnprintf(why->hint, sizeof(why->hint), format, arguments);
    va_end(arguments);
}
