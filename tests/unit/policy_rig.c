#include "policy_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ANY_RUN = 0x100, ANY_ONE = 0x101 };

/* A text of which the wildcards are told apart from plain characters. */
struct symbols {
    uint16_t codes[POLICY_RIG_TEXT_LEN];
    size_t count;
};

static const char *find_value(const struct policy_rig_asking *asking,
                              const char *name, size_t index)
{
    size_t i;

    for (i = 0; i < asking->fact_count; i++) {
        if (strcmp(asking->facts[i].name, name) == 0 && index-- == 0)
            return asking->facts[i].value;
    }
    return NULL;
}

static void put_symbols(struct symbols *out, const char *text)
{
    for (; *text != '\0'; text++)
        out->codes[out->count++] = (uint8_t)*text;
}

/* What ${name} stands for; false: for nothing. */
static bool put_variable(const struct policy_rig_asking *asking,
                         const char *name, struct symbols *out)
{
    const char *value = find_value(asking, name, 0);

    if (strcmp(name, "*") == 0 || strcmp(name, "?") == 0 ||
        strcmp(name, "$") == 0)
        value = name;
    else if (!value || (strncmp(name, "iot:Certificate.", 16) == 0 &&
                        strpbrk(value, "*$+?#")))
        return false;
    put_symbols(out, value);
    return true;
}

static bool expand(const struct policy_rig_asking *asking, const char *text,
                   bool has_wildcards, struct symbols *out)
{
    out->count = 0;
    while (*text != '\0') {
        if (text[0] == '$' && text[1] == '{') {
            size_t len = strcspn(text, "}") - 2;
            char name[128];

            (void)snprintf(name, sizeof(name), "%.*s", (int)len, text + 2);
            if (!put_variable(asking, name, out))
                return false;
            text += len + 3;
            continue;
        }
        out->codes[out->count++] = !has_wildcards   ? (uint8_t)*text
                                   : (*text == '*') ? ANY_RUN
                                   : (*text == '?') ? ANY_ONE
                                                    : (uint8_t)*text;
        text++;
    }
    return true;
}

/* Bytes of the first character. */
static size_t character_len(const char *text)
{
    size_t len = 1;

    while (((uint8_t)text[len] & 0xc0u) == 0x80u)
        len++;
    return len;
}

static bool is_like(const uint16_t *codes, size_t count, const char *text)
{
    if (count == 0)
        return *text == '\0';
    if (codes[0] == ANY_RUN)
        return is_like(codes + 1, count - 1, text) ||
               (*text != '\0' && is_like(codes, count, text + 1));
    if (*text == '\0')
        return false;
    if (codes[0] == ANY_ONE)
        return is_like(codes + 1, count - 1, text + character_len(text));
    return codes[0] == (uint8_t)*text &&
           is_like(codes + 1, count - 1, text + 1);
}

static bool is_equal(const struct symbols *symbols, const char *text,
                     bool ignores_case)
{
    char own[POLICY_RIG_TEXT_LEN];
    size_t i;

    for (i = 0; i < symbols->count; i++)
        own[i] = (char)symbols->codes[i];
    own[i] = '\0';
    return ignores_case ? strcasecmp(own, text) == 0 : strcmp(own, text) == 0;
}

/* As digits 0 and 1. */
static bool write_bits(const char *address, int family, char bits[129])
{
    uint8_t bytes[16];
    size_t len = family == AF_INET ? 32 : 128;
    size_t i;

    if (family == AF_INET && strncmp(address, "::ffff:", 7) == 0)
        address += 7;
    if (inet_pton(family, address, bytes) != 1)
        return false;
    for (i = 0; i < len; i++)
        bits[i] = bytes[i / 8] & (0x80u >> i % 8) ? '1' : '0';
    bits[len] = '\0';
    return true;
}

static bool is_within(const char *range, const char *address)
{
    int family = strchr(range, ':') ? AF_INET6 : AF_INET;
    const char *slash = strchr(range, '/');
    char network[64];
    char wanted[129];
    char got[129];

    (void)snprintf(network, sizeof(network), "%.*s", (int)strcspn(range, "/"),
                   range);
    return write_bits(network, family, wanted) &&
           write_bits(address, family, got) &&
           strncmp(wanted, got,
                   slash ? (size_t)atoi(slash + 1) : strlen(wanted)) == 0;
}

/* The operator without its Not, its prefix and IfExists. */
static bool is_true(const struct policy_rig_asking *asking,
                    const char *operator_name, const char *wanted,
                    const char *value)
{
    bool has_wildcards =
        strstr(operator_name, "Like") || strncmp(operator_name, "Arn", 3) == 0;
    struct symbols symbols;

    if (strcmp(operator_name, "IpAddress") == 0)
        return is_within(wanted, value);
    if (!expand(asking, wanted, has_wildcards, &symbols))
        return false;
    if (has_wildcards)
        return is_like(symbols.codes, symbols.count, value);
    return is_equal(&symbols, value,
                    strcmp(operator_name, "Bool") == 0 ||
                        strcmp(operator_name, "Null") == 0 ||
                        strcmp(operator_name, "StringEqualsIgnoreCase") == 0);
}

/* A condition's operator, taken apart. */
struct reading {
    char name[64]; /* is_true's */
    bool is_negated;
    bool is_optional;
    bool is_for_all;
    bool is_for_any;
};

static void cut_out(char *text, size_t len)
{
    memmove(text, text + len, strlen(text + len) + 1);
}

static struct reading read_operator(const char *text)
{
    struct reading out = {.name = ""};
    char *found;

    (void)snprintf(out.name, sizeof(out.name), "%s", text);
    out.is_for_all = strncmp(text, "ForAllValues:", 13) == 0;
    out.is_for_any = strncmp(text, "ForAnyValue:", 12) == 0;
    if (out.is_for_all || out.is_for_any)
        cut_out(out.name, strcspn(out.name, ":") + 1);
    found = strstr(out.name, "IfExists");
    out.is_optional = found;
    if (found)
        *found = '\0';
    found = strstr(out.name, "Not");
    out.is_negated = found;
    if (found)
        cut_out(found, 3);
    return out;
}

static const char *text_of(const json_t *json)
{
    return json_is_true(json)    ? "true"
           : json_is_false(json) ? "false"
                                 : json_string_value(json);
}

static size_t count_of(const json_t *list)
{
    return json_is_array(list) ? json_array_size(list) : 1;
}

static const char *text_at(const json_t *list, size_t index)
{
    return text_of(json_is_array(list) ? json_array_get(list, index) : list);
}

static bool is_resolved(const struct policy_rig_asking *asking,
                        const json_t *wanted)
{
    struct symbols symbols;
    size_t i;

    for (i = 0; i < count_of(wanted); i++) {
        if (!expand(asking, text_at(wanted, i), true, &symbols))
            return false;
    }
    return true;
}

/* The operator, not negated, for one of the key's values. */
static bool is_any(const struct policy_rig_asking *asking,
                   const struct reading *reading, const json_t *wanted,
                   const char *value)
{
    size_t i;

    for (i = 0; i < count_of(wanted); i++) {
        if (is_true(asking, reading->name, text_at(wanted, i), value))
            return true;
    }
    return false;
}

static bool key_holds(const struct policy_rig_asking *asking,
                      const char *operator_name, const char *key,
                      const json_t *wanted)
{
    struct reading reading = read_operator(operator_name);
    const char *value = find_value(asking, key, 0);
    size_t right_count = 0;
    size_t count;

    if (strcmp(reading.name, "Null") == 0)
        return is_any(asking, &reading, wanted, value ? "false" : "true");
    if (!is_resolved(asking, wanted))
        return false;
    if (strcmp(key, "iot:ConnectAttributes") == 0 && !reading.is_for_any)
        reading.is_for_all = true;
    if (!value) {
        if (reading.is_optional || reading.is_for_all)
            return true;
        return reading.is_negated && !reading.is_for_any;
    }
    for (count = 0; (value = find_value(asking, key, count)); count++)
        right_count += is_any(asking, &reading, wanted, value);
    if (reading.is_negated)
        right_count = count - right_count;
    if (reading.is_for_all || (!reading.is_for_any && reading.is_negated))
        return right_count == count;
    return right_count > 0;
}

static bool conditions_hold(const struct policy_rig_asking *asking,
                            json_t *conditions)
{
    const char *name;
    const char *key;
    json_t *keys;
    json_t *wanted;

    json_object_foreach(conditions, name, keys)
    {
        json_object_foreach(keys, key, wanted)
        {
            if (!key_holds(asking, name, key, wanted))
                return false;
        }
    }
    return true;
}

static bool has_like(const struct policy_rig_asking *asking, const json_t *list,
                     const char *text)
{
    struct symbols symbols;
    size_t i;

    for (i = 0; i < count_of(list); i++) {
        if (expand(asking, text_at(list, i), true, &symbols) &&
            is_like(symbols.codes, symbols.count, text))
            return true;
    }
    return false;
}

static const json_t *statement_at(const json_t *policy, size_t index)
{
    const json_t *list = json_object_get(policy, "Statement");

    return json_is_array(list) ? json_array_get(list, index) : list;
}

bool policy_rig_fits(const struct policy_rig_asking *asking,
                     const struct json_t *policy, size_t index)
{
    const json_t *statement = statement_at(policy, index);

    return has_like(asking, json_object_get(statement, "Action"),
                    asking->request.action) &&
           has_like(asking, json_object_get(statement, "Resource"),
                    asking->request.resource) &&
           conditions_hold(asking, json_object_get(statement, "Condition"));
}

static bool is_deny(const json_t *statement)
{
    return strcmp(text_of(json_object_get(statement, "Effect")), "Deny") == 0;
}

enum imprint_policy_verdict policy_rig_decide(
    const struct policy_rig_asking *asking,
    const struct json_t *const *policies, size_t count)
{
    enum imprint_policy_verdict verdict = IMPRINT_POLICY_SILENT;
    size_t i;
    size_t k;

    for (i = 0; i < count; i++) {
        for (k = 0; k < count_of(json_object_get(policies[i], "Statement"));
             k++) {
            if (!policy_rig_fits(asking, policies[i], k))
                continue;
            if (is_deny(statement_at(policies[i], k)))
                return IMPRINT_POLICY_DENIED;
            verdict = IMPRINT_POLICY_ALLOWED;
        }
    }
    return verdict;
}

/* ---- texts ---- */

static char *write_json(const char *text, const char *head)
{
    char *out = malloc(POLICY_RIG_JSON_LEN);
    struct imprint_writer writer =
        imprint_slice_writer(out, POLICY_RIG_JSON_LEN - 1);

    assert_non_null(out);
    for (; *text != '\0'; text++) {
        if (*text == '@')
            imprint_slice_put_text(&writer, head);
        else
            imprint_slice_put_byte(&writer,
                                   (uint8_t)(*text == '\'' ? '"' : *text));
    }
    assert_true(imprint_slice_fits(&writer));
    out[writer.len] = '\0';
    return out;
}

char *policy_rig_json(const char *text)
{
    return write_json(text, "arn:aws:iot:r:1:");
}

char *policy_rig_checked(const char *text)
{
    return write_json(text, "arn:aws:iot:r:*:");
}

char *policy_rig_findings(const struct imprint_findings *findings,
                          bool has_hints)
{
    char *out = calloc(1, POLICY_RIG_JSON_LEN);
    size_t len = 0;
    size_t i;

    assert_non_null(out);
    for (i = 0; i < findings->count; i++) {
        const struct imprint_finding *item = &findings->items[i];
        bool has_hint = has_hints && item->hint[0] != '\0';

        len += (size_t)snprintf(
            out + len, POLICY_RIG_JSON_LEN - len, "%s %zu:%zu %s: %s\n%s%s%s",
            item->is_warning ? "warning" : "error", item->point.line,
            item->point.column, item->place, item->text,
            has_hint ? "hint: " : "", has_hint ? item->hint : "",
            has_hint ? "\n" : "");
        assert_true(len < POLICY_RIG_JSON_LEN);
    }
    for (i = 0; i < len; i++) {
        if (out[i] == '"')
            out[i] = '\'';
    }
    return out;
}
