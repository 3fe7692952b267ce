#include "device/check.h"

#include <string.h>

#include "device/key.h"
#include "device/proxy.h"
#include "device/tls.h"
#include "imprint/topics.h"
#include "posix/why.h"

#define STATE_DIR "/var/lib/imprint"
#define TIMEOUT_MS 20000u
#define ATTEMPTS_MAX 5u

const char *imprint_check_dir(const char *dir)
{
    return dir && dir[0] ? dir : STATE_DIR;
}

void imprint_check_fill(struct imprint_device_settings *settings)
{
    settings->state_dir = imprint_check_dir(settings->state_dir);
    if (settings->mqtt_version == 0)
        settings->mqtt_version = 3;
    if (settings->tls_version_max == 0)
        settings->tls_version_max = 13;
    if (settings->timeout_ms == 0)
        settings->timeout_ms = TIMEOUT_MS;
    if (settings->timeout_connect_ms == 0)
        settings->timeout_connect_ms = settings->timeout_ms;
    if (settings->timeout_tls_ms == 0)
        settings->timeout_tls_ms = settings->timeout_ms;
    if (settings->attempts_max == 0)
        settings->attempts_max = ATTEMPTS_MAX;
}

static enum imprint_status missing(const char *name, struct imprint_why *why)
{
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "no %s is set", name);
    imprint_why_hint(why, "give --%s", name);
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status check_parameters(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    if (settings->parameter_count > IMPRINT_DEVICE_PARAMETER_MAX_COUNT)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "more than %d template parameters",
                               IMPRINT_DEVICE_PARAMETER_MAX_COUNT);
    for (size_t i = 0; i < settings->parameter_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(settings->parameters[i].name,
                       settings->parameters[j].name) == 0)
                return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                       "template parameter \"%s\" is set twice",
                                       settings->parameters[i].name);
        }
    }
    return IMPRINT_OK;
}

enum imprint_status imprint_check_host(const char *host,
                                       struct imprint_why *why)
{
    if (!imprint_tls_is_legacy(host))
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"%s\" is an endpoint of the old kind (iot:Data)", host);
    imprint_why_hint(why, "give the one with -ats in its name: aws iot "
                          "describe-endpoint --endpoint-type iot:Data-ATS");
    return IMPRINT_ERR_SETTINGS;
}

/* What the endpoint and its template need. */
enum imprint_status imprint_check_target(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    int mqtt = settings->mqtt_version;
    int tls = settings->tls_version_max;
    enum imprint_status status;

    if (!settings->template_name || !settings->template_name[0])
        return missing("template", why);
    if (!imprint_topics_template_ok(
            imprint_slice_text(settings->template_name))) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "\"%s\" is not a template's name",
                        settings->template_name);
        imprint_why_hint(why, "1 to 36 of letters, digits, \"_\" and \"-\"");
        return IMPRINT_ERR_SETTINGS;
    }
    if (settings->key == IMPRINT_DEVICE_KEY_SERVICE &&
        imprint_key_is_elsewhere(settings->identity_key)) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "the service can't make a key on a token of ours");
        imprint_why_hint(why, "leave --identity-key out, or --key service");
        return IMPRINT_ERR_SETTINGS;
    }
    if ((mqtt != 3 && mqtt != 5) || (tls != 12 && tls != 13) ||
        (unsigned)settings->key > IMPRINT_DEVICE_KEY_SERVICE)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "no such MQTT or TLS version or kind of key");
    status = imprint_key_check(settings->identity_key, why);
    if (status == IMPRINT_OK && settings->proxy)
        status = imprint_proxy_check(settings->proxy, why);
    return status ? status : check_parameters(settings, why);
}

enum imprint_status imprint_check_settings(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    if (!settings->endpoint || !settings->endpoint[0])
        return missing("endpoint", why);
    if (settings->claim_json && (settings->claim || settings->claim_key))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "there are two claims: a file and JSON");
    if (settings->claim_json && settings->claim_after)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "a claim in JSON is in no file of this device: "
                               "nothing is to be done with it afterwards");
    if (settings->claim_after && settings->claim_key &&
        imprint_key_is_elsewhere(settings->claim_key)) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "a claim's key on a token is in no file: claim-after "
                        "can't lock or erase it");
        imprint_why_hint(why, "leave --claim-after out");
        return IMPRINT_ERR_SETTINGS;
    }
    if (!settings->claim_json && (!settings->claim || !settings->claim[0]))
        return missing("claim", why);
    return imprint_check_target(settings, why);
}
