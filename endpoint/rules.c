#include "rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MANY 1000000 /* more than any machine does in a second */
#define YEAR_S INT64_C(31536000)

/* name, what counts by itself, low, high, what AWS does, meaning */
static const struct imprint_rules_row rows[IMPRINT_RULE_COUNT] = {
    [IMPRINT_RULE_TOKEN_LIFETIME_S] = {"token_lifetime_s", 3600, 0, YEAR_S,
                                       3600, "a token is good for so long"},
    [IMPRINT_RULE_TEMPORARY_CLAIM_LIFETIME_S] =
        {"temporary_claim_lifetime_s", 300, 1, YEAR_S, 300,
         "a trusted user's claim is good for so long"},
    [IMPRINT_RULE_POOL_SIZE] =
        {"pool_size", 256, 0, MANY, -1,
         "RSA keys made in advance; counts from the next run on"},
    [IMPRINT_RULE_HOOK_MAX_COUNT] = {"hook_max_count", 8, 1, 256, -1,
                                     "hooks that run at once"},
    [IMPRINT_RULE_HOOK_TIMEOUT_MS] = {"hook_timeout_ms", 5000, 1, 600000, 5000,
                                      "a hook that takes longer is killed"},
    [IMPRINT_RULE_CREATE_KEYS_RATE] =
        {"create_keys_rate", 0, 0, MANY, 10,
         "CreateKeysAndCertificate in a second; 0: no limit"},
    [IMPRINT_RULE_CREATE_CSR_RATE] =
        {"create_csr_rate", 0, 0, MANY, 20,
         "CreateCertificateFromCsr in a second; 0: no limit"},
    [IMPRINT_RULE_REGISTER_RATE] = {"register_rate", 0, 0, MANY, 10,
                                    "RegisterThing in a second; 0: no limit"},
    [IMPRINT_RULE_THROTTLE_ANSWER] =
        {"throttle_answer", 0, 0, 2, -1,
         "what is over a rate: 0 gets 429, 1 no answer, 2 is closed"},
    [IMPRINT_RULE_CONNECT_RATE] = {"connect_rate", 0, 0, MANY, 3000,
                                   "connections in a second; 0: no limit"},
    [IMPRINT_RULE_CLIENT_RATE] =
        {"client_rate", 0, 0, MANY, 1,
         "connections of one client id in a second; 0: no limit"},
    [IMPRINT_RULE_SUBSCRIBE_RATE] = {"subscribe_rate", 0, 0, MANY, 3000,
                                     "filters in a second; 0: no limit"},
    [IMPRINT_RULE_PUBLISH_RATE] =
        {"publish_rate", 0, 0, MANY, 100,
         "messages of a connection in a second; 0: no limit"},
    [IMPRINT_RULE_BYTE_RATE] =
        {"byte_rate", 0, 0, INT64_C(1) << 30, 524288,
         "payload bytes of a connection in a second; 0: no limit"},
    [IMPRINT_RULE_CLIENT_ID_MAX_LEN] = {"client_id_max_len", 128, 1, 128, 128,
                                        "bytes of a client id"},
    [IMPRINT_RULE_TOPIC_MAX_LEN] = {"topic_max_len", 256, 0, 65535, 256,
                                    "bytes of a topic or filter; 0: no limit"},
    [IMPRINT_RULE_TOPIC_MAX_SLASHES] =
        {"topic_max_slashes", 7, 0, 65535, 7,
         "slashes of a topic or filter; 0: no limit"},
    [IMPRINT_RULE_PAYLOAD_MAX_LEN] = {"payload_max_len", 131072, 0,
                                      INT64_C(1) << 28, 131072,
                                      "bytes of a message; 0: no limit"},
    [IMPRINT_RULE_SUBSCRIPTION_MAX_COUNT] =
        {"subscription_max_count", 50, 0, 1024, 50,
         "filters of a connection; 0: no limit"},
    [IMPRINT_RULE_EXPLAIN] =
        {"explain", 0, 0, 1, 0,
         "a refused CONNECT gets CONNACK 5 in MQTT 3.1.1, too"},
    [IMPRINT_RULE_RECEIVE_GATES] = {"receive_gates", 1, 0, 1, -1,
                                    "replies need iot:Receive"},
    [IMPRINT_RULE_ROLE_CHECKS] =
        {"role_checks", 1, 0, 1, 1,
         "a template's role must be one that CreateRole made"},
    [IMPRINT_RULE_CLOCK_OFFSET_S] =
        {"clock_offset_s", 0, -100 * YEAR_S, 100 * YEAR_S, 0,
         "the service's clock is so far ahead of the machine's"},
};

const struct imprint_rules_row *imprint_rules_row(enum imprint_rule rule)
{
    return &rows[rule];
}

bool imprint_rules_find(const char *name, enum imprint_rule *out)
{
    size_t i;

    for (i = 0; i < IMPRINT_RULE_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out = (enum imprint_rule)i;
            return true;
        }
    }
    return false;
}

/* What the registry holds was checked when it was put; here it is again. */
static bool read_number(const char *text, const struct imprint_rules_row *row,
                        int64_t *out)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < row->low ||
        number > row->high)
        return false;
    *out = number;
    return true;
}

struct reading {
    int64_t numbers[IMPRINT_RULE_COUNT];
    bool are_bad[IMPRINT_RULE_COUNT];
};

static void read_setting(void *user, const char *name, const char *value)
{
    struct reading *reading = user;
    enum imprint_rule rule;

    if (imprint_rules_find(name, &rule))
        reading->are_bad[rule] =
            !read_number(value, &rows[rule], &reading->numbers[rule]);
}

void imprint_rules_read(struct imprint_rules *rules,
                        struct imprint_registry *registry, bool is_first)
{
    struct reading reading = {.are_bad = {false}};
    enum imprint_status status;
    size_t i;

    for (i = 0; i < IMPRINT_RULE_COUNT; i++)
        reading.numbers[i] = rows[i].fallback;
    status =
        imprint_registry_each_setting(registry, "", read_setting, &reading);
    for (i = 0; i < IMPRINT_RULE_COUNT; i++) {
        if (is_first || (status == IMPRINT_OK && !reading.are_bad[i]))
            atomic_store(&rules->values[i], reading.numbers[i]);
    }
}

int64_t imprint_rules_get(const struct imprint_rules *rules,
                          enum imprint_rule rule)
{
    return atomic_load(&rules->values[rule]);
}

int64_t imprint_rules_now(const struct imprint_rules *rules)
{
    return (int64_t)time(NULL) +
           imprint_rules_get(rules, IMPRINT_RULE_CLOCK_OFFSET_S);
}
