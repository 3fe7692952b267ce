/*
 * What can be switched: limits, rates, lifetimes, guesses about what AWS does
 * not document, and the clock. One table (rules.c) has name, meaning, bounds
 * and the value that counts when nothing is set; the registry has what is set.
 * Threads may share one: every value is read and written whole.
 */
#ifndef IMPRINT_ENDPOINT_RULES_H
#define IMPRINT_ENDPOINT_RULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry.h"

enum imprint_rule {
    /* lifetimes and sizes of the service */
    IMPRINT_RULE_TOKEN_LIFETIME_S,
    IMPRINT_RULE_TEMPORARY_CLAIM_LIFETIME_S,
    IMPRINT_RULE_POOL_SIZE,
    IMPRINT_RULE_HOOK_MAX_COUNT,  /* at once */
    IMPRINT_RULE_HOOK_TIMEOUT_MS, /* AWS: 5 s */
    /* rates, a second; 0: no limit */
    IMPRINT_RULE_CREATE_KEYS_RATE, /* AWS: 10 */
    IMPRINT_RULE_CREATE_CSR_RATE,  /* AWS: 20 */
    IMPRINT_RULE_REGISTER_RATE,    /* AWS: 10 */
    IMPRINT_RULE_THROTTLE_ANSWER,  /* enum imprint_rules_throttle */
    IMPRINT_RULE_CONNECT_RATE,     /* of all; AWS: 3000 */
    IMPRINT_RULE_CLIENT_RATE,      /* connects of one client id; AWS: 1 */
    IMPRINT_RULE_SUBSCRIBE_RATE,   /* of all; AWS: 3000 */
    IMPRINT_RULE_PUBLISH_RATE,     /* of a connection; AWS: 100 */
    IMPRINT_RULE_BYTE_RATE,        /* of a connection; AWS: 512 KiB */
    /* sizes and counts; 0: no limit */
    IMPRINT_RULE_CLIENT_ID_MAX_LEN,
    IMPRINT_RULE_TOPIC_MAX_LEN,
    IMPRINT_RULE_TOPIC_MAX_SLASHES,
    IMPRINT_RULE_PAYLOAD_MAX_LEN,
    IMPRINT_RULE_SUBSCRIPTION_MAX_COUNT, /* of a connection; AWS: 50 */
    /* switches */
    IMPRINT_RULE_EXPLAIN,       /* CONNACK 5 where AWS hangs up */
    IMPRINT_RULE_RECEIVE_GATES, /* replies need iot:Receive */
    IMPRINT_RULE_ROLE_CHECKS,   /* a template's role must be one of IAM's */
    /* the service's clock is so far from the machine's */
    IMPRINT_RULE_CLOCK_OFFSET_S,
    IMPRINT_RULE_COUNT
};

enum imprint_rules_throttle {
    IMPRINT_RULES_REJECT, /* 429 */
    IMPRINT_RULES_SILENCE,
    IMPRINT_RULES_CLOSE
};

struct imprint_rules {
    _Atomic int64_t values[IMPRINT_RULE_COUNT];
};

/* From the registry; what can't be read keeps its value, unless is_first. */
void imprint_rules_read(struct imprint_rules *rules,
                        struct imprint_registry *registry, bool is_first);
int64_t imprint_rules_get(const struct imprint_rules *rules,
                          enum imprint_rule rule);

/* Unix seconds by the service's clock. */
int64_t imprint_rules_now(const struct imprint_rules *rules);

struct imprint_rules_row {
    const char *name; /* "token_lifetime_s" */
    int64_t fallback; /* what counts if nothing is set */
    int64_t low;
    int64_t high;
    int64_t aws; /* what AWS does; -1: not documented, or not the same thing */
    const char *text;
};

/* The row of a rule, and the rule of a name; false: there is none. */
const struct imprint_rules_row *imprint_rules_row(enum imprint_rule rule);
bool imprint_rules_find(const char *name, enum imprint_rule *out);

#endif
