#include "device/issue.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "device/key.h"
#include "device/say.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/keys.h"
#include "posix/why.h"

#define COMMON_NAME_MAX_LEN 64 /* X.520's ub-common-name */
#define PAIR_MAX_COUNT 128

/*
 * As in identity.json, by enum imprint_device_key; up to RSA3072 enum
 * imprint_keys_kind agrees, and its OTHER is where the service's is.
 */
static const char *const kind_names[] = {"p256", "p384", "rsa2048", "rsa3072",
                                         "service"};

/* A key on a token may have been there before: what it is counts. */
static const char *wanted_kind(const struct imprint_issue *issue)
{
    if (imprint_key_is_elsewhere(issue->staged.private_key))
        return kind_names[imprint_keys_kind_of(issue->key)];
    return kind_names[issue->settings->key];
}

static bool by_service(const struct imprint_issue *issue)
{
    return issue->settings->key == IMPRINT_DEVICE_KEY_SERVICE;
}

const char *imprint_issue_parameter(
    const struct imprint_device_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->parameter_count; i++) {
        if (strcmp(settings->parameters[i].name, name) == 0)
            return settings->parameters[i].value;
    }
    return NULL;
}

/* "" if it replaces none. */
static const char *replaced(const struct imprint_issue *issue)
{
    return issue->renewal ? issue->renewal->certificate_id : "";
}

/* ---- before anything is asked ---- */

/* Why what is staged cannot be gone on with; NULL: it can. */
static const char *unfit(const struct imprint_issue *issue)
{
    const struct imprint_staged *staged = &issue->staged;
    const struct imprint_keys_key *key = issue->key;
    enum imprint_status status;
    const char *reason = NULL;

    if (staged->certificate_pem) {
        status = imprint_keys_check_pair(
            key, imprint_slice_text(staged->certificate_pem), NULL);
        if (status != IMPRINT_OK)
            reason = "its key and certificate are no pair";
        else if (strcmp(staged->key_kind, wanted_kind(issue)) != 0)
            reason = "another kind of key is wanted now";
        else if (strcmp(staged->endpoint, issue->endpoint) != 0)
            reason = "it is of another endpoint";
        else if (strcmp(staged->replaces, replaced(issue)) != 0)
            reason = "it was to replace another identity";
        else if (staged->registered &&
                 strcmp(staged->template_name,
                        issue->settings->template_name) != 0)
            reason = "it is of another template";
    }
    if (!reason && by_service(issue) && !staged->certificate_pem)
        reason = "it is a key alone, and the service is to make one";
    if (!reason && !by_service(issue)) {
        if (!staged->request_pem ||
            imprint_keys_check_request(
                key, imprint_slice_text(staged->request_pem), NULL))
            reason = "its request is missing";
        else if (!imprint_key_is_elsewhere(staged->private_key) &&
                 (unsigned)imprint_keys_kind_of(key) !=
                     (unsigned)issue->settings->key)
            reason = "another kind of key is wanted now";
    }
    return reason;
}

/* The subject is a courtesy; the service may put its own. */
static const char *common_name(const struct imprint_device_settings *settings)
{
    const char *name = imprint_issue_parameter(settings, "ThingName");

    if (!name)
        name = imprint_issue_parameter(settings, "SerialNumber");
    if (!name || !name[0] || strlen(name) > COMMON_NAME_MAX_LEN)
        return "imprint";
    return name;
}

static enum imprint_status ask_request(struct imprint_issue *issue,
                                       struct imprint_why *why)
{
    struct imprint_staged *staged = &issue->staged;
    enum imprint_status status = imprint_keys_request(
        issue->key, common_name(issue->settings), &staged->request_pem, why);

    if (status == IMPRINT_OK)
        status =
            imprint_staged_put_request(issue->dir, staged->request_pem, why);
    return status;
}

/* What private.key says is opened; what is not on the token yet is made. */
static enum imprint_status open_key(struct imprint_issue *issue,
                                    struct imprint_why *why)
{
    const struct imprint_staged *staged = &issue->staged;
    struct imprint_slice certificate_pem =
        imprint_slice_text(staged->certificate_pem);
    enum imprint_status status =
        imprint_key_open(issue->settings, staged->private_key, certificate_pem,
                         &issue->key, why);

    if (status != IMPRINT_ERR_NOT_FOUND || staged->certificate_pem)
        return status;
    status = imprint_key_make(issue->settings, staged->private_key, why);
    if (status == IMPRINT_OK)
        status = imprint_key_open(issue->settings, staged->private_key,
                                  certificate_pem, &issue->key, why);
    if (status == IMPRINT_OK)
        imprint_say_line(issue->settings, IMPRINT_DEVICE_LOG_INFO,
                         "made the key %s", staged->private_key);
    return status;
}

/* Where it is to be is durable before it is there: a retry finds it. */
static enum imprint_status make_key(struct imprint_issue *issue,
                                    struct imprint_why *why)
{
    struct imprint_staged *staged = &issue->staged;
    bool elsewhere = imprint_key_is_elsewhere(issue->settings->identity_key);
    enum imprint_status status;

    if (elsewhere) {
        status = imprint_key_choose(issue->settings, issue->dir,
                                    &staged->private_key, why);
    } else {
        status = imprint_keys_make(
            (enum imprint_keys_kind)(unsigned)issue->settings->key, &issue->key,
            why);
        if (status == IMPRINT_OK)
            status = imprint_keys_write(issue->key, &staged->private_key, why);
    }
    if (status == IMPRINT_OK)
        status = imprint_staged_put_key(issue->dir, staged->private_key, why);
    if (status == IMPRINT_OK && elsewhere)
        status = open_key(issue, why);
    if (status == IMPRINT_OK)
        status = ask_request(issue, why);
    if (status == IMPRINT_OK)
        imprint_say_line(issue->settings, IMPRINT_DEVICE_LOG_INFO,
                         "%s a %s key and its request",
                         elsewhere ? "there is" : "made", wanted_kind(issue));
    return status;
}

/*
 * *reason: why what is staged cannot be gone on with. A token that can't be
 * reached is no reason, but a failure: it may have the key.
 */
static enum imprint_status take_up(struct imprint_issue *issue,
                                   const char **reason, struct imprint_why *why)
{
    const struct imprint_staged *staged = &issue->staged;
    bool elsewhere = imprint_key_is_elsewhere(staged->private_key);
    enum imprint_status status;

    *reason = NULL;
    if (!imprint_key_fits(issue->settings, issue->dir, staged->private_key)) {
        *reason = "its key is to be in another place now";
        return IMPRINT_OK;
    }
    status = open_key(issue, why);
    if (status == IMPRINT_ERR_NOT_FOUND || (status && !elsewhere)) {
        *reason = "its key is unreadable";
        return IMPRINT_OK;
    }
    if (status == IMPRINT_OK && elsewhere && !staged->request_pem)
        status = ask_request(issue, why);
    if (status == IMPRINT_OK)
        *reason = unfit(issue);
    return status;
}

enum imprint_status imprint_issue_prepare(struct imprint_issue *issue,
                                          struct imprint_why *why)
{
    enum imprint_status status;
    const char *reason;

    memset(&issue->staged, 0, sizeof(issue->staged));
    issue->key = NULL;
    status = imprint_staged_read(issue->dir, &issue->staged, why);
    if (status == IMPRINT_OK) {
        status = take_up(issue, &reason, why);
        if (status != IMPRINT_OK)
            return status;
        if (!reason) {
            imprint_say_line(issue->settings, IMPRINT_DEVICE_LOG_INFO,
                             "going on with the staged %s",
                             issue->staged.certificate_pem ? "certificate"
                                                           : "key");
            return IMPRINT_OK;
        }
        imprint_say_line(issue->settings, IMPRINT_DEVICE_LOG_INFO,
                         "dropping what is staged: %s", reason);
        imprint_issue_free(issue);
        status = imprint_staged_discard(issue->dir, why);
    } else if (status == IMPRINT_ERR_NOT_FOUND) {
        status = IMPRINT_OK;
    }
    if (status == IMPRINT_OK && !by_service(issue))
        status = make_key(issue, why);
    return status;
}

void imprint_issue_free(struct imprint_issue *issue)
{
    imprint_staged_free(&issue->staged);
    imprint_keys_free(issue->key);
    issue->key = NULL;
}

/* ---- what comes back ---- */

static char *text_of(struct imprint_slice slice)
{
    return strndup(slice.len ? (const char *)slice.bytes : "", slice.len);
}

static bool is_id(const char *id)
{
    return strlen(id) == IMPRINT_CERTIFICATE_ID_LEN &&
           strspn(id, "0123456789abcdefABCDEF") == IMPRINT_CERTIFICATE_ID_LEN;
}

/* A wrong id is only told; what is no id at all gives way to the right one. */
static bool check_id(const struct imprint_issue *issue,
                     struct imprint_staged *fresh, const char *digest)
{
    if (!fresh->certificate_id)
        return false;
    if (strcasecmp(fresh->certificate_id, digest) == 0)
        return true;
    imprint_say_line(issue->settings, IMPRINT_DEVICE_LOG_ERROR,
                     "the certificate's id is not its SHA-256 \"%s\"", digest);
    if (is_id(fresh->certificate_id))
        return true;
    free(fresh->certificate_id);
    fresh->certificate_id = strdup(digest);
    return fresh->certificate_id != NULL;
}

static enum imprint_status tell_no_use(struct imprint_why *why,
                                       const struct imprint_why *reason)
{
    imprint_why_set(why, IMPRINT_ERR_FORMAT,
                    "the certificate that the endpoint sent is no use: %.300s",
                    reason->text);
    imprint_why_hint(why, "tell the endpoint's operator");
    return IMPRINT_ERR_FORMAT;
}

static enum imprint_status check_certificate(
    const struct imprint_keys_key *key, const char *certificate_pem,
    struct imprint_keys_certificate *facts, struct imprint_why *why)
{
    struct imprint_slice pem = imprint_slice_text(certificate_pem);
    struct imprint_why reason;
    enum imprint_status status =
        imprint_keys_read_certificate(pem, facts, &reason);

    if (status == IMPRINT_OK)
        status = imprint_keys_check_pair(key, pem, &reason);
    return status == IMPRINT_OK ? status : tell_no_use(why, &reason);
}

static enum imprint_status put_certificate(struct imprint_issue *issue,
                                           const struct imprint_staged *fresh,
                                           int64_t not_after,
                                           struct imprint_why *why)
{
    struct imprint_staged_certificate certificate;

    certificate.private_key = by_service(issue) ? fresh->private_key : NULL;
    certificate.certificate_pem = fresh->certificate_pem;
    certificate.ca_pem = issue->claim->ca_pem;
    certificate.token = fresh->token;
    certificate.certificate_id = fresh->certificate_id;
    certificate.endpoint = issue->endpoint;
    certificate.template_name = issue->settings->template_name;
    certificate.key_kind = wanted_kind(issue);
    certificate.serial_number =
        imprint_issue_parameter(issue->settings, "SerialNumber");
    certificate.replaces = replaced(issue);
    certificate.not_after = not_after;
    return imprint_staged_put_certificate(issue->dir, &certificate, why);
}

/* The service's key, if it is to make it, in place of what was there. */
static enum imprint_status take_key(struct imprint_issue *issue,
                                    struct imprint_staged *fresh,
                                    const struct imprint_identity *identity,
                                    struct imprint_why *why)
{
    struct imprint_why reason;
    enum imprint_status status;

    if (!by_service(issue)) {
        fresh->private_key = strdup(issue->staged.private_key);
    } else {
        imprint_keys_free(issue->key);
        issue->key = NULL;
        status = imprint_keys_read(identity->private_key_pem, NULL, &issue->key,
                                   &reason);
        if (status != IMPRINT_OK)
            return tell_no_use(why, &reason);
        fresh->private_key = text_of(identity->private_key_pem);
    }
    return fresh->private_key
               ? IMPRINT_OK
               : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* All of the reply, checked; what is in fresh is to be freed in any case. */
static enum imprint_status take_certificate(
    struct imprint_issue *issue, const struct imprint_identity *identity,
    struct imprint_staged *fresh, struct imprint_why *why)
{
    struct imprint_keys_certificate facts = {.not_after = 0};
    enum imprint_status status = take_key(issue, fresh, identity, why);

    fresh->certificate_pem = text_of(identity->certificate_pem);
    fresh->certificate_id = text_of(identity->certificate_id);
    fresh->token = text_of(identity->token);
    if (status == IMPRINT_OK &&
        (!fresh->certificate_pem || !fresh->certificate_id || !fresh->token))
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK)
        status =
            check_certificate(issue->key, fresh->certificate_pem, &facts, why);
    if (status == IMPRINT_OK && !check_id(issue, fresh, facts.id))
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    return status ? status
                  : put_certificate(issue, fresh, facts.not_after, why);
}

static enum imprint_status stage_certificate(
    struct imprint_issue *issue, const struct imprint_identity *identity,
    struct imprint_why *why)
{
    struct imprint_staged fresh;
    enum imprint_status status;

    memset(&fresh, 0, sizeof(fresh));
    status = take_certificate(issue, identity, &fresh, why);
    if (status != IMPRINT_OK) {
        imprint_staged_free(&fresh);
        return status;
    }
    fresh.request_pem = issue->staged.request_pem;
    issue->staged.request_pem = NULL; /* fresh's now */
    imprint_staged_free(&issue->staged);
    issue->staged = fresh;
    imprint_say_line(issue->settings, IMPRINT_DEVICE_LOG_INFO,
                     "staged certificate %s", fresh.certificate_id);
    return IMPRINT_OK;
}

/* deviceConfiguration as JSON; NULL if there is none, or no flat one. */
static char *write_configuration(const struct imprint_issue *issue,
                                 struct imprint_slice map)
{
    const struct imprint_format *format =
        issue->settings->json ? &imprint_json_format : &imprint_cbor_format;
    struct imprint_pair pairs[PAIR_MAX_COUNT];
    size_t count = PAIR_MAX_COUNT;
    struct imprint_json *json = imprint_json_new();
    uint8_t *room = malloc(map.len + 1);
    struct imprint_writer into = imprint_slice_writer(room, map.len);
    bool good = json && room &&
                imprint_codec_get_pairs(format, map, &into, pairs, &count) ==
                    IMPRINT_OK;
    char *text = NULL;

    for (size_t i = 0; good && i < count; i++)
        good = imprint_json_put_slices(json, pairs[i].name, pairs[i].value);
    if (good)
        text = imprint_json_write(json);
    free(room);
    imprint_json_free(json);
    if (!text)
        imprint_say_line(issue->settings, IMPRINT_DEVICE_LOG_ERROR,
                         "the device configuration is no map of text "
                         "to text; it is dropped");
    return text;
}

static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

/*
 * By a mistaken parameter a device would become another thing, and the thing
 * that it was would be nobody's.
 */
static enum imprint_status check_thing(const struct imprint_issue *issue,
                                       const char *name,
                                       struct imprint_why *why)
{
    const char *known = issue->renewal ? issue->renewal->thing_name : "";

    if (!known[0] || !name[0] || strcmp(known, name) == 0)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "this device is \"%s\", and was registered as \"%s\" "
                    "now: the identity stays as it was",
                    known, name);
    imprint_why_hint(why, "give the parameters that it was provisioned with");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status stage_name(struct imprint_issue *issue,
                                      const struct imprint_identity *identity,
                                      struct imprint_why *why)
{
    char *name = text_of(identity->thing_name);
    char *configuration = NULL;
    enum imprint_status status;

    if (!name)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (!is_printable(name)) {
        free(name);
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "the thing name that the endpoint sent has "
                               "control characters");
    }
    status = check_thing(issue, name, why);
    if (status != IMPRINT_OK) {
        free(name);
        return status;
    }
    if (identity->device_configuration.len)
        configuration =
            write_configuration(issue, identity->device_configuration);
    status = imprint_staged_put_name(issue->dir, name, configuration, why);
    free(configuration);
    if (status != IMPRINT_OK) {
        free(name);
        return status;
    }
    free(issue->staged.thing_name);
    issue->staged.thing_name = name;
    issue->staged.registered = true;
    imprint_say_line(issue->settings, IMPRINT_DEVICE_LOG_INFO,
                     "registered as \"%s\"", name);
    return IMPRINT_OK;
}

enum imprint_status imprint_issue_stage(struct imprint_issue *issue,
                                        const struct imprint_identity *identity,
                                        struct imprint_why *why)
{
    return identity->certificate_pem.len
               ? stage_certificate(issue, identity, why)
               : stage_name(issue, identity, why);
}
