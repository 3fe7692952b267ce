/*
 * Access keys of the control plane: who may sign requests. The secret is what
 * both sides compute with, so the registry has it (its file is 0600), and
 * nothing shows it but the call that makes it.
 */
#ifndef IMPRINT_ENDPOINT_CREDENTIALS_H
#define IMPRINT_ENDPOINT_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"
#include "registry.h"

#define IMPRINT_CREDENTIALS_NAME "1 to 64 letters, digits and \"_+=,.@-\""

struct imprint_credentials {
    char access_key_id[21]; /* "AKIA..."; "ASIA..." of a session */
    char secret[41];
    char token[65];  /* a session's; "": none */
    int64_t expires; /* Unix seconds, by the service's clock; 0: never */
};

/*
 * A new one for a user of this name. lifetime_s 0: for ever; else it is a
 * session's, with a token. ERR_ARGUMENT: the name.
 */
IMPRINT_MUST_USE enum imprint_status imprint_credentials_add(
    const char *dir, const char *name, int64_t lifetime_s,
    struct imprint_credentials *out, struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_credentials_remove(
    const char *dir, const char *access_key_id, struct imprint_why *why);
/* Texts are good during the call. */
IMPRINT_MUST_USE enum imprint_status imprint_credentials_each(
    const char *dir,
    void (*each)(void *user, const char *access_key_id, const char *name,
                 int64_t created, int64_t expires),
    void *user, struct imprint_why *why);

/* name: whose it is. ERR_NOT_FOUND: there is no such key. */
IMPRINT_MUST_USE enum imprint_status imprint_credentials_find(
    struct imprint_registry *registry, const char *access_key_id,
    struct imprint_credentials *out, char name[65]);

/*
 * True: they are a key's secret and its token ("": none), and it has not
 * expired by now. In a time that tells of nothing but that there is such a key.
 */
bool imprint_credentials_match(struct imprint_registry *registry,
                               const char *access_key_id, const char *secret,
                               const char *token, int64_t now);

#endif
