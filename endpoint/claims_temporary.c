#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "catalog.h"
#include "claims.h"
#include "claims_policy.h"
#include "edit.h"
#include "keyring.h"
#include "posix/file.h"
#include "posix/why.h"
#include "rules.h"

struct making {
    const struct imprint_authority *authority;
    const char *template_name;
    struct imprint_claims_temporary *claim;
};

void imprint_claims_free_temporary(struct imprint_claims_temporary *claim)
{
    if (claim->private_key_pem)
        imprint_file_free_secret(claim->private_key_pem,
                                 strlen(claim->private_key_pem));
    free(claim->certificate_pem);
    free(claim->public_key_pem);
    *claim = (struct imprint_claims_temporary){.id = ""};
}

static enum imprint_status make_keys(struct imprint_claims_temporary *claim,
                                     struct imprint_why *why)
{
    claim->private_key_pem = imprint_authority_make_key();
    if (claim->private_key_pem)
        claim->public_key_pem = imprint_authority_write_public(
            imprint_slice_text(claim->private_key_pem));
    return claim->public_key_pem ? IMPRINT_OK
                                 : imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                                                   "OpenSSL can't make a key");
}

/*
 * Whoever looks at the certificate itself goes by the machine's clock, which
 * may not be the service's.
 */
static enum imprint_status sign(const struct making *making, int64_t lifetime_s,
                                struct imprint_why *why)
{
    struct imprint_authority_certificate certificate = {.pem = NULL};
    enum imprint_status status = imprint_authority_sign_key(
        making->authority, imprint_slice_text(making->claim->private_key_pem),
        (int64_t)time(NULL) + lifetime_s, &certificate, why);

    if (status != IMPRINT_OK)
        return status;
    memcpy(making->claim->id, certificate.id, sizeof(certificate.id));
    making->claim->certificate_pem = certificate.pem;
    return IMPRINT_OK;
}

static enum imprint_status put(const struct making *making,
                               struct imprint_registry *registry, int64_t now,
                               struct imprint_why *why)
{
    const struct imprint_registry_certificate certificate = {
        .id = making->claim->id,
        .pem = making->claim->certificate_pem,
        .claim = IMPRINT_CLAIMS_TEMPORARY,
        .state = IMPRINT_REGISTRY_ACTIVE,
        .is_temporary = true,
        .created = now,
        .not_after = making->claim->expires,
    };
    char policy[IMPRINT_CLAIMS_POLICY_LEN];
    enum imprint_status status =
        imprint_registry_put_certificate(registry, &certificate);

    (void)snprintf(policy, sizeof(policy), "$claim-%s", making->template_name);
    if (status == IMPRINT_OK)
        status = imprint_claims_put_policy(registry, policy,
                                           making->template_name, why);
    if (status == IMPRINT_OK)
        status = imprint_catalog_attach_policy(registry, making->claim->id,
                                               policy, true);
    return status;
}

static enum imprint_status make(void *user, struct imprint_registry *registry,
                                struct imprint_why *why)
{
    const struct making *making = user;
    struct imprint_rules rules;
    bool is_enabled = false;
    int64_t lifetime_s;
    int64_t now;
    enum imprint_status status = imprint_claims_find_template(
        registry, making->template_name, &is_enabled, why);

    if (status == IMPRINT_OK && !is_enabled) {
        status = imprint_why_set(why, IMPRINT_ERR_REFUSED,
                                 "template \"%s\" is disabled",
                                 making->template_name);
        imprint_why_hint(why, "imprint endpoint template %s --enabled",
                         making->template_name);
    }
    if (status != IMPRINT_OK)
        return status;
    imprint_rules_read(&rules, registry, true);
    lifetime_s =
        imprint_rules_get(&rules, IMPRINT_RULE_TEMPORARY_CLAIM_LIFETIME_S);
    now = imprint_rules_now(&rules);
    making->claim->expires = now + lifetime_s;
    status = make_keys(making->claim, why);
    if (status == IMPRINT_OK)
        status = sign(making, lifetime_s, why);
    return status == IMPRINT_OK ? put(making, registry, now, why) : status;
}

enum imprint_status imprint_claims_make_temporary(
    const char *dir, const char *template_name,
    struct imprint_claims_temporary *out, struct imprint_why *why)
{
    struct imprint_claims_temporary claim = {.id = ""};
    struct imprint_authority *authority = NULL;
    struct making making = {.template_name = template_name, .claim = &claim};
    struct imprint_edit edit = {.work = make,
                                .user = &making,
                                .operation = "claim --temporary",
                                .what = template_name};
    enum imprint_status status = imprint_keyring_open(dir, &authority, why);

    making.authority = authority;
    if (status == IMPRINT_OK)
        status = imprint_edit_run(dir, &edit, why);
    imprint_authority_close(authority);
    if (status == IMPRINT_OK)
        *out = claim;
    else
        imprint_claims_free_temporary(&claim);
    return status;
}
