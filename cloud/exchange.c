#include "exchange.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/library.h"
#include "posix/why.h"

#define TIMEOUT_MS 30000L
#define CONNECT_TIMEOUT_MS 10000L

/* See endpoint/hook_http.c: who speaks to no cloud does not pay for it. */
#define LIBRARY_NAME "libcurl.so.4"
#define FUNCTIONS(X) \
    X(easy_cleanup)  \
    X(easy_getinfo)  \
    X(easy_header)   \
    X(easy_init)     \
    X(easy_perform)  \
    X(easy_setopt)   \
    X(easy_strerror) \
    X(global_init)   \
    X(slist_append)  \
    X(slist_free_all)

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

/* libcurl's signature. */
static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct imprint_exchange *exchange = user;
    size_t len = size * count;
    char *longer;

    if (len > IMPRINT_EXCHANGE_ANSWER_MAX_LEN - exchange->answer_len)
        return 0;
    longer = realloc(exchange->answer, exchange->answer_len + len + 1);
    if (!longer)
        return 0;
    memcpy(longer + exchange->answer_len, bytes, len);
    exchange->answer = longer;
    exchange->answer_len += len;
    longer[exchange->answer_len] = '\0';
    return len;
}

/* NULL: no memory. */
static struct curl_slist *make_headers(const struct imprint_exchange *exchange)
{
    /* as without it a large body would wait for a 100 */
    struct curl_slist *list = library.slist_append(NULL, "Expect:");
    size_t i;

    for (i = 0;
         list && i < IMPRINT_EXCHANGE_HEADER_MAX_COUNT && exchange->headers[i];
         i++) {
        struct curl_slist *longer =
            library.slist_append(list, exchange->headers[i]);

        if (!longer) {
            library.slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

/* A proxy is the environment's to say, as for AWS's own tools. */
static bool set_up(CURL *curl, struct imprint_exchange *exchange,
                   struct curl_slist *headers, char *trouble)
{
    const char *body = exchange->body ? exchange->body : "";

    return library.easy_setopt(curl, CURLOPT_URL, exchange->url) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") ==
               CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) ==
               CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                               CONNECT_TIMEOUT_MS) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method) ==
               CURLE_OK &&
           (exchange->body || strcmp(exchange->method, "GET") != 0 ||
            library.easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK) &&
           library.easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) ==
               CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_ERRORBUFFER, trouble) == CURLE_OK;
}

static void take_answer(CURL *curl, struct imprint_exchange *exchange)
{
    struct curl_header *header;
    long status = 0;

    (void)library.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    exchange->status = (unsigned)status;
    exchange->error[0] = '\0';
    if (library.easy_header(curl, "x-amzn-errortype", 0, CURLH_HEADER, -1,
                            &header) == CURLHE_OK)
        (void)snprintf(exchange->error, sizeof(exchange->error), "%.*s",
                       (int)strcspn(header->value, ":"), header->value);
}

static enum imprint_status status_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return IMPRINT_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return IMPRINT_ERR_TIMEOUT;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return IMPRINT_ERR_LOST;
    case CURLE_OUT_OF_MEMORY:
        return IMPRINT_ERR_INTERNAL;
    default:
        return IMPRINT_ERR_NETWORK;
    }
}

enum imprint_status imprint_exchange_run(struct imprint_exchange *exchange,
                                         struct imprint_why *why)
{
    char trouble[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    CURL *curl;

    exchange->answer = NULL;
    exchange->answer_len = 0;
    (void)pthread_once(&library_once, load_library);
    if (!has_library)
        return imprint_why_set(why, IMPRINT_ERR_CANNOT,
                               LIBRARY_NAME
                               " (package libcurl4) can't be loaded");
    curl = library.easy_init();
    headers = make_headers(exchange);
    if (curl && headers && set_up(curl, exchange, headers, trouble))
        code = library.easy_perform(curl);
    if (code == CURLE_OK)
        take_answer(curl, exchange);
    else
        free(exchange->answer);
    if (code != CURLE_OK)
        exchange->answer = NULL;
    library.easy_cleanup(curl);
    library.slist_free_all(headers);
    if (code == CURLE_OK)
        return IMPRINT_OK;
    return imprint_why_set(why, status_of(code), "%s: %s", exchange->url,
                           trouble[0] ? trouble : library.easy_strerror(code));
}
