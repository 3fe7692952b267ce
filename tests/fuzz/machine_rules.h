/*
 * The machine's promises, watched from outside: tests/unit/test_machine.c and
 * tests/fuzz/fuzz_machine.c hand every step over and abort on a breach.
 */
#ifndef MACHINE_RULES_H
#define MACHINE_RULES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imprint/imprint.h"

struct rules {
    uint32_t last_id;
    uint32_t connect_id; /* the CONNECT in force */
    enum imprint_as as;
    int creates;    /* requests on this connection */
    int registers;  /* the same */
    bool suback;    /* on this connection */
    bool early;     /* the request left before SUBACK */
    bool replied;   /* a reply was acted upon on this connection */
    bool has_token; /* staged, and not known to be worthless */
    uint64_t token_until_ms;
    bool proven; /* CONNECTED as the identity that is staged */
    bool committed;
    bool started;
    bool stopped;
    struct imprint_action stop;
};

#define RULE(condition)                                                \
    do {                                                               \
        if (!(condition)) {                                            \
            fprintf(stderr, "rule broken: %s (line %d)\n", #condition, \
                    __LINE__);                                         \
            abort();                                                   \
        }                                                              \
    } while (0)

void rules_start(struct rules *rules, const struct imprint_config *config);

/* Steps the machine and looks at what it does. */
void rules_step(struct rules *rules, struct imprint *machine,
                const struct imprint_event *event, uint64_t now_ms,
                struct imprint_action *action);

#endif
