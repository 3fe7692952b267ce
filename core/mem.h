/*
 * The four functions that a port must supply; freestanding C has no string.h.
 */
#ifndef IMPRINT_CORE_MEM_H
#define IMPRINT_CORE_MEM_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#endif
