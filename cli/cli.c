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

enum imprint_status imprint_cli_confirm(const struct imprint_settings *settings,
                                        const char *question,
                                        const char *otherwise,
                                        struct imprint_why *why)
{
    char answer[16] = "";

    if (imprint_settings_on(settings, "yes"))
        return IMPRINT_OK;
    if (!isatty(STDIN_FILENO)) {
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "nobody is there to ask");
        imprint_why_hint(why, "give --yes");
        return IMPRINT_ERR_SETTINGS;
    }
    (void)fprintf(stderr, "%s [y/N] ", question);
    if (fgets(answer, sizeof(answer), stdin) &&
        (answer[0] == 'y' || answer[0] == 'Y'))
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_SETTINGS, "%s", otherwise);
}

bool imprint_cli_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
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
