/* The public half of a key, as it is read from where the private one is. */
#ifndef IMPRINT_POSIX_KEYS_PUBLIC_H
#define IMPRINT_POSIX_KEYS_PUBLIC_H

#include <stddef.h>
#include <stdint.h>

#include "keys.h"

#define IMPRINT_KEYS_PUBLIC_MAX_LEN 512u /* RSA of 4,096 bits */

struct imprint_keys_public {
    enum imprint_keys_kind kind;
    /* EC: x and y, of the curve's length each. RSA: the modulus. Big-endian. */
    uint8_t bytes[IMPRINT_KEYS_PUBLIC_MAX_LEN];
    size_t len; /* 0: unknown */
    uint32_t exponent;
};

#endif
