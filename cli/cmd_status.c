#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show.h"
#include "posix/settings.h"
#include "posix/why.h"

/* Shows all that are there. */
static enum imprint_status show(const char *dir, bool json,
                                struct imprint_why *why)
{
    struct imprint_device_identity current = {.thing_name = NULL};
    struct imprint_device_identity staged = {.thing_name = NULL};
    struct imprint_device_identity former = {.thing_name = NULL};
    struct imprint_show_identities all = {NULL, NULL, NULL};
    enum imprint_status found = imprint_device_load(dir, &current, why);
    enum imprint_status shown = IMPRINT_OK;

    if (found == IMPRINT_OK)
        all.current = &current;
    if (imprint_device_load_staged(dir, &staged, NULL) == IMPRINT_OK)
        all.staged = &staged;
    if (imprint_device_load_former(dir, &former, NULL) == IMPRINT_OK)
        all.former = &former;
    if (json)
        shown = imprint_show_json(&all, why);
    else
        imprint_show_text(&all);
    imprint_device_free(&current);
    imprint_device_free(&staged);
    imprint_device_free(&former);
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
