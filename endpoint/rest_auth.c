#include <stdlib.h>
#include <string.h>

#include "credentials.h"
#include "posix/secret.h"
#include "rest_parts.h"
#include "setup.h"

#define SKEW_S 300

/* "127.0.0.1", "localhost" or "[::1]", with a port or without. */
static bool is_loopback_host(const char *host)
{
    static const char *const names[] = {"localhost", "[::1]"};
    size_t len = strspn(host, "0123456789.");

    if (strncmp(host, "127.", 4) == 0)
        return host[len] == ':' || host[len] == '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        len = strlen(names[i]);
        if (strncmp(host, names[i], len) == 0 &&
            (host[len] == ':' || host[len] == '\0'))
            return true;
    }
    return false;
}

/*
 * Where everybody may ask, signed with whatever: on a loopback address, and not
 * on behalf of a page that a browser shows (it sends Origin, or a name that
 * leads here).
 */
bool imprint_rest_auth_is_local(const struct imprint_signature_request *request)
{
    const char *host = imprint_signature_header(request, "host");

    return host && is_loopback_host(host) &&
           !imprint_signature_header(request, "origin");
}

static enum imprint_status check_local(
    struct imprint_rest_call *call,
    const struct imprint_signature_request *request)
{
    if (imprint_rest_auth_is_local(request))
        return IMPRINT_OK;
    return imprint_rest_refuse(
        call, IMPRINT_REST_MISSING_TOKEN,
        "Without signatures, this machine's programs alone are answered, and "
        "not pages of other sites.");
}

static enum imprint_status check_session(
    struct imprint_rest_call *call, const struct imprint_signature *signature,
    const struct imprint_credentials *credentials)
{
    if (!imprint_secret_is_same(credentials->token,
                                signature->token ? signature->token : ""))
        return imprint_rest_refuse(
            call, IMPRINT_REST_UNKNOWN_CLIENT,
            "The security token included in the request is invalid.");
    if (credentials->expires && call->now >= credentials->expires)
        return imprint_rest_refuse(
            call, IMPRINT_REST_EXPIRED_TOKEN,
            "The security token included in the request is expired");
    return IMPRINT_OK;
}

/*
 * By the machine's clock, which is the client's, too: the service's may have
 * been moved. A query's says itself how long it is good.
 */
static enum imprint_status check_time(struct imprint_rest_call *call,
                                      const struct imprint_signature *signature)
{
    int64_t now =
        call->now - imprint_rules_get(call->rules, IMPRINT_RULE_CLOCK_OFFSET_S);
    int64_t oldest =
        now - (signature->is_query ? signature->expires_s : SKEW_S);

    if (strncmp(signature->time, signature->date, 8) != 0)
        return imprint_rest_refuse(
            call, IMPRINT_REST_INVALID_SIGNATURE,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
            "version of date from HTTP: '%s' != '%.8s'.",
            signature->date, signature->time);
    if (signature->seconds < oldest)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_SIGNATURE,
                                   "Signature expired: %s is %lld s ago",
                                   signature->time,
                                   (long long)(now - signature->seconds));
    if (signature->seconds > now + SKEW_S)
        return imprint_rest_refuse(call, IMPRINT_REST_INVALID_SIGNATURE,
                                   "Signature not yet current: %s is still %lld"
                                   " s to come",
                                   signature->time,
                                   (long long)(signature->seconds - now));
    return IMPRINT_OK;
}

static enum imprint_status check_secret(
    struct imprint_rest_call *call,
    const struct imprint_signature_request *request,
    const struct imprint_signature *signature, char user[65])
{
    struct imprint_credentials credentials;
    enum imprint_status status = imprint_credentials_find(
        call->registry, signature->access_key, &credentials, user);

    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_rest_refuse(
            call, IMPRINT_REST_UNKNOWN_CLIENT,
            "The security token included in the request is invalid.");
    if (status != IMPRINT_OK)
        return status;
    if (!imprint_signature_is_by(request, signature, credentials.secret))
        status = imprint_rest_refuse(
            call, IMPRINT_REST_INVALID_SIGNATURE,
            "The request signature we calculated does not match the signature "
            "you provided. Check your AWS Secret Access Key and signing "
            "method.");
    else
        status = check_session(call, signature, &credentials);
    explicit_bzero(&credentials, sizeof(credentials));
    return status;
}

enum imprint_status imprint_rest_auth_check(
    struct imprint_rest_call *call,
    const struct imprint_signature_request *request, bool is_open,
    char user[65], char service[IMPRINT_SIGNATURE_WORD_LEN])
{
    struct imprint_signature signature;
    struct imprint_why why = {"", ""};
    enum imprint_status status =
        imprint_signature_read(request, &signature, &why);

    if (is_open) {
        if (status == IMPRINT_OK) {
            memcpy(service, signature.service, sizeof(signature.service));
            imprint_signature_free(&signature);
        }
        return check_local(call, request);
    }
    if (status == IMPRINT_ERR_NOT_FOUND)
        return imprint_rest_refuse(
            call, IMPRINT_REST_MISSING_TOKEN,
            "Missing Authentication Token. Sign the request with a key of "
            "\"imprint endpoint credentials add\".");
    if (status != IMPRINT_OK)
        return imprint_rest_refuse(call, IMPRINT_REST_INCOMPLETE_SIGNATURE,
                                   "%s", why.text);
    if (strcmp(signature.region, IMPRINT_SETUP_REGION) != 0)
        status = imprint_rest_refuse(
            call, IMPRINT_REST_INVALID_SIGNATURE,
            "Credential should be scoped to a valid region: %s, not '%s'.",
            IMPRINT_SETUP_REGION, signature.region);
    if (status == IMPRINT_OK)
        status = check_secret(call, request, &signature, user);
    if (status == IMPRINT_OK)
        status = check_time(call, &signature);
    memcpy(service, signature.service, sizeof(signature.service));
    imprint_signature_free(&signature);
    return status;
}
