#include "signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "memory.h"
#include "posix/keys.h"
#include "posix/secret.h"
#include "posix/why.h"
#include "query.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

static void put_text(struct imprint_memory_text *out, const char *text)
{
    imprint_memory_put(out, imprint_slice_text(text));
}

const char *imprint_signature_header(
    const struct imprint_signature_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->header_names[i], name) == 0)
            return request->header_values[i];
    }
    return NULL;
}

/* ---- what a request says ---- */

static enum imprint_status refuse(struct imprint_why *why, const char *text)
{
    return imprint_why_set(why, IMPRINT_ERR_FORMAT, "%s", text);
}

/* False: it does not fit. */
static bool copy(char *out, size_t room, const char *text, size_t len)
{
    if (len >= room)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* "AKID/20150830/us-east-1/iot/aws4_request". */
static bool read_scope(const char *text, size_t len,
                       struct imprint_signature *out)
{
    const struct {
        char *to;
        size_t room;
    } parts[] = {{out->access_key, sizeof(out->access_key)},
                 {out->date, sizeof(out->date)},
                 {out->region, sizeof(out->region)},
                 {out->service, sizeof(out->service)}};
    const char *end = text + len;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *slash = memchr(text, '/', (size_t)(end - text));

        if (!slash || slash == text ||
            !copy(parts[i].to, parts[i].room, text, (size_t)(slash - text)))
            return false;
        text = slash + 1;
    }
    return end - text == 12 && memcmp(text, "aws4_request", 12) == 0 &&
           strlen(out->date) == 8;
}

/* The value of "Name=" in the header: to the comma, or to the end. */
static const char *find_part(const char *header, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    for (const char *at = header; (at = strstr(at, name)); at += name_len) {
        if (at > header && at[-1] != ' ' && at[-1] != ',')
            continue;
        *len = strcspn(at + name_len, ", ");
        return at + name_len;
    }
    return NULL;
}

static bool read_time(const char *text, struct imprint_signature *out)
{
    struct tm parts = {.tm_isdst = 0};
    const char *end;

    if (!text || strlen(text) != 16)
        return false;
    end = strptime(text, "%Y%m%dT%H%M%SZ", &parts);
    (void)copy(out->time, sizeof(out->time), text, 16);
    out->seconds = (int64_t)timegm(&parts);
    return end && *end == '\0';
}

static enum imprint_status read_header(
    const struct imprint_signature_request *request, const char *header,
    struct imprint_signature *out, struct imprint_why *why)
{
    const char *token =
        imprint_signature_header(request, "x-amz-security-token");
    const char *part;
    size_t len = 0;

    if (strncmp(header, ALGORITHM " ", strlen(ALGORITHM) + 1) != 0)
        return refuse(why, "Unsupported AWS 'algorithm'; it is not "
                           "'" ALGORITHM "'.");
    header += strlen(ALGORITHM);
    part = find_part(header, "Credential=", &len);
    if (!part || !read_scope(part, len, out))
        return refuse(why, "Authorization header requires 'Credential' "
                           "parameter: KEY/DATE/REGION/SERVICE/aws4_request.");
    part = find_part(header, "SignedHeaders=", &len);
    if (!part || !copy(out->headers, sizeof(out->headers), part, len))
        return refuse(why, "Authorization header requires 'SignedHeaders' "
                           "parameter.");
    part = find_part(header, "Signature=", &len);
    if (!part || len != 64 || !copy(out->code, sizeof(out->code), part, len))
        return refuse(why, "Authorization header requires 'Signature' "
                           "parameter.");
    if (!read_time(imprint_signature_header(request, "x-amz-date"), out))
        return refuse(why, "Authorization header requires existence of a "
                           "'X-Amz-Date' header: YYYYMMDDTHHMMSSZ.");
    out->token = token ? strdup(token) : NULL;
    return !token || out->token
               ? IMPRINT_OK
               : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* A parameter into room; false: none, or it does not fit. */
static bool take_parameter(const char *query, const char *name, char *out,
                           size_t room)
{
    char *value = imprint_query_parameter(query, name);
    bool fits = value && copy(out, room, value, strlen(value));

    free(value);
    return fits;
}

static enum imprint_status read_query(const char *query,
                                      struct imprint_signature *out,
                                      struct imprint_why *why)
{
    char text[IMPRINT_SIGNATURE_HEADERS_LEN];
    char *end;

    if (!take_parameter(query, "X-Amz-Credential", text, sizeof(text)) ||
        !read_scope(text, strlen(text), out))
        return refuse(why, "X-Amz-Credential must be "
                           "KEY/DATE/REGION/SERVICE/aws4_request.");
    if (!take_parameter(query, "X-Amz-SignedHeaders", out->headers,
                        sizeof(out->headers)) ||
        !take_parameter(query, "X-Amz-Signature", out->code,
                        sizeof(out->code)) ||
        strlen(out->code) != 64)
        return refuse(why, "AWS query-string parameters must include "
                           "X-Amz-SignedHeaders and X-Amz-Signature.");
    if (!take_parameter(query, "X-Amz-Date", text, sizeof(text)) ||
        !read_time(text, out))
        return refuse(why, "X-Amz-Date must be YYYYMMDDTHHMMSSZ.");
    if (!take_parameter(query, "X-Amz-Expires", text, sizeof(text)))
        return refuse(why, "AWS query-string parameters must include "
                           "X-Amz-Expires.");
    out->expires_s = strtol(text, &end, 10);
    if (end == text || *end || out->expires_s < 1 || out->expires_s > 604800)
        return refuse(why, "X-Amz-Expires must be 1 to 604800 seconds.");
    out->token = imprint_query_parameter(query, "X-Amz-Security-Token");
    out->is_query = true;
    return IMPRINT_OK;
}

static bool signs_host(const char *names)
{
    while (*names) {
        size_t len = strcspn(names, ";");

        if (len == 4 && strncmp(names, "host", 4) == 0)
            return true;
        names += len + (names[len] == ';');
    }
    return false;
}

enum imprint_status imprint_signature_read(
    const struct imprint_signature_request *request,
    struct imprint_signature *out, struct imprint_why *why)
{
    const char *header = imprint_signature_header(request, "authorization");
    struct imprint_signature signature = {.access_key = ""};
    char algorithm[32];
    enum imprint_status status;

    if (header)
        status = read_header(request, header, &signature, why);
    else if (!take_parameter(request->query, "X-Amz-Algorithm", algorithm,
                             sizeof(algorithm)))
        return imprint_why_set(why, IMPRINT_ERR_NOT_FOUND, "not signed");
    else if (strcmp(algorithm, ALGORITHM) != 0)
        status = refuse(why, "X-Amz-Algorithm only supports " ALGORITHM ".");
    else
        status = read_query(request->query, &signature, why);
    if (status == IMPRINT_OK && !signs_host(signature.headers))
        status = refuse(why, "'Host' must be a signed header.");
    if (status == IMPRINT_OK)
        *out = signature;
    else
        imprint_signature_free(&signature);
    return status;
}

void imprint_signature_free(struct imprint_signature *signature)
{
    free(signature->token);
    signature->token = NULL;
}

/* ---- what a secret makes of it ---- */

static bool put_digest(struct imprint_memory_text *out,
                       struct imprint_slice text)
{
    uint8_t digest[IMPRINT_KEYS_DIGEST_LEN];
    char hex[2 * IMPRINT_KEYS_DIGEST_LEN + 1];

    if (!imprint_keys_sha256(text, digest))
        return false;
    imprint_keys_write_hex(digest, sizeof(digest), hex);
    put_text(out, hex);
    return true;
}

static bool put_query(struct imprint_memory_text *out, const char *query)
{
    struct imprint_query *parameters = imprint_query_read(query);
    const char *before = "";
    bool is_whole = parameters && imprint_query_canonize(parameters);

    for (size_t i = 0; is_whole && i < parameters->count; i++) {
        if (strcmp(parameters->all[i].name, "X-Amz-Signature") == 0)
            continue;
        put_text(out, before);
        put_text(out, parameters->all[i].name);
        put_text(out, "=");
        put_text(out, parameters->all[i].value);
        before = "&";
    }
    imprint_query_free(parameters);
    return is_whole;
}

/* Blanks at the ends go, and runs of them become one. */
static void put_value(struct imprint_memory_text *out, const char *value)
{
    bool is_first = true;

    for (;;) {
        size_t len;

        value += strspn(value, " \t");
        len = strcspn(value, " \t");
        if (len == 0)
            return;
        put_text(out, is_first ? "" : " ");
        imprint_memory_put(out, imprint_slice_of(value, len));
        value += len;
        is_first = false;
    }
}

/* All of that name, in order, with commas. False: there is none. */
static bool put_header(struct imprint_memory_text *out,
                       const struct imprint_signature_request *request,
                       const char *name)
{
    bool is_any = false;

    put_text(out, name);
    put_text(out, ":");
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->header_names[i], name) != 0)
            continue;
        put_text(out, is_any ? "," : "");
        put_value(out, request->header_values[i]);
        is_any = true;
    }
    put_text(out, "\n");
    return is_any;
}

static bool put_headers(struct imprint_memory_text *out,
                        const struct imprint_signature_request *request,
                        const char *names)
{
    char name[IMPRINT_SIGNATURE_HEADERS_LEN];
    bool is_whole = true;

    while (is_whole && *names) {
        size_t len = strcspn(names, ";");

        is_whole = copy(name, sizeof(name), names, len) &&
                   put_header(out, request, name);
        names += len + (names[len] == ';');
    }
    return is_whole;
}

static bool put_request(struct imprint_memory_text *out,
                        const struct imprint_signature_request *request,
                        const struct imprint_signature *signature)
{
    bool is_whole;

    put_text(out, request->method);
    put_text(out, "\n");
    imprint_query_escape(out, request->path, true);
    put_text(out, "\n");
    is_whole = put_query(out, request->query);
    put_text(out, "\n");
    is_whole = is_whole && put_headers(out, request, signature->headers);
    put_text(out, "\n");
    put_text(out, signature->headers);
    put_text(out, "\n");
    return is_whole && put_digest(out, request->body) && !out->has_failed;
}

static struct imprint_slice slice_of(const struct imprint_memory_text *text)
{
    return imprint_slice_of(text->bytes, text->len);
}

static bool put_to_sign(struct imprint_memory_text *out,
                        const struct imprint_signature_request *request,
                        const struct imprint_signature *signature)
{
    struct imprint_memory_text canonical = {.bytes = NULL};
    bool is_whole = put_request(&canonical, request, signature);

    put_text(out, ALGORITHM "\n");
    put_text(out, signature->time);
    put_text(out, "\n");
    put_text(out, signature->date);
    put_text(out, "/");
    put_text(out, signature->region);
    put_text(out, "/");
    put_text(out, signature->service);
    put_text(out, "/aws4_request\n");
    is_whole = is_whole && put_digest(out, slice_of(&canonical));
    free(canonical.bytes);
    return is_whole && !out->has_failed;
}

/* HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request")
 */
static bool make_key(const struct imprint_signature *signature,
                     const char *secret, uint8_t key[IMPRINT_KEYS_DIGEST_LEN])
{
    const char *const words[] = {signature->date, signature->region,
                                 signature->service, "aws4_request"};
    struct imprint_memory_text first = {.bytes = NULL};
    struct imprint_slice now;
    bool is_whole = true;

    put_text(&first, "AWS4");
    put_text(&first, secret);
    now = slice_of(&first);
    for (size_t i = 0; is_whole && !first.has_failed && i < 4; i++) {
        uint8_t next[IMPRINT_KEYS_DIGEST_LEN];

        is_whole = imprint_keys_hmac(now, imprint_slice_text(words[i]), next);
        memcpy(key, next, sizeof(next));
        now = imprint_slice_of(key, IMPRINT_KEYS_DIGEST_LEN);
        explicit_bzero(next, sizeof(next));
    }
    if (first.bytes)
        explicit_bzero(first.bytes, first.len);
    free(first.bytes);
    return is_whole && !first.has_failed;
}

bool imprint_signature_make(const struct imprint_signature_request *request,
                            const struct imprint_signature *signature,
                            const char *secret, char code[65])
{
    struct imprint_memory_text text = {.bytes = NULL};
    uint8_t key[IMPRINT_KEYS_DIGEST_LEN];
    uint8_t mac[IMPRINT_KEYS_DIGEST_LEN];
    bool is_made = put_to_sign(&text, request, signature) &&
                   make_key(signature, secret, key) &&
                   imprint_keys_hmac(imprint_slice_of(key, sizeof(key)),
                                     slice_of(&text), mac);

    if (is_made)
        imprint_keys_write_hex(mac, sizeof(mac), code);
    explicit_bzero(key, sizeof(key));
    free(text.bytes);
    return is_made;
}

bool imprint_signature_is_by(const struct imprint_signature_request *request,
                             const struct imprint_signature *signature,
                             const char *secret)
{
    char code[65];
    bool is_it = imprint_signature_make(request, signature, secret, code) &&
                 imprint_secret_is_same(code, signature->code);

    explicit_bzero(code, sizeof(code));
    return is_it;
}
