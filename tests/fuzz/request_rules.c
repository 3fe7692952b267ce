#include "request.h"

#include <stdlib.h>
#include <string.h>

/* Up to the newline, which goes; *rest is what is behind it. */
static char *take_line(char **rest)
{
    char *line = *rest;
    size_t len = strcspn(line, "\n");

    *rest = line[len] ? line + len + 1 : line + len;
    line[len] = '\0';
    return line;
}

void request_read(struct request *out, const uint8_t *bytes, size_t len)
{
    struct imprint_signature_request *request = &out->request;
    char *rest;
    char *line;
    char *target;
    char *question;

    *out = (struct request){.text = malloc(len + 1)};
    if (!out->text)
        abort();
    memcpy(out->text, bytes, len);
    out->text[len] = '\0';
    rest = out->text;
    line = take_line(&rest);
    request->method = line;
    target = line + strcspn(line, " ");
    if (*target)
        *target++ = '\0';
    request->path = target;
    question = strchr(target, '?');
    request->query = question ? question + 1 : "";
    if (question)
        *question = '\0';
    request->header_names = out->names;
    request->header_values = out->values;
    while (*(line = take_line(&rest)) &&
           request->header_count < REQUEST_HEADER_MAX_COUNT) {
        char *value = line + strcspn(line, ":");

        if (*value)
            *value++ = '\0';
        out->names[request->header_count] = line;
        out->values[request->header_count++] = value;
    }
    request->body = imprint_slice_of(
        rest, len - (size_t)(rest - out->text)); /* with NULs and all */
}

void request_free(struct request *request)
{
    free(request->text);
}
