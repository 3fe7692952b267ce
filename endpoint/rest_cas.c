/* CA certificates, and certificates that others signed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "claims.h"
#include "posix/keys.h"
#include "resource.h"
#include "rest_certificate.h"
#include "rest_id.h"
#include "rest_list.h"
#include "rest_route.h"

#define ARN_KIND "cacert"

static enum imprint_status refuse_missing(struct imprint_rest_call *call,
                                          enum imprint_status status,
                                          const char *id)
{
    return imprint_rest_missing(call, status, "CA certificate", id);
}

static enum imprint_status load(struct imprint_rest_call *call, const char *id,
                                struct imprint_json **document)
{
    return imprint_resource_find(call->registry, IMPRINT_RESOURCE_CA, id,
                                 document);
}

/* ---- register a CA ---- */

static enum imprint_status refuse_code(struct imprint_rest_call *call,
                                       const char *text)
{
    return imprint_rest_refuse(call, IMPRINT_REST_REGISTRATION_CODE, "%s",
                               text);
}

/* Who has the CA's key can make a certificate that says the code. */
static enum imprint_status check_proof(struct imprint_rest_call *call,
                                       const char *ca_pem, const char *pem)
{
    struct imprint_keys_certificate certificate;
    struct imprint_why why = {"", ""};
    char *code = NULL;
    char wanted[80];
    enum imprint_status status = imprint_registry_find_setting(
        call->registry, IMPRINT_REST_CODE_SETTING, &code);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return refuse_code(call, "There is no registration code: ask for one "
                                 "by GetRegistrationCode");
    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(wanted, sizeof(wanted), "CN=%s", code);
    free(code);
    if (imprint_keys_read_certificate(imprint_slice_text(pem), &certificate,
                                      &why) != IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_CERTIFICATE_VALIDATION,
                                   "verificationCertificate: %s", why.text);
    if (!strstr(certificate.subject, wanted))
        return refuse_code(call, "The verification certificate's common name "
                                 "is not the registration code");
    if (!imprint_authority_is_issued(imprint_slice_text(ca_pem),
                                     imprint_slice_text(pem)))
        return imprint_rest_refuse(call, IMPRINT_REST_CERTIFICATE_VALIDATION,
                                   "The CA did not sign the verification "
                                   "certificate");
    return IMPRINT_OK;
}

static bool is_sni_only(const struct imprint_rest_call *call)
{
    const char *mode = imprint_rest_text(call, "certificateMode");

    return mode && strcmp(mode, "SNI_ONLY") == 0;
}

static enum imprint_status check_ca(struct imprint_rest_call *call,
                                    const char *pem)
{
    const char *proof = imprint_rest_text(call, "verificationCertificate");

    if (is_sni_only(call) && !proof)
        return IMPRINT_OK;
    if (is_sni_only(call))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "SNI_ONLY takes no "
                                   "verificationCertificate");
    if (!proof)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "verificationCertificate must not be null");
    return check_proof(call, pem, proof);
}

/* What the request says of it, if it does. */
static void keep_config(struct imprint_rest_call *call,
                        struct imprint_json *document)
{
    static const char name[] = "registrationConfig";
    const struct imprint_json *config = imprint_json_member(call->body, name);
    char *line = config ? imprint_json_write_line(config) : NULL;
    struct imprint_json *copy = NULL;

    if (line &&
        imprint_json_read(imprint_slice_text(line), &copy, NULL) == IMPRINT_OK)
        imprint_rest_put_value(call, document, name, copy);
    else
        call->has_failed |= config != NULL;
    free(line);
}

/* What is shown of it later. */
static struct imprint_json *make_document(
    struct imprint_rest_call *call, const char *pem,
    const struct imprint_keys_certificate *certificate)
{
    struct imprint_json *document = imprint_rest_new(call);

    imprint_rest_put(call, document, "certificatePem", pem);
    imprint_rest_put(call, document, "status",
                     imprint_rest_is_on(call, "setAsActive") ? "ACTIVE"
                                                             : "INACTIVE");
    imprint_rest_put(call, document, "autoRegistrationStatus",
                     imprint_rest_is_on(call, "allowAutoRegistration")
                         ? "ENABLE"
                         : "DISABLE");
    imprint_rest_put(call, document, "certificateMode",
                     is_sni_only(call) ? "SNI_ONLY" : "DEFAULT");
    imprint_rest_put_number(call, document, "creationDate", call->now);
    imprint_rest_put_number(call, document, "lastModifiedDate", call->now);
    imprint_rest_put_number(call, document, "notBefore",
                            certificate->not_before);
    imprint_rest_put_number(call, document, "notAfter", certificate->not_after);
    keep_config(call, document);
    return document;
}

static enum imprint_status put_ca(
    struct imprint_rest_call *call, const char *pem,
    const struct imprint_keys_certificate *certificate)
{
    struct imprint_json *document = NULL;
    struct imprint_why why = {"", ""};
    enum imprint_status status = load(call, certificate->id, &document);

    imprint_json_free(document);
    if (status == IMPRINT_OK) {
        imprint_rest_write_arn(call->resource_arn, ARN_KIND, certificate->id);
        return imprint_rest_refuse(call, IMPRINT_REST_ALREADY_EXISTS,
                                   "CA Certificate already exists");
    }
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    status =
        imprint_claims_trust(call->place->dir, imprint_slice_text(pem), &why);
    if (status == IMPRINT_ERR_REFUSED || status == IMPRINT_ERR_FORMAT)
        return imprint_rest_refuse(call, IMPRINT_REST_CERTIFICATE_VALIDATION,
                                   "caCertificate: %s", why.text);
    if (status != IMPRINT_OK)
        return status;
    document = make_document(call, pem, certificate);
    status = document
                 ? imprint_resource_put(call->registry, IMPRINT_RESOURCE_CA,
                                        certificate->id, document)
                 : IMPRINT_ERR_INTERNAL;
    imprint_json_free(document);
    imprint_rest_put_arn(call, call->out, "certificateArn", ARN_KIND,
                         certificate->id);
    imprint_rest_put(call, call->out, "certificateId", certificate->id);
    return status;
}

static enum imprint_status register_ca(struct imprint_rest_call *call)
{
    const char *pem = imprint_rest_text(call, "caCertificate");
    struct imprint_keys_certificate certificate;
    struct imprint_why why = {"", ""};
    enum imprint_status status = imprint_keys_read_certificate(
        imprint_slice_text(pem), &certificate, &why);

    if (status != IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_CERTIFICATE_VALIDATION,
                                   "caCertificate: %s", why.text);
    status = check_ca(call, pem);
    return status == IMPRINT_OK ? put_ca(call, pem, &certificate) : status;
}

/* ---- show, change, delete ---- */

static void put_texts(struct imprint_rest_call *call,
                      struct imprint_json *object,
                      const struct imprint_json *document)
{
    static const char *const texts[] = {"status", "certificatePem",
                                        "autoRegistrationStatus",
                                        "certificateMode"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        imprint_rest_put(call, object, texts[i],
                         imprint_json_text(document, texts[i]));
}

static enum imprint_status describe(struct imprint_rest_call *call)
{
    const char *id = call->labels[0];
    struct imprint_json *document = NULL;
    const struct imprint_json *config;
    struct imprint_json *object;
    struct imprint_json *validity;
    struct imprint_json *copy;
    enum imprint_status status =
        refuse_missing(call, load(call, id, &document), id);

    if (status != IMPRINT_OK)
        return status;
    object = imprint_rest_new(call);
    validity = imprint_rest_new(call);
    imprint_rest_put_arn(call, object, "certificateArn", ARN_KIND, id);
    imprint_rest_put(call, object, "certificateId", id);
    put_texts(call, object, document);
    imprint_rest_put(call, object, "ownedBy", IMPRINT_REST_ACCOUNT);
    imprint_rest_put(call, object, "generationId", id);
    imprint_rest_put_number(call, object, "customerVersion", 1);
    imprint_rest_put_number(call, object, "creationDate",
                            imprint_json_number(document, "creationDate", 0));
    imprint_rest_put_number(
        call, object, "lastModifiedDate",
        imprint_json_number(document, "lastModifiedDate", 0));
    imprint_rest_put_number(call, validity, "notBefore",
                            imprint_json_number(document, "notBefore", 0));
    imprint_rest_put_number(call, validity, "notAfter",
                            imprint_json_number(document, "notAfter", 0));
    imprint_rest_put_value(call, object, "validity", validity);
    imprint_rest_put_value(call, call->out, "certificateDescription", object);
    config = imprint_json_member(document, "registrationConfig");
    if (config) {
        copy = imprint_rest_new(call);
        imprint_rest_put(call, copy, "templateBody",
                         imprint_json_text(config, "templateBody"));
        imprint_rest_put(call, copy, "templateName",
                         imprint_json_text(config, "templateName"));
        imprint_rest_put(call, copy, "roleArn",
                         imprint_json_text(config, "roleArn"));
        imprint_rest_put_value(call, call->out, "registrationConfig", copy);
    }
    imprint_json_free(document);
    return status;
}

static void list_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *document = NULL;
    struct imprint_json *item;

    if (imprint_json_read(imprint_slice_text(columns[1]), &document, NULL) !=
        IMPRINT_OK)
        return;
    item = imprint_rest_new(call);
    imprint_rest_put_arn(call, item, "certificateArn", ARN_KIND, columns[2]);
    imprint_rest_put(call, item, "certificateId", columns[2]);
    imprint_rest_put(call, item, "status",
                     imprint_json_text(document, "status"));
    imprint_rest_put_number(call, item, "creationDate",
                            imprint_json_number(document, "creationDate", 0));
    imprint_rest_add(call, item);
    imprint_json_free(document);
}

static enum imprint_status list(struct imprint_rest_call *call)
{
    const struct imprint_rest_listing listing = {
        .view = IMPRINT_VIEW_RESOURCES,
        .of = IMPRINT_RESOURCE_CA,
        .member = "certificates",
        .by_marker = true,
        .each = list_one,
    };

    return imprint_rest_list(call, &listing);
}

static bool is_one_of(const char *text, const char *one, const char *other)
{
    return strcmp(text, one) == 0 || strcmp(text, other) == 0;
}

static enum imprint_status update(struct imprint_rest_call *call)
{
    const char *id = call->labels[0];
    const char *state = imprint_rest_query(call, "newStatus");
    const char *automatic =
        imprint_rest_query(call, "newAutoRegistrationStatus");
    struct imprint_json *document = NULL;
    enum imprint_status status;

    if ((state && !is_one_of(state, "ACTIVE", "INACTIVE")) ||
        (automatic && !is_one_of(automatic, "ENABLE", "DISABLE")))
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "newStatus must be ACTIVE or INACTIVE, "
                                   "newAutoRegistrationStatus ENABLE or "
                                   "DISABLE");
    status = refuse_missing(call, load(call, id, &document), id);
    if (status != IMPRINT_OK)
        return status;
    imprint_rest_put(call, document, "status", state);
    imprint_rest_put(call, document, "autoRegistrationStatus", automatic);
    if (imprint_json_is_on(call->body, "removeAutoRegistration"))
        (void)imprint_json_drop(document, "registrationConfig");
    keep_config(call, document);
    imprint_rest_put_number(call, document, "lastModifiedDate", call->now);
    status =
        imprint_resource_put(call->registry, IMPRINT_RESOURCE_CA, id, document);
    imprint_json_free(document);
    return status;
}

/* What it signed goes on: so does the broker's trust while there is any. */
static enum imprint_status drop(struct imprint_rest_call *call)
{
    const char *id = call->labels[0];
    struct imprint_json *document = NULL;
    struct imprint_why why = {"", ""};
    enum imprint_status status =
        refuse_missing(call, load(call, id, &document), id);

    if (status != IMPRINT_OK)
        return status;
    if (strcmp(imprint_json_text(document, "status"), "ACTIVE") == 0)
        status = imprint_rest_refuse(call, IMPRINT_REST_CERTIFICATE_STATE,
                                     "CA certificate must be INACTIVE before "
                                     "deletion");
    if (status == IMPRINT_OK)
        status = imprint_resource_drop(call->registry, IMPRINT_RESOURCE_CA, id);
    if (status == IMPRINT_OK &&
        imprint_rest_is_there(call, IMPRINT_VIEW_CERTIFICATES_BY_CA, id) ==
            IMPRINT_ERR_NOT_FOUND) {
        status = imprint_claims_distrust(
            call->place->dir,
            imprint_slice_text(imprint_json_text(document, "certificatePem")),
            &why);
        if (status == IMPRINT_ERR_NOT_FOUND)
            status = IMPRINT_OK;
        if (status != IMPRINT_OK)
            status = imprint_rest_refuse(call, IMPRINT_REST_INTERNAL, "%s",
                                         why.text);
    }
    imprint_json_free(document);
    return status;
}

/* ---- certificates that others signed ---- */

static enum imprint_status put_foreign(struct imprint_rest_call *call,
                                       const char *ca, bool is_active)
{
    const char *pem = imprint_rest_text(call, "certificatePem");
    struct imprint_authority_certificate checked = {.pem = NULL};
    struct imprint_rest_certificate certificate = {
        .ca = ca, .is_active = is_active, .is_sni_only = !ca};
    struct imprint_why why = {"", ""};
    enum imprint_status status = imprint_claims_check(
        call->place->dir, imprint_slice_text(pem), &checked, &why);

    if (status == IMPRINT_ERR_REFUSED || status == IMPRINT_ERR_FORMAT)
        return imprint_rest_refuse(
            call, IMPRINT_REST_CERTIFICATE_VALIDATION,
            "certificatePem: %s; the broker here takes only what a CA signed "
            "that it knows: RegisterCACertificate, or imprint endpoint ca FILE",
            why.text);
    if (status != IMPRINT_OK)
        return status;
    certificate.id = checked.id;
    certificate.pem = checked.pem;
    certificate.not_after = checked.not_after;
    status = imprint_rest_certificate_put(call, &certificate);
    imprint_rest_certificate_show(call, checked.id);
    free(checked.pem);
    return status;
}

/* True unless "status" is one that can't be. */
static bool read_active(const struct imprint_rest_call *call, bool *is_active)
{
    const char *wanted = imprint_rest_text(call, "status");

    *is_active = wanted ? strcmp(wanted, "ACTIVE") == 0
                        : imprint_rest_is_on(call, "setAsActive");
    return !wanted || is_one_of(wanted, "ACTIVE", "INACTIVE");
}

static enum imprint_status refuse_state(struct imprint_rest_call *call)
{
    return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                               "status must be ACTIVE or INACTIVE");
}

struct issuer {
    struct imprint_rest_call *call;
    const char *pem;
    char id[65];
};

static void match_issuer(void *user, const char *const *columns)
{
    struct issuer *issuer = user;
    struct imprint_json *document = NULL;
    const char *pem;
    const char *state;

    if (issuer->id[0] != '\0' ||
        imprint_json_read(imprint_slice_text(columns[1]), &document, NULL) !=
            IMPRINT_OK)
        return;
    pem = imprint_json_text(document, "certificatePem");
    state = imprint_json_text(document, "status");
    if (pem && state && strcmp(state, "ACTIVE") == 0 &&
        imprint_authority_is_issued(imprint_slice_text(pem),
                                    imprint_slice_text(issuer->pem)))
        (void)snprintf(issuer->id, sizeof(issuer->id), "%s", columns[2]);
    imprint_json_free(document);
}

/* By the registered CA that signed it and is ACTIVE. */
static enum imprint_status register_one(struct imprint_rest_call *call)
{
    struct issuer issuer = {.call = call,
                            .pem = imprint_rest_text(call, "certificatePem")};
    const struct imprint_views_page page = {.of = IMPRINT_RESOURCE_CA,
                                            .after = "",
                                            .each = match_issuer,
                                            .user = &issuer};
    const char *ca = imprint_rest_text(call, "caCertificatePem");
    bool is_active;
    enum imprint_status status;

    if (!read_active(call, &is_active))
        return refuse_state(call);
    if (ca && !imprint_authority_is_issued(imprint_slice_text(ca),
                                           imprint_slice_text(issuer.pem)))
        return imprint_rest_refuse(call, IMPRINT_REST_CERTIFICATE_VALIDATION,
                                   "caCertificatePem did not sign the "
                                   "certificate");
    status =
        imprint_views_show(call->registry, IMPRINT_VIEW_RESOURCES, &page, NULL);
    if (status == IMPRINT_OK && issuer.id[0] == '\0')
        return imprint_rest_refuse(call, IMPRINT_REST_CERTIFICATE_VALIDATION,
                                   "No registered, ACTIVE CA signed the "
                                   "certificate");
    return status == IMPRINT_OK ? put_foreign(call, issuer.id, is_active)
                                : status;
}

static enum imprint_status register_alone(struct imprint_rest_call *call)
{
    bool is_active;

    return read_active(call, &is_active) ? put_foreign(call, NULL, is_active)
                                         : refuse_state(call);
}

#define ONE "/cacertificate/{}"

const struct imprint_rest_route imprint_rest_cas_routes[] = {
    {"RegisterCACertificate", "POST", "/cacertificate", IMPRINT_REST_WRITE,
     "caCertificate:s! verificationCertificate:s registrationConfig:o tags:l "
     "certificateMode:s ?setAsActive:b ?allowAutoRegistration:b",
     register_ca},
    {"DescribeCACertificate", "GET", ONE, IMPRINT_REST_READ, "", describe},
    {"ListCACertificates", "GET", "/cacertificates", IMPRINT_REST_READ,
     "?marker:s ?pageSize:n ?isAscendingOrder:b", list},
    {"UpdateCACertificate", "PUT", ONE, IMPRINT_REST_WRITE,
     "registrationConfig:o removeAutoRegistration:b", update},
    {"DeleteCACertificate", "DELETE", ONE, IMPRINT_REST_WRITE, "", drop},
    {"RegisterCertificate", "POST", "/certificate/register", IMPRINT_REST_WRITE,
     "certificatePem:s! caCertificatePem:s status:s ?setAsActive:b",
     register_one},
    {"RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca",
     IMPRINT_REST_WRITE, "certificatePem:s! status:s", register_alone},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
