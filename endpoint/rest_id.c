#include "rest_id.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "posix/keys.h"

/* RFC 9562. */
static void write_uuid(uint8_t bytes[16], unsigned version,
                       char id[IMPRINT_REST_ID_LEN])
{
    char hex[33];

    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    imprint_keys_write_hex(bytes, 16, hex);
    (void)snprintf(id, IMPRINT_REST_ID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
                   hex + 8, hex + 12, hex + 16, hex + 20);
}

void imprint_rest_id_make(const char *kind, const char *name, int64_t created,
                          char id[IMPRINT_REST_ID_LEN])
{
    uint8_t bytes[IMPRINT_KEYS_DIGEST_LEN] = {0};
    char text[512];

    (void)snprintf(text, sizeof(text), "%s/%.300s/%lld", kind, name,
                   (long long)created);
    (void)!imprint_keys_sha256(imprint_slice_text(text), bytes);
    write_uuid(bytes, 8, id);
}

void imprint_rest_id_new(char id[IMPRINT_REST_ID_LEN])
{
    uint8_t bytes[16] = {0};

    (void)!getrandom(bytes, sizeof(bytes), 0);
    write_uuid(bytes, 4, id);
}

enum imprint_status imprint_rest_id_random(char digits[65])
{
    uint8_t bytes[32];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return IMPRINT_ERR_INTERNAL;
    imprint_keys_write_hex(bytes, sizeof(bytes), digits);
    return IMPRINT_OK;
}
