#include "posix/settings.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "posix/file.h"
#include "posix/why.h"
#include "settings_names.h"
#include "settings_table.h"

#define VALUE_MAX_COUNT 64
#define FILE_MAX_LEN 65536u
#define LINE_MAX_LEN 190u /* inih cuts lines at 200 */

enum source { SOURCE_NONE, SOURCE_ARGV, SOURCE_ENVIRONMENT, SOURCE_FILE };

struct value {
    const char *text;
    char *owned; /* text, if it is ours to free */
    enum source source;
    int line; /* of the file, from 1 */
};

struct imprint_settings {
    struct value values[IMPRINT_SETTINGS_ROW_MAX_COUNT][VALUE_MAX_COUNT];
    size_t count[IMPRINT_SETTINGS_ROW_MAX_COUNT];
    enum source source[IMPRINT_SETTINGS_ROW_MAX_COUNT];
    char place[IMPRINT_SETTINGS_ROW_MAX_COUNT][160];
    const char *verb;
    const char *path; /* of the settings file */
    const char *rest; /* of its text, behind the line that is being read */
    int line;         /* that line's number */
    struct imprint_why *why;
    enum imprint_status status; /* the first trouble of the file */
};

static size_t index_of(const struct imprint_settings *settings,
                       const char *name)
{
    const struct imprint_settings_row *row =
        imprint_settings_table_option(settings->verb, name, strlen(name));

    if (!row)
        row = imprint_settings_table_setting(name, strlen(name));
    return row ? (size_t)(row - imprint_settings_table) : 0;
}

/* Two texts of a repeated setting that set the same: "name=...". */
static bool is_same(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");

    return len == strcspn(b, "=") && strncmp(a, b, len) == 0;
}

/* A place that sets one name twice is a mistake; two places are not. */
static bool is_twice(const struct imprint_settings *settings, size_t i,
                     enum source source, const char *text)
{
    for (size_t j = 0; j < settings->count[i]; j++) {
        if (settings->values[i][j].source == source &&
            is_same(settings->values[i][j].text, text))
            return true;
    }
    return false;
}

/* Adds a value unless a stronger source has set it. Frees owned if unused. */
static enum imprint_status add(struct imprint_settings *settings,
                               const struct imprint_settings_row *row,
                               enum source source, struct value value)
{
    size_t i = (size_t)(row - imprint_settings_table);
    bool repeated = row->traits & IMPRINT_SETTINGS_REPEATED;

    value.source = source;
    if (repeated && is_twice(settings, i, source, value.text)) {
        imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                        "\"%s\" \"%.*s\" is set twice", row->name,
                        (int)strcspn(value.text, "="), value.text);
        free(value.owned);
        return IMPRINT_ERR_SETTINGS;
    }
    if (settings->source[i] == SOURCE_NONE || repeated) {
        if (settings->count[i] == VALUE_MAX_COUNT) {
            free(value.owned);
            return imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                                   "more than %d values for \"%s\"",
                                   VALUE_MAX_COUNT, row->name);
        }
        settings->values[i][settings->count[i]++] = value;
        settings->source[i] = source;
        return IMPRINT_OK;
    }
    free(value.owned);
    if (settings->source[i] == source)
        return imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                               "\"%s\" is set twice", row->name);
    return IMPRINT_OK;
}

static void note_place(struct imprint_settings *settings,
                       const struct imprint_settings_row *row,
                       const char *prefix, const char *name)
{
    size_t i = (size_t)(row - imprint_settings_table);
    char *place = settings->place[i];

    if (place[0] == '\0')
        (void)snprintf(place, sizeof(settings->place[i]), "%s%s", prefix, name);
}

/* ---- command line ---- */

static enum imprint_status refuse_argument(
    const char *verb, const char *argument,
    const struct imprint_settings_row *row, struct imprint_why *why)
{
    size_t dash_count = strspn(argument, "-");
    char help[80];

    if (row && row->traits & IMPRINT_SETTINGS_NOT_ARGV) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "\"--%s\" is not taken: a command line is no place "
                        "for a secret",
                        row->name);
        imprint_settings_names_variable(row->name, help, sizeof(help));
        imprint_why_hint(why, "use %s or --%s-file", help, row->name);
        return IMPRINT_ERR_SETTINGS;
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "unknown option \"%s\" of \"imprint %s\"", argument, verb);
    (void)snprintf(help, sizeof(help), "see imprint %.40s --help", verb);
    imprint_settings_names_hint_option(why, verb, argument + dash_count, help);
    return IMPRINT_ERR_SETTINGS;
}

/* Takes the option at argv[*at], and moves *at past it. */
static enum imprint_status take_option(struct imprint_settings *settings,
                                       char **argv, int *at)
{
    const char *argument = argv[*at];
    bool dashed = strncmp(argument, "--", 2) == 0;
    const char *name = dashed ? argument + 2 : argument;
    size_t len = strcspn(name, "=");
    const struct imprint_settings_row *row =
        dashed ? imprint_settings_table_option(argv[0], name, len) : NULL;
    struct value value = {"", NULL, SOURCE_ARGV, 0};

    if (!row) {
        char shown[80];

        /* what stands behind "=" may be a secret */
        (void)snprintf(shown, sizeof(shown), "%.*s",
                       (int)(dashed ? len + 2 : strlen(argument)), argument);
        if (dashed)
            row = imprint_settings_table_setting(name, len);
        return refuse_argument(argv[0], shown, row, settings->why);
    }
    if (row->traits & IMPRINT_SETTINGS_SWITCH) {
        if (name[len] == '=')
            return imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                                   "\"--%s\" takes no value", row->name);
    } else if (name[len] == '=') {
        value.text = name + len + 1;
    } else if (argv[*at + 1]) {
        value.text = argv[++*at];
    } else {
        return imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                               "\"--%s\" needs a value", row->name);
    }
    ++*at;
    note_place(settings, row, "--", row->name);
    return add(settings, row, SOURCE_ARGV, value);
}

/* ---- environment ---- */

/* Repeated values stand one per line. */
static enum imprint_status add_lines(struct imprint_settings *settings,
                                     const struct imprint_settings_row *row,
                                     const char *text)
{
    enum imprint_status status = IMPRINT_OK;

    while (status == IMPRINT_OK && *text) {
        size_t len = strcspn(text, "\n");
        struct value value = {NULL, NULL, SOURCE_ENVIRONMENT, 0};

        value.owned = strndup(text, len);
        value.text = value.owned;
        if (!value.owned)
            return imprint_why_set(settings->why, IMPRINT_ERR_INTERNAL,
                                   "out of memory");
        if (len > 0)
            status = add(settings, row, SOURCE_ENVIRONMENT, value);
        else
            free(value.owned);
        text += len + (text[len] == '\n');
    }
    return status;
}

static enum imprint_status read_environment(struct imprint_settings *settings)
{
    enum imprint_status status =
        imprint_settings_names_check_environment(settings->why);

    for (size_t i = 0; i < imprint_settings_table_count && status == IMPRINT_OK;
         i++) {
        const struct imprint_settings_row *row = &imprint_settings_table[i];
        char own[64];
        const char *name = own;
        struct value value = {NULL, NULL, SOURCE_ENVIRONMENT, 0};

        if (row->traits & IMPRINT_SETTINGS_ARGV_ONLY)
            continue;
        imprint_settings_names_variable(row->name, own, sizeof(own));
        value.text = getenv(own);
        if ((!value.text || !value.text[0]) && row->old_name) {
            name = row->old_name;
            value.text = getenv(name);
        }
        if (!value.text || !value.text[0])
            continue;
        note_place(settings, row, "", name);
        if (row->traits & IMPRINT_SETTINGS_REPEATED)
            status = add_lines(settings, row, value.text);
        else
            status = add(settings, row, SOURCE_ENVIRONMENT, value);
    }
    return status;
}

/* ---- file ---- */

/* Begins the reason with the line that it is about. */
static enum imprint_status at_line(const struct imprint_settings *settings)
{
    struct imprint_why inner = *settings->why;

    imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS, "%s:%d: %.400s",
                    settings->path, settings->line, inner.text);
    imprint_why_hint(settings->why, "%s", inner.hint);
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status refuse_line(struct imprint_settings *settings,
                                       const char *name,
                                       const struct imprint_settings_row *row)
{
    if (row) /* what may be a secret is not repeated */
        imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                        "\"%s\" is not taken from a file", name);
    else
        imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                        "unknown setting \"%s\"", name);
    if (!row)
        imprint_settings_names_hint_file(settings->why, name);
    else if (row->traits & IMPRINT_SETTINGS_NOT_ARGV)
        imprint_why_hint(settings->why, "put it into %s-file's file", name);
    else
        imprint_why_hint(settings->why, "give it on the command line");
    return at_line(settings);
}

static enum imprint_status take_line(struct imprint_settings *settings,
                                     const char *section, const char *name,
                                     const char *text)
{
    bool is_param = strcmp(section, "param") == 0;
    const char *row_name = is_param ? "param" : name;
    const struct imprint_settings_row *row =
        imprint_settings_table_setting(row_name, strlen(row_name));
    struct value value = {NULL, NULL, SOURCE_FILE, settings->line};
    char place[160];
    size_t size = strlen(name) + strlen(text) + 2;

    if (section[0] != '\0' && !is_param)
        return imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                               "%s:%d: unknown section \"[%s]\"",
                               settings->path, settings->line, section);
    if (!row ||
        row->traits & (IMPRINT_SETTINGS_ARGV_ONLY | IMPRINT_SETTINGS_NOT_FILE))
        return refuse_line(settings, name, row);
    value.owned = malloc(size);
    value.text = value.owned;
    if (!value.owned)
        return imprint_why_set(settings->why, IMPRINT_ERR_INTERNAL,
                               "out of memory");
    if (is_param)
        (void)snprintf(value.owned, size, "%s=%s", name, text);
    else
        (void)snprintf(value.owned, size, "%s", text);
    (void)snprintf(place, sizeof(place), ":%d", settings->line);
    note_place(settings, row, settings->path, place);
    return add(settings, row, SOURCE_FILE, value) ? at_line(settings)
                                                  : IMPRINT_OK;
}

static int on_line(void *user, const char *section, const char *name,
                   const char *value)
{
    struct imprint_settings *settings = user;

    if (settings->status == IMPRINT_OK)
        settings->status = take_line(settings, section, name, value);
    return settings->status == IMPRINT_OK;
}

/* A line for inih, which does not tell its handler where it is. */
static char *next_line(char *line, int size, void *user)
{
    struct imprint_settings *settings = user;
    size_t len = strcspn(settings->rest, "\n");

    if (settings->rest[0] == '\0')
        return NULL;
    settings->line++;
    len += settings->rest[len] == '\n';
    (void)snprintf(line, (size_t)size, "%.*s", (int)len, settings->rest);
    settings->rest += len;
    return line;
}

static enum imprint_status parse_text(struct imprint_settings *settings,
                                      const char *text)
{
    int line = 0;
    int number = 1;

    for (const char *at = text; *at; number++) {
        size_t len = strcspn(at, "\n");

        if (len > LINE_MAX_LEN)
            return imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                                   "%s:%d: line longer than %u bytes",
                                   settings->path, number, LINE_MAX_LEN);
        at += len + (at[len] == '\n');
    }
    settings->rest = text;
    line = ini_parse_stream(next_line, settings, on_line, settings);
    if (settings->status == IMPRINT_OK && line != 0)
        return imprint_why_set(settings->why, IMPRINT_ERR_SETTINGS,
                               "%s:%d: neither \"name = value\" nor a comment",
                               settings->path, line);
    return settings->status;
}

static enum imprint_status read_file(struct imprint_settings *settings)
{
    const char *asked = imprint_settings_get(settings, "config");
    enum imprint_status status;
    char *text;
    size_t len;

    settings->path = asked ? asked : IMPRINT_SETTINGS_FILE;
    status = imprint_file_read(settings->path, FILE_MAX_LEN, &text, &len,
                               settings->why);
    if (status == IMPRINT_ERR_NOT_FOUND && !asked)
        return IMPRINT_OK;
    if (status != IMPRINT_OK)
        return IMPRINT_ERR_SETTINGS;
    status = parse_text(settings, text);
    free(text);
    return status;
}

/* ---- calls ---- */

enum imprint_status imprint_settings_open(int argc, char **argv,
                                          struct imprint_settings **out,
                                          struct imprint_why *why)
{
    struct imprint_settings *settings = calloc(1, sizeof(*settings));
    enum imprint_status status = IMPRINT_OK;
    int at = 1;

    if (!settings)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    settings->verb = argv[0];
    settings->why = why;
    while (status == IMPRINT_OK && at < argc)
        status = take_option(settings, argv, &at);
    if (status == IMPRINT_OK)
        status = read_environment(settings);
    if (status == IMPRINT_OK)
        status = read_file(settings);
    if (status != IMPRINT_OK) {
        imprint_settings_close(settings);
        return status;
    }
    settings->why = NULL;
    *out = settings;
    return IMPRINT_OK;
}

void imprint_settings_close(struct imprint_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        for (size_t j = 0; j < settings->count[i]; j++)
            free(settings->values[i][j].owned);
    }
    free(settings);
}

const char *imprint_settings_at(const struct imprint_settings *settings,
                                const char *name, size_t index)
{
    size_t i = index_of(settings, name);

    return index < settings->count[i] ? settings->values[i][index].text : NULL;
}

const char *imprint_settings_get(const struct imprint_settings *settings,
                                 const char *name)
{
    return imprint_settings_at(settings, name, 0);
}

bool imprint_settings_on(const struct imprint_settings *settings,
                         const char *name)
{
    return imprint_settings_get(settings, name) != NULL;
}

const char *imprint_settings_place(const struct imprint_settings *settings,
                                   const char *name)
{
    return settings->place[index_of(settings, name)];
}

const char *imprint_settings_file(const struct imprint_settings *settings)
{
    return settings->path;
}

void imprint_settings_origin(const struct imprint_settings *settings,
                             const char *name, size_t index, char out[160])
{
    size_t i = index_of(settings, name);
    const struct value *value = &settings->values[i][index];

    if (index == 0)
        (void)snprintf(out, 160, "%s", settings->place[i]);
    else if (value->source == SOURCE_FILE)
        (void)snprintf(out, 160, "%s:%d", settings->path, value->line);
    else if (value->source == SOURCE_ARGV)
        (void)snprintf(out, 160, "--%s", name);
    else
        imprint_settings_names_variable(name, out, 160);
}

enum imprint_status imprint_settings_number(
    const struct imprint_settings *settings, const char *name,
    const unsigned range[3], unsigned *out, struct imprint_why *why)
{
    const char *text = imprint_settings_get(settings, name);
    size_t len = text ? strlen(text) : 0;
    unsigned long number;

    if (!text) {
        *out = range[2];
        return IMPRINT_OK;
    }
    number = strtoul(text, NULL, 10);
    if (len == 0 || len > 9 || strspn(text, "0123456789") != len ||
        number < range[0] || number > range[1])
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "%s: \"%s\" is not a number from %u to %u",
                               imprint_settings_place(settings, name), text,
                               range[0], range[1]);
    *out = (unsigned)number;
    return IMPRINT_OK;
}

enum imprint_status imprint_settings_choice(
    const struct imprint_settings *settings, const char *name,
    const char *const *choices, size_t *out, struct imprint_why *why)
{
    const char *text = imprint_settings_get(settings, name);
    char list[160] = "";
    size_t len = 0;

    if (!text) {
        *out = 0;
        return IMPRINT_OK;
    }
    for (size_t i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0) {
            *out = i;
            return IMPRINT_OK;
        }
        if (len < sizeof(list))
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
                                    i ? ", " : "", choices[i]);
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "%s: \"%s\" is not known",
                    imprint_settings_place(settings, name), text);
    imprint_why_hint(why, "one of: %s", list);
    return IMPRINT_ERR_SETTINGS;
}

static void describe(const struct imprint_settings_row *row,
                     struct imprint_settings_help *out)
{
    out->name = row->name;
    out->argument = row->argument;
    out->text = row->text;
}

bool imprint_settings_list(size_t index, struct imprint_settings_help *out)
{
    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        if (!imprint_settings_table_is_device(&imprint_settings_table[i]) ||
            index-- > 0)
            continue;
        describe(&imprint_settings_table[i], out);
        return true;
    }
    return false;
}

bool imprint_settings_describe(const char *verb, size_t index,
                               struct imprint_settings_help *out)
{
    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        if (!imprint_settings_table_has_verb(&imprint_settings_table[i],
                                             verb) ||
            index-- > 0)
            continue;
        describe(&imprint_settings_table[i], out);
        return true;
    }
    return false;
}
