#include "line.h"

#include <stddef.h>

const char *imprint_line_quote(char word[IMPRINT_LINE_WORD_LEN],
                               const char *text)
{
    size_t len = 0;

    word[len++] = '"';
    for (; *text != '\0' && len < IMPRINT_LINE_WORD_LEN - 5; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"')
            word[len++] = '\'';
        else
            word[len++] = c < 0x20 || c == 0x7f ? '?' : *text;
    }
    if (*text != '\0') {
        word[len++] = '.';
        word[len++] = '.';
    }
    word[len++] = '"';
    word[len] = '\0';
    return word;
}

void imprint_line_clean(char *text)
{
    for (; *text; text++) {
        if (*text < 0x20 || *text > 0x7e)
            *text = '?';
    }
}
