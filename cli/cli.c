#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "posix/settings.h"

void imprint_cli_error(const struct imprint_why *why)
{
    (void)fprintf(stderr, "imprint: error: %s\n", why->text);
    if (why->hint[0])
        (void)fprintf(stderr, "imprint: hint: %s\n", why->hint);
}

int imprint_cli_fail(enum imprint_status status, const struct imprint_why *why)
{
    imprint_cli_error(why);
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

void imprint_cli_help(const char *verb)
{
    struct imprint_settings_help row;

    for (size_t i = 0; imprint_settings_describe(verb, i, &row); i++) {
        char left[48];

        (void)snprintf(left, sizeof(left), "--%s%s%s", row.name,
                       row.argument[0] ? " " : "", row.argument);
        (void)printf("  %-26s %s\n", left, row.text);
    }
}
