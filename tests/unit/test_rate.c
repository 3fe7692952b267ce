/* So many a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "endpoint/rate.h"

#define START_MS 1000000

static size_t take_all(struct imprint_rate *rate, int64_t per_second,
                       uint64_t now_ms)
{
    size_t count = 0;

    while (count < 1000 && imprint_rate_take(rate, per_second, 1, now_ms))
        count++;
    return count;
}

static void a_burst_is_a_seconds_worth(void **state)
{
    struct imprint_rate rate = {0, 0};

    (void)state;
    assert_int_equal(take_all(&rate, 10, START_MS), 10);
    assert_int_equal(take_all(&rate, 10, START_MS), 0);
    assert_int_equal(take_all(&rate, 10, START_MS + 99), 0);
    assert_int_equal(take_all(&rate, 10, START_MS + 100), 1);
    assert_int_equal(take_all(&rate, 10, START_MS + 399), 2);
    assert_int_equal(take_all(&rate, 10, START_MS + 400), 1);
    assert_int_equal(take_all(&rate, 10, START_MS + 90000), 10);
}

static void zero_is_no_limit(void **state)
{
    struct imprint_rate rate = {0, 0};

    (void)state;
    assert_int_equal(take_all(&rate, 0, START_MS), 1000);
    assert_int_equal(take_all(&rate, 2, START_MS), 2);
    assert_int_equal(take_all(&rate, 0, START_MS), 1000);
    assert_int_equal(take_all(&rate, 2, START_MS), 0);
}

/* Asking often must not keep it from being made up. */
static void who_asks_often_gets_no_less(void **state)
{
    struct imprint_rate rate = {0, 0};
    size_t count = 0;

    (void)state;
    (void)take_all(&rate, 3, START_MS);
    for (uint64_t ms = 1; ms <= 10000; ms++)
        count += imprint_rate_take(&rate, 3, 1, START_MS + ms);
    assert_int_equal(count, 30);
}

static void a_lot_goes_when_nothing_went_before(void **state)
{
    struct imprint_rate rate = {0, 0};

    (void)state;
    assert_true(imprint_rate_take(&rate, 100, 250, START_MS));
    assert_false(imprint_rate_take(&rate, 100, 1, START_MS + 1000));
    assert_false(imprint_rate_take(&rate, 100, 100, START_MS + 2000));
    assert_true(imprint_rate_take(&rate, 100, 50, START_MS + 2000));
    assert_true(imprint_rate_take(&rate, 100, 100, START_MS + 3000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_a_seconds_worth),
        cmocka_unit_test(zero_is_no_limit),
        cmocka_unit_test(who_asks_often_gets_no_less),
        cmocka_unit_test(a_lot_goes_when_nothing_went_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
