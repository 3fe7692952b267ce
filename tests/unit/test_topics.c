/* The 18 topic shapes. */
#include "messages.h"

#include "imprint/topics.h"

#define SHAPES 18

/* In the order of shape(). */
static const char *const texts[SHAPES] = {
    "$aws/certificates/create/json",
    "$aws/certificates/create/cbor",
    "$aws/certificates/create/json/accepted",
    "$aws/certificates/create/cbor/accepted",
    "$aws/certificates/create/json/rejected",
    "$aws/certificates/create/cbor/rejected",
    "$aws/certificates/create-from-csr/json",
    "$aws/certificates/create-from-csr/cbor",
    "$aws/certificates/create-from-csr/json/accepted",
    "$aws/certificates/create-from-csr/cbor/accepted",
    "$aws/certificates/create-from-csr/json/rejected",
    "$aws/certificates/create-from-csr/cbor/rejected",
    "$aws/provisioning-templates/fleet-1_A/provision/json",
    "$aws/provisioning-templates/fleet-1_A/provision/cbor",
    "$aws/provisioning-templates/fleet-1_A/provision/json/accepted",
    "$aws/provisioning-templates/fleet-1_A/provision/cbor/accepted",
    "$aws/provisioning-templates/fleet-1_A/provision/json/rejected",
    "$aws/provisioning-templates/fleet-1_A/provision/cbor/rejected",
};

static struct imprint_topic shape(unsigned index, const char *template_name)
{
    struct imprint_topic topic;

    topic.operation = (enum imprint_operation)(index / 6);
    topic.outcome = (enum imprint_outcome)(index / 2 % 3);
    topic.encoding = (enum imprint_encoding)(index % 2);
    topic.template_name = imprint_slice_text(template_name);
    return topic;
}

/* find, of a copy with nothing behind it; out must stay as it was on false. */
static bool found(const char *text, size_t len, struct imprint_topic *out)
{
    struct imprint_slice copy = copy_of(text, len);
    struct imprint_topic before;
    bool good;

    memset(out, 0x5a, sizeof(*out));
    memcpy(&before, out, sizeof(before));
    good = imprint_topics_find(copy, out);
    if (!good) {
        assert_memory_equal(out, &before, sizeof(before));
    } else if (out->template_name.len) { /* it borrows; give it text's */
        size_t from = (size_t)(out->template_name.bytes - copy.bytes);

        assert_in_range(from + out->template_name.len, 1, len);
        out->template_name.bytes = (const uint8_t *)text + from;
    }
    drop(copy);
    return good;
}

static void assert_same(const struct imprint_topic *a,
                        const struct imprint_topic *b)
{
    assert_int_equal(a->operation, b->operation);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->encoding, b->encoding);
    if (a->operation == IMPRINT_OP_REGISTER)
        assert_true(imprint_slice_equal(a->template_name, b->template_name));
    else
        assert_int_equal(b->template_name.len, 0);
}

static void all_shapes_go_both_ways(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < SHAPES; i++) {
        struct imprint_topic topic = shape(i, "fleet-1_A");
        struct imprint_topic out;
        uint8_t room[IMPRINT_TOPIC_MAX_LEN];
        struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));

        imprint_topics_put(&writer, &topic);
        assert_slice_is(imprint_slice_since(&writer, 0), texts[i],
                        strlen(texts[i]));
        assert_true(found(texts[i], strlen(texts[i]), &out));
        assert_same(&topic, &out);
    }
}

static bool is_one(const char *text, size_t len)
{
    unsigned i;

    for (i = 0; i < SHAPES; i++)
        if (strlen(texts[i]) == len && !memcmp(texts[i], text, len))
            return true;
    return false;
}

/* A prefix is a topic only if it is a shape itself ("…/json"). */
static void no_prefix_is_taken_for_more(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < SHAPES; i++) {
        size_t len;

        for (len = 0; len < strlen(texts[i]); len++) {
            struct imprint_topic out;

            assert_int_equal(found(texts[i], len, &out), is_one(texts[i], len));
        }
    }
}

/* Every byte, every other value: a topic only if put gives the same again. */
static void no_mutation_is_taken_for_a_shape(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < SHAPES; i++) {
        size_t len = strlen(texts[i]);
        size_t at;
        unsigned byte;
        char text[96];

        for (at = 0; at < len; at++)
            for (byte = 0; byte < 256; byte++) {
                bool in_name = i >= 12 && at >= 28 && at < 28 + 9;
                struct imprint_topic out;

                memcpy(text, texts[i], len);
                if ((uint8_t)text[at] == byte)
                    continue;
                text[at] = (char)byte;
                if (!found(text, len, &out))
                    continue;
                assert_true(in_name);
                assert_true(imprint_topics_template_ok(out.template_name));
            }
    }
}

static void one_byte_more_is_no_topic(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < SHAPES; i++) {
        struct imprint_topic out;
        char text[96];

        snprintf(text, sizeof(text), "%sx", texts[i]);
        assert_false(found(text, strlen(text), &out));
        text[strlen(text) - 1] = '/';
        assert_false(found(text, strlen(text), &out));
        text[strlen(text) - 1] = '\0';
        assert_false(found(text, strlen(text) + 1, &out));
    }
}

static void others_are_no_topics(void **state)
{
    static const char *const others[] = {
        "",
        "$aws",
        "$aws/",
        "$aws/provisioning-templates/",
        "$aws/provisioning-templates//provision/json",
        "$aws/provisioning-templates/a/b/provision/json",
        "$aws/provisioning-templates/+/provision/json",
        "$aws/provisioning-templates/a/provision/",
        "$aws/provisioning-templates/a/provision/json/",
        "$aws/provisioning-templates/a/provision/json/accepted/accepted",
        "$aws/provisioning-templates/a/provision/xml",
        "$aws/certificates/create",
        "$aws/certificates/create/#",
        "$aws/certificates/create/json/+",
        "$aws/certificates/create-from-csr",
        "$aws/certificates/create-from-csrjson",
        "$AWS/certificates/create/json",
        "aws/certificates/create/json",
        "$aws/things/a/shadow/get",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct imprint_topic out;

        assert_false(found(others[i], strlen(others[i]), &out));
    }
}

static void template_names_have_1_to_36_bytes(void **state)
{
    char name[41];
    size_t len;

    (void)state;
    memset(name, 'n', sizeof(name));
    for (len = 0; len <= 40; len++) {
        bool good = len >= 1 && len <= IMPRINT_TEMPLATE_NAME_MAX_LEN;
        struct imprint_topic topic = shape(16, "");
        struct imprint_topic out;
        uint8_t room[100];
        struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));

        topic.template_name = imprint_slice_of(name, len);
        assert_int_equal(imprint_topics_template_ok(topic.template_name), good);
        imprint_topics_put(&writer, &topic);
        assert_int_equal(found((const char *)room, writer.len, &out), good);
        if (good)
            assert_same(&topic, &out);
        if (len == IMPRINT_TEMPLATE_NAME_MAX_LEN)
            assert_int_equal(writer.len, IMPRINT_TOPIC_MAX_LEN);
    }
}

static void template_names_have_64_letters(void **state)
{
    static const char good[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz_-";
    unsigned byte;

    (void)state;
    for (byte = 0; byte < 256; byte++) {
        uint8_t name[2] = {'a', (uint8_t)byte};

        assert_int_equal(imprint_topics_template_ok(imprint_slice_of(name, 2)),
                         byte && strchr(good, (int)byte) != NULL);
    }
}

static void every_room_is_respected(void **state)
{
    struct imprint_topic topic = shape(17, "fleet-1_A");
    size_t len = strlen(texts[17]);
    size_t room;

    (void)state;
    for (room = 0; room <= len; room++) {
        uint8_t *bytes = malloc(room ? room : 1);
        struct imprint_writer writer = imprint_slice_writer(bytes, room);

        imprint_topics_put(&writer, &topic);
        assert_int_equal(writer.len, len);
        assert_int_equal(imprint_slice_fits(&writer), room == len);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_shapes_go_both_ways),
        cmocka_unit_test(no_prefix_is_taken_for_more),
        cmocka_unit_test(no_mutation_is_taken_for_a_shape),
        cmocka_unit_test(one_byte_more_is_no_topic),
        cmocka_unit_test(others_are_no_topics),
        cmocka_unit_test(template_names_have_1_to_36_bytes),
        cmocka_unit_test(template_names_have_64_letters),
        cmocka_unit_test(every_room_is_respected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
