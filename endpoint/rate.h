/* So many a second, in bursts of a second's worth. */
#ifndef IMPRINT_ENDPOINT_RATE_H
#define IMPRINT_ENDPOINT_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing was taken so far. */
struct imprint_rate {
    uint64_t asked_ms; /* monotonic */
    int64_t used;      /* thousandths of what was taken and is not made up */
};

/*
 * Takes amount if that much is left; per_second 0: there is no limit. What is
 * more than a second's worth goes when nothing was taken before it.
 */
bool imprint_rate_take(struct imprint_rate *rate, int64_t per_second,
                       int64_t amount, uint64_t now_ms);

#endif
