#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/retry.h"
#include "device/spread.h"
#include "dir_rig.h"
#include "posix/file.h"

static void grows_and_is_capped(void **state)
{
    uint32_t longest = 0;

    (void)state;
    for (uint32_t chance = 0; chance < 100000; chance += 7) {
        assert_true(imprint_retry_wait_s(1, false, chance) <= 5);
        assert_true(imprint_retry_wait_s(4, false, chance) <= 40);
        assert_in_range(imprint_retry_wait_s(1, true, chance), 30, 60);
        assert_in_range(imprint_retry_wait_s(1000000, true, chance), 900, 1800);
        if (imprint_retry_wait_s(1000000, false, chance) > longest)
            longest = imprint_retry_wait_s(1000000, false, chance);
    }
    assert_in_range(longest, 1700, 1800);
}

static void left(void **state)
{
    const struct imprint_retry retry = {
        .failure_count = 2, .wait_s = 100, .noted = 1000000};

    (void)state;
    assert_int_equal(imprint_retry_left_s(&retry, 1000000), 100);
    assert_int_equal(imprint_retry_left_s(&retry, 1000060), 40);
    assert_int_equal(imprint_retry_left_s(&retry, 1000100), 0);
    assert_int_equal(imprint_retry_left_s(&retry, INT64_MAX), 0);
    /* the clock was put back by a month: no more than was noted */
    assert_int_equal(imprint_retry_left_s(&retry, 1000), 100);
}

static int set_up(void **state)
{
    (void)state;
    dir_make();
    return 0;
}

static void noted_and_forgotten(void **state)
{
    const struct imprint_device_settings settings = {.state_dir = dir};
    struct imprint_retry retry;

    (void)state;
    imprint_retry_read(&settings, &retry);
    assert_int_equal(retry.failure_count, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        imprint_retry_note(&settings, &retry, IMPRINT_ERR_THROTTLED);
        imprint_retry_read(&settings, &retry);
        assert_int_equal(retry.failure_count, i);
        assert_true(retry.wait_s >= 30u << (i - 1));
        assert_true(time(NULL) - retry.noted < 60);
    }
    /* says nothing about the service */
    imprint_retry_note(&settings, &retry, IMPRINT_ERR_STOPPED);
    imprint_retry_note(&settings, &retry, IMPRINT_ERR_CLOCK);
    imprint_retry_read(&settings, &retry);
    assert_int_equal(retry.failure_count, 3);
    imprint_retry_note(&settings, &retry, IMPRINT_OK);
    imprint_retry_read(&settings, &retry);
    assert_int_equal(retry.failure_count, 0);
}

static void put_file(const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/retry.json", dir);
    assert_int_equal(
        imprint_file_replace(path, imprint_slice_text(text), 0600, NULL),
        IMPRINT_OK);
}

static unsigned warnings;

static void count_warnings(void *user, enum imprint_device_level level,
                           const char *message)
{
    (void)user;
    assert_non_null(strstr(message, "retry.json"));
    if (level == IMPRINT_DEVICE_LOG_ERROR)
        warnings++;
}

/* Every prefix of the file, and nonsense, is no failure at all. */
static void garbled(void **state)
{
    static const char whole[] =
        "{\"failures\": 3, \"waitSeconds\": 1800, \"noted\": 4000000000}";
    const struct imprint_device_settings settings = {.state_dir = dir,
                                                     .log = count_warnings};
    struct imprint_retry retry;
    char text[sizeof(whole)];

    (void)state;
    warnings = 0;
    for (size_t len = 0; len < strlen(whole); len++) {
        (void)snprintf(text, sizeof(text), "%.*s", (int)len, whole);
        put_file(text);
        imprint_retry_read(&settings, &retry);
        assert_int_equal(retry.failure_count, 0);
        assert_int_equal(warnings, len + 1);
    }
    put_file(whole);
    imprint_retry_read(&settings, &retry);
    assert_int_equal(retry.failure_count, 3);
    put_file("{\"failures\": -1, \"waitSeconds\": 99999999999, "
             "\"noted\": \"x\"}");
    imprint_retry_read(&settings, &retry);
    assert_int_equal(retry.failure_count, 0);
    assert_int_equal(retry.wait_s, 1800);
    assert_int_equal(retry.noted, 0);
    put_file("{\"failures\": 1, \"waitSeconds\": 60, "
             "\"noted\": -9223372036854775808}");
    imprint_retry_read(&settings, &retry);
    assert_int_equal(imprint_retry_left_s(&retry, INT64_MAX), 0);
}

static bool stop_always(void *user)
{
    (void)user;
    return true;
}

static void three_ways(void **state)
{
    const struct imprint_retry retry = {
        .failure_count = 2, .wait_s = 1000, .noted = time(NULL)};
    struct imprint_device_settings settings = {.state_dir = dir};

    (void)state;
    settings.retry = IMPRINT_DEVICE_RETRY_NOW;
    assert_int_equal(imprint_retry_await(&settings, &retry, &why), IMPRINT_OK);
    settings.retry = IMPRINT_DEVICE_RETRY_END;
    assert_int_equal(imprint_retry_await(&settings, &retry, &why),
                     IMPRINT_ERR_THROTTLED);
    assert_non_null(strstr(why.text, "the last 2 tries failed"));
    settings.retry = IMPRINT_DEVICE_RETRY_WAIT;
    settings.stop = stop_always;
    assert_int_equal(imprint_retry_await(&settings, &retry, &why),
                     IMPRINT_ERR_STOPPED);
}

/* Noted by a clock that was ahead: it must not end each run until then. */
static void put_back(void **state)
{
    const struct imprint_retry retry = {
        .failure_count = 2, .wait_s = 1000, .noted = time(NULL) + 5000};
    const struct imprint_device_settings settings = {
        .state_dir = dir, .retry = IMPRINT_DEVICE_RETRY_END};

    (void)state;
    assert_int_equal(imprint_retry_await(&settings, &retry, &why), IMPRINT_OK);
}

/* 10,000 serial numbers over 600 s: each minute has about 1,000. */
static void spread_evenly(void **state)
{
    unsigned minutes[10] = {0};
    char name[32];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint32_t wait_s;

        (void)snprintf(name, sizeof(name), "SN-%06d", i);
        wait_s = imprint_spread_of(name, 599);
        assert_true(wait_s <= 599);
        assert_int_equal(wait_s, imprint_spread_of(name, 599));
        minutes[wait_s / 60]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(minutes[i], 850, 1150);
    assert_int_equal(imprint_spread_of("x", 0), 0);
    assert_true(imprint_spread_of("x", UINT32_MAX) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_is_capped),
        cmocka_unit_test(left),
        cmocka_unit_test_setup_teardown(noted_and_forgotten, set_up,
                                        dir_remove),
        cmocka_unit_test_setup_teardown(garbled, set_up, dir_remove),
        cmocka_unit_test_setup_teardown(three_ways, set_up, dir_remove),
        cmocka_unit_test_setup_teardown(put_back, set_up, dir_remove),
        cmocka_unit_test(spread_evenly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
