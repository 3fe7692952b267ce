/*
 * A command of the form `imprint NAME VERB`: finds the verb, parts its operands
 * from its options, answers --help and mistakes.
 */
#ifndef IMPRINT_CLI_VERBS_H
#define IMPRINT_CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#define IMPRINT_VERBS_OPERAND_MAX_COUNT 16
#define IMPRINT_VERBS_ARGUMENT_MAX_COUNT 128

/* The first member of a row of a caller's table. */
struct imprint_verb {
    const char *name;
    const char *operands; /* what they are called */
    const char *summary;
    const char *options; /* beside config and dir, with blanks between */
    size_t min_count;    /* of operands */
    size_t max_count;
};

struct imprint_verbs {
    const char *name;   /* "policy" */
    const char *usage;  /* "VERB [FILE...] [OPTION...]" */
    const char *asking; /* what to say when there is no verb */
    const void *rows;   /* each begins with a struct imprint_verb */
    size_t row_len;
    size_t row_count;
};

/* What somebody typed behind `imprint NAME VERB`. */
struct imprint_verbs_order {
    const struct imprint_verb *verb;
    struct imprint_settings *settings;
    const char *operands[IMPRINT_VERBS_OPERAND_MAX_COUNT + 1]; /* then NULL */
    size_t operand_count;
    bool json;
};

/*
 * True: the order is to be carried out, and then closed. False: there was a
 * mistake, or help was asked for; *code is the command's exit code. argv[0] is
 * the name. "-1h" is an operand, and so is all behind "--".
 */
bool imprint_verbs_open(const struct imprint_verbs *verbs, int argc,
                        char **argv, struct imprint_verbs_order *order,
                        int *code);
void imprint_verbs_close(struct imprint_verbs_order *order);

#endif
