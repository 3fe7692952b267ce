#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "posix/notify.h"
#include "posix/settings.h"
#include "posix/why.h"

#define LEFT_WIDTH 26 /* of a help; then a blank */
#define TEXT_WIDTH 51

void imprint_cli_hide_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

void imprint_cli_hint(const struct imprint_why *why)
{
    struct imprint_why shown = *why;

    imprint_cli_hide_controls(shown.hint);
    (void)fflush(stdout);
    if (shown.hint[0])
        (void)fprintf(stderr, "imprint: hint: %s\n", shown.hint);
}

void imprint_cli_error(const struct imprint_why *why)
{
    struct imprint_why shown = *why;

    imprint_cli_hide_controls(shown.text);
    (void)fflush(stdout);
    (void)fprintf(stderr, "imprint: error: %s\n", shown.text);
    imprint_cli_hint(why);
}

int imprint_cli_fail(enum imprint_status status, const struct imprint_why *why)
{
    imprint_cli_error(why);
    imprint_notify_status(why->text);
    return imprint_cli_exit(status);
}

int imprint_cli_usage(const char *hint, const char *format, ...)
{
    struct imprint_why why;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(why.text, sizeof(why.text), format, arguments);
    va_end(arguments);
    (void)snprintf(why.hint, sizeof(why.hint), "%s", hint);
    imprint_cli_error(&why);
    return IMPRINT_CLI_USAGE;
}

int imprint_cli_exit(enum imprint_status status)
{
    switch (status) {
    case IMPRINT_OK:
        return IMPRINT_CLI_DONE;
    case IMPRINT_ERR_SETTINGS:
    case IMPRINT_ERR_KEY:
        return IMPRINT_CLI_USAGE;
    case IMPRINT_ERR_REFUSED:
        return IMPRINT_CLI_REFUSED;
    case IMPRINT_ERR_STORAGE:
        return IMPRINT_CLI_STORAGE;
    case IMPRINT_ERR_NOT_FOUND:
        return IMPRINT_CLI_NONE;
    case IMPRINT_ERR_LOST:
    case IMPRINT_ERR_TIMEOUT:
    case IMPRINT_ERR_THROTTLED:
    case IMPRINT_ERR_CLOCK:
    case IMPRINT_ERR_BUSY:
    case IMPRINT_ERR_NETWORK:
    case IMPRINT_ERR_STOPPED:
    case IMPRINT_ERR_FORMAT:
    case IMPRINT_ERR_SPACE:
        return IMPRINT_CLI_LATER;
    case IMPRINT_ERR_ARGUMENT:
    case IMPRINT_ERR_CANNOT:
    case IMPRINT_ERR_INTERNAL:
        break;
    }
    return IMPRINT_CLI_BUG;
}

bool imprint_cli_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

/* True if the verb has this option; *takes_value: the next argument is it. */
static bool find_option(const char *verb, const char *name, bool *takes_value)
{
    struct imprint_settings_help row;

    for (size_t i = 0; imprint_settings_describe(verb, i, &row); i++) {
        if (strcmp(name, row.name) == 0) {
            *takes_value = row.argument[0] != '\0';
            return true;
        }
    }
    return false;
}

static bool is_operand(const char *argument)
{
    return argument[0] != '-' || argument[1] == '\0' ||
           (argument[1] >= '0' && argument[1] <= '9');
}

bool imprint_cli_part(const char *verb, int argc, char **argv,
                      struct imprint_cli_parts *out)
{
    static char follow[] = "--follow";
    bool has_ended = false; /* "--" stood there */

    memset(out, 0, sizeof(*out));
    out->rest[out->rest_count++] = argv[0];
    for (int i = 2; i < argc; i++) {
        bool takes_value = false;

        if (out->rest_count + 2 > IMPRINT_CLI_ARGUMENT_MAX_COUNT)
            return false;
        if (has_ended || is_operand(argv[i])) {
            if (out->operand_count == IMPRINT_CLI_OPERAND_MAX_COUNT)
                return false;
            out->operands[out->operand_count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            has_ended = true;
        } else if (strcmp(argv[i], "-f") == 0 &&
                   find_option(verb, "follow", &takes_value)) {
            out->rest[out->rest_count++] = follow;
        } else {
            out->rest[out->rest_count++] = argv[i];
            if (strncmp(argv[i], "--", 2) == 0 &&
                find_option(verb, argv[i] + 2, &takes_value) && takes_value &&
                i + 1 < argc)
                out->rest[out->rest_count++] = argv[++i];
        }
    }
    return true;
}

void imprint_cli_line(const char *left, const char *text)
{
    size_t len = strlen(text);

    (void)printf("  %-*s", LEFT_WIDTH, left);
    if (strlen(left) > LEFT_WIDTH)
        (void)printf("\n  %*s", LEFT_WIDTH, "");
    while (len > TEXT_WIDTH) {
        size_t cut = TEXT_WIDTH;

        while (cut > 0 && text[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        (void)printf(" %.*s\n  %*s", (int)cut, text, LEFT_WIDTH, "");
        text += cut + 1;
        len -= cut + 1;
    }
    (void)printf(" %s\n", text);
}

void imprint_cli_option(const struct imprint_settings_help *option)
{
    char left[48];

    (void)snprintf(left, sizeof(left), "--%s%s%s", option->name,
                   option->argument[0] ? " " : "", option->argument);
    imprint_cli_line(left, option->text);
}

void imprint_cli_help(const char *verb)
{
    struct imprint_settings_help row;

    for (size_t i = 0; imprint_settings_describe(verb, i, &row); i++)
        imprint_cli_option(&row);
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += len) {
        if ((at == words || at[-1] == ' ') &&
            (at[len] == ' ' || at[len] == '\0'))
            return true;
    }
    return false;
}

static bool takes(const char *options, const char *name)
{
    return has_word("config dir", name) || has_word(options, name);
}

/* A row's text is for all subverbs: "try: the thing's type". */
static const char *skip_subverb(const char *text, const char *subverb)
{
    size_t len = strlen(subverb);

    return strncmp(text, subverb, len) == 0 && strncmp(text + len, ": ", 2) == 0
               ? text + len + 2
               : text;
}

void imprint_cli_subverb_help(const char *verb, const char *subverb,
                              const char *operands, const char *summary,
                              const char *options)
{
    struct imprint_settings_help row;

    (void)printf("usage: imprint %s %s%s%s [OPTION...]\n\n%s\n\n", verb,
                 subverb, operands[0] ? " " : "", operands, summary);
    for (size_t i = 0; imprint_settings_describe(verb, i, &row); i++) {
        if (!takes(options, row.name))
            continue;
        row.text = skip_subverb(row.text, subverb);
        imprint_cli_option(&row);
    }
}

enum imprint_status imprint_cli_check_options(
    const char *verb, const char *subverb, const char *options,
    const struct imprint_settings *settings, struct imprint_why *why)
{
    struct imprint_settings_help row;

    for (size_t i = 0; imprint_settings_describe(verb, i, &row); i++) {
        const char *place = imprint_settings_place(settings, row.name);

        if (strncmp(place, "--", 2) != 0 || takes(options, row.name))
            continue;
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "\"imprint %s %s\" takes no %s", verb, subverb,
                              place);
        imprint_why_hint(why, "see imprint %s %s --help", verb, subverb);
        return IMPRINT_ERR_SETTINGS;
    }
    return IMPRINT_OK;
}
