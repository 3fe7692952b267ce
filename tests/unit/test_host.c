/* What a machine says of itself, in names and serial numbers. */
#include "dir_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "posix/file.h"
#include "posix/host.h"

static void spill(const char *name, const char *text)
{
    char path[256];
    char *slash;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    must(imprint_file_make_dir(path, 0700, &why));
    *slash = '/';
    must(imprint_file_replace(path, imprint_slice_text(text), 0600, &why));
}

static int set_up(void **state)
{
    (void)state;
    dir_make();
    spill("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    spill("sys/class/net/eth0/address", "02:00:5e:10:00:01\n");
    spill("sys/class/dmi/id/product_serial", "  SN 7\t\r\n");
    spill("sys/class/dmi/id/product_uuid", " \n");
    spill("opt/serial", "A-1\nA-2\n");
    spill("opt/bare", "B");
    spill("opt/empty", "");
    return 0;
}

static void test_expands(void **state)
{
    static const struct {
        const char *text;
        const char *value;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"$ {x} $$", "$ {x} $$"},
        {"${machine-id}", "0123456789abcdef0123456789abcdef"},
        {"${mac:eth0}", "02:00:5e:10:00:01"},
        {"${dmi:serial}", "SN 7"},
        {"${file:/opt/serial}", "A-1"},
        {"${file:/opt/bare}", "B"},
        {"pump-${file:/opt/bare}-${file:/opt/serial}!", "pump-B-A-1!"},
        {"${file:/opt/bare}${file:/opt/bare}", "BB"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *value = NULL;

        must(imprint_host_expand(dir, cases[i].text, &value, &why));
        assert_string_equal(value, cases[i].value);
        free(value);
    }
}

static void test_refuses(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"${serial}", "\"${serial}\" is nothing"},
        {"${}", "\"${}\" is nothing"},
        {"${machine-id:x}", "is nothing"},
        {"${mac:}", "is nothing"},
        {"${mac:../../../opt/serial}", "is nothing"},
        {"${dmi:../../x}", "is nothing"},
        {"${file:opt/serial}", "is nothing"},
        {"a${machine-id", "no \"}\" behind \"${machine-id\""},
        {"${mac:eth1}", "${mac:eth1}: cannot read"},
        {"${dmi:uuid}", "is empty"},
        {"${file:/opt/empty}", "is empty"},
        {"${file:/opt}", "${file:/opt}: cannot read"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *value = NULL;

        check_says(imprint_host_expand(dir, cases[i].text, &value, &why),
                   IMPRINT_ERR_SETTINGS, cases[i].words);
        assert_null(value);
    }
}

/* A value is a value, whatever stands in it. */
static void test_once(void **state)
{
    char *value = NULL;

    (void)state;
    spill("opt/trick", "${machine-id}");
    must(imprint_host_expand(dir, "${file:/opt/trick}", &value, &why));
    assert_string_equal(value, "${machine-id}");
    free(value);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_expands, set_up, dir_remove),
        cmocka_unit_test_setup_teardown(test_refuses, set_up, dir_remove),
        cmocka_unit_test_setup_teardown(test_once, set_up, dir_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
