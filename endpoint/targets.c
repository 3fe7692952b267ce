#include "targets.h"

#include <stdlib.h>
#include <string.h>

static bool is_meant(const struct imprint_targets *targets,
                     const struct imprint_registry_certificate *found)
{
    return strcmp(found->id, targets->word) == 0 ||
           (found->claim && strcmp(found->claim, targets->word) == 0);
}

static void collect(void *user,
                    const struct imprint_registry_certificate *found)
{
    struct imprint_targets *targets = user;

    if (targets->has_failed || !is_meant(targets, found) ||
        strlen(found->id) != IMPRINT_AUTHORITY_ID_LEN)
        return;
    if (targets->count == targets->room) {
        size_t room = 2 * targets->room + 4;
        void *ids = realloc(targets->ids, room * sizeof(*targets->ids));

        targets->has_failed = !ids;
        if (!ids)
            return;
        targets->ids = ids;
        targets->room = room;
    }
    memcpy(targets->ids[targets->count++], found->id, sizeof(*targets->ids));
}

enum imprint_status imprint_targets_find(struct imprint_registry *registry,
                                         const char *word,
                                         struct imprint_targets *out)
{
    struct imprint_targets targets = {.word = word};
    bool is_id = strlen(word) == IMPRINT_AUTHORITY_ID_LEN;
    enum imprint_status status = imprint_registry_each_certificate(
        registry, is_id ? word : NULL, collect, &targets);

    if (status == IMPRINT_OK && targets.has_failed)
        status = IMPRINT_ERR_INTERNAL;
    else if (status == IMPRINT_OK && targets.count == 0)
        status = IMPRINT_ERR_NOT_FOUND;
    if (status == IMPRINT_OK)
        *out = targets;
    else
        free(targets.ids);
    return status;
}

void imprint_targets_free(struct imprint_targets *targets)
{
    free(targets->ids);
    *targets = (struct imprint_targets){.ids = NULL};
}
