/* Connections that take too long are cut, whatever they send meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endpoint/rest_slow.h"
#include "posix/clock.h"

#define LIMIT_MS 200

/* True: the other side was shut down within that time. */
static int is_cut(int fd, int within_ms)
{
    struct pollfd of = {fd, POLLRDHUP, 0};

    return poll(&of, 1, within_ms) == 1 && (of.revents & POLLRDHUP);
}

static void test_cut(void **state)
{
    struct imprint_rest_slow *slow = imprint_rest_slow_open(LIMIT_MS);
    int64_t began = imprint_clock_now_ms();
    int fds[2];

    (void)state;
    assert_non_null(slow);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    imprint_rest_slow_begin(slow, fds[0]);
    /* A byte now and then is no help; one may meet the cut. */
    while (!is_cut(fds[1], 20)) {
        (void)!send(fds[1], "x", 1, MSG_NOSIGNAL);
        assert_true(imprint_clock_now_ms() < began + 10000);
    }
    assert_true(imprint_clock_now_ms() >= began + LIMIT_MS);
    imprint_rest_slow_end(slow, fds[0]);
    imprint_rest_slow_close(slow);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* Who begins again in time stays, and who was forgotten. */
static void test_stays(void **state)
{
    struct imprint_rest_slow *slow = imprint_rest_slow_open(5 * LIMIT_MS);
    int64_t end = imprint_clock_now_ms() + 2500;
    int busy[2];
    int gone[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, busy), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, gone), 0);
    imprint_rest_slow_begin(slow, gone[0]);
    imprint_rest_slow_end(slow, gone[0]);
    while (imprint_clock_now_ms() < end) {
        imprint_rest_slow_begin(slow, busy[0]);
        assert_false(is_cut(busy[1], 20));
    }
    assert_false(is_cut(gone[1], 0));
    imprint_rest_slow_close(slow);
    for (int i = 0; i < 2; i++) {
        (void)close(busy[i]);
        (void)close(gone[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
