#include "hook_exec.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hook_keeper.h"
#include "line.h"
#include "posix/clock.h"

#define TAIL_LEN 1024 /* of stderr */

enum { AT_STDIN, AT_STDOUT, AT_STDERR, AT_CONTROL, AT_STOP, AT_COUNT };

enum end { END_NOT_YET, END_OF_ALL, END_LATE, END_STOPPED, END_TOO_LONG };

struct run {
    struct imprint_hook_job *job;
    struct imprint_hook_keeper keeper;
    struct imprint_hook_keeper_report report;
    size_t event_len;
    size_t sent_len;
    char tail[TAIL_LEN];
    size_t tail_len;
};

/* False: it does not listen any more. */
static bool feed(struct run *run)
{
    ssize_t len;

    while (run->sent_len < run->event_len) {
        len = write(run->keeper.stdin_fd, run->job->event + run->sent_len,
                    run->event_len - run->sent_len);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return errno == EAGAIN;
        run->sent_len += (size_t)len;
    }
    return false;
}

/* len > 0: bytes; 0: none now; -1: no more will come. */
static ssize_t read_some(int fd, char *into, size_t room_len)
{
    ssize_t len;

    do {
        len = read(fd, into, room_len);
    } while (len < 0 && errno == EINTR);
    if (len < 0)
        return errno == EAGAIN ? 0 : -1;
    return len == 0 ? -1 : len;
}

/* Its answer, up to one byte too much. False: closed, or too much. */
static bool take_answer(struct run *run)
{
    struct imprint_hook_job *job = run->job;
    ssize_t len;

    while (job->answer_len <= IMPRINT_HOOK_ANSWER_MAX_LEN) {
        len = read_some(run->keeper.stdout_fd, job->answer + job->answer_len,
                        IMPRINT_HOOK_ANSWER_MAX_LEN + 1 - job->answer_len);
        if (len <= 0)
            return len == 0;
        job->answer_len += (size_t)len;
    }
    return false;
}

/* The last of what it says on stderr. */
static bool take_tail(struct run *run)
{
    char some[TAIL_LEN];
    size_t keep_len;
    ssize_t len;

    while ((len = read_some(run->keeper.stderr_fd, some, sizeof(some))) > 0) {
        keep_len = sizeof(run->tail) - (size_t)len;
        if (keep_len > run->tail_len)
            keep_len = run->tail_len;
        memmove(run->tail, run->tail + run->tail_len - keep_len, keep_len);
        memcpy(run->tail + keep_len, some, (size_t)len);
        run->tail_len = keep_len + (size_t)len;
    }
    return len == 0;
}

/* The first report counts. False: the keeper is gone. */
static bool take_report(struct run *run)
{
    struct imprint_hook_keeper_report report;
    ssize_t len = recv(run->keeper.control_fd, &report, sizeof(report), 0);

    if (len < 0)
        return errno == EINTR;
    if (len != (ssize_t)sizeof(report))
        return false;
    if (run->report.event == IMPRINT_HOOK_KEEPER_NOTHING)
        run->report = report;
    return true;
}

static enum end take_all(struct run *run, const struct pollfd fds[AT_COUNT])
{
    if (fds[AT_STOP].revents)
        return END_STOPPED;
    if (fds[AT_STDIN].revents && !feed(run))
        imprint_hook_keeper_close(&run->keeper.stdin_fd);
    if (fds[AT_STDOUT].revents && !take_answer(run))
        imprint_hook_keeper_close(&run->keeper.stdout_fd);
    if (fds[AT_STDERR].revents && !take_tail(run))
        imprint_hook_keeper_close(&run->keeper.stderr_fd);
    if (run->job->answer_len > IMPRINT_HOOK_ANSWER_MAX_LEN)
        return END_TOO_LONG;
    if (!fds[AT_CONTROL].revents || take_report(run))
        return END_NOT_YET;
    /* all that could write is dead: what it wrote is there */
    if (run->keeper.stdout_fd >= 0)
        (void)take_answer(run);
    if (run->keeper.stderr_fd >= 0)
        (void)take_tail(run);
    return run->job->answer_len > IMPRINT_HOOK_ANSWER_MAX_LEN ? END_TOO_LONG
                                                              : END_OF_ALL;
}

static enum end follow(struct run *run, int64_t then_ms, int stop_fd)
{
    enum end end = END_NOT_YET;
    int64_t left_ms;

    while (end == END_NOT_YET) {
        struct pollfd fds[AT_COUNT] = {
            [AT_STDIN] = {.fd = run->keeper.stdin_fd, .events = POLLOUT},
            [AT_STDOUT] = {.fd = run->keeper.stdout_fd, .events = POLLIN},
            [AT_STDERR] = {.fd = run->keeper.stderr_fd, .events = POLLIN},
            [AT_CONTROL] = {.fd = run->keeper.control_fd, .events = POLLIN},
            [AT_STOP] = {.fd = stop_fd, .events = POLLIN},
        };

        left_ms = then_ms - imprint_clock_now_ms();
        if (left_ms <= 0)
            return END_LATE;
        if (poll(fds, AT_COUNT, (int)left_ms) > 0)
            end = take_all(run, fds);
    }
    return end;
}

/* ---- what came out ---- */

/* ": " and its last line that is not empty, in quotes; or "". */
static const char *quote_tail(struct run *run,
                              char words[IMPRINT_LINE_WORD_LEN + 2])
{
    size_t end = run->tail_len;
    size_t start;

    while (end > 0 && strchr(" \t\r\n", run->tail[end - 1]))
        end--;
    if (end == sizeof(run->tail))
        end--;
    run->tail[end] = '\0';
    for (start = end; start > 0 && run->tail[start - 1] != '\n'; start--)
        continue;
    if (start == end)
        return "";
    words[0] = ':';
    words[1] = ' ';
    (void)imprint_line_quote(words + 2, run->tail + start);
    return words;
}

static void conclude(struct run *run, enum end end)
{
    struct imprint_hook_job *job = run->job;
    char words[IMPRINT_LINE_WORD_LEN + 2];
    const char *tail = quote_tail(run, words);
    int value = run->report.value;

    job->outcome = IMPRINT_HOOK_FAILED;
    if (end == END_LATE) {
        job->outcome = IMPRINT_HOOK_LATE;
        (void)snprintf(job->problem, sizeof(job->problem),
                       "was killed after %lld ms%s", (long long)job->timeout_ms,
                       tail);
    } else if (end == END_STOPPED) {
        (void)snprintf(job->problem, sizeof(job->problem),
                       "was killed, as the endpoint ends");
    } else if (end == END_TOO_LONG) {
        (void)snprintf(job->problem, sizeof(job->problem),
                       "answered more than %d bytes",
                       IMPRINT_HOOK_ANSWER_MAX_LEN);
    } else if (run->report.event == IMPRINT_HOOK_KEEPER_NOT_RUN) {
        (void)snprintf(job->problem, sizeof(job->problem), "can't be run: %s",
                       strerrordesc_np(value));
    } else if (run->report.event == IMPRINT_HOOK_KEEPER_NOTHING) {
        (void)snprintf(job->problem, sizeof(job->problem),
                       "was lost: somebody killed its keeper");
    } else if (run->report.event == IMPRINT_HOOK_KEEPER_KILLED) {
        (void)snprintf(job->problem, sizeof(job->problem),
                       "was ended by signal %d (%s)%s", value,
                       sigdescr_np(value) ? sigdescr_np(value) : "?", tail);
    } else if (value != 0) {
        (void)snprintf(job->problem, sizeof(job->problem),
                       "ended with status %d%s", value, tail);
    } else {
        job->outcome = IMPRINT_HOOK_ANSWERED;
        (void)snprintf(job->said, sizeof(job->said), "%s", tail);
    }
}

/* SIGPIPE must be blocked. */
static void run_job(struct imprint_hook_job *job, int stop_fd)
{
    struct run run = {.job = job, .event_len = strlen(job->event)};
    int64_t then_ms = imprint_clock_now_ms() + job->timeout_ms;
    struct imprint_why why;
    enum end end;

    job->outcome = IMPRINT_HOOK_FAILED;
    job->answer = malloc(IMPRINT_HOOK_ANSWER_MAX_LEN + 1);
    if (!job->answer) {
        (void)snprintf(job->problem, sizeof(job->problem), "out of memory");
        return;
    }
    if (imprint_hook_keeper_start(job->target + strlen("exec:"), &run.keeper,
                                  &why) != IMPRINT_OK) {
        job->answer[0] = '\0';
        (void)snprintf(job->problem, sizeof(job->problem), "%s", why.text);
        return;
    }
    end = follow(&run, then_ms, stop_fd);
    imprint_hook_keeper_end(&run.keeper);
    if (end == END_TOO_LONG)
        job->answer_len = 0;
    job->answer[job->answer_len] = '\0';
    conclude(&run, end);
}

void imprint_hook_exec_run(struct imprint_hook_job *job, int stop_fd)
{
    const struct timespec at_once = {0, 0};
    sigset_t broken_pipe;
    sigset_t pending;
    sigset_t before;

    (void)sigemptyset(&pending);
    (void)sigpending(&pending);
    (void)sigemptyset(&broken_pipe);
    (void)sigaddset(&broken_pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    run_job(job, stop_fd);
    /* the one that a deaf program caused is ours */
    if (!sigismember(&pending, SIGPIPE))
        (void)sigtimedwait(&broken_pipe, NULL, &at_once);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}
