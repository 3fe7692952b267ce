#include "authority_token.h"

#include <string.h>
#include <unistd.h>

#include "authority.h"
#include "pem.h"
#include "posix/keys.h"

#define RANDOM_LEN 233
#define CIPHER_LEN 312 /* of RANDOM_LEN in base64 */

void imprint_authority_certificate_id(struct imprint_slice certificate_der,
                                      char id[IMPRINT_AUTHORITY_ID_LEN + 1])
{
    uint8_t digest[IMPRINT_AUTHORITY_DIGEST_LEN];

    imprint_authority_digest(certificate_der, digest);
    imprint_keys_write_hex(digest, sizeof(digest), id);
}

/* Base64 around JSON around base64: devices have seen no other shape. */
bool imprint_authority_make_token(char token[IMPRINT_AUTHORITY_TOKEN_LEN + 1])
{
    static const char head[] = "{\"version\":\"20191023\",\"cipher\":\"";
    uint8_t random[RANDOM_LEN];
    char text[sizeof(head) - 1 + CIPHER_LEN + sizeof("\"}")];

    if (getentropy(random, sizeof(random)) != 0)
        return false;
    memcpy(text, head, sizeof(head));
    imprint_pem_encode(imprint_slice_of(random, sizeof(random)),
                       text + sizeof(head) - 1);
    memcpy(text + sizeof(head) - 1 + CIPHER_LEN, "\"}", sizeof("\"}"));
    imprint_pem_encode(imprint_slice_of(text, sizeof(text) - 1), token);
    explicit_bzero(random, sizeof(random));
    explicit_bzero(text, sizeof(text));
    return true;
}

char *imprint_authority_make_key(void)
{
    struct imprint_keys_key *key = NULL;
    char *pem = NULL;

    if (imprint_keys_make(IMPRINT_KEYS_P256, &key, NULL) == IMPRINT_OK &&
        imprint_keys_write(key, &pem, NULL) != IMPRINT_OK)
        pem = NULL;
    imprint_keys_free(key);
    return pem;
}
