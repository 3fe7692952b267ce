/*
 * How often, and how long: times by labels, in the shape that Prometheus's
 * histograms have. It lies in whatever memory, of two processes too; one thread
 * at a time adds, anybody reads meanwhile.
 */
#ifndef IMPRINT_ENDPOINT_METER_H
#define IMPRINT_ENDPOINT_METER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define IMPRINT_METER_SERIES_COUNT 256
#define IMPRINT_METER_BUCKET_COUNT 13
#define IMPRINT_METER_LABEL_LEN 64

/* Upper bounds of all buckets but the last, which has none. */
extern const uint64_t imprint_meter_bounds_us[IMPRINT_METER_BUCKET_COUNT - 1];

struct imprint_meter_series {
    char what[IMPRINT_METER_LABEL_LEN];
    char result[IMPRINT_METER_LABEL_LEN];
    char of[IMPRINT_METER_LABEL_LEN];
    _Atomic uint64_t counts[IMPRINT_METER_BUCKET_COUNT]; /* of each alone */
    _Atomic uint64_t sum_us;
};

/* All zero: empty. */
struct imprint_meter {
    _Atomic uint64_t count; /* of series; a reader sees these whole */
    struct imprint_meter_series series[IMPRINT_METER_SERIES_COUNT];
};

/*
 * of is what others may choose: when half of the series are used up, a new one
 * counts as "other", so that nobody can make them grow. Longer labels are cut.
 */
void imprint_meter_add(struct imprint_meter *meter, const char *what,
                       const char *result, const char *of, uint64_t took_us);

#endif
