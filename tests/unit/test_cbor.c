/* CBOR, seen through a rejection: what is taken, what is refused, and how. */
#include "messages.h"

#include "imprint/codec.h"

static const struct imprint_format *const cbor = &imprint_cbor_format;

static unsigned digit_of(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Appends what hexadecimal digits stand for; blanks do not count. */
static void put_hex(struct imprint_writer *writer, const char *hex)
{
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        imprint_slice_put_byte(
            writer, (uint8_t)(digit_of(hex[0]) << 4 | digit_of(hex[1])));
        hex++;
    }
    assert_true(imprint_slice_fits(writer));
}

static enum imprint_status status_of(struct imprint_slice payload,
                                     struct imprint_rejection *out)
{
    static uint8_t room[512];
    struct imprint_writer into = imprint_slice_writer(room, sizeof(room));

    return get_rejection(cbor, payload, &into, out);
}

static enum imprint_status status_of_hex(const char *hex,
                                         struct imprint_rejection *out)
{
    uint8_t room[512];
    struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));

    put_hex(&writer, hex);
    return status_of(imprint_slice_since(&writer, 0), out);
}

#define STATUS_CODE "6a737461747573436f6465 " /* "statusCode" */
#define ERROR_CODE "696572726f72436f6465 "    /* "errorCode" */

/* value as an unknown member: plain, in an array of definite length, in a map
 * of indefinite length, under a tag. */
static enum imprint_status status_of_value(const char *hex)
{
    static const char *const around[][2] = {
        {"", ""}, {"81 ", ""}, {"bf 6161 ", " ff"}, {"c0 ", ""}};
    enum imprint_status status[4];
    unsigned i;

    for (i = 0; i < 4; i++) {
        uint8_t room[512];
        struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));
        struct imprint_rejection out;

        put_hex(&writer, "a2 6178 "); /* "x" */
        put_hex(&writer, around[i][0]);
        put_hex(&writer, hex);
        put_hex(&writer, around[i][1]);
        put_hex(&writer, STATUS_CODE "07");
        status[i] = status_of(imprint_slice_since(&writer, 0), &out);
        if (!status[i])
            assert_int_equal(out.status_code, 7);
        if (status[i] != status[0])
            fail_msg("differs: %s%s%s", around[i][0], hex, around[i][1]);
    }
    return status[0];
}

/* RFC 8949, appendix A, and more of the kind. */
/* clang-format off */
static const char *const good_values[] = {
    "00", "01", "0a", "17", "1818", "1819", "1864", "1903e8", "1a000f4240",
    "1b000000e8d4a51000", "1bffffffffffffffff", "c249010000000000000000",
    "3bffffffffffffffff", "c349010000000000000000", "20", "29", "3863",
    "3903e7", "f90000", "f98000", "f93c00", "fb3ff199999999999a", "f93e00",
    "f97bff", "fa47c35000", "fa7f7fffff", "fb7e37e43c8800759c", "f90001",
    "f90400", "f9c400", "fbc010666666666666", "f97c00", "f97e00", "f9fc00",
    "fa7f800000", "fa7fc00000", "faff800000", "fb7ff0000000000000",
    "fb7ff8000000000000", "fbfff0000000000000", "f4", "f5", "f6", "f7", "f0",
    "e0", "f3", "f820", "f8ff", "c074323031332d30332d32315432303a30343a30305a",
    "c11a514b67b0", "c1fb41d452d9e8200000", "d74401020304",
    "d818456449455446", "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
    "40", "4401020304", "60", "6161", "6449455446", "62225c", "62c3bc",
    "63e6b0b4", "64f0908591", "80", "83010203", "8301820203820405",
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819", "a0",
    "a201020304", "a26161016162820203", "826161a161626163",
    "a56161614161626142616361436164614461656145", "5f42010243030405ff",
    "7f657374726561646d696e67ff", "9fff", "9f018202039f0405ffff",
    "9f01820203820405ff", "83018202039f0405ff", "83019f0203ff820405",
    "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
    "bf61610161629f0203ffff", "826161bf61626163ff",
    "bf6346756ef563416d7421ff", "bfff",
    /* not the shortest form */
    "1800", "190000", "1a00000000", "1b0000000000000000", "580161", "780161",
    "790001 61", "7a00000001 61", "7b0000000000000001 61", "9800",
    "9b0000000000000001 00", "b800", "bb0000000000000001 0000",
    /* empty chunks, none, bytes that are no text, names of other types */
    "5fff", "7fff", "7f60ff", "7f606161ff", "41ff", "5f41ff41feff", "a10102",
    "a1f6f6", "a18000", "a1a000", "a1410000", "a1c06161 00", "bf0102ff",
    "bf8000a0f5ff", "a2 6161 00 6161 00",
    /* tags on tags and in containers */
    "c0c1c2c300", "d9d9f7 a0", "db ffffffffffffffff 00", "81c000",
    "9fc000ff", "bfc000c001ff", "c080", "c0a0", "c09fff",
    "8181818181818181818100",
};

static const char *const bad_values[] = {
    /* cut: some take what follows with them */
    "18", "19", "1903", "1a000f42", "1b000000e8d4a510", "f8", "f97b",
    "fa47c350", "fb7e37e43c880075", "61", "62c3", "78", "7818", "7903e861",
    "41", "58", "5903e8", "5a0000ffff", "5bffffffffffffffff", "5f41", "5f",
    "5f40", "7f", "7f60", "9f", "9f01", "bf", "bf01", "bf0102", "c0", "c0c1",
    "d8", "d818", "81", "8201", "98", "9a00ffffff", "9bffffffffffffffff",
    "9b8000000000000000", "9b0000000100000000", "a1", "a101", "a20102",
    "b8ff", "ba7fffffff", "baffffffff", "bb8000000000000000",
    "bbffffffffffffffff", "bb7fffffffffffffff", "bb0000000100000001 0000",
    "7b8000000000000001 61", "7a7fffffff", "7affffffff", "5affffffff",
    "7b0000000100000001 61",
    /* reserved additional information */
    "1c", "1d", "1e", "3c", "3d", "3e", "5c", "5d", "5e", "7c", "7d", "7e",
    "9c", "9d", "9e", "bc", "bd", "be", "dc", "dd", "de", "fc", "fd", "fe",
    /* no indefinite length */
    "1f", "3f", "df", "1f ff", "3f 00 ff", "df 00",
    /* simple values in two bytes that fit in one */
    "f800", "f801", "f817", "f818", "f81f",
    /* a break where none may be */
    "ff", "81ff", "8200ff", "a1ff", "a1ff00", "a100ff", "a20000ff", "c0ff",
    "bf00ff", "bf000000ff", "9f81ff", "9fc0ff", "bfc0ff", "bf00c0ff",
    "9f829f819f9fffffffff",
    /* chunks of another type, or chunks of chunks */
    "5f00", "5f6161", "7f00", "7f4100", "5ff5", "5f00ff", "5f21ff",
    "5f6161ff", "5f80ff", "5fa0ff", "5fc000ff",
    "5fc04100ff", "5ff5ff", "5f5f4100ffff", "7f4100ff", "7f00ff",
    "7f7f6100ffff", "7f7f6161ffff", "7fc06161ff", "7ff6ff", "5f5cff",
    "7f7cff",
    /* not UTF-8, or with a NUL; not across chunks either */
    "6180", "61ff", "62c080", "63eda080", "64f4908080", "6100", "63610061",
    "62c328", "7f61c361bcff", "7f6100ff", "7f62c3bc6180ff", "a1618000",
    "a161ff00", "816180",
};
/* clang-format on */

static void good_values_are_skipped(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good_values) / sizeof(good_values[0]); i++)
        if (status_of_value(good_values[i]))
            fail_msg("refused: %s", good_values[i]);
}

static void bad_values_are_refused(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++)
        if (status_of_value(bad_values[i]) != IMPRINT_ERR_FORMAT)
            fail_msg("taken: %s", bad_values[i]);
}

static void numbers_have_32_bits(void **state)
{
    static const struct {
        const char *hex;
        bool good;
        uint32_t number;
    } cases[] = {
        {"00", true, 0},
        {"17", true, 23},
        {"1818", true, 24},
        {"18ff", true, 255},
        {"190190", true, 400},
        {"19ffff", true, 65535},
        {"1a00010000", true, 65536},
        {"1affffffff", true, UINT32_MAX},
        {"1b00000000ffffffff", true, UINT32_MAX},
        {"1b0000000000000190", true, 400},
        {"1b0000000100000000", false, 0},
        {"1b8000000000000190", false, 0},
        {"20", false, 0},
        {"39018f", false, 0},
        {"f95e40", false, 0},
        {"63343030", false, 0},
        {"c0190190", false, 0},
        {"f6", false, 0},
        {"f5", false, 0},
        {"81190190", false, 0},
        {"a0", false, 0},
        {"420190", false, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        struct imprint_rejection out;

        snprintf(text, sizeof(text), "a1 " STATUS_CODE "%s", cases[i].hex);
        assert_int_equal(status_of_hex(text, &out),
                         cases[i].good ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
        if (cases[i].good)
            assert_int_equal(out.status_code, cases[i].number);
    }
}

static void texts_come_in_every_form(void **state)
{
    static const char *const forms[] = {
        "6461c3bc62",
        "780461c3bc62",
        "79000461c3bc62",
        "7a0000000461c3bc62",
        "7f6461c3bc62ff",
        "7f616162c3bc6162ff",
        "7b000000000000000461c3bc62",
        "7f60 63 61c3bc 60 7801 62ff",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char text[128];
        struct imprint_rejection out;
        enum imprint_status status;

        snprintf(text, sizeof(text), "a2 " STATUS_CODE "01 " ERROR_CODE "%s",
                 forms[i]);
        status = status_of_hex(text, &out);
        assert_int_equal(status, IMPRINT_OK);
        assert_slice_is(out.code,
                        "a\xc3\xbc"
                        "b",
                        4);
    }
}

/* A name in chunks is the same name; under a tag it is none. */
static void names_come_in_every_form(void **state)
{
    struct imprint_rejection out;

    (void)state;
    assert_int_equal(
        status_of_hex("a1 7f 66737461747573 64436f6465 ff 05", &out),
        IMPRINT_OK);
    assert_int_equal(out.status_code, 5);
    assert_int_equal(status_of_hex("a1 780a737461747573436f6465 05", &out),
                     IMPRINT_OK);
    assert_int_equal(status_of_hex("a1 c0" STATUS_CODE "05", &out),
                     IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of_hex("a1 4a737461747573436f6465 05", &out),
                     IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of_hex("a2" STATUS_CODE "05 00 00", &out),
                     IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of_hex("a2" STATUS_CODE "05 80 00", &out),
                     IMPRINT_ERR_FORMAT);
    assert_int_equal(status_of_hex("a2" STATUS_CODE "05 a0 00", &out),
                     IMPRINT_ERR_FORMAT);
}

static void a_message_is_one_map(void **state)
{
    static const char *const bad[] = {
        "",
        "00",
        "f6",
        "80",
        "60",
        "c0a1" STATUS_CODE "01",
        "81a1" STATUS_CODE "01",
        "d9d9f7a1" STATUS_CODE "01",
        "a1" STATUS_CODE "0100",
        "a1" STATUS_CODE "01ff",
        "a1" STATUS_CODE "01a0",
        "a2" STATUS_CODE "01",
        "bf" STATUS_CODE "01",
        "bf" STATUS_CODE "ff",
        "bf" STATUS_CODE "01ffff",
        "bf" STATUS_CODE "01ff00",
        "a0",
        "bfff",
        "a1" STATUS_CODE,
        "9fff",
        "ff",
        "bb8000000000000001" STATUS_CODE "01",
        "a1" STATUS_CODE "18",
        "a1" STATUS_CODE "1901",
        "a1" STATUS_CODE "1a000001",
    };
    static const char *const good[] = {
        "a1" STATUS_CODE "01",
        "bf" STATUS_CODE "01ff",
        "b801" STATUS_CODE "01",
        "bb0000000000000001" STATUS_CODE "01",
    };
    static const char *const cut[] = {"61c3",   "62e282", "63f09080", "61f0",
                                      "7f61c3", "7f",     "7f61"};
    struct imprint_rejection out;
    size_t i;

    (void)state;
    /* The payload ends in a text that is cut: nothing behind it is read. */
    for (i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
        char text[96];

        snprintf(text, sizeof(text), "a2" STATUS_CODE "01" ERROR_CODE "%s",
                 cut[i]);
        assert_int_equal(status_of_hex(text, &out), IMPRINT_ERR_FORMAT);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (status_of_hex(bad[i], &out) != IMPRINT_ERR_FORMAT)
            fail_msg("taken: %s", bad[i]);
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (status_of_hex(good[i], &out))
            fail_msg("refused: %s", good[i]);
    assert_int_equal(status_of(imprint_slice_of(NULL, 0), &out),
                     IMPRINT_ERR_FORMAT);
}

/* The message is the first of 16. */
static void depth_ends_at_16(void **state)
{
    static const char *const opens[] = {"81", "9f", "a100", "bf00", "c081"};
    static const char *const closes[] = {"", "ff", "", "ff", ""};
    unsigned kind;
    unsigned depth;

    (void)state;
    for (kind = 0; kind < 5; kind++)
        for (depth = 1; depth <= 20; depth++) {
            uint8_t room[256];
            struct imprint_writer writer =
                imprint_slice_writer(room, sizeof(room));
            struct imprint_rejection out;
            unsigned i;

            put_hex(&writer, "a2" STATUS_CODE "01 6178");
            for (i = 1; i < depth; i++)
                put_hex(&writer, opens[kind]);
            put_hex(&writer, "00");
            for (i = 1; i < depth; i++)
                put_hex(&writer, closes[kind]);
            assert_int_equal(status_of(imprint_slice_since(&writer, 0), &out),
                             depth <= 16 ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
        }
}

/* Every length of text around the edges of the heads. */
static void lengths_are_written_in_the_shortest_form(void **state)
{
    static const struct {
        size_t len;
        const char *head;
    } cases[] = {
        {0, "60"},         {1, "61"},
        {23, "77"},        {24, "7818"},
        {255, "78ff"},     {256, "790100"},
        {65535, "79ffff"}, {65536, "7a00010000"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t room_len = cases[i].len + 64;
        uint8_t *room = malloc(room_len);
        uint8_t *text = malloc(cases[i].len + 1);
        struct imprint_writer writer = imprint_slice_writer(room, room_len);
        uint8_t head_room[40];
        struct imprint_writer head =
            imprint_slice_writer(head_room, sizeof(head_room));
        struct imprint_slice csr_pem;

        memset(text, 'a', cases[i].len + 1);
        imprint_codec_put_csr(&writer, cbor,
                              imprint_slice_of(text, cases[i].len));
        put_hex(&head, "a1 7819");
        imprint_slice_put_text(&head, "certificateSigningRequest");
        put_hex(&head, cases[i].head);
        assert_int_equal(writer.len, head.len + cases[i].len);
        assert_memory_equal(room, head_room, head.len);
        if (cases[i].len) {
            uint8_t *copy = malloc(cases[i].len);
            struct imprint_writer into =
                imprint_slice_writer(copy, cases[i].len);

            assert_int_equal(
                imprint_codec_get_csr(cbor, imprint_slice_since(&writer, 0),
                                      &into, &csr_pem),
                IMPRINT_OK);
            assert_slice_is(csr_pem, text, cases[i].len);
            free(copy);
        }
        free(room);
        free(text);
    }
}

static void numbers_are_written_in_the_shortest_form(void **state)
{
    static const struct {
        uint32_t number;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {23, "17"},
        {24, "1818"},
        {255, "18ff"},
        {256, "190100"},
        {400, "190190"},
        {65535, "19ffff"},
        {65536, "1a00010000"},
        {16777216, "1a01000000"},
        {UINT32_MAX, "1affffffff"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct imprint_rejection in;
        uint8_t room[64];
        uint8_t expected[64];
        struct imprint_writer writer = imprint_slice_writer(room, sizeof(room));
        struct imprint_writer hex =
            imprint_slice_writer(expected, sizeof(expected));

        memset(&in, 0, sizeof(in));
        in.status_code = cases[i].number;
        imprint_codec_put_rejection(&writer, cbor, &in);
        put_hex(&hex, "a3" STATUS_CODE);
        put_hex(&hex, cases[i].hex);
        put_hex(&hex, ERROR_CODE "60 6c6572726f724d657373616765 60");
        assert_slice_is(imprint_slice_since(&writer, 0), expected, hex.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values_are_skipped),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(numbers_have_32_bits),
        cmocka_unit_test(texts_come_in_every_form),
        cmocka_unit_test(names_come_in_every_form),
        cmocka_unit_test(a_message_is_one_map),
        cmocka_unit_test(depth_ends_at_16),
        cmocka_unit_test(lengths_are_written_in_the_shortest_form),
        cmocka_unit_test(numbers_are_written_in_the_shortest_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
