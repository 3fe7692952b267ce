#include "endpoint_tune.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/admin.h"
#include "endpoint/hook.h"
#include "endpoint_clock.h"
#include "endpoint_order.h"
#include "list.h"
#include "posix/file.h"
#include "posix/json.h"
#include "posix/settings.h"
#include "posix/why.h"

#define FAULTS_MAX_LEN 65536u
#define FAULTS_SETTING "faults"

static enum imprint_status no_memory(struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
}

/* ---- what is set ---- */

struct search {
    const char *name;
    char *value;
    bool is_broken;
};

static void take(void *user, const struct imprint_admin_setting *setting)
{
    struct search *search = user;

    if (search->value || strcmp(setting->name, search->name) != 0)
        return;
    search->value = strdup(setting->value ? setting->value : "");
    search->is_broken = !search->value;
}

enum imprint_status imprint_endpoint_tune_find(const char *dir,
                                               const char *name, char **value,
                                               struct imprint_why *why)
{
    struct search search = {name, NULL, false};
    enum imprint_status status =
        imprint_admin_each_setting(dir, take, &search, why);

    if (status == IMPRINT_OK && !search.value && !search.is_broken) {
        search.value = strdup("");
        search.is_broken = !search.value;
    }
    if (status == IMPRINT_OK && search.is_broken)
        status = no_memory(why);
    if (status == IMPRINT_OK)
        *value = search.value;
    else
        free(search.value);
    return status;
}

/* The next line that has a rule, or NULL; *at moves on. */
static const char *next_rule(const char **at, int *len)
{
    while (**at) {
        const char *line = *at + strspn(*at, " \t");
        size_t rest = strcspn(line, "\n");

        *at = line + rest + (line[rest] == '\n');
        if (rest > 0 && line[0] != '#') {
            *len = (int)rest;
            return line;
        }
    }
    return NULL;
}

enum imprint_status imprint_endpoint_tune_look(
    const char *dir, struct imprint_endpoint_tune_state *out,
    struct imprint_why *why)
{
    struct imprint_endpoint_tune_state state = {0, false, 0};
    char *texts[3] = {NULL, NULL, NULL};
    static const char *const names[3] = {"clock_offset_s", "explain",
                                         FAULTS_SETTING};
    enum imprint_status status = IMPRINT_OK;
    int len;

    for (size_t i = 0; i < 3 && status == IMPRINT_OK; i++)
        status = imprint_endpoint_tune_find(dir, names[i], &texts[i], why);
    if (status == IMPRINT_OK) {
        const char *at = texts[2];

        state.clock_offset_s = strtoll(texts[0], NULL, 10);
        state.is_explaining = strtoll(texts[1], NULL, 10) != 0;
        while (next_rule(&at, &len))
            state.fault_count++;
        *out = state;
    }
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
    return status;
}

/* ---- at the start of run ---- */

static enum imprint_status read_faults(const char *path, char **text,
                                       struct imprint_why *why)
{
    size_t len;
    enum imprint_status status =
        imprint_file_read(path, FAULTS_MAX_LEN, text, &len, why);

    if (status != IMPRINT_OK)
        return status;
    if (strlen(*text) == len)
        return IMPRINT_OK;
    free(*text);
    *text = NULL;
    return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                           "\"%s\" is no text: it has a NUL", path);
}

enum imprint_status imprint_endpoint_tune_read(
    const struct imprint_settings *settings, struct imprint_endpoint_tune *out,
    struct imprint_why *why)
{
    const char *clock = imprint_settings_get(settings, "clock");
    const char *faults = imprint_settings_get(settings, "faults");
    bool is_strict = imprint_settings_on(settings, "strict");
    bool explains = imprint_settings_on(settings, "explain");
    struct imprint_endpoint_tune tune = {"", NULL, NULL};
    enum imprint_status status = IMPRINT_OK;
    int64_t offset_s = 0;

    if (is_strict && explains)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "--explain and --strict contradict each other");
    if (is_strict || explains)
        tune.explain = explains ? "1" : "0";
    if (clock)
        status = imprint_endpoint_clock_move(clock, &offset_s, why);
    if (clock && status == IMPRINT_OK)
        (void)snprintf(tune.clock, sizeof(tune.clock), "%" PRId64, offset_s);
    if (faults && status == IMPRINT_OK)
        status = read_faults(faults, &tune.faults, why);
    if (status == IMPRINT_OK)
        *out = tune;
    return status;
}

void imprint_endpoint_tune_free(struct imprint_endpoint_tune *tune)
{
    free(tune->faults);
    tune->faults = NULL;
}

enum imprint_status imprint_endpoint_tune_apply(
    const char *dir, const struct imprint_endpoint_tune *tune,
    struct imprint_why *why)
{
    enum imprint_status status = IMPRINT_OK;

    if (tune->clock[0])
        status = imprint_admin_set(dir, "clock_offset_s", tune->clock, why);
    if (status == IMPRINT_OK && tune->explain)
        status = imprint_admin_set(dir, "explain", tune->explain, why);
    if (status == IMPRINT_OK && tune->faults)
        status = imprint_admin_set(dir, FAULTS_SETTING, tune->faults, why);
    return status;
}

/* ---- set, settings ---- */

void imprint_endpoint_tune_hint(const char *dir, const char *target,
                                struct imprint_why *why)
{
    char name[300];
    char *value = NULL;

    if (!imprint_hook_is_there(target))
        imprint_why_hint(why, "there is no program \"%s\" to run yet",
                         strchr(target, ':') + 1);
    if (!imprint_admin_is_lambda(target))
        return;
    (void)snprintf(name, sizeof(name), "hook:%s", target);
    if (imprint_endpoint_tune_find(dir, name, &value, NULL) == IMPRINT_OK &&
        value[0] == '\0')
        imprint_why_hint(
            why, "say what runs for it: imprint endpoint set %s TARGET", name);
    free(value);
}

enum imprint_status imprint_endpoint_tune_set(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const char *name = order->operands[0];
    const char *value = order->operands[1];
    enum imprint_status status =
        imprint_admin_set(order->dir, name, value, why);

    if (status == IMPRINT_OK && value &&
        (strcmp(name, "provider") == 0 || strncmp(name, "hook:", 5) == 0))
        imprint_endpoint_tune_hint(order->dir, value, why);
    return status;
}

struct listing {
    bool json;
    struct imprint_list list;
};

static void show_line(const struct imprint_admin_setting *setting)
{
    const char *value = setting->value ? setting->value : "";
    size_t len = strcspn(value, "\n");

    (void)printf("%-26s%c%.*s%s", setting->name, setting->is_set ? '*' : ' ',
                 (int)len, value, value[len] && value[len + 1] ? "..." : "");
    (void)printf("%*s %-8s %s\n", len < 10 ? (int)(10 - len) : 0, "",
                 setting->aws, setting->text);
}

static void show_setting(void *user,
                         const struct imprint_admin_setting *setting)
{
    struct listing *listing = user;
    struct imprint_json *object;
    bool is_whole;

    if (!listing->json) {
        if (listing->list.count++ == 0)
            (void)printf("%-26s %-10s %-8s %s\n", "name", "value", "AWS",
                         "meaning (* is set)");
        show_line(setting);
        return;
    }
    object = imprint_json_new();
    is_whole = object && imprint_json_put_text(object, "name", setting->name) &&
               imprint_json_put_text(object, "value", setting->value) &&
               imprint_json_put_bool(object, "isSet", setting->is_set) &&
               imprint_json_put_text(object, "aws", setting->aws) &&
               imprint_json_put_text(object, "meaning", setting->text);
    imprint_list_put(&listing->list, object, is_whole);
}

enum imprint_status imprint_endpoint_tune_settings(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct listing listing = {order->json, {"settings", 0, false}};
    enum imprint_status status =
        imprint_admin_each_setting(order->dir, show_setting, &listing, why);

    return order->json ? imprint_list_end(&listing.list, status, why) : status;
}

/* ---- fault, faults ---- */

/* One rule a line; free it. NULL: no memory. */
static char *join(const char *const *rules)
{
    size_t len = 0;
    char *text;
    char *end;

    for (size_t i = 0; rules[i]; i++)
        len += strlen(rules[i]) + 1;
    text = malloc(len + 1);
    end = text;
    for (size_t i = 0; text && rules[i]; i++)
        end = stpcpy(stpcpy(end, rules[i]), "\n");
    return text;
}

static enum imprint_status add_rules(const struct imprint_endpoint_order *order,
                                     struct imprint_why *why)
{
    char *rules = join(order->operands);
    enum imprint_status status =
        rules ? imprint_admin_add_faults(order->dir, rules, why)
              : no_memory(why);

    /* the words of one rule, most likely */
    if (status != IMPRINT_OK && !strchr(order->operands[0], ':'))
        imprint_why_hint(why, "write each rule as one argument, in quotes");
    free(rules);
    return status;
}

static enum imprint_status replace_rules(
    const struct imprint_endpoint_order *order, const char *path,
    struct imprint_why *why)
{
    char *text = NULL;
    enum imprint_status status = read_faults(path, &text, why);

    if (status == IMPRINT_OK)
        status = imprint_admin_set(order->dir, FAULTS_SETTING, text, why);
    free(text);
    return status;
}

enum imprint_status imprint_endpoint_tune_fault(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    const char *path = imprint_settings_get(order->settings, "faults");
    const char *first = order->operands[0];

    if (path && !first)
        return replace_rules(order, path, why);
    if (path)
        return imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                               "rules come from --faults or from the command "
                               "line, not from both");
    if (!first) {
        imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                        "\"imprint endpoint fault\" needs a rule");
        imprint_why_hint(why, "such as \"register nth=2: lose\"; \"none\" "
                              "forgets all rules; \"imprint endpoint faults\" "
                              "shows them");
        return IMPRINT_ERR_SETTINGS;
    }
    if (order->operand_count == 1 && strcmp(first, "none") == 0)
        return imprint_admin_set(order->dir, FAULTS_SETTING, NULL, why);
    return add_rules(order, why);
}

static void put_rule(struct imprint_list *list, const char *rule, int len)
{
    struct imprint_json *object = imprint_json_new();

    imprint_list_put(
        list, object,
        object && imprint_json_put_slices(object, imprint_slice_text("rule"),
                                          imprint_slice_of(rule, (size_t)len)));
}

enum imprint_status imprint_endpoint_tune_faults(
    const struct imprint_endpoint_order *order, struct imprint_why *why)
{
    struct imprint_list list = {"faults", 0, false};
    char *text = NULL;
    enum imprint_status status =
        imprint_endpoint_tune_find(order->dir, FAULTS_SETTING, &text, why);
    const char *at = text;
    const char *rule;
    int len;

    while (status == IMPRINT_OK && (rule = next_rule(&at, &len)) != NULL) {
        if (order->json)
            put_rule(&list, rule, len);
        else
            (void)printf("%.*s\n", len, rule);
    }
    free(text);
    return order->json ? imprint_list_end(&list, status, why) : status;
}
