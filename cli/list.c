#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/file.h"
#include "posix/json.h"
#include "posix/why.h"

char *imprint_list_write(struct imprint_json *object, bool is_whole)
{
    char *text = object && is_whole ? imprint_json_write(object) : NULL;
    bool is_indent = false;
    size_t len = 0;

    imprint_json_free(object);
    if (!text)
        return NULL;
    /* A newline within a text is written "\n" in JSON. */
    for (const char *at = text; *at; at++) {
        is_indent = *at == '\n' || (is_indent && *at == ' ');
        if (!is_indent)
            text[len++] = *at;
    }
    text[len] = '\0';
    return text;
}

static enum imprint_status fail(struct imprint_why *why)
{
    return imprint_why_set(why, IMPRINT_ERR_INTERNAL,
                           "JSON: out of memory, or a text that is no UTF-8");
}

enum imprint_status imprint_list_print(struct imprint_json *object,
                                       bool is_whole, struct imprint_why *why)
{
    char *text = imprint_list_write(object, is_whole);

    if (!text)
        return fail(why);
    (void)printf("%s\n", text);
    /* it may be a key */
    imprint_file_free_secret(text, strlen(text));
    return IMPRINT_OK;
}

void imprint_list_put(struct imprint_list *list, struct imprint_json *object,
                      bool is_whole)
{
    char *text = imprint_list_write(object, is_whole);

    if (!text) {
        list->is_broken = true;
        return;
    }
    if (list->count == 0)
        (void)printf("{\"%s\": [\n%s", list->name, text);
    else
        (void)printf(",\n%s", text);
    list->count++;
    free(text);
}

enum imprint_status imprint_list_end(struct imprint_list *list,
                                     enum imprint_status status,
                                     struct imprint_why *why)
{
    if (status != IMPRINT_OK)
        return status;
    if (list->is_broken)
        return fail(why);
    if (list->count == 0)
        (void)printf("{\"%s\": []}\n", list->name);
    else
        (void)printf("\n]}\n");
    return IMPRINT_OK;
}
