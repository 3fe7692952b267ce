#include "keys_tpm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "library.h"
#include "why.h"

#define ESYS_NAME "libtss2-esys.so.0"
#define LOADER_NAME "libtss2-tctildr.so.0"
#define OURS_MIN 0x81010000u
#define OURS_COUNT 0x10000u
#define RC_MASK 0xfffu      /* without the layer that says it */
#define FORMAT_1_MASK 0xbfu /* of what is about a handle or a session */

#define FUNCTIONS(X)                      \
    X(initialize, Esys_Initialize)        \
    X(finalize, Esys_Finalize)            \
    X(release, Esys_Free)                 \
    X(from_public, Esys_TR_FromTPMPublic) \
    X(set_auth, Esys_TR_SetAuth)          \
    X(close, Esys_TR_Close)               \
    X(read_public, Esys_ReadPublic)       \
    X(sign, Esys_Sign)                    \
    X(decrypt, Esys_RSA_Decrypt)          \
    X(create_primary, Esys_CreatePrimary) \
    X(evict, Esys_EvictControl)           \
    X(flush, Esys_FlushContext)

#define LOADER_FUNCTIONS(X)          \
    X(load, Tss2_TctiLdr_Initialize) \
    X(unload, Tss2_TctiLdr_Finalize)

#define POINTER(name, function) __typeof__(function) *(name);
#define SYMBOL(name, function) {#function, offsetof(struct calls, name)},

static struct calls {
    FUNCTIONS(POINTER)
    LOADER_FUNCTIONS(POINTER)
} calls;

/* One connection for all keys: a device file opens once, and so does swtpm. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static TSS2_TCTI_CONTEXT *line;
static ESYS_CONTEXT *tpm;
static unsigned user_count;

struct key {
    ESYS_TR object;
    TPM2B_PUBLIC public;
};

/* ---- the TPM ---- */

static bool load_libraries(void)
{
    static const struct imprint_library_symbol symbols[] = {FUNCTIONS(SYMBOL)};
    static const struct imprint_library_symbol loader_symbols[] = {
        LOADER_FUNCTIONS(SYMBOL)};

    /* it writes to standard error what we tell in words; unless one asks */
    (void)setenv("TSS2_LOG", "all+none", 0);
    return imprint_library_load(ESYS_NAME, symbols,
                                sizeof(symbols) / sizeof(symbols[0]), &calls) &&
           imprint_library_load(
               LOADER_NAME, loader_symbols,
               sizeof(loader_symbols) / sizeof(loader_symbols[0]), &calls);
}

/* With the lock. */
static void leave(void)
{
    if (--user_count > 0)
        return;
    if (tpm)
        calls.finalize(&tpm);
    if (line)
        calls.unload(&line);
}

/* With the lock. */
static enum imprint_status enter(const struct imprint_keys_reach *reach,
                                 struct imprint_why *why)
{
    TSS2_RC code;

    if (!calls.load && !load_libraries()) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS, "tpm2-tss is not installed");
        imprint_why_hint(why, "install libtss2-esys-3.0.2-0 and "
                              "libtss2-tctildr0 (Debian 12)");
        return IMPRINT_ERR_SETTINGS;
    }
    if (user_count++ > 0)
        return IMPRINT_OK;
    code = calls.load(reach->tcti, &line);
    if (code == TSS2_RC_SUCCESS)
        code = calls.initialize(&tpm, line, NULL);
    if (code == TSS2_RC_SUCCESS)
        return IMPRINT_OK;
    leave();
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "no TPM answers (0x%x)", code);
    imprint_why_hint(why,
                     "is there a /dev/tpm0 that this user may open? or say "
                     "where it is with --tcti, as tpm2-tss writes it");
    return IMPRINT_ERR_SETTINGS;
}

/* In words, if it is about the PIN or a lock. */
static enum imprint_status tell(TSS2_RC code, const char *what,
                                struct imprint_why *why)
{
    TSS2_RC bare = code & RC_MASK;

    if (bare == TPM2_RC_LOCKOUT) {
        imprint_why_set(why, IMPRINT_ERR_KEY,
                        "the TPM is locked after too many wrong PINs");
        imprint_why_hint(why, "wait, or unlock it: tpm2_dictionarylockout -c");
    } else if ((bare & FORMAT_1_MASK) == TPM2_RC_AUTH_FAIL ||
               (bare & FORMAT_1_MASK) == TPM2_RC_BAD_AUTH) {
        imprint_why_set(why, IMPRINT_ERR_KEY,
                        "the TPM does not take the PIN %s; it was tried once",
                        what);
        imprint_why_hint(why, "check --pin-file or IMPRINT_PIN before the next "
                              "try; an owner's password is not known to "
                              "imprint");
    } else {
        imprint_why_set(why, IMPRINT_ERR_KEY, "the TPM fails %s (0x%x)", what,
                        code);
        imprint_why_hint(why, "tpm2_rc_decode 0x%x says more", code);
    }
    return IMPRINT_ERR_KEY;
}

/* ---- signing ---- */

static TPMI_ALG_HASH hash_of(size_t digest_len)
{
    switch (digest_len) {
    case 20:
        return TPM2_ALG_SHA1;
    case 32:
        return TPM2_ALG_SHA256;
    case 48:
        return TPM2_ALG_SHA384;
    default:
        return TPM2_ALG_SHA512;
    }
}

static TSS2_RC ask_ecdsa(const struct key *key, struct imprint_slice digest,
                         TPMT_SIGNATURE **out)
{
    TPM2B_DIGEST asked = {.size = (UINT16)digest.len};
    const TPMT_SIG_SCHEME ecdsa = {
        .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = hash_of(digest.len)};
    const TPMT_TK_HASHCHECK unchecked = {.tag = TPM2_ST_HASHCHECK,
                                         .hierarchy = TPM2_RH_NULL};

    memcpy(asked.buffer, digest.bytes, digest.len);
    return calls.sign(tpm, key->object, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                      ESYS_TR_NONE, &asked, &ecdsa, &unchecked, out);
}

/* What is padded already: the TPM's own ways of padding are too few. */
static TSS2_RC ask_rsa(const struct key *key, struct imprint_slice padded,
                       TPM2B_PUBLIC_KEY_RSA **out)
{
    TPM2B_PUBLIC_KEY_RSA asked = {.size = (UINT16)padded.len};
    const TPMT_RSA_DECRYPT bare = {.scheme = TPM2_ALG_NULL};

    memcpy(asked.buffer, padded.bytes, padded.len);
    return calls.decrypt(tpm, key->object, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                         ESYS_TR_NONE, &asked, &bare, NULL, out);
}

/* A big-endian number into len bytes, zeros in front. */
static bool put_number(const uint8_t *bytes, size_t count, uint8_t *out,
                       size_t len)
{
    if (count > len)
        return false;
    memset(out, 0, len - count);
    memcpy(out + len - count, bytes, count);
    return true;
}

static bool sign_ec(const struct key *key, struct imprint_slice digest,
                    uint8_t *out, size_t *out_len)
{
    bool is_p256 = key->public.publicArea.parameters.eccDetail.curveID ==
                   TPM2_ECC_NIST_P256;
    size_t len = is_p256 ? 32 : 48;
    TPMT_SIGNATURE *signature = NULL;
    const TPMS_SIGNATURE_ECDSA *pair;
    bool good;

    if (digest.len > sizeof(TPMU_HA) || *out_len < 2 * len ||
        ask_ecdsa(key, digest, &signature) != TSS2_RC_SUCCESS)
        return false;
    pair = &signature->signature.ecdsa;
    good =
        put_number(pair->signatureR.buffer, pair->signatureR.size, out, len) &&
        put_number(pair->signatureS.buffer, pair->signatureS.size, out + len,
                   len);
    *out_len = 2 * len;
    calls.release(signature);
    return good;
}

static bool sign_rsa(const struct key *key, struct imprint_slice padded,
                     uint8_t *out, size_t *out_len)
{
    TPM2B_PUBLIC_KEY_RSA *signature = NULL;
    bool good;

    if (*out_len < padded.len ||
        ask_rsa(key, padded, &signature) != TSS2_RC_SUCCESS)
        return false;
    good = put_number(signature->buffer, signature->size, out, padded.len);
    *out_len = padded.len;
    calls.release(signature);
    return good;
}

/* RFC 8017, 9.2, from step 3 on. False: too short a modulus. */
static bool pad(struct imprint_slice text, uint8_t *out, size_t len)
{
    if (text.len + 11 > len)
        return false;
    memset(out, 0xff, len);
    out[0] = 0;
    out[1] = 1;
    out[len - text.len - 1] = 0;
    memcpy(out + len - text.len, text.bytes, text.len);
    return true;
}

static bool sign(void *user, enum imprint_keys_hold_way way,
                 struct imprint_slice bytes, uint8_t *out, size_t *out_len)
{
    const struct key *key = user;
    uint8_t padded[TPM2_MAX_RSA_KEY_BYTES];
    size_t len = key->public.publicArea.unique.rsa.size;
    bool good;

    if (way == IMPRINT_KEYS_HOLD_PKCS1) {
        if (len > sizeof(padded) || !pad(bytes, padded, len))
            return false;
        bytes = imprint_slice_of(padded, len);
    }
    if (bytes.len > sizeof(padded))
        return false;
    (void)pthread_mutex_lock(&lock);
    good = way == IMPRINT_KEYS_HOLD_ECDSA ? sign_ec(key, bytes, out, out_len)
                                          : sign_rsa(key, bytes, out, out_len);
    (void)pthread_mutex_unlock(&lock);
    return good;
}

/* ---- opening ---- */

/* False: no key that can sign for us. */
static bool describe(const TPMT_PUBLIC *from, struct imprint_keys_public *out)
{
    const TPMS_ECC_PARMS *ecc = &from->parameters.eccDetail;
    const TPMS_ECC_POINT *point = &from->unique.ecc;
    size_t len = 32;

    memset(out, 0, sizeof(*out));
    if (from->objectAttributes & TPMA_OBJECT_RESTRICTED)
        return false;
    if (from->type == TPM2_ALG_RSA) {
        out->kind = IMPRINT_KEYS_OTHER;
        out->len = from->unique.rsa.size;
        out->exponent = from->parameters.rsaDetail.exponent;
        if (out->exponent == 0)
            out->exponent = 65537;
        if (out->len == 0 || out->len > sizeof(out->bytes) ||
            !(from->objectAttributes & TPMA_OBJECT_DECRYPT))
            return false;
        memcpy(out->bytes, from->unique.rsa.buffer, out->len);
        return true;
    }
    if (from->type != TPM2_ALG_ECC ||
        !(from->objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT) ||
        (ecc->curveID != TPM2_ECC_NIST_P256 &&
         ecc->curveID != TPM2_ECC_NIST_P384))
        return false;
    out->kind = IMPRINT_KEYS_P256;
    if (ecc->curveID == TPM2_ECC_NIST_P384) {
        out->kind = IMPRINT_KEYS_P384;
        len = 48;
    }
    out->len = 2 * len;
    return put_number(point->x.buffer, point->x.size, out->bytes, len) &&
           put_number(point->y.buffer, point->y.size, out->bytes + len, len);
}

static enum imprint_status give_pin(const struct imprint_keys_reach *reach,
                                    TPM2B_AUTH *out, struct imprint_why *why)
{
    size_t len = reach->pin ? strlen(reach->pin) : 0;

    memset(out, 0, sizeof(*out));
    if (len > 32) /* the shortest of what keys may have */
        return imprint_why_set(why, IMPRINT_ERR_KEY,
                               "a TPM takes no PIN of more than 32 bytes");
    out->size = (UINT16)len;
    if (len > 0)
        memcpy(out->buffer, reach->pin, len);
    return IMPRINT_OK;
}

static enum imprint_status tell_nothing(uint32_t handle,
                                        struct imprint_why *why)
{
    imprint_why_set(why, IMPRINT_ERR_NOT_FOUND, "the TPM has nothing at 0x%08x",
                    handle);
    imprint_why_hint(why, "tpm2_getcap handles-persistent shows what it has");
    return IMPRINT_ERR_NOT_FOUND;
}

/* With the lock; the object is to be closed. */
static enum imprint_status find(uint32_t handle, ESYS_TR *object,
                                struct imprint_why *why)
{
    TSS2_RC code = calls.from_public(tpm, handle, ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, object);

    if (code == TSS2_RC_SUCCESS)
        return IMPRINT_OK;
    if ((code & FORMAT_1_MASK) == TPM2_RC_HANDLE)
        return tell_nothing(handle, why);
    return tell(code, "to show the key", why);
}

/* What signs once will do so again; what does not says why here. */
static enum imprint_status try_key(const struct key *key,
                                   struct imprint_why *why)
{
    static const uint8_t digest[32] = {1};
    uint8_t number[TPM2_MAX_RSA_KEY_BYTES] = {0};
    size_t len = key->public.publicArea.unique.rsa.size;
    TPM2B_PUBLIC_KEY_RSA *power = NULL;
    TPMT_SIGNATURE *signature = NULL;
    TSS2_RC code;

    if (key->public.publicArea.type == TPM2_ALG_RSA) {
        number[len - 1] = 2;
        code = ask_rsa(key, imprint_slice_of(number, len), &power);
    } else {
        code = ask_ecdsa(key, imprint_slice_of(digest, sizeof(digest)),
                         &signature);
    }
    calls.release(power);
    calls.release(signature);
    return code == TSS2_RC_SUCCESS ? IMPRINT_OK : tell(code, "to sign", why);
}

/* With the lock, in the TPM. */
static enum imprint_status open_key(uint32_t handle,
                                    const struct imprint_keys_reach *reach,
                                    struct key *key,
                                    struct imprint_keys_holder *out,
                                    struct imprint_why *why)
{
    TPM2B_PUBLIC *public = NULL;
    TPM2B_AUTH pin;
    enum imprint_status status = find(handle, &key->object, why);
    TSS2_RC code;

    if (status != IMPRINT_OK)
        return status;
    code = calls.read_public(tpm, key->object, ESYS_TR_NONE, ESYS_TR_NONE,
                             ESYS_TR_NONE, &public, NULL, NULL);
    if (code != TSS2_RC_SUCCESS)
        return tell(code, "to show the key", why);
    key->public = *public;
    calls.release(public);
    if (!describe(&key->public.publicArea, &out->public)) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "what the TPM has at 0x%08x is no key for TLS", handle);
        imprint_why_hint(why, "it takes P-256 or P-384 that may sign, or RSA "
                              "that may decrypt as well, and not restricted");
        return IMPRINT_ERR_SETTINGS;
    }
    status = give_pin(reach, &pin, why);
    if (status == IMPRINT_OK &&
        calls.set_auth(tpm, key->object, &pin) != TSS2_RC_SUCCESS)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    explicit_bzero(&pin, sizeof(pin));
    return status ? status : try_key(key, why);
}

static void close_key(void *user)
{
    struct key *key = user;

    (void)pthread_mutex_lock(&lock);
    if (key->object != ESYS_TR_NONE)
        (void)calls.close(tpm, &key->object);
    leave();
    (void)pthread_mutex_unlock(&lock);
    free(key);
}

enum imprint_status imprint_keys_tpm_open(
    uint32_t handle, const struct imprint_keys_reach *reach,
    struct imprint_keys_holder *out, struct imprint_why *why)
{
    struct key *key = calloc(1, sizeof(*key));
    enum imprint_status status;

    if (!key)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    key->object = ESYS_TR_NONE;
    (void)pthread_mutex_lock(&lock);
    status = enter(reach, why);
    if (status != IMPRINT_OK) {
        (void)pthread_mutex_unlock(&lock);
        free(key);
        return status;
    }
    status = open_key(handle, reach, key, out, why);
    (void)pthread_mutex_unlock(&lock);
    if (status != IMPRINT_OK) {
        close_key(key);
        return status;
    }
    out->sign = sign;
    out->close = close_key;
    out->user = key;
    return IMPRINT_OK;
}

/* ---- making, and away ---- */

struct job {
    const struct imprint_keys_reach *reach;
    uint32_t handle;
    const TPM2B_PUBLIC *template;
    const TPM2B_SENSITIVE_CREATE *secret;
};

/* Does one thing in the TPM, with the lock. */
static enum imprint_status run(
    struct job *job,
    enum imprint_status (*deed)(struct job *, struct imprint_why *),
    struct imprint_why *why)
{
    enum imprint_status status;

    (void)pthread_mutex_lock(&lock);
    status = enter(job->reach, why);
    if (status == IMPRINT_OK) {
        status = deed(job, why);
        leave();
    }
    (void)pthread_mutex_unlock(&lock);
    return status;
}

static enum imprint_status choose(struct job *job, struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;
    uint32_t random;

    while (status == IMPRINT_OK) {
        ESYS_TR object = ESYS_TR_NONE;

        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
            return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                                   "out of random bytes");
        job->handle = OURS_MIN + random % OURS_COUNT;
        status = find(job->handle, &object, why);
        if (status == IMPRINT_OK)
            (void)calls.close(tpm, &object);
    }
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}

enum imprint_status imprint_keys_tpm_choose(
    const struct imprint_keys_reach *reach, uint32_t *handle,
    struct imprint_why *why)
{
    struct job job = {.reach = reach};
    enum imprint_status status = run(&job, choose, why);

    *handle = job.handle;
    return status;
}

/* Another one each time: the unique field goes into a primary key. */
static bool fill(TPM2B_PUBLIC *out, enum imprint_keys_kind kind, bool has_pin)
{
    TPMT_PUBLIC *area = &out->publicArea;
    TPMS_RSA_PARMS *rsa = &area->parameters.rsaDetail;
    TPMS_ECC_PARMS *ecc = &area->parameters.eccDetail;
    bool is_ec = kind == IMPRINT_KEYS_P256 || kind == IMPRINT_KEYS_P384;

    memset(out, 0, sizeof(*out));
    area->type = is_ec ? TPM2_ALG_ECC : TPM2_ALG_RSA;
    area->nameAlg = TPM2_ALG_SHA256;
    area->objectAttributes =
        TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
        TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
        TPMA_OBJECT_SIGN_ENCRYPT | (is_ec ? 0 : TPMA_OBJECT_DECRYPT) |
        (has_pin ? 0 : TPMA_OBJECT_NODA);
    if (is_ec) {
        ecc->symmetric.algorithm = TPM2_ALG_NULL;
        ecc->scheme.scheme = TPM2_ALG_NULL;
        ecc->kdf.scheme = TPM2_ALG_NULL;
        ecc->curveID =
            kind == IMPRINT_KEYS_P256 ? TPM2_ECC_NIST_P256 : TPM2_ECC_NIST_P384;
        area->unique.ecc.x.size = 32;
        return getrandom(area->unique.ecc.x.buffer, 32, 0) == 32;
    }
    rsa->symmetric.algorithm = TPM2_ALG_NULL;
    rsa->scheme.scheme = TPM2_ALG_NULL;
    rsa->keyBits = kind == IMPRINT_KEYS_RSA2048 ? 2048 : 3072;
    area->unique.rsa.size = 32;
    return getrandom(area->unique.rsa.buffer, 32, 0) == 32;
}

static enum imprint_status make(struct job *job, struct imprint_why *why)
{
    const TPM2B_DATA no_data = {.size = 0};
    const TPML_PCR_SELECTION no_pcr = {.count = 0};
    ESYS_TR fresh = ESYS_TR_NONE;
    ESYS_TR kept = ESYS_TR_NONE;
    TSS2_RC code = calls.create_primary(tpm, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
                                        ESYS_TR_NONE, ESYS_TR_NONE, job->secret,
                                        job->template, &no_data, &no_pcr,
                                        &fresh, NULL, NULL, NULL, NULL);

    if (code == TSS2_RC_SUCCESS) {
        code = calls.evict(tpm, ESYS_TR_RH_OWNER, fresh, ESYS_TR_PASSWORD,
                           ESYS_TR_NONE, ESYS_TR_NONE, job->handle, &kept);
        (void)calls.flush(tpm, fresh);
        if (kept != ESYS_TR_NONE)
            (void)calls.close(tpm, &kept);
    }
    return code == TSS2_RC_SUCCESS ? IMPRINT_OK
                                   : tell(code, "to make a key", why);
}

enum imprint_status imprint_keys_tpm_make(
    uint32_t handle, const struct imprint_keys_reach *reach,
    enum imprint_keys_kind kind, struct imprint_why *why)
{
    TPM2B_SENSITIVE_CREATE secret = {.size = 0};
    TPM2B_PUBLIC template;
    struct job job = {reach, handle, &template, &secret};
    enum imprint_status status =
        give_pin(reach, &secret.sensitive.userAuth, why);

    if (status == IMPRINT_OK &&
        !fill(&template, kind, secret.sensitive.userAuth.size > 0))
        status =
            imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of random bytes");
    if (status == IMPRINT_OK)
        status = run(&job, make, why);
    explicit_bzero(&secret, sizeof(secret));
    return status;
}

static enum imprint_status erase(struct job *job, struct imprint_why *why)
{
    ESYS_TR object;
    ESYS_TR gone = ESYS_TR_NONE;
    enum imprint_status status = find(job->handle, &object, why);
    TSS2_RC code;

    if (status != IMPRINT_OK)
        return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
    code = calls.evict(tpm, ESYS_TR_RH_OWNER, object, ESYS_TR_PASSWORD,
                       ESYS_TR_NONE, ESYS_TR_NONE, job->handle, &gone);
    return code == TSS2_RC_SUCCESS ? IMPRINT_OK
                                   : tell(code, "to erase the key", why);
}

enum imprint_status imprint_keys_tpm_erase(
    uint32_t handle, const struct imprint_keys_reach *reach,
    struct imprint_why *why)
{
    struct job job = {.reach = reach, .handle = handle};

    return run(&job, erase, why);
}
