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

/* ---- between grammar.c and grammar_*.c ---- */

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

/* ---- grammar_name.c ---- */

struct imprint_grammar_shape {
    bool (*is_ok)(const char *text);
    const char *words; /* what it is that can be taken */
};

/* With stand-ins for what devices send. */
struct imprint_function_run imprint_grammar_trial(
    const struct imprint_grammar *grammar, void **memory);

/* What a text or a function gives is of that shape. */
void imprint_grammar_check_shape(const struct imprint_grammar *grammar,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place,
                                 const struct imprint_grammar_shape *shape);
/* The same, and it is a text or a function. */
void imprint_grammar_check_named(struct imprint_grammar *grammar,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place,
                                 const struct imprint_grammar_shape *shape);

/* Of a text: it names a "thing group" or the like, which must be there. */
void imprint_grammar_warn_absent(const struct imprint_grammar *grammar,
                                 const char *kind,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place);

/* ---- resources ---- */

void imprint_grammar_check_policy(struct imprint_grammar *grammar,
                                  const struct imprint_document *resource,
                                  const struct imprint_place *place);
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
