#include "keys_place.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "keys_token.h"
#include "keys_tpm.h"
#include "keys_uri.h"
#include "why.h"

#define LABEL "imprint"
#define ID_LEN 16u

bool imprint_keys_place_is(const char *text)
{
    return imprint_keys_uri_is_token(text) || imprint_keys_uri_is_tpm(text);
}

enum imprint_status imprint_keys_place_check(const char *uri,
                                             struct imprint_why *why)
{
    struct imprint_keys_uri token;
    enum imprint_status status;
    uint32_t handle;

    if (imprint_keys_uri_is_tpm(uri))
        return imprint_keys_uri_parse_tpm(uri, &handle, why);
    status = imprint_keys_uri_parse(uri, &token, why);
    if (status == IMPRINT_OK && token.has_pin) {
        status = imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                 "the key's URI has a PIN (pin-value): others "
                                 "can read it there");
        imprint_why_hint(why,
                         "use --pin-file, IMPRINT_PIN or pin-source=file:");
    }
    return status;
}

enum imprint_status imprint_keys_place_open(
    const char *uri, const struct imprint_keys_reach *reach,
    struct imprint_keys_holder *out, struct imprint_why *why)
{
    struct imprint_keys_uri token;
    uint32_t handle;
    enum imprint_status status = imprint_keys_place_check(uri, why);

    if (status != IMPRINT_OK)
        return status;
    if (!imprint_keys_uri_is_tpm(uri)) {
        status = imprint_keys_uri_parse(uri, &token, why);
        return status ? status
                      : imprint_keys_token_open(&token, reach, out, why);
    }
    status = imprint_keys_uri_parse_tpm(uri, &handle, why);
    if (status == IMPRINT_OK && handle == 0) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "\"%s\" says not which key of the TPM", uri);
        imprint_why_hint(why, "name its handle, such as tpm2:0x81000001: "
                              "tpm2_getcap handles-persistent shows them");
        return IMPRINT_ERR_SETTINGS;
    }
    return status ? status : imprint_keys_tpm_open(handle, reach, out, why);
}

/* ---- a new one ---- */

static enum imprint_status write_token(const struct imprint_keys_uri *token,
                                       char uri[IMPRINT_KEYS_PLACE_URI_LEN],
                                       struct imprint_why *why)
{
    if (imprint_keys_uri_write(token, uri, IMPRINT_KEYS_PLACE_URI_LEN))
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                           "the key's URI is too long");
}

static bool names_object(const struct imprint_keys_uri *token)
{
    return token->object[0] != '\0' || token->id_len > 0;
}

static enum imprint_status choose_on_token(
    const char *wish, const struct imprint_keys_reach *reach,
    char uri[IMPRINT_KEYS_PLACE_URI_LEN], bool *is_new, struct imprint_why *why)
{
    struct imprint_keys_uri token;
    enum imprint_status status = imprint_keys_uri_parse(wish, &token, why);

    if (status == IMPRINT_OK)
        status = imprint_keys_token_pin_down(&token, reach, why);
    if (status != IMPRINT_OK)
        return status;
    *is_new = !names_object(&token);
    if (*is_new) {
        (void)snprintf(token.object, sizeof(token.object), LABEL);
        token.id_len = ID_LEN;
        if (getrandom(token.id, ID_LEN, 0) != (ssize_t)ID_LEN)
            return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                                   "out of random bytes");
    }
    return write_token(&token, uri, why);
}

enum imprint_status imprint_keys_place_choose(
    const char *wish, const struct imprint_keys_reach *reach,
    char uri[IMPRINT_KEYS_PLACE_URI_LEN], bool *is_new, struct imprint_why *why)
{
    uint32_t handle;
    enum imprint_status status = imprint_keys_place_check(wish, why);

    if (status != IMPRINT_OK)
        return status;
    if (!imprint_keys_uri_is_tpm(wish))
        return choose_on_token(wish, reach, uri, is_new, why);
    status = imprint_keys_uri_parse_tpm(wish, &handle, why);
    *is_new = handle == 0;
    if (status == IMPRINT_OK && *is_new)
        status = imprint_keys_tpm_choose(reach, &handle, why);
    (void)snprintf(uri, IMPRINT_KEYS_PLACE_URI_LEN, "tpm2:0x%08x", handle);
    return status;
}

enum imprint_status imprint_keys_place_make(
    const char *uri, const struct imprint_keys_reach *reach,
    enum imprint_keys_kind kind, struct imprint_why *why)
{
    struct imprint_keys_uri token;
    uint32_t handle;
    enum imprint_status status;

    if (imprint_keys_uri_is_tpm(uri)) {
        status = imprint_keys_uri_parse_tpm(uri, &handle, why);
        return status ? status
                      : imprint_keys_tpm_make(handle, reach, kind, why);
    }
    status = imprint_keys_uri_parse(uri, &token, why);
    return status ? status : imprint_keys_token_make(&token, reach, kind, why);
}

enum imprint_status imprint_keys_place_erase(
    const char *uri, const struct imprint_keys_reach *reach,
    struct imprint_why *why)
{
    struct imprint_keys_uri token;
    uint32_t handle;
    enum imprint_status status;

    if (imprint_keys_uri_is_tpm(uri)) {
        status = imprint_keys_uri_parse_tpm(uri, &handle, why);
        return status ? status : imprint_keys_tpm_erase(handle, reach, why);
    }
    status = imprint_keys_uri_parse(uri, &token, why);
    return status ? status : imprint_keys_token_erase(&token, reach, why);
}

/* ---- wishes ---- */

bool imprint_keys_place_names(const char *wish)
{
    struct imprint_keys_uri token;
    uint32_t handle;

    if (imprint_keys_uri_is_tpm(wish))
        return imprint_keys_uri_parse_tpm(wish, &handle, NULL) == IMPRINT_OK &&
               handle != 0;
    return imprint_keys_uri_parse(wish, &token, NULL) == IMPRINT_OK &&
           names_object(&token);
}

bool imprint_keys_place_fits(const char *wish, const char *uri)
{
    struct imprint_keys_uri wanted;
    struct imprint_keys_uri token;
    uint32_t wanted_handle;
    uint32_t handle;

    if (imprint_keys_uri_is_tpm(wish))
        return imprint_keys_uri_is_tpm(uri) &&
               imprint_keys_uri_parse_tpm(wish, &wanted_handle, NULL) ==
                   IMPRINT_OK &&
               imprint_keys_uri_parse_tpm(uri, &handle, NULL) == IMPRINT_OK &&
               (wanted_handle == 0 || wanted_handle == handle);
    return imprint_keys_uri_is_token(uri) &&
           imprint_keys_uri_parse(wish, &wanted, NULL) == IMPRINT_OK &&
           imprint_keys_uri_parse(uri, &token, NULL) == IMPRINT_OK &&
           imprint_keys_uri_fits(&wanted, &token);
}

enum imprint_status imprint_keys_place_of(
    const char *uri, char place[IMPRINT_KEYS_PLACE_URI_LEN],
    struct imprint_why *why)
{
    struct imprint_keys_uri token;
    enum imprint_status status;

    if (imprint_keys_uri_is_tpm(uri)) {
        (void)snprintf(place, IMPRINT_KEYS_PLACE_URI_LEN, "tpm2:");
        return IMPRINT_OK;
    }
    status = imprint_keys_uri_parse(uri, &token, why);
    if (status != IMPRINT_OK)
        return status;
    token.object[0] = '\0';
    token.id_len = 0;
    return write_token(&token, place, why);
}
