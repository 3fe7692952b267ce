/* Hooks that are programs. For hook.c. */
#ifndef IMPRINT_ENDPOINT_HOOK_EXEC_H
#define IMPRINT_ENDPOINT_HOOK_EXEC_H

#include "hook.h"

/* Runs "exec:PATH". When stop_fd can be read (-1: never), it is killed. */
void imprint_hook_exec_run(struct imprint_hook_job *job, int stop_fd);

#endif
