#include "device/deadline.h"

#include <stdio.h>

#include "posix/clock.h"
#include "posix/why.h"

static bool is_stopped(void *user)
{
    struct imprint_deadline *deadline = user;
    const struct imprint_device_settings *asked = deadline->asked;

    if (asked->stop && asked->stop(asked->user))
        return true;
    deadline->is_over = imprint_clock_now_ms() >= deadline->end_ms;
    return deadline->is_over;
}

static void log_line(void *user, enum imprint_device_level level,
                     const char *message)
{
    const struct imprint_deadline *deadline = user;

    deadline->asked->log(deadline->asked->user, level, message);
}

static void tell_step(void *user, const char *step)
{
    struct imprint_deadline *deadline = user;

    (void)snprintf(deadline->step, sizeof(deadline->step), "%s", step);
    if (deadline->asked->progress)
        deadline->asked->progress(deadline->asked->user, step);
}

void imprint_deadline_begin(struct imprint_deadline *deadline,
                            const struct imprint_device_settings *asked,
                            struct imprint_device_settings *settings)
{
    deadline->asked = asked;
    deadline->step[0] = '\0';
    deadline->is_over = false;
    if (asked->deadline_s == 0)
        return;
    deadline->end_ms =
        imprint_clock_now_ms() + (int64_t)asked->deadline_s * 1000;
    settings->stop = is_stopped;
    settings->progress = tell_step;
    settings->log = asked->log ? log_line : NULL;
    settings->user = deadline;
}

enum imprint_status imprint_deadline_end(
    const struct imprint_device_settings *settings, enum imprint_status status,
    struct imprint_why *why)
{
    const struct imprint_deadline *deadline = settings->user;

    if (status != IMPRINT_ERR_STOPPED || settings->stop != is_stopped ||
        !deadline->is_over)
        return status;
    imprint_why_set(why, IMPRINT_ERR_TIMEOUT,
                    "not done within %u s: the last step was \"%s\"",
                    deadline->asked->deadline_s,
                    deadline->step[0] ? deadline->step : "begin");
    imprint_why_hint(why, "the next run goes on from here; --deadline gives it "
                          "more time");
    return IMPRINT_ERR_TIMEOUT;
}
