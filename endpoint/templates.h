/*
 * Templates as they come from the registry, parsed: what was used last is kept,
 * since a factory uses one or two. By their text, so that a changed one is
 * another one. For one thread.
 */
#ifndef IMPRINT_ENDPOINT_TEMPLATES_H
#define IMPRINT_ENDPOINT_TEMPLATES_H

#include <stddef.h>

#include "aws/template.h"

#define IMPRINT_TEMPLATES_COUNT 4

/* All zeros at first. */
struct imprint_templates {
    struct imprint_templates_item {
        char *document;
        struct imprint_template *parsed;
    } items[IMPRINT_TEMPLATES_COUNT];
    size_t next; /* to be replaced */
};

/* As imprint_template_parse; *out is good until the next call. */
IMPRINT_MUST_USE enum imprint_status imprint_templates_parse(
    struct imprint_templates *templates, const char *document,
    const struct imprint_template **out, struct imprint_why *why);

/* All zeros again. */
void imprint_templates_free(struct imprint_templates *templates);

#endif
