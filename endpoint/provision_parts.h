/*
 * Private to the files provision*.c and registration*.c: what the steps of a
 * request share.
 */
#ifndef IMPRINT_ENDPOINT_PROVISION_PARTS_H
#define IMPRINT_ENDPOINT_PROVISION_PARTS_H

#include "provision.h"

const struct imprint_format *imprint_provision_format(
    const struct imprint_provision_request *request);

/* Say no in the reply: ERR_REFUSED. The last does so if a fault wants it. */
enum imprint_status imprint_provision_reject(
    struct imprint_provision_request *request, uint32_t status_code,
    const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
enum imprint_status imprint_provision_reject_payload(
    struct imprint_provision_request *request);
enum imprint_status imprint_provision_strike(
    const struct imprint_provision *provision,
    const struct imprint_fault_case *now,
    struct imprint_provision_request *request);

/* More words for the log line, which the device does not get. */
void imprint_provision_note(struct imprint_provision_request *request,
                            const char *text);

/* Room for the payload's text: it never grows by being unescaped. */
bool imprint_provision_make_text(struct imprint_provision_request *request,
                                 struct imprint_writer *writer);

#endif
