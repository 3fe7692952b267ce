/*
 * RegisterThing of the control plane: a template in the request, and no token.
 * Its certificate is one that is here, or of a CSR.
 *
 * Source: AWS IoT API reference, RegisterThing; the template's grammar is that
 * of fleet provisioning but for what its certificate is given by.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "aws/template.h"
#include "catalog.h"
#include "registration_plan.h"
#include "rest_certificate.h"
#include "rest_route.h"

#define BUILT_IN_ID "AWS::IoT::Certificate::Id"
#define TYPE(what) "AWS::IoT::" what

struct work {
    struct imprint_rest_call *call;
    struct imprint_json *body; /* the template, made a fleet template */
    struct imprint_pair pairs[IMPRINT_PROVISION_PARAMETER_MAX_COUNT];
    size_t pair_count;
    struct imprint_authority_certificate certificate; /* pem to be freed */
};

/* ---- what was sent ---- */

static enum imprint_status read_parameters(struct work *work)
{
    struct imprint_rest_call *call = work->call;
    const struct imprint_json *sent =
        imprint_json_member(call->body, "parameters");
    void *cursor = NULL;
    const char *name;

    while (sent && (name = imprint_json_next(sent, &cursor))) {
        const char *value = imprint_json_text(sent, name);

        if (!value || work->pair_count == IMPRINT_PROVISION_PARAMETER_MAX_COUNT)
            return imprint_rest_refuse(
                call, IMPRINT_REST_INVALID_REQUEST,
                "Parameters must be strings, at most %d: \"%.80s\"",
                IMPRINT_PROVISION_PARAMETER_MAX_COUNT, name);
        work->pairs[work->pair_count++] = (struct imprint_pair){
            imprint_slice_text(name), imprint_slice_text(value)};
    }
    return IMPRINT_OK;
}

/* The parameter's value, or its default; NULL: it has neither. */
static const char *find_parameter(const struct work *work, const char *name)
{
    const struct imprint_json *sent =
        imprint_json_member(work->call->body, "parameters");
    const struct imprint_json *declared =
        imprint_json_member(work->body, "Parameters");
    const char *value = sent ? imprint_json_text(sent, name) : NULL;

    if (!value && declared)
        declared = imprint_json_member(declared, name);
    return value || !declared ? value : imprint_json_text(declared, "Default");
}

/* A text, or a Ref. NULL: neither, or a parameter that is missing. */
static const char *find_value(const struct work *work,
                              const struct imprint_json *properties,
                              const char *name)
{
    const struct imprint_json *function = imprint_json_member(properties, name);
    const char *text = imprint_json_text(properties, name);
    const char *of = function ? imprint_json_text(function, "Ref") : NULL;

    return of ? find_parameter(work, of) : text;
}

/* ---- its certificate ---- */

static struct imprint_json *find_properties(const struct work *work)
{
    struct imprint_json *resources = imprint_json_open(work->body, "Resources");
    void *cursor = NULL;
    const char *name;

    while (resources && (name = imprint_json_next(resources, &cursor))) {
        struct imprint_json *resource = imprint_json_open(resources, name);
        const char *type = resource ? imprint_json_text(resource, "Type") : "";

        if (type && strcmp(type, TYPE("Certificate")) == 0)
            return imprint_json_open(resource, "Properties");
    }
    return NULL;
}

static void take_certificate(void *user,
                             const struct imprint_registry_certificate *found)
{
    struct work *work = user;

    work->certificate.pem = strdup(found->pem);
    work->call->has_failed |= !work->certificate.pem;
}

static enum imprint_status find_certificate(struct work *work, const char *id)
{
    enum imprint_status status = imprint_registry_each_certificate(
        work->call->registry, id, take_certificate, work);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_rest_refuse(work->call,
                                   IMPRINT_REST_REGISTRATION_FAILURE,
                                   "There is no certificate \"%.80s\"", id);
    (void)snprintf(work->certificate.id, sizeof(work->certificate.id), "%s",
                   id);
    return status;
}

static enum imprint_status make_certificate(struct work *work, const char *csr)
{
    struct imprint_authority_certificate *made = &work->certificate;
    struct imprint_why why = {"", ""};
    enum imprint_status status = imprint_authority_sign_csr(
        work->call->place->authority, imprint_slice_text(csr), made, &why);

    if (status == IMPRINT_ERR_FORMAT)
        return imprint_rest_refuse(
            work->call, IMPRINT_REST_REGISTRATION_FAILURE, "%s", why.text);
    if (status == IMPRINT_OK)
        status = imprint_rest_certificate_put(
            work->call,
            &(struct imprint_rest_certificate){.id = made->id,
                                               .pem = made->pem,
                                               .not_after = made->not_after});
    return status;
}

/* From then on the template's certificate is that of the built-in parameter. */
static enum imprint_status settle_certificate(struct work *work)
{
    static const char csr_member[] = "CertificateSigningRequest";
    static const char id_member[] = "CertificateId";
    struct imprint_json *properties = find_properties(work);
    struct imprint_json *reference = imprint_json_new();
    const char *csr = NULL;
    const char *id = NULL;
    enum imprint_status status;

    if (properties) {
        csr = find_value(work, properties, csr_member);
        id = find_value(work, properties, id_member);
    }
    if (!csr == !id)
        status = imprint_rest_refuse(
            work->call, IMPRINT_REST_REGISTRATION_FAILURE,
            "The template needs a certificate with either %s or %s, whose "
            "parameter is given",
            csr_member, id_member);
    else
        status = csr ? make_certificate(work, csr) : find_certificate(work, id);
    if (status == IMPRINT_OK && reference &&
        imprint_json_put_text(reference, "Ref", BUILT_IN_ID)) {
        (void)imprint_json_drop(properties, csr_member);
        if (imprint_json_put_object(properties, id_member, reference))
            return IMPRINT_OK;
        return IMPRINT_ERR_INTERNAL;
    }
    imprint_json_free(reference);
    return status == IMPRINT_OK ? IMPRINT_ERR_INTERNAL : status;
}

/* ---- what comes out ---- */

static void put_policy(struct imprint_rest_call *call,
                       struct imprint_json *arns, const char *logical_id,
                       const struct imprint_template_policy *policy)
{
    char digest[IMPRINT_AUTHORITY_ID_LEN + 1];

    if (!policy->name)
        imprint_authority_certificate_id(imprint_slice_text(policy->document),
                                         digest);
    imprint_rest_put_arn(call, arns, logical_id, "policy",
                         policy->name ? policy->name : digest);
}

/* resourceArns, by logical ids; policies come in the template's order. */
static void show(const struct work *work,
                 const struct imprint_template_plan *plan)
{
    struct imprint_rest_call *call = work->call;
    const struct imprint_json *resources =
        imprint_json_member(work->body, "Resources");
    struct imprint_json *arns = imprint_rest_new(call);
    size_t policy_count = 0;
    void *cursor = NULL;
    const char *id;

    imprint_rest_put(call, call->out, "certificatePem", work->certificate.pem);
    while (arns && (id = imprint_json_next(resources, &cursor))) {
        const char *type =
            imprint_json_text(imprint_json_member(resources, id), "Type");

        if (strcmp(type, TYPE("Thing")) == 0 && plan->thing.name)
            imprint_rest_put_arn(call, arns, id, "thing", plan->thing.name);
        else if (strcmp(type, TYPE("Certificate")) == 0)
            imprint_rest_put_arn(call, arns, id, "cert", work->certificate.id);
        else if (policy_count < plan->policy_count)
            put_policy(call, arns, id, &plan->policies[policy_count++]);
    }
    imprint_rest_put_value(call, call->out, "resourceArns", arns);
}

/* ---- the whole ---- */

static enum imprint_status store(struct work *work,
                                 struct imprint_template_plan *plan)
{
    struct imprint_rest_call *call = work->call;
    const struct imprint_provision provision = {.registry = call->registry,
                                                .rules = call->rules};
    struct imprint_provision_request *request = calloc(1, sizeof(*request));
    enum imprint_status status;

    if (!request)
        return IMPRINT_ERR_INTERNAL;
    request->certificate = work->certificate; /* borrowed */
    status = imprint_registration_plan_store(&provision, request, plan,
                                             IMPRINT_REGISTRY_PENDING);
    if (status == IMPRINT_ERR_REFUSED)
        status = imprint_rest_refuse(call,
                                     request->rejection.status_code == 409
                                         ? IMPRINT_REST_CONFLICTING_UPDATE
                                         : IMPRINT_REST_REGISTRATION_FAILURE,
                                     "%s", request->rejection.message);
    else if (status == IMPRINT_OK)
        show(work, plan);
    free(request);
    return status;
}

static enum imprint_status apply(struct work *work)
{
    const struct imprint_template_parameters parameters = {
        .certificate_id = imprint_slice_text(work->certificate.id),
        .pairs = work->pairs,
        .pair_count = work->pair_count};
    struct imprint_template *template = NULL;
    struct imprint_template_plan plan = {.memory = NULL};
    struct imprint_why why = {"", ""};
    char *text = imprint_json_write_line(work->body);
    enum imprint_status status =
        text ? imprint_template_parse(imprint_slice_text(text), &template, &why)
             : IMPRINT_ERR_INTERNAL;

    if (status == IMPRINT_ERR_FORMAT)
        status = imprint_rest_refuse(work->call, IMPRINT_REST_INVALID_REQUEST,
                                     "templateBody: %s", why.text);
    if (status == IMPRINT_OK)
        status = imprint_template_apply(template, &parameters, &plan, &why);
    if (status == IMPRINT_ERR_ARGUMENT)
        status = imprint_rest_refuse(
            work->call, IMPRINT_REST_REGISTRATION_FAILURE, "%s", why.text);
    if (status == IMPRINT_OK)
        status = store(work, &plan);
    imprint_template_free_plan(&plan);
    imprint_template_free(template);
    free(text);
    return status;
}

static enum imprint_status register_thing(struct imprint_rest_call *call)
{
    struct work work = {.call = call};
    struct imprint_why why = {"", ""};
    enum imprint_status status = imprint_json_read(
        imprint_slice_text(imprint_rest_text(call, "templateBody")), &work.body,
        &why);

    if (status == IMPRINT_ERR_FORMAT)
        status = imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                     "templateBody: %s", why.text);
    if (status == IMPRINT_OK)
        status = read_parameters(&work);
    if (status == IMPRINT_OK)
        status = settle_certificate(&work);
    if (status == IMPRINT_OK)
        status = apply(&work);
    imprint_json_free(work.body);
    free(work.certificate.pem);
    return status;
}

const struct imprint_rest_route imprint_rest_register_routes[] = {
    {"RegisterThing", "POST", "/things", IMPRINT_REST_WRITE,
     "templateBody:s! parameters:o", register_thing},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
