/* Hooks on threads: how many at once, and how they end. */
#include "hook_rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "posix/clock.h"

struct basket {
    pthread_mutex_t lock;
    sem_t came;
    struct imprint_hook_job *jobs;
    size_t count;
};

static void take_done(void *user, struct imprint_hook_job *job)
{
    struct basket *basket = user;

    (void)pthread_mutex_lock(&basket->lock);
    job->next = basket->jobs;
    basket->jobs = job;
    basket->count++;
    (void)pthread_mutex_unlock(&basket->lock);
    (void)sem_post(&basket->came);
}

static void open_basket(struct basket *basket, struct imprint_hooks **hooks)
{
    struct imprint_why why;

    memset(basket, 0, sizeof(*basket));
    (void)pthread_mutex_init(&basket->lock, NULL);
    (void)sem_init(&basket->came, 0, 0);
    assert_int_equal(imprint_hook_open(take_done, basket, hooks, &why),
                     IMPRINT_OK);
}

static void wait_done(struct basket *basket, size_t count)
{
    struct timespec then;

    (void)clock_gettime(CLOCK_REALTIME, &then);
    then.tv_sec += HOOK_WAIT_MS / 1000;
    while (count-- > 0)
        assert_int_equal(sem_timedwait(&basket->came, &then), 0);
}

static void free_basket(struct basket *basket)
{
    struct imprint_hook_job *job;

    while ((job = basket->jobs)) {
        basket->jobs = job->next;
        imprint_hook_free(job);
    }
    (void)pthread_mutex_destroy(&basket->lock);
    (void)sem_destroy(&basket->came);
}

static bool are_three_running(void)
{
    char command[HOOK_PATH_LEN + 64];

    (void)snprintf(command, sizeof(command),
                   "test $(ls -d %s/run.* 2>/dev/null | wc -l) -ge 3",
                   hook_dir);
    return system(command) == 0;
}

/* Each says how many it sees running; they end once three were. */
static void test_max_count(void **state)
{
    static const char *const body = "mkdir run.$$; ls -d run.* | wc -l; "
                                    "while [ ! -e go ]; do sleep 0.01; done; "
                                    "rmdir run.$$";
    struct imprint_hooks *hooks = NULL;
    const struct imprint_hook_job *job;
    struct basket basket;
    char path[HOOK_PATH_LEN];
    size_t i;

    (void)state;
    open_basket(&basket, &hooks);
    for (i = 0; i < 12; i++)
        imprint_hook_submit(
            hooks, hook_make_job(hook_write_script(body), "{}", HOOK_LONG_MS),
            3);
    hook_wait_for(are_three_running);
    hook_name_file(path, "go");
    assert_int_equal(close(creat(path, 0600)), 0);
    wait_done(&basket, 12);
    imprint_hook_close(hooks);
    assert_int_equal(basket.count, 12);
    for (job = basket.jobs; job; job = job->next) {
        assert_int_equal(job->outcome, IMPRINT_HOOK_ANSWERED);
        assert_in_range(atoi(job->answer), 1, 3);
    }
    free_basket(&basket);
}

/* What runs is killed, what waits comes back, nobody waits for either. */
static void test_close(void **state)
{
    struct imprint_hooks *hooks = NULL;
    const struct imprint_hook_job *job;
    struct basket basket;
    size_t not_run_count = 0;
    int64_t began_ms;
    size_t i;

    (void)state;
    hook_forget_family();
    open_basket(&basket, &hooks);
    imprint_hook_submit(
        hooks,
        hook_make_job(hook_write_script(HOOK_FAMILY "exec sleep 600"), "{}",
                      HOOK_LONG_MS),
        1);
    for (i = 0; i < 3; i++)
        imprint_hook_submit(
            hooks,
            hook_make_job(hook_write_script("echo no"), "{}", HOOK_LONG_MS), 1);
    hook_wait_for(hook_is_family_there);
    began_ms = imprint_clock_now_ms();
    imprint_hook_close(hooks);
    assert_true(imprint_clock_now_ms() - began_ms < HOOK_WAIT_MS);
    assert_true(hook_is_family_dead());
    assert_int_equal(basket.count, 4);
    for (job = basket.jobs; job; job = job->next) {
        not_run_count += job->outcome == IMPRINT_HOOK_NOT_RUN;
        if (job->outcome != IMPRINT_HOOK_NOT_RUN)
            assert_string_equal(job->problem,
                                "was killed, as the endpoint ends");
    }
    assert_int_equal(not_run_count, 3);
    free_basket(&basket);
    imprint_hook_close(NULL);
}

/* It waited behind another one until nobody waited for it. */
static void test_gone(void **state)
{
    atomic_bool gone;
    struct imprint_hooks *hooks = NULL;
    struct imprint_hook_job *job =
        hook_make_job(hook_write_script("echo never"), "{}", HOOK_LONG_MS);
    struct basket basket;
    char path[HOOK_PATH_LEN];

    (void)state;
    atomic_init(&gone, false);
    job->is_gone = &gone;
    open_basket(&basket, &hooks);
    imprint_hook_submit(
        hooks,
        hook_make_job(
            hook_write_script("until [ -e gone ]; do sleep 0.01; done"), "{}",
            HOOK_LONG_MS),
        1);
    imprint_hook_submit(hooks, job, 1);
    atomic_store(&gone, true);
    hook_name_file(path, "gone");
    assert_int_equal(close(creat(path, 0600)), 0);
    wait_done(&basket, 2);
    imprint_hook_close(hooks);
    assert_ptr_equal(basket.jobs, job);
    assert_int_equal(job->outcome, IMPRINT_HOOK_NOT_RUN);
    assert_null(job->answer);
    assert_int_equal(job->next->outcome, IMPRINT_HOOK_ANSWERED);
    free_basket(&basket);
}

static void test_close_idle(void **state)
{
    struct imprint_hooks *hooks = NULL;
    struct basket basket;

    (void)state;
    open_basket(&basket, &hooks);
    imprint_hook_close(hooks);
    free_basket(&basket);
    open_basket(&basket, &hooks);
    imprint_hook_submit(
        hooks, hook_make_job(hook_write_script("echo a"), "{}", HOOK_LONG_MS),
        0);
    wait_done(&basket, 1);
    imprint_hook_close(hooks);
    assert_string_equal(basket.jobs->answer, "a\n");
    free_basket(&basket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_count),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_close_idle),
    };

    return cmocka_run_group_tests(tests, hook_set_up, hook_tear_down);
}
