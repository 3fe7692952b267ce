#include "device/retry.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "device/layout.h"
#include "device/pause.h"
#include "device/say.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/why.h"

#define FILE_NAME "retry.json"
#define FILE_MAX_LEN 4096u
#define FIRST_LOST_S 5u
#define FIRST_THROTTLED_S 60u
#define MOST_S 1800u
#define COUNT_MAX 1000000

/* ---- how long ---- */

uint32_t imprint_retry_wait_s(uint32_t failure_count, bool is_throttled,
                              uint32_t chance)
{
    uint32_t most_s = is_throttled ? FIRST_THROTTLED_S : FIRST_LOST_S;

    for (uint32_t i = 1; i < failure_count && most_s < MOST_S; i++)
        most_s *= 2;
    if (most_s > MOST_S)
        most_s = MOST_S;
    /* full jitter; who was told to slow down waits half of it at least */
    return is_throttled ? most_s / 2 + chance % (most_s / 2 + 1)
                        : chance % (most_s + 1);
}

uint32_t imprint_retry_left_s(const struct imprint_retry *retry, int64_t now)
{
    int64_t gone_s = now - retry->noted;

    if (gone_s < 0)
        gone_s = 0; /* the clock was put back */
    return gone_s < (int64_t)retry->wait_s ? retry->wait_s - (uint32_t)gone_s
                                           : 0;
}

/* ---- the file ---- */

static void name_file(char path[PATH_MAX], const char *dir)
{
    imprint_layout_path(path, dir, FILE_NAME, NULL);
}

static uint32_t number_of(const struct imprint_json *object, const char *name,
                          int64_t most)
{
    int64_t number = imprint_json_number(object, name, 0);

    if (number < 0)
        return 0;
    return (uint32_t)(number < most ? number : most);
}

void imprint_retry_read(const struct imprint_device_settings *settings,
                        struct imprint_retry *out)
{
    struct imprint_why why = {"", ""};
    struct imprint_json *object = NULL;
    char path[PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    enum imprint_status status;

    memset(out, 0, sizeof(*out));
    name_file(path, settings->state_dir);
    status = imprint_file_read(path, FILE_MAX_LEN, &text, &len, &why);
    if (status == IMPRINT_OK)
        status = imprint_json_read(imprint_slice_of(text, len), &object, &why);
    if (status == IMPRINT_OK) {
        out->failure_count = number_of(object, "failures", COUNT_MAX);
        out->wait_s = number_of(object, "waitSeconds", MOST_S);
        out->noted = number_of(object, "noted", UINT32_MAX); /* until 2106 */
    } else if (status != IMPRINT_ERR_NOT_FOUND) {
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_ERROR,
                         "\"%s\" is not looked at: %s", path, why.text);
    }
    imprint_json_free(object);
    free(text);
}

static enum imprint_status write_file(const char *path,
                                      const struct imprint_retry *retry,
                                      struct imprint_why *why)
{
    struct imprint_json *object = imprint_json_new();
    enum imprint_status status = IMPRINT_ERR_INTERNAL;
    char *text = NULL;

    if (object &&
        imprint_json_put_number(object, "failures", retry->failure_count) &&
        imprint_json_put_number(object, "waitSeconds", retry->wait_s) &&
        imprint_json_put_number(object, "noted", retry->noted))
        text = imprint_json_write(object);
    if (text)
        status =
            imprint_file_replace(path, imprint_slice_text(text), 0600, why);
    free(text);
    imprint_json_free(object);
    return status;
}

void imprint_retry_forget(const char *dir)
{
    char path[PATH_MAX];

    name_file(path, dir);
    (void)unlink(path);
}

/* ---- before and behind a run ---- */

enum imprint_status imprint_retry_await(
    const struct imprint_device_settings *settings,
    const struct imprint_retry *retry, struct imprint_why *why)
{
    int64_t now = time(NULL);
    uint32_t left_s = imprint_retry_left_s(retry, now);
    char text[96];

    if (left_s == 0 || settings->retry == IMPRINT_DEVICE_RETRY_NOW)
        return IMPRINT_OK;
    if (settings->retry == IMPRINT_DEVICE_RETRY_END) {
        /* the clock was put back: every run would end until then */
        if (retry->noted > now)
            return IMPRINT_OK;
        imprint_why_set(why, IMPRINT_ERR_THROTTLED,
                        "the last %u tries failed: the next one is due in %u s",
                        retry->failure_count, left_s);
        imprint_why_hint(why, "run again then, or now with --retry now");
        return IMPRINT_ERR_THROTTLED;
    }
    (void)snprintf(text, sizeof(text),
                   "wait %u s, since the last %u tries failed", left_s,
                   retry->failure_count);
    imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO, "%s", text);
    if (settings->progress)
        settings->progress(settings->user, text);
    return imprint_pause_wait(settings, left_s * (uint64_t)1000, NULL, NULL,
                              why);
}

/* What may go away by itself; a clock is not waited for by trying. */
static bool is_failure(enum imprint_status status)
{
    return status == IMPRINT_ERR_LOST || status == IMPRINT_ERR_TIMEOUT ||
           status == IMPRINT_ERR_THROTTLED || status == IMPRINT_ERR_NETWORK ||
           status == IMPRINT_ERR_FORMAT || status == IMPRINT_ERR_SPACE;
}

void imprint_retry_note(const struct imprint_device_settings *settings,
                        const struct imprint_retry *before,
                        enum imprint_status status)
{
    struct imprint_retry retry = {.failure_count = before->failure_count,
                                  .noted = time(NULL)};
    struct imprint_why why = {"", ""};
    char path[PATH_MAX];
    uint32_t chance = 0;

    if (status == IMPRINT_ERR_STOPPED || status == IMPRINT_ERR_CLOCK)
        return;
    if (!is_failure(status)) {
        if (before->failure_count > 0)
            imprint_retry_forget(settings->state_dir);
        return;
    }
    if (retry.failure_count < COUNT_MAX)
        retry.failure_count++;
    if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
        chance = (uint32_t)retry.noted;
    retry.wait_s = imprint_retry_wait_s(
        retry.failure_count, status == IMPRINT_ERR_THROTTLED, chance);
    name_file(path, settings->state_dir);
    if (write_file(path, &retry, &why) != IMPRINT_OK)
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_ERROR,
                         "that it failed can't be noted: %s", why.text);
}
