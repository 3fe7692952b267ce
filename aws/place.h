/*
 * Where in a document a value stands. A place is a chain from the value up to
 * the root, each link on the stack of the function that went down to it.
 */
#ifndef IMPRINT_AWS_PLACE_H
#define IMPRINT_AWS_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "imprint/slice.h"

#define IMPRINT_PLACE_LEN 192

/* NULL stands for the root. */
struct imprint_place {
    const struct imprint_place *parent;
    const char *name; /* of a member; NULL: the item at index */
    size_t index;
    /*
     * The value is a text that holds a document: lines and columns end here,
     * places below only have a name.
     */
    bool is_text;
};

/* Of a member, and of an item. */
struct imprint_place imprint_place_member(const struct imprint_place *parent,
                                          const char *name);
struct imprint_place imprint_place_item(const struct imprint_place *parent,
                                        size_t index);

/* "Statement[1].Action[0]", "" for the root; cut if it is too long. */
void imprint_place_name(const struct imprint_place *place,
                        char name[IMPRINT_PLACE_LEN]);

/* From 1, in characters; a member's is that of its name. */
struct imprint_place_point {
    size_t line;
    size_t column;
};

/*
 * In the text that the document was read from. Of what is not there (a member
 * that is missing): the last link that is.
 */
struct imprint_place_point imprint_place_find(const struct imprint_place *place,
                                              struct imprint_slice text);

#endif
