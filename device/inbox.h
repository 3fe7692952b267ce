/* What an MQTT session received and did not report yet, in its order. */
#ifndef IMPRINT_DEVICE_INBOX_H
#define IMPRINT_DEVICE_INBOX_H

#include "device/mqtt.h"

#define IMPRINT_INBOX_MAX_COUNT 16

struct imprint_inbox_item {
    enum imprint_mqtt_kind kind;
    uint8_t ungranted;
    char *topic;
    uint8_t *payload;
    size_t payload_len;
};

/* All zero at first. */
struct imprint_inbox {
    struct imprint_inbox_item items[IMPRINT_INBOX_MAX_COUNT];
    size_t count;
    struct imprint_inbox_item last; /* what the last report borrows */
};

/* The item, good until the next pop. NULL: nobody sends that many at once; what
 * is more is dropped. */
struct imprint_inbox_item *imprint_inbox_push(struct imprint_inbox *inbox,
                                              enum imprint_mqtt_kind kind);

/* Copies both. */
void imprint_inbox_push_message(struct imprint_inbox *inbox, const char *topic,
                                struct imprint_slice payload);

/* False: it is empty. What *out borrows is good until the next call. */
bool imprint_inbox_pop(struct imprint_inbox *inbox,
                       struct imprint_mqtt_report *out);

/* Erases what the last report borrowed. */
void imprint_inbox_forget(struct imprint_inbox *inbox);

/* Erases all. */
void imprint_inbox_clear(struct imprint_inbox *inbox);

#endif
