#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "authority_parts.h"
#include "pem.h"
#include "posix/why.h"

static enum imprint_status fail(struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                           "reading a certificate: OpenSSL failed");
}

/* At least one, in their order; NULL: there is none, or one is broken. */
static STACK_OF(X509) * read_chain(struct imprint_slice pem)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(pem.bytes, (int)pem.len);
    X509 *one = NULL;
    bool is_whole = chain && bio;

    ERR_clear_error();
    while (is_whole && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        is_whole = sk_X509_push(chain, one) > 0;
    is_whole = is_whole && sk_X509_num(chain) > 0 &&
               ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    if (is_whole)
        return chain;
    sk_X509_pop_free(chain, X509_free);
    return NULL;
}

/* OpenSSL takes other labels, too; whoever reads it later must see the same. */
static bool is_first(struct imprint_slice pem,
                     const char id[IMPRINT_AUTHORITY_ID_LEN + 1])
{
    char first[IMPRINT_AUTHORITY_ID_LEN + 1] = "";
    uint8_t *der = NULL;
    size_t len;

    if (imprint_pem_decode(pem, "CERTIFICATE", &der, &len))
        imprint_authority_certificate_id(imprint_slice_of(der, len), first);
    free(der);
    return strcmp(first, id) == 0;
}

enum imprint_status imprint_authority_adopt(
    struct imprint_slice csr_pem, struct imprint_slice certificate_pem,
    struct imprint_authority_certificate *out, struct imprint_why *why)
{
    STACK_OF(X509) *chain = read_chain(certificate_pem);
    X509_REQ *request = imprint_authority_read_request(csr_pem);
    X509 *leaf = chain ? sk_X509_value(chain, 0) : NULL;
    char *text =
        strndup((const char *)certificate_pem.bytes, certificate_pem.len);
    enum imprint_status status = IMPRINT_OK;

    if (!request || !leaf)
        status = imprint_why_set(why, IMPRINT_ERR_FORMAT, "%s is not in PEM",
                                 request ? "the certificate" : "the request");
    else if (EVP_PKEY_eq(X509_REQ_get0_pubkey(request),
                         X509_get0_pubkey(leaf)) != 1 ||
             X509_NAME_cmp(X509_REQ_get_subject_name(request),
                           X509_get_subject_name(leaf)) != 0)
        status = imprint_why_set(
            why, IMPRINT_ERR_REFUSED,
            "the certificate has another subject or key than the request");
    else if (!text ||
             imprint_authority_take_certificate(leaf, out) != IMPRINT_OK)
        status = fail(why);
    if (status == IMPRINT_OK && !is_first(certificate_pem, out->id)) {
        free(out->pem);
        out->pem = NULL;
        status =
            imprint_why_set(why, IMPRINT_ERR_FORMAT,
                            "the certificate is not in a block CERTIFICATE "
                            "that stands first");
    }
    if (status == IMPRINT_OK) {
        free(out->pem);
        out->pem = text; /* with its chain */
    } else {
        free(text);
    }
    X509_REQ_free(request);
    sk_X509_pop_free(chain, X509_free);
    return status;
}

/* ---- what others signed ---- */

/* NULL: no memory, or the endpoint's own CA can't be read. */
static X509_STORE *open_store(const struct imprint_authority_trust *trust)
{
    X509_STORE *store = X509_STORE_new();

    if (store && X509_STORE_load_file(store, trust->file) == 1 &&
        X509_STORE_load_path(store, trust->dir) == 1)
        return store;
    X509_STORE_free(store);
    return NULL;
}

/* As TLS does by default on Debian; chain is what the client sends. */
static enum imprint_status verify(X509_STORE *store, STACK_OF(X509) * chain,
                                  int purpose, struct imprint_why *why)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int error = X509_V_ERR_OUT_OF_MEM;

    if (store && context &&
        X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain) ==
            1 &&
        X509_STORE_CTX_set_purpose(context, purpose) == 1) {
        X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context), 2);
        error = X509_verify_cert(context) == 1
                    ? X509_V_OK
                    : X509_STORE_CTX_get_error(context);
    }
    X509_STORE_CTX_free(context);
    ERR_clear_error();
    return error == X509_V_OK
               ? IMPRINT_OK
               : imprint_why_set(why, IMPRINT_ERR_REFUSED,
                                 "the broker would not take it: %s",
                                 X509_verify_cert_error_string(error));
}

/* A CA that signed itself is in the store from here on. */
static enum imprint_status check_ca(X509_STORE *store, STACK_OF(X509) * chain,
                                    struct imprint_why *why)
{
    X509 *ca = sk_X509_value(chain, 0);

    if (sk_X509_num(chain) != 1)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "this is more than one certificate");
    if (X509_check_ca(ca) != 1 ||
        X509_check_purpose(ca, X509_PURPOSE_SSL_CLIENT, 1) != 1)
        return imprint_why_set(why, IMPRINT_ERR_REFUSED,
                               "this is no CA that may sign clients");
    if (store && X509_self_signed(ca, 1) == 1)
        (void)X509_STORE_add_cert(store, ca);
    return verify(store, chain, X509_PURPOSE_ANY, why);
}

enum imprint_status imprint_authority_check(
    const struct imprint_authority_trust *trust, struct imprint_slice pem,
    char *hash, struct imprint_authority_certificate *out,
    struct imprint_why *why)
{
    STACK_OF(X509) *chain = read_chain(pem);
    X509_STORE *store = open_store(trust);
    enum imprint_status status;

    if (!chain)
        status = imprint_why_set(why, IMPRINT_ERR_FORMAT,
                                 "this is not a certificate in PEM");
    else
        status = hash ? check_ca(store, chain, why)
                      : verify(store, chain, X509_PURPOSE_SSL_CLIENT, why);
    if (status == IMPRINT_OK && imprint_authority_take_certificate(
                                    sk_X509_value(chain, 0), out) != IMPRINT_OK)
        status = fail(why);
    if (status == IMPRINT_OK && hash)
        (void)snprintf(hash, IMPRINT_AUTHORITY_HASH_LEN + 1, "%08lx",
                       X509_subject_name_hash(sk_X509_value(chain, 0)));
    X509_STORE_free(store);
    sk_X509_pop_free(chain, X509_free);
    return status;
}

bool imprint_authority_is_issued(struct imprint_slice ca_pem,
                                 struct imprint_slice certificate_pem)
{
    STACK_OF(X509) *ca = read_chain(ca_pem);
    STACK_OF(X509) *certificate = read_chain(certificate_pem);
    bool is_issued = ca && certificate &&
                     X509_verify(sk_X509_value(certificate, 0),
                                 X509_get0_pubkey(sk_X509_value(ca, 0))) == 1;

    ERR_clear_error();
    sk_X509_pop_free(ca, X509_free);
    sk_X509_pop_free(certificate, X509_free);
    return is_issued;
}
