#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "posix/json.h"
#include "posix/settings.h"
#include "posix/settings_names.h"
#include "posix/why.h"

#define NAME_WIDTH 20
#define VALUE_WIDTH 36
#define ORIGIN_LEN 160

/* One value of one setting, as it may be shown. */
struct row {
    const char *name;
    const char *value;  /* NULL: not set */
    char fallback[128]; /* what holds if it is not, in words; or "" */
    char origin[ORIGIN_LEN];
};

/* A password, or a URL that may have one in it: "://user:password@". */
static bool is_secret(const char *name, const char *value)
{
    const char *user = strstr(value, "://");

    return strcmp(name, "password") == 0 || strcmp(name, "pin") == 0 ||
           (user && strchr(user + 3, '@'));
}

/* The help's text ends with the default in brackets, if there is one. */
static void copy_fallback(const char *text, char *out, size_t size)
{
    const char *start = strrchr(text, '[');
    size_t len = strlen(text);

    out[0] = '\0';
    if (start && text[len - 1] == ']')
        (void)snprintf(out, size, "%.*s", (int)strcspn(start + 1, "]"),
                       start + 1);
}

static void fill(const struct imprint_settings *settings,
                 const struct imprint_settings_help *help, size_t index,
                 struct row *row)
{
    row->name = help->name;
    row->value = imprint_settings_at(settings, help->name, index);
    copy_fallback(help->text, row->fallback, sizeof(row->fallback));
    (void)snprintf(row->origin, sizeof(row->origin), "default");
    if (!row->value)
        return;
    imprint_settings_origin(settings, help->name, index, row->origin);
    if (is_secret(help->name, row->value))
        row->value = "(set)";
}

/* ---- text ---- */

static void show_row(const struct row *row)
{
    const char *value = row->value;
    char line[1024];

    if (!value)
        value = row->fallback[0] ? row->fallback : "(not set)";
    (void)snprintf(line, sizeof(line), "%-*s %-*s %s", NAME_WIDTH, row->name,
                   VALUE_WIDTH, value, row->origin);
    imprint_cli_hide_controls(line);
    (void)printf("%s\n", line);
}

static void show_text(const struct imprint_settings *settings, const char *only)
{
    struct imprint_settings_help help;
    struct row row;

    for (size_t i = 0; imprint_settings_list(i, &help); i++) {
        if (only && strcmp(help.name, only) != 0)
            continue;
        for (size_t j = 0;
             j == 0 || imprint_settings_at(settings, help.name, j); j++) {
            fill(settings, &help, j, &row);
            show_row(&row);
        }
    }
}

/* ---- JSON ---- */

/* NULL: out of memory. */
static struct imprint_json *describe(const struct row *row, const char *value)
{
    struct imprint_json *json = imprint_json_new();

    if (json && imprint_json_put_text(json, "value", value) &&
        imprint_json_put_text(json, "origin", row->origin) &&
        imprint_json_put_text(json, "default",
                              row->fallback[0] ? row->fallback : NULL))
        return json;
    imprint_json_free(json);
    return NULL;
}

/* Parameters, each by its name. */
static bool put_params(struct imprint_json *out,
                       const struct imprint_settings *settings,
                       const struct imprint_settings_help *help)
{
    struct imprint_json *all = imprint_json_new();
    bool good = all != NULL;
    struct row row;

    for (size_t i = 0; good && imprint_settings_at(settings, help->name, i);
         i++) {
        const char *equal;
        struct imprint_json *one;
        char name[128];

        fill(settings, help, i, &row);
        equal = strchr(row.value, '=');
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(row.value, "="),
                       row.value);
        one = describe(&row, equal ? equal + 1 : NULL);
        good = one && imprint_json_put_object(all, name, one);
    }
    if (good)
        return imprint_json_put_object(out, help->name, all);
    imprint_json_free(all);
    return false;
}

static bool put_one(struct imprint_json *out,
                    const struct imprint_settings *settings,
                    const struct imprint_settings_help *help)
{
    struct imprint_json *one;
    struct row row;

    if (strcmp(help->name, "param") == 0)
        return put_params(out, settings, help);
    fill(settings, help, 0, &row);
    one = describe(&row, row.value);
    return one && imprint_json_put_object(out, help->name, one);
}

static enum imprint_status show_json(const struct imprint_settings *settings,
                                     const char *only, struct imprint_why *why)
{
    struct imprint_json *json = imprint_json_new();
    struct imprint_settings_help help;
    bool good = json != NULL;
    char *text = NULL;

    for (size_t i = 0; good && imprint_settings_list(i, &help); i++) {
        if (!only || strcmp(help.name, only) == 0)
            good = put_one(json, settings, &help);
    }
    if (good)
        text = imprint_json_write(json);
    imprint_json_free(json);
    if (!text)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "out of memory, or a value is not UTF-8");
    (void)fputs(text, stdout);
    free(text);
    return IMPRINT_OK;
}

static enum imprint_status check_name(const char *name, struct imprint_why *why)
{
    struct imprint_settings_help help;

    for (size_t i = 0; imprint_settings_list(i, &help); i++) {
        if (strcmp(help.name, name) == 0)
            return IMPRINT_OK;
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"%.100s\" is no setting of a device", name);
    imprint_settings_names_hint_file(why, name);
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status show(int argc, char **argv, const char *only,
                                struct imprint_why *why)
{
    struct imprint_settings *settings;
    enum imprint_status status = only ? check_name(only, why) : IMPRINT_OK;

    if (status == IMPRINT_OK)
        status = imprint_settings_open(argc, argv, &settings, why);
    if (status != IMPRINT_OK)
        return status;
    if (imprint_settings_on(settings, "json"))
        status = show_json(settings, only, why);
    else
        show_text(settings, only);
    imprint_settings_close(settings);
    return status;
}

int imprint_cmd_settings(int argc, char **argv)
{
    struct imprint_why why = {"", ""};
    const char *only = NULL;
    enum imprint_status status;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: imprint settings [NAME] [OPTION...]\n\nShows each "
                     "setting of the device's side with its value and where "
                     "that comes from.\n\n");
        imprint_cli_help(argv[0]);
        return IMPRINT_CLI_DONE;
    }
    if (argc > 1 && argv[1][0] != '-') {
        only = argv[1];
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    status = show(argc, argv, only, &why);
    return status ? imprint_cli_fail(status, &why) : IMPRINT_CLI_DONE;
}
