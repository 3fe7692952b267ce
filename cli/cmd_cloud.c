#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cloud/plan.h"
#include "cloud/signer.h"
#include "cloud_init.h"
#include "finding_show.h"
#include "list.h"
#include "posix/json.h"
#include "posix/settings.h"
#include "posix/why.h"
#include "verbs.h"

#define DEFAULT_FILE "fleet.json"
#define CODE_CHANGES 2 /* of plan: there is something to do */

/* What a verb works with. */
struct job {
    const struct imprint_verbs_order *order;
    struct imprint_fleet fleet;
    struct imprint_signer signer;
    struct imprint_call_place place;
    struct imprint_plan plan;
};

struct verb {
    struct imprint_verb row;
    /* The exit code, if *status stays OK. */
    int (*carry_out)(struct job *job, enum imprint_status *status,
                     struct imprint_why *why);
};

/* ---- plan ---- */

static const char *state_name(enum imprint_plan_state state)
{
    static const char *const names[] = {"same", "absent", "different",
                                        "foreign"};

    return names[state];
}

static void show_item(enum imprint_plan_kind kind,
                      const struct imprint_plan_item *item)
{
    static const char *const deeds[] = {
        "is there", "will be made", "will be changed", "is somebody else's"};
    const char *line = item->difference;

    (void)printf("%-9s %-40s %s\n", imprint_plan_kind_name(kind), item->name,
                 deeds[item->state]);
    while (line && *line) {
        size_t len = strcspn(line, "\n");

        (void)printf("    %.*s\n", (int)len, line);
        line += len + (line[len] ? 1 : 0);
    }
}

static enum imprint_status show_json(const struct imprint_plan *plan,
                                     struct imprint_why *why)
{
    struct imprint_list list = {"plan", 0, false};

    for (unsigned i = 0; i < IMPRINT_PLAN_KIND_COUNT; i++) {
        const struct imprint_plan_item *item = &plan->items[i];
        struct imprint_json *object = imprint_json_new();

        imprint_list_put(
            &list, object,
            object &&
                imprint_json_put_text(object, "kind",
                                      imprint_plan_kind_name(i)) &&
                imprint_json_put_text(object, "name", item->name) &&
                imprint_json_put_text(object, "state",
                                      state_name(item->state)) &&
                imprint_json_put_text(object, "difference", item->difference));
    }
    return imprint_list_end(&list, IMPRINT_OK, why);
}

static int plan(struct job *job, enum imprint_status *status,
                struct imprint_why *why)
{
    if (job->order->json)
        *status = show_json(&job->plan, why);
    for (unsigned i = 0; i < IMPRINT_PLAN_KIND_COUNT && !job->order->json; i++)
        show_item(i, &job->plan.items[i]);
    return imprint_plan_is_done(&job->plan) ? IMPRINT_CLI_DONE : CODE_CHANGES;
}

/* ---- apply, destroy ---- */

static void tell(void *user, const char *deed, enum imprint_plan_kind kind,
                 const char *name)
{
    (void)user;
    (void)fprintf(stderr, "imprint: %s %s %s\n", deed,
                  imprint_plan_kind_name(kind), name);
}

static const struct imprint_plan_onlooker onlooker = {.see = tell};

static int apply(struct job *job, enum imprint_status *status,
                 struct imprint_why *why)
{
    *status = imprint_plan_apply(&job->plan, &onlooker, why);
    if (*status == IMPRINT_OK)
        (void)printf("fleet %s is there, in account %s, %s\n", job->fleet.name,
                     job->plan.account.number, job->signer.region);
    return IMPRINT_CLI_DONE;
}

static enum imprint_status may_destroy(const struct job *job,
                                       struct imprint_why *why)
{
    char question[256];

    (void)snprintf(question, sizeof(question),
                   "Remove the template, policy and role of fleet \"%s\" in "
                   "account %s, %s?",
                   job->fleet.name, job->plan.account.number,
                   job->signer.region);
    return imprint_cli_confirm(job->order->settings, question,
                               "nothing was removed", why);
}

static int destroy(struct job *job, enum imprint_status *status,
                   struct imprint_why *why)
{
    *status = may_destroy(job, why);
    if (*status == IMPRINT_OK)
        *status = imprint_plan_destroy(&job->plan, &onlooker, why);
    if (*status == IMPRINT_OK)
        (void)printf("fleet %s is gone\n", job->fleet.name);
    return IMPRINT_CLI_DONE;
}

static const struct verb verbs[] = {
    {{"init", "[FILE]", "write a fleet's file", "name region thing-name hook",
      0, 1},
     NULL},
    {{"plan", "[FILE]", "what is there, and what would be done; exit 2 if any",
      "endpoint-url profile json", 0, 1},
     plan},
    {{"apply", "[FILE]", "do it; twice is as once", "endpoint-url profile", 0,
      1},
     apply},
    {{"destroy", "[FILE]", "remove what apply made", "endpoint-url profile yes",
      0, 1},
     destroy},
};

/* ---- carrying out ---- */

static enum imprint_status check_url(const char *url, struct imprint_why *why)
{
    if (!url || strncmp(url, "http://", 7) == 0 ||
        strncmp(url, "https://", 8) == 0)
        return IMPRINT_OK;
    return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                           "--endpoint-url: \"%s\" does not begin with http:// "
                           "or https://",
                           url);
}

static int run(struct job *job, enum imprint_status *status,
               struct imprint_why *why)
{
    const struct imprint_settings *settings = job->order->settings;
    const struct verb *verb = (const struct verb *)job->order->verb;
    int code = IMPRINT_CLI_DONE;

    job->place.url = imprint_settings_get(settings, "endpoint-url");
    job->place.signer = &job->signer;
    *status = check_url(job->place.url, why);
    if (*status == IMPRINT_OK)
        *status = imprint_signer_find(imprint_settings_get(settings, "profile"),
                                      job->fleet.region, &job->signer, why);
    if (*status != IMPRINT_OK)
        return code;
    *status = imprint_plan_make(&job->place, &job->fleet, &job->plan, why);
    if (*status == IMPRINT_OK) {
        code = verb->carry_out(job, status, why);
        imprint_plan_free(&job->plan);
    }
    imprint_signer_free(&job->signer);
    return code;
}

static const char *path_of(const struct imprint_verbs_order *order)
{
    return order->operand_count > 0 ? order->operands[0] : DEFAULT_FILE;
}

static int init(const struct imprint_verbs_order *order)
{
    struct imprint_why why = {"", ""};
    enum imprint_status status =
        imprint_cloud_init(order->settings, path_of(order), &why);

    return status == IMPRINT_OK ? IMPRINT_CLI_DONE
                                : imprint_cli_fail(status, &why);
}

/* A file with faults shows them all. */
static int carry_out(const struct imprint_verbs_order *order)
{
    struct job job = {.order = order};
    const char *path = path_of(order);
    struct imprint_findings findings = {.count = 0};
    struct imprint_why why = {"", ""};
    char *text = NULL;
    int code = IMPRINT_CLI_DONE;
    enum imprint_status status =
        imprint_fleet_read(path, &job.fleet, &findings, &text, &why);

    if (findings.error_count > 0) {
        code = imprint_finding_show(path, &findings, order->json);
        free(text);
        return code;
    }
    imprint_finding_free(&findings);
    if (status == IMPRINT_ERR_NOT_FOUND) {
        imprint_why_hint(&why, "imprint cloud init writes one");
        status = IMPRINT_ERR_SETTINGS;
    }
    if (status == IMPRINT_OK)
        code = run(&job, &status, &why);
    imprint_fleet_free(&job.fleet);
    free(text);
    return status == IMPRINT_OK ? code : imprint_cli_fail(status, &why);
}

int imprint_cmd_cloud(int argc, char **argv)
{
    static const struct imprint_verbs all = {
        .name = "cloud",
        .usage = "VERB [FILE] [OPTION...]",
        .asking = "what shall be done in AWS?",
        .rows = verbs,
        .row_len = sizeof(verbs[0]),
        .row_count = sizeof(verbs) / sizeof(verbs[0]),
    };
    struct imprint_verbs_order order;
    int code;

    if (!imprint_verbs_open(&all, argc, argv, &order, &code))
        return code;
    code = strcmp(order.verb->name, "init") == 0 ? init(&order)
                                                 : carry_out(&order);
    imprint_verbs_close(&order);
    return code;
}
