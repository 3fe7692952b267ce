#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

struct verb {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct verb verbs[] = {
    {"provision", "get an identity; does nothing if there is one",
     imprint_cmd_provision},
    {"status", "what this device is now", imprint_cmd_status},
    {"renew", "replace the identity, using the one in use", imprint_cmd_renew},
    {"rollback", "put the former identity back into use", imprint_cmd_rollback},
    {"settings", "show the settings, and where each comes from",
     imprint_cmd_settings},
    {"doctor", "try each step; name the cause", imprint_cmd_doctor},
    {"reset", "forget the identity", imprint_cmd_reset},
    {"endpoint", "run the local endpoint", imprint_cmd_endpoint},
    {"cloud", "the operator's side: what AWS has to have", imprint_cmd_cloud},
    {"template", "check and try out a template", imprint_cmd_template},
    {"policy", "check a policy; write the claim policy", imprint_cmd_policy},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static int print_help(void)
{
    (void)printf("usage: imprint [VERB [OPTION...]]\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        (void)printf("  %-12s %s\n", verbs[i].name, verbs[i].summary);
    (void)printf(
        "\nWithout a verb: status. \"imprint VERB --help\" tells more; "
        "\"imprint --version\".\n");
    return IMPRINT_CLI_DONE;
}

static int run_help(int argc, char **argv)
{
    char option[] = "--help";
    const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;
    char *arguments[] = {argc > 1 ? argv[1] : NULL, option, NULL};

    return verb ? verb->run(2, arguments) : print_help();
}

int main(int argc, char **argv)
{
    char status[] = "status";
    char *alone[] = {status, NULL};
    const struct verb *verb;

    if (argc < 2)
        return imprint_cmd_status(1, alone);
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("imprint %s\n", IMPRINT_VERSION);
        return IMPRINT_CLI_DONE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return run_help(argc - 1, argv + 1);
    verb = find_verb(argv[1]);
    if (!verb)
        return imprint_cli_usage("see imprint --help", "unknown verb \"%s\"",
                                 argv[1]);
    return verb->run(argc - 1, argv + 1);
}
