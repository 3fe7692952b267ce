/* Hooks that are programs: what they do wrong, and that nothing is left. */
#include "hook_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/clock.h"

/* A script that ran here. */
static struct imprint_hook_job *run_script(const char *body, int64_t timeout_ms)
{
    struct imprint_hook_job *job =
        hook_make_job(hook_write_script(body), "{\"event\":1}", timeout_ms);

    imprint_hook_run(job);
    return job;
}

static void check_answer(const char *body, const char *answer)
{
    struct imprint_hook_job *job = run_script(body, HOOK_LONG_MS);

    if (job->outcome != IMPRINT_HOOK_ANSWERED)
        fail_msg("%s: %s", body, job->problem);
    assert_int_equal(job->answer_len, strlen(job->answer));
    assert_string_equal(job->answer, answer);
    imprint_hook_free(job);
}

static void check_failure(const char *body, const char *problem)
{
    struct imprint_hook_job *job = run_script(body, HOOK_LONG_MS);

    assert_int_equal(job->outcome, IMPRINT_HOOK_FAILED);
    assert_string_equal(job->problem, problem);
    imprint_hook_free(job);
}

/* ---- ends of its own ---- */

static void test_answers(void **state)
{
    (void)state;
    check_answer("cat", "{\"event\":1}");
    check_answer("cat >/dev/null; echo '{\"allowProvisioning\":true}'",
                 "{\"allowProvisioning\":true}\n");
    check_answer("exit 0", "");
    check_answer("echo noise >&2; echo yes", "yes\n");
    /* an answer counts when the program ends, not when it closes stdout */
    check_answer("echo yes; exec 1>&- 2>&-; sleep 0.05", "yes\n");
}

static void test_failures(void **state)
{
    (void)state;
    check_failure("echo '{\"allowProvisioning\":true}'; exit 1",
                  "ended with status 1");
    check_failure("echo first >&2; echo 'the \"last\" one' >&2; echo >&2; "
                  "exit 42",
                  "ended with status 42: \"the 'last' one\"");
    check_failure("printf 'no newline' >&2; exit 2",
                  "ended with status 2: \"no newline\"");
    check_failure("ulimit -c 0; kill -SEGV $$",
                  "was ended by signal 11 (Segmentation fault)");
    check_failure("echo bye >&2; kill -KILL $$",
                  "was ended by signal 9 (Killed): \"bye\"");
}

static void test_large_input(void **state)
{
    const size_t len = 1000000;
    char *event = malloc(len + 1);
    struct imprint_hook_job *job;

    (void)state;
    assert_non_null(event);
    memset(event, 'x', len);
    event[len] = '\0';
    /* it reads all, it reads none, it closes its end, it reads some */
    job = hook_make_job(hook_write_script("wc -c"), event, HOOK_LONG_MS);
    imprint_hook_run(job);
    assert_string_equal(job->answer, "1000000\n");
    imprint_hook_free(job);
    job = hook_make_job(hook_write_script("echo deaf"), event, HOOK_LONG_MS);
    imprint_hook_run(job);
    assert_int_equal(job->outcome, IMPRINT_HOOK_ANSWERED);
    assert_string_equal(job->answer, "deaf\n");
    imprint_hook_free(job);
    job = hook_make_job(hook_write_script("exec 0<&-; echo closed"), event,
                        HOOK_LONG_MS);
    imprint_hook_run(job);
    assert_string_equal(job->answer, "closed\n");
    imprint_hook_free(job);
    event[100000] = '\0';
    job = hook_make_job(hook_write_script("exec cat"), event, HOOK_LONG_MS);
    imprint_hook_run(job);
    assert_string_equal(job->answer, event);
    imprint_hook_free(job);
    free(event);
}

static void test_large_output(void **state)
{
    char body[128];
    struct imprint_hook_job *job;

    (void)state;
    (void)snprintf(body, sizeof(body), "head -c %d /dev/zero | tr '\\0' y",
                   IMPRINT_HOOK_ANSWER_MAX_LEN);
    job = run_script(body, HOOK_LONG_MS);
    assert_int_equal(job->outcome, IMPRINT_HOOK_ANSWERED);
    assert_int_equal(job->answer_len, IMPRINT_HOOK_ANSWER_MAX_LEN);
    assert_int_equal(strlen(job->answer), IMPRINT_HOOK_ANSWER_MAX_LEN);
    imprint_hook_free(job);
    (void)snprintf(body, sizeof(body), "head -c %d /dev/zero",
                   IMPRINT_HOOK_ANSWER_MAX_LEN + 1);
    check_failure(body, "answered more than 131072 bytes");
    check_failure("exec cat /dev/zero", "answered more than 131072 bytes");
    check_failure("head -c 3000000 /dev/zero | tr '\\0' z >&2; "
                  "echo >&2; echo last >&2; exit 9",
                  "ended with status 9: \"last\"");
    job = run_script("head -c 3000000 /dev/zero | tr '\\0' z >&2; exit 9",
                     HOOK_LONG_MS);
    assert_non_null(strstr(job->problem, "status 9: \"zzzz"));
    imprint_hook_free(job);
}

static void check_not_run(const char *target, const char *problem)
{
    struct imprint_hook_job *job =
        hook_make_job(strdup(target), "{}", HOOK_LONG_MS);

    imprint_hook_run(job);
    assert_int_equal(job->outcome, IMPRINT_HOOK_FAILED);
    assert_string_equal(job->problem, problem);
    assert_string_equal(job->answer, "");
    imprint_hook_free(job);
}

static void test_not_run(void **state)
{
    char path[HOOK_PATH_LEN];
    char target[HOOK_PATH_LEN + 8];
    FILE *file;

    (void)state;
    check_not_run("exec:/does/not/exist",
                  "can't be run: No such file or directory");
    check_not_run("exec:/etc", "can't be run: Permission denied");
    hook_name_file(path, "text");
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(target, sizeof(target), "exec:%s", path);
    check_not_run(target, "can't be run: Permission denied");
    assert_int_equal(chmod(path, 0755), 0);
    check_not_run(target, "can't be run: Exec format error");
}

/* ---- what it starts with ---- */

static void test_environment(void **state)
{
    struct imprint_hook_job *job =
        hook_make_job(strdup("exec:/usr/bin/env"), "{}", HOOK_LONG_MS);

    (void)state;
    assert_int_equal(setenv("IMPRINT_SECRET", "yes", 1), 0);
    imprint_hook_run(job);
    assert_string_equal(
        job->answer, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                     "/sbin:/bin\nLANG=C.UTF-8\n");
    imprint_hook_free(job);
    job = hook_make_job(strdup("exec:/bin/pwd"), "{}", HOOK_LONG_MS);
    imprint_hook_run(job);
    assert_string_equal(job->answer, "/\n");
    imprint_hook_free(job);
}

static void test_descriptors(void **state)
{
    int own = dup(STDERR_FILENO);
    int high = fcntl(own, F_DUPFD, 200);

    (void)state;
    assert_true(own >= 0 && high >= 200);
    /* 3 is what ls reads */
    check_answer("exec ls /proc/self/fd", "0\n1\n2\n3\n");
    (void)close(own);
    (void)close(high);
}

/* The same with 0 to 2 closed here: a daemon's pipes may get these numbers. */
static void test_low_descriptors(void **state)
{
    int saved[3];
    int i;
    struct imprint_hook_job *job = hook_make_job(
        hook_write_script("cat; echo bad >&2; exit 3"), "{}", HOOK_LONG_MS);

    (void)state;
    for (i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
        (void)close(i);
    }
    imprint_hook_run(job);
    for (i = 0; i < 3; i++) {
        (void)dup2(saved[i], i);
        (void)close(saved[i]);
    }
    assert_string_equal(job->problem, "ended with status 3: \"bad\"");
    assert_string_equal(job->answer, "{}");
    imprint_hook_free(job);
}

static void test_signals(void **state)
{
    sigset_t some;
    sigset_t before;
    sigset_t after;

    (void)state;
    (void)sigemptyset(&some);
    (void)sigaddset(&some, SIGTERM);
    (void)sigaddset(&some, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &some, &before);
    (void)signal(SIGINT, SIG_IGN);
    check_answer("exec grep -E '^Sig(Blk|Ign)' /proc/self/status",
                 "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    (void)signal(SIGINT, SIG_DFL);
    (void)pthread_sigmask(SIG_SETMASK, &before, &after);
    assert_true(sigismember(&after, SIGTERM));
    assert_false(sigismember(&after, SIGPIPE));
    (void)sigpending(&after);
    assert_false(sigismember(&after, SIGPIPE));
}

static void test_group(void **state)
{
    struct imprint_hook_job *job = run_script(
        "read pid name state parent group session rest </proc/self/stat; "
        "echo $group $session; exec sleep 0",
        HOOK_LONG_MS);
    int group = 0;
    int session = 0;

    (void)state;
    assert_int_equal(sscanf(job->answer, "%d %d", &group, &session), 2);
    assert_int_not_equal(group, getpgrp());
    assert_int_not_equal(session, getsid(0));
    imprint_hook_free(job);
}

/* ---- nothing is left ---- */

static void test_late(void **state)
{
    int64_t began_ms = imprint_clock_now_ms();
    struct imprint_hook_job *job = run_script("exec sleep 600", 100);
    int64_t took_ms = imprint_clock_now_ms() - began_ms;

    (void)state;
    assert_int_equal(job->outcome, IMPRINT_HOOK_LATE);
    assert_string_equal(job->problem, "was killed after 100 ms");
    assert_true(took_ms >= 100);
    assert_true(took_ms < HOOK_WAIT_MS);
    imprint_hook_free(job);
    job =
        run_script("echo 'still busy' >&2; trap '' TERM; exec sleep 600", 1000);
    assert_string_equal(job->problem,
                        "was killed after 1000 ms: \"still busy\"");
    imprint_hook_free(job);
}

static void test_late_family(void **state)
{
    struct imprint_hook_job *job;

    (void)state;
    hook_forget_family();
    job = run_script(HOOK_FAMILY "exec sleep 600", 3000);
    assert_int_equal(job->outcome, IMPRINT_HOOK_LATE);
    assert_true(hook_is_family_there());
    assert_true(hook_is_family_dead());
    imprint_hook_free(job);
}

/* Those that it leaves behind hold its stdout, and go at once. */
static void test_family_left(void **state)
{
    struct imprint_hook_job *job;

    (void)state;
    hook_forget_family();
    job = run_script(HOOK_FAMILY "echo yes", HOOK_LONG_MS);
    assert_int_equal(job->outcome, IMPRINT_HOOK_ANSWERED);
    assert_string_equal(job->answer, "yes\n");
    assert_true(hook_is_family_there());
    assert_true(hook_is_family_dead());
    imprint_hook_free(job);
}

static void test_family_of_too_much(void **state)
{
    struct imprint_hook_job *job;

    (void)state;
    hook_forget_family();
    job = run_script(HOOK_FAMILY "exec cat /dev/zero", HOOK_LONG_MS);
    assert_int_equal(job->outcome, IMPRINT_HOOK_FAILED);
    assert_true(hook_is_family_there());
    assert_true(hook_is_family_dead());
    imprint_hook_free(job);
}

/* The broker is killed while a hook runs. */
static void test_own_death(void **state)
{
    pid_t pid;

    (void)state;
    hook_forget_family();
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)run_script(HOOK_FAMILY "exec sleep 600", HOOK_LONG_MS);
        _exit(0);
    }
    hook_wait_for(hook_is_family_there);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    hook_wait_for(hook_is_family_dead);
}

static void test_children_of_others(void **state)
{
    pid_t pid = fork();
    int status = 0;

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(7);
    check_answer("echo yes", "yes\n");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    /* and none of ours is left to wait for */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_large_input),
        cmocka_unit_test(test_large_output),
        cmocka_unit_test(test_not_run),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_low_descriptors),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_late_family),
        cmocka_unit_test(test_family_left),
        cmocka_unit_test(test_family_of_too_much),
        cmocka_unit_test(test_own_death),
        cmocka_unit_test(test_children_of_others),
    };

    return cmocka_run_group_tests(tests, hook_set_up, hook_tear_down);
}
