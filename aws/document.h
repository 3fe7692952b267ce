/*
 * JSON documents, strictly read: the tree under a template or a policy. A node
 * belongs to the document that imprint_document_read gave, and lives as long.
 */
#ifndef IMPRINT_AWS_DOCUMENT_H
#define IMPRINT_AWS_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_document; /* a value and what is below it */

enum imprint_document_kind {
    IMPRINT_DOCUMENT_TEXT,
    IMPRINT_DOCUMENT_OBJECT,
    IMPRINT_DOCUMENT_ARRAY,
    IMPRINT_DOCUMENT_NUMBER,
    IMPRINT_DOCUMENT_BOOL,
    IMPRINT_DOCUMENT_OTHER /* null, or nothing at all */
};

/* ERR_FORMAT names the line. A member twice and a NUL in a text are wrong. */
IMPRINT_MUST_USE enum imprint_status imprint_document_read(
    struct imprint_slice text, struct imprint_document **out,
    struct imprint_why *why);
/* The root's only; NULL is fine. */
void imprint_document_free(struct imprint_document *root);

/* Of NULL: OTHER. */
enum imprint_document_kind imprint_document_kind_of(
    const struct imprint_document *node);

/* NUL-terminated; NULL if the node is no text. */
const char *imprint_document_text(const struct imprint_document *node);

/* False unless the node is true. */
bool imprint_document_is_true(const struct imprint_document *node);

/* Items of an array, members of an object; 0 for the rest. */
size_t imprint_document_count(const struct imprint_document *node);

/* NULL if there is none. */
const struct imprint_document *imprint_document_item(
    const struct imprint_document *array, size_t index);
const struct imprint_document *imprint_document_member(
    const struct imprint_document *object, const char *name);

/*
 * The members in the document's order: *cursor is NULL at first; gives the
 * next one's name, or NULL behind the last.
 */
const char *imprint_document_next(const struct imprint_document *object,
                                  void **cursor,
                                  const struct imprint_document **value);

/* Compact, free it. NULL: no memory. */
char *imprint_document_write(const struct imprint_document *node);

/* True if they say the same: the order of an object's members is nothing. */
bool imprint_document_is_equal(const struct imprint_document *a,
                               const struct imprint_document *b);

#endif
