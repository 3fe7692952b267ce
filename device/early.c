#include "device/early.h"

#include <stdlib.h>
#include <string.h>

#include "device/say.h"

void imprint_early_begin(struct imprint_early *early,
                         const struct imprint_session_options *options)
{
    struct imprint_session_options own = *options;
    struct imprint_why why = {"", ""};
    uint32_t limit_ms = options->settings->timeout_ms / 4;

    if (early->has_begun)
        return;
    early->has_begun = true;
    early->client_id = strdup(options->client_id);
    if (!early->client_id)
        return;
    early->settings = *options->settings;
    if (early->settings.timeout_connect_ms > limit_ms)
        early->settings.timeout_connect_ms = limit_ms;
    early->route = *options->route;
    early->route.settings = &early->settings;
    own.settings = &early->settings;
    own.route = &early->route;
    own.client_id = early->client_id;
    own.certificate_pem = NULL;
    own.key = NULL;
    own.early_requests = false; /* its CONNACK is the proof of the identity */
    if (imprint_session_open(&own, &early->session, &why) == IMPRINT_OK) {
        imprint_say_line(options->settings, IMPRINT_DEVICE_LOG_INFO,
                         "began the next connection to %s, client id \"%s\"",
                         early->route.place, early->client_id);
        return;
    }
    imprint_say_line(options->settings, IMPRINT_DEVICE_LOG_INFO,
                     "the next connection can't be begun yet: %s", why.text);
    imprint_session_close(&early->session);
}

bool imprint_early_take(struct imprint_early *early,
                        const struct imprint_session_options *options,
                        struct imprint_session *out, struct imprint_why *why,
                        enum imprint_status *status)
{
    if (!early->session.mqtt)
        return false;
    if (strcmp(early->client_id, options->client_id) != 0) {
        imprint_say_line(options->settings, IMPRINT_DEVICE_LOG_INFO,
                         "the client id is to be \"%s\", not \"%s\": "
                         "connecting anew",
                         options->client_id, early->client_id);
        imprint_session_close(&early->session);
        return false;
    }
    imprint_say_line(options->settings, IMPRINT_DEVICE_LOG_INFO,
                     "going on with the connection to %s as the new identity",
                     options->route->place);
    *out = early->session;
    early->session.tls = NULL;
    early->session.mqtt = NULL;
    *status = imprint_mqtt_show(out->mqtt, options->certificate_pem,
                                options->key, why);
    return true;
}

void imprint_early_end(struct imprint_early *early)
{
    imprint_session_close(&early->session);
    free(early->client_id);
    early->client_id = NULL;
}
