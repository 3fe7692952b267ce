/* A run failed, and its last word may be less than what can be found out. */
#ifndef IMPRINT_DEVICE_DIAGNOSE_H
#define IMPRINT_DEVICE_DIAGNOSE_H

#include <stdbool.h>

#include "imprint/device.h"

/*
 * Asks the doctor, in a few seconds, where a connection that was hung up or
 * silence may have several causes. What it finds is put in place of *why. The
 * status stays: a policy may be on its way, and the next run may succeed.
 * settings: of the run, defaults filled in; renews: by the identity in use.
 */
void imprint_diagnose(const struct imprint_device_settings *settings,
                      bool renews, enum imprint_status status,
                      struct imprint_why *why);

#endif
