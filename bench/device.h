/* Where a load goes, and the devices that it is made of. */
#ifndef IMPRINT_BENCH_DEVICE_H
#define IMPRINT_BENCH_DEVICE_H

#include "session.h"

/* Seconds, of a clock that only grows. */
double bench_now(void);
/* Says what, and what OpenSSL says; ends the program. */
_Noreturn void bench_die(const char *what);

/* Trusts the authority of an endpoint's directory; has no certificate yet. */
SSL_CTX *bench_place_context(const char *dir, const SSL_METHOD *method);
/* The context and the claim. */
void bench_place_open(struct bench_place *place, const char *dir);

struct bench_device {
    EVP_PKEY *key; /* free it */
    char csr_pem[2048];
    char serial[64];
    struct bench_created created;
};

/* A key, and a request for a certificate. */
bool bench_device_make(struct bench_device *device, const char *serial);
/* Connects with its certificate. Close the session whatever comes back. */
bool bench_device_open(const struct bench_device *device,
                       const struct bench_place *place,
                       struct bench_session *session);

#endif
