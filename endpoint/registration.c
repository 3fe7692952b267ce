#include "registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/template.h"
#include "posix/file.h"
#include "posix/json.h"

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

static enum imprint_status load_template(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request, struct imprint_template **out)
{
    struct imprint_why why = {{0}, {0}};
    char *text = NULL;
    enum imprint_status status = imprint_registry_find_document(
        provision->registry, IMPRINT_REGISTRY_TEMPLATE, request->template_name,
        &text);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_provision_reject(request, 404, "ResourceNotFound",
                                        "There is no template \"%s\".",
                                        request->template_name);
    if (status != IMPRINT_OK)
        return status;
    status = imprint_template_parse(imprint_slice_text(text), out, &why);
    free(text);
    if (status != IMPRINT_OK)
        return imprint_provision_reject(
            request, 400, "InvalidRequest",
            "The template \"%s\" can't be used: %s.", request->template_name,
            why.text);
    return IMPRINT_OK;
}

/* By name, which must exist; or by document, whose name is its digest. */
static enum imprint_status store_policy(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request, const char *certificate_id,
    const struct imprint_template_policy *policy)
{
    char digest[IMPRINT_AUTHORITY_ID_LEN + 1];
    const char *name = policy->name;
    enum imprint_status status;

    if (name) {
        status = imprint_registry_find_document(
            provision->registry, IMPRINT_REGISTRY_POLICY, name, NULL);
        if (status == IMPRINT_ERR_NOT_FOUND)
            return imprint_provision_reject(
                request, 404, "ResourceNotFound",
                "There is no policy \"%s\", which the template "
                "names.",
                name);
    } else {
        imprint_authority_certificate_id(imprint_slice_text(policy->document),
                                         digest);
        name = digest;
        status = imprint_registry_put_document(provision->registry,
                                               IMPRINT_REGISTRY_POLICY, name,
                                               policy->document);
    }
    if (status != IMPRINT_OK)
        return status;
    return imprint_registry_attach(provision->registry, certificate_id, name);
}

/* Attributes as one JSON text, in the order of their names; free it. */
static char *write_attributes(struct imprint_template_plan *plan)
{
    struct imprint_json *object = imprint_json_new();
    char *text = NULL;
    bool done = object != NULL;
    size_t i;

    if (plan->attribute_count > 0)
        qsort(plan->attributes, plan->attribute_count,
              sizeof(*plan->attributes), compare_pairs);
    for (i = 0; i < plan->attribute_count && done; i++)
        done = imprint_json_put_slices(object, plan->attributes[i].name,
                                       plan->attributes[i].value);
    if (done)
        text = imprint_json_write(object);
    imprint_json_free(object);
    return text;
}

/* A thing that is there already is fine if it is the same. */
static enum imprint_status store_thing(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    struct imprint_template_plan *plan)
{
    char *attributes = write_attributes(plan);
    char *found = NULL;
    enum imprint_status status = attributes ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;

    if (status == IMPRINT_OK)
        status = imprint_registry_find_document(provision->registry,
                                                IMPRINT_REGISTRY_THING,
                                                plan->thing_name, &found);
    if (status == IMPRINT_OK && strcmp(found, attributes) != 0)
        status = imprint_provision_reject(
            request, 409, "ResourceConflict",
            "The thing \"%s\" exists, with other attributes.",
            plan->thing_name);
    else if (status == IMPRINT_ERR_NOT_FOUND)
        status = imprint_registry_put_document(provision->registry,
                                               IMPRINT_REGISTRY_THING,
                                               plan->thing_name, attributes);
    free(found);
    free(attributes);
    return status;
}

static enum imprint_status encode_registered(
    struct imprint_provision_request *request,
    const struct imprint_template_plan *plan)
{
    struct imprint_writer writer = imprint_slice_writer(NULL, 0);
    size_t len;

    imprint_codec_put_registered(&writer, imprint_provision_format(request),
                                 imprint_slice_text(plan->thing_name),
                                 plan->configuration,
                                 plan->configuration_count);
    len = writer.len;
    request->reply = malloc(len);
    if (!request->reply)
        return IMPRINT_ERR_INTERNAL;
    writer = imprint_slice_writer(request->reply, len);
    imprint_codec_put_registered(&writer, imprint_provision_format(request),
                                 imprint_slice_text(plan->thing_name),
                                 plan->configuration,
                                 plan->configuration_count);
    request->reply_len = len;
    return IMPRINT_OK;
}

static enum imprint_status store_plan(const struct imprint_provision *provision,
                                      struct imprint_provision_request *request,
                                      const char *certificate_id,
                                      struct imprint_template_plan *plan)
{
    enum imprint_status status = IMPRINT_OK;
    size_t i;

    if (plan->thing_name)
        status = store_thing(provision, request, plan);
    for (i = 0; i < plan->policy_count && status == IMPRINT_OK; i++)
        status = store_policy(provision, request, certificate_id,
                              &plan->policies[i]);
    if (status == IMPRINT_OK)
        status = imprint_registry_set_state(provision->registry, certificate_id,
                                            plan->activates
                                                ? IMPRINT_REGISTRY_ACTIVE
                                                : IMPRINT_REGISTRY_INACTIVE,
                                            plan->thing_name);
    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(request->thing_name, sizeof(request->thing_name), "%s",
                   plan->thing_name ? plan->thing_name : "");
    return encode_registered(request, plan);
}

/* Everything that the template says, for a token that was not used yet. */
static enum imprint_status store_first(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request, const char *certificate_id)
{
    struct imprint_template_parameters parameters = {
        .certificate_id = imprint_slice_text(certificate_id),
        .pairs = request->parameters,
        .pair_count = request->registration.parameter_count,
    };
    struct imprint_template *template = NULL;
    struct imprint_template_plan plan = {.thing_name = NULL};
    struct imprint_why why = {{0}, {0}};
    enum imprint_status status = load_template(provision, request, &template);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_template_apply(template, &parameters, &plan, &why);
    if (status == IMPRINT_ERR_ARGUMENT)
        status = imprint_provision_reject(
            request, 400, "InvalidParameters",
            "The template \"%s\" can't be applied: %s.", request->template_name,
            why.text);
    if (status == IMPRINT_OK)
        status = store_plan(provision, request, certificate_id, &plan);
    imprint_template_free_plan(&plan);
    imprint_template_free(template);
    return status;
}

/* The same request again gets the same reply; another one gets none. */
static enum imprint_status repeat(
    struct imprint_provision_request *request,
    struct imprint_registry_token *token,
    const uint8_t request_hash[IMPRINT_AUTHORITY_DIGEST_LEN])
{
    if (memcmp(token->request_hash, request_hash,
               IMPRINT_AUTHORITY_DIGEST_LEN) != 0)
        return imprint_provision_reject(
            request, 400, TOKEN_CODE,
            "The certificate ownership token was used already.");
    request->reply = token->reply;
    request->reply_len = token->reply_len;
    token->reply = NULL;
    request->is_repeat = true;
    return IMPRINT_OK;
}

enum imprint_status imprint_registration_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request)
{
    struct imprint_registry_token token = {.reply = NULL};
    uint8_t request_hash[IMPRINT_AUTHORITY_DIGEST_LEN];
    uint8_t hash[IMPRINT_AUTHORITY_DIGEST_LEN];
    enum imprint_status status = hash_request(request, request_hash);

    if (status != IMPRINT_OK)
        return status;
    imprint_authority_digest(request->registration.token, hash);
    status = imprint_registry_find_token(provision->registry, hash, &token);
    if (status == IMPRINT_ERR_NOT_FOUND ||
        (status == IMPRINT_OK && token.expires <= (int64_t)time(NULL)))
        status = imprint_provision_reject(
            request, 400, TOKEN_CODE,
            "The certificate ownership token is not known, or "
            "has expired.");
    if (status != IMPRINT_OK) {
        free(token.reply);
        return status;
    }
    memcpy(request->certificate.id, token.certificate_id,
           sizeof(token.certificate_id));
    if (token.is_used) {
        status = repeat(request, &token, request_hash);
        free(token.reply);
        return status;
    }
    status = store_first(provision, request, token.certificate_id);
    if (status == IMPRINT_OK)
        status = imprint_registry_use_token(
            provision->registry, hash, request_hash,
            imprint_slice_of(request->reply, request->reply_len));
    return status;
}
