/*
 * Names that AWS takes, and the one that a person meant.
 *
 * Source: AWS IoT API reference, the patterns of ThingName, PolicyName,
 * AttributeName and AttributeValue; types and groups are as things.
 */
#ifndef IMPRINT_AWS_NAME_H
#define IMPRINT_AWS_NAME_H

#include <stdbool.h>

#define IMPRINT_NAME_THING "1 to 128 letters, digits, \":\", \"_\" and \"-\""
#define IMPRINT_NAME_POLICY "1 to 128 letters, digits and \"_+=,.@-\""
#define IMPRINT_NAME_VALUE \
    "at most 800 letters, digits and \"_.,@/:#=[]-\", no spaces"

/* Of a thing, a thing type, a thing group, a billing group. */
bool imprint_name_thing_ok(const char *text);
bool imprint_name_policy_ok(const char *text);
/* Of a thing's attribute, and what it may be. */
bool imprint_name_attribute_ok(const char *text);
bool imprint_name_value_ok(const char *text);

/*
 * The one of known (ended by NULL) that text most likely is, misspelt; NULL if
 * none is near.
 */
const char *imprint_name_nearest(const char *text, const char *const *known);

#endif
