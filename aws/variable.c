#include "variable.h"

#include <string.h>

static const struct {
    const char *name;
    enum imprint_variable_kind kind;
} names[] = {
    {"iot:ClientId", IMPRINT_VARIABLE_CLIENT_ID},
    {"aws:SourceIp", IMPRINT_VARIABLE_SOURCE_IP},
    {"iot:CertificateId", IMPRINT_VARIABLE_CERTIFICATE_ID},
    {"iot:Connection.Thing.ThingName", IMPRINT_VARIABLE_THING_NAME},
    {"iot:Connection.Thing.ThingTypeName", IMPRINT_VARIABLE_THING_TYPE},
    {"iot:Connection.Thing.IsAttached", IMPRINT_VARIABLE_IS_ATTACHED},
    {"iot:ConnectAttributes", IMPRINT_VARIABLE_CONNECT},
};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))
#define ATTRIBUTES "iot:Connection.Thing.Attributes["
#define CERTIFICATE "iot:Certificate."

/* Behind Subject. and Issuer. */
static const char *const parts[] = {
    "CommonName",
    "Surname",
    "SerialNumber",
    "Country",
    "State",
    "Organization",
    "OrganizationalUnit",
    "Title",
    "GivenName",
    "Initials",
    "GenerationQualifier",
    "DistinguishedNameQualifier",
    "Pseudonym",
    "AlternativeName.RFC822Name",
    "AlternativeName.DNSName",
    "AlternativeName.DirectoryName",
    "AlternativeName.UniformResourceIdentifier",
    "AlternativeName.IPAddress",
};

#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

static bool skip(struct imprint_slice *text, const char *prefix)
{
    size_t len = strlen(prefix);

    if (text->len < len || memcmp(text->bytes, prefix, len) != 0)
        return false;
    *text = imprint_slice_of(text->bytes + len, text->len - len);
    return true;
}

static bool is_digits(struct imprint_slice text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
    }
    return text.len > 0 && text.len < 4;
}

/* "Subject.CommonName", with ".1" or ".List" behind it or nothing. */
static bool is_certificate(struct imprint_slice detail)
{
    size_t i;

    if (imprint_slice_is(detail, "SerialNumber"))
        return true;
    if (!skip(&detail, "Subject.") && !skip(&detail, "Issuer."))
        return false;
    for (i = 0; i < PART_COUNT; i++) {
        struct imprint_slice rest = detail;

        if (!skip(&rest, parts[i]))
            continue;
        if (rest.len == 0 ||
            (skip(&rest, ".") &&
             (is_digits(rest) || imprint_slice_is(rest, "List"))))
            return true;
    }
    return false;
}

bool imprint_variable_find(struct imprint_slice name,
                           struct imprint_variable *out)
{
    size_t i;

    for (i = 0; i < NAME_COUNT; i++) {
        if (imprint_slice_is(name, names[i].name)) {
            *out = (struct imprint_variable){.kind = names[i].kind};
            return true;
        }
    }
    if (skip(&name, ATTRIBUTES)) {
        if (name.len < 2 || name.bytes[name.len - 1] != ']')
            return false;
        *out = (struct imprint_variable){
            IMPRINT_VARIABLE_ATTRIBUTE,
            imprint_slice_of(name.bytes, name.len - 1)};
        return true;
    }
    if (!skip(&name, CERTIFICATE) || !is_certificate(name))
        return false;
    *out = (struct imprint_variable){IMPRINT_VARIABLE_CERTIFICATE, name};
    return true;
}

bool imprint_variable_is_foreign(const char *name)
{
    static const char *const foreign[] = {"iot:DomainName", "iot:LastWillTopic",
                                          "iot:Certificate.AvailableKeys"};
    size_t i;

    for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (strcmp(name, foreign[i]) == 0)
            return true;
    }
    return false;
}

bool imprint_variable_is_list(const struct imprint_variable *variable)
{
    static const char list[] = ".List";
    size_t len = sizeof(list) - 1;

    return variable->kind == IMPRINT_VARIABLE_CONNECT ||
           (variable->kind == IMPRINT_VARIABLE_CERTIFICATE &&
            variable->detail.len > len &&
            memcmp(variable->detail.bytes + variable->detail.len - len, list,
                   len) == 0);
}

/* The index-th pair of that name. */
static bool find_pair(const struct imprint_pair *pairs, size_t count,
                      struct imprint_slice name, size_t index,
                      struct imprint_slice *out)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (pairs[i].name.len != name.len ||
            memcmp(pairs[i].name.bytes, name.bytes, name.len) != 0)
            continue;
        if (index-- == 0) {
            *out = pairs[i].value;
            return true;
        }
    }
    return false;
}

/* Of a CONNECT: PersistentConnect, LastWill, or both. */
static const char *find_connect(const struct imprint_policy_request *request,
                                size_t index)
{
    if (strcmp(request->action, "iot:Connect") != 0)
        return NULL;
    if (request->is_persistent && index-- == 0)
        return "PersistentConnect";
    return request->has_will && index == 0 ? "LastWill" : NULL;
}

bool imprint_variable_get(const struct imprint_variable *variable,
                          const struct imprint_policy_request *request,
                          size_t index, struct imprint_slice *out)
{
    const char *text = NULL;

    switch (variable->kind) {
    case IMPRINT_VARIABLE_ATTRIBUTE:
        return index == 0 &&
               find_pair(request->attributes, request->attribute_count,
                         variable->detail, 0, out);
    case IMPRINT_VARIABLE_CERTIFICATE:
        return (index == 0 || imprint_variable_is_list(variable)) &&
               find_pair(request->certificate, request->certificate_count,
                         variable->detail, index, out);
    case IMPRINT_VARIABLE_CONNECT:
        text = find_connect(request, index);
        break;
    case IMPRINT_VARIABLE_CLIENT_ID:
        text = request->client_id;
        break;
    case IMPRINT_VARIABLE_SOURCE_IP:
        text = request->source_ip;
        break;
    case IMPRINT_VARIABLE_CERTIFICATE_ID:
        text = request->certificate_id;
        break;
    case IMPRINT_VARIABLE_THING_NAME:
        text = request->thing_name;
        break;
    case IMPRINT_VARIABLE_THING_TYPE:
        text = request->thing_type;
        break;
    case IMPRINT_VARIABLE_IS_ATTACHED:
        text = request->is_attached ? "true" : "false";
        break;
    }
    if (!text || (index > 0 && variable->kind != IMPRINT_VARIABLE_CONNECT))
        return false;
    *out = imprint_slice_text(text);
    return true;
}

bool imprint_variable_put_in(const struct imprint_variable *variable,
                             const struct imprint_policy_request *request,
                             struct imprint_slice *out)
{
    struct imprint_slice value;
    size_t i;

    if (!imprint_variable_get(variable, request, 0, &value))
        return false;
    if (variable->kind == IMPRINT_VARIABLE_CERTIFICATE) {
        for (i = 0; i < value.len; i++) {
            if (value.bytes[i] != '\0' && strchr("*$+?#", value.bytes[i]))
                return false;
        }
    }
    *out = value;
    return true;
}
