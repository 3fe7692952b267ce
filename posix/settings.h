/*
 * Settings: command line, then environment, then the settings file; one name
 * in all three ("claim-key": --claim-key, IMPRINT_CLAIM_KEY, "claim-key = ").
 * The one table of all of them is in settings_table.c.
 *
 * An unknown or doubled setting is IMPRINT_ERR_SETTINGS; why names the place
 * and the name that was probably meant.
 */
#ifndef IMPRINT_POSIX_SETTINGS_H
#define IMPRINT_POSIX_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_SETTINGS_FILE "/etc/imprint/imprint.conf"

struct imprint_settings;

/*
 * argv[0] is the verb; it decides which settings the command line may have.
 * The environment and the file may have those of every verb, and the command
 * line of the verb "settings" all that a device's file may. Strings of argv
 * and of the environment are borrowed.
 */
IMPRINT_MUST_USE enum imprint_status imprint_settings_open(
    int argc, char **argv, struct imprint_settings **out,
    struct imprint_why *why);
void imprint_settings_close(struct imprint_settings *settings);

/* The value, or NULL. name must be in the table. */
const char *imprint_settings_get(const struct imprint_settings *settings,
                                 const char *name);

/* True for a switch that was given, such as --force. */
bool imprint_settings_on(const struct imprint_settings *settings,
                         const char *name);

/*
 * A number between low and high; fallback if it is not set.
 * ERR_SETTINGS: something else stands there.
 */
IMPRINT_MUST_USE enum imprint_status imprint_settings_number(
    const struct imprint_settings *settings, const char *name,
    const unsigned range[3], unsigned *out, struct imprint_why *why);

/*
 * The index of the value in choices (ended by NULL); 0 if it is not set.
 * ERR_SETTINGS: none of them; why lists them.
 */
IMPRINT_MUST_USE enum imprint_status imprint_settings_choice(
    const struct imprint_settings *settings, const char *name,
    const char *const *choices, size_t *out, struct imprint_why *why);

/* The index-th value of a setting that may be repeated, or NULL. */
const char *imprint_settings_at(const struct imprint_settings *settings,
                                const char *name, size_t index);

/* Where the value comes from, for a message: "--key", "IMPRINT_KEY", ... */
const char *imprint_settings_place(const struct imprint_settings *settings,
                                   const char *name);

/*
 * The same of the index-th value, which must be there; of the file with its
 * line: "/etc/imprint/imprint.conf:12".
 */
void imprint_settings_origin(const struct imprint_settings *settings,
                             const char *name, size_t index, char out[160]);

/* The settings file, whether it is there or not. Borrowed from settings. */
const char *imprint_settings_file(const struct imprint_settings *settings);

struct imprint_settings_help {
    const char *name;
    const char *argument; /* "" for a switch */
    const char *text;
};

/* The index-th setting of a verb's command line; false behind the last. */
bool imprint_settings_describe(const char *verb, size_t index,
                               struct imprint_settings_help *out);

/* The index-th of a device's, with the password and without orders. */
bool imprint_settings_list(size_t index, struct imprint_settings_help *out);

#endif
