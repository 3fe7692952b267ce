#include "hook_http.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "posix/library.h"

#define POLL_MS 1000

struct exchange {
    struct imprint_hook_job *job;
    CURL *curl;
    struct curl_slist *headers;
    char trouble[CURL_ERROR_SIZE]; /* what libcurl says */
    bool is_too_long;
    bool is_stopped;
};

/*
 * libcurl brings thirty libraries along. It is loaded with the first URL, so
 * that who asks none, a device above all, does not pay for them.
 */
#define LIBRARY_NAME "libcurl.so.4"
#define FUNCTIONS(X)       \
    X(easy_cleanup)        \
    X(easy_getinfo)        \
    X(easy_header)         \
    X(easy_init)           \
    X(easy_setopt)         \
    X(easy_strerror)       \
    X(global_init)         \
    X(multi_add_handle)    \
    X(multi_cleanup)       \
    X(multi_info_read)     \
    X(multi_init)          \
    X(multi_perform)       \
    X(multi_poll)          \
    X(multi_remove_handle) \
    X(slist_append)        \
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

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct exchange *exchange = user;
    struct imprint_hook_job *job = exchange->job;
    size_t len = size * count;

    if (len > IMPRINT_HOOK_ANSWER_MAX_LEN - job->answer_len) {
        exchange->is_too_long = true;
        return 0;
    }
    memcpy(job->answer + job->answer_len, bytes, len);
    job->answer_len += len;
    return len;
}

/* As Lambda's Invoke has them. An empty one keeps libcurl from adding it. */
static struct curl_slist *make_headers(void)
{
    static const char *const lines[] = {
        "Content-Type: application/json",
        "X-Amz-Invocation-Type: RequestResponse", "X-Amz-Log-Type: None",
        "Expect:", NULL};
    struct curl_slist *list = NULL;
    struct curl_slist *longer;
    size_t i;

    for (i = 0; lines[i]; i++) {
        longer = library.slist_append(list, lines[i]);
        if (!longer) {
            library.slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

/* One request to one place: no redirect, no proxy, no other protocol. */
static bool set_up(struct exchange *exchange)
{
    CURL *curl = exchange->curl;
    const struct imprint_hook_job *job = exchange->job;
    curl_off_t len = (curl_off_t)strlen(job->event);

    return library.easy_setopt(curl, CURLOPT_URL, job->target) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") ==
               CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                               (long)job->timeout_ms) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers) ==
               CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, len) ==
               CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_POSTFIELDS, job->event) ==
               CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) ==
               CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           library.easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->trouble) ==
               CURLE_OK;
}

static bool can_be_read(int fd)
{
    struct pollfd stop = {.fd = fd, .events = POLLIN};

    return poll(&stop, 1, 0) > 0;
}

/* Until it is over, or stop_fd says so. */
static CURLcode drive(struct exchange *exchange, CURLM *multi, int stop_fd)
{
    struct curl_waitfd stop = {.fd = stop_fd, .events = CURL_WAIT_POLLIN};
    unsigned stop_count = stop_fd >= 0 ? 1 : 0;
    CURLMsg *message;
    int running = 1;
    int left;

    while (library.multi_perform(multi, &running) == CURLM_OK && running > 0) {
        if (library.multi_poll(multi, &stop, stop_count, POLL_MS, NULL) !=
            CURLM_OK)
            return CURLE_FAILED_INIT;
        exchange->is_stopped = can_be_read(stop_fd);
        if (exchange->is_stopped)
            return CURLE_ABORTED_BY_CALLBACK;
    }
    message = library.multi_info_read(multi, &left);
    return message ? message->data.result : CURLE_FAILED_INIT;
}

static CURLcode perform(struct exchange *exchange, int stop_fd)
{
    CURLM *multi = library.multi_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (multi && library.multi_add_handle(multi, exchange->curl) == CURLM_OK) {
        code = drive(exchange, multi, stop_fd);
        (void)library.multi_remove_handle(multi, exchange->curl);
    }
    (void)library.multi_cleanup(multi);
    return code;
}

/* ---- what came out ---- */

static void conclude_answer(struct exchange *exchange)
{
    struct imprint_hook_job *job = exchange->job;
    char quoted[IMPRINT_LINE_WORD_LEN];
    struct curl_header *header;
    long status = 0;

    (void)library.easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        (void)snprintf(job->problem, sizeof(job->problem),
                       "answered HTTP status %ld", status);
    else if (library.easy_header(exchange->curl, "X-Amz-Function-Error", 0,
                                 CURLH_HEADER, -1, &header) == CURLHE_OK)
        (void)snprintf(job->problem, sizeof(job->problem),
                       "failed: its X-Amz-Function-Error is %s",
                       imprint_line_quote(quoted, header->value));
    else
        job->outcome = IMPRINT_HOOK_ANSWERED;
}

static void conclude(struct exchange *exchange, CURLcode code)
{
    struct imprint_hook_job *job = exchange->job;

    if (exchange->is_stopped) {
        (void)snprintf(job->problem, sizeof(job->problem),
                       "was given up, as the endpoint ends");
    } else if (exchange->is_too_long) {
        job->answer_len = 0;
        (void)snprintf(job->problem, sizeof(job->problem),
                       "answered more than %d bytes",
                       IMPRINT_HOOK_ANSWER_MAX_LEN);
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        job->outcome = IMPRINT_HOOK_LATE;
        (void)snprintf(job->problem, sizeof(job->problem),
                       "did not answer within %lld ms",
                       (long long)job->timeout_ms);
    } else if (code != CURLE_OK) {
        (void)snprintf(job->problem, sizeof(job->problem), "can't be asked: %s",
                       exchange->trouble[0] ? exchange->trouble
                                            : library.easy_strerror(code));
    } else {
        conclude_answer(exchange);
    }
    job->answer[job->answer_len] = '\0';
}

static void ask(struct imprint_hook_job *job, int stop_fd)
{
    struct exchange exchange = {.job = job};

    exchange.curl = library.easy_init();
    exchange.headers = make_headers();
    job->answer = malloc(IMPRINT_HOOK_ANSWER_MAX_LEN + 1);
    if (job->answer && exchange.headers && exchange.curl && set_up(&exchange))
        conclude(&exchange, perform(&exchange, stop_fd));
    else
        (void)snprintf(job->problem, sizeof(job->problem), "out of memory");
    library.easy_cleanup(exchange.curl);
    library.slist_free_all(exchange.headers);
}

void imprint_hook_http_run(struct imprint_hook_job *job, int stop_fd)
{
    (void)pthread_once(&library_once, load_library);
    job->outcome = IMPRINT_HOOK_FAILED;
    if (has_library)
        ask(job, stop_fd);
    else
        (void)snprintf(job->problem, sizeof(job->problem),
                       "can't be asked: " LIBRARY_NAME
                       " (package libcurl4) can't be loaded");
}
