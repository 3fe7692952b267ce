#include "posix/duration.h"

#include <stdlib.h>
#include <string.h>

#include "posix/why.h"

#define MAX_S (UINT64_C(3652) * 86400)

/* Seconds in a unit; 0: no unit. */
static uint64_t unit_s(const char *unit)
{
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) == 0)
            return units[i].seconds;
    }
    return 0;
}

enum imprint_status imprint_duration_read(const char *text, uint64_t *seconds,
                                          struct imprint_why *why)
{
    size_t digit_count = strspn(text, "0123456789");
    uint64_t unit = unit_s(text + digit_count);
    uint64_t number;

    if (digit_count > 0 && digit_count < 10 && unit > 0) {
        number = strtoull(text, NULL, 10);
        if (number <= MAX_S / unit) {
            *seconds = number * unit;
            return IMPRINT_OK;
        }
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "\"%.40s\" is no span of time",
                    text);
    imprint_why_hint(why, "such as 90s, 10m, 2h or 30d; ten years at most");
    return IMPRINT_ERR_SETTINGS;
}
