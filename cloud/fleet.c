#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/document.h"
#include "aws/memory.h"
#include "aws/name.h"
#include "aws/policy.h"
#include "aws/template.h"
#include "posix/file.h"
#include "posix/why.h"

#define FILE_MAX_LEN 262144
#define NAME_MAX_LEN 36 /* of a template (AWS) */
#define PATH_LEN 4096
#define LAMBDA "arn:aws"

/* One reading: the file's document, and what is wrong with it. */
struct reading {
    const char *path;
    struct imprint_document *document;
    struct imprint_findings *findings;
    struct imprint_fleet *fleet;
};

/* ---- comments ---- */

/* They become blanks, so that lines and columns stay. */
static void blank_comments(char *text)
{
    char *at = text;

    while (*at) {
        char *end = NULL;

        if (*at == '"') {
            for (at++; *at && *at != '"'; at++)
                at += *at == '\\' && at[1] ? 1 : 0;
            at += *at ? 1 : 0;
            continue;
        }
        if (at[0] == '/' && at[1] == '/')
            end = at + strcspn(at, "\n");
        else if (at[0] == '/' && at[1] == '*' && strstr(at + 2, "*/"))
            end = strstr(at + 2, "*/") + 2;
        if (!end)
            at++;
        for (; end && at < end; at++)
            *at = *at == '\n' ? '\n' : ' ';
    }
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t len = strlen(path);

    return len > strlen(suffix) &&
           strcmp(path + len - strlen(suffix), suffix) == 0;
}

/* ---- members ---- */

static const char *const members[] = {
    "name", "region", "thingName", "template", "policy", "hook", NULL};

static void check_members(const struct reading *reading)
{
    void *cursor = NULL;
    const struct imprint_document *value;
    const char *name;

    while ((name = imprint_document_next(reading->document, &cursor, &value))) {
        const struct imprint_place place = imprint_place_member(NULL, name);
        const char *nearest = imprint_name_nearest(name, members);
        size_t i = 0;

        while (members[i] && strcmp(members[i], name) != 0)
            i++;
        if (!members[i]) {
            imprint_finding_error(reading->findings, &place,
                                  "a fleet has no member \"%s\"", name);
            if (nearest)
                imprint_finding_hint(reading->findings, "did you mean \"%s\"?",
                                     nearest);
        } else if (!imprint_document_text(value)) {
            imprint_finding_error(reading->findings, &place, "must be a text");
        }
    }
}

/* A copy; NULL: it is not there, or no text, which was told already. */
static char *take(const struct reading *reading, const char *name)
{
    const char *text =
        imprint_document_text(imprint_document_member(reading->document, name));

    return text ? strdup(text) : NULL;
}

static void check_name(const struct reading *reading)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const struct imprint_place place = imprint_place_member(NULL, "name");
    const char *name = reading->fleet->name;

    if (!name)
        imprint_finding_error(reading->findings, NULL,
                              "a fleet needs a \"name\"");
    else if (!name[0] || strlen(name) > NAME_MAX_LEN ||
             strspn(name, allowed) != strlen(name))
        imprint_finding_error(reading->findings, &place,
                              "must be 1 to %d letters, digits, \"_\" and "
                              "\"-\", as it names the template",
                              NAME_MAX_LEN);
}

static void check_hook(const struct reading *reading)
{
    const struct imprint_place place = imprint_place_member(NULL, "hook");
    struct imprint_fleet *fleet = reading->fleet;

    if (!fleet->hook) {
        imprint_finding_error(reading->findings, NULL,
                              "a fleet needs a \"hook\", which decides who may "
                              "register");
        imprint_finding_hint(reading->findings,
                             "a Lambda function's ARN, or \"%s\"",
                             IMPRINT_FLEET_NO_HOOK);
    } else if (strcmp(fleet->hook, IMPRINT_FLEET_NO_HOOK) == 0) {
        free(fleet->hook);
        fleet->hook = NULL;
    } else if (strncmp(fleet->hook, LAMBDA, strlen(LAMBDA)) != 0 ||
               !strstr(fleet->hook, ":lambda:")) {
        imprint_finding_error(reading->findings, &place,
                              "must be a Lambda function's ARN, or \"%s\"",
                              IMPRINT_FLEET_NO_HOOK);
    }
}

/* Letters of a thing's name, and parameters, at least one of them. */
static void check_thing_name(const struct reading *reading)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-";
    const struct imprint_place place = imprint_place_member(NULL, "thingName");
    const char *at = reading->fleet->thing_name;
    bool has_parameter = false;

    if (!at)
        return;
    for (at += strspn(at, allowed); at[0] == '$' && at[1] == '{';
         at += strspn(at, allowed)) {
        const char *end = strchr(at, '}');

        if (!end)
            break;
        has_parameter = true;
        at = end + 1;
    }
    if (*at || !has_parameter) {
        imprint_finding_error(reading->findings, &place,
                              "must be letters, digits, \":\", \"_\", \"-\" "
                              "and at least one parameter, or all devices are "
                              "one thing");
        imprint_finding_hint(reading->findings, "as in \"%s-${SerialNumber}\"",
                             reading->fleet->name ? reading->fleet->name
                                                  : "sensor");
    }
}

/* ---- files that it names ---- */

/* Beside the fleet's, unless its path begins at the root. */
static char *read_beside(const struct reading *reading, const char *member)
{
    const struct imprint_place place = imprint_place_member(NULL, member);
    const char *slash = strrchr(reading->path, '/');
    char *name = take(reading, member);
    struct imprint_why why = {"", ""};
    char path[PATH_LEN];
    char *text = NULL;
    size_t len = 0;
    int dir_len =
        slash && name && name[0] != '/' ? (int)(slash - reading->path) + 1 : 0;

    if (!name)
        return NULL;
    (void)snprintf(path, sizeof(path), "%.*s%s", dir_len, reading->path, name);
    free(name);
    if (imprint_file_read(path, FILE_MAX_LEN, &text, &len, &why) != IMPRINT_OK)
        imprint_finding_error(reading->findings, &place, "%s", why.text);
    return text;
}

/* The first error of a document that it names or generates. */
static void tell(const struct reading *reading, const char *member,
                 struct imprint_findings *own)
{
    const struct imprint_place place = imprint_place_member(NULL, member);
    struct imprint_why why = {"", ""};

    if (imprint_finding_status(own, &why) != IMPRINT_OK) {
        imprint_finding_error(reading->findings, &place, "%s", why.text);
        imprint_finding_hint(reading->findings, "see imprint %s check",
                             strcmp(member, "policy") == 0 ? "policy"
                                                           : "template");
    }
    imprint_finding_free(own);
}

static void check_documents(const struct reading *reading)
{
    static const struct imprint_fleet_home home = {"aws", "us-east-1",
                                                   "000000000000"};
    const struct imprint_fleet *fleet = reading->fleet;
    const struct imprint_place place = imprint_place_member(NULL, "thingName");
    struct imprint_findings own = {.count = 0};
    char *text = imprint_fleet_write_template(fleet);

    if (fleet->template_text && fleet->thing_name)
        imprint_finding_error(reading->findings, &place,
                              "the template's file says what things are named");
    if (text) {
        imprint_template_check(imprint_slice_text(text), true, &own);
        tell(reading, fleet->template_text ? "template" : "thingName", &own);
    }
    free(text);
    own = (struct imprint_findings){.count = 0};
    text = imprint_fleet_write_policy(fleet, &home);
    if (text) {
        imprint_policy_check(imprint_slice_text(text), &own);
        tell(reading, "policy", &own);
    }
    free(text);
}

/* ---- read ---- */

static void read_members(struct reading *reading)
{
    struct imprint_fleet *fleet = reading->fleet;

    check_members(reading);
    fleet->name = take(reading, "name");
    fleet->region = take(reading, "region");
    fleet->thing_name = take(reading, "thingName");
    fleet->hook = take(reading, "hook");
    check_name(reading);
    check_hook(reading);
    check_thing_name(reading);
    fleet->template_text = read_beside(reading, "template");
    fleet->policy_text = read_beside(reading, "policy");
    if (reading->findings->error_count == 0)
        check_documents(reading);
}

enum imprint_status imprint_fleet_read(const char *path,
                                       struct imprint_fleet *out,
                                       struct imprint_findings *findings,
                                       char **text, struct imprint_why *why)
{
    struct reading reading = {path, NULL, findings, out};
    struct imprint_why inner = {"", ""};
    size_t len = 0;
    enum imprint_status status =
        imprint_file_read(path, FILE_MAX_LEN, text, &len, why);

    *out = (struct imprint_fleet){.name = NULL};
    if (status != IMPRINT_OK)
        return status;
    if (ends_in(path, ".jsonc"))
        blank_comments(*text);
    findings->source = imprint_slice_of(*text, len);
    if (imprint_document_read(findings->source, &reading.document, &inner) !=
        IMPRINT_OK)
        imprint_finding_no_json(findings, &inner);
    else if (imprint_document_kind_of(reading.document) !=
             IMPRINT_DOCUMENT_OBJECT)
        imprint_finding_error(findings, NULL, "a fleet must be an object");
    else
        read_members(&reading);
    imprint_document_free(reading.document);
    if (findings->error_count == 0)
        return IMPRINT_OK;
    imprint_fleet_free(out);
    return imprint_finding_status(findings, why);
}

void imprint_fleet_free(struct imprint_fleet *fleet)
{
    free(fleet->name);
    free(fleet->region);
    free(fleet->thing_name);
    free(fleet->template_text);
    free(fleet->policy_text);
    free(fleet->hook);
    *fleet = (struct imprint_fleet){.name = NULL};
}

/* ---- what it is called, and what is generated ---- */

void imprint_fleet_role(const struct imprint_fleet *fleet,
                        char name[IMPRINT_FLEET_NAME_LEN])
{
    (void)snprintf(name, IMPRINT_FLEET_NAME_LEN, "%s-provisioning",
                   fleet->name);
}

void imprint_fleet_policy(const struct imprint_fleet *fleet,
                          char name[IMPRINT_FLEET_NAME_LEN])
{
    (void)snprintf(name, IMPRINT_FLEET_NAME_LEN, "%s-device", fleet->name);
}

static char *finish(struct imprint_memory_text *text)
{
    if (!text->has_failed)
        return text->bytes;
    free(text->bytes);
    return NULL;
}

static void put(struct imprint_memory_text *text, const char *more)
{
    imprint_memory_put(text, imprint_slice_text(more));
}

char *imprint_fleet_write_template(const struct imprint_fleet *fleet)
{
    const char *pattern =
        fleet->thing_name ? fleet->thing_name : "${SerialNumber}";
    struct imprint_memory_text text = {.bytes = NULL};
    char policy[IMPRINT_FLEET_NAME_LEN];

    if (fleet->template_text)
        return strdup(fleet->template_text);
    imprint_fleet_policy(fleet, policy);
    put(&text, "{\n  \"Parameters\": {\n"
               "    \"SerialNumber\": {\"Type\": \"String\"},\n"
               "    \"AWS::IoT::Certificate::Id\": {\"Type\": \"String\"}\n"
               "  },\n  \"Resources\": {\n"
               "    \"thing\": {\"Type\": \"AWS::IoT::Thing\", "
               "\"Properties\": {\n      \"ThingName\": {\"Fn::Sub\": ");
    imprint_memory_put_quoted(&text, imprint_slice_text(pattern));
    put(&text, "}},\n     \"OverrideSettings\": {\"AttributePayload\": "
               "\"MERGE\", \"ThingTypeName\": \"REPLACE\",\n"
               "      \"ThingGroups\": \"DO_NOTHING\"}},\n"
               "    \"certificate\": {\"Type\": \"AWS::IoT::Certificate\", "
               "\"Properties\": {\n      \"CertificateId\": "
               "{\"Ref\": \"AWS::IoT::Certificate::Id\"},\n"
               "      \"Status\": \"Active\"}},\n"
               "    \"policy\": {\"Type\": \"AWS::IoT::Policy\", "
               "\"Properties\": {\n      \"PolicyName\": ");
    imprint_memory_put_quoted(&text, imprint_slice_text(policy));
    put(&text, "}}\n  }\n}\n");
    return finish(&text);
}

static void put_arn(struct imprint_memory_text *text,
                    const struct imprint_fleet_home *home, const char *behind)
{
    const char *const parts[] = {
        "\"arn:", home->partition, ":iot:", home->region, ":", home->account,
        ":",      behind,          NULL};

    for (size_t i = 0; parts[i]; i++)
        put(text, parts[i]);
}

char *imprint_fleet_write_policy(const struct imprint_fleet *fleet,
                                 const struct imprint_fleet_home *home)
{
    static const char thing[] = "${iot:Connection.Thing.ThingName}";
    const struct {
        const char *action;
        const char *kind;
    } statements[] = {
        {"\"iot:Connect\"", "client/"},
        {"[\"iot:Publish\", \"iot:Receive\"]", "topic/"},
        {"\"iot:Subscribe\"", "topicfilter/"},
    };
    struct imprint_memory_text text = {.bytes = NULL};

    if (fleet->policy_text)
        return strdup(fleet->policy_text);
    put(&text, "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [");
    for (size_t i = 0; i < 3; i++) {
        put(&text, i ? ",\n    {\"Effect\": \"Allow\", \"Action\": "
                     : "\n    {\"Effect\": \"Allow\", \"Action\": ");
        put(&text, statements[i].action);
        put(&text, ",\n     \"Resource\": ");
        put_arn(&text, home, statements[i].kind);
        put(&text, i ? fleet->name : "");
        put(&text, i ? "/" : "");
        put(&text, thing);
        put(&text, i ? "/*\"}" : "\"}");
    }
    put(&text, "\n  ]\n}\n");
    return finish(&text);
}

static void put_member(struct imprint_memory_text *text, const char *name,
                       const char *value)
{
    if (!value)
        return;
    put(text, text->len > 2 ? ",\n  " : "  ");
    imprint_memory_put_quoted(text, imprint_slice_text(name));
    put(text, ": ");
    imprint_memory_put_quoted(text, imprint_slice_text(value));
}

char *imprint_fleet_write(const struct imprint_fleet *fleet)
{
    struct imprint_memory_text text = {.bytes = NULL};

    put(&text, "{\n");
    put_member(&text, "name", fleet->name);
    put_member(&text, "region", fleet->region);
    put_member(&text, "thingName", fleet->thing_name);
    put_member(&text, "hook",
               fleet->hook ? fleet->hook : IMPRINT_FLEET_NO_HOOK);
    put(&text, "\n}\n");
    return finish(&text);
}
