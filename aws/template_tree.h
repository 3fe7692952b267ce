/* A template that was read. Between template.c and template_apply.c. */
#ifndef IMPRINT_AWS_TEMPLATE_TREE_H
#define IMPRINT_AWS_TEMPLATE_TREE_H

#include "document.h"
#include "template.h"

struct imprint_template {
    struct imprint_document *root; /* as imprint_grammar_check wants it */
    /*
     * By the resource's index: the compact text of a PolicyDocument without
     * functions, else NULL.
     */
    const char **documents;
    void *memory;
};

#endif
