#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "posix/settings.h"
#include "posix/why.h"

/* An order while it is taken apart. */
struct typed {
    struct imprint_verbs_order *order;
    /* what imprint_settings_open takes: the name and the options */
    char *rest[IMPRINT_VERBS_ARGUMENT_MAX_COUNT + 1]; /* then NULL */
    int rest_count;
};

/* ---- parting operands from options ---- */

/* True if the verb has this option; *takes_value: the next argument is it. */
static bool find_option(const char *verb, const char *name, bool *takes_value)
{
    struct imprint_settings_help row;

    for (size_t i = 0; imprint_settings_describe(verb, i, &row); i++) {
        if (strcmp(name, row.name) == 0) {
            *takes_value = row.argument[0] != '\0';
            return true;
        }
    }
    return false;
}

static bool is_operand(const char *argument)
{
    return argument[0] != '-' || argument[1] == '\0' ||
           (argument[1] >= '0' && argument[1] <= '9');
}

/* Parts argv[2..]. False: too many arguments. */
static bool part(const char *name, int argc, char **argv, struct typed *typed)
{
    static char follow[] = "--follow";
    struct imprint_verbs_order *order = typed->order;
    bool has_ended = false; /* "--" stood there */

    typed->rest[typed->rest_count++] = argv[0];
    for (int i = 2; i < argc; i++) {
        bool takes_value = false;

        if (typed->rest_count + 2 > IMPRINT_VERBS_ARGUMENT_MAX_COUNT)
            return false;
        if (has_ended || is_operand(argv[i])) {
            if (order->operand_count == IMPRINT_VERBS_OPERAND_MAX_COUNT)
                return false;
            order->operands[order->operand_count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            has_ended = true;
        } else if (strcmp(argv[i], "-f") == 0 &&
                   find_option(name, "follow", &takes_value)) {
            typed->rest[typed->rest_count++] = follow;
        } else {
            typed->rest[typed->rest_count++] = argv[i];
            if (strncmp(argv[i], "--", 2) == 0 &&
                find_option(name, argv[i] + 2, &takes_value) && takes_value &&
                i + 1 < argc)
                typed->rest[typed->rest_count++] = argv[++i];
        }
    }
    return true;
}

/* ---- help ---- */

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += len) {
        if ((at == words || at[-1] == ' ') &&
            (at[len] == ' ' || at[len] == '\0'))
            return true;
    }
    return false;
}

static bool takes(const char *options, const char *name)
{
    return has_word("config dir", name) || has_word(options, name);
}

/* A row's text is for all subverbs: "try: the thing's type". */
static const char *skip_subverb(const char *text, const char *subverb)
{
    size_t len = strlen(subverb);

    return strncmp(text, subverb, len) == 0 && strncmp(text + len, ": ", 2) == 0
               ? text + len + 2
               : text;
}

static const char *blank_before(const char *operands)
{
    return operands[0] ? " " : "";
}

static void print_verb(const char *name, const struct imprint_verb *verb)
{
    struct imprint_settings_help row;

    (void)printf("usage: imprint %s %s%s%s [OPTION...]\n\n%s\n\n", name,
                 verb->name, blank_before(verb->operands), verb->operands,
                 verb->summary);
    for (size_t i = 0; imprint_settings_describe(name, i, &row); i++) {
        if (!takes(verb->options, row.name))
            continue;
        row.text = skip_subverb(row.text, verb->name);
        imprint_cli_option(&row);
    }
}

static const struct imprint_verb *row_at(const struct imprint_verbs *verbs,
                                         size_t index)
{
    const char *rows = verbs->rows;

    return (const struct imprint_verb *)(const void *)(rows +
                                                       index * verbs->row_len);
}

static void print_verbs(const struct imprint_verbs *verbs)
{
    (void)printf("usage: imprint %s %s\n\n", verbs->name, verbs->usage);
    for (size_t i = 0; i < verbs->row_count; i++) {
        const struct imprint_verb *verb = row_at(verbs, i);
        char left[48];

        (void)snprintf(left, sizeof(left), "%s%s%s", verb->name,
                       blank_before(verb->operands), verb->operands);
        imprint_cli_line(left, verb->summary);
    }
    (void)putchar('\n');
    imprint_cli_help(verbs->name);
}

/* ---- an order ---- */

static const struct imprint_verb *find(const struct imprint_verbs *verbs,
                                       const char *name)
{
    for (size_t i = 0; name && i < verbs->row_count; i++) {
        if (strcmp(row_at(verbs, i)->name, name) == 0)
            return row_at(verbs, i);
    }
    return NULL;
}

/* The command line has no option that another verb takes. */
static enum imprint_status check_options(
    const char *name, const struct imprint_verb *verb,
    const struct imprint_settings *settings, struct imprint_why *why)
{
    struct imprint_settings_help row;

    for (size_t i = 0; imprint_settings_describe(name, i, &row); i++) {
        const char *place = imprint_settings_place(settings, row.name);

        if (strncmp(place, "--", 2) != 0 || takes(verb->options, row.name))
            continue;
        (void)imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                              "\"imprint %s %s\" takes no %s", name, verb->name,
                              place);
        imprint_why_hint(why, "see imprint %s %s --help", name, verb->name);
        return IMPRINT_ERR_SETTINGS;
    }
    return IMPRINT_OK;
}

static int read_options(const char *name, struct typed *typed)
{
    struct imprint_verbs_order *order = typed->order;
    struct imprint_why why = {"", ""};
    enum imprint_status status = imprint_settings_open(
        typed->rest_count, typed->rest, &order->settings, &why);

    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    status = check_options(name, order->verb, order->settings, &why);
    if (status != IMPRINT_OK) {
        imprint_verbs_close(order);
        return imprint_cli_fail(status, &why);
    }
    order->json = imprint_settings_on(order->settings, "json");
    return IMPRINT_CLI_DONE;
}

/* The verb is known. */
static int take(const char *name, int argc, char **argv,
                struct imprint_verbs_order *order)
{
    const struct imprint_verb *verb = order->verb;
    struct typed typed = {.order = order};
    char hint[64];

    (void)snprintf(hint, sizeof(hint), "see imprint %s %s --help", name,
                   verb->name);
    if (!part(name, argc, argv, &typed))
        return imprint_cli_usage(hint, "too many arguments");
    if (order->operand_count < verb->min_count)
        return imprint_cli_usage(hint, "\"imprint %s %s\" needs %s", name,
                                 verb->name, verb->operands);
    if (order->operand_count > verb->max_count)
        return imprint_cli_usage(hint, "unexpected argument \"%s\"",
                                 order->operands[verb->max_count]);
    return read_options(name, &typed);
}

static bool has_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return true;
    }
    return false;
}

bool imprint_verbs_open(const struct imprint_verbs *verbs, int argc,
                        char **argv, struct imprint_verbs_order *order,
                        int *code)
{
    char hint[64];

    memset(order, 0, sizeof(*order));
    order->verb = find(verbs, argc > 1 ? argv[1] : NULL);
    (void)snprintf(hint, sizeof(hint), "see imprint %s --help", verbs->name);
    *code = IMPRINT_CLI_DONE;
    if (has_help(argc, argv)) {
        if (order->verb)
            print_verb(verbs->name, order->verb);
        else
            print_verbs(verbs);
        return false;
    }
    if (argc < 2)
        *code = imprint_cli_usage(hint, "%s", verbs->asking);
    else if (!order->verb)
        *code = imprint_cli_usage(hint, "unknown verb \"%s\" of \"imprint %s\"",
                                  argv[1], verbs->name);
    else
        *code = take(verbs->name, argc, argv, order);
    return *code == IMPRINT_CLI_DONE;
}

void imprint_verbs_close(struct imprint_verbs_order *order)
{
    imprint_settings_close(order->settings);
    order->settings = NULL;
}
