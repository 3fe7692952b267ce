#include "page.h"

#include <stdlib.h>
#include <string.h>

#define PLACE "IMPRINT-NONCE" /* what the word is put in place of */

/* by the build; ends with a NUL */
extern const unsigned char imprint_page_html[];

static size_t count_places(const char *text)
{
    size_t count = 0;

    while ((text = strstr(text, PLACE))) {
        count++;
        text += strlen(PLACE);
    }
    return count;
}

char *imprint_page_write(const char *word)
{
    const char *from = (const char *)imprint_page_html;
    char *text = malloc(strlen(from) + count_places(from) * strlen(word) + 1);
    char *at = text;
    const char *place;

    if (!text)
        return NULL;
    while ((place = strstr(from, PLACE))) {
        memcpy(at, from, (size_t)(place - from));
        at += place - from;
        memcpy(at, word, strlen(word));
        at += strlen(word);
        from = place + strlen(PLACE);
    }
    memcpy(at, from, strlen(from) + 1);
    return text;
}
