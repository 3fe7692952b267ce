#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "line.h"
#include "posix/clock.h"
#include "posix/json.h"
#include "posix/keys.h"
#include "posix/why.h"

#define PATH_LEN 4096
#define LINE_LEN 4096
#define TEXT_LEN 256
#define NOTHING \
    "0000000000000000000000000000000000000000000000000000000000000000"

static enum imprint_status fail(const char *path, struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_STORAGE, "audit log \"%s\": %s",
                           path, strerror(errno));
}

static bool digest_line(const char *line, size_t len, char digest[65])
{
    uint8_t bytes[IMPRINT_KEYS_DIGEST_LEN];

    if (!imprint_keys_sha256(imprint_slice_of(line, len), bytes))
        return false;
    imprint_keys_write_hex(bytes, sizeof(bytes), digest);
    return true;
}

/* ---- the end of the log ---- */

struct end {
    char digest[65];
    int64_t number; /* of the last entry; 0: none */
};

static enum imprint_status refuse_end(const char *path, struct imprint_why *why)
{
    (void)imprint_why_set(why, IMPRINT_ERR_STORAGE,
                          "audit log \"%s\": its last line is no entry", path);
    imprint_why_hint(why, "see imprint endpoint audit; move the file away to "
                          "begin another one");
    return IMPRINT_ERR_STORAGE;
}

/* The last line, without its newline; NULL: there is none that is whole. */
static char *find_last(char *text, size_t len)
{
    char *line;

    if (len == 0 || text[len - 1] != '\n')
        return NULL;
    text[len - 1] = '\0';
    line = memrchr(text, '\n', len - 1);
    return line ? line + 1 : text;
}

static enum imprint_status read_end(int file, const char *path, struct end *end,
                                    struct imprint_why *why)
{
    char text[LINE_LEN + 1];
    off_t size = lseek(file, 0, SEEK_END);
    off_t from = size > LINE_LEN ? size - LINE_LEN : 0;
    struct imprint_json *entry = NULL;
    char *line;
    ssize_t got;

    *end = (struct end){NOTHING, 0};
    if (size <= 0)
        return size == 0 ? IMPRINT_OK : fail(path, why);
    got = pread(file, text, LINE_LEN, from);
    if (got != size - from)
        return fail(path, why);
    line = find_last(text, (size_t)got);
    if (!line || (line == text && from > 0) ||
        imprint_json_read(imprint_slice_text(line), &entry, NULL) != IMPRINT_OK)
        return refuse_end(path, why);
    end->number = imprint_json_number(entry, "number", -1);
    imprint_json_free(entry);
    if (end->number < 1 || !digest_line(line, strlen(line), end->digest))
        return refuse_end(path, why);
    return IMPRINT_OK;
}

/* ---- add ---- */

static bool put_text(struct imprint_json *object, const char *name,
                     const char *text)
{
    char cut[TEXT_LEN + 1];

    (void)snprintf(cut, sizeof(cut), "%s", text);
    imprint_line_clean(cut);
    return imprint_json_put_text(object, name, cut);
}

/* With its newline; free it. NULL: no memory. */
static char *write_entry(const struct imprint_audit_entry *entry,
                         const struct end *end)
{
    struct imprint_json *object = imprint_json_new();
    char now[IMPRINT_CLOCK_TEXT_LEN];
    char *text = NULL;
    char *line = NULL;

    imprint_clock_write(time(NULL), now);
    if (object && imprint_json_put_number(object, "number", end->number + 1) &&
        imprint_json_put_text(object, "time", now) &&
        put_text(object, "who", entry->who) &&
        put_text(object, "operation", entry->operation) &&
        (!entry->what || put_text(object, "what", entry->what)) &&
        imprint_json_put_text(object, "before", end->digest))
        text = imprint_json_write_line(object);
    imprint_json_free(object);
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    return line;
}

/* All of it or nothing: half a line would break the chain. */
static bool append(int file, const char *line)
{
    size_t len = strlen(line);
    off_t size = lseek(file, 0, SEEK_END);

    if (size < 0)
        return false;
    if (pwrite(file, line, len, size) == (ssize_t)len && fdatasync(file) == 0)
        return true;
    (void)!ftruncate(file, size);
    return false;
}

static enum imprint_status add(int file, const char *path,
                               const struct imprint_audit_entry *entry,
                               struct imprint_why *why)
{
    struct end end;
    char *line;
    enum imprint_status status = IMPRINT_OK;

    if (flock(file, LOCK_EX) != 0)
        return fail(path, why);
    status = read_end(file, path, &end, why);
    if (status != IMPRINT_OK)
        return status;
    line = write_entry(entry, &end);
    if (!line)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (!append(file, line))
        status = fail(path, why);
    free(line);
    return status;
}

enum imprint_status imprint_audit_add(const char *dir,
                                      const struct imprint_audit_entry *entry,
                                      struct imprint_why *why)
{
    char path[PATH_LEN];
    enum imprint_status status;
    int file;

    (void)snprintf(path, sizeof(path), "%s/audit", dir);
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return fail(path, why);
    status = add(file, path, entry, why);
    (void)close(file); /* the lock goes with it */
    return status;
}

/* ---- verify ---- */

static enum imprint_status refuse_line(size_t number, const char *problem,
                                       struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_REFUSED,
                           "the audit log is broken at line %zu: %s", number,
                           problem);
}

/* One line, without its newline. */
static enum imprint_status check_line(const char *line, size_t len,
                                      struct imprint_audit_state *state,
                                      struct imprint_why *why)
{
    struct imprint_json *entry = NULL;
    size_t number = state->count + 1;
    const char *before;
    enum imprint_status status = IMPRINT_OK;

    if (imprint_json_read(imprint_slice_of(line, len), &entry, NULL) !=
        IMPRINT_OK)
        return refuse_line(number, "it is no JSON object", why);
    before = imprint_json_text(entry, "before");
    if (imprint_json_number(entry, "number", 0) != (int64_t)number)
        status = refuse_line(number, "its number is another one", why);
    else if (!before || strcmp(before, state->digest) != 0)
        status = refuse_line(number,
                             "it does not follow from the one before "
                             "it",
                             why);
    imprint_json_free(entry);
    if (status == IMPRINT_OK && !digest_line(line, len, state->digest))
        status = IMPRINT_ERR_INTERNAL;
    if (status == IMPRINT_OK)
        state->count++;
    return status;
}

enum imprint_status imprint_audit_verify(const char *dir,
                                         struct imprint_audit_state *state,
                                         struct imprint_why *why)
{
    char path[PATH_LEN];
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *file;
    enum imprint_status status = IMPRINT_OK;

    *state = (struct imprint_audit_state){0, NOTHING};
    (void)snprintf(path, sizeof(path), "%s/audit", dir);
    file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return imprint_why_set(why, IMPRINT_ERR_NOT_FOUND,
                               "there is no audit log \"%s\" yet", path);
    if (!file)
        return fail(path, why);
    (void)flock(fileno(file), LOCK_SH);
    while (status == IMPRINT_OK && (len = getline(&line, &room, file)) > 0) {
        if (line[len - 1] != '\n')
            status = refuse_line(state->count + 1, "it is cut off", why);
        else
            status = check_line(line, (size_t)len - 1, state, why);
    }
    if (status == IMPRINT_OK && ferror(file))
        status = fail(path, why);
    free(line);
    (void)fclose(file);
    return status;
}
