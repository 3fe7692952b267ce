#include <stdio.h>
#include <string.h>

#include "policy_parts.h"

#define RESOURCE_FITS 10000 /* more than any run */
#define SHOWN_LEN 100

const char *imprint_policy_resource_kind(const char *action)
{
    if (strcmp(action, "iot:Connect") == 0)
        return "client";
    if (strcmp(action, "iot:Subscribe") == 0)
        return "topicfilter";
    if (strcmp(action, "iot:AssumeRoleWithCertificate") == 0)
        return "rolealias";
    return "topic";
}

static bool fits_any(const struct imprint_policy_statement *statement,
                     const struct imprint_policy_request *request)
{
    size_t i;

    for (i = 0; i < statement->resource_count; i++) {
        if (imprint_pattern_match(&statement->resources[i],
                                  imprint_slice_text(request->resource),
                                  request, false))
            return true;
    }
    return false;
}

/* The resource that matches furthest. */
static const struct imprint_pattern *find_furthest(
    const struct imprint_policy_statement *statement,
    const struct imprint_policy_request *request, size_t *run)
{
    const struct imprint_pattern *furthest = NULL;
    size_t i;

    *run = 0;
    for (i = 0; i < statement->resource_count; i++) {
        size_t own_run = imprint_pattern_run(
            &statement->resources[i], imprint_slice_text(request->resource));

        if (!furthest || own_run > *run) {
            furthest = &statement->resources[i];
            *run = own_run;
        }
    }
    return furthest;
}

size_t imprint_policy_nearness(const struct imprint_policy_statement *statement,
                               struct imprint_slice resource, bool has_resource,
                               size_t least)
{
    size_t base = has_resource ? RESOURCE_FITS : 1;
    size_t run = least > base ? least - base : 0;
    size_t i;

    for (i = 0; i < statement->resource_count; i++) {
        const struct imprint_pattern *pattern = &statement->resources[i];
        size_t own_run = pattern->literal_len > run
                             ? imprint_pattern_run(pattern, resource)
                             : 0;

        if (own_run > run)
            run = own_run;
    }
    return base + run;
}

/* ---- words ---- */

/* How many bytes stand before the first / of what follows the account. */
static size_t kind_len(const char *resource)
{
    return strcspn(resource, "/");
}

static const char *say_missing(const struct imprint_variable *variable)
{
    switch (variable->kind) {
    case IMPRINT_VARIABLE_THING_NAME:
    case IMPRINT_VARIABLE_THING_TYPE:
    case IMPRINT_VARIABLE_ATTRIBUTE:
        return "the client id is not the name of a thing that the certificate "
               "is attached to, or the thing has no such property";
    case IMPRINT_VARIABLE_CERTIFICATE:
        return "the certificate has no such name";
    default:
        return "the connection has none";
    }
}

/* The needed kind of resource, when the pattern is of another one. */
static bool explain_kind(const struct imprint_pattern *pattern,
                         const struct imprint_policy_request *request,
                         char line[IMPRINT_WHY_TEXT_LEN])
{
    const char *written = imprint_policy_resource_of(pattern->text);
    const char *needed = imprint_policy_resource_kind(request->action);
    size_t len = written ? kind_len(written) : 0;

    if (len == 0 || written[len] != '/' ||
        (strlen(needed) == len && strncmp(written, needed, len) == 0) ||
        memchr(written, '*', len) || memchr(written, '?', len))
        return false;
    (void)snprintf(line, IMPRINT_WHY_TEXT_LEN,
                   "you wrote \"%.*s\" for %s; it needs \"%s%.*s\"", SHOWN_LEN,
                   written, request->action, needed, SHOWN_LEN, written + len);
    return true;
}

/* The same resource of another region, account or partition. */
static bool explain_account(const struct imprint_pattern *pattern,
                            const struct imprint_policy_request *request,
                            size_t run, char line[IMPRINT_WHY_TEXT_LEN])
{
    const char *written = imprint_policy_resource_of(pattern->text);
    const char *asked = imprint_policy_resource_of(request->resource);

    if (!written || !asked || run >= (size_t)(asked - request->resource) ||
        run == pattern->len)
        return false;
    if (pattern->literal_len < (size_t)(written - pattern->text))
        return false;
    (void)snprintf(line, IMPRINT_WHY_TEXT_LEN,
                   "its region or account is another one: \"%.*s\" is not "
                   "\"%.*s\"",
                   (int)(written - pattern->text), pattern->text,
                   (int)(asked - request->resource), request->resource);
    return true;
}

/* From the last / or : before the difference on. */
static void explain_difference(const struct imprint_pattern *pattern,
                               const struct imprint_policy_request *request,
                               size_t run, char line[IMPRINT_WHY_TEXT_LEN])
{
    size_t at = run;

    if (pattern->literal_len == run && run < pattern->len) {
        /* a wildcard or a variable: all before it fits */
        while (at > 0 && pattern->text[at - 1] != ':')
            at--;
    } else {
        while (at > 0 && pattern->text[at - 1] != '/' &&
               pattern->text[at - 1] != ':')
            at--;
    }
    (void)snprintf(line, IMPRINT_WHY_TEXT_LEN,
                   "\"%.*s\" does not match \"%.*s\"", SHOWN_LEN,
                   pattern->text + at, SHOWN_LEN, request->resource + at);
}

static void explain_resource(const struct imprint_policy_statement *statement,
                             const struct imprint_policy_request *request,
                             char line[IMPRINT_WHY_TEXT_LEN])
{
    size_t run;
    const struct imprint_pattern *pattern =
        find_furthest(statement, request, &run);
    const struct imprint_variable *missing =
        pattern ? imprint_pattern_missing(pattern, request) : NULL;

    if (!pattern || explain_kind(pattern, request, line) ||
        explain_account(pattern, request, run, line))
        return;
    if (missing && run == pattern->literal_len)
        (void)snprintf(line, IMPRINT_WHY_TEXT_LEN,
                       "a variable in \"%.*s\" has no value: %s", SHOWN_LEN,
                       imprint_policy_resource_of(pattern->text)
                           ? imprint_policy_resource_of(pattern->text)
                           : pattern->text,
                       say_missing(missing));
    else if (imprint_pattern_match(
                 pattern, imprint_slice_text(request->resource), request, true))
        (void)snprintf(line, IMPRINT_WHY_TEXT_LEN,
                       "\"%.*s\" differs in upper and lower case", SHOWN_LEN,
                       pattern->text);
    else
        explain_difference(pattern, request, run, line);
}

/* What a client or a policy could use to forge a second line. */
static void hide_controls(char *line)
{
    for (; *line != '\0'; line++) {
        if ((unsigned char)*line < ' ' || *line == 0x7f)
            *line = '?';
    }
}

void imprint_policy_explain(const struct imprint_policy *const *policies,
                            const struct imprint_policy_request *request,
                            const struct imprint_policy_decision *decision,
                            char line[IMPRINT_WHY_TEXT_LEN])
{
    const struct imprint_policy_statement *statement;
    size_t failed = 0;

    line[0] = '\0';
    if (decision->verdict != IMPRINT_POLICY_SILENT || !decision->statement)
        return;
    statement = &policies[decision->policy_index]
                     ->statements[decision->statement_index];
    if (!(statement->actions & imprint_policy_action_bit(request->action)))
        (void)snprintf(line, IMPRINT_WHY_TEXT_LEN,
                       "it has the resource, but not the action %s",
                       request->action);
    else if (!fits_any(statement, request))
        explain_resource(statement, request, line);
    else if (!imprint_condition_hold(statement->conditions,
                                     statement->condition_count, request,
                                     &failed))
        (void)snprintf(line, IMPRINT_WHY_TEXT_LEN,
                       "its condition \"%s\" does not hold",
                       imprint_condition_name(statement->conditions, failed));
    hide_controls(line);
}
