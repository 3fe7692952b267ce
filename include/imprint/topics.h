/*
 * The topics of the device provisioning MQTT API. Part of the installed API;
 * freestanding.
 *
 * Source: AWS IoT Core developer guide, "Device provisioning MQTT API" and
 * "Reserved topics".
 */
#ifndef IMPRINT_TOPICS_H
#define IMPRINT_TOPICS_H

#include "imprint/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

/* TemplateName: [0-9A-Za-z_-]+, 1 to 36 characters (AWS IoT API model). */
#define IMPRINT_TEMPLATE_NAME_MAX_LEN 36

/* The longest topic: RegisterThing, JSON, /accepted. */
#define IMPRINT_TOPIC_MAX_LEN 88

enum imprint_operation {
    IMPRINT_OP_CREATE_KEYS, /* CreateKeysAndCertificate */
    IMPRINT_OP_CREATE_CSR,  /* CreateCertificateFromCsr */
    IMPRINT_OP_REGISTER     /* RegisterThing */
};

enum imprint_outcome {
    IMPRINT_OUT_REQUEST,
    IMPRINT_OUT_ACCEPTED,
    IMPRINT_OUT_REJECTED
};

enum imprint_encoding { IMPRINT_ENC_JSON, IMPRINT_ENC_CBOR };

/* One of the 18 topic shapes. template_name counts for RegisterThing only. */
struct imprint_topic {
    enum imprint_operation operation;
    enum imprint_outcome outcome;
    enum imprint_encoding encoding;
    struct imprint_slice template_name;
};

/* Appends the topic's text. */
void imprint_topics_put(struct imprint_writer *writer,
                        const struct imprint_topic *topic);

/*
 * True if text is exactly one of the 18 shapes; out->template_name then
 * borrows from text. False leaves out alone.
 */
bool imprint_topics_find(struct imprint_slice text, struct imprint_topic *out);

/* True if name is a template name as the service allows it. */
bool imprint_topics_template_ok(struct imprint_slice name);

#ifdef __cplusplus
}
#endif

#endif
