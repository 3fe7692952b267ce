#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/doctor_parts.h"
#include "posix/clock.h"
#include "posix/why.h"

#define CONTROL_MS 1000 /* a twin that fights for its id is back sooner */

void imprint_doctor_hang_up(struct imprint_doctor *doctor)
{
    imprint_mqtt_close(doctor->session);
    imprint_tls_close(doctor->tls);
    doctor->session = NULL;
    doctor->tls = NULL;
}

bool imprint_doctor_is_stopped(const struct imprint_doctor *doctor)
{
    return doctor->settings.stop &&
           doctor->settings.stop(doctor->settings.user);
}

static bool stop(void *user)
{
    return imprint_doctor_is_stopped(user);
}

/* False: it is a random one. */
static bool name_client(const struct imprint_doctor *doctor, char out[160])
{
    const struct imprint_device_settings *settings = &doctor->settings;
    const char *id =
        doctor->has_identity ? settings->client_id_verify : settings->client_id;
    uint32_t random[4] = {0};

    if (!id && doctor->has_identity && doctor->identity.thing_name[0])
        id = doctor->identity.thing_name;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random[0] = (uint32_t)imprint_clock_now_ms();
    if (id)
        (void)snprintf(out, 160, "%s", id);
    else
        (void)snprintf(out, 160, "imprint-%08x%08x%08x%08x", random[0],
                       random[1], random[2], random[3]);
    return id != NULL;
}

static enum imprint_status open_tls(struct imprint_doctor *doctor)
{
    const struct imprint_tls_options options = {
        .host = doctor->address.host,
        .ca_pem = doctor->claim.ca_pem,
        .version_max = doctor->settings.tls_version_max,
        .alpn = doctor->forces_alpn ||
                doctor->route.address.port == IMPRINT_ADDRESS_PORT_ALPN};

    return imprint_tls_open(&options, &doctor->tls, &doctor->cause->why);
}

static const char *blame_drop(struct imprint_doctor *doctor)
{
    if (doctor->ipv4_count > 0 || doctor->ipv6_count == 0)
        return "tcp-dropped";
    (void)snprintf(doctor->cause->evidence, sizeof(doctor->cause->evidence),
                   "the name has IPv6 addresses alone, and none answers");
    imprint_why_hint(&doctor->cause->why,
                     "this network may lead IPv6 nowhere: give the endpoint a "
                     "name with an IPv4 address too, or use another network");
    return "ipv6-dropped";
}

static enum imprint_status blame_way(struct imprint_doctor *doctor,
                                     enum imprint_status status)
{
    const char *text = doctor->cause->why.text;
    const char *name = "tcp";

    if (doctor->route.is_proxied)
        name = status == IMPRINT_ERR_SETTINGS ? "proxy-login" : "proxy";
    else if (strstr(text, "no answer within"))
        name = blame_drop(doctor);
    else if (strstr(text, "refused"))
        name = "tcp-refused";
    return imprint_doctor_blame(doctor, status, name);
}

/* TLS is not up, or the end came before CONNACK. */
static enum imprint_status blame_session(struct imprint_doctor *doctor,
                                         enum imprint_status status)
{
    struct imprint_doctor_cause *cause = doctor->cause;
    const char *name = imprint_tls_trouble_name(doctor->tls);

    if (name)
        return imprint_doctor_blame(doctor, status, name);
    if (imprint_tls_lacks_alpn(doctor->tls)) {
        (void)snprintf(cause->evidence, sizeof(cause->evidence), "%s",
                       imprint_tls_ready(doctor->tls)
                           ? "ALPN x-amzn-mqtt-ca was offered, and not taken"
                           : "TLS is ended for want of ALPN");
        return imprint_doctor_blame(doctor, status, "alpn");
    }
    if (!imprint_tls_ready(doctor->tls)) {
        (void)snprintf(cause->evidence, sizeof(cause->evidence),
                       "TCP connects, and TLS does not come up");
        return imprint_doctor_blame(doctor, status,
                                    status == IMPRINT_ERR_TIMEOUT ? "tls-silent"
                                                                  : "tls-cut");
    }
    (void)snprintf(cause->evidence, sizeof(cause->evidence),
                   "TLS comes up, and there is no CONNACK that lets us in");
    return imprint_doctor_blame(doctor, status, "connect-refused");
}

static void note_family(struct imprint_doctor *doctor, int tcp)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(peer);

    (void)getpeername(tcp, (struct sockaddr *)&peer, &len);
    doctor->family = peer.ss_family;
}

enum imprint_status imprint_doctor_open(struct imprint_doctor *doctor)
{
    struct imprint_mqtt_options options = {
        .dir = doctor->session_dir,
        .version = doctor->settings.mqtt_version,
        .timeout_tls_ms = doctor->settings.timeout_tls_ms,
        .timeout_ms = doctor->settings.timeout_ms};
    struct imprint_mqtt_report report = {.kind = IMPRINT_MQTT_QUIET};
    char client_id[160];
    enum imprint_status status;
    int tcp;

    imprint_doctor_hang_up(doctor);
    (void)name_client(doctor, client_id);
    options.client_id = client_id;
    status = imprint_route_open(&doctor->route, stop, doctor, &tcp,
                                &doctor->cause->why);
    if (status != IMPRINT_OK)
        return blame_way(doctor, status);
    note_family(doctor, tcp);
    status = open_tls(doctor);
    if (status != IMPRINT_OK) {
        (void)close(tcp);
        return imprint_doctor_blame(doctor, status, "tls-root");
    }
    options.host = doctor->route.address.host;
    options.port = doctor->route.address.port;
    options.tls = doctor->tls;
    status =
        imprint_mqtt_open(&options, tcp, &doctor->session, &doctor->cause->why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "tls-cut");
    status = imprint_mqtt_show(doctor->session, doctor->claim.certificate_pem,
                               doctor->claim.key, &doctor->cause->why);
    if (status != IMPRINT_OK)
        return imprint_doctor_blame(doctor, status, "claim-format");
    while (report.kind == IMPRINT_MQTT_QUIET && !stop(doctor))
        imprint_mqtt_wait(doctor->session, 100, &report, &doctor->cause->why);
    if (report.kind == IMPRINT_MQTT_CONNECTED)
        return IMPRINT_OK;
    if (report.kind == IMPRINT_MQTT_QUIET) {
        imprint_why_set(&doctor->cause->why, IMPRINT_ERR_STOPPED, "stopped");
        return imprint_doctor_blame(doctor, IMPRINT_ERR_STOPPED, "stopped");
    }
    return blame_session(doctor, report.status);
}

/*
 * A port that wants ALPN hangs up without it, and we offer it on port 443 only.
 * Does it help? Then it was that.
 */
static enum imprint_status blame_port(struct imprint_doctor *doctor,
                                      enum imprint_status status)
{
    const struct imprint_doctor_cause before = *doctor->cause;
    enum imprint_status now;

    if (!before.name || strcmp(before.name, "connect-refused") != 0 ||
        doctor->route.address.port == IMPRINT_ADDRESS_PORT_ALPN)
        return status;
    doctor->forces_alpn = true;
    now = imprint_doctor_open(doctor);
    doctor->forces_alpn = false;
    imprint_doctor_hang_up(doctor);
    *doctor->cause = before;
    if (now != IMPRINT_OK)
        return status;
    imprint_why_set(&doctor->cause->why, status,
                    "\"%s\" wants ALPN x-amzn-mqtt-ca, as port 443 of AWS IoT "
                    "does",
                    doctor->route.place);
    imprint_why_hint(&doctor->cause->why,
                     "let it be reached as port 443, where it is offered, or "
                     "give the port without it, 8883");
    (void)snprintf(doctor->cause->evidence, sizeof(doctor->cause->evidence),
                   "with ALPN it answers CONNECT, without it does not");
    return imprint_doctor_blame(doctor, status, "alpn");
}

enum imprint_status imprint_doctor_connect(struct imprint_doctor *doctor)
{
    enum imprint_status status = imprint_doctor_open(doctor);
    bool is_second_best;

    if (status != IMPRINT_OK && imprint_route_turn(&doctor->route))
        status = imprint_doctor_open(doctor);
    if (status != IMPRINT_OK)
        return blame_port(doctor, status);
    imprint_route_settle(&doctor->route);
    memset(doctor->cause, 0, sizeof(*doctor->cause)); /* of the other port */
    is_second_best = doctor->family == AF_INET && doctor->ipv6_count > 0;
    (void)snprintf(doctor->text, sizeof(doctor->text),
                   "%.200s: TCP%s, %s, CONNACK%s", doctor->route.place,
                   doctor->route.is_proxied ? " by the proxy" : "",
                   imprint_tls_version(doctor->tls),
                   is_second_best ? "; over IPv4, since IPv6 gave none" : "");
    return IMPRINT_OK;
}

static enum imprint_status blame_twin(struct imprint_doctor *doctor,
                                      const char *client_id, bool is_taken)
{
    imprint_why_set(&doctor->cause->why, IMPRINT_ERR_LOST,
                    "connections under the client id \"%s\" are ended, "
                    "whatever is asked",
                    client_id);
    imprint_why_hint(
        &doctor->cause->why,
        "another client has this id, perhaps, and each of you ends "
        "the other: give each its own (--client-id); or the "
        "network cuts connections that last");
    (void)snprintf(
        doctor->cause->evidence, sizeof(doctor->cause->evidence), "%s",
        is_taken ? "the endpoint says that the session was taken over"
                 : "one with no request at all was ended, too");
    return imprint_doctor_blame(doctor, IMPRINT_ERR_LOST, "client-id");
}

enum imprint_status imprint_doctor_control(struct imprint_doctor *doctor)
{
    const struct imprint_doctor_cause before = *doctor->cause;
    struct imprint_mqtt_report report = {.kind = IMPRINT_MQTT_QUIET};
    bool is_taken = strstr(before.why.text, "taken over") != NULL;
    char client_id[160];
    enum imprint_status status = IMPRINT_OK;

    if (!is_taken) {
        status = imprint_doctor_open(doctor);
        if (status == IMPRINT_OK)
            imprint_mqtt_wait(doctor->session, CONTROL_MS, &report,
                              &doctor->cause->why);
        imprint_doctor_hang_up(doctor);
    }
    if (status != IMPRINT_OK) /* it is worse than that now */
        return status;
    *doctor->cause = before;
    if (!is_taken && report.kind != IMPRINT_MQTT_ENDED)
        return IMPRINT_OK;
    if (name_client(doctor, client_id))
        return blame_twin(doctor, client_id, is_taken);
    imprint_why_set(&doctor->cause->why, IMPRINT_ERR_LOST,
                    "connections are ended behind CONNACK, whatever is asked");
    imprint_why_hint(&doctor->cause->why,
                     "the network, or something between, cuts connections that "
                     "last: try another network, or --proxy");
    (void)snprintf(doctor->cause->evidence, sizeof(doctor->cause->evidence),
                   "one with no request at all was ended, too; its client id "
                   "was a random one");
    return imprint_doctor_blame(doctor, IMPRINT_ERR_LOST, "lost");
}
