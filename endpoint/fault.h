/*
 * Faults on demand, for tests: rules, one a line, that say which event shall
 * go wrong and how. docs/FORMATS.md has the language:
 *
 *     [EVENT] [KEY=VALUE...]: ACTION [NUMBER] [TEXT]
 *     register thing=SN-7 nth=2: lose
 *
 * Threads may share one set of rules; each rule counts what it matched.
 */
#ifndef IMPRINT_ENDPOINT_FAULT_H
#define IMPRINT_ENDPOINT_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "authority.h"
#include "imprint/codec.h"
#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

enum imprint_fault_event {
    IMPRINT_FAULT_CONNECT,
    IMPRINT_FAULT_SUBSCRIBE,
    IMPRINT_FAULT_CREATE_KEYS,
    IMPRINT_FAULT_CREATE_CSR,
    IMPRINT_FAULT_REGISTER,
    IMPRINT_FAULT_REST /* an operation of the control plane; refuse, delay */
};

enum imprint_fault_kind {
    IMPRINT_FAULT_NONE,
    /* the connection; close is all that CONNECT and SUBSCRIBE can have,
     * beside refuse */
    IMPRINT_FAULT_CLOSE, /* instead of an answer */
    /* the reply on its way */
    IMPRINT_FAULT_LOSE,
    IMPRINT_FAULT_DELAY,  /* number: ms */
    IMPRINT_FAULT_DOUBLE, /* sent twice */
    IMPRINT_FAULT_SWAP,   /* sent behind the connection's next reply */
    IMPRINT_FAULT_CUT,    /* number: bytes that are left */
    /* what is in it */
    IMPRINT_FAULT_REFUSE,            /* number: statusCode; text: errorCode */
    IMPRINT_FAULT_WRONG_CERTIFICATE, /* of this authority, for another key */
    IMPRINT_FAULT_OTHER_KEY,         /* a private key that is not its own */
    IMPRINT_FAULT_LONG_TOKEN,        /* 2,048 bytes; still good */
    IMPRINT_FAULT_CHAIN,             /* number: certificates in the PEM */
    IMPRINT_FAULT_LONG_REPLY         /* as long as the service's maxima */
};

struct imprint_fault {
    enum imprint_fault_kind kind;
    int64_t number;
    char text[64];
};

struct imprint_faults;

/* NULL: no memory. No rules at first. */
struct imprint_faults *imprint_fault_new(void);
/* NULL is fine. */
void imprint_fault_free(struct imprint_faults *faults);

/*
 * Takes the place of the rules there are; a line that is there already goes on
 * counting. ERR_FORMAT names line and word, and changes nothing.
 */
IMPRINT_MUST_USE enum imprint_status imprint_fault_set(
    struct imprint_faults *faults, struct imprint_slice text,
    struct imprint_why *why);

/* What happens now. Texts are NULL where there is none. */
struct imprint_fault_case {
    enum imprint_fault_event event;
    const char *client_id;
    const char *claim; /* the claim's name; NULL or "": a device's own */
    const char *thing_name;
    const char *template_name;
    const char *operation; /* of REST: "CreatePolicy" */
    const struct imprint_pair *parameters;
    size_t parameter_count;
};

/* Counts it at every rule that fits; the first that strikes is *out. */
void imprint_fault_match(struct imprint_faults *faults,
                         const struct imprint_fault_case *now,
                         struct imprint_fault *out);

/*
 * What the fault does to an identity before it is encoded (all but the kinds
 * above REFUSE). *text is what the identity then borrows from, to be freed; it
 * is NULL if nothing changed. ERR_INTERNAL: no memory.
 */
IMPRINT_MUST_USE enum imprint_status imprint_fault_edit(
    const struct imprint_fault *fault,
    const struct imprint_authority *authority,
    struct imprint_identity *identity, char **text);

/* As rules name it: "lose". */
const char *imprint_fault_name(enum imprint_fault_kind kind);

#endif
