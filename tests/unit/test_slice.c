/* Slices, the writer, and the names of the status codes. */
#include "messages.h"

#include "imprint/status.h"

static void slices_compare_by_bytes(void **state)
{
    struct imprint_slice empty = imprint_slice_of(NULL, 0);
    struct imprint_slice abc = imprint_slice_of("abcd", 3);

    (void)state;
    assert_true(imprint_slice_equal(abc, imprint_slice_text("abc")));
    assert_false(imprint_slice_equal(abc, imprint_slice_text("abcd")));
    assert_false(imprint_slice_equal(abc, imprint_slice_text("abd")));
    assert_false(imprint_slice_equal(abc, empty));
    assert_true(imprint_slice_equal(empty, imprint_slice_of("x", 0)));
    assert_true(imprint_slice_is(abc, "abc"));
    assert_false(imprint_slice_is(abc, "ab"));
    assert_false(imprint_slice_is(abc, ""));
    assert_true(imprint_slice_is(empty, ""));
}

static void text_of_null_is_empty(void **state)
{
    (void)state;
    assert_int_equal(imprint_slice_text(NULL).len, 0);
    assert_int_equal(imprint_slice_text("").len, 0);
    assert_int_equal(imprint_slice_text("four").len, 4);
}

static void put_all(struct imprint_writer *writer)
{
    imprint_slice_put_text(writer, "abc");
    imprint_slice_put_byte(writer, 'd');
    imprint_slice_put(writer, imprint_slice_of(NULL, 0));
    imprint_slice_put(writer, imprint_slice_of("efg", 2));
}

/* Every capacity from 0 to more than enough: len is what was needed, nothing
 * is written behind capacity. */
static void writer_remembers_overflow(void **state)
{
    size_t capacity;

    (void)state;
    for (capacity = 0; capacity < 9; capacity++) {
        uint8_t bytes[10];
        struct imprint_writer writer = imprint_slice_writer(bytes, capacity);
        struct imprint_slice all;
        size_t i;

        memset(bytes, 0x55, sizeof(bytes));
        put_all(&writer);
        all = imprint_slice_since(&writer, 0);
        assert_int_equal(writer.len, 6);
        assert_int_equal(writer.capacity, capacity);
        assert_int_equal(imprint_slice_fits(&writer), capacity >= 6);
        assert_int_equal(all.len, capacity >= 6 ? 6 : 0);
        if (all.len)
            assert_memory_equal(all.bytes, "abcdef", 6);
        for (i = capacity; i < sizeof(bytes); i++)
            assert_int_equal(bytes[i], 0x55);
    }
}

static void since_gives_the_rest(void **state)
{
    uint8_t bytes[8];
    struct imprint_writer writer = imprint_slice_writer(bytes, sizeof(bytes));

    (void)state;
    put_all(&writer);
    assert_slice_is(imprint_slice_since(&writer, 4), "ef", 2);
    assert_int_equal(imprint_slice_since(&writer, 6).len, 0);
    assert_int_equal(imprint_slice_since(&writer, 7).len, 0);
    assert_null(imprint_slice_since(&writer, 7).bytes);
}

static void writer_without_room_counts(void **state)
{
    struct imprint_writer writer = imprint_slice_writer(NULL, 0);

    (void)state;
    assert_true(imprint_slice_fits(&writer));
    put_all(&writer);
    assert_int_equal(writer.len, 6);
    assert_false(imprint_slice_fits(&writer));
}

static void erase_leaves_zeros(void **state)
{
    uint8_t bytes[5] = {1, 2, 3, 4, 5};

    (void)state;
    imprint_slice_erase(bytes + 1, 3);
    assert_memory_equal(bytes, "\1\0\0\0\5", 5);
    imprint_slice_erase(bytes, 0);
    assert_int_equal(bytes[0], 1);
    imprint_slice_erase(NULL, 0);
}

static void every_status_has_its_name(void **state)
{
    static const char *const names[] = {
        "ok",       "argument",  "space",     "format",  "refused", "lost",
        "timeout",  "throttled", "cannot",    "storage", "key",     "clock",
        "settings", "busy",      "not_found", "network", "stopped", "internal"};
    int i;

    (void)state;
    for (i = 0; i <= -(int)IMPRINT_ERR_INTERNAL; i++)
        assert_string_equal(imprint_status_name((enum imprint_status) - i),
                            names[i]);
    assert_string_equal(imprint_status_name(IMPRINT_ERR_NOT_FOUND),
                        "not_found");
    assert_string_equal(imprint_status_name((enum imprint_status) - 18),
                        "unknown");
    assert_string_equal(imprint_status_name((enum imprint_status)1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_by_bytes),
        cmocka_unit_test(text_of_null_is_empty),
        cmocka_unit_test(writer_remembers_overflow),
        cmocka_unit_test(since_gives_the_rest),
        cmocka_unit_test(writer_without_room_counts),
        cmocka_unit_test(erase_leaves_zeros),
        cmocka_unit_test(every_status_has_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
