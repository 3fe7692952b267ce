#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "credentials.h"
#include "pem.h"
#include "posix/clock.h"
#include "posix/secret.h"
#include "rest_id.h"
#include "rest_local.h"

#define COOKIE "imprint"
#define TICKET_LEN 65
#define TICKET_MAX_COUNT 64
#define TICKET_MS (12 * 3600 * 1000LL)
#define PAIR_MAX_LEN 256 /* of Basic: an id, ":" and a secret */

struct ticket {
    char text[TICKET_LEN]; /* "": the place is free */
    struct imprint_credentials key;
    int64_t since_ms;
};

struct imprint_rest_login {
    bool is_open;
    bool is_tls;
    pthread_mutex_t mutex;
    struct ticket tickets[TICKET_MAX_COUNT];
};

struct imprint_rest_login *imprint_rest_login_new(bool is_open, bool is_tls)
{
    struct imprint_rest_login *login = calloc(1, sizeof(*login));

    if (!login)
        return NULL;
    login->is_open = is_open;
    login->is_tls = is_tls;
    (void)pthread_mutex_init(&login->mutex, NULL);
    return login;
}

void imprint_rest_login_free(struct imprint_rest_login *login)
{
    if (!login)
        return;
    (void)pthread_mutex_destroy(&login->mutex);
    explicit_bzero(login->tickets, sizeof(login->tickets));
    free(login);
}

/* ---- tickets ---- */

/* The value of our cookie among others; false: there is none. */
static bool read_cookie(const struct imprint_signature_request *request,
                        char text[TICKET_LEN])
{
    const char *at = imprint_signature_header(request, "cookie");

    for (; at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL) {
        at += strspn(at, " ");
        if (strncmp(at, COOKIE "=", strlen(COOKIE "=")) != 0)
            continue;
        at += strlen(COOKIE "=");
        if (strcspn(at, "; ") != TICKET_LEN - 1)
            return false;
        (void)snprintf(text, TICKET_LEN, "%.*s", TICKET_LEN - 1, at);
        return true;
    }
    return false;
}

/* NULL: no such ticket. With the mutex held. */
static struct ticket *find(struct imprint_rest_login *login, const char *text)
{
    int64_t oldest_ms = imprint_clock_now_ms() - TICKET_MS;

    for (size_t i = 0; i < TICKET_MAX_COUNT; i++) {
        struct ticket *ticket = &login->tickets[i];

        if (ticket->text[0] != '\0' && ticket->since_ms > oldest_ms &&
            imprint_secret_is_same(ticket->text, text))
            return ticket;
    }
    return NULL;
}

/* A key that is removed meanwhile takes its tickets along. */
static bool has_ticket(struct imprint_rest_login *login,
                       struct imprint_registry *registry, const char *text,
                       int64_t now)
{
    struct imprint_credentials key;
    const struct ticket *ticket;

    (void)pthread_mutex_lock(&login->mutex);
    ticket = find(login, text);
    if (ticket)
        key = ticket->key;
    (void)pthread_mutex_unlock(&login->mutex);
    return ticket && imprint_credentials_match(registry, key.access_key_id,
                                               key.secret, key.token, now);
}

/* In a free place, or that of the oldest. */
static void put(struct imprint_rest_login *login, const struct ticket *ticket)
{
    struct ticket *oldest = &login->tickets[0];

    (void)pthread_mutex_lock(&login->mutex);
    for (size_t i = 1; i < TICKET_MAX_COUNT; i++) {
        if (login->tickets[i].since_ms < oldest->since_ms)
            oldest = &login->tickets[i];
    }
    *oldest = *ticket;
    (void)pthread_mutex_unlock(&login->mutex);
}

/* ---- Basic (RFC 7617) ---- */

static bool has_basic(struct imprint_registry *registry,
                      const struct imprint_signature_request *request,
                      int64_t now)
{
    const char *header = imprint_signature_header(request, "authorization");
    uint8_t bytes[PAIR_MAX_LEN + 1] = {0};
    char *pair = (char *)bytes;
    char *colon;
    size_t len = 0;
    bool is_it = false;

    if (!header || strncasecmp(header, "Basic ", 6) != 0 ||
        strlen(header + 6) > PAIR_MAX_LEN ||
        !imprint_pem_decode_base64(imprint_slice_text(header + 6), bytes, &len))
        return false;
    bytes[len] = '\0';
    colon = strchr(pair, ':');
    if (colon) {
        *colon = '\0';
        is_it = imprint_credentials_match(registry, pair, colon + 1, "", now);
    }
    explicit_bzero(bytes, sizeof(bytes));
    return is_it;
}

bool imprint_rest_login_may(struct imprint_rest_login *login,
                            struct imprint_registry *registry,
                            const struct imprint_signature_request *request,
                            int64_t now)
{
    char text[TICKET_LEN];

    if (login->is_open)
        return imprint_rest_auth_is_local(request);
    return (read_cookie(request, text) &&
            has_ticket(login, registry, text, now)) ||
           has_basic(registry, request, now);
}

/* ---- in and out ---- */

/* A browser says which page asks; other programs say nothing. */
static bool is_own_page(const struct imprint_rest_login *login,
                        const struct imprint_signature_request *request)
{
    const char *origin = imprint_signature_header(request, "origin");
    const char *host = imprint_signature_header(request, "host");
    const char *scheme = login->is_tls ? "https://" : "http://";

    return !origin || (host && strncmp(origin, scheme, strlen(scheme)) == 0 &&
                       strcmp(origin + strlen(scheme), host) == 0);
}

static bool copy(const struct imprint_json *body, const char *name, char *out,
                 size_t room)
{
    const char *text = imprint_json_text(body, name);

    return text && (size_t)snprintf(out, room, "%s", text) < room;
}

static bool read_key(const struct imprint_signature_request *request,
                     struct imprint_credentials *key)
{
    struct imprint_json *body = NULL;
    bool is_read = false;

    if (imprint_json_read(request->body, &body, NULL) == IMPRINT_OK)
        is_read =
            copy(body, "accessKeyId", key->access_key_id,
                 sizeof(key->access_key_id)) &&
            copy(body, "secretAccessKey", key->secret, sizeof(key->secret)) &&
            (imprint_json_kind_of(body, "sessionToken") ==
                 IMPRINT_JSON_ABSENT ||
             copy(body, "sessionToken", key->token, sizeof(key->token)));
    imprint_json_free(body);
    return is_read;
}

static void write_cookie(const struct imprint_rest_login *login,
                         const char *text, int64_t lifetime_s, char cookie[160])
{
    (void)snprintf(cookie, 160,
                   COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; "
                          "Max-Age=%lld%s",
                   text, (long long)lifetime_s,
                   login->is_tls ? "; Secure" : "");
}

bool imprint_rest_login_enter(struct imprint_rest_login *login,
                              struct imprint_registry *registry,
                              const struct imprint_signature_request *request,
                              int64_t now, char cookie[160])
{
    struct ticket ticket = {.since_ms = imprint_clock_now_ms()};
    bool may =
        is_own_page(login, request) && read_key(request, &ticket.key) &&
        imprint_credentials_match(registry, ticket.key.access_key_id,
                                  ticket.key.secret, ticket.key.token, now) &&
        imprint_rest_id_random(ticket.text) == IMPRINT_OK;

    if (may) {
        put(login, &ticket);
        write_cookie(login, ticket.text, TICKET_MS / 1000, cookie);
    }
    explicit_bzero(&ticket, sizeof(ticket));
    return may;
}

void imprint_rest_login_leave(struct imprint_rest_login *login,
                              const struct imprint_signature_request *request,
                              char cookie[160])
{
    char text[TICKET_LEN];
    struct ticket *ticket;

    write_cookie(login, "", 0, cookie);
    if (!read_cookie(request, text))
        return;
    (void)pthread_mutex_lock(&login->mutex);
    ticket = find(login, text);
    if (ticket)
        explicit_bzero(ticket, sizeof(*ticket));
    (void)pthread_mutex_unlock(&login->mutex);
}
