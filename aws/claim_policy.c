#include "claim_policy.h"

#include <stdlib.h>
#include <string.h>

#include "imprint/slice.h"
#include "imprint/topics.h"
#include "memory.h"
#include "policy.h"
#include "posix/why.h"

#define ACCOUNT_LEN 12
#define PREFIX_MAX_LEN 127 /* of a client id of 128 bytes */

struct writing {
    const struct imprint_claim_policy *wanted;
    struct imprint_memory_text text;
    bool is_first; /* of a list */
    bool is_short; /* replies of both formats by one wildcard */
};

static void put(struct writing *writing, const char *text)
{
    imprint_memory_put(&writing->text, imprint_slice_text(text));
}

static void put_arn(struct writing *writing, const char *kind)
{
    const struct imprint_claim_policy *wanted = writing->wanted;

    put(writing, writing->is_first ? "" : ",");
    put(writing, "\n   \"arn:");
    put(writing, wanted->partition);
    put(writing, ":iot:");
    put(writing, wanted->region);
    put(writing, ":");
    put(writing, wanted->account);
    put(writing, ":");
    put(writing, kind);
    put(writing, "/");
    writing->is_first = false;
}

/* The topics of one operation, in the formats that are wanted. */
static void put_topics(struct writing *writing, const char *kind,
                       const char *const topic[3], const char *behind)
{
    static const char *const formats[] = {"json", "cbor"};
    const bool has[] = {writing->wanted->has_json, writing->wanted->has_cbor};
    size_t i;

    for (i = 0; i < 2; i++) {
        bool is_whole = writing->is_short && behind[0] != '\0';

        if (is_whole ? i > 0 : !has[i])
            continue;
        put_arn(writing, kind);
        put(writing, topic[0]);
        put(writing, topic[1]);
        put(writing, topic[2]);
        put(writing, is_whole ? "*" : formats[i]);
        put(writing, is_whole ? "" : behind);
        put(writing, "\"");
    }
}

static void put_statement(struct writing *writing, const char *action,
                          const char *kind, const char *behind)
{
    const struct imprint_claim_policy *wanted = writing->wanted;
    const char *const from_csr[] = {"$aws/certificates/create-from-csr/", "",
                                    ""};
    const char *const create[] = {"$aws/certificates/create/", "", ""};
    const char *const provision[] = {"$aws/provisioning-templates/",
                                     wanted->template_name, "/provision/"};

    put(writing, ",\n  {\"Effect\": \"Allow\", \"Action\": \"iot:");
    put(writing, action);
    put(writing, "\", \"Resource\": [");
    writing->is_first = true;
    if (wanted->has_csr)
        put_topics(writing, kind, from_csr, behind);
    if (wanted->has_service)
        put_topics(writing, kind, create, behind);
    put_topics(writing, kind, provision, behind);
    put(writing, "]}");
}

/* ---- what is wanted ---- */

static bool is_word(const char *text, size_t max_len)
{
    size_t len = strlen(text);

    return len > 0 && len <= max_len &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool is_account(const char *text)
{
    return strlen(text) == ACCOUNT_LEN &&
           strspn(text, "0123456789") == ACCOUNT_LEN;
}

/* A prefix goes into a pattern: nothing in it may be more than itself. */
static bool is_prefix(const char *text)
{
    return strlen(text) <= PREFIX_MAX_LEN &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_.:-") == strlen(text);
}

static enum imprint_status check(const struct imprint_claim_policy *wanted,
                                 struct imprint_why *why)
{
    const char *text = NULL;
    const char *what = NULL;

    if (!is_word(wanted->partition, 16)) {
        text = wanted->partition;
        what = "a partition, as aws";
    } else if (!is_word(wanted->region, 32)) {
        text = wanted->region;
        what = "a region, as eu-west-1";
    } else if (!is_account(wanted->account)) {
        text = wanted->account;
        what = "an account: 12 digits";
    } else if (!imprint_topics_template_ok(
                   imprint_slice_text(wanted->template_name))) {
        text = wanted->template_name;
        what = "a template's name: 1 to 36 letters, digits, _ and -";
    } else if (!is_prefix(wanted->client_id_prefix)) {
        text = wanted->client_id_prefix;
        what = "the beginning of a client id: letters, digits, _ . : -";
    }
    if (what)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT, "\"%s\" is not %s",
                               text, what);
    if (!wanted->has_csr && !wanted->has_service)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "a claim policy needs a flow");
    if (!wanted->has_json && !wanted->has_cbor)
        return imprint_why_set(why, IMPRINT_ERR_ARGUMENT,
                               "a claim policy needs a format");
    return IMPRINT_OK;
}

static char *write_policy(const struct imprint_claim_policy *wanted,
                          bool is_short)
{
    struct writing writing = {.wanted = wanted, .is_short = is_short};

    writing.is_first = true;
    put(&writing, "{\"Version\": \"2012-10-17\", \"Statement\": [\n"
                  "  {\"Effect\": \"Allow\", \"Action\": \"iot:Connect\", "
                  "\"Resource\": [");
    put_arn(&writing, "client");
    put(&writing, wanted->client_id_prefix);
    put(&writing, "*\"]}");
    put_statement(&writing, "Publish", "topic", "");
    put_statement(&writing, "Receive", "topic", "/*");
    put_statement(&writing, "Subscribe", "topicfilter", "/*");
    put(&writing, "\n]}\n");
    if (!writing.text.has_failed)
        return writing.text.bytes;
    free(writing.text.bytes);
    return NULL;
}

static size_t dense_len(const char *text)
{
    size_t len = 0;

    for (; *text != '\0'; text++)
        len += *text != ' ' && *text != '\n';
    return len;
}

enum imprint_status imprint_claim_policy_write(
    const struct imprint_claim_policy *wanted, char **text,
    struct imprint_why *why)
{
    enum imprint_status status = check(wanted, why);
    char *policy;

    if (status != IMPRINT_OK)
        return status;
    policy = write_policy(wanted, false);
    if (policy && dense_len(policy) > IMPRINT_POLICY_MAX_LEN) {
        free(policy);
        policy = write_policy(wanted, true);
    }
    if (!policy)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    *text = policy;
    return IMPRINT_OK;
}
