#include "cloud_init.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/fleet.h"
#include "posix/file.h"
#include "posix/settings.h"
#include "posix/why.h"

#define ANSWER_LEN 512

struct question {
    const char *option;
    const char *text;
    const char *fallback; /* NULL: there is none */
};

/* The option's value, or what somebody types; to be freed. */
static enum imprint_status find(const struct imprint_settings *settings,
                                const struct question *question, char **out,
                                struct imprint_why *why)
{
    const char *value = imprint_settings_get(settings, question->option);
    const char *fallback = question->fallback;
    char answer[ANSWER_LEN] = "";

    if (!value && isatty(STDIN_FILENO)) {
        (void)fprintf(stderr, fallback ? "%s [%s]: " : "%s: ", question->text,
                      fallback);
        if (fgets(answer, sizeof(answer), stdin))
            answer[strcspn(answer, "\n")] = '\0';
        value = answer[0] ? answer : NULL;
    }
    if (!value)
        value = fallback;
    if (!value)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS, "--%s is missing: %s",
                               question->option, question->text);
    *out = strdup(value);
    return *out ? IMPRINT_OK
                : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

static enum imprint_status ask(const struct imprint_settings *settings,
                               struct imprint_fleet *fleet,
                               struct imprint_why *why)
{
    char pattern[128];
    const struct question questions[] = {
        {"name", "What is the fleet called?", NULL},
        {"region", "Which region of AWS is it in?", "us-east-1"},
        {"thing-name", "What are its things called?", pattern},
        {"hook",
         "Which Lambda function decides who may register (its ARN, or "
         "\"none\": anyone with a claim may register any name)?",
         NULL},
    };
    char **const answers[] = {&fleet->name, &fleet->region, &fleet->thing_name,
                              &fleet->hook};
    enum imprint_status status = IMPRINT_OK;

    for (size_t i = 0; i < 4 && status == IMPRINT_OK; i++) {
        (void)snprintf(pattern, sizeof(pattern), "%.64s-${SerialNumber}",
                       fleet->name ? fleet->name : "");
        status = find(settings, &questions[i], answers[i], why);
    }
    if (status == IMPRINT_OK && strcmp(fleet->hook, "none") == 0) {
        free(fleet->hook);
        fleet->hook = NULL;
    }
    return status;
}

/* What was written is read again, as the other verbs do it. */
static enum imprint_status check(const char *path, struct imprint_why *why)
{
    struct imprint_findings findings = {.count = 0};
    struct imprint_fleet fleet;
    char *text = NULL;
    enum imprint_status status =
        imprint_fleet_read(path, &fleet, &findings, &text, why);

    if (status == IMPRINT_OK)
        imprint_fleet_free(&fleet);
    imprint_finding_free(&findings);
    free(text);
    return status == IMPRINT_OK ? status : IMPRINT_ERR_SETTINGS;
}

static enum imprint_status write_file(const struct imprint_fleet *fleet,
                                      const char *path, struct imprint_why *why)
{
    char *text = imprint_fleet_write(fleet);
    enum imprint_status status;

    if (!text)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = imprint_file_replace(path, imprint_slice_text(text), 0644, why);
    free(text);
    if (status != IMPRINT_OK)
        return status;
    status = check(path, why);
    if (status != IMPRINT_OK)
        (void)unlink(path);
    return status;
}

enum imprint_status imprint_cloud_init(const struct imprint_settings *settings,
                                       const char *path,
                                       struct imprint_why *why)
{
    struct imprint_fleet fleet = {.name = NULL};
    enum imprint_status status;

    if (access(path, F_OK) == 0) {
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "\"%s\" is there already", path);
        imprint_why_hint(why, "name another file, or change that one");
        return IMPRINT_ERR_SETTINGS;
    }
    status = ask(settings, &fleet, why);
    if (status == IMPRINT_OK)
        status = write_file(&fleet, path, why);
    imprint_fleet_free(&fleet);
    if (status == IMPRINT_OK)
        (void)printf("wrote %s; see imprint cloud plan %s\n", path, path);
    return status;
}
