/* packaging/imprint.conf is what the table says. "--print" prints that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/file.h"
#include "posix/settings.h"
#include "posix/settings_table.h"

#define EXAMPLE TEST_VECTORS "/../../packaging/imprint.conf"
#define WIDTH 78u

static const char head[] =
    "# The settings of a device: /etc/imprint/imprint.conf. What is commented\n"
    "# out is as the text above it says, in [] if there is a default. See\n"
    "# imprint(1), and \"imprint settings\" for what holds and where that "
    "comes\n"
    "# from. A line may have 190 bytes.\n";

static const char tail[] =
    "\n# Parameters of the template; in their values ${machine-id}, ${mac:eth0}"
    ",\n# ${dmi:serial} and ${file:/path} may stand. Nothing else may follow.\n"
    "#[param]\n#SerialNumber = ${dmi:serial}\n";

static void put_wrapped(FILE *out, const char *text)
{
    size_t column = 1;

    (void)fputs("\n#", out);
    while (*text) {
        size_t len = strcspn(text, " ");

        if (column + 1 + len > WIDTH) {
            (void)fputs("\n#", out);
            column = 1;
        }
        (void)fprintf(out, " %.*s", (int)len, text);
        column += 1 + len;
        text += len + (text[len] == ' ');
    }
}

static char *make_example(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)fputs(head, out);
    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        const struct imprint_settings_row *row = &imprint_settings_table[i];

        if (!imprint_settings_table_is_device(row) ||
            row->traits &
                (IMPRINT_SETTINGS_NOT_FILE | IMPRINT_SETTINGS_REPEATED))
            continue;
        put_wrapped(out, row->text);
        (void)fprintf(out, "\n#%s = %s\n", row->name, row->argument);
    }
    (void)fputs(tail, out);
    (void)fclose(out);
    return text;
}

static void the_example_is_up_to_date(void **state)
{
    char *wanted = make_example();
    char *text = NULL;
    size_t len;

    (void)state;
    assert_int_equal(imprint_file_read(EXAMPLE, 1u << 16, &text, &len, NULL),
                     IMPRINT_OK);
    if (strcmp(text, wanted) != 0)
        print_error("test_settings_example --print makes the file\n");
    assert_string_equal(text, wanted);
    free(text);
    free(wanted);
}

/* As it is, and with every "#name = " turned into a setting. */
static void the_example_is_taken(void **state)
{
    char verb[] = "settings";
    char option[] = "--config";
    char path[] = "/tmp/imprint-example-XXXXXX";
    char example[] = EXAMPLE;
    char *asis[] = {verb, option, example, NULL};
    char *all[] = {verb, option, path, NULL};
    struct imprint_settings *settings;
    char *text = make_example();
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");

    (void)state;
    assert_int_equal(imprint_settings_open(3, asis, &settings, NULL), 0);
    assert_null(imprint_settings_get(settings, "endpoint"));
    imprint_settings_close(settings);
    for (char *at = text; *at; at++) {
        if (at[0] != '#' || at[1] == ' ' || (at > text && at[-1] != '\n'))
            (void)fputc(*at, out);
    }
    (void)fclose(out);
    assert_int_equal(imprint_settings_open(3, all, &settings, NULL), 0);
    assert_string_equal(imprint_settings_get(settings, "endpoint"),
                        "HOST[:PORT]");
    assert_string_equal(imprint_settings_get(settings, "param"),
                        "SerialNumber=${dmi:serial}");
    imprint_settings_close(settings);
    (void)remove(path);
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_up_to_date),
        cmocka_unit_test(the_example_is_taken),
    };

    if (argc > 1 && strcmp(argv[1], "--print") == 0)
        return fputs(make_example(), stdout) < 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
