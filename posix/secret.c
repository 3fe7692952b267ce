#include "secret.h"

#include <string.h>

bool imprint_secret_is_same(const char *a, const char *b)
{
    volatile unsigned char differs = 0;
    size_t len = strlen(a);

    if (strlen(b) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        differs = (unsigned char)(differs | (unsigned char)(a[i] ^ b[i]));
    return differs == 0;
}
