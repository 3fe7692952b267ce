/*
 * One look at a directory's registry, or one change of it, by somebody beside
 * the endpoint that may run on it.
 */
#ifndef IMPRINT_ENDPOINT_EDIT_H
#define IMPRINT_ENDPOINT_EDIT_H

#include "imprint/status.h"
#include "imprint/why.h"
#include "registry.h"

/*
 * What is to be done. why is empty at first; if it is left so, a failure is
 * the registry's and gets its words.
 */
struct imprint_edit {
    enum imprint_status (*work)(void *user, struct imprint_registry *registry,
                                struct imprint_why *why);
    void *user;
    /* of a change, for the audit log; operation NULL: it is the endpoint's own
     * doing */
    const char *operation;
    const char *what; /* may be NULL */
};

IMPRINT_MUST_USE enum imprint_status imprint_edit_look(
    const char *dir, const struct imprint_edit *edit, struct imprint_why *why);

/* In one transaction: if it fails, nothing was done. With an audit entry. */
IMPRINT_MUST_USE enum imprint_status imprint_edit_run(
    const char *dir, const struct imprint_edit *edit, struct imprint_why *why);

#endif
