#include "imprint/topics.h"

static const char root[] = "$aws/";
static const char templates[] = "provisioning-templates/";

/* By enum imprint_operation; what follows a template name is in middle. */
static const char *const prefixes[] = {
    "certificates/create/",
    "certificates/create-from-csr/",
    templates,
};
static const char middle[] = "/provision/";

/* By enum imprint_encoding and enum imprint_outcome. */
static const char *const encodings[] = {"json", "cbor"};
static const char *const outcomes[] = {"", "/accepted", "/rejected"};

void imprint_topics_put(struct imprint_writer *writer,
                        const struct imprint_topic *topic)
{
    imprint_slice_put_text(writer, root);
    imprint_slice_put_text(writer, prefixes[topic->operation]);
    if (topic->operation == IMPRINT_OP_REGISTER) {
        imprint_slice_put(writer, topic->template_name);
        imprint_slice_put_text(writer, middle);
    }
    imprint_slice_put_text(writer, encodings[topic->encoding]);
    imprint_slice_put_text(writer, outcomes[topic->outcome]);
}

/* What stands where a template name would. */
static struct imprint_slice template_of(struct imprint_slice text)
{
    size_t from = sizeof(root) - 1 + sizeof(templates) - 1;
    size_t to = from;

    while (to < text.len && text.bytes[to] != '/')
        to++;
    if (to == from)
        return imprint_slice_of(NULL, 0);
    return imprint_slice_of(text.bytes + from, to - from);
}

static bool is_topic(struct imprint_slice text,
                     const struct imprint_topic *topic)
{
    uint8_t room[IMPRINT_TOPIC_MAX_LEN];
    struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));

    imprint_topics_put(&writer, topic);
    return imprint_slice_equal(imprint_slice_since(&writer, 0), text);
}

/* Steps to the next of the 18 shapes; false after the last. */
static bool next_shape(struct imprint_topic *topic)
{
    topic->encoding = (enum imprint_encoding)(topic->encoding + 1);
    if (topic->encoding <= IMPRINT_ENC_CBOR)
        return true;
    topic->encoding = IMPRINT_ENC_JSON;
    topic->outcome = (enum imprint_outcome)(topic->outcome + 1);
    if (topic->outcome <= IMPRINT_OUT_REJECTED)
        return true;
    topic->outcome = IMPRINT_OUT_REQUEST;
    topic->operation = (enum imprint_operation)(topic->operation + 1);
    return topic->operation <= IMPRINT_OP_REGISTER;
}

/* Compares with what put writes: so the two cannot disagree. */
bool imprint_topics_find(struct imprint_slice text, struct imprint_topic *out)
{
    struct imprint_topic topic;

    topic.operation = IMPRINT_OP_CREATE_KEYS;
    topic.outcome = IMPRINT_OUT_REQUEST;
    topic.encoding = IMPRINT_ENC_JSON;
    topic.template_name = template_of(text);
    while (!is_topic(text, &topic))
        if (!next_shape(&topic))
            return false;
    if (topic.operation != IMPRINT_OP_REGISTER)
        topic.template_name = imprint_slice_of(NULL, 0);
    else if (!imprint_topics_template_ok(topic.template_name))
        return false;
    *out = topic;
    return true;
}

bool imprint_topics_template_ok(struct imprint_slice name)
{
    size_t i;

    if (!name.len || name.len > IMPRINT_TEMPLATE_NAME_MAX_LEN)
        return false;
    for (i = 0; i < name.len; i++) {
        uint8_t c = name.bytes[i];
        uint8_t lower = c | 0x20;

        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') &&
            c != '_' && c != '-')
            return false;
    }
    return true;
}
