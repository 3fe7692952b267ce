#include "claims_policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/claim_policy.h"
#include "catalog.h"
#include "posix/why.h"
#include "setup.h"

enum imprint_status imprint_claims_put_policy(struct imprint_registry *registry,
                                              const char *name,
                                              const char *template_name,
                                              struct imprint_why *why)
{
    const struct imprint_claim_policy wanted = {
        .partition = "aws",
        .region = IMPRINT_SETUP_REGION,
        .account = IMPRINT_SETUP_ACCOUNT,
        .template_name = template_name,
        .client_id_prefix = "",
        .has_csr = true,
        .has_service = true,
        .has_json = true,
        .has_cbor = true,
    };
    enum imprint_status status =
        imprint_catalog_find_policy(registry, name, NULL);
    char *text = NULL;

    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    status = imprint_claim_policy_write(&wanted, &text, why);
    if (status == IMPRINT_OK)
        status = imprint_catalog_put_policy(registry, name, text);
    free(text);
    return status;
}

static void take(void *user, const struct imprint_catalog_template *template)
{
    bool *is_enabled = user;

    if (is_enabled)
        *is_enabled = template->is_enabled;
}

enum imprint_status imprint_claims_find_template(
    struct imprint_registry *registry, const char *name, bool *is_enabled,
    struct imprint_why *why)
{
    enum imprint_status status =
        imprint_catalog_each_template(registry, name, take, is_enabled);

    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    (void)imprint_why_set(why, status, "there is no template \"%s\"", name);
    imprint_why_hint(why, "imprint endpoint template %s FILE makes one", name);
    return status;
}

/* The template's own. */
static enum imprint_status put_own(struct imprint_registry *registry,
                                   const char *template_name,
                                   char name[IMPRINT_CLAIMS_POLICY_LEN],
                                   struct imprint_why *why)
{
    enum imprint_status status =
        imprint_claims_find_template(registry, template_name, NULL, why);

    if (status != IMPRINT_OK)
        return status;
    (void)snprintf(name, IMPRINT_CLAIMS_POLICY_LEN, "%s-claim", template_name);
    return imprint_claims_put_policy(registry, name, template_name, why);
}

enum imprint_status imprint_claims_attach_policy(
    struct imprint_registry *registry, const char *certificate_id,
    const struct imprint_claims_wish *wish, struct imprint_why *why)
{
    char own[IMPRINT_CLAIMS_POLICY_LEN];
    const char *name = wish->policy ? wish->policy : own;
    enum imprint_status status;

    if (wish->policy) {
        status = imprint_catalog_find_policy(registry, name, NULL);
        if (status == IMPRINT_ERR_NOT_FOUND)
            return imprint_why_set(why, status, "there is no policy \"%s\"",
                                   name);
    } else {
        status = put_own(registry,
                         wish->template_name ? wish->template_name
                                             : IMPRINT_SETUP_TEMPLATE,
                         own, why);
    }
    if (status == IMPRINT_OK)
        status =
            imprint_catalog_attach_policy(registry, certificate_id, name, true);
    return status;
}
