#include "device/doctor.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/check.h"
#include "device/dial_lookup.h"
#include "device/key.h"
#include "device/doctor_parts.h"
#include "imprint/topics.h"
#include "posix/clock.h"
#include "posix/why.h"

enum imprint_status imprint_doctor_blame(struct imprint_doctor *doctor,
                                         enum imprint_status status,
                                         const char *name)
{
    doctor->cause->status = status;
    doctor->cause->name = name;
    return status;
}

/* ---- steps before the first packet ---- */

/* Which setting a message is about; the first that is wrong. */
static const char *name_setting(const struct imprint_device_settings *settings)
{
    if (!settings->endpoint || !settings->endpoint[0])
        return "settings-endpoint";
    if (!settings->template_name || !settings->template_name[0] ||
        !imprint_topics_template_ok(
            imprint_slice_text(settings->template_name)))
        return "settings-template";
    return "settings";
}

static enum imprint_status check_settings(struct imprint_doctor *doctor)
{
    struct imprint_device_settings *settings = &doctor->settings;
    struct imprint_why *why = &doctor->cause->why;
    enum imprint_status status;

    if (doctor->has_identity) {
        if (!settings->endpoint)
            settings->endpoint = doctor->identity.endpoint;
        if (!settings->template_name)
            settings->template_name = doctor->identity.template_name;
        status = imprint_check_target(settings, why);
    } else {
        status = imprint_check_settings(settings, why);
    }
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, name_setting(settings));
    status = imprint_address_parse(settings->endpoint, settings->port,
                                   &doctor->address, why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "settings-endpoint");
    status = imprint_check_host(doctor->address.host, why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "endpoint-legacy");
    imprint_route_init(&doctor->route, settings, &doctor->address);
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "%s at %.200s, template \"%s\"",
                   doctor->has_identity ? "the identity in use" : "a claim",
                   doctor->route.name, settings->template_name);
    return IMPRINT_OK;
}

static const char *name_of_claim_trouble(enum imprint_status status,
                                         const struct imprint_why *why)
{
    switch (status) {
    case IMPRINT_ERR_CLOCK:
        return "clock";
    case IMPRINT_ERR_REFUSED:
        return "claim-expired";
    case IMPRINT_ERR_KEY:
        if (strstr(why->text, "password"))
            return "password";
        return strstr(why->text, "another key") ? "key-unfit" : "claim-format";
    default:
        return "claim-file";
    }
}

static enum imprint_status check_claim(struct imprint_doctor *doctor)
{
    struct imprint_why *why = &doctor->cause->why;
    enum imprint_status status =
        doctor->has_identity
            ? imprint_claim_open_identity(&doctor->settings, &doctor->identity,
                                          &doctor->claim, why)
            : imprint_claim_open(&doctor->settings, &doctor->claim, why);

    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status,
                                    name_of_claim_trouble(status, why));
    doctor->has_claim = true;
    if (imprint_key_is_elsewhere(doctor->settings.identity_key)) {
        status = imprint_key_try(&doctor->settings, why);
        if (status != IMPRINT_OK)
            return imprint_doctor_blame(doctor, status, "identity-key");
        memset(why, 0, sizeof(*why)); /* that there is none yet */
    }
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "certificate and key are a pair, and valid by the clock; "
                   "roots: %s",
                   doctor->claim.ca_pem ? "a file's" : "the system's");
    return IMPRINT_OK;
}

static enum imprint_status check_dns(struct imprint_doctor *doctor)
{
    const struct imprint_dial_options options = {
        .host = doctor->address.host,
        .port = doctor->address.port,
        .timeout_ms = doctor->settings.timeout_connect_ms,
        .stop = doctor->settings.stop,
        .user = doctor->settings.user};
    struct addrinfo *list = NULL;
    size_t count = 0;
    char first[64] = "";
    enum imprint_status status;

    if (doctor->route.is_proxied) {
        doctor->is_skipped = true;
        (void)snprintf(doctor->text, sizeof(doctor->text),
                       "the proxy looks the name up");
        return IMPRINT_OK;
    }
    status = imprint_dial_lookup(
        &options, imprint_clock_now_ms() + (int64_t)options.timeout_ms, &list,
        &doctor->cause->why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "dns");
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        count++;
        *(at->ai_family == AF_INET6 ? &doctor->ipv6_count
                                    : &doctor->ipv4_count) += 1;
    }
    if (list)
        (void)getnameinfo(list->ai_addr, list->ai_addrlen, first, sizeof(first),
                          NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(list);
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "\"%.200s\" has %zu address%s, %s first", options.host,
                   count, count == 1 ? "" : "es", first);
    return IMPRINT_OK;
}

/* ---- all of them ---- */

static const struct {
    const char *name;
    enum imprint_status (*check)(struct imprint_doctor *doctor);
    bool provisions; /* a device that is provisioned need not be able to */
} steps[] = {
    {"settings", check_settings, false},
    {"directory", imprint_doctor_directory, false},
    {"claim", check_claim, false},
    {"dns", check_dns, false},
    {"connect", imprint_doctor_connect, false},
    {"subscribe", imprint_doctor_subscribe, true},
    {"publish", imprint_doctor_publish, true},
    {"register", imprint_doctor_register, true},
    {"provision", imprint_doctor_full, true},
};

static enum imprint_status run_step(struct imprint_doctor *doctor, size_t i)
{
    doctor->text[0] = '\0';
    doctor->is_skipped =
        steps[i].provisions && doctor->has_identity && !doctor->tries_renewal;
    if (!doctor->is_skipped)
        return steps[i].check(doctor);
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "only a renewal needs it; --template tries it");
    return IMPRINT_OK;
}

static enum imprint_status run_steps(
    struct imprint_doctor *doctor,
    void (*report)(void *user, const struct imprint_doctor_step *step),
    void *user)
{
    enum imprint_status status = IMPRINT_OK;

    for (size_t i = 0;
         status == IMPRINT_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct imprint_doctor_step step = {.step = steps[i].name};
        int64_t began_ms = imprint_clock_now_ms();

        status = run_step(doctor, i);
        step.ms = (uint32_t)(imprint_clock_now_ms() - began_ms);
        step.result =
            doctor->is_skipped ? IMPRINT_DOCTOR_SKIPPED : IMPRINT_DOCTOR_OK;
        step.text = doctor->text;
        if (status != IMPRINT_OK) {
            doctor->cause->step = step.step;
            step.result = IMPRINT_DOCTOR_FAILED;
            step.text = doctor->cause->why.text;
        }
        report(user, &step);
    }
    return status;
}

enum imprint_status imprint_doctor_examine(
    const struct imprint_device_settings *settings, bool is_full,
    void (*report)(void *user, const struct imprint_doctor_step *step),
    void *user, struct imprint_doctor_cause *cause)
{
    struct imprint_doctor doctor;
    enum imprint_status status;

    memset(&doctor, 0, sizeof(doctor));
    memset(cause, 0, sizeof(*cause));
    doctor.settings = *settings;
    doctor.settings.wait_for_clock_s = 0;
    doctor.cause = cause;
    doctor.is_full = is_full;
    doctor.tries_renewal = settings->template_name != NULL;
    imprint_check_fill(&doctor.settings);
    doctor.has_identity =
        !settings->claim && !settings->claim_json &&
        imprint_device_load(doctor.settings.state_dir, &doctor.identity,
                            NULL) == IMPRINT_OK;
    (void)snprintf(doctor.session_dir, sizeof(doctor.session_dir),
                   "/tmp/imprint-doctor-XXXXXX");
    if (!mkdtemp(doctor.session_dir))
        doctor.session_dir[0] = '\0';
    status = run_steps(&doctor, report, user);
    imprint_doctor_hang_up(&doctor);
    if (doctor.session_dir[0])
        (void)rmdir(doctor.session_dir);
    if (doctor.has_claim)
        imprint_claim_free(&doctor.claim);
    if (doctor.has_identity)
        imprint_device_free(&doctor.identity);
    return status;
}
