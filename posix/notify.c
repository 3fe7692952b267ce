#include "posix/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or "@" and an abstract name; 0: neither. */
static socklen_t parse_address(const char *text, struct sockaddr_un *out)
{
    size_t len = text ? strlen(text) : 0;

    if (len < 2 || len >= sizeof(out->sun_path) ||
        (text[0] != '/' && text[0] != '@'))
        return 0;
    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, text, len);
    if (text[0] == '@')
        out->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void imprint_notify_status(const char *text)
{
    struct sockaddr_un address;
    socklen_t address_len = parse_address(getenv("NOTIFY_SOCKET"), &address);
    char line[512];
    int len;
    int fd;

    if (address_len == 0)
        return;
    len = snprintf(line, sizeof(line), "STATUS=%.400s", text);
    for (int i = 0; i < len; i++) {
        if (line[i] == '\n')
            line[i] = ' '; /* a line is an assignment */
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, line, (size_t)len, MSG_NOSIGNAL,
                 (const struct sockaddr *)&address, address_len);
    close(fd);
}
