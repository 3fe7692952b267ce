/* Prometheus's text format 0.0.4; names by its "Metric and label naming". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/clock.h"
#include "rest_local.h"
#include "views.h"

#define BEAT_MAX_MS 5000

struct row {
    const char *name;
    const char *type;
    const char *help;
    enum imprint_watch_figure figure;
};

static const struct row rows[] = {
    {"imprint_start_time_seconds", "gauge",
     "When this run of the endpoint began, in Unix seconds.",
     IMPRINT_WATCH_STARTED},
    {"imprint_connected_clients", "gauge", "MQTT connections that are open.",
     IMPRINT_WATCH_CLIENTS},
    {"imprint_connections_total", "counter", "MQTT connections let in.",
     IMPRINT_WATCH_CONNECTED},
    {"imprint_refused_connections_total", "counter",
     "MQTT connections that a certificate, a policy or a limit refused.",
     IMPRINT_WATCH_REFUSED},
    {"imprint_denied_actions_total", "counter",
     "Subscriptions and messages that a policy or a limit refused.",
     IMPRINT_WATCH_DENIED},
    {"imprint_throttled_requests_total", "counter",
     "Provisioning requests over a rate.", IMPRINT_WATCH_THROTTLED},
    {"imprint_thrown_off_connections_total", "counter",
     "MQTT connections that lost their certificate or were closed by a rule.",
     IMPRINT_WATCH_THROWN_OFF},
    {"imprint_pool_keys", "gauge",
     "RSA keys that wait for CreateKeysAndCertificate.",
     IMPRINT_WATCH_POOL_COUNT},
    {"imprint_pool_size_keys", "gauge", "RSA keys that the pool holds if full.",
     IMPRINT_WATCH_POOL_SIZE},
    {"imprint_pool_keys_made_total", "counter", "RSA keys made by this run.",
     IMPRINT_WATCH_POOL_MADE},
};

static void put_head(FILE *out, const char *name, const char *type,
                     const char *help)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label(FILE *out, const char *name, const char *value)
{
    (void)fprintf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\n')
            (void)fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            (void)fprintf(out, "\\%c", *value);
        else
            (void)fputc((unsigned char)*value < 0x80 ? *value : '?', out);
    }
    (void)fputc('"', out);
}

/* ---- histograms ---- */

/* what, result, of: the labels' names; NULL: it has none. */
struct shape {
    const char *name;
    const char *help;
    const char *what;
    const char *result;
    const char *of;
};

static void put_labels(FILE *out, const struct shape *shape,
                       const struct imprint_meter_series *series)
{
    put_label(out, shape->what, series->what);
    if (shape->result) {
        (void)fputc(',', out);
        put_label(out, shape->result, series->result);
    }
    if (shape->of) {
        (void)fputc(',', out);
        put_label(out, shape->of, series->of);
    }
}

static void put_series(FILE *out, const struct shape *shape,
                       const struct imprint_meter_series *series)
{
    uint64_t count = 0;

    for (size_t i = 0; i < IMPRINT_METER_BUCKET_COUNT; i++) {
        count += atomic_load(&series->counts[i]);
        (void)fprintf(out, "%s_bucket{", shape->name);
        put_labels(out, shape, series);
        if (i + 1 < IMPRINT_METER_BUCKET_COUNT)
            (void)fprintf(out, ",le=\"%g\"} %" PRIu64 "\n",
                          (double)imprint_meter_bounds_us[i] / 1e6, count);
        else
            (void)fprintf(out, ",le=\"+Inf\"} %" PRIu64 "\n", count);
    }
    (void)fprintf(out, "%s_sum{", shape->name);
    put_labels(out, shape, series);
    (void)fprintf(out, "} %.6f\n%s_count{",
                  (double)atomic_load(&series->sum_us) / 1e6, shape->name);
    put_labels(out, shape, series);
    (void)fprintf(out, "} %" PRIu64 "\n", count);
}

static void put_meter(FILE *out, const struct shape *shape,
                      const struct imprint_meter *meter)
{
    uint64_t count = atomic_load(&meter->count);

    put_head(out, shape->name, "histogram", shape->help);
    for (uint64_t i = 0; i < count && i < IMPRINT_METER_SERIES_COUNT; i++)
        put_series(out, shape, &meter->series[i]);
}

/* ---- claims ---- */

struct claims {
    FILE *out;
    const char *name; /* of the metric */
};

/* Columns as views.h has them: state, not after, claim. */
static void put_claim(void *user, const char *const *columns)
{
    const struct claims *claims = user;

    if (strcmp(columns[1], "ACTIVE") != 0 || !columns[8])
        return;
    (void)fprintf(claims->out, "%s{", claims->name);
    put_label(claims->out, "claim", columns[8]);
    (void)fputc(',', claims->out);
    put_label(claims->out, "certificate", columns[0]);
    (void)fprintf(claims->out, "} %s\n", columns[7] ? columns[7] : "0");
}

static bool put_claims(FILE *out, struct imprint_registry *registry)
{
    struct claims claims = {out, "imprint_claim_expiry_timestamp_seconds"};
    const struct imprint_views_page page = {
        .of = "", .after = "", .each = put_claim, .user = &claims};

    put_head(out, claims.name, "gauge",
             "When an ACTIVE claim expires, in Unix seconds.");
    return imprint_views_show(registry, IMPRINT_VIEW_CLAIMS, &page, NULL) ==
           IMPRINT_OK;
}

/* ---- the whole ---- */

const char *imprint_rest_metrics_find_fault(
    const struct imprint_rest_metrics *metrics)
{
    int64_t beat_ms = imprint_watch_get(metrics->watch, IMPRINT_WATCH_BEAT_MS);
    char *value = NULL;
    enum imprint_status status =
        imprint_registry_find_setting(metrics->registry, "ready", &value);

    free(value);
    if (imprint_clock_now_ms() - beat_ms > BEAT_MAX_MS)
        return "the broker does not turn";
    return status == IMPRINT_OK || status == IMPRINT_ERR_NOT_FOUND
               ? NULL
               : "the registry does not answer";
}

static void put_up(FILE *out, const char *name, const char *help, bool is_up)
{
    put_head(out, name, "gauge", help);
    (void)fprintf(out, "%s %d\n", name, is_up ? 1 : 0);
}

static void put_all(FILE *out, const struct imprint_rest_metrics *metrics)
{
    static const struct shape requests = {
        "imprint_request_duration_seconds",
        "From a device's request to its answer, in seconds.", "operation",
        "result", "template"};
    static const struct shape hooks = {"imprint_hook_duration_seconds",
                                       "What hooks took, in seconds.", "result",
                                       NULL, "template"};
    static const struct shape rest = {
        "imprint_rest_request_duration_seconds",
        "What the control plane's operations took, in seconds.", "operation",
        "result", NULL};

    put_head(out, "imprint_build_info", "gauge", "Always 1; its version.");
    (void)fprintf(out, "imprint_build_info{version=\"%s\"} 1\n",
                  IMPRINT_VERSION);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put_head(out, rows[i].name, rows[i].type, rows[i].help);
        (void)fprintf(out, "%s %" PRId64 "\n", rows[i].name,
                      imprint_watch_get(metrics->watch, rows[i].figure));
    }
    put_meter(out, &requests, imprint_watch_requests(metrics->watch));
    put_meter(out, &hooks, imprint_watch_hooks(metrics->watch));
    put_meter(out, &rest, metrics->rest);
    put_up(out, "imprint_registry_up", "1: the registry answers.",
           put_claims(out, metrics->registry));
    put_up(out, "imprint_ready", "1: /readyz says so, too.",
           !imprint_rest_metrics_find_fault(metrics));
}

char *imprint_rest_metrics_write(const struct imprint_rest_metrics *metrics)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    put_all(out, metrics);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
