#include "edit.h"

#include <stdio.h>
#include <unistd.h>

#include "audit.h"
#include "posix/why.h"

static enum imprint_status note(const char *dir,
                                const struct imprint_edit *edit,
                                struct imprint_why *why)
{
    char who[32];
    const struct imprint_audit_entry entry = {who, edit->operation, edit->what};

    if (!edit->operation)
        return IMPRINT_OK;
    (void)snprintf(who, sizeof(who), "uid:%u", (unsigned)getuid());
    return imprint_audit_add(dir, &entry, why);
}

/* dir NULL: it only looks. */
static enum imprint_status run_open(struct imprint_registry *registry,
                                    const struct imprint_edit *edit,
                                    const char *dir, struct imprint_why *why)
{
    struct imprint_why said = {"", ""};
    enum imprint_status status =
        dir ? imprint_registry_begin(registry) : IMPRINT_OK;

    if (status == IMPRINT_OK)
        status = edit->work(edit->user, registry, &said);
    if (status == IMPRINT_OK && dir)
        status = note(dir, edit, &said);
    if (status == IMPRINT_OK && dir)
        status = imprint_registry_commit(registry);
    if (status == IMPRINT_OK)
        return status;
    if (said.text[0] == '\0')
        (void)imprint_why_set(&said, status, "%s",
                              imprint_registry_problem(registry));
    if (dir)
        imprint_registry_undo(registry);
    if (why)
        *why = said;
    return status;
}

static enum imprint_status run(const char *dir, const struct imprint_edit *edit,
                               bool writes, struct imprint_why *why)
{
    struct imprint_registry *registry = NULL;
    enum imprint_status status = imprint_registry_open(
        dir, writes ? IMPRINT_REGISTRY_WRITE : IMPRINT_REGISTRY_READ, &registry,
        why);

    if (status != IMPRINT_OK)
        return status;
    status = run_open(registry, edit, writes ? dir : NULL, why);
    imprint_registry_close(registry);
    return status;
}

enum imprint_status imprint_edit_look(const char *dir,
                                      const struct imprint_edit *edit,
                                      struct imprint_why *why)
{
    return run(dir, edit, false, why);
}

enum imprint_status imprint_edit_run(const char *dir,
                                     const struct imprint_edit *edit,
                                     struct imprint_why *why)
{
    return run(dir, edit, true, why);
}
