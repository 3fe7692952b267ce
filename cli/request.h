/*
 * What a verb that talks to the endpoint was asked to do: the settings of
 * command line, environment and file as the library takes them.
 */
#ifndef IMPRINT_CLI_REQUEST_H
#define IMPRINT_CLI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/device.h"
#include "imprint/status.h"
#include "imprint/why.h"
#include "posix/settings.h"

struct imprint_request {
    struct imprint_settings *settings;
    struct imprint_device_settings device; /* borrows from the others */
    /* its own */
    enum imprint_device_level level;
    bool shows_progress;
    char *password; /* read from a file */
    size_t password_len;
    char *pin; /* the same */
    size_t pin_len;
    char *proxy_password; /* the same */
    size_t proxy_password_len;
    char *claim_json;
    size_t claim_json_len;
    char *names[IMPRINT_DEVICE_PARAMETER_MAX_COUNT];
    size_t name_count;
    char *values[IMPRINT_DEVICE_PARAMETER_MAX_COUNT + 1]; /* and thing-name */
    size_t value_count;
};

/* Close it whatever comes back. It must not be moved. */
IMPRINT_MUST_USE enum imprint_status imprint_request_open(
    int argc, char **argv, struct imprint_request *request,
    struct imprint_why *why);
void imprint_request_close(struct imprint_request *request);

/*
 * Into device: how a token is reached. *pin, if it was read from a file, is to
 * be freed as a secret. ERR_SETTINGS.
 */
IMPRINT_MUST_USE enum imprint_status imprint_request_token(
    const struct imprint_settings *settings,
    struct imprint_device_settings *device, char **pin, size_t *pin_len,
    struct imprint_why *why);

/* From now on SIGTERM, SIGINT and SIGHUP end the run in good order. */
void imprint_request_catch_signals(void);

#endif
