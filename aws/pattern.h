/*
 * A text with wildcards and variables, compiled: * is any run of characters,
 * / too, ? is one. What a variable stands for is never taken for a wildcard.
 */
#ifndef IMPRINT_AWS_PATTERN_H
#define IMPRINT_AWS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imprint/slice.h"
#include "variable.h"

#define IMPRINT_PATTERN_VARIABLE_MAX_COUNT 16
#define IMPRINT_PATTERN_SIEVE_LEN 4

/*
 * Which neighbouring bytes a text has, one hashed bit for each pair: those of a
 * pattern are in all that it matches, upper and lower case apart.
 */
struct imprint_pattern_sieve {
    uint64_t bits[IMPRINT_PATTERN_SIEVE_LEN];
};

struct imprint_pattern_piece; /* a wildcard, a variable, or plain bytes */

struct imprint_pattern {
    struct imprint_pattern_sieve sieve;
    const char *text; /* as it was written */
    size_t len;
    const struct imprint_pattern_piece *pieces;
    size_t piece_count;
    size_t literal_len; /* of text: before the first wildcard or variable */
    size_t tail_len;    /* of text: plain, behind the last of them */
    const struct imprint_variable *variables;
    size_t variable_count;
};

enum imprint_pattern_problem {
    IMPRINT_PATTERN_FINE,
    IMPRINT_PATTERN_OPEN,     /* "${" is never closed */
    IMPRINT_PATTERN_UNKNOWN,  /* a variable that there is not */
    IMPRINT_PATTERN_TOO_MANY, /* variables */
    IMPRINT_PATTERN_NO_MEMORY
};

/*
 * All memory is *memory's. has_wildcards false: * and ? are plain characters.
 * *problem_at is where in text the trouble is.
 */
enum imprint_pattern_problem imprint_pattern_compile(
    struct imprint_slice text, bool has_wildcards, void **memory,
    struct imprint_pattern *out, size_t *problem_at);

/* Adds the pairs of text to out. */
void imprint_pattern_sift(struct imprint_slice text,
                          struct imprint_pattern_sieve *out);

/* False: imprint_pattern_match would say no. Quick. */
bool imprint_pattern_may_match(const struct imprint_pattern *pattern,
                               const struct imprint_pattern_sieve *text);

/*
 * Time is bounded by the product of both lengths. False as well if a variable
 * has no value. ignores_case: of ASCII letters.
 */
bool imprint_pattern_match(const struct imprint_pattern *pattern,
                           struct imprint_slice text,
                           const struct imprint_policy_request *request,
                           bool ignores_case);

/* The first variable that has no value, or NULL. */
const struct imprint_variable *imprint_pattern_missing(
    const struct imprint_pattern *pattern,
    const struct imprint_policy_request *request);

/* Bytes of text that match before the first wildcard or difference. */
size_t imprint_pattern_run(const struct imprint_pattern *pattern,
                           struct imprint_slice text);

#endif
