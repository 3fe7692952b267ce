/*
 * Load for the endpoint: raw OpenSSL and hand-made MQTT 3.1.1.
 *
 *     load handshakes DIR THREADS SECONDS
 *     load onboardings DIR THREADS SECONDS PORT TEMPLATE
 *     load requests DIR THREADS SECONDS PORT TEMPLATE
 *
 * handshakes: mutual TLS 1.3 with one server thread of this process, which
 * has the endpoint's own claim certificate. onboardings: handshake as the
 * claim, CSR, RegisterThing, handshake as the new identity, its CONNACK.
 * requests: CSR and RegisterThing over and over on connections that stay
 * open. DIR is the endpoint's directory. Prints "<count per second> <count>
 * <errors>".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "session.h"

#define THREAD_MAX_COUNT 64
#define SLOT_COUNT 64

struct worker {
    const struct bench_place *place;
    bool (*round)(struct worker *worker);
    double until;
    unsigned number;
    unsigned serial;
    struct bench_session session; /* of requests */
    bool open;
    unsigned long done;
    unsigned long failed;
};

/* ---- the raw server ---- */

struct slots {
    struct pollfd polled[SLOT_COUNT + 1];
    SSL *ssl[SLOT_COUNT + 1]; /* [0] is the listener's, NULL */
    size_t count;
    SSL_CTX *context;
};

static void slots_drop(struct slots *slots, size_t i)
{
    close(slots->polled[i].fd);
    SSL_free(slots->ssl[i]);
    slots->count--;
    slots->polled[i] = slots->polled[slots->count];
    slots->ssl[i] = slots->ssl[slots->count];
}

static void slots_take(struct slots *slots)
{
    int fd = accept4(slots->polled[0].fd, NULL, NULL, SOCK_NONBLOCK);
    int one = 1;

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    slots->polled[slots->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    slots->ssl[slots->count] = SSL_new(slots->context);
    SSL_set_fd(slots->ssl[slots->count], fd);
    SSL_set_accept_state(slots->ssl[slots->count]);
    slots->count++;
}

/* True while the connection is of use: handshake, one byte, its close. */
static bool slots_go_on(SSL *ssl)
{
    char byte;
    int got;

    if (!SSL_is_init_finished(ssl)) {
        got = SSL_do_handshake(ssl);
        if (got != 1)
            return SSL_get_error(ssl, got) == SSL_ERROR_WANT_READ;
        return SSL_write(ssl, "+", 1) == 1;
    }
    got = SSL_read(ssl, &byte, 1);
    return got > 0 || SSL_get_error(ssl, got) == SSL_ERROR_WANT_READ;
}

static void *serve(void *argument)
{
    struct slots *slots = argument;

    for (;;) {
        slots->polled[0].events = slots->count <= SLOT_COUNT ? POLLIN : 0;
        if (poll(slots->polled, slots->count, -1) < 0)
            continue;
        for (size_t i = slots->count; i-- > 1;) {
            if (slots->polled[i].revents && !slots_go_on(slots->ssl[i]))
                slots_drop(slots, i);
        }
        if (slots->polled[0].revents)
            slots_take(slots);
    }
    return NULL;
}

static int start_server(const struct bench_place *place, const char *dir)
{
    static struct slots slots;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
        listen(fd, SLOT_COUNT) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        bench_die("no port for the raw server");
    slots.context = bench_place_context(dir, TLS_server_method());
    if (SSL_CTX_use_certificate(slots.context, place->claim) != 1 ||
        SSL_CTX_use_PrivateKey(slots.context, place->claim_key) != 1)
        bench_die("the claim does not serve");
    SSL_CTX_set_session_id_context(slots.context, (const void *)"load", 4);
    slots.polled[0].fd = fd;
    slots.count = 1;
    if (pthread_create(&thread, NULL, serve, &slots) != 0)
        bench_die("no thread");
    return ntohs(address.sin_port);
}

/* ---- rounds ---- */

static bool make_device(struct worker *worker, struct bench_device *device)
{
    char serial[64];

    snprintf(serial, sizeof(serial), "load-%ld-%u-%u", (long)getpid(),
             worker->number, worker->serial++);
    return bench_device_make(device, serial);
}

static bool round_handshakes(struct worker *worker)
{
    return bench_session_greet(worker->place);
}

static bool onboard(struct worker *worker, struct bench_session *session,
                    struct bench_device *device)
{
    return bench_session_create(session, device->csr_pem, &device->created) &&
           bench_session_register(session, worker->place, device->created.token,
                                  device->serial);
}

static bool round_onboardings(struct worker *worker)
{
    const struct bench_place *place = worker->place;
    struct bench_session session = {.socket = -1};
    struct bench_device device = {.key = NULL};
    char client_id[96];
    bool done;

    done = make_device(worker, &device);
    snprintf(client_id, sizeof(client_id), "imprint-%s", device.serial);
    done = done &&
           bench_session_open(&session, place, place->claim, place->claim_key,
                              client_id) &&
           bench_session_subscribe(&session, place) &&
           onboard(worker, &session, &device);
    bench_session_close(&session);
    /* the new identity is good when the endpoint says so */
    done = done && bench_device_open(&device, place, &session);
    bench_session_close(&session);
    EVP_PKEY_free(device.key);
    return done;
}

static bool round_requests(struct worker *worker)
{
    const struct bench_place *place = worker->place;
    struct bench_device device = {.key = NULL};
    bool done = make_device(worker, &device);

    if (done && !worker->open) {
        char client_id[96];

        snprintf(client_id, sizeof(client_id), "imprint-%s", device.serial);
        done = bench_session_open(&worker->session, place, place->claim,
                                  place->claim_key, client_id) &&
               bench_session_subscribe(&worker->session, place);
        worker->open = true;
    }
    done = done && onboard(worker, &worker->session, &device);
    if (!done) {
        bench_session_close(&worker->session);
        worker->open = false;
    }
    EVP_PKEY_free(device.key);
    return done;
}

static void *work(void *argument)
{
    struct worker *worker = argument;

    while (bench_now() < worker->until && worker->failed < 20) {
        if (worker->round(worker))
            worker->done++;
        else
            worker->failed++;
    }
    if (worker->open)
        bench_session_close(&worker->session);
    return NULL;
}

static int run(const struct bench_place *place,
               bool (*round)(struct worker *worker), unsigned threads,
               int seconds)
{
    static struct worker workers[THREAD_MAX_COUNT];
    pthread_t ids[THREAD_MAX_COUNT];
    double from = bench_now();
    unsigned long done = 0;
    unsigned long failed = 0;

    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){.place = place,
                                     .round = round,
                                     .until = from + seconds,
                                     .number = i,
                                     .session = {.socket = -1}};
        if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0)
            bench_die("no thread");
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        done += workers[i].done;
        failed += workers[i].failed;
    }
    printf("%.0f %lu %lu\n", (double)done / (bench_now() - from), done, failed);
    return done > 0 && failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct bench_place place = {.host = "127.0.0.1", .template_name = ""};
    bool raw = argc == 5 && strcmp(argv[1], "handshakes") == 0;
    unsigned threads;
    int seconds;

    if (!raw && argc != 7)
        bench_die("usage: load handshakes|onboardings|requests DIR THREADS "
                  "SECONDS [PORT TEMPLATE]");
    threads = (unsigned)strtoul(argv[3], NULL, 10);
    seconds = (int)strtol(argv[4], NULL, 10);
    if (threads < 1 || threads > THREAD_MAX_COUNT || seconds < 1)
        bench_die("THREADS or SECONDS is out of range");
    bench_place_open(&place, argv[2]);
    if (raw) {
        place.port = start_server(&place, argv[2]);
        return run(&place, round_handshakes, threads, seconds);
    }
    place.port = (int)strtol(argv[5], NULL, 10);
    place.template_name = argv[6];
    if (strcmp(argv[1], "onboardings") == 0)
        return run(&place, round_onboardings, threads, seconds);
    return run(&place, round_requests, threads, seconds);
}
