/*
 * The messages, in both formats: each against the file of an encoder that is
 * not ours; cut at every byte; into every size of room; with each member
 * missing, twice, null and of every other type.
 */
#include "messages.h"

#include "imprint/codec.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct imprint_format *const formats[] = {&imprint_json_format,
                                                       &imprint_cbor_format};

enum kind { CREATED, REGISTERED, REJECTED, CSR, REGISTER, PAIRS, KINDS };

#define PAIRS_ROOM 4

/* What any message gives; a reader fills its part. */
struct result {
    struct imprint_identity identity;
    struct imprint_rejection rejection;
    struct imprint_slice csr_pem;
    struct imprint_registration registration;
    size_t pair_count;
};

static struct imprint_pair pairs[PAIRS_ROOM];

static void prepare(struct result *result)
{
    memset(result, 0x5a, sizeof(*result));
    result->registration.parameters = pairs;
    result->registration.parameter_count = PAIRS_ROOM;
    result->pair_count = PAIRS_ROOM;
}

static enum imprint_status read_kind(enum kind kind,
                                     const struct imprint_format *format,
                                     struct imprint_slice payload,
                                     struct imprint_writer *into,
                                     struct result *out)
{
    switch (kind) {
    case CREATED:
        return imprint_codec_get_created(format, payload, into, &out->identity);
    case REGISTERED:
        return imprint_codec_get_registered(format, payload, into,
                                            &out->identity);
    case REJECTED:
        return imprint_codec_get_rejection(format, payload, into,
                                           &out->rejection);
    case CSR:
        return imprint_codec_get_csr(format, payload, into, &out->csr_pem);
    case REGISTER:
        return imprint_codec_get_register(format, payload, into,
                                          &out->registration);
    default:
        return imprint_codec_get_pairs(format, payload, into, pairs,
                                       &out->pair_count);
    }
}

/* Into room bytes behind which the sanitizers watch; the rules that hold
 * always: outputs of a failure stay, FORMAT leaves into->len, a failure or a
 * success for want of nothing else names the room. Returns into->len, too. */
static enum imprint_status read_into(enum kind kind,
                                     const struct imprint_format *format,
                                     struct imprint_slice payload, size_t room,
                                     size_t *len)
{
    struct imprint_slice copy = copy_of(payload.bytes, payload.len);
    uint8_t *bytes = malloc(room ? room : 1);
    struct imprint_writer into = imprint_slice_writer(bytes, room);
    struct result out;
    struct result before;
    enum imprint_status status;

    prepare(&out);
    prepare(&before);
    status = read_kind(kind, format, copy, &into, &out);
    if (status)
        assert_memory_equal(&out, &before, sizeof(out));
    if (status == IMPRINT_ERR_FORMAT)
        assert_int_equal(into.len, 0);
    if (status == IMPRINT_OK)
        assert_in_range(into.len, 0, room);
    *len = into.len;
    free(bytes);
    drop(copy);
    return status;
}

static enum imprint_status status_of(enum kind kind,
                                     const struct imprint_format *format,
                                     struct imprint_slice payload)
{
    size_t len;

    return read_into(kind, format, payload, 8192, &len);
}

/* ---- the files ---- */

static const struct {
    const char *name;
    enum kind kind;
} files[] = {
    {"created-csr", CREATED},   {"created-keys", CREATED},
    {"registered", REGISTERED}, {"registered-empty", REGISTERED},
    {"rejected", REJECTED},     {"csr", CSR},
    {"register", REGISTER},
};

#define FILES (sizeof(files) / sizeof(files[0]))

/* Writes again what was read. */
static void write_kind(enum kind kind, const struct imprint_format *format,
                       struct imprint_writer *writer, const struct result *in)
{
    struct imprint_pair configuration[PAIRS_ROOM];
    static uint8_t room[512];
    struct imprint_writer into = imprint_slice_writer(room, sizeof(room));
    size_t count = PAIRS_ROOM;

    switch (kind) {
    case CREATED:
        imprint_codec_put_created(writer, format, &in->identity);
        break;
    case REGISTERED:
        assert_int_equal(
            imprint_codec_get_pairs(format, in->identity.device_configuration,
                                    &into, configuration, &count),
            IMPRINT_OK);
        imprint_codec_put_registered(writer, format, in->identity.thing_name,
                                     configuration, count);
        break;
    case REJECTED:
        imprint_codec_put_rejection(writer, format, &in->rejection);
        break;
    case CSR:
        imprint_codec_put_csr(writer, format, in->csr_pem);
        break;
    default:
        imprint_codec_put_register(writer, format, in->registration.token,
                                   in->registration.parameters,
                                   in->registration.parameter_count);
    }
}

static bool lies_in(struct imprint_slice slice, const uint8_t *bytes,
                    size_t len)
{
    return !slice.len ||
           (slice.bytes >= bytes && slice.bytes + slice.len <= bytes + len);
}

static void files_are_read_and_written_the_same(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < FILES * 2; i++) {
        const struct imprint_format *format = formats[i & 1];
        struct imprint_slice file = message_named(files[i / 2].name, format);
        uint8_t room[2048];
        uint8_t again[2048];
        struct imprint_writer into = imprint_slice_writer(room, sizeof(room));
        struct imprint_writer writer =
            imprint_slice_writer(again, sizeof(again));
        struct result out;
        size_t need;

        prepare(&out);
        memset(&out.identity, 0, sizeof(out.identity));
        assert_int_equal(
            read_kind(files[i / 2].kind, format, file, &into, &out),
            IMPRINT_OK);
        assert_true(lies_in(out.identity.certificate_id, room, into.len));
        assert_true(lies_in(out.identity.certificate_pem, room, into.len));
        assert_true(lies_in(out.identity.private_key_pem, room, into.len));
        assert_true(lies_in(out.identity.token, room, into.len));
        assert_true(lies_in(out.identity.thing_name, room, into.len));
        assert_true(lies_in(out.identity.device_configuration, room, into.len));
        write_kind(files[i / 2].kind, format, &writer, &out);
        assert_slice_is(imprint_slice_since(&writer, 0), file.bytes, file.len);

        /* The writers name the room that they need as well. */
        for (need = 0; need < file.len; need++) {
            uint8_t *bytes = malloc(need ? need : 1);
            struct imprint_writer small = imprint_slice_writer(bytes, need);

            write_kind(files[i / 2].kind, format, &small, &out);
            assert_int_equal(small.len, file.len);
            assert_false(imprint_slice_fits(&small));
            free(bytes);
        }
        drop(file);
    }
}

static void no_prefix_is_a_message(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < FILES * 2; i++) {
        const struct imprint_format *format = formats[i & 1];
        struct imprint_slice file = message_named(files[i / 2].name, format);
        size_t len;

        for (len = 0; len < file.len; len++)
            assert_int_equal(status_of(files[i / 2].kind, format,
                                       imprint_slice_of(file.bytes, len)),
                             IMPRINT_ERR_FORMAT);
        drop(file);
    }
}

static void every_room_is_enough_or_named(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < FILES * 2; i++) {
        const struct imprint_format *format = formats[i & 1];
        enum kind kind = files[i / 2].kind;
        struct imprint_slice file = message_named(files[i / 2].name, format);
        size_t need;
        size_t len;
        size_t room;

        assert_int_equal(read_into(kind, format, file, 8192, &need),
                         IMPRINT_OK);
        for (room = 0; room < need; room++) {
            assert_int_equal(read_into(kind, format, file, room, &len),
                             IMPRINT_ERR_SPACE);
            assert_int_equal(len, need);
        }
        assert_int_equal(read_into(kind, format, file, need, &len), IMPRINT_OK);
        drop(file);
    }
}

/* No change of one byte is worse than an error (the sanitizers watch). */
static void every_byte_may_be_any(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < FILES * 2; i++) {
        const struct imprint_format *format = formats[i & 1];
        struct imprint_slice file = message_named(files[i / 2].name, format);
        uint8_t *bytes = (uint8_t *)(uintptr_t)file.bytes;
        static const uint8_t changes[] = {0x01, 0x20, 0x40, 0x80, 0xff, 0x1f};
        size_t at;
        size_t change;

        for (at = 0; at < file.len; at++)
            for (change = 0; change < sizeof(changes); change++) {
                enum imprint_status status;

                bytes[at] ^= changes[change];
                status = status_of(files[i / 2].kind, format, file);
                assert_true(status == IMPRINT_OK ||
                            status == IMPRINT_ERR_FORMAT);
                bytes[at] ^= changes[change];
            }
        drop(file);
    }
}

/* ---- members ---- */

/* Values of every type, in the order of formats; TEXT is the member's own. */
enum value {
    TEXT,
    NUMBER,
    NEGATIVE,
    FLOAT,
    NOTHING,
    YES,
    ARRAY,
    MAP,
    MAP_IN_ARRAY,
    VALUES
};

static const struct {
    const char *json;
    const char *cbor;
    size_t cbor_len;
} values[VALUES] = {
    {NULL, NULL, 0},
    {"7", "\x07", 1},
    {"-7", "\x26", 1},
    {"7.0", "\xf9\x47\x00", 3},
    {"null", "\xf6", 1},
    {"true", "\xf5", 1},
    {"[]", "\x80", 1},
    {"{}", "\xa0", 1},
    {"[{\"a\":[1]}]", "\x81\xa1\x61\x61\x81\x01", 6},
};

struct member {
    const char *name;
    const char *text; /* NULL: not of type text */
    enum value good;
    bool required;
};

static const struct {
    enum kind kind;
    struct member members[4];
} messages[] = {
    {CREATED,
     {{"certificateId", ID, TEXT, true},
      {"certificatePem", "PEM\n", TEXT, true},
      {"certificateOwnershipToken", "t/o+k=", TEXT, true},
      {"privateKey", "KEY\n", TEXT, false}}},
    {REGISTERED,
     {{"deviceConfiguration", NULL, MAP, false},
      {"thingName", "thing", TEXT, false}}},
    {REJECTED,
     {{"statusCode", NULL, NUMBER, true},
      {"errorCode", "Code", TEXT, false},
      {"errorMessage", "Text.", TEXT, false}}},
    {CSR, {{"certificateSigningRequest", "CSR\n", TEXT, true}}},
    {REGISTER,
     {{"certificateOwnershipToken", "t/o+k=", TEXT, true},
      {"parameters", NULL, MAP, false}}},
};

#define MESSAGES (sizeof(messages) / sizeof(messages[0]))

/* A message under construction: the map has indefinite length in CBOR. */
struct draft {
    bool json;
    struct imprint_writer writer;
    uint8_t room[4096];
};

static void put_text(struct draft *draft, const char *text)
{
    size_t len = strlen(text);
    struct imprint_writer *writer = &draft->writer;

    if (!draft->json) {
        imprint_slice_put_byte(writer, 0x79);
        imprint_slice_put_byte(writer, (uint8_t)(len >> 8));
        imprint_slice_put_byte(writer, (uint8_t)len);
        imprint_slice_put_text(writer, text);
        return;
    }
    imprint_slice_put_byte(writer, '"');
    for (; *text; text++)
        if (*text == '\n')
            imprint_slice_put_text(writer, "\\n");
        else
            imprint_slice_put_byte(writer, (uint8_t)*text);
    imprint_slice_put_byte(writer, '"');
}

static void begin(struct draft *draft, const struct imprint_format *format)
{
    draft->json = format == &imprint_json_format;
    draft->writer = imprint_slice_writer(draft->room, sizeof(draft->room));
    imprint_slice_put_byte(&draft->writer, draft->json ? '{' : 0xbf);
}

static void put_name(struct draft *draft, const char *name)
{
    if (draft->json && draft->writer.len > 1)
        imprint_slice_put_byte(&draft->writer, ',');
    put_text(draft, name);
    if (draft->json)
        imprint_slice_put_byte(&draft->writer, ':');
}

static void put(struct draft *draft, const char *name, const char *text,
                enum value value)
{
    put_name(draft, name);
    if (value == TEXT)
        put_text(draft, text ? text : "text");
    else if (draft->json)
        imprint_slice_put_text(&draft->writer, values[value].json);
    else
        imprint_slice_put(
            &draft->writer,
            imprint_slice_of(values[value].cbor, values[value].cbor_len));
}

static struct imprint_slice end(struct draft *draft)
{
    imprint_slice_put_byte(&draft->writer, draft->json ? '}' : 0xff);
    assert_true(imprint_slice_fits(&draft->writer));
    return imprint_slice_since(&draft->writer, 0);
}

/* All members of message but skip (or all, if skip is < 0). */
static void put_members(struct draft *draft, size_t message, int but)
{
    int i;

    for (i = 0; i < 4; i++) {
        const struct member *member = &messages[message].members[i];

        if (member->name && i != but)
            put(draft, member->name, member->text, member->good);
    }
}

/* check(format, message, member) for every one of them. */
static void for_each_member(void (*check)(const struct imprint_format *, size_t,
                                          int))
{
    size_t i;
    int member;

    for (i = 0; i < MESSAGES * 2; i++)
        for (member = 0; member < 4; member++)
            if (messages[i / 2].members[member].name)
                check(formats[i & 1], i / 2, member);
}

static void check_missing(const struct imprint_format *format, size_t message,
                          int index)
{
    const struct member *member = &messages[message].members[index];
    struct draft draft;

    begin(&draft, format);
    put_members(&draft, message, index);
    assert_int_equal(status_of(messages[message].kind, format, end(&draft)),
                     member->required ? IMPRINT_ERR_FORMAT : IMPRINT_OK);
}

static void check_doubled(const struct imprint_format *format, size_t message,
                          int index)
{
    const struct member *member = &messages[message].members[index];
    enum value second;

    for (second = TEXT; second < VALUES; second++) {
        struct draft draft;

        begin(&draft, format);
        put_members(&draft, message, -1);
        put(&draft, member->name, member->text, second);
        assert_int_equal(status_of(messages[message].kind, format, end(&draft)),
                         IMPRINT_ERR_FORMAT);
        begin(&draft, format);
        put(&draft, member->name, member->text, second);
        put_members(&draft, message, -1);
        assert_int_equal(status_of(messages[message].kind, format, end(&draft)),
                         IMPRINT_ERR_FORMAT);
    }
}

static void check_types(const struct imprint_format *format, size_t message,
                        int index)
{
    const struct member *member = &messages[message].members[index];
    enum value value;

    for (value = TEXT; value < VALUES; value++) {
        bool good =
            value == member->good || (value == NOTHING && !member->required);
        struct draft draft;

        begin(&draft, format);
        put_members(&draft, message, index);
        put(&draft, member->name, member->text, value);
        assert_int_equal(status_of(messages[message].kind, format, end(&draft)),
                         good ? IMPRINT_OK : IMPRINT_ERR_FORMAT);
    }
}

/* A stranger of every type in front of each member, and one at the end. */
static void check_strangers(const struct imprint_format *format, size_t message,
                            int index)
{
    enum value value;

    for (value = TEXT; value < VALUES; value++) {
        struct draft draft;

        begin(&draft, format);
        put(&draft, "certificateIdentity", NULL, value);
        put_members(&draft, message, index);
        put(&draft, "", NULL, value);
        put(&draft, messages[message].members[index].name,
            messages[message].members[index].text,
            messages[message].members[index].good);
        put(&draft, "a name that is longer than any that is known", NULL,
            value);
        put(&draft, "", NULL, value);
        assert_int_equal(status_of(messages[message].kind, format, end(&draft)),
                         IMPRINT_OK);
    }
}

static void required_members_must_be_there(void **state)
{
    (void)state;
    for_each_member(check_missing);
}

static void no_member_may_come_twice(void **state)
{
    (void)state;
    for_each_member(check_doubled);
}

static void members_have_one_type(void **state)
{
    (void)state;
    for_each_member(check_types);
}

static void strangers_are_skipped(void **state)
{
    (void)state;
    for_each_member(check_strangers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_and_written_the_same),
        cmocka_unit_test(no_prefix_is_a_message),
        cmocka_unit_test(every_room_is_enough_or_named),
        cmocka_unit_test(every_byte_may_be_any),
        cmocka_unit_test(required_members_must_be_there),
        cmocka_unit_test(no_member_may_come_twice),
        cmocka_unit_test(members_have_one_type),
        cmocka_unit_test(strangers_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
