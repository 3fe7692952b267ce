#include "device/claim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "device/key.h"
#include "device/say.h"
#include "device/wallclock.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/keys.h"
#include "posix/keys_uri.h"
#include "posix/why.h"

#define CLAIM_MAX_LEN 262144u
#define CA_MAX_LEN 4194304u /* a bundle of all roots is a fifth of it */

/* Puts what file the trouble is about in front of the text. */
static enum imprint_status about(struct imprint_why *why,
                                 enum imprint_status status, const char *what,
                                 const char *path)
{
    struct imprint_why inner;

    if (!why)
        return status;
    inner = *why;
    imprint_why_set(why, status, "%s \"%s\": %.300s", what, path, inner.text);
    imprint_why_hint(why, "%s", inner.hint);
    return status;
}

static enum imprint_status read_file(const char *what, const char *path,
                                     char **text, size_t *len,
                                     struct imprint_why *why)
{
    struct imprint_why inner;
    size_t max_len = what[0] == 'r' ? CA_MAX_LEN : CLAIM_MAX_LEN;
    enum imprint_status status =
        imprint_file_read(path, max_len, text, len, &inner);

    if (status == IMPRINT_OK || status == IMPRINT_ERR_INTERNAL)
        return status;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "the %s: %.400s", what,
                    inner.text);
    imprint_why_hint(why, "%s",
                     inner.hint[0] ? inner.hint
                                   : "check the name that is set, and that "
                                     "this user may read the file");
    return IMPRINT_ERR_SETTINGS;
}

/* "private.key" beside path; free it. NULL: out of memory. */
static char *key_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    int dir_len = slash ? (int)(slash - path) + 1 : 0;
    char *beside = NULL;

    return asprintf(&beside, "%.*sprivate.key", dir_len, path) < 0 ? NULL
                                                                   : beside;
}

static enum imprint_status read_key(
    const struct imprint_device_settings *settings, struct imprint_claim *claim,
    struct imprint_why *why)
{
    char *beside = NULL;
    const char *path =
        settings->claim_key ? imprint_keys_uri_path(settings->claim_key) : NULL;
    enum imprint_status status;
    char *text;
    size_t len;

    if (imprint_key_is_elsewhere(path)) {
        status = imprint_key_open(settings, path,
                                  imprint_slice_text(claim->certificate_pem),
                                  &claim->key, why);
        return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_ERR_SETTINGS : status;
    }
    if (!path && strstr(claim->certificate_pem, "PRIVATE KEY-----")) {
        status = imprint_keys_read(imprint_slice_text(claim->certificate_pem),
                                   settings->password, &claim->key, why);
        return status ? about(why, status, "claim", settings->claim) : status;
    }
    if (!path)
        path = beside = key_beside(settings->claim);
    if (!path)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = read_file("claim's key", path, &text, &len, why);
    if (status == IMPRINT_OK) {
        status = imprint_keys_read(imprint_slice_of(text, len),
                                   settings->password, &claim->key, why);
        if (status != IMPRINT_OK)
            about(why, status, "claim's key", path);
        imprint_file_free_secret(text, len);
    } else if (beside) {
        imprint_why_hint(why, "give the key with --claim-key");
    }
    free(beside);
    return status;
}

static enum imprint_status read_pkcs12(
    const struct imprint_device_settings *settings, struct imprint_slice der,
    struct imprint_claim *claim, struct imprint_why *why)
{
    struct imprint_keys_bundle bundle;
    enum imprint_status status =
        imprint_keys_open_pkcs12(der, settings->password, &bundle, why);

    if (status != IMPRINT_OK) {
        about(why, status, "claim", settings->claim);
        if (why && !why->hint[0])
            imprint_why_hint(why, "give its password in IMPRINT_PASSWORD or "
                                  "with --password-file");
        return status;
    }
    status = imprint_keys_read(imprint_slice_text(bundle.key_pem), NULL,
                               &claim->key, why);
    claim->certificate_pem = bundle.certificate_pem;
    claim->ca_pem = bundle.root_pem;
    imprint_keys_free_pem(bundle.key_pem);
    return status;
}

/* "keyPair" as the service names it, "key" as the QR code does. */
static enum imprint_status take_json(const struct imprint_json *object,
                                     struct imprint_claim *claim,
                                     struct imprint_why *why)
{
    const struct imprint_json *pair = imprint_json_member(object, "keyPair");
    const char *certificate = imprint_json_text(object, "certificatePem");
    const char *key = pair ? imprint_json_text(pair, "PrivateKey")
                           : imprint_json_text(object, "key");

    if (!certificate)
        certificate = imprint_json_text(object, "certificate");
    if (!certificate || !key) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS, "the claim's JSON has no %s",
                        certificate ? "keyPair.PrivateKey" : "certificatePem");
        imprint_why_hint(why, "give what CreateProvisioningClaim answered, or "
                              "what imprint endpoint claim --temporary --json "
                              "printed");
        return IMPRINT_ERR_SETTINGS;
    }
    claim->expires = imprint_json_number(object, "expiration", 0);
    claim->certificate_pem = strdup(certificate);
    if (!claim->certificate_pem)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    return imprint_keys_read(imprint_slice_text(key), NULL, &claim->key, why);
}

static enum imprint_status read_json(const char *text,
                                     struct imprint_claim *claim,
                                     struct imprint_why *why)
{
    struct imprint_json *object = NULL;
    struct imprint_why inner = {"", ""};
    enum imprint_status status =
        imprint_json_read(imprint_slice_text(text), &object, &inner);

    if (status != IMPRINT_OK)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "the claim is no JSON: %.300s", inner.text);
    status = take_json(object, claim, why);
    imprint_json_free(object);
    return status;
}

static enum imprint_status read_claim(
    const struct imprint_device_settings *settings, struct imprint_claim *claim,
    struct imprint_why *why)
{
    enum imprint_status status;
    char *text;
    size_t len;

    if (settings->claim_json)
        return read_json(settings->claim_json, claim, why);
    status = read_file("claim", settings->claim, &text, &len, why);
    if (status != IMPRINT_OK)
        return status;
    if (memmem(text, len, "-----BEGIN ", 11)) {
        claim->certificate_pem = text;
        return read_key(settings, claim, why);
    }
    status = read_pkcs12(settings, imprint_slice_of(text, len), claim, why);
    imprint_file_free_secret(text, len);
    return status;
}

static enum imprint_status read_ca(const char *path,
                                   struct imprint_claim *claim,
                                   struct imprint_why *why)
{
    struct imprint_keys_certificate root;
    enum imprint_status status;
    char *text;
    size_t len;

    if (!path)
        return IMPRINT_OK;
    status = read_file("root certificate", path, &text, &len, why);
    if (status != IMPRINT_OK)
        return status;
    status =
        imprint_keys_read_certificate(imprint_slice_of(text, len), &root, why);
    if (status != IMPRINT_OK) {
        about(why, status, "root certificate", path);
        free(text);
        return IMPRINT_ERR_SETTINGS;
    }
    free(claim->ca_pem);
    claim->ca_pem = text;
    return IMPRINT_OK;
}

static const char *name_of(const struct imprint_device_settings *settings)
{
    return settings->claim_json ? "JSON" : settings->claim;
}

static enum imprint_status check_pair(
    const struct imprint_device_settings *settings,
    const struct imprint_claim *claim, struct imprint_why *why)
{
    enum imprint_status status = imprint_keys_check_pair(
        claim->key, imprint_slice_text(claim->certificate_pem), why);

    if (status != IMPRINT_OK) {
        about(why, status, "claim", name_of(settings));
        imprint_why_hint(why, "give the key that belongs to it with "
                              "--claim-key");
    }
    return status;
}

static enum imprint_status tell_expired(
    const struct imprint_device_settings *settings, int64_t not_after,
    struct imprint_why *why)
{
    char now[IMPRINT_WALLCLOCK_TEXT_LEN];
    char then[IMPRINT_WALLCLOCK_TEXT_LEN];

    imprint_wallclock_write(time(NULL), now);
    imprint_wallclock_write(not_after, then);
    imprint_why_set(why, IMPRINT_ERR_REFUSED,
                    "claim \"%s\" expired on %s, and the clock says %s",
                    name_of(settings), then, now);
    imprint_why_hint(why, "get a new claim from the operator, or set the clock "
                          "if it is ahead");
    return IMPRINT_ERR_REFUSED;
}

/*
 * What an identity's files say of the time is our own clock's word; a claim's
 * were written by somebody else.
 */
static enum imprint_status await_clock(
    const struct imprint_device_settings *settings, int64_t not_before,
    bool is_own, struct imprint_why *why)
{
    struct imprint_wallclock wallclock;

    imprint_wallclock_init(&wallclock);
    imprint_wallclock_note_file(&wallclock, settings->settings_file);
    if (!is_own) {
        imprint_wallclock_note_file(&wallclock, settings->claim);
        if (settings->claim_key)
            imprint_wallclock_note_file(
                &wallclock, imprint_keys_uri_path(settings->claim_key));
        imprint_wallclock_note_file(&wallclock, settings->ca);
    }
    imprint_wallclock_note(&wallclock, not_before, "claim", name_of(settings),
                           "becomes valid");
    return imprint_wallclock_await(&wallclock, settings, why);
}

static enum imprint_status tell_no_certificate(
    const struct imprint_device_settings *settings, enum imprint_status status,
    struct imprint_why *why)
{
    about(why, status, "claim", name_of(settings));
    imprint_why_hint(why,
                     "give the claim's certificate in PEM, or its PKCS#12; "
                     "its key goes to --claim-key");
    return status;
}

static enum imprint_status check_time(
    const struct imprint_device_settings *settings, struct imprint_claim *claim,
    bool is_own, struct imprint_why *why)
{
    struct imprint_keys_certificate facts;
    enum imprint_status status = imprint_keys_read_certificate(
        imprint_slice_text(claim->certificate_pem), &facts, why);
    int64_t now;

    if (status != IMPRINT_OK)
        return tell_no_certificate(settings, status, why);
    status = await_clock(settings, facts.not_before, is_own, why);
    if (status != IMPRINT_OK)
        return status;
    now = time(NULL);
    if (settings->claim_json && claim->expires == 0)
        claim->expires = facts.not_after;
    if (claim->expires > 0 && now > claim->expires) {
        imprint_why_set(why, IMPRINT_ERR_REFUSED,
                        "the trusted user's claim expired %lld s ago",
                        (long long)(now - claim->expires));
        imprint_why_hint(why, "get a new one, and use it within five minutes");
        return IMPRINT_ERR_REFUSED;
    }
    return now > facts.not_after ? tell_expired(settings, facts.not_after, why)
                                 : IMPRINT_OK;
}

static enum imprint_status open_claim(
    const struct imprint_device_settings *settings, bool is_own,
    struct imprint_claim *out, struct imprint_why *why)
{
    struct imprint_claim claim = {.certificate_pem = NULL};
    enum imprint_status status = read_claim(settings, &claim, why);

    if (status == IMPRINT_OK)
        status = read_ca(settings->ca, &claim, why);
    if (status == IMPRINT_OK)
        status = check_time(settings, &claim, is_own, why);
    if (status == IMPRINT_OK)
        status = check_pair(settings, &claim, why);
    if (status == IMPRINT_OK)
        *out = claim;
    else
        imprint_claim_free(&claim);
    return status;
}

enum imprint_status imprint_claim_open(
    const struct imprint_device_settings *settings, struct imprint_claim *out,
    struct imprint_why *why)
{
    return open_claim(settings, false, out, why);
}

enum imprint_status imprint_claim_open_identity(
    const struct imprint_device_settings *settings,
    const struct imprint_device_identity *identity, struct imprint_claim *out,
    struct imprint_why *why)
{
    struct imprint_device_settings own = *settings;
    enum imprint_status status;

    own.claim = identity->certificate_path;
    own.claim_key = identity->private_key_uri ? identity->private_key_uri
                                              : identity->private_key_path;
    own.claim_json = NULL;
    own.password = NULL;
    if (!own.ca)
        own.ca = identity->ca_path;
    status = open_claim(&own, true, out, why);
    if (status == IMPRINT_ERR_REFUSED)
        imprint_why_hint(why, "it is too late to renew: imprint provision "
                              "--force, with a claim, gets another identity");
    return status;
}

enum imprint_status imprint_claim_await_clock(
    const struct imprint_device_settings *settings,
    const struct imprint_device_identity *identity, struct imprint_why *why)
{
    struct imprint_device_settings own = *settings;
    struct imprint_keys_certificate facts = {.not_before = 0};
    char *text = NULL;
    size_t len = 0;

    own.claim = identity->certificate_path;
    /* what can't be read is the renewal's to tell, once one is due */
    if (imprint_file_read(own.claim, CLAIM_MAX_LEN, &text, &len, NULL) ==
            IMPRINT_OK &&
        imprint_keys_read_certificate(imprint_slice_of(text, len), &facts,
                                      NULL) != IMPRINT_OK)
        facts.not_before = 0;
    free(text);
    return await_clock(&own, facts.not_before, true, why);
}

/* ---- when it is not needed any more ---- */

/* The file that has the key; NULL: the claim is gone. Free it. */
static enum imprint_status find_key_file(
    const struct imprint_device_settings *settings, char **path,
    struct imprint_why *why)
{
    enum imprint_status status;
    bool is_bare;
    char *text;
    size_t len;

    *path = NULL;
    if (settings->claim_key) {
        *path = strdup(imprint_keys_uri_path(settings->claim_key));
    } else {
        status =
            imprint_file_read(settings->claim, CLAIM_MAX_LEN, &text, &len, why);
        if (status != IMPRINT_OK)
            return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
        is_bare = memmem(text, len, "-----BEGIN ", 11) &&
                  !memmem(text, len, "PRIVATE KEY-----", 16);
        imprint_file_free_secret(text, len);
        *path = is_bare ? key_beside(settings->claim) : strdup(settings->claim);
    }
    return *path ? IMPRINT_OK
                 : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* A claim that has its key in it, and that we can't look into any more. */
static bool is_locked(const char *path)
{
    struct stat now;

    return stat(path, &now) == 0 && (now.st_mode & 07777) == 0;
}

static enum imprint_status lock_file(const char *path, struct imprint_why *why)
{
    if (chmod(path, 0) == 0 || errno == ENOENT)
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_STORAGE, "%s", strerror(errno));
}

enum imprint_status imprint_claim_finish(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    bool locks = settings->claim_after == IMPRINT_DEVICE_CLAIM_LOCK;
    struct imprint_why inner = {"", ""};
    enum imprint_status status;
    char *path;

    if (settings->claim_after == IMPRINT_DEVICE_CLAIM_KEEP ||
        !settings->claim || (locks && is_locked(settings->claim)))
        return IMPRINT_OK;
    status = find_key_file(settings, &path, &inner);
    if (status == IMPRINT_OK && path)
        status =
            locks ? lock_file(path, &inner) : imprint_file_erase(path, &inner);
    if (status != IMPRINT_OK) {
        imprint_why_set(why, IMPRINT_ERR_STORAGE,
                        "the identity is in use, but the claim's key \"%s\" "
                        "can't be %s: %.200s",
                        path ? path : settings->claim,
                        locks ? "locked" : "erased", inner.text);
        imprint_why_hint(why, "make the file writable, then run again");
    } else if (path) {
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO,
                         "the claim's key \"%s\" is %s", path,
                         locks ? "locked" : "erased");
    }
    free(path);
    return status == IMPRINT_OK ? status : IMPRINT_ERR_STORAGE;
}

void imprint_claim_free(struct imprint_claim *claim)
{
    /* a PEM claim may hold the key as well */
    imprint_keys_free_pem(claim->certificate_pem);
    imprint_keys_free(claim->key);
    free(claim->ca_pem);
    memset(claim, 0, sizeof(*claim));
}
