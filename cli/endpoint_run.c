#include "endpoint_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "endpoint/endpoint.h"
#include "endpoint/where.h"
#include "endpoint_broker.h"
#include "endpoint_rest.h"
#include "endpoint_show.h"
#include "endpoint_tune.h"
#include "posix/clock.h"
#include "posix/file.h"
#include "posix/why.h"

#define START_TIMEOUT_MS 20000
#define END_TIMEOUT_MS 5000
#define LEFTOVER_TIMEOUT_MS 5000
#define PORT_TRIES 5
#define ADDRESS_LEN 300

struct supervision {
    struct imprint_endpoint_broker broker;
    struct imprint_endpoint_paths paths;
    int signals; /* signalfd of what ends us, and SIGCHLD */
    int own_lock;
    int broker_lock; /* the broker's too: it tells that one is alive */
    int pid;         /* the broker's, or 0 */
    int ready;       /* its pipe, or -1 */
    uint16_t port;
};

enum turn { TURN_READY, TURN_STOP, TURN_ENDED, TURN_LATE, TURN_REFUSED };

/* ---- waiting ---- */

/* Reaps the broker if it has ended. */
static bool has_ended(struct supervision *supervision)
{
    if (supervision->pid > 0 &&
        waitpid(supervision->pid, NULL, WNOHANG) == supervision->pid)
        supervision->pid = 0;
    return supervision->pid == 0;
}

static enum turn take_signal(struct supervision *supervision)
{
    struct signalfd_siginfo signal_now;

    if (read(supervision->signals, &signal_now, sizeof(signal_now)) !=
        (ssize_t)sizeof(signal_now))
        return TURN_LATE;
    if (signal_now.ssi_signo != SIGCHLD)
        return TURN_STOP;
    return has_ended(supervision) ? TURN_ENDED : TURN_LATE;
}

/* "ready", or "error" with text and hint; the pipe is then done with. */
static enum turn take_word(struct supervision *supervision,
                           struct imprint_why *why)
{
    char word[2 * IMPRINT_WHY_TEXT_LEN + 16];
    ssize_t got = read(supervision->ready, word, sizeof(word) - 1);
    char *rest = word;
    const char *kind;
    const char *text;
    const char *hint;

    (void)close(supervision->ready);
    supervision->ready = -1;
    word[got > 0 ? got : 0] = '\0';
    kind = strsep(&rest, "\n");
    if (strcmp(kind, "ready") == 0)
        return TURN_READY;
    text = rest ? strsep(&rest, "\n") : NULL;
    hint = rest ? strsep(&rest, "\n") : NULL;
    if (strcmp(kind, "error") != 0 || !text)
        return TURN_LATE; /* it closed the pipe: its end is near */
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "%s", text);
    imprint_why_hint(why, "%s", hint ? hint : "");
    return TURN_REFUSED;
}

/* Until something happened, or limit_ms went by (-1: never). */
static enum turn wait_turn(struct supervision *supervision, int limit_ms,
                           struct imprint_why *why)
{
    int64_t end = imprint_clock_now_ms() + limit_ms;

    for (;;) {
        struct pollfd fds[] = {{supervision->signals, POLLIN, 0},
                               {supervision->ready, POLLIN, 0}};
        int64_t left = limit_ms < 0 ? -1 : end - imprint_clock_now_ms();
        enum turn turn = TURN_LATE;

        if (limit_ms >= 0 && left <= 0)
            return TURN_LATE;
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            return TURN_STOP;
        if (fds[1].revents)
            turn = take_word(supervision, why);
        else if (fds[0].revents)
            turn = take_signal(supervision);
        if (turn != TURN_LATE)
            return turn;
    }
}

/* ---- the broker ---- */

static void end_broker(struct supervision *supervision)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    struct imprint_why nowhere;

    for (size_t i = 0; i < 2 && !has_ended(supervision); i++) {
        int64_t end = imprint_clock_now_ms() + END_TIMEOUT_MS;

        (void)kill(supervision->pid, signals[i]);
        while (!has_ended(supervision) && imprint_clock_now_ms() < end)
            (void)wait_turn(supervision, (int)(end - imprint_clock_now_ms()),
                            &nowhere);
    }
    if (supervision->ready >= 0)
        (void)close(supervision->ready);
    supervision->ready = -1;
}

/* The last line that the broker said, as the reason of its end. */
static enum imprint_status say_end(const struct supervision *supervision,
                                   const char *what, struct imprint_why *why)
{
    char path[PATH_MAX + 16];
    char *text = NULL;
    char *line = NULL;
    size_t len = 0;

    (void)snprintf(path, sizeof(path), "%s/broker.log",
                   supervision->broker.dir);
    if (imprint_file_read(path, 1u << 20, &text, &len, NULL) == IMPRINT_OK) {
        while (len > 0 && text[len - 1] == '\n')
            text[--len] = '\0';
        line = strrchr(text, '\n');
        line = line ? line + 1 : text;
    }
    imprint_why_set(why, IMPRINT_ERR_INTERNAL, "the broker %s%s%s", what,
                    line && *line ? ": " : "", line ? line : "");
    imprint_why_hint(why, "see %s", path);
    free(text);
    return IMPRINT_ERR_INTERNAL;
}

static enum imprint_status start_once(struct supervision *supervision,
                                      struct imprint_why *why)
{
    const struct imprint_endpoint_broker *broker = &supervision->broker;
    enum imprint_status status =
        imprint_endpoint_broker_port(broker, &supervision->port, why);

    if (status == IMPRINT_OK)
        status = imprint_endpoint_broker_configure(broker, &supervision->paths,
                                                   supervision->port, why);
    if (status == IMPRINT_OK)
        status = imprint_endpoint_broker_start(broker, supervision->broker_lock,
                                               &supervision->pid,
                                               &supervision->ready, why);
    if (status != IMPRINT_OK)
        return status;
    switch (wait_turn(supervision, START_TIMEOUT_MS, why)) {
    case TURN_READY:
        return IMPRINT_OK;
    case TURN_STOP:
        end_broker(supervision);
        return IMPRINT_ERR_STOPPED;
    case TURN_REFUSED:
        end_broker(supervision);
        return IMPRINT_ERR_SETTINGS;
    case TURN_ENDED:
        end_broker(supervision);
        return say_end(supervision, "did not start", why);
    case TURN_LATE:
        break;
    }
    end_broker(supervision);
    return say_end(supervision, "did not get ready", why);
}

/* A free port may be lost to another program before the broker has it. */
static enum imprint_status start(struct supervision *supervision,
                                 struct imprint_why *why)
{
    enum imprint_status status;
    int tries = supervision->broker.port == 0 ? PORT_TRIES : 1;

    do {
        status = start_once(supervision, why);
    } while (status == IMPRINT_ERR_INTERNAL && --tries > 0);
    return status;
}

/* ---- the ready line ---- */

static void write_address(const struct supervision *supervision, char *text,
                          size_t text_len)
{
    const char *host = supervision->broker.host;
    bool is_v6 = strchr(host, ':') != NULL;

    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    (void)snprintf(text, text_len, "%s%s%s:%u", is_v6 ? "[" : "", host,
                   is_v6 ? "]" : "", supervision->port);
}

/* For who makes a claim later. */
static enum imprint_status save_address(const char *dir, const char *address,
                                        struct imprint_why *why)
{
    char path[PATH_MAX + 16];
    char line[ADDRESS_LEN + 2];

    (void)snprintf(path, sizeof(path), "%s/address", dir);
    (void)snprintf(line, sizeof(line), "%s\n", address);
    return imprint_file_replace(path, imprint_slice_text(line), 0644, why);
}

static void say_rest(const struct imprint_endpoint_rest *rest)
{
    if (rest->url[0] == '\0')
        return;
    (void)fprintf(stderr, "imprint: AWS's tools take --endpoint-url %s",
                  rest->url);
    (void)fprintf(stderr,
                  rest->is_open
                      ? "; anybody on this machine may\n"
                      : ", with a key of \"endpoint credentials add\"\n");
}

static enum imprint_status say_ready(const struct supervision *supervision,
                                     const struct imprint_endpoint_run *run,
                                     struct imprint_why *why)
{
    const struct imprint_endpoint_paths *paths = &supervision->paths;
    struct imprint_endpoint_tune_state state;
    char address[ADDRESS_LEN];
    const struct imprint_endpoint_ready ready = {
        paths,   &state,         supervision->broker.dir,
        address, run->rest->url, supervision->pid};
    const struct imprint_endpoint_show_claim claim = {
        run->command, address, paths->ca_pem, paths->claim_certificate_pem,
        paths->template_name};
    enum imprint_status status =
        imprint_endpoint_tune_look(supervision->broker.dir, &state, why);

    write_address(supervision, address, sizeof(address));
    if (status == IMPRINT_OK)
        status = imprint_endpoint_rest_open(run->rest, supervision->broker.dir,
                                            address, why);
    if (status == IMPRINT_OK)
        status = save_address(supervision->broker.dir, address, why);
    if (status != IMPRINT_OK)
        return status;
    /* what an earlier run was told may not be what this one is meant for */
    imprint_endpoint_show_state(&state);
    if (imprint_cli_terminal() && !run->json) {
        say_rest(run->rest);
        (void)fprintf(stderr, "%s %s; Ctrl-C ends it. In another terminal:\n",
                      "imprint: the endpoint is ready at", address);
    }
    if (run->json)
        status = imprint_endpoint_show_ready_json(&ready, why);
    else
        imprint_endpoint_show_command(stdout, &claim);
    (void)fflush(stdout);
    return status;
}

/* ---- the whole ---- */

static enum imprint_status catch_signals(struct supervision *supervision,
                                         struct imprint_why *why)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        (void)sigaddset(&set, caught[i]);
    /* A reader of the ready line may leave; the endpoint stays. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        supervision->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (supervision->signals >= 0)
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "signals: %s",
                           strerror(errno));
}

/* A broker whose parent was killed is about to end: wait for it. */
static enum imprint_status lock_broker(struct supervision *supervision,
                                       struct imprint_why *why)
{
    int64_t end = imprint_clock_now_ms() + LEFTOVER_TIMEOUT_MS;
    char path[PATH_MAX + 16];
    enum imprint_status status;

    (void)snprintf(path, sizeof(path), "%s/broker.lock",
                   supervision->broker.dir);
    for (;;) {
        const struct timespec pause = {0, 20 * 1000 * 1000};

        status = imprint_file_lock(path, &supervision->broker_lock, why);
        if (status != IMPRINT_ERR_BUSY || imprint_clock_now_ms() > end)
            return status;
        (void)nanosleep(&pause, NULL);
    }
}

/* Who may write there may become the authority. */
static enum imprint_status check_dir(const char *dir, struct imprint_why *why)
{
    struct stat found;

    if (stat(dir, &found) != 0)
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "directory \"%s\": %s",
                               dir, strerror(errno));
    if (found.st_uid == geteuid() && (found.st_mode & 022) == 0)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_STORAGE,
                    "directory \"%s\" is another user's, or others may "
                    "write to it",
                    dir);
    imprint_why_hint(why, "give --dir one of your own, with mode 0700");
    return IMPRINT_ERR_STORAGE;
}

static enum imprint_status lock_dir(struct supervision *supervision,
                                    const char *dir, struct imprint_why *why)
{
    char path[PATH_MAX + 16];
    enum imprint_status status = imprint_file_make_dir(dir, 0700, why);

    if (status == IMPRINT_OK)
        status = check_dir(dir, why);
    if (status != IMPRINT_OK)
        return status;
    if (!realpath(dir, supervision->broker.dir) ||
        strchr(supervision->broker.dir, '\n'))
        return imprint_why_set(why, IMPRINT_ERR_STORAGE, "directory \"%s\": %s",
                               dir, strerror(errno));
    (void)snprintf(path, sizeof(path), "%s/endpoint.lock",
                   supervision->broker.dir);
    status = imprint_file_lock(path, &supervision->own_lock, why);
    if (status == IMPRINT_ERR_BUSY)
        imprint_why_hint(why, "an endpoint runs there already; give another "
                              "--dir, or end that one");
    return status == IMPRINT_OK ? lock_broker(supervision, why) : status;
}

static enum imprint_status prepare(struct supervision *supervision,
                                   const struct imprint_endpoint_run *run,
                                   struct imprint_why *why)
{
    struct imprint_endpoint_broker *broker = &supervision->broker;
    enum imprint_status status;

    broker->log = run->log;
    status = imprint_endpoint_broker_listen(run->listen, broker->host,
                                            &broker->port, why);
    if (status == IMPRINT_OK)
        status = imprint_endpoint_broker_find(broker, why);
    if (status == IMPRINT_OK)
        status = catch_signals(supervision, why);
    if (status == IMPRINT_OK)
        status = lock_dir(supervision, run->dir, why);
    if (status == IMPRINT_OK && run->registry)
        status = imprint_where_set(broker->dir, run->registry, why);
    if (status == IMPRINT_OK)
        status = imprint_endpoint_prepare(broker->dir, broker->host,
                                          &supervision->paths, why);
    if (status == IMPRINT_OK)
        status = imprint_endpoint_tune_apply(broker->dir, run->tune, why);
    return status;
}

static enum imprint_status supervise(struct supervision *supervision,
                                     struct imprint_why *why)
{
    enum turn turn = wait_turn(supervision, -1, why);

    if (turn == TURN_ENDED)
        return say_end(supervision, "ended by itself", why);
    end_broker(supervision);
    return IMPRINT_OK;
}

enum imprint_status imprint_endpoint_run(const struct imprint_endpoint_run *run,
                                         struct imprint_why *why)
{
    struct supervision *supervision = calloc(1, sizeof(*supervision));
    enum imprint_status status;

    if (!supervision)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    supervision->signals = -1;
    supervision->own_lock = -1;
    supervision->broker_lock = -1;
    supervision->ready = -1;
    status = prepare(supervision, run, why);
    if (status == IMPRINT_OK)
        status = start(supervision, why);
    if (status == IMPRINT_OK)
        status = say_ready(supervision, run, why);
    if (status == IMPRINT_OK)
        status = supervise(supervision, why);
    imprint_endpoint_rest_close(run->rest);
    if (supervision->pid > 0)
        end_broker(supervision);
    imprint_file_unlock(supervision->broker_lock);
    imprint_file_unlock(supervision->own_lock);
    if (supervision->signals >= 0)
        (void)close(supervision->signals);
    free(supervision);
    return status == IMPRINT_ERR_STOPPED ? IMPRINT_OK : status;
}
