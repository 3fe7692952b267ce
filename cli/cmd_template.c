#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/memory.h"
#include "aws/template.h"
#include "aws/thing.h"
#include "cli.h"
#include "endpoint/hook.h"
#include "finding_show.h"
#include "posix/file.h"
#include "posix/settings.h"
#include "posix/why.h"
#include "template_show.h"
#include "verbs.h"

#define FILE_MAX_LEN 262144
#define PARAMETER_MAX_COUNT 64
#define HOOK_TIMEOUT_MS 5000
/* What a trial has instead of certificates. */
#define STAND_IN_ID \
    "0000000000000000000000000000000000000000000000000000000000000000"
#define STAND_IN_PEM                                    \
    "-----BEGIN CERTIFICATE-----\n(a trial has none)\n" \
    "-----END CERTIFICATE-----\n"
#define STAND_IN_ARN \
    "arn:aws:iot:us-east-1:000000000000:provisioningtemplate/trial"

struct order {
    const struct imprint_settings *settings;
    const char *path;
    struct imprint_slice text;
    bool json;
};

/* ---- check ---- */

static int check(const struct order *order)
{
    struct imprint_findings findings = {.count = 0};

    imprint_template_check(
        order->text, imprint_settings_get(order->settings, "hook") != NULL,
        &findings);
    return imprint_finding_show(order->path, &findings, order->json);
}

/* ---- try ---- */

struct trial {
    struct imprint_template *template;
    struct imprint_pair pairs[PARAMETER_MAX_COUNT];
    size_t pair_count;
    struct imprint_hook_answer answer;
    struct imprint_template_plan plan;
    struct imprint_template_thing existing;
    struct imprint_template_thing after;
    void *existing_memory;
    struct imprint_template_show_trial show;
    struct imprint_why refusal;
};

static enum imprint_status take_parameters(const struct order *order,
                                           struct trial *trial,
                                           struct imprint_why *why)
{
    const char *text;
    size_t i;

    for (i = 0; (text = imprint_settings_at(order->settings, "param", i));
         i++) {
        const char *equal = strchr(text, '=');
        struct imprint_pair *pair = &trial->pairs[trial->pair_count];

        if (!equal || equal == text)
            return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                   "param: \"%s\" is not NAME=VALUE", text);
        if (trial->pair_count++ == PARAMETER_MAX_COUNT)
            return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                                   "more than %d parameters",
                                   PARAMETER_MAX_COUNT);
        pair->name = imprint_slice_of(text, (size_t)(equal - text));
        pair->value = imprint_slice_text(equal + 1);
    }
    return IMPRINT_OK;
}

static enum imprint_status read_existing(const struct order *order,
                                         struct trial *trial,
                                         struct imprint_why *why)
{
    const char *path = imprint_settings_get(order->settings, "existing");
    struct imprint_why inner = {"", ""};
    char *text = NULL;
    size_t len = 0;
    enum imprint_status status;

    if (!path)
        return IMPRINT_OK;
    if (imprint_file_read(path, FILE_MAX_LEN, &text, &len, why) != IMPRINT_OK)
        return IMPRINT_ERR_SETTINGS;
    status = imprint_thing_read(imprint_slice_of(text, len), &trial->existing,
                                &trial->existing_memory, &inner);
    free(text);
    if (status != IMPRINT_OK)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS, "%s: %.400s", path,
                               inner.text);
    trial->show.existing = &trial->existing;
    return IMPRINT_OK;
}

/* What RegisterThing would answer; the call itself went well. */
static enum imprint_status refuse(struct trial *trial, int status_code)
{
    trial->show.status_code = status_code;
    trial->show.refusal = &trial->refusal;
    return IMPRINT_ERR_REFUSED;
}

/* The target is taken over by the job. */
static struct imprint_hook_job *make_job(const struct trial *trial,
                                         const char *target)
{
    const struct imprint_hook_event event = {
        .claim_certificate_id = STAND_IN_ID,
        .certificate_id = STAND_IN_ID,
        .certificate_pem = STAND_IN_PEM,
        .template_arn = STAND_IN_ARN,
        .client_id = "trial",
        .parameters = trial->pairs,
        .parameter_count = trial->pair_count,
    };
    struct imprint_hook_job *job =
        imprint_hook_new(strdup(target), imprint_hook_write_event(&event));

    if (job)
        job->timeout_ms = HOOK_TIMEOUT_MS;
    return job;
}

static enum imprint_status ask_hook(const struct order *order,
                                    struct trial *trial,
                                    struct imprint_why *why)
{
    const char *target = imprint_settings_get(order->settings, "hook");
    struct imprint_hook_job *job;
    enum imprint_status status;

    if (!target)
        return IMPRINT_OK;
    if (imprint_hook_check_target(target, why) != IMPRINT_OK)
        return IMPRINT_ERR_SETTINGS;
    job = make_job(trial, target);
    if (!job)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "no memory, or a parameter is no UTF-8");
    imprint_hook_run(job);
    status = imprint_hook_read_answer(job, &trial->answer, &trial->refusal);
    if (status == IMPRINT_OK && !trial->answer.allows)
        (void)imprint_why_set(&trial->refusal, IMPRINT_ERR_REFUSED,
                              "the hook does not allow it%s", job->said);
    imprint_hook_free(job);
    if (status != IMPRINT_OK)
        return refuse(trial, 403);
    trial->show.hook = &trial->answer;
    return trial->answer.allows ? IMPRINT_OK : refuse(trial, 403);
}

static enum imprint_status apply(struct trial *trial, struct imprint_why *why)
{
    const struct imprint_template_parameters parameters = {
        .certificate_id = imprint_slice_text(STAND_IN_ID),
        .pairs = trial->pairs,
        .pair_count = trial->pair_count,
        .overrides = trial->answer.overrides,
        .override_count = trial->answer.override_count,
    };
    const struct imprint_template_thing *existing = trial->show.existing;
    struct imprint_template_thing *thing = &trial->plan.thing;
    enum imprint_status status = imprint_template_apply(
        trial->template, &parameters, &trial->plan, &trial->refusal);

    if (status != IMPRINT_OK)
        return refuse(trial, 400);
    if (existing && (!thing->name || strcmp(thing->name, existing->name) != 0))
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "existing: it is the thing \"%s\"; the "
                               "template makes \"%s\"",
                               existing->name,
                               thing->name ? thing->name : "(none)");
    trial->after = *thing;
    if (existing)
        status = imprint_template_override(&trial->plan, existing,
                                           &trial->after, &trial->refusal);
    if (status != IMPRINT_OK)
        return refuse(trial, status == IMPRINT_ERR_REFUSED ? 409 : 400);
    trial->show.plan = &trial->plan;
    trial->show.after = thing->name ? &trial->after : NULL;
    return IMPRINT_OK;
}

static enum imprint_status prepare(const struct order *order,
                                   struct trial *trial, struct imprint_why *why)
{
    enum imprint_status status = take_parameters(order, trial, why);

    if (status == IMPRINT_OK)
        status = read_existing(order, trial, why);
    if (status == IMPRINT_OK &&
        imprint_template_parse(order->text, &trial->template, why) !=
            IMPRINT_OK)
        status = IMPRINT_ERR_SETTINGS;
    return status;
}

static int try(const struct order *order)
{
    struct trial trial = {.template = NULL};
    struct imprint_why why = {"", ""};
    enum imprint_status status = prepare(order, &trial, &why);
    enum imprint_status shown = IMPRINT_OK;
    bool is_refused;

    if (status == IMPRINT_OK)
        status = ask_hook(order, &trial, &why);
    if (status == IMPRINT_OK)
        status = apply(&trial, &why);
    is_refused = status == IMPRINT_ERR_REFUSED && trial.show.refusal;
    if (status == IMPRINT_OK || is_refused)
        shown = imprint_template_show_trial(&trial.show, order->json, &why);
    if (shown != IMPRINT_OK)
        status = shown;
    if (status != IMPRINT_OK)
        imprint_cli_error(is_refused ? &trial.refusal : &why);
    imprint_template_free_plan(&trial.plan);
    imprint_hook_free_answer(&trial.answer);
    imprint_memory_free(&trial.existing_memory);
    imprint_template_free(trial.template);
    return imprint_cli_exit(status);
}

/* ---- the verb ---- */

static const struct verb {
    struct imprint_verb row;
    int (*carry_out)(const struct order *order);
} verbs[] = {
    {{"check", "FILE", "say what is wrong with it", "hook json", 1, 1}, check},
    {{"try", "FILE", "show what RegisterThing would do",
      "param hook existing json", 1, 1},
     try},
};

static int carry_out(const struct imprint_verbs_order *typed)
{
    const struct verb *verb = (const struct verb *)typed->verb;
    struct order order = {.settings = typed->settings,
                          .path = typed->operands[0],
                          .json = typed->json};
    struct imprint_why why = {"", ""};
    char *text = NULL;
    size_t len = 0;
    int code;

    if (imprint_file_read(order.path, FILE_MAX_LEN, &text, &len, &why) !=
        IMPRINT_OK)
        return imprint_cli_fail(IMPRINT_ERR_SETTINGS, &why);
    order.text = imprint_slice_of(text, len);
    code = verb->carry_out(&order);
    free(text);
    return code;
}

int imprint_cmd_template(int argc, char **argv)
{
    static const struct imprint_verbs all = {
        .name = "template",
        .usage = "VERB FILE [OPTION...]",
        .asking = "what shall be done with a template?",
        .rows = verbs,
        .row_len = sizeof(verbs[0]),
        .row_count = sizeof(verbs) / sizeof(verbs[0]),
    };
    struct imprint_verbs_order order;
    int code;

    if (imprint_verbs_open(&all, argc, argv, &order, &code)) {
        code = carry_out(&order);
        imprint_verbs_close(&order);
    }
    return code;
}
