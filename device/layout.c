#include "device/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/file.h"
#include "posix/why.h"

/* What an identity consists of; identity.json first, so that it goes first. */
static const char *const members[] = {"identity.json",
                                      "private.key",
                                      "token",
                                      "request.csr",
                                      "certificate.pem",
                                      "ca.pem",
                                      "device-configuration.json"};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

void imprint_layout_path(char out[PATH_MAX], const char *dir, const char *place,
                         const char *name)
{
    /* open refused directories so long that this could be cut */
    (void)snprintf(out, PATH_MAX, "%s/%s%s%s", dir, place, name ? "/" : "",
                   name ? name : "");
}

enum imprint_status imprint_layout_fail(struct imprint_why *why,
                                        const char *deed, const char *path)
{
    return imprint_why_set(why, IMPRINT_ERR_STORAGE, "cannot %s \"%s\": %s",
                           deed, path, strerror(errno));
}

enum imprint_status imprint_layout_drop(const char *dir, const char *place,
                                        const char *name,
                                        struct imprint_why *why)
{
    char path[PATH_MAX];

    imprint_layout_path(path, dir, place, name);
    return imprint_file_erase(path, why);
}

enum imprint_status imprint_layout_sync(const char *dir, const char *place,
                                        struct imprint_why *why)
{
    char path[PATH_MAX];

    imprint_layout_path(path, dir, place, NULL);
    return imprint_file_sync_dir(path, why);
}

static bool is_there(const char *path)
{
    struct stat now;

    return lstat(path, &now) == 0;
}

/* Erases an identity's directory. The manifest goes first, durably: what is
 * left then is rubbish for everybody, and the next open takes it away. */
enum imprint_status imprint_layout_remove(const char *dir, const char *place,
                                          struct imprint_why *why)
{
    enum imprint_status status;
    char path[PATH_MAX];

    imprint_layout_path(path, dir, place, NULL);
    if (!is_there(path))
        return IMPRINT_OK;
    status = imprint_layout_drop(dir, place, members[0], why);
    if (status == IMPRINT_OK)
        status = imprint_file_sync_dir(path, why);
    for (size_t i = 1; status == IMPRINT_OK && i < MEMBER_COUNT; i++)
        status = imprint_layout_drop(dir, place, members[i], why);
    if (status == IMPRINT_OK)
        status = imprint_file_sweep(path, why);
    if (status == IMPRINT_OK && rmdir(path) != 0)
        return imprint_layout_fail(why, "remove the directory", path);
    return status;
}
