#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix/settings.h"
#include "posix/settings_table.h"

static char path[] = "/tmp/imprint-settings-XXXXXX";

static const char *const variables[] = {
    "IMPRINT_ENDPOINT",  "AWS_HOSTNAME",  "TEMPLATE_NAME", "THING_NAME",
    "IDENTITY_PASSWORD", "IMPRINT_KEY",   "IMPRINT_PARAM", "IMPRINT_CONFIG",
    "IMPRINT_TEMPLATE",  "IMPRINT_FORCE", "IMPRINT_CLAIM", "IMPRINT_POLICY"};

/* Every test starts with an empty environment and an empty file. */
static int clear(void **state)
{
    FILE *file = fopen(path, "w");

    (void)state;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    setenv("IMPRINT_CONFIG", path, 1);
    return file ? fclose(file) : -1;
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static enum imprint_status open_with(const char *const *arguments,
                                     struct imprint_settings **out,
                                     struct imprint_why *why)
{
    static char copies[16][128];
    char *argv[17];
    int argc = 0;

    for (; arguments[argc]; argc++) {
        (void)snprintf(copies[argc], sizeof(copies[argc]), "%s",
                       arguments[argc]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    return imprint_settings_open(argc, argv, out, why);
}

static struct imprint_settings *open_good(const char *const *arguments)
{
    struct imprint_settings *settings = NULL;
    struct imprint_why why = {"", ""};
    enum imprint_status status = open_with(arguments, &settings, &why);

    if (status)
        print_error("%s\n", why.text);
    assert_int_equal(status, IMPRINT_OK);
    return settings;
}

static void assert_refused(const char *const *arguments, const char *part)
{
    struct imprint_settings *settings = NULL;
    struct imprint_why why = {"", ""};

    assert_int_equal(open_with(arguments, &settings, &why),
                     IMPRINT_ERR_SETTINGS);
    assert_null(settings);
    if (!strstr(why.text, part))
        print_error("\"%s\" has no \"%s\"\n", why.text, part);
    assert_non_null(strstr(why.text, part));
}

static const char *const bare[] = {"provision", NULL};

static void the_command_line_wins(void **state)
{
    const char *const arguments[] = {"provision",  "--endpoint", "argv:1",
                                     "--key=p384", "--force",    NULL};
    struct imprint_settings *settings;
    char place[160];

    (void)state;
    setenv("IMPRINT_ENDPOINT", "environment:2", 1);
    setenv("IMPRINT_KEY", "rsa2048", 1);
    write_file("endpoint = file:3\ntemplate = fleet\n");
    settings = open_good(arguments);
    assert_string_equal(imprint_settings_get(settings, "endpoint"), "argv:1");
    assert_string_equal(imprint_settings_place(settings, "endpoint"),
                        "--endpoint");
    assert_string_equal(imprint_settings_get(settings, "key"), "p384");
    assert_string_equal(imprint_settings_get(settings, "template"), "fleet");
    (void)snprintf(place, sizeof(place), "%s:2", path);
    assert_string_equal(imprint_settings_place(settings, "template"), place);
    assert_true(imprint_settings_on(settings, "force"));
    assert_null(imprint_settings_get(settings, "ca"));
    imprint_settings_close(settings);
}

static void the_environment_beats_the_file(void **state)
{
    struct imprint_settings *settings;

    (void)state;
    setenv("IMPRINT_ENDPOINT", "environment:2", 1);
    setenv("IMPRINT_TEMPLATE", "", 1);
    write_file("endpoint = file:3\ntemplate = fleet\n");
    settings = open_good(bare);
    assert_string_equal(imprint_settings_get(settings, "endpoint"),
                        "environment:2");
    assert_string_equal(imprint_settings_get(settings, "template"), "fleet");
    imprint_settings_close(settings);
}

static void the_old_names_are_taken(void **state)
{
    struct imprint_settings *settings;

    (void)state;
    setenv("AWS_HOSTNAME", "old:1", 1);
    setenv("TEMPLATE_NAME", "old-template", 1);
    setenv("THING_NAME", "MyTestThing", 1);
    setenv("IDENTITY_PASSWORD", "sesame", 1);
    settings = open_good(bare);
    assert_string_equal(imprint_settings_get(settings, "endpoint"), "old:1");
    assert_string_equal(imprint_settings_get(settings, "template"),
                        "old-template");
    assert_string_equal(imprint_settings_get(settings, "thing-name"),
                        "MyTestThing");
    assert_string_equal(imprint_settings_get(settings, "password"), "sesame");
    assert_string_equal(imprint_settings_place(settings, "password"),
                        "IDENTITY_PASSWORD");
    imprint_settings_close(settings);
    setenv("IMPRINT_ENDPOINT", "new:2", 1);
    settings = open_good(bare);
    assert_string_equal(imprint_settings_get(settings, "endpoint"), "new:2");
    imprint_settings_close(settings);
}

static void params_come_from_everywhere(void **state)
{
    const char *const arguments[] = {"provision", "--param", "a=1",
                                     "--param",   "b=2",     NULL};
    static const char *const expected[] = {"a=1", "b=2", "c=3", "d=4=5", "e=6"};
    struct imprint_settings *settings;

    (void)state;
    setenv("IMPRINT_PARAM", "c=3\n\nd=4=5\n", 1);
    write_file("[param]\ne = 6\n");
    settings = open_good(arguments);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(imprint_settings_at(settings, "param", i),
                            expected[i]);
    assert_null(imprint_settings_at(settings, "param", 5));
    imprint_settings_close(settings);
}

static void unknown_names_are_refused(void **state)
{
    const char *const unknown[] = {"provision", "--bogus", "1", NULL};
    const char *const other_verb[] = {"status", "--claim", "x", NULL};
    const char *const single[] = {"provision", "-e", NULL};
    const char *const secret[] = {"provision", "--password=s3cret", NULL};

    (void)state;
    assert_refused(unknown, "\"--bogus\"");
    assert_refused(other_verb, "\"--claim\"");
    assert_refused(single, "\"-e\"");
    assert_refused(secret, "--password");
    write_file("colour = blue\n");
    assert_refused(bare, ":1: unknown setting \"colour\"");
    assert_refused(bare, path);
    write_file("[other]\nkey = p256\n");
    assert_refused(bare, "[other]");
    write_file("force = 1\n");
    assert_refused(bare, "not taken from a file");
    write_file("password = x\n");
    assert_refused(bare, "not taken from a file");
}

static void assert_hinted(const char *const *arguments, const char *hint)
{
    struct imprint_settings *settings = NULL;
    struct imprint_why why = {"", ""};

    assert_int_equal(open_with(arguments, &settings, &why),
                     IMPRINT_ERR_SETTINGS);
    assert_string_equal(why.hint, hint);
}

static void the_nearest_name_is_told(void **state)
{
    const char *const option[] = {"provision", "--endpiont=x", NULL};
    const char *const other[] = {"status", "--stat", "x", NULL};

    (void)state;
    assert_hinted(option, "did you mean \"--endpoint\"?");
    assert_hinted(other, "did you mean \"--state\"?");
    write_file("# a comment\n\nclaim_key = x\n");
    assert_hinted(bare, "did you mean \"claim-key\"?");
    assert_refused(bare, ":3: unknown setting \"claim_key\"");
    write_file("");
    setenv("IMPRINT_ENDPONT", "x", 1);
    assert_hinted(bare, "did you mean \"IMPRINT_ENDPOINT\"?");
    unsetenv("IMPRINT_ENDPONT");
    setenv("IMPRINT_SOMEBODY_ELSES", "x", 1);
    imprint_settings_close(open_good(bare));
    unsetenv("IMPRINT_SOMEBODY_ELSES");
}

static void each_value_has_its_origin(void **state)
{
    const char *const arguments[] = {"settings", "--param", "a=1",
                                     "--param",  "b=2",     NULL};
    const char *const bogus[] = {"settings", "--force", NULL};
    static const char *const origins[] = {"--param", "--param", "IMPRINT_PARAM",
                                          ":2"};
    struct imprint_settings *settings;
    char origin[160];

    (void)state;
    setenv("IMPRINT_PARAM", "c=3", 1);
    write_file("[param]\nd = 4\n");
    settings = open_good(arguments);
    for (size_t i = 0; i < 4; i++) {
        imprint_settings_origin(settings, "param", i, origin);
        assert_non_null(strstr(origin, origins[i]));
    }
    assert_string_equal(imprint_settings_file(settings), path);
    imprint_settings_close(settings);
    assert_refused(bogus, "\"--force\"");
}

static void a_secret_on_the_command_line_is_not_repeated(void **state)
{
    const char *const arguments[] = {"provision", "--password=s3cret", NULL};
    struct imprint_settings *settings;
    struct imprint_why why;

    (void)state;
    assert_int_equal(open_with(arguments, &settings, &why),
                     IMPRINT_ERR_SETTINGS);
    assert_null(strstr(why.text, "s3cret"));
    assert_null(strstr(why.hint, "s3cret"));
}

static void mistakes_are_refused(void **state)
{
    const char *const twice[] = {"provision", "--key", "p256",
                                 "--key",     "p384",  NULL};
    const char *const param[] = {"provision", "--param", "a=1",
                                 "--param",   "a=2",     NULL};
    const char *const no_value[] = {"provision", "--key", NULL};
    const char *const valued[] = {"provision", "--force=yes", NULL};

    (void)state;
    assert_refused(twice, "set twice");
    assert_refused(param, "\"a\" is set twice");
    assert_refused(no_value, "needs a value");
    assert_refused(valued, "takes no value");
    write_file("key = p256\nkey = p384\n");
    assert_refused(bare, ":2: \"key\" is set twice");
    write_file("endpoint = a\nnonsense\n");
    assert_refused(bare, ":2:");
    write_file("; a comment\n"
               "ca = /0123456789012345678901234567890123456789012345678901234"
               "567890123456789012345678901234567890123456789012345678901234"
               "567890123456789012345678901234567890123456789012345678901234"
               "56789012345678901234567890\n");
    assert_refused(bare, ":2: line longer");
    setenv("IMPRINT_CONFIG", "/nonexistent/imprint.conf", 1);
    assert_refused(bare, "/nonexistent/imprint.conf");
}

static void numbers_and_choices_are_checked(void **state)
{
    static const unsigned range[3] = {1, 100, 20};
    static const char *const choices[] = {"cbor", "json", NULL};
    const char *const good[] = {"provision", "--timeout", "100",
                                "--format",  "json",      NULL};
    static const char *const bad[] = {"",   "0",  "101",  "-1",        "1x",
                                      " 1", "1 ", "0x10", "9999999999"};
    struct imprint_settings *settings;
    struct imprint_why why;
    unsigned number = 0;
    size_t choice = 7;

    (void)state;
    settings = open_good(bare);
    assert_int_equal(
        imprint_settings_number(settings, "timeout", range, &number, &why), 0);
    assert_int_equal(number, 20);
    assert_int_equal(
        imprint_settings_choice(settings, "format", choices, &choice, &why), 0);
    assert_int_equal(choice, 0);
    imprint_settings_close(settings);
    settings = open_good(good);
    assert_int_equal(
        imprint_settings_number(settings, "timeout", range, &number, &why), 0);
    assert_int_equal(number, 100);
    assert_int_equal(
        imprint_settings_choice(settings, "format", choices, &choice, &why), 0);
    assert_int_equal(choice, 1);
    imprint_settings_close(settings);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *const arguments[] = {"provision", "--timeout", bad[i],
                                         "--format",  "xml",       NULL};

        settings = open_good(arguments);
        assert_int_equal(
            imprint_settings_number(settings, "timeout", range, &number, &why),
            IMPRINT_ERR_SETTINGS);
        assert_int_equal(
            imprint_settings_choice(settings, "format", choices, &choice, &why),
            IMPRINT_ERR_SETTINGS);
        assert_string_equal(why.hint, "one of: cbor, json");
        imprint_settings_close(settings);
    }
    assert_int_equal(number, 100);
    assert_int_equal(choice, 1);
}

static void a_name_of_two_verbs_is_two_settings(void **state)
{
    const char *const order[] = {"endpoint", "--template", "argv", NULL};
    const char *const none[] = {"endpoint", NULL};
    struct imprint_settings *settings;

    (void)state;
    setenv("IMPRINT_CLAIM", "/environment.pem", 1);
    setenv("IMPRINT_POLICY", "environment", 1);
    write_file("template = file\ndir = /file\n");
    settings = open_good(bare);
    assert_string_equal(imprint_settings_get(settings, "claim"),
                        "/environment.pem");
    assert_string_equal(imprint_settings_get(settings, "template"), "file");
    imprint_settings_close(settings);
    settings = open_good(none);
    assert_null(imprint_settings_get(settings, "claim"));
    assert_null(imprint_settings_get(settings, "template"));
    assert_null(imprint_settings_get(settings, "policy"));
    assert_string_equal(imprint_settings_get(settings, "dir"), "/file");
    imprint_settings_close(settings);
    settings = open_good(order);
    assert_string_equal(imprint_settings_get(settings, "template"), "argv");
    assert_string_equal(imprint_settings_place(settings, "template"),
                        "--template");
    imprint_settings_close(settings);
    write_file("policy = file\n");
    assert_refused(none, "not taken from a file");
}

/* True if one word of a is one of b. */
static bool shares_word(const char *a, const char *b)
{
    char words[128];
    char others[128];
    char *rest = words;
    char *word;

    (void)snprintf(words, sizeof(words), "%s", a);
    (void)snprintf(others, sizeof(others), " %s ", b);
    while ((word = strsep(&rest, " ")) != NULL) {
        char framed[130];

        (void)snprintf(framed, sizeof(framed), " %s ", word);
        if (strstr(others, framed))
            return true;
    }
    return false;
}

static void no_two_rows_are_in_each_others_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        const struct imprint_settings_row *row = &imprint_settings_table[i];

        assert_true(row->text[0] != '\0');
        assert_int_equal(row->argument[0] == '\0',
                         (row->traits & IMPRINT_SETTINGS_SWITCH) != 0);
        for (size_t j = 0; j < i; j++) {
            const struct imprint_settings_row *other =
                &imprint_settings_table[j];

            if (strcmp(row->name, other->name) != 0)
                continue;
            assert_false(shares_word(row->verbs, other->verbs));
            assert_true((row->traits | other->traits) &
                        IMPRINT_SETTINGS_ARGV_ONLY);
        }
    }
}

static void help_lists_a_verb(void **state)
{
    struct imprint_settings_help row;
    size_t count = 0;

    (void)state;
    while (imprint_settings_describe("reset", count, &row)) {
        assert_true(row.text[0] != '\0');
        count++;
    }
    assert_int_equal(count, 7); /* yes, state, log, config; token, TPM, PIN */
    assert_false(imprint_settings_describe("nothing", 0, &row));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_command_line_wins, clear),
        cmocka_unit_test_setup(the_environment_beats_the_file, clear),
        cmocka_unit_test_setup(the_old_names_are_taken, clear),
        cmocka_unit_test_setup(params_come_from_everywhere, clear),
        cmocka_unit_test_setup(unknown_names_are_refused, clear),
        cmocka_unit_test_setup(the_nearest_name_is_told, clear),
        cmocka_unit_test_setup(each_value_has_its_origin, clear),
        cmocka_unit_test_setup(a_secret_on_the_command_line_is_not_repeated,
                               clear),
        cmocka_unit_test_setup(mistakes_are_refused, clear),
        cmocka_unit_test_setup(numbers_and_choices_are_checked, clear),
        cmocka_unit_test_setup(a_name_of_two_verbs_is_two_settings, clear),
        cmocka_unit_test_setup(no_two_rows_are_in_each_others_way, clear),
        cmocka_unit_test_setup(help_lists_a_verb, clear),
    };
    int fd = mkstemp(path);
    int failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
