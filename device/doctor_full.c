#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/doctor_parts.h"
#include "device/layout.h"
#include "posix/why.h"

/* The number behind "rejected RegisterThing: "; 0: it was not that. */
static unsigned rejection_of(const struct imprint_why *why)
{
    static const char before[] = "rejected RegisterThing: ";
    const char *at = strstr(why->text, before);

    return at ? (unsigned)strtoul(at + strlen(before), NULL, 10) : 0;
}

static const char *name_of(enum imprint_status status,
                           const struct imprint_why *why)
{
    switch (rejection_of(why)) {
    case 0:
        break;
    case 403:
        return "hook-refused";
    case 404:
        return "template-unknown";
    case 409:
        return "thing-exists";
    case 429:
        return "throttled";
    case 500:
    case 503:
        return "service";
    default:
        if (strstr(why->text, "InvalidCertificateOwnershipToken"))
            return "token-refused";
        return strstr(why->text, "InvalidRequest") ? "template-disabled"
                                                   : "parameters";
    }
    if (strstr(why->text, "is no use"))
        return "reply-wrong";
    if (status == IMPRINT_ERR_FORMAT || status == IMPRINT_ERR_SPACE)
        return "reply-cut";
    /* the claim was let in a moment ago: this is the new certificate */
    return strstr(why->text, "CONNECT") || strstr(why->text, "CONNACK")
               ? "identity-policy"
               : "provision";
}

/* All that a run leaves in the directory, which is ours. */
static void sweep(const char *dir)
{
    static const char *const names[] = {"retry.json", "lock"};
    char path[PATH_MAX];

    struct imprint_device_settings settings = {.state_dir = dir};

    (void)!imprint_device_reset(&settings, NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        imprint_layout_path(path, dir, names[i], NULL);
        (void)unlink(path);
    }
    imprint_layout_path(path, dir, "identities", NULL);
    (void)rmdir(path);
}

enum imprint_status imprint_doctor_full(struct imprint_doctor *doctor)
{
    struct imprint_device_settings settings = doctor->settings;
    struct imprint_device_identity identity;
    struct imprint_why *why = &doctor->cause->why;
    enum imprint_status status;

    if (!doctor->is_full || doctor->has_identity) {
        doctor->is_skipped = true;
        (void)snprintf(doctor->text, sizeof(doctor->text), "%s",
                       doctor->is_full
                           ? "there is an identity, and no claim"
                           : "--full gets an identity, and throws it away");
        return IMPRINT_OK;
    }
    imprint_doctor_hang_up(doctor);
    settings.state_dir = doctor->session_dir;
    settings.identity_key = NULL; /* what is thrown away stays in a file */
    settings.force = true;
    settings.spread_s = 0;
    settings.claim_after = IMPRINT_DEVICE_CLAIM_KEEP;
    settings.retry = IMPRINT_DEVICE_RETRY_NOW;
    status = imprint_device_provision(&settings, why);
    if (status == IMPRINT_OK &&
        imprint_device_load(settings.state_dir, &identity, NULL) ==
            IMPRINT_OK) {
        (void)snprintf(doctor->text, sizeof(doctor->text),
                       "thing \"%.100s\"; certificate %s is left there: have "
                       "the operator delete it",
                       identity.thing_name, identity.certificate_id);
        imprint_device_free(&identity);
    }
    sweep(settings.state_dir);
    return status ? imprint_doctor_blame(doctor, status, name_of(status, why))
                  : status;
}
