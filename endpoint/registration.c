#include "registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "posix/file.h"
#include "posix/keys.h"
#include "provision_parts.h"
#include "registration_plan.h"
#include "templates.h"

#define PARAMETER_NAME_MAX_LEN 2048 /* as in AWS's REST operation */
#define PARAMETER_VALUE_MAX_LEN 4096
#define TOKEN_CODE "InvalidCertificateOwnershipToken"

static enum imprint_status check_parameters(
    struct imprint_provision_request *request)
{
    size_t i;

    for (i = 0; i < request->registration.parameter_count; i++) {
        if (request->parameters[i].name.len > PARAMETER_NAME_MAX_LEN ||
            request->parameters[i].value.len > PARAMETER_VALUE_MAX_LEN)
            return imprint_provision_reject(
                request, 400, "InvalidParameters",
                "A parameter's name or value is too long.");
    }
    return IMPRINT_OK;
}

enum imprint_status imprint_registration_read(
    struct imprint_provision_request *request)
{
    struct imprint_writer text;
    enum imprint_status status;

    if (!imprint_provision_make_text(request, &text))
        return IMPRINT_ERR_INTERNAL;
    request->registration.parameters = request->parameters;
    request->registration.parameter_count =
        IMPRINT_PROVISION_PARAMETER_MAX_COUNT;
    status = imprint_codec_get_register(
        imprint_provision_format(request),
        imprint_slice_of(request->payload, request->payload_len), &text,
        &request->registration);
    if (status == IMPRINT_ERR_SPACE)
        return imprint_provision_reject(request, 400, "InvalidParameters",
                                        "There are more than %d parameters.",
                                        IMPRINT_PROVISION_PARAMETER_MAX_COUNT);
    if (status != IMPRINT_OK)
        return imprint_provision_reject_payload(request);
    if (request->registration.token.len == 0)
        return imprint_provision_reject(
            request, 400, TOKEN_CODE,
            "Certificate ownership token cannot be empty.");
    return check_parameters(request);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct imprint_pair *left = a;
    const struct imprint_pair *right = b;
    size_t len =
        left->name.len < right->name.len ? left->name.len : right->name.len;
    int order = len > 0 ? memcmp(left->name.bytes, right->name.bytes, len) : 0;

    if (order != 0)
        return order;
    return (left->name.len > right->name.len) -
           (left->name.len < right->name.len);
}

static void put_counted(struct imprint_writer *writer,
                        struct imprint_slice text)
{
    size_t i;

    for (i = 0; i < 4; i++)
        imprint_slice_put_byte(writer, (uint8_t)(text.len >> (8 * i)));
    imprint_slice_put(writer, text);
}

/* What makes a request the same as another one; sorts the parameters. */
static enum imprint_status hash_request(
    struct imprint_provision_request *request,
    uint8_t hash[IMPRINT_AUTHORITY_DIGEST_LEN])
{
    size_t count = request->registration.parameter_count;
    size_t room_len =
        request->payload_len + sizeof(request->template_name) + 8 * (count + 1);
    uint8_t *bytes = malloc(room_len);
    struct imprint_writer writer = imprint_slice_writer(bytes, room_len);
    size_t i;

    if (!bytes)
        return IMPRINT_ERR_INTERNAL;
    qsort(request->parameters, count, sizeof(*request->parameters),
          compare_pairs);
    imprint_slice_put_byte(&writer, (uint8_t)request->topic.encoding);
    put_counted(&writer, request->topic.template_name);
    for (i = 0; i < count; i++) {
        put_counted(&writer, request->parameters[i].name);
        put_counted(&writer, request->parameters[i].value);
    }
    imprint_authority_digest(imprint_slice_since(&writer, 0), hash);
    imprint_file_free_secret((char *)bytes, room_len);
    return imprint_slice_fits(&writer) ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
}

/* ---- the template ---- */

struct loaded {
    char *document;
    char *hook; /* NULL: none */
    bool is_enabled;
    bool has_failed; /* no memory */
};

static void take_template(void *user,
                          const struct imprint_catalog_template *found)
{
    struct loaded *loaded = user;

    loaded->document = strdup(found->document);
    loaded->hook = found->hook ? strdup(found->hook) : NULL;
    loaded->is_enabled = found->is_enabled;
    loaded->has_failed = !loaded->document || (found->hook && !loaded->hook);
}

static void free_loaded(struct loaded *loaded)
{
    free(loaded->document);
    free(loaded->hook);
}

static enum imprint_status load_template(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request, struct loaded *out)
{
    enum imprint_status status = imprint_catalog_each_template(
        provision->registry, request->template_name, take_template, out);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_provision_reject(request, 404, "ResourceNotFound",
                                        "There is no template \"%s\".",
                                        request->template_name);
    if (status == IMPRINT_OK && out->has_failed)
        return IMPRINT_ERR_INTERNAL;
    if (status == IMPRINT_OK && !out->is_enabled)
        return imprint_provision_reject(request, 400, "InvalidRequest",
                                        "The template \"%s\" is disabled.",
                                        request->template_name);
    return status;
}

/* ---- the certificate that the token proves ---- */

struct proved {
    char *pem;
    enum imprint_registry_state state;
};

static void take_certificate(void *user,
                             const struct imprint_registry_certificate *found)
{
    struct proved *proved = user;

    proved->pem = strdup(found->pem);
    proved->state = found->state;
}

/* ---- the hook ---- */

/* What says no is told the log alone: AWS gives the device no reason. */
static enum imprint_status deny(struct imprint_provision_request *request,
                                const char *note)
{
    imprint_provision_note(request, note);
    return imprint_provision_reject(
        request, 403, "AccessDenied",
        "The pre-provisioning hook does not allow it.");
}

static enum imprint_status want_hook(const struct imprint_provision *provision,
                                     struct imprint_provision_request *request,
                                     const char *hook,
                                     const char *certificate_pem)
{
    char template_arn[128];
    struct imprint_hook_event event = {
        .claim_certificate_id = request->claim_id,
        .certificate_id = request->certificate.id,
        .certificate_pem = certificate_pem,
        .template_arn = template_arn,
        .client_id = request->client_id,
        .parameters = request->parameters,
        .parameter_count = request->registration.parameter_count,
    };
    struct imprint_why why = {{0}, {0}};
    char *target = NULL;
    char *text;
    enum imprint_status status =
        imprint_provision_find_target(provision->registry, hook, &target, &why);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return deny(request, why.text);
    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(template_arn, sizeof(template_arn),
                   IMPRINT_PROVISION_ARN "provisioningtemplate/%s",
                   request->template_name);
    text = imprint_hook_write_event(&event);
    if (!text) {
        free(target);
        return deny(request, "the parameters can't be given to the hook");
    }
    request->hook = imprint_hook_new(target, text);
    if (!request->hook)
        return IMPRINT_ERR_INTERNAL;
    request->lack = IMPRINT_PROVISION_HOOK;
    return IMPRINT_ERR_BUSY;
}

/* The template may have another hook by now, whose word counts. */
static bool is_asked(const struct imprint_provision *provision,
                     const struct imprint_provision_request *request,
                     const char *hook)
{
    struct imprint_why why = {{0}, {0}};
    char *target = NULL;
    bool is_so = imprint_provision_find_target(provision->registry, hook,
                                               &target, &why) == IMPRINT_OK &&
                 strcmp(target, request->hook->target) == 0;

    free(target);
    return is_so;
}

/* ERR_BUSY: the hook has to run first. Else its word, or nothing to say. */
static enum imprint_status ask_hook(const struct imprint_provision *provision,
                                    struct imprint_provision_request *request,
                                    const char *hook,
                                    const char *certificate_pem,
                                    struct imprint_hook_answer *out)
{
    struct imprint_why why = {{0}, {0}};
    char note[IMPRINT_WHY_TEXT_LEN + 32];

    if (!hook)
        return IMPRINT_OK;
    if (request->hook && !is_asked(provision, request, hook)) {
        imprint_hook_free(request->hook);
        request->hook = NULL;
    }
    if (!request->hook)
        return want_hook(provision, request, hook, certificate_pem);
    if (request->hook->outcome == IMPRINT_HOOK_NOT_RUN)
        return deny(request, "the hook did not run");
    if (imprint_hook_read_answer(request->hook, out, &why) != IMPRINT_OK)
        return deny(request, why.text);
    if (out->allows)
        return IMPRINT_OK;
    (void)snprintf(note, sizeof(note), "the hook said no%s",
                   request->hook->said);
    return deny(request, note);
}

/* ---- a token that was not used yet ---- */

static enum imprint_status encode_registered(
    struct imprint_provision_request *request,
    const struct imprint_template_plan *plan)
{
    struct imprint_writer writer = imprint_slice_writer(NULL, 0);
    int pass;

    /* how long it is, then what it is */
    for (pass = 0; pass < 2; pass++) {
        imprint_codec_put_registered(&writer, imprint_provision_format(request),
                                     imprint_slice_text(plan->thing.name),
                                     plan->configuration,
                                     plan->configuration_count);
        if (pass == 1)
            break;
        request->reply_len = writer.len;
        request->reply = malloc(writer.len);
        if (!request->reply)
            return IMPRINT_ERR_INTERNAL;
        writer = imprint_slice_writer(request->reply, request->reply_len);
    }
    return IMPRINT_OK;
}

static enum imprint_status store_plan(const struct imprint_provision *provision,
                                      struct imprint_provision_request *request,
                                      struct imprint_template_plan *plan,
                                      enum imprint_registry_state state)
{
    enum imprint_status status;

    (void)snprintf(request->thing_name, sizeof(request->thing_name), "%s",
                   plan->thing.name ? plan->thing.name : "");
    status = imprint_registration_plan_store(provision, request, plan, state);
    return status == IMPRINT_OK ? encode_registered(request, plan) : status;
}

static enum imprint_status apply_template(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request, const char *document,
    const struct imprint_hook_answer *answer, enum imprint_registry_state state)
{
    struct imprint_template_parameters parameters = {
        .certificate_id = imprint_slice_text(request->certificate.id),
        .pairs = request->parameters,
        .pair_count = request->registration.parameter_count,
        .overrides = answer->overrides,
        .override_count = answer->override_count,
    };
    const struct imprint_template *template = NULL;
    struct imprint_template_plan plan = {.memory = NULL};
    struct imprint_why why = {{0}, {0}};
    enum imprint_status status = imprint_templates_parse(
        provision->templates, document, &template, &why);

    if (status == IMPRINT_ERR_FORMAT)
        return imprint_provision_reject(
            request, 400, "InvalidRequest",
            "The template \"%s\" can't be used: %s.", request->template_name,
            why.text);
    if (status == IMPRINT_OK)
        status = imprint_template_apply(template, &parameters, &plan, &why);
    if (status == IMPRINT_ERR_ARGUMENT)
        status = imprint_provision_reject(
            request, 400, "InvalidParameters",
            "The template \"%s\" can't be applied: %s.", request->template_name,
            why.text);
    if (status == IMPRINT_OK)
        status = store_plan(provision, request, &plan, state);
    imprint_template_free_plan(&plan);
    return status;
}

static enum imprint_status store_first(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    struct imprint_hook_answer answer = {.memory = NULL};
    struct loaded loaded = {.document = NULL};
    struct proved proved = {.pem = NULL};
    enum imprint_status status = load_template(provision, request, &loaded);

    if (status == IMPRINT_OK)
        status = imprint_registry_each_certificate(provision->registry,
                                                   request->certificate.id,
                                                   take_certificate, &proved);
    if (status == IMPRINT_OK && !proved.pem)
        status = IMPRINT_ERR_INTERNAL;
    if (status == IMPRINT_OK)
        status = ask_hook(provision, request, loaded.hook, proved.pem, &answer);
    if (status == IMPRINT_OK)
        status = apply_template(provision, request, loaded.document, &answer,
                                proved.state);
    imprint_hook_free_answer(&answer);
    free(proved.pem);
    free_loaded(&loaded);
    return status;
}

/* ---- a token ---- */

static void take_thing(void *user, const char *thing, bool is_exclusive)
{
    struct imprint_provision_request *request = user;

    (void)is_exclusive;
    (void)snprintf(request->thing_name, sizeof(request->thing_name), "%s",
                   thing);
}

/* The same request again gets the same reply; another one gets none. */
static enum imprint_status repeat(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    struct imprint_registry_token *token,
    const uint8_t request_hash[IMPRINT_AUTHORITY_DIGEST_LEN])
{
    enum imprint_status status;

    if (memcmp(token->request_hash, request_hash,
               IMPRINT_AUTHORITY_DIGEST_LEN) != 0)
        return imprint_provision_reject(
            request, 400, TOKEN_CODE,
            "The certificate ownership token was used already.");
    status = imprint_catalog_each_thing(
        provision->registry, token->certificate_id, take_thing, request);
    if (status != IMPRINT_OK)
        return status;
    request->reply = token->reply;
    request->reply_len = token->reply_len;
    token->reply = NULL;
    request->is_repeat = true;
    return IMPRINT_OK;
}

/* Another node may be asked with the same one. */
static enum imprint_status lock_token(
    const struct imprint_provision *provision,
    const uint8_t hash[IMPRINT_AUTHORITY_DIGEST_LEN])
{
    char name[6 + 2 * IMPRINT_AUTHORITY_DIGEST_LEN + 1] = "token/";

    imprint_keys_write_hex(hash, IMPRINT_AUTHORITY_DIGEST_LEN, name + 6);
    return imprint_registry_lock(provision->registry, name);
}

static enum imprint_status find_token(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    const uint8_t hash[IMPRINT_AUTHORITY_DIGEST_LEN],
    struct imprint_registry_token *out)
{
    enum imprint_status status =
        imprint_registry_find_token(provision->registry, hash, out);

    if (status == IMPRINT_ERR_NOT_FOUND ||
        (status == IMPRINT_OK &&
         out->expires <= imprint_rules_now(provision->rules)))
        return imprint_provision_reject(
            request, 400, TOKEN_CODE,
            "The certificate ownership token is not known, or has expired.");
    if (status == IMPRINT_OK)
        memcpy(request->certificate.id, out->certificate_id,
               sizeof(out->certificate_id));
    return status;
}

static enum imprint_status store(const struct imprint_provision *provision,
                                 struct imprint_provision_request *request)
{
    struct imprint_registry_token token = {.reply = NULL};
    uint8_t request_hash[IMPRINT_AUTHORITY_DIGEST_LEN];
    uint8_t hash[IMPRINT_AUTHORITY_DIGEST_LEN];
    enum imprint_status status = hash_request(request, request_hash);

    if (status != IMPRINT_OK)
        return status;
    imprint_authority_digest(request->registration.token, hash);
    status = lock_token(provision, hash);
    if (status == IMPRINT_OK)
        status = find_token(provision, request, hash, &token);
    if (status == IMPRINT_OK && token.is_used) {
        status = repeat(provision, request, &token, request_hash);
    } else if (status == IMPRINT_OK) {
        status = store_first(provision, request);
        if (status == IMPRINT_OK)
            status = imprint_registry_use_token(
                provision->registry, hash, request_hash,
                imprint_slice_of(request->reply, request->reply_len));
    }
    free(token.reply);
    return status;
}

/*
 * Every request counts once, whatever came of it. One that is refused by a
 * fault is undone as any other.
 */
static enum imprint_status match_fault(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    struct imprint_fault_case now = {
        .event = IMPRINT_FAULT_REGISTER,
        .client_id = request->client_id,
        .claim = request->claim,
        .thing_name =
            request->thing_name[0] != '\0' ? request->thing_name : NULL,
        .template_name = request->template_name,
        .parameters = request->parameters,
        .parameter_count = request->registration.parameter_count,
    };

    return imprint_provision_strike(provision, &now, request);
}

enum imprint_status imprint_registration_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    enum imprint_status status = store(provision, request);
    enum imprint_status struck = IMPRINT_OK;

    if (status == IMPRINT_OK || status == IMPRINT_ERR_REFUSED)
        struck = match_fault(provision, request);
    return status == IMPRINT_OK ? struck : status;
}
