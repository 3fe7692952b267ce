/* JSON on stdout, for programs: an object a line. */
#ifndef IMPRINT_CLI_LIST_H
#define IMPRINT_CLI_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/status.h"
#include "imprint/why.h"

struct imprint_json;

/*
 * The object on one line, to be freed. Frees object, which may be NULL; NULL:
 * it was not whole, no memory, or a text was no UTF-8.
 */
char *imprint_list_write(struct imprint_json *object, bool is_whole);

/* Prints it so, with a newline. ERR_INTERNAL. */
IMPRINT_MUST_USE enum imprint_status imprint_list_print(
    struct imprint_json *object, bool is_whole, struct imprint_why *why);

/* {"name": [...]}. Starts as {name, 0, false}; prints nothing until put. */
struct imprint_list {
    const char *name;
    size_t count;
    bool is_broken;
};

/* object as imprint_list_write takes it. */
void imprint_list_put(struct imprint_list *list, struct imprint_json *object,
                      bool is_whole);

/* status is how the listing went, and comes back if it is a failure. */
IMPRINT_MUST_USE enum imprint_status imprint_list_end(
    struct imprint_list *list, enum imprint_status status,
    struct imprint_why *why);

#endif
