/* What `imprint template` prints on stdout. */
#ifndef IMPRINT_CLI_TEMPLATE_SHOW_H
#define IMPRINT_CLI_TEMPLATE_SHOW_H

#include <stdbool.h>

#include "aws/template.h"
#include "endpoint/hook.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* What RegisterThing would do. */
struct imprint_template_show_trial {
    const struct imprint_hook_answer *hook;        /* NULL: there is none */
    const struct imprint_template_plan *plan;      /* NULL: refused */
    const struct imprint_template_thing *existing; /* NULL: there is none */
    const struct imprint_template_thing *after;    /* the thing it becomes */
    int status_code;                               /* if refused */
    const struct imprint_why *refusal;
};

IMPRINT_MUST_USE enum imprint_status imprint_template_show_trial(
    const struct imprint_template_show_trial *trial, bool json,
    struct imprint_why *why);

#endif
