#include "where.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix/file.h"
#include "posix/why.h"

#define PATH_LEN 4096
#define URL_MAX_LEN 4096u
#define SQLITE "sqlite"

static void name_file(const char *dir, const char *name, char path[PATH_LEN])
{
    (void)snprintf(path, PATH_LEN, "%s/%s", dir, name);
}

enum imprint_status imprint_where_find(const char *dir, char **url,
                                       struct imprint_why *why)
{
    char path[PATH_LEN];
    size_t len;
    enum imprint_status status;

    *url = NULL;
    name_file(dir, "registry.url", path);
    if (access(path, F_OK) != 0)
        return IMPRINT_OK;
    status = imprint_file_read(path, URL_MAX_LEN, url, &len, why);
    if (status == IMPRINT_OK)
        (*url)[strcspn(*url, "\n")] = '\0';
    return status;
}

/* "postgresql://user:secret@host" has one, and so has "?password=". */
static bool has_password(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t len = strcspn(host, "/?");
    const char *at = memchr(host, '@', len);

    return (at && memchr(host, ':', (size_t)(at - host))) ||
           strstr(url, "password=");
}

static enum imprint_status check_url(const char *url, struct imprint_why *why)
{
    if (strncmp(url, "postgresql://", 13) != 0 &&
        strncmp(url, "postgres://", 11) != 0) {
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "\"%s\" is no registry", url);
        imprint_why_hint(
            why, "postgresql://[USER@]HOST[:PORT]/DATABASE, or " SQLITE);
        return IMPRINT_ERR_SETTINGS;
    }
    if (!has_password(url))
        return IMPRINT_OK;
    (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                          "the registry's URL has a password in it, which "
                          "others could read");
    imprint_why_hint(why, "put it into ~/.pgpass, or a file that the URL's "
                          "passfile names");
    return IMPRINT_ERR_SETTINGS;
}

enum imprint_status imprint_where_set(const char *dir, const char *url,
                                      struct imprint_why *why)
{
    char path[PATH_LEN];
    char *line = NULL;
    enum imprint_status status;

    name_file(dir, "registry.url", path);
    if (strcmp(url, SQLITE) == 0)
        return unlink(path) == 0 || errno == ENOENT
                   ? IMPRINT_OK
                   : imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\": %s",
                                     path, strerror(errno));
    status = check_url(url, why);
    if (status != IMPRINT_OK)
        return status;
    if (asprintf(&line, "%s\n", url) < 0)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = imprint_file_replace(path, imprint_slice_text(line), 0600, why);
    free(line);
    return status;
}

bool imprint_where_is_there(const char *dir)
{
    char path[PATH_LEN];

    name_file(dir, "registry.db", path);
    if (access(path, F_OK) == 0)
        return true;
    name_file(dir, "registry.url", path);
    return access(path, F_OK) == 0;
}
