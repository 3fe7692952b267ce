#include "fault.h"

#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/why.h"

#define RULE_MAX_COUNT 64
#define LINE_MAX_LEN 512
#define CONDITION_MAX_COUNT 8
#define FOREVER INT64_MAX

/* Bits of enum imprint_fault_event. */
#define AT(event) (1u << IMPRINT_FAULT_##event)
#define AT_CREATE (AT(CREATE_KEYS) | AT(CREATE_CSR))
#define AT_REPLY (AT_CREATE | AT(REGISTER))
#define AT_ALL (AT_REPLY | AT(CONNECT) | AT(SUBSCRIBE))

static const struct {
    const char *name;
    unsigned events;
} events[] = {
    {"connect", AT(CONNECT)},
    {"subscribe", AT(SUBSCRIBE)},
    {"create-keys", AT(CREATE_KEYS)},
    {"create-csr", AT(CREATE_CSR)},
    {"create", AT_CREATE},
    {"register", AT(REGISTER)},
    {"reply", AT_REPLY},
    {"rest", AT(REST)},
};

#define EVENT_COUNT (sizeof(events) / sizeof(events[0]))

static const struct action {
    const char *name;
    enum imprint_fault_kind kind;
    unsigned events;  /* that can have it */
    const char *unit; /* what its number is; NULL: it takes none */
    int64_t low;
    int64_t high;
    bool takes_text;
} actions[] = {
    {"close", IMPRINT_FAULT_CLOSE, AT_ALL, NULL, 0, 0, false},
    {"lose", IMPRINT_FAULT_LOSE, AT_REPLY, NULL, 0, 0, false},
    {"delay", IMPRINT_FAULT_DELAY, AT_REPLY | AT(REST), "milliseconds", 1,
     600000, false},
    {"double", IMPRINT_FAULT_DOUBLE, AT_REPLY, NULL, 0, 0, false},
    {"swap", IMPRINT_FAULT_SWAP, AT_REPLY, NULL, 0, 0, false},
    {"cut", IMPRINT_FAULT_CUT, AT_REPLY, "bytes", 0, 131072, false},
    {"refuse", IMPRINT_FAULT_REFUSE, AT_REPLY | AT(REST), "a status code", 400,
     599, true},
    {"refuse", IMPRINT_FAULT_REFUSE, AT(CONNECT) | AT(SUBSCRIBE), NULL, 0, 0,
     false},
    {"wrong-certificate", IMPRINT_FAULT_WRONG_CERTIFICATE, AT_CREATE, NULL, 0,
     0, false},
    {"other-key", IMPRINT_FAULT_OTHER_KEY, AT(CREATE_KEYS), NULL, 0, 0, false},
    {"long-token", IMPRINT_FAULT_LONG_TOKEN, AT_CREATE, NULL, 0, 0, false},
    {"chain", IMPRINT_FAULT_CHAIN, AT_CREATE, "certificates", 1, 16, false},
    {"long-reply", IMPRINT_FAULT_LONG_REPLY, AT_REPLY, NULL, 0, 0, false},
};

#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

const char *imprint_fault_name(enum imprint_fault_kind kind)
{
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (actions[i].kind == kind)
            return actions[i].name;
    }
    return "none";
}

struct condition {
    const char *name; /* client, claim, thing, template, or param.NAME */
    const char *value;
};

/* What a line says; conditions point into words. */
struct rule {
    char line[LINE_MAX_LEN];
    char words[LINE_MAX_LEN];
    unsigned events;
    struct condition conditions[CONDITION_MAX_COUNT];
    size_t condition_count;
    int64_t first; /* strikes from this match */
    int64_t last;  /* to that one */
    int64_t count; /* matches so far */
    struct imprint_fault fault;
};

struct imprint_faults {
    pthread_mutex_t lock;
    struct rule *rules;
    size_t count;
};

struct imprint_faults *imprint_fault_new(void)
{
    struct imprint_faults *faults = calloc(1, sizeof(*faults));

    if (faults)
        (void)pthread_mutex_init(&faults->lock, NULL);
    return faults;
}

void imprint_fault_free(struct imprint_faults *faults)
{
    if (!faults)
        return;
    (void)pthread_mutex_destroy(&faults->lock);
    free(faults->rules);
    free(faults);
}

/* ---- one line ---- */

/* Where reading is, and whom to tell. */
struct reading {
    struct rule *rule;
    size_t line_number;
    struct imprint_why *why;
};

static enum imprint_status refuse(const struct reading *reading,
                                  const char *word, const char *problem)
{
    return imprint_why_set(reading->why, IMPRINT_ERR_FORMAT,
                           "line %zu: \"%s\" %s", reading->line_number, word,
                           problem);
}

/* All of text is a number between low and high. */
static bool read_number(const char *text, int64_t low, int64_t high,
                        int64_t *out)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' ||
        number < low || number > high)
        return false;
    *out = number;
    return true;
}

/* "2", "2-4" or "2-". */
static enum imprint_status read_nth(const struct reading *reading, char *value)
{
    struct rule *rule = reading->rule;
    char *dash = strchr(value, '-');
    bool is_fine;

    if (dash)
        *dash = '\0';
    is_fine = read_number(value, 1, FOREVER, &rule->first);
    rule->last = rule->first;
    if (is_fine && dash && dash[1] != '\0')
        is_fine = read_number(dash + 1, rule->first, FOREVER, &rule->last);
    else if (dash)
        rule->last = FOREVER;
    if (dash)
        *dash = '-';
    return is_fine ? IMPRINT_OK
                   : refuse(reading, value, "is not 2, 2-4 or 2- for nth");
}

static enum imprint_status read_condition(const struct reading *reading,
                                          char *word)
{
    static const char *const names[] = {"client", "claim", "thing", "template",
                                        "operation"};
    struct rule *rule = reading->rule;
    char *value = strchr(word, '=');
    bool is_known = strncmp(word, "param.", 6) == 0 && word + 6 != value;
    size_t i;

    *value++ = '\0';
    if (strcmp(word, "nth") == 0)
        return read_nth(reading, value);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        is_known = is_known || strcmp(word, names[i]) == 0;
    if (!is_known)
        return refuse(reading, word,
                      "is not client, claim, thing, template, operation, "
                      "param.NAME or nth");
    if (rule->condition_count == CONDITION_MAX_COUNT)
        return refuse(reading, word, "is one condition too many");
    rule->conditions[rule->condition_count++] = (struct condition){word, value};
    return IMPRINT_OK;
}

static enum imprint_status read_event(const struct reading *reading,
                                      const char *word)
{
    size_t i;

    for (i = 0; i < EVENT_COUNT; i++) {
        if (strcmp(events[i].name, word) == 0) {
            reading->rule->events = events[i].events;
            return IMPRINT_OK;
        }
    }
    return refuse(reading, word,
                  "is not connect, subscribe, create-keys, create-csr, create, "
                  "register, reply or rest");
}

/* Up to the word that ends with a colon. */
static enum imprint_status read_conditions(const struct reading *reading,
                                           char **rest)
{
    enum imprint_status status = IMPRINT_OK;
    bool is_first = true;
    char *word;

    while (status == IMPRINT_OK && (word = strsep(rest, " \t"))) {
        size_t len = strlen(word);
        bool is_last = len > 0 && word[len - 1] == ':';

        if (is_last)
            word[--len] = '\0';
        if (len > 0 && strchr(word, '='))
            status = read_condition(reading, word);
        else if (len > 0 && is_first)
            status = read_event(reading, word);
        else if (len > 0)
            status = refuse(reading, word, "is no condition: NAME=VALUE");
        if (is_last)
            return status;
        is_first = is_first && len == 0;
    }
    return status == IMPRINT_OK ? refuse(reading, reading->rule->line,
                                         "has no colon before its action")
                                : status;
}

/* The next word that is not empty, or NULL. */
static char *next_word(char **rest)
{
    char *word;

    do
        word = strsep(rest, " \t");
    while (word && *word == '\0');
    return word;
}

static const struct action *find_action(const char *name, unsigned at)
{
    const struct action *found = NULL;
    size_t i;

    for (i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(actions[i].name, name) != 0)
            continue;
        if ((actions[i].events & at) == at)
            return &actions[i];
        found = found ? found : &actions[i];
    }
    return found;
}

static enum imprint_status read_action(const struct reading *reading,
                                       char **rest)
{
    struct imprint_fault *fault = &reading->rule->fault;
    const char *name = next_word(rest);
    const struct action *action =
        name ? find_action(name, reading->rule->events) : NULL;
    const char *word;

    if (!action)
        return refuse(reading, name ? name : reading->rule->line,
                      "is not close, lose, delay, double, swap, cut, refuse, "
                      "wrong-certificate, other-key, long-token, chain or "
                      "long-reply");
    if ((action->events & reading->rule->events) != reading->rule->events)
        return refuse(reading, name, "can't happen at this event");
    fault->kind = action->kind;
    word = next_word(rest);
    if (action->unit && (!word || !read_number(word, action->low, action->high,
                                               &fault->number)))
        return imprint_why_set(reading->why, IMPRINT_ERR_FORMAT,
                               "line %zu: \"%s\" needs %s, from %lld to %lld",
                               reading->line_number, name, action->unit,
                               (long long)action->low, (long long)action->high);
    if (action->unit)
        word = next_word(rest);
    if (action->takes_text && word) {
        if (strlen(word) >= sizeof(fault->text))
            return refuse(reading, word, "is too long");
        (void)snprintf(fault->text, sizeof(fault->text), "%s", word);
        word = next_word(rest);
    }
    return word ? refuse(reading, word, "is one word too many") : IMPRINT_OK;
}

static enum imprint_status read_rule(const struct reading *reading,
                                     struct imprint_slice line)
{
    struct rule *rule = reading->rule;
    char *rest = rule->words;
    enum imprint_status status;

    if (line.len >= LINE_MAX_LEN || memchr(line.bytes, '\0', line.len))
        return imprint_why_set(reading->why, IMPRINT_ERR_FORMAT,
                               "line %zu: is no text, or too long",
                               reading->line_number);
    *rule = (struct rule){.events = AT_REPLY, .first = 1, .last = FOREVER};
    memcpy(rule->line, line.bytes, line.len);
    memcpy(rule->words, line.bytes, line.len);
    status = read_conditions(reading, &rest);
    return status == IMPRINT_OK ? read_action(reading, &rest) : status;
}

/* ---- all lines ---- */

/* Without blanks at both ends and what follows a # at its beginning. */
static struct imprint_slice trim(struct imprint_slice line)
{
    while (line.len > 0 && strchr(" \t\r", line.bytes[line.len - 1]) &&
           line.bytes[line.len - 1] != '\0')
        line.len--;
    while (line.len > 0 && (line.bytes[0] == ' ' || line.bytes[0] == '\t')) {
        line.bytes++;
        line.len--;
    }
    if (line.len > 0 && line.bytes[0] == '#')
        line.len = 0;
    return line;
}

static enum imprint_status read_rules(struct imprint_slice text,
                                      struct rule *rules, size_t *count,
                                      struct imprint_why *why)
{
    struct reading reading = {.why = why};
    enum imprint_status status = IMPRINT_OK;

    while (text.len > 0 && status == IMPRINT_OK) {
        const uint8_t *end = memchr(text.bytes, '\n', text.len);
        size_t len = end ? (size_t)(end - text.bytes) : text.len;
        struct imprint_slice line = trim(imprint_slice_of(text.bytes, len));
        size_t step = end ? len + 1 : len;

        reading.line_number++;
        text = imprint_slice_of(text.bytes + step, text.len - step);
        if (line.len == 0)
            continue;
        if (*count == RULE_MAX_COUNT)
            return imprint_why_set(why, IMPRINT_ERR_FORMAT,
                                   "line %zu: there are more than %d rules",
                                   reading.line_number, RULE_MAX_COUNT);
        reading.rule = &rules[*count];
        status = read_rule(&reading, line);
        (*count)++;
    }
    return status;
}

/* Counters go on where a line stays. */
static void take_counts(struct rule *rules, size_t count,
                        const struct imprint_faults *from)
{
    size_t i;
    size_t k;

    for (i = 0; i < count; i++) {
        for (k = 0; k < from->count; k++) {
            if (strcmp(rules[i].line, from->rules[k].line) == 0)
                rules[i].count = from->rules[k].count;
        }
    }
}

enum imprint_status imprint_fault_set(struct imprint_faults *faults,
                                      struct imprint_slice text,
                                      struct imprint_why *why)
{
    struct rule *rules = calloc(RULE_MAX_COUNT, sizeof(*rules));
    size_t count = 0;
    enum imprint_status status;

    if (!rules)
        return imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    status = read_rules(text, rules, &count, why);
    if (status != IMPRINT_OK) {
        free(rules);
        return status;
    }
    (void)pthread_mutex_lock(&faults->lock);
    take_counts(rules, count, faults);
    free(faults->rules);
    faults->rules = rules;
    faults->count = count;
    (void)pthread_mutex_unlock(&faults->lock);
    return IMPRINT_OK;
}

/* ---- match ---- */

static bool fits_text(const char *pattern, const char *text)
{
    return fnmatch(pattern, text ? text : "", 0) == 0;
}

static bool fits_parameter(const struct condition *condition,
                           const struct imprint_fault_case *now)
{
    const char *name = condition->name + strlen("param.");
    size_t i;

    for (i = 0; i < now->parameter_count; i++) {
        const struct imprint_pair *pair = &now->parameters[i];
        char value[LINE_MAX_LEN];

        if (!imprint_slice_is(pair->name, name) ||
            pair->value.len >= sizeof(value))
            continue;
        if (pair->value.len > 0)
            memcpy(value, pair->value.bytes, pair->value.len);
        value[pair->value.len] = '\0';
        return fits_text(condition->value, value);
    }
    return false;
}

static bool fits(const struct rule *rule, const struct imprint_fault_case *now)
{
    size_t i;

    if (!(rule->events & 1u << now->event))
        return false;
    for (i = 0; i < rule->condition_count; i++) {
        const struct condition *condition = &rule->conditions[i];
        const char *name = condition->name;
        const char *text = strcmp(name, "client") == 0  ? now->client_id
                           : strcmp(name, "claim") == 0 ? now->claim
                           : strcmp(name, "thing") == 0 ? now->thing_name
                           : strcmp(name, "operation") == 0
                               ? now->operation
                               : now->template_name;

        if (strncmp(name, "param.", 6) == 0
                ? !fits_parameter(condition, now)
                : !fits_text(condition->value, text))
            return false;
    }
    return true;
}

void imprint_fault_match(struct imprint_faults *faults,
                         const struct imprint_fault_case *now,
                         struct imprint_fault *out)
{
    bool has_struck = false;
    size_t i;

    (void)pthread_mutex_lock(&faults->lock);
    *out = (struct imprint_fault){.kind = IMPRINT_FAULT_NONE};
    for (i = 0; i < faults->count; i++) {
        struct rule *rule = &faults->rules[i];

        if (!fits(rule, now))
            continue;
        rule->count++;
        if (!has_struck && rule->count >= rule->first &&
            rule->count <= rule->last) {
            *out = rule->fault;
            has_struck = true;
        }
    }
    (void)pthread_mutex_unlock(&faults->lock);
}
