/* Hooks that are URLs. For hook.c. The only user of libcurl here. */
#ifndef IMPRINT_ENDPOINT_HOOK_HTTP_H
#define IMPRINT_ENDPOINT_HOOK_HTTP_H

#include "hook.h"

/* Asks the URL. When stop_fd can be read (-1: never), it is given up. */
void imprint_hook_http_run(struct imprint_hook_job *job, int stop_fd);

#endif
