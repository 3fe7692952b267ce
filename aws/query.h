/*
 * Percent escapes and parameters: of a URL's query, or of a form.
 *
 * Source: RFC 3986, sections 2.1 to 2.3. "+" is a plus, as AWS reads it in a
 * query; a form's is a blank (imprint_query_read_form).
 */
#ifndef IMPRINT_AWS_QUERY_H
#define IMPRINT_AWS_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/slice.h"
#include "memory.h"

#define IMPRINT_QUERY_MAX_COUNT 64

struct imprint_query {
    struct {
        char *name; /* decoded */
        char *value;
    } all[IMPRINT_QUERY_MAX_COUNT];
    size_t count;
};

/* In order. NULL: too many, a NUL in one, or no memory. */
struct imprint_query *imprint_query_read(const char *query);
struct imprint_query *imprint_query_read_form(struct imprint_slice form);
/* NULL is fine. */
void imprint_query_free(struct imprint_query *query);

/* The first of that name, the query's own; NULL: there is none. */
const char *imprint_query_find(const struct imprint_query *query,
                               const char *name);

/* Escapes all, and sorts them: as Signature V4 wants it. False: no memory. */
bool imprint_query_canonize(struct imprint_query *query);

/* One value of a query, to be freed. NULL: none, or it can't be read. */
char *imprint_query_parameter(const char *query, const char *name);

/* Escapes undone; free it. NULL: no memory, or a NUL in it. */
char *imprint_query_decode(struct imprint_slice text);

/* Everything but letters, digits, "-._~" (and "/", if asked for) escaped. */
void imprint_query_escape(struct imprint_memory_text *out, const char *text,
                          bool keeps_slash);

#endif
