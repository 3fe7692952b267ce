/*
 * The calls of AWS IoT's control plane that a fleet needs. Names are as AWS has
 * them: letters, digits and "_-" need no escapes. Failures as in call.h.
 *
 * Source: AWS IoT API reference.
 */
#ifndef IMPRINT_CLOUD_IOT_H
#define IMPRINT_CLOUD_IOT_H

#include <stdbool.h>

#include "call.h"

/* What is tagged so was made for that fleet. */
#define IMPRINT_IOT_TAG "imprint:fleet"

/* *fleet: the tag's value, to be freed; NULL: it has no such tag. */
IMPRINT_MUST_USE enum imprint_status imprint_iot_find_fleet(
    const struct imprint_call_place *place, const char *arn, char **fleet,
    struct imprint_why *why);

/* ---- policies ---- */

/* ERR_NOT_FOUND: there is none. *document is the default version's; free it. */
IMPRINT_MUST_USE enum imprint_status imprint_iot_find_policy(
    const struct imprint_call_place *place, const char *name, char **document,
    struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_iot_create_policy(
    const struct imprint_call_place *place, const char *name,
    const char *document, const char *fleet, struct imprint_why *why);
/* A new default version; the oldest other one goes if there are five. */
IMPRINT_MUST_USE enum imprint_status imprint_iot_change_policy(
    const struct imprint_call_place *place, const char *name,
    const char *document, struct imprint_why *why);
/* With its versions. ERR_REFUSED: it is attached to something. */
IMPRINT_MUST_USE enum imprint_status imprint_iot_drop_policy(
    const struct imprint_call_place *place, const char *name,
    struct imprint_why *why);

/* ---- templates ---- */

struct imprint_iot_template {
    char *body;
    char *role; /* ARN */
    char *hook; /* ARN; NULL: none */
    bool is_enabled;
};

IMPRINT_MUST_USE enum imprint_status imprint_iot_find_template(
    const struct imprint_call_place *place, const char *name,
    struct imprint_iot_template *out, struct imprint_why *why);
void imprint_iot_free_template(struct imprint_iot_template *template);
IMPRINT_MUST_USE enum imprint_status imprint_iot_create_template(
    const struct imprint_call_place *place, const char *name,
    const struct imprint_iot_template *template, const char *fleet,
    struct imprint_why *why);
/* What of template differs from found, in as few calls. */
IMPRINT_MUST_USE enum imprint_status imprint_iot_change_template(
    const struct imprint_call_place *place, const char *name,
    const struct imprint_iot_template *template,
    const struct imprint_iot_template *found, struct imprint_why *why);
IMPRINT_MUST_USE enum imprint_status imprint_iot_drop_template(
    const struct imprint_call_place *place, const char *name,
    struct imprint_why *why);

/* Do two documents say the same? */
bool imprint_iot_is_same(const char *a, const char *b);

#endif
