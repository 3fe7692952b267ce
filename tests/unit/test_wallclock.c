#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/wallclock.h"

static bool stop_always(void *user)
{
    (void)user;
    return true;
}

static void built_before_now(void **state)
{
    const struct imprint_device_settings settings = {.wait_for_clock_s = 0};
    struct imprint_wallclock wallclock;

    (void)state;
    imprint_wallclock_init(&wallclock);
    assert_true(wallclock.latest > 1700000000);
    assert_int_equal(imprint_wallclock_await(&wallclock, &settings, NULL),
                     IMPRINT_OK);
}

static void latest_wins(void **state)
{
    struct imprint_wallclock wallclock;

    (void)state;
    imprint_wallclock_init(&wallclock);
    imprint_wallclock_note(&wallclock, 1, "claim", "old", "becomes valid");
    assert_string_equal(wallclock.what, "this program was built");
    imprint_wallclock_note(&wallclock, INT64_MAX, "claim", "new",
                           "becomes valid");
    assert_string_equal(wallclock.what, "claim \"new\" becomes valid");
}

static void files_count_less_a_minute(void **state)
{
    char path[] = "/tmp/imprint-wallclock-XXXXXX";
    int fd = mkstemp(path);
    struct timespec times[2] = {{.tv_sec = 4000000000}, {.tv_sec = 4000000000}};
    struct imprint_wallclock wallclock;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    imprint_wallclock_init(&wallclock);
    imprint_wallclock_note_file(&wallclock, NULL);
    imprint_wallclock_note_file(&wallclock, "/nonexistent");
    assert_string_equal(wallclock.what, "this program was built");
    imprint_wallclock_note_file(&wallclock, path);
    assert_int_equal(wallclock.latest, 4000000000 - 60);
    assert_non_null(strstr(wallclock.what, path));
    (void)close(fd);
    (void)unlink(path);
}

static void behind(void **state)
{
    const struct imprint_device_settings settings = {.wait_for_clock_s = 0};
    struct imprint_wallclock wallclock;
    struct imprint_why why = {"", ""};

    (void)state;
    imprint_wallclock_init(&wallclock);
    imprint_wallclock_note(&wallclock, (int64_t)time(NULL) + 86400 * 3 + 60,
                           "claim", "c.pem", "becomes valid");
    assert_int_equal(imprint_wallclock_await(&wallclock, &settings, &why),
                     IMPRINT_ERR_CLOCK);
    assert_non_null(
        strstr(why.text, "claim \"c.pem\" becomes valid 3 days later, on "));
    assert_non_null(strstr(why.hint, "set the clock"));
}

/* The clock comes right by itself after a second. */
static void waited_for(void **state)
{
    struct imprint_device_settings settings = {.wait_for_clock_s = 20};
    struct imprint_wallclock wallclock;
    time_t began = time(NULL);

    (void)state;
    imprint_wallclock_init(&wallclock);
    imprint_wallclock_note(&wallclock, began + 1, "claim", "c", "is valid");
    assert_int_equal(imprint_wallclock_await(&wallclock, &settings, NULL),
                     IMPRINT_OK);
    assert_true(time(NULL) >= began + 1);
    assert_true(time(NULL) < began + 15);
}

static void waited_in_vain(void **state)
{
    struct imprint_device_settings settings = {.wait_for_clock_s = 1};
    struct imprint_wallclock wallclock;

    (void)state;
    imprint_wallclock_init(&wallclock);
    imprint_wallclock_note(&wallclock, INT32_MAX, "claim", "c", "is valid");
    assert_int_equal(imprint_wallclock_await(&wallclock, &settings, NULL),
                     IMPRINT_ERR_CLOCK);
    settings.wait_for_clock_s = 3600;
    settings.stop = stop_always;
    assert_int_equal(imprint_wallclock_await(&wallclock, &settings, NULL),
                     IMPRINT_ERR_STOPPED);
}

static void days(void **state)
{
    char text[IMPRINT_WALLCLOCK_TEXT_LEN];

    (void)state;
    imprint_wallclock_write(0, text);
    assert_string_equal(text, "1970-01-01 00:00Z");
    imprint_wallclock_write(INT64_MAX, text);
    assert_string_equal(text, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_before_now),
        cmocka_unit_test(latest_wins),
        cmocka_unit_test(files_count_less_a_minute),
        cmocka_unit_test(behind),
        cmocka_unit_test(waited_for),
        cmocka_unit_test(waited_in_vain),
        cmocka_unit_test(days),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
