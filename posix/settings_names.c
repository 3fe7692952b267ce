#include "posix/settings_names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "posix/nearest.h"
#include "posix/settings_table.h"
#include "posix/why.h"

static void hint_nearest(struct imprint_why *why,
                         const struct imprint_nearest *nearest,
                         const char *prefix, const char *otherwise)
{
    if (nearest->best)
        imprint_why_hint(why, "did you mean \"%s%s\"?", prefix, nearest->best);
    else
        imprint_why_hint(why, "%s", otherwise);
}

void imprint_settings_names_hint_option(struct imprint_why *why,
                                        const char *verb, const char *name,
                                        const char *otherwise)
{
    struct imprint_nearest nearest;

    imprint_nearest_start(&nearest, name, strlen(name));
    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        if (imprint_settings_table_has_verb(&imprint_settings_table[i], verb))
            imprint_nearest_offer(&nearest, imprint_settings_table[i].name);
    }
    hint_nearest(why, &nearest, "--", otherwise);
}

void imprint_settings_names_hint_file(struct imprint_why *why, const char *name)
{
    struct imprint_nearest nearest;

    imprint_nearest_start(&nearest, name, strlen(name));
    for (size_t i = 0; i < imprint_settings_table_count; i++) {
        if (!(imprint_settings_table[i].traits &
              (IMPRINT_SETTINGS_ARGV_ONLY | IMPRINT_SETTINGS_NOT_FILE)))
            imprint_nearest_offer(&nearest, imprint_settings_table[i].name);
    }
    hint_nearest(why, &nearest, "",
                 "imprint settings lists the names that there are");
}

void imprint_settings_names_variable(const char *name, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "IMPRINT_%s", name);

    for (size_t i = 0; i < len && i < size; i++)
        out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

/* "IMPRINT_CLAIM_KEY=..." as "claim-key". False: it is too long for one. */
static bool name_of_variable(const char *variable, char *name, size_t size)
{
    size_t len = strcspn(variable, "=");

    if (len >= size)
        return false;
    for (size_t i = 0; i < len; i++)
        name[i] = variable[i] == '_'
                      ? '-'
                      : (char)tolower((unsigned char)variable[i]);
    name[len] = '\0';
    return true;
}

enum imprint_status imprint_settings_names_check_environment(
    struct imprint_why *why)
{
    const size_t prefix_len = strlen("IMPRINT_");
    struct imprint_nearest nearest;
    char name[IMPRINT_NEAREST_MAX_LEN + 1];
    char meant[64];

    for (char **at = environ; *at; at++) {
        if (strncmp(*at, "IMPRINT_", prefix_len) != 0 ||
            !name_of_variable(*at + prefix_len, name, sizeof(name)) ||
            imprint_settings_table_setting(name, strlen(name)))
            continue;
        imprint_nearest_start(&nearest, name, strlen(name));
        for (size_t i = 0; i < imprint_settings_table_count; i++) {
            if (!(imprint_settings_table[i].traits &
                  IMPRINT_SETTINGS_ARGV_ONLY))
                imprint_nearest_offer(&nearest, imprint_settings_table[i].name);
        }
        if (!nearest.best)
            continue;
        imprint_settings_names_variable(nearest.best, meant, sizeof(meant));
        nearest.best = meant;
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "unknown setting \"%.*s\" in the environment",
                        (int)strcspn(*at, "="), *at);
        hint_nearest(why, &nearest, "", "");
        return IMPRINT_ERR_SETTINGS;
    }
    return IMPRINT_OK;
}
