#include "device/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "posix/why.h"

#define NAME "connection" /* see docs/FORMATS.md */

static enum imprint_status fail(struct imprint_why *why, const char *dir)
{
    imprint_why_set(why, IMPRINT_ERR_STORAGE,
                    "cannot make a Unix socket in \"%s\": %s", dir,
                    strerror(errno));
    imprint_why_hint(why, "the file system must have Unix sockets, and /proc "
                          "must be there");
    return IMPRINT_ERR_STORAGE;
}

void imprint_handover_close(struct imprint_handover *handover)
{
    if (handover->listener >= 0)
        (void)close(handover->listener);
    if (handover->dir >= 0) {
        (void)unlinkat(handover->dir, NAME, 0);
        (void)close(handover->dir);
    }
    handover->listener = -1;
    handover->dir = -1;
}

void imprint_handover_sweep(const char *dir)
{
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)unlinkat(fd, NAME, 0);
    (void)close(fd);
}

enum imprint_status imprint_handover_open(const char *dir,
                                          struct imprint_handover *out,
                                          struct imprint_why *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    enum imprint_status status;

    out->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    out->listener =
        socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* an address has room for 107 bytes, a directory's name may be longer */
    (void)snprintf(out->path, sizeof(out->path), "/proc/self/fd/%d/" NAME,
                   out->dir);
    memcpy(address.sun_path, out->path, strlen(out->path) + 1);
    if (out->dir >= 0)
        (void)unlinkat(out->dir, NAME, 0);
    if (out->dir >= 0 && out->listener >= 0 &&
        bind(out->listener, (void *)&address, sizeof(address)) == 0 &&
        listen(out->listener, 1) == 0)
        return IMPRINT_OK;
    status = fail(why, dir);
    imprint_handover_close(out);
    return status;
}

/* The library's ClientHello is one of the few things that are small. */
static bool forward(int from, int to)
{
    char bytes[4096];
    ssize_t len;

    while ((len = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        if (send(to, bytes, (size_t)len, MSG_NOSIGNAL) != len)
            return false;
    }
    return len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static bool is_ours(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           peer.pid == getpid();
}

enum imprint_status imprint_handover_finish(struct imprint_handover *handover,
                                            int client, int tcp,
                                            struct imprint_why *why)
{
    int end = accept4(handover->listener, NULL, NULL, SOCK_CLOEXEC);
    bool done = end >= 0 && is_ours(end) && forward(end, tcp) &&
                dup3(tcp, client, O_CLOEXEC) >= 0;
    enum imprint_status status = IMPRINT_OK;

    if (!done)
        status = imprint_why_set(why, IMPRINT_ERR_LOST,
                                 "cannot begin TLS on a new connection: %s",
                                 strerror(errno));
    if (end >= 0)
        (void)close(end);
    (void)close(tcp);
    imprint_handover_close(handover);
    return status;
}
