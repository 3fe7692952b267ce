#include "device/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "device/issue.h"
#include "device/key.h"
#include "posix/file.h"
#include "posix/keys.h"
#include "posix/why.h"

#define KEY_MAX_LEN 16384u
#define SECRET_MIN_LEN 16u /* a guess at less would soon hit */
#define SECRET_MAX_LEN 4096u
#define NONCE_LEN 16u

static const char hmac_prefix[] = "hmac:";
static const char ecdsa_prefix[] = "ecdsa:";

/* What stands behind prefix; NULL: something else, or nothing. */
static const char *path_behind(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 && text[len] ? text + len : NULL;
}

static enum imprint_status read_key(const char *path, char **text, size_t *len,
                                    struct imprint_why *why)
{
    struct imprint_why inner;
    enum imprint_status status =
        imprint_file_read_private(path, KEY_MAX_LEN, text, len, &inner);

    if (status == IMPRINT_OK)
        return status;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "the proof's key: %.400s",
                    inner.text);
    imprint_why_hint(why, "%s", inner.hint);
    return IMPRINT_ERR_SETTINGS;
}

/* Adds a parameter; value must live as long as the proof. */
static enum imprint_status add_pair(
    struct imprint_proof *proof, const struct imprint_device_settings *settings,
    const char *name, struct imprint_slice value, struct imprint_why *why)
{
    if (imprint_issue_parameter(settings, name))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "template parameter \"%s\" is set twice: the "
                               "proof sets it",
                               name);
    if (settings->parameter_count + proof->pair_count >=
        IMPRINT_DEVICE_PARAMETER_MAX_COUNT)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "more than %d template parameters with the "
                               "proof's",
                               IMPRINT_DEVICE_PARAMETER_MAX_COUNT);
    proof->pairs[proof->pair_count].name = imprint_slice_text(name);
    proof->pairs[proof->pair_count].value = value;
    proof->pair_count++;
    return IMPRINT_OK;
}

/* ---- hmac ---- */

static enum imprint_status take_secret(struct imprint_proof *proof,
                                       const char *path,
                                       struct imprint_why *why)
{
    enum imprint_status status =
        read_key(path, &proof->secret, &proof->secret_len, why);
    size_t len = proof->secret_len;

    if (status != IMPRINT_OK)
        return status;
    if (len > 0 && proof->secret[len - 1] == '\n')
        len--;
    if (len > 0 && len < proof->secret_len && proof->secret[len - 1] == '\r')
        len--;
    proof->secret_len = len;
    if (len >= SECRET_MIN_LEN && len <= SECRET_MAX_LEN)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "the proof's key: \"%s\" has %zu bytes, and %u to %u are "
                    "taken",
                    path, len, SECRET_MIN_LEN, SECRET_MAX_LEN);
    imprint_why_hint(why, "make one by openssl rand -hex 32");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status open_hmac(
    struct imprint_proof *proof, const struct imprint_device_settings *settings,
    const char *path, struct imprint_why *why)
{
    enum imprint_status status;

    proof->serial = imprint_issue_parameter(settings, "SerialNumber");
    if (!proof->serial)
        proof->serial = imprint_issue_parameter(settings, "ThingName");
    if (!proof->serial || !proof->serial[0]) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "there is no serial number to prove");
        imprint_why_hint(why, "give --thing-name or --param SerialNumber=...");
        return IMPRINT_ERR_SETTINGS;
    }
    status = take_secret(proof, path, why);
    if (status == IMPRINT_OK)
        status = add_pair(proof, settings, "Nonce",
                          imprint_slice_of(proof->nonce, 2 * (size_t)NONCE_LEN),
                          why);
    if (status == IMPRINT_OK)
        status = add_pair(proof, settings, "Proof",
                          imprint_slice_of(proof->code, 64), why);
    return status;
}

static bool make_nonce(char nonce[33])
{
    uint8_t random[NONCE_LEN];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(nonce + 2 * i, 3, "%02x", random[i]);
    return true;
}

static enum imprint_status prove(struct imprint_proof *proof,
                                 const char key_digest[65],
                                 struct imprint_why *why)
{
    enum imprint_status status;
    char *text = NULL;
    int len = asprintf(&text, "imprint-proof-v1\n%s\n%s\n%s", proof->serial,
                       proof->nonce, key_digest);

    if (len < 0)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status =
        imprint_keys_mac(imprint_slice_of(proof->secret, proof->secret_len),
                         imprint_slice_of(text, (size_t)len), proof->code, why);
    free(text);
    return status;
}

enum imprint_status imprint_proof_renew(struct imprint_proof *proof,
                                        const struct imprint_keys_key *key,
                                        struct imprint_why *why)
{
    enum imprint_status status;
    char digest[65];

    if (!proof->secret)
        return IMPRINT_OK;
    if (!make_nonce(proof->nonce))
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                               "out of random bytes");
    status = imprint_keys_digest(key, digest, why);
    return status ? status : prove(proof, digest, why);
}

/* ---- ecdsa ---- */

static enum imprint_status open_signing_key(
    const struct imprint_device_settings *settings, const char *path,
    struct imprint_keys_key **key, struct imprint_why *why)
{
    enum imprint_status status;
    char *pem;
    size_t len;

    if (imprint_key_is_elsewhere(path))
        return imprint_key_open(settings, path, imprint_slice_text(NULL), key,
                                why);
    status = read_key(path, &pem, &len, why);
    if (status != IMPRINT_OK)
        return status;
    status = imprint_keys_read(imprint_slice_of(pem, len), NULL, key, why);
    imprint_file_free_secret(pem, len);
    if (status != IMPRINT_OK)
        imprint_why_hint(why,
                         "give an EC or RSA key in PEM that is not encrypted");
    return status;
}

static enum imprint_status sign(struct imprint_proof *proof,
                                const struct imprint_device_settings *settings,
                                const char *path, const char *thing_name,
                                struct imprint_why *why)
{
    struct imprint_keys_key *key;
    struct imprint_why inner = {"", ""};
    enum imprint_status status = open_signing_key(settings, path, &key, &inner);

    if (status == IMPRINT_OK) {
        status = imprint_keys_sign(key, imprint_slice_text(thing_name),
                                   &proof->signature, &inner);
        imprint_keys_free(key);
    }
    if (status == IMPRINT_OK)
        return status;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "the proof's key \"%s\": %.300s",
                    path, inner.text);
    imprint_why_hint(why, "%s", inner.hint);
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status open_ecdsa(
    struct imprint_proof *proof, const struct imprint_device_settings *settings,
    const char *path, struct imprint_why *why)
{
    const char *thing_name = imprint_issue_parameter(settings, "ThingName");
    enum imprint_status status;

    if (!thing_name || !thing_name[0]) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "there is no thing name to sign");
        imprint_why_hint(why, "give --thing-name");
        return IMPRINT_ERR_SETTINGS;
    }
    status = sign(proof, settings, path, thing_name, why);
    if (status == IMPRINT_OK)
        status = add_pair(proof, settings, "signature",
                          imprint_slice_text(proof->signature), why);
    return status;
}

/* ---- both ---- */

enum imprint_status imprint_proof_open(
    const struct imprint_device_settings *settings, struct imprint_proof *out,
    struct imprint_why *why)
{
    const char *text = settings->proof;
    const char *path;

    memset(out, 0, sizeof(*out));
    if (!text)
        return IMPRINT_OK;
    path = path_behind(text, hmac_prefix);
    if (path)
        return open_hmac(out, settings, path, why);
    path = path_behind(text, ecdsa_prefix);
    if (path)
        return open_ecdsa(out, settings, path, why);
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"%s\" is not a kind of proof with its key", text);
    imprint_why_hint(why, "give hmac:KEYFILE, ecdsa:KEYFILE or ecdsa:URI");
    return IMPRINT_ERR_SETTINGS;
}

void imprint_proof_close(struct imprint_proof *proof)
{
    imprint_file_free_secret(proof->secret, proof->secret_len);
    imprint_keys_free_pem(proof->signature);
    explicit_bzero(proof, sizeof(*proof));
}
