#include "rate.h"

#define SECOND_MS 1000

bool imprint_rate_take(struct imprint_rate *rate, int64_t per_second,
                       int64_t amount, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms - rate->asked_ms;
    int64_t made_up;

    if (per_second == 0)
        return true;
    made_up = passed_ms >= SECOND_MS ? per_second * SECOND_MS
                                     : (int64_t)passed_ms * per_second;
    rate->asked_ms = now_ms;
    rate->used = rate->used > made_up ? rate->used - made_up : 0;
    if (rate->used > 0 &&
        rate->used + amount * SECOND_MS > per_second * SECOND_MS)
        return false;
    rate->used += amount * SECOND_MS;
    return true;
}
