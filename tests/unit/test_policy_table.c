/*
 * Decisions that AWS writes about, one a row of vectors/policy.tsv, where the
 * form of a row is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/policy.h"

#define ACCOUNT "arn:aws:iot:us-east-1:123456789012:"
#define LINE_LEN 8192
#define ROW_MAX_COUNT 1024
#define PAGE_MAX_COUNT 64
#define WHO_MAX_COUNT 8
#define PAIR_MAX_COUNT 16
#define POLICY_MAX_COUNT 8

enum column {
    COLUMN_VERDICT,
    COLUMN_SOURCE,
    COLUMN_ACTION,
    COLUMN_RESOURCE,
    COLUMN_WHO,
    COLUMN_POLICIES,
    COLUMN_COUNT
};

struct row {
    size_t line;
    char *text; /* owns the columns */
    char *columns[COLUMN_COUNT];
};

struct who {
    char *text;
    const char *settings;
};

struct table {
    struct row rows[ROW_MAX_COUNT];
    size_t count;
    struct who who[WHO_MAX_COUNT];
    size_t who_count;
};

/* A request, and the memory under its texts. */
struct asking {
    struct imprint_policy_request request;
    struct imprint_pair attributes[PAIR_MAX_COUNT];
    struct imprint_pair certificate[PAIR_MAX_COUNT];
    char action[64];
    char resource[2048];
    char settings[4096];
};

static struct table table;

/* ---- the file ---- */

/* "=dev<TAB>settings" */
static void read_who(char *text)
{
    char *tab = strchr(text, '\t');

    assert_non_null(tab);
    assert_true(table.who_count < WHO_MAX_COUNT);
    *tab = '\0';
    table.who[table.who_count++] = (struct who){text, tab + 1};
}

static void read_row(char *text, size_t line)
{
    struct row *row = &table.rows[table.count++];
    char *rest = text;
    size_t i;

    assert_true(table.count < ROW_MAX_COUNT);
    row->line = line;
    row->text = text;
    for (i = 0; i < COLUMN_COUNT; i++) {
        row->columns[i] = rest ? strsep(&rest, "\t") : NULL;
        if (!row->columns[i] || row->columns[i][0] == '\0')
            fail_msg("policy.tsv:%zu: column %zu is missing", line, i + 1);
    }
    if (rest)
        fail_msg("policy.tsv:%zu: has more than %d columns", line,
                 COLUMN_COUNT);
}

static int load(void **state)
{
    FILE *file = fopen(TEST_VECTORS "/policy.tsv", "r");
    char buffer[LINE_LEN];
    size_t line;

    (void)state;
    assert_non_null(file);
    for (line = 1; fgets(buffer, sizeof(buffer), file); line++) {
        size_t len = strcspn(buffer, "\n");
        char *text;

        assert_int_equal(buffer[len], '\n');
        buffer[len] = '\0';
        if (buffer[0] == '#')
            continue;
        text = strdup(buffer);
        assert_non_null(text);
        if (buffer[0] == '=')
            read_who(text);
        else
            read_row(text, line);
    }
    (void)fclose(file);
    return 0;
}

static int unload(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < table.count; i++)
        free(table.rows[i].text);
    for (i = 0; i < table.who_count; i++)
        free(table.who[i].text);
    return 0;
}

/* ---- who ---- */

/* Takes every pair of that name away, or adds one behind the others. */
static void set_pair(struct imprint_pair *pairs, size_t *count,
                     const char *name, const char *value)
{
    size_t kept = 0;
    size_t i;

    if (value[0] != '\0') {
        assert_true(*count < PAIR_MAX_COUNT);
        pairs[(*count)++] = (struct imprint_pair){imprint_slice_text(name),
                                                  imprint_slice_text(value)};
        return;
    }
    for (i = 0; i < *count; i++) {
        if (!imprint_slice_is(pairs[i].name, name))
            pairs[kept++] = pairs[i];
    }
    *count = kept;
}

static const char **find_text(struct imprint_policy_request *request,
                              const char *name)
{
    if (strcmp(name, "client") == 0)
        return &request->client_id;
    if (strcmp(name, "thing") == 0)
        return &request->thing_name;
    if (strcmp(name, "type") == 0)
        return &request->thing_type;
    if (strcmp(name, "ip") == 0)
        return &request->source_ip;
    if (strcmp(name, "id") == 0)
        return &request->certificate_id;
    return NULL;
}

/* "client=SN-1", "attached" */
static void set(struct asking *asking, char *setting)
{
    struct imprint_policy_request *request = &asking->request;
    char *value = strchr(setting, '=');
    const char **text;
    char *blank;

    if (strcmp(setting, "-") == 0)
        return;
    if (!value) {
        bool *flag = strcmp(setting, "attached") == 0 ? &request->is_attached
                     : strcmp(setting, "persistent") == 0
                         ? &request->is_persistent
                     : strcmp(setting, "will") == 0 ? &request->has_will
                                                    : NULL;

        if (!flag)
            fail_msg("\"%s\" is no setting", setting);
        else
            *flag = true;
        return;
    }
    *value++ = '\0';
    while ((blank = strchr(value, '~')))
        *blank = ' ';
    text = find_text(request, setting);
    if (text)
        *text = value[0] ? value : NULL;
    else if (strncmp(setting, "attr.", 5) == 0)
        set_pair(asking->attributes, &request->attribute_count, setting + 5,
                 value);
    else if (strncmp(setting, "cert.", 5) == 0)
        set_pair(asking->certificate, &request->certificate_count, setting + 5,
                 value);
    else
        fail_msg("\"%s\" is no setting", setting);
}

static const char *find_who(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < table.who_count; i++) {
        const char *own = table.who[i].text + 1;

        if (strlen(own) == len && strncmp(own, name, len) == 0)
            return table.who[i].settings;
    }
    fail_msg("\"%.*s\" is nobody", (int)len, name);
    return NULL;
}

static const char *expand(const char *resource)
{
    return resource[0] == '@' ? resource + 1 : resource;
}

static void make_request(const struct row *row, struct asking *asking)
{
    const char *who = row->columns[COLUMN_WHO];
    const char *resource = row->columns[COLUMN_RESOURCE];
    size_t len = strcspn(who, " ");
    char *rest = asking->settings;
    char *setting;

    *asking = (struct asking){.request = {.action = asking->action}};
    (void)snprintf(asking->action, sizeof(asking->action), "iot:%s",
                   row->columns[COLUMN_ACTION]);
    (void)snprintf(asking->resource, sizeof(asking->resource), "%s%s",
                   resource[0] == '@' ? ACCOUNT : "", expand(resource));
    (void)snprintf(asking->settings, sizeof(asking->settings), "%s%s",
                   find_who(who, len), who + len);
    while ((setting = strsep(&rest, " ")))
        set(asking, setting);
    asking->request.resource = asking->resource;
    asking->request.attributes = asking->attributes;
    asking->request.certificate = asking->certificate;
}

/* ---- policies ---- */

static void put(struct imprint_writer *out, const char *a, const char *b,
                const char *c)
{
    imprint_slice_put_text(out, a);
    imprint_slice_put_text(out, b);
    imprint_slice_put_text(out, c);
}

/* "a,b" as a JSON array of texts. */
static void put_list(struct imprint_writer *out, char *list, bool is_actions)
{
    const char *comma = "";
    char *item;

    imprint_slice_put_text(out, "[");
    while ((item = strsep(&list, ","))) {
        const char *head = is_actions         ? "iot:"
                           : (item[0] == '@') ? ACCOUNT
                                              : "";

        put(out, comma, "\"", head);
        put(out, "", expand(item), "\"");
        comma = ",";
    }
    imprint_slice_put_text(out, "]");
}

/* "Allow Publish @topic/a {CONDITION}" */
static void put_statement(struct imprint_writer *out, char *text)
{
    char *condition = strstr(text, " {");
    char *effect = strsep(&text, " ");
    char *actions = strsep(&text, " ");

    assert_non_null(text);
    if (condition)
        *condition = '\0';
    put(out, "{\"Effect\":\"", effect, "\",\"Action\":");
    put_list(out, actions, true);
    imprint_slice_put_text(out, ",\"Resource\":");
    put_list(out, text, false);
    if (condition)
        put(out, ",\"Condition\":", condition + 1, "");
    imprint_slice_put_text(out, "}");
}

/* What stands before mark; *rest is NULL behind the last. */
static char *part(char **rest, const char *mark)
{
    char *text = *rest;
    char *end = strstr(text, mark);

    *rest = end ? end + strlen(mark) : NULL;
    if (end)
        *end = '\0';
    return text;
}

static struct imprint_policy *make_policy(const struct row *row, char *text)
{
    char buffer[LINE_LEN];
    struct imprint_writer out = imprint_slice_writer(buffer, sizeof(buffer));
    struct imprint_policy *policy = NULL;
    struct imprint_why why = {"", ""};
    const char *comma = "";

    imprint_slice_put_text(&out, "{\"Version\":\"2012-10-17\",\"Statement\":[");
    while (text) {
        imprint_slice_put_text(&out, comma);
        put_statement(&out, part(&text, " ; "));
        comma = ",";
    }
    imprint_slice_put_text(&out, "]}");
    assert_true(imprint_slice_fits(&out));
    if (imprint_policy_parse(imprint_slice_of(buffer, out.len), &policy,
                             &why) != IMPRINT_OK)
        print_error("policy.tsv:%zu: %s\n", row->line, why.text);
    return policy;
}

/* ---- tests ---- */

static const char *decide(const struct imprint_policy *const *policies,
                          size_t count,
                          const struct imprint_policy_request *request)
{
    struct imprint_policy_decision decision;
    char line[IMPRINT_WHY_TEXT_LEN];

    imprint_policy_evaluate(policies, count, request, &decision);
    imprint_policy_explain(policies, request, &decision, line);
    switch (decision.verdict) {
    case IMPRINT_POLICY_ALLOWED:
        return "allow";
    case IMPRINT_POLICY_DENIED:
        return "deny";
    default:
        return "no";
    }
}

/* In the order of the row, and in the other one. */
static bool is_right(const struct row *row)
{
    const struct imprint_policy *policies[POLICY_MAX_COUNT];
    const struct imprint_policy *turned[POLICY_MAX_COUNT];
    struct asking asking;
    char text[LINE_LEN];
    char *rest = text;
    const char *verdict = "no policy";
    const char *other = verdict;
    bool is_fine = true;
    size_t count = 0;
    size_t i;

    make_request(row, &asking);
    (void)snprintf(text, sizeof(text), "%s", row->columns[COLUMN_POLICIES]);
    while (rest) {
        assert_true(count < POLICY_MAX_COUNT);
        policies[count] = make_policy(row, part(&rest, " | "));
        is_fine = is_fine && policies[count];
        count++;
    }
    for (i = 0; i < count; i++)
        turned[i] = policies[count - 1 - i];
    if (is_fine) {
        verdict = decide(policies, count, &asking.request);
        other = decide(turned, count, &asking.request);
    }
    for (i = 0; i < count; i++)
        imprint_policy_free((struct imprint_policy *)policies[i]);
    if (strcmp(verdict, row->columns[COLUMN_VERDICT]) == 0 && verdict == other)
        return true;
    print_error("policy.tsv:%zu: %s, and %s backwards; it should be %s (%s)\n",
                row->line, verdict, other, row->columns[COLUMN_VERDICT],
                row->columns[COLUMN_SOURCE]);
    return false;
}

static void test_verdicts(void **state)
{
    size_t wrong_count = 0;
    size_t i;

    (void)state;
    for (i = 0; i < table.count; i++)
        wrong_count += !is_right(&table.rows[i]);
    assert_int_equal(wrong_count, 0);
}

/* Enough of every verdict, so that none of them is right by chance. */
static void test_counts(void **state)
{
    size_t allow_count = 0;
    size_t deny_count = 0;
    size_t i;

    (void)state;
    for (i = 0; i < table.count; i++) {
        const char *verdict = table.rows[i].columns[COLUMN_VERDICT];

        allow_count += strcmp(verdict, "allow") == 0;
        deny_count += strcmp(verdict, "deny") == 0;
    }
    assert_true(table.count >= 400);
    assert_true(allow_count >= 200);
    assert_true(deny_count >= 20);
    assert_true(table.count - allow_count - deny_count >= 200);
}

/* A page of AWS, or what was chosen where AWS says nothing. */
static bool has_source(const char *source)
{
    static const char *const kinds[] = {"D:", "D22:", "IAM:", "choice:"};
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        size_t len = strlen(kinds[i]);

        if (strncmp(source, kinds[i], len) == 0 && source[len] != '\0')
            return true;
    }
    return false;
}

/* Every row has one; a page of AWS is there for more than one decision. */
static void test_sources(void **state)
{
    const char *pages[PAGE_MAX_COUNT];
    size_t counts[PAGE_MAX_COUNT] = {0};
    size_t page_count = 0;
    size_t i;
    size_t k;

    (void)state;
    for (i = 0; i < table.count; i++) {
        const char *source = table.rows[i].columns[COLUMN_SOURCE];

        if (!has_source(source))
            fail_msg("policy.tsv:%zu: \"%s\" is no source", table.rows[i].line,
                     source);
        for (k = 0; k < page_count && strcmp(pages[k], source) != 0; k++)
            ;
        if (k == page_count) {
            assert_true(page_count < PAGE_MAX_COUNT);
            pages[page_count++] = source;
        }
        counts[k]++;
    }
    assert_true(page_count >= 20);
    for (k = 0; k < page_count; k++) {
        if (counts[k] < 2 && strncmp(pages[k], "choice:", 7) != 0)
            fail_msg("%s has one row only", pages[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_sources),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
