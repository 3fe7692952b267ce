/* Figures, events and times for onlookers, and the stream of them. */
#include "dir_rig.h"

#include <stdio.h>
#include <string.h>

#include "endpoint/rest_stream.h"
#include "endpoint/watch.h"

struct pair {
    struct imprint_watch *writer;
    struct imprint_watch *reader;
};

static struct pair open_pair(void)
{
    struct pair pair = {NULL, NULL};

    must(imprint_watch_open(dir, true, &pair.writer, &why));
    must(imprint_watch_open(dir, false, &pair.reader, &why));
    return pair;
}

static void close_pair(struct pair *pair)
{
    imprint_watch_close(pair->writer);
    imprint_watch_close(pair->reader);
}

static void tell(const struct pair *pair, const char *client_id)
{
    struct imprint_watch_event event = {.kind = IMPRINT_WATCH_EVENT_CONNECTED};

    (void)snprintf(event.client_id, sizeof(event.client_id), "%s", client_id);
    imprint_watch_tell(pair->writer, &event);
}

static void test_none(void **state)
{
    struct imprint_watch *watch = NULL;

    (void)state;
    check_says(imprint_watch_open(dir, false, &watch, &why),
               IMPRINT_ERR_STORAGE, "/watch");
    assert_null(watch);
    assert_true(why.hint[0] != '\0');
}

static void test_figures(void **state)
{
    struct pair pair = open_pair();

    (void)state;
    imprint_watch_add(pair.writer, IMPRINT_WATCH_CLIENTS, 3);
    imprint_watch_add(pair.writer, IMPRINT_WATCH_CLIENTS, -1);
    assert_int_equal(imprint_watch_get(pair.reader, IMPRINT_WATCH_CLIENTS), 2);
    assert_true(imprint_watch_get(pair.reader, IMPRINT_WATCH_STARTED) > 0);
    close_pair(&pair);
}

/* What is overwritten is gone, and never half of two. */
static void test_events(void **state)
{
    struct pair pair = open_pair();
    struct imprint_watch_event event;
    char name[16];

    (void)state;
    assert_int_equal(imprint_watch_last(pair.reader), 0);
    assert_false(imprint_watch_read(pair.reader, 0, &event));
    assert_false(imprint_watch_read(pair.reader, 1, &event));
    for (int i = 1; i <= IMPRINT_WATCH_EVENT_COUNT + 2; i++) {
        (void)snprintf(name, sizeof(name), "c%d", i);
        tell(&pair, name);
    }
    assert_int_equal(imprint_watch_last(pair.reader),
                     IMPRINT_WATCH_EVENT_COUNT + 2);
    assert_false(imprint_watch_read(pair.reader, 2, &event));
    assert_true(imprint_watch_read(pair.reader, 3, &event));
    assert_string_equal(event.client_id, "c3");
    assert_true(event.time_ms > 0);
    close_pair(&pair);
}

/* Who has the old file mapped keeps it; the new one is empty. */
static void test_next_run(void **state)
{
    struct pair old = open_pair();
    struct pair new;
    struct imprint_watch_event event;

    (void)state;
    tell(&old, "before");
    new = open_pair();
    assert_int_equal(imprint_watch_last(new.reader), 0);
    assert_true(imprint_watch_read(old.reader, 1, &event));
    assert_string_equal(event.client_id, "before");
    close_pair(&old);
    close_pair(&new);
}

static void test_meter(void **state)
{
    static struct imprint_meter meter;
    const struct imprint_meter_series *series = &meter.series[0];
    char name[16];

    (void)state;
    imprint_meter_add(&meter, "RegisterThing", "accepted", "fleet", 1000);
    imprint_meter_add(&meter, "RegisterThing", "accepted", "fleet", 1001);
    imprint_meter_add(&meter, "RegisterThing", "accepted", "fleet", UINT32_MAX);
    imprint_meter_add(&meter, "RegisterThing", "Throttled", "fleet", 5);
    assert_int_equal(atomic_load(&meter.count), 2);
    assert_int_equal(atomic_load(&series->counts[0]), 1);
    assert_int_equal(atomic_load(&series->counts[1]), 1);
    assert_int_equal(
        atomic_load(&series->counts[IMPRINT_METER_BUCKET_COUNT - 1]), 1);
    assert_int_equal(atomic_load(&series->sum_us), 2001 + (uint64_t)UINT32_MAX);
    /* names that clients choose do not make it grow for ever */
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "t%d", i);
        imprint_meter_add(&meter, "RegisterThing", "NotFound", name, 1);
    }
    assert_int_equal(atomic_load(&meter.count),
                     IMPRINT_METER_SERIES_COUNT / 2 + 1);
    series = &meter.series[IMPRINT_METER_SERIES_COUNT / 2];
    assert_string_equal(series->of, "other");
    assert_int_equal(atomic_load(&series->counts[0]),
                     1002 - IMPRINT_METER_SERIES_COUNT / 2);
}

/* ---- streams ---- */

static atomic_int paused;

static void pause_one(void *connection)
{
    (void)connection;
    (void)atomic_fetch_add(&paused, 1);
}

static void resume_one(void *connection)
{
    (void)connection;
    (void)atomic_fetch_sub(&paused, 1);
}

/* Texts until there is no more, or -1; in pieces of room_len. */
static ssize_t read_all(struct imprint_rest_stream *stream, size_t room_len,
                        char *text, size_t text_len)
{
    char piece[256];
    size_t len = 0;
    ssize_t got;

    while ((got = imprint_rest_stream_read(stream, piece, room_len)) > 0) {
        assert_true(len + (size_t)got < text_len);
        memcpy(text + len, piece, (size_t)got);
        len += (size_t)got;
    }
    text[len] = '\0';
    return got;
}

static void test_stream(void **state)
{
    static char text[65536];
    struct pair pair = open_pair();
    const struct imprint_rest_streams_options options = {pair.reader, pause_one,
                                                         resume_one};
    struct imprint_rest_streams *streams = imprint_rest_streams_open(&options);
    struct imprint_rest_stream *stream;
    char last[64];

    (void)state;
    assert_non_null(streams);
    tell(&pair, "one");
    tell(&pair, "\xff\"two\n");
    stream = imprint_rest_stream_begin(streams, &pair, NULL);
    assert_int_equal(read_all(stream, 7, text, sizeof(text)), 0);
    assert_int_equal(atomic_load(&paused), 1);
    assert_non_null(strstr(text, "event: figures\ndata: {\"started\":"));
    assert_non_null(strstr(text, "\"client\":\"one\""));
    assert_non_null(strstr(text, "\"client\":\"?\\\"two\\n\""));
    while (atomic_load(&paused) > 0) /* the heartbeat wakes it */
        ;
    tell(&pair, "three");
    assert_int_equal(read_all(stream, 200, text, sizeof(text)), 0);
    assert_null(strstr(text, "\"client\":\"one\""));
    assert_non_null(strstr(text, "\"client\":\"three\""));
    while (atomic_load(&paused) > 0)
        ;
    imprint_rest_stream_end(stream);

    /* it goes on behind what was seen; what was of another run counts not */
    (void)snprintf(
        last, sizeof(last), "%lld-2",
        (long long)imprint_watch_get(pair.reader, IMPRINT_WATCH_STARTED));
    stream = imprint_rest_stream_begin(streams, &pair, last);
    (void)read_all(stream, 200, text, sizeof(text));
    assert_null(strstr(text, "two"));
    assert_non_null(strstr(text, "three"));
    imprint_rest_streams_stop(streams);
    assert_int_equal(atomic_load(&paused), 0);
    imprint_rest_stream_end(stream);
    stream = imprint_rest_stream_begin(streams, &pair, "1-2");
    assert_int_equal(read_all(stream, 200, text, sizeof(text)), -1);
    imprint_rest_stream_end(stream);
    imprint_rest_streams_close(streams);
    close_pair(&pair);
}

static void test_stream_limits(void **state)
{
    static char text[65536];
    struct pair pair = open_pair();
    const struct imprint_rest_streams_options options = {pair.reader, pause_one,
                                                         resume_one};
    struct imprint_rest_streams *streams = imprint_rest_streams_open(&options);
    struct imprint_rest_stream *all[IMPRINT_REST_STREAM_MAX_COUNT];

    (void)state;
    for (size_t i = 0; i < IMPRINT_REST_STREAM_MAX_COUNT; i++)
        all[i] = imprint_rest_stream_begin(streams, &pair, NULL);
    assert_null(imprint_rest_stream_begin(streams, &pair, NULL));
    /* one that was not read until its events were gone is told so */
    for (int i = 0; i < IMPRINT_WATCH_EVENT_COUNT + 10; i++)
        tell(&pair, "many");
    assert_true(imprint_rest_stream_read(all[0], text, 1000) > 0);
    assert_non_null(strstr(text, "event: missed\ndata: {\"count\":"));
    imprint_rest_streams_stop(streams);
    for (size_t i = 0; i < IMPRINT_REST_STREAM_MAX_COUNT; i++)
        imprint_rest_stream_end(all[i]);
    imprint_rest_streams_close(streams);
    close_pair(&pair);
}

static int set_up(void **state)
{
    (void)state;
    dir_make();
    return 0;
}

#define DIR_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, dir_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_none),          DIR_TEST(test_figures),
        DIR_TEST(test_events),        DIR_TEST(test_next_run),
        DIR_TEST(test_meter),         DIR_TEST(test_stream),
        DIR_TEST(test_stream_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
