#include "grammar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy.h"
#include "posix/why.h"

#define VALUE_MAX_DEPTH 8 /* Fn::Join in Fn::Join */

struct check {
    const struct imprint_document *parameters; /* may be NULL */
    struct imprint_why *why;
    const char *resource; /* its logical name; "" outside */
    size_t thing_count;
    size_t certificate_count;
};

static enum imprint_status check_value(struct check *check, const char *what,
                                       const struct imprint_document *value,
                                       int depth);

/* Every failure of the check is of one form: place, what, what about it. */
static enum imprint_status refuse(const struct check *check, const char *what,
                                  const char *problem)
{
    bool inside = check->resource[0] != '\0';

    return imprint_why_set(check->why, IMPRINT_ERR_FORMAT, "%s%s%s\"%s\" %s",
                           inside ? "Resources." : "",
                           inside ? check->resource : "", inside ? ": " : "",
                           what, problem);
}

/* The members of an object are among known, which is "|a|b|". */
static enum imprint_status check_members(struct check *check, const char *what,
                                         const struct imprint_document *object,
                                         const char *known)
{
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;

    if (imprint_document_kind_of(object) != IMPRINT_DOCUMENT_OBJECT)
        return refuse(check, what, "is missing or not an object");
    while ((name = imprint_document_next(object, &cursor, &value))) {
        const char *found = *name ? strstr(known, name) : NULL;

        if (!found || strchr(name, '|') || found[-1] != '|' ||
            found[strlen(name)] != '|')
            return refuse(check, name, "is not supported");
    }
    return IMPRINT_OK;
}

static enum imprint_status check_ref(struct check *check,
                                     const struct imprint_document *target)
{
    const char *name = imprint_document_text(target);

    if (!name)
        return refuse(check, "Ref", "must name a parameter");
    if (strcmp(name, IMPRINT_GRAMMAR_CERTIFICATE_ID) == 0)
        return IMPRINT_OK;
    if (strncmp(name, "AWS::", 5) == 0)
        return refuse(check, name, "is not supported as a parameter");
    if (!imprint_document_member(check->parameters, name))
        return refuse(check, name, "is not declared in Parameters");
    return IMPRINT_OK;
}

static enum imprint_status check_join(struct check *check,
                                      const struct imprint_document *join,
                                      int depth)
{
    const struct imprint_document *parts = imprint_document_item(join, 1);
    enum imprint_status status = IMPRINT_OK;
    size_t i;

    if (imprint_document_kind_of(join) != IMPRINT_DOCUMENT_ARRAY ||
        imprint_document_count(join) != 2 ||
        !imprint_document_text(imprint_document_item(join, 0)) ||
        imprint_document_kind_of(parts) != IMPRINT_DOCUMENT_ARRAY)
        return refuse(check, "Fn::Join",
                      "must be a delimiter and a list of values");
    for (i = 0; i < imprint_document_count(parts) && status == IMPRINT_OK; i++)
        status = check_value(check, "Fn::Join", imprint_document_item(parts, i),
                             depth);
    return status;
}

/* A text, Ref or Fn::Join. */
static enum imprint_status check_value(struct check *check, const char *what,
                                       const struct imprint_document *value,
                                       int depth)
{
    const struct imprint_document *argument;
    const char *function;
    void *cursor = NULL;

    if (depth > VALUE_MAX_DEPTH)
        return refuse(check, what, "has too many functions in each other");
    if (imprint_document_kind_of(value) == IMPRINT_DOCUMENT_TEXT)
        return IMPRINT_OK;
    if (imprint_document_kind_of(value) != IMPRINT_DOCUMENT_OBJECT ||
        imprint_document_count(value) != 1)
        return refuse(check, what, "must be a text or one function");
    function = imprint_document_next(value, &cursor, &argument);
    if (strcmp(function, "Ref") == 0)
        return check_ref(check, argument);
    if (strcmp(function, "Fn::Join") == 0)
        return check_join(check, argument, depth + 1);
    return refuse(check, function, "is not supported");
}

/* An object of values; object may be NULL. */
static enum imprint_status check_map(struct check *check, const char *what,
                                     const struct imprint_document *object)
{
    const struct imprint_document *value;
    enum imprint_status status = IMPRINT_OK;
    const char *name;
    void *cursor = NULL;

    if (!object)
        return IMPRINT_OK;
    if (imprint_document_kind_of(object) != IMPRINT_DOCUMENT_OBJECT)
        return refuse(check, what, "is not an object");
    while (status == IMPRINT_OK &&
           (name = imprint_document_next(object, &cursor, &value)))
        status = check_value(check, name, value, 0);
    return status;
}

static enum imprint_status check_parameters(struct check *check)
{
    const struct imprint_document *parameter;
    enum imprint_status status = IMPRINT_OK;
    const char *name;
    void *cursor = NULL;

    if (!check->parameters)
        return IMPRINT_OK;
    if (imprint_document_kind_of(check->parameters) != IMPRINT_DOCUMENT_OBJECT)
        return refuse(check, "Parameters", "is not an object");
    while (status == IMPRINT_OK &&
           (name = imprint_document_next(check->parameters, &cursor,
                                         &parameter))) {
        const struct imprint_document *standard =
            imprint_document_member(parameter, "Default");
        const char *type =
            imprint_document_text(imprint_document_member(parameter, "Type"));

        status = check_members(check, name, parameter, "|Type|Default|");
        if (status != IMPRINT_OK)
            break;
        if (!type || strcmp(type, "String") != 0)
            status = refuse(check, name, "must have the Type \"String\"");
        else if (standard && !imprint_document_text(standard))
            status = refuse(check, name, "has a Default that is no text");
        else if (strncmp(name, "AWS::", 5) == 0 &&
                 strcmp(name, IMPRINT_GRAMMAR_CERTIFICATE_ID) != 0)
            status = refuse(check, name, "is not supported as a parameter");
    }
    return status;
}

static enum imprint_status check_thing(struct check *check,
                                       const struct imprint_document *node)
{
    enum imprint_status status = check_members(check, "Properties", node,
                                               "|ThingName|AttributePayload|");

    if (status != IMPRINT_OK)
        return status;
    if (check->thing_count++ > 0)
        return refuse(check, "AWS::IoT::Thing", "is there twice");
    status = check_value(check, "ThingName",
                         imprint_document_member(node, "ThingName"), 0);
    if (status != IMPRINT_OK)
        return status;
    return check_map(check, "AttributePayload",
                     imprint_document_member(node, "AttributePayload"));
}

static enum imprint_status check_certificate(
    struct check *check, const struct imprint_document *node)
{
    const struct imprint_document *status_node;
    const char *text;
    enum imprint_status status =
        check_members(check, "Properties", node, "|CertificateId|Status|");

    if (status != IMPRINT_OK)
        return status;
    if (check->certificate_count++ > 0)
        return refuse(check, "AWS::IoT::Certificate", "is there twice");
    text = imprint_document_text(imprint_document_member(
        imprint_document_member(node, "CertificateId"), "Ref"));
    if (!text || strcmp(text, IMPRINT_GRAMMAR_CERTIFICATE_ID) != 0)
        return refuse(check, "CertificateId",
                      "must be {\"Ref\": \"" IMPRINT_GRAMMAR_CERTIFICATE_ID
                      "\"}");
    status_node = imprint_document_member(node, "Status");
    text = imprint_document_text(status_node);
    if (status_node && (!text || (strcasecmp(text, "ACTIVE") != 0 &&
                                  strcasecmp(text, "INACTIVE") != 0)))
        return refuse(check, "Status", "must be ACTIVE or INACTIVE");
    return IMPRINT_OK;
}

char *imprint_grammar_policy_text(const struct imprint_document *document)
{
    const char *text = imprint_document_text(document);

    return text ? strdup(text) : imprint_document_write(document);
}

static enum imprint_status check_policy_document(
    struct check *check, const struct imprint_document *document)
{
    struct imprint_why inner = {{0}, {0}};
    struct imprint_policy *policy = NULL;
    char *text = imprint_grammar_policy_text(document);
    enum imprint_status status;

    if (!text)
        return imprint_why_set(check->why, IMPRINT_ERR_INTERNAL,
                               "out of memory");
    status = imprint_policy_parse(imprint_slice_text(text), &policy, &inner);
    if (status != IMPRINT_OK)
        status = refuse(check, "PolicyDocument", inner.text);
    imprint_policy_free(policy);
    free(text);
    return status;
}

static enum imprint_status check_policy(struct check *check,
                                        const struct imprint_document *node)
{
    const struct imprint_document *document =
        imprint_document_member(node, "PolicyDocument");
    const struct imprint_document *name =
        imprint_document_member(node, "PolicyName");
    enum imprint_status status =
        check_members(check, "Properties", node, "|PolicyName|PolicyDocument|");

    if (status != IMPRINT_OK)
        return status;
    if (!document == !name)
        return refuse(check, "Properties",
                      "must have one of PolicyName and PolicyDocument");
    return name ? check_value(check, "PolicyName", name, 0)
                : check_policy_document(check, document);
}

static enum imprint_status check_resource(
    struct check *check, const struct imprint_document *resource)
{
    const struct imprint_document *properties =
        imprint_document_member(resource, "Properties");
    const char *type =
        imprint_document_text(imprint_document_member(resource, "Type"));
    enum imprint_status status =
        check_members(check, "the resource", resource, "|Type|Properties|");

    if (status != IMPRINT_OK)
        return status;
    if (!type)
        return refuse(check, "Type", "is missing");
    if (strcmp(type, "AWS::IoT::Thing") == 0)
        return check_thing(check, properties);
    if (strcmp(type, "AWS::IoT::Certificate") == 0)
        return check_certificate(check, properties);
    if (strcmp(type, "AWS::IoT::Policy") == 0)
        return check_policy(check, properties);
    return refuse(check, type, "is not supported");
}

enum imprint_status imprint_grammar_check(const struct imprint_document *root,
                                          struct imprint_why *why)
{
    struct check check = {.why = why, .resource = ""};
    const struct imprint_document *resources;
    const struct imprint_document *resource;
    void *cursor = NULL;
    enum imprint_status status =
        check_members(&check, "the template", root,
                      "|Parameters|Resources|DeviceConfiguration|");

    if (status != IMPRINT_OK)
        return status;
    check.parameters = imprint_document_member(root, "Parameters");
    status = check_parameters(&check);
    resources = imprint_document_member(root, "Resources");
    if (status == IMPRINT_OK &&
        imprint_document_kind_of(resources) != IMPRINT_DOCUMENT_OBJECT)
        return refuse(&check, "Resources", "is missing or not an object");
    while (status == IMPRINT_OK && (check.resource = imprint_document_next(
                                        resources, &cursor, &resource)))
        status = check_resource(&check, resource);
    if (status != IMPRINT_OK)
        return status;
    check.resource = "";
    if (check.certificate_count == 0)
        return refuse(&check, "AWS::IoT::Certificate",
                      "is missing from Resources");
    return check_map(&check, "DeviceConfiguration",
                     imprint_document_member(root, "DeviceConfiguration"));
}
