#include "posix/nearest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau's, of neighbours that are swapped once. Neither is too long. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][IMPRINT_NEAREST_MAX_LEN + 1];

    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

void imprint_nearest_start(struct imprint_nearest *nearest, const char *name,
                           size_t len)
{
    nearest->name = name;
    nearest->len = len;
    nearest->best = NULL;
    nearest->distance = least(len / 3, 3) + 1;
}

void imprint_nearest_offer(struct imprint_nearest *nearest,
                           const char *candidate)
{
    size_t len = strlen(candidate);
    size_t found;

    if (nearest->len > IMPRINT_NEAREST_MAX_LEN || len > IMPRINT_NEAREST_MAX_LEN)
        return;
    found = distance(nearest->name, nearest->len, candidate, len);
    if (found >= nearest->distance)
        return;
    nearest->best = candidate;
    nearest->distance = found;
}
