#include "device/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "device/early.h"
#include "device/explain.h"
#include "device/issue.h"
#include "device/proof.h"
#include "device/route.h"
#include "device/say.h"
#include "device/session.h"
#include "imprint/imprint.h"
#include "posix/why.h"

/* What the first reply brings is kept while the second is read. */
#define WORK_LEN (2 * IMPRINT_MQTT_PAYLOAD_MAX_LEN + IMPRINT_WORK_LEN)
#define STOP_POLL_MS 200u
#define REPEAT_MS 5000u /* the machine's own default */

struct run {
    const struct imprint_run_needs *needs;
    const struct imprint_device_settings *settings;
    struct imprint_issue issue;
    struct imprint_proof proof;
    struct imprint machine;
    struct imprint_config config;
    struct imprint_pair parameters[IMPRINT_DEVICE_PARAMETER_MAX_COUNT];
    struct imprint_route route;
    struct imprint_session session;
    struct imprint_early early; /* the next session, if it is begun already */
    struct imprint_mqtt_report report; /* what the last event borrows from */
    struct imprint_why *why;           /* the latest trouble */
    uint32_t session_id;
    uint32_t subscribe_id;
    enum imprint_as as;
    bool is_guess;   /* the last refusal was silence; see is_refusal */
    bool is_patient; /* requests before CONNACK were not liked */
    bool was_up;     /* TLS came up, once at least */
    bool is_unclear; /* see imprint_run_provision */
    bool is_told;    /* why says more than the machine knows */
    int step;        /* the last one that progress was told; -1: none */
    char random_id[48];
};

static uint64_t now_ms(void)
{
    struct timespec now;

    /* time asleep counts: the token's hour goes on meanwhile */
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static bool is_stopped(void *user)
{
    const struct run *run = user;

    return run->settings->stop && run->settings->stop(run->settings->user);
}

/* ---- sessions ---- */

static void end_session(struct run *run)
{
    imprint_session_close(&run->session);
}

/* A template need not name a thing; then what was asked for is the best. */
static const char *identity_client_id(const struct run *run)
{
    const char *id = run->settings->client_id_verify;

    if (!id && run->issue.staged.thing_name && run->issue.staged.thing_name[0])
        id = run->issue.staged.thing_name;
    if (!id)
        id = imprint_issue_parameter(run->settings, "ThingName");
    if (!id)
        id = imprint_issue_parameter(run->settings, "SerialNumber");
    return id && id[0] ? id : run->random_id;
}

static const char *claim_client_id(const struct run *run)
{
    return run->settings->client_id ? run->settings->client_id : run->random_id;
}

/* What the session before the last is opened with. */
static const char *claim_name(const struct run *run)
{
    return run->needs->renewal ? "the identity in use" : "the claim";
}

/* As who run->as says; with no certificate, one that will be shown later. */
static struct imprint_session_options session_options(struct run *run)
{
    bool as_claim = run->as == IMPRINT_AS_CLAIM;
    const struct imprint_claim *claim = run->needs->claim;
    const struct imprint_session_options options = {
        .settings = run->settings,
        .route = &run->route,
        .dir = run->needs->dir,
        .client_id = as_claim ? claim_client_id(run) : identity_client_id(run),
        .certificate_pem = as_claim ? claim->certificate_pem
                                    : run->issue.staged.certificate_pem,
        .key = as_claim ? claim->key : run->issue.key,
        .ca_pem = claim->ca_pem,
        .early_requests =
            as_claim && run->settings->early_requests && !run->is_patient,
        .stop = is_stopped,
        .user = run};

    return options;
}

static enum imprint_status open_session(struct run *run)
{
    const struct imprint_session_options options = session_options(run);
    enum imprint_status status;

    if (run->as == IMPRINT_AS_IDENTITY &&
        imprint_early_take(&run->early, &options, &run->session, run->why,
                           &status))
        return status;
    imprint_say_line(
        run->settings, IMPRINT_DEVICE_LOG_INFO,
        "connecting to %s as %s, client id \"%s\"", run->route.place,
        run->as == IMPRINT_AS_CLAIM ? claim_name(run) : "the new identity",
        options.client_id);
    return imprint_session_open(&options, &run->session, run->why);
}

/* While the certificate is asked for, the way to show it is made. */
static void begin_early(struct run *run)
{
    struct imprint_session_options options = session_options(run);

    options.client_id = identity_client_id(run);
    imprint_early_begin(&run->early, &options);
}

/* ---- events ---- */

static struct imprint_event event_of(enum imprint_event_kind kind, uint32_t id)
{
    struct imprint_event event;

    memset(&event, 0, sizeof(event));
    event.kind = kind;
    event.id = id;
    return event;
}

static struct imprint_event cannot(struct run *run,
                                   const struct imprint_action *action,
                                   enum imprint_status status)
{
    struct imprint_event event = event_of(IMPRINT_EV_CANNOT, action->id);

    run->is_told = true;
    event.status = status;
    return event;
}

/*
 * A new certificate that is not active is thrown out by AWS IoT without a
 * word: under the identity, silence instead of CONNACK is a no.
 */
static bool is_refusal(const struct run *run, enum imprint_status status)
{
    if (status == IMPRINT_ERR_REFUSED)
        return true;
    return status != IMPRINT_ERR_TIMEOUT && run->as == IMPRINT_AS_IDENTITY &&
           run->session.mqtt && imprint_mqtt_is_unanswered(run->session.mqtt);
}

/* The endpoint may have gone because a request came before its CONNACK. */
static bool is_impatient(const struct run *run, enum imprint_status status)
{
    return run->settings->early_requests && run->as == IMPRINT_AS_CLAIM &&
           status == IMPRINT_ERR_LOST && run->session.mqtt &&
           imprint_mqtt_is_unanswered(run->session.mqtt);
}

/* Another port may lead past what stands in the way of this one. */
static bool is_of_port(enum imprint_status status)
{
    return status == IMPRINT_ERR_LOST || status == IMPRINT_ERR_TIMEOUT ||
           status == IMPRINT_ERR_NETWORK;
}

static struct imprint_event ended(struct run *run,
                                  const struct imprint_action *action,
                                  enum imprint_status status)
{
    struct imprint_event event =
        event_of(IMPRINT_EV_DISCONNECTED, run->session_id);
    bool can_turn;

    event.refused = is_refusal(run, status);
    run->is_guess = event.refused && status != IMPRINT_ERR_REFUSED;
    run->is_patient = run->is_patient || is_impatient(run, status);
    run->was_up = run->was_up ||
                  (run->session.tls && imprint_tls_ready(run->session.tls));
    can_turn = !event.refused && run->session.tls &&
               !imprint_tls_ready(run->session.tls) && is_of_port(status) &&
               imprint_route_turn(&run->route);
    end_session(run);
    imprint_say_line(run->settings, IMPRINT_DEVICE_LOG_INFO, "%s",
                     run->why->text);
    if (!event.refused && !can_turn && status != IMPRINT_ERR_LOST &&
        status != IMPRINT_ERR_TIMEOUT)
        return cannot(run, action, status);
    return event;
}

static struct imprint_event subscribed(struct run *run, uint8_t ungranted)
{
    struct imprint_event event =
        event_of(IMPRINT_EV_SUBSCRIBED, run->subscribe_id);

    event.ungranted = ungranted;
    if (ungranted != IMPRINT_ALL_GRANTED) {
        imprint_why_set(run->why, IMPRINT_ERR_REFUSED,
                        "%s does not let %s subscribe to reply topic %u",
                        run->route.place, claim_name(run),
                        (unsigned)ungranted + 1);
        imprint_why_hint(run->why, "its policy must allow iot:Subscribe "
                                   "on the provisioning topics");
    }
    return event;
}

static struct imprint_event event_of_report(struct run *run,
                                            const struct imprint_action *action)
{
    const struct imprint_mqtt_report *report = &run->report;
    struct imprint_event event;

    switch (report->kind) {
    case IMPRINT_MQTT_CONNECTED:
        imprint_say_line(run->settings, IMPRINT_DEVICE_LOG_INFO, "connected");
        imprint_route_settle(&run->route);
        return event_of(IMPRINT_EV_CONNECTED, run->session_id);
    case IMPRINT_MQTT_ENDED:
        return ended(run, action, report->status);
    case IMPRINT_MQTT_SUBSCRIBED:
        return subscribed(run, report->ungranted);
    case IMPRINT_MQTT_MESSAGE:
        imprint_say_line(run->settings, IMPRINT_DEVICE_LOG_DEBUG,
                         "received %zu bytes on %.*s", report->payload.len,
                         (int)report->topic.len,
                         (const char *)report->topic.bytes);
        event = event_of(IMPRINT_EV_MESSAGE, run->session_id);
        event.topic = report->topic;
        event.payload = report->payload;
        return event;
    case IMPRINT_MQTT_QUIET:
        break;
    }
    return event_of(IMPRINT_EV_TICK, 0);
}

static bool is_resting(const struct imprint_action *action)
{
    return action->kind == IMPRINT_DO_WAIT &&
           (action->step == IMPRINT_STEP_CONNECT ||
            action->step == IMPRINT_STEP_VERIFY);
}

static void sleep_ms(uint32_t wait_ms)
{
    struct timespec wait = {wait_ms / 1000, (long)(wait_ms % 1000) * 1000000};

    (void)nanosleep(&wait, NULL); /* a signal may end it: stop is asked next */
}

/* The next event, a tick at the deadline at the latest. */
static struct imprint_event wait_for(struct run *run,
                                     const struct imprint_action *action)
{
    uint64_t deadline_ms = action->deadline_ms;
    bool waited = false;

    for (;;) {
        uint64_t now = now_ms();
        uint64_t left_ms = deadline_ms > now ? deadline_ms - now : 0;

        if (left_ms == 0 && waited && run->session.mqtt && !is_resting(action))
            imprint_mqtt_tell_silence(run->session.mqtt, run->why);
        if (left_ms == 0)
            return event_of(IMPRINT_EV_TICK, 0);
        if (is_stopped(run))
            return cannot(run, action, IMPRINT_ERR_STOPPED);
        waited = true;
        left_ms = left_ms < STOP_POLL_MS ? left_ms : STOP_POLL_MS;
        if (!run->session.mqtt) {
            sleep_ms((uint32_t)left_ms);
            continue;
        }
        imprint_mqtt_wait(run->session.mqtt, (uint32_t)left_ms, &run->report,
                          run->why);
        if (run->report.kind != IMPRINT_MQTT_QUIET)
            return event_of_report(run, action);
    }
}

/* ---- actions ---- */

static struct imprint_event saved(struct run *run,
                                  const struct imprint_action *action,
                                  enum imprint_status status)
{
    if (status == IMPRINT_OK)
        return event_of(IMPRINT_EV_SAVED, action->id);
    imprint_say_line(run->settings, IMPRINT_DEVICE_LOG_INFO, "%s",
                     run->why->text);
    return cannot(run, action, status);
}

/* The key may be the service's; then the proof had to wait for it. */
static enum imprint_status stage(struct run *run,
                                 const struct imprint_identity *identity)
{
    enum imprint_status status =
        imprint_issue_stage(&run->issue, identity, run->why);

    if (status == IMPRINT_OK && identity->certificate_pem.len)
        status = imprint_proof_renew(&run->proof, run->issue.key, run->why);
    return status;
}

static struct imprint_event connect_as(struct run *run,
                                       const struct imprint_action *action)
{
    enum imprint_status status;

    end_session(run);
    run->is_guess = false;
    run->session_id = action->id;
    run->as = action->as;
    status = open_session(run);
    return status ? ended(run, action, status) : wait_for(run, action);
}

static struct imprint_event carry_out(struct run *run,
                                      const struct imprint_action *action)
{
    enum imprint_status status = IMPRINT_OK;

    switch (action->kind) {
    case IMPRINT_DO_CONNECT:
        return connect_as(run, action);
    case IMPRINT_DO_SUBSCRIBE:
        run->subscribe_id = action->id;
        if (run->session.mqtt)
            status = imprint_mqtt_subscribe(run->session.mqtt, action->topics,
                                            action->topic_count, run->why);
        break;
    case IMPRINT_DO_PUBLISH:
        imprint_say_line(run->settings, IMPRINT_DEVICE_LOG_DEBUG,
                         "sending %zu bytes to %.*s", action->payload.len,
                         (int)action->topics[0].len,
                         (const char *)action->topics[0].bytes);
        if (run->session.mqtt)
            status = imprint_mqtt_publish(run->session.mqtt, action->topics[0],
                                          action->payload, run->why);
        if (status == IMPRINT_OK && run->settings->early_verify)
            begin_early(run);
        break;
    case IMPRINT_DO_STAGE:
        return saved(run, action, stage(run, &action->identity));
    case IMPRINT_DO_COMMIT:
        status = imprint_store_commit(run->needs->store, run->why);
        return saved(run, action, status);
    case IMPRINT_DO_WAIT:
    case IMPRINT_DO_STOP:
        break;
    }
    return status ? ended(run, action, status) : wait_for(run, action);
}

/* A trusted user's claim is good for five minutes: count them down. */
static void tell_step(const struct run *run, const char *step)
{
    int64_t left_s = run->needs->claim->expires - (int64_t)time(NULL);
    char text[96];

    if (!run->settings->progress)
        return;
    if (run->needs->claim->expires == 0) {
        run->settings->progress(run->settings->user, step);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s (the claim is good for %lld s)",
                   step, (long long)(left_s > 0 ? left_s : 0));
    run->settings->progress(run->settings->user, text);
}

static void tell_progress(struct run *run, const struct imprint_action *action)
{
    static const char *const steps[] = {"connect", "subscribe", "create",
                                        "stage",   "register",  "verify",
                                        "commit"};

    if ((int)action->step != run->step)
        tell_step(run, steps[action->step]);
    run->step = (int)action->step;
    if (!is_resting(action) || run->session.mqtt)
        return;
    imprint_explain_action(action, run->settings->template_name, run->why);
    imprint_say_line(run->settings, IMPRINT_DEVICE_LOG_INFO,
                     "trying again in %llu ms",
                     (unsigned long long)(action->deadline_ms - now_ms()));
}

static enum imprint_status tell_stop(struct run *run,
                                     const struct imprint_action *action)
{
    enum imprint_status status = action->status;

    if (status == IMPRINT_ERR_REFUSED && run->is_guess)
        status = IMPRINT_ERR_LOST;
    run->was_up = run->was_up ||
                  (run->session.tls && imprint_tls_ready(run->session.tls));
    run->is_unclear = run->was_up && action->rejection.status_code == 0;
    end_session(run);
    if (!run->is_told)
        imprint_explain_action(action, run->settings->template_name, run->why);
    if (status == IMPRINT_ERR_STOPPED) {
        imprint_why_set(run->why, status, "stopped before it was done");
        imprint_why_hint(run->why, "the next run goes on from here");
    } else if (status != IMPRINT_OK && !run->why->text[0]) {
        imprint_why_set(run->why, status, "cannot provision: %s",
                        imprint_status_name(status));
    }
    return status;
}

static enum imprint_status loop(struct run *run)
{
    struct imprint_event event = event_of(IMPRINT_EV_TICK, 0);
    struct imprint_action action;
    enum imprint_status status = imprint_init(&run->machine, &run->config);

    if (status != IMPRINT_OK)
        return imprint_why_set(run->why, status,
                               "a parameter or the template's name is not "
                               "usable");
    for (;;) {
        imprint_step(&run->machine, &event, now_ms(), &action);
        tell_progress(run, &action);
        if (action.kind == IMPRINT_DO_STOP) {
            status = tell_stop(run, &action);
            imprint_wipe(&run->machine);
            return status;
        }
        event = carry_out(run, &action);
    }
}

/* ---- setting up ---- */

/*
 * No more than the machine needs: what it knows, STAGE would bring back. The
 * id makes it try the identity first. While the token is good and the name
 * unknown, registering comes first: the service may have registered us before
 * the cut, and only its answer has the name and the configuration.
 */
static void configure_staged(struct run *run)
{
    const struct imprint_staged *staged = &run->issue.staged;
    struct imprint_identity *known = &run->config.staged;

    if (!staged->certificate_pem)
        return;
    if (staged->registered || staged->token_left_ms == 0)
        known->certificate_id = imprint_slice_text(staged->certificate_id);
    known->token = imprint_slice_text(staged->token);
    known->thing_name = imprint_slice_text(staged->thing_name);
    run->config.staged_token_left_ms = staged->token_left_ms;
}

/* Those of the settings, and the proof's. */
static void configure_parameters(struct run *run)
{
    const struct imprint_device_settings *settings = run->settings;
    size_t count = settings->parameter_count;

    for (size_t i = 0; i < count; i++) {
        run->parameters[i].name =
            imprint_slice_text(settings->parameters[i].name);
        run->parameters[i].value =
            imprint_slice_text(settings->parameters[i].value);
    }
    for (size_t i = 0; i < run->proof.pair_count; i++)
        run->parameters[count++] = run->proof.pairs[i];
    run->config.parameters = run->parameters;
    run->config.parameter_count = count;
}

static bool configure(struct run *run)
{
    const struct imprint_device_settings *settings = run->settings;
    struct imprint_config *config = &run->config;

    config->format =
        settings->json ? &imprint_json_format : &imprint_cbor_format;
    config->flow = settings->key == IMPRINT_DEVICE_KEY_SERVICE
                       ? &imprint_flow_service
                       : &imprint_flow_csr;
    config->template_name = imprint_slice_text(settings->template_name);
    config->csr_pem = imprint_slice_text(run->issue.staged.request_pem);
    configure_parameters(run);
    config->timing.connect_ms = settings->timeout_connect_ms +
                                settings->timeout_tls_ms + settings->timeout_ms;
    config->timing.reply_ms = settings->timeout_ms;
    if (settings->timeout_ms < REPEAT_MS)
        config->timing.repeat_ms = settings->timeout_ms;
    config->timing.attempts_max = settings->attempts_max;
    config->work_len = WORK_LEN;
    config->work = malloc(WORK_LEN);
    configure_staged(run);
    return config->work && getrandom(&config->seed, sizeof(config->seed), 0) ==
                               (ssize_t)sizeof(config->seed);
}

static bool name_client(char out[48])
{
    uint8_t random[16];
    size_t len = 8;

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    memcpy(out, "imprint-", len);
    for (size_t i = 0; i < sizeof(random); i++)
        len += (size_t)snprintf(out + len, 3, "%02x", random[i]);
    return true;
}

static enum imprint_status run_all(struct run *run)
{
    enum imprint_status status;

    run->settings = run->needs->settings;
    run->step = -1;
    imprint_route_init(&run->route, run->settings, run->needs->address);
    run->issue.settings = run->settings;
    run->issue.dir = run->needs->dir;
    run->issue.endpoint = run->route.name;
    run->issue.claim = run->needs->claim;
    run->issue.renewal = run->needs->renewal;
    status = imprint_proof_open(run->settings, &run->proof, run->why);
    if (status == IMPRINT_OK)
        status = imprint_issue_prepare(&run->issue, run->why);
    if (status == IMPRINT_OK && run->issue.key)
        status = imprint_proof_renew(&run->proof, run->issue.key, run->why);
    if (status != IMPRINT_OK)
        return status;
    if (!name_client(run->random_id) || !configure(run))
        return imprint_why_set(run->why, IMPRINT_ERR_INTERNAL,
                               "out of memory or of random bytes");
    return loop(run);
}

enum imprint_status imprint_run_provision(const struct imprint_run_needs *needs,
                                          bool *is_unclear,
                                          struct imprint_why *why)
{
    struct run *run = calloc(1, sizeof(*run));
    struct imprint_why latest = {"", ""};
    enum imprint_status status;

    *is_unclear = false;
    if (!run)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    run->needs = needs;
    run->why = &latest;
    status = run_all(run);
    *is_unclear = run->is_unclear;
    end_session(run);
    imprint_early_end(&run->early);
    if (run->config.work)
        imprint_slice_erase(run->config.work, run->config.work_len);
    free(run->config.work);
    imprint_issue_free(&run->issue);
    imprint_proof_close(&run->proof);
    free(run);
    if (status != IMPRINT_OK && why)
        *why = latest;
    return status;
}
