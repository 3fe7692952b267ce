/* The audit log: what is done to it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint/audit.h"
#include "posix/file.h"

#define ENTRY_COUNT 5

static char dir[64];
static char path[96];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/imprint-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/audit", dir);
    return 0;
}

static int remove_dir(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r '%s'", dir);
    return system(command);
}

static void add(const char *what)
{
    const struct imprint_audit_entry entry = {"key:me", "CreatePolicy", what};
    struct imprint_why why = {"", ""};

    if (imprint_audit_add(dir, &entry, &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
}

static enum imprint_status verify(struct imprint_audit_state *state,
                                  struct imprint_why *why)
{
    *why = (struct imprint_why){"", ""};
    return imprint_audit_verify(dir, state, why);
}

static char *load(size_t *len)
{
    struct imprint_why why = {"", ""};
    char *text = NULL;

    assert_int_equal(imprint_file_read(path, 1u << 20, &text, len, &why),
                     IMPRINT_OK);
    return text;
}

static void store(const char *text, size_t len)
{
    struct imprint_why why = {"", ""};

    assert_int_equal(
        imprint_file_replace(path, imprint_slice_of(text, len), 0600, &why),
        IMPRINT_OK);
}

static void test_add(void **state)
{
    struct imprint_audit_state found;
    struct imprint_why why;
    struct stat file;
    char before[65];

    (void)state;
    assert_int_equal(verify(&found, &why), IMPRINT_ERR_NOT_FOUND);
    add("p\n\"1\"\xff");
    add(NULL);
    assert_int_equal(verify(&found, &why), IMPRINT_OK);
    assert_int_equal(found.count, 2);
    memcpy(before, found.digest, sizeof(before));
    add("p3");
    assert_int_equal(verify(&found, &why), IMPRINT_OK);
    assert_int_equal(found.count, 3);
    assert_string_not_equal(found.digest, before);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
}

/* Every byte of it matters. */
static void test_changed(void **state)
{
    struct imprint_audit_state found;
    struct imprint_audit_state whole;
    struct imprint_why why;
    size_t len;
    char *text;

    (void)state;
    for (int i = 0; i < ENTRY_COUNT; i++)
        add("p");
    assert_int_equal(verify(&whole, &why), IMPRINT_OK);
    text = load(&len);
    for (size_t i = 0; i < len; i++) {
        text[i] ^= 1;
        store(text, len);
        /* the last line's own end is held by its digest alone */
        if (verify(&found, &why) == IMPRINT_OK)
            assert_string_not_equal(found.digest, whole.digest);
        text[i] ^= 1;
    }
    free(text);
}

/* A line that is taken out, put in, or comes twice; an end that is cut off. */
static void test_lines(void **state)
{
    struct imprint_audit_state found;
    struct imprint_audit_state whole;
    struct imprint_why why;
    size_t len;
    size_t first;
    char *text;
    char *twice;

    (void)state;
    for (int i = 0; i < ENTRY_COUNT; i++)
        add("p");
    assert_int_equal(verify(&whole, &why), IMPRINT_OK);
    text = load(&len);
    first = (size_t)(strchr(text, '\n') - text) + 1;
    store(text + first, len - first);
    assert_int_equal(verify(&found, &why), IMPRINT_ERR_REFUSED);
    assert_non_null(strstr(why.text, "line 1"));
    twice = malloc(len + first);
    assert_non_null(twice);
    memcpy(twice, text, first);
    memcpy(twice + first, text, len);
    store(twice, len + first);
    assert_int_equal(verify(&found, &why), IMPRINT_ERR_REFUSED);
    assert_non_null(strstr(why.text, "line 2"));
    store(text, first);
    assert_int_equal(verify(&found, &why), IMPRINT_OK);
    assert_string_not_equal(found.digest, whole.digest);
    store(text, len - 1);
    assert_int_equal(verify(&found, &why), IMPRINT_ERR_REFUSED);
    assert_non_null(strstr(why.text, "cut off"));
    assert_int_equal(found.count, ENTRY_COUNT - 1);
    free(twice);
    free(text);
}

/* Nothing is added behind what is no entry: it would look as if it were fine.
 */
static void test_broken_end(void **state)
{
    static const char *const ends[] = {"{}\n", "nonsense\n", "{\"number\":0}\n",
                                       "{\"number\":7}", "\n"};
    const struct imprint_audit_entry entry = {"uid:0", "set", "x"};
    struct imprint_why why = {"", ""};
    char *long_line = malloc(10000);

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        store(ends[i], strlen(ends[i]));
        assert_int_equal(imprint_audit_add(dir, &entry, &why),
                         IMPRINT_ERR_STORAGE);
    }
    assert_non_null(long_line);
    memset(long_line, 'x', 9999);
    long_line[9999] = '\n';
    store(long_line, 10000);
    assert_int_equal(imprint_audit_add(dir, &entry, &why), IMPRINT_ERR_STORAGE);
    free(long_line);
}

/* ---- many at once ---- */

static void *add_many(void *user)
{
    for (int i = 0; i < 50; i++)
        add(user);
    return NULL;
}

static void test_at_once(void **state)
{
    struct imprint_audit_state found;
    struct imprint_why why;
    pthread_t threads[4];
    char name[] = "p";

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, name), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(verify(&found, &why), IMPRINT_OK);
    assert_int_equal(found.count, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_add),        TEST(test_changed), TEST(test_lines),
        TEST(test_broken_end), TEST(test_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
