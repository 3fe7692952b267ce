#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "endpoint/admin.h"
#include "endpoint_log.h"
#include "endpoint_run.h"
#include "endpoint_show.h"
#include "posix/settings.h"
#include "posix/why.h"

#define DEFAULT_LISTEN "127.0.0.1:8883"
#define ARGUMENT_MAX_COUNT 64
#define LISTED_MAX_COUNT 1000 /* certificates of one claim or thing */

struct order {
    const struct imprint_settings *settings;
    const char *dir;
    const char *operand; /* NULL if the verb takes none */
    bool log;            /* --log */
};

struct verb {
    const char *name;
    const char *operand; /* what it is called; "" if it takes none */
    const char *summary;
    enum imprint_status (*carry_out)(const struct order *order,
                                     struct imprint_why *why);
};

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

static enum imprint_status run(const struct order *order,
                               struct imprint_why *why)
{
    char command[PATH_MAX];
    const char *listen = imprint_settings_get(order->settings, "listen");
    struct imprint_endpoint_run endpoint_run;

    name_command(command);
    endpoint_run.dir = order->dir;
    endpoint_run.listen = listen ? listen : DEFAULT_LISTEN;
    endpoint_run.command = command;
    endpoint_run.json = imprint_settings_on(order->settings, "json");
    endpoint_run.log = order->log;
    return imprint_endpoint_run(&endpoint_run, why);
}

static enum imprint_status show_log(const struct order *order,
                                    struct imprint_why *why)
{
    return imprint_endpoint_log(
        order->dir, imprint_settings_on(order->settings, "follow"), why);
}

static enum imprint_status make_claim(const struct order *order,
                                      struct imprint_why *why)
{
    const struct imprint_endpoint_claim claim = {
        order->operand, imprint_settings_on(order->settings, "rsa"), 0, NULL};
    enum imprint_status status =
        imprint_endpoint_make_claim(order->dir, &claim, why);

    if (status == IMPRINT_OK)
        (void)printf("%s/claims/%s/certificate.pem\n", order->dir,
                     order->operand);
    return status;
}

static enum imprint_status show_certificates(const struct order *order,
                                             struct imprint_why *why)
{
    return imprint_endpoint_show_certificates(
        order->dir, imprint_settings_on(order->settings, "json"), why);
}

/* ---- activate, deactivate ---- */

struct search {
    const char *wanted; /* the id, or the name of a claim or thing */
    size_t count;
    char id[65]; /* of the last one found that is not so already */
    const char *status;
};

static void match(void *user,
                  const struct imprint_endpoint_certificate *certificate)
{
    struct search *search = user;

    if (strcmp(search->wanted, certificate->id) != 0 &&
        strcmp(search->wanted, certificate->claim) != 0 &&
        strcmp(search->wanted, certificate->thing) != 0)
        return;
    search->count++;
    if (strcmp(search->status, certificate->status) != 0)
        (void)snprintf(search->id, sizeof(search->id), "%s", certificate->id);
}

/* Every certificate of that id, claim or thing. */
static enum imprint_status set_status(const struct order *order,
                                      const char *status_name,
                                      struct imprint_why *why)
{
    struct search search = {order->operand, 0, "", status_name};
    enum imprint_status status;
    size_t left = LISTED_MAX_COUNT;

    do {
        search.count = 0;
        search.id[0] = '\0';
        status = imprint_endpoint_list(order->dir, match, &search, why);
        if (status == IMPRINT_OK && search.id[0])
            status = imprint_endpoint_set_status(order->dir, search.id,
                                                 status_name, why);
    } while (status == IMPRINT_OK && search.id[0] && --left > 0);
    if (status != IMPRINT_OK || search.count > 0)
        return status;
    imprint_why_set(why, IMPRINT_ERR_SETTINGS,
                    "no certificate, claim or thing \"%s\"", order->operand);
    imprint_why_hint(why, "see imprint endpoint certificates");
    return IMPRINT_ERR_SETTINGS;
}

static enum imprint_status activate(const struct order *order,
                                    struct imprint_why *why)
{
    return set_status(order, "ACTIVE", why);
}

static enum imprint_status deactivate(const struct order *order,
                                      struct imprint_why *why)
{
    return set_status(order, "INACTIVE", why);
}

static const struct verb verbs[] = {
    {"run", "", "start it; ends with Ctrl-C", run},
    {"log", "", "what it did: one line per event", show_log},
    {"claim", "NAME", "make another claim", make_claim},
    {"certificates", "", "what was issued to whom", show_certificates},
    {"deactivate", "WHICH",
     "throw off a certificate, by its id, claim or thing", deactivate},
    {"activate", "WHICH", "let it in again", activate},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static int print_help(void)
{
    (void)printf("usage: imprint endpoint VERB [OPTION...]\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        char left[48];

        (void)snprintf(left, sizeof(left), "%s%s%s", verbs[i].name,
                       verbs[i].operand[0] ? " " : "", verbs[i].operand);
        (void)printf("  %-26s %s\n", left, verbs[i].summary);
    }
    (void)printf("\n  %-26s run: print events on stderr, too\n", "--log");
    imprint_cli_help("endpoint");
    return IMPRINT_CLI_DONE;
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

/* True if the next argument is this option's value. */
static bool takes_value(const char *option)
{
    struct imprint_settings_help row;

    for (size_t i = 0; imprint_settings_describe("endpoint", i, &row); i++) {
        if (strcmp(option + 2, row.name) == 0)
            return row.argument[0] != '\0';
    }
    return false;
}

/*
 * Parts argv[2..] into the operand, --log, and rest: the verb of all settings
 * and its options. False: too many of something.
 */
static bool part_arguments(int argc, char **argv, struct order *order,
                           char **rest)
{
    static char follow[] = "--follow";
    int count = 0;

    rest[count++] = argv[0];
    for (int i = 2; i < argc; i++) {
        if (count + 2 >= ARGUMENT_MAX_COUNT)
            return false;
        if (strcmp(argv[i], "--log") == 0) {
            order->log = true;
        } else if (strcmp(argv[i], "-f") == 0) {
            rest[count++] = follow;
        } else if (argv[i][0] == '-') {
            rest[count++] = argv[i];
            if (strncmp(argv[i], "--", 2) == 0 && takes_value(argv[i]) &&
                i + 1 < argc)
                rest[count++] = argv[++i];
        } else if (order->operand) {
            return false;
        } else {
            order->operand = argv[i];
        }
    }
    rest[count] = NULL;
    return true;
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

static int carry_out(const struct verb *verb, struct order *order, char **rest)
{
    struct imprint_settings *settings;
    struct imprint_why why = {"", ""};
    enum imprint_status status;
    char *dir;
    int count = 0;

    while (rest[count])
        count++;
    status = imprint_settings_open(count, rest, &settings, &why);
    if (status != IMPRINT_OK)
        return imprint_cli_fail(status, &why);
    dir = find_dir(settings);
    order->settings = settings;
    order->dir = dir;
    status = dir ? verb->carry_out(order, &why) : IMPRINT_ERR_INTERNAL;
    free(dir);
    imprint_settings_close(settings);
    return status == IMPRINT_OK ? IMPRINT_CLI_DONE
                                : imprint_cli_fail(status, &why);
}

int imprint_cmd_endpoint(int argc, char **argv)
{
    static const char hint[] = "see imprint endpoint --help";
    struct order order = {NULL, NULL, NULL, false};
    char *rest[ARGUMENT_MAX_COUNT];
    const struct verb *verb;

    if (argc < 2)
        return imprint_cli_usage(hint, "what shall the endpoint do?");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return print_help();
    }
    verb = find_verb(argv[1]);
    if (!verb)
        return imprint_cli_usage(hint,
                                 "unknown verb \"%s\" of \"imprint "
                                 "endpoint\"",
                                 argv[1]);
    if (!part_arguments(argc, argv, &order, rest))
        return imprint_cli_usage(hint, "too many arguments");
    if (verb->operand[0] && !order.operand)
        return imprint_cli_usage(hint, "\"imprint endpoint %s\" needs %s",
                                 verb->name, verb->operand);
    if (!verb->operand[0] && order.operand)
        return imprint_cli_usage(hint, "unexpected argument \"%s\"",
                                 order.operand);
    return carry_out(verb, &order, rest);
}
