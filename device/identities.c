#include "device/identities.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/layout.h"
#include "device/manifest.h"
#include "posix/file.h"

#define DIR_NAME "identities"

/* 0: not a number from 1 on. */
static unsigned number_of(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > 9 || strspn(name, "0123456789") != len)
        return 0;
    return (unsigned)strtoul(name, NULL, 10);
}

void imprint_identities_name(char place[32], unsigned number)
{
    (void)snprintf(place, 32, DIR_NAME "/%u", number);
}

unsigned imprint_identities_linked(const char *dir, const char *link)
{
    static const char prefix[] = DIR_NAME "/";
    char path[PATH_MAX];
    char target[PATH_MAX];
    ssize_t len;

    imprint_layout_path(path, dir, link, NULL);
    len = readlink(path, target, sizeof(target) - 1);
    if (len < 0)
        return 0;
    target[len] = '\0';
    if (strncmp(target, prefix, strlen(prefix)) != 0)
        return 0;
    return number_of(target + strlen(prefix));
}

/* The highest that is neither one nor other; 0: none. */
static unsigned highest_but(const char *dir, unsigned one, unsigned other)
{
    unsigned highest = 0;
    struct dirent *entry;
    char path[PATH_MAX];
    DIR *stream;

    imprint_layout_path(path, dir, DIR_NAME, NULL);
    stream = opendir(path);
    while (stream && (entry = readdir(stream))) {
        unsigned number = number_of(entry->d_name);

        if (number > highest && number != one && number != other)
            highest = number;
    }
    if (stream)
        closedir(stream);
    return highest;
}

unsigned imprint_identities_highest(const char *dir, unsigned skip)
{
    return highest_but(dir, skip, 0);
}

bool imprint_identities_is_whole(const char *dir, unsigned number)
{
    struct imprint_manifest manifest;
    char path[PATH_MAX];
    char place[32];

    imprint_identities_name(place, number);
    imprint_layout_path(path, dir, place, "identity.json");
    if (imprint_manifest_read(path, &manifest, NULL) != IMPRINT_OK)
        return false;
    imprint_manifest_free(&manifest);
    return true;
}

enum imprint_status imprint_identities_link(const char *dir, const char *link,
                                            unsigned number,
                                            struct imprint_why *why)
{
    char path[PATH_MAX];
    char next[PATH_MAX];
    char name[32];
    char place[32];

    (void)snprintf(name, sizeof(name), "%.20s.next", link);
    imprint_identities_name(place, number);
    imprint_layout_path(path, dir, link, NULL);
    imprint_layout_path(next, dir, name, NULL);
    if (unlink(next) != 0 && errno != ENOENT)
        return imprint_layout_fail(why, "remove", next);
    if (symlink(place, next) != 0)
        return imprint_layout_fail(why, "make the link", next);
    if (rename(next, path) != 0)
        return imprint_layout_fail(why, "replace", path);
    return imprint_file_sync_dir(dir, why);
}

enum imprint_status imprint_identities_unlink(const char *dir, const char *link,
                                              struct imprint_why *why)
{
    char path[PATH_MAX];

    imprint_layout_path(path, dir, link, NULL);
    if (unlink(path) == 0)
        return imprint_file_sync_dir(dir, why);
    return errno == ENOENT ? IMPRINT_OK
                           : imprint_layout_fail(why, "remove", path);
}

enum imprint_status imprint_identities_keep(const char *dir, unsigned one,
                                            unsigned other,
                                            struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    unsigned number;

    while (status == IMPRINT_OK && (number = highest_but(dir, one, other))) {
        char place[32];

        imprint_identities_name(place, number);
        status = imprint_layout_remove(dir, place, why);
    }
    return status;
}
