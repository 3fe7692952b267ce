#include "journal.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FULL_LEN (16 * 1024 * 1024)
#define LINE_MAX_LEN 1024u

struct imprint_journal {
    pthread_mutex_t lock; /* of what follows */
    char *path;
    int fd;
    bool on_stderr;
};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                0600);
}

static bool name_beside(char out[PATH_MAX], const char *path,
                        const char *ending)
{
    return snprintf(out, PATH_MAX, "%s%s", path, ending) < PATH_MAX;
}

/*
 * A full file makes place for a new one; if that fails, it grows on. There is
 * one of that name at any time: who follows it need not wait.
 */
static void make_room(struct imprint_journal *journal)
{
    struct stat now;
    char old[PATH_MAX];
    char new[PATH_MAX];
    int fd;

    if (fstat(journal->fd, &now) != 0 || now.st_size < FULL_LEN ||
        !name_beside(old, journal->path, ".old") ||
        !name_beside(new, journal->path, ".new"))
        return;
    fd = open_file(new);
    if (fd < 0)
        return;
    (void)unlink(old);
    if (link(journal->path, old) == 0 && rename(new, journal->path) == 0) {
        (void)close(journal->fd);
        journal->fd = fd;
        return;
    }
    (void)close(fd);
    (void)unlink(new);
}

struct imprint_journal *imprint_journal_open(const char *path, bool on_stderr)
{
    struct imprint_journal *journal = calloc(1, sizeof(*journal));

    if (!journal)
        return NULL;
    journal->on_stderr = on_stderr;
    journal->path = strdup(path);
    journal->fd = journal->path ? open_file(path) : -1;
    if (journal->fd >= 0 && pthread_mutex_init(&journal->lock, NULL) == 0)
        return journal;
    if (journal->fd >= 0)
        (void)close(journal->fd);
    free(journal->path);
    free(journal);
    return NULL;
}

void imprint_journal_close(struct imprint_journal *journal)
{
    if (!journal)
        return;
    (void)pthread_mutex_destroy(&journal->lock);
    (void)close(journal->fd);
    free(journal->path);
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
    (void)pthread_mutex_lock(&journal->lock);
    make_room(journal);
    /* a full disk must not stop the service */
    (void)!write(journal->fd, text, len);
    if (journal->on_stderr && write(STDERR_FILENO, text, len) < 0)
        journal->on_stderr = false;
    (void)pthread_mutex_unlock(&journal->lock);
}
