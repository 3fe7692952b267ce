/* RegisterThing. For provision.c, which has the steps of all operations. */
#ifndef IMPRINT_ENDPOINT_REGISTRATION_H
#define IMPRINT_ENDPOINT_REGISTRATION_H

#include "provision.h"

/* Fills request->registration. Not OK: rejected, or out of memory. */
enum imprint_status imprint_registration_read(
    struct imprint_provision_request *request);

/*
 * Token, template, thing, policies, certificate: all of it, or (not OK) none
 * of it once the caller undoes what was done. Fills the reply.
 */
enum imprint_status imprint_registration_store(
    const struct imprint_provision *provision,
    struct imprint_provision_request *request);

#endif
