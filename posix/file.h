/*
 * Files that survive a power cut and secrets that are not left behind. Paths
 * are NUL-terminated. Failures are IMPRINT_ERR_STORAGE unless said otherwise.
 */
#ifndef IMPRINT_POSIX_FILE_H
#define IMPRINT_POSIX_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

/*
 * Makes path hold exactly bytes, or leaves it as it was: temporary file beside
 * it, fsync, rename, fsync of the directory. Never readable by more people
 * than mode says, not even on its way. A cut may leave a "*.new" file beside
 * it; see imprint_file_sweep.
 */
IMPRINT_MUST_USE enum imprint_status imprint_file_replace(
    const char *path, struct imprint_slice bytes, mode_t mode,
    struct imprint_why *why);

/*
 * The same without fsync of the directory: after a cut path may be as it was,
 * unless imprint_file_sync_dir came before. For several files at once.
 */
IMPRINT_MUST_USE enum imprint_status imprint_file_put(
    const char *path, struct imprint_slice bytes, mode_t mode,
    struct imprint_why *why);

/*
 * Reads a whole regular file of at most max_len bytes into memory that the
 * caller frees (free, or imprint_file_free_secret); a NUL follows the *len
 * bytes. ERR_NOT_FOUND: no such file. ERR_SPACE: larger than max_len.
 */
IMPRINT_MUST_USE enum imprint_status imprint_file_read(const char *path,
                                                       size_t max_len,
                                                       char **text, size_t *len,
                                                       struct imprint_why *why);

/*
 * The same for what a descriptor, a pipe or whatever, brings until its end.
 * ERR_STORAGE, ERR_SPACE.
 */
IMPRINT_MUST_USE enum imprint_status imprint_file_read_fd(
    int fd, size_t max_len, char **text, size_t *len, struct imprint_why *why);

/* The same for a secret; ERR_KEY: people other than its owner may read it. */
IMPRINT_MUST_USE enum imprint_status imprint_file_read_private(
    const char *path, size_t max_len, char **text, size_t *len,
    struct imprint_why *why);

/*
 * A regular file of any size, of the same mode, durably but for its directory.
 * Waits for who has the file locked (flock). ERR_NOT_FOUND: it is not there.
 * ERR_STORAGE: or there is such a file already; what failed leaves none.
 */
IMPRINT_MUST_USE enum imprint_status imprint_file_copy(const char *from,
                                                       const char *to,
                                                       struct imprint_why *why);

/* Overwrites, then frees. text may be NULL. */
void imprint_file_free_secret(char *text, size_t len);

/*
 * Makes a directory with mode, and its parents with 0755, durably. One that is
 * there already keeps its mode.
 */
IMPRINT_MUST_USE enum imprint_status imprint_file_make_dir(
    const char *path, mode_t mode, struct imprint_why *why);

/* fsync of a directory: what was made, renamed or removed in it stays so. */
IMPRINT_MUST_USE enum imprint_status imprint_file_sync_dir(
    const char *path, struct imprint_why *why);

/*
 * Takes the lock file path, made if missing, until imprint_file_unlock or the
 * end of the process. ERR_BUSY: why tells the process that holds it.
 */
IMPRINT_MUST_USE enum imprint_status imprint_file_lock(const char *path,
                                                       int *lock,
                                                       struct imprint_why *why);
void imprint_file_unlock(int lock);

/* Overwrites a file's bytes, then unlinks it. No such file is OK. */
IMPRINT_MUST_USE enum imprint_status imprint_file_erase(
    const char *path, struct imprint_why *why);

/* Erases a directory and all that is in it. None is OK. */
enum imprint_status imprint_file_erase_dir(const char *path,
                                           struct imprint_why *why);

/* Erases what cut-off calls of imprint_file_replace left in a directory. */
IMPRINT_MUST_USE enum imprint_status imprint_file_sweep(
    const char *dir, struct imprint_why *why);

/* Free bytes on the file system of path, for this user. */
IMPRINT_MUST_USE enum imprint_status imprint_file_room(const char *path,
                                                       uint64_t *room_len,
                                                       struct imprint_why *why);

#endif
