#include "credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "aws/name.h"
#include "edit.h"
#include "posix/secret.h"
#include "posix/why.h"
#include "resource.h"
#include "rules.h"
#include "views.h"

#define NAME_MAX_LEN 64

/* count letters of an alphabet that has 2^n; false: no random bytes. */
static bool draw(const char *alphabet, size_t count, char *out)
{
    size_t mask = strlen(alphabet) - 1;
    unsigned char bytes[64];

    if (getrandom(bytes, count, 0) != (ssize_t)count)
        return false;
    for (size_t i = 0; i < count; i++)
        out[i] = alphabet[bytes[i] & mask];
    out[count] = '\0';
    explicit_bzero(bytes, sizeof(bytes));
    return true;
}

static bool make(bool is_session, struct imprint_credentials *out)
{
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                 "tuvwxyz0123456789+/";

    memcpy(out->access_key_id, is_session ? "ASIA" : "AKIA", 4);
    out->token[0] = '\0';
    return draw(base32, 16, out->access_key_id + 4) &&
           draw(base64, 40, out->secret) &&
           (!is_session || draw(base64, 64, out->token));
}

struct adding {
    const char *name;
    int64_t lifetime_s;
    struct imprint_credentials *out;
};

static enum imprint_status add(void *user, struct imprint_registry *registry,
                               struct imprint_why *why)
{
    const struct adding *adding = user;
    struct imprint_credentials *out = adding->out;
    struct imprint_json *document = imprint_json_new();
    struct imprint_rules rules;
    enum imprint_status status = IMPRINT_ERR_INTERNAL;

    imprint_rules_read(&rules, registry, true);
    out->expires =
        adding->lifetime_s ? imprint_rules_now(&rules) + adding->lifetime_s : 0;
    if (document && make(adding->lifetime_s > 0, out) &&
        imprint_json_put_text(document, "name", adding->name) &&
        imprint_json_put_text(document, "secret", out->secret) &&
        imprint_json_put_text(document, "token", out->token) &&
        imprint_json_put_number(document, "expires", out->expires))
        status = imprint_resource_put(registry, IMPRINT_RESOURCE_CREDENTIAL,
                                      out->access_key_id, document);
    else
        (void)imprint_why_set(why, status, "can't make a key");
    imprint_json_free(document);
    return status;
}

enum imprint_status imprint_credentials_add(const char *dir, const char *name,
                                            int64_t lifetime_s,
                                            struct imprint_credentials *out,
                                            struct imprint_why *why)
{
    struct imprint_credentials made;
    struct adding adding = {name, lifetime_s, &made};
    const struct imprint_edit edit = {.work = add,
                                      .user = &adding,
                                      .operation = "credentials add",
                                      .what = name};
    enum imprint_status status;

    if (!imprint_name_policy_ok(name) || strlen(name) > NAME_MAX_LEN)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "\"%s\" can't be a user's name: it has %s", name,
                               IMPRINT_CREDENTIALS_NAME);
    status = imprint_edit_run(dir, &edit, why);
    if (status == IMPRINT_OK)
        *out = made;
    explicit_bzero(&made, sizeof(made));
    return status;
}

static enum imprint_status drop(void *user, struct imprint_registry *registry,
                                struct imprint_why *why)
{
    const char *id = user;
    enum imprint_status status =
        imprint_resource_drop(registry, IMPRINT_RESOURCE_CREDENTIAL, id);

    return status == IMPRINT_ERR_NOT_FOUND
               ? imprint_why_set(why, status, "there is no access key \"%s\"",
                                 id)
               : status;
}

enum imprint_status imprint_credentials_remove(const char *dir,
                                               const char *access_key_id,
                                               struct imprint_why *why)
{
    const struct imprint_edit edit = {.work = drop,
                                      .user = (void *)(uintptr_t)access_key_id,
                                      .operation = "credentials remove",
                                      .what = access_key_id};

    return imprint_edit_run(dir, &edit, why);
}

struct listing {
    void (*each)(void *user, const char *access_key_id, const char *name,
                 int64_t created, int64_t expires);
    void *user;
};

static void show(void *user, const char *const *columns)
{
    const struct listing *listing = user;
    struct imprint_json *document = NULL;
    const char *name;

    if (imprint_json_read(imprint_slice_text(columns[1]), &document, NULL) !=
        IMPRINT_OK)
        return;
    name = imprint_json_text(document, "name");
    listing->each(listing->user, columns[2], name ? name : "",
                  strtoll(columns[0], NULL, 10),
                  imprint_json_number(document, "expires", 0));
    imprint_json_free(document);
}

static enum imprint_status list(void *user, struct imprint_registry *registry,
                                struct imprint_why *why)
{
    const struct imprint_views_page page = {
        .of = IMPRINT_RESOURCE_CREDENTIAL,
        .after = "",
        .each = show,
        .user = user,
    };

    (void)why;
    return imprint_views_show(registry, IMPRINT_VIEW_RESOURCES, &page, NULL);
}

enum imprint_status imprint_credentials_each(
    const char *dir,
    void (*each)(void *user, const char *access_key_id, const char *name,
                 int64_t created, int64_t expires),
    void *user, struct imprint_why *why)
{
    struct listing listing = {each, user};
    const struct imprint_edit edit = {.work = list, .user = &listing};

    return imprint_edit_look(dir, &edit, why);
}

/* What does not fit is none of ours. */
static bool take(const struct imprint_json *document, const char *name,
                 char *out, size_t room)
{
    const char *text = imprint_json_text(document, name);

    return text && (size_t)snprintf(out, room, "%s", text) < room;
}

enum imprint_status imprint_credentials_find(struct imprint_registry *registry,
                                             const char *access_key_id,
                                             struct imprint_credentials *out,
                                             char name[65])
{
    struct imprint_json *document = NULL;
    enum imprint_status status = imprint_resource_find(
        registry, IMPRINT_RESOURCE_CREDENTIAL, access_key_id, &document);

    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(out->access_key_id, sizeof(out->access_key_id), "%s",
                   access_key_id);
    out->expires = imprint_json_number(document, "expires", 0);
    if (!take(document, "secret", out->secret, sizeof(out->secret)) ||
        !take(document, "token", out->token, sizeof(out->token)) ||
        !take(document, "name", name, 65))
        status = IMPRINT_ERR_STORAGE;
    imprint_json_free(document);
    return status;
}

bool imprint_credentials_match(struct imprint_registry *registry,
                               const char *access_key_id, const char *secret,
                               const char *token, int64_t now)
{
    struct imprint_credentials found;
    char name[65];
    bool is_it = imprint_credentials_find(registry, access_key_id, &found,
                                          name) == IMPRINT_OK &&
                 imprint_secret_is_same(found.secret, secret) &&
                 imprint_secret_is_same(found.token, token) &&
                 (found.expires == 0 || now < found.expires);

    explicit_bzero(&found, sizeof(found));
    return is_it;
}
