/*
 * Mosquitto glue, plugin API 5 (Mosquitto 2.0.11 and later): connection in,
 * admit; message in, submit; tick, collect and publish. What it knows of the
 * broker that no manual says:
 *
 * - Events of a client carry the same struct mosquitto * from BASIC_AUTH to
 *   DISCONNECT; on a takeover the new one comes before the old one goes.
 * - A request is swallowed by shortening its topic in place: replacing the
 *   pointer leaks in one release and is freed twice in another.
 * - mosquitto_broker_publish with a client id reaches that client alone, at
 *   the next turn of the loop, subscribed or not. A TICK and the sending of
 *   what it published are not parted by any other event, so no other
 *   connection can have taken the client id over between them.
 * - Memory given to the broker must come from mosquitto_malloc.
 */
#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "endpoint/endpoint.h"
#include "journal.h"
#include "links.h"
#include "wake.h"

#define EXPORTED __attribute__((visibility("default")))

/* Where swallowed requests go; nobody may read it. */
#define SWALLOWED_TOPIC "$imprint"

/* Both relative: the broker runs in the endpoint's directory. */
#define SOCKET_PATH "broker.sock"
#define JOURNAL_PATH "log"

#define FIGURES_EVERY_S 60
#define FIGURES_LEN 160

#define READY_VARIABLE "IMPRINT_READY_FD"

struct plugin {
    mosquitto_plugin_id_t *identifier;
    struct imprint_endpoint *endpoint;
    struct imprint_links *links;
    struct imprint_wake *wake;
    struct imprint_journal *journal;
    int ready_fd; /* of the parent's pipe, or -1 */
    /* Behind its DISCONNECT the broker still asks for a client's will. */
    struct imprint_link leaving;
    time_t figures_due; /* monotonic; 0: not yet ticked */
};

/* ---- the parent ---- */

/* The pipe that the parent waits on: "ready", or "error" and two lines. */
static int open_ready(void)
{
    const char *text = getenv(READY_VARIABLE);
    char *end;
    long fd = text ? strtol(text, &end, 10) : -1;

    if (!text || end == text || *end || fd <= STDERR_FILENO || fd > 65535 ||
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0)
        return -1;
    (void)unsetenv(READY_VARIABLE);
    return (int)fd;
}

static void tell(struct plugin *plugin, const char *text)
{
    if (plugin->ready_fd < 0)
        return;
    if (write(plugin->ready_fd, text, strlen(text)) < 0)
        mosquitto_log_printf(MOSQ_LOG_WARNING, "imprint: the parent is gone");
    (void)close(plugin->ready_fd);
    plugin->ready_fd = -1;
}

static void tell_error(struct plugin *plugin, const struct imprint_why *why)
{
    char text[2 * IMPRINT_WHY_TEXT_LEN + 16];

    mosquitto_log_printf(MOSQ_LOG_ERR, "imprint: %s", why->text);
    (void)snprintf(text, sizeof(text), "error\n%s\n%s\n", why->text, why->hint);
    tell(plugin, text);
}

/* ---- clients ---- */

static void finish_leaving(struct plugin *plugin)
{
    if (plugin->leaving.session)
        imprint_endpoint_leave(plugin->endpoint, plugin->leaving.session);
    plugin->leaving.session = NULL;
    plugin->leaving.client = NULL;
}

/* The address of a client that went may be a new one's. */
static void forget_address(struct plugin *plugin,
                           const struct mosquitto *client)
{
    struct imprint_endpoint_session *session =
        imprint_links_take(plugin->links, client);

    if (session)
        imprint_endpoint_leave(plugin->endpoint, session);
    if (plugin->leaving.client == client)
        finish_leaving(plugin);
}

static enum imprint_status admit(struct plugin *plugin,
                                 struct mosquitto *client,
                                 struct imprint_slice certificate_der,
                                 struct imprint_endpoint_session **out)
{
    const char *address = mosquitto_client_address(client);
    const char *client_id = mosquitto_client_id(client);
    const struct imprint_endpoint_connect connect = {
        certificate_der, client_id ? client_id : "", address ? address : "",
        mosquitto_client_protocol_version(client),
        !mosquitto_client_clean_session(client)};

    return imprint_endpoint_admit(plugin->endpoint, &connect, out);
}

/* True: linked, and named by its certificate. */
static bool link_client(struct plugin *plugin, struct mosquitto *client,
                        struct imprint_endpoint_session *session)
{
    const struct imprint_link link = {client, session};

    if (mosquitto_set_username(client, imprint_endpoint_certificate_id(
                                           session)) == MOSQ_ERR_SUCCESS &&
        imprint_links_put(plugin->links, &link))
        return true;
    imprint_endpoint_leave(plugin->endpoint, session);
    return false;
}

static int on_basic_auth(int event, void *event_data, void *userdata)
{
    const struct mosquitto_evt_basic_auth *auth = event_data;
    struct plugin *plugin = userdata;
    struct imprint_endpoint_session *session = NULL;
    void *x509 = mosquitto_client_certificate(auth->client);
    uint8_t *der = NULL;
    size_t der_len = 0;
    enum imprint_status status;

    (void)event;
    forget_address(plugin, auth->client);
    if (!x509)
        return imprint_wake_is_self(plugin->wake, auth->username,
                                    auth->password)
                   ? MOSQ_ERR_SUCCESS
                   : MOSQ_ERR_AUTH;
    if (!imprint_endpoint_take_x509(x509, &der, &der_len))
        return MOSQ_ERR_AUTH;
    status = admit(plugin, auth->client, (struct imprint_slice){der, der_len},
                   &session);
    free(der);
    /*
     * Anything but MOSQ_ERR_AUTH closes without a CONNACK. A registry that
     * does not answer gives no verdict: the client may try again.
     */
    if (status == IMPRINT_ERR_LOST || status == IMPRINT_ERR_TIMEOUT)
        return MOSQ_ERR_CONN_LOST;
    return status == IMPRINT_OK && link_client(plugin, auth->client, session)
               ? MOSQ_ERR_SUCCESS
               : MOSQ_ERR_AUTH;
}

static int on_disconnect(int event, void *event_data, void *userdata)
{
    const struct mosquitto_evt_disconnect *disconnect = event_data;
    struct plugin *plugin = userdata;
    struct imprint_endpoint_session *session =
        imprint_links_take(plugin->links, disconnect->client);

    (void)event;
    finish_leaving(plugin);
    if (session) {
        plugin->leaving.client = disconnect->client;
        plugin->leaving.session = session;
    }
    return MOSQ_ERR_SUCCESS;
}

/* ---- messages ---- */

static enum imprint_endpoint_verdict decide(
    struct plugin *plugin, struct imprint_endpoint_session *session,
    const struct mosquitto_evt_acl_check *check)
{
    struct imprint_endpoint_act act = {.topic = check->topic,
                                       .payload_len = check->payloadlen};
    int count;

    switch (check->access) {
    case MOSQ_ACL_UNSUBSCRIBE:
        return IMPRINT_ENDPOINT_ALLOWED;
    case MOSQ_ACL_SUBSCRIBE:
        count = mosquitto_client_sub_count(check->client);
        act.access = IMPRINT_ENDPOINT_SUBSCRIBE;
        act.payload_len = 0;
        act.subscription_count = count > 0 ? (size_t)count : 0;
        break;
    case MOSQ_ACL_READ:
        act.access = IMPRINT_ENDPOINT_RECEIVE;
        break;
    case MOSQ_ACL_WRITE:
        act.access =
            check->retain ? IMPRINT_ENDPOINT_RETAIN : IMPRINT_ENDPOINT_PUBLISH;
        break;
    default:
        return IMPRINT_ENDPOINT_DENIED;
    }
    if (strcmp(check->topic, SWALLOWED_TOPIC) == 0)
        return IMPRINT_ENDPOINT_DENIED;
    return imprint_endpoint_allows(plugin->endpoint, session, &act);
}

/*
 * A no, as AWS IoT says it: MQTT 5 has a reason code, MQTT 3.1.1 has none, and
 * the connection is closed. A message that its receiver may not have must
 * never harm its sender.
 */
static int on_acl_check(int event, void *event_data, void *userdata)
{
    const struct mosquitto_evt_acl_check *check = event_data;
    struct plugin *plugin = userdata;
    struct imprint_endpoint_session *session =
        imprint_links_session(plugin->links, check->client);
    enum imprint_endpoint_verdict verdict = IMPRINT_ENDPOINT_DENIED;

    (void)event;
    if (!session && plugin->leaving.client == check->client)
        session = plugin->leaving.session;
    if (session)
        verdict = decide(plugin, session, check);
    if (verdict == IMPRINT_ENDPOINT_ALLOWED)
        return MOSQ_ERR_SUCCESS;
    if (check->access == MOSQ_ACL_READ || verdict == IMPRINT_ENDPOINT_REJECTED)
        return MOSQ_ERR_ACL_DENIED;
    return verdict == IMPRINT_ENDPOINT_DENIED &&
                   mosquitto_client_protocol_version(check->client) == 5
               ? MOSQ_ERR_ACL_DENIED
               : MOSQ_ERR_AUTH;
}

static int on_message(int event, void *event_data, void *userdata)
{
    struct mosquitto_evt_message *message = event_data;
    struct plugin *plugin = userdata;
    struct imprint_endpoint_session *session =
        imprint_links_session(plugin->links, message->client);
    struct imprint_slice payload;

    (void)event;
    if (!session)
        return MOSQ_ERR_ACL_DENIED;
    payload.bytes = message->payload;
    payload.len = message->payload ? message->payloadlen : 0;
    if (!imprint_endpoint_submit(plugin->endpoint, session, message->topic,
                                 payload))
        return MOSQ_ERR_SUCCESS;
    if (strlen(message->topic) < strlen(SWALLOWED_TOPIC))
        return MOSQ_ERR_ACL_DENIED;
    memcpy(message->topic, SWALLOWED_TOPIC, sizeof(SWALLOWED_TOPIC));
    message->retain = false;
    return MOSQ_ERR_SUCCESS;
}

/*
 * QoS 1; but QoS 0 where the broker would keep an answer that was not
 * acknowledged for whoever comes next with this client id.
 */
static void publish(struct plugin *plugin,
                    const struct imprint_endpoint_reply *reply)
{
    struct mosquitto *client =
        imprint_links_client(plugin->links, reply->session);
    const struct imprint_endpoint_act act = {.access = IMPRINT_ENDPOINT_RECEIVE,
                                             .topic = reply->topic};
    int qos;
    void *payload;

    if (!client || imprint_endpoint_allows(plugin->endpoint, reply->session,
                                           &act) != IMPRINT_ENDPOINT_ALLOWED)
        return;
    qos = mosquitto_client_clean_session(client) ? 1 : 0;
    payload = mosquitto_malloc(reply->payload.len + 1);
    if (!payload)
        return;
    memcpy(payload, reply->payload.bytes, reply->payload.len);
    if (mosquitto_broker_publish(mosquitto_client_id(client), reply->topic,
                                 (int)reply->payload.len, payload, qos, false,
                                 NULL) == MOSQ_ERR_SUCCESS)
        return;
    explicit_bzero(payload, reply->payload.len);
    mosquitto_free(payload);
}

/*
 * One connection by its client id; all of a certificate at once by user name,
 * which is its id.
 */
static void throw_off(struct plugin *plugin)
{
    struct imprint_endpoint_eviction eviction;

    while (imprint_endpoint_evicted(plugin->endpoint, &eviction)) {
        struct imprint_endpoint_session *session = eviction.session;
        struct mosquitto *client = imprint_links_client(plugin->links, session);

        if (eviction.has_lost)
            (void)mosquitto_kick_client_by_username(
                imprint_endpoint_certificate_id(session), false);
        else if (client)
            (void)mosquitto_kick_client_by_clientid(mosquitto_client_id(client),
                                                    false);
        finish_leaving(plugin);
        if (imprint_links_client(plugin->links, session))
            return; /* on its way out; look again next time */
    }
}

/* Once a minute, and at the end. */
static void tell_figures(struct plugin *plugin, bool is_end)
{
    struct timespec now;
    char line[FIGURES_LEN];

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (plugin->figures_due == 0)
        plugin->figures_due = now.tv_sec + FIGURES_EVERY_S;
    if (!is_end && now.tv_sec < plugin->figures_due)
        return;
    plugin->figures_due = now.tv_sec + FIGURES_EVERY_S;
    imprint_endpoint_figures(plugin->endpoint, line, sizeof(line));
    imprint_journal_write(plugin->journal, line);
}

static int on_tick(int event, void *event_data, void *userdata)
{
    struct plugin *plugin = userdata;
    struct imprint_endpoint_reply reply;

    (void)event;
    (void)event_data;
    finish_leaving(plugin);
    if (imprint_wake_turn(plugin->wake))
        tell(plugin, "ready\n");
    while (imprint_endpoint_collect(plugin->endpoint, &reply))
        publish(plugin, &reply);
    throw_off(plugin);
    tell_figures(plugin, false);
    return MOSQ_ERR_SUCCESS;
}

/* ---- start and end ---- */

static const struct {
    int event;
    MOSQ_FUNC_generic_callback call;
} callbacks[] = {
    {MOSQ_EVT_BASIC_AUTH, on_basic_auth}, {MOSQ_EVT_ACL_CHECK, on_acl_check},
    {MOSQ_EVT_MESSAGE, on_message},       {MOSQ_EVT_TICK, on_tick},
    {MOSQ_EVT_DISCONNECT, on_disconnect},
};

#define CALLBACK_COUNT (sizeof(callbacks) / sizeof(callbacks[0]))

static void wake_broker(void *user)
{
    struct plugin *plugin = user;

    imprint_wake_call(plugin->wake);
}

static void log_line(void *user, const char *line)
{
    struct plugin *plugin = user;

    imprint_journal_write(plugin->journal, line);
}

static const char *option_of(const struct mosquitto_opt *options,
                             int option_count, const char *key)
{
    for (int i = 0; i < option_count; i++) {
        if (strcmp(options[i].key, key) == 0)
            return options[i].value;
    }
    return NULL;
}

static void close_all(struct plugin *plugin)
{
    struct imprint_endpoint_session *session;

    finish_leaving(plugin);
    while (plugin->links &&
           (session = imprint_links_take_any(plugin->links)) != NULL)
        imprint_endpoint_leave(plugin->endpoint, session);
    if (plugin->endpoint) {
        tell_figures(plugin, true);
        imprint_endpoint_close(plugin->endpoint);
    }
    imprint_links_free(plugin->links);
    imprint_wake_free(plugin->wake);
    imprint_journal_close(plugin->journal);
    if (plugin->ready_fd >= 0)
        (void)close(plugin->ready_fd);
    free(plugin);
}

static bool open_all(struct plugin *plugin, const char *dir, bool on_stderr,
                     struct imprint_why *why)
{
    const struct imprint_endpoint_options options = {dir, wake_broker, log_line,
                                                     plugin};

    if (chdir(dir) != 0) {
        (void)snprintf(why->text, sizeof(why->text), "directory \"%s\": %s",
                       dir, strerror(errno));
        return false;
    }
    plugin->journal = imprint_journal_open(JOURNAL_PATH, on_stderr);
    if (!plugin->journal) {
        (void)snprintf(why->text, sizeof(why->text), "log \"%s/%s\": %s", dir,
                       JOURNAL_PATH, strerror(errno));
        return false;
    }
    plugin->links = imprint_links_new();
    plugin->wake = imprint_wake_new(SOCKET_PATH);
    if (!plugin->links || !plugin->wake) {
        (void)snprintf(why->text, sizeof(why->text), "out of memory");
        return false;
    }
    return imprint_endpoint_open(&options, &plugin->endpoint, why) ==
           IMPRINT_OK;
}

static int register_all(struct plugin *plugin)
{
    for (size_t i = 0; i < CALLBACK_COUNT; i++) {
        int code =
            mosquitto_callback_register(plugin->identifier, callbacks[i].event,
                                        callbacks[i].call, NULL, plugin);

        if (code != MOSQ_ERR_SUCCESS)
            return code;
    }
    return MOSQ_ERR_SUCCESS;
}

static void unregister_all(struct plugin *plugin)
{
    for (size_t i = 0; i < CALLBACK_COUNT; i++)
        (void)mosquitto_callback_unregister(
            plugin->identifier, callbacks[i].event, callbacks[i].call, NULL);
}

EXPORTED int mosquitto_plugin_version(int supported_version_count,
                                      const int *supported_versions)
{
    for (int i = 0; i < supported_version_count; i++) {
        if (supported_versions[i] == MOSQ_PLUGIN_VERSION)
            return MOSQ_PLUGIN_VERSION;
    }
    return -1;
}

EXPORTED int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier,
                                   void **userdata,
                                   struct mosquitto_opt *options,
                                   int option_count)
{
    const char *dir = option_of(options, option_count, "dir");
    const char *log = option_of(options, option_count, "log");
    struct plugin *plugin = calloc(1, sizeof(*plugin));
    struct imprint_why why = {"", ""};

    if (!plugin)
        return MOSQ_ERR_NOMEM;
    plugin->identifier = identifier;
    plugin->ready_fd = open_ready();
    if (!dir ||
        !open_all(plugin, dir, log && strcmp(log, "stderr") == 0, &why)) {
        if (!dir)
            (void)snprintf(why.text, sizeof(why.text), "no plugin_opt_dir");
        tell_error(plugin, &why);
        close_all(plugin);
        return MOSQ_ERR_UNKNOWN;
    }
    if (register_all(plugin) != MOSQ_ERR_SUCCESS) {
        unregister_all(plugin);
        close_all(plugin);
        return MOSQ_ERR_UNKNOWN;
    }
    *userdata = plugin;
    return MOSQ_ERR_SUCCESS;
}

EXPORTED int mosquitto_plugin_cleanup(void *userdata,
                                      struct mosquitto_opt *options,
                                      int option_count)
{
    (void)options;
    (void)option_count;
    if (userdata) {
        unregister_all(userdata);
        close_all(userdata);
    }
    return MOSQ_ERR_SUCCESS;
}
