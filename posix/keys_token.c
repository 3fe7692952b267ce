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

static enum imprint_status find_key(const struct imprint_keys_uri *uri,
                                    struct token *token,
                                    struct imprint_why *why)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[3] = {{CKA_CLASS, &class, sizeof(class)}};
    CK_ULONG wanted_count = 1;
    CK_OBJECT_HANDLE keys[2];
    CK_ULONG key_count = 0;

    if (uri->object[0])
        wanted[wanted_count++] = (CK_ATTRIBUTE){
            CKA_LABEL, (void *)(uintptr_t)uri->object, strlen(uri->object)};
    if (uri->id_len)
        wanted[wanted_count++] =
            (CK_ATTRIBUTE){CKA_ID, (void *)(uintptr_t)uri->id, uri->id_len};
    if (token->calls->C_FindObjectsInit(token->session, wanted, wanted_count) ==
        CKR_OK) {
        if (token->calls->C_FindObjects(token->session, keys, 2, &key_count) !=
            CKR_OK)
            key_count = 0;
        (void)token->calls->C_FindObjectsFinal(token->session);
    }
    if (key_count == 1) {
        token->key = keys[0];
        return IMPRINT_OK;
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "the token has %s private key "
                    "that the pkcs11: URI fits",
                    key_count ? "more than one" : "no");
    imprint_why_hint(why,
                     "say which by object= (its label) or id=: pkcs11-tool "
                     "-O shows them");
    return IMPRINT_ERR_SETTINGS;
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

static void close_token(void *user)
{
    struct token *token = user;

    if (token->has_session) {
        (void)token->calls->C_Logout(token->session);
        (void)token->calls->C_CloseSession(token->session);
    }
    free(token);
}

static enum imprint_status open_all(
    const struct imprint_keys_uri *uri,
    const struct imprint_keys_token_options *options, struct token *token,
    struct imprint_why *why)
{
    const char *module = options->module ? options->module : uri->module;
    char *pin = NULL;
    size_t pin_len = 0;
    enum imprint_status status =
        load(module[0] ? module : DEFAULT_MODULE, &token->calls, why);

    if (status == IMPRINT_OK)
        status = find_slot(uri, token, why);
    if (status == IMPRINT_OK)
        status = read_pin(uri, &pin, &pin_len, why);
    if (status == IMPRINT_OK &&
        token->calls->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL,
                                    &token->session) != CKR_OK)
        status =
            imprint_why_set(why, IMPRINT_ERR_KEY, "the token lets nobody in");
    token->has_session = status == IMPRINT_OK;
    if (status == IMPRINT_OK)
        status = log_in(token, options->pin ? options->pin : pin, why);
    imprint_file_free_secret(pin, pin_len);
    return status == IMPRINT_OK ? find_key(uri, token, why) : status;
}

enum imprint_status imprint_keys_token_open(
    const struct imprint_keys_uri *uri,
    const struct imprint_keys_token_options *options,
    struct imprint_keys_holder *out, struct imprint_why *why)
{
    struct token *token = calloc(1, sizeof(*token));
    enum imprint_status status;

    if (!token)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = open_all(uri, options, token, why);
    if (status != IMPRINT_OK) {
        close_token(token);
        return status;
    }
    out->sign = sign;
    out->close = close_token;
    out->user = token;
    return IMPRINT_OK;
}
