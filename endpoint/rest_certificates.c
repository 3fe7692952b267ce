/* Certificates: made here, registered, looked at, switched, deleted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "catalog.h"
#include "claims.h"
#include "control.h"
#include "posix/file.h"
#include "posix/keys.h"
#include "rest_certificate.h"
#include "rest_list.h"
#include "rest_route.h"

#define ARN_KIND "cert"

static enum imprint_status refuse_missing(struct imprint_rest_call *call,
                                          enum imprint_status status,
                                          const char *id)
{
    return imprint_rest_missing(call, status, "Certificate", id);
}

/* ---- what a request names ---- */

static enum imprint_status check_id(struct imprint_rest_call *call,
                                    const char *id)
{
    if (strlen(id) == IMPRINT_AUTHORITY_ID_LEN &&
        strspn(id, "0123456789abcdef") == IMPRINT_AUTHORITY_ID_LEN)
        return IMPRINT_OK;
    return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                               "certificateId \"%.80s\" must be 64 hexadecimal "
                               "digits",
                               id);
}

enum imprint_status imprint_rest_certificate_of_arn(
    struct imprint_rest_call *call, const char *arn, const char **id)
{
    enum imprint_status status = imprint_rest_read_arn(call, arn, ARN_KIND, id);

    if (status == IMPRINT_OK)
        status = check_id(call, *id);
    if (status == IMPRINT_OK)
        status = imprint_rest_need(call, IMPRINT_VIEW_CERTIFICATE,
                                   "Certificate", *id);
    return status;
}

bool imprint_rest_certificate_state(const char *name,
                                    enum imprint_registry_state *out)
{
    for (int i = IMPRINT_REGISTRY_PENDING; i <= IMPRINT_REGISTRY_REVOKED; i++) {
        *out = (enum imprint_registry_state)i;
        if (strcmp(imprint_registry_state_name(*out), name) == 0)
            return true;
    }
    return false;
}

void imprint_rest_certificate_show(struct imprint_rest_call *call,
                                   const char *id)
{
    imprint_rest_put_arn(call, call->out, "certificateArn", ARN_KIND, id);
    imprint_rest_put(call, call->out, "certificateId", id);
}

enum imprint_status imprint_rest_certificate_put(
    struct imprint_rest_call *call,
    const struct imprint_rest_certificate *certificate)
{
    const struct imprint_registry_certificate row = {
        .id = certificate->id,
        .pem = certificate->pem,
        .state = certificate->is_active ? IMPRINT_REGISTRY_ACTIVE
                                        : IMPRINT_REGISTRY_INACTIVE,
        .created = call->now,
        .not_after = certificate->not_after,
    };
    enum imprint_status status =
        imprint_rest_is_there(call, IMPRINT_VIEW_CERTIFICATE, certificate->id);

    if (status == IMPRINT_OK) {
        imprint_rest_write_arn(call->resource_arn, ARN_KIND, certificate->id);
        return imprint_rest_refuse(call, IMPRINT_REST_ALREADY_EXISTS,
                                   "The certificate is already registered");
    }
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    status = imprint_registry_put_certificate(call->registry, &row);
    if (status == IMPRINT_OK)
        status = imprint_control_set_origin(call->registry, certificate->id,
                                            certificate->ca,
                                            certificate->is_sni_only);
    return status;
}

/* ---- made here ---- */

static enum imprint_status put_made(
    struct imprint_rest_call *call,
    const struct imprint_authority_certificate *made)
{
    const struct imprint_rest_certificate certificate = {
        .id = made->id,
        .pem = made->pem,
        .not_after = made->not_after,
        .is_active = imprint_rest_is_on(call, "setAsActive"),
    };

    imprint_rest_put(call, call->out, "certificatePem", made->pem);
    imprint_rest_certificate_show(call, made->id);
    return imprint_rest_certificate_put(call, &certificate);
}

static enum imprint_status create_from_csr(struct imprint_rest_call *call)
{
    const char *csr = imprint_rest_text(call, "certificateSigningRequest");
    struct imprint_authority_certificate made = {.pem = NULL};
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    if (strlen(csr) > IMPRINT_AUTHORITY_CSR_MAX_LEN)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "certificateSigningRequest has over %d "
                                   "characters",
                                   IMPRINT_AUTHORITY_CSR_MAX_LEN);
    status = imprint_authority_sign_csr(call->place->authority,
                                        imprint_slice_text(csr), &made, &why);
    if (status == IMPRINT_ERR_FORMAT)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST, "%s",
                                   why.text);
    if (status == IMPRINT_OK)
        status = put_made(call, &made);
    free(made.pem);
    return status;
}

struct spare {
    struct imprint_rest_call *call;
    char *pem;
    int64_t id;
};

static void note_spare(void *user, int64_t id, const char *pem)
{
    struct spare *spare = user;

    if (spare->pem)
        return;
    spare->id = id;
    spare->pem = strdup(pem);
}

/* One that was made ahead, in the transaction that is open; NULL: none. */
static char *take_spare(struct imprint_rest_call *call)
{
    struct spare spare = {.call = call};

    if (imprint_registry_each_key(call->registry, note_spare, &spare) ==
            IMPRINT_OK &&
        spare.pem &&
        imprint_registry_take_key(call->registry, spare.id, spare.pem) ==
            IMPRINT_OK)
        return spare.pem;
    if (spare.pem)
        imprint_file_free_secret(spare.pem, strlen(spare.pem));
    return NULL;
}

/* key is the caller's. */
static enum imprint_status store_pair(struct imprint_rest_call *call,
                                      const char *key)
{
    struct imprint_slice key_pem = imprint_slice_text(key);
    struct imprint_authority_certificate made = {.pem = NULL};
    struct imprint_why why = {"", ""};
    struct imprint_json *pair = imprint_rest_new(call);
    char *public_pem = imprint_authority_write_public(key_pem);
    enum imprint_status status =
        imprint_authority_sign_key(call->place->authority, key_pem,
                                   IMPRINT_AUTHORITY_LAST_DAY, &made, &why);

    call->has_failed |= !public_pem;
    imprint_rest_put(call, pair, "PublicKey", public_pem);
    imprint_rest_put(call, pair, "PrivateKey", key);
    imprint_rest_put_value(call, call->out, "keyPair", pair);
    if (status == IMPRINT_OK)
        status = put_made(call, &made);
    free(made.pem);
    free(public_pem);
    return status;
}

/* A key that has to be made is made before the registry is held. */
static enum imprint_status create_pair(struct imprint_rest_call *call)
{
    enum imprint_status status = imprint_registry_begin(call->registry);
    char *key = status == IMPRINT_OK ? take_spare(call) : NULL;

    if (status == IMPRINT_OK && !key) {
        imprint_registry_undo(call->registry);
        key = imprint_authority_make_rsa_key(NULL);
        status =
            key ? imprint_registry_begin(call->registry) : IMPRINT_ERR_INTERNAL;
    }
    if (status == IMPRINT_OK)
        status = store_pair(call, key);
    if (status == IMPRINT_OK && !call->has_failed)
        status = imprint_registry_commit(call->registry);
    if (status != IMPRINT_OK || call->has_failed)
        imprint_registry_undo(call->registry);
    if (key)
        imprint_file_free_secret(key, strlen(key));
    return status;
}

/* ---- shown ---- */

static void put_row(struct imprint_rest_call *call, struct imprint_json *object,
                    const char *const *columns)
{
    imprint_rest_put_arn(call, object, "certificateArn", ARN_KIND, columns[0]);
    imprint_rest_put(call, object, "certificateId", columns[0]);
    imprint_rest_put(call, object, "status", columns[1]);
    imprint_rest_put(call, object, "certificateMode",
                     strcmp(columns[3], "1") == 0 ? "SNI_ONLY" : "DEFAULT");
    imprint_rest_put_count(call, object, "creationDate", columns[2]);
}

static void list_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *item = imprint_rest_new(call);

    put_row(call, item, columns);
    imprint_rest_add(call, item);
}

static enum imprint_status list_view(struct imprint_rest_call *call,
                                     enum imprint_view view, const char *of)
{
    const struct imprint_rest_listing listing = {
        .view = view,
        .of = of,
        .member = "certificates",
        .by_marker = true,
        .each = list_one,
    };

    return imprint_rest_list(call, &listing);
}

static enum imprint_status list(struct imprint_rest_call *call)
{
    return list_view(call,
                     imprint_rest_is_on(call, "isAscendingOrder")
                         ? IMPRINT_VIEW_CERTIFICATES_UP
                         : IMPRINT_VIEW_CERTIFICATES,
                     "");
}

static enum imprint_status list_by_ca(struct imprint_rest_call *call)
{
    return list_view(call, IMPRINT_VIEW_CERTIFICATES_BY_CA, call->labels[0]);
}

static void describe_one(void *user, const char *const *columns)
{
    struct imprint_rest_call *call = user;
    struct imprint_json *object = imprint_rest_new(call);
    struct imprint_json *validity = imprint_rest_new(call);
    struct imprint_keys_certificate certificate;
    struct imprint_why why;

    put_row(call, object, columns);
    imprint_rest_put(call, object, "certificatePem", columns[6]);
    imprint_rest_put(call, object, "caCertificateId", columns[5]);
    imprint_rest_put(call, object, "ownedBy", IMPRINT_REST_ACCOUNT);
    imprint_rest_put_count(call, object, "lastModifiedDate", columns[4]);
    imprint_rest_put_number(call, object, "customerVersion", 1);
    imprint_rest_put(call, object, "generationId", columns[9]);
    if (imprint_keys_read_certificate(imprint_slice_text(columns[6]),
                                      &certificate, &why) == IMPRINT_OK)
        imprint_rest_put_number(call, validity, "notBefore",
                                certificate.not_before);
    imprint_rest_put_count(call, validity, "notAfter", columns[7]);
    imprint_rest_put_value(call, object, "validity", validity);
    imprint_rest_put_value(call, call->out, "certificateDescription", object);
}

static enum imprint_status describe(struct imprint_rest_call *call)
{
    const char *id = call->labels[0];
    enum imprint_status status = check_id(call, id);

    if (status == IMPRINT_OK)
        status =
            refuse_missing(call,
                           imprint_rest_look(call, IMPRINT_VIEW_CERTIFICATE, id,
                                             describe_one, call),
                           id);
    return status;
}

/* ---- switched and deleted ---- */

/* Whatever a certificate was, ACTIVE is possible again, as with AWS. */
static enum imprint_status update(struct imprint_rest_call *call)
{
    const char *id = call->labels[0];
    const char *wanted = imprint_rest_query(call, "newStatus");
    enum imprint_registry_state state;
    enum imprint_status status = check_id(call, id);

    if (status != IMPRINT_OK)
        return status;
    if (!imprint_rest_certificate_state(wanted, &state) ||
        state == IMPRINT_REGISTRY_PENDING)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_REQUEST,
                                   "newStatus \"%.40s\" must be ACTIVE, "
                                   "INACTIVE or REVOKED",
                                   wanted);
    return refuse_missing(
        call, imprint_registry_set_state(call->registry, id, state), id);
}

/* What keeps a certificate from being deleted. */
struct ties {
    char claim[65];
    bool is_active;
};

static void note_state(void *user, const char *const *columns)
{
    struct ties *ties = user;

    ties->is_active = strcmp(columns[1], "ACTIVE") == 0;
    (void)snprintf(ties->claim, sizeof(ties->claim), "%s",
                   columns[8] ? columns[8] : "");
}

static enum imprint_status check_ties(struct imprint_rest_call *call,
                                      const char *id, struct ties *ties)
{
    enum imprint_status status = refuse_missing(
        call,
        imprint_rest_look(call, IMPRINT_VIEW_CERTIFICATE, id, note_state, ties),
        id);

    if (status == IMPRINT_OK && ties->is_active)
        return imprint_rest_refuse(call, IMPRINT_REST_CERTIFICATE_STATE,
                                   "Certificate must be deactivated (not "
                                   "ACTIVE) before deletion");
    if (status == IMPRINT_OK &&
        imprint_rest_is_there(call, IMPRINT_VIEW_CERTIFICATE_THINGS, id) ==
            IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_DELETE_CONFLICT,
                                   "Things must be detached before deletion "
                                   "(certificate: %s)",
                                   id);
    if (status == IMPRINT_OK && !imprint_rest_is_on(call, "forceDelete") &&
        imprint_rest_is_there(call, IMPRINT_VIEW_CERTIFICATE_POLICIES, id) ==
            IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_DELETE_CONFLICT,
                                   "Certificate policies must be detached "
                                   "before deletion (certificate: %s)",
                                   id);
    return status;
}

/* A claim's folder goes, too: the endpoint would register it again. */
static enum imprint_status drop(struct imprint_rest_call *call)
{
    const char *id = call->labels[0];
    struct ties ties = {.claim = ""};
    struct imprint_why why = {"", ""};
    enum imprint_status status = check_id(call, id);

    if (status == IMPRINT_OK)
        status = check_ties(call, id, &ties);
    if (status == IMPRINT_OK)
        status = imprint_registry_drop_certificate(call->registry, id);
    if (status == IMPRINT_OK && ties.claim[0] != '\0')
        status =
            imprint_claims_drop_files(call->place->dir, ties.claim, id, &why);
    return status;
}

#define ONE "/certificates/{}"
#define PAGED "?marker:s ?pageSize:n ?isAscendingOrder:b"

const struct imprint_rest_route imprint_rest_certificates_routes[] = {
    {"CreateKeysAndCertificate", "POST", "/keys-and-certificate",
     IMPRINT_REST_ALONE, "?setAsActive:b", create_pair},
    {"CreateCertificateFromCsr", "POST", "/certificates", IMPRINT_REST_WRITE,
     "certificateSigningRequest:s! ?setAsActive:b", create_from_csr},
    {"ListCertificates", "GET", "/certificates", IMPRINT_REST_READ, PAGED,
     list},
    {"ListCertificatesByCA", "GET", "/certificates-by-ca/{}", IMPRINT_REST_READ,
     PAGED, list_by_ca},
    {"DescribeCertificate", "GET", ONE, IMPRINT_REST_READ, "", describe},
    {"UpdateCertificate", "PUT", ONE, IMPRINT_REST_WRITE, "?newStatus:s!",
     update},
    {"DeleteCertificate", "DELETE", ONE, IMPRINT_REST_WRITE, "?forceDelete:b",
     drop},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
