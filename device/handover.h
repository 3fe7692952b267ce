/*
 * How a connected socket gets into a library that can only connect by itself,
 * to a host or to a Unix socket: it connects to a Unix socket of ours, and then
 * its descriptor is made to mean the other connection.
 */
#ifndef IMPRINT_DEVICE_HANDOVER_H
#define IMPRINT_DEVICE_HANDOVER_H

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_handover {
    int listener;
    int dir;
    char path[48]; /* what the library connects to */
};

/*
 * Listens in the directory dir, which nobody else may enter; the name is gone
 * after finish or close. ERR_STORAGE.
 */
IMPRINT_MUST_USE enum imprint_status imprint_handover_open(
    const char *dir, struct imprint_handover *out, struct imprint_why *why);

/*
 * client is the library's connected descriptor. What it has written goes to
 * the connection tcp, and client means tcp from now on; tcp itself is closed,
 * in any case. Nothing may have been sent to the library. ERR_LOST.
 */
IMPRINT_MUST_USE enum imprint_status imprint_handover_finish(
    struct imprint_handover *handover, int client, int tcp,
    struct imprint_why *why);
void imprint_handover_close(struct imprint_handover *handover);

/* Takes away what a power cut left in dir. */
void imprint_handover_sweep(const char *dir);

#endif
