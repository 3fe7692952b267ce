/*
 * Policy variables of a certificate, read from its DER, which OpenSSL has
 * checked before; what is not as it should be is left out all the same.
 *
 * Source: AWS IoT Core developer guide, "X.509 Certificate AWS IoT Core policy
 * variables", "Using X.509 certificate policy variables".
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "aws/memory.h"
#include "der.h"
#include "pem.h"

#define VALUE_MAX_LEN 1024 /* longer ones are not there, says AWS */
#define TEXT_LEN (2 * VALUE_MAX_LEN + 1)
#define VALUE_MAX_COUNT 5 /* more are ignored, says AWS */
#define NAME_LEN 96
#define SERIAL_MAX_LEN 32

enum tag {
    INTEGER = 0x02,
    OCTET_STRING = 0x04,
    OBJECT = 0x06,
    UTF8_STRING = 0x0c,
    NUMERIC_STRING = 0x12,
    PRINTABLE_STRING = 0x13,
    IA5_STRING = 0x16,
    SEQUENCE = 0x30,
    SET = 0x31,
    VERSION = 0xa0,
    EXTENSIONS = 0xa3,
    RFC822_NAME = 0x81,
    DNS_NAME = 0x82,
    DIRECTORY_NAME = 0xa4,
    URI = 0x86,
    IP_ADDRESS = 0x87
};

/* The last byte of 2.5.4.x. */
static const struct attribute {
    uint8_t type;
    const char *name; /* NULL: no variable */
    const char *key;  /* in a directory name */
} attributes[] = {
    {3, "CommonName", "cn"},
    {4, "Surname", "sn"},
    {5, "SerialNumber", "serialNumber"},
    {6, "Country", "c"},
    {7, NULL, "l"},
    {8, "State", "st"},
    {10, "Organization", "o"},
    {11, "OrganizationalUnit", "ou"},
    {12, "Title", "title"},
    {42, "GivenName", "givenName"},
    {43, "Initials", "initials"},
    {44, "GenerationQualifier", "generationQualifier"},
    {46, "DistinguishedNameQualifier", "dnQualifier"},
    {65, "Pseudonym", "pseudonym"},
};

#define ATTRIBUTE_COUNT (sizeof(attributes) / sizeof(attributes[0]))
#define ALTERNATIVE_COUNT 5
/* Of both sides; each value stands in its own place, and in a list. */
#define PAIR_MAX_COUNT \
    (2 * 2 * VALUE_MAX_COUNT * (ATTRIBUTE_COUNT + ALTERNATIVE_COUNT) + 1)

struct sink {
    void **memory;
    bool has_failed;
    size_t count;
    struct imprint_pair pairs[PAIR_MAX_COUNT];
};

/* ---- DER ---- */

static uint8_t tag_of(struct imprint_slice from)
{
    return from.len > 0 ? from.bytes[0] : 0;
}

/* ---- values ---- */

/* With a backslash before what is special. False: it is left out. */
static bool write_value(struct imprint_slice value, char text[TEXT_LEN])
{
    size_t len = 0;
    size_t i;

    if (value.len > VALUE_MAX_LEN)
        return false;
    for (i = 0; i < value.len; i++) {
        char c = (char)value.bytes[i];

        if (c == '\0' || strchr("*$+?#", c))
            return false;
        if (strchr(",\"\\=<>;", c))
            text[len++] = '\\';
        text[len++] = c;
    }
    text[len] = '\0';
    return true;
}

static void put_pair(struct sink *sink, const char *name, const char *value)
{
    char *name_copy =
        imprint_memory_copy(sink->memory, imprint_slice_text(name));
    char *value_copy =
        imprint_memory_copy(sink->memory, imprint_slice_text(value));

    if (!name_copy || !value_copy || sink->count == PAIR_MAX_COUNT) {
        sink->has_failed = true;
        return;
    }
    sink->pairs[sink->count++] = (struct imprint_pair){
        imprint_slice_text(name_copy), imprint_slice_text(value_copy)};
}

/* Its index-th value: "Subject.Country", "Subject.Country.1"... */
static void put_value(struct sink *sink, const char *side, const char *name,
                      size_t index, const char *value)
{
    char whole[NAME_LEN];

    if (index >= VALUE_MAX_COUNT)
        return;
    if (index == 0)
        (void)snprintf(whole, sizeof(whole), "%s.%s", side, name);
    else
        (void)snprintf(whole, sizeof(whole), "%s.%s.%zu", side, name, index);
    put_pair(sink, whole, value);
    (void)snprintf(whole, sizeof(whole), "%s.%s.List", side, name);
    put_pair(sink, whole, value);
}

/* A positive number in decimal. */
static void put_serial(struct sink *sink, struct imprint_slice bytes)
{
    char text[3 * SERIAL_MAX_LEN + 1];
    char *digit = text + sizeof(text) - 1;
    uint8_t number[SERIAL_MAX_LEN];
    size_t from = 0;
    size_t i;

    if (bytes.len == 0 || bytes.len > SERIAL_MAX_LEN || bytes.bytes[0] & 0x80)
        return;
    memcpy(number, bytes.bytes, bytes.len);
    *digit = '\0';
    while (from < bytes.len) {
        unsigned rest = 0;

        for (i = from; i < bytes.len; i++) {
            rest = rest << 8 | number[i];
            number[i] = (uint8_t)(rest / 10);
            rest %= 10;
        }
        *--digit = (char)('0' + rest);
        while (from < bytes.len && number[from] == 0)
            from++;
    }
    put_pair(sink, "SerialNumber", digit);
}

/* ---- names ---- */

/* NULL: it is no attribute that is known, or no text. */
static const struct attribute *take_attribute(struct imprint_slice *from,
                                              struct imprint_slice *value)
{
    struct imprint_slice pair;
    struct imprint_slice type;
    size_t i;

    if (!imprint_der_take(from, SEQUENCE, &pair)) {
        from->len = 0;
        return NULL;
    }
    if (!imprint_der_take(&pair, OBJECT, &type) || type.len != 3 ||
        memcmp(type.bytes, "\x55\x04", 2) != 0 ||
        !(imprint_der_take(&pair, UTF8_STRING, value) ||
          imprint_der_take(&pair, PRINTABLE_STRING, value) ||
          imprint_der_take(&pair, IA5_STRING, value) ||
          imprint_der_take(&pair, NUMERIC_STRING, value)))
        return NULL;
    for (i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (attributes[i].type == type.bytes[2])
            return &attributes[i];
    }
    return NULL;
}

static void put_name(struct sink *sink, const char *side,
                     struct imprint_slice name)
{
    size_t counts[ATTRIBUTE_COUNT] = {0};
    struct imprint_slice part;
    struct imprint_slice value;
    char text[TEXT_LEN];

    while (imprint_der_take(&name, SET, &part)) {
        while (part.len > 0) {
            const struct attribute *found = take_attribute(&part, &value);
            size_t index = found ? counts[found - attributes]++ : 0;

            if (found && found->name && write_value(value, text))
                put_value(sink, side, found->name, index, text);
        }
    }
}

/*
 * "cn=Bulb,o=IoT,c=US": the last part first. False: something of it has no
 * such form.
 */
static bool write_directory(struct imprint_slice name, char text[TEXT_LEN])
{
    struct imprint_slice part;
    struct imprint_slice value;
    char one[TEXT_LEN];
    char rest[TEXT_LEN];

    text[0] = '\0';
    while (imprint_der_take(&name, SET, &part)) {
        while (part.len > 0) {
            const struct attribute *found = take_attribute(&part, &value);
            int len;

            if (!found || !write_value(value, one))
                return false;
            memcpy(rest, text, sizeof(rest));
            len = snprintf(text, TEXT_LEN, "%s=%s%s%s", found->key, one,
                           rest[0] ? "," : "", rest);
            if (len > VALUE_MAX_LEN)
                return false;
        }
    }
    return text[0] != '\0';
}

static bool write_address(struct imprint_slice address, char text[TEXT_LEN])
{
    int family = address.len == 4 ? AF_INET : AF_INET6;

    return (address.len == 4 || address.len == 16) &&
           inet_ntop(family, address.bytes, text, TEXT_LEN);
}

static bool write_alternative(uint8_t tag, struct imprint_slice value,
                              char text[TEXT_LEN])
{
    struct imprint_slice name;

    if (tag == IP_ADDRESS)
        return write_address(value, text);
    if (tag == DIRECTORY_NAME)
        return imprint_der_take(&value, SEQUENCE, &name) &&
               write_directory(name, text);
    return write_value(value, text);
}

static void put_alternatives(struct sink *sink, const char *side,
                             struct imprint_slice names)
{
    static const struct {
        uint8_t tag;
        const char *name;
    } kinds[ALTERNATIVE_COUNT] = {{RFC822_NAME, "RFC822Name"},
                                  {DNS_NAME, "DNSName"},
                                  {DIRECTORY_NAME, "DirectoryName"},
                                  {URI, "UniformResourceIdentifier"},
                                  {IP_ADDRESS, "IPAddress"}};
    size_t counts[ALTERNATIVE_COUNT] = {0};
    struct imprint_slice value;
    char text[TEXT_LEN];
    uint8_t tag = tag_of(names);

    for (; imprint_der_take(&names, tag, &value); tag = tag_of(names)) {
        size_t i;

        for (i = 0; i < ALTERNATIVE_COUNT && kinds[i].tag != tag; i++)
            continue;
        if (i == ALTERNATIVE_COUNT)
            continue;
        if (write_alternative(tag, value, text))
            put_value(sink, side, kinds[i].name, counts[i], text);
        counts[i]++;
    }
}

/* ---- the certificate ---- */

static void put_extensions(struct sink *sink, struct imprint_slice wrapped)
{
    struct imprint_slice all;
    struct imprint_slice one;
    struct imprint_slice type;
    struct imprint_slice ignored;
    struct imprint_slice value;
    struct imprint_slice names;

    if (!imprint_der_take(&wrapped, SEQUENCE, &all))
        return;
    while (imprint_der_take(&all, SEQUENCE, &one)) {
        if (!imprint_der_take(&one, OBJECT, &type) || type.len != 3 ||
            memcmp(type.bytes, "\x55\x1d", 2) != 0)
            continue;
        (void)imprint_der_take(&one, 0x01, &ignored); /* critical or not */
        if (!imprint_der_take(&one, OCTET_STRING, &value) ||
            !imprint_der_take(&value, SEQUENCE, &names))
            continue;
        if (type.bytes[2] == 17)
            put_alternatives(sink, "Subject.AlternativeName", names);
        else if (type.bytes[2] == 18)
            put_alternatives(sink, "Issuer.AlternativeName", names);
    }
}

/* False: it is no certificate. */
static bool put_all(struct sink *sink, struct imprint_slice der)
{
    struct imprint_slice whole;
    struct imprint_slice signed_part;
    struct imprint_slice ignored;
    struct imprint_slice serial;
    struct imprint_slice issuer;
    struct imprint_slice subject;

    if (!imprint_der_take(&der, SEQUENCE, &whole) ||
        !imprint_der_take(&whole, SEQUENCE, &signed_part))
        return false;
    (void)imprint_der_take(&signed_part, VERSION, &ignored);
    if (!imprint_der_take(&signed_part, INTEGER, &serial) ||
        !imprint_der_take(&signed_part, SEQUENCE, &ignored) || /* algorithm */
        !imprint_der_take(&signed_part, SEQUENCE, &issuer) ||
        !imprint_der_take(&signed_part, SEQUENCE, &ignored) || /* validity */
        !imprint_der_take(&signed_part, SEQUENCE, &subject) ||
        !imprint_der_take(&signed_part, SEQUENCE, &ignored)) /* key */
        return false;
    put_serial(sink, serial);
    put_name(sink, "Issuer", issuer);
    put_name(sink, "Subject", subject);
    (void)imprint_der_take(&signed_part, 0x81,
                           &ignored); /* ids, which nobody uses */
    (void)imprint_der_take(&signed_part, 0x82, &ignored);
    if (imprint_der_take(&signed_part, EXTENSIONS, &ignored))
        put_extensions(sink, ignored);
    return true;
}

enum imprint_status imprint_authority_describe(
    struct imprint_slice certificate_pem, void **memory,
    struct imprint_pair **pairs, size_t *count)
{
    struct sink sink = {.memory = memory};
    struct imprint_pair *copy = NULL;
    uint8_t *der = NULL;
    size_t len = 0;
    bool is_one;

    if (!imprint_pem_decode(certificate_pem, "CERTIFICATE", &der, &len))
        return IMPRINT_ERR_FORMAT;
    is_one = put_all(&sink, imprint_slice_of(der, len));
    free(der);
    if (!is_one)
        return IMPRINT_ERR_FORMAT;
    if (!sink.has_failed)
        copy = imprint_memory_take(memory, sink.count * sizeof(*copy) + 1);
    if (!copy)
        return IMPRINT_ERR_INTERNAL;
    memcpy(copy, sink.pairs, sink.count * sizeof(*copy));
    *pairs = copy;
    *count = sink.count;
    return IMPRINT_OK;
}
