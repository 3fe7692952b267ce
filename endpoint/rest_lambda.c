/*
 * A stand-in for Lambda: the functions are the hooks that settings
 * "hook:<ARN>" map to programs and URLs. Who may call them, and a call.
 *
 * Source: Lambda API reference, AddPermission, GetPolicy, RemovePermission,
 * Invoke.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook.h"
#include "provision.h"
#include "resource.h"
#include "rest_route.h"

#define ARN                                                                    \
    "arn:aws:lambda:" IMPRINT_SETUP_REGION ":" IMPRINT_REST_ACCOUNT ":functio" \
    "n:"
#define ARN_LEN 256

/* By name or by ARN; *target, where it leads, is to be freed. */
static enum imprint_status find_function(struct imprint_rest_call *call,
                                         char arn[ARN_LEN], char **target)
{
    const char *name = call->labels[0];
    struct imprint_why why = {"", ""};
    int len = snprintf(arn, ARN_LEN, "%s%s",
                       strncmp(name, "arn:", 4) == 0 ? "" : ARN, name);
    enum imprint_status status = IMPRINT_ERR_NOT_FOUND;

    if (len > 0 && len < ARN_LEN)
        status =
            imprint_provision_find_target(call->registry, arn, target, &why);
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    return imprint_rest_refuse(call, IMPRINT_REST_FUNCTION_NOT_FOUND,
                               "Function not found: %s (imprint endpoint set "
                               "hook:%s exec:/... maps it to a program)",
                               arn, arn);
}

/* What is known of who may call it: {"statements": {"<id>": {...}}}. */
static enum imprint_status load(struct imprint_rest_call *call,
                                char arn[ARN_LEN],
                                struct imprint_json **statements)
{
    char *target = NULL;
    enum imprint_status status = find_function(call, arn, &target);

    free(target);
    if (status == IMPRINT_OK)
        status = imprint_resource_find(
            call->registry, IMPRINT_RESOURCE_PERMISSION, arn, statements);
    if (status != IMPRINT_ERR_NOT_FOUND)
        return status;
    *statements = imprint_rest_new(call);
    return *statements ? IMPRINT_OK : IMPRINT_ERR_INTERNAL;
}

static enum imprint_status refuse_missing(struct imprint_rest_call *call)
{
    return imprint_rest_refuse(call, IMPRINT_REST_FUNCTION_NOT_FOUND,
                               "No policy is associated with the given "
                               "resource.");
}

/* As Lambda writes it. */
static struct imprint_json *make_statement(struct imprint_rest_call *call,
                                           const char *arn)
{
    const char *source = imprint_rest_text(call, "SourceArn");
    const char *account = imprint_rest_text(call, "SourceAccount");
    struct imprint_json *statement = imprint_rest_new(call);
    struct imprint_json *principal = imprint_rest_new(call);
    struct imprint_json *condition = imprint_rest_new(call);

    imprint_rest_put(call, principal, "Service",
                     imprint_rest_text(call, "Principal"));
    imprint_rest_put(call, statement, "Sid",
                     imprint_rest_text(call, "StatementId"));
    imprint_rest_put(call, statement, "Effect", "Allow");
    imprint_rest_put_value(call, statement, "Principal", principal);
    imprint_rest_put(call, statement, "Action",
                     imprint_rest_text(call, "Action"));
    imprint_rest_put(call, statement, "Resource", arn);
    if (account) {
        struct imprint_json *equals = imprint_rest_new(call);

        imprint_rest_put(call, equals, "AWS:SourceAccount", account);
        imprint_rest_put_value(call, condition, "StringEquals", equals);
    }
    if (source) {
        struct imprint_json *like = imprint_rest_new(call);

        imprint_rest_put(call, like, "AWS:SourceArn", source);
        imprint_rest_put_value(call, condition, "ArnLike", like);
    }
    if (source || account)
        imprint_rest_put_value(call, statement, "Condition", condition);
    else
        imprint_json_free(condition);
    return statement;
}

static enum imprint_status add(struct imprint_rest_call *call)
{
    const char *id = imprint_rest_text(call, "StatementId");
    struct imprint_json *statements = NULL;
    struct imprint_json *statement;
    char *text;
    char arn[ARN_LEN];
    enum imprint_status status = load(call, arn, &statements);

    if (status != IMPRINT_OK)
        return status;
    if (imprint_json_member(statements, id)) {
        imprint_json_free(statements);
        return imprint_rest_refuse(call, IMPRINT_REST_RESOURCE_CONFLICT,
                                   "The statement id (%.100s) provided already "
                                   "exists.",
                                   id);
    }
    statement = make_statement(call, arn);
    text = statement ? imprint_json_write_line(statement) : NULL;
    call->has_failed |= !text;
    imprint_rest_put(call, call->out, "Statement", text);
    imprint_rest_put_value(call, statements, id, statement);
    status =
        call->has_failed
            ? IMPRINT_ERR_INTERNAL
            : imprint_resource_put(call->registry, IMPRINT_RESOURCE_PERMISSION,
                                   arn, statements);
    call->status = 201;
    free(text);
    imprint_json_free(statements);
    return status;
}

/* The document that all statements make; free it. NULL: no memory. */
static char *write_policy(struct imprint_rest_call *call,
                          const struct imprint_json *statements)
{
    struct imprint_memory_text text = {.bytes = NULL};
    const char *before = "";
    void *cursor = NULL;
    const char *id;

    imprint_memory_put(&text, imprint_slice_text("{\"Version\":\"2012-10-17\","
                                                 "\"Id\":\"default\","
                                                 "\"Statement\":["));
    while ((id = imprint_json_next(statements, &cursor))) {
        char *one =
            imprint_json_write_line(imprint_json_member(statements, id));

        imprint_memory_put(&text, imprint_slice_text(before));
        imprint_memory_put(&text, imprint_slice_text(one ? one : ""));
        call->has_failed |= !one;
        before = ",";
        free(one);
    }
    imprint_memory_put(&text, imprint_slice_text("]}"));
    call->has_failed |= text.has_failed;
    return text.bytes;
}

static enum imprint_status get(struct imprint_rest_call *call)
{
    struct imprint_json *statements = NULL;
    void *cursor = NULL;
    char arn[ARN_LEN];
    char *text;
    enum imprint_status status = load(call, arn, &statements);

    if (status != IMPRINT_OK)
        return status;
    if (!imprint_json_next(statements, &cursor)) {
        imprint_json_free(statements);
        return refuse_missing(call);
    }
    text = write_policy(call, statements);
    imprint_rest_put(call, call->out, "Policy", text);
    imprint_rest_put(call, call->out, "RevisionId", arn);
    free(text);
    imprint_json_free(statements);
    return status;
}

static enum imprint_status take_away(struct imprint_rest_call *call)
{
    struct imprint_json *statements = NULL;
    char arn[ARN_LEN];
    enum imprint_status status = load(call, arn, &statements);

    if (status == IMPRINT_OK && !imprint_json_drop(statements, call->labels[1]))
        status = refuse_missing(call);
    if (status == IMPRINT_OK)
        status = imprint_resource_put(
            call->registry, IMPRINT_RESOURCE_PERMISSION, arn, statements);
    call->status = 204;
    imprint_json_free(statements);
    return status;
}

/* A hook's answer is the function's; a failure of its is an answer, too. */
static enum imprint_status invoke(struct imprint_rest_call *call)
{
    char *target = NULL;
    char arn[ARN_LEN];
    struct imprint_hook_job *job;
    enum imprint_status status = find_function(call, arn, &target);

    if (status != IMPRINT_OK)
        return status;
    job = imprint_hook_new(target, imprint_json_write_line(call->body));
    if (!job)
        return IMPRINT_ERR_INTERNAL;
    job->timeout_ms =
        imprint_rules_get(call->rules, IMPRINT_RULE_HOOK_TIMEOUT_MS);
    imprint_hook_run(job);
    call->has_function_error = job->outcome != IMPRINT_HOOK_ANSWERED;
    if (call->has_function_error) {
        imprint_rest_put(call, call->out, "errorMessage", job->problem);
        imprint_rest_put(call, call->out, "errorType", "Unhandled");
    } else {
        call->raw = strdup(job->answer);
        call->has_failed |= !call->raw;
    }
    imprint_hook_free(job);
    return IMPRINT_OK;
}

#define FUNCTION "/2015-03-31/functions/{}"

const struct imprint_rest_route imprint_rest_lambda_routes[] = {
    {"AddPermission", "POST", FUNCTION "/policy", IMPRINT_REST_WRITE,
     "StatementId:s! Action:s! Principal:s! SourceArn:s SourceAccount:s", add},
    {"GetPolicy", "GET", FUNCTION "/policy", IMPRINT_REST_READ, "", get},
    {"RemovePermission", "DELETE", FUNCTION "/policy/{}", IMPRINT_REST_WRITE,
     "", take_away},
    {"Invoke", "POST", FUNCTION "/invocations", IMPRINT_REST_ALONE, "", invoke},
    {NULL, NULL, NULL, IMPRINT_REST_READ, NULL, NULL},
};
