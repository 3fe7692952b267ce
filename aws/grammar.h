/* What a provisioning template may be. For template.c, which applies it. */
#ifndef IMPRINT_AWS_GRAMMAR_H
#define IMPRINT_AWS_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

#include "document.h"
#include "finding.h"
#include "function.h"
#include "place.h"

/*
 * No error: everything that template.c looks for is there, and as it says.
 * has_hook: no warning about who may choose a thing's name.
 */
void imprint_grammar_check(const struct imprint_document *root, bool has_hook,
                           struct imprint_findings *findings);

/* ---- between grammar.c and grammar_resource.c ---- */

#define IMPRINT_GRAMMAR_SETTING_COUNT 3 /* of an OverrideSettings */

struct imprint_grammar {
    struct imprint_function_check functions;
    struct imprint_findings *findings;
    bool has_hook;
    bool *is_used; /* by the declared parameter's index */
    /* of the value that is looked at: refers to one; to the certificate */
    bool has_parameter;
    bool has_certificate_id;
    size_t thing_count;
    size_t certificate_count;
    size_t policy_count;
};

/* An object whose members are all of known, which NULL ends. */
bool imprint_grammar_members(const struct imprint_grammar *grammar,
                             const struct imprint_document *object,
                             const struct imprint_place *place,
                             const char *const *known);

void imprint_grammar_check_resource(struct imprint_grammar *grammar,
                                    const struct imprint_document *resource,
                                    const struct imprint_place *place);

/*
 * The setting that both spellings of OverrideSettings' keys are, or NULL:
 * "AttributePayload" and "ATTRIBUTE_PAYLOAD".
 */
const struct imprint_document *imprint_grammar_setting(
    const struct imprint_document *settings, const char *name);

#endif
