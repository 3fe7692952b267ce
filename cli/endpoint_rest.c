#include "endpoint_rest.h"

#include <stdio.h>
#include <string.h>

#include "endpoint/rest.h"
#include "endpoint_broker.h"
#include "posix/settings.h"
#include "posix/why.h"

static enum imprint_status refuse_alone(const struct imprint_settings *settings,
                                        struct imprint_why *why)
{
    static const char *const others[] = {"rest-tls", "no-auth", "allow-remote"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (imprint_settings_on(settings, others[i]))
            return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                   "--%s is for --rest HOST:PORT alone",
                                   others[i]);
    }
    return IMPRINT_OK;
}

enum imprint_status imprint_endpoint_rest_read(
    const struct imprint_settings *settings, struct imprint_endpoint_rest *rest,
    struct imprint_why *why)
{
    const char *text = imprint_settings_get(settings, "rest");
    enum imprint_status status;

    memset(rest, 0, sizeof(*rest));
    if (!text)
        return refuse_alone(settings, why);
    if (!strrchr(text, ':') || text[0] == ':') {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "--rest needs HOST:PORT, not \"%s\"", text);
        imprint_why_hint(why, "for example --rest 127.0.0.1:4567");
        return IMPRINT_ERR_SETTINGS;
    }
    status = imprint_endpoint_broker_listen(text, rest->host, &rest->port, why);
    if (strcmp(rest->host, "localhost") == 0)
        (void)snprintf(rest->host, sizeof(rest->host), "127.0.0.1");
    rest->is_tls = imprint_settings_on(settings, "rest-tls");
    rest->is_open = imprint_settings_on(settings, "no-auth");
    rest->is_remote = imprint_settings_on(settings, "allow-remote");
    rest->log = imprint_settings_on(settings, "log");
    return status;
}

static void print_line(void *user, const char *line)
{
    (void)user;
    (void)fprintf(stderr, "%s\n", line);
}

enum imprint_status imprint_endpoint_rest_open(
    struct imprint_endpoint_rest *rest, const char *dir, const char *address,
    struct imprint_why *why)
{
    const struct imprint_rest_options options = {
        .dir = dir,
        .host = rest->host,
        .port = rest->port,
        .address = address,
        .is_open = rest->is_open,
        .is_tls = rest->is_tls,
        .is_remote = rest->is_remote,
        .log = rest->log ? print_line : NULL,
    };
    bool is_v6 = strchr(rest->host, ':') != NULL;
    enum imprint_status status;

    if (rest->host[0] == '\0')
        return IMPRINT_OK;
    status = imprint_rest_open(&options, &rest->server, why);
    if (status == IMPRINT_OK)
        (void)snprintf(rest->url, sizeof(rest->url), "%s://%s%s%s:%u",
                       rest->is_tls ? "https" : "http", is_v6 ? "[" : "",
                       rest->host, is_v6 ? "]" : "",
                       imprint_rest_port(rest->server));
    return status;
}

void imprint_endpoint_rest_close(struct imprint_endpoint_rest *rest)
{
    imprint_rest_close(rest->server);
    rest->server = NULL;
}
