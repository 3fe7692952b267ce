/* Whether functions are what they must be, before anybody is provisioned. */
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "name.h"

#define INSIDE_MAX_DEPTH 32 /* of a policy document */

enum gives { TEXT, LIST };

static const char *const what[] = {"a text", "a list"};

/* A value that must give something, in `depth` functions. */
static void check_value(const struct imprint_function_check *check,
                        const struct imprint_document *node,
                        const struct imprint_place *place, enum gives wanted,
                        int depth);

bool imprint_function_check_name(const struct imprint_function_check *check,
                                 const char *name,
                                 const struct imprint_place *place)
{
    static const char subject[] = "AWS::IoT::Certificate::";

    if (strncmp(name, "AWS::", 5) != 0 ||
        strcmp(name, IMPRINT_FUNCTION_CERTIFICATE_ID) == 0)
        return true;
    if (strncmp(name, subject, strlen(subject)) == 0) {
        imprint_finding_error(check->findings, place,
                              "\"%s\" exists in just-in-time provisioning "
                              "only",
                              name);
        imprint_finding_hint(check->findings,
                             "fleet provisioning knows \"%s\" alone; have the "
                             "device send the rest",
                             IMPRINT_FUNCTION_CERTIFICATE_ID);
        return false;
    }
    imprint_finding_error(check->findings, place,
                          "\"%s\" is CloudFormation's; AWS does not say that "
                          "provisioning templates have it",
                          name);
    imprint_finding_hint(check->findings,
                         "write the value itself into the template");
    return false;
}

static void check_parameter(const struct imprint_function_check *check,
                            const char *name, const struct imprint_place *place)
{
    bool is_policy_variable =
        strncmp(name, "iot:", 4) == 0 || strncmp(name, "aws:", 4) == 0;

    check->use(check->user, name);
    if (!imprint_function_check_name(check, name, place) ||
        strcmp(name, IMPRINT_FUNCTION_CERTIFICATE_ID) == 0 ||
        imprint_document_member(check->scope.parameters, name))
        return;
    imprint_finding_error(check->findings, place,
                          "the parameter \"%s\" is used but not declared",
                          name);
    if (is_policy_variable && name[4] != ':')
        imprint_finding_hint(check->findings,
                             "a policy variable in Fn::Sub is ${!%s}", name);
    else
        imprint_finding_hint(check->findings,
                             "Parameters needs \"%s\": {\"Type\": \"String\"}",
                             name);
}

static void check_ref(const struct imprint_function_check *check,
                      const struct imprint_document *argument,
                      const struct imprint_place *place, int depth)
{
    const char *name = imprint_document_text(argument);

    (void)depth;
    if (name)
        check_parameter(check, name, place);
    else
        imprint_finding_error(check->findings, place,
                              "Ref must name a parameter");
}

/* An array of count items. */
static bool has_items(const struct imprint_function_check *check,
                      const struct imprint_document *argument,
                      const struct imprint_place *place, size_t count,
                      const char *shape)
{
    if (imprint_document_kind_of(argument) == IMPRINT_DOCUMENT_ARRAY &&
        imprint_document_count(argument) == count)
        return true;
    imprint_finding_error(check->findings, place, "must be [%s]", shape);
    return false;
}

/* The item of argument that place, an item's, names. */
static void check_item(const struct imprint_function_check *check,
                       const struct imprint_document *argument,
                       struct imprint_place place, enum gives wanted, int depth)
{
    check_value(check, imprint_document_item(argument, place.index), &place,
                wanted, depth);
}

static void check_delimiter(const struct imprint_function_check *check,
                            const struct imprint_document *argument,
                            const struct imprint_place *place, bool may_be_none)
{
    const struct imprint_place own = imprint_place_item(place, 0);
    const char *text =
        imprint_document_text(imprint_document_item(argument, 0));

    if (!text || (text[0] == '\0' && !may_be_none))
        imprint_finding_error(check->findings, &own,
                              "the delimiter must be a text%s, no function",
                              may_be_none ? "" : " that is not empty");
}

static void check_join(const struct imprint_function_check *check,
                       const struct imprint_document *argument,
                       const struct imprint_place *place, int depth)
{
    if (!has_items(check, argument, place, 2, "delimiter, list of texts"))
        return;
    check_delimiter(check, argument, place, true);
    check_item(check, argument, imprint_place_item(place, 1), LIST, depth);
}

static void check_split(const struct imprint_function_check *check,
                        const struct imprint_document *argument,
                        const struct imprint_place *place, int depth)
{
    if (!has_items(check, argument, place, 2, "delimiter, text"))
        return;
    check_delimiter(check, argument, place, false);
    check_item(check, argument, imprint_place_item(place, 1), TEXT, depth);
}

/* An index that stands there, of a list that stands there. */
static void check_index(const struct imprint_function_check *check,
                        const char *text, size_t count, bool is_counted,
                        const struct imprint_place *place)
{
    const struct imprint_place own = imprint_place_item(place, 0);

    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) ||
        strlen(text) > 8) {
        imprint_finding_error(check->findings, &own,
                              "\"%.64s\" is not the index of an item", text);
        imprint_finding_hint(check->findings, "the first item's index is 0");
    } else if (is_counted && (size_t)strtoul(text, NULL, 10) >= count) {
        imprint_finding_error(check->findings, &own,
                              "there is no item %s in a list of %zu", text,
                              count);
        imprint_finding_hint(check->findings, "the first item's index is 0");
    }
}

static void check_select(const struct imprint_function_check *check,
                         const struct imprint_document *argument,
                         const struct imprint_place *place, int depth)
{
    const struct imprint_document *index = imprint_document_item(argument, 0);
    const struct imprint_document *list = imprint_document_item(argument, 1);
    const char *text = imprint_document_text(index);
    char *number = NULL;

    if (!has_items(check, argument, place, 2, "index, list of texts"))
        return;
    if (imprint_document_kind_of(index) == IMPRINT_DOCUMENT_NUMBER)
        number = imprint_document_write(index);
    if (number || text)
        check_index(check, number ? number : text, imprint_document_count(list),
                    imprint_document_kind_of(list) == IMPRINT_DOCUMENT_ARRAY,
                    place);
    else
        check_item(check, argument, imprint_place_item(place, 0), TEXT, depth);
    free(number);
    check_item(check, argument, imprint_place_item(place, 1), LIST, depth);
}

/* Follows the keys that stand there, as far as they do. */
static void check_find_in_map(const struct imprint_function_check *check,
                              const struct imprint_document *argument,
                              const struct imprint_place *place, int depth)
{
    const struct imprint_document *map = check->scope.mappings;
    size_t i;

    if (!has_items(check, argument, place, 3,
                   "map, key of the map, key below that"))
        return;
    for (i = 0; i < 3; i++) {
        const struct imprint_document *key = imprint_document_item(argument, i);
        const struct imprint_place own = imprint_place_item(place, i);
        const char *text = imprint_document_text(key);
        const struct imprint_document *found =
            text && map ? imprint_document_member(map, text) : NULL;

        check_value(check, key, &own, TEXT, depth);
        if (text && !found && (map || i == 0))
            imprint_finding_error(check->findings, &own, "\"%s\" is not in %s",
                                  text, i == 0 ? "Mappings" : "the map");
        map = found;
    }
}

/* Every variable is the function's own or a parameter. */
static void check_variables(const struct imprint_function_check *check,
                            const char *text,
                            const struct imprint_document *own,
                            const struct imprint_place *place)
{
    struct imprint_function_piece piece;
    const char *at = text;

    while (imprint_function_next_piece(&at, &piece)) {
        char *name;

        if (!piece.variable.bytes)
            continue;
        name = strndup((const char *)piece.variable.bytes, piece.variable.len);
        if (!name)
            imprint_finding_error(check->findings, place, "out of memory");
        else if (!imprint_document_member(own, name))
            check_parameter(check, name, place);
        free(name);
    }
    if (at)
        return;
    imprint_finding_error(check->findings, place,
                          "\"${\" without \"}\" in \"%.200s\"", text);
    imprint_finding_hint(check->findings, "\"${!\" is a \"${\" that stays");
}

static void check_sub(const struct imprint_function_check *check,
                      const struct imprint_document *argument,
                      const struct imprint_place *place, int depth)
{
    const struct imprint_document *own = imprint_document_item(argument, 1);
    const struct imprint_place own_place = imprint_place_item(place, 1);
    const struct imprint_document *value;
    const char *text = imprint_document_text(argument);
    const char *name;
    void *cursor = NULL;

    if (!text) {
        text = imprint_document_text(imprint_document_item(argument, 0));
        if (!text || imprint_document_count(argument) != 2 ||
            imprint_document_kind_of(own) != IMPRINT_DOCUMENT_OBJECT) {
            imprint_finding_error(check->findings, place,
                                  "must be a text, or [text, object of its "
                                  "variables]");
            return;
        }
    }
    while ((name = imprint_document_next(own, &cursor, &value))) {
        const struct imprint_place variable =
            imprint_place_member(&own_place, name);

        check_value(check, value, &variable, TEXT, depth);
    }
    check_variables(check, text, own, place);
}

/* ---- any function ---- */

struct function {
    const char *name;
    enum gives gives;
    void (*check)(const struct imprint_function_check *,
                  const struct imprint_document *, const struct imprint_place *,
                  int);
};

static const struct function functions[] = {
    {"Ref", TEXT, check_ref},
    {"Fn::Join", TEXT, check_join},
    {"Fn::Select", TEXT, check_select},
    {"Fn::FindInMap", TEXT, check_find_in_map},
    {"Fn::Split", LIST, check_split},
    {"Fn::Sub", TEXT, check_sub},
};

#define FUNCTION_COUNT (sizeof(functions) / sizeof(*functions))

static const struct function *find_function(const char *name)
{
    size_t i;

    for (i = 0; i < FUNCTION_COUNT; i++) {
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    }
    return NULL;
}

static void refuse_function(const struct imprint_function_check *check,
                            const char *name, const struct imprint_place *place)
{
    static const char *const names[] = {
        "Ref",       "Fn::Join", "Fn::Select", "Fn::FindInMap",
        "Fn::Split", "Fn::Sub",  NULL};
    static const char *const others[] = {
        "Fn::If",           "Fn::GetAtt",  "Fn::ImportValue", "Fn::Base64",
        "Fn::Cidr",         "Fn::GetAZs",  "Fn::Equals",      "Fn::And",
        "Fn::Or",           "Fn::Not",     "Fn::Transform",   "Fn::Length",
        "Fn::ToJsonString", "Fn::ForEach", "Condition",       NULL};
    const char *nearest = imprint_name_nearest(name, names);
    size_t i;

    imprint_finding_error(check->findings, place, "there is no function \"%s\"",
                          name);
    for (i = 0; others[i]; i++) {
        if (strcmp(others[i], name) == 0) {
            imprint_finding_hint(check->findings,
                                 "it is CloudFormation's; here are Ref, "
                                 "Fn::Join, Fn::Select, Fn::FindInMap, "
                                 "Fn::Split and Fn::Sub");
            return;
        }
    }
    if (nearest)
        imprint_finding_hint(check->findings, "did you mean \"%s\"?", nearest);
    else
        imprint_finding_hint(check->findings,
                             "a value is a text, or one function: Ref, "
                             "Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split "
                             "or Fn::Sub");
}

/* An object where a value must be. */
static void check_function(const struct imprint_function_check *check,
                           const struct imprint_document *node,
                           const struct imprint_place *place, enum gives wanted,
                           int depth)
{
    const struct imprint_document *argument = NULL;
    const struct function *function;
    void *cursor = NULL;
    const char *name = imprint_document_next(node, &cursor, &argument);
    struct imprint_place own;

    if (!name || imprint_document_count(node) != 1) {
        imprint_finding_error(check->findings, place,
                              "must be %s or one function", what[wanted]);
        return;
    }
    own = imprint_place_member(place, name);
    function = find_function(name);
    if (!function) {
        refuse_function(check, name, &own);
        return;
    }
    if (depth >= IMPRINT_TEMPLATE_MAX_DEPTH) {
        imprint_finding_error(check->findings, &own,
                              "more than %d functions in each other",
                              IMPRINT_TEMPLATE_MAX_DEPTH);
        imprint_finding_hint(check->findings,
                             "take the value as a parameter, from the device "
                             "or from the hook's parameterOverrides");
        return;
    }
    if (function->gives != wanted) {
        imprint_finding_error(check->findings, &own,
                              "%s gives %s; %s must be here", name,
                              what[function->gives], what[wanted]);
        imprint_finding_hint(check->findings, "%s",
                             wanted == TEXT
                                 ? "Fn::Select takes one of a list, Fn::Join "
                                   "makes one text of it"
                                 : "write [...] around it, or take Fn::Split");
    }
    function->check(check, argument, &own, depth + 1);
}

static void check_value(const struct imprint_function_check *check,
                        const struct imprint_document *node,
                        const struct imprint_place *place, enum gives wanted,
                        int depth)
{
    enum imprint_document_kind kind = imprint_document_kind_of(node);
    size_t i;

    if (kind == IMPRINT_DOCUMENT_OBJECT) {
        check_function(check, node, place, wanted, depth);
    } else if (kind == IMPRINT_DOCUMENT_ARRAY && wanted == LIST) {
        for (i = 0; i < imprint_document_count(node); i++)
            check_item(check, node, imprint_place_item(place, i), TEXT, depth);
    } else if (kind != IMPRINT_DOCUMENT_TEXT || wanted != TEXT) {
        imprint_finding_error(check->findings, place,
                              "must be %s or a function", what[wanted]);
        if (wanted == TEXT &&
            (kind == IMPRINT_DOCUMENT_NUMBER || kind == IMPRINT_DOCUMENT_BOOL))
            imprint_finding_hint(check->findings,
                                 "put it in quotes: AWS says what becomes of "
                                 "texts alone");
    }
}

void imprint_function_check_text(const struct imprint_function_check *check,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place)
{
    check_value(check, node, place, TEXT, 0);
}

void imprint_function_check_list(const struct imprint_function_check *check,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place)
{
    check_value(check, node, place, LIST, 0);
}

/* ---- functions somewhere in a document ---- */

static void check_inside(const struct imprint_function_check *check,
                         const struct imprint_document *node,
                         const struct imprint_place *place, int depth)
{
    enum imprint_document_kind kind = imprint_document_kind_of(node);
    const struct imprint_document *value;
    void *cursor = NULL;
    const char *name;
    size_t i;

    if (depth > INSIDE_MAX_DEPTH) {
        imprint_finding_error(check->findings, place,
                              "more than %d levels in each other",
                              INSIDE_MAX_DEPTH);
    } else if (imprint_function_is(node)) {
        check_value(check, node, place,
                    imprint_function_gives_list(node) ? LIST : TEXT, 0);
    } else if (kind == IMPRINT_DOCUMENT_OBJECT) {
        while ((name = imprint_document_next(node, &cursor, &value))) {
            const struct imprint_place own = imprint_place_member(place, name);

            check_inside(check, value, &own, depth + 1);
        }
    } else if (kind == IMPRINT_DOCUMENT_ARRAY) {
        for (i = 0; i < imprint_document_count(node); i++) {
            const struct imprint_place own = imprint_place_item(place, i);

            check_inside(check, imprint_document_item(node, i), &own,
                         depth + 1);
        }
    }
}

void imprint_function_check_inside(const struct imprint_function_check *check,
                                   const struct imprint_document *node,
                                   const struct imprint_place *place)
{
    check_inside(check, node, place, 0);
}
