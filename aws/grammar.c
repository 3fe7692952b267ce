#include "grammar.h"

#include <stdlib.h>
#include <string.h>

#include "name.h"

/* ---- members that are not known ---- */

/* What people write from other places, and what to say about it. */
static const struct {
    const char *name;
    const char *hint;
} strangers[] = {
    {"Conditions", "conditions are CloudFormation's; let Mappings or the hook "
                   "decide"},
    {"Condition", "conditions are CloudFormation's; let Mappings or the hook "
                  "decide"},
    {"AWSTemplateFormatVersion", "it is CloudFormation's"},
    {"Description", "it is CloudFormation's; create-provisioning-template "
                    "takes --description"},
    {"Metadata", "it is CloudFormation's"},
    {"Outputs", "it is CloudFormation's; what a device gets is "
                "DeviceConfiguration"},
    {"Rules", "it is CloudFormation's"},
    {"Transform", "it is CloudFormation's"},
    {"DependsOn", "it is CloudFormation's"},
    {"DeletionPolicy", "it is CloudFormation's"},
    {"AllowedPattern", "it is CloudFormation's; the hook can look at values"},
    {"AllowedValues", "it is CloudFormation's; the hook can look at values"},
    {"MinLength", "it is CloudFormation's; the hook can look at values"},
    {"MaxLength", "it is CloudFormation's; the hook can look at values"},
    {"NoEcho", "it is CloudFormation's"},
    {"enabled", "say it to create-provisioning-template, as --enabled: without "
                "it a template is off"},
    {"templateName", "that is the input of create-provisioning-template; a "
                     "template is what its templateBody holds"},
    {"templateBody", "that is the input of create-provisioning-template; a "
                     "template is what its templateBody holds"},
    {"provisioningRoleArn", "say it to create-provisioning-template"},
    {"preProvisioningHook", "say it to create-provisioning-template, or here "
                            "by --hook"},
    {"CertificatePem", "fleet provisioning takes CertificateId alone"},
    {"CertificateSigningRequest",
     "fleet provisioning takes CertificateId alone"},
    {"CACertificatePem", "fleet provisioning takes CertificateId alone"},
};

static const char *find_stranger(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
        if (strcmp(strangers[i].name, name) == 0)
            return strangers[i].hint;
    }
    return NULL;
}

static bool is_among(const char *name, const char *const *known)
{
    for (; *known; known++) {
        if (strcmp(*known, name) == 0)
            return true;
    }
    return false;
}

static void refuse_member(const struct imprint_grammar *grammar,
                          const char *name, const struct imprint_place *place,
                          const char *const *known)
{
    const char *hint = find_stranger(name);
    const char *nearest = imprint_name_nearest(name, known);
    char list[IMPRINT_WHY_TEXT_LEN / 2] = "";

    imprint_finding_error(grammar->findings, place,
                          "\"%s\" does not exist "
                          "here",
                          name);
    if (hint) {
        imprint_finding_hint(grammar->findings, "%s", hint);
    } else if (nearest) {
        imprint_finding_hint(grammar->findings, "did you mean \"%s\"?",
                             nearest);
    } else {
        for (; *known; known++) {
            (void)strncat(list, list[0] ? ", " : "",
                          sizeof(list) - strlen(list) - 1);
            (void)strncat(list, *known, sizeof(list) - strlen(list) - 1);
        }
        imprint_finding_hint(grammar->findings, "here may be: %s", list);
    }
}

bool imprint_grammar_members(const struct imprint_grammar *grammar,
                             const struct imprint_document *object,
                             const struct imprint_place *place,
                             const char *const *known)
{
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;

    if (imprint_document_kind_of(object) != IMPRINT_DOCUMENT_OBJECT) {
        imprint_finding_error(grammar->findings, place, "%s",
                              object ? "must be an object" : "is missing");
        return false;
    }
    while ((name = imprint_document_next(object, &cursor, &value))) {
        const struct imprint_place own = imprint_place_member(place, name);

        if (!is_among(name, known))
            refuse_member(grammar, name, &own, known);
    }
    return true;
}

/* ---- parameters ---- */

static void note_use(void *user, const char *parameter)
{
    struct imprint_grammar *grammar = user;
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;
    size_t i;

    if (strcmp(parameter, IMPRINT_FUNCTION_CERTIFICATE_ID) == 0)
        grammar->has_certificate_id = true;
    else
        grammar->has_parameter = true;
    for (i = 0; (name = imprint_document_next(
                     grammar->functions.scope.parameters, &cursor, &value));
         i++) {
        if (strcmp(name, parameter) == 0)
            grammar->is_used[i] = true;
    }
}

static void check_parameter(struct imprint_grammar *grammar, const char *name,
                            const struct imprint_document *parameter,
                            const struct imprint_place *place)
{
    static const char *const known[] = {"Type", "Default", NULL};
    const struct imprint_place type_place = imprint_place_member(place, "Type");
    const struct imprint_place default_place =
        imprint_place_member(place, "Default");
    const struct imprint_document *standard =
        imprint_document_member(parameter, "Default");
    const char *type =
        imprint_document_text(imprint_document_member(parameter, "Type"));

    if (!imprint_function_check_name(&grammar->functions, name, place) ||
        !imprint_grammar_members(grammar, parameter, place, known))
        return;
    if (!type || strcmp(type, "String") != 0) {
        imprint_finding_error(grammar->findings, &type_place,
                              "the Type of a parameter must be \"String\"");
        imprint_finding_hint(grammar->findings, "AWS has no other type");
    }
    if (standard && !imprint_document_text(standard))
        imprint_finding_error(grammar->findings, &default_place,
                              "a Default must be a text");
}

static void check_parameters(struct imprint_grammar *grammar,
                             const struct imprint_place *place)
{
    const struct imprint_document *parameters =
        grammar->functions.scope.parameters;
    const struct imprint_document *parameter;
    const char *name;
    void *cursor = NULL;

    if (parameters &&
        imprint_document_kind_of(parameters) != IMPRINT_DOCUMENT_OBJECT)
        imprint_finding_error(grammar->findings, place, "must be an object");
    while ((name = imprint_document_next(parameters, &cursor, &parameter))) {
        const struct imprint_place own = imprint_place_member(place, name);

        check_parameter(grammar, name, parameter, &own);
    }
}

static void check_use(const struct imprint_grammar *grammar,
                      const struct imprint_place *place)
{
    const struct imprint_document *parameter;
    const char *name;
    void *cursor = NULL;
    size_t i;

    for (i = 0; (name = imprint_document_next(
                     grammar->functions.scope.parameters, &cursor, &parameter));
         i++) {
        const struct imprint_place own = imprint_place_member(place, name);

        if (grammar->is_used[i] ||
            strcmp(name, IMPRINT_FUNCTION_CERTIFICATE_ID) == 0)
            continue;
        imprint_finding_warn(grammar->findings, &own,
                             "the parameter \"%s\" is declared but never used",
                             name);
        imprint_finding_hint(grammar->findings, "%s",
                             imprint_document_member(parameter, "Default")
                                 ? "the hook sees a parameter without that"
                                 : "a device that does not send it is refused "
                                   "all the same; the hook sees a parameter "
                                   "without that");
    }
}

/* ---- mappings ---- */

static void check_mapping_value(struct imprint_grammar *grammar,
                                const struct imprint_document *value,
                                const struct imprint_place *place)
{
    if (imprint_document_text(value))
        return;
    imprint_finding_error(grammar->findings, place, "must be a text");
    if (imprint_function_is(value))
        imprint_finding_hint(grammar->findings,
                             "Mappings can't have functions");
    else if (imprint_document_kind_of(value) == IMPRINT_DOCUMENT_OBJECT)
        imprint_finding_hint(grammar->findings,
                             "a map has two levels of names above its texts");
}

/* An object of what is below it, depth levels above the texts. */
static void check_mapping(struct imprint_grammar *grammar,
                          const struct imprint_document *node,
                          const struct imprint_place *place, int depth)
{
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;

    if (depth == 0) {
        check_mapping_value(grammar, node, place);
        return;
    }
    if (imprint_document_kind_of(node) != IMPRINT_DOCUMENT_OBJECT ||
        imprint_function_is(node)) {
        imprint_finding_error(grammar->findings, place,
                              "must be an object of names");
        imprint_finding_hint(grammar->findings,
                             "{\"map\": {\"key\": {\"key\": \"text\"}}}, "
                             "without functions");
        return;
    }
    while ((name = imprint_document_next(node, &cursor, &value))) {
        const struct imprint_place own = imprint_place_member(place, name);

        check_mapping(grammar, value, &own, depth - 1);
    }
}

/* ---- the rest ---- */

static void check_configuration(struct imprint_grammar *grammar,
                                const struct imprint_document *configuration,
                                const struct imprint_place *place)
{
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;

    if (configuration &&
        imprint_document_kind_of(configuration) != IMPRINT_DOCUMENT_OBJECT)
        imprint_finding_error(grammar->findings, place, "must be an object");
    while ((name = imprint_document_next(configuration, &cursor, &value))) {
        const struct imprint_place own = imprint_place_member(place, name);
        enum imprint_document_kind kind = imprint_document_kind_of(value);

        if (kind == IMPRINT_DOCUMENT_ARRAY ||
            (kind == IMPRINT_DOCUMENT_OBJECT && !imprint_function_is(value))) {
            imprint_finding_error(grammar->findings, &own,
                                  "DeviceConfiguration can't have objects or "
                                  "lists in it");
            imprint_finding_hint(grammar->findings,
                                 "give the device a text that holds JSON, or "
                                 "several members");
        } else {
            imprint_function_check_text(&grammar->functions, value, &own);
        }
    }
}

static void check_resources(struct imprint_grammar *grammar,
                            const struct imprint_document *resources,
                            const struct imprint_place *place)
{
    const struct imprint_document *resource;
    const char *name;
    void *cursor = NULL;

    if (imprint_document_kind_of(resources) != IMPRINT_DOCUMENT_OBJECT) {
        imprint_finding_error(grammar->findings, place, "%s",
                              resources ? "must be an object" : "is missing");
        return;
    }
    while ((name = imprint_document_next(resources, &cursor, &resource))) {
        const struct imprint_place own = imprint_place_member(place, name);

        imprint_grammar_check_resource(grammar, resource, &own);
    }
    if (grammar->certificate_count == 0) {
        imprint_finding_error(grammar->findings, place,
                              "there is no AWS::IoT::Certificate");
        imprint_finding_hint(grammar->findings,
                             "its CertificateId is {\"Ref\": \"%s\"}",
                             IMPRINT_FUNCTION_CERTIFICATE_ID);
    }
    if (grammar->policy_count == 0) {
        imprint_finding_warn(grammar->findings, place,
                             "there is no AWS::IoT::Policy: a device may not "
                             "even connect");
    }
    if (grammar->thing_count == 0)
        imprint_finding_warn(grammar->findings, place,
                             "there is no AWS::IoT::Thing: a device gets no "
                             "thing name");
}

static void check_root(struct imprint_grammar *grammar,
                       const struct imprint_document *root)
{
    static const char *const known[] = {"Parameters", "Mappings", "Resources",
                                        "DeviceConfiguration", NULL};
    const struct imprint_place parameters =
        imprint_place_member(NULL, "Parameters");
    const struct imprint_place mappings =
        imprint_place_member(NULL, "Mappings");
    const struct imprint_place resources =
        imprint_place_member(NULL, "Resources");
    const struct imprint_place configuration =
        imprint_place_member(NULL, "DeviceConfiguration");

    if (!imprint_grammar_members(grammar, root, NULL, known))
        return;
    check_parameters(grammar, &parameters);
    if (grammar->functions.scope.mappings)
        check_mapping(grammar, grammar->functions.scope.mappings, &mappings, 3);
    check_resources(grammar, imprint_document_member(root, "Resources"),
                    &resources);
    check_configuration(grammar,
                        imprint_document_member(root, "DeviceConfiguration"),
                        &configuration);
    check_use(grammar, &parameters);
}

void imprint_grammar_check(const struct imprint_document *root, bool has_hook,
                           struct imprint_findings *findings)
{
    struct imprint_grammar grammar = {
        .functions = {.scope = {imprint_document_member(root, "Parameters"),
                                imprint_document_member(root, "Mappings")},
                      .findings = findings,
                      .use = note_use},
        .findings = findings,
        .has_hook = has_hook,
    };

    grammar.functions.user = &grammar;
    grammar.is_used =
        calloc(imprint_document_count(grammar.functions.scope.parameters) + 1,
               sizeof(*grammar.is_used));
    if (grammar.is_used)
        check_root(&grammar, root);
    else
        imprint_finding_error(findings, NULL, "out of memory");
    free(grammar.is_used);
}
