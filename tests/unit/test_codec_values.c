/*
 * The codec, value by value: lengths and digits, absent and null members,
 * flat maps; what a result holds, and what it leaves alone.
 */
#include "messages.h"

#include "imprint/codec.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct imprint_format *const formats[] = {&imprint_json_format,
                                                       &imprint_cbor_format};

static const struct imprint_format *const json = &imprint_json_format;
static const struct imprint_format *const cbor = &imprint_cbor_format;

/* Room for everything that a test reads or writes. */
static uint8_t room[16384];
static uint8_t texts[16384];

static struct imprint_slice created_with(const struct imprint_format *format,
                                         struct imprint_slice id,
                                         struct imprint_slice pem,
                                         struct imprint_slice token)
{
    struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));
    struct imprint_identity identity;

    memset(&identity, 0, sizeof(identity));
    identity.certificate_id = id;
    identity.certificate_pem = pem;
    identity.token = token;
    imprint_codec_put_created(&writer, format, &identity);
    return imprint_slice_since(&writer, 0);
}

static enum imprint_status get_created(const struct imprint_format *format,
                                       struct imprint_slice payload)
{
    struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
    struct imprint_identity out;
    struct imprint_identity before;
    enum imprint_status status;

    memset(&out, 0x5a, sizeof(out));
    memcpy(&before, &out, sizeof(out));
    status = imprint_codec_get_created(format, payload, &into, &out);
    if (status) {
        assert_memory_equal(&out, &before, sizeof(out));
        assert_int_equal(into.len, 0);
    }
    return status;
}

static void ids_have_64_hexadecimal_digits(void **state)
{
    unsigned f;
    size_t len;
    unsigned byte;
    char id[70];

    (void)state;
    memset(id, 'a', sizeof(id));
    for (f = 0; f < 2; f++) {
        for (len = 0; len < sizeof(id); len++)
            assert_int_equal(
                get_created(formats[f],
                            created_with(formats[f], imprint_slice_of(id, len),
                                         imprint_slice_text("PEM"),
                                         imprint_slice_text("token"))),
                len == 64 ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
        for (byte = 1; byte < 128; byte++) {
            bool good = strchr("0123456789abcdefABCDEF", (int)byte) != NULL;

            id[byte % 64] = (char)byte;
            assert_int_equal(
                get_created(formats[f],
                            created_with(formats[f], imprint_slice_of(id, 64),
                                         imprint_slice_text("PEM"),
                                         imprint_slice_text("token"))),
                good ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
            id[byte % 64] = 'a';
        }
    }
}

/* A bad id is found as soon as there is room; until then the room is named. */
static void a_bad_id_is_found_once_there_is_room(void **state)
{
    unsigned f;

    (void)state;
    for (f = 0; f < 2; f++) {
        struct imprint_slice payload = created_with(
            formats[f], imprint_slice_of("x" ID, 64), imprint_slice_text("PEM"),
            imprint_slice_text("token"));
        struct imprint_writer into = imprint_slice_writer(texts, 71);
        struct imprint_identity out;

        assert_int_equal(
            imprint_codec_get_created(formats[f], payload, &into, &out),
            IMPRINT_ERR_SPACE);
        assert_int_equal(into.len, 72);
        assert_int_equal(get_created(formats[f], payload), IMPRINT_ERR_FORMAT);
    }
}

static void tokens_have_up_to_2048_bytes(void **state)
{
    static const size_t lens[] = {0, 1, 464, 2047, 2048, 2049, 4096};
    static uint8_t token[4096];
    unsigned f;
    size_t i;

    (void)state;
    memset(token, '/', sizeof(token));
    for (f = 0; f < 2; f++)
        for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
            assert_int_equal(
                get_created(formats[f],
                            created_with(formats[f], imprint_slice_text(ID),
                                         imprint_slice_text("PEM"),
                                         imprint_slice_of(token, lens[i]))),
                lens[i] >= 1 && lens[i] <= 2048 ? IMPRINT_OK
                                                : IMPRINT_ERR_FORMAT);
}

static void certificates_are_not_empty(void **state)
{
    unsigned f;

    (void)state;
    for (f = 0; f < 2; f++) {
        struct imprint_slice payload =
            created_with(formats[f], imprint_slice_text(ID),
                         imprint_slice_text(""), imprint_slice_text("t"));
        struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
        struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));
        struct imprint_slice csr_pem;

        assert_int_equal(get_created(formats[f], payload), IMPRINT_ERR_FORMAT);
        imprint_codec_put_csr(&writer, formats[f], imprint_slice_of(NULL, 0));
        assert_int_equal(imprint_codec_get_csr(formats[f],
                                               imprint_slice_since(&writer, 0),
                                               &into, &csr_pem),
                         IMPRINT_ERR_FORMAT);
    }
}

/* Texts go behind what `into` holds already, and the rest of out stays. */
static void results_are_appended_and_fill_their_part(void **state)
{
    static const char payload[] =
        "{\"thingName\":\"a\\nb\",\"deviceConfiguration\": { \"k\" : [1] } }";
    struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
    struct imprint_identity out;

    (void)state;
    memset(&out, 0, sizeof(out));
    out.token = imprint_slice_text("kept");
    imprint_slice_put_text(&into, "before");
    assert_int_equal(imprint_codec_get_registered(
                         json, imprint_slice_text(payload), &into, &out),
                     IMPRINT_OK);
    assert_slice_is(out.thing_name, "a\nb", 3);
    assert_slice_is(out.device_configuration, "{ \"k\" : [1] }", 13);
    assert_memory_equal(texts, "before", 6);
    assert_ptr_equal(out.thing_name.bytes, texts + 6);
    assert_int_equal(into.len, 6 + 3 + 13);
    assert_true(imprint_slice_is(out.token, "kept"));

    /* FORMAT gives `into` back as it was. */
    assert_int_equal(
        imprint_codec_get_registered(
            json, imprint_slice_text("{\"thingName\":\"abc\",}"), &into, &out),
        IMPRINT_ERR_FORMAT);
    assert_int_equal(into.len, 6 + 3 + 13);
    assert_slice_is(out.thing_name, "a\nb", 3);
}

static void absent_null_and_empty_differ(void **state)
{
    static const struct {
        const char *json;
        const char *cbor;
        size_t cbor_len;
        size_t map_len;
    } cases[] = {
        {"{}", "\xa0", 1, 0},
        {"{\"deviceConfiguration\":null,\"thingName\":null}",
         "\xa2\x73"
         "deviceConfiguration\xf6\x69thingName\xf6",
         33, 0},
        {"{\"thingName\":\"\",\"deviceConfiguration\":{}}",
         "\xa2\x69thingName\x60\x73"
         "deviceConfiguration\xa0",
         33, 1},
    };
    size_t i;

    (void)state;
    for (i = 0; i < 6; i++) {
        struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
        struct imprint_identity out;
        struct imprint_slice payload = imprint_slice_text(cases[i / 2].json);

        if (i & 1)
            payload =
                imprint_slice_of(cases[i / 2].cbor, cases[i / 2].cbor_len);
        memset(&out, 0x5a, sizeof(out));
        assert_int_equal(
            imprint_codec_get_registered(formats[i & 1], payload, &into, &out),
            IMPRINT_OK);
        assert_int_equal(out.thing_name.len, 0);
        assert_int_equal(out.device_configuration.len,
                         i & 1 ? cases[i / 2].map_len
                               : cases[i / 2].map_len * 2);
    }
}

/* Values that are names themselves do not hide that a name comes twice. */
static void names_are_told_from_values(void **state)
{
    static const char twice[] = "\xa2\x69thingName\x69thingName"
                                "\x69thingName\x69thingName";
    struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
    struct imprint_identity out;

    (void)state;
    assert_int_equal(
        imprint_codec_get_registered(
            cbor, imprint_slice_of(twice, sizeof(twice) - 1), &into, &out),
        IMPRINT_ERR_FORMAT);
    assert_int_equal(imprint_codec_get_registered(
                         json,
                         imprint_slice_text("{\"thingName\":\"thingName\"}"),
                         &into, &out),
                     IMPRINT_OK);
    assert_slice_is(out.thing_name, "thingName", 9);
}

static void rejections_need_their_number_only(void **state)
{
    static const char payload[] = "{\"statusCode\":500,\"errorCode\":null}";
    struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
    struct imprint_rejection out;

    (void)state;
    memset(&out, 0x5a, sizeof(out));
    assert_int_equal(imprint_codec_get_rejection(
                         json, imprint_slice_text(payload), &into, &out),
                     IMPRINT_OK);
    assert_int_equal(out.status_code, 500);
    assert_int_equal(out.code.len, 0);
    assert_int_equal(out.message.len, 0);
}

static void keys_go_along_only_if_there_is_one(void **state)
{
    struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
    struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));
    struct imprint_identity in;
    struct imprint_identity out;

    (void)state;
    memset(&in, 0, sizeof(in));
    in.certificate_id = imprint_slice_text(ID);
    in.certificate_pem = imprint_slice_text("PEM");
    in.token = imprint_slice_text("t");
    imprint_codec_put_created(&writer, cbor, &in);
    assert_int_equal(room[0], 0xa3);
    assert_int_equal(imprint_codec_get_created(
                         cbor, imprint_slice_since(&writer, 0), &into, &out),
                     IMPRINT_OK);
    assert_int_equal(out.private_key_pem.len, 0);
    in.private_key_pem = imprint_slice_text("KEY");
    writer.len = 0;
    imprint_codec_put_created(&writer, cbor, &in);
    assert_int_equal(room[0], 0xa4);
    assert_int_equal(imprint_codec_get_created(
                         cbor, imprint_slice_since(&writer, 0), &into, &out),
                     IMPRINT_OK);
    assert_slice_is(out.private_key_pem, "KEY", 3);
}

/* ---- flat maps ---- */

static enum imprint_status get_pairs(const char *map,
                                     struct imprint_writer *into,
                                     struct imprint_pair *pairs, size_t *count)
{
    struct imprint_slice copy = copy_of(map, strlen(map));
    enum imprint_status status =
        imprint_codec_get_pairs(json, copy, into, pairs, count);

    drop(copy);
    return status;
}

static void maps_are_flat(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "\"a\"",
        "{",
        "{}x",
        "{\"a\":1}",
        "{\"a\":null}",
        "{\"a\":{}}",
        "{\"a\":[]}",
        "{\"a\":true}",
        "{\"a\":\"b\"",
        "{\"a\":\"b\",}",
        "{\"a\"}",
        "{\"a\":\"b\"}}",
        "{\"a\":\"b\",\"a\":\"c\"}",
        "{\"a\":\"b\",\"c\":\"d\",\"\\u0061\":\"b\"}",
        "{\"\":\"\",\"\":\"\"}",
    };
    struct imprint_pair pairs[4];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct imprint_writer into = imprint_slice_writer(texts, 64);
        size_t count = 4;

        if (get_pairs(bad[i], &into, pairs, &count) != IMPRINT_ERR_FORMAT)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(count, 4);
        assert_int_equal(into.len, 0);
    }
}

static void maps_come_out_as_pairs(void **state)
{
    static const char map[] =
        " {\"a\":\"1\\n\",\"\":\"\", \"\\u00e9\" : \"x\",\"aa\":\"1\"} ";
    size_t need = 1 + 2 + 2 + 1 + 2 + 1;
    size_t space;
    size_t places;

    (void)state;
    for (space = 0; space <= need; space++)
        for (places = 0; places <= 5; places++) {
            uint8_t *bytes = malloc(space ? space : 1);
            struct imprint_pair *pairs = malloc((places + 1) * sizeof(*pairs));
            struct imprint_writer into = imprint_slice_writer(bytes, space);
            size_t count = places;
            bool good = space >= need && places >= 4;

            assert_int_equal(get_pairs(map, &into, pairs, &count),
                             good ? IMPRINT_OK : IMPRINT_ERR_SPACE);
            assert_int_equal(into.len, need);
            assert_int_equal(count, good ? 4 : places);
            if (good) {
                assert_slice_is(pairs[0].name, "a", 1);
                assert_slice_is(pairs[0].value, "1\n", 2);
                assert_int_equal(pairs[1].name.len, 0);
                assert_int_equal(pairs[1].value.len, 0);
                assert_slice_is(pairs[2].name, "\xc3\xa9", 2);
                assert_slice_is(pairs[2].value, "x", 1);
                assert_slice_is(pairs[3].name, "aa", 2);
                assert_slice_is(pairs[3].value, "1", 1);
            }
            free(bytes);
            free(pairs);
        }
}

static void cbor_maps_come_out_as_pairs(void **state)
{
    static const char map[] = "\xbf\x7f\x61"
                              "a\x61"
                              "b\xff\x61"
                              "c\x60\x60\xff";
    struct imprint_writer into = imprint_slice_writer(texts, sizeof(texts));
    struct imprint_pair pairs[2];
    size_t count = 2;

    (void)state;
    assert_int_equal(
        imprint_codec_get_pairs(cbor, imprint_slice_of(map, sizeof(map) - 1),
                                &into, pairs, &count),
        IMPRINT_OK);
    assert_int_equal(count, 2);
    assert_slice_is(pairs[0].name, "ab", 2);
    assert_slice_is(pairs[0].value, "c", 1);
    assert_int_equal(pairs[1].name.len, 0);
    assert_int_equal(pairs[1].value.len, 0);
}

/* ---- an endpoint's requests ---- */

static enum imprint_status get_register(const char *payload, size_t space,
                                        struct imprint_registration *out,
                                        size_t *len)
{
    struct imprint_writer into = imprint_slice_writer(texts, space);
    struct imprint_slice copy = copy_of(payload, strlen(payload));
    enum imprint_status status =
        imprint_codec_get_register(json, copy, &into, out);

    drop(copy);
    *len = into.len;
    return status;
}

static void parameters_are_text_and_may_be_absent(void **state)
{
    static const struct {
        const char *json;
        enum imprint_status status;
        size_t count;
    } cases[] = {
        {"{\"certificateOwnershipToken\":\"t\"}", IMPRINT_OK, 0},
        {"{\"certificateOwnershipToken\":\"\"}", IMPRINT_OK, 0},
        {"{\"certificateOwnershipToken\":\"t\",\"parameters\":null}",
         IMPRINT_OK, 0},
        {"{\"certificateOwnershipToken\":\"t\",\"parameters\":{}}", IMPRINT_OK,
         0},
        {"{\"parameters\":{\"a\":\"1\",\"b\":\"2\"},"
         "\"certificateOwnershipToken\":\"t\"}",
         IMPRINT_OK, 2},
        {"{\"certificateOwnershipToken\":\"t\",\"parameters\":{\"a\":1}}",
         IMPRINT_ERR_FORMAT, 0},
        {"{\"certificateOwnershipToken\":\"t\",\"parameters\":{\"a\":null}}",
         IMPRINT_ERR_FORMAT, 0},
        {"{\"certificateOwnershipToken\":\"t\",\"parameters\":"
         "{\"a\":\"1\",\"a\":\"2\"}}",
         IMPRINT_ERR_FORMAT, 0},
        {"{\"certificateOwnershipToken\":\"t\",\"parameters\":"
         "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}",
         IMPRINT_ERR_SPACE, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct imprint_pair pairs[2];
        struct imprint_registration out = {{NULL, 0}, pairs, 2};
        size_t len;

        assert_int_equal(get_register(cases[i].json, 64, &out, &len),
                         cases[i].status);
        assert_int_equal(out.parameter_count,
                         cases[i].status ? 2 : cases[i].count);
        if (cases[i].status == IMPRINT_ERR_FORMAT)
            assert_int_equal(len, 0);
        if (cases[i].status)
            assert_null(out.token.bytes);
    }
}

static void registrations_name_the_whole_room(void **state)
{
    static const char payload[] =
        "{\"parameters\":{\"ab\":\"1\\t\",\"c\":\"\"},"
        "\"certificateOwnershipToken\":\"token\"}";
    size_t space;

    (void)state;
    for (space = 0; space <= 10; space++) {
        struct imprint_pair pairs[2];
        struct imprint_registration out = {{NULL, 0}, pairs, 2};
        size_t len;

        assert_int_equal(get_register(payload, space, &out, &len),
                         space < 10 ? IMPRINT_ERR_SPACE : IMPRINT_OK);
        assert_int_equal(len, 10);
        if (space < 10)
            continue;
        assert_slice_is(out.token, "token", 5);
        assert_slice_is(pairs[0].name, "ab", 2);
        assert_slice_is(pairs[0].value, "1\t", 2);
        assert_slice_is(pairs[1].name, "c", 1);
        assert_int_equal(pairs[1].value.len, 0);
    }
}

static void things_without_a_name_are_written_without(void **state)
{
    static const char expected[] = "{\"deviceConfiguration\":{\"a\":\"b\"}}";
    struct imprint_pair pair = {imprint_slice_text("a"),
                                imprint_slice_text("b")};
    struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));

    (void)state;
    imprint_codec_put_registered(&writer, json, imprint_slice_of(NULL, 0),
                                 &pair, 1);
    assert_slice_is(imprint_slice_since(&writer, 0), expected,
                    sizeof(expected) - 1);
}

/* A second message behind the first in one buffer: no stray separator. */
static void writers_may_hold_two_messages(void **state)
{
    static const char expected[] = "{\"certificateSigningRequest\":\"a\"}"
                                   "{\"certificateSigningRequest\":\"b\"}";
    struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));

    (void)state;
    imprint_codec_put_csr(&writer, json, imprint_slice_text("a"));
    imprint_codec_put_csr(&writer, json, imprint_slice_text("b"));
    assert_slice_is(imprint_slice_since(&writer, 0), expected,
                    sizeof(expected) - 1);
    assert_int_equal(imprint_codec_encoding(json), IMPRINT_ENC_JSON);
    assert_int_equal(imprint_codec_encoding(cbor), IMPRINT_ENC_CBOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_have_64_hexadecimal_digits),
        cmocka_unit_test(a_bad_id_is_found_once_there_is_room),
        cmocka_unit_test(tokens_have_up_to_2048_bytes),
        cmocka_unit_test(certificates_are_not_empty),
        cmocka_unit_test(results_are_appended_and_fill_their_part),
        cmocka_unit_test(absent_null_and_empty_differ),
        cmocka_unit_test(names_are_told_from_values),
        cmocka_unit_test(rejections_need_their_number_only),
        cmocka_unit_test(keys_go_along_only_if_there_is_one),
        cmocka_unit_test(maps_are_flat),
        cmocka_unit_test(maps_come_out_as_pairs),
        cmocka_unit_test(cbor_maps_come_out_as_pairs),
        cmocka_unit_test(parameters_are_text_and_may_be_absent),
        cmocka_unit_test(registrations_name_the_whole_room),
        cmocka_unit_test(things_without_a_name_are_written_without),
        cmocka_unit_test(writers_may_hold_two_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
