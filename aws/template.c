#include "template.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "function.h"
#include "grammar.h"
#include "memory.h"
#include "posix/why.h"
#include "template_tree.h"

static enum imprint_status no_memory(struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* ---- checking ---- */

static size_t count_characters(struct imprint_slice text)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        count += (text.bytes[i] & 0xc0u) != 0x80u;
    return count;
}

/* *root is to be freed, whatever was found. */
static void check(struct imprint_slice text, bool has_hook,
                  struct imprint_findings *findings,
                  struct imprint_document **root)
{
    struct imprint_why why = {"", ""};
    size_t count = count_characters(text);

    if (count > IMPRINT_TEMPLATE_MAX_LEN)
        imprint_finding_error(findings, NULL, "longer than %d characters",
                              IMPRINT_TEMPLATE_MAX_LEN);
    else if (imprint_document_read(text, root, &why) != IMPRINT_OK)
        imprint_finding_no_json(findings, &why);
    else
        imprint_grammar_check(*root, has_hook, findings);
}

void imprint_template_check(struct imprint_slice text, bool has_hook,
                            struct imprint_findings *findings)
{
    struct imprint_document *root = NULL;

    findings->source = text;
    check(text, has_hook, findings, &root);
    imprint_document_free(root);
}

static enum imprint_status tell_error(struct imprint_slice text,
                                      struct imprint_why *why)
{
    struct imprint_findings findings = {.count = 0};
    enum imprint_status status;

    imprint_template_check(text, true, &findings);
    status = imprint_finding_status(&findings, why);
    imprint_finding_free(&findings);
    return status == IMPRINT_OK ? no_memory(why) : status;
}

/* ---- parsing ---- */

static enum imprint_status keep_document(struct imprint_template *template,
                                         const struct imprint_document *node,
                                         const char **out)
{
    const char *text = imprint_document_text(node);
    struct imprint_document *inner = NULL;
    char *compact = NULL;

    if (!node || imprint_function_is_inside(node))
        return IMPRINT_OK;
    if (!text)
        compact = imprint_document_write(node);
    else if (imprint_document_read(imprint_slice_text(text), &inner, NULL) ==
             IMPRINT_OK)
        compact = imprint_document_write(inner);
    imprint_document_free(inner);
    if (compact)
        *out =
            imprint_memory_copy(&template->memory, imprint_slice_text(compact));
    free(compact);
    return *out ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
}

static enum imprint_status keep_documents(struct imprint_template *template)
{
    const struct imprint_document *resources =
        imprint_document_member(template->root, "Resources");
    const struct imprint_document *resource;
    enum imprint_status status = IMPRINT_OK;
    void *cursor = NULL;
    size_t i;

    template->documents = imprint_memory_take(
        &template->memory,
        (imprint_document_count(resources) + 1) * sizeof(*template->documents));
    if (!template->documents)
        return IMPRINT_ERR_INTERNAL;
    for (i = 0; status == IMPRINT_OK &&
                imprint_document_next(resources, &cursor, &resource);
         i++)
        status =
            keep_document(template,
                          imprint_document_member(
                              imprint_document_member(resource, "Properties"),
                              "PolicyDocument"),
                          &template->documents[i]);
    return status;
}

enum imprint_status imprint_template_parse(struct imprint_slice text,
                                           struct imprint_template **out,
                                           struct imprint_why *why)
{
    struct imprint_template *template = calloc(1, sizeof(*template));
    /* without a source: lines are looked for only if there is an error */
    struct imprint_findings findings = {.count = 0};
    size_t error_count;

    if (!template)
        return no_memory(why);
    check(text, true, &findings, &template->root);
    error_count = findings.error_count;
    imprint_finding_free(&findings);
    if (error_count == 0 && keep_documents(template) == IMPRINT_OK) {
        *out = template;
        return IMPRINT_OK;
    }
    imprint_template_free(template);
    return error_count > 0 ? tell_error(text, why) : no_memory(why);
}

void imprint_template_free(struct imprint_template *template)
{
    if (!template)
        return;
    imprint_document_free(template->root);
    imprint_memory_free(&template->memory);
    free(template);
}
