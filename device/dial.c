#include "device/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/dial_lookup.h"
#include "posix/clock.h"
#include "posix/why.h"

#define ADDRESS_MAX_COUNT 16
#define NEXT_MS 250 /* RFC 8305, "Connection Attempt Delay" */
#define STOP_POLL_MS 100

/* One connection is wanted; begun are the first next_index of the addresses. */
struct race {
    const struct imprint_dial_options *options;
    const struct addrinfo *addresses[ADDRESS_MAX_COUNT];
    size_t address_count;
    size_t next_index;
    int64_t next_ms; /* when the next one is begun, at the latest */
    int64_t until_ms;
    struct pollfd sockets[ADDRESS_MAX_COUNT]; /* fd -1: failed */
    int numbers[ADDRESS_MAX_COUNT];           /* errno of those */
    size_t failed_count;
    int winner; /* the descriptor; -1: none yet */
};

void imprint_dial_place(char out[IMPRINT_DIAL_PLACE_LEN], const char *host,
                        uint16_t port)
{
    (void)snprintf(out, IMPRINT_DIAL_PLACE_LEN,
                   strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
                   (unsigned)port);
}

/* The next one at or behind at that is, or is not, of this family. */
static const struct addrinfo *find(const struct addrinfo *at, int family,
                                   bool is_same)
{
    while (at && (at->ai_family == family) != is_same)
        at = at->ai_next;
    return at;
}

/* The families in turn, each in the order of the list: RFC 8305, section 4. */
static void interleave(struct race *race, const struct addrinfo *list)
{
    int family = list->ai_family;
    const struct addrinfo *next[2] = {list, find(list, family, false)};
    size_t turn = 0;

    while (race->address_count < ADDRESS_MAX_COUNT && (next[0] || next[1])) {
        if (next[turn]) {
            race->addresses[race->address_count++] = next[turn];
            next[turn] = find(next[turn]->ai_next, family, turn == 0);
        }
        turn = 1 - turn;
    }
}

static void fail(struct race *race, size_t index, int number)
{
    if (race->sockets[index].fd >= 0)
        (void)close(race->sockets[index].fd);
    race->sockets[index].fd = -1;
    race->numbers[index] = number;
    race->failed_count++;
    race->next_ms = 0; /* at once */
}

static void win(struct race *race, size_t index)
{
    race->winner = race->sockets[index].fd;
    race->sockets[index].fd = -1;
}

static void begin_next(struct race *race)
{
    size_t index = race->next_index++;
    const struct addrinfo *address = race->addresses[index];
    int on = 1;
    int fd = socket(address->ai_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    race->sockets[index].fd = fd;
    race->sockets[index].events = POLLOUT;
    race->next_ms = imprint_clock_now_ms() + NEXT_MS;
    if (fd < 0) {
        fail(race, index, errno);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        win(race, index);
    else if (errno != EINPROGRESS)
        fail(race, index, errno);
}

static void look_at(struct race *race, size_t index)
{
    int number = 0;
    socklen_t len = sizeof(number);

    if (race->sockets[index].fd < 0 || race->sockets[index].revents == 0)
        return;
    if (getsockopt(race->sockets[index].fd, SOL_SOCKET, SO_ERROR, &number,
                   &len) != 0)
        number = errno;
    if (number)
        fail(race, index, number);
    else if (race->winner < 0)
        win(race, index);
}

/* Waits for what comes first: a verdict, the next one's turn, the end. */
static void turn(struct race *race, int64_t now)
{
    int64_t wait_ms = race->until_ms - now;

    if (race->next_index < race->address_count && race->next_ms - now < wait_ms)
        wait_ms = race->next_ms - now;
    if (wait_ms > STOP_POLL_MS)
        wait_ms = STOP_POLL_MS;
    if (poll(race->sockets, race->next_index, (int)wait_ms) <= 0)
        return;
    for (size_t i = 0; i < race->next_index; i++)
        look_at(race, i);
}

/* ---- why nobody was reached ---- */

static bool is_no_route(int number)
{
    return number == ENETUNREACH || number == EHOSTUNREACH ||
           number == EADDRNOTAVAIL || number == EAFNOSUPPORT ||
           number == ENETDOWN || number == EHOSTDOWN;
}

/* The one that says most: silence, then a refusal, then the rest. 0: silence.
 */
static int choose_number(const struct race *race)
{
    int chosen = 0;

    for (size_t i = 0; i < race->next_index; i++) {
        int number = race->sockets[i].fd >= 0 ? ETIMEDOUT : race->numbers[i];

        if (number == ETIMEDOUT)
            return 0;
        if (!chosen || is_no_route(chosen) || number == ECONNREFUSED)
            chosen = number;
    }
    return chosen;
}

static void tell_silence(const struct race *race, const char *place,
                         struct imprint_why *why)
{
    imprint_why_set(why, IMPRINT_ERR_LOST,
                    "cannot connect to %s: no answer within %g s", place,
                    race->options->timeout_ms / 1000.0);
    imprint_why_hint(why, "a firewall may drop it: check host and port%s",
                     race->options->port == 8883
                         ? ", or try --endpoint HOST:443 or HOST:auto"
                         : "");
}

static enum imprint_status tell(const struct race *race,
                                struct imprint_why *why)
{
    int number = choose_number(race);
    char place[IMPRINT_DIAL_PLACE_LEN];

    imprint_dial_place(place, race->options->host, race->options->port);
    if (number == 0) {
        tell_silence(race, place, why);
        return IMPRINT_ERR_LOST;
    }
    imprint_why_set(why, IMPRINT_ERR_LOST, "cannot connect to %s: %s", place,
                    strerror(number));
    if (number == ECONNREFUSED)
        imprint_why_hint(why,
                         "check host and port, and that the endpoint runs");
    else if (is_no_route(number))
        imprint_why_hint(why, "no way leads there: check that the network is "
                              "up and has a default route");
    else
        imprint_why_hint(why, "check that the network is up and the port "
                              "right");
    return IMPRINT_ERR_LOST;
}

/* ---- all of it ---- */

static enum imprint_status run_race(struct race *race, struct imprint_why *why)
{
    const struct imprint_dial_options *options = race->options;

    while (race->winner < 0) {
        int64_t now = imprint_clock_now_ms();

        if (options->stop && options->stop(options->user))
            return imprint_dial_tell_stop(why);
        if (now >= race->until_ms || race->failed_count == race->address_count)
            return tell(race, why);
        if (race->next_index < race->address_count && now >= race->next_ms)
            begin_next(race);
        else
            turn(race, now);
    }
    return IMPRINT_OK;
}

enum imprint_status imprint_dial_open(
    const struct imprint_dial_options *options, int *out,
    struct imprint_why *why)
{
    struct race race = {.options = options, .winner = -1};
    struct addrinfo *list;
    enum imprint_status status;

    race.until_ms = imprint_clock_now_ms() + options->timeout_ms;
    status = imprint_dial_lookup(options, race.until_ms, &list, why);
    if (status != IMPRINT_OK)
        return status;
    interleave(&race, list);
    status = run_race(&race, why);
    freeaddrinfo(list);
    for (size_t i = 0; i < race.next_index; i++) {
        if (race.sockets[i].fd >= 0)
            (void)close(race.sockets[i].fd);
    }
    *out = race.winner;
    return status;
}
