#include "device/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/wallclock.h"
#include "posix/keys.h"
#include "posix/why.h"

struct imprint_tls {
    SSL_CTX *context;
    char *host;
    char peer[256];   /* the peer's names, for a message */
    char issuer[256]; /* who vouches for the peer, for a message */
    bool is_http;     /* the peer's first bytes are HTTP's */
    bool is_plain;    /* they are not TLS's */
    bool has_first;   /* the peer sent something */
    const char *version;
    int verify_error; /* X509_V_ERR_... that ended the handshake */
    int alert;        /* the fatal alert that the peer sent; 0: none */
    bool offers_alpn;
    bool has_alpn; /* the peer took the one that was offered */
    bool ready;
};

static enum imprint_status fail(struct imprint_why *why,
                                enum imprint_status status, const char *text)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return imprint_why_set(why, status, "%s%s%s", text, reason ? ": " : "",
                           reason ? reason : "");
}

static bool is_address(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

/*
 * libmosquitto names what it connected to, a Unix socket of ours. An address is
 * no name (RFC 6066, section 3): then none is sent.
 */
static void name_host(const struct imprint_tls *tls, const SSL *ssl)
{
    (void)SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl,
                                   is_address(tls->host) ? NULL : tls->host);
}

static void on_state(const SSL *ssl, int where, int value)
{
    struct imprint_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if ((where & SSL_CB_HANDSHAKE_START) && !tls->ready)
        name_host(tls, ssl);
    if (where & SSL_CB_HANDSHAKE_DONE) {
        const unsigned char *alpn = NULL;
        unsigned int alpn_len = 0;

        tls->ready = true;
        tls->version = SSL_get_version(ssl);
        SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
        tls->has_alpn = alpn_len > 0;
    }
    if ((where & SSL_CB_ALERT) && (where & SSL_CB_READ) &&
        value >> 8 == SSL3_AL_FATAL)
        tls->alert = value & 0xff;
}

void imprint_tls_note_first(struct imprint_tls *tls, struct imprint_slice bytes)
{
    if (tls->has_first || bytes.len == 0)
        return;
    tls->has_first = true;
    tls->is_http = bytes.len >= 5 && memcmp(bytes.bytes, "HTTP/", 5) == 0;
    tls->is_plain = bytes.bytes[0] < SSL3_RT_CHANGE_CIPHER_SPEC ||
                    bytes.bytes[0] > SSL3_RT_APPLICATION_DATA;
}

/* Notes the names in the certificate that did not have the right one. */
static void note_names(struct imprint_tls *tls, X509 *certificate)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t len = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_IA5STRING *text = name->d.dNSName;

        if (name->type != GEN_DNS || len >= sizeof(tls->peer))
            continue;
        len +=
            (size_t)snprintf(tls->peer + len, sizeof(tls->peer) - len, "%s%.*s",
                             len ? ", " : "", ASN1_STRING_length(text),
                             (const char *)ASN1_STRING_get0_data(text));
    }
    GENERAL_NAMES_free(names);
}

/* "CN=..., O=...", RFC 2253. */
static void note_issuer(struct imprint_tls *tls, X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int len = -1;

    if (bio && X509_NAME_print_ex(bio, X509_get_issuer_name(certificate), 0,
                                  XN_FLAG_RFC2253) >= 0)
        len = BIO_gets(bio, tls->issuer, sizeof(tls->issuer));
    if (len < 0)
        tls->issuer[0] = '\0';
    BIO_free(bio);
}

static int on_verify(int good, X509_STORE_CTX *store)
{
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct imprint_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (!good && !tls->verify_error) {
        tls->verify_error = X509_STORE_CTX_get_error(store);
        note_names(tls, X509_STORE_CTX_get_current_cert(store));
        note_issuer(tls, X509_STORE_CTX_get_current_cert(store));
    }
    return good;
}

static bool trust(SSL_CTX *context, const char *ca_pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    BIO *bio;
    X509 *root;
    int count = 0;
    bool good = true;

    if (!ca_pem)
        return SSL_CTX_set_default_verify_paths(context) == 1;
    bio = BIO_new_mem_buf(ca_pem, -1);
    while (bio && good && (root = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        good = X509_STORE_add_cert(store, root) == 1;
        count++;
        X509_free(root);
    }
    BIO_free(bio);
    return good && count > 0;
}

static bool expect_host(SSL_CTX *context, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

    if (is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

static enum imprint_status fill(struct imprint_tls *tls,
                                const struct imprint_tls_options *options,
                                struct imprint_why *why)
{
    static const unsigned char alpn[] = "\x0ex-amzn-mqtt-ca";
    SSL_CTX *context = tls->context;
    int version = options->version_max == 12 ? TLS1_2_VERSION : TLS1_3_VERSION;

    tls->offers_alpn = options->alpn;
    SSL_CTX_set_app_data(context, tls);
    SSL_CTX_set_info_callback(context, on_state);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    /* whom a person named as a root is one, self-signed or not */
    if (options->ca_pem)
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context),
                                    X509_V_FLAG_PARTIAL_CHAIN);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, version) != 1 ||
        !expect_host(context, options->host) ||
        (options->alpn &&
         SSL_CTX_set_alpn_protos(context, alpn, sizeof(alpn) - 1) != 0))
        return fail(why, IMPRINT_ERR_INTERNAL, "cannot set TLS up");
    if (!trust(context, options->ca_pem))
        return fail(why, IMPRINT_ERR_SETTINGS, "no usable root certificate");
    return IMPRINT_OK;
}

enum imprint_status imprint_tls_open(const struct imprint_tls_options *options,
                                     struct imprint_tls **out,
                                     struct imprint_why *why)
{
    struct imprint_tls *tls = calloc(1, sizeof(*tls));
    enum imprint_status status;

    if (tls) {
        tls->context = SSL_CTX_new(TLS_client_method());
        tls->host = strdup(options->host);
    }
    if (!tls || !tls->context || !tls->host) {
        imprint_tls_close(tls);
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    }
    status = fill(tls, options, why);
    if (status == IMPRINT_OK)
        *out = tls;
    else
        imprint_tls_close(tls);
    return status;
}

static bool show_chain(SSL *ssl, const char *certificate_pem)
{
    BIO *bio = BIO_new_mem_buf(certificate_pem, -1);
    X509 *certificate = NULL;
    bool good;

    if (bio)
        certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    good = certificate && SSL_use_certificate(ssl, certificate) == 1;
    X509_free(certificate);
    while (good && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        good = SSL_add1_chain_cert(ssl, certificate) == 1;
        X509_free(certificate);
    }
    BIO_free(bio);
    if (good)
        ERR_clear_error(); /* "no start line" ended the loop */
    return good;
}

enum imprint_status imprint_tls_show(void *ssl, const char *certificate_pem,
                                     const struct imprint_keys_key *key,
                                     struct imprint_why *why)
{
    if (!show_chain(ssl, certificate_pem))
        return fail(why, IMPRINT_ERR_KEY, "unusable certificate");
    if (SSL_use_PrivateKey(ssl, imprint_keys_pkey(key)) != 1)
        return fail(why, IMPRINT_ERR_KEY, "unusable private key");
    return IMPRINT_OK;
}

void imprint_tls_close(struct imprint_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls->host);
    free(tls);
}

void *imprint_tls_context(const struct imprint_tls *tls)
{
    return tls->context;
}

bool imprint_tls_ready(const struct imprint_tls *tls)
{
    return tls->ready;
}

bool imprint_tls_pending(const void *ssl)
{
    return ssl && SSL_has_pending(ssl);
}

bool imprint_tls_is_legacy(const char *host)
{
    const char *dot = strstr(host, ".iot.");
    size_t len = strlen(host);
    static const char domain[] = ".amazonaws.com";

    return dot && len > strlen(domain) &&
           strcmp(host + len - strlen(domain), domain) == 0 &&
           (dot - host < 4 || strncmp(dot - 4, "-ats", 4) != 0);
}

/* A captive portal, or another service's port. */
static enum imprint_status tell_plain(const struct imprint_tls *tls,
                                      struct imprint_why *why)
{
    imprint_why_set(why, IMPRINT_ERR_NETWORK, "\"%s\" answers %s, not TLS",
                    tls->host, tls->is_http ? "HTTP" : "in plain text");
    imprint_why_hint(why, "a captive portal or a proxy may stand between, or "
                          "the port is another service's: check the network, "
                          "then the port");
    return IMPRINT_ERR_NETWORK;
}

static enum imprint_status tell_verify(const struct imprint_tls *tls,
                                       struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_ERR_NETWORK;
    const char *hint = "";
    char now[IMPRINT_WALLCLOCK_TEXT_LEN];

    imprint_wallclock_write(time(NULL), now);
    imprint_why_set(why, status, "the certificate of \"%s\" is not good: %s",
                    tls->host,
                    X509_verify_cert_error_string(tls->verify_error));
    switch (tls->verify_error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        imprint_why_set(why, status,
                        "the certificate of \"%s\" is for another name: \"%s\"",
                        tls->host, tls->peer);
        hint = "give the endpoint by a name that its certificate has";
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        status = IMPRINT_ERR_CLOCK;
        imprint_why_set(why, status,
                        "the certificate of \"%s\" is not valid yet, and the "
                        "clock says %s",
                        tls->host, now);
        hint = "set the clock: it is probably behind";
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        imprint_why_set(why, status,
                        "the certificate of \"%s\" expired, and the clock "
                        "says %s",
                        tls->host, now);
        hint = "look at the clock; if it is right, the endpoint needs a new "
               "certificate";
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        imprint_why_set(why, status,
                        "the certificate of \"%s\" comes from an unknown "
                        "root: its issuer is \"%s\"",
                        tls->host, tls->issuer);
        hint = imprint_tls_is_legacy(tls->host)
                   ? "give the endpoint with -ats in its name: this one is "
                     "signed by a root that is distrusted today"
                   : "give the endpoint's root certificate with --ca; if the "
                     "issuer is a stranger, somebody between intercepts TLS";
        break;
    default:
        break;
    }
    imprint_why_hint(why, "%s", hint);
    return status;
}

/* It goes by the name that we send, and knows no such; or by none, to some. */
static bool is_about_name(const struct imprint_tls *tls)
{
    return tls->alert == TLS1_AD_UNRECOGNIZED_NAME ||
           (tls->alert == SSL3_AD_HANDSHAKE_FAILURE && is_address(tls->host));
}

static enum imprint_status tell_name(const struct imprint_tls *tls,
                                     struct imprint_why *why)
{
    imprint_why_set(why, IMPRINT_ERR_NETWORK,
                    "who answers at \"%s\" knows nobody of that name (TLS's "
                    "server name)",
                    tls->host);
    imprint_why_hint(why, "%s",
                     is_address(tls->host)
                         ? "give the endpoint by name: with an address, no "
                           "name is sent"
                         : "give the endpoint as aws iot describe-endpoint "
                           "--endpoint-type iot:Data-ATS shows it: an alias "
                           "will not do");
    return IMPRINT_ERR_NETWORK;
}

bool imprint_tls_lacks_alpn(const struct imprint_tls *tls)
{
    return (tls->ready && tls->offers_alpn && !tls->has_alpn) ||
           tls->alert == TLS1_AD_NO_APPLICATION_PROTOCOL;
}

static bool is_about_us(int alert)
{
    switch (alert) {
    case SSL3_AD_BAD_CERTIFICATE:
    case SSL3_AD_UNSUPPORTED_CERTIFICATE:
    case SSL3_AD_CERTIFICATE_REVOKED:
    case SSL3_AD_CERTIFICATE_EXPIRED:
    case SSL3_AD_CERTIFICATE_UNKNOWN:
    case TLS1_AD_UNKNOWN_CA:
    case TLS1_AD_ACCESS_DENIED:
    case TLS13_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

const char *imprint_tls_version(const struct imprint_tls *tls)
{
    return tls->version ? tls->version : "";
}

const char *imprint_tls_trouble_name(const struct imprint_tls *tls)
{
    switch (tls->verify_error) {
    case X509_V_OK:
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "tls-name";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "tls-not-yet-valid";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "tls-expired";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return "tls-root";
    default:
        return "tls-certificate";
    }
    if (tls->is_plain && !tls->ready)
        return "captive-portal";
    if (is_about_name(tls))
        return "sni-refused";
    return tls->alert && is_about_us(tls->alert) ? "claim-refused" : NULL;
}

enum imprint_status imprint_tls_trouble(const struct imprint_tls *tls,
                                        struct imprint_why *why)
{
    const char *text;

    if (tls->verify_error)
        return tell_verify(tls, why);
    if (tls->is_plain && !tls->ready)
        return tell_plain(tls, why);
    if (!tls->alert)
        return IMPRINT_OK;
    if (is_about_name(tls))
        return tell_name(tls, why);
    text = SSL_alert_desc_string_long(tls->alert);
    if (!is_about_us(tls->alert))
        return imprint_why_set(why, IMPRINT_ERR_LOST,
                               "\"%s\" ended TLS with the alert \"%s\"",
                               tls->host, text);
    imprint_why_set(why, IMPRINT_ERR_REFUSED,
                    "\"%s\" did not take our certificate: \"%s\"", tls->host,
                    text);
    imprint_why_hint(why, "it may be unknown there, of another account or "
                          "region, or inactive: ask the operator, by the "
                          "certificate's id");
    return IMPRINT_ERR_REFUSED;
}
