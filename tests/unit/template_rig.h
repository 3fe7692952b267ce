/* Templates as tests write them: with ' for ", so that they can be read. */
#ifndef TESTS_UNIT_TEMPLATE_RIG_H
#define TESTS_UNIT_TEMPLATE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "aws/template.h"

/* A resource that each template needs. */
#define CERTIFICATE                                      \
    "'c':{'Type':'AWS::IoT::Certificate','Properties':{" \
    "'CertificateId':{'Ref':'AWS::IoT::Certificate::Id'}}}"

/* The JSON; free it. */
char *template_quote(const char *text);

enum imprint_status template_try_parse(const char *text,
                                       struct imprint_template **out,
                                       struct imprint_why *why);

/* Fails with the reason unless it can be parsed. */
struct imprint_template *template_parse(const char *text);

#endif
