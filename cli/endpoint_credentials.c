#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/credentials.h"
#include "endpoint/setup.h"
#include "endpoint_order.h"
#include "list.h"
#include "posix/clock.h"
#include "posix/json.h"
#include "posix/settings.h"
#include "posix/why.h"

#define LIFETIME_MAX_S 129600 /* of GetSessionToken: 36 hours */

/* ---- add ---- */

/* As a credential_process of AWS's tools answers. */
static enum imprint_status show_json(const struct imprint_credentials *made,
                                     struct imprint_why *why)
{
    struct imprint_json *object = imprint_json_new();
    char until[IMPRINT_CLOCK_TEXT_LEN];
    bool is_whole =
        object && imprint_json_put_number(object, "Version", 1) &&
        imprint_json_put_text(object, "AccessKeyId", made->access_key_id) &&
        imprint_json_put_text(object, "SecretAccessKey", made->secret);

    imprint_clock_write(made->expires, until);
    if (is_whole && made->token[0] != '\0')
        is_whole = imprint_json_put_text(object, "SessionToken", made->token) &&
                   imprint_json_put_text(object, "Expiration", until);
    return imprint_list_print(object, is_whole, why);
}

/* What a shell takes with "export". */
static void show_text(const struct imprint_credentials *made)
{
    (void)printf("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n",
                 made->access_key_id, made->secret);
    if (made->token[0] != '\0')
        (void)printf("AWS_SESSION_TOKEN=%s\n", made->token);
    (void)printf("AWS_DEFAULT_REGION=%s\n", IMPRINT_SETUP_REGION);
    (void)fflush(stdout);
    (void)fprintf(stderr, "imprint: the secret is not shown again\n");
}

/* --lifetime; 0: for ever. */
static enum imprint_status read_lifetime(
    const struct imprint_settings *settings, int64_t *out,
    struct imprint_why *why)
{
    const char *text = imprint_settings_get(settings, "lifetime");
    char *end = NULL;

    *out = 0;
    if (!text)
        return IMPRINT_OK;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *out >= 1 &&
        *out <= LIFETIME_MAX_S)
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                           "--lifetime \"%.32s\": seconds from 1 to %d", text,
                           LIFETIME_MAX_S);
}

static enum imprint_status add(const struct imprint_endpoint_order *order,
                               struct imprint_why *why)
{
    struct imprint_credentials made;
    int64_t lifetime_s;
    enum imprint_status status =
        read_lifetime(order->settings, &lifetime_s, why);

    if (status == IMPRINT_OK)
        status = imprint_credentials_add(order->dir, order->operands[1],
                                         lifetime_s, &made, why);
    if (status != IMPRINT_OK)
        return status;
    if (order->json)
        status = show_json(&made, why);
    else
        show_text(&made);
    explicit_bzero(&made, sizeof(made));
    return status;
}

/* ---- list ---- */

struct listing {
    bool json;
    struct imprint_list list;
};

static void show_one(void *user, const char *access_key_id, const char *name,
                     int64_t created, int64_t expires)
{
    struct listing *listing = user;
    char from[IMPRINT_CLOCK_TEXT_LEN];
    char until[IMPRINT_CLOCK_TEXT_LEN] = "";
    struct imprint_json *object;
    bool is_whole;

    imprint_clock_write(created, from);
    if (expires != 0)
        imprint_clock_write(expires, until);
    if (!listing->json) {
        (void)printf("%s  %s  %s%s%s\n", access_key_id, from, name,
                     expires != 0 ? ", until " : "", until);
        return;
    }
    object = imprint_json_new();
    is_whole = object &&
               imprint_json_put_text(object, "accessKeyId", access_key_id) &&
               imprint_json_put_text(object, "name", name) &&
               imprint_json_put_number(object, "created", created) &&
               imprint_json_put_number(object, "expires", expires);
    imprint_list_put(&listing->list, object, is_whole);
}

static enum imprint_status list(const struct imprint_endpoint_order *order,
                                struct imprint_why *why)
{
    struct listing listing = {order->json, {"credentials", 0, false}};
    enum imprint_status status =
        imprint_credentials_each(order->dir, show_one, &listing, why);

    return order->json ? imprint_list_end(&listing.list, status, why) : status;
}

/* ---- which of them ---- */

enum imprint_status imprint_endpoint_credentials(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const char *what = order->operands[0];
    bool has_name = order->operand_count == 2;

    if (strcmp(what, "add") != 0 &&
        imprint_settings_get(order->settings, "lifetime"))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "--lifetime is for \"credentials add\" alone");
    if (strcmp(what, "list") == 0 && !has_name)
        return list(order, why);
    if (strcmp(what, "add") == 0 && has_name)
        return add(order, why);
    if (strcmp(what, "remove") == 0 && has_name)
        return imprint_credentials_remove(order->dir, order->operands[1], why);
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"imprint endpoint credentials\" takes add NAME, list, or "
                    "remove KEY");
    return IMPRINT_ERR_SETTINGS;
}
