#include "name.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define WORD_MAX_LEN 63 /* longer words are nobody's slip */

/* Letters, digits and others, at least min and at most max of them. */
static bool is_made_of(const char *text, const char *others, size_t min,
                       size_t max)
{
    size_t len = strlen(text);
    size_t i;

    for (i = 0; i < len; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || strchr(others, c)))
            return false;
    }
    return len >= min && len <= max;
}

bool imprint_name_thing_ok(const char *text)
{
    return is_made_of(text, ":_-", 1, 128);
}

bool imprint_name_policy_ok(const char *text)
{
    return is_made_of(text, "_+=,.@-", 1, 128);
}

bool imprint_name_attribute_ok(const char *text)
{
    return is_made_of(text, "_.,@/:#-", 1, 128);
}

bool imprint_name_value_ok(const char *text)
{
    return is_made_of(text, "_.,@/:#=[]-", 0, 800);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to put, drop or change; capitals count for nothing (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX_LEN + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    size_t i;
    size_t j;

    if (a_len > WORD_MAX_LEN || b_len > WORD_MAX_LEN)
        return WORD_MAX_LEN;
    for (j = 0; j <= b_len; j++)
        row[j] = j;
    for (i = 1; i <= a_len; i++) {
        size_t before = row[0];

        row[0] = i;
        for (j = 1; j <= b_len; j++) {
            bool is_same = tolower((unsigned char)a[i - 1]) ==
                           tolower((unsigned char)b[j - 1]);
            size_t changed = before + (is_same ? 0 : 1);

            before = row[j];
            row[j] = smaller(changed, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

const char *imprint_name_nearest(const char *text, const char *const *known)
{
    const char *nearest = NULL;
    size_t nearest_distance = 1 + strlen(text) / 3;
    size_t i;

    for (i = 0; known[i]; i++) {
        size_t away = distance(text, known[i]);

        if (away < nearest_distance) {
            nearest = known[i];
            nearest_distance = away;
        }
    }
    return nearest;
}
