#include <stdio.h>
#include <string.h>

#include "device/doctor_parts.h"
#include "device/explain.h"
#include "imprint/codec.h"
#include "posix/clock.h"
#include "posix/why.h"

#define TEXT_LEN 4096

struct topic {
    char text[IMPRINT_TOPIC_MAX_LEN + 1];
};

/* Waits for one thing; ENDED, or QUIET after the time for a reply. */
static void wait_report(struct imprint_doctor *doctor,
                        struct imprint_mqtt_report *report)
{
    int64_t until_ms =
        imprint_clock_now_ms() + (int64_t)doctor->settings.timeout_ms;

    do {
        imprint_mqtt_wait(doctor->session, 100, report, &doctor->cause->why);
    } while (report->kind == IMPRINT_MQTT_QUIET &&
             !imprint_doctor_is_stopped(doctor) &&
             imprint_clock_now_ms() < until_ms);
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
    return doctor->has_identity ? "the identity in use" : "the claim";
}

static enum imprint_status blame_policy(struct imprint_doctor *doctor,
                                        const char *action, const char *kind,
                                        const char *topic)
{
    struct imprint_why *why = &doctor->cause->why;

    if (strcmp(action, "Receive") == 0)
        imprint_why_set(why, IMPRINT_ERR_REFUSED,
                        "nothing comes on \"%s\": the policy of %s does not "
                        "allow Receive there, or the service is silent",
                        topic, whose(doctor));
    else
        imprint_why_set(why, IMPRINT_ERR_REFUSED,
                        "the policy of %s does not allow %s on \"%s\"",
                        whose(doctor), action, topic);
    imprint_why_hint(why,
                     "%sadd a statement: Allow iot:%s on "
                     "arn:aws:iot:REGION:ACCOUNT:%s/%s; imprint policy claim "
                     "writes a whole one",
                     strstr(topic, "/provision/") ? "is --template right? else "
                                                  : "",
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
    if (report.kind == IMPRINT_MQTT_ENDED) {
        status = imprint_doctor_control(doctor);
        if (status != IMPRINT_OK)
            return status;
    }
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
        if (status == IMPRINT_OK)
            continue;
        if (doctor->cause->name) /* the control knows more */
            return status;
        return status == IMPRINT_ERR_REFUSED
                   ? blame_policy(doctor, "Subscribe", "topicfilter",
                                  topic.text)
                   : imprint_doctor_blame(doctor, status, "lost");
    }
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "to all four topics of the replies");
    return IMPRINT_OK;
}

/* ---- requests that can't succeed ---- */

/* In the words of a run. */
static void explain(struct imprint_doctor *doctor, bool registers,
                    enum imprint_status status,
                    const struct imprint_rejection *rejection)
{
    struct imprint_action action = {.kind = IMPRINT_DO_STOP,
                                    .step = registers ? IMPRINT_STEP_REGISTER
                                                      : IMPRINT_STEP_CREATE,
                                    .status = status};

    if (rejection)
        action.rejection = *rejection;
    imprint_explain_action(&action, doctor->settings.template_name,
                           &doctor->cause->why);
}

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
        explain(doctor, registers, IMPRINT_ERR_FORMAT, NULL);
        return imprint_doctor_blame(doctor, IMPRINT_ERR_FORMAT, "reply-cut");
    }
    if (report.kind == IMPRINT_MQTT_ENDED) {
        status = imprint_doctor_control(doctor);
        if (status != IMPRINT_OK)
            return status;
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
    enum imprint_status status = rejection->status_code >= 429
                                     ? IMPRINT_ERR_THROTTLED
                                     : IMPRINT_ERR_REFUSED;
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
    explain(doctor, true, status, rejection);
    return imprint_doctor_blame(doctor, status, name);
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
