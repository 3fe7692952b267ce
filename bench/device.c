#include "device.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double bench_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void bench_die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

/* ---- place ---- */

/* A claim's extended key usage need not name servers. */
static int lenient(int good, X509_STORE_CTX *store)
{
    return good ||
           X509_STORE_CTX_get_error(store) == X509_V_ERR_INVALID_PURPOSE;
}

SSL_CTX *bench_place_context(const char *dir, const SSL_METHOD *method)
{
    SSL_CTX *out = SSL_CTX_new(method);
    char path[600];

    snprintf(path, sizeof(path), "%s/ca.pem", dir);
    if (!out || SSL_CTX_load_verify_locations(out, path, NULL) != 1)
        bench_die(path);
    SSL_CTX_set_min_proto_version(out, TLS1_3_VERSION);
    SSL_CTX_set_verify(out, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       lenient);
    return out;
}

void bench_place_open(struct bench_place *place, const char *dir)
{
    char path[600];
    FILE *file;

    place->context = bench_place_context(dir, TLS_client_method());
    snprintf(path, sizeof(path), "%s/claims/default/certificate.pem", dir);
    file = fopen(path, "r");
    if (!file || !(place->claim = PEM_read_X509(file, NULL, NULL, NULL)))
        bench_die(path);
    fclose(file);
    snprintf(path, sizeof(path), "%s/claims/default/private.key", dir);
    file = fopen(path, "r");
    if (!file ||
        !(place->claim_key = PEM_read_PrivateKey(file, NULL, NULL, NULL)))
        bench_die(path);
    fclose(file);
}

/* ---- device ---- */

bool bench_device_make(struct bench_device *device, const char *serial)
{
    X509_REQ *request = X509_REQ_new();
    BIO *out = BIO_new(BIO_s_mem());
    bool done;
    int len;

    snprintf(device->serial, sizeof(device->serial), "%s", serial);
    device->key = EVP_EC_gen("P-256");
    done = device->key && X509_REQ_set_pubkey(request, device->key) == 1 &&
           X509_REQ_sign(request, device->key, EVP_sha256()) > 0 &&
           PEM_write_bio_X509_REQ(out, request) == 1;
    len =
        done ? BIO_read(out, device->csr_pem, sizeof(device->csr_pem) - 1) : 0;
    device->csr_pem[len > 0 ? len : 0] = '\0';
    BIO_free(out);
    X509_REQ_free(request);
    return len > 0;
}

bool bench_device_open(const struct bench_device *device,
                       const struct bench_place *place,
                       struct bench_session *session)
{
    BIO *in = BIO_new_mem_buf(device->created.certificate_pem, -1);
    X509 *certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
    bool done = certificate && bench_session_open(session, place, certificate,
                                                  device->key, device->serial);

    X509_free(certificate);
    BIO_free(in);
    return done;
}
