#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/request.h"
#include "posix/file.h"
#include "posix/settings.h"
#include "posix/why.h"

static bool ask(const char *dir)
{
    char answer[16];

    (void)fprintf(stderr,
                  "Forget this device's identity in \"%s\", keys and all? "
                  "[y/N] ",
                  dir ? dir : "/var/lib/imprint");
    if (!fgets(answer, sizeof(answer), stdin))
        return false;
    return answer[0] == 'y' || answer[0] == 'Y';
}

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

    if (!imprint_settings_on(settings, "yes")) {
        if (!isatty(STDIN_FILENO)) {
            imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                            "nobody is there to ask");
            imprint_why_hint(why, "give --yes");
            return IMPRINT_ERR_SETTINGS;
        }
        if (!ask(dir))
            return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                   "nothing was forgotten");
    }
    return forget(settings, dir, why);
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
