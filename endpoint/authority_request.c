#include <string.h>

#include "authority_parts.h"
#include "der.h"

#define POINT_LEN 65

bool imprint_authority_read_p256(struct imprint_slice der,
                                 struct imprint_authority_request *out)
{
    static const uint8_t algorithm[] = {
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t ecdsa_sha256[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                           0xce, 0x3d, 0x04, 0x03, 0x02};
    struct imprint_slice all = der;
    struct imprint_slice info;
    struct imprint_slice key;
    struct imprint_slice part;

    if (!imprint_der_take(&all, 0x30, &der) || all.len > 0)
        return false;
    out->info.bytes = der.bytes;
    if (!imprint_der_take(&der, 0x30, &info))
        return false;
    out->info.len = (size_t)(der.bytes - out->info.bytes);
    if (!imprint_der_take(&der, 0x30, &part) ||
        part.len != sizeof(ecdsa_sha256) ||
        memcmp(part.bytes, ecdsa_sha256, part.len) != 0 ||
        !imprint_der_take(&der, 0x03, &out->signature) || der.len > 0 ||
        out->signature.len < 2 || out->signature.bytes[0] != 0 ||
        !imprint_der_take(&info, 0x02, &part))
        return false;
    out->signature =
        imprint_slice_of(out->signature.bytes + 1, out->signature.len - 1);
    out->subject.bytes = info.bytes;
    if (!imprint_der_take(&info, 0x30, &part))
        return false;
    out->subject.len = (size_t)(info.bytes - out->subject.bytes);
    if (!imprint_der_take(&info, 0x30, &key) ||
        !imprint_der_take(&key, 0x30, &part) || part.len != sizeof(algorithm) ||
        memcmp(part.bytes, algorithm, part.len) != 0 ||
        !imprint_der_take(&key, 0x03, &part) || key.len > 0 ||
        part.len != 1 + POINT_LEN || part.bytes[0] != 0 || part.bytes[1] != 4)
        return false;
    out->point = imprint_slice_of(part.bytes + 1, POINT_LEN);
    return true;
}
