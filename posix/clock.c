#include "posix/clock.h"

#include <time.h>

int64_t imprint_clock_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t imprint_clock_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void imprint_clock_write(int64_t seconds, char text[IMPRINT_CLOCK_TEXT_LEN])
{
    time_t when = (time_t)seconds;
    struct tm utc;

    if (!gmtime_r(&when, &utc) ||
        strftime(text, IMPRINT_CLOCK_TEXT_LEN, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        text[0] = '\0';
}
