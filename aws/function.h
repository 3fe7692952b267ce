/*
 * Intrinsic functions of provisioning templates: Ref, Fn::Join, Fn::Select,
 * Fn::FindInMap, Fn::Split, Fn::Sub. A function gives a text, or (Fn::Split) a
 * list of texts. For grammar.c, which checks, and template.c, which applies.
 *
 * Source: AWS IoT Core developer guide, "Provisioning templates"; where it is
 * silent (both forms of Fn::Sub, an index that is a text), AWS CloudFormation.
 */
#ifndef IMPRINT_AWS_FUNCTION_H
#define IMPRINT_AWS_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>

#include "document.h"
#include "finding.h"
#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"
#include "memory.h"
#include "place.h"
#include "template.h"

/* The one built-in parameter. */
#define IMPRINT_FUNCTION_CERTIFICATE_ID "AWS::IoT::Certificate::Id"

/* What functions refer to; both may be NULL. */
struct imprint_function_scope {
    const struct imprint_document *parameters;
    const struct imprint_document *mappings;
};

/* True: an object whose only member has a function's name, known or not. */
bool imprint_function_is(const struct imprint_document *node);

/* True: it is one that gives a list. */
bool imprint_function_gives_list(const struct imprint_document *node);

/* True: there is one somewhere in it. */
bool imprint_function_is_inside(const struct imprint_document *node);

/* ---- checking: function_check.c ---- */

struct imprint_function_check {
    struct imprint_function_scope scope;
    struct imprint_findings *findings;
    /* told every parameter that is used */
    void (*use)(void *user, const char *parameter);
    void *user;
};

/* A text, or what gives one; a list of such, or what gives one. */
void imprint_function_check_text(const struct imprint_function_check *check,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place);
void imprint_function_check_list(const struct imprint_function_check *check,
                                 const struct imprint_document *node,
                                 const struct imprint_place *place);

/* The functions in a document that is nobody's but its own: a policy. */
void imprint_function_check_inside(const struct imprint_function_check *check,
                                   const struct imprint_document *node,
                                   const struct imprint_place *place);

/* False: a parameter of that name can't be; the finding is made. */
bool imprint_function_check_name(const struct imprint_function_check *check,
                                 const char *name,
                                 const struct imprint_place *place);

/* ---- evaluating, of what was checked without an error ---- */

struct imprint_function_run {
    struct imprint_function_scope scope;
    const struct imprint_template_parameters *sent;
    bool is_trial;   /* what is missing gets a stand-in */
    void **memory;   /* of what is made; the rest is the document's */
    size_t used_len; /* of it, so that a small template can't fill it */
    struct imprint_why *why;
};

/* ERR_ARGUMENT: why names the place. */
IMPRINT_MUST_USE enum imprint_status imprint_function_text(
    struct imprint_function_run *run, const struct imprint_document *node,
    const struct imprint_place *place, const char **out);
IMPRINT_MUST_USE enum imprint_status imprint_function_list(
    struct imprint_function_run *run, const struct imprint_document *node,
    const struct imprint_place *place, const char ***out, size_t *count);

/* The parameter's value: the hook's, the device's, its Default. */
IMPRINT_MUST_USE enum imprint_status imprint_function_ref(
    struct imprint_function_run *run, const char *name,
    const struct imprint_place *place, const char **out);

/* Writes the document as JSON, with its functions done. */
IMPRINT_MUST_USE enum imprint_status imprint_function_write(
    struct imprint_function_run *run, const struct imprint_document *node,
    const struct imprint_place *place, struct imprint_memory_text *out);

/* ERR_ARGUMENT; why is "<place>: <what>". */
enum imprint_status imprint_function_refuse(
    const struct imprint_function_run *run, const struct imprint_place *place,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- the text of Fn::Sub ---- */

/* A stretch as it is written, and the variable behind it. */
struct imprint_function_piece {
    struct imprint_slice literal;
    struct imprint_slice variable; /* bytes NULL: none */
};

/* *at is the text at first. False: at its end, or (*at NULL) "${" is open. */
bool imprint_function_next_piece(const char **at,
                                 struct imprint_function_piece *out);

#endif
