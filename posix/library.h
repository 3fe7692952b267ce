/* A shared library that is loaded when it is first needed, if ever. */
#ifndef IMPRINT_POSIX_LIBRARY_H
#define IMPRINT_POSIX_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct imprint_library_symbol {
    const char *name;
    size_t offset; /* of a pointer to it, in the table */
};

/*
 * Loads file, for as long as the program runs, and fills table. False: the
 * library or one of the symbols is not there.
 */
bool imprint_library_load(const char *file,
                          const struct imprint_library_symbol *symbols,
                          size_t symbol_count, void *table);

#endif
