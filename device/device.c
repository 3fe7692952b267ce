#include "imprint/device.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device/address.h"
#include "device/check.h"
#include "device/claim.h"
#include "device/deadline.h"
#include "device/diagnose.h"
#include "device/issue.h"
#include "device/key.h"
#include "device/retry.h"
#include "device/run.h"
#include "device/say.h"
#include "device/spread.h"
#include "device/store.h"
#include "imprint/imprint.h"
#include "posix/clock.h"
#include "posix/why.h"

/* OK: there is one. */
static enum imprint_status look_for_identity(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    struct imprint_device_identity identity;
    enum imprint_status status =
        imprint_device_load(settings->state_dir, &identity, why);

    if (status == IMPRINT_OK) {
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO,
                         "there is an identity already: \"%s\"",
                         identity.thing_name);
        imprint_device_free(&identity);
    }
    return status;
}

/*
 * Somebody else may have been at it during a wait. *is_done: all that was
 * wanted. ERR_BUSY: there is another identity to be renewed now.
 */
static enum imprint_status look_again(const struct imprint_run_needs *needs,
                                      bool *is_done, struct imprint_why *why)
{
    const char *dir = needs->settings->state_dir;
    struct imprint_device_identity identity;
    enum imprint_status status;

    *is_done = false;
    if (!needs->renewal && needs->settings->force)
        return IMPRINT_OK;
    status = imprint_device_load(dir, &identity, why);
    if (!needs->renewal && status == IMPRINT_ERR_NOT_FOUND)
        return IMPRINT_OK;
    if (status != IMPRINT_OK)
        return status;
    if (!needs->renewal) {
        *is_done = true;
    } else if (strcmp(identity.certificate_id,
                      needs->renewal->certificate_id) != 0) {
        status = imprint_why_set(why, IMPRINT_ERR_BUSY,
                                 "the identity in \"%s\" was replaced while "
                                 "this run waited",
                                 dir);
        imprint_why_hint(why, "run again if it is still to be renewed");
    }
    imprint_device_free(&identity);
    return status;
}

/*
 * Not sooner than earlier failures and the fleet allow. Others may have the
 * directory meanwhile: a person beside the device does not wait for us.
 */
static enum imprint_status await_turn(const struct imprint_run_needs *needs,
                                      struct imprint_retry *retry,
                                      bool *is_done, struct imprint_why *why)
{
    const struct imprint_device_settings *settings = needs->settings;
    enum imprint_status status;
    bool finished;

    *is_done = false;
    if (retry->failure_count > 0 ? settings->retry == IMPRINT_DEVICE_RETRY_NOW
                                 : settings->spread_s == 0)
        return IMPRINT_OK;
    imprint_store_leave(needs->store);
    status = retry->failure_count > 0
                 ? imprint_retry_await(settings, retry, why)
                 : imprint_spread_await(settings, why);
    if (status == IMPRINT_OK)
        status = imprint_store_return(needs->store, &finished, why);
    if (status == IMPRINT_OK)
        status = look_again(needs, is_done, why);
    if (status == IMPRINT_OK)
        imprint_retry_read(settings, retry);
    return status;
}

/*
 * Whoever brings a trusted user's claim stands beside the device, and it is
 * good for minutes: that does not wait.
 */
static enum imprint_status run_in_time(const struct imprint_run_needs *needs,
                                       struct imprint_why *why)
{
    struct imprint_retry retry;
    enum imprint_status status = IMPRINT_OK;
    bool is_done = false;
    bool is_unclear;
    struct imprint_why legacy;

    imprint_retry_read(needs->settings, &retry);
    if (needs->claim->expires == 0)
        status = await_turn(needs, &retry, &is_done, why);
    if (status != IMPRINT_OK || is_done)
        return status;
    status = imprint_run_provision(needs, &is_unclear, why);
    if (is_unclear)
        imprint_diagnose(needs->settings, needs->renewal != NULL, status, why);
    else if (status != IMPRINT_OK &&
             imprint_check_host(needs->address->host, &legacy) != IMPRINT_OK)
        imprint_why_hint(why, "%s", legacy.hint);
    status = imprint_deadline_end(needs->settings, status, why);
    imprint_retry_note(needs->settings, &retry, status);
    return status;
}

/*
 * The clock may be waited for, which is no reason to keep others from the
 * directory. *is_done: somebody has provisioned meanwhile, and there is no
 * claim.
 */
static enum imprint_status open_claim(
    const struct imprint_device_settings *settings, struct imprint_store *store,
    struct imprint_claim *claim, bool *is_done, struct imprint_why *why)
{
    enum imprint_status status;
    bool finished;

    *is_done = false;
    if (settings->wait_for_clock_s == 0)
        return imprint_claim_open(settings, claim, why);
    imprint_store_leave(store);
    status = imprint_claim_open(settings, claim, why);
    if (status != IMPRINT_OK)
        return status;
    status = imprint_store_return(store, &finished, why);
    if (status == IMPRINT_OK && !settings->force) {
        status = look_for_identity(settings, why);
        *is_done = status == IMPRINT_OK;
        if (status == IMPRINT_ERR_NOT_FOUND)
            status = IMPRINT_OK;
    }
    if (status != IMPRINT_OK || *is_done)
        imprint_claim_free(claim);
    return status;
}

static enum imprint_status provision_locked(
    const struct imprint_device_settings *settings,
    const struct imprint_address *address, struct imprint_store *store,
    struct imprint_why *why)
{
    struct imprint_claim claim;
    struct imprint_run_needs needs = {.renewal = NULL};
    enum imprint_status status;
    bool is_done = false;

    /* somebody else may have been at it until we got the lock */
    if (!settings->force) {
        status = look_for_identity(settings, why);
        if (status != IMPRINT_ERR_NOT_FOUND)
            return status;
    }
    status = imprint_store_check_room(settings->state_dir, why);
    if (status == IMPRINT_OK)
        status = open_claim(settings, store, &claim, &is_done, why);
    if (status != IMPRINT_OK || is_done)
        return status;
    if (claim.expires > 0)
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO,
                         "the claim is good for another %lld s",
                         (long long)(claim.expires - (int64_t)time(NULL)));
    needs.settings = settings;
    needs.dir = settings->state_dir;
    needs.store = store;
    needs.claim = &claim;
    needs.address = address;
    status = run_in_time(&needs, why);
    imprint_claim_free(&claim);
    return status;
}

/* The identity is in use; what can't be erased now has its note. */
static void sweep_keys(const struct imprint_device_settings *settings)
{
    struct imprint_why why = {"", ""};

    if (imprint_key_sweep(settings, settings->state_dir, &why) != IMPRINT_OK)
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_ERROR, "%s", why.text);
}

static enum imprint_status provision(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    struct imprint_address address;
    struct imprint_store *store;
    enum imprint_status status;
    bool finished;

    if (!settings->force) {
        status = look_for_identity(settings, why);
        if (status == IMPRINT_OK) /* an earlier run may have been cut off */
            return imprint_claim_finish(settings, why);
        if (status != IMPRINT_ERR_NOT_FOUND)
            return status;
    }
    status = imprint_check_settings(settings, why);
    if (status == IMPRINT_OK)
        status = imprint_address_parse(settings->endpoint, settings->port,
                                       &address, why);
    if (status == IMPRINT_OK)
        status =
            imprint_store_open(settings->state_dir, &store, &finished, why);
    if (status != IMPRINT_OK)
        return status;
    if (finished)
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO,
                         "finished the commit that an earlier run began");
    else
        status = provision_locked(settings, &address, store, why);
    if (status == IMPRINT_OK)
        sweep_keys(settings);
    imprint_store_close(store);
    return status == IMPRINT_OK ? imprint_claim_finish(settings, why) : status;
}

enum imprint_status imprint_device_provision(
    const struct imprint_device_settings *asked, struct imprint_why *why)
{
    struct imprint_device_settings settings = *asked;
    struct imprint_deadline deadline;

    imprint_check_fill(&settings);
    imprint_deadline_begin(&deadline, asked, &settings);
    return imprint_deadline_end(&settings, provision(&settings, why), why);
}

/* ---- renew ---- */

static enum imprint_status add_parameter(
    struct imprint_device_settings *settings, const char *name,
    const char *value, struct imprint_why *why)
{
    struct imprint_device_parameter *next;

    if (!name[0] || !value[0] || imprint_issue_parameter(settings, name))
        return IMPRINT_OK;
    if (settings->parameter_count == IMPRINT_DEVICE_PARAMETER_MAX_COUNT)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "more than %d template parameters, with those "
                               "of a renewal",
                               IMPRINT_DEVICE_PARAMETER_MAX_COUNT);
    next = &settings->parameters[settings->parameter_count++];
    next->name = name;
    next->value = value;
    return IMPRINT_OK;
}

/* *owned: where the next key is to be, if nobody said so; free it. */
static enum imprint_status place_key(
    struct imprint_device_settings *settings,
    const struct imprint_device_identity *identity, char **owned,
    struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;

    *owned = NULL;
    if (!settings->identity_key && identity->private_key_uri &&
        settings->key != IMPRINT_DEVICE_KEY_SERVICE) {
        status = imprint_key_succeed(settings->state_dir,
                                     identity->private_key_uri, owned, why);
        settings->identity_key = *owned;
    }
    return status;
}

/* What is not set is as it was. */
static enum imprint_status fill_from_identity(
    struct imprint_device_settings *settings,
    const struct imprint_device_identity *identity, struct imprint_why *why)
{
    const char *replaces = settings->replaces_parameter;
    enum imprint_status status;

    if (!settings->endpoint) {
        settings->endpoint = identity->endpoint;
        settings->port = NULL;
    }
    if (!settings->template_name)
        settings->template_name = identity->template_name;
    if (!settings->client_id && identity->thing_name[0])
        settings->client_id = identity->thing_name;
    status = add_parameter(settings, "ThingName", identity->thing_name, why);
    if (status == IMPRINT_OK)
        status = add_parameter(settings, "SerialNumber",
                               identity->serial_number, why);
    if (status == IMPRINT_OK)
        status = add_parameter(settings,
                               replaces ? replaces : "ReplacesCertificateId",
                               identity->certificate_id, why);
    return status;
}

static enum imprint_status renew_with(
    struct imprint_device_settings *settings,
    const struct imprint_device_identity *identity, struct imprint_store *store,
    struct imprint_why *why)
{
    struct imprint_issue_renewal renewal = {identity->certificate_id,
                                            identity->thing_name};
    struct imprint_address address;
    struct imprint_claim claim;
    struct imprint_run_needs needs;
    enum imprint_status status = fill_from_identity(settings, identity, why);

    if (status == IMPRINT_OK)
        status = imprint_check_target(settings, why);
    if (status == IMPRINT_OK)
        status = imprint_address_parse(settings->endpoint, settings->port,
                                       &address, why);
    if (status == IMPRINT_OK)
        status = imprint_store_check_room(settings->state_dir, why);
    if (status == IMPRINT_OK)
        status = imprint_claim_open_identity(settings, identity, &claim, why);
    if (status != IMPRINT_OK)
        return status;
    needs.settings = settings;
    needs.dir = settings->state_dir;
    needs.store = store;
    needs.claim = &claim;
    needs.address = &address;
    needs.renewal = &renewal;
    status = run_in_time(&needs, why);
    imprint_claim_free(&claim);
    return status;
}

static enum imprint_status renew_from(
    const struct imprint_device_settings *asked,
    const struct imprint_device_identity *identity, struct imprint_store *store,
    struct imprint_why *why)
{
    struct imprint_device_settings settings = *asked;
    char *key_place;
    enum imprint_status status =
        place_key(&settings, identity, &key_place, why);

    if (status == IMPRINT_OK)
        status = renew_with(&settings, identity, store, why);
    free(key_place);
    return status;
}

static bool is_due(const struct imprint_device_settings *settings,
                   const struct imprint_device_identity *identity)
{
    return settings->renew_before_s == 0 ||
           identity->not_after - (int64_t)time(NULL) < settings->renew_before_s;
}

/* With the directory free meanwhile, and what is in it then. *finished: it was
 * renewed. */
static enum imprint_status await_clock(
    const struct imprint_device_settings *settings, struct imprint_store *store,
    struct imprint_device_identity *identity, bool *finished,
    struct imprint_why *why)
{
    struct imprint_device_identity now;
    enum imprint_status status;
    bool was_cut;

    imprint_store_leave(store);
    status = imprint_claim_await_clock(settings, identity, why);
    if (status == IMPRINT_OK)
        status = imprint_store_return(store, &was_cut, why);
    if (status == IMPRINT_OK)
        status = imprint_device_load(settings->state_dir, &now, why);
    if (status != IMPRINT_OK)
        return status;
    *finished = *finished || was_cut ||
                strcmp(now.certificate_id, identity->certificate_id) != 0;
    imprint_device_free(identity);
    *identity = now;
    return IMPRINT_OK;
}

/* An earlier run's commit may just have been finished: that was the renewal. */
static enum imprint_status renew_locked(
    const struct imprint_device_settings *settings, struct imprint_store *store,
    bool finished, struct imprint_why *why)
{
    struct imprint_device_identity identity;
    enum imprint_status status =
        imprint_device_load(settings->state_dir, &identity, why);

    if (status != IMPRINT_OK)
        return status;
    if (settings->wait_for_clock_s > 0)
        status = await_clock(settings, store, &identity, &finished, why);
    else
        status = imprint_claim_await_clock(settings, &identity, why);
    if (status == IMPRINT_OK && !finished && is_due(settings, &identity))
        status = renew_from(settings, &identity, store, why);
    else if (status == IMPRINT_OK)
        imprint_say_line(settings, IMPRINT_DEVICE_LOG_INFO,
                         "no renewal is due: the certificate is good for "
                         "another %lld days",
                         (long long)(identity.not_after - time(NULL)) / 86400);
    imprint_device_free(&identity);
    if (status == IMPRINT_OK && settings->drop_former)
        status = imprint_store_drop_former(store, why);
    if (status == IMPRINT_OK)
        sweep_keys(settings);
    return status;
}

static enum imprint_status renew(const struct imprint_device_settings *settings,
                                 struct imprint_why *why)
{
    struct imprint_device_identity identity;
    struct imprint_store *store;
    bool finished;
    /* before a directory is made */
    enum imprint_status status =
        imprint_device_load(settings->state_dir, &identity, why);

    if (status != IMPRINT_OK)
        return status;
    imprint_device_free(&identity);
    status = imprint_store_open(settings->state_dir, &store, &finished, why);
    if (status != IMPRINT_OK)
        return status;
    status = renew_locked(settings, store, finished, why);
    imprint_store_close(store);
    return status;
}

enum imprint_status imprint_device_renew(
    const struct imprint_device_settings *asked, struct imprint_why *why)
{
    struct imprint_device_settings settings = *asked;
    struct imprint_deadline deadline;

    imprint_check_fill(&settings);
    imprint_deadline_begin(&deadline, asked, &settings);
    return imprint_deadline_end(&settings, renew(&settings, why), why);
}

/* ---- rollback ---- */

static enum imprint_status check_former(const char *dir,
                                        struct imprint_why *why)
{
    struct imprint_device_identity former;
    enum imprint_status status =
        imprint_store_load(dir, "former", &former, why);
    char day[IMPRINT_CLOCK_TEXT_LEN];

    if (status == IMPRINT_ERR_NOT_FOUND) {
        imprint_why_set(why, status, "there is no former identity in \"%s\"",
                        dir);
        imprint_why_hint(why, "only a renewal leaves one; imprint status "
                              "shows what is there");
    }
    if (status != IMPRINT_OK)
        return status;
    if (former.not_after < (int64_t)time(NULL)) {
        imprint_clock_write(former.not_after, day);
        status = imprint_why_set(why, IMPRINT_ERR_REFUSED,
                                 "the former certificate expired on %s", day);
        imprint_why_hint(why, "imprint renew gets a new one");
    }
    imprint_device_free(&former);
    return status;
}

enum imprint_status imprint_device_rollback(const char *state_dir,
                                            struct imprint_why *why)
{
    const char *dir = imprint_check_dir(state_dir);
    struct imprint_store *store;
    enum imprint_status status = check_former(dir, why);
    bool finished;

    if (status == IMPRINT_OK)
        status = imprint_store_open(dir, &store, &finished, why);
    if (status != IMPRINT_OK)
        return status;
    status = check_former(dir, why); /* a commit may just have been finished */
    if (status == IMPRINT_OK)
        status = imprint_store_rollback(store, why);
    imprint_store_close(store);
    return status;
}

/* ---- load, and forget ---- */

enum imprint_status imprint_device_load(const char *state_dir,
                                        struct imprint_device_identity *out,
                                        struct imprint_why *why)
{
    return imprint_store_load(imprint_check_dir(state_dir), "current", out,
                              why);
}

enum imprint_status imprint_device_load_staged(
    const char *state_dir, struct imprint_device_identity *out,
    struct imprint_why *why)
{
    return imprint_store_load(imprint_check_dir(state_dir), "staged", out, why);
}

enum imprint_status imprint_device_load_former(
    const char *state_dir, struct imprint_device_identity *out,
    struct imprint_why *why)
{
    return imprint_store_load(imprint_check_dir(state_dir), "former", out, why);
}

void imprint_device_free(struct imprint_device_identity *identity)
{
    free(identity->thing_name);
    free(identity->certificate_id);
    free(identity->endpoint);
    free(identity->template_name);
    free(identity->private_key_path);
    free(identity->private_key_uri);
    free(identity->certificate_path);
    free(identity->ca_path);
    free(identity->configuration_path);
    free(identity->serial_number);
    free(identity->replaces_certificate_id);
    memset(identity, 0, sizeof(*identity));
}

enum imprint_status imprint_device_reset(
    const struct imprint_device_settings *settings, struct imprint_why *why)
{
    const char *dir = imprint_check_dir(settings->state_dir);
    struct imprint_store *store;
    bool finished;
    enum imprint_status status =
        imprint_store_open(dir, &store, &finished, why);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_store_reset(store, why);
    imprint_retry_forget(dir);
    if (status == IMPRINT_OK)
        status = imprint_key_sweep(settings, dir, why);
    imprint_store_close(store);
    return status;
}
