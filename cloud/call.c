#include "call.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "aws/signature.h"
#include "exchange.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/why.h"
#include "signer.h"

#define TRY_COUNT 6
#define FIRST_WAIT_MS 200 /* doubles; half to all of it, at random */
#define URL_LEN 4096
#define FORM "application/x-www-form-urlencoded; charset=utf-8"

/* What a request is made of, signed anew at each try. */
struct request {
    char url[URL_LEN];
    char host[256];
    char time[17];  /* YYYYMMDDTHHMMSSZ */
    char *lines[5]; /* its headers, to be freed */
    struct imprint_exchange exchange;
};

/* ---- where ---- */

/* IAM has one address and one region for all; it is AWS's alone. */
static const char *region_of(const struct imprint_call_place *place,
                             const struct imprint_call *call)
{
    return strcmp(call->service, "iam") == 0 ? "us-east-1"
                                             : place->signer->region;
}

static bool name_host(const struct imprint_call_place *place,
                      const struct imprint_call *call, struct request *request)
{
    const char *region = place->signer->region;
    const char *china = strncmp(region, "cn-", 3) == 0 ? ".cn" : "";
    const char *begin;
    int len;

    if (place->url) {
        begin = strstr(place->url, "://");
        begin = begin ? begin + 3 : place->url;
        len = snprintf(request->host, sizeof(request->host), "%.*s",
                       (int)strcspn(begin, "/"), begin);
    } else if (strcmp(call->service, "iam") == 0) {
        len = snprintf(request->host, sizeof(request->host),
                       "iam.amazonaws.com%s", china);
    } else {
        len = snprintf(request->host, sizeof(request->host),
                       "%s.%s.amazonaws.com%s", call->service, region, china);
    }
    return len > 0 && (size_t)len < sizeof(request->host);
}

static bool name_url(const struct imprint_call_place *place,
                     const struct imprint_call *call, struct request *request)
{
    const char *query = call->query ? call->query : "";
    bool is_plain = place->url && strncmp(place->url, "http://", 7) == 0;
    int len = snprintf(request->url, sizeof(request->url), "%s://%s%s%s%s",
                       is_plain ? "http" : "https", request->host, call->path,
                       query[0] ? "?" : "", query);

    return len > 0 && (size_t)len < sizeof(request->url);
}

/* ---- signature ---- */

static bool add_line(struct request *request, const char *name,
                     const char *value)
{
    size_t i = 0;

    while (request->lines[i])
        i++;
    if (asprintf(&request->lines[i], "%s: %s", name, value) < 0) {
        request->lines[i] = NULL;
        return false;
    }
    request->exchange.headers[i] = request->lines[i];
    return true;
}

static bool sign(const struct imprint_call_place *place,
                 const struct imprint_call *call, struct request *request)
{
    const struct imprint_signer *signer = place->signer;
    const char *names[] = {"host", "x-amz-date", "x-amz-security-token"};
    const char *values[] = {request->host, request->time, signer->token};
    const struct imprint_signature_request signed_request = {
        .method = call->method,
        .path = call->path,
        .query = call->query ? call->query : "",
        .header_names = names,
        .header_values = values,
        .header_count = signer->token ? 3 : 2,
        .body = imprint_slice_text(call->body ? call->body : ""),
    };
    struct imprint_signature signature = {.seconds = 0};
    char *line = NULL;
    bool is_done;

    (void)snprintf(signature.date, sizeof(signature.date), "%.8s",
                   request->time);
    (void)snprintf(signature.time, sizeof(signature.time), "%s", request->time);
    (void)snprintf(signature.region, sizeof(signature.region), "%s",
                   region_of(place, call));
    (void)snprintf(signature.service, sizeof(signature.service), "%s",
                   call->service);
    (void)snprintf(signature.headers, sizeof(signature.headers), "%s",
                   signer->token ? "host;x-amz-date;x-amz-security-token"
                                 : "host;x-amz-date");
    is_done =
        imprint_signature_make(&signed_request, &signature, signer->secret,
                               signature.code) &&
        asprintf(&line,
                 "AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, "
                 "SignedHeaders=%s, Signature=%s",
                 signer->access_key, signature.date, signature.region,
                 signature.service, signature.headers, signature.code) > 0 &&
        add_line(request, "Authorization", line);
    free(line);
    return is_done;
}

static void release(struct request *request)
{
    for (size_t i = 0; i < sizeof(request->lines) / sizeof(*request->lines);
         i++) {
        if (request->lines[i])
            imprint_file_free_secret(request->lines[i],
                                     strlen(request->lines[i]));
        request->lines[i] = NULL;
    }
}

static bool make_request(const struct imprint_call_place *place,
                         const struct imprint_call *call,
                         struct request *request)
{
    const struct imprint_signer *signer = place->signer;
    bool is_form = strcmp(call->service, "iot") != 0;
    time_t now = time(NULL);
    struct tm parts;

    memset(request, 0, sizeof(*request));
    (void)gmtime_r(&now, &parts);
    (void)strftime(request->time, sizeof(request->time), "%Y%m%dT%H%M%SZ",
                   &parts);
    request->exchange.method = call->method;
    request->exchange.url = request->url;
    request->exchange.body = call->body;
    return name_host(place, call, request) && name_url(place, call, request) &&
           add_line(request, "X-Amz-Date", request->time) &&
           (!signer->token ||
            add_line(request, "X-Amz-Security-Token", signer->token)) &&
           (!call->body || add_line(request, "Content-Type",
                                    is_form ? FORM : "application/json")) &&
           sign(place, call, request);
}

/* ---- what it said ---- */

char *imprint_call_element(const char *xml, const char *name)
{
    char tag[96];
    const char *begin;
    const char *end;

    (void)snprintf(tag, sizeof(tag), "<%s>", name);
    begin = strstr(xml, tag);
    if (!begin)
        return NULL;
    begin += strlen(tag);
    (void)snprintf(tag, sizeof(tag), "</%s>", name);
    end = strstr(begin, tag);
    return end ? strndup(begin, (size_t)(end - begin)) : NULL;
}

/* Its kind, and its words, to be freed. */
static char *read_refusal(const struct imprint_exchange *exchange,
                          char error[80])
{
    const char *body = exchange->answer ? exchange->answer : "";
    struct imprint_json *object = NULL;
    char *message = NULL;
    const char *words;
    char *code;

    (void)snprintf(error, 80, "%s", exchange->error);
    if (body[0] == '<') {
        code = imprint_call_element(body, "Code");
        (void)snprintf(error, 80, "%s", code ? code : "");
        free(code);
        return imprint_call_element(body, "Message");
    }
    if (imprint_json_read(imprint_slice_of(body, exchange->answer_len), &object,
                          NULL) != IMPRINT_OK)
        return NULL;
    words = imprint_json_text(object, "message");
    if (!words)
        words = imprint_json_text(object, "Message");
    message = words ? strdup(words) : NULL;
    imprint_json_free(object);
    return message;
}

static bool is_any(const char *error, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(error, *names) == 0)
            return true;
    }
    return false;
}

static enum imprint_status judge(const struct imprint_exchange *exchange,
                                 const char *error)
{
    static const char *const busy[] = {"ThrottlingException", "Throttling",
                                       "TooManyRequestsException",
                                       "RequestLimitExceeded", NULL};
    static const char *const missing[] = {"ResourceNotFoundException",
                                          "NoSuchEntity", NULL};
    static const char *const there[] = {"ResourceAlreadyExistsException",
                                        "EntityAlreadyExists", NULL};

    if (exchange->status >= 200 && exchange->status < 300)
        return IMPRINT_OK;
    if (exchange->status >= 500 || exchange->status == 429 ||
        is_any(error, busy))
        return IMPRINT_ERR_THROTTLED;
    if (is_any(error, missing))
        return IMPRINT_ERR_NOT_FOUND;
    return is_any(error, there) ? IMPRINT_ERR_ARGUMENT : IMPRINT_ERR_REFUSED;
}

static void hint(const struct imprint_call *call, const char *error,
                 struct imprint_why *why)
{
    static const char *const denied[] = {
        "AccessDenied", "AccessDeniedException", "ForbiddenException",
        "UnauthorizedException", NULL};
    static const char *const expired[] = {"ExpiredToken",
                                          "ExpiredTokenException", NULL};
    static const char *const unknown[] = {
        "UnrecognizedClientException", "InvalidClientTokenId",
        "InvalidSignatureException", "SignatureDoesNotMatch", NULL};

    if (is_any(error, denied))
        imprint_why_hint(why, "the credentials need %s", call->action);
    else if (is_any(error, expired))
        imprint_why_hint(why, "the session has expired: get new credentials");
    else if (is_any(error, unknown))
        imprint_why_hint(why, "check the access key, its secret, and this "
                              "machine's clock");
}

/* answer->body becomes what came, if it is no refusal. */
static enum imprint_status conclude(const struct imprint_call *call,
                                    struct imprint_exchange *exchange,
                                    struct imprint_call_answer *answer,
                                    struct imprint_why *why)
{
    char *message = NULL;
    enum imprint_status status = judge(exchange, "");

    if (status == IMPRINT_OK) {
        answer->body = exchange->answer ? exchange->answer : strdup("");
        exchange->answer = NULL;
        return answer->body ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
    }
    message = read_refusal(exchange, answer->error);
    status = judge(exchange, answer->error);
    (void)imprint_why_set(why, status, "%s: %s (%s%sHTTP %u)", call->action,
                          message ? message : "refused", answer->error,
                          answer->error[0] ? ", " : "", exchange->status);
    hint(call, answer->error, why);
    free(message);
    free(exchange->answer);
    return status;
}

/* ---- tries ---- */

static enum imprint_status try(const struct imprint_call_place *place,
                               const struct imprint_call *call,
                               struct imprint_call_answer *answer,
                               struct imprint_why *why)
{
    struct request request;
    enum imprint_status status;

    if (make_request(place, call, &request))
        status = imprint_exchange_run(&request.exchange, why);
    else
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                                 "%s: the request can't be made", call->action);
    release(&request);
    return status == IMPRINT_OK ? conclude(call, &request.exchange, answer, why)
                                : status;
}

static bool is_worth_another(enum imprint_status status)
{
    return status == IMPRINT_ERR_THROTTLED || status == IMPRINT_ERR_LOST ||
           status == IMPRINT_ERR_TIMEOUT || status == IMPRINT_ERR_NETWORK;
}

static void wait_before(unsigned tries)
{
    int64_t longest_ms = (int64_t)FIRST_WAIT_MS << tries;
    uint32_t random = 0;
    int64_t wait_ms;
    struct timespec time;

    (void)!getrandom(&random, sizeof(random), 0);
    wait_ms = longest_ms / 2 + random % (longest_ms / 2);
    time.tv_sec = wait_ms / 1000;
    time.tv_nsec = wait_ms % 1000 * 1000000;
    (void)nanosleep(&time, NULL);
}

enum imprint_status imprint_call_run(const struct imprint_call_place *place,
                                     const struct imprint_call *call,
                                     struct imprint_call_answer *answer,
                                     struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_ERR_INTERNAL;

    for (unsigned tries = 0; tries < TRY_COUNT; tries++) {
        *answer = (struct imprint_call_answer){.body = NULL};
        status = try(place, call, answer, why);
        if (!is_worth_another(status))
            return status;
        if (tries + 1 < TRY_COUNT)
            wait_before(tries);
    }
    return status;
}
