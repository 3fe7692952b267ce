#include "meter.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CHOSEN_MAX_COUNT (IMPRINT_METER_SERIES_COUNT / 2)

const uint64_t imprint_meter_bounds_us[IMPRINT_METER_BUCKET_COUNT - 1] = {
    1000,   2500,   5000,    10000,   25000,   50000,
    100000, 250000, 1000000, 2500000, 5000000, 10000000};

static bool is_it(const char *label, const char *wanted)
{
    return strncmp(label, wanted, IMPRINT_METER_LABEL_LEN - 1) == 0;
}

static struct imprint_meter_series *find(struct imprint_meter *meter,
                                         const char *what, const char *result,
                                         const char *of)
{
    uint64_t count = atomic_load(&meter->count);

    for (uint64_t i = 0; i < count; i++) {
        struct imprint_meter_series *series = &meter->series[i];

        if (is_it(series->what, what) && is_it(series->result, result) &&
            is_it(series->of, of))
            return series;
    }
    return NULL;
}

/* NULL: there is no room for another. */
static struct imprint_meter_series *make(struct imprint_meter *meter,
                                         const char *what, const char *result,
                                         const char *of)
{
    uint64_t count = atomic_load(&meter->count);
    struct imprint_meter_series *series = &meter->series[count];

    if (count == IMPRINT_METER_SERIES_COUNT)
        return NULL;
    (void)snprintf(series->what, sizeof(series->what), "%s", what);
    (void)snprintf(series->result, sizeof(series->result), "%s", result);
    (void)snprintf(series->of, sizeof(series->of), "%s", of);
    atomic_store(&meter->count, count + 1);
    return series;
}

void imprint_meter_add(struct imprint_meter *meter, const char *what,
                       const char *result, const char *of, uint64_t took_us)
{
    struct imprint_meter_series *series = find(meter, what, result, of);
    size_t bucket = 0;

    if (!series && of[0] != '\0' &&
        atomic_load(&meter->count) >= CHOSEN_MAX_COUNT) {
        of = "other";
        series = find(meter, what, result, of);
    }
    if (!series)
        series = make(meter, what, result, of);
    if (!series)
        return;
    while (bucket < IMPRINT_METER_BUCKET_COUNT - 1 &&
           took_us > imprint_meter_bounds_us[bucket])
        bucket++;
    (void)atomic_fetch_add(&series->sum_us, took_us);
    (void)atomic_fetch_add(&series->counts[bucket], 1);
}
