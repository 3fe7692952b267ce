#include "device/proxy.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "posix/clock.h"
#include "posix/library.h"
#include "posix/why.h"

#define POLL_MS 100

/* ---- libcurl ---- */

#define LIBRARY_NAME "libcurl.so.4"
#define FUNCTIONS(X)    \
    X(easy_cleanup)     \
    X(easy_getinfo)     \
    X(easy_init)        \
    X(easy_setopt)      \
    X(easy_strerror)    \
    X(global_init)      \
    X(multi_add_handle) \
    X(multi_cleanup)    \
    X(multi_info_read)  \
    X(multi_init)       \
    X(multi_perform)    \
    X(multi_poll)       \
    X(multi_remove_handle)

#define POINTER(name) __typeof__(curl_##name) *(name);
#define SYMBOL(name) {"curl_" #name, offsetof(struct library, name)},

struct library {
    FUNCTIONS(POINTER)
};

static struct library library;
static bool has_library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void load_library(void)
{
    static const struct imprint_library_symbol symbols[] = {FUNCTIONS(SYMBOL)};

    if (!imprint_library_load(LIBRARY_NAME, symbols,
                              sizeof(symbols) / sizeof(symbols[0]), &library))
        return;
    has_library = library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* ---- URLs ---- */

static const char *const schemes[] = {"http://", "socks5://", "socks5h://"};

static bool has_scheme(const char *url)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

/* What stands behind "scheme://", if there is one of any kind. */
static const char *skip_scheme(const char *url)
{
    const char *end = strstr(url, "://");

    return end ? end + 3 : url;
}

/* Behind user and password, which may have "@" in them but no "/". */
static const char *skip_user(const char *rest)
{
    const char *end = rest + strcspn(rest, "/?#");
    const char *at = memrchr(rest, '@', (size_t)(end - rest));

    return at ? at + 1 : rest;
}

bool imprint_proxy_has_password(const char *url)
{
    const char *rest = skip_scheme(url);
    const char *host = skip_user(rest);

    return host > rest && memchr(rest, ':', (size_t)(host - rest)) != NULL;
}

void imprint_proxy_place(const char *url, char out[IMPRINT_DIAL_PLACE_LEN])
{
    const char *host = skip_user(skip_scheme(url));

    (void)snprintf(out, IMPRINT_DIAL_PLACE_LEN, "%.*s",
                   (int)strcspn(host, "/?#"), host);
}

enum imprint_status imprint_proxy_check(const char *url,
                                        struct imprint_why *why)
{
    bool is_known = has_scheme(url);
    char place[IMPRINT_DIAL_PLACE_LEN];

    imprint_proxy_place(url, place);
    if (is_known && place[0] && place[0] != ':')
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "the proxy \"%.200s\" is not to be used: %s", place,
                    is_known ? "it has no host" : "its scheme is unknown");
    imprint_why_hint(why, "give http://HOST:PORT, socks5://HOST:PORT or "
                          "socks5h://HOST:PORT");
    return IMPRINT_ERR_SETTINGS;
}

/* ---- exemptions ---- */

static bool starts_alike(const unsigned char *a, const unsigned char *b,
                         unsigned long bit_count)
{
    size_t whole = bit_count / 8;
    unsigned rest = (unsigned)(bit_count % 8);

    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* "10.0.0.0/8" or "fd00::/8", as curl has it: of a host that is an address. */
static bool network_has(const char *item, size_t item_len, const char *host)
{
    const char *slash = memchr(item, '/', item_len);
    size_t len = slash ? (size_t)(slash - item) : 0;
    int family = memchr(item, ':', len) ? AF_INET6 : AF_INET;
    char text[INET6_ADDRSTRLEN];
    char digits[4];
    unsigned char network[16];
    unsigned char address[16];
    unsigned long bit_count;

    if (len == 0 || len >= sizeof(text) || item_len - len - 1 < 1 ||
        item_len - len - 1 >= sizeof(digits))
        return false;
    (void)snprintf(text, sizeof(text), "%.*s", (int)len, item);
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)(item_len - len - 1),
                   slash + 1);
    if (strspn(digits, "0123456789") != strlen(digits) ||
        inet_pton(family, text, network) != 1 ||
        inet_pton(family, host, address) != 1)
        return false;
    bit_count = strtoul(digits, NULL, 10);
    return bit_count <= (family == AF_INET ? 32u : 128u) &&
           starts_alike(network, address, bit_count);
}

/* One item: a name with all below it, an address, a network, or "*". */
static bool item_matches(const char *item, size_t item_len, const char *host)
{
    size_t host_len = strlen(host);

    if (item_len == 1 && item[0] == '*')
        return true;
    if (memchr(item, '/', item_len))
        return network_has(item, item_len, host);
    if (item_len > 2 && item[0] == '[' && item[item_len - 1] == ']') {
        item++;
        item_len -= 2;
    }
    if (item_len > 0 && item[0] == '.') {
        item++;
        item_len--;
    }
    if (item_len == 0 || item_len > host_len ||
        strncasecmp(host + host_len - item_len, item, item_len) != 0)
        return false;
    return item_len == host_len || host[host_len - item_len - 1] == '.';
}

/* The port behind an item's last ":", or -1; *len is cut to what is before. */
static long port_of(const char *item, size_t *len)
{
    const char *colon = memrchr(item, ':', *len);
    char text[8];
    size_t digit_count;

    if (!colon || (colon > item && memchr(item, ':', (size_t)(colon - item)) &&
                   colon[-1] != ']'))
        return -1; /* none, or an IPv6 address without brackets */
    digit_count = *len - (size_t)(colon - item) - 1;
    if (digit_count == 0 || digit_count > 5 ||
        strspn(colon + 1, "0123456789") < digit_count)
        return -1;
    (void)snprintf(text, sizeof(text), "%.*s", (int)digit_count, colon + 1);
    *len = (size_t)(colon - item);
    return strtol(text, NULL, 10);
}

bool imprint_proxy_exempts(const char *no_proxy, const char *host,
                           uint16_t port)
{
    const char *item = no_proxy ? no_proxy : "";

    while (*item) {
        size_t len;
        size_t name_len;
        long own_port;

        item += strspn(item, ", \t");
        len = name_len = strcspn(item, ", \t");
        own_port = port_of(item, &name_len);
        if (len > 0 && (own_port < 0 || own_port == port) &&
            item_matches(item, name_len, host))
            return true;
        item += len;
    }
    return false;
}

/* ---- the connection ---- */

struct attempt {
    const struct imprint_device_settings *settings;
    const struct imprint_dial_options *options;
    CURL *easy;
    CURLM *multi;
    char target[IMPRINT_DIAL_PLACE_LEN + 8];
    char place[IMPRINT_DIAL_PLACE_LEN]; /* of the proxy */
    char trouble[CURL_ERROR_SIZE];      /* what libcurl says; no secret */
    CURLcode code;
};

static bool set_up(struct attempt *attempt)
{
    const struct imprint_device_settings *settings = attempt->settings;
    CURL *easy = attempt->easy;

#define SET(option, value) \
    (library.easy_setopt(easy, option, value) == CURLE_OK)
    return SET(CURLOPT_URL, attempt->target) && SET(CURLOPT_CONNECT_ONLY, 1L) &&
           SET(CURLOPT_HTTPPROXYTUNNEL, 1L) &&
           SET(CURLOPT_PROXY, settings->proxy) && SET(CURLOPT_NOPROXY, "") &&
           SET(CURLOPT_PROXYAUTH, (long)CURLAUTH_ANY) &&
           SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, (long)attempt->options->timeout_ms) &&
           SET(CURLOPT_TIMEOUT_MS, (long)attempt->options->timeout_ms) &&
           SET(CURLOPT_ERRORBUFFER, attempt->trouble) &&
           (!settings->proxy_user ||
            SET(CURLOPT_PROXYUSERNAME, settings->proxy_user)) &&
           (!settings->proxy_password ||
            SET(CURLOPT_PROXYPASSWORD, settings->proxy_password));
#undef SET
}

/* False: it is to stop. */
static bool perform(struct attempt *attempt)
{
    const struct imprint_dial_options *options = attempt->options;
    int running = 1;
    int left;
    CURLMsg *message;

    while (running > 0) {
        if (options->stop && options->stop(options->user))
            return false;
        if (library.multi_perform(attempt->multi, &running) != CURLM_OK)
            break;
        if (running > 0)
            (void)library.multi_poll(attempt->multi, NULL, 0, POLL_MS, NULL);
    }
    message = library.multi_info_read(attempt->multi, &left);
    attempt->code = message && message->msg == CURLMSG_DONE
                        ? message->data.result
                        : CURLE_FAILED_INIT;
    return true;
}

/* Whether it is the user or the password that a SOCKS proxy does not like. */
static bool is_login(const struct attempt *attempt, long http_code)
{
    long socks = 0;

    (void)library.easy_getinfo(attempt->easy, CURLINFO_PROXY_ERROR, &socks);
    return http_code == 407 || socks == CURLPX_USER_REJECTED ||
           socks == CURLPX_NO_AUTH;
}

static enum imprint_status tell(const struct attempt *attempt,
                                struct imprint_why *why)
{
    long http_code = 0;
    const char *text = attempt->trouble[0]
                           ? attempt->trouble
                           : library.easy_strerror(attempt->code);

    (void)library.easy_getinfo(attempt->easy, CURLINFO_HTTP_CONNECTCODE,
                               &http_code);
    if (is_login(attempt, http_code)) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "the proxy %s does not take this user and password%s",
                        attempt->place, http_code == 407 ? " (407)" : "");
        imprint_why_hint(why, "set --proxy-user and --proxy-password-file");
        return IMPRINT_ERR_SETTINGS;
    }
    if (http_code >= 400 && http_code < 500) {
        imprint_why_set(why, IMPRINT_ERR_NETWORK,
                        "the proxy %s does not let us through to %s (%ld)",
                        attempt->place, attempt->target, http_code);
        imprint_why_hint(why,
                         "its operator decides; many allow port 443 alone: "
                         "--port 443, or auto");
        return IMPRINT_ERR_NETWORK;
    }
    imprint_why_set(why, IMPRINT_ERR_LOST, "by the proxy %s: %.200s",
                    attempt->place, text);
    imprint_why_hint(why, attempt->code == CURLE_COULDNT_RESOLVE_PROXY ||
                                  attempt->code == CURLE_COULDNT_CONNECT
                              ? "check --proxy and HTTPS_PROXY"
                              : "the proxy may be down, or not reach the "
                                "endpoint");
    return IMPRINT_ERR_LOST;
}

/* A descriptor of our own, since libcurl closes its. */
static enum imprint_status take_socket(struct attempt *attempt, int *out,
                                       struct imprint_why *why)
{
    curl_socket_t theirs = CURL_SOCKET_BAD;
    int on = 1;
    int fd = -1;

    if (library.easy_getinfo(attempt->easy, CURLINFO_ACTIVESOCKET, &theirs) ==
            CURLE_OK &&
        theirs != CURL_SOCKET_BAD)
        fd = fcntl(theirs, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return imprint_why_set(why, IMPRINT_ERR_LOST,
                               "the proxy %s closed the connection",
                               attempt->place);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *out = fd;
    return IMPRINT_OK;
}

static enum imprint_status run(struct attempt *attempt, int *out,
                               struct imprint_why *why)
{
    if (!attempt->easy || !attempt->multi || !set_up(attempt) ||
        library.multi_add_handle(attempt->multi, attempt->easy) != CURLM_OK)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "cannot set libcurl up");
    if (!perform(attempt))
        return imprint_why_set(why, IMPRINT_ERR_STOPPED, "stopped");
    return attempt->code == CURLE_OK ? take_socket(attempt, out, why)
                                     : tell(attempt, why);
}

enum imprint_status imprint_proxy_open(
    const struct imprint_device_settings *settings,
    const struct imprint_dial_options *options, int *out,
    struct imprint_why *why)
{
    struct attempt attempt = {.settings = settings, .options = options};
    char place[IMPRINT_DIAL_PLACE_LEN];
    enum imprint_status status;

    (void)pthread_once(&library_once, load_library);
    if (!has_library) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "a proxy is set, and libcurl is not there");
        imprint_why_hint(why, "install the package libcurl4");
        return IMPRINT_ERR_SETTINGS;
    }
    imprint_dial_place(place, options->host, options->port);
    (void)snprintf(attempt.target, sizeof(attempt.target), "http://%s", place);
    imprint_proxy_place(settings->proxy, attempt.place);
    attempt.easy = library.easy_init();
    attempt.multi = library.multi_init();
    status = run(&attempt, out, why);
    if (attempt.multi && attempt.easy)
        (void)library.multi_remove_handle(attempt.multi, attempt.easy);
    if (attempt.easy)
        library.easy_cleanup(attempt.easy);
    if (attempt.multi)
        (void)library.multi_cleanup(attempt.multi);
    return status;
}
