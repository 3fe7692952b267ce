#include "device/diagnose.h"

#include <string.h>

#include "device/doctor.h"
#include "device/say.h"

#define TIMEOUT_MS 5000u

/* What a run can't tell from others by itself. */
static bool is_news(const char *name)
{
    static const char *const names[] = {
        "endpoint-legacy", "ipv6-dropped",   "alpn",      "policy-subscribe",
        "policy-publish",  "policy-receive", "client-id", "lost"};

    for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void ignore(void *user, const struct imprint_doctor_step *step)
{
    (void)user;
    (void)step;
}

void imprint_diagnose(const struct imprint_device_settings *settings,
                      bool renews, enum imprint_status status,
                      struct imprint_why *why)
{
    struct imprint_device_settings own = *settings;
    struct imprint_doctor_cause cause;

    if ((status != IMPRINT_ERR_LOST && status != IMPRINT_ERR_TIMEOUT &&
         status != IMPRINT_ERR_REFUSED) ||
        (own.stop && own.stop(own.user)))
        return;
    if (renews) {
        own.claim = NULL;
        own.claim_key = NULL;
        own.claim_json = NULL;
    }
    if (own.timeout_ms > TIMEOUT_MS)
        own.timeout_ms = TIMEOUT_MS;
    if (own.timeout_connect_ms > TIMEOUT_MS)
        own.timeout_connect_ms = TIMEOUT_MS;
    if (own.timeout_tls_ms > TIMEOUT_MS)
        own.timeout_tls_ms = TIMEOUT_MS;
    if (imprint_doctor_examine(&own, false, ignore, NULL, &cause) ==
            IMPRINT_OK ||
        !is_news(cause.name))
        return;
    if (why) {
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO, "it ended so: %s",
                         why->text);
        *why = cause.why;
    }
}
