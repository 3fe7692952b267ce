/* A resource that is a policy. */
#include <stdlib.h>

#include "grammar.h"
#include "memory.h"
#include "name.h"
#include "policy.h"

static void check_policy_text(const struct imprint_grammar *grammar,
                              const char *text,
                              const struct imprint_place *place)
{
    struct imprint_document *document = NULL;
    struct imprint_why why = {"", ""};

    if (imprint_document_read(imprint_slice_text(text), &document, &why) !=
        IMPRINT_OK) {
        imprint_finding_error(grammar->findings, place,
                              "the policy is no JSON: %.300s", why.text);
        return;
    }
    imprint_policy_check_node(document, place, grammar->findings);
    imprint_document_free(document);
}

/* With stand-ins for what devices send. */
static void try_policy(const struct imprint_grammar *grammar,
                       const struct imprint_document *node,
                       const struct imprint_place *place)
{
    void *memory = NULL;
    struct imprint_function_run run = imprint_grammar_trial(grammar, &memory);
    struct imprint_memory_text made = {.bytes = NULL};
    const char *text = NULL;
    enum imprint_status status =
        place->is_text ? imprint_function_text(&run, node, place, &text)
                       : imprint_function_write(&run, node, place, &made);

    if (status == IMPRINT_OK && !made.has_failed)
        check_policy_text(grammar, text ? text : made.bytes, place);
    else
        imprint_finding_error(grammar->findings, place, "is too long");
    free(made.bytes);
    imprint_memory_free(&memory);
}

static void check_policy_document(struct imprint_grammar *grammar,
                                  const struct imprint_document *node,
                                  struct imprint_place place)
{
    size_t error_count = grammar->findings->error_count;

    place.is_text = imprint_document_text(node) || imprint_function_is(node);
    grammar->has_parameter = false;
    imprint_function_check_inside(&grammar->functions, node, &place);
    if (grammar->findings->error_count != error_count)
        return;
    try_policy(grammar, node, &place);
    if (!grammar->has_parameter || grammar->has_hook)
        return;
    imprint_finding_warn(grammar->findings, &place,
                         "the policy is made of what a device sends: it may "
                         "send \"*\"");
    imprint_finding_hint(grammar->findings,
                         "use policy variables, such as "
                         "${iot:Connection.Thing.ThingName}");
}

void imprint_grammar_check_policy(struct imprint_grammar *grammar,
                                  const struct imprint_document *resource,
                                  const struct imprint_place *place)
{
    static const struct imprint_grammar_shape shape = {imprint_name_policy_ok,
                                                       IMPRINT_NAME_POLICY};
    static const char *const known[] = {"PolicyName", "PolicyDocument", NULL};
    const struct imprint_place own = imprint_place_member(place, "Properties");
    const struct imprint_place name_place =
        imprint_place_member(&own, "PolicyName");
    const struct imprint_place settings_place =
        imprint_place_member(place, "OverrideSettings");
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");
    const struct imprint_document *name =
        imprint_document_member(properties, "PolicyName");
    const struct imprint_document *document =
        imprint_document_member(properties, "PolicyDocument");

    grammar->policy_count++;
    if (imprint_document_member(resource, "OverrideSettings"))
        imprint_finding_error(grammar->findings, &settings_place,
                              "AWS has no OverrideSettings for a policy");
    if (!imprint_grammar_members(grammar, properties, &own, known))
        return;
    if (!name == !document) {
        imprint_finding_error(grammar->findings, &own,
                              "must have one of PolicyName and PolicyDocument");
    } else if (name) {
        imprint_grammar_check_named(grammar, name, &name_place, &shape);
        imprint_grammar_warn_absent(grammar, "policy", name, &name_place);
    } else {
        check_policy_document(grammar, document,
                              imprint_place_member(&own, "PolicyDocument"));
    }
}
