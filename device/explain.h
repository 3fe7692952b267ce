/* What a rejection means, and what to do about it. */
#ifndef IMPRINT_DEVICE_EXPLAIN_H
#define IMPRINT_DEVICE_EXPLAIN_H

#include "imprint/imprint.h"
#include "imprint/why.h"

/*
 * action is a STOP, or a WAIT that backs off. Without a rejection in it, why
 * is set only for what the network had no words for.
 */
void imprint_explain_action(const struct imprint_action *action,
                            const char *template_name, struct imprint_why *why);

#endif
