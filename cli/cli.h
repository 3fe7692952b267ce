/* What every subcommand of `imprint` uses and offers. */
#ifndef IMPRINT_CLI_CLI_H
#define IMPRINT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/device.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* Exit codes, frozen. */
enum imprint_cli_code {
    IMPRINT_CLI_DONE = 0,
    IMPRINT_CLI_BUG = 1,
    IMPRINT_CLI_USAGE = 2,
    IMPRINT_CLI_REFUSED = 3,
    IMPRINT_CLI_LATER = 4,
    IMPRINT_CLI_STORAGE = 5,
    IMPRINT_CLI_NONE = 6 /* not provisioned */
};

/* One verb, one file cmd_<verb>.c. argv[0] is the verb; the exit code. */
int imprint_cmd_cloud(int argc, char **argv);
int imprint_cmd_doctor(int argc, char **argv);
int imprint_cmd_endpoint(int argc, char **argv);
int imprint_cmd_policy(int argc, char **argv);
int imprint_cmd_provision(int argc, char **argv);
int imprint_cmd_renew(int argc, char **argv);
int imprint_cmd_reset(int argc, char **argv);
int imprint_cmd_rollback(int argc, char **argv);
int imprint_cmd_settings(int argc, char **argv);
int imprint_cmd_status(int argc, char **argv);
int imprint_cmd_template(int argc, char **argv);

/* What could forge a line of a terminal, or move its cursor, becomes '?'. */
void imprint_cli_hide_controls(char *text);

/* "imprint: error: <text>", and "imprint: hint: <hint>" if there is one. */
void imprint_cli_error(const struct imprint_why *why);

/* The hint alone, of what was done but may not be all; or nothing. */
void imprint_cli_hint(const struct imprint_why *why);

/* As imprint_cli_error; returns the exit code for status. */
int imprint_cli_fail(enum imprint_status status, const struct imprint_why *why);

/* The same for a mistake on the command line; returns IMPRINT_CLI_USAGE. */
int imprint_cli_usage(const char *hint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The exit code for a status. */
int imprint_cli_exit(enum imprint_status status);

struct imprint_settings;

/*
 * OK: --yes, or somebody at the terminal says so. ERR_SETTINGS: they did not,
 * which otherwise says, or nobody is there to ask.
 */
IMPRINT_MUST_USE enum imprint_status imprint_cli_confirm(
    const struct imprint_settings *settings, const char *question,
    const char *otherwise, struct imprint_why *why);

/* True if stderr is a terminal: progress may be shown there. */
bool imprint_cli_terminal(void);

/* A row of a help: left, and text behind it, wrapped at 80 columns. */
void imprint_cli_line(const char *left, const char *text);

struct imprint_settings_help;
void imprint_cli_option(const struct imprint_settings_help *option);

/* One row per option of a verb that posix/settings.h knows, on stdout. */
void imprint_cli_help(const char *verb);

#endif
