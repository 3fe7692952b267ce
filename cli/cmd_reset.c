#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/request.h"
#include "posix/file.h"
#include "posix/settings.h"
#include "posix/why.h"

#define QUESTION_LEN 4352 /* with a path in it */

static enum imprint_status forget(const struct imprint_settings *settings,
                                  const char *dir, struct imprint_why *why)
{
    struct imprint_device_settings device = {.state_dir = dir};
    char *pin = NULL;
    size_t pin_len = 0;
    enum imprint_status status =
        imprint_request_token(settings, &device, &pin, &pin_len, why);

    if (status == IMPRINT_OK)
        status = imprint_device_reset(&device, why);
    imprint_file_free_secret(pin, pin_len);
    return status;
}

static enum imprint_status reset(const struct imprint_settings *settings,
                                 struct imprint_why *why)
{
    const char *dir = imprint_settings_get(settings, "state");
    char question[QUESTION_LEN];
    enum imprint_status status;

    (void)snprintf(question, sizeof(question),
                   "Forget this device's identity in \"%s\", keys and all?",
                   dir ? dir : "/var/lib/imprint");
    status =
        imprint_cli_confirm(settings, question, "nothing was forgotten", why);
    return status == IMPRINT_OK ? forget(settings, dir, why) : status;
}

int imprint_cmd_reset(int argc, char **argv)
{
    struct imprint_settings *settings;
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: imprint reset [OPTION...]\n\nForgets the "
                     "identity: keys are overwritten, then removed.\n\n");
        imprint_cli_help(argv[0]);
        return IMPRINT_CLI_DONE;
    }
    status = imprint_settings_open(argc, argv, &settings, &why);
    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    status = reset(settings, &why);
    imprint_settings_close(settings);
    return status ? imprint_cli_fail(status, &why) : IMPRINT_CLI_DONE;
}
