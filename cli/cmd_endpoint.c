#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "endpoint/where.h"
#include "endpoint_log.h"
#include "endpoint_order.h"
#include "endpoint_rest.h"
#include "endpoint_run.h"
#include "endpoint_show.h"
#include "endpoint_tune.h"
#include "posix/settings.h"
#include "posix/why.h"
#include "verbs.h"

#define DEFAULT_LISTEN "127.0.0.1:8883"
#define ANY_COUNT IMPRINT_VERBS_OPERAND_MAX_COUNT

struct verb {
    struct imprint_verb row;
    enum imprint_status (*carry_out)(const struct imprint_endpoint_order *order,
                                     struct imprint_why *why);
};

static enum imprint_status run(const struct imprint_endpoint_order *order,
                               struct imprint_why *why)
{
    const char *listen = imprint_settings_get(order->settings, "listen");
    struct imprint_endpoint_tune tune;
    struct imprint_endpoint_rest rest;
    const struct imprint_endpoint_run endpoint_run = {
        .dir = order->dir,
        .listen = listen ? listen : DEFAULT_LISTEN,
        .registry = imprint_settings_get(order->settings, "registry"),
        .command = order->command,
        .tune = &tune,
        .rest = &rest,
        .json = order->json,
        .log = imprint_settings_on(order->settings, "log"),
    };
    enum imprint_status status =
        imprint_endpoint_rest_read(order->settings, &rest, why);

    if (status == IMPRINT_OK)
        status = imprint_endpoint_tune_read(order->settings, &tune, why);
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
    {{"run", "", "start it; ends with Ctrl-C",
      "listen registry rest rest-tls no-auth allow-remote log clock faults "
      "explain "
      "strict json",
      0, 0},
     run},
    {{"log", "", "what it did: one line per event", "follow", 0, 0}, show_log},
    /* claims and certificates */
    {{"claim", "[NAME]", "make a batch's claim, or a --temporary one",
      "name template policy rsa temporary out qr json", 0, 1},
     imprint_endpoint_claim},
    {{"certificates", "", "what was issued to whom", "json", 0, 0},
     imprint_endpoint_show_certificates},
    {{"deactivate", "WHICH",
      "throw off a certificate, by its id, claim or thing", "", 1, 1},
     imprint_endpoint_state_deactivate},
    {{"activate", "WHICH", "let it in again", "", 1, 1},
     imprint_endpoint_state_activate},
    {{"revoke", "WHICH", "throw it off as revoked", "", 1, 1},
     imprint_endpoint_state_revoke},
    {{"delete", "WHICH", "forget it; or policy/, template/ or thing/NAME",
      "force", 1, 1},
     imprint_endpoint_state_delete},
    {{"register", "FILE", "take a certificate that was made elsewhere",
      "claim template policy thing json", 1, 1},
     imprint_endpoint_claim_register},
    {{"ca", "FILE", "take certificates that this CA signed", "remove", 1, 1},
     imprint_endpoint_claim_trust},
    /* documents and names */
    {{"template", "NAME [FILE]", "put or change a template, or show it",
      "hook no-hook enabled disabled json", 1, 2},
     imprint_endpoint_catalog_template},
    {{"templates", "", "the templates", "json", 0, 0},
     imprint_endpoint_catalog_templates},
    {{"policy", "NAME [FILE]", "put a policy, or show it", "json", 1, 2},
     imprint_endpoint_catalog_policy},
    {{"policies", "", "the policies", "json", 0, 0},
     imprint_endpoint_catalog_policies},
    {{"attach", "POLICY TARGET",
      "to a certificate's id, a claim, or group/NAME", "", 2, 2},
     imprint_endpoint_catalog_attach},
    {{"detach", "POLICY TARGET", "undo it", "", 2, 2},
     imprint_endpoint_catalog_detach},
    {{"type", "[NAME]", "make a thing type, or show all", "json", 0, 1},
     imprint_endpoint_catalog_type},
    {{"group", "[NAME]", "make a thing group, or show all", "json", 0, 1},
     imprint_endpoint_catalog_group},
    {{"billing-group", "[NAME]", "make a billing group, or show all", "json", 0,
      1},
     imprint_endpoint_catalog_billing_group},
    {{"credentials", "add NAME | list | remove KEY",
      "access keys that sign requests to --rest", "lifetime json", 1, 2},
     imprint_endpoint_credentials},
    {{"audit", "verify", "whether the log of all changes is as it was written",
      "json", 1, 1},
     imprint_endpoint_audit},
    {{"backup", "DIRECTORY", "copy all of it there; it may be running",
      "passphrase-file json", 1, 1},
     imprint_endpoint_backup},
    {{"restore", "DIRECTORY", "make it anew from a backup",
      "passphrase-file json", 1, 1},
     imprint_endpoint_backup_restore},
    /* other than AWS */
    {{"settings", "", "limits, rates, switches: yours and AWS's", "json", 0, 0},
     imprint_endpoint_tune_settings},
    {{"set", "NAME [VALUE]", "change one; without a value: forget yours", "", 1,
      2},
     imprint_endpoint_tune_set},
    {{"clock", "[WHEN]", "move its clock: +65m, -1h, 2026-12-01T00:00:00Z, now",
      "json", 0, 1},
     imprint_endpoint_clock},
    {{"fault", "RULE...",
      "let something go wrong: \"register nth=2: lose\"; \"none\" forgets all",
      "faults", 0, ANY_COUNT},
     imprint_endpoint_tune_fault},
    {{"faults", "", "the rules that are set", "json", 0, 0},
     imprint_endpoint_tune_faults},
    {{"report", "", "what was made and is not in use; exit 3 if anything is",
      "json", 0, 0},
     imprint_endpoint_report},
};

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
    char *named = find_dir(settings);
    char *real = named ? realpath(named, NULL) : NULL;

    if (real && imprint_where_is_there(real)) {
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

static bool makes_dir(const struct verb *verb)
{
    return verb->carry_out == run ||
           verb->carry_out == imprint_endpoint_backup_restore;
}

static enum imprint_status carry_out(const struct imprint_verbs_order *typed,
                                     struct imprint_why *why)
{
    const struct verb *verb = (const struct verb *)typed->verb;
    char command[PATH_MAX];
    struct imprint_endpoint_order order = {.settings = typed->settings,
                                           .command = command,
                                           .operands = typed->operands,
                                           .operand_count =
                                               typed->operand_count,
                                           .json = typed->json};
    char *dir = NULL;
    enum imprint_status status = IMPRINT_OK;

    if (makes_dir(verb))
        dir = find_dir(typed->settings);
    else
        status = open_dir(typed->settings, &dir, why);
    if (status == IMPRINT_OK && !dir)
        status = imprint_why_set(why, IMPRINT_ERR_INTERNAL, "out of memory");
    if (status == IMPRINT_OK) {
        name_command(command);
        order.dir = dir;
        status = verb->carry_out(&order, why);
    }
    free(dir);
    return as_typed(status);
}

int imprint_cmd_endpoint(int argc, char **argv)
{
    static const struct imprint_verbs all = {
        .name = "endpoint",
        .usage = "VERB [OPTION...]",
        .asking = "what shall the endpoint do?",
        .rows = verbs,
        .row_len = sizeof(verbs[0]),
        .row_count = sizeof(verbs) / sizeof(verbs[0]),
    };
    struct imprint_verbs_order order;
    struct imprint_why why = {"", ""};
    enum imprint_status status;
    int code;

    if (!imprint_verbs_open(&all, argc, argv, &order, &code))
        return code;
    status = carry_out(&order, &why);
    imprint_verbs_close(&order);
    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    imprint_cli_hint(&why);
    return IMPRINT_CLI_DONE;
}
