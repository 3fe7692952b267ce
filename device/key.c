#include "device/key.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "device/layout.h"
#include "device/say.h"
#include "posix/file.h"
#include "posix/keys_hold.h"
#include "posix/keys_place.h"
#include "posix/why.h"

#define NOTES "token-keys"
#define NAME_LEN 32u
#define PEM_MAX_LEN 262144u

bool imprint_key_is_elsewhere(const char *text)
{
    return text && imprint_keys_place_is(text);
}

static struct imprint_keys_reach reach_of(
    const struct imprint_device_settings *settings)
{
    const struct imprint_keys_reach reach = {.module = settings->pkcs11_module,
                                             .tcti = settings->tcti,
                                             .pin = settings->pin};

    return reach;
}

enum imprint_status imprint_key_check(const char *text, struct imprint_why *why)
{
    if (imprint_key_is_elsewhere(text))
        return imprint_keys_place_check(text, why);
    if (!text || !text[0] || strcmp(text, "file:") == 0)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "identity-key is no place for a key: \"%.200s\"", text);
    imprint_why_hint(why, "give a pkcs11: URI, tpm2: or, for the state "
                          "directory, file:");
    return IMPRINT_ERR_SETTINGS;
}

enum imprint_status imprint_key_open(
    const struct imprint_device_settings *settings, const char *text,
    struct imprint_slice certificate_pem, struct imprint_keys_key **out,
    struct imprint_why *why)
{
    const struct imprint_keys_reach reach = reach_of(settings);
    struct imprint_keys_holder holder;
    enum imprint_status status;

    if (!imprint_key_is_elsewhere(text))
        return imprint_keys_read(imprint_slice_text(text), NULL, out, why);
    status = imprint_keys_place_open(text, &reach, &holder, why);
    return status ? status
                  : imprint_keys_hold(certificate_pem, &holder, out, why);
}

/* ---- a new one ---- */

/* Durable before the key is made: no key of ours is ever without one. */
static enum imprint_status note(const char *dir, const char *uri,
                                struct imprint_why *why)
{
    uint8_t random[NAME_LEN / 2];
    char name[NAME_LEN + 1];
    char path[PATH_MAX];
    enum imprint_status status;

    imprint_layout_path(path, dir, NOTES, NULL);
    status = imprint_file_make_dir(path, 0700, why);
    if (status != IMPRINT_OK)
        return status;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "out of random bytes");
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(name + 2 * i, 3, "%02x", random[i]);
    imprint_layout_path(path, dir, NOTES, name);
    return imprint_file_replace(path, imprint_slice_text(uri), 0600, why);
}

enum imprint_status imprint_key_choose(
    const struct imprint_device_settings *settings, const char *dir, char **uri,
    struct imprint_why *why)
{
    const struct imprint_keys_reach reach = reach_of(settings);
    char text[IMPRINT_KEYS_PLACE_URI_LEN];
    bool is_new;
    enum imprint_status status = imprint_keys_place_choose(
        settings->identity_key, &reach, text, &is_new, why);

    if (status == IMPRINT_OK && is_new)
        status = note(dir, text, why);
    if (status != IMPRINT_OK)
        return status;
    *uri = strdup(text);
    return *uri ? status
                : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

enum imprint_status imprint_key_try(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    const struct imprint_keys_reach reach = reach_of(settings);
    char uri[IMPRINT_KEYS_PLACE_URI_LEN];
    struct imprint_keys_holder holder;
    bool is_new;
    enum imprint_status status = imprint_keys_place_choose(
        settings->identity_key, &reach, uri, &is_new, why);

    if (status == IMPRINT_OK)
        status = imprint_keys_place_open(uri, &reach, &holder, why);
    if (status == IMPRINT_OK)
        holder.close(holder.user);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

enum imprint_status imprint_key_make(
    const struct imprint_device_settings *settings, const char *uri,
    struct imprint_why *why)
{
    const struct imprint_keys_reach reach = reach_of(settings);

    /* the two enums agree up to RSA3072 */
    return imprint_keys_place_make(
        uri, &reach, (enum imprint_keys_kind)(unsigned)settings->key, why);
}

/* ---- the notes ---- */

static bool is_note(const char *name)
{
    return strlen(name) == NAME_LEN &&
           strspn(name, "0123456789abcdef") == NAME_LEN;
}

/* What each note says is told; false ends it. */
static enum imprint_status for_each_note(const char *dir,
                                         bool (*tell)(void *user,
                                                      const char *path,
                                                      const char *uri),
                                         void *user, struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    struct dirent *entry;
    char path[PATH_MAX];
    bool goes_on = true;
    DIR *stream;

    imprint_layout_path(path, dir, NOTES, NULL);
    stream = opendir(path);
    if (!stream)
        return errno == ENOENT ? IMPRINT_OK
                               : imprint_layout_fail(why, "read", path);
    while (goes_on && status == IMPRINT_OK && (entry = readdir(stream))) {
        char *uri;
        size_t len;

        if (!is_note(entry->d_name))
            continue;
        imprint_layout_path(path, dir, NOTES, entry->d_name);
        status = imprint_file_read(path, IMPRINT_KEYS_PLACE_URI_LEN, &uri, &len,
                                   why);
        if (status == IMPRINT_OK) {
            goes_on = tell(user, path, uri);
            free(uri);
        }
    }
    closedir(stream);
    return status;
}

struct search {
    const char *uri;
    bool found;
};

static bool compare(void *user, const char *path, const char *uri)
{
    struct search *search = user;

    (void)path;
    search->found = strcmp(search->uri, uri) == 0;
    return !search->found;
}

static bool is_noted(const char *dir, const char *uri)
{
    struct search search = {uri, false};

    return for_each_note(dir, compare, &search, NULL) == IMPRINT_OK &&
           search.found;
}

/* Who names no key wants one of ours, and not what another URI named. */
bool imprint_key_fits(const struct imprint_device_settings *settings,
                      const char *dir, const char *text)
{
    const char *wish = settings->identity_key;

    if (!imprint_key_is_elsewhere(wish) || !imprint_key_is_elsewhere(text))
        return imprint_key_is_elsewhere(wish) == imprint_key_is_elsewhere(text);
    return imprint_keys_place_fits(wish, text) &&
           (imprint_keys_place_names(wish) || is_noted(dir, text));
}

enum imprint_status imprint_key_succeed(const char *dir, const char *text,
                                        char **uri, struct imprint_why *why)
{
    char place[IMPRINT_KEYS_PLACE_URI_LEN];
    enum imprint_status status = IMPRINT_OK;

    if (is_noted(dir, text)) {
        status = imprint_keys_place_of(text, place, why);
        text = place;
    }
    if (status != IMPRINT_OK)
        return status;
    *uri = strdup(text);
    return *uri ? IMPRINT_OK
                : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* Does an identity in dir have this key? If that can't be told: yes. */
static bool is_used(const char *dir, const char *text)
{
    static const char *const places[] = {"current", "former", "staged"};
    bool is_equal = false;
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        enum imprint_status status;
        char *held = NULL;
        size_t len = 0;

        imprint_layout_path(path, dir, places[i], "private.key");
        status = imprint_file_read(path, PEM_MAX_LEN, &held, &len, NULL);
        if (status == IMPRINT_OK)
            is_equal = is_equal || strcmp(held, text) == 0;
        else if (status != IMPRINT_ERR_NOT_FOUND)
            is_equal = true;
        imprint_file_free_secret(held, len);
    }
    return is_equal;
}

static enum imprint_status erase(const struct imprint_device_settings *settings,
                                 const char *uri, const char *path,
                                 struct imprint_why *why)
{
    const struct imprint_keys_reach reach = reach_of(settings);
    struct imprint_why inner = {"", ""};
    enum imprint_status status = imprint_keys_place_erase(uri, &reach, &inner);

    if (status == IMPRINT_OK) {
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO, "erased the key %s",
                         uri);
        return imprint_file_erase(path, why);
    }
    imprint_why_set(why, status, "the key \"%.200s\" is not erased yet: %s",
                    uri, inner.text);
    imprint_why_hint(why, "%s; the next run that can will erase it",
                     inner.hint[0] ? inner.hint : "see that it can be reached");
    return status;
}

struct sweep {
    const struct imprint_device_settings *settings;
    const char *dir;
    enum imprint_status first; /* trouble */
    struct imprint_why *why;   /* of it */
};

static bool sweep_one(void *user, const char *path, const char *uri)
{
    struct sweep *sweep = user;
    enum imprint_status status;

    if (is_used(sweep->dir, uri))
        return true;
    status =
        erase(sweep->settings, uri, path, sweep->first ? NULL : sweep->why);
    if (sweep->first == IMPRINT_OK)
        sweep->first = status;
    return true;
}

enum imprint_status imprint_key_sweep(
    const struct imprint_device_settings *settings, const char *dir,
    struct imprint_why *why)
{
    struct sweep sweep = {settings, dir, IMPRINT_OK, why};
    enum imprint_status status = for_each_note(dir, sweep_one, &sweep, why);

    return sweep.first ? sweep.first : status;
}
