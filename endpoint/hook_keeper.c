#include "hook_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/clock.h"
#include "posix/why.h"

#define END_MS 1000
#define CONTROL                                                   \
    3 /* the keeper's descriptors: the program's 0 to 2, and this \
       */
#define FD_COUNT 4
#define FREE_FD 10 /* from here on none of these */

/* ---- the keeper and the program: nothing that is not safe after fork ---- */

static void report(enum imprint_hook_keeper_event event, int value)
{
    const struct imprint_hook_keeper_report text = {event, value};

    (void)send(CONTROL, &text, sizeof(text), MSG_NOSIGNAL);
}

static void take_child(int number)
{
    (void)number; /* it is there to end ppoll */
}

static _Noreturn void run_program(const char *path)
{
    static char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG=C.UTF-8", NULL};
    char *name = (char *)(uintptr_t)path;
    char *const arguments[] = {name, NULL};
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    int number;

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigemptyset(&action.sa_mask);
    for (number = 1; number < NSIG; number++)
        (void)sigaction(number, &action, NULL);
    (void)sigemptyset(&none);
    (void)fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/") == 0)
        (void)execve(path, arguments, environment);
    report(IMPRINT_HOOK_KEEPER_NOT_RUN, errno);
    _exit(127);
}

/* fds become 0 to 3, and everything else is closed. */
static bool take_fds(const int fds[FD_COUNT])
{
    int high[FD_COUNT];
    int i;

    for (i = 0; i < FD_COUNT; i++) {
        high[i] = fcntl(fds[i], F_DUPFD, FREE_FD);
        if (high[i] < 0)
            return false;
    }
    for (i = 0; i < FD_COUNT; i++) {
        if (dup2(high[i], i) < 0)
            return false;
    }
    return close_range(FD_COUNT, ~0U, 0) == 0;
}

/* It stays a zombie, so that its number can't become another process's. */
static bool has_ended(pid_t program, siginfo_t *how)
{
    how->si_pid = 0;
    return waitid(P_PID, (id_t)program, how, WEXITED | WNOHANG | WNOWAIT) !=
               0 ||
           how->si_pid != 0;
}

/* True if it ended by itself. */
static bool watch(pid_t program, siginfo_t *how)
{
    struct pollfd control = {.fd = CONTROL, .events = POLLIN};
    sigset_t all_but_child;
    int count;

    (void)sigfillset(&all_but_child);
    (void)sigdelset(&all_but_child, SIGCHLD);
    while (!has_ended(program, how)) {
        count = ppoll(&control, 1, NULL, &all_but_child);
        if (count > 0 || (count < 0 && errno != EINTR))
            return false;
    }
    return how->si_pid != 0;
}

static void kill_children(void)
{
    int list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    char text[512];
    pid_t pid = 0;
    ssize_t len;
    ssize_t i;

    while (list >= 0 && (len = read(list, text, sizeof(text))) > 0) {
        for (i = 0; i < len; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
                continue;
            }
            if (pid > 1)
                (void)kill(pid, SIGKILL);
            pid = 0;
        }
    }
    if (list >= 0)
        (void)close(list);
}

/* What loses its parent by that becomes a child, until there is none. */
static void kill_all(pid_t program)
{
    pid_t pid;

    (void)kill(-program, SIGKILL);
    for (;;) {
        kill_children();
        do {
            pid = waitpid(-1, NULL, WNOHANG);
        } while (pid > 0 || (pid < 0 && errno == EINTR));
        if (pid < 0)
            return;
        (void)poll(NULL, 0, 1);
    }
}

static void report_end(const siginfo_t *how)
{
    report(how->si_code == CLD_EXITED ? IMPRINT_HOOK_KEEPER_EXITED
                                      : IMPRINT_HOOK_KEEPER_KILLED,
           how->si_status);
}

static _Noreturn void keep(const int fds[FD_COUNT], const char *path)
{
    struct sigaction action = {.sa_handler = take_child};
    siginfo_t how;
    pid_t program;
    bool has_status;

    if (!take_fds(fds))
        _exit(1);
    (void)setsid();
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGCHLD, &action, NULL);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 ||
        (program = fork()) < 0) {
        report(IMPRINT_HOOK_KEEPER_NOT_RUN, errno);
        _exit(1);
    }
    if (program == 0)
        run_program(path);
    (void)setpgid(program, program);
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    (void)close(STDERR_FILENO);
    has_status = watch(program, &how);
    kill_all(program);
    if (has_status)
        report_end(&how);
    _exit(0);
}

/* ---- this process ---- */

void imprint_hook_keeper_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* own is the end that does not block. */
static bool open_pipe(int *reading, int *writing, const int *own)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *reading = ends[0];
    *writing = ends[1];
    return fcntl(*own, F_SETFL, O_NONBLOCK) == 0;
}

/* fds are the keeper's. Not all are open if it fails. */
static bool open_fds(struct imprint_hook_keeper *own, int fds[FD_COUNT])
{
    int ends[2];

    if (!open_pipe(&fds[0], &own->stdin_fd, &own->stdin_fd) ||
        !open_pipe(&own->stdout_fd, &fds[1], &own->stdout_fd) ||
        !open_pipe(&own->stderr_fd, &fds[2], &own->stderr_fd) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    own->control_fd = ends[0];
    fds[CONTROL] = ends[1];
    return true;
}

static void close_own(struct imprint_hook_keeper *keeper)
{
    imprint_hook_keeper_close(&keeper->stdin_fd);
    imprint_hook_keeper_close(&keeper->stdout_fd);
    imprint_hook_keeper_close(&keeper->stderr_fd);
    imprint_hook_keeper_close(&keeper->control_fd);
}

enum imprint_status imprint_hook_keeper_start(const char *path,
                                              struct imprint_hook_keeper *out,
                                              struct imprint_why *why)
{
    struct imprint_hook_keeper keeper = {-1, -1, -1, -1, -1};
    int fds[FD_COUNT] = {-1, -1, -1, -1};
    sigset_t all;
    sigset_t before;
    int number;
    int i;

    if (open_fds(&keeper, fds)) {
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        keeper.pid = fork();
        if (keeper.pid == 0)
            keep(fds, path);
        number = errno;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        errno = number;
    }
    number = errno;
    for (i = 0; i < FD_COUNT; i++)
        imprint_hook_keeper_close(&fds[i]);
    if (keeper.pid < 0) {
        close_own(&keeper);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "can't start a process: %s",
                               strerrordesc_np(number));
    }
    *out = keeper;
    return IMPRINT_OK;
}

void imprint_hook_keeper_kill(const struct imprint_hook_keeper *keeper)
{
    (void)shutdown(keeper->control_fd, SHUT_WR);
}

/* Until the end on control_fd, or then_ms. */
static bool wait_for_end(int control_fd, int64_t then_ms)
{
    struct pollfd control = {.fd = control_fd, .events = POLLIN};
    struct imprint_hook_keeper_report unread;
    int64_t left_ms;
    ssize_t len;

    while ((left_ms = then_ms - imprint_clock_now_ms()) > 0) {
        if (poll(&control, 1, (int)left_ms) <= 0)
            continue;
        len = recv(control_fd, &unread, sizeof(unread), 0);
        if (len == 0 || (len < 0 && errno != EINTR))
            return true;
    }
    return false;
}

void imprint_hook_keeper_end(struct imprint_hook_keeper *keeper)
{
    imprint_hook_keeper_kill(keeper);
    if (!wait_for_end(keeper->control_fd, imprint_clock_now_ms() + END_MS))
        (void)kill(keeper->pid, SIGKILL);
    while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close_own(keeper);
}
