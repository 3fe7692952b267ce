#include "keys_token.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "imprint/slice.h"
#include "why.h"

#define DEFAULT_MODULE "p11-kit-proxy.so"
#define SLOT_MAX_COUNT 64
#define PIN_MAX_LEN 4096u

#define VALUE_MAX_LEN 1024u
#define PAIR_MAX_COUNT 8u

/* CKA_EC_PARAMS: the curve's object identifier, DER (RFC 5480, 2.1.1.1). */
static const uint8_t p256_params[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t p384_params[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

struct token {
    CK_FUNCTION_LIST *calls;
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    bool has_session;
};

/* ---- the module ---- */

static enum imprint_status load(const char *path, CK_FUNCTION_LIST **out,
                                struct imprint_why *why)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
    CK_C_GetFunctionList get_list = NULL;
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_FUNCTION_LIST *list = NULL;
    CK_RV code = CKR_GENERAL_ERROR;

    memcpy(&get_list, &symbol, sizeof(symbol));
    if (get_list && get_list(&list) == CKR_OK && list)
        code = list->C_Initialize(&arguments);
    if (code == CKR_OK || code == CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        *out = list;
        return IMPRINT_OK;
    }
    if (library)
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "\"%s\" does not work as a PKCS#11 module (0x%lx)",
                        path, code);
    else
        imprint_why_set(why, IMPRINT_ERR_SETTINGS, "PKCS#11 module: %.300s",
                        dlerror());
    imprint_why_hint(why, "name the token's module with --pkcs11-module, or "
                          "install p11-kit-modules");
    return IMPRINT_ERR_SETTINGS;
}

/* ---- the token ---- */

/* A field of blanks at the end against a text; "" fits all. */
static bool fits(const unsigned char *field, size_t size, const char *text)
{
    size_t len = size;

    while (len > 0 && (field[len - 1] == ' ' || field[len - 1] == '\0'))
        len--;
    return text[0] == '\0' ||
           (strlen(text) == len && memcmp(field, text, len) == 0);
}

static bool is_meant(const struct imprint_keys_uri *uri, CK_SLOT_ID slot,
                     const CK_TOKEN_INFO *info)
{
    return (info->flags & CKF_TOKEN_INITIALIZED) &&
           (!uri->has_slot || uri->slot == slot) &&
           fits(info->label, sizeof(info->label), uri->token) &&
           fits(info->serialNumber, sizeof(info->serialNumber), uri->serial) &&
           fits(info->manufacturerID, sizeof(info->manufacturerID),
                uri->manufacturer) &&
           fits(info->model, sizeof(info->model), uri->model);
}

static enum imprint_status find_slot(const struct imprint_keys_uri *uri,
                                     struct token *token,
                                     struct imprint_why *why)
{
    CK_SLOT_ID slots[SLOT_MAX_COUNT];
    CK_ULONG slot_count = SLOT_MAX_COUNT;
    size_t found = 0;

    if (token->calls->C_GetSlotList(CK_TRUE, slots, &slot_count) != CKR_OK)
        slot_count = 0;
    for (CK_ULONG i = 0; i < slot_count; i++) {
        CK_TOKEN_INFO info;

        if (token->calls->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
            !is_meant(uri, slots[i], &info))
            continue;
        token->slot = slots[i];
        token->info = info;
        found++;
    }
    if (found == 1)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "the pkcs11: URI fits %zu of %lu tokens, and must fit one",
                    found, slot_count);
    imprint_why_hint(why, "say which by token=, serial= or slot-id=: p11tool "
                          "--list-tokens or pkcs11-tool -L shows them");
    return IMPRINT_ERR_SETTINGS;
}

/* ---- PIN ---- */

static enum imprint_status tell_pin(struct imprint_why *why, const char *text,
                                    const char *hint)
{
    imprint_why_set(why, IMPRINT_ERR_KEY, "%s", text);
    imprint_why_hint(why, "%s", hint);
    return IMPRINT_ERR_KEY;
}

/* One try, and none if that would be the last before the token locks. */
static enum imprint_status log_in(struct token *token, const char *pin,
                                  struct imprint_why *why)
{
    CK_FLAGS flags = token->info.flags;
    CK_RV code;

    if (!pin && !(flags & CKF_LOGIN_REQUIRED))
        return IMPRINT_OK;
    if (!pin)
        return tell_pin(why, "the token wants a PIN",
                        "give --pin-file, or IMPRINT_PIN");
    if (flags & CKF_USER_PIN_LOCKED)
        return tell_pin(why, "the token's PIN is locked",
                        "unlock it with its security officer's PIN");
    if (flags & CKF_USER_PIN_FINAL_TRY)
        return tell_pin(why,
                        "the token has one try of its PIN left, which is "
                        "not taken",
                        "log in by the token's own tool with the right PIN");
    code = token->calls->C_Login(token->session, CKU_USER,
                                 (CK_UTF8CHAR_PTR)(uintptr_t)pin, strlen(pin));
    if (code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN)
        return IMPRINT_OK;
    if (code == CKR_PIN_LOCKED)
        return tell_pin(why, "the token's PIN is locked",
                        "unlock it with its security officer's PIN");
    return tell_pin(why, "the token does not take the PIN; it was tried once",
                    "check --pin-file or IMPRINT_PIN before the next try");
}

/* The first line of the URI's pin-source; free it as a secret. */
static enum imprint_status read_pin(const struct imprint_keys_uri *uri,
                                    char **pin, size_t *len,
                                    struct imprint_why *why)
{
    enum imprint_status status;

    *pin = NULL;
    *len = 0;
    if (!uri->pin_source[0])
        return IMPRINT_OK;
    status = imprint_file_read(uri->pin_source, PIN_MAX_LEN, pin, len, why);
    if (status != IMPRINT_OK)
        return IMPRINT_ERR_SETTINGS;
    (*pin)[strcspn(*pin, "\r\n")] = '\0';
    return IMPRINT_OK;
}

/* ---- the key ---- */

static CK_ULONG search(const struct token *token,
                       const struct imprint_keys_uri *uri,
                       CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *out,
                       CK_ULONG room)
{
    CK_ATTRIBUTE wanted[3] = {{CKA_CLASS, &class, sizeof(class)}};
    CK_ULONG wanted_count = 1;
    CK_ULONG count = 0;

    if (uri->object[0])
        wanted[wanted_count++] = (CK_ATTRIBUTE){
            CKA_LABEL, (void *)(uintptr_t)uri->object, strlen(uri->object)};
    if (uri->id_len)
        wanted[wanted_count++] =
            (CK_ATTRIBUTE){CKA_ID, (void *)(uintptr_t)uri->id, uri->id_len};
    if (token->calls->C_FindObjectsInit(token->session, wanted, wanted_count) !=
        CKR_OK)
        return 0;
    if (token->calls->C_FindObjects(token->session, out, room, &count) !=
        CKR_OK)
        count = 0;
    (void)token->calls->C_FindObjectsFinal(token->session);
    return count;
}

static enum imprint_status find_key(const struct imprint_keys_uri *uri,
                                    struct token *token,
                                    struct imprint_why *why)
{
    CK_OBJECT_HANDLE keys[2];
    CK_ULONG key_count = search(token, uri, CKO_PRIVATE_KEY, keys, 2);
    enum imprint_status status =
        key_count ? IMPRINT_ERR_SETTINGS : IMPRINT_ERR_NOT_FOUND;

    if (key_count == 1) {
        token->key = keys[0];
        return IMPRINT_OK;
    }
    imprint_why_set(why, status,
                    "the token has %s private key "
                    "that the pkcs11: URI fits",
                    key_count ? "more than one" : "no");
    imprint_why_hint(why,
                     "say which by object= (its label) or id=: pkcs11-tool "
                     "-O shows them");
    return status;
}

static bool sign(void *user, enum imprint_keys_hold_way way,
                 struct imprint_slice bytes, uint8_t *out, size_t *out_len)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_ECDSA, CKM_RSA_PKCS,
                                              CKM_RSA_X_509};
    const struct token *token = user;
    CK_MECHANISM mechanism = {types[way], NULL, 0};
    CK_ULONG room = *out_len;

    if (token->calls->C_SignInit(token->session, &mechanism, token->key) !=
            CKR_OK ||
        token->calls->C_Sign(token->session,
                             (CK_BYTE_PTR)(uintptr_t)bytes.bytes, bytes.len,
                             out, &room) != CKR_OK)
        return false;
    *out_len = room;
    return true;
}

/*
 * No C_Logout: it would log out every session of this process, another key's
 * too. The last one that closes does that by itself (PKCS #11 2.40, 5.6).
 */
static void leave(struct token *token)
{
    if (token->has_session)
        (void)token->calls->C_CloseSession(token->session);
    token->has_session = false;
}

static void close_token(void *user)
{
    leave(user);
    free(user);
}

static enum imprint_status find_token(const struct imprint_keys_uri *uri,
                                      const struct imprint_keys_reach *reach,
                                      struct token *token,
                                      struct imprint_why *why)
{
    const char *module = uri->module;
    enum imprint_status status;

    if (!module[0])
        module = reach->module ? reach->module : DEFAULT_MODULE;
    memset(token, 0, sizeof(*token));
    status = load(module, &token->calls, why);
    return status ? status : find_slot(uri, token, why);
}

static enum imprint_status enter(const struct imprint_keys_uri *uri,
                                 const struct imprint_keys_reach *reach,
                                 CK_FLAGS flags, struct token *token,
                                 struct imprint_why *why)
{
    char *pin = NULL;
    size_t pin_len = 0;
    enum imprint_status status = find_token(uri, reach, token, why);

    if (status == IMPRINT_OK)
        status = read_pin(uri, &pin, &pin_len, why);
    if (status == IMPRINT_OK &&
        token->calls->C_OpenSession(token->slot, CKF_SERIAL_SESSION | flags,
                                    NULL, NULL, &token->session) != CKR_OK)
        status =
            imprint_why_set(why, IMPRINT_ERR_KEY, "the token lets nobody in");
    token->has_session = status == IMPRINT_OK;
    if (status == IMPRINT_OK)
        status = log_in(token, pin ? pin : reach->pin, why);
    imprint_file_free_secret(pin, pin_len);
    if (status != IMPRINT_OK)
        leave(token);
    return status;
}

/* ---- the public half ---- */

struct value {
    uint8_t bytes[VALUE_MAX_LEN];
    size_t len;
};

static bool read_value(const struct token *token, CK_OBJECT_HANDLE object,
                       CK_ATTRIBUTE_TYPE type, struct value *out)
{
    CK_ATTRIBUTE wanted = {type, out->bytes, sizeof(out->bytes)};

    if (token->calls->C_GetAttributeValue(token->session, object, &wanted, 1) !=
            CKR_OK ||
        wanted.ulValueLen == 0 || wanted.ulValueLen > sizeof(out->bytes))
        return false;
    out->len = wanted.ulValueLen;
    return true;
}

static bool is_curve(const struct value *params, const uint8_t *curve,
                     size_t len)
{
    return params->len == len && memcmp(params->bytes, curve, len) == 0;
}

/* CKA_EC_POINT is an OCTET STRING; some tokens leave its head out. */
static void read_ec(const struct token *token, CK_OBJECT_HANDLE object,
                    struct imprint_keys_public *out)
{
    struct value params;
    struct value point;
    size_t len;
    size_t head_len;

    if (!read_value(token, object, CKA_EC_PARAMS, &params) ||
        !read_value(token, object, CKA_EC_POINT, &point))
        return;
    if (is_curve(&params, p256_params, sizeof(p256_params)))
        out->kind = IMPRINT_KEYS_P256;
    else if (is_curve(&params, p384_params, sizeof(p384_params)))
        out->kind = IMPRINT_KEYS_P384;
    else
        return;
    len = out->kind == IMPRINT_KEYS_P256 ? 64 : 96;
    head_len = point.len == len + 1 ? 0 : 2; /* 04, the length */
    if (point.len != head_len + 1 + len || point.bytes[head_len] != 4)
        return;
    memcpy(out->bytes, point.bytes + head_len + 1, len);
    out->len = len;
}

static void read_rsa(const struct token *token, CK_OBJECT_HANDLE object,
                     struct imprint_keys_public *out)
{
    struct value modulus;
    struct value exponent;

    if (!read_value(token, object, CKA_MODULUS, &modulus) ||
        !read_value(token, object, CKA_PUBLIC_EXPONENT, &exponent) ||
        modulus.len > sizeof(out->bytes) || exponent.len > 4)
        return;
    out->kind = IMPRINT_KEYS_OTHER;
    memcpy(out->bytes, modulus.bytes, modulus.len);
    out->len = modulus.len;
    for (size_t i = 0; i < exponent.len; i++)
        out->exponent = out->exponent << 8 | exponent.bytes[i];
}

/* An RSA private key knows it; an EC one has a public one of the same id. */
static void read_public(const struct token *token,
                        const struct imprint_keys_uri *uri,
                        struct imprint_keys_public *out)
{
    struct imprint_keys_uri same = *uri;
    struct value id;
    CK_OBJECT_HANDLE object;

    memset(out, 0, sizeof(*out));
    read_rsa(token, token->key, out);
    if (out->len > 0)
        return;
    read_ec(token, token->key, out);
    if (out->len > 0)
        return;
    if (same.id_len == 0 && read_value(token, token->key, CKA_ID, &id) &&
        id.len <= sizeof(same.id)) {
        memcpy(same.id, id.bytes, id.len);
        same.id_len = id.len;
    }
    if (search(token, &same, CKO_PUBLIC_KEY, &object, 1) == 1)
        read_ec(token, object, out);
}

enum imprint_status imprint_keys_token_open(
    const struct imprint_keys_uri *uri, const struct imprint_keys_reach *reach,
    struct imprint_keys_holder *out, struct imprint_why *why)
{
    struct token *token = calloc(1, sizeof(*token));
    enum imprint_status status;

    if (!token)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = enter(uri, reach, 0, token, why);
    if (status == IMPRINT_OK)
        status = find_key(uri, token, why);
    if (status != IMPRINT_OK) {
        close_token(token);
        return status;
    }
    read_public(token, uri, &out->public);
    out->sign = sign;
    out->close = close_token;
    out->user = token;
    return IMPRINT_OK;
}

/* ---- making ---- */

enum imprint_status imprint_keys_token_pin_down(
    struct imprint_keys_uri *uri, const struct imprint_keys_reach *reach,
    struct imprint_why *why)
{
    struct token token;
    enum imprint_status status = find_token(uri, reach, &token, why);
    struct {
        const unsigned char *field;
        size_t field_len;
        char *out;
    } parts[] = {
        {token.info.label, sizeof(token.info.label), uri->token},
        {token.info.serialNumber, sizeof(token.info.serialNumber), uri->serial},
    };

    if (status != IMPRINT_OK)
        return status;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t len = parts[i].field_len;

        while (len > 0 && (parts[i].field[len - 1] == ' ' ||
                           parts[i].field[len - 1] == '\0'))
            len--;
        memcpy(parts[i].out, parts[i].field, len);
        parts[i].out[len] = '\0';
    }
    uri->has_slot = false;
    return IMPRINT_OK;
}

struct wish {
    CK_ATTRIBUTE public[8];
    CK_ATTRIBUTE private[8];
    CK_ULONG public_count;
    CK_ULONG private_count;
};

static void ask_public(struct wish *wish, CK_ATTRIBUTE_TYPE type,
                       const void *value, size_t len)
{
    wish->public[wish->public_count++] =
        (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, len};
}

static void ask_private(struct wish *wish, CK_ATTRIBUTE_TYPE type,
                        const void *value, size_t len)
{
    wish->private[wish->private_count++] =
        (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, len};
}

/* It stays on the token, signs, and does nothing else. */
static void ask_common(struct wish *wish, const struct imprint_keys_uri *uri)
{
    static const CK_BBOOL yes = CK_TRUE;
    static const CK_BBOOL no = CK_FALSE;

    ask_public(wish, CKA_TOKEN, &yes, sizeof(yes));
    ask_public(wish, CKA_VERIFY, &yes, sizeof(yes));
    ask_private(wish, CKA_TOKEN, &yes, sizeof(yes));
    ask_private(wish, CKA_PRIVATE, &yes, sizeof(yes));
    ask_private(wish, CKA_SENSITIVE, &yes, sizeof(yes));
    ask_private(wish, CKA_EXTRACTABLE, &no, sizeof(no));
    ask_private(wish, CKA_SIGN, &yes, sizeof(yes));
    if (uri->object[0]) {
        ask_public(wish, CKA_LABEL, uri->object, strlen(uri->object));
        ask_private(wish, CKA_LABEL, uri->object, strlen(uri->object));
    }
    if (uri->id_len) {
        ask_public(wish, CKA_ID, uri->id, uri->id_len);
        ask_private(wish, CKA_ID, uri->id, uri->id_len);
    }
}

static CK_RV generate(const struct token *token,
                      const struct imprint_keys_uri *uri,
                      enum imprint_keys_kind kind)
{
    static const uint8_t exponent[] = {0x01, 0x00, 0x01};
    bool is_ec = kind == IMPRINT_KEYS_P256 || kind == IMPRINT_KEYS_P384;
    CK_MECHANISM mechanism = {
        is_ec ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG bits = kind == IMPRINT_KEYS_RSA2048 ? 2048 : 3072;
    struct wish wish = {.public_count = 0};
    CK_OBJECT_HANDLE public;
    CK_OBJECT_HANDLE private;

    ask_common(&wish, uri);
    if (kind == IMPRINT_KEYS_P256) {
        ask_public(&wish, CKA_EC_PARAMS, p256_params, sizeof(p256_params));
    } else if (kind == IMPRINT_KEYS_P384) {
        ask_public(&wish, CKA_EC_PARAMS, p384_params, sizeof(p384_params));
    } else {
        ask_public(&wish, CKA_MODULUS_BITS, &bits, sizeof(bits));
        ask_public(&wish, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
    }
    return token->calls->C_GenerateKeyPair(
        token->session, &mechanism, wish.public, wish.public_count,
        wish.private, wish.private_count, &public, &private);
}

enum imprint_status imprint_keys_token_make(
    const struct imprint_keys_uri *uri, const struct imprint_keys_reach *reach,
    enum imprint_keys_kind kind, struct imprint_why *why)
{
    struct token token;
    enum imprint_status status = enter(uri, reach, CKF_RW_SESSION, &token, why);
    CK_RV code;

    if (status != IMPRINT_OK)
        return status;
    code = generate(&token, uri, kind);
    leave(&token);
    if (code == CKR_OK)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_KEY,
                    "the token cannot make this kind of key (0x%lx)", code);
    imprint_why_hint(why, "try another --key, or make room on the token: "
                          "pkcs11-tool -O shows what it holds");
    return IMPRINT_ERR_KEY;
}

enum imprint_status imprint_keys_token_erase(
    const struct imprint_keys_uri *uri, const struct imprint_keys_reach *reach,
    struct imprint_why *why)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    CK_OBJECT_HANDLE objects[PAIR_MAX_COUNT];
    struct token token;
    enum imprint_status status = enter(uri, reach, CKF_RW_SESSION, &token, why);

    if (status != IMPRINT_OK)
        return status;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        CK_ULONG count =
            search(&token, uri, classes[i], objects, PAIR_MAX_COUNT);

        for (CK_ULONG j = 0; j < count; j++) {
            if (token.calls->C_DestroyObject(token.session, objects[j]) !=
                CKR_OK)
                status = imprint_why_set(why, IMPRINT_ERR_KEY,
                                         "the token does not let its key go");
        }
    }
    leave(&token);
    return status;
}
