#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "endpoint_log.h"
#include "endpoint_order.h"
#include "endpoint_run.h"
#include "endpoint_show.h"
#include "endpoint_tune.h"
#include "posix/settings.h"
#include "posix/why.h"

#define DEFAULT_LISTEN "127.0.0.1:8883"
#define ANY_COUNT IMPRINT_CLI_OPERAND_MAX_COUNT

struct verb {
    const char *name;
    const char *operands; /* what they are called */
    const char *summary;
    const char *options; /* beside dir and config */
    size_t min_count;    /* of operands */
    size_t max_count;
    enum imprint_status (*carry_out)(const struct imprint_endpoint_order *order,
                                     struct imprint_why *why);
};

static enum imprint_status run(const struct imprint_endpoint_order *order,
                               struct imprint_why *why)
{
    const char *listen = imprint_settings_get(order->settings, "listen");
    struct imprint_endpoint_tune tune;
    const struct imprint_endpoint_run endpoint_run = {
        .dir = order->dir,
        .listen = listen ? listen : DEFAULT_LISTEN,
        .command = order->command,
        .tune = &tune,
        .json = order->json,
        .log = imprint_settings_on(order->settings, "log"),
    };
    enum imprint_status status =
        imprint_endpoint_tune_read(order->settings, &tune, why);

    if (status != IMPRINT_OK)
        return status;
    status = imprint_endpoint_run(&endpoint_run, why);
    imprint_endpoint_tune_free(&tune);
    return status;
}

static enum imprint_status show_log(const struct imprint_endpoint_order *order,
                                    struct imprint_why *why)
{
    return imprint_endpoint_log(
        order->dir, imprint_settings_on(order->settings, "follow"), why);
}

static const struct verb verbs[] = {
    {"run", "", "start it; ends with Ctrl-C",
     "listen log clock faults explain strict json", 0, 0, run},
    {"log", "", "what it did: one line per event", "follow", 0, 0, show_log},
    /* claims and certificates */
    {"claim", "[NAME]", "make a batch's claim, or a --temporary one",
     "name template policy rsa temporary out qr json", 0, 1,
     imprint_endpoint_claim},
    {"certificates", "", "what was issued to whom", "json", 0, 0,
     imprint_endpoint_show_certificates},
    {"deactivate", "WHICH",
     "throw off a certificate, by its id, claim or thing", "", 1, 1,
     imprint_endpoint_state_deactivate},
    {"activate", "WHICH", "let it in again", "", 1, 1,
     imprint_endpoint_state_activate},
    {"revoke", "WHICH", "throw it off as revoked", "", 1, 1,
     imprint_endpoint_state_revoke},
    {"delete", "WHICH", "forget it; or policy/, template/ or thing/NAME",
     "force", 1, 1, imprint_endpoint_state_delete},
    {"register", "FILE", "take a certificate that was made elsewhere",
     "claim template policy thing json", 1, 1, imprint_endpoint_claim_register},
    {"ca", "FILE", "take certificates that this CA signed", "", 1, 1,
     imprint_endpoint_claim_trust},
    /* documents and names */
    {"template", "NAME [FILE]", "put or change a template, or show it",
     "hook no-hook enabled disabled json", 1, 2,
     imprint_endpoint_catalog_template},
    {"templates", "", "the templates", "json", 0, 0,
     imprint_endpoint_catalog_templates},
    {"policy", "NAME [FILE]", "put a policy, or show it", "json", 1, 2,
     imprint_endpoint_catalog_policy},
    {"policies", "", "the policies", "json", 0, 0,
     imprint_endpoint_catalog_policies},
    {"attach", "POLICY TARGET", "to a certificate's id, a claim, or group/NAME",
     "", 2, 2, imprint_endpoint_catalog_attach},
    {"detach", "POLICY TARGET", "undo it", "", 2, 2,
     imprint_endpoint_catalog_detach},
    {"type", "[NAME]", "make a thing type, or show all", "json", 0, 1,
     imprint_endpoint_catalog_type},
    {"group", "[NAME]", "make a thing group, or show all", "json", 0, 1,
     imprint_endpoint_catalog_group},
    {"billing-group", "[NAME]", "make a billing group, or show all", "json", 0,
     1, imprint_endpoint_catalog_billing_group},
    /* other than AWS */
    {"settings", "", "limits, rates, switches: yours and AWS's", "json", 0, 0,
     imprint_endpoint_tune_settings},
    {"set", "NAME [VALUE]", "change one; without a value: forget yours", "", 1,
     2, imprint_endpoint_tune_set},
    {"clock", "[WHEN]", "move its clock: +65m, -1h, 2026-12-01T00:00:00Z, now",
     "json", 0, 1, imprint_endpoint_clock},
    {"fault", "RULE...",
     "let something go wrong: \"register nth=2: lose\"; \"none\" forgets all",
     "faults", 0, ANY_COUNT, imprint_endpoint_tune_fault},
    {"faults", "", "the rules that are set", "json", 0, 0,
     imprint_endpoint_tune_faults},
    {"report", "", "what was made and is not in use; exit 3 if anything is",
     "json", 0, 0, imprint_endpoint_report},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* ---- help ---- */

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static void print_verb(const struct verb *verb)
{
    char left[48];

    (void)snprintf(left, sizeof(left), "%s%s%s", verb->name,
                   verb->operands[0] ? " " : "", verb->operands);
    imprint_cli_line(left, verb->summary);
}

static int print_help(void)
{
    (void)printf("usage: imprint endpoint VERB [OPTION...]\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        print_verb(&verbs[i]);
    (void)printf("\n");
    imprint_cli_help("endpoint");
    return IMPRINT_CLI_DONE;
}

/* ---- carrying out ---- */

/* As it was typed when it is in PATH, else where it stands. */
static void name_command(char command[PATH_MAX])
{
    ssize_t len = -1;

    if (strchr(program_invocation_name, '/'))
        len = readlink("/proc/self/exe", command, PATH_MAX - 1);
    if (len > 0)
        command[len] = '\0';
    else
        (void)snprintf(command, PATH_MAX, "%s", program_invocation_name);
}

/* --dir, or the user's own data directory; free it. */
static char *find_dir(const struct imprint_settings *settings)
{
    const char *asked = imprint_settings_get(settings, "dir");
    const char *data_home = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    char *dir = NULL;
    int len;

    if (asked)
        return strdup(asked);
    if (data_home && data_home[0] == '/')
        len = asprintf(&dir, "%s/imprint", data_home);
    else
        len = asprintf(&dir, "%s/.local/share/imprint",
                       home && home[0] ? home : ".");
    return len < 0 ? NULL : dir;
}

/* The directory that run made; free it. */
static enum imprint_status open_dir(const struct imprint_settings *settings,
                                    char **dir, struct imprint_why *why)
{
    char path[PATH_MAX];
    char *named = find_dir(settings);
    char *real = named ? realpath(named, NULL) : NULL;
    int len = snprintf(path, sizeof(path), "%s/registry.db", real ? real : "");

    if (real && len < PATH_MAX && access(path, F_OK) == 0) {
        free(named);
        *dir = real;
        return IMPRINT_OK;
    }
    imprint_why_set(why, IMPRINT_ERR_SETTINGS, "there is no endpoint in \"%s\"",
                    named ? named : "");
    imprint_why_hint(why, "start \"imprint endpoint run\" there once, or name "
                          "another --dir");
    free(real);
    free(named);
    return IMPRINT_ERR_SETTINGS;
}

/* A name, value or document that was typed is a matter of usage. */
static enum imprint_status as_typed(enum imprint_status status)
{
    switch (status) {
    case IMPRINT_ERR_ARGUMENT:
    case IMPRINT_ERR_FORMAT:
    case IMPRINT_ERR_NOT_FOUND:
    case IMPRINT_ERR_SPACE:
        return IMPRINT_ERR_SETTINGS;
    default:
        return status;
    }
}

static enum imprint_status carry_out(const struct verb *verb,
                                     struct imprint_endpoint_order *order,
                                     struct imprint_why *why)
{
    char command[PATH_MAX];
    char *dir = NULL;
    enum imprint_status status = imprint_cli_check_options(
        "endpoint", verb->name, verb->options, order->settings, why);

    if (status != IMPRINT_OK)
        return status;
    if (verb->carry_out == run)
        dir = find_dir(order->settings);
    else
        status = open_dir(order->settings, &dir, why);
    if (status == IMPRINT_OK && !dir)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK) {
        name_command(command);
        order->dir = dir;
        order->command = command;
        order->json = imprint_settings_on(order->settings, "json");
        status = verb->carry_out(order, why);
    }
    free(dir);
    return as_typed(status);
}

static int start(const struct verb *verb, struct imprint_cli_parts *parts)
{
    struct imprint_endpoint_order order = {
        .operands = parts->operands, .operand_count = parts->operand_count};
    struct imprint_settings *settings = NULL;
    struct imprint_why why = {"", ""};
    enum imprint_status status =
        imprint_settings_open(parts->rest_count, parts->rest, &settings, &why);

    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    order.settings = settings;
    status = carry_out(verb, &order, &why);
    imprint_settings_close(settings);
    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    imprint_cli_hint(&why);
    return IMPRINT_CLI_DONE;
}

int imprint_cmd_endpoint(int argc, char **argv)
{
    static const char hint[] = "see imprint endpoint --help";
    struct imprint_cli_parts parts;
    const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") != 0)
            continue;
        if (!verb)
            return print_help();
        imprint_cli_subverb_help("endpoint", verb->name, verb->operands,
                                 verb->summary, verb->options);
        return IMPRINT_CLI_DONE;
    }
    if (argc < 2)
        return imprint_cli_usage(hint, "what shall the endpoint do?");
    if (!verb)
        return imprint_cli_usage(hint,
                                 "unknown verb \"%s\" of \"imprint "
                                 "endpoint\"",
                                 argv[1]);
    if (!imprint_cli_part("endpoint", argc, argv, &parts))
        return imprint_cli_usage(hint, "too many arguments");
    if (parts.operand_count < verb->min_count)
        return imprint_cli_usage(hint, "\"imprint endpoint %s\" needs %s",
                                 verb->name, verb->operands);
    if (parts.operand_count > verb->max_count)
        return imprint_cli_usage(hint, "unexpected argument \"%s\"",
                                 parts.operands[verb->max_count]);
    return start(verb, &parts);
}
