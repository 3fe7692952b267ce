#include "device/spread.h"

#include <stdio.h>
#include <stdlib.h>

#include "device/issue.h"
#include "device/pause.h"
#include "device/say.h"
#include "posix/host.h"
#include "posix/keys.h"
#include "posix/why.h"

uint32_t imprint_spread_of(const char *name, uint32_t most_s)
{
    char hex[65];
    char part[9];

    if (imprint_keys_mac(imprint_slice_text("imprint spread"),
                         imprint_slice_text(name), hex, NULL) != IMPRINT_OK)
        return 0;
    (void)snprintf(part, sizeof(part), "%.8s", hex);
    return (uint32_t)(strtoull(part, NULL, 16) * ((uint64_t)most_s + 1) >> 32);
}

static enum imprint_status name_device(
    const struct imprint_device_settings *settings, const char **name,
    char **own, struct imprint_why *why)
{
    *own = NULL;
    *name = imprint_issue_parameter(settings, "SerialNumber");
    if (!*name)
        *name = imprint_issue_parameter(settings, "ThingName");
    if (*name)
        return IMPRINT_OK;
    if (imprint_host_expand("", "${machine-id}", own, NULL) == IMPRINT_OK) {
        *name = *own;
        return IMPRINT_OK;
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "spread: there is neither a serial number nor a thing "
                    "name, and this machine has no machine-id");
    imprint_why_hint(why, "give --param SerialNumber=...");
    return IMPRINT_ERR_SETTINGS;
}

enum imprint_status imprint_spread_await(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    const char *name;
    char *own;
    char text[64];
    uint32_t wait_s;
    enum imprint_status status = IMPRINT_OK;

    if (settings->spread_s == 0)
        return status;
    status = name_device(settings, &name, &own, why);
    if (status != IMPRINT_OK)
        return status;
    wait_s = imprint_spread_of(name, settings->spread_s);
    free(own);
    (void)snprintf(text, sizeof(text), "wait %u s of a spread of %u s", wait_s,
                   settings->spread_s);
    imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO, "%s", text);
    if (settings->progress)
        settings->progress(settings->user, text);
    return imprint_pause_wait(settings, wait_s * (uint64_t)1000, NULL, NULL,
                              why);
}
