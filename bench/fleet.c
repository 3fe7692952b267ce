/*
 * Devices that do not give up, while what they talk to is killed.
 *
 *     fleet DIR DEVICES SECONDS PORT TEMPLATE NAMES
 *
 * DIR is an endpoint's directory, whose authority and claim the devices have.
 * Each of them, a thread, is provisioned as one device after another for so
 * many seconds: CSR, RegisterThing, CONNACK under the new identity; what was
 * lost it asks again, with the same token, until it has an answer. At one in
 * eight, two connections ask at once with one token and two serial numbers.
 * When time is up and all are through, everybody who was told "accepted"
 * connects once more. Prints one JSON object; NAMES gets the things that were
 * promised, one a line. What must be 0 whatever is killed:
 *
 *   twice       tokens that were accepted for two serial numbers
 *   neither     tokens that were refused for both
 *   unknown     devices that were told accepted, and then refused at CONNECT
 *   unfinished  devices without a last word long after the time was up
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

#define GRACE_S 150 /* for what is still under way when time is up */
#define STACK_LEN (256u * 1024)
#define RIVALS_EACH 8
/*
 * So many talk at once; the others wait for their turn, as behind a gateway. A
 * broker with whom all shake hands at once gets none of them done in time, and
 * what is killed then is idle.
 */
#define GATE_COUNT 100
#define SERIAL_LEN 64

/* What is known of one request. */
enum verdict { OPEN, ACCEPTED, REFUSED };

/* A device that was told "accepted". */
struct kept {
    struct bench_device device;
    struct kept *next;
};

struct actor {
    const struct bench_place *place;
    unsigned number;
    unsigned random;
    struct kept *kept;
    pthread_t thread;
};

static double until;
static atomic_ulong accepted, confirmed, lost, refused_later;
static atomic_ulong twice, neither, unknown, unfinished;
static pthread_barrier_t all_through;
static sem_t gate;

static void enter(void)
{
    while (sem_wait(&gate) != 0)
        continue;
}

static void leave(void)
{
    (void)sem_post(&gate);
}

static bool is_over(double grace_s)
{
    return bench_now() > until + grace_s;
}

/* From 20 ms on, to 10 s, at random: as devices should. */
static void back_off(struct actor *actor, unsigned *tries)
{
    unsigned longest_ms = 20u << (*tries < 9 ? *tries : 9);

    atomic_fetch_add(&lost, 1);
    (*tries)++;
    usleep(1000u * (1 + (unsigned)rand_r(&actor->random) % longest_ms));
}

/* ---- one device ---- */

static bool open_claim(const struct actor *actor, struct bench_session *session,
                       const char *name)
{
    const struct bench_place *place = actor->place;

    return bench_session_open(session, place, place->claim, place->claim_key,
                              name) &&
           bench_session_subscribe(session, place);
}

static bool create(struct actor *actor, struct bench_device *device)
{
    unsigned tries = 0;

    while (!is_over(GRACE_S)) {
        struct bench_session session = {.socket = -1};
        bool done;

        enter();
        done =
            open_claim(actor, &session, device->serial) &&
            bench_session_create(&session, device->csr_pem, &device->created);
        bench_session_close(&session);
        leave();
        if (done)
            return true;
        back_off(actor, &tries);
    }
    return false;
}

/* 429 and 5xx are no last words, and neither is silence. */
static enum verdict verdict_of(struct bench_session *session)
{
    if (bench_session_answer(session))
        return ACCEPTED;
    return session->refused >= 400 && session->refused < 500 &&
                   session->refused != 429
               ? REFUSED
               : OPEN;
}

/*
 * Asks for each serial number without a verdict, all at once, each on a
 * connection of its own.
 */
static void ask_all(struct actor *actor, struct bench_device *device,
                    char serials[][SERIAL_LEN], enum verdict *verdicts,
                    size_t count)
{
    struct bench_session sessions[2] = {{.socket = -1}, {.socket = -1}};
    bool asked[2] = {false, false};

    enter();
    for (size_t i = 0; i < count; i++)
        asked[i] =
            verdicts[i] == OPEN && open_claim(actor, &sessions[i], serials[i]);
    for (size_t i = 0; i < count; i++)
        asked[i] =
            asked[i] && bench_session_ask(&sessions[i], actor->place,
                                          device->created.token, serials[i]);
    for (size_t i = 0; i < count; i++) {
        if (asked[i])
            verdicts[i] = verdict_of(&sessions[i]);
        bench_session_close(&sessions[i]);
    }
    leave();
}

/* False: there is no last word. The device gets the serial that was taken. */
static bool provision(struct actor *actor, struct bench_device *device,
                      size_t count)
{
    char serials[2][SERIAL_LEN];
    enum verdict verdicts[2] = {OPEN, count > 1 ? OPEN : REFUSED};
    unsigned tries = 0;

    snprintf(serials[0], SERIAL_LEN, "%s", device->serial);
    snprintf(serials[1], SERIAL_LEN, "%.40s-rival", device->serial);
    for (;;) {
        ask_all(actor, device, serials, verdicts, count);
        if (verdicts[0] != OPEN && verdicts[1] != OPEN)
            break;
        if (is_over(GRACE_S))
            return false;
        back_off(actor, &tries);
    }
    if (verdicts[0] == ACCEPTED && verdicts[1] == ACCEPTED)
        atomic_fetch_add(&twice, 1);
    if (verdicts[0] == REFUSED && verdicts[1] == REFUSED) {
        atomic_fetch_add(&neither, 1);
        return false;
    }
    if (verdicts[0] == REFUSED)
        memcpy(device->serial, serials[1], SERIAL_LEN);
    atomic_fetch_add(&accepted, 1);
    return true;
}

/* Under its new identity; a CONNACK that refuses it is what must not be. */
static bool confirm(struct actor *actor, const struct bench_device *device)
{
    unsigned tries = 0;

    while (!is_over(GRACE_S)) {
        struct bench_session session = {.socket = -1};
        unsigned refused;
        bool done;

        enter();
        done = bench_device_open(device, actor->place, &session);
        refused = session.refused;
        bench_session_close(&session);
        leave();
        if (done)
            return true;
        if (refused > 0) {
            atomic_fetch_add(&unknown, 1);
            fprintf(stderr, "%s: told accepted, then CONNACK %u\n",
                    device->serial, refused);
            return false;
        }
        back_off(actor, &tries);
    }
    atomic_fetch_add(&unfinished, 1);
    return false;
}

/* ---- all ---- */

static void play(struct actor *actor, unsigned round)
{
    struct kept *kept = calloc(1, sizeof(*kept));
    size_t count = rand_r(&actor->random) % RIVALS_EACH == 0 ? 2 : 1;
    char serial[SERIAL_LEN];

    snprintf(serial, sizeof(serial), "fleet-%ld-%u-%u", (long)getpid(),
             actor->number, round);
    if (!kept || !bench_device_make(&kept->device, serial))
        bench_die("fleet: out of memory");
    if (!create(actor, &kept->device) ||
        !provision(actor, &kept->device, count)) {
        if (is_over(GRACE_S))
            atomic_fetch_add(&unfinished, 1);
        EVP_PKEY_free(kept->device.key);
        free(kept);
        return;
    }
    kept->next = actor->kept;
    actor->kept = kept;
    if (confirm(actor, &kept->device))
        atomic_fetch_add(&confirmed, 1);
}

static void *act(void *argument)
{
    struct actor *actor = argument;

    usleep((unsigned)(1e6 * (until - bench_now()) / 2 * rand_r(&actor->random) /
                      RAND_MAX));
    for (unsigned round = 0; !is_over(0); round++)
        play(actor, round);
    pthread_barrier_wait(&all_through);
    for (const struct kept *kept = actor->kept; kept; kept = kept->next) {
        if (!confirm(actor, &kept->device))
            atomic_fetch_add(&refused_later, 1);
    }
    return NULL;
}

static void run(struct actor *actors, unsigned count)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_LEN);
    pthread_barrier_init(&all_through, NULL, count);
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&actors[i].thread, &attributes, act, &actors[i]) !=
            0)
            bench_die("fleet: no thread");
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(actors[i].thread, NULL);
    pthread_attr_destroy(&attributes);
}

static void write_names(const struct actor *actors, unsigned count,
                        const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file)
        bench_die(path);
    for (unsigned i = 0; i < count; i++) {
        for (const struct kept *kept = actors[i].kept; kept; kept = kept->next)
            fprintf(file, "%s\n", kept->device.serial);
    }
    if (fclose(file) != 0)
        bench_die(path);
}

int main(int argc, char **argv)
{
    struct bench_place place = {.host = "127.0.0.1"};
    struct actor *actors;
    unsigned count;

    if (argc != 7)
        bench_die("usage: fleet DIR DEVICES SECONDS PORT TEMPLATE NAMES");
    signal(SIGPIPE, SIG_IGN);
    (void)sem_init(&gate, 0, GATE_COUNT);
    count = (unsigned)strtoul(argv[2], NULL, 10);
    until = bench_now() + strtod(argv[3], NULL);
    bench_place_open(&place, argv[1]);
    place.port = (int)strtol(argv[4], NULL, 10);
    place.template_name = argv[5];
    actors = calloc(count, sizeof(*actors));
    if (count == 0 || !actors)
        bench_die("fleet: DEVICES is out of range");
    for (unsigned i = 0; i < count; i++)
        /* seeds that are alike begin with numbers that are alike */
        actors[i] = (struct actor){
            .place = &place, .number = i, .random = (i + 1) * 2654435761u};
    run(actors, count);
    write_names(actors, count, argv[6]);
    printf("{\"accepted\": %lu, \"confirmed\": %lu, \"lost\": %lu, "
           "\"refusedLater\": %lu, \"twice\": %lu, \"neither\": %lu, "
           "\"unknown\": %lu, \"unfinished\": %lu}\n",
           accepted, confirmed, lost, refused_later, twice, neither, unknown,
           unfinished);
    return 0;
}
