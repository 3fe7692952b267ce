/* RegisterThing over a registry, without a worker and without a broker. */
#ifndef TESTS_UNIT_REGISTRATION_RIG_H
#define TESTS_UNIT_REGISTRATION_RIG_H

#include "registry_rig.h"

#include "endpoint/provision.h"
#include "endpoint/templates.h"

struct desk {
    struct rig *rig;
    struct imprint_rules rules;
    struct imprint_faults *faults;
    struct imprint_templates templates;
    struct imprint_provision_request *last; /* freed by the next one */
    char *before;                           /* all rows, before that */
};

int desk_set_up(void **state);
int desk_tear_down(void **state);

#define DESK_TEST(name) \
    cmocka_unit_test_setup_teardown(name, desk_set_up, desk_tear_down)

/* Pieces of a template, all but name may be NULL; each begins with a comma. */
struct desk_template {
    const char *name;
    const char *properties;  /* of the thing, behind its ThingName {Ref SN} */
    const char *overrides;   /* of the thing: a whole OverrideSettings */
    const char *certificate; /* properties, behind the CertificateId */
    const char *status;      /* of the certificate: OverrideSettings */
    const char *policy;      /* a whole resource "policy" */
    const char *hook;
    bool is_disabled;
    bool has_no_thing;
};

/* Parameters SN, and Color, which is "red" by default. */
void desk_put_template(struct desk *desk, const struct desk_template *template);

/* A policy, and a thing group, that a template can name. */
void desk_put_policy(struct desk *desk, const char *name);
void desk_put_group(struct desk *desk, const char *name);
void desk_put_setting(struct desk *desk, const char *name, const char *value);

/* Certificate id, PENDING_ACTIVATION, with a token of that name. */
void desk_create(struct desk *desk, const char *id);

/*
 * RegisterThing with parameters, a JSON object, in a transaction of its own as
 * the worker does it: what fails is undone.
 */
struct imprint_provision_request *desk_register(struct desk *desk,
                                                const char *template_name,
                                                const char *token,
                                                const char *parameters);
/* The same request once more, when its hook ran. */
struct imprint_provision_request *desk_answer(struct desk *desk,
                                              enum imprint_hook_outcome outcome,
                                              const char *answer);

void desk_check_accepted(const struct imprint_provision_request *request);
/* And nothing is left of it: the rows are as they were before. */
void desk_check_rejected(struct desk *desk,
                         const struct imprint_provision_request *request,
                         uint32_t status_code, const char *code,
                         const char *word);

void desk_check_rows(struct desk *desk, const char *sql, const char *expected);

#endif
