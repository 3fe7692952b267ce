#include "hook.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hook_exec.h"
#include "hook_http.h"
#include "posix/clock.h"
#include "posix/file.h"
#include "posix/thread.h"
#include "posix/why.h"

#define EXEC "exec:"

struct imprint_hooks {
    void (*done)(void *user, struct imprint_hook_job *job);
    void *user;
    int stop_fd;          /* can be read once all shall end */
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    bool is_stopping;
    struct imprint_hook_job *first;
    struct imprint_hook_job **end;
    size_t waiting_count;
    size_t running_count;
    size_t max_count;
    pthread_t *threads;
    size_t thread_count;
};

/* ---- one job ---- */

struct imprint_hook_job *imprint_hook_new(char *target, char *event)
{
    struct imprint_hook_job *job =
        target && event ? calloc(1, sizeof(*job)) : NULL;

    if (!job) {
        free(target);
        imprint_file_free_secret(event, event ? strlen(event) : 0);
        return NULL;
    }
    job->target = target;
    job->event = event;
    return job;
}

void imprint_hook_free(struct imprint_hook_job *job)
{
    if (!job)
        return;
    free(job->target);
    imprint_file_free_secret(job->event, strlen(job->event));
    imprint_file_free_secret(job->answer, job->answer_len);
    free(job);
}

static bool is_exec(const char *target)
{
    return strncmp(target, EXEC, strlen(EXEC)) == 0;
}

/* A name and a password in it would stand in logs. */
static bool is_url(const char *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    const char *host;
    size_t len;
    size_t i;

    for (i = 0; i < 2; i++) {
        host = target + strlen(schemes[i]);
        if (strncmp(target, schemes[i], strlen(schemes[i])) != 0)
            continue;
        len = strcspn(host, "/?#");
        return len > 0 && host[0] != ':' && !memchr(host, '@', len);
    }
    return false;
}

static bool is_printable(const char *target)
{
    for (; *target != '\0'; target++) {
        if ((unsigned char)*target <= 0x20 || *target == 0x7f)
            return false;
    }
    return true;
}

enum imprint_status imprint_hook_check_target(const char *target,
                                              struct imprint_why *why)
{
    if (is_printable(target) &&
        (is_exec(target) ? target[strlen(EXEC)] == '/' : is_url(target)))
        return IMPRINT_OK;
    (void)imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                          "a hook can't be \"%.256s\"", target);
    imprint_why_hint(why, "write exec:/path/of/program, or a URL as in "
                          "http://127.0.0.1:8000/hook (no spaces, no user)");
    return IMPRINT_ERR_ARGUMENT;
}

bool imprint_hook_is_there(const char *target)
{
    return !is_exec(target) || access(target + strlen(EXEC), X_OK) == 0;
}

static void run(struct imprint_hook_job *job, int stop_fd)
{
    int64_t since_us = imprint_clock_now_us();

    if (imprint_hook_check_target(job->target, NULL) != IMPRINT_OK) {
        job->outcome = IMPRINT_HOOK_FAILED;
        (void)snprintf(job->problem, sizeof(job->problem),
                       "is neither exec:/path nor a URL");
    } else if (is_exec(job->target)) {
        imprint_hook_exec_run(job, stop_fd);
    } else {
        imprint_hook_http_run(job, stop_fd);
    }
    job->took_us = imprint_clock_now_us() - since_us;
}

void imprint_hook_run(struct imprint_hook_job *job)
{
    run(job, -1);
}

/* ---- threads ---- */

/* With the lock held. */
static void push(struct imprint_hooks *hooks, struct imprint_hook_job *job)
{
    job->next = NULL;
    *hooks->end = job;
    hooks->end = &job->next;
    hooks->waiting_count++;
}

/* NULL: none. With the lock held. */
static struct imprint_hook_job *pop(struct imprint_hooks *hooks)
{
    struct imprint_hook_job *job = hooks->first;

    if (!job)
        return NULL;
    hooks->first = job->next;
    if (!hooks->first)
        hooks->end = &hooks->first;
    hooks->waiting_count--;
    job->next = NULL;
    return job;
}

static void *work(void *user)
{
    struct imprint_hooks *hooks = user;
    struct imprint_hook_job *job;

    (void)pthread_mutex_lock(&hooks->lock);
    while (!hooks->is_stopping) {
        job = hooks->running_count < hooks->max_count ? pop(hooks) : NULL;
        if (!job) {
            (void)pthread_cond_wait(&hooks->changed, &hooks->lock);
            continue;
        }
        hooks->running_count++;
        (void)pthread_mutex_unlock(&hooks->lock);
        if (!job->is_gone || !atomic_load(job->is_gone))
            run(job, hooks->stop_fd);
        hooks->done(hooks->user, job);
        (void)pthread_mutex_lock(&hooks->lock);
        hooks->running_count--;
    }
    (void)pthread_mutex_unlock(&hooks->lock);
    return NULL;
}

enum imprint_status imprint_hook_open(
    void (*done)(void *user, struct imprint_hook_job *job), void *user,
    struct imprint_hooks **out, struct imprint_why *why)
{
    struct imprint_hooks *hooks = calloc(1, sizeof(*hooks));

    if (!hooks)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    hooks->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (hooks->stop_fd < 0) {
        free(hooks);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "can't open an eventfd");
    }
    hooks->done = done;
    hooks->user = user;
    hooks->end = &hooks->first;
    (void)pthread_mutex_init(&hooks->lock, NULL);
    (void)pthread_cond_init(&hooks->changed, NULL);
    *out = hooks;
    return IMPRINT_OK;
}

/* One more, if it would have something to do. With the lock held. */
static void start_thread(struct imprint_hooks *hooks)
{
    size_t count = hooks->thread_count;
    pthread_t *longer;

    if (count >= hooks->max_count ||
        count - hooks->running_count >= hooks->waiting_count)
        return;
    longer = realloc(hooks->threads, (count + 1) * sizeof(*longer));
    if (!longer)
        return;
    hooks->threads = longer;
    if (imprint_thread_start(&longer[count], "imprint-hook", work, hooks))
        hooks->thread_count++;
}

void imprint_hook_submit(struct imprint_hooks *hooks,
                         struct imprint_hook_job *job, size_t max_count)
{
    bool has_thread;

    (void)pthread_mutex_lock(&hooks->lock);
    hooks->max_count = max_count > 0 ? max_count : 1;
    push(hooks, job);
    start_thread(hooks);
    has_thread = hooks->thread_count > 0;
    if (!has_thread)
        (void)pop(hooks); /* so it is the only one */
    (void)pthread_cond_broadcast(&hooks->changed);
    (void)pthread_mutex_unlock(&hooks->lock);
    if (has_thread)
        return;
    job->outcome = IMPRINT_HOOK_FAILED;
    (void)snprintf(job->problem, sizeof(job->problem),
                   "could not be run: no thread can be started");
    hooks->done(hooks->user, job);
}

void imprint_hook_close(struct imprint_hooks *hooks)
{
    struct imprint_hook_job *job;
    size_t i;

    if (!hooks)
        return;
    (void)pthread_mutex_lock(&hooks->lock);
    hooks->is_stopping = true;
    (void)eventfd_write(hooks->stop_fd, 1);
    (void)pthread_cond_broadcast(&hooks->changed);
    (void)pthread_mutex_unlock(&hooks->lock);
    for (i = 0; i < hooks->thread_count; i++)
        (void)pthread_join(hooks->threads[i], NULL);
    while ((job = pop(hooks)))
        hooks->done(hooks->user, job);
    (void)close(hooks->stop_fd);
    (void)pthread_cond_destroy(&hooks->changed);
    (void)pthread_mutex_destroy(&hooks->lock);
    free(hooks->threads);
    free(hooks);
}
