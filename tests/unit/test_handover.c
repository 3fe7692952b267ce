/* A descriptor of "the library's" that comes to mean another connection. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "device/handover.h"
#include "dir_rig.h"

static int set_up(void **state)
{
    (void)state;
    dir_make();
    return 0;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(connect(fd, (void *)&address, sizeof(address)), 0);
    return fd;
}

static bool is_empty(const char *path)
{
    return rmdir(path) == 0 && mkdir(path, 0700) == 0;
}

static void check_bytes(int fd, const char *wanted)
{
    char bytes[64] = "";

    assert_int_equal(recv(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT),
                     strlen(wanted));
    assert_string_equal(bytes, wanted);
}

static void test_hand_over(void **state)
{
    struct imprint_handover handover;
    int pair[2];
    int client;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    must(imprint_handover_open(dir, &handover, &why));
    client = connect_to(handover.path);
    assert_int_equal(send(client, "hello", 5, 0), 5);
    must(imprint_handover_finish(&handover, client, pair[0], &why));
    assert_true(is_empty(dir));
    assert_int_equal(fcntl(pair[0], F_GETFD), -1);
    assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
    check_bytes(pair[1], "hello");
    assert_int_equal(send(client, "again", 5, 0), 5);
    check_bytes(pair[1], "again");
    assert_int_equal(send(pair[1], "back", 4, 0), 4);
    check_bytes(client, "back");
    /* one descriptor holds the connection: its end is the end */
    (void)close(client);
    check_bytes(pair[1], "");
    (void)close(pair[1]);
}

static void test_long_directory(void **state)
{
    struct imprint_handover handover;
    char deep[320];
    int client;

    (void)state;
    (void)snprintf(deep, sizeof(deep), "%s/%0200d", dir, 7);
    assert_int_equal(mkdir(deep, 0700), 0);
    must(imprint_handover_open(deep, &handover, &why));
    client = connect_to(handover.path);
    imprint_handover_close(&handover);
    assert_true(is_empty(deep));
    (void)close(client);
}

static void test_nobody_connected(void **state)
{
    struct imprint_handover handover;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    must(imprint_handover_open(dir, &handover, &why));
    check_says(imprint_handover_finish(&handover, -1, pair[0], &why),
               IMPRINT_ERR_LOST, "cannot begin TLS");
    assert_true(is_empty(dir));
    check_bytes(pair[1], "");
    (void)close(pair[1]);
}

/* A cut leaves the name of a socket that nobody listens to. */
static void test_left_by_a_cut(void **state)
{
    struct imprint_handover cut;
    struct imprint_handover handover;

    (void)state;
    must(imprint_handover_open(dir, &cut, &why));
    imprint_handover_sweep(dir);
    assert_true(is_empty(dir));
    must(imprint_handover_open(dir, &handover, &why));
    imprint_handover_close(&handover);
    imprint_handover_close(&cut);
    must(imprint_handover_open(dir, &cut, &why));
    must(imprint_handover_open(dir, &handover, &why)); /* over the other */
    imprint_handover_close(&handover);
    imprint_handover_close(&cut);
    assert_true(is_empty(dir));
}

static void test_no_directory(void **state)
{
    struct imprint_handover handover;
    char path[96];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/none", dir);
    check_says(imprint_handover_open(path, &handover, &why),
               IMPRINT_ERR_STORAGE, "cannot make a Unix socket in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hand_over, set_up, dir_remove),
        cmocka_unit_test_setup_teardown(test_long_directory, set_up,
                                        dir_remove),
        cmocka_unit_test_setup_teardown(test_nobody_connected, set_up,
                                        dir_remove),
        cmocka_unit_test_setup_teardown(test_left_by_a_cut, set_up, dir_remove),
        cmocka_unit_test_setup_teardown(test_no_directory, set_up, dir_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
