#include "journal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FULL_LEN (16 * 1024 * 1024)
#define LINE_MAX_LEN 1024u

struct imprint_journal {
    int fd;
    bool on_stderr;
};

static void make_room(const char *path)
{
    struct stat now;
    char old[PATH_MAX];

    if (stat(path, &now) != 0 || now.st_size < FULL_LEN)
        return;
    if (snprintf(old, sizeof(old), "%s.old", path) < (int)sizeof(old))
        (void)rename(path, old);
}

struct imprint_journal *imprint_journal_open(const char *path, bool on_stderr)
{
    struct imprint_journal *journal = calloc(1, sizeof(*journal));

    if (!journal)
        return NULL;
    make_room(path);
    journal->on_stderr = on_stderr;
    journal->fd = open(
        path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->fd >= 0)
        return journal;
    free(journal);
    return NULL;
}

void imprint_journal_close(struct imprint_journal *journal)
{
    if (!journal)
        return;
    (void)close(journal->fd);
    free(journal);
}

/* "2026-11-25T10:00:00.123Z "; its length. */
static size_t put_time(char *text, size_t text_len)
{
    struct timespec now;
    struct tm utc;
    size_t len;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (!gmtime_r(&now.tv_sec, &utc))
        return 0;
    len = strftime(text, text_len, "%Y-%m-%dT%H:%M:%S", &utc);
    return len + (size_t)snprintf(text + len, text_len - len, ".%03dZ ",
                                  (int)(now.tv_nsec / 1000000) % 1000);
}

void imprint_journal_write(struct imprint_journal *journal, const char *line)
{
    char text[LINE_MAX_LEN + 1];
    size_t len = put_time(text, 64);

    for (; *line && len < LINE_MAX_LEN; line++) {
        unsigned char byte = (unsigned char)*line;

        text[len++] = byte < 0x20 || byte == 0x7f ? '?' : *line;
    }
    text[len++] = '\n';
    /* One write, so that lines of several threads stay whole. */
    if (write(journal->fd, text, len) < 0)
        return; /* a full disk must not stop the service */
    if (journal->on_stderr && write(STDERR_FILENO, text, len) < 0)
        journal->on_stderr = false;
}
