#include "device/pause.h"

#include <time.h>

#include "posix/clock.h"
#include "posix/why.h"

#define POLL_MS 200

/* A signal may end it early: stop is asked next. */
static void sleep_ms(int64_t wait_ms)
{
    struct timespec wait = {(time_t)(wait_ms / 1000),
                            (long)(wait_ms % 1000) * 1000000};

    (void)nanosleep(&wait, NULL);
}

enum imprint_status imprint_pause_wait(
    const struct imprint_device_settings *settings, uint64_t wait_ms,
    bool (*is_over)(void *user), void *user, struct imprint_why *why)
{
    int64_t end_ms = imprint_clock_now_ms() + (int64_t)wait_ms;

    for (;;) {
        int64_t left_ms = end_ms - imprint_clock_now_ms();

        if (settings->stop && settings->stop(settings->user)) {
            imprint_why_set(why, IMPRINT_ERR_STOPPED,
                            "stopped before anything was asked for");
            imprint_why_hint(why, "the next run begins where this one did");
            return IMPRINT_ERR_STOPPED;
        }
        if (left_ms <= 0 || (is_over && is_over(user)))
            return IMPRINT_OK;
        sleep_ms(left_ms < POLL_MS ? left_ms : POLL_MS);
    }
}
