#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/request.h"
#include "cli/show.h"
#include "posix/duration.h"
#include "posix/why.h"

#define BEFORE_S (30u * 86400u)

/* What renew has beyond provision. */
static enum imprint_status take_renewal(struct imprint_request *request,
                                        struct imprint_why *why)
{
    static const unsigned kept[3] = {0, 1, 1};
    const struct imprint_settings *settings = request->settings;
    const char *before = imprint_settings_get(settings, "before");
    unsigned keep_former;
    uint64_t before_s = BEFORE_S;
    enum imprint_status status = imprint_settings_number(
        settings, "keep-former", kept, &keep_former, why);

    if (status == IMPRINT_OK && before)
        status = imprint_duration_read(before, &before_s, why);
    if (status != IMPRINT_OK)
        return status;
    request->device.drop_former = keep_former == 0;
    if (imprint_settings_on(settings, "if-needed"))
        request->device.renew_before_s = (int64_t)before_s;
    request->device.replaces_parameter =
        imprint_settings_get(settings, "replaces-parameter");
    return IMPRINT_OK;
}

static enum imprint_status renew_and_show(struct imprint_request *request,
                                          struct imprint_why *why)
{
    enum imprint_status status;

    imprint_request_catch_signals();
    status = imprint_device_renew(&request->device, why);
    if (status == IMPRINT_ERR_NOT_FOUND)
        imprint_why_hint(why, "imprint provision gets one");
    return status ? status
                  : imprint_show_current(
                        request->device.state_dir,
                        imprint_settings_on(request->settings, "json"), why);
}

int imprint_cmd_renew(int argc, char **argv)
{
    struct imprint_request request;
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: imprint renew [OPTION...]\n\nReplaces the "
                     "identity, with the one in use as its claim; that stays "
                     "in\nuse until the new one has connected, and is kept "
                     "then: imprint rollback.\n\n");
        imprint_cli_help(argv[0]);
        return IMPRINT_CLI_DONE;
    }
    status = imprint_request_open(argc, argv, &request, &why);
    if (status == IMPRINT_OK)
        status = take_renewal(&request, &why);
    if (status == IMPRINT_OK)
        status = renew_and_show(&request, &why);
    imprint_request_close(&request);
    return status ? imprint_cli_fail(status, &why) : IMPRINT_CLI_DONE;
}
