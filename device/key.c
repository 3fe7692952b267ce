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
#include "posix/keys_token.h"
#include "posix/keys_uri.h"
#include "posix/why.h"

#define NOTES "token-keys"
#define LABEL "imprint"
#define ID_LEN 16u
#define NAME_LEN (2 * ID_LEN)
#define PEM_MAX_LEN 262144u

bool imprint_key_is_elsewhere(const char *text)
{
    return text && imprint_keys_uri_is_token(text);
}

static enum imprint_status parse(const char *text, struct imprint_keys_uri *uri,
                                 struct imprint_why *why)
{
    enum imprint_status status = imprint_keys_uri_parse(text, uri, why);

    if (status == IMPRINT_OK && uri->has_pin) {
        status = imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                 "the key's URI has a PIN (pin-value): others "
                                 "can read it there");
        imprint_why_hint(why,
                         "use --pin-file, IMPRINT_PIN or pin-source=file:");
    }
    return status;
}

enum imprint_status imprint_key_check(const char *text, struct imprint_why *why)
{
    struct imprint_keys_uri uri;

    if (imprint_key_is_elsewhere(text))
        return parse(text, &uri, why);
    if (!text || !text[0] || strcmp(text, "file:") == 0)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "identity-key is no place for a key: \"%.200s\"", text);
    imprint_why_hint(why, "give a pkcs11: URI, or file: for the state "
                          "directory");
    return IMPRINT_ERR_SETTINGS;
}

static struct imprint_keys_token_options options_of(
    const struct imprint_device_settings *settings)
{
    const struct imprint_keys_token_options options = {
        .module = settings->pkcs11_module, .pin = settings->pin};

    return options;
}

enum imprint_status imprint_key_open(
    const struct imprint_device_settings *settings, const char *text,
    struct imprint_slice certificate_pem, struct imprint_keys_key **out,
    struct imprint_why *why)
{
    const struct imprint_keys_token_options options = options_of(settings);
    struct imprint_keys_holder holder;
    struct imprint_keys_uri uri;
    enum imprint_status status;

    if (!imprint_key_is_elsewhere(text))
        return imprint_keys_read(imprint_slice_text(text), NULL, out, why);
    status = parse(text, &uri, why);
    if (status == IMPRINT_OK)
        status = imprint_keys_token_open(&uri, &options, &holder, why);
    return status ? status
                  : imprint_keys_hold(certificate_pem, &holder, out, why);
}

/* ---- a new one ---- */

static char *write_uri(const struct imprint_keys_uri *uri)
{
    char text[IMPRINT_KEYS_URI_MAX_LEN];

    return imprint_keys_uri_write(uri, text, sizeof(text)) ? strdup(text)
                                                           : NULL;
}

static void name_note(const struct imprint_keys_uri *uri,
                      char name[NAME_LEN + 1])
{
    for (size_t i = 0; i < ID_LEN; i++)
        (void)snprintf(name + 2 * i, 3, "%02x", uri->id[i]);
}

/* Durable before the key is made: no key of ours is ever without one. */
static enum imprint_status note(const char *dir,
                                const struct imprint_keys_uri *uri,
                                const char *text, struct imprint_why *why)
{
    char name[NAME_LEN + 1];
    char path[PATH_MAX];
    enum imprint_status status;

    imprint_layout_path(path, dir, NOTES, NULL);
    status = imprint_file_make_dir(path, 0700, why);
    if (status != IMPRINT_OK)
        return status;
    name_note(uri, name);
    imprint_layout_path(path, dir, NOTES, name);
    return imprint_file_replace(path, imprint_slice_text(text), 0600, why);
}

static bool is_named(const struct imprint_keys_uri *uri)
{
    return uri->object[0] != '\0' || uri->id_len > 0;
}

enum imprint_status imprint_key_choose(
    const struct imprint_device_settings *settings, const char *dir, char **uri,
    struct imprint_why *why)
{
    const struct imprint_keys_token_options options = options_of(settings);
    struct imprint_keys_uri place;
    enum imprint_status status = parse(settings->identity_key, &place, why);
    bool is_ours;

    if (status == IMPRINT_OK)
        status = imprint_keys_token_pin_down(&place, &options, why);
    if (status != IMPRINT_OK)
        return status;
    is_ours = !is_named(&place);
    if (is_ours) {
        (void)snprintf(place.object, sizeof(place.object), LABEL);
        place.id_len = ID_LEN;
        if (getrandom(place.id, ID_LEN, 0) != (ssize_t)ID_LEN)
            return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                                   "out of random bytes");
    }
    *uri = write_uri(&place);
    if (!*uri)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (is_ours)
        status = note(dir, &place, *uri, why);
    if (status != IMPRINT_OK) {
        free(*uri);
        *uri = NULL;
    }
    return status;
}

enum imprint_status imprint_key_make(
    const struct imprint_device_settings *settings, const char *uri,
    struct imprint_why *why)
{
    const struct imprint_keys_token_options options = options_of(settings);
    struct imprint_keys_uri place;
    enum imprint_status status = parse(uri, &place, why);

    /* the two enums agree up to RSA3072 */
    return status ? status
                  : imprint_keys_token_make(
                        &place, &options,
                        (enum imprint_keys_kind)(unsigned)settings->key, why);
}

/* ---- the notes ---- */

static bool is_noted(const char *dir, const struct imprint_keys_uri *uri)
{
    char name[NAME_LEN + 1];
    char path[PATH_MAX];
    char *text;
    size_t len;

    if (uri->id_len != ID_LEN)
        return false;
    name_note(uri, name);
    imprint_layout_path(path, dir, NOTES, name);
    if (imprint_file_read(path, IMPRINT_KEYS_URI_MAX_LEN, &text, &len, NULL) !=
        IMPRINT_OK)
        return false;
    free(text);
    return true;
}

/* Who names no object wants one of ours, and not what another URI named. */
bool imprint_key_fits(const struct imprint_device_settings *settings,
                      const char *dir, const char *text)
{
    const char *wish = settings->identity_key;
    struct imprint_keys_uri wanted;
    struct imprint_keys_uri uri;

    if (!imprint_key_is_elsewhere(wish) || !imprint_key_is_elsewhere(text))
        return imprint_key_is_elsewhere(wish) == imprint_key_is_elsewhere(text);
    return imprint_keys_uri_parse(wish, &wanted, NULL) == IMPRINT_OK &&
           imprint_keys_uri_parse(text, &uri, NULL) == IMPRINT_OK &&
           imprint_keys_uri_fits(&wanted, &uri) &&
           (is_named(&wanted) || is_noted(dir, &uri));
}

enum imprint_status imprint_key_succeed(const char *dir, const char *text,
                                        char **uri, struct imprint_why *why)
{
    struct imprint_keys_uri place;
    enum imprint_status status = imprint_keys_uri_parse(text, &place, why);

    if (status != IMPRINT_OK)
        return status;
    if (is_noted(dir, &place)) {
        place.object[0] = '\0';
        place.id_len = 0;
    }
    *uri = write_uri(&place);
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
                                 const char *text, const char *path,
                                 struct imprint_why *why)
{
    const struct imprint_keys_token_options options = options_of(settings);
    struct imprint_keys_uri uri;
    struct imprint_why inner = {"", ""};
    enum imprint_status status = imprint_keys_uri_parse(text, &uri, &inner);

    if (status == IMPRINT_OK)
        status = imprint_keys_token_erase(&uri, &options, &inner);
    if (status == IMPRINT_OK) {
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO,
                         "erased the key %s on its token", text);
        return imprint_file_erase(path, why);
    }
    imprint_why_set(why, status, "the key \"%.200s\" is still on its token: %s",
                    text, inner.text);
    imprint_why_hint(why, "%s; what is left is erased by the next run",
                     inner.hint[0] ? inner.hint : "see that it can be reached");
    return status;
}

static enum imprint_status sweep_one(
    const struct imprint_device_settings *settings, const char *dir,
    const char *path, struct imprint_why *why)
{
    enum imprint_status status;
    char *text;
    size_t len;

    status =
        imprint_file_read(path, IMPRINT_KEYS_URI_MAX_LEN, &text, &len, why);
    if (status != IMPRINT_OK)
        return status;
    if (!is_used(dir, text))
        status = erase(settings, text, path, why);
    free(text);
    return status;
}

static bool is_note(const char *name)
{
    return strlen(name) == NAME_LEN &&
           strspn(name, "0123456789abcdef") == NAME_LEN;
}

enum imprint_status imprint_key_sweep(
    const struct imprint_device_settings *settings, const char *dir,
    struct imprint_why *why)
{
    enum imprint_status first = IMPRINT_OK;
    struct dirent *entry;
    char path[PATH_MAX];
    DIR *stream;

    imprint_layout_path(path, dir, NOTES, NULL);
    stream = opendir(path);
    if (!stream)
        return errno == ENOENT ? IMPRINT_OK
                               : imprint_layout_fail(why, "read", path);
    while ((entry = readdir(stream))) {
        enum imprint_status status;

        if (!is_note(entry->d_name))
            continue;
        imprint_layout_path(path, dir, NOTES, entry->d_name);
        status = sweep_one(settings, dir, path, first ? NULL : why);
        if (first == IMPRINT_OK)
            first = status;
    }
    closedir(stream);
    return first;
}
