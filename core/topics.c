#include "imprint/topics.h"

/* By enum imprint_operation; what follows a template name is in middle. */
static const char *const prefixes[] = {
    "certificates/create/",
    "certificates/create-from-csr/",
    "provisioning-templates/",
};
static const char root[] = "$aws/";
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

/* Takes text off the front of rest, if it stands there. */
static bool take(struct imprint_slice *rest, const char *text)
{
    struct imprint_slice front = imprint_slice_text(text);

    if (rest->len < front.len)
        return false;
    if (!imprint_slice_equal(imprint_slice_of(rest->bytes, front.len), front))
        return false;
    *rest = imprint_slice_of(rest->bytes + front.len, rest->len - front.len);
    return true;
}

/* Takes the one of texts that stands at the front: its index, or count. */
static unsigned take_one(struct imprint_slice *rest, const char *const *texts,
                         unsigned count)
{
    unsigned i = 0;

    while (i < count && !take(rest, texts[i]))
        i++;
    return i;
}

static bool take_template(struct imprint_slice *rest,
                          struct imprint_slice *name)
{
    size_t len = 0;

    while (len < rest->len && rest->bytes[len] != '/')
        len++;
    *name = imprint_slice_of(rest->bytes, len);
    *rest = imprint_slice_of(rest->bytes + len, rest->len - len);
    return imprint_topics_template_ok(*name) && take(rest, middle);
}

bool imprint_topics_find(struct imprint_slice text, struct imprint_topic *out)
{
    struct imprint_topic topic;
    struct imprint_slice rest = text;
    unsigned operation;
    unsigned encoding;
    unsigned outcome = IMPRINT_OUT_REQUEST;

    topic.template_name = imprint_slice_of(NULL, 0);
    if (!take(&rest, root))
        return false;
    operation = take_one(&rest, prefixes, 3);
    if (operation == 3)
        return false;
    if (operation == IMPRINT_OP_REGISTER &&
        !take_template(&rest, &topic.template_name))
        return false;
    encoding = take_one(&rest, encodings, 2);
    if (encoding == 2)
        return false;
    if (rest.len) /* outcomes[0] would match anything */
        outcome = 1 + take_one(&rest, outcomes + 1, 2);
    if (rest.len)
        return false;
    topic.operation = (enum imprint_operation)operation;
    topic.encoding = (enum imprint_encoding)encoding;
    topic.outcome = (enum imprint_outcome)outcome;
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
