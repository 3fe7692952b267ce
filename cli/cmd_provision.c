#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/request.h"
#include "cli/show.h"

static enum imprint_status provision_and_show(struct imprint_request *request,
                                              struct imprint_why *why)
{
    enum imprint_status status;

    imprint_request_catch_signals();
    status = imprint_device_provision(&request->device, why);
    return status ? status
                  : imprint_show_current(
                        request->device.state_dir,
                        imprint_settings_on(request->settings, "json"), why);
}

int imprint_cmd_provision(int argc, char **argv)
{
    struct imprint_request request;
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: imprint provision --endpoint HOST[:PORT] --claim "
                     "FILE --template NAME [OPTION...]\n\nGets an identity; "
                     "does nothing if there is one.\n\n");
        imprint_cli_help(argv[0]);
        return IMPRINT_CLI_DONE;
    }
    status = imprint_request_open(argc, argv, &request, &why);
    if (status == IMPRINT_OK)
        status = provision_and_show(&request, &why);
    imprint_request_close(&request);
    if (status == IMPRINT_OK)
        return IMPRINT_CLI_DONE;
    return imprint_cli_fail(status, &why);
}
