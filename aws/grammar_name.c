/* Values of a template that must be names, or that name what must exist. */
#include "grammar.h"

struct imprint_function_run imprint_grammar_trial(
    const struct imprint_grammar *grammar, void **memory)
{
    return (struct imprint_function_run){
        .scope = grammar->functions.scope, .is_trial = true, .memory = memory};
}

void imprint_grammar_check_shape(const struct imprint_grammar *grammar,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place,
                                 const struct imprint_grammar_shape *shape)
{
    void *memory = NULL;
    struct imprint_function_run run = imprint_grammar_trial(grammar, &memory);
    const char *literal = imprint_document_text(node);
    const char *text = NULL;

    if (imprint_function_text(&run, node, place, &text) == IMPRINT_OK &&
        !shape->is_ok(text)) {
        if (literal)
            imprint_finding_error(grammar->findings, place,
                                  "\"%.200s\" can't be taken", text);
        else
            imprint_finding_warn(grammar->findings, place,
                                 "it may become \"%.200s\", which can't be "
                                 "taken",
                                 text);
        imprint_finding_hint(grammar->findings, "AWS takes %s", shape->words);
    }
    imprint_memory_free(&memory);
}

void imprint_grammar_check_named(struct imprint_grammar *grammar,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place,
                                 const struct imprint_grammar_shape *shape)
{
    size_t error_count = grammar->findings->error_count;

    grammar->has_parameter = false;
    grammar->has_certificate_id = false;
    imprint_function_check_text(&grammar->functions, node, place);
    if (grammar->findings->error_count == error_count)
        imprint_grammar_check_shape(grammar, node, place, shape);
}

void imprint_grammar_warn_absent(const struct imprint_grammar *grammar,
                                 const char *kind,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place)
{
    const char *text = imprint_document_text(node);

    if (text)
        imprint_finding_warn(grammar->findings, place,
                             "the %s \"%.128s\" must exist before a device "
                             "registers",
                             kind, text);
}
