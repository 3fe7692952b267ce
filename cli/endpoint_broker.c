#include "endpoint_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/address.h"
#include "endpoint/endpoint.h"
#include "imprint/slice.h"
#include "posix/file.h"
#include "posix/why.h"

#define PLUGIN_NAME "imprint_plugin.so"
#define CONFIGURATION_LEN 8192

/* ---- where to listen ---- */

enum imprint_status imprint_endpoint_broker_listen(const char *text,
                                                   char host[256],
                                                   uint16_t *port,
                                                   struct imprint_why *why)
{
    struct imprint_address address;
    char whole[320];
    size_t len = strlen(text);
    bool any_port = len >= 2 && strcmp(text + len - 2, ":0") == 0;
    enum imprint_status status;

    /* A device's address has neither a port 0 nor an empty host. */
    (void)snprintf(whole, sizeof(whole), "%s%.*s%s",
                   text[0] == ':' ? "0.0.0.0" : "",
                   (int)(any_port ? len - 1 : len), text, any_port ? "1" : "");
    status = imprint_address_parse(whole, NULL, &address, why);
    if (status == IMPRINT_OK && address.is_auto)
        status = IMPRINT_ERR_SETTINGS;
    if (status != IMPRINT_OK)
        return imprint_why_set(why, status, "\"%s\" is no address to listen at",
                               text);
    memcpy(host, address.host, 256);
    *port = any_port ? 0 : address.port;
    return IMPRINT_OK;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr_storage whole;
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.whole = {0}};
    socklen_t len = sizeof(bound);

    if (getsockname(fd, &bound.any, &len) != 0)
        return 0;
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port
                                                 : bound.v4.sin_port);
}

/* The port that was bound for a moment, or 0 with errno. */
static uint16_t try_port(const struct addrinfo *address)
{
    int one = 1;
    uint16_t port = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int trouble;

    if (fd < 0)
        return 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (address->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0)
        port = port_of(fd);
    trouble = errno;
    (void)close(fd);
    errno = trouble;
    return port;
}

static enum imprint_status refuse_port(
    const struct imprint_endpoint_broker *broker, struct imprint_why *why)
{
    int trouble = errno;

    imprint_why_set(why, IMPRINT_ERR_NETWORK,
                    "cannot listen at \"%s\" port %u: %s", broker->host,
                    broker->port, strerror(trouble));
    if (trouble == EADDRINUSE)
        imprint_why_hint(why, "another program has it; give another one, as "
                              "--listen 127.0.0.1:8884");
    else if (trouble == EACCES)
        imprint_why_hint(why, "ports below 1024 are root's; give another one, "
                              "as --listen 127.0.0.1:8883");
    else
        imprint_why_hint(why, "give an address of this machine to --listen");
    return IMPRINT_ERR_NETWORK;
}

enum imprint_status imprint_endpoint_broker_port(
    const struct imprint_endpoint_broker *broker, uint16_t *port,
    struct imprint_why *why)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];
    uint16_t got;
    int code;

    (void)snprintf(service, sizeof(service), "%u", broker->port);
    code = getaddrinfo(broker->host, service, &hints, &found);
    if (code != 0) {
        imprint_why_set(why, IMPRINT_ERR_NETWORK, "host \"%s\": %s",
                        broker->host, gai_strerror(code));
        imprint_why_hint(why, "give an address of this machine to --listen");
        return IMPRINT_ERR_NETWORK;
    }
    got = try_port(found);
    freeaddrinfo(found);
    if (got == 0)
        return refuse_port(broker, why);
    *port = got;
    return IMPRINT_OK;
}

/* ---- programs ---- */

static bool is_program(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 && S_ISREG(found.st_mode) &&
           access(path, X_OK) == 0;
}

/* In PATH, then where Debian has it, which is no user's PATH. */
static bool find_program(char program[PATH_MAX])
{
    const char *path = getenv("PATH");
    char places[4096];
    char *rest = places;
    const char *place;

    if (snprintf(places, sizeof(places), "%s:/usr/sbin:/usr/local/sbin",
                 path ? path : "/usr/bin") >= (int)sizeof(places))
        (void)snprintf(places, sizeof(places), "/usr/sbin:/usr/local/sbin");
    while ((place = strsep(&rest, ":")) != NULL) {
        int len = snprintf(program, PATH_MAX, "%s/mosquitto", place);

        if (place[0] == '/' && len < PATH_MAX && is_program(program))
            return true;
    }
    return false;
}

/* Beside the command, as built or as installed. */
static bool find_plugin(char plugin[PATH_MAX])
{
    static const char *const places[] = {
        "../plugin/", "../" IMPRINT_LIBDIR "/imprint/", "../lib/imprint/"};
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len <= 0)
        return false;
    self[len] = '\0';
    *(strrchr(self, '/') + 1) = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char place[PATH_MAX];

        if (snprintf(place, sizeof(place), "%s%s%s", self, places[i],
                     PLUGIN_NAME) < (int)sizeof(place) &&
            realpath(place, plugin))
            return true;
    }
    return false;
}

enum imprint_status imprint_endpoint_broker_find(
    struct imprint_endpoint_broker *broker, struct imprint_why *why)
{
    const char *plugin = getenv("IMPRINT_PLUGIN");

    if (!find_program(broker->program)) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "\"mosquitto\" is not installed");
        imprint_why_hint(why, "apt install mosquitto");
        return IMPRINT_ERR_SETTINGS;
    }
    if (plugin && plugin[0]) {
        if (realpath(plugin, broker->plugin))
            return IMPRINT_OK;
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "IMPRINT_PLUGIN \"%s\": %s", plugin,
                               strerror(errno));
    }
    if (find_plugin(broker->plugin))
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "the plugin \"" PLUGIN_NAME "\" is not there");
    imprint_why_hint(why, "install imprint whole, or name the file in "
                          "IMPRINT_PLUGIN");
    return IMPRINT_ERR_SETTINGS;
}

/* ---- configuration ---- */

/*
 * per_listener_settings: true would keep TICK from the plugin. Certificates
 * are checked by the plugin, too: the authority alone proves nothing. capath
 * is looked into at every handshake, so that a new CA counts at once; cafile
 * is not. max_keepalive tells MQTT 5 clients so, as AWS does; those of MQTT
 * 3.1.1 keep what they asked for. Payloads are the plugin's: the broker would
 * drop one that is too long, and acknowledge it.
 */
static const char configuration[] =
    "# Written by imprint endpoint run, every time.\n"
    "per_listener_settings false\n"
    "allow_anonymous false\n"
    "persistence false\n"
    "set_tcp_nodelay true\n"
    "connection_messages false\n"
    "log_dest stderr\n"
    "log_timestamp_format %%Y-%%m-%%dT%%H:%%M:%%S\n"
    "log_type error\n"
    "%s" /* user root */
    "max_packet_size 149504\n"
    "max_inflight_messages 100\n"
    "max_keepalive 1200\n"
    "persistent_client_expiration 1h\n"
    "plugin %s\n"
    "plugin_opt_dir %s\n"
    "%s" /* plugin_opt_log */
    "listener 0 broker.sock\n"
    "listener %u %s\n"
    "max_qos 1\n"
    "max_topic_alias 8\n"
    "cafile %s\n"
    "capath %s/cas\n"
    "certfile %s\n"
    "keyfile %s\n"
    "require_certificate true\n";

enum imprint_status imprint_endpoint_broker_configure(
    const struct imprint_endpoint_broker *broker,
    const struct imprint_endpoint_paths *paths, uint16_t port,
    struct imprint_why *why)
{
    char path[PATH_MAX + 16];
    char *text = malloc(CONFIGURATION_LEN + 6 * PATH_MAX);
    enum imprint_status status;
    int len;

    if (!text)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    len = snprintf(text, CONFIGURATION_LEN + 6 * PATH_MAX, configuration,
                   geteuid() == 0 ? "user root\n" : "", broker->plugin,
                   broker->dir, broker->log ? "plugin_opt_log stderr\n" : "",
                   port, broker->host, paths->ca_pem, broker->dir,
                   paths->server_certificate_pem, paths->server_key);
    (void)snprintf(path, sizeof(path), "%s/broker.conf", broker->dir);
    status = imprint_file_replace(path, imprint_slice_of(text, (size_t)len),
                                  0600, why);
    free(text);
    return status;
}

/* ---- the process ---- */

/* In the child; returns only on failure. */
static void become_broker(const struct imprint_endpoint_broker *broker,
                          int lock, int ready, pid_t parent)
{
    char variable[16];
    char file[] = "broker.conf";
    char option[] = "-c";
    char program[PATH_MAX];
    char *argv[] = {program, option, file, NULL};
    sigset_t none;
    int nothing = open("/dev/null", O_RDONLY);
    int output;

    memcpy(program, broker->program, sizeof(program));
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)umask(077);
    /* It ends when the parent does, however that may happen. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent ||
        chdir(broker->dir) != 0 || nothing < 0)
        return;
    output = open("broker.log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (output < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(output, STDOUT_FILENO) < 0 ||
        (!broker->log && dup2(output, STDERR_FILENO) < 0))
        return;
    (void)close(nothing);
    (void)close(output);
    (void)snprintf(variable, sizeof(variable), "%d", ready);
    if (fcntl(lock, F_SETFD, 0) != 0 || fcntl(ready, F_SETFD, 0) != 0 ||
        setenv("IMPRINT_READY_FD", variable, 1) != 0)
        return;
    (void)execv(program, argv);
}

enum imprint_status imprint_endpoint_broker_start(
    const struct imprint_endpoint_broker *broker, int lock, int *pid,
    int *ready, struct imprint_why *why)
{
    pid_t parent = getpid();
    pid_t child;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "pipe: %s",
                               strerror(errno));
    child = fork();
    if (child == 0) {
        become_broker(broker, lock, ends[1], parent);
        _exit(127);
    }
    (void)close(ends[1]);
    if (child < 0) {
        (void)close(ends[0]);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "fork: %s",
                               strerror(errno));
    }
    *pid = child;
    *ready = ends[0];
    return IMPRINT_OK;
}
