#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/file.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[160];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/imprint-file-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static unsigned mode_of(const char *path)
{
    struct stat now;

    assert_int_equal(lstat(path, &now), 0);
    return now.st_mode & 07777u;
}

static void assert_holds(const char *path, const char *expected)
{
    char *text;
    size_t len;

    assert_int_equal(imprint_file_read(path, 4096, &text, &len, NULL), 0);
    assert_int_equal(len, strlen(expected));
    assert_string_equal(text, expected);
    free(text);
}

static void put(const char *path, const char *text)
{
    assert_int_equal(
        imprint_file_replace(path, imprint_slice_text(text), 0600, NULL), 0);
}

static void replace_makes_and_replaces(void **state)
{
    const char *path = in_dir("a");
    mode_t before = umask(0);

    (void)state;
    put(path, "one");
    assert_int_equal(mode_of(path), 0600);
    assert_holds(path, "one");
    assert_int_equal(
        imprint_file_replace(path, imprint_slice_text("second"), 0640, NULL),
        0);
    assert_int_equal(mode_of(path), 0640);
    assert_holds(path, "second");
    put(path, "");
    assert_holds(path, "");
    umask(before);
}

static void replace_does_not_follow_a_link(void **state)
{
    char target[160];

    (void)state;
    (void)snprintf(target, sizeof(target), "%s", in_dir("target"));
    put(target, "kept");
    assert_int_equal(symlink("target", in_dir("link")), 0);
    put(in_dir("link"), "new");
    assert_holds(target, "kept");
    assert_holds(in_dir("link"), "new");
}

static void replace_without_a_directory_says_so(void **state)
{
    struct imprint_why why;

    (void)state;
    assert_int_equal(imprint_file_replace(in_dir("no/such"),
                                          imprint_slice_text("x"), 0600, &why),
                     IMPRINT_ERR_STORAGE);
    assert_non_null(strstr(why.text, in_dir("no/such")));
}

static void read_refuses(void **state)
{
    struct imprint_why why;
    char *text = NULL;
    size_t len = 77;

    (void)state;
    put(in_dir("five"), "12345");
    assert_int_equal(imprint_file_read(in_dir("five"), 4, &text, &len, &why),
                     IMPRINT_ERR_SPACE);
    assert_int_equal(imprint_file_read(in_dir("none"), 4, &text, &len, &why),
                     IMPRINT_ERR_NOT_FOUND);
    assert_int_equal(imprint_file_read(dir, 4096, &text, &len, &why),
                     IMPRINT_ERR_STORAGE);
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    assert_int_equal(imprint_file_read(in_dir("fifo"), 4, &text, &len, &why),
                     IMPRINT_ERR_STORAGE);
    assert_non_null(strstr(why.text, "regular"));
    assert_null(text);
    assert_int_equal(len, 77);
    assert_int_equal(imprint_file_read(in_dir("five"), 5, &text, &len, NULL),
                     0);
    imprint_file_free_secret(text, len);
}

/* What comes in pieces, and has no size. */
static void a_pipe_is_read_to_its_end(void **state)
{
    struct imprint_why why;
    char *text = NULL;
    size_t len = 77;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "12", 2), 2);
    assert_int_equal(write(fds[1], "345", 3), 3);
    close(fds[1]);
    assert_int_equal(imprint_file_read_fd(fds[0], 5, &text, &len, &why),
                     IMPRINT_OK);
    close(fds[0]);
    assert_int_equal(len, 5);
    assert_string_equal(text, "12345");
    imprint_file_free_secret(text, len);
    text = NULL;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "123456", 6), 6);
    close(fds[1]);
    assert_int_equal(imprint_file_read_fd(fds[0], 5, &text, &len, &why),
                     IMPRINT_ERR_SPACE);
    assert_non_null(strstr(why.text, "has more than 5 bytes"));
    close(fds[0]);
    assert_int_equal(imprint_file_read_fd(-1, 5, &text, &len, &why),
                     IMPRINT_ERR_STORAGE);
    assert_non_null(strstr(why.text, "descriptor -1"));
    assert_null(text);
}

static void a_secret_is_its_owners(void **state)
{
    const char *path = in_dir("secret");
    struct imprint_why why;
    char *text;
    size_t len;

    (void)state;
    put(path, "secret");
    assert_int_equal(imprint_file_read_private(path, 6, &text, &len, &why), 0);
    assert_string_equal(text, "secret");
    imprint_file_free_secret(text, len);
    assert_int_equal(imprint_file_read_private(path, 5, &text, &len, &why),
                     IMPRINT_ERR_SPACE);
    for (mode_t bit = 1; bit < 0100; bit <<= 1) {
        assert_int_equal(chmod(path, 0600 | bit), 0);
        assert_int_equal(imprint_file_read_private(path, 6, &text, &len, &why),
                         IMPRINT_ERR_KEY);
        assert_non_null(strstr(why.text, "others may read it: mode 06"));
        assert_non_null(strstr(why.hint, "chmod 600 /tmp/"));
    }
    assert_int_equal(
        imprint_file_read_private(in_dir("none"), 6, &text, &len, &why),
        IMPRINT_ERR_NOT_FOUND);
}

static void make_dir_makes_parents(void **state)
{
    struct imprint_why why;

    (void)state;
    assert_int_equal(imprint_file_make_dir(in_dir("p/q/r"), 0700, NULL), 0);
    assert_int_equal(mode_of(in_dir("p/q/r")), 0700);
    assert_int_equal(mode_of(in_dir("p/q")) & 0700, 0700);
    assert_int_equal(imprint_file_make_dir(in_dir("p/q/r"), 0755, NULL), 0);
    assert_int_equal(mode_of(in_dir("p/q/r")), 0700);
    assert_int_equal(imprint_file_make_dir(in_dir("p/s/"), 0700, NULL), 0);
    put(in_dir("p/file"), "x");
    assert_int_equal(imprint_file_make_dir(in_dir("p/file"), 0700, &why),
                     IMPRINT_ERR_STORAGE);
    assert_int_equal(imprint_file_make_dir(in_dir("p/file/x"), 0700, &why),
                     IMPRINT_ERR_STORAGE);
    assert_int_equal(imprint_file_make_dir("", 0700, &why),
                     IMPRINT_ERR_STORAGE);
}

/* In another process, because a lock is an open file's. */
static int try_lock(struct imprint_why *why)
{
    int lock;
    enum imprint_status status = imprint_file_lock(in_dir("lock"), &lock, why);

    if (status == IMPRINT_OK)
        imprint_file_unlock(lock);
    return status;
}

static void lock_tells_its_holder(void **state)
{
    struct imprint_why why;
    char expected[32];
    int lock;
    int result;
    pid_t child;

    (void)state;
    assert_int_equal(imprint_file_lock(in_dir("lock"), &lock, NULL), 0);
    assert_int_equal(mode_of(in_dir("lock")), 0600);
    child = fork();
    if (child == 0)
        _exit(try_lock(&why) == IMPRINT_ERR_BUSY ? 0 : 1);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(try_lock(&why), IMPRINT_ERR_BUSY);
    (void)snprintf(expected, sizeof(expected), "process %ld", (long)getpid());
    assert_non_null(strstr(why.text, expected));
    imprint_file_unlock(lock);
    assert_int_equal(try_lock(&why), IMPRINT_OK);
}

static void erase_overwrites_before_it_unlinks(void **state)
{
    char bytes[8] = "";
    int fd;

    (void)state;
    put(in_dir("secret"), "secret");
    fd = open(in_dir("secret"), O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(imprint_file_erase(in_dir("secret"), NULL), 0);
    assert_int_equal(access(in_dir("secret"), F_OK), -1);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 6);
    assert_memory_equal(bytes, "\0\0\0\0\0\0", 6);
    close(fd);
    assert_int_equal(imprint_file_erase(in_dir("secret"), NULL), 0);
}

static void erase_spares_what_a_link_points_at(void **state)
{
    (void)state;
    put(in_dir("spared"), "spared");
    assert_int_equal(symlink("spared", in_dir("pointer")), 0);
    assert_int_equal(imprint_file_erase(in_dir("pointer"), NULL), 0);
    assert_holds(in_dir("spared"), "spared");
}

static void sweep_takes_leftovers_only(void **state)
{
    (void)state;
    assert_int_equal(imprint_file_make_dir(in_dir("sw"), 0700, NULL), 0);
    put(in_dir("sw/key"), "kept");
    put(in_dir("sw/a.new"), "kept");
    put(in_dir("sw/key.0123456789abcdef.new"), "left over");
    assert_int_equal(imprint_file_sweep(in_dir("sw"), NULL), 0);
    assert_holds(in_dir("sw/key"), "kept");
    assert_holds(in_dir("sw/a.new"), "kept");
    assert_int_equal(access(in_dir("sw/key.0123456789abcdef.new"), F_OK), -1);
    assert_int_equal(imprint_file_sweep(in_dir("nowhere"), NULL), 0);
}

static void room_is_told(void **state)
{
    uint64_t room_len = 0;

    (void)state;
    assert_int_equal(imprint_file_room(dir, &room_len, NULL), 0);
    assert_true(room_len > 0);
    assert_int_equal(imprint_file_room(in_dir("none"), &room_len, NULL),
                     IMPRINT_ERR_STORAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replace_makes_and_replaces),
        cmocka_unit_test(replace_does_not_follow_a_link),
        cmocka_unit_test(replace_without_a_directory_says_so),
        cmocka_unit_test(read_refuses),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(a_secret_is_its_owners),
        cmocka_unit_test(make_dir_makes_parents),
        cmocka_unit_test(lock_tells_its_holder),
        cmocka_unit_test(erase_overwrites_before_it_unlinks),
        cmocka_unit_test(erase_spares_what_a_link_points_at),
        cmocka_unit_test(sweep_takes_leftovers_only),
        cmocka_unit_test(room_is_told),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
