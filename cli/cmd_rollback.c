#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show.h"
#include "posix/settings.h"

int imprint_cmd_rollback(int argc, char **argv)
{
    struct imprint_settings *settings;
    struct imprint_why why = {"", ""};
    enum imprint_status status;
    const char *dir;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: imprint rollback [OPTION...]\n\nPuts the former "
                     "identity back into use, and keeps the one in use as "
                     "the\nformer. Connects nowhere.\n\n");
        imprint_cli_help(argv[0]);
        return IMPRINT_CLI_DONE;
    }
    status = imprint_settings_open(argc, argv, &settings, &why);
    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    dir = imprint_settings_get(settings, "state");
    status = imprint_device_rollback(dir, &why);
    if (status == IMPRINT_OK)
        status = imprint_show_current(
            dir, imprint_settings_on(settings, "json"), &why);
    imprint_settings_close(settings);
    return status ? imprint_cli_fail(status, &why) : IMPRINT_CLI_DONE;
}
