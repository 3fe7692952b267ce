/* What tests of policies share. */
#ifndef TESTS_UNIT_POLICY_RIG_H
#define TESTS_UNIT_POLICY_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/policy.h"

#define POLICY_RIG_FACT_MAX_COUNT 24
#define POLICY_RIG_PAIR_MAX_COUNT 8
#define POLICY_RIG_JSON_LEN 32768
#define POLICY_RIG_TEXT_LEN 4096 /* of a policy, and so of all in it */

struct json_t;

/* What is so of a request, by the name of a condition's key. */
struct policy_rig_fact {
    const char *name;
    const char *value;
};

/* A request, and the same as facts, which are all that is read here. */
struct policy_rig_asking {
    struct imprint_policy_request request;
    struct imprint_pair attributes[POLICY_RIG_PAIR_MAX_COUNT];
    struct imprint_pair certificate[POLICY_RIG_PAIR_MAX_COUNT];
    struct policy_rig_fact facts[POLICY_RIG_FACT_MAX_COUNT];
    size_t fact_count;
    char resource[256];
};

/* ---- what a policy decides, from its JSON: slowly, word by word ---- */

/* The index-th statement of a policy says something about the request. */
bool policy_rig_fits(const struct policy_rig_asking *asking,
                     const struct json_t *policy, size_t index);

enum imprint_policy_verdict policy_rig_decide(
    const struct policy_rig_asking *asking,
    const struct json_t *const *policies, size_t count);

/* ---- texts ---- */

/*
 * A policy that is easier to read in C, as JSON: ' is ", and @ the head of an
 * ARN. Memory of POLICY_RIG_JSON_LEN; free it.
 */
char *policy_rig_json(const char *text);
/* The same with * for the ARN's account: "1" is none, and a check says so. */
char *policy_rig_checked(const char *text);

/*
 * "error LINE:COLUMN PLACE: TEXT" and a newline, each, with ' for "; hints in
 * lines of their own. Free it.
 */
char *policy_rig_findings(const struct imprint_findings *findings,
                          bool has_hints);

#endif
