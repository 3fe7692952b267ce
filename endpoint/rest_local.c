#include "rest_local.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "posix/why.h"
#include "rest_id.h"

struct imprint_rest_local {
    char *dir;
    const struct imprint_rules *rules;
    struct imprint_watch *watch;
    struct imprint_rest_login *login;
    pthread_mutex_t mutex; /* of rest */
    struct imprint_meter rest;
};

/* One request to it. */
struct visit {
    struct imprint_rest_local *local;
    struct imprint_registry *registry;
    const struct imprint_signature_request *request;
    struct imprint_rest_answer *out;
    int64_t now;
};

/* ---- answers ---- */

/* Takes body over. */
static void answer(const struct visit *visit, unsigned status, const char *type,
                   char *body)
{
    visit->out->status = status;
    visit->out->type = type;
    visit->out->body = body;
}

static void say(const struct visit *visit, unsigned status, const char *text)
{
    char line[256];

    (void)snprintf(line, sizeof(line), "%s\n", text);
    answer(visit, status, "text/plain; charset=utf-8", strdup(line));
}

static void show_health(const struct visit *visit)
{
    say(visit, 200, "ok");
}

static struct imprint_rest_metrics metrics_of(const struct visit *visit)
{
    return (struct imprint_rest_metrics){.watch = visit->local->watch,
                                         .rest = &visit->local->rest,
                                         .registry = visit->registry};
}

static void show_ready(const struct visit *visit)
{
    const struct imprint_rest_metrics metrics = metrics_of(visit);
    const char *fault = imprint_rest_metrics_find_fault(&metrics);

    say(visit, fault ? 503 : 200, fault ? fault : "ready");
}

static void show_metrics(const struct visit *visit)
{
    const struct imprint_rest_metrics metrics = metrics_of(visit);

    answer(visit, 200, "text/plain; version=0.0.4; charset=utf-8",
           imprint_rest_metrics_write(&metrics));
}

/* ---- the page ---- */

/* Scripts and styles of the page run if they carry this answer's word. */
static void show_page(const struct visit *visit)
{
    char word[65];
    char *body;

    if (imprint_rest_id_random(word) != IMPRINT_OK)
        return;
    body = imprint_page_write(word);
    (void)snprintf(visit->out->policy, sizeof(visit->out->policy),
                   "default-src 'none'; connect-src 'self'; img-src data:; "
                   "script-src 'nonce-%s'; style-src 'nonce-%s'; "
                   "base-uri 'none'; form-action 'none'; "
                   "frame-ancestors 'none'",
                   word, word);
    answer(visit, 200, "text/html; charset=utf-8", body);
}

static void show_overview(const struct visit *visit)
{
    answer(visit, 200, "application/json",
           imprint_rest_overview_write(visit->local->dir, visit->registry,
                                       visit->now));
}

static void show_events(const struct visit *visit)
{
    visit->out->is_stream = true;
    answer(visit, 200, "text/event-stream", NULL);
}

static void log_in(const struct visit *visit)
{
    if (imprint_rest_login_enter(visit->local->login, visit->registry,
                                 visit->request, visit->now,
                                 visit->out->cookie))
        say(visit, 200, "ok");
    else
        say(visit, 403,
            "that is no key of this endpoint; \"imprint endpoint credentials "
            "add\" makes one");
}

static void log_out(const struct visit *visit)
{
    imprint_rest_login_leave(visit->local->login, visit->request,
                             visit->out->cookie);
    say(visit, 200, "ok");
}

/* ---- which ---- */

static const struct {
    const char *method;
    const char *path;
    bool is_free; /* for everybody who reaches the address */
    void (*run)(const struct visit *visit);
} places[] = {
    {"GET", "/healthz", true, show_health},
    {"GET", "/readyz", true, show_ready},
    {"GET", "/metrics", false, show_metrics},
    {"GET", "/", true, show_page},
    {"POST", "/page/login", true, log_in},
    {"POST", "/page/logout", true, log_out},
    {"GET", "/page/overview", false, show_overview},
    {"GET", "/page/events", false, show_events},
};

static bool is_place(size_t i, const struct imprint_signature_request *request)
{
    bool is_head = strcmp(request->method, "HEAD") == 0;

    return strcmp(places[i].path, request->path) == 0 &&
           strcmp(places[i].method, is_head ? "GET" : request->method) == 0 &&
           !(is_head && places[i].run == show_events);
}

bool imprint_rest_local_answer(struct imprint_rest_local *local,
                               struct imprint_registry *registry,
                               const struct imprint_signature_request *request,
                               struct imprint_rest_answer *out)
{
    const struct visit visit = {.local = local,
                                .registry = registry,
                                .request = request,
                                .out = out,
                                .now = imprint_rules_now(local->rules)};
    size_t i = 0;

    while (i < sizeof(places) / sizeof(places[0]) && !is_place(i, request))
        i++;
    if (i == sizeof(places) / sizeof(places[0]) || request->query[0] != '\0')
        return false;
    if (places[i].is_free ||
        imprint_rest_login_may(local->login, registry, request, visit.now))
        places[i].run(&visit);
    else
        say(&visit, 401,
            "an access key is needed; \"imprint endpoint credentials add\" "
            "makes one");
    if (!out->body && !out->is_stream)
        say(&visit, 503, "the registry does not answer, or out of memory");
    return true;
}

void imprint_rest_local_note(struct imprint_rest_local *local,
                             const char *operation, const char *error,
                             int64_t took_us)
{
    (void)pthread_mutex_lock(&local->mutex);
    imprint_meter_add(&local->rest, operation, error ? error : "ok", "",
                      (uint64_t)took_us);
    (void)pthread_mutex_unlock(&local->mutex);
}

/* ---- open ---- */

enum imprint_status imprint_rest_local_open(
    const struct imprint_rest_options *options,
    const struct imprint_rules *rules, struct imprint_rest_local **out,
    struct imprint_why *why)
{
    struct imprint_rest_local *local = calloc(1, sizeof(*local));
    enum imprint_status status = IMPRINT_OK;

    if (!local)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    (void)pthread_mutex_init(&local->mutex, NULL);
    local->rules = rules;
    local->dir = strdup(options->dir);
    local->login = imprint_rest_login_new(options->is_open, options->is_tls);
    if (!local->dir || !local->login)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK)
        status = imprint_watch_open(options->dir, false, &local->watch, why);
    if (status == IMPRINT_OK)
        *out = local;
    else
        imprint_rest_local_close(local);
    return status;
}

void imprint_rest_local_close(struct imprint_rest_local *local)
{
    if (!local)
        return;
    imprint_watch_close(local->watch);
    imprint_rest_login_free(local->login);
    (void)pthread_mutex_destroy(&local->mutex);
    free(local->dir);
    free(local);
}

const struct imprint_watch *imprint_rest_local_watch(
    const struct imprint_rest_local *local)
{
    return local->watch;
}
