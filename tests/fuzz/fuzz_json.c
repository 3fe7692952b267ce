/* Any bytes as a JSON payload of every kind. */
#include "codec_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check_payload(&imprint_json_format, bytes, len);
    return 0;
}
