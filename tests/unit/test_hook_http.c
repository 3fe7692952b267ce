/* Hooks that are URLs, at a small server of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "endpoint/hook.h"
#include "posix/clock.h"

#define LONG_MS 60000 /* never reached */
#define WAIT_MS 20000
#define REQUEST_LEN 400000

struct server {
    int listener;
    int port;
    pthread_t thread;
    sem_t silent; /* a request came that gets no answer */
    char request[REQUEST_LEN + 1];
    size_t len;
    size_t redirect_count;
};

static struct server server;

/* ---- the server: one connection after the other ---- */

/* Headers and as much body as they say; false: the client is gone. */
static bool read_request(int fd)
{
    const char *body;
    const char *length;
    ssize_t len;

    server.len = 0;
    for (;;) {
        server.request[server.len] = '\0';
        body = strstr(server.request, "\r\n\r\n");
        length = strcasestr(server.request, "\r\nContent-Length: ");
        if (body && length &&
            strlen(body + 4) >= strtoul(length + 18, NULL, 10))
            return true;
        len =
            recv(fd, server.request + server.len, REQUEST_LEN - server.len, 0);
        if (len <= 0)
            return false;
        server.len += (size_t)len;
    }
}

static bool is_path(const char *path)
{
    char line[64];

    (void)snprintf(line, sizeof(line), "POST %s HTTP/1.1\r\n", path);
    return strncmp(server.request, line, strlen(line)) == 0;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    ssize_t sent;

    for (; len > 0; text += sent, len -= (size_t)sent) {
        sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
    }
}

static void say_answer(int fd, const char *head, const char *body)
{
    char line[64];

    say(fd, head);
    (void)snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n",
                   strlen(body));
    say(fd, line);
    say(fd, body);
}

static void say_long(int fd, size_t len)
{
    char *body = malloc(len + 1);

    if (!body)
        return;
    memset(body, 'x', len);
    body[len] = '\0';
    say_answer(fd, "HTTP/1.1 200 OK\r\n", body);
    free(body);
}

/* Until the client goes. */
static void say_nothing(int fd)
{
    char byte;

    (void)sem_post(&server.silent);
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}

static void answer(int fd)
{
    char line[128];

    if (is_path("/yes"))
        say_answer(fd, "HTTP/1.1 200 OK\r\n", "{\"allowProvisioning\":true}");
    else if (is_path("/chunked"))
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nyes\r\n0\r\n\r\n");
    else if (is_path("/500"))
        say_answer(fd, "HTTP/1.1 500 No\r\n", "trouble");
    else if (is_path("/202"))
        say_answer(fd, "HTTP/1.1 202 Accepted\r\n",
                   "{\"allowProvisioning\":true}");
    else if (is_path("/error"))
        say_answer(fd, "HTTP/1.1 200 OK\r\nx-amz-function-error: Unhandled\r\n",
                   "{\"allowProvisioning\":true}");
    else if (is_path("/silent"))
        say_nothing(fd);
    else if (is_path("/half"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    else if (is_path("/garbage"))
        say(fd, "\x01\x02 garbage\r\n\r\n");
    else if (is_path("/longest"))
        say_long(fd, IMPRINT_HOOK_ANSWER_MAX_LEN);
    else if (is_path("/long"))
        say_long(fd, IMPRINT_HOOK_ANSWER_MAX_LEN + 1);
    else if (is_path("/redirect")) {
        (void)snprintf(line, sizeof(line),
                       "HTTP/1.1 307 Go\r\nLocation: "
                       "http://127.0.0.1:%d/yes\r\n",
                       server.port);
        server.redirect_count++;
        say_answer(fd, line, "");
    }
}

static void *serve(void *unused)
{
    int fd;

    (void)unused;
    while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
        if (read_request(fd))
            answer(fd);
        (void)close(fd);
    }
    return NULL;
}

static int set_up(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    (void)state;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server.listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server.listener, 16) != 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &len) != 0)
        return -1;
    server.port = ntohs(address.sin_port);
    (void)sem_init(&server.silent, 0, 0);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    (void)shutdown(server.listener, SHUT_RDWR);
    (void)pthread_join(server.thread, NULL);
    (void)close(server.listener);
    (void)sem_destroy(&server.silent);
    return 0;
}

/* ---- the tests ---- */

static struct imprint_hook_job *make_job(const char *path, const char *event,
                                         int64_t timeout_ms)
{
    struct imprint_hook_job *job;
    char *target = malloc(128);

    assert_non_null(target);
    (void)snprintf(target, 128, "http://127.0.0.1:%d%s", server.port, path);
    job = imprint_hook_new(target, strdup(event));
    assert_non_null(job);
    job->timeout_ms = timeout_ms;
    return job;
}

static struct imprint_hook_job *ask(const char *path, int64_t timeout_ms)
{
    struct imprint_hook_job *job = make_job(path, "{\"event\":1}", timeout_ms);

    imprint_hook_run(job);
    return job;
}

static void check_failure(const char *path, const char *problem)
{
    struct imprint_hook_job *job = ask(path, LONG_MS);

    assert_int_equal(job->outcome, IMPRINT_HOOK_FAILED);
    if (!strstr(job->problem, problem))
        fail_msg("%s: %s", path, job->problem);
    imprint_hook_free(job);
}

static void check_header(const char *line)
{
    if (!strstr(server.request, line))
        fail_msg("no \"%s\" in: %s", line, server.request);
}

static void test_answer(void **state)
{
    struct imprint_hook_job *job = ask("/yes", LONG_MS);

    (void)state;
    assert_int_equal(job->outcome, IMPRINT_HOOK_ANSWERED);
    assert_string_equal(job->answer, "{\"allowProvisioning\":true}");
    assert_int_equal(job->answer_len, strlen(job->answer));
    check_header("\r\nContent-Type: application/json\r\n");
    check_header("\r\nX-Amz-Invocation-Type: RequestResponse\r\n");
    check_header("\r\nX-Amz-Log-Type: None\r\n");
    check_header("\r\n\r\n{\"event\":1}");
    assert_null(strcasestr(server.request, "\r\nExpect:"));
    assert_null(strcasestr(server.request, "\r\nCookie:"));
    imprint_hook_free(job);
    job = ask("/chunked", LONG_MS);
    assert_string_equal(job->answer, "yes");
    imprint_hook_free(job);
}

static void test_large(void **state)
{
    const size_t len = 300000;
    char *event = malloc(len + 1);
    struct imprint_hook_job *job;

    (void)state;
    assert_non_null(event);
    memset(event, 'e', len);
    event[len] = '\0';
    job = make_job("/yes", event, LONG_MS);
    imprint_hook_run(job);
    assert_int_equal(job->outcome, IMPRINT_HOOK_ANSWERED);
    check_header("\r\nContent-Length: 300000\r\n");
    imprint_hook_free(job);
    free(event);
    job = ask("/longest", LONG_MS);
    assert_int_equal(job->outcome, IMPRINT_HOOK_ANSWERED);
    assert_int_equal(job->answer_len, IMPRINT_HOOK_ANSWER_MAX_LEN);
    imprint_hook_free(job);
    check_failure("/long", "answered more than 131072 bytes");
}

static void test_failures(void **state)
{
    (void)state;
    check_failure("/500", "answered HTTP status 500");
    check_failure("/202", "answered HTTP status 202");
    check_failure("/error",
                  "failed: its X-Amz-Function-Error is \"Unhandled\"");
    check_failure("/half", "can't be asked: ");
    check_failure("/garbage", "can't be asked: ");
    check_failure("/closes", "can't be asked: ");
}

static void test_redirect(void **state)
{
    (void)state;
    server.redirect_count = 0;
    check_failure("/redirect", "answered HTTP status 307");
    assert_int_equal(server.redirect_count, 1);
    assert_true(is_path("/redirect"));
}

/* What the environment says about proxies is nothing to a hook. */
static void test_no_proxy(void **state)
{
    struct imprint_hook_job *job;

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:9/", 1), 0);
    assert_int_equal(setenv("all_proxy", "http://127.0.0.1:9/", 1), 0);
    job = ask("/yes", LONG_MS);
    assert_int_equal(job->outcome, IMPRINT_HOOK_ANSWERED);
    imprint_hook_free(job);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("all_proxy"), 0);
}

static void test_nobody_there(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct imprint_hook_job *job;
    char target[64];

    (void)state;
    /* bound, and nobody listens */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(bound, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(bound, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(target, sizeof(target), "http://127.0.0.1:%d/",
                   ntohs(address.sin_port));
    job = imprint_hook_new(strdup(target), strdup("{}"));
    job->timeout_ms = LONG_MS;
    imprint_hook_run(job);
    assert_int_equal(job->outcome, IMPRINT_HOOK_FAILED);
    assert_non_null(strstr(job->problem, "can't be asked: Failed to connect"));
    imprint_hook_free(job);
    (void)close(bound);
}

static void wait_silent(void)
{
    struct timespec then;

    (void)clock_gettime(CLOCK_REALTIME, &then);
    then.tv_sec += WAIT_MS / 1000;
    assert_int_equal(sem_timedwait(&server.silent, &then), 0);
}

static void test_late(void **state)
{
    int64_t began_ms = imprint_clock_now_ms();
    struct imprint_hook_job *job = ask("/silent", 200);
    int64_t took_ms = imprint_clock_now_ms() - began_ms;

    (void)state;
    assert_int_equal(job->outcome, IMPRINT_HOOK_LATE);
    assert_string_equal(job->problem, "did not answer within 200 ms");
    assert_true(took_ms >= 200 && took_ms < WAIT_MS);
    imprint_hook_free(job);
    wait_silent();
}

/* ---- threads ---- */

static void take_done(void *user, struct imprint_hook_job *job)
{
    struct imprint_hook_job **list = user;

    job->next = *list;
    *list = job;
}

static void test_close(void **state)
{
    struct imprint_hook_job *done = NULL;
    struct imprint_hooks *hooks = NULL;
    struct imprint_why why;
    int64_t began_ms;

    (void)state;
    assert_int_equal(imprint_hook_open(take_done, &done, &hooks, &why),
                     IMPRINT_OK);
    imprint_hook_submit(hooks, make_job("/silent", "{}", LONG_MS), 1);
    wait_silent();
    began_ms = imprint_clock_now_ms();
    imprint_hook_close(hooks);
    assert_true(imprint_clock_now_ms() - began_ms < WAIT_MS);
    assert_non_null(done);
    assert_null(done->next);
    assert_int_equal(done->outcome, IMPRINT_HOOK_FAILED);
    assert_string_equal(done->problem, "was given up, as the endpoint ends");
    imprint_hook_free(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),   cmocka_unit_test(test_large),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_no_proxy), cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_late),     cmocka_unit_test(test_close),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
