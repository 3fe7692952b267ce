/* Secrets that are compared. */
#ifndef IMPRINT_POSIX_SECRET_H
#define IMPRINT_POSIX_SECRET_H

#include <stdbool.h>

/* In a time that tells of the texts' lengths alone. */
bool imprint_secret_is_same(const char *a, const char *b);

#endif
