#include "device/session.h"

#include <unistd.h>

#include "device/say.h"

static void on_library_line(void *user, const char *line)
{
    const struct imprint_device_settings *settings = user;

    imprint_say_line(settings, IMPRINT_DEVICE_LOG_TRACE, "mqtt: %s", line);
}

static enum imprint_status open_tls(
    const struct imprint_session_options *options, struct imprint_tls **out,
    struct imprint_why *why)
{
    const struct imprint_address *address = &options->route->address;
    const struct imprint_tls_options tls = {
        .host = address->host,
        .ca_pem = options->ca_pem,
        .version_max = options->settings->tls_version_max,
        .alpn = address->port == IMPRINT_ADDRESS_PORT_ALPN};

    return imprint_tls_open(&tls, out, why);
}

enum imprint_status imprint_session_open(
    const struct imprint_session_options *options, struct imprint_session *out,
    struct imprint_why *why)
{
    const struct imprint_device_settings *settings = options->settings;
    struct imprint_mqtt_options mqtt = {
        .dir = options->dir,
        .client_id = options->client_id,
        .version = settings->mqtt_version,
        .timeout_tls_ms = settings->timeout_tls_ms,
        .timeout_ms = settings->timeout_ms,
        .early_requests = options->early_requests,
        .log = settings->log ? on_library_line : NULL,
        .user = (void *)(uintptr_t)settings};
    enum imprint_status status;
    int tcp;

    out->tls = NULL;
    out->mqtt = NULL;
    status = imprint_route_open(options->route, options->stop, options->user,
                                &tcp, why);
    if (status != IMPRINT_OK)
        return status;
    /* the port that was reached decides on ALPN */
    status = open_tls(options, &out->tls, why);
    if (status != IMPRINT_OK) {
        (void)close(tcp);
        return status;
    }
    mqtt.host = options->route->address.host;
    mqtt.port = options->route->address.port;
    mqtt.tls = out->tls;
    status = imprint_mqtt_open(&mqtt, tcp, &out->mqtt, why);
    if (status == IMPRINT_OK && options->certificate_pem)
        status = imprint_mqtt_show(out->mqtt, options->certificate_pem,
                                   options->key, why);
    return status;
}

void imprint_session_close(struct imprint_session *session)
{
    imprint_mqtt_close(session->mqtt);
    imprint_tls_close(session->tls);
    session->mqtt = NULL;
    session->tls = NULL;
}
