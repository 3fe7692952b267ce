/* Several connections of one process, while another process comes and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint/registry.h"

static char dir[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/imprint-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static struct imprint_registry *open_registry(enum imprint_registry_use use)
{
    struct imprint_registry *registry = NULL;

    if (imprint_registry_open(dir, use, &registry, NULL) != IMPRINT_OK)
        return NULL;
    return registry;
}

/*
 * Another process, which opens the registry for each value and closes it. It
 * must be there before this one opens anything: SQLite's own book about locks
 * would be forked, too.
 */
struct other {
    pid_t pid;
    int orders;
    int answers;
};

static void obey(int orders, int answers)
{
    char value[2] = "";

    while (read(orders, value, 1) == 1) {
        struct imprint_registry *registry =
            open_registry(IMPRINT_REGISTRY_WRITE);
        bool is_put = registry && imprint_registry_put_setting(
                                      registry, "x", value) == IMPRINT_OK;

        imprint_registry_close(registry);
        if (write(answers, is_put ? "y" : "n", 1) != 1)
            break;
    }
}

static struct other start_other(void)
{
    int orders[2];
    int answers[2];
    struct other other;

    assert_int_equal(pipe(orders), 0);
    assert_int_equal(pipe(answers), 0);
    other = (struct other){fork(), orders[1], answers[0]};
    assert_true(other.pid >= 0);
    if (other.pid == 0) {
        (void)close(orders[1]);
        obey(orders[0], answers[1]);
        _exit(0);
    }
    (void)close(orders[0]);
    (void)close(answers[1]);
    return other;
}

static void put_elsewhere(const struct other *other, const char *value)
{
    char answer = 'n';

    assert_int_equal(write(other->orders, value, 1), 1);
    assert_int_equal(read(other->answers, &answer, 1), 1);
    assert_int_equal(answer, 'y');
}

static void end_other(const struct other *other)
{
    (void)close(other->orders);
    (void)close(other->answers);
    (void)waitpid(other->pid, NULL, 0);
}

static void check_setting(struct imprint_registry *registry, const char *wanted)
{
    char *value = NULL;

    if (imprint_registry_find_setting(registry, "x", &value) != IMPRINT_OK)
        fail_msg("%s", imprint_registry_problem(registry));
    assert_string_equal(value, wanted);
    free(value);
}

/* What is opened second takes nothing from what was opened first. */
static void test_second_connection(void **state)
{
    struct other other = start_other();
    struct imprint_registry *first;
    struct imprint_registry *second;

    (void)state;
    put_elsewhere(&other, "1");
    first = open_registry(IMPRINT_REGISTRY_READ);
    assert_non_null(first);
    check_setting(first, "1");
    second = open_registry(IMPRINT_REGISTRY_WRITE);
    assert_non_null(second);
    put_elsewhere(&other, "2");
    check_setting(first, "2");
    assert_int_equal(imprint_registry_put_setting(second, "x", "3"),
                     IMPRINT_OK);
    check_setting(first, "3");
    put_elsewhere(&other, "4");
    check_setting(first, "4");
    check_setting(second, "4");
    imprint_registry_close(second);
    imprint_registry_close(first);
    end_other(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_connection, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
