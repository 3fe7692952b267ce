#include "device/wallclock.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "device/pause.h"
#include "device/say.h"
#include "posix/why.h"

#ifndef IMPRINT_BUILD_UNIX
#define IMPRINT_BUILD_UNIX 0
#endif

#define FILE_SLACK_S 60

void imprint_wallclock_write(int64_t seconds,
                             char text[IMPRINT_WALLCLOCK_TEXT_LEN])
{
    time_t when = (time_t)seconds;
    struct tm utc;

    if (!gmtime_r(&when, &utc) || strftime(text, IMPRINT_WALLCLOCK_TEXT_LEN,
                                           "%Y-%m-%d %H:%MZ", &utc) == 0)
        (void)snprintf(text, IMPRINT_WALLCLOCK_TEXT_LEN, "?");
}

void imprint_wallclock_init(struct imprint_wallclock *wallclock)
{
    wallclock->latest = IMPRINT_BUILD_UNIX;
    (void)snprintf(wallclock->what, sizeof(wallclock->what),
                   "this program was built");
}

void imprint_wallclock_note(struct imprint_wallclock *wallclock, int64_t when,
                            const char *what, const char *name,
                            const char *deed)
{
    if (when <= wallclock->latest)
        return;
    wallclock->latest = when;
    (void)snprintf(wallclock->what, sizeof(wallclock->what), "%s \"%.300s\" %s",
                   what, name, deed);
}

void imprint_wallclock_note_file(struct imprint_wallclock *wallclock,
                                 const char *path)
{
    struct stat now;

    if (path && stat(path, &now) == 0)
        imprint_wallclock_note(wallclock, now.st_mtime - FILE_SLACK_S,
                               "the file", path, "was written");
}

static bool is_possible(void *user)
{
    const struct imprint_wallclock *wallclock = user;

    return (int64_t)time(NULL) >= wallclock->latest;
}

/* "3 days", of what is more than one day; else seconds. */
static void write_span(int64_t seconds, char text[40])
{
    bool in_days = seconds >= (int64_t)2 * 86400;

    (void)snprintf(text, 40, "%lld %s",
                   (long long)(in_days ? seconds / 86400 : seconds),
                   in_days ? "days" : "s");
}

enum imprint_status imprint_wallclock_await(
    const struct imprint_wallclock *wallclock,
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    struct imprint_wallclock asked = *wallclock;
    char now[IMPRINT_WALLCLOCK_TEXT_LEN];
    char then[IMPRINT_WALLCLOCK_TEXT_LEN];
    char span[40];

    if (!is_possible(&asked) && settings->wait_for_clock_s > 0) {
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO,
                         "the clock is behind; waiting up to %u s for it",
                         settings->wait_for_clock_s);
        if (settings->progress)
            settings->progress(settings->user, "wait for the clock");
        if (imprint_pause_wait(settings,
                               settings->wait_for_clock_s * (uint64_t)1000,
                               is_possible, &asked, why) != IMPRINT_OK)
            return IMPRINT_ERR_STOPPED;
    }
    if (is_possible(&asked))
        return IMPRINT_OK;
    imprint_wallclock_write(time(NULL), now);
    imprint_wallclock_write(asked.latest, then);
    write_span(asked.latest - (int64_t)time(NULL), span);
    imprint_why_set(why, IMPRINT_ERR_CLOCK,
                    "the clock says %s, and %s %s later, on %s", now,
                    asked.what, span, then);
    imprint_why_hint(why, "set the clock, or let --wait-for-clock wait until "
                          "the network has set it");
    return IMPRINT_ERR_CLOCK;
}
