/*
 * The audit log: DIR/audit, a JSON object a line, appended and never rewritten.
 * Each has the digest of the line before it, so that one that was changed,
 * taken out or put in shows; that the end was cut off shows against a digest
 * that somebody noted elsewhere. docs/FORMATS.md has the members.
 */
#ifndef IMPRINT_ENDPOINT_AUDIT_H
#define IMPRINT_ENDPOINT_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

/* Nothing of it is secret. Texts are cut at 256 bytes; what NULL: left out. */
struct imprint_audit_entry {
    const char *who;       /* "key:NAME", "uid:0" */
    const char *operation; /* "CreatePolicy", "set" */
    const char *what;      /* a name or an id */
};

/*
 * To be called before a change is committed: then there is none without an
 * entry. Durable when it returns; other processes may be at it. ERR_STORAGE:
 * the change must not be made.
 */
IMPRINT_MUST_USE enum imprint_status imprint_audit_add(
    const char *dir, const struct imprint_audit_entry *entry,
    struct imprint_why *why);

struct imprint_audit_state {
    size_t count;    /* entries that are fine, from the first on */
    char digest[65]; /* of the last of them; zeros if there is none */
};

/*
 * ERR_REFUSED: why names the line that does not follow from the one before it.
 * ERR_NOT_FOUND: there is no log yet.
 */
IMPRINT_MUST_USE enum imprint_status imprint_audit_verify(
    const char *dir, struct imprint_audit_state *state,
    struct imprint_why *why);

#endif
