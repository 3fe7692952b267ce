#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/doctor_parts.h"
#include "device/store.h"
#include "posix/file.h"
#include "posix/why.h"

/* The directory is not there: can the first that is missing be made? */
static enum imprint_status check_parent(struct imprint_doctor *doctor)
{
    const char *dir = doctor->settings.state_dir;
    char missing[1024];
    char path[1024];
    char *slash;

    (void)snprintf(path, sizeof(path), "%s", dir);
    do {
        memcpy(missing, path, sizeof(missing));
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
                    "cannot make the directory \"%s\": %s", missing,
                    strerror(errno));
    imprint_why_hint(&doctor->cause->why,
                     "make it, owned by who runs imprint, or give another "
                     "directory with --state");
    return imprint_doctor_blame(doctor, IMPRINT_ERR_STORAGE, "disk-read-only");
}

static const char *name_of(const struct stat *now)
{
    if (S_ISDIR(now->st_mode) && now->st_uid != geteuid())
        return "file-owner";
    return !S_ISDIR(now->st_mode) || now->st_mode & 077 ? "file-mode"
                                                        : "disk-read-only";
}

enum imprint_status imprint_doctor_directory(struct imprint_doctor *doctor)
{
    struct imprint_why *why = &doctor->cause->why;
    const char *dir = doctor->settings.state_dir;
    uint64_t room_len = 0;
    enum imprint_status status;
    struct stat now;

    if (stat(dir, &now) != 0)
        return check_parent(doctor);
    status = imprint_store_check_dir(dir, why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, name_of(&now));
    status = imprint_store_check_room(dir, why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "disk-full");
    if (imprint_file_room(dir, &room_len, NULL) != IMPRINT_OK)
        room_len = 0;
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "\"%.200s\" is ours, mode 0700, with room for %llu KiB", dir,
                   (unsigned long long)(room_len / 1024));
    return IMPRINT_OK;
}
