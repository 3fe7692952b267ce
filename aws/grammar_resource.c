/* Resources: the thing and the certificate; grammar_policy.c has the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "grammar.h"
#include "name.h"

#define GROUP_MAX_COUNT 10
#define ATTRIBUTE_MAX_COUNT 50
#define ATTRIBUTE_MAX_COUNT_WITHOUT_TYPE 3

static const struct imprint_grammar_shape thing_shape = {imprint_name_thing_ok,
                                                         IMPRINT_NAME_THING};
static const struct imprint_grammar_shape value_shape = {imprint_name_value_ok,
                                                         IMPRINT_NAME_VALUE};

/* A property that may be missing. */
static void check_property(struct imprint_grammar *grammar,
                           const struct imprint_document *properties,
                           const struct imprint_place *place, const char *name,
                           const char *kind)
{
    const struct imprint_place own = imprint_place_member(place, name);
    const struct imprint_document *node =
        imprint_document_member(properties, name);

    if (!node)
        return;
    imprint_grammar_check_named(grammar, node, &own, &thing_shape);
    imprint_grammar_warn_absent(grammar, kind, node, &own);
}

/* ---- OverrideSettings ---- */

static const struct {
    const char *name;
    const char *capitals;
} spellings[] = {
    {"AttributePayload", "ATTRIBUTE_PAYLOAD"},
    {"ThingTypeName", "THING_TYPE_NAME"},
    {"ThingGroups", "THING_GROUPS"},
    {"Status", "STATUS"},
};

static const char *find_capitals(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        if (strcmp(spellings[i].name, name) == 0)
            return spellings[i].capitals;
    }
    return "";
}

const struct imprint_document *imprint_grammar_setting(
    const struct imprint_document *settings, const char *name)
{
    const struct imprint_document *setting =
        imprint_document_member(settings, name);

    return setting ? setting
                   : imprint_document_member(settings, find_capitals(name));
}

static void check_setting(const struct imprint_grammar *grammar,
                          const struct imprint_document *settings,
                          const struct imprint_place *place, const char *name,
                          bool may_merge)
{
    static const char *const values[] = {"DO_NOTHING", "REPLACE", "FAIL",
                                         "MERGE", NULL};
    bool has_one = imprint_document_member(settings, name) != NULL;
    struct imprint_place own =
        imprint_place_member(place, has_one ? name : find_capitals(name));
    const struct imprint_document *setting =
        imprint_grammar_setting(settings, name);
    const char *text = imprint_document_text(setting);
    size_t i = 0;

    if (!setting)
        return;
    if (has_one && imprint_document_member(settings, find_capitals(name)))
        imprint_finding_error(grammar->findings, &own,
                              "is there in both spellings");
    while (text && values[i] && strcmp(text, values[i]) != 0)
        i++;
    if (text && values[i] && (i < 3 || may_merge))
        return;
    imprint_finding_error(
        grammar->findings, &own, "must be DO_NOTHING, REPLACE%s FAIL%s",
        may_merge ? "," : " or", may_merge ? " or MERGE" : "");
    if (text && values[i])
        imprint_finding_hint(grammar->findings,
                             "MERGE is for AttributePayload and ThingGroups");
    else if (text && imprint_name_nearest(text, values))
        imprint_finding_hint(grammar->findings, "did you mean \"%s\"?",
                             imprint_name_nearest(text, values));
}

static void warn_no_settings(const struct imprint_grammar *grammar,
                             const struct imprint_place *place)
{
    imprint_finding_warn(grammar->findings, place,
                         "without OverrideSettings a device that comes again "
                         "is refused (409) unless its thing is the same");
    imprint_finding_hint(grammar->findings,
                         "\"OverrideSettings\": {\"AttributePayload\": "
                         "\"MERGE\", \"ThingTypeName\": \"REPLACE\", "
                         "\"ThingGroups\": \"DO_NOTHING\"}");
}

static void check_thing_settings(const struct imprint_grammar *grammar,
                                 const struct imprint_document *resource,
                                 const struct imprint_place *place)
{
    static const char *const known[] = {
        "AttributePayload", "ThingTypeName", "ThingGroups", "ATTRIBUTE_PAYLOAD",
        "THING_TYPE_NAME",  "THING_GROUPS",  NULL};
    static const char name[] = "OverrideSettings";
    const struct imprint_place own = imprint_place_member(place, name);
    const struct imprint_document *settings =
        imprint_document_member(resource, name);
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");
    size_t i;

    if (!settings) {
        warn_no_settings(grammar, place);
        return;
    }
    if (!imprint_grammar_members(grammar, settings, &own, known))
        return;
    for (i = 0; i < 3; i++) {
        check_setting(grammar, settings, &own, known[i], i != 1);
        if (!imprint_document_member(properties, known[i]) ||
            imprint_grammar_setting(settings, known[i]))
            continue;
        imprint_finding_warn(grammar->findings, &own,
                             "\"%s\" is not listed: AWS does not say what "
                             "becomes of it; here it stays as it is",
                             known[i]);
    }
}

/* ---- the thing ---- */

static void check_thing_name(struct imprint_grammar *grammar,
                             const struct imprint_document *properties,
                             const struct imprint_place *place)
{
    static const char name[] = "ThingName";
    const struct imprint_place own = imprint_place_member(place, name);
    const struct imprint_document *node =
        imprint_document_member(properties, name);
    size_t error_count = grammar->findings->error_count;

    if (!node) {
        imprint_finding_error(grammar->findings, &own, "is missing");
        return;
    }
    imprint_grammar_check_named(grammar, node, &own, &thing_shape);
    if (grammar->findings->error_count != error_count ||
        grammar->has_certificate_id)
        return;
    if (!grammar->has_parameter) {
        imprint_finding_warn(grammar->findings, &own,
                             "every device gets the same thing");
        imprint_finding_hint(grammar->findings,
                             "make the name of a parameter or of \"%s\"",
                             IMPRINT_FUNCTION_CERTIFICATE_ID);
    } else if (!grammar->has_hook) {
        imprint_finding_warn(grammar->findings, &own,
                             "whoever holds the claim chooses this name, and "
                             "can take over a thing that exists");
        imprint_finding_hint(grammar->findings,
                             "give the template a hook that knows who may be "
                             "what (--hook), or make the name of \"%s\"",
                             IMPRINT_FUNCTION_CERTIFICATE_ID);
    }
}

static void check_attribute(struct imprint_grammar *grammar, const char *name,
                            const struct imprint_document *value,
                            const struct imprint_place *place)
{
    if (!imprint_name_attribute_ok(name)) {
        imprint_finding_error(grammar->findings, place,
                              "\"%.128s\" can't be an attribute's name", name);
        imprint_finding_hint(grammar->findings,
                             "AWS takes 1 to 128 letters, digits and "
                             "\"_.,@/:#-\"");
    }
    if (strcmp(name, "attributes") == 0 &&
        imprint_document_kind_of(value) == IMPRINT_DOCUMENT_OBJECT &&
        !imprint_function_is(value)) {
        imprint_finding_error(grammar->findings, place,
                              "must be a text or a function");
        imprint_finding_hint(grammar->findings,
                             "in a template, AttributePayload itself is the "
                             "map of attributes");
        return;
    }
    imprint_grammar_check_named(grammar, value, place, &value_shape);
}

/* The member at place, which is an object of literal names, or NULL. */
static const struct imprint_document *find_map(
    const struct imprint_grammar *grammar,
    const struct imprint_document *properties,
    const struct imprint_place *place, const char *of)
{
    const struct imprint_document *map =
        imprint_document_member(properties, place->name);

    if (!map || (imprint_document_kind_of(map) == IMPRINT_DOCUMENT_OBJECT &&
                 !imprint_function_is(map)))
        return map;
    imprint_finding_error(grammar->findings, place, "must be an object of %s",
                          of);
    return NULL;
}

static void check_attribute_map(struct imprint_grammar *grammar,
                                const struct imprint_document *properties,
                                const struct imprint_place *place)
{
    static const char member[] = "AttributePayload";
    const struct imprint_place own = imprint_place_member(place, member);
    const struct imprint_document *map =
        find_map(grammar, properties, &own, "names and values");
    bool has_type = imprint_document_member(properties, "ThingTypeName");
    size_t max_count =
        has_type ? ATTRIBUTE_MAX_COUNT : ATTRIBUTE_MAX_COUNT_WITHOUT_TYPE;
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;

    if (!map)
        return;
    while ((name = imprint_document_next(map, &cursor, &value))) {
        const struct imprint_place attribute = imprint_place_member(&own, name);

        check_attribute(grammar, name, value, &attribute);
    }
    if (imprint_document_count(map) <= max_count)
        return;
    imprint_finding_error(grammar->findings, &own,
                          "a thing %s a type has at most %zu attributes",
                          has_type ? "with" : "without", max_count);
    if (!has_type)
        imprint_finding_hint(grammar->findings,
                             "give it a ThingTypeName: then it is 50");
}

static void check_groups(struct imprint_grammar *grammar,
                         const struct imprint_document *properties,
                         const struct imprint_place *place)
{
    static const char name[] = "ThingGroups";
    const struct imprint_place own = imprint_place_member(place, name);
    const struct imprint_document *list =
        imprint_document_member(properties, name);
    size_t error_count = grammar->findings->error_count;
    bool is_fine;
    size_t i;

    if (!list)
        return;
    imprint_function_check_list(&grammar->functions, list, &own);
    is_fine = grammar->findings->error_count == error_count;
    if (imprint_document_kind_of(list) != IMPRINT_DOCUMENT_ARRAY)
        return;
    for (i = 0; i < imprint_document_count(list); i++) {
        const struct imprint_document *item = imprint_document_item(list, i);
        const struct imprint_place item_place = imprint_place_item(&own, i);

        /* a function may be what is wrong, a text is not */
        if (is_fine || imprint_document_text(item))
            imprint_grammar_check_shape(grammar, item, &item_place,
                                        &thing_shape);
        imprint_grammar_warn_absent(grammar, "thing group", item, &item_place);
    }
    if (imprint_document_count(list) > GROUP_MAX_COUNT)
        imprint_finding_error(grammar->findings, &own,
                              "a thing is in at most %d groups",
                              GROUP_MAX_COUNT);
}

static void check_packages(struct imprint_grammar *grammar,
                           const struct imprint_document *properties,
                           const struct imprint_place *place)
{
    static const char member[] = "PackageVersions";
    const struct imprint_place own = imprint_place_member(place, member);
    const struct imprint_document *map =
        find_map(grammar, properties, &own, "packages and versions");
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;

    if (!map)
        return;
    while ((name = imprint_document_next(map, &cursor, &value))) {
        const struct imprint_place version = imprint_place_member(&own, name);

        imprint_function_check_text(&grammar->functions, value, &version);
    }
    imprint_finding_warn(grammar->findings, &own,
                         "PackageVersions are AWS's alone: nothing is made of "
                         "them here");
}

static void check_thing(struct imprint_grammar *grammar,
                        const struct imprint_document *resource,
                        const struct imprint_place *place)
{
    static const char *const known[] = {
        "ThingName",   "AttributePayload", "ThingTypeName",
        "ThingGroups", "BillingGroup",     "PackageVersions",
        NULL};
    const struct imprint_place own = imprint_place_member(place, "Properties");
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");

    if (grammar->thing_count++ > 0)
        imprint_finding_error(grammar->findings, place,
                              "a template makes one AWS::IoT::Thing only");
    if (!imprint_grammar_members(grammar, properties, &own, known))
        return;
    check_thing_name(grammar, properties, &own);
    check_attribute_map(grammar, properties, &own);
    check_property(grammar, properties, &own, "ThingTypeName", "thing type");
    check_groups(grammar, properties, &own);
    check_property(grammar, properties, &own, "BillingGroup", "billing group");
    check_packages(grammar, properties, &own);
    check_thing_settings(grammar, resource, place);
}

/* ---- the certificate ---- */

/* A property that is one of these, in any case, or a function. */
static void check_choice(const struct imprint_grammar *grammar,
                         const struct imprint_document *properties,
                         const struct imprint_place *place, const char *name,
                         const char *const choices[2])
{
    const struct imprint_place own = imprint_place_member(place, name);
    const struct imprint_document *node =
        imprint_document_member(properties, name);
    const char *text = imprint_document_text(node);

    if (node && !text)
        imprint_function_check_text(&grammar->functions, node, &own);
    if (text && strcasecmp(text, choices[0]) != 0 &&
        strcasecmp(text, choices[1]) != 0)
        imprint_finding_error(grammar->findings, &own, "must be %s or %s",
                              choices[0], choices[1]);
}

static void check_certificate(struct imprint_grammar *grammar,
                              const struct imprint_document *resource,
                              const struct imprint_place *place)
{
    static const char *const known[] = {"CertificateId", "Status",
                                        "ThingPrincipalType", NULL};
    static const char *const settings_known[] = {"Status", "STATUS", NULL};
    static const char *const states[] = {"ACTIVE", "INACTIVE"};
    static const char *const types[] = {"EXCLUSIVE_THING",
                                        "NON_EXCLUSIVE_THING"};
    const struct imprint_place own = imprint_place_member(place, "Properties");
    const struct imprint_place id_place =
        imprint_place_member(&own, "CertificateId");
    const struct imprint_place settings_place =
        imprint_place_member(place, "OverrideSettings");
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");
    const struct imprint_document *settings =
        imprint_document_member(resource, "OverrideSettings");
    size_t error_count = grammar->findings->error_count;
    const char *id;

    if (grammar->certificate_count++ > 0)
        imprint_finding_error(grammar->findings, place,
                              "a template has one AWS::IoT::Certificate only");
    if (imprint_grammar_members(grammar, properties, &own, known)) {
        id = imprint_document_text(imprint_document_member(
            imprint_document_member(properties, "CertificateId"), "Ref"));
        if ((!id || strcmp(id, IMPRINT_FUNCTION_CERTIFICATE_ID) != 0) &&
            (imprint_document_member(properties, "CertificateId") ||
             grammar->findings->error_count == error_count))
            imprint_finding_error(grammar->findings, &id_place,
                                  "must be {\"Ref\": \"%s\"}",
                                  IMPRINT_FUNCTION_CERTIFICATE_ID);
        check_choice(grammar, properties, &own, "Status", states);
        check_choice(grammar, properties, &own, "ThingPrincipalType", types);
    }
    if (settings && imprint_grammar_members(grammar, settings, &settings_place,
                                            settings_known))
        check_setting(grammar, settings, &settings_place, "Status", false);
}

void imprint_grammar_check_resource(struct imprint_grammar *grammar,
                                    const struct imprint_document *resource,
                                    const struct imprint_place *place)
{
    static const char *const known[] = {"Type", "Properties",
                                        "OverrideSettings", NULL};
    static const char *const types[] = {
        "AWS::IoT::Thing", "AWS::IoT::Certificate", "AWS::IoT::Policy", NULL};
    static void (*const checks[])(struct imprint_grammar *,
                                  const struct imprint_document *,
                                  const struct imprint_place *) = {
        check_thing, check_certificate, imprint_grammar_check_policy};
    const struct imprint_place own = imprint_place_member(place, "Type");
    const char *type =
        imprint_document_text(imprint_document_member(resource, "Type"));
    size_t i;

    if (!imprint_grammar_members(grammar, resource, place, known))
        return;
    for (i = 0; type && types[i]; i++) {
        if (strcmp(type, types[i]) == 0) {
            checks[i](grammar, resource, place);
            return;
        }
    }
    imprint_finding_error(grammar->findings, &own,
                          "there is no resource \"%.128s\"",
                          type ? type : "(Type is missing)");
    if (type && imprint_name_nearest(type, types))
        imprint_finding_hint(grammar->findings, "did you mean \"%s\"?",
                             imprint_name_nearest(type, types));
    else
        imprint_finding_hint(grammar->findings,
                             "a template makes AWS::IoT::Thing, "
                             "AWS::IoT::Certificate and AWS::IoT::Policy");
}
