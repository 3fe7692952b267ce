/* The one table of all settings; nobody but settings*.c uses it. */
#ifndef IMPRINT_POSIX_SETTINGS_TABLE_H
#define IMPRINT_POSIX_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum imprint_settings_trait {
    IMPRINT_SETTINGS_SWITCH = 1,    /* takes no value; command line only */
    IMPRINT_SETTINGS_REPEATED = 2,  /* may be given many times */
    IMPRINT_SETTINGS_NOT_ARGV = 4,  /* a secret: everybody may read argv */
    IMPRINT_SETTINGS_NOT_FILE = 8,  /* a secret: the file may be readable */
    IMPRINT_SETTINGS_ARGV_ONLY = 16 /* an order, not a setting */
};

struct imprint_settings_row {
    const char *name;
    const char *verbs;    /* whose command line may have it */
    const char *old_name; /* of the environment; the seed's */
    const char *argument; /* what it is called in the help; "" for a switch */
    const char *text;
    int traits;
};

#define IMPRINT_SETTINGS_ROW_MAX_COUNT 112

/*
 * A name may have several rows, of different
 * verbs, if at most one of them is more than an order: the others neither see
 * nor take what environment and file say.
 */
extern const struct imprint_settings_row imprint_settings_table[];
extern const size_t imprint_settings_table_count;

/* True if the verb's command line may have it. */
bool imprint_settings_table_has_verb(const struct imprint_settings_row *row,
                                     const char *verb);

/* The row of this verb, or NULL. */
const struct imprint_settings_row *imprint_settings_table_option(
    const char *verb, const char *name, size_t len);

/* The row that environment and file fill; else one that they may not. */
const struct imprint_settings_row *imprint_settings_table_setting(
    const char *name, size_t len);

/* What a device's settings file may have; and the password. */
bool imprint_settings_table_is_device(const struct imprint_settings_row *row);

#endif
