#include "policy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "posix/why.h"

/*
 * A pattern is compiled to one code a character: its byte, or one of these. A
 * value put in for a variable is thus never taken for a wildcard.
 */
enum {
    CODE_ANY_RUN = 0x100,
    CODE_ANY_ONE,
    CODE_CLIENT_ID,
    CODE_THING_NAME,
    CODE_IS_ATTACHED
};

struct pattern {
    uint16_t *codes;
    size_t count;
};

struct patterns {
    struct pattern *items;
    size_t count;
};

struct statement {
    bool allows;
    struct patterns actions;
    struct patterns resources;
    char *text;
};

struct imprint_policy {
    struct statement *statements;
    size_t count;
};

/* Where in the document a check is, for the words of a failure. */
struct place {
    struct imprint_why *why;
    size_t statement;
};

static const struct {
    const char *name;
    uint16_t code;
} variables[] = {
    {"iot:ClientId", CODE_CLIENT_ID},
    {"iot:Connection.Thing.ThingName", CODE_THING_NAME},
    {"iot:Connection.Thing.IsAttached", CODE_IS_ATTACHED},
    {"*", '*'},
    {"?", '?'},
    {"$", '$'},
};

static const char *const actions[] = {"iot:Connect", "iot:Publish",
                                      "iot:Receive", "iot:Subscribe",
                                      "iot:RetainPublish"};

bool imprint_policy_action_ok(const char *action)
{
    size_t i;

    for (i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
        if (strcmp(actions[i], action) == 0)
            return true;
    }
    return false;
}

/* The code of a variable's name; 0 if there is no such variable. */
static uint16_t find_variable(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        if (strlen(variables[i].name) == len &&
            memcmp(variables[i].name, name, len) == 0)
            return variables[i].code;
    }
    return 0;
}

static enum imprint_status compile_variable(const char **text, uint16_t *code,
                                            const struct place *place)
{
    const char *name = *text + 2;
    const char *end = strchr(name, '}');

    if (!end)
        return imprint_why_set(place->why, IMPRINT_ERR_FORMAT,
                               "Statement[%zu]: '${' is never closed in \"%s\"",
                               place->statement, *text);
    *code = find_variable(name, (size_t)(end - name));
    if (!*code)
        return imprint_why_set(
            place->why, IMPRINT_ERR_FORMAT,
            "Statement[%zu]: the variable \"%.*s\" is not supported",
            place->statement, (int)(end - *text + 1), *text);
    *text = end + 1;
    return IMPRINT_OK;
}

/* takes_variables is false for actions. */
static enum imprint_status compile(const char *text, bool takes_variables,
                                   struct pattern *out,
                                   const struct place *place)
{
    enum imprint_status status = IMPRINT_OK;

    out->codes = malloc((strlen(text) + 1) * sizeof(*out->codes));
    if (!out->codes)
        return imprint_why_set(place->why, IMPRINT_ERR_INTERNAL,
                               "out of memory");
    while (*text != '\0' && status == IMPRINT_OK) {
        uint16_t *code = &out->codes[out->count++];

        if (takes_variables && text[0] == '$' && text[1] == '{') {
            status = compile_variable(&text, code, place);
            continue;
        }
        *code = (uint8_t)*text++;
        if (*code == '*')
            *code = CODE_ANY_RUN;
        else if (*code == '?')
            *code = CODE_ANY_ONE;
    }
    return status;
}

static enum imprint_status compile_action(const char *text, struct pattern *out,
                                          const struct place *place)
{
    bool is_wild = strpbrk(text, "*?") != NULL;

    if (strncmp(text, "iot:", 4) != 0 ||
        (!is_wild && !imprint_policy_action_ok(text)))
        return imprint_why_set(place->why, IMPRINT_ERR_FORMAT,
                               "Statement[%zu].Action: \"%s\" is not supported",
                               place->statement, text);
    return compile(text, false, out, place);
}

static enum imprint_status compile_resource(const char *text,
                                            struct pattern *out,
                                            const struct place *place)
{
    if (strcmp(text, "*") != 0 && strncmp(text, "arn:", 4) != 0)
        return imprint_why_set(
            place->why, IMPRINT_ERR_FORMAT,
            "Statement[%zu].Resource: \"%s\" is neither an ARN nor *",
            place->statement, text);
    return compile(text, true, out, place);
}

/* A text, or an array of at least one. */
static enum imprint_status compile_list(
    const struct imprint_document *node, const char *name, struct patterns *out,
    enum imprint_status (*compile_one)(const char *, struct pattern *,
                                       const struct place *),
    const struct place *place)
{
    bool is_array = imprint_document_kind_of(node) == IMPRINT_DOCUMENT_ARRAY;
    size_t count = is_array ? imprint_document_count(node) : 1;
    enum imprint_status status = IMPRINT_OK;
    size_t i;

    if (count == 0)
        return imprint_why_set(place->why, IMPRINT_ERR_FORMAT,
                               "Statement[%zu].%s is empty", place->statement,
                               name);
    out->items = calloc(count, sizeof(*out->items));
    if (!out->items)
        return imprint_why_set(place->why, IMPRINT_ERR_INTERNAL,
                               "out of memory");
    out->count = count;
    for (i = 0; i < count && status == IMPRINT_OK; i++) {
        const char *text = imprint_document_text(
            is_array ? imprint_document_item(node, i) : node);

        if (!text)
            return imprint_why_set(
                place->why, IMPRINT_ERR_FORMAT,
                "Statement[%zu].%s is missing, or holds what is no text",
                place->statement, name);
        status = compile_one(text, &out->items[i], place);
    }
    return status;
}

static enum imprint_status check_members(const struct imprint_document *node,
                                         const struct place *place)
{
    static const char known[] = " Sid Effect Action Resource ";
    const struct imprint_document *value;
    const char *name;
    void *cursor = NULL;

    if (imprint_document_kind_of(node) != IMPRINT_DOCUMENT_OBJECT)
        return imprint_why_set(place->why, IMPRINT_ERR_FORMAT,
                               "Statement[%zu] is not an object",
                               place->statement);
    while ((name = imprint_document_next(node, &cursor, &value))) {
        const char *found = strstr(known, name);

        if (*name == '\0' || strchr(name, ' ') || !found || found[-1] != ' ' ||
            found[strlen(name)] != ' ')
            return imprint_why_set(place->why, IMPRINT_ERR_FORMAT,
                                   "Statement[%zu]: \"%s\" is not supported",
                                   place->statement, name);
    }
    return IMPRINT_OK;
}

static enum imprint_status compile_statement(
    const struct imprint_document *node, struct statement *out,
    const struct place *place)
{
    enum imprint_status status = check_members(node, place);
    const char *effect;

    if (status != IMPRINT_OK)
        return status;
    effect = imprint_document_text(imprint_document_member(node, "Effect"));
    if (!effect ||
        (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0))
        return imprint_why_set(
            place->why, IMPRINT_ERR_FORMAT,
            "Statement[%zu].Effect must be \"Allow\" or \"Deny\"",
            place->statement);
    out->allows = effect[0] == 'A';
    out->text = imprint_document_write(node);
    if (!out->text)
        return imprint_why_set(place->why, IMPRINT_ERR_INTERNAL,
                               "out of memory");
    status = compile_list(imprint_document_member(node, "Action"), "Action",
                          &out->actions, compile_action, place);
    if (status == IMPRINT_OK)
        status =
            compile_list(imprint_document_member(node, "Resource"), "Resource",
                         &out->resources, compile_resource, place);
    return status;
}

static enum imprint_status compile_statements(
    const struct imprint_document *node, struct imprint_policy *policy,
    struct imprint_why *why)
{
    struct place place = {.why = why};
    bool is_array = imprint_document_kind_of(node) == IMPRINT_DOCUMENT_ARRAY;
    size_t count = is_array ? imprint_document_count(node) : 1;
    enum imprint_status status = IMPRINT_OK;

    if (!node || count == 0)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "Statement is missing or empty");
    policy->statements = calloc(count, sizeof(*policy->statements));
    if (!policy->statements)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    policy->count = count;
    for (; place.statement < count && status == IMPRINT_OK; place.statement++)
        status = compile_statement(
            is_array ? imprint_document_item(node, place.statement) : node,
            &policy->statements[place.statement], &place);
    return status;
}

static enum imprint_status compile_policy(const struct imprint_document *root,
                                          struct imprint_policy *policy,
                                          struct imprint_why *why)
{
    const struct imprint_document *value;
    const char *version;
    const char *name;
    void *cursor = NULL;

    if (imprint_document_kind_of(root) != IMPRINT_DOCUMENT_OBJECT)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "the policy is not an object");
    while ((name = imprint_document_next(root, &cursor, &value))) {
        if (strcmp(name, "Version") != 0 && strcmp(name, "Id") != 0 &&
            strcmp(name, "Statement") != 0)
            return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                                   "\"%s\" is not supported", name);
    }
    version = imprint_document_text(imprint_document_member(root, "Version"));
    if (!version || strcmp(version, "2012-10-17") != 0)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "Version must be \"2012-10-17\"");
    return compile_statements(imprint_document_member(root, "Statement"),
                              policy, why);
}

static size_t dense_len(struct imprint_slice text)
{
    size_t len = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        len += text.bytes[i] > ' ';
    return len;
}

enum imprint_status imprint_policy_parse(struct imprint_slice text,
                                         struct imprint_policy **out,
                                         struct imprint_why *why)
{
    struct imprint_document *root = NULL;
    struct imprint_policy *policy;
    enum imprint_status status;

    if (dense_len(text) > IMPRINT_POLICY_MAX_LEN)
        return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                               "longer than %d characters",
                               IMPRINT_POLICY_MAX_LEN);
    status = imprint_document_read(text, &root, why);
    if (status != IMPRINT_OK)
        return status;
    policy = calloc(1, sizeof(*policy));
    status = policy
                 ? compile_policy(root, policy, why)
                 : imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    imprint_document_free(root);
    if (status == IMPRINT_OK)
        *out = policy;
    else
        imprint_policy_free(policy);
    return status;
}

static void free_patterns(struct patterns *patterns)
{
    size_t i;

    for (i = 0; i < patterns->count; i++)
        free(patterns->items[i].codes);
    free(patterns->items);
}

void imprint_policy_free(struct imprint_policy *policy)
{
    size_t i;

    if (!policy)
        return;
    for (i = 0; i < policy->count; i++) {
        free_patterns(&policy->statements[i].actions);
        free_patterns(&policy->statements[i].resources);
        free(policy->statements[i].text);
    }
    free(policy->statements);
    free(policy);
}

/* What stands for a variable; NULL if the request has none. */
static const char *resolve(uint16_t code,
                           const struct imprint_policy_request *request)
{
    switch (code) {
    case CODE_CLIENT_ID:
        return request->client_id;
    case CODE_THING_NAME:
        return request->thing_name;
    default:
        return request->is_attached ? "true" : "false";
    }
}

/*
 * Matches from the codes' start. *run is how many bytes of text matched before
 * the first wildcard or difference. One step back, to the last *, is enough:
 * whatever an earlier * could take, the last one can take as well.
 */
static bool match_codes(const uint16_t *codes, size_t count, const char *text,
                        size_t *run)
{
    size_t code = 0;
    size_t at = 0;
    size_t star = SIZE_MAX;
    size_t star_at = 0;

    while (*run < count && text[*run] != '\0' &&
           codes[*run] == (uint8_t)text[*run])
        (*run)++;
    while (text[at] != '\0') {
        if (code < count && codes[code] == CODE_ANY_RUN) {
            star = code++;
            star_at = at;
        } else if (code < count && (codes[code] == CODE_ANY_ONE ||
                                    codes[code] == (uint8_t)text[at])) {
            code++;
            at++;
        } else if (star != SIZE_MAX) {
            code = star + 1;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (code < count && codes[code] == CODE_ANY_RUN)
        code++;
    return code == count;
}

/*
 * Room for a pattern with its variables put in and no two * in a row: what is
 * longer has more characters than any text here, so that it can't match.
 */
#define EXPANDED_MAX_COUNT (2 * IMPRINT_POLICY_VALUE_MAX_LEN + 2)

static bool match(const struct pattern *pattern, const char *text,
                  const struct imprint_policy_request *request, size_t *run)
{
    uint16_t expanded[EXPANDED_MAX_COUNT];
    size_t count = 0;
    size_t i;

    for (i = 0; i < pattern->count; i++) {
        uint16_t code = pattern->codes[i];
        const char *value;

        if (code < CODE_CLIENT_ID) {
            if (code == CODE_ANY_RUN && count > 0 &&
                expanded[count - 1] == CODE_ANY_RUN)
                continue;
            if (count == EXPANDED_MAX_COUNT)
                return false;
            expanded[count++] = code;
            continue;
        }
        value = resolve(code, request);
        if (!value)
            return false;
        for (; *value != '\0'; value++) {
            if (count == EXPANDED_MAX_COUNT)
                return false;
            expanded[count++] = (uint8_t)*value;
        }
    }
    return match_codes(expanded, count, text, run);
}

/* *run is the longest that any of them matched. */
static bool match_any(const struct patterns *patterns, const char *text,
                      const struct imprint_policy_request *request, size_t *run)
{
    size_t i;

    for (i = 0; i < patterns->count; i++) {
        size_t own_run = 0;

        if (match(&patterns->items[i], text, request, &own_run))
            return true;
        if (own_run > *run)
            *run = own_run;
    }
    return false;
}

/* The best decision so far, and how near a SILENT one came. */
struct search {
    struct imprint_policy_decision best;
    size_t run;
};

static void weigh(const struct statement *statement, size_t policy_index,
                  const struct imprint_policy_request *request,
                  struct search *search)
{
    enum imprint_policy_verdict verdict = IMPRINT_POLICY_SILENT;
    size_t run = 0;
    size_t ignored = 0;

    if (!match_any(&statement->actions, request->action, request, &ignored))
        return;
    if (match_any(&statement->resources, request->resource, request, &run))
        verdict =
            statement->allows ? IMPRINT_POLICY_ALLOWED : IMPRINT_POLICY_DENIED;
    else if (!statement->allows)
        return;
    if (search->best.verdict == IMPRINT_POLICY_DENIED)
        return;
    if (verdict == IMPRINT_POLICY_SILENT &&
        (search->best.verdict != IMPRINT_POLICY_SILENT ||
         (search->best.statement && run <= search->run)))
        return;
    if (verdict == search->best.verdict && verdict == IMPRINT_POLICY_ALLOWED)
        return;
    search->best = (struct imprint_policy_decision){
        .verdict = verdict,
        .policy_index = policy_index,
        .statement = statement->text,
    };
    search->run = run;
}

static bool is_short(const char *text)
{
    return !text || strnlen(text, IMPRINT_POLICY_VALUE_MAX_LEN + 1) <=
                        IMPRINT_POLICY_VALUE_MAX_LEN;
}

void imprint_policy_evaluate(const struct imprint_policy *const *policies,
                             size_t policy_count,
                             const struct imprint_policy_request *request,
                             struct imprint_policy_decision *out)
{
    struct search search = {.run = 0};
    size_t i;
    size_t k;

    *out = (struct imprint_policy_decision){.verdict = IMPRINT_POLICY_SILENT};
    if (!request->action || !request->resource ||
        !is_short(request->resource) || !is_short(request->client_id) ||
        !is_short(request->thing_name))
        return;
    for (i = 0; i < policy_count; i++) {
        for (k = 0; k < policies[i]->count; k++)
            weigh(&policies[i]->statements[k], i, request, &search);
    }
    *out = search.best;
}
