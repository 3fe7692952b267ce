#include "dir_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "posix/notify.h"

static int listener = -1;

/* At name, in the abstract namespace if it begins with '@'. */
static void listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);

    if (listener >= 0)
        close(listener);
    listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(
        bind(listener, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
        0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
}

static void assert_heard(const char *text)
{
    char heard[1024];
    ssize_t len = recv(listener, heard, sizeof(heard) - 1, 0);

    if (!text) {
        assert_true(len < 0);
        return;
    }
    assert_true(len > 0);
    heard[len] = '\0';
    assert_string_equal(heard, text);
}

static void test_both_kinds(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/notify", dir);
    listen_at(path);
    imprint_notify_status("register");
    assert_heard("STATUS=register");
    (void)snprintf(path, sizeof(path), "@imprint-test-%d", (int)getpid());
    listen_at(path);
    imprint_notify_status("two\nlines");
    assert_heard("STATUS=two lines");
    assert_heard(NULL);
}

static void test_long(void **state)
{
    char path[128];
    char text[1000];
    char heard[408] = "STATUS=";

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/long", dir);
    listen_at(path);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(heard + 7, 'x', 400);
    heard[407] = '\0';
    imprint_notify_status(text);
    assert_heard(heard);
}

static void test_nobody(void **state)
{
    static const char *const bad[] = {"", "/", "relative", "/no/such/socket"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
        imprint_notify_status("nobody hears it");
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    imprint_notify_status("nobody hears it");
    assert_heard(NULL);
}

static int make(void **state)
{
    (void)state;
    dir_make();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_kinds),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, make, dir_remove);
}
