#include "template_rig.h"

#include <string.h>

char *template_quote(const char *text)
{
    char *copy = strdup(text);
    char *at;

    assert_non_null(copy);
    for (at = copy; (at = strchr(at, '\'')); at++)
        *at = '"';
    return copy;
}

enum imprint_status template_try_parse(const char *text,
                                       struct imprint_template **out,
                                       struct imprint_why *why)
{
    char *copy = template_quote(text);
    enum imprint_status status =
        imprint_template_parse(imprint_slice_text(copy), out, why);

    free(copy);
    return status;
}

struct imprint_template *template_parse(const char *text)
{
    struct imprint_template *template = NULL;
    struct imprint_why why = {"", ""};

    if (template_try_parse(text, &template, &why) != IMPRINT_OK)
        fail_msg("%s: %s", text, why.text);
    return template;
}
