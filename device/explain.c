#include "device/explain.h"

#include "posix/why.h"

/* The service's text is not ours: no control characters, and not too much. */
static void copy_clean(char *out, size_t size, struct imprint_slice text)
{
    size_t len = text.len < size ? text.len : size - 1;

    for (size_t i = 0; i < len; i++) {
        char byte = (char)text.bytes[i];

        out[i] = (unsigned char)byte < 0x20 || byte == 0x7f ? '?' : byte;
    }
    out[len] = '\0';
}

static const char *request_of(const struct imprint_action *action)
{
    return action->step == IMPRINT_STEP_REGISTER ? "RegisterThing"
                                                 : "the certificate request";
}

static void hint_at(const struct imprint_action *action,
                    const char *template_name, struct imprint_why *why)
{
    const struct imprint_rejection *rejection = &action->rejection;

    if (rejection->status_code == 429)
        imprint_why_hint(why, "the account's rate is used up: run again later");
    else if (rejection->status_code >= 500)
        imprint_why_hint(why, "the service has trouble: run again later");
    else if (rejection->status_code == 403)
        imprint_why_hint(why, "the template's hook or a policy said no: ask "
                              "the operator, with this device's parameters");
    else if (rejection->status_code == 404)
        imprint_why_hint(why,
                         "there is no active template \"%s\" there: check "
                         "--template and --endpoint",
                         template_name);
    else if (imprint_slice_is(rejection->code,
                              "InvalidCertificateOwnershipToken"))
        imprint_why_hint(why, "run again: that starts over with a new "
                              "certificate");
    else if (rejection->status_code == 409)
        imprint_why_hint(why, "the thing exists, and the template does not "
                              "allow this change: see OverrideSettings");
    else if (imprint_slice_is(rejection->code, "InvalidRequest"))
        imprint_why_hint(why,
                         "ask the operator: the template \"%s\" is "
                         "disabled or can't be used",
                         template_name);
    else if (action->step == IMPRINT_STEP_REGISTER)
        imprint_why_hint(why, "a parameter that the template needs is missing "
                              "or wrong: see --param");
    else
        imprint_why_hint(why, "try another --key or --format");
}

static void tell_rejection(const struct imprint_action *action,
                           const char *template_name, struct imprint_why *why)
{
    const struct imprint_rejection *rejection = &action->rejection;
    char code[128];
    char message[256];

    copy_clean(code, sizeof(code), rejection->code);
    copy_clean(message, sizeof(message), rejection->message);
    imprint_why_set(
        why, action->status, "the endpoint rejected %s: %u %s: \"%s\"",
        request_of(action), (unsigned)rejection->status_code, code, message);
    hint_at(action, template_name, why);
}

void imprint_explain_action(const struct imprint_action *action,
                            const char *template_name, struct imprint_why *why)
{
    if (action->rejection.status_code) {
        tell_rejection(action, template_name, why);
        return;
    }
    switch (action->status) {
    case IMPRINT_ERR_FORMAT:
        imprint_why_set(why, action->status,
                        "the endpoint's reply to %s does not parse",
                        request_of(action));
        imprint_why_hint(why, "try the other --format; if that is no help, "
                              "tell the endpoint's operator");
        break;
    case IMPRINT_ERR_SPACE:
        imprint_why_set(why, action->status,
                        "the endpoint's reply to %s is too large: %zu bytes "
                        "are needed",
                        request_of(action), action->needed_len);
        break;
    case IMPRINT_ERR_LOST:
        /* AWS IoT hangs up on what a policy does not allow, without a word */
        if (action->step >= IMPRINT_STEP_SUBSCRIBE &&
            action->step <= IMPRINT_STEP_REGISTER)
            imprint_why_hint(why,
                             "each time: probably the policy of the claim (of "
                             "the identity in use, by a renewal) does not "
                             "allow template \"%s\", or this way of asking "
                             "(--key service or not); else the network",
                             template_name);
        break;
    default:
        break;
    }
}
