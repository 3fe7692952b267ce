/* What is different between two JSON documents, for a person. */
#ifndef IMPRINT_CLOUD_DIFFERENCE_H
#define IMPRINT_CLOUD_DIFFERENCE_H

/*
 * A line for each value that is there in one of them only, or is another one:
 * "Resources.thing.Type: "a" -> "b"". To be freed; "": none. NULL: no memory,
 * or one of them is no JSON.
 */
char *imprint_difference_write(const char *before, const char *after);

#endif
