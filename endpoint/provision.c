#include "provision.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook.h"
#include "posix/file.h"
#include "posix/why.h"
#include "provision_parts.h"
#include "registration.h"

const struct imprint_format *imprint_provision_format(
    const struct imprint_provision_request *request)
{
    return request->topic.encoding == IMPRINT_ENC_JSON ? &imprint_json_format
                                                       : &imprint_cbor_format;
}

enum imprint_status imprint_provision_reject(
    struct imprint_provision_request *request, uint32_t status_code,
    const char *code, const char *format, ...)
{
    char *at = request->rejection.message;
    va_list arguments;

    request->rejection.status_code = status_code;
    request->rejection.code = code;
    va_start(arguments, format);
    (void)vsnprintf(request->rejection.message,
                    sizeof(request->rejection.message), format, arguments);
    va_end(arguments);
    /* a value that was cut may have been cut inside a character */
    for (; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    return IMPRINT_ERR_REFUSED;
}

void imprint_provision_note(struct imprint_provision_request *request,
                            const char *text)
{
    char *at = request->note;

    (void)snprintf(request->note, sizeof(request->note), "%s", text);
    for (; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    }
}

/* What the endpoint itself says with this status. */
static const char *name_code(int64_t status_code)
{
    static const struct {
        int64_t status_code;
        const char *name;
    } codes[] = {{400, "InvalidRequest"},
                 {403, "AccessDenied"},
                 {404, "ResourceNotFound"},
                 {409, "ResourceConflict"},
                 {429, "Throttled"}};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].status_code == status_code)
            return codes[i].name;
    }
    return "InternalFailure";
}

enum imprint_status imprint_provision_strike(
    const struct imprint_provision *provision,
    const struct imprint_fault_case *now,
    struct imprint_provision_request *request)
{
    struct imprint_fault *fault = &request->fault;
    char note[64];

    imprint_fault_match(provision->faults, now, fault);
    if (fault->kind == IMPRINT_FAULT_NONE)
        return IMPRINT_OK;
    (void)snprintf(note, sizeof(note), "a fault strikes it: %s",
                   imprint_fault_name(fault->kind));
    imprint_provision_note(request, note);
    if (fault->kind != IMPRINT_FAULT_REFUSE)
        return IMPRINT_OK;
    return imprint_provision_reject(
        request, (uint32_t)fault->number,
        fault->text[0] != '\0' ? fault->text : name_code(fault->number),
        "The endpoint was told to refuse this.");
}

void imprint_provision_fail(struct imprint_provision_request *request)
{
    (void)imprint_provision_reject(request, 500, "InternalFailure",
                                   "The endpoint failed; try again later.");
}

void imprint_provision_throttle(struct imprint_provision_request *request)
{
    (void)imprint_provision_reject(request, 429, "Throttled",
                                   "Too many requests; try again later.");
}

/* ---- one request's memory ---- */

struct imprint_provision_request *imprint_provision_new(
    const struct imprint_topic *topic, struct imprint_slice payload)
{
    struct imprint_provision_request *request = calloc(1, sizeof(*request));
    bool is_short = payload.len <= IMPRINT_PROVISION_PAYLOAD_MAX_LEN;
    uint8_t *copy;
    size_t name_len =
        topic->operation == IMPRINT_OP_REGISTER ? topic->template_name.len : 0;

    if (!is_short)
        payload.len = 0;
    copy = malloc(payload.len + 1);
    if (!request || !copy || name_len >= sizeof(request->template_name)) {
        free(request);
        free(copy);
        return NULL;
    }
    if (payload.len > 0)
        memcpy(copy, payload.bytes, payload.len);
    if (name_len > 0)
        memcpy(request->template_name, topic->template_name.bytes, name_len);
    request->topic = *topic;
    request->topic.template_name = imprint_slice_text(request->template_name);
    request->payload = copy;
    request->payload_len = payload.len;
    if (!is_short)
        (void)imprint_provision_reject(request, 400, "InvalidPayload",
                                       "The payload is longer than %d bytes.",
                                       IMPRINT_PROVISION_PAYLOAD_MAX_LEN);
    return request;
}

void imprint_provision_free(struct imprint_provision_request *request)
{
    if (!request)
        return;
    imprint_file_free_secret((char *)request->text, request->payload_len);
    imprint_file_free_secret((char *)request->payload, request->payload_len);
    imprint_file_free_secret((char *)request->reply, request->reply_len);
    imprint_file_free_secret(request->edit,
                             request->edit ? strlen(request->edit) : 0);
    imprint_hook_free(request->hook);
    imprint_pool_free_key(&request->key);
    free(request->certificate.pem);
    imprint_slice_erase(request, sizeof(*request));
    free(request);
}

/* ---- hooks ---- */

enum imprint_status imprint_provision_find_target(
    struct imprint_registry *registry, const char *hook, char **target,
    struct imprint_why *why)
{
    char setting[256];
    enum imprint_status status = IMPRINT_ERR_NOT_FOUND;
    int len = snprintf(setting, sizeof(setting), "hook:%s", hook);

    if (strncmp(hook, "arn:", 4) != 0) {
        *target = strdup(hook);
        return *target ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
    }
    if (len >= 0 && (size_t)len < sizeof(setting))
        status = imprint_registry_find_setting(registry, setting, target);
    if (status == IMPRINT_ERR_NOT_FOUND)
        (void)imprint_why_set(why, status, "the setting \"%s\" is missing",
                              setting);
    return status;
}

/* ---- sign ---- */

/* Text never grows by being unescaped. */
bool imprint_provision_make_text(struct imprint_provision_request *request,
                                 struct imprint_writer *writer)
{
    request->text = malloc(request->payload_len + 1);
    if (!request->text)
        return false;
    *writer = imprint_slice_writer(request->text, request->payload_len);
    return true;
}

static enum imprint_status sign_csr(const struct imprint_provision *provision,
                                    struct imprint_provision_request *request)
{
    struct imprint_why why = {{0}, {0}};
    enum imprint_status status = imprint_authority_sign_csr(
        provision->authority, request->csr_pem, &request->certificate, &why);

    if (status == IMPRINT_ERR_FORMAT)
        return imprint_provision_reject(
            request, 400, "InvalidCertificateSigningRequest",
            "The certificate signing request can't be used: %s.", why.text);
    return status;
}

static enum imprint_status reject_provider(
    struct imprint_provision_request *request, const char *note)
{
    imprint_provision_note(request, note);
    return imprint_provision_reject(request, 500, "InternalFailure",
                                    "The certificate provider failed.");
}

/* For the hooks, which give it back to adopt. */
static enum imprint_status ask_provider(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    struct imprint_why why = {{0}, {0}};
    char *target = NULL;
    char *csr_pem;
    char *event;
    enum imprint_status status = imprint_provision_find_target(
        provision->registry, provision->provider, &target, &why);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return reject_provider(request, why.text);
    if (status != IMPRINT_OK)
        return status;
    csr_pem =
        strndup((const char *)request->csr_pem.bytes, request->csr_pem.len);
    event = csr_pem ? imprint_hook_write_csr(csr_pem, request->claim_id,
                                             request->client_id)
                    : NULL;
    free(csr_pem);
    request->hook = imprint_hook_new(target, event);
    if (!request->hook)
        return IMPRINT_ERR_INTERNAL;
    request->lack = IMPRINT_PROVISION_HOOK;
    return IMPRINT_OK;
}

/* What the provider signed, in place of what this authority did. */
static enum imprint_status adopt(struct imprint_provision_request *request)
{
    struct imprint_why why = {{0}, {0}};
    char *pem = NULL;
    enum imprint_status status =
        imprint_hook_read_certificate(request->hook, &pem, &why);

    if (status == IMPRINT_OK)
        status =
            imprint_authority_adopt(request->csr_pem, imprint_slice_text(pem),
                                    &request->certificate, &why);
    free(pem);
    if (status == IMPRINT_OK)
        return status;
    return reject_provider(request, why.text);
}

/*
 * A request that is no good is refused here, so that no provider sees it: the
 * certificate for it is made first, and dropped if somebody else signs.
 */
static enum imprint_status sign_request(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    struct imprint_writer text;
    enum imprint_status status;

    if (request->hook)
        return adopt(request);
    if (!imprint_provision_make_text(request, &text))
        return IMPRINT_ERR_INTERNAL;
    status = imprint_codec_get_csr(
        imprint_provision_format(request),
        imprint_slice_of(request->payload, request->payload_len), &text,
        &request->csr_pem);
    if (status != IMPRINT_OK)
        return imprint_provision_reject_payload(request);
    status = sign_csr(provision, request);
    if (status != IMPRINT_OK || !provision->provider)
        return status;
    free(request->certificate.pem);
    request->certificate.pem = NULL;
    return ask_provider(provision, request);
}

static enum imprint_status sign_key(const struct imprint_provision *provision,
                                    struct imprint_provision_request *request)
{
    return imprint_authority_sign_key(
        provision->authority, imprint_slice_text(request->key.pem),
        IMPRINT_AUTHORITY_LAST_DAY, &request->certificate, NULL);
}

static bool is_signed(const struct imprint_provision_request *request)
{
    return request->topic.operation == IMPRINT_OP_REGISTER
               ? request->text != NULL
               : request->certificate.pem != NULL;
}

void imprint_provision_sign(const struct imprint_provision *provision,
                            struct imprint_provision_request *request)
{
    enum imprint_status status;

    if (request->rejection.status_code != 0 || is_signed(request))
        return;
    if (request->topic.operation == IMPRINT_OP_REGISTER)
        status = imprint_registration_read(request);
    else if (request->topic.operation == IMPRINT_OP_CREATE_CSR)
        status = sign_request(provision, request);
    else
        status = sign_key(provision, request);
    if (status == IMPRINT_OK && request->certificate.pem &&
        !imprint_authority_make_token(request->token))
        status = IMPRINT_ERR_INTERNAL;
    if (status != IMPRINT_OK && request->rejection.status_code == 0)
        imprint_provision_fail(request);
}

/* ---- store: a new certificate ---- */

/* What is handed out, as it is or as a fault has it. */
static enum imprint_status make_identity(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    const struct imprint_fault_case now = {
        .event = request->topic.operation == IMPRINT_OP_CREATE_KEYS
                     ? IMPRINT_FAULT_CREATE_KEYS
                     : IMPRINT_FAULT_CREATE_CSR,
        .client_id = request->client_id,
        .claim = request->claim,
    };

    request->identity = (struct imprint_identity){
        .certificate_id = imprint_slice_text(request->certificate.id),
        .certificate_pem = imprint_slice_text(request->certificate.pem),
        .private_key_pem = imprint_slice_text(request->key.pem),
        .token = imprint_slice_text(request->token),
    };
    if (imprint_provision_strike(provision, &now, request) != IMPRINT_OK)
        return IMPRINT_ERR_REFUSED;
    return imprint_fault_edit(&request->fault, provision->authority,
                              &request->identity, &request->edit);
}

static enum imprint_status store_created(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    int64_t now = imprint_rules_now(provision->rules);
    struct imprint_registry_certificate certificate = {
        .id = request->certificate.id,
        .pem = request->certificate.pem,
        .maker = request->claim_id,
        .state = IMPRINT_REGISTRY_PENDING,
        .created = now,
        .not_after = request->certificate.not_after,
    };
    uint8_t hash[IMPRINT_AUTHORITY_DIGEST_LEN];
    enum imprint_status status = IMPRINT_OK;

    if (request->key.id != 0)
        status = imprint_registry_take_key(provision->registry, request->key.id,
                                           request->key.pem);
    if (status == IMPRINT_ERR_NOT_FOUND)
        request->lack = IMPRINT_PROVISION_KEY;
    if (status == IMPRINT_OK)
        status = make_identity(provision, request);
    if (status == IMPRINT_OK)
        status =
            imprint_registry_put_certificate(provision->registry, &certificate);
    if (status != IMPRINT_OK)
        return status;
    /* a fault may have made it another token */
    imprint_authority_digest(request->identity.token, hash);
    return imprint_registry_put_token(
        provision->registry, hash, request->certificate.id,
        now +
            imprint_rules_get(provision->rules, IMPRINT_RULE_TOKEN_LIFETIME_S));
}

enum imprint_status imprint_provision_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    if (request->rejection.status_code != 0)
        return IMPRINT_OK;
    return request->topic.operation == IMPRINT_OP_REGISTER
               ? imprint_registration_store(provision, request)
               : store_created(provision, request);
}
