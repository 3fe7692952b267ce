#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/document.h"
#include "hook.h"
#include "line.h"
#include "posix/json.h"
#include "posix/why.h"

/* ---- events ---- */

char *imprint_hook_write_event(const struct imprint_hook_event *event)
{
    struct imprint_json *object = imprint_json_new();
    struct imprint_json *parameters = imprint_json_new();
    char *text = NULL;
    bool done = object && parameters;
    size_t i;

    for (i = 0; i < event->parameter_count && done; i++)
        done = imprint_json_put_slices(parameters, event->parameters[i].name,
                                       event->parameters[i].value);
    done =
        done &&
        imprint_json_put_text(object, "claimCertificateId",
                              event->claim_certificate_id) &&
        imprint_json_put_text(object, "certificateId", event->certificate_id) &&
        imprint_json_put_text(object, "certificatePem",
                              event->certificate_pem) &&
        imprint_json_put_text(object, "templateArn", event->template_arn) &&
        imprint_json_put_text(object, "clientId", event->client_id);
    if (done) {
        done = imprint_json_put_object(object, "parameters", parameters);
        parameters = NULL;
    }
    if (done)
        text = imprint_json_write(object);
    imprint_json_free(parameters);
    imprint_json_free(object);
    return text;
}

char *imprint_hook_write_csr(const char *csr_pem, const char *principal_id,
                             const char *client_id)
{
    struct imprint_json *object = imprint_json_new();
    char *text = NULL;

    if (object &&
        imprint_json_put_text(object, "certificateSigningRequest", csr_pem) &&
        imprint_json_put_text(object, "principalId", principal_id) &&
        imprint_json_put_text(object, "clientId", client_id))
        text = imprint_json_write(object);
    imprint_json_free(object);
    return text;
}

/* ---- answers ---- */

#define HOOK "the hook"
#define PROVIDER "the certificate provider"

/* WHO PROBLEM. A URL's query may be a secret. */
static enum imprint_status refuse_as(const char *who,
                                     const struct imprint_hook_job *job,
                                     struct imprint_why *why,
                                     const char *problem)
{
    size_t len = strcspn(job->target, "?");

    return imprint_why_set(why, IMPRINT_ERR_REFUSED, "%s \"%.*s\" %s", who,
                           len < 128 ? (int)len : 128, job->target, problem);
}

static enum imprint_status refuse(const struct imprint_hook_job *job,
                                  struct imprint_why *why, const char *problem)
{
    return refuse_as(HOOK, job, why, problem);
}

/* The answer's document, an object. */
static enum imprint_status read_object(const char *who,
                                       const struct imprint_hook_job *job,
                                       struct imprint_document **out,
                                       struct imprint_why *why)
{
    struct imprint_document *document = NULL;
    struct imprint_why inner = {{0}, {0}};
    char problem[IMPRINT_WHY_TEXT_LEN + 32];
    char *near;
    enum imprint_status status;

    if (job->outcome != IMPRINT_HOOK_ANSWERED)
        return refuse_as(who, job, why,
                         job->outcome == IMPRINT_HOOK_NOT_RUN ? "did not run"
                                                              : job->problem);
    if (job->answer_len == 0)
        return refuse_as(who, job, why, "answered nothing");
    status = imprint_document_read(
        imprint_slice_of(job->answer, job->answer_len), &document, &inner);
    if (status == IMPRINT_ERR_FORMAT) {
        /* behind that stands a piece of the answer */
        near = strstr(inner.text, " near ");
        if (near)
            *near = '\0';
        (void)snprintf(problem, sizeof(problem), "answered no JSON: %s",
                       inner.text);
        return refuse_as(who, job, why, problem);
    }
    if (status != IMPRINT_OK)
        return imprint_why_set(why, status, "%s", inner.text);
    if (imprint_document_kind_of(document) != IMPRINT_DOCUMENT_OBJECT) {
        imprint_document_free(document);
        return refuse_as(who, job, why, "answered no JSON object");
    }
    *out = document;
    return IMPRINT_OK;
}

static enum imprint_status read_overrides(const struct imprint_hook_job *job,
                                          const struct imprint_document *object,
                                          struct imprint_hook_answer *out,
                                          struct imprint_why *why)
{
    const struct imprint_document *value;
    char quoted[IMPRINT_LINE_WORD_LEN];
    char problem[IMPRINT_LINE_WORD_LEN + 64];
    void *cursor = NULL;
    const char *name;

    out->overrides =
        calloc(imprint_document_count(object) + 1, sizeof(*out->overrides));
    if (!out->overrides)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    while ((name = imprint_document_next(object, &cursor, &value))) {
        if (!imprint_document_text(value)) {
            (void)snprintf(problem, sizeof(problem),
                           "answered a \"parameterOverrides\" whose %s is no "
                           "text",
                           imprint_line_quote(quoted, name));
            return refuse(job, why, problem);
        }
        out->overrides[out->override_count++] = (struct imprint_pair){
            .name = imprint_slice_text(name),
            .value = imprint_slice_text(imprint_document_text(value)),
        };
    }
    return IMPRINT_OK;
}

static enum imprint_status read_members(const struct imprint_hook_job *job,
                                        const struct imprint_document *document,
                                        struct imprint_hook_answer *out,
                                        struct imprint_why *why)
{
    const struct imprint_document *allows =
        imprint_document_member(document, "allowProvisioning");
    const struct imprint_document *overrides =
        imprint_document_member(document, "parameterOverrides");

    if (!allows)
        return refuse(job, why, "answered without \"allowProvisioning\"");
    if (imprint_document_kind_of(allows) != IMPRINT_DOCUMENT_BOOL)
        return refuse(job, why,
                      "answered an \"allowProvisioning\" that is neither true "
                      "nor false");
    out->allows = imprint_document_is_true(allows);
    if (!overrides)
        return IMPRINT_OK;
    if (imprint_document_kind_of(overrides) != IMPRINT_DOCUMENT_OBJECT)
        return refuse(job, why,
                      "answered \"parameterOverrides\" that are no object");
    return read_overrides(job, overrides, out, why);
}

enum imprint_status imprint_hook_read_answer(const struct imprint_hook_job *job,
                                             struct imprint_hook_answer *out,
                                             struct imprint_why *why)
{
    struct imprint_hook_answer answer = {.allows = false};
    struct imprint_document *document = NULL;
    enum imprint_status status = read_object(HOOK, job, &document, why);

    if (status != IMPRINT_OK)
        return status;
    answer.memory = document;
    status = read_members(job, document, &answer, why);
    if (status == IMPRINT_OK)
        *out = answer;
    else
        imprint_hook_free_answer(&answer);
    return status;
}

void imprint_hook_free_answer(struct imprint_hook_answer *answer)
{
    free(answer->overrides);
    imprint_document_free(answer->memory);
    *answer = (struct imprint_hook_answer){.allows = false};
}

enum imprint_status imprint_hook_read_certificate(
    const struct imprint_hook_job *job, char **pem, struct imprint_why *why)
{
    struct imprint_document *document = NULL;
    enum imprint_status status = read_object(PROVIDER, job, &document, why);
    const char *text;
    char *copy;

    if (status != IMPRINT_OK)
        return status;
    text = imprint_document_text(
        imprint_document_member(document, "certificatePem"));
    copy = text ? strdup(text) : NULL;
    imprint_document_free(document);
    if (!text)
        return refuse_as(PROVIDER, job, why,
                         "answered without a \"certificatePem\"");
    if (!copy)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    *pem = copy;
    return IMPRINT_OK;
}
