#include "iam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/document.h"
#include "aws/memory.h"
#include "aws/query.h"
#include "posix/why.h"

#define IAM_VERSION "2010-05-08"
#define STS_VERSION "2011-06-15"
#define REGISTRATION "policy/service-role/AWSIoTThingsRegistration"

static const char trust[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
    "\"Principal\":{\"Service\":\"iot.amazonaws.com\"},"
    "\"Action\":\"sts:AssumeRole\"}]}";

/* ---- forms ---- */

struct form {
    struct imprint_memory_text text;
};

static void put(struct form *form, const char *name, const char *value)
{
    if (form->text.len > 0)
        imprint_memory_put(&form->text, imprint_slice_text("&"));
    imprint_memory_put(&form->text, imprint_slice_text(name));
    imprint_memory_put(&form->text, imprint_slice_text("="));
    imprint_query_escape(&form->text, value, false);
}

static void begin(struct form *form, const char *action, const char *version)
{
    *form = (struct form){.text = {.bytes = NULL}};
    put(form, "Action", action);
    put(form, "Version", version);
}

/* Frees the form; *answer, which may be NULL, gets the XML. */
static enum imprint_status send_form(const struct imprint_call_place *place,
                                     struct form *form, const char *action,
                                     char **xml, struct imprint_why *why)
{
    struct imprint_call_answer answer = {.body = NULL};
    const struct imprint_call call = {
        .service = strncmp(action, "sts:", 4) == 0 ? "sts" : "iam",
        .method = "POST",
        .path = "/",
        .body = form->text.bytes,
        .action = action,
    };
    enum imprint_status status =
        form->text.has_failed
            ? imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory")
            : imprint_call_run(place, &call, &answer, why);

    free(form->text.bytes);
    if (status == IMPRINT_OK && xml)
        *xml = answer.body;
    else
        free(answer.body);
    return status;
}

/* An element's text, "" if there is none. */
static void copy(const char *xml, const char *name, char *out, size_t room)
{
    char *text = imprint_call_element(xml, name);

    (void)snprintf(out, room, "%s", text ? text : "");
    free(text);
}

/* ---- account ---- */

enum imprint_status imprint_iam_find_account(
    const struct imprint_call_place *place, struct imprint_iam_account *out,
    struct imprint_why *why)
{
    struct form form;
    char *xml = NULL;
    char arn[256];
    enum imprint_status status;

    begin(&form, "GetCallerIdentity", STS_VERSION);
    status = send_form(place, &form, "sts:GetCallerIdentity", &xml, why);
    if (status != IMPRINT_OK)
        return status;
    copy(xml, "Account", out->number, sizeof(out->number));
    copy(xml, "Arn", arn, sizeof(arn));
    free(xml);
    if (strlen(out->number) != 12 || strncmp(arn, "arn:", 4) != 0)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "sts:GetCallerIdentity: the answer names no "
                               "account");
    (void)snprintf(out->partition, sizeof(out->partition), "%.*s",
                   (int)strcspn(arn + 4, ":"), arn + 4);
    return IMPRINT_OK;
}

/* ---- roles ---- */

/* xml has it escaped. */
static bool is_trust(const char *xml)
{
    char *escaped = imprint_call_element(xml, "AssumeRolePolicyDocument");
    char *text =
        escaped ? imprint_query_decode(imprint_slice_text(escaped)) : NULL;
    struct imprint_document *wanted = NULL;
    struct imprint_document *found = NULL;
    bool is_equal = text &&
                    imprint_document_read(imprint_slice_text(text), &found,
                                          NULL) == IMPRINT_OK &&
                    imprint_document_read(imprint_slice_text(trust), &wanted,
                                          NULL) == IMPRINT_OK &&
                    imprint_document_is_equal(wanted, found);

    imprint_document_free(wanted);
    imprint_document_free(found);
    free(text);
    free(escaped);
    return is_equal;
}

enum imprint_status imprint_iam_find_role(
    const struct imprint_call_place *place, const char *name,
    struct imprint_iam_role *out, struct imprint_why *why)
{
    struct form form;
    char *xml = NULL;
    enum imprint_status status;

    *out = (struct imprint_iam_role){.path = ""};
    begin(&form, "GetRole", IAM_VERSION);
    put(&form, "RoleName", name);
    status = send_form(place, &form, "iam:GetRole", &xml, why);
    if (status != IMPRINT_OK)
        return status;
    copy(xml, "Path", out->path, sizeof(out->path));
    out->trusts_iot = is_trust(xml);
    free(xml);
    begin(&form, "ListAttachedRolePolicies", IAM_VERSION);
    put(&form, "RoleName", name);
    xml = NULL;
    status = send_form(place, &form, "iam:ListAttachedRolePolicies", &xml, why);
    out->has_policy = xml && strstr(xml, ":" REGISTRATION "<");
    free(xml);
    return status;
}

enum imprint_status imprint_iam_create_role(
    const struct imprint_call_place *place, const char *name, const char *path,
    struct imprint_why *why)
{
    struct form form;

    begin(&form, "CreateRole", IAM_VERSION);
    put(&form, "RoleName", name);
    put(&form, "Path", path);
    put(&form, "AssumeRolePolicyDocument", trust);
    put(&form, "Description", "AWS IoT fleet provisioning, made by imprint");
    return send_form(place, &form, "iam:CreateRole", NULL, why);
}

/* Attaches or detaches the one policy that provisioning needs. */
static enum imprint_status tie(const struct imprint_call_place *place,
                               const struct imprint_iam_account *account,
                               const char *role, bool is_attached,
                               struct imprint_why *why)
{
    struct form form;
    char arn[128];

    (void)snprintf(arn, sizeof(arn), "arn:%s:iam::aws:" REGISTRATION,
                   account->partition);
    begin(&form, is_attached ? "AttachRolePolicy" : "DetachRolePolicy",
          IAM_VERSION);
    put(&form, "RoleName", role);
    put(&form, "PolicyArn", arn);
    return send_form(place, &form,
                     is_attached ? "iam:AttachRolePolicy"
                                 : "iam:DetachRolePolicy",
                     NULL, why);
}

enum imprint_status imprint_iam_attach_policy(
    const struct imprint_call_place *place,
    const struct imprint_iam_account *account, const char *role,
    struct imprint_why *why)
{
    return tie(place, account, role, true, why);
}

enum imprint_status imprint_iam_drop_role(
    const struct imprint_call_place *place,
    const struct imprint_iam_account *account, const char *name,
    struct imprint_why *why)
{
    struct form form;
    enum imprint_status status = tie(place, account, name, false, why);

    if (status != IMPRINT_OK && status != IMPRINT_ERR_NOT_FOUND)
        return status;
    begin(&form, "DeleteRole", IAM_VERSION);
    put(&form, "RoleName", name);
    status = send_form(place, &form, "iam:DeleteRole", NULL, why);
    return status == IMPRINT_ERR_NOT_FOUND ? IMPRINT_OK : status;
}
