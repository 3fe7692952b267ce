/* Answers: JSON, the XML of IAM and STS, and errors in both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rest_id.h"
#include "rest_parts.h"

static char *write_json_error(const struct imprint_rest_call *call,
                              const char *id)
{
    struct imprint_json *object = imprint_json_new();
    const char *name = strrchr(call->resource_arn, '/');
    char *text = NULL;

    if (object && imprint_json_put_text(object, "message", call->message) &&
        imprint_json_put_text(object, "traceId", id) &&
        (!name ||
         (imprint_json_put_text(object, "resourceArn", call->resource_arn) &&
          imprint_json_put_text(object, "resourceId", name + 1))))
        text = imprint_json_write_line(object);
    imprint_json_free(object);
    return text;
}

/* XML 1.0 has no control characters, by no escape. */
static bool is_control(char c)
{
    return (unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

static void put_xml(struct imprint_memory_text *out, const char *text)
{
    for (; *text; text++) {
        const char *escape = is_control(*text) ? "?"
                             : *text == '<'    ? "&lt;"
                             : *text == '>'    ? "&gt;"
                             : *text == '&'    ? "&amp;"
                             : *text == '"'    ? "&quot;"
                                               : NULL;

        imprint_memory_put(out, escape ? imprint_slice_text(escape)
                                       : imprint_slice_of(text, 1));
    }
}

void imprint_rest_xml(struct imprint_rest_call *call, const char *element,
                      const char *text)
{
    struct imprint_memory_text *out = &call->xml;

    imprint_memory_put(out, imprint_slice_text("<"));
    imprint_memory_put(out, imprint_slice_text(element));
    imprint_memory_put(out, imprint_slice_text(">"));
    put_xml(out, text);
    imprint_memory_put(out, imprint_slice_text("</"));
    imprint_memory_put(out, imprint_slice_text(element));
    imprint_memory_put(out, imprint_slice_text(">"));
}

static char *write_xml_error(struct imprint_rest_call *call, const char *id)
{
    struct imprint_memory_text *out = &call->xml;
    bool is_theirs = imprint_rest_error_status(call->error) < 500;

    out->len = 0;
    imprint_memory_put(out, imprint_slice_text("<ErrorResponse><Error>"));
    imprint_rest_xml(call, "Type", is_theirs ? "Sender" : "Receiver");
    imprint_rest_xml(call, "Code", imprint_rest_error_name(call->error));
    imprint_rest_xml(call, "Message", call->message);
    imprint_memory_put(out, imprint_slice_text("</Error>"));
    imprint_rest_xml(call, "RequestId", id);
    imprint_memory_put(out, imprint_slice_text("</ErrorResponse>"));
    return out->has_failed ? NULL : strdup(out->bytes);
}

/* <CreateRoleResponse><CreateRoleResult>...</CreateRoleResult>... */
static char *write_xml(struct imprint_rest_call *call, const char *name,
                       enum imprint_rest_service service, const char *id)
{
    const char *space = service == IMPRINT_REST_IAM
                            ? "https://iam.amazonaws.com/doc/2010-05-08/"
                            : "https://sts.amazonaws.com/doc/2011-06-15/";
    const char *inner = call->xml.bytes ? call->xml.bytes : "";
    char *text = NULL;

    if (call->xml.has_failed ||
        asprintf(&text,
                 "<%sResponse xmlns=\"%s\"><%sResult>%s</%sResult>"
                 "<ResponseMetadata><RequestId>%s</RequestId>"
                 "</ResponseMetadata></%sResponse>",
                 name, space, name, inner, name, id, name) < 0)
        return NULL;
    return text;
}

void imprint_rest_write_error(enum imprint_rest_error error,
                              const char *message,
                              struct imprint_rest_answer *out)
{
    struct imprint_rest_call call = {.error = error};

    (void)snprintf(call.message, sizeof(call.message), "%s", message);
    imprint_rest_id_new(out->id);
    out->status = imprint_rest_error_status(error);
    out->type = "application/json";
    out->error = imprint_rest_error_name(error);
    out->body = write_json_error(&call, out->id);
}

static bool is_query(const struct imprint_rest_match *match,
                     const struct imprint_rest_call *call)
{
    return match->route ? match->service == IMPRINT_REST_IAM ||
                              match->service == IMPRINT_REST_STS
                        : call->form != NULL;
}

void imprint_rest_write(struct imprint_rest_call *call,
                        const struct imprint_rest_match *match,
                        struct imprint_rest_answer *out)
{
    bool speaks_xml = is_query(match, call);

    imprint_rest_id_new(out->id);
    out->status =
        call->status ? call->status : imprint_rest_error_status(call->error);
    out->type = speaks_xml ? "text/xml" : "application/json";
    if (call->error) {
        out->error = speaks_xml ? NULL : imprint_rest_error_name(call->error);
        out->body = speaks_xml ? write_xml_error(call, out->id)
                               : write_json_error(call, out->id);
        return;
    }
    out->has_function_error = call->has_function_error;
    if (speaks_xml)
        out->body =
            write_xml(call, match->route->name, match->service, out->id);
    else if (call->raw)
        out->body = strdup(call->raw);
    else
        out->body = imprint_json_write_line(call->out);
}
