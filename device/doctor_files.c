#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/doctor_parts.h"
#include "posix/file.h"
#include "posix/why.h"

#define ROOM_MIN_LEN 65536u

/* The directory is not there: can it be made? */
static enum imprint_status check_parent(struct imprint_doctor *doctor)
{
    const char *dir = doctor->settings.state_dir;
    char path[1024];
    char *slash;

    (void)snprintf(path, sizeof(path), "%s", dir);
    do {
        slash = strrchr(path, '/');
        if (!slash)
            (void)snprintf(path, sizeof(path), ".");
        else
            slash[slash == path ? 1 : 0] = '\0';
    } while (slash && slash != path && access(path, F_OK) != 0);
    if (access(path, W_OK | X_OK) == 0) {
        (void)snprintf(doctor->text, sizeof(doctor->text),
                       "\"%.200s\" is not there yet, and can be made", dir);
        return IMPRINT_OK;
    }
    imprint_why_set(&doctor->cause->why, IMPRINT_ERR_STORAGE,
                    "\"%s\" can't be made: \"%s\": %s", dir, path,
                    strerror(errno));
    imprint_why_hint(&doctor->cause->why,
                     "make it, owned by who runs imprint, or name another one "
                     "with --state");
    return imprint_doctor_blame(doctor, IMPRINT_ERR_STORAGE, "disk-read-only");
}

static enum imprint_status check_mode(struct imprint_doctor *doctor,
                                      const struct stat *now)
{
    struct imprint_why *why = &doctor->cause->why;
    const char *dir = doctor->settings.state_dir;

    if (!S_ISDIR(now->st_mode)) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\" is no directory",
                        dir);
        imprint_why_hint(why, "name another one with --state");
        return imprint_doctor_blame(doctor, IMPRINT_ERR_STORAGE, "file-mode");
    }
    if (now->st_uid != geteuid()) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE,
                        "\"%s\" belongs to user %u, and we are %u", dir,
                        (unsigned)now->st_uid, (unsigned)geteuid());
        imprint_why_hint(why, "run imprint as its owner, or chown it");
        return imprint_doctor_blame(doctor, IMPRINT_ERR_STORAGE, "file-owner");
    }
    if (now->st_mode & 077) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE,
                        "others may enter \"%s\": its mode is %03o", dir,
                        (unsigned)now->st_mode & 07777);
        imprint_why_hint(why, "chmod 700 it");
        return imprint_doctor_blame(doctor, IMPRINT_ERR_STORAGE, "file-mode");
    }
    return IMPRINT_OK;
}

enum imprint_status imprint_doctor_directory(struct imprint_doctor *doctor)
{
    struct imprint_why *why = &doctor->cause->why;
    const char *dir = doctor->settings.state_dir;
    uint64_t room_len = 0;
    struct stat now;

    if (stat(dir, &now) != 0)
        return check_parent(doctor);
    if (check_mode(doctor, &now) != IMPRINT_OK)
        return doctor->cause->status;
    if (access(dir, W_OK | X_OK) != 0) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE, "\"%s\": %s", dir,
                        strerror(errno));
        imprint_why_hint(why, "mount its file system for writing");
        return imprint_doctor_blame(doctor, IMPRINT_ERR_STORAGE,
                                    "disk-read-only");
    }
    if (imprint_file_room(dir, &room_len, why) != IMPRINT_OK)
        return imprint_doctor_blame(doctor, IMPRINT_ERR_STORAGE, "disk-full");
    if (room_len < ROOM_MIN_LEN) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE,
                        "\"%s\" has room for %llu bytes; %u are needed", dir,
                        (unsigned long long)room_len, ROOM_MIN_LEN);
        imprint_why_hint(why, "make room on that file system");
        return imprint_doctor_blame(doctor, IMPRINT_ERR_STORAGE, "disk-full");
    }
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "\"%.200s\" is ours, mode 0700, with room for %llu KiB", dir,
                   (unsigned long long)(room_len / 1024));
    return IMPRINT_OK;
}
