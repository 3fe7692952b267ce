#include "templates.h"

#include <stdlib.h>
#include <string.h>

#include "posix/why.h"

static void free_item(struct imprint_templates_item *item)
{
    imprint_template_free(item->parsed);
    free(item->document);
    *item = (struct imprint_templates_item){.document = NULL};
}

enum imprint_status imprint_templates_parse(struct imprint_templates *templates,
                                            const char *document,
                                            const struct imprint_template **out,
                                            struct imprint_why *why)
{
    struct imprint_templates_item *item;
    struct imprint_templates_item fresh = {.document = NULL};
    enum imprint_status status;

    for (size_t i = 0; i < IMPRINT_TEMPLATES_COUNT; i++) {
        item = &templates->items[i];
        if (item->document && strcmp(item->document, document) == 0) {
            *out = item->parsed;
            return IMPRINT_OK;
        }
    }
    fresh.document = strdup(document);
    if (!fresh.document)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = imprint_template_parse(imprint_slice_text(document), &fresh.parsed,
                                    why);
    if (status != IMPRINT_OK) {
        free_item(&fresh);
        return status;
    }
    item = &templates->items[templates->next];
    templates->next = (templates->next + 1) % IMPRINT_TEMPLATES_COUNT;
    free_item(item);
    *item = fresh;
    *out = item->parsed;
    return IMPRINT_OK;
}

void imprint_templates_free(struct imprint_templates *templates)
{
    for (size_t i = 0; i < IMPRINT_TEMPLATES_COUNT; i++)
        free_item(&templates->items[i]);
    templates->next = 0;
}
