/*
 * Starts a hook's program below a process of its own, the keeper, so that all
 * that the program starts can be ended: children whose parent is gone become
 * the keeper's, whatever group or session they are in. When the program ends,
 * when it is told to, or when this process is gone, the keeper kills what is
 * left. It has no file of this process open.
 */
#ifndef IMPRINT_ENDPOINT_HOOK_KEEPER_H
#define IMPRINT_ENDPOINT_HOOK_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_hook_keeper {
    pid_t pid;
    /* Reports come here, one a recv, and then an end. */
    int control_fd;
    /* The program's; they don't block. */
    int stdin_fd;
    int stdout_fd;
    int stderr_fd;
};

enum imprint_hook_keeper_event {
    IMPRINT_HOOK_KEEPER_NOTHING,
    IMPRINT_HOOK_KEEPER_NOT_RUN, /* value: errno */
    IMPRINT_HOOK_KEEPER_EXITED,  /* value: its status */
    IMPRINT_HOOK_KEEPER_KILLED   /* value: the signal */
};

struct imprint_hook_keeper_report {
    enum imprint_hook_keeper_event event;
    int value;
};

IMPRINT_MUST_USE enum imprint_status imprint_hook_keeper_start(
    const char *path, struct imprint_hook_keeper *out, struct imprint_why *why);

/* Everything that it keeps; the end on control_fd says that it is done. */
void imprint_hook_keeper_kill(const struct imprint_hook_keeper *keeper);

/* Waits a second for that end, then for nobody. Closes what is open. */
void imprint_hook_keeper_end(struct imprint_hook_keeper *keeper);

/* A pipe's end or a control_fd: closes it once. */
void imprint_hook_keeper_close(int *fd);

#endif
