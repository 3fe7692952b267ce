#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show.h"
#include "posix/settings.h"
#include "posix/why.h"

/* Puts both where found; NULL where there is none. */
static enum imprint_status show(const char *dir, bool json,
                                struct imprint_why *why)
{
    struct imprint_device_identity current;
    struct imprint_device_identity staged;
    enum imprint_status found = imprint_device_load(dir, &current, why);
    enum imprint_status coming = imprint_device_load_staged(dir, &staged, NULL);
    enum imprint_status shown = IMPRINT_OK;
    const struct imprint_device_identity *now =
        found == IMPRINT_OK ? &current : NULL;
    const struct imprint_device_identity *next =
        coming == IMPRINT_OK ? &staged : NULL;

    if (json)
        shown = imprint_show_json(now, next, why);
    else
        imprint_show_text(now, next);
    if (now)
        imprint_device_free(&current);
    if (next)
        imprint_device_free(&staged);
    return shown ? shown : found;
}

int imprint_cmd_status(int argc, char **argv)
{
    struct imprint_settings *settings;
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: imprint status [OPTION...]\n\nShows what this "
                     "device is now; exit code 6 if it is nothing yet.\n\n");
        imprint_cli_help(argv[0]);
        return IMPRINT_CLI_DONE;
    }
    status = imprint_settings_open(argc, argv, &settings, &why);
    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    status = show(imprint_settings_get(settings, "state"),
                  imprint_settings_on(settings, "json"), &why);
    imprint_settings_close(settings);
    if (status == IMPRINT_OK)
        return IMPRINT_CLI_DONE;
    if (status == IMPRINT_ERR_NOT_FOUND)
        imprint_why_hint(&why, "imprint provision gets one");
    return imprint_cli_fail(status, &why);
}
