/*
 * Random policies and requests, decided twice: by the compiled policy, and by
 * a slow reading of the JSON that follows the definition word by word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/policy.h"
#include "policy_rig.h"

#define SEED 0x9e3779b97f4a7c15u
#define ROUND_COUNT 8000
#define REQUESTS_A_ROUND 25 /* for the same policies */
#define POLICY_MAX_COUNT 3
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- chance ---- */

static uint64_t chance_state = SEED;

/* xorshift64*: the same on every machine */
static size_t draw(size_t count)
{
    chance_state ^= chance_state >> 12;
    chance_state ^= chance_state << 25;
    chance_state ^= chance_state >> 27;
    return (size_t)((chance_state * 0x2545f4914f6cdd1du >> 33) % count);
}

#define PICK(array) ((array)[draw(COUNT_OF(array))])

/* ---- requests ---- */

static const char *const values[] = {"a", "b", "A", "ab", "a/b",  "*",
                                     "?", "",  "ä", "a$", "${*}", "a"};

static const char *give_fact(struct policy_rig_asking *asking, const char *name,
                             const char *value)
{
    assert_true(asking->fact_count < POLICY_RIG_FACT_MAX_COUNT);
    asking->facts[asking->fact_count++] = (struct policy_rig_fact){name, value};
    return value;
}

/* One in three requests has none. */
static const char *give(struct policy_rig_asking *asking, const char *name)
{
    return draw(3) == 0 ? NULL : give_fact(asking, name, PICK(values));
}

/* own_name is a part of name: where the pair's name begins and ends. */
static void give_pair(struct policy_rig_asking *asking, const char *name,
                      struct imprint_slice own_name, bool is_attribute)
{
    struct imprint_policy_request *request = &asking->request;
    struct imprint_pair pair = {own_name, {NULL, 0}};
    const char *value = give(asking, name);

    if (!value)
        return;
    pair.value = imprint_slice_text(value);
    if (is_attribute)
        asking->attributes[request->attribute_count++] = pair;
    else
        asking->certificate[request->certificate_count++] = pair;
}

static void give_pairs(struct policy_rig_asking *asking)
{
    static const char *const attributes[] = {
        "iot:Connection.Thing.Attributes[x]",
        "iot:Connection.Thing.Attributes[y]"};
    static const char *const certificate[] = {
        "iot:Certificate.Subject.CommonName",
        "iot:Certificate.Subject.Organization.1",
        "iot:Certificate.Subject.Organization.List",
        "iot:Certificate.Subject.Organization.List",
        "iot:Certificate.Subject.Organization.List"};
    size_t i;

    for (i = 0; i < COUNT_OF(attributes); i++)
        give_pair(asking, attributes[i],
                  imprint_slice_of(strchr(attributes[i], '[') + 1, 1), true);
    for (i = 0; i < COUNT_OF(certificate); i++)
        give_pair(asking, certificate[i],
                  imprint_slice_text(certificate[i] + 16), false);
}

static void give_connection(struct policy_rig_asking *asking)
{
    static const char *const addresses[] = {"10.0.0.1",    "10.0.0.129",
                                            "10.1.0.1",    "::ffff:10.0.0.1",
                                            "2001:db8::1", "2001:db8:8000::1"};
    static const char key[] = "iot:ConnectAttributes";
    struct imprint_policy_request *request = &asking->request;
    bool is_connect = strcmp(request->action, "iot:Connect") == 0;

    request->client_id = give(asking, "iot:ClientId");
    request->certificate_id = give(asking, "iot:CertificateId");
    request->thing_name = give(asking, "iot:Connection.Thing.ThingName");
    request->thing_type = give(asking, "iot:Connection.Thing.ThingTypeName");
    request->is_attached = draw(2);
    (void)give_fact(asking, "iot:Connection.Thing.IsAttached",
                    request->is_attached ? "true" : "false");
    if (draw(3) > 0)
        request->source_ip = give_fact(asking, "aws:SourceIp", PICK(addresses));
    request->is_persistent = draw(2);
    request->has_will = draw(2);
    if (is_connect && request->is_persistent)
        (void)give_fact(asking, key, "PersistentConnect");
    if (is_connect && request->has_will)
        (void)give_fact(asking, key, "LastWill");
}

static void make_request(struct policy_rig_asking *asking)
{
    static const struct {
        const char *action;
        const char *kind;
    } kinds[] = {{"iot:Publish", "topic"},
                 {"iot:Connect", "client"},
                 {"iot:Receive", "topic"},
                 {"iot:Subscribe", "topicfilter"},
                 {"iot:RetainPublish", "topic"}};
    static const char *const pieces[] = {"a", "b", "/", "ä", "ab",
                                         "*", "?", "$", "+", "a"};
    size_t kind = draw(COUNT_OF(kinds));
    size_t piece_count = draw(4);
    size_t len;

    *asking =
        (struct policy_rig_asking){.request = {.action = kinds[kind].action}};
    len = (size_t)snprintf(asking->resource, sizeof(asking->resource),
                           "arn:aws:iot:r:1:%s/", kinds[kind].kind);
    for (; piece_count > 0; piece_count--)
        len += (size_t)snprintf(asking->resource + len,
                                sizeof(asking->resource) - len, "%s",
                                PICK(pieces));
    give_connection(asking);
    give_pairs(asking);
    asking->request.resource = asking->resource;
    asking->request.attributes = asking->attributes;
    asking->request.certificate = asking->certificate;
}

/* ---- policies ---- */

static void put(struct imprint_writer *out, const char *text)
{
    imprint_slice_put_text(out, text);
}

/* Pieces of a pattern, in a row. */
static void put_pattern(struct imprint_writer *out, size_t piece_count)
{
    static const char *const pieces[] = {
        "a",
        "b",
        "*",
        "/",
        "*",
        "?",
        "ä",
        "ab",
        "$",
        "A",
        "a",
        "*",
        "${iot:ClientId}",
        "${iot:Connection.Thing.ThingName}",
        "${iot:Connection.Thing.Attributes[x]}",
        "${iot:Certificate.Subject.CommonName}",
        "${*}",
        "${?}",
        "${$}"};

    for (; piece_count > 0; piece_count--)
        put(out, PICK(pieces));
}

static void put_actions(struct imprint_writer *out)
{
    static const char *const actions[] = {"iot:*",
                                          "iot:Publish",
                                          "iot:Connect",
                                          "iot:Subscribe",
                                          "iot:Receive",
                                          "iot:Re*",
                                          "iot:P?blish",
                                          "iot:*ublish",
                                          "iot:*e*",
                                          "iot:GetThing*",
                                          "*"};
    size_t count = 1 + draw(3);

    put(out, count > 1 ? "\"Action\":[\"" : "\"Action\":\"");
    put(out, PICK(actions));
    put(out, "\"");
    for (; count > 1; count--) {
        put(out, ",\"");
        put(out, PICK(actions));
        put(out, count > 2 ? "\"" : "\"]");
    }
}

static void put_resources(struct imprint_writer *out)
{
    static const char *const heads[] = {
        "arn:aws:iot:r:1:topic/",    "arn:aws:iot:r:1:topicfilter/",
        "arn:aws:iot:r:1:client/",   "arn:aws:iot:r:1:topic*",
        "arn:aws:iot:?:*:*/",        "arn:aws:iot:r:2:topic/",
        "arn:aws:iot:r:1:topic/${*}"};
    size_t count = 1 + draw(3);
    size_t i;

    put(out, ",\"Resource\":[");
    for (i = 0; i < count; i++) {
        put(out, i > 0 ? ",\"" : "\"");
        if (draw(6) == 0) {
            put(out, "*");
        } else {
            put(out, PICK(heads));
            put_pattern(out, draw(4));
        }
        put(out, "\"");
    }
    put(out, "]");
}

/* What an operator may be asked, for a key. */
static void put_value(struct imprint_writer *out, const char *operator_name,
                      const char *key)
{
    static const char *const ranges[] = {
        "10.0.0.0/24", "10.0.0.1",      "10.0.0.128/25", "0.0.0.0/0",
        "10.0.0.0/15", "2001:db8::/33", "::/0",          "2001:db8::1"};
    static const char *const addresses[] = {"10.0.0.1", "10.*", "*1", "20?1*"};
    static const char *const attributes[] = {"PersistentConnect", "LastWill",
                                             "Last*", "lastwill", "*"};
    static const char *const booleans[] = {"true", "false", "True"};
    bool is_bool = strcmp(operator_name, "Bool") == 0 ||
                   strcmp(operator_name, "Null") == 0;

    if (is_bool && draw(2) == 0) {
        put(out, draw(2) ? "true" : "false");
        return;
    }
    put(out, "\"");
    if (is_bool)
        put(out, PICK(booleans));
    else if (strstr(operator_name, "IpAddress"))
        put(out, PICK(ranges));
    else if (strcmp(key, "aws:SourceIp") == 0)
        put(out, PICK(addresses));
    else if (strcmp(key, "iot:ConnectAttributes") == 0)
        put(out, PICK(attributes));
    else
        put_pattern(out, 1 + draw(2));
    put(out, "\"");
}

static void put_values(struct imprint_writer *out, const char *operator_name,
                       const char *key, bool may_be_empty)
{
    size_t count = draw(may_be_empty ? 4 : 3) + !may_be_empty;
    size_t i;

    if (count == 1 && draw(2) == 0) {
        put_value(out, operator_name, key);
        return;
    }
    put(out, "[");
    for (i = 0; i < count; i++) {
        put(out, i > 0 ? "," : "");
        put_value(out, operator_name, key);
    }
    put(out, "]");
}

static void put_operator(struct imprint_writer *out, const char *name)
{
    static const char *const prefixes[] = {"", "",
                                           "ForAllValues:", "ForAnyValue:"};
    static const char *const keys[] = {
        "iot:ClientId",
        "iot:ConnectAttributes",
        "iot:Certificate.Subject.Organization.List",
        "iot:Connection.Thing.IsAttached",
        "iot:Connection.Thing.ThingTypeName",
        "aws:SourceIp",
        "iot:Connection.Thing.Attributes[y]",
        "iot:Certificate.Subject.Organization.1",
        "iot:CertificateId"};
    bool is_null = strcmp(name, "Null") == 0;
    const char *prefix = is_null ? "" : PICK(prefixes);
    size_t key = draw(COUNT_OF(keys));
    size_t count = 1 + draw(2);
    const char *comma = "";

    put(out, "\"");
    put(out, prefix);
    put(out, name);
    put(out, is_null || draw(3) > 0 ? "\":{\"" : "IfExists\":{\"");
    if (strstr(name, "IpAddress")) {
        key = 5;
        count = 1;
    }
    for (; count > 0; count--) {
        put(out, comma);
        put(out, keys[key]);
        put(out, "\":");
        put_values(out, name, keys[key], prefix[0] != '\0');
        key = (key + 1) % COUNT_OF(keys);
        comma = ",\"";
    }
    put(out, "}");
}

static void put_conditions(struct imprint_writer *out)
{
    static const char *const names[] = {"StringEquals",
                                        "StringNotEquals",
                                        "StringLike",
                                        "StringNotLike",
                                        "ArnEquals",
                                        "ArnNotLike",
                                        "Bool",
                                        "Null",
                                        "IpAddress",
                                        "NotIpAddress",
                                        "StringEqualsIgnoreCase",
                                        "StringNotEqualsIgnoreCase",
                                        "ArnLike",
                                        "ArnNotEquals"};
    size_t name = draw(COUNT_OF(names));

    put(out, ",\"Condition\":{");
    put_operator(out, names[name]);
    if (draw(3) == 0) {
        put(out, ",");
        put_operator(out, names[(name + 1) % COUNT_OF(names)]);
    }
    put(out, "}");
}

static void put_statement(struct imprint_writer *out)
{
    put(out, draw(3) > 0 ? "{\"Effect\":\"Allow\"," : "{\"Effect\":\"Deny\",");
    put_actions(out);
    put_resources(out);
    if (draw(2) == 0)
        put_conditions(out);
    put(out, "}");
}

static void make_policy(char text[POLICY_RIG_TEXT_LEN])
{
    struct imprint_writer out =
        imprint_slice_writer(text, POLICY_RIG_TEXT_LEN - 1);
    size_t count = draw(4);
    size_t i;

    put(&out, "{\"Version\":\"2012-10-17\",\"Statement\":");
    if (count == 0) {
        put_statement(&out);
    } else {
        for (i = 0; i < count; i++) {
            put(&out, i > 0 ? "," : "[");
            put_statement(&out);
        }
        put(&out, "]");
    }
    put(&out, "}");
    assert_true(imprint_slice_fits(&out));
    text[out.len] = '\0';
}

/* ---- the test ---- */

struct drawn {
    char texts[POLICY_MAX_COUNT][POLICY_RIG_TEXT_LEN];
    struct imprint_policy *policies[POLICY_MAX_COUNT];
    json_t *documents[POLICY_MAX_COUNT];
    size_t count;
};

static void make_policies(struct drawn *drawn)
{
    struct imprint_why why = {"", ""};
    size_t i;

    drawn->count = 1 + draw(POLICY_MAX_COUNT);
    for (i = 0; i < drawn->count; i++) {
        make_policy(drawn->texts[i]);
        drawn->documents[i] = json_loads(drawn->texts[i], 0, NULL);
        assert_non_null(drawn->documents[i]);
        if (imprint_policy_parse(imprint_slice_text(drawn->texts[i]),
                                 &drawn->policies[i], &why) != IMPRINT_OK)
            fail_msg("%s: %s", drawn->texts[i], why.text);
    }
}

static void drop_policies(struct drawn *drawn)
{
    size_t i;

    for (i = 0; i < drawn->count; i++) {
        imprint_policy_free(drawn->policies[i]);
        json_decref(drawn->documents[i]);
    }
}

static void tell(const struct drawn *drawn,
                 const struct policy_rig_asking *asking)
{
    size_t i;

    print_error("%s %s\n", asking->request.action, asking->request.resource);
    for (i = 0; i < asking->fact_count; i++)
        print_error("  %s=%s\n", asking->facts[i].name, asking->facts[i].value);
    for (i = 0; i < drawn->count; i++)
        print_error("%s\n", drawn->texts[i]);
}

/* The statement that is told has decided it, or not. */
static bool is_told(const struct drawn *drawn,
                    const struct policy_rig_asking *asking,
                    const struct imprint_policy_decision *decision)
{
    const struct imprint_policy *const *policies =
        (const struct imprint_policy *const *)drawn->policies;
    char line[IMPRINT_WHY_TEXT_LEN];
    bool fits =
        decision->statement &&
        policy_rig_fits(asking, drawn->documents[decision->policy_index],
                        decision->statement_index);

    imprint_policy_explain(policies, &asking->request, decision, line);
    if (decision->verdict == IMPRINT_POLICY_SILENT)
        return !fits && (line[0] != '\0') == (decision->statement != NULL);
    return fits && line[0] == '\0' &&
           (decision->verdict == IMPRINT_POLICY_DENIED) ==
               (strstr(decision->statement, "\"Deny\"") != NULL);
}

static enum imprint_policy_verdict ask(const struct drawn *drawn)
{
    const struct imprint_policy *const *policies =
        (const struct imprint_policy *const *)drawn->policies;
    const json_t *const *documents = (const json_t *const *)drawn->documents;
    struct imprint_policy_decision decision;
    struct policy_rig_asking asking;
    enum imprint_policy_verdict verdict;

    make_request(&asking);
    imprint_policy_evaluate(policies, drawn->count, &asking.request, &decision);
    verdict = policy_rig_decide(&asking, documents, drawn->count);
    if (decision.verdict != verdict) {
        tell(drawn, &asking);
        fail_msg("%d, not %d", decision.verdict, verdict);
    }
    if (!is_told(drawn, &asking, &decision)) {
        tell(drawn, &asking);
        fail_msg("%d is told wrongly", decision.verdict);
    }
    return verdict;
}

static void test_same_verdict(void **state)
{
    size_t counts[3] = {0, 0, 0};
    struct drawn drawn;
    size_t i;
    size_t k;

    (void)state;
    for (i = 0; i < ROUND_COUNT; i++) {
        make_policies(&drawn);
        for (k = 0; k < REQUESTS_A_ROUND; k++)
            counts[ask(&drawn)]++;
        drop_policies(&drawn);
    }
    print_message("silent %zu, denied %zu, allowed %zu\n",
                  counts[IMPRINT_POLICY_SILENT], counts[IMPRINT_POLICY_DENIED],
                  counts[IMPRINT_POLICY_ALLOWED]);
    for (i = 0; i < 3; i++)
        assert_true(counts[i] >= ROUND_COUNT * REQUESTS_A_ROUND / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
