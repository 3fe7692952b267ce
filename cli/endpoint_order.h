/*
 * What somebody typed behind `imprint endpoint`, and the verbs below it. Each
 * prints what it has to say on stdout; a failure is for cmd_endpoint.c.
 */
#ifndef IMPRINT_CLI_ENDPOINT_ORDER_H
#define IMPRINT_CLI_ENDPOINT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_settings;

struct imprint_endpoint_order {
    const struct imprint_settings *settings;
    const char *dir;
    const char *command;         /* what to type for this program */
    const char *const *operands; /* NULL behind the last */
    size_t operand_count;
    bool json;
};

/* endpoint_claim.c */
enum imprint_status imprint_endpoint_claim(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_claim_register(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_claim_trust(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

/* endpoint_state.c: of every certificate of an id, a claim or a thing */
enum imprint_status imprint_endpoint_state_activate(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_state_deactivate(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_state_revoke(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_state_delete(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

/* endpoint_catalog.c */
enum imprint_status imprint_endpoint_catalog_template(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_catalog_templates(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_catalog_policy(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_catalog_policies(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_catalog_attach(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_catalog_detach(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_catalog_type(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_catalog_group(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_catalog_billing_group(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

/* endpoint_audit.c: verify. ERR_REFUSED: the log was changed. */
enum imprint_status imprint_endpoint_audit(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

/* endpoint_backup.c: to and from the directory that is named */
enum imprint_status imprint_endpoint_backup(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_backup_restore(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

/* endpoint_credentials.c: add NAME, list, remove KEY */
enum imprint_status imprint_endpoint_credentials(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

/* endpoint_tune.c */
enum imprint_status imprint_endpoint_tune_set(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_tune_settings(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_tune_fault(
    const struct imprint_endpoint_order *order, struct imprint_why *why);
enum imprint_status imprint_endpoint_tune_faults(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

/* endpoint_clock.c */
enum imprint_status imprint_endpoint_clock(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

/* endpoint_report.c. ERR_REFUSED: something was found. */
enum imprint_status imprint_endpoint_report(
    const struct imprint_endpoint_order *order, struct imprint_why *why);

#endif
