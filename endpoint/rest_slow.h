/*
 * Cuts connections that take too long over one request: libmicrohttpd's own
 * limit begins anew with every byte. For rest_http.c; from any thread.
 */
#ifndef IMPRINT_ENDPOINT_REST_SLOW_H
#define IMPRINT_ENDPOINT_REST_SLOW_H

#include <stdint.h>

struct imprint_rest_slow;

/* A thread of its own. NULL: no memory, or no thread. */
struct imprint_rest_slow *imprint_rest_slow_open(int64_t limit_ms);
/* NULL is fine. */
void imprint_rest_slow_close(struct imprint_rest_slow *slow);

/* From now on fd has limit_ms until the next such call. */
void imprint_rest_slow_begin(struct imprint_rest_slow *slow, int fd);
/* To be called before fd is closed. */
void imprint_rest_slow_end(struct imprint_rest_slow *slow, int fd);

#endif
