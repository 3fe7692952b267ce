/* The time, for programs and for people. */
#ifndef IMPRINT_POSIX_CLOCK_H
#define IMPRINT_POSIX_CLOCK_H

#include <stdint.h>

#define IMPRINT_CLOCK_TEXT_LEN 32

/* Monotonic milliseconds; they stand still while the machine sleeps. */
int64_t imprint_clock_now_ms(void);
int64_t imprint_clock_now_us(void);

/* Unix seconds as "2026-11-25T10:00:00Z" (RFC 3339), or "" if they are none. */
void imprint_clock_write(int64_t seconds, char text[IMPRINT_CLOCK_TEXT_LEN]);

#endif
