#include "wake.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECRET_LEN 32u /* hex digits */

enum state { STATE_DOWN, STATE_ASKED, STATE_UP };

struct imprint_wake {
    pthread_mutex_t lock; /* of fd and state, for imprint_wake_call */
    int fd;
    enum state state;
    atomic_bool called;
    struct sockaddr_un address;
    char name[SECRET_LEN + 1];
    char password[SECRET_LEN + 1];
};

static bool make_secret(char out[SECRET_LEN + 1])
{
    uint8_t bytes[SECRET_LEN / 2];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

struct imprint_wake *imprint_wake_new(const char *path)
{
    struct imprint_wake *wake = calloc(1, sizeof(*wake));

    if (!wake)
        return NULL;
    wake->fd = -1;
    wake->address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(wake->address.sun_path) ||
        !make_secret(wake->name) || !make_secret(wake->password) ||
        pthread_mutex_init(&wake->lock, NULL) != 0) {
        free(wake);
        return NULL;
    }
    memcpy(wake->address.sun_path, path, strlen(path));
    return wake;
}

static void drop(struct imprint_wake *wake)
{
    (void)pthread_mutex_lock(&wake->lock);
    if (wake->fd >= 0)
        (void)close(wake->fd);
    wake->fd = -1;
    wake->state = STATE_DOWN;
    (void)pthread_mutex_unlock(&wake->lock);
}

void imprint_wake_free(struct imprint_wake *wake)
{
    if (!wake)
        return;
    drop(wake);
    (void)pthread_mutex_destroy(&wake->lock);
    explicit_bzero(wake, sizeof(*wake));
    free(wake);
}

/* In a time that tells nothing of how much was right. */
static bool is_same(const char secret[SECRET_LEN + 1], const char *text)
{
    unsigned char differ = 0;

    if (strlen(text) != SECRET_LEN)
        return false;
    for (size_t i = 0; i < SECRET_LEN; i++)
        differ |= (unsigned char)(secret[i] ^ text[i]);
    return differ == 0;
}

bool imprint_wake_is_self(const struct imprint_wake *wake, const char *name,
                          const char *password)
{
    bool named = wake && name && is_same(wake->name, name);
    bool known = wake && password && is_same(wake->password, password);

    return named && known;
}

void imprint_wake_call(struct imprint_wake *wake)
{
    static const uint8_t pingreq[] = {0xc0, 0x00};

    if (atomic_exchange(&wake->called, true))
        return;
    (void)pthread_mutex_lock(&wake->lock);
    /* When it can't be sent, the broker's next turn comes by itself. */
    if (wake->state == STATE_UP)
        (void)send(wake->fd, pingreq, sizeof(pingreq),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)pthread_mutex_unlock(&wake->lock);
}

static size_t put_text(uint8_t *packet, size_t at, const char *text)
{
    packet[at] = 0;
    packet[at + 1] = SECRET_LEN;
    memcpy(packet + at + 2, text, SECRET_LEN);
    return at + 2 + SECRET_LEN;
}

/* CONNECT of MQTT 3.1.1: clean session, no keep-alive, name and password. */
static bool send_connect(const struct imprint_wake *wake, int fd)
{
    uint8_t packet[128] = {0x10, 0,   0x00, 0x04, 'M',  'Q',
                           'T',  'T', 0x04, 0xc2, 0x00, 0x00};
    size_t len = 12;
    ssize_t sent;

    len = put_text(packet, len, wake->name); /* the client id */
    len = put_text(packet, len, wake->name);
    len = put_text(packet, len, wake->password);
    packet[1] = (uint8_t)(len - 2);
    sent = send(fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    explicit_bzero(packet, sizeof(packet));
    return sent == (ssize_t)len;
}

static void ask(struct imprint_wake *wake)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    /* A Unix socket connects at once or not at all. */
    if (connect(fd, (const struct sockaddr *)&wake->address,
                sizeof(wake->address)) != 0 ||
        !send_connect(wake, fd)) {
        (void)close(fd);
        return;
    }
    (void)pthread_mutex_lock(&wake->lock);
    wake->fd = fd;
    wake->state = STATE_ASKED;
    (void)pthread_mutex_unlock(&wake->lock);
}

/* CONNACK, then PINGRESPs that nobody needs. */
static void take(struct imprint_wake *wake)
{
    static const uint8_t connack[] = {0x20, 0x02, 0x00, 0x00};
    uint8_t bytes[256];
    ssize_t got = recv(wake->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        drop(wake);
        return;
    }
    if (wake->state == STATE_UP)
        return;
    if ((size_t)got < sizeof(connack) ||
        memcmp(bytes, connack, sizeof(connack)) != 0) {
        drop(wake);
        return;
    }
    (void)pthread_mutex_lock(&wake->lock);
    wake->state = STATE_UP;
    (void)pthread_mutex_unlock(&wake->lock);
}

bool imprint_wake_turn(struct imprint_wake *wake)
{
    /* Whoever calls from here on needs a turn of its own. */
    atomic_store(&wake->called, false);
    if (wake->state == STATE_DOWN)
        ask(wake);
    else
        take(wake);
    return wake->state == STATE_UP;
}
