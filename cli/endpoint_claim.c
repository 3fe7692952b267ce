#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint/claims.h"
#include "endpoint/setup.h"
#include "endpoint_order.h"
#include "endpoint_show.h"
#include "list.h"
#include "posix/clock.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/settings.h"
#include "posix/why.h"
#include "qr.h"

#define PEM_MAX_LEN 65536u
#define ADDRESS_MAX_LEN 512u
#define DEFAULT_ADDRESS "127.0.0.1:8883"

/* Where this endpoint is, or was when it ran last; free it. */
static char *find_address(const char *dir)
{
    char path[PATH_MAX];
    char *text = NULL;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/address", dir);
    if (imprint_file_read(path, ADDRESS_MAX_LEN, &text, &len, NULL) !=
        IMPRINT_OK)
        return strdup(DEFAULT_ADDRESS);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static enum imprint_status no_memory(struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

static const char *find_template(const struct imprint_endpoint_order *order)
{
    const char *name = imprint_settings_get(order->settings, "template");

    return name ? name : IMPRINT_SETUP_TEMPLATE;
}

/* On stderr: what to type next. */
static enum imprint_status say_next(const struct imprint_endpoint_order *order,
                                    const char *certificate_path,
                                    struct imprint_why *why)
{
    char ca_path[PATH_MAX];
    char *address = find_address(order->dir);
    const struct imprint_endpoint_show_claim claim = {order->command, address,
                                                      ca_path, certificate_path,
                                                      find_template(order)};

    if (!address)
        return no_memory(why);
    (void)snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", order->dir);
    (void)fprintf(stderr, "imprint: provision with it so:\n");
    imprint_endpoint_show_command(stderr, &claim);
    free(address);
    return IMPRINT_OK;
}

/* ---- of a batch ---- */

static enum imprint_status find_name(const struct imprint_endpoint_order *order,
                                     const char **name, struct imprint_why *why)
{
    const char *option = imprint_settings_get(order->settings, "name");
    const char *operand = order->operands[0];

    if (option && operand)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "the claim is named twice: \"%s\" and \"%s\"",
                               operand, option);
    *name = option ? option : operand;
    if (*name)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"imprint endpoint claim\" needs a name");
    imprint_why_hint(why, "name the batch, or make one for a trusted user with "
                          "--temporary");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status show_batch(
    const struct imprint_endpoint_order *order, const char *name,
    struct imprint_why *why)
{
    char certificate[PATH_MAX];
    char key[PATH_MAX];
    struct imprint_json *object;
    bool is_whole;

    (void)snprintf(certificate, sizeof(certificate),
                   "%s/claims/%s/certificate.pem", order->dir, name);
    (void)snprintf(key, sizeof(key), "%s/claims/%s/private.key", order->dir,
                   name);
    if (!order->json) {
        (void)printf("%s\n", certificate);
        (void)fflush(stdout);
        return say_next(order, certificate, why);
    }
    object = imprint_json_new();
    is_whole =
        object && imprint_json_put_text(object, "name", name) &&
        imprint_json_put_text(object, "template", find_template(order)) &&
        imprint_json_put_text(object, "certificate", certificate) &&
        imprint_json_put_text(object, "privateKey", key);
    return imprint_list_print(object, is_whole, why);
}

static enum imprint_status make_batch(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    static const char *const others[] = {"out", "qr"};
    struct imprint_claims_batch batch = {
        .is_rsa = imprint_settings_on(order->settings, "rsa"),
        .policy = imprint_settings_get(order->settings, "policy"),
        .template_name = find_template(order),
    };
    enum imprint_status status;

    for (size_t i = 0; i < 2; i++) {
        if (imprint_settings_on(order->settings, others[i]))
            return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                   "--%s is for --temporary alone", others[i]);
    }
    status = find_name(order, &batch.name, why);
    if (status == IMPRINT_OK)
        status = imprint_claims_make(order->dir, &batch, why);
    return status == IMPRINT_OK ? show_batch(order, batch.name, why) : status;
}

/* ---- of a trusted user ---- */

/* As AWS's CreateProvisioningClaim answers. */
static enum imprint_status show_json(
    const struct imprint_claims_temporary *claim, struct imprint_why *why)
{
    struct imprint_json *object = imprint_json_new();
    struct imprint_json *pair = imprint_json_new();
    bool is_whole =
        object && pair &&
        imprint_json_put_text(pair, "PublicKey", claim->public_key_pem) &&
        imprint_json_put_text(pair, "PrivateKey", claim->private_key_pem) &&
        imprint_json_put_text(object, "certificateId", claim->id) &&
        imprint_json_put_text(object, "certificatePem", claim->certificate_pem);

    if (is_whole) {
        is_whole =
            imprint_json_put_object(object, "keyPair", pair) &&
            imprint_json_put_number(object, "expiration", claim->expires);
        pair = NULL;
    }
    imprint_json_free(pair);
    return imprint_list_print(object, is_whole, why);
}

static enum imprint_status show_qr(const struct imprint_endpoint_order *order,
                                   const struct imprint_claims_temporary *claim,
                                   struct imprint_why *why)
{
    struct imprint_json *object = imprint_json_new();
    char *address = find_address(order->dir);
    bool is_whole =
        object && address &&
        imprint_json_put_text(object, "endpoint", address) &&
        imprint_json_put_text(object, "template", find_template(order)) &&
        imprint_json_put_text(object, "certificate", claim->certificate_pem) &&
        imprint_json_put_text(object, "key", claim->private_key_pem);
    char *text = imprint_list_write(object, is_whole);
    enum imprint_status status =
        text ? imprint_qr_print(text, why) : no_memory(why);

    free(address);
    imprint_file_free_secret(text, text ? strlen(text) : 0);
    return status;
}

/* --out, which must hold no key yet, or a directory of the claim's own. */
static enum imprint_status name_out(const struct imprint_endpoint_order *order,
                                    const char *id, char out[PATH_MAX],
                                    struct imprint_why *why)
{
    const char *asked = imprint_settings_get(order->settings, "out");
    int len =
        asked ? snprintf(out, PATH_MAX, "%s", asked)
              : snprintf(out, PATH_MAX, "%s/temporary/%.16s", order->dir, id);

    return len < PATH_MAX - 32
               ? IMPRINT_OK
               : imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                 "the path \"%.64s...\" is too long", out);
}

/* Before the claim is made: nothing is to be overwritten. */
static enum imprint_status check_out(const struct imprint_endpoint_order *order,
                                     struct imprint_why *why)
{
    const char *asked = imprint_settings_get(order->settings, "out");
    char path[PATH_MAX];

    if (!asked)
        return IMPRINT_OK;
    (void)snprintf(path, sizeof(path), "%s/private.key", asked);
    if (access(path, F_OK) != 0)
        return IMPRINT_OK;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "\"%s\" is there already, and is not overwritten", path);
    imprint_why_hint(why, "give --out a directory without one");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status write_files(
    const struct imprint_endpoint_order *order,
    const struct imprint_claims_temporary *claim, struct imprint_why *why)
{
    char out[PATH_MAX];
    char path[PATH_MAX + 32];
    char until[IMPRINT_CLOCK_TEXT_LEN];
    enum imprint_status status = name_out(order, claim->id, out, why);

    if (status == IMPRINT_OK)
        status = imprint_file_make_dir(out, 0700, why);
    (void)snprintf(path, sizeof(path), "%s/private.key", out);
    if (status == IMPRINT_OK)
        status = imprint_file_replace(
            path, imprint_slice_text(claim->private_key_pem), 0600, why);
    (void)snprintf(path, sizeof(path), "%s/certificate.pem", out);
    if (status == IMPRINT_OK)
        status = imprint_file_replace(
            path, imprint_slice_text(claim->certificate_pem), 0644, why);
    if (status != IMPRINT_OK)
        return status;
    (void)printf("%s\n", path);
    (void)fflush(stdout);
    imprint_clock_write(claim->expires, until);
    (void)fprintf(stderr, "imprint: this claim is good until %s\n", until);
    return say_next(order, path, why);
}

static enum imprint_status check_temporary(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    static const char *const others[] = {"name", "policy", "rsa"};
    const struct imprint_settings *settings = order->settings;

    for (size_t i = 0; i < 3; i++) {
        if (imprint_settings_on(settings, others[i]))
            return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                   "--temporary goes without --%s", others[i]);
    }
    if (order->operands[0])
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "a temporary claim has no name: \"%s\"",
                               order->operands[0]);
    if (imprint_settings_on(settings, "qr") +
            imprint_settings_on(settings, "out") + order->json >
        1)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "take one of --out, --json and --qr");
    return check_out(order, why);
}

static enum imprint_status make_temporary(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct imprint_claims_temporary claim;
    enum imprint_status status = check_temporary(order, why);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_claims_make_temporary(order->dir, find_template(order),
                                           &claim, why);
    if (status != IMPRINT_OK)
        return status;
    if (order->json)
        status = show_json(&claim, why);
    else if (imprint_settings_on(order->settings, "qr"))
        status = show_qr(order, &claim, why);
    else
        status = write_files(order, &claim, why);
    imprint_claims_free_temporary(&claim);
    return status;
}

enum imprint_status imprint_endpoint_claim(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    return imprint_settings_on(order->settings, "temporary")
               ? make_temporary(order, why)
               : make_batch(order, why);
}

/* ---- made elsewhere ---- */

static enum imprint_status read_pem(const struct imprint_endpoint_order *order,
                                    char **text, size_t *len,
                                    struct imprint_why *why)
{
    return imprint_file_read(order->operands[0], PEM_MAX_LEN, text, len, why);
}

enum imprint_status imprint_endpoint_claim_register(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const struct imprint_settings *settings = order->settings;
    struct imprint_claims_foreign foreign = {
        .claim = imprint_settings_get(settings, "claim"),
        .policy = imprint_settings_get(settings, "policy"),
        .thing = imprint_settings_get(settings, "thing"),
        .template_name = imprint_settings_get(settings, "template"),
    };
    enum imprint_status status;
    struct imprint_json *object;
    char *text = NULL;
    size_t len = 0;
    char id[65];

    if (foreign.template_name && !foreign.claim)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "--template is for a claim: give --claim NAME");
    status = read_pem(order, &text, &len, why);
    if (status != IMPRINT_OK)
        return status;
    foreign.certificate_pem = imprint_slice_of(text, len);
    status = imprint_claims_register(order->dir, &foreign, id, why);
    free(text);
    if (status != IMPRINT_OK)
        return status;
    if (!order->json) {
        (void)printf("%s\n", id);
        return IMPRINT_OK;
    }
    object = imprint_json_new();
    return imprint_list_print(
        object, object && imprint_json_put_text(object, "certificateId", id),
        why);
}

enum imprint_status imprint_endpoint_claim_trust(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    char *text = NULL;
    size_t len = 0;
    enum imprint_status status = read_pem(order, &text, &len, why);

    if (status == IMPRINT_OK &&
        imprint_settings_on(order->settings, "remove")) {
        status = imprint_claims_distrust(order->dir,
                                         imprint_slice_of(text, len), why);
        if (status == IMPRINT_OK)
            imprint_why_hint(why, "an endpoint that runs may know it until it "
                                  "starts next: deactivate its certificates");
    } else if (status == IMPRINT_OK) {
        status =
            imprint_claims_trust(order->dir, imprint_slice_of(text, len), why);
    }
    free(text);
    return status;
}
