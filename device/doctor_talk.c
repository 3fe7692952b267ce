#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "device/doctor_parts.h"
#include "imprint/codec.h"
#include "posix/clock.h"
#include "posix/why.h"

#define TEXT_LEN 4096

struct topic {
    char text[IMPRINT_TOPIC_MAX_LEN + 1];
};

/* ---- sessions ---- */

void imprint_doctor_hang_up(struct imprint_doctor *doctor)
{
    imprint_mqtt_close(doctor->session);
    imprint_tls_close(doctor->tls);
    doctor->session = NULL;
    doctor->tls = NULL;
}

static bool stop(void *user)
{
    const struct imprint_doctor *doctor = user;

    return doctor->settings.stop &&
           doctor->settings.stop(doctor->settings.user);
}

static void name_client(const struct imprint_doctor *doctor, char out[160])
{
    const struct imprint_device_settings *settings = &doctor->settings;
    const char *id =
        doctor->has_identity ? settings->client_id_verify : settings->client_id;
    uint32_t random[4] = {0};

    if (!id && doctor->has_identity && doctor->identity.thing_name[0])
        id = doctor->identity.thing_name;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random[0] = (uint32_t)imprint_clock_now_ms();
    if (id)
        (void)snprintf(out, 160, "%s", id);
    else
        (void)snprintf(out, 160, "imprint-%08x%08x%08x%08x", random[0],
                       random[1], random[2], random[3]);
}

static enum imprint_status open_tls(struct imprint_doctor *doctor)
{
    const struct imprint_tls_options options = {
        .host = doctor->address.host,
        .ca_pem = doctor->claim.ca_pem,
        .version_max = doctor->settings.tls_version_max,
        .alpn = doctor->route.address.port == IMPRINT_ADDRESS_PORT_ALPN};

    return imprint_tls_open(&options, &doctor->tls, &doctor->cause->why);
}

/* Waits for one thing; ENDED, or QUIET after the time for a reply. */
static void wait_report(struct imprint_doctor *doctor,
                        struct imprint_mqtt_report *report)
{
    int64_t until_ms =
        imprint_clock_now_ms() + (int64_t)doctor->settings.timeout_ms;

    do {
        imprint_mqtt_wait(doctor->session, 100, report, &doctor->cause->why);
    } while (report->kind == IMPRINT_MQTT_QUIET && !stop(doctor) &&
             imprint_clock_now_ms() < until_ms);
}

static enum imprint_status blame_way(struct imprint_doctor *doctor,
                                     enum imprint_status status)
{
    const char *text = doctor->cause->why.text;
    const char *name = "tcp";

    if (doctor->route.is_proxied)
        name = status == IMPRINT_ERR_SETTINGS ? "proxy-login" : "proxy";
    else if (strstr(text, "no answer within"))
        name = "tcp-dropped";
    else if (strstr(text, "refused"))
        name = "tcp-refused";
    return imprint_doctor_blame(doctor, status, name);
}

/* TLS is not up, or the end came before CONNACK. */
static enum imprint_status blame_session(struct imprint_doctor *doctor,
                                         enum imprint_status status)
{
    struct imprint_doctor_cause *cause = doctor->cause;
    const char *name = imprint_tls_trouble_name(doctor->tls);

    if (name)
        return imprint_doctor_blame(doctor, status, name);
    if (!imprint_tls_ready(doctor->tls)) {
        (void)snprintf(cause->evidence, sizeof(cause->evidence),
                       "TCP connects, and TLS does not come up");
        return imprint_doctor_blame(doctor, status,
                                    status == IMPRINT_ERR_TIMEOUT ? "tls-silent"
                                                                  : "tls-cut");
    }
    (void)snprintf(cause->evidence, sizeof(cause->evidence),
                   "TLS comes up, and there is no CONNACK that lets us in");
    imprint_why_hint(&cause->why,
                     "is the certificate known there and ACTIVE? does its "
                     "policy allow iot:Connect on client/ for this client id?");
    return imprint_doctor_blame(doctor, status, "connect-refused");
}

enum imprint_status imprint_doctor_open(struct imprint_doctor *doctor)
{
    struct imprint_mqtt_options options = {
        .dir = doctor->session_dir,
        .version = doctor->settings.mqtt_version,
        .timeout_tls_ms = doctor->settings.timeout_tls_ms,
        .timeout_ms = doctor->settings.timeout_ms};
    struct imprint_mqtt_report report = {.kind = IMPRINT_MQTT_QUIET};
    char client_id[160];
    enum imprint_status status;
    int tcp;

    imprint_doctor_hang_up(doctor);
    name_client(doctor, client_id);
    options.client_id = client_id;
    status = imprint_route_open(&doctor->route, stop, doctor, &tcp,
                                &doctor->cause->why);
    if (status != IMPRINT_OK)
        return blame_way(doctor, status);
    status = open_tls(doctor);
    if (status != IMPRINT_OK) {
        (void)close(tcp);
        return imprint_doctor_blame(doctor, status, "tls-root");
    }
    options.host = doctor->route.address.host;
    options.port = doctor->route.address.port;
    options.tls = doctor->tls;
    status =
        imprint_mqtt_open(&options, tcp, &doctor->session, &doctor->cause->why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "tls-cut");
    status = imprint_mqtt_show(doctor->session, doctor->claim.certificate_pem,
                               doctor->claim.key, &doctor->cause->why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "claim-format");
    while (report.kind == IMPRINT_MQTT_QUIET && !stop(doctor))
        imprint_mqtt_wait(doctor->session, 100, &report, &doctor->cause->why);
    if (report.kind == IMPRINT_MQTT_CONNECTED)
        return IMPRINT_OK;
    if (report.kind == IMPRINT_MQTT_QUIET) {
        imprint_why_set(&doctor->cause->why, IMPRINT_ERR_STOPPED, "stopped");
        return imprint_doctor_blame(doctor, IMPRINT_ERR_STOPPED, "stopped");
    }
    return blame_session(doctor, report.status);
}

enum imprint_status imprint_doctor_connect(struct imprint_doctor *doctor)
{
    enum imprint_status status = imprint_doctor_open(doctor);

    if (status != IMPRINT_OK && imprint_route_turn(&doctor->route))
        status = imprint_doctor_open(doctor);
    if (status != IMPRINT_OK)
        return status;
    imprint_route_settle(&doctor->route);
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "%.200s: TCP%s, %s, CONNACK", doctor->route.place,
                   doctor->route.is_proxied ? " by the proxy" : "",
                   imprint_tls_version(doctor->tls));
    return IMPRINT_OK;
}

/* ---- topics ---- */

static const struct imprint_format *format_of(
    const struct imprint_doctor *doctor)
{
    return doctor->settings.json ? &imprint_json_format : &imprint_cbor_format;
}

static void write_topic(const struct imprint_doctor *doctor, bool registers,
                        enum imprint_outcome outcome, struct topic *out)
{
    struct imprint_writer writer =
        imprint_slice_writer(out->text, IMPRINT_TOPIC_MAX_LEN);
    struct imprint_topic topic = {
        .operation = doctor->settings.key == IMPRINT_DEVICE_KEY_SERVICE
                         ? IMPRINT_OP_CREATE_KEYS
                         : IMPRINT_OP_CREATE_CSR,
        .outcome = outcome,
        .encoding = imprint_codec_encoding(format_of(doctor)),
        .template_name = imprint_slice_text(doctor->settings.template_name)};

    if (registers)
        topic.operation = IMPRINT_OP_REGISTER;
    imprint_topics_put(&writer, &topic);
    out->text[writer.len] = '\0';
}

/* Who is told to allow something. */
static const char *whose(const struct imprint_doctor *doctor)
{
    return doctor->has_identity ? "the identity" : "the claim";
}

static enum imprint_status blame_policy(struct imprint_doctor *doctor,
                                        const char *action, const char *kind,
                                        const char *topic)
{
    struct imprint_why *why = &doctor->cause->why;

    imprint_why_set(why, IMPRINT_ERR_REFUSED,
                    "the policy of %s does not allow %s on \"%s\"",
                    whose(doctor), action, topic);
    imprint_why_hint(why,
                     "add a statement: Allow iot:%s on "
                     "arn:aws:iot:REGION:ACCOUNT:%s/%s; imprint policy claim "
                     "writes a whole one",
                     action, kind, topic);
    return imprint_doctor_blame(
        doctor, IMPRINT_ERR_REFUSED,
        strcmp(action, "Subscribe") == 0 ? "policy-subscribe"
        : strcmp(action, "Publish") == 0 ? "policy-publish"
                                         : "policy-receive");
}

/* OK; ERR_REFUSED: it may not; anything else: there is no session any more. */
static enum imprint_status subscribe_one(struct imprint_doctor *doctor,
                                         const struct topic *topic)
{
    struct imprint_slice text = imprint_slice_text(topic->text);
    struct imprint_mqtt_report report;
    char *evidence = doctor->cause->evidence;
    enum imprint_status status =
        imprint_mqtt_subscribe(doctor->session, &text, 1, &doctor->cause->why);

    if (status != IMPRINT_OK)
        return status;
    do {
        wait_report(doctor, &report);
    } while (report.kind == IMPRINT_MQTT_MESSAGE);
    if (report.kind == IMPRINT_MQTT_SUBSCRIBED && report.ungranted == 0xff)
        return IMPRINT_OK;
    (void)snprintf(evidence, sizeof(doctor->cause->evidence), "%s",
                   report.kind == IMPRINT_MQTT_SUBSCRIBED ? "SUBACK refuses it"
                   : report.kind == IMPRINT_MQTT_ENDED
                       ? "the connection is closed when SUBSCRIBE comes"
                       : "SUBSCRIBE is not answered");
    return IMPRINT_ERR_REFUSED;
}

enum imprint_status imprint_doctor_subscribe(struct imprint_doctor *doctor)
{
    for (int i = 0; i < 4; i++) {
        struct topic topic;
        enum imprint_status status;

        write_topic(doctor, i >= 2,
                    i % 2 ? IMPRINT_OUT_REJECTED : IMPRINT_OUT_ACCEPTED,
                    &topic);
        status = subscribe_one(doctor, &topic);
        if (status == IMPRINT_ERR_REFUSED)
            return blame_policy(doctor, "Subscribe", "topicfilter", topic.text);
        if (status != IMPRINT_OK)
            return imprint_doctor_blame(doctor, status, "lost");
    }
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "to all four topics of the replies");
    return IMPRINT_OK;
}

/* ---- requests that can't succeed ---- */

/* Sends it, and takes the rejection, whose texts stand in text. */
static enum imprint_status ask(struct imprint_doctor *doctor, bool registers,
                               struct imprint_slice payload,
                               char text[TEXT_LEN],
                               struct imprint_rejection *out)
{
    struct imprint_writer into = imprint_slice_writer(text, TEXT_LEN);
    struct imprint_mqtt_report report;
    struct topic request;
    struct topic rejected;
    enum imprint_status status;

    write_topic(doctor, registers, IMPRINT_OUT_REQUEST, &request);
    write_topic(doctor, registers, IMPRINT_OUT_REJECTED, &rejected);
    status =
        imprint_mqtt_publish(doctor->session, imprint_slice_text(request.text),
                             payload, &doctor->cause->why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "lost");
    do {
        wait_report(doctor, &report);
    } while (report.kind == IMPRINT_MQTT_SUBSCRIBED);
    if (report.kind == IMPRINT_MQTT_MESSAGE &&
        imprint_slice_is(report.topic, rejected.text) &&
        imprint_codec_get_rejection(format_of(doctor), report.payload, &into,
                                    out) == IMPRINT_OK)
        return IMPRINT_OK;
    if (report.kind == IMPRINT_MQTT_MESSAGE) {
        imprint_why_set(&doctor->cause->why, IMPRINT_ERR_FORMAT,
                        "the answer to \"%s\" does not parse", request.text);
        imprint_why_hint(&doctor->cause->why, "try the other --format");
        return imprint_doctor_blame(doctor, IMPRINT_ERR_FORMAT, "reply-cut");
    }
    (void)snprintf(doctor->cause->evidence, sizeof(doctor->cause->evidence),
                   "%s",
                   report.kind == IMPRINT_MQTT_ENDED
                       ? "the connection is closed when PUBLISH comes"
                       : "the request is taken, and no answer comes");
    return report.kind == IMPRINT_MQTT_ENDED
               ? blame_policy(doctor, "Publish", "topic", request.text)
               : blame_policy(doctor, "Receive", "topic", rejected.text);
}

enum imprint_status imprint_doctor_publish(struct imprint_doctor *doctor)
{
    static const char nonsense[] = "imprint doctor: no request";
    char payload[128];
    char text[TEXT_LEN];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    struct imprint_rejection rejection = {.status_code = 0};
    enum imprint_status status;

    if (doctor->settings.key == IMPRINT_DEVICE_KEY_SERVICE) {
        doctor->is_skipped = true;
        (void)snprintf(doctor->text, sizeof(doctor->text),
                       "a request for a key can't fail: it would make one");
        return IMPRINT_OK;
    }
    imprint_codec_put_csr(&writer, format_of(doctor),
                          imprint_slice_text(nonsense));
    status = ask(doctor, false, imprint_slice_of(payload, writer.len), text,
                 &rejection);
    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "a certificate request that is none is answered: %u %.*s",
                   (unsigned)rejection.status_code, (int)rejection.code.len,
                   (const char *)rejection.code.bytes);
    return IMPRINT_OK;
}

/* The token is none; what else is said is about the template. */
static enum imprint_status judge(struct imprint_doctor *doctor,
                                 const struct imprint_rejection *rejection)
{
    struct imprint_why *why = &doctor->cause->why;
    const char *name = NULL;

    if (rejection->status_code == 404)
        name = "template-unknown";
    else if (rejection->status_code == 429)
        name = "throttled";
    else if (rejection->status_code >= 500)
        name = "service";
    else if (imprint_slice_is(rejection->code, "InvalidRequest"))
        name = "template-disabled";
    if (!name)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_REFUSED,
                    "the endpoint rejects RegisterThing: %u %.*s: \"%.*s\"",
                    (unsigned)rejection->status_code, (int)rejection->code.len,
                    (const char *)rejection->code.bytes,
                    (int)rejection->message.len,
                    (const char *)rejection->message.bytes);
    imprint_why_hint(why, "%s",
                     rejection->status_code == 404
                         ? "there is no such template in this account and "
                           "region: check --template and --endpoint"
                     : rejection->status_code >= 429
                         ? "run again later"
                         : "ask the operator: the template is disabled or "
                           "can't be used");
    return imprint_doctor_blame(doctor,
                                rejection->status_code >= 429
                                    ? IMPRINT_ERR_THROTTLED
                                    : IMPRINT_ERR_REFUSED,
                                name);
}

enum imprint_status imprint_doctor_register(struct imprint_doctor *doctor)
{
    static const char nonsense[] = "imprint doctor: no token";
    char payload[128];
    char text[TEXT_LEN];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    struct imprint_rejection rejection = {.status_code = 0};
    enum imprint_status status;

    imprint_codec_put_register(&writer, format_of(doctor),
                               imprint_slice_text(nonsense), NULL, 0);
    status = ask(doctor, true, imprint_slice_of(payload, writer.len), text,
                 &rejection);
    if (status == IMPRINT_OK)
        status = judge(doctor, &rejection);
    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "the template is asked with a token that is none: %u %.*s",
                   (unsigned)rejection.status_code, (int)rejection.code.len,
                   (const char *)rejection.code.bytes);
    return IMPRINT_OK;
}
