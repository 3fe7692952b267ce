/* What a provisioning template may be. For template.c, which applies it. */
#ifndef IMPRINT_AWS_GRAMMAR_H
#define IMPRINT_AWS_GRAMMAR_H

#include "document.h"
#include "imprint/status.h"
#include "imprint/why.h"

/* The one built-in parameter. */
#define IMPRINT_GRAMMAR_CERTIFICATE_ID "AWS::IoT::Certificate::Id"

/* IMPRINT_OK: everything that template.c looks for is there, and as it says. */
IMPRINT_MUST_USE enum imprint_status imprint_grammar_check(
    const struct imprint_document *root, struct imprint_why *why);

/* The text of a PolicyDocument, an object or a text; free it. */
char *imprint_grammar_policy_text(const struct imprint_document *document);

#endif
