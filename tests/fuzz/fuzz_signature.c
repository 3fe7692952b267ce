/*
 * Any bytes as a request: what it says of its signature is in bounds, and a
 * secret's own signature is the secret's, and no other's.
 */
#include <stdlib.h>
#include <string.h>

#include "request.h"

static void check(const struct imprint_signature_request *request,
                  struct imprint_signature *signature)
{
    char code[65];

    if (strlen(signature->code) != 64 || strlen(signature->time) != 16 ||
        strlen(signature->date) != 8 || signature->expires_s < 0)
        abort();
    if (!imprint_signature_make(request, signature, "secret", code))
        return; /* a signed header is not there */
    if (imprint_signature_is_by(request, signature, "secret") !=
        (strcmp(code, signature->code) == 0))
        abort();
    memcpy(signature->code, code, sizeof(code));
    if (!imprint_signature_is_by(request, signature, "secret") ||
        imprint_signature_is_by(request, signature, "other"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct request request;
    struct imprint_signature signature;
    struct imprint_why why = {"", ""};
    enum imprint_status status;

    request_read(&request, bytes, len);
    status = imprint_signature_read(&request.request, &signature, &why);
    if (status == IMPRINT_OK) {
        check(&request.request, &signature);
        imprint_signature_free(&signature);
    } else if (status == IMPRINT_ERR_FORMAT && !why.text[0]) {
        abort();
    }
    request_free(&request);
    return 0;
}
