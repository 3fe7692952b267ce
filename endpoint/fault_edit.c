#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "posix/file.h"

#define PEM_MAX_LEN 65536 /* certificatePem (AWS's API model) */

/* A P-256 key's certificate by this authority. False: no memory. */
static bool make_stranger(const struct imprint_authority *authority,
                          struct imprint_authority_certificate *out)
{
    char *key = imprint_authority_make_key();
    bool made = key && imprint_authority_sign_key(
                           authority, imprint_slice_text(key),
                           IMPRINT_AUTHORITY_LAST_DAY, out, NULL) == IMPRINT_OK;

    imprint_file_free_secret(key, key ? strlen(key) : 0);
    return made;
}

static bool replace_certificate(const struct imprint_authority *authority,
                                struct imprint_identity *identity, char **text)
{
    struct imprint_authority_certificate other = {.pem = NULL};
    int len = -1;

    if (make_stranger(authority, &other))
        len = asprintf(text, "%s%s", other.id, other.pem);
    free(other.pem);
    if (len < 0)
        return false;
    identity->certificate_id =
        imprint_slice_of(*text, IMPRINT_AUTHORITY_ID_LEN);
    identity->certificate_pem =
        imprint_slice_text(*text + IMPRINT_AUTHORITY_ID_LEN);
    return true;
}

static bool replace_key(struct imprint_identity *identity, char **text)
{
    *text = imprint_authority_make_key();
    if (!*text)
        return false;
    identity->private_key_pem = imprint_slice_text(*text);
    return true;
}

/* The registry takes it as it is: a token is known by its digest. */
static bool lengthen_token(struct imprint_identity *identity, char **text)
{
    size_t len = identity->token.len;

    *text = malloc(IMPRINT_TOKEN_MAX_LEN + 1);
    if (!*text)
        return false;
    memset(*text, 'A', IMPRINT_TOKEN_MAX_LEN);
    (*text)[IMPRINT_TOKEN_MAX_LEN] = '\0';
    memcpy(*text, identity->token.bytes, len);
    identity->token = imprint_slice_of(*text, IMPRINT_TOKEN_MAX_LEN);
    return true;
}

/* An intermediate CA's certificate, to be freed. */
static char *make_link(const struct imprint_authority *authority)
{
    char *key = imprint_authority_make_key();
    struct imprint_authority_role role = {
        .kind = IMPRINT_AUTHORITY_ISSUER,
        .common_name = "imprint fault",
        .not_after = IMPRINT_AUTHORITY_LAST_DAY,
    };
    char *pem = NULL;

    if (key) {
        role.key_pem = imprint_slice_text(key);
        pem = imprint_authority_sign_role(authority, &role);
    }
    imprint_file_free_secret(key, key ? strlen(key) : 0);
    return pem;
}

/* The leaf and what goes behind it: count in all, as far as there is room. */
static bool lengthen_chain(const struct imprint_authority *authority,
                           struct imprint_identity *identity, size_t count,
                           char **text)
{
    char *link = make_link(authority);
    size_t len = identity->certificate_pem.len;
    size_t link_len = link ? strlen(link) : 0;
    char *chain = link ? malloc(PEM_MAX_LEN + 1) : NULL;
    size_t i;

    if (!chain || len > PEM_MAX_LEN) {
        free(link);
        free(chain);
        return false;
    }
    memcpy(chain, identity->certificate_pem.bytes, len);
    for (i = 1; i < count && len + link_len <= PEM_MAX_LEN; i++) {
        memcpy(chain + len, link, link_len);
        len += link_len;
    }
    free(link);
    chain[len] = '\0';
    identity->certificate_pem = imprint_slice_of(chain, len);
    *text = chain;
    return true;
}

enum imprint_status imprint_fault_edit(
    const struct imprint_fault *fault,
    const struct imprint_authority *authority,
    struct imprint_identity *identity, char **text)
{
    bool done = true;

    switch (fault->kind) {
    case IMPRINT_FAULT_WRONG_CERTIFICATE:
        done = replace_certificate(authority, identity, text);
        break;
    case IMPRINT_FAULT_OTHER_KEY:
        done = replace_key(identity, text);
        break;
    case IMPRINT_FAULT_LONG_TOKEN:
        done = lengthen_token(identity, text);
        break;
    case IMPRINT_FAULT_CHAIN:
        done = lengthen_chain(authority, identity, (size_t)fault->number, text);
        break;
    case IMPRINT_FAULT_LONG_REPLY:
        done = lengthen_chain(authority, identity, PEM_MAX_LEN, text);
        break;
    default:
        break;
    }
    return done ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
}
