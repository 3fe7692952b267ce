/*
 * What one decision takes: a certificate with as many policies as AWS IoT
 * attaches, each as long as it takes, compiled before. Their statements have
 * variables, wildcards and conditions, and all of them are about the action
 * and come close to the topic that is asked for.
 *
 *     policy
 *
 * Prints median and 99th percentile of single decisions. Ends with 1 if a
 * median is over the limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/policy.h"

#define POLICY_COUNT 10
#define DECISION_COUNT 20000
#define MEDIAN_LIMIT_US 20.0

#define ARN "arn:aws:iot:eu-west-1:123456789012:"
#define TOPIC "fleet/line-7/SN-00012345/telemetry/pump/temperature"
#define HEAD "{\"Version\":\"2012-10-17\",\"Statement\":["
#define BODY "\"Action\":\"iot:Publish\",\"Resource\":\"" ARN "topic/"

/* None of them is about TOPIC; %zu makes each one unlike the others. */
static const char *const formats[] = {
    "{\"Effect\":\"Allow\"," BODY
    "fleet/*/${iot:Connection.Thing.ThingName}/state/%zu/*\"},",
    "{\"Effect\":\"Allow\"," BODY "fleet/*\",\"Condition\":{\"StringLike\":"
    "{\"iot:Connection.Thing.Attributes[site]\":\"*-%zu\"}}},",
    "{\"Effect\":\"Deny\"," BODY "*/${iot:ClientId}/*/alarm-%zu?\"},",
    "{\"Effect\":\"Allow\"," BODY "fleet/line-?/*/pump/*\",\"Condition\":"
    "{\"IpAddress\":{\"aws:SourceIp\":\"10.%zu.0.0/16\"}}},",
};

#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

struct bench_case {
    const char *name;
    const char *effect; /* of the very last statement */
    const char *topic;
    enum imprint_policy_verdict verdict;
};

static const struct bench_case cases[] = {
    {"allowed by the last statement", "Allow", "fleet/*/telemetry/*",
     IMPRINT_POLICY_ALLOWED},
    {"denied by the last statement", "Deny", "fleet/*/telemetry/*",
     IMPRINT_POLICY_DENIED},
    {"no statement allows it", "Allow", "fleet/*/commands/*",
     IMPRINT_POLICY_SILENT},
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "policy: %s\n", what);
    exit(1);
}

/* As many statements as there is room for, and a last one that fills it. */
static void write_policy(char out[IMPRINT_POLICY_MAX_LEN + 1], size_t index,
                         const char *effect, const char *topic)
{
    char last[512];
    char text[512];
    size_t last_len =
        (size_t)snprintf(last, sizeof(last),
                         "\",\"Effect\":\"%s\"," BODY "%s\"}]}", effect, topic);
    size_t len = (size_t)snprintf(out, IMPRINT_POLICY_MAX_LEN, HEAD);
    size_t i;

    for (i = 0;; i++) {
        size_t text_len = (size_t)snprintf(
            text, sizeof(text), formats[i % FORMAT_COUNT], 10 * index + i);

        if (len + text_len + strlen("{\"Sid\":\"") + last_len >
            IMPRINT_POLICY_MAX_LEN)
            break;
        memcpy(out + len, text, text_len);
        len += text_len;
    }
    len += (size_t)snprintf(out + len, IMPRINT_POLICY_MAX_LEN - len,
                            "{\"Sid\":\"");
    memset(out + len, 'x', IMPRINT_POLICY_MAX_LEN - last_len - len);
    memcpy(out + IMPRINT_POLICY_MAX_LEN - last_len, last, last_len + 1);
}

static void compile(const struct bench_case *it,
                    struct imprint_policy *policies[POLICY_COUNT])
{
    for (size_t i = 0; i < POLICY_COUNT; i++) {
        bool is_last = i == POLICY_COUNT - 1;
        char text[IMPRINT_POLICY_MAX_LEN + 1];
        struct imprint_why why = {"", ""};

        write_policy(text, i, is_last ? it->effect : "Allow",
                     is_last ? it->topic : "fleet/*/logs/*");
        if (imprint_policy_parse(imprint_slice_text(text), &policies[i],
                                 &why) != IMPRINT_OK)
            fail(why.text);
    }
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double now_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void decide(const struct imprint_policy *const *policies,
                   enum imprint_policy_verdict expected, double *took_us)
{
    static const struct imprint_pair site = {{(const uint8_t *)"site", 4},
                                             {(const uint8_t *)"hall-b", 6}};
    const struct imprint_policy_request request = {
        .action = "iot:Publish",
        .resource = ARN "topic/" TOPIC,
        .client_id = "SN-00012345",
        .source_ip = "192.0.2.77",
        .thing_name = "SN-00012345",
        .attributes = &site,
        .attribute_count = 1,
        .is_attached = true,
    };
    struct imprint_policy_decision decision;

    for (size_t i = 0; i < DECISION_COUNT; i++) {
        double from_us = now_us();

        imprint_policy_evaluate(policies, POLICY_COUNT, &request, &decision);
        took_us[i] = now_us() - from_us;
        if (decision.verdict != expected)
            fail("not the verdict that was expected");
    }
    qsort(took_us, DECISION_COUNT, sizeof(*took_us), compare);
}

static bool measure(const struct bench_case *it)
{
    static double took_us[DECISION_COUNT];
    struct imprint_policy *policies[POLICY_COUNT] = {NULL};
    double median_us;

    compile(it, policies);
    decide((const struct imprint_policy *const *)policies, it->verdict,
           took_us);
    median_us = took_us[DECISION_COUNT / 2];
    (void)printf("%d policies of %d characters, %s: %.1f µs median, %.1f µs "
                 "99th percentile (limit %.0f µs)\n",
                 POLICY_COUNT, IMPRINT_POLICY_MAX_LEN, it->name, median_us,
                 took_us[DECISION_COUNT * 99 / 100], MEDIAN_LIMIT_US);
    for (size_t i = 0; i < POLICY_COUNT; i++)
        imprint_policy_free(policies[i]);
    return median_us <= MEDIAN_LIMIT_US;
}

int main(void)
{
    bool is_fine = true;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        is_fine &= measure(&cases[i]);
    return is_fine ? 0 : 1;
}
