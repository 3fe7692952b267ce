/* Any bytes as a CBOR payload of every kind. */
#include "codec_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check_payload(&imprint_cbor_format, bytes, len);
    return 0;
}
