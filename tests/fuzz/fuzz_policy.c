/*
 * "ACTION RESOURCE" in a first line, and any bytes behind it as a policy: what
 * the check lets through, parse takes, and every decision follows from AWS's
 * rules: the same one each time, a deny whatever else is allowed, and nothing
 * that no statement allows.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/policy.h"
#include "aws/policy_parts.h"

#define WORD_MAX_LEN 2048
#define ALL "\"Action\":\"*\",\"Resource\":\"*\"}]}"
#define HEAD "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":"

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static struct imprint_policy *parse(const char *text)
{
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};

    expect(imprint_policy_parse(imprint_slice_text(text), &policy, &why) ==
           IMPRINT_OK);
    return policy;
}

/* That it is what the policies say of the statement, and explained. */
static void look_at(const struct imprint_policy *const *policies,
                    size_t policy_count,
                    const struct imprint_policy_request *request,
                    const struct imprint_policy_decision *decision)
{
    const struct imprint_policy_statement *statement;
    char line[IMPRINT_WHY_TEXT_LEN];
    size_t i;

    memset(line, '\n', sizeof(line));
    imprint_policy_explain(policies, request, decision, line);
    expect(memchr(line, '\0', sizeof(line)) != NULL);
    for (i = 0; line[i] != '\0'; i++)
        expect((uint8_t)line[i] >= ' ');
    if (!decision->statement) {
        expect(decision->verdict == IMPRINT_POLICY_SILENT && line[0] == '\0');
        return;
    }
    expect(decision->policy_index < policy_count);
    expect(decision->statement_index < policies[decision->policy_index]->count);
    statement = &policies[decision->policy_index]
                     ->statements[decision->statement_index];
    expect(decision->statement == statement->text);
    expect(statement->allows == (decision->verdict != IMPRINT_POLICY_DENIED));
    expect((line[0] == '\0') == (decision->verdict != IMPRINT_POLICY_SILENT));
}

static enum imprint_policy_verdict decide(
    const struct imprint_policy *const *policies, size_t policy_count,
    const struct imprint_policy_request *request)
{
    struct imprint_policy_decision decision;
    struct imprint_policy_decision again;

    imprint_policy_evaluate(policies, policy_count, request, &decision);
    imprint_policy_evaluate(policies, policy_count, request, &again);
    expect(decision.verdict == again.verdict);
    expect(decision.policy_index == again.policy_index);
    expect(decision.statement_index == again.statement_index);
    expect(decision.statement == again.statement);
    look_at(policies, policy_count, request, &decision);
    return decision.verdict;
}

/* Alone, and before and behind one that allows or denies everything. */
static void try(const struct imprint_policy *policy,
                const struct imprint_policy_request *request)
{
    static struct imprint_policy *allows;
    static struct imprint_policy *denies;
    const struct imprint_policy *both[2] = {policy};
    enum imprint_policy_verdict alone = decide(both, 1, request);
    /* not so, of an unknown action or of too long a word */
    bool is_askable;

    allows = allows ? allows : parse(HEAD "\"Allow\"," ALL);
    denies = denies ? denies : parse(HEAD "\"Deny\"," ALL);
    both[1] = allows;
    is_askable = decide(&both[1], 1, request) == IMPRINT_POLICY_ALLOWED;
    expect(is_askable || alone == IMPRINT_POLICY_SILENT);
    expect(decide(both, 0, request) == IMPRINT_POLICY_SILENT);
    expect(decide(both, 2, request) == (!is_askable ? IMPRINT_POLICY_SILENT
                                        : alone == IMPRINT_POLICY_DENIED
                                            ? IMPRINT_POLICY_DENIED
                                            : IMPRINT_POLICY_ALLOWED));
    both[1] = policy;
    expect(decide(both, 2, request) == alone);
    both[0] = denies;
    expect(decide(both, 2, request) ==
           (is_askable ? IMPRINT_POLICY_DENIED : IMPRINT_POLICY_SILENT));
}

static void try_requests(const struct imprint_policy *policy,
                         const char *action, const char *resource)
{
    const struct imprint_pair site = {imprint_slice_text("site"),
                                      imprint_slice_text("berlin")};
    const struct imprint_pair subject[] = {
        {imprint_slice_text("Subject.CommonName"), imprint_slice_text("SN-1")},
        {imprint_slice_text("Subject.Organization.List"),
         imprint_slice_text("Acme")},
        {imprint_slice_text("Subject.Organization.List"),
         imprint_slice_text("")},
    };
    const struct imprint_policy_request nobody = {
        .action = action,
        .resource = resource,
        .client_id = "*",
    };
    struct imprint_policy_request device = {
        .action = action,
        .resource = resource,
        .client_id = "SN-1",
        .source_ip = "192.0.2.10",
        .certificate_id = "c0ffee",
        .certificate = subject,
        .certificate_count = 3,
        .thing_name = "SN-1",
        .thing_type = "sensor",
        .attributes = &site,
        .attribute_count = 1,
        .is_attached = true,
        .is_persistent = true,
        .has_will = true,
    };

    try(policy, &nobody);
    try(policy, &device);
    device.source_ip = "::ffff:10.1.2.3";
    device.is_persistent = false;
    try(policy, &device);
}

/* The first line's words; false: there are no two of them. */
static bool cut_line(struct imprint_slice *text, char action[WORD_MAX_LEN],
                     char resource[WORD_MAX_LEN])
{
    const uint8_t *end =
        text->len > 0 ? memchr(text->bytes, '\n', text->len) : NULL;
    size_t len = end ? (size_t)(end - text->bytes) : 0;
    const uint8_t *blank = len > 0 ? memchr(text->bytes, ' ', len) : NULL;
    size_t action_len;

    if (!blank || len >= WORD_MAX_LEN || memchr(text->bytes, '\0', len))
        return false;
    action_len = (size_t)(blank - text->bytes);
    memcpy(action, text->bytes, action_len);
    action[action_len] = '\0';
    memcpy(resource, blank + 1, len - action_len - 1);
    resource[len - action_len - 1] = '\0';
    *text = imprint_slice_of(end + 1, text->len - len - 1);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct imprint_slice text = imprint_slice_of(bytes, len);
    struct imprint_findings findings = {.count = 0};
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};
    char action[WORD_MAX_LEN];
    char resource[WORD_MAX_LEN];
    enum imprint_status status;

    if (!cut_line(&text, action, resource))
        return 0;
    imprint_policy_check(text, &findings);
    imprint_finding_sort(&findings);
    status = imprint_policy_parse(text, &policy, &why);
    expect((status == IMPRINT_OK) == (findings.error_count == 0));
    expect(status == IMPRINT_OK || why.text[0] != '\0');
    imprint_finding_free(&findings);
    if (status == IMPRINT_OK)
        try_requests(policy, action, resource);
    imprint_policy_free(policy);
    return 0;
}
