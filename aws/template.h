/*
 * AWS IoT fleet provisioning templates: check and apply. No I/O. A template is
 * only read once it is parsed, so that threads may share it.
 *
 * Spoken here: Parameters of Type String with Default; Resources of the types
 * Thing (ThingName, AttributePayload), Certificate (CertificateId, Status) and
 * Policy (PolicyName or PolicyDocument); DeviceConfiguration; a value is a
 * text, {"Ref": name} or {"Fn::Join": [delimiter, [value, ...]]}. The rest
 * (Mappings, the other functions, OverrideSettings, thing types and groups) is
 * refused by imprint_template_parse, in words.
 *
 * Source: AWS IoT Core developer guide, "Provisioning templates".
 */
#ifndef IMPRINT_AWS_TEMPLATE_H
#define IMPRINT_AWS_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_TEMPLATE_MAX_LEN 10240 /* of the document (AWS quota) */
#define IMPRINT_TEMPLATE_VALUE_MAX_LEN 8192
#define IMPRINT_TEMPLATE_THING_MAX_LEN 128

struct imprint_template;

/* ERR_FORMAT names the line, or the place as Resources.thing.Properties. */
IMPRINT_MUST_USE enum imprint_status imprint_template_parse(
    struct imprint_slice text, struct imprint_template **out,
    struct imprint_why *why);
/* NULL is fine. */
void imprint_template_free(struct imprint_template *template);

/* What a device sent, and what the service knows by itself. */
struct imprint_template_parameters {
    struct imprint_slice certificate_id; /* AWS::IoT::Certificate::Id */
    const struct imprint_pair *pairs;
    size_t pair_count;
};

/* One of name and document is NULL. A document's variables stand as written. */
struct imprint_template_policy {
    const char *name;
    const char *document;
};

/* What is to be made. All memory is the plan's. */
struct imprint_template_plan {
    const char *thing_name; /* [a-zA-Z0-9:_-]{1,128}; NULL: no thing */
    struct imprint_pair *attributes;
    size_t attribute_count;
    struct imprint_template_policy *policies;
    size_t policy_count;
    bool activates; /* certificate ACTIVE; else INACTIVE */
    struct imprint_pair *configuration;
    size_t configuration_count;
    char **texts; /* what the rest borrows from */
    size_t text_count;
};

/*
 * ERR_ARGUMENT: a parameter is missing, or makes a name or a value that AWS
 * does not take; why says which. Parameters named AWS::* that a device sent,
 * and those that the template does not declare, count for nothing.
 */
IMPRINT_MUST_USE enum imprint_status imprint_template_apply(
    const struct imprint_template *template,
    const struct imprint_template_parameters *parameters,
    struct imprint_template_plan *out, struct imprint_why *why);
void imprint_template_free_plan(struct imprint_template_plan *plan);

#endif
