/*
 * A key whose private half is elsewhere: OpenSSL gets its public half, and
 * somebody else signs. No provider, engine or configuration is needed.
 */
#ifndef IMPRINT_POSIX_KEYS_HOLD_H
#define IMPRINT_POSIX_KEYS_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "keys_public.h"

enum imprint_keys_hold_way {
    IMPRINT_KEYS_HOLD_ECDSA, /* of a digest; r and s, of equal length */
    IMPRINT_KEYS_HOLD_PKCS1, /* RSA: padded there (RFC 8017, 8.2, type 1) */
    IMPRINT_KEYS_HOLD_RAW    /* RSA: of as many bytes as the modulus has */
};

/* How a key that is in no file is reached; what its URI says is stronger. */
struct imprint_keys_reach {
    const char *module; /* PKCS#11's; NULL: p11-kit's */
    const char *tcti;   /* a TPM's, as tpm2-tss writes it; NULL: its own */
    const char *pin;    /* NULL: none */
};

struct imprint_keys_holder {
    /* *out_len: its room, then the length. False: it can't sign. */
    bool (*sign)(void *user, enum imprint_keys_hold_way way,
                 struct imprint_slice bytes, uint8_t *out, size_t *out_len);
    void (*close)(void *user); /* with the last reference to the key */
    void *user;
    struct imprint_keys_public public;
};

#endif
