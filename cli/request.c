#include "cli/request.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "device/proxy.h"
#include "posix/duration.h"
#include "posix/file.h"
#include "posix/host.h"
#include "posix/notify.h"
#include "posix/why.h"

#define CLAIM_JSON_MAX_LEN 65536u
#define SECRET_MAX_LEN 4096u

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    stopped = number;
}

static bool is_stopped(void *user)
{
    (void)user;
    return stopped != 0;
}

static void on_log(void *user, enum imprint_device_level level,
                   const char *message)
{
    /* what fails comes by why; the log's errors are what need not stop us */
    static const char *const names[] = {"warning", "info", "debug", "trace"};
    const struct imprint_request *request = user;

    if (level <= request->level)
        (void)fprintf(stderr, "imprint: %s: %s\n", names[level], message);
}

static void on_progress(void *user, const char *step)
{
    const struct imprint_request *request = user;

    imprint_notify_status(step);
    if (request->shows_progress)
        (void)fprintf(stderr, "imprint: %s\n", step);
}

void imprint_request_catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal; /* no SA_RESTART: poll must return */
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

/* ---- settings ---- */

static bool has_parameter(const struct imprint_device_settings *device,
                          const char *name)
{
    for (size_t i = 0; i < device->parameter_count; i++) {
        if (strcmp(device->parameters[i].name, name) == 0)
            return true;
    }
    return false;
}

static enum imprint_status add_parameter(struct imprint_request *request,
                                         const char *name, const char *value,
                                         struct imprint_why *why)
{
    struct imprint_device_settings *device = &request->device;

    if (device->parameter_count == IMPRINT_DEVICE_PARAMETER_MAX_COUNT)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "more than %d template parameters",
                               IMPRINT_DEVICE_PARAMETER_MAX_COUNT);
    device->parameters[device->parameter_count].name = name;
    device->parameters[device->parameter_count].value = value;
    device->parameter_count++;
    return IMPRINT_OK;
}

/* With what stands in ${...}; the request's own. NULL: why says what is wrong.
 */
static const char *expand(struct imprint_request *request, const char *what,
                          const char *text, struct imprint_why *why)
{
    struct imprint_why inner = {"", ""};
    char *value = NULL;

    if (imprint_host_expand("", text, &value, &inner) == IMPRINT_OK)
        return request->values[request->value_count++] = value;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "%s: %.400s", what, inner.text);
    imprint_why_hint(why, "%s", inner.hint);
    return NULL;
}

/* One "name=value". What the command line set, a weaker place cannot. */
static enum imprint_status take_parameter(struct imprint_request *request,
                                          const char *text,
                                          struct imprint_why *why)
{
    const char *equal = strchr(text, '=');
    const char *value;
    char *name;

    if (!equal || equal == text) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "param: \"%s\" is not NAME=VALUE", text);
        return IMPRINT_ERR_SETTINGS;
    }
    name = strndup(text, (size_t)(equal - text));
    if (!name)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (has_parameter(&request->device, name) ||
        request->name_count == IMPRINT_DEVICE_PARAMETER_MAX_COUNT) {
        free(name);
        return IMPRINT_OK;
    }
    request->names[request->name_count++] = name;
    value = expand(request, name, equal + 1, why);
    return value ? add_parameter(request, name, value, why)
                 : IMPRINT_ERR_SETTINGS;
}

static enum imprint_status take_parameters(struct imprint_request *request,
                                           struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    const char *thing = imprint_settings_get(request->settings, "thing-name");
    const char *text;

    for (size_t i = 0;
         status == IMPRINT_OK &&
         (text = imprint_settings_at(request->settings, "param", i));
         i++)
        status = take_parameter(request, text, why);
    if (!thing || status != IMPRINT_OK)
        return status;
    thing = expand(request, "thing-name", thing, why);
    if (!thing)
        return IMPRINT_ERR_SETTINGS;
    if (!has_parameter(&request->device, "ThingName"))
        status = add_parameter(request, "ThingName", thing, why);
    if (status == IMPRINT_OK &&
        !has_parameter(&request->device, "SerialNumber"))
        status = add_parameter(request, "SerialNumber", thing, why);
    return status;
}

/* The file's first line. */
static enum imprint_status read_secret(const char *path, char **text,
                                       size_t *len, struct imprint_why *why)
{
    if (imprint_file_read(path, SECRET_MAX_LEN, text, len, why) != IMPRINT_OK)
        return IMPRINT_ERR_SETTINGS;
    (*text)[strcspn(*text, "\r\n")] = '\0';
    return IMPRINT_OK;
}

static enum imprint_status take_password(struct imprint_request *request,
                                         struct imprint_why *why)
{
    const char *path = imprint_settings_get(request->settings, "password-file");
    enum imprint_status status;

    request->device.password =
        imprint_settings_get(request->settings, "password");
    if (!path)
        return IMPRINT_OK;
    status = read_secret(path, &request->password, &request->password_len, why);
    if (status == IMPRINT_OK)
        request->device.password = request->password;
    return status;
}

enum imprint_status imprint_request_token(
    const struct imprint_settings *settings,
    struct imprint_device_settings *device, char **pin, size_t *pin_len,
    struct imprint_why *why)
{
    const char *path = imprint_settings_get(settings, "pin-file");
    enum imprint_status status = IMPRINT_OK;

    device->pkcs11_module = imprint_settings_get(settings, "pkcs11-module");
    device->tcti = imprint_settings_get(settings, "tcti");
    device->pin = imprint_settings_get(settings, "pin");
    if (path)
        status = read_secret(path, pin, pin_len, why);
    if (*pin)
        device->pin = *pin;
    return status;
}

/* A setting of ours, or what curl and others look for in the environment. */
static const char *proxy_setting(const struct imprint_request *request,
                                 const char *name, const char *variable)
{
    const char *value = imprint_settings_get(request->settings, name);

    return value ? value : getenv(variable);
}

static enum imprint_status take_proxy(struct imprint_request *request,
                                      struct imprint_why *why)
{
    struct imprint_device_settings *device = &request->device;
    const char *proxy = proxy_setting(request, "proxy", "https_proxy");
    const char *path =
        imprint_settings_get(request->settings, "proxy-password-file");
    const char *place = imprint_settings_place(request->settings, "proxy");
    enum imprint_status status = IMPRINT_OK;

    if (!proxy || !proxy[0] || strcmp(proxy, "none") == 0)
        return IMPRINT_OK;
    if (strncmp(place, "--", 2) == 0 && imprint_proxy_has_password(proxy)) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "--proxy has a password: a command line is no place "
                        "for a secret");
        imprint_why_hint(why, "use --proxy-password-file, or HTTPS_PROXY");
        return IMPRINT_ERR_SETTINGS;
    }
    device->proxy = proxy;
    device->no_proxy = proxy_setting(request, "no-proxy", "no_proxy");
    device->proxy_user = imprint_settings_get(request->settings, "proxy-user");
    if (path)
        status = read_secret(path, &request->proxy_password,
                             &request->proxy_password_len, why);
    device->proxy_password = request->proxy_password;
    return status;
}

/* A file, or standard input, which may be a pipe or a socket. */
static enum imprint_status take_claim_json(struct imprint_request *request,
                                           struct imprint_why *why)
{
    const char *path = imprint_settings_get(request->settings, "claim-json");
    enum imprint_status status;

    if (!path)
        return IMPRINT_OK;
    status =
        strcmp(path, "-") == 0
            ? imprint_file_read_fd(STDIN_FILENO, CLAIM_JSON_MAX_LEN,
                                   &request->claim_json,
                                   &request->claim_json_len, why)
            : imprint_file_read(path, CLAIM_JSON_MAX_LEN, &request->claim_json,
                                &request->claim_json_len, why);
    request->device.claim_json = request->claim_json;
    return status == IMPRINT_OK ? status : IMPRINT_ERR_SETTINGS;
}

static enum imprint_status take_choices(struct imprint_request *request,
                                        struct imprint_why *why)
{
    static const char *const keys[] = {"p256",    "p384",    "rsa2048",
                                       "rsa3072", "service", NULL};
    static const char *const formats[] = {"cbor", "json", NULL};
    static const char *const mqtts[] = {"3", "5", NULL};
    static const char *const tlses[] = {"1.3", "1.2", NULL};
    static const char *const levels[] = {"error", "info", "debug", "trace",
                                         NULL};
    static const char *const retries[] = {"wait", "end", "now", NULL};
    static const char *const afters[] = {"keep", "lock", "erase", NULL};
    struct imprint_device_settings *device = &request->device;
    const struct {
        const char *name;
        const char *const *choices;
        size_t chosen;
    } all[] = {{"key", keys, 0},     {"format", formats, 0},
               {"mqtt", mqtts, 0},   {"tls-max", tlses, 0},
               {"log", levels, 0},   {"claim-after", afters, 0},
               {"retry", retries, 0}};
    size_t chosen[7];

    for (size_t i = 0; i < 7; i++) {
        enum imprint_status status = imprint_settings_choice(
            request->settings, all[i].name, all[i].choices, &chosen[i], why);

        if (status != IMPRINT_OK)
            return status;
    }
    device->key = (enum imprint_device_key)chosen[0];
    device->json = chosen[1] == 1;
    device->mqtt_version = chosen[2] == 1 ? 5 : 3;
    device->tls_version_max = chosen[3] == 1 ? 12 : 13;
    request->level = (enum imprint_device_level)chosen[4];
    device->claim_after = (enum imprint_device_claim_after)chosen[5];
    device->retry = (enum imprint_device_retry)chosen[6];
    return IMPRINT_OK;
}

static enum imprint_status take_numbers(struct imprint_request *request,
                                        struct imprint_why *why)
{
    static const unsigned seconds[3] = {1, 3600, 20};
    static const unsigned attempts[3] = {1, 1000, 5};
    static const unsigned steps[3] = {1, 3600, 0}; /* 0: as timeout */
    unsigned connect_s;
    unsigned tls_s;
    unsigned timeout_s;
    unsigned attempt_count;
    enum imprint_status status = imprint_settings_number(
        request->settings, "timeout", seconds, &timeout_s, why);

    if (status == IMPRINT_OK)
        status = imprint_settings_number(request->settings, "attempts",
                                         attempts, &attempt_count, why);
    if (status == IMPRINT_OK)
        status = imprint_settings_number(request->settings, "timeout-connect",
                                         steps, &connect_s, why);
    if (status == IMPRINT_OK)
        status = imprint_settings_number(request->settings, "timeout-tls",
                                         steps, &tls_s, why);
    if (status != IMPRINT_OK)
        return status;
    request->device.timeout_ms = timeout_s * 1000u;
    request->device.timeout_connect_ms = connect_s * 1000u;
    request->device.timeout_tls_ms = tls_s * 1000u;
    request->device.attempts_max = attempt_count;
    return IMPRINT_OK;
}

/* *seconds stays as it is if it is not set. */
static enum imprint_status take_duration(struct imprint_request *request,
                                         const char *name, uint32_t *seconds,
                                         struct imprint_why *why)
{
    const char *text = imprint_settings_get(request->settings, name);
    struct imprint_why inner = {"", ""};
    uint64_t read_s = *seconds;

    if (!text)
        return IMPRINT_OK;
    if (imprint_duration_read(text, &read_s, &inner) != IMPRINT_OK) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS, "%s: %.400s",
                        imprint_settings_place(request->settings, name),
                        inner.text);
        imprint_why_hint(why, "%s", inner.hint);
        return IMPRINT_ERR_SETTINGS;
    }
    *seconds = (uint32_t)read_s; /* ten years at most */
    return IMPRINT_OK;
}

static enum imprint_status take_settings(struct imprint_request *request,
                                         struct imprint_why *why)
{
    const struct imprint_settings *settings = request->settings;
    struct imprint_device_settings *device = &request->device;
    enum imprint_status status;

    device->state_dir = imprint_settings_get(settings, "state");
    device->settings_file = imprint_settings_file(settings);
    device->endpoint = imprint_settings_get(settings, "endpoint");
    device->port = imprint_settings_get(settings, "port");
    device->ca = imprint_settings_get(settings, "ca");
    device->claim = imprint_settings_get(settings, "claim");
    device->claim_key = imprint_settings_get(settings, "claim-key");
    device->identity_key = imprint_settings_get(settings, "identity-key");
    device->template_name = imprint_settings_get(settings, "template");
    device->proof = imprint_settings_get(settings, "proof");
    device->client_id = imprint_settings_get(settings, "client-id");
    device->client_id_verify =
        imprint_settings_get(settings, "client-id-verify");
    device->early_verify = imprint_settings_on(settings, "early-verify");
    device->early_requests = imprint_settings_on(settings, "early-requests");
    device->force = imprint_settings_on(settings, "force");
    device->log = on_log;
    device->progress = on_progress;
    device->stop = is_stopped;
    device->user = request;
    status = take_choices(request, why);
    if (status == IMPRINT_OK)
        status = take_numbers(request, why);
    if (status == IMPRINT_OK)
        status = take_duration(request, "wait-for-clock",
                               &device->wait_for_clock_s, why);
    if (status == IMPRINT_OK)
        status = take_duration(request, "spread", &device->spread_s, why);
    if (status == IMPRINT_OK)
        status = take_duration(request, "deadline", &device->deadline_s, why);
    if (status == IMPRINT_OK)
        status = take_parameters(request, why);
    if (status == IMPRINT_OK)
        status = take_password(request, why);
    if (status == IMPRINT_OK)
        status = imprint_request_token(settings, device, &request->pin,
                                       &request->pin_len, why);
    if (status == IMPRINT_OK)
        status = take_proxy(request, why);
    if (status == IMPRINT_OK)
        status = take_claim_json(request, why);
    request->shows_progress =
        imprint_cli_terminal() && request->level == IMPRINT_DEVICE_LOG_ERROR;
    return status;
}

enum imprint_status imprint_request_open(int argc, char **argv,
                                         struct imprint_request *request,
                                         struct imprint_why *why)
{
    enum imprint_status status;

    memset(request, 0, sizeof(*request));
    status = imprint_settings_open(argc, argv, &request->settings, why);
    return status ? status : take_settings(request, why);
}

void imprint_request_close(struct imprint_request *request)
{
    imprint_file_free_secret(request->password, request->password_len);
    imprint_file_free_secret(request->pin, request->pin_len);
    imprint_file_free_secret(request->proxy_password,
                             request->proxy_password_len);
    imprint_file_free_secret(request->claim_json, request->claim_json_len);
    for (size_t i = 0; i < request->name_count; i++)
        free(request->names[i]);
    for (size_t i = 0; i < request->value_count; i++)
        free(request->values[i]);
    imprint_settings_close(request->settings);
}
