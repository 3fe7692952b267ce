/* Where a registry is: what is taken, and what would leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "endpoint/where.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/imprint-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r '%s'", dir);
    return system(command);
}

static void test_set(void **state)
{
    static const char url[] = "postgresql://imprint@db.example:5432/fleet"
                              "?target_session_attrs=read-write";
    struct imprint_why why = {"", ""};
    char path[96];
    struct stat file;
    char *found = NULL;

    (void)state;
    assert_int_equal(imprint_where_find(dir, &found, &why), IMPRINT_OK);
    assert_null(found);
    assert_false(imprint_where_is_there(dir));
    assert_int_equal(imprint_where_set(dir, url, &why), IMPRINT_OK);
    assert_true(imprint_where_is_there(dir));
    assert_int_equal(imprint_where_find(dir, &found, &why), IMPRINT_OK);
    assert_string_equal(found, url);
    free(found);
    (void)snprintf(path, sizeof(path), "%s/registry.url", dir);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(imprint_where_set(dir, "sqlite", &why), IMPRINT_OK);
    assert_int_equal(imprint_where_set(dir, "sqlite", &why), IMPRINT_OK);
    assert_int_equal(imprint_where_find(dir, &found, &why), IMPRINT_OK);
    assert_null(found);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "mysql://h/d",
                                      "/var/lib/x",
                                      "postgresql:/h/d",
                                      "postgresql://u:secret@h/d",
                                      "postgres://u:secret@h",
                                      "postgresql://h/d?password=secret",
                                      "postgresql://h/d?a=b&password=secret"};
    struct imprint_why why = {"", ""};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(imprint_where_set(dir, bad[i], &why),
                         IMPRINT_ERR_SETTINGS);
        assert_null(strstr(why.text, "secret"));
        assert_null(strstr(why.hint, "secret"));
    }
    assert_false(imprint_where_is_there(dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_set, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_refused, make_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
