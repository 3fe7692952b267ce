/*
 * AWS IoT fleet provisioning templates: check and apply. No I/O. A template is
 * only read once it is parsed, so that threads may share it.
 *
 * Source: AWS IoT Core developer guide, "Provisioning templates".
 */
#ifndef IMPRINT_AWS_TEMPLATE_H
#define IMPRINT_AWS_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "finding.h"
#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

#define IMPRINT_TEMPLATE_MAX_LEN 10240 /* characters (AWS quota) */
#define IMPRINT_TEMPLATE_VALUE_MAX_LEN 8192
#define IMPRINT_TEMPLATE_MAX_DEPTH 16 /* functions in each other */

struct imprint_template;

/*
 * Everything that is wrong or suspicious; findings->source is set to text.
 * has_hook: the template will have one, which silences the takeover warning.
 */
void imprint_template_check(struct imprint_slice text, bool has_hook,
                            struct imprint_findings *findings);

/* ERR_FORMAT: the first error of imprint_template_check. */
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
    /* The hook's: they win, and may be ones that the device never sent. */
    const struct imprint_pair *overrides;
    size_t override_count;
};

/* One of name and document is NULL. A document's variables stand as written. */
struct imprint_template_policy {
    const char *name;
    const char *document; /* compact JSON */
};

/* A thing, as it is or as it shall be. Texts NULL: it has none. */
struct imprint_template_thing {
    const char *name; /* [a-zA-Z0-9:_-]{1,128}; NULL: no thing */
    const char *type;
    const char *billing_group;
    struct imprint_pair *attributes; /* sorted by name */
    size_t attribute_count;
    const char **groups; /* sorted */
    size_t group_count;
};

/* OverrideSettings; UNSET: the template says nothing. */
enum imprint_template_override {
    IMPRINT_TEMPLATE_UNSET,
    IMPRINT_TEMPLATE_DO_NOTHING,
    IMPRINT_TEMPLATE_REPLACE,
    IMPRINT_TEMPLATE_FAIL,
    IMPRINT_TEMPLATE_MERGE /* attributes and groups only */
};

struct imprint_template_plan {
    struct imprint_template_thing thing;
    enum imprint_template_override on_attributes;
    enum imprint_template_override on_type;
    enum imprint_template_override on_groups;
    enum imprint_template_override on_status; /* the certificate's */
    bool has_overrides; /* the thing has an OverrideSettings section */
    struct imprint_template_policy *policies;
    size_t policy_count;
    bool activates;    /* certificate ACTIVE; else INACTIVE */
    bool is_exclusive; /* ThingPrincipalType EXCLUSIVE_THING */
    struct imprint_pair *configuration;
    size_t configuration_count;
    void *memory; /* all of it */
};

/*
 * ERR_ARGUMENT: a parameter is missing, or makes a name or a value that AWS
 * does not take; why says which. Parameters named AWS::* that a device or a
 * hook sent, and those that the template does not declare, count for nothing.
 */
IMPRINT_MUST_USE enum imprint_status imprint_template_apply(
    const struct imprint_template *template,
    const struct imprint_template_parameters *parameters,
    struct imprint_template_plan *out, struct imprint_why *why);
void imprint_template_free_plan(struct imprint_template_plan *plan);

/*
 * What becomes of a thing that exists, by the plan's overrides; *out borrows
 * from plan and existing, but for its two arrays, which are the plan's memory.
 * ERR_REFUSED: FAIL, or no OverrideSettings at all and a difference; why names
 * it. A property that OverrideSettings does not list is left as it is. The
 * billing group can't be overridden: another one is a difference.
 */
IMPRINT_MUST_USE enum imprint_status imprint_template_override(
    struct imprint_template_plan *plan,
    const struct imprint_template_thing *existing,
    struct imprint_template_thing *out, struct imprint_why *why);

#endif
