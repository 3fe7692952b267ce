/*
 * Conditions of a policy's statement, compiled.
 *
 * Source: IAM user guide, "IAM JSON policy elements: Condition operators",
 * "Creating a condition that tests multiple key values"; AWS IoT Core
 * developer guide for the keys.
 */
#ifndef IMPRINT_AWS_CONDITION_H
#define IMPRINT_AWS_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "document.h"
#include "finding.h"
#include "policy.h"

struct imprint_condition; /* one key under one operator */

/*
 * All of a Condition object, which stands at place; *out is an array in
 * *memory. False: there were findings.
 */
bool imprint_condition_compile(const struct imprint_document *node,
                               const struct imprint_place *place,
                               struct imprint_findings *findings, void **memory,
                               struct imprint_condition **out);

/* All of them hold; the number of the first that does not is *failed. */
bool imprint_condition_hold(const struct imprint_condition *conditions,
                            size_t count,
                            const struct imprint_policy_request *request,
                            size_t *failed);

/* Keys under all operators: how many imprint_condition_compile makes. */
size_t imprint_condition_count(const struct imprint_document *node);

/* "StringEquals iot:ClientId", the conditions' own. */
const char *imprint_condition_name(const struct imprint_condition *conditions,
                                   size_t index);

#endif
