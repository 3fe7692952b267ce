#include "rest_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/keys.h"

#define PAGE_DEFAULT 25 /* certificates, and what else says so */
#define PAGE_MAX 250
#define MARK_LEN 16 /* digits of a digest, before those of the key */
#define TOKEN_LEN (MARK_LEN + 2 * IMPRINT_VIEWS_KEY_LEN)

/* How many are asked for, by either name. */
static enum imprint_status read_limit(struct imprint_rest_call *call,
                                      const char *name, size_t *limit)
{
    const char *text = imprint_rest_query(call, name);
    char *end = NULL;
    long number = text ? strtol(text, &end, 10) : PAGE_DEFAULT;

    if (text && (end == text || *end || number < 1 || number > PAGE_MAX))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "%s must be 1 to %d, not \"%.40s\"", name,
                                   PAGE_MAX, text);
    *limit = (size_t)number;
    return IMPRINT_OK;
}

/* ---- tokens: to clients they mean nothing, and are of one list ---- */

static void write_token(const struct imprint_rest_listing *list,
                        const char *key, char token[TOKEN_LEN])
{
    uint8_t digest[IMPRINT_KEYS_DIGEST_LEN] = {0};
    char text[1024];

    (void)snprintf(text, sizeof(text), "%d/%.512s/%s", (int)list->view,
                   list->of, key);
    (void)!imprint_keys_sha256(imprint_slice_text(text), digest);
    imprint_keys_write_hex(digest, MARK_LEN / 2, token);
    imprint_keys_write_hex((const uint8_t *)key, strlen(key), token + MARK_LEN);
}

/* The key that token has, by writing it again. */
static bool read_token(const struct imprint_rest_listing *list,
                       const char *token, char key[IMPRINT_VIEWS_KEY_LEN])
{
    static const char digits[] = "0123456789abcdef";
    size_t len = strlen(token);
    char again[TOKEN_LEN];

    if (len <= MARK_LEN || len >= TOKEN_LEN || len % 2 != 0)
        return false;
    len = (len - MARK_LEN) / 2;
    for (size_t i = 0; i < len; i++) {
        const char *at = token + MARK_LEN + 2 * i;
        const char *high = strchr(digits, at[0]);
        const char *low = strchr(digits, at[1]);

        if (!high || !low)
            return false;
        key[i] = (char)((high - digits) << 4 | (low - digits));
    }
    key[len] = '\0';
    if (strlen(key) != len)
        return false;
    write_token(list, key, again);
    return strcmp(token, again) == 0;
}

/* Where the page begins: "", or behind the last one. */
static enum imprint_status read_after(struct imprint_rest_call *call,
                                      const struct imprint_rest_listing *list,
                                      char key[IMPRINT_VIEWS_KEY_LEN])
{
    const char *name = list->by_marker ? "marker" : "nextToken";
    const char *token = imprint_rest_query(call, name);

    key[0] = '\0';
    if (!token || read_token(list, token, key))
        return IMPRINT_OK;
    return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                               "Invalid %s: it is of no page of this list",
                               name);
}

enum imprint_status imprint_rest_list(struct imprint_rest_call *call,
                                      const struct imprint_rest_listing *list)
{
    char after[IMPRINT_VIEWS_KEY_LEN];
    char next[IMPRINT_VIEWS_KEY_LEN];
    char token[TOKEN_LEN];
    struct imprint_views_page page = {
        .of = list->of, .after = after, .each = list->each, .user = call};
    enum imprint_status status = read_limit(
        call, list->by_marker ? "pageSize" : "maxResults", &page.limit);

    if (status == IMPRINT_OK)
        status = read_after(call, list, after);
    if (status != IMPRINT_OK)
        return status;
    call->list = imprint_json_new_list();
    call->has_failed |= !call->list;
    status = imprint_views_show(call->registry, list->view, &page, next);
    imprint_rest_put_value(call, call->out, list->member, call->list);
    call->list = NULL;
    if (status != IMPRINT_OK || next[0] == '\0')
        return status;
    write_token(list, next, token);
    imprint_rest_put(call, call->out,
                     list->by_marker ? "nextMarker" : "nextToken", token);
    return IMPRINT_OK;
}

void imprint_rest_list_group(struct imprint_rest_call *call,
                             const char *arn_kind, const char *name)
{
    struct imprint_json *item = imprint_rest_new(call);

    imprint_rest_put(call, item, "groupName", name);
    imprint_rest_put_arn(call, item, "groupArn", arn_kind, name);
    imprint_rest_add(call, item);
}
