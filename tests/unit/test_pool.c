/* RSA keys made ahead: who waits for one gets one, however busy it is. */
#include "registry_rig.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "endpoint/pool.h"

#define BUSY_COUNT 8 /* threads */
#define LIMIT_S 60

struct place {
    struct rig *rig;
    struct imprint_pool *pool;
    sem_t made;
    atomic_bool is_over;
};

static void note_made(void *user)
{
    struct place *place = user;

    (void)sem_post(&place->made);
}

static void *be_busy(void *user)
{
    struct place *place = user;

    while (!atomic_load(&place->is_over))
        ;
    return NULL;
}

static void open_pool(struct place *place, size_t size)
{
    struct imprint_pool_options options = {size, note_made, place};
    struct imprint_why why = {"", ""};

    assert_int_equal(sem_init(&place->made, 0, 0), 0);
    atomic_init(&place->is_over, false);
    if (imprint_pool_open(&options, place->rig->registry, &place->pool, &why) !=
        IMPRINT_OK)
        fail_msg("%s", why.text);
}

static void close_pool(struct place *place)
{
    imprint_pool_close(place->pool);
    assert_int_equal(sem_destroy(&place->made), 0);
}

/* True: there is a new key, within LIMIT_S. */
static bool wait_made(struct place *place)
{
    struct timespec end;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &end), 0);
    end.tv_sec += LIMIT_S;
    return sem_timedwait(&place->made, &end) == 0;
}

static void take_all(struct place *place)
{
    struct imprint_pool_key key;

    while (imprint_pool_take(place->pool, &key)) {
        assert_non_null(strstr(key.pem, "PRIVATE KEY"));
        imprint_pool_free_key(&key);
    }
    while (sem_trywait(&place->made) == 0)
        ;
}

/* Nobody asks: the pool fills to its size, and not over it. */
static void test_fills(void **state)
{
    struct place place = {.rig = *state};
    struct imprint_pool_figures figures;

    open_pool(&place, 2);
    assert_true(wait_made(&place));
    assert_true(wait_made(&place));
    imprint_pool_figures(place.pool, &figures);
    assert_int_equal(figures.count, 2);
    assert_int_equal(figures.size, 2);
    assert_true(figures.keys_per_second > 0);
    close_pool(&place);
}

/* Size 0: only what is asked for. */
static void test_wanted(void **state)
{
    struct place place = {.rig = *state};
    struct imprint_pool_key key;

    open_pool(&place, 0);
    assert_false(imprint_pool_take(place.pool, &key));
    imprint_pool_want(place.pool, 1);
    assert_true(wait_made(&place));
    imprint_pool_want(place.pool, 0);
    assert_true(imprint_pool_take(place.pool, &key));
    imprint_pool_free_key(&key);
    close_pool(&place);
}

/*
 * Filling has the lowest priority, so that it never gets done beside others
 * that are always busy: who waits must not wait for it.
 */
static void test_busy_machine(void **state)
{
    struct place place = {.rig = *state};
    pthread_t busy[BUSY_COUNT];
    bool is_made;
    int i;

    open_pool(&place, 1000);
    assert_true(wait_made(&place)); /* and it is at the next one already */
    for (i = 0; i < BUSY_COUNT; i++)
        assert_int_equal(pthread_create(&busy[i], NULL, be_busy, &place), 0);
    take_all(&place);
    imprint_pool_want(place.pool, 1);
    is_made = wait_made(&place);
    atomic_store(&place.is_over, true);
    for (i = 0; i < BUSY_COUNT; i++)
        assert_int_equal(pthread_join(busy[i], NULL), 0);
    assert_true(is_made);
    close_pool(&place);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fills),
        TEST(test_wanted),
        TEST(test_busy_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
