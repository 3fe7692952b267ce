#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/claim_policy.h"
#include "aws/memory.h"
#include "aws/policy.h"
#include "cli.h"
#include "endpoint/authority.h"
#include "finding_show.h"
#include "list.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/settings.h"
#include "posix/why.h"
#include "verbs.h"

#define FILE_MAX_LEN 262144
#define ATTRIBUTE_MAX_COUNT 50
#define LOCAL_ARN "arn:aws:iot:us-east-1:000000000000:"

static const char *get(const struct imprint_verbs_order *order,
                       const char *name, const char *fallback)
{
    const char *value = imprint_settings_get(order->settings, name);

    return value ? value : fallback;
}

static enum imprint_status read_file(const char *path, char **text, size_t *len,
                                     struct imprint_why *why)
{
    return imprint_file_read(path, FILE_MAX_LEN, text, len, why) == IMPRINT_OK
               ? IMPRINT_OK
               : IMPRINT_ERR_SETTINGS;
}

/* ---- check ---- */

static int check(const struct imprint_verbs_order *order)
{
    struct imprint_findings findings = {.count = 0};
    struct imprint_why why = {"", ""};
    const char *path = order->operands[0];
    char *text = NULL;
    size_t len = 0;
    int code;
    enum imprint_status status = read_file(path, &text, &len, &why);

    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    imprint_policy_check(imprint_slice_of(text, len), &findings);
    code = imprint_finding_show(path, &findings, order->json);
    free(text);
    return code;
}

/* ---- try ---- */

struct trial {
    struct imprint_policy *policies[IMPRINT_VERBS_OPERAND_MAX_COUNT];
    size_t policy_count;
    struct imprint_pair attributes[ATTRIBUTE_MAX_COUNT];
    struct imprint_policy_request request;
    char *resource; /* own */
    void *memory;   /* of the certificate's variables */
};

static enum imprint_status read_policies(
    const struct imprint_verbs_order *order, struct trial *trial, char **arn,
    struct imprint_why *why)
{
    size_t i;

    for (i = 0; i < order->operand_count; i++) {
        const char *path = order->operands[i];
        struct imprint_why inner = {"", ""};
        char *text = NULL;
        size_t len = 0;
        enum imprint_status status = read_file(path, &text, &len, why);

        if (status != IMPRINT_OK)
            return status;
        status = imprint_policy_parse(imprint_slice_of(text, len),
                                      &trial->policies[i], &inner);
        if (!*arn && status == IMPRINT_OK && strstr(text, "\"arn:"))
            *arn = strdup(strstr(text, "\"arn:") + 1);
        free(text);
        if (status != IMPRINT_OK) {
            (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS, "%s: %.400s", path,
                                  inner.text);
            imprint_why_hint(why, "see imprint policy check %s", path);
            return IMPRINT_ERR_SETTINGS;
        }
        trial->policy_count++;
    }
    return IMPRINT_OK;
}

/* "topic/a" of the region and account that the policies name first. */
static enum imprint_status complete_resource(const char *resource,
                                             struct trial *trial, char *arn,
                                             struct imprint_why *why)
{
    size_t len = 0;
    size_t colons = 0;
    int put_len;

    for (; arn && colons < 5 && arn[len] != '\0' && arn[len] != '"'; len++)
        colons += arn[len] == ':';
    if (colons < 5 || (arn && strcspn(arn, "*?$") < len)) {
        arn = NULL;
        len = 0;
    }
    put_len = strncmp(resource, "arn:", 4) == 0
                  ? asprintf(&trial->resource, "%s", resource)
                  : asprintf(&trial->resource, "%.*s%s",
                             arn ? (int)len : (int)strlen(LOCAL_ARN),
                             arn ? arn : LOCAL_ARN, resource);
    if (put_len < 0)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    trial->request.resource = trial->resource;
    return IMPRINT_OK;
}

/* A resource without its kind. */
static const char *skip_kind(const char *resource)
{
    static const char *const kinds[] = {"client/", "topic/", "topicfilter/",
                                        "rolealias/"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(resource, kinds[i], strlen(kinds[i])) == 0)
            return resource + strlen(kinds[i]);
    }
    return resource;
}

/* The service never asks for an action with another kind of resource. */
static enum imprint_status check_resource(const struct trial *trial,
                                          struct imprint_why *why)
{
    const char *action = trial->request.action;
    const char *kind = imprint_policy_resource_kind(action);
    const char *rest = imprint_policy_resource_of(trial->resource);
    size_t len = strlen(kind);

    if (rest && strncmp(rest, kind, len) == 0 && rest[len] == '/')
        return IMPRINT_OK;
    (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                          "resource: \"%s\" is nothing for %s",
                          rest ? rest : trial->resource, action);
    imprint_why_hint(why, "it asks for %s/%s", kind,
                     rest ? skip_kind(rest) : "...");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status take_resource(
    const struct imprint_verbs_order *order, struct trial *trial, char *arn,
    struct imprint_why *why)
{
    const char *resource = get(order, "resource", NULL);
    enum imprint_status status;

    if (!resource)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "\"imprint policy try\" needs --resource");
    status = complete_resource(resource, trial, arn, why);
    return status == IMPRINT_OK ? check_resource(trial, why) : status;
}

static enum imprint_status take_attributes(
    const struct imprint_verbs_order *order, struct trial *trial,
    struct imprint_why *why)
{
    struct imprint_policy_request *request = &trial->request;
    const char *text;
    size_t i;

    request->attributes = trial->attributes;
    for (i = 0; (text = imprint_settings_at(order->settings, "attribute", i));
         i++) {
        const char *equal = strchr(text, '=');

        if (!equal || equal == text || i == ATTRIBUTE_MAX_COUNT)
            return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                   "attribute: \"%s\" is not NAME=VALUE, or "
                                   "one too many",
                                   text);
        trial->attributes[request->attribute_count++] = (struct imprint_pair){
            imprint_slice_of(text, (size_t)(equal - text)),
            imprint_slice_text(equal + 1)};
    }
    return IMPRINT_OK;
}

/* "LastWill,PersistentConnect", in any order. */
static enum imprint_status take_connect(const struct imprint_verbs_order *order,
                                        struct trial *trial,
                                        struct imprint_why *why)
{
    const char *rest = get(order, "connect", "");

    while (*rest != '\0') {
        size_t len = strcspn(rest, ",");
        struct imprint_slice word = imprint_slice_of(rest, len);

        if (imprint_slice_is(word, "LastWill"))
            trial->request.has_will = true;
        else if (imprint_slice_is(word, "PersistentConnect"))
            trial->request.is_persistent = true;
        else
            return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                   "connect: \"%.*s\" is not LastWill or "
                                   "PersistentConnect",
                                   (int)len, rest);
        rest += len + (rest[len] == ',');
    }
    return IMPRINT_OK;
}

static enum imprint_status take_certificate(
    const struct imprint_verbs_order *order, struct trial *trial,
    struct imprint_why *why)
{
    const char *path = get(order, "certificate", NULL);
    struct imprint_pair *pairs = NULL;
    char *text = NULL;
    size_t len = 0;
    enum imprint_status status;

    if (!path)
        return IMPRINT_OK;
    status = read_file(path, &text, &len, why);
    if (status == IMPRINT_OK &&
        imprint_authority_describe(imprint_slice_of(text, len), &trial->memory,
                                   &pairs, &trial->request.certificate_count) !=
            IMPRINT_OK)
        status = imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                 "certificate: \"%s\" holds none", path);
    trial->request.certificate = pairs;
    free(text);
    return status;
}

static enum imprint_status take_action(const struct imprint_verbs_order *order,
                                       struct trial *trial,
                                       struct imprint_why *why)
{
    const char *action = get(order, "action", NULL);

    if (!action)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "\"imprint policy try\" needs --action");
    trial->request.action = action;
    if (imprint_policy_action_ok(action))
        return IMPRINT_OK;
    (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                          "action: \"%s\" is none that a device can be asked "
                          "about",
                          action);
    imprint_why_hint(why, "iot:Connect, iot:Publish, iot:Receive, "
                          "iot:Subscribe or iot:RetainPublish");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status take_thing(const struct imprint_verbs_order *order,
                                      struct trial *trial,
                                      struct imprint_why *why)
{
    struct imprint_policy_request *request = &trial->request;
    const char *thing = get(order, "thing", NULL);
    const char *type = get(order, "thing-type", NULL);
    enum imprint_status status = take_attributes(order, trial, why);

    if (status != IMPRINT_OK)
        return status;
    if (!thing && (type || request->attribute_count > 0))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "%s: it is a thing's; name it with --thing",
                               type ? "thing-type" : "attribute");
    request->client_id = get(order, "client-id", thing);
    request->is_attached = thing != NULL;
    /* as the service: a thing is known by its name for a client id */
    if (thing && strcmp(thing, request->client_id) == 0) {
        request->thing_name = thing;
        request->thing_type = type;
    } else {
        request->attribute_count = 0;
    }
    return IMPRINT_OK;
}

static enum imprint_status take_address(const struct imprint_verbs_order *order,
                                        struct trial *trial,
                                        struct imprint_why *why)
{
    const char *address = get(order, "source-ip", NULL);
    uint8_t bytes[sizeof(struct in6_addr)];

    if (address && inet_pton(AF_INET, address, bytes) != 1 &&
        inet_pton(AF_INET6, address, bytes) != 1)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "source-ip: \"%s\" is no IPv4 or IPv6 address",
                               address);
    trial->request.source_ip = address;
    return IMPRINT_OK;
}

static enum imprint_status take_request(const struct imprint_verbs_order *order,
                                        struct trial *trial, char *arn,
                                        struct imprint_why *why)
{
    enum imprint_status status = take_action(order, trial, why);

    if (status == IMPRINT_OK)
        status = take_resource(order, trial, arn, why);
    if (status == IMPRINT_OK)
        status = take_thing(order, trial, why);
    if (status == IMPRINT_OK)
        status = take_address(order, trial, why);
    if (status == IMPRINT_OK)
        status = take_connect(order, trial, why);
    return status == IMPRINT_OK ? take_certificate(order, trial, why) : status;
}

static const char *name_verdict(enum imprint_policy_verdict verdict)
{
    return verdict == IMPRINT_POLICY_ALLOWED  ? "allowed"
           : verdict == IMPRINT_POLICY_DENIED ? "denied"
                                              : "not allowed";
}

/* What became of it; path is the statement's policy, or NULL. */
struct outcome {
    struct imprint_policy_decision decision;
    const char *path;
    char reason[IMPRINT_WHY_TEXT_LEN];
};

static enum imprint_status show_json(const struct outcome *outcome,
                                     struct imprint_why *why)
{
    const struct imprint_policy_decision *decision = &outcome->decision;
    struct imprint_json *object = imprint_json_new();

    return imprint_list_print(
        object,
        object &&
            imprint_json_put_text(object, "verdict",
                                  name_verdict(decision->verdict)) &&
            imprint_json_put_text(object, "policy", outcome->path) &&
            (outcome->path
                 ? imprint_json_put_number(object, "statement",
                                           (int64_t)decision->statement_index)
                 : imprint_json_put_text(object, "statement", NULL)) &&
            imprint_json_put_text(object, "text", decision->statement) &&
            imprint_json_put_text(object, "reason",
                                  outcome->reason[0] ? outcome->reason : NULL),
        why);
}

static void show_text(const struct outcome *outcome, const struct trial *trial)
{
    const struct imprint_policy_decision *decision = &outcome->decision;

    (void)printf("%s: %s of %s\n", name_verdict(decision->verdict),
                 trial->request.action, trial->request.resource);
    if (outcome->path)
        (void)printf(
            "%s %s, Statement[%zu]: %s\n",
            decision->verdict == IMPRINT_POLICY_SILENT ? "nearest is" : "by",
            outcome->path, decision->statement_index, decision->statement);
    else
        (void)printf("no statement is near\n");
    if (outcome->reason[0])
        (void)printf("because %s\n", outcome->reason);
}

static enum imprint_status show(const struct imprint_verbs_order *order,
                                const struct trial *trial,
                                struct imprint_why *why)
{
    const struct imprint_policy *const *policies =
        (const struct imprint_policy *const *)trial->policies;
    struct outcome outcome = {.path = NULL};

    imprint_policy_evaluate(policies, trial->policy_count, &trial->request,
                            &outcome.decision);
    imprint_policy_explain(policies, &trial->request, &outcome.decision,
                           outcome.reason);
    if (outcome.decision.statement)
        outcome.path = order->operands[outcome.decision.policy_index];
    if (!order->json)
        show_text(&outcome, trial);
    else if (show_json(&outcome, why) != IMPRINT_OK)
        return IMPRINT_ERR_INTERNAL;
    return outcome.decision.verdict == IMPRINT_POLICY_ALLOWED
               ? IMPRINT_OK
               : IMPRINT_ERR_REFUSED;
}

static int try(const struct imprint_verbs_order *order)
{
    struct trial trial = {.policy_count = 0};
    struct imprint_why why = {"", ""};
    char *arn = NULL;
    enum imprint_status status = read_policies(order, &trial, &arn, &why);

    if (status == IMPRINT_OK)
        status = take_request(order, &trial, arn, &why);
    if (status == IMPRINT_OK)
        status = show(order, &trial, &why);
    if (status != IMPRINT_OK && status != IMPRINT_ERR_REFUSED)
        imprint_cli_error(&why);
    while (trial.policy_count > 0)
        imprint_policy_free(trial.policies[--trial.policy_count]);
    imprint_memory_free(&trial.memory);
    free(trial.resource);
    free(arn);
    return imprint_cli_exit(status);
}

/* ---- claim ---- */

static int write_claim(const struct imprint_verbs_order *order)
{
    static const char *const flows[] = {"both", "csr", "service", NULL};
    static const char *const formats[] = {"both", "json", "cbor", NULL};
    struct imprint_claim_policy wanted = {
        .partition = get(order, "partition", "aws"),
        .region = get(order, "region", "us-east-1"),
        .account = get(order, "account", "000000000000"),
        .template_name = get(order, "template", NULL),
        .client_id_prefix = get(order, "client-id-prefix", ""),
    };
    struct imprint_why why = {"", ""};
    enum imprint_status status = IMPRINT_OK;
    size_t format = 0;
    size_t flow = 0;
    char *text = NULL;

    if (!wanted.template_name)
        return imprint_cli_usage("see imprint policy --help",
                                 "\"imprint policy claim\" needs --template");
    status =
        imprint_settings_choice(order->settings, "flow", flows, &flow, &why);
    if (status == IMPRINT_OK)
        status = imprint_settings_choice(order->settings, "format", formats,
                                         &format, &why);
    wanted.has_csr = flow != 2;
    wanted.has_service = flow != 1;
    wanted.has_json = format != 2;
    wanted.has_cbor = format != 1;
    if (status == IMPRINT_OK &&
        imprint_claim_policy_write(&wanted, &text, &why) != IMPRINT_OK)
        status = IMPRINT_ERR_SETTINGS;
    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    (void)fputs(text, stdout);
    free(text);
    return IMPRINT_CLI_DONE;
}

/* ---- the verb ---- */

static const struct verb {
    struct imprint_verb row;
    int (*carry_out)(const struct imprint_verbs_order *order);
} verbs[] = {
    {{"check", "FILE", "say what is wrong with it", "json", 1, 1}, check},
    {{"try", "FILE...", "what they allow together, and by which statement",
      "action resource thing thing-type attribute client-id source-ip "
      "certificate connect json",
      1, IMPRINT_VERBS_OPERAND_MAX_COUNT},
     try},
    {{"claim", "", "write the smallest policy that a claim needs",
      "template flow format client-id-prefix region account partition", 0, 0},
     write_claim},
};

int imprint_cmd_policy(int argc, char **argv)
{
    static const struct imprint_verbs all = {
        .name = "policy",
        .usage = "VERB [FILE...] [OPTION...]",
        .asking = "what shall be done with a policy?",
        .rows = verbs,
        .row_len = sizeof(verbs[0]),
        .row_count = sizeof(verbs) / sizeof(verbs[0]),
    };
    struct imprint_verbs_order order;
    int code;

    if (imprint_verbs_open(&all, argc, argv, &order, &code)) {
        code = ((const struct verb *)order.verb)->carry_out(&order);
        imprint_verbs_close(&order);
    }
    return code;
}
