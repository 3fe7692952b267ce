#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "posix/file.h"
#include "posix/library.h"
#include "posix/why.h"
#include "rest_parts.h"
#include "rest_slow.h"
#include "rest_stream.h"

#define HEADER_MAX_COUNT 64
#define CONNECTION_MAX_COUNT 256u
#define IDLE_S 30u    /* without a byte */
#define SLOW_MS 30000 /* over one request, or between two */
#define HEAD_MAX_LEN ((size_t)64 * 1024)
#define PATH_LEN 4096
#define PEM_MAX_LEN 65536u
#define STREAM_BLOCK_LEN 32768u

/*
 * libmicrohttpd brings GnuTLS along: it is loaded when a control plane is
 * wanted, so that a device does not pay for it.
 */
#define LIBRARY_NAME "libmicrohttpd.so.12"
#define FUNCTIONS(X)                 \
    X(start_daemon)                  \
    X(stop_daemon)                   \
    X(get_daemon_info)               \
    X(get_connection_values)         \
    X(get_connection_info)           \
    X(lookup_connection_value)       \
    X(create_response_from_buffer)   \
    X(create_response_from_callback) \
    X(suspend_connection)            \
    X(resume_connection)             \
    X(add_response_header)           \
    X(queue_response)                \
    X(destroy_response)

#define POINTER(name) __typeof__(MHD_##name) *(name);
#define SYMBOL(name) {"MHD_" #name, offsetof(struct library, name)},

struct library {
    FUNCTIONS(POINTER)
};

static struct library library;
static bool has_library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void load_library(void)
{
    static const struct imprint_library_symbol symbols[] = {FUNCTIONS(SYMBOL)};

    has_library = imprint_library_load(
        LIBRARY_NAME, symbols, sizeof(symbols) / sizeof(symbols[0]), &library);
}

struct imprint_rest_http {
    struct MHD_Daemon *daemon;
    struct imprint_rest *rest;
    struct imprint_rest_slow *slow;
    struct imprint_rest_streams *streams;
    uint16_t port;
    char *key; /* of TLS */
    size_t key_len;
    char *certificate;
};

/* One request while it comes in. */
struct incoming {
    char *target; /* as it stood in the request line */
    char *body;
    size_t len;
    bool has_head;
    bool is_too_long;
    bool has_failed;
};

/* ---- connections ---- */

static int fd_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = library.get_connection_info(
        connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info ? info->connect_fd : -1;
}

static void note_connection(void *user, struct MHD_Connection *connection,
                            void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    const struct imprint_rest_http *http = user;

    (void)context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        imprint_rest_slow_begin(http->slow, fd_of(connection));
    else
        imprint_rest_slow_end(http->slow, fd_of(connection));
}

/* ---- a request ---- */

static void *begin(void *user, const char *target,
                   struct MHD_Connection *connection)
{
    const struct imprint_rest_http *http = user;
    struct incoming *incoming = calloc(1, sizeof(*incoming));

    imprint_rest_slow_begin(http->slow, fd_of(connection));
    if (incoming)
        incoming->target = strdup(target);
    return incoming;
}

static void end(void *user, struct MHD_Connection *connection, void **context,
                enum MHD_RequestTerminationCode code)
{
    const struct imprint_rest_http *http = user;
    struct incoming *incoming = *context;

    (void)code;
    imprint_rest_slow_begin(http->slow, fd_of(connection));
    if (!incoming)
        return;
    if (incoming->body)
        explicit_bzero(incoming->body, incoming->len);
    free(incoming->body);
    free(incoming->target);
    free(incoming);
    *context = NULL;
}

/* What is too long is read to its end, and then refused. */
static void take(struct incoming *incoming, const char *bytes, size_t len)
{
    char *longer;

    if (len > IMPRINT_REST_BODY_MAX_LEN - incoming->len)
        incoming->is_too_long = true;
    if (incoming->is_too_long)
        return;
    longer = realloc(incoming->body, incoming->len + len + 1);
    if (!longer) {
        incoming->has_failed = true;
        return;
    }
    memcpy(longer + incoming->len, bytes, len);
    incoming->body = longer;
    incoming->len += len;
}

struct headers {
    const char *names[HEADER_MAX_COUNT];
    const char *values[HEADER_MAX_COUNT];
    size_t count;
    bool are_too_many;
};

static enum MHD_Result note_header(void *user, enum MHD_ValueKind kind,
                                   const char *name, const char *value)
{
    struct headers *headers = user;

    (void)kind;
    if (headers->count == HEADER_MAX_COUNT) {
        headers->are_too_many = true;
        return MHD_NO;
    }
    headers->names[headers->count] = name;
    headers->values[headers->count++] = value ? value : "";
    return MHD_YES;
}

static void answer(struct imprint_rest *rest, struct incoming *incoming,
                   const char *method, struct headers *headers,
                   struct imprint_rest_answer *out)
{
    char *question = strchr(incoming->target, '?');
    struct imprint_signature_request request = {
        .method = method,
        .path = incoming->target,
        .query = question ? question + 1 : "",
        .header_names = headers->names,
        .header_values = headers->values,
        .header_count = headers->count,
        .body = imprint_slice_of(incoming->body, incoming->len),
    };

    if (question)
        *question = '\0';
    if (headers->are_too_many)
        imprint_rest_write_error(IMPRINT_REST_INVALID_REQUEST,
                                 "There are too many headers", out);
    else if (incoming->is_too_long)
        imprint_rest_write_error(IMPRINT_REST_TOO_LARGE, "The body is too long",
                                 out);
    else
        imprint_rest_answer(rest, &request, out);
}

/* ---- streams ---- */

static void pause_it(void *connection)
{
    library.suspend_connection(connection);
}

static void resume_it(void *connection)
{
    library.resume_connection(connection);
}

/* A stream, and the connection that it goes to. */
struct outgoing {
    const struct imprint_rest_http *http;
    struct imprint_rest_stream *stream;
    int fd;
};

static ssize_t send_more(void *user, uint64_t at, char *text, size_t room_len)
{
    const struct outgoing *outgoing = user;
    ssize_t len = imprint_rest_stream_read(outgoing->stream, text, room_len);

    (void)at;
    if (len > 0)
        imprint_rest_slow_begin(outgoing->http->slow, outgoing->fd);
    return len < 0 ? MHD_CONTENT_READER_END_OF_STREAM : len;
}

static void end_stream(void *user)
{
    struct outgoing *outgoing = user;

    imprint_rest_stream_end(outgoing->stream);
    free(outgoing);
}

/* NULL: no memory, or too many already. */
static struct MHD_Response *make_stream(const struct imprint_rest_http *http,
                                        struct MHD_Connection *connection)
{
    const char *last = library.lookup_connection_value(
        connection, MHD_HEADER_KIND, "Last-Event-ID");
    struct outgoing *outgoing = calloc(1, sizeof(*outgoing));
    struct MHD_Response *response;

    if (!outgoing)
        return NULL;
    outgoing->http = http;
    outgoing->fd = fd_of(connection);
    outgoing->stream =
        imprint_rest_stream_begin(http->streams, connection, last);
    if (!outgoing->stream) {
        free(outgoing);
        return NULL;
    }
    response = library.create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK_LEN, send_more, outgoing, end_stream);
    if (!response)
        end_stream(outgoing);
    return response;
}

/* ---- answers ---- */

static void add_header(struct MHD_Response *response, const char *name,
                       const char *value)
{
    if (value && value[0] != '\0')
        (void)library.add_response_header(response, name, value);
}

static enum MHD_Result send_answer(const struct imprint_rest_http *http,
                                   struct MHD_Connection *connection,
                                   struct imprint_rest_answer *out)
{
    struct MHD_Response *response =
        out->is_stream ? make_stream(http, connection) : NULL;
    enum MHD_Result result = MHD_NO;

    if (out->is_stream && !response)
        imprint_rest_write_error(IMPRINT_REST_UNAVAILABLE,
                                 "There are too many streams", out);
    if (!response)
        response = library.create_response_from_buffer(
            out->body ? strlen(out->body) : 0, out->body,
            MHD_RESPMEM_MUST_COPY);
    if (!response)
        return result;
    add_header(response, "Content-Type", out->type);
    add_header(response, "x-amzn-RequestId", out->id);
    add_header(response, "Cache-Control", "no-store");
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "Set-Cookie", out->cookie);
    add_header(response, "Content-Security-Policy", out->policy);
    add_header(response, "x-amzn-ErrorType", out->error);
    if (out->has_function_error)
        (void)library.add_response_header(response, "X-Amz-Function-Error",
                                          "Unhandled");
    result = library.queue_response(
        connection, out->body || out->is_stream ? out->status : 500, response);
    library.destroy_response(response);
    return result;
}

/*
 * Called with the head, with each piece of the body, and at the end;
 * its signature is the library's. */
static enum MHD_Result receive(void *user, struct MHD_Connection *connection,
                               const char *url, const char *method,
                               const char *version, const char *bytes,
                               size_t *len, void **context)
{
    const struct imprint_rest_http *http = user;
    struct incoming *incoming = *context;
    struct headers headers = {.count = 0};
    struct imprint_rest_answer out = {.status = 0};
    enum MHD_Result result;

    (void)url;
    (void)version;
    if (!incoming || !incoming->target || incoming->has_failed)
        return MHD_NO;
    if (!incoming->has_head) {
        incoming->has_head = true;
        return MHD_YES;
    }
    if (*len > 0) {
        take(incoming, bytes, *len);
        *len = 0;
        return MHD_YES;
    }
    (void)library.get_connection_values(connection, MHD_HEADER_KIND,
                                        note_header, &headers);
    answer(http->rest, incoming, method, &headers, &out);
    result = send_answer(http, connection, &out);
    if (out.body)
        explicit_bzero(out.body, strlen(out.body)); /* a key, maybe */
    free(out.body);
    return result;
}

/* ---- open ---- */

static enum imprint_status load_tls(struct imprint_rest_http *http,
                                    const char *dir, struct imprint_why *why)
{
    char path[PATH_LEN];
    size_t len = 0;
    enum imprint_status status;

    (void)snprintf(path, sizeof(path), "%s/server.key", dir);
    status =
        imprint_file_read(path, PEM_MAX_LEN, &http->key, &http->key_len, why);
    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(path, sizeof(path), "%s/server.pem", dir);
    return imprint_file_read(path, PEM_MAX_LEN, &http->certificate, &len, why);
}

static bool read_host(const struct imprint_rest_options *options,
                      struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, options->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(options->port);
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(options->port);
    return inet_pton(AF_INET6, options->host, &v6->sin6_addr) == 1;
}

/* GnuTLS's options end the list where there is no TLS. */
static struct MHD_Daemon *start(const struct imprint_rest_http *http,
                                const struct imprint_rest_options *options,
                                const struct sockaddr_storage *address)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     (address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0u) |
                     (options->is_tls ? MHD_USE_TLS : 0u);
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, http->key},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, http->certificate},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

    return library.start_daemon(
        flags, options->port, NULL, NULL, receive, (void *)(uintptr_t)http,
        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)IMPRINT_REST_THREAD_COUNT, MHD_OPTION_CONNECTION_LIMIT,
        CONNECTION_MAX_COUNT, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MAX_LEN,
        MHD_OPTION_URI_LOG_CALLBACK, begin, http, MHD_OPTION_NOTIFY_COMPLETED,
        end, http, MHD_OPTION_NOTIFY_CONNECTION, note_connection, http,
        MHD_OPTION_ARRAY, options->is_tls ? tls : none, MHD_OPTION_END);
}

enum imprint_status imprint_rest_http_open(
    const struct imprint_rest_options *options, struct imprint_rest *rest,
    struct imprint_rest_http **out, struct imprint_why *why)
{
    struct imprint_rest_http *http;
    const union MHD_DaemonInfo *port;
    const struct imprint_rest_streams_options streams = {
        imprint_rest_watch(rest), pause_it, resume_it};
    struct sockaddr_storage address;
    enum imprint_status status = IMPRINT_OK;

    (void)pthread_once(&library_once, load_library);
    if (!has_library) {
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "can't load %s, which the control plane needs",
                              LIBRARY_NAME);
        imprint_why_hint(why, "apt-get install libmicrohttpd12");
        return IMPRINT_ERR_SETTINGS;
    }
    if (!read_host(options, &address))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "\"%s\" is no numeric address", options->host);
    http = calloc(1, sizeof(*http));
    if (!http)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    http->rest = rest;
    if (options->is_tls)
        status = load_tls(http, options->dir, why);
    http->slow = imprint_rest_slow_open(SLOW_MS);
    http->streams = imprint_rest_streams_open(&streams);
    if (status == IMPRINT_OK && (!http->slow || !http->streams))
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK) {
        http->daemon = start(http, options, &address);
        if (!http->daemon)
            status = imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                     "can't listen on %s port %u for REST",
                                     options->host, options->port);
        if (!http->daemon)
            imprint_why_hint(why, "another program may have it; give --rest "
                                  "another port, or port 0 for any");
    }
    if (status != IMPRINT_OK) {
        imprint_rest_http_close(http);
        return status;
    }
    port = library.get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    http->port = port ? port->port : options->port;
    *out = http;
    return IMPRINT_OK;
}

uint16_t imprint_rest_http_port(const struct imprint_rest_http *http)
{
    return http->port;
}

void imprint_rest_http_close(struct imprint_rest_http *http)
{
    if (!http)
        return;
    if (http->streams)
        imprint_rest_streams_stop(http->streams);
    if (http->daemon)
        library.stop_daemon(http->daemon);
    imprint_rest_streams_close(http->streams);
    imprint_rest_slow_close(http->slow);
    imprint_file_free_secret(http->key, http->key_len);
    free(http->certificate);
    free(http);
}
