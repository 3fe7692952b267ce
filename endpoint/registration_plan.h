/*
 * What a template's plan does to the registry: for registration.c, and
 * rest_register.c, whose request has nothing but the certificate.
 */
#ifndef IMPRINT_ENDPOINT_REGISTRATION_PLAN_H
#define IMPRINT_ENDPOINT_REGISTRATION_PLAN_H

#include "aws/template.h"
#include "provision.h"

/*
 * Thing, policies, and the state of request->certificate, which is state so
 * far. Not OK: rejected, or what the registry says.
 */
enum imprint_status imprint_registration_plan_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request,
    struct imprint_template_plan *plan, enum imprint_registry_state state);

#endif
