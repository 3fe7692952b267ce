#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/list.h"
#include "cli/request.h"
#include "device/doctor.h"
#include "posix/json.h"

static const char *const results[] = {"ok", "failed", "skipped"};

struct printing {
    bool is_json;
    size_t count;
    bool is_broken;
};

/* A copy without what could forge a line; free it. */
static char *clean(const char *text)
{
    char *copy = strdup(text);

    if (copy)
        imprint_cli_hide_controls(copy);
    return copy;
}

static void print_json_step(struct printing *printing,
                            const struct imprint_doctor_step *step,
                            const char *text)
{
    struct imprint_json *object = imprint_json_new();
    bool is_whole =
        object && imprint_json_put_text(object, "step", step->step) &&
        imprint_json_put_text(object, "result", results[step->result]) &&
        imprint_json_put_number(object, "ms", step->ms) &&
        imprint_json_put_text(object, "text", text);
    char *line = imprint_list_write(object, is_whole);

    if (line)
        (void)printf("%s%s", printing->count++ ? ",\n" : "{\"steps\": [\n",
                     line);
    else
        printing->is_broken = true;
    free(line);
}

static void print_step(void *user, const struct imprint_doctor_step *step)
{
    struct printing *printing = user;
    char *text = clean(step->text);

    if (printing->is_json)
        print_json_step(printing, step, text ? text : "");
    else
        (void)printf("%-10s %-8s %6u ms  %s\n", step->step,
                     results[step->result], step->ms, text ? text : "");
    (void)fflush(stdout);
    free(text);
}

static void print_json_cause(struct printing *printing,
                             const struct imprint_doctor_cause *cause)
{
    struct imprint_json *object;
    char *line;

    if (cause->status == IMPRINT_OK) {
        (void)printf("%s], \"cause\": null}\n",
                     printing->count ? "" : "{\"steps\": [");
        return;
    }
    object = imprint_json_new();
    line = imprint_list_write(
        object,
        object && imprint_json_put_text(object, "step", cause->step) &&
            imprint_json_put_text(object, "name", cause->name) &&
            imprint_json_put_text(object, "text", cause->why.text) &&
            imprint_json_put_text(object, "evidence", cause->evidence) &&
            imprint_json_put_text(object, "hint", cause->why.hint));
    if (line)
        (void)printf("], \"cause\":\n%s}\n", line);
    else
        printing->is_broken = true;
    free(line);
}

static int examine(struct imprint_request *request)
{
    struct printing printing = {
        .is_json = imprint_settings_on(request->settings, "json")};
    struct imprint_doctor_cause cause;
    enum imprint_status status;

    imprint_request_catch_signals();
    status = imprint_doctor_examine(
        &request->device, imprint_settings_on(request->settings, "full"),
        print_step, &printing, &cause);
    imprint_cli_hide_controls(cause.why.text);
    imprint_cli_hide_controls(cause.why.hint);
    if (printing.is_json)
        print_json_cause(&printing, &cause);
    if (printing.is_broken)
        return IMPRINT_CLI_BUG;
    if (status == IMPRINT_OK || printing.is_json)
        return imprint_cli_exit(status);
    (void)putchar('\n');
    (void)fflush(stdout);
    (void)fprintf(stderr, "imprint: error: %s (%s)\n", cause.why.text,
                  cause.name);
    if (cause.evidence[0])
        (void)fprintf(stderr, "imprint: evidence: %s\n", cause.evidence);
    imprint_cli_hint(&cause.why);
    return imprint_cli_exit(status);
}

int imprint_cmd_doctor(int argc, char **argv)
{
    struct imprint_request request;
    struct imprint_why why = {"", ""};
    enum imprint_status status;
    int code;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf(
            "usage: imprint doctor [OPTION...]\n\nTries each step of a "
            "provisioning, and each permission by itself; stops at the\nfirst "
            "that fails and names the cause. Makes no certificate\nunless "
            "--full is given.\n\n");
        imprint_cli_help(argv[0]);
        return IMPRINT_CLI_DONE;
    }
    status = imprint_request_open(argc, argv, &request, &why);
    code = status == IMPRINT_OK ? examine(&request)
                                : imprint_cli_fail(status, &why);
    imprint_request_close(&request);
    return code;
}
