/* Connections to listeners of the test's, by a resolver of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/dial.h"
#include "posix/clock.h"

#define LONG_MS 30000 /* never reached */
#define FILL_COUNT 8

static const char *answers[8]; /* what the resolver says, in that order */
static int answer_code;
static sem_t asked;  /* by the resolver that hangs */
static sem_t let_go; /* for it */
static int stop_count;

/* ---- the resolver ---- */

static int resolve(const char *host, const char *port,
                   const struct addrinfo *hints, struct addrinfo **out)
{
    struct addrinfo numeric = *hints;
    struct addrinfo **end = out;

    (void)host;
    numeric.ai_flags |= AI_NUMERICHOST;
    *out = NULL;
    if (answer_code)
        return answer_code;
    for (size_t i = 0; answers[i]; i++) {
        if (getaddrinfo(answers[i], port, &numeric, end) != 0)
            return EAI_FAIL;
        end = &(*end)->ai_next;
    }
    return 0;
}

static int hang(const char *host, const char *port,
                const struct addrinfo *hints, struct addrinfo **out)
{
    int code = resolve(host, port, hints, out);

    (void)sem_post(&asked);
    (void)sem_wait(&let_go);
    (void)sem_post(&asked);
    return code;
}

static void answer(const char *first, const char *second)
{
    memset((void *)answers, 0, sizeof(answers));
    answer_code = 0;
    answers[0] = first;
    answers[1] = second;
}

/* ---- listeners ---- */

static int listen_on(const char *address, uint16_t port, uint16_t *out)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    bool is_six = strchr(address, ':') != NULL;
    struct sockaddr *any = is_six ? (void *)&six : (void *)&four;
    socklen_t len = is_six ? sizeof(six) : sizeof(four);
    int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    int on = 1;

    (void)inet_pton(AF_INET6, address, &six.sin6_addr);
    (void)inet_pton(AF_INET, address, &four.sin_addr);
    six.sin6_port = four.sin_port = htons(port);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, any, len) != 0 || listen(fd, 0) != 0 ||
        getsockname(fd, any, &len) != 0) {
        (void)close(fd);
        return -1;
    }
    *out = ntohs(is_six ? six.sin6_port : four.sin_port);
    return fd;
}

/* Takes every place in the queue: from now on the kernel drops what comes. */
static void fill(const char *address, uint16_t port, int fds[FILL_COUNT])
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};

    (void)inet_pton(AF_INET, address, &four.sin_addr);
    for (size_t i = 0; i < FILL_COUNT; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (void *)&four, sizeof(four));
    }
}

static void close_all(int fds[FILL_COUNT])
{
    for (size_t i = 0; i < FILL_COUNT; i++)
        (void)close(fds[i]);
}

/* A port with nobody behind it. */
static uint16_t find_deaf_port(void)
{
    uint16_t port = 0;
    int fd = listen_on("127.0.0.1", 0, &port);

    assert_true(fd >= 0);
    (void)close(fd);
    return port;
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static struct imprint_dial_options options_of(const char *host, uint16_t port)
{
    struct imprint_dial_options options = {
        .host = host, .port = port, .timeout_ms = LONG_MS, .resolve = resolve};

    return options;
}

/* ---- tests ---- */

static void check_socket(int fd)
{
    int on = 0;
    socklen_t len = sizeof(on);

    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_true(on);
}

static void test_literals(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    struct imprint_why why = {"", ""};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct imprint_dial_options options;
        uint16_t port = 0;
        int listener = listen_on(hosts[i], 0, &port);
        int fd = -1;

        if (listener < 0 && i == 1)
            skip(); /* no IPv6 here */
        options = options_of(hosts[i], port);
        answer_code = EAI_FAIL; /* nobody is asked */
        assert_int_equal(imprint_dial_open(&options, &fd, &why), IMPRINT_OK);
        check_socket(fd);
        (void)close(fd);
        (void)close(listener);
    }
}

static void test_name_service(void **state)
{
    static const struct {
        int code;
        const char *text;
    } rows[] = {{EAI_NONAME, "\"there.example\" has no address"},
                {EAI_NODATA, "\"there.example\" has no address"},
                {EAI_AGAIN, "the name service has no answer for "
                            "\"there.example\""},
                {EAI_MEMORY, "cannot look \"there.example\" up: Memory "
                             "allocation failure"}};
    struct imprint_dial_options options = options_of("there.example", 1);
    struct imprint_why why = {"", ""};
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answer_code = rows[i].code;
        assert_int_equal(imprint_dial_open(&options, &fd, &why),
                         IMPRINT_ERR_LOST);
        assert_string_equal(why.text, rows[i].text);
    }
}

static void test_lookup_late(void **state)
{
    struct imprint_dial_options options = options_of("there.example", 1);
    struct imprint_why why = {"", ""};
    int64_t begun = imprint_clock_now_ms();
    int fd = -1;

    (void)state;
    answer("127.0.0.1", NULL);
    options.resolve = hang;
    options.timeout_ms = 300;
    assert_int_equal(imprint_dial_open(&options, &fd, &why), IMPRINT_ERR_LOST);
    assert_string_equal(why.text,
                        "the name service does not answer within 0.3 s");
    assert_non_null(strstr(why.hint, "\"there.example\""));
    assert_int_equal(fd, -1);
    assert_in_range(imprint_clock_now_ms() - begun, 300, 10000);
    /* the thread that was given up ends, and frees what it has */
    (void)sem_wait(&asked);
    (void)sem_post(&let_go);
    (void)sem_wait(&asked);
}

static bool stop_at_third(void *user)
{
    (void)user;
    return ++stop_count >= 3;
}

static void test_stop_lookup(void **state)
{
    struct imprint_dial_options options = options_of("there.example", 1);
    struct imprint_why why = {"", ""};
    int fd;

    (void)state;
    answer("127.0.0.1", NULL);
    stop_count = 0;
    options.resolve = hang;
    options.stop = stop_at_third;
    assert_int_equal(imprint_dial_open(&options, &fd, &why),
                     IMPRINT_ERR_STOPPED);
    (void)sem_wait(&asked);
    (void)sem_post(&let_go);
    (void)sem_wait(&asked);
}

static void test_refused(void **state)
{
    uint16_t port = find_deaf_port();
    struct imprint_dial_options options = options_of("there.example", port);
    struct imprint_why why = {"", ""};
    char text[128];
    int fd;

    (void)state;
    answer("127.0.0.1", "127.0.0.2");
    assert_int_equal(imprint_dial_open(&options, &fd, &why), IMPRINT_ERR_LOST);
    (void)snprintf(text, sizeof(text),
                   "cannot connect to there.example:%u: Connection refused",
                   (unsigned)port);
    assert_string_equal(why.text, text);
    assert_non_null(strstr(why.hint, "that the endpoint runs"));
}

static void test_no_route(void **state)
{
    struct imprint_dial_options options = options_of("there.example", 1);
    struct imprint_why why = {"", ""};
    int fd;

    (void)state;
    answer("224.0.0.1", NULL); /* TCP has no way to many */
    assert_int_equal(imprint_dial_open(&options, &fd, &why), IMPRINT_ERR_LOST);
    assert_string_equal(why.text, "cannot connect to there.example:1: "
                                  "Network is unreachable");
    assert_non_null(strstr(why.hint, "default route"));
}

static void test_next_after_refusal(void **state)
{
    struct imprint_dial_options options;
    struct imprint_why why = {"", ""};
    uint16_t port = 0;
    int listener = listen_on("127.0.0.1", 0, &port);
    int before = count_descriptors();
    int fd = -1;

    (void)state;
    options = options_of("there.example", port);
    answer("::1", "127.0.0.1"); /* nobody listens on the first */
    assert_int_equal(imprint_dial_open(&options, &fd, &why), IMPRINT_OK);
    check_socket(fd);
    assert_int_equal(count_descriptors(), before + 1);
    (void)close(fd);
    (void)close(listener);
}

/* The first drops what comes; the second has its turn a little later. */
static void test_next_after_silence(void **state)
{
    struct imprint_dial_options options;
    struct imprint_why why = {"", ""};
    uint16_t port = 0;
    int full = listen_on("127.0.0.1", 0, &port);
    int listener = listen_on("127.0.0.2", port, &port);
    int64_t begun = imprint_clock_now_ms();
    int fds[FILL_COUNT];
    int before;
    int fd = -1;

    (void)state;
    fill("127.0.0.1", port, fds);
    before = count_descriptors();
    options = options_of("there.example", port);
    answer("127.0.0.1", "127.0.0.2");
    assert_int_equal(imprint_dial_open(&options, &fd, &why), IMPRINT_OK);
    assert_in_range(imprint_clock_now_ms() - begun, 250, 20000);
    assert_int_equal(count_descriptors(), before + 1);
    (void)close(fd);
    close_all(fds);
    (void)close(listener);
    (void)close(full);
}

static void test_silence(void **state)
{
    struct imprint_dial_options options;
    struct imprint_why why = {"", ""};
    uint16_t port = 0;
    int full = listen_on("127.0.0.1", 0, &port);
    int64_t begun = imprint_clock_now_ms();
    int fds[FILL_COUNT];
    int before;
    int fd = -1;

    (void)state;
    fill("127.0.0.1", port, fds);
    before = count_descriptors();
    options = options_of("there.example", port);
    answer("127.0.0.1", "127.0.0.2"); /* the other refuses */
    options.timeout_ms = 400;
    assert_int_equal(imprint_dial_open(&options, &fd, &why), IMPRINT_ERR_LOST);
    assert_in_range(imprint_clock_now_ms() - begun, 400, 10000);
    assert_non_null(strstr(why.text, "no answer within 0.4 s"));
    assert_non_null(strstr(why.hint, "firewall"));
    stop_count = 0;
    options.timeout_ms = LONG_MS;
    options.stop = stop_at_third;
    assert_int_equal(imprint_dial_open(&options, &fd, &why),
                     IMPRINT_ERR_STOPPED);
    assert_int_equal(count_descriptors(), before);
    close_all(fds);
    (void)close(full);
}

static void test_place(void **state)
{
    char place[IMPRINT_DIAL_PLACE_LEN];

    (void)state;
    imprint_dial_place(place, "there.example", 8883);
    assert_string_equal(place, "there.example:8883");
    imprint_dial_place(place, "::1", 443);
    assert_string_equal(place, "[::1]:443");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_name_service),
        cmocka_unit_test(test_lookup_late),
        cmocka_unit_test(test_stop_lookup),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_route),
        cmocka_unit_test(test_next_after_refusal),
        cmocka_unit_test(test_next_after_silence),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_place),
    };

    (void)sem_init(&asked, 0, 0);
    (void)sem_init(&let_go, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
