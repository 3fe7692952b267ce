/*
 * What a check found in a document: every fault with its place, and a hint
 * what to do. Errors keep a document from being used, warnings do not.
 */
#ifndef IMPRINT_AWS_FINDING_H
#define IMPRINT_AWS_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/slice.h"
#include "imprint/status.h"
#include "imprint/why.h"
#include "place.h"

#define IMPRINT_FINDING_MAX_COUNT 256 /* what comes after is not kept */

struct imprint_finding {
    bool is_warning;
    struct imprint_place_point point; /* line 0: of no place */
    char place[IMPRINT_PLACE_LEN];    /* "Resources.thing", "": the whole */
    char text[IMPRINT_WHY_TEXT_LEN];
    char hint[IMPRINT_WHY_TEXT_LEN]; /* "": none */
};

struct imprint_findings {
    struct imprint_slice source; /* the document's text, borrowed */
    struct imprint_finding *items;
    size_t count;
    size_t error_count;
};

/*
 * printf-style. findings may be NULL, for who does not want to know. Without
 * memory an error is counted all the same.
 */
void imprint_finding_error(struct imprint_findings *findings,
                           const struct imprint_place *place,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void imprint_finding_warn(struct imprint_findings *findings,
                          const struct imprint_place *place, const char *format,
                          ...) __attribute__((format(printf, 3, 4)));

/* What imprint_document_read says of a text: an error at its place. */
void imprint_finding_no_json(struct imprint_findings *findings,
                             const struct imprint_why *why);

/* Of the last finding. */
void imprint_finding_hint(struct imprint_findings *findings, const char *format,
                          ...) __attribute__((format(printf, 2, 3)));

/*
 * OK if there is no error; else ERR_FORMAT, and why is the first one: "line 3,
 * column 9: Statement[0].Effect: ...".
 */
enum imprint_status imprint_finding_status(
    const struct imprint_findings *findings, struct imprint_why *why);

/* Errors and warnings in the order of the text. */
void imprint_finding_sort(struct imprint_findings *findings);

/* Empty afterwards. */
void imprint_finding_free(struct imprint_findings *findings);

#endif
