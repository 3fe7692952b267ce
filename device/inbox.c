#include "device/inbox.h"

#include <stdlib.h>
#include <string.h>

static void erase(struct imprint_inbox_item *item)
{
    if (item->payload)
        imprint_slice_erase(item->payload, item->payload_len);
    free(item->payload);
    free(item->topic);
    memset(item, 0, sizeof(*item));
}

struct imprint_inbox_item *imprint_inbox_push(struct imprint_inbox *inbox,
                                              enum imprint_mqtt_kind kind)
{
    struct imprint_inbox_item *item;

    if (inbox->count == IMPRINT_INBOX_MAX_COUNT)
        return NULL;
    item = &inbox->items[inbox->count++];
    memset(item, 0, sizeof(*item));
    item->kind = kind;
    item->ungranted = IMPRINT_MQTT_ALL_GRANTED;
    return item;
}

void imprint_inbox_push_message(struct imprint_inbox *inbox, const char *topic,
                                struct imprint_slice payload)
{
    struct imprint_inbox_item *item =
        imprint_inbox_push(inbox, IMPRINT_MQTT_MESSAGE);

    if (!item)
        return;
    item->topic = strdup(topic);
    item->payload = malloc(payload.len + 1);
    if (!item->topic || !item->payload)
        return;
    item->payload_len = payload.len;
    if (payload.len > 0)
        memcpy(item->payload, payload.bytes, payload.len);
}

bool imprint_inbox_pop(struct imprint_inbox *inbox,
                       struct imprint_mqtt_report *out)
{
    struct imprint_inbox_item *last = &inbox->last;

    if (inbox->count == 0)
        return false;
    erase(last);
    *last = inbox->items[0];
    inbox->count--;
    memmove(&inbox->items[0], &inbox->items[1],
            inbox->count * sizeof(inbox->items[0]));
    out->kind = last->kind;
    out->ungranted = last->ungranted;
    out->topic = imprint_slice_text(last->topic);
    out->payload = imprint_slice_of(last->payload, last->payload_len);
    return true;
}

void imprint_inbox_forget(struct imprint_inbox *inbox)
{
    erase(&inbox->last);
}

void imprint_inbox_clear(struct imprint_inbox *inbox)
{
    for (size_t i = 0; i < inbox->count; i++)
        erase(&inbox->items[i]);
    inbox->count = 0;
    erase(&inbox->last);
}
