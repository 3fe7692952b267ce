#include "condition.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "memory.h"
#include "pattern.h"

#define NAME_LEN 128

enum test {
    TEST_EQUALS,
    TEST_EQUALS_IGNORE_CASE,
    TEST_LIKE,
    TEST_BOOL,
    TEST_NULL,
    TEST_ADDRESS
};

enum quantity { QUANTITY_ONE, QUANTITY_ALL, QUANTITY_ANY };

static const struct operator
{
    const char *name;
    enum test test;
    bool is_negated;
}
operators[] = {
    {"StringEquals", TEST_EQUALS, false},
    {"StringNotEquals", TEST_EQUALS, true},
    {"StringEqualsIgnoreCase", TEST_EQUALS_IGNORE_CASE, false},
    {"StringNotEqualsIgnoreCase", TEST_EQUALS_IGNORE_CASE, true},
    {"StringLike", TEST_LIKE, false},
    {"StringNotLike", TEST_LIKE, true},
    {"ArnEquals", TEST_LIKE, false},
    {"ArnLike", TEST_LIKE, false},
    {"ArnNotEquals", TEST_LIKE, true},
    {"ArnNotLike", TEST_LIKE, true},
    {"Bool", TEST_BOOL, false},
    {"Null", TEST_NULL, false},
    {"IpAddress", TEST_ADDRESS, false},
    {"NotIpAddress", TEST_ADDRESS, true},
};

#define OPERATOR_COUNT (sizeof(operators) / sizeof(operators[0]))

struct value {
    struct imprint_pattern pattern;
    uint8_t address[16]; /* IpAddress: network order */
    int family;
    unsigned prefix_len;
};

struct imprint_condition {
    const struct operator* operator;
    enum quantity quantity;
    bool is_optional; /* ...IfExists */
    struct imprint_variable key;
    struct value *values;
    size_t value_count;
    const char *name; /* for a person */
};

/* ---- compile ---- */

/* "10.0.0.0/8", "::1", with the length of the prefix. */
static bool read_address(const char *text, struct value *out)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    unsigned long prefix_len;
    char *end;

    if (len >= sizeof(address))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    out->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(out->family, address, out->address) != 1)
        return false;
    out->prefix_len = out->family == AF_INET6 ? 128 : 32;
    if (!slash)
        return true;
    prefix_len = strtoul(slash + 1, &end, 10);
    if (slash[1] < '0' || slash[1] > '9' || *end != '\0' ||
        prefix_len > out->prefix_len)
        return false;
    out->prefix_len = (unsigned)prefix_len;
    return true;
}

static const struct operator* find_operator(struct imprint_slice name)
{
    size_t i;

    for (i = 0; i < OPERATOR_COUNT; i++) {
        if (imprint_slice_is(name, operators[i].name))
            return &operators[i];
    }
    return NULL;
}

/* "ForAnyValue:StringLikeIfExists", taken apart. */
static bool read_operator(const char *text, struct imprint_condition *out)
{
    static const char all[] = "ForAllValues:";
    static const char any[] = "ForAnyValue:";
    static const char optional[] = "IfExists";
    struct imprint_slice name = imprint_slice_text(text);
    size_t prefix_len = 0;

    if (strncmp(text, all, sizeof(all) - 1) == 0) {
        out->quantity = QUANTITY_ALL;
        prefix_len = sizeof(all) - 1;
    } else if (strncmp(text, any, sizeof(any) - 1) == 0) {
        out->quantity = QUANTITY_ANY;
        prefix_len = sizeof(any) - 1;
    }
    name = imprint_slice_of(name.bytes + prefix_len, name.len - prefix_len);
    out->is_optional =
        name.len > sizeof(optional) - 1 &&
        strcmp(text + strlen(text) - (sizeof(optional) - 1), optional) == 0;
    if (out->is_optional)
        name.len -= sizeof(optional) - 1;
    out->operator= find_operator(name);
    return out->operator&& !(out->operator->test ==
                             TEST_NULL &&(out->is_optional || prefix_len > 0));
}

struct compiling {
    struct imprint_findings *findings;
    void **memory;
    struct imprint_condition *out;
};

static bool compile_value(const struct compiling *state,
                          const struct imprint_document *node,
                          const struct imprint_place *place, struct value *out)
{
    enum test test = state->out->operator->test;
    const char *text = imprint_document_text(node);
    size_t at = 0;

    if (imprint_document_kind_of(node) == IMPRINT_DOCUMENT_BOOL &&
        (test == TEST_BOOL || test == TEST_NULL))
        text = imprint_document_is_true(node) ? "true" : "false";
    if (!text) {
        imprint_finding_error(state->findings, place, "must be a text");
        return false;
    }
    if ((test == TEST_BOOL || test == TEST_NULL) &&
        strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0) {
        imprint_finding_error(state->findings, place,
                              "\"%s\" is not true or false", text);
        return false;
    }
    if (test == TEST_ADDRESS && !read_address(text, out)) {
        imprint_finding_error(state->findings, place,
                              "\"%s\" is no address or range", text);
        imprint_finding_hint(state->findings,
                             "write an address as 192.0.2.1, or a range as "
                             "192.0.2.0/24 or 2001:db8::/32");
        return false;
    }
    if (imprint_pattern_compile(imprint_slice_text(text), test == TEST_LIKE,
                                state->memory, &out->pattern,
                                &at) == IMPRINT_PATTERN_FINE)
        return true;
    imprint_finding_error(state->findings, place,
                          "\"%s\" has a variable that can't be used",
                          text + at);
    return false;
}

/* A value, or an array of some. */
static bool compile_values(const struct compiling *state,
                           const struct imprint_document *node,
                           const struct imprint_place *place)
{
    bool is_array = imprint_document_kind_of(node) == IMPRINT_DOCUMENT_ARRAY;
    size_t count = is_array ? imprint_document_count(node) : 1;
    struct imprint_condition *out = state->out;
    bool is_fine = count > 0 || out->quantity != QUANTITY_ONE;
    size_t i;

    out->values =
        imprint_memory_take(state->memory, (count + 1) * sizeof(*out->values));
    if (!is_fine || !out->values)
        imprint_finding_error(state->findings, place, "%s",
                              is_fine ? "out of memory" : "is empty");
    for (i = 0; i < count && out->values; i++) {
        struct imprint_place item = imprint_place_item(place, i);

        is_fine &= compile_value(
            state, is_array ? imprint_document_item(node, i) : node,
            is_array ? &item : place, &out->values[i]);
    }
    out->value_count = count;
    return is_fine && out->values;
}

static bool compile_key(const struct compiling *state, const char *name,
                        const struct imprint_place *place)
{
    struct imprint_condition *out = state->out;
    char *own = imprint_memory_copy(state->memory, imprint_slice_text(name));

    if (!own || !imprint_variable_find(imprint_slice_text(own), &out->key)) {
        imprint_finding_error(state->findings, place,
                              imprint_variable_is_foreign(name)
                                  ? "the key \"%s\" is not supported here"
                                  : "\"%s\" is no condition key of AWS IoT",
                              name);
        return false;
    }
    if (out->operator->test == TEST_ADDRESS &&
        out->key.kind != IMPRINT_VARIABLE_SOURCE_IP) {
        imprint_finding_error(state->findings, place,
                              "\"%s\" is no address; aws:SourceIp is", name);
        return false;
    }
    if (imprint_variable_is_list(&out->key) && out->quantity == QUANTITY_ONE &&
        out->operator->test != TEST_NULL) {
        /* so AWS's own example reads: LastWill or nothing, but nothing else */
        if (out->key.kind == IMPRINT_VARIABLE_CONNECT)
            out->quantity = QUANTITY_ALL;
        imprint_finding_warn(state->findings, place,
                             "\"%s\" can have several values", name);
        imprint_finding_hint(state->findings,
                             "write ForAnyValue: or ForAllValues: before the "
                             "operator");
    }
    return true;
}

/* The keys under one operator. */
static bool compile_operator(const struct compiling *shared, const char *name,
                             const struct imprint_document *keys,
                             const struct imprint_place *place)
{
    struct imprint_condition as = {.quantity = QUANTITY_ONE};
    struct compiling state = *shared;
    const struct imprint_document *values;
    const char *key;
    void *cursor = NULL;
    bool is_fine = true;

    if (!read_operator(name, &as)) {
        imprint_finding_error(state.findings, place,
                              "\"%s\" is no operator that AWS IoT's keys can "
                              "use",
                              name);
        imprint_finding_hint(state.findings,
                             "numbers and dates have no keys here; see "
                             "StringEquals, StringLike, Bool, Null, IpAddress");
        return false;
    }
    if (imprint_document_kind_of(keys) != IMPRINT_DOCUMENT_OBJECT) {
        imprint_finding_error(state.findings, place, "is not an object");
        return false;
    }
    while ((key = imprint_document_next(keys, &cursor, &values))) {
        struct imprint_place at = imprint_place_member(place, key);
        char text[NAME_LEN];

        (void)snprintf(text, sizeof(text), "%s %s", name, key);
        *state.out = as;
        state.out->name =
            imprint_memory_copy(state.memory, imprint_slice_text(text));
        is_fine &= state.out->name && compile_key(&state, key, &at);
        is_fine &= compile_values(&state, values, &at);
        state.out++;
    }
    return is_fine;
}

size_t imprint_condition_count(const struct imprint_document *node)
{
    const struct imprint_document *keys;
    void *cursor = NULL;
    size_t count = 0;

    if (imprint_document_kind_of(node) != IMPRINT_DOCUMENT_OBJECT)
        return 0;
    while (imprint_document_next(node, &cursor, &keys)) {
        if (imprint_document_kind_of(keys) == IMPRINT_DOCUMENT_OBJECT)
            count += imprint_document_count(keys);
    }
    return count;
}

bool imprint_condition_compile(const struct imprint_document *node,
                               const struct imprint_place *place,
                               struct imprint_findings *findings, void **memory,
                               struct imprint_condition **out)
{
    struct compiling state = {.findings = findings, .memory = memory};
    const struct imprint_document *keys;
    const char *name;
    void *cursor = NULL;
    bool is_fine = true;

    if (imprint_document_kind_of(node) != IMPRINT_DOCUMENT_OBJECT) {
        imprint_finding_error(findings, place, "is not an object");
        return false;
    }
    state.out = imprint_memory_take(
        memory, (imprint_condition_count(node) + 1) * sizeof(**out));
    if (!state.out) {
        imprint_finding_error(findings, place, "out of memory");
        return false;
    }
    *out = state.out;
    while ((name = imprint_document_next(node, &cursor, &keys))) {
        struct imprint_place at = imprint_place_member(place, name);

        is_fine &= compile_operator(&state, name, keys, &at);
        if (imprint_document_kind_of(keys) == IMPRINT_DOCUMENT_OBJECT)
            state.out += imprint_document_count(keys);
    }
    return is_fine;
}

/* ---- evaluate ---- */

/* What ranges are compared with: an address can be of both families. */
struct address {
    uint8_t v4[4];
    uint8_t v6[16];
    bool is_v4;
    bool is_v6;
};

/* An IPv4 address may come as IPv6 writes it: "::ffff:192.0.2.1". */
static struct address take_address(struct imprint_slice text)
{
    static const char mapped[] = "::ffff:";
    size_t mapped_len = sizeof(mapped) - 1;
    char written[INET6_ADDRSTRLEN];
    struct address out = {.is_v4 = false};
    bool is_mapped;

    if (text.len >= sizeof(written))
        return out;
    memcpy(written, text.bytes, text.len);
    written[text.len] = '\0';
    is_mapped = strncasecmp(written, mapped, mapped_len) == 0;
    out.is_v6 = inet_pton(AF_INET6, written, out.v6) == 1;
    out.is_v4 =
        inet_pton(AF_INET, written + (is_mapped ? mapped_len : 0), out.v4) == 1;
    return out;
}

static bool is_within(const struct value *range, const struct address *address)
{
    bool is_v4 = range->family == AF_INET;
    const uint8_t *bytes = is_v4 ? address->v4 : address->v6;
    unsigned whole = range->prefix_len / 8;
    unsigned rest = range->prefix_len % 8;
    unsigned mask = rest > 0 ? 0xffu << (8 - rest) & 0xffu : 0;

    return (is_v4 ? address->is_v4 : address->is_v6) &&
           memcmp(bytes, range->address, whole) == 0 &&
           (rest == 0 || ((bytes[whole] ^ range->address[whole]) & mask) == 0);
}

static bool fits_address(const struct imprint_condition *condition,
                         struct imprint_slice text)
{
    struct address address = take_address(text);
    size_t i;

    for (i = 0; i < condition->value_count; i++) {
        if (is_within(&condition->values[i], &address))
            return true;
    }
    return false;
}

static bool fits(const struct imprint_condition *condition,
                 struct imprint_slice text,
                 const struct imprint_policy_request *request)
{
    enum test test = condition->operator->test;
    bool ignores_case = test == TEST_EQUALS_IGNORE_CASE || test == TEST_BOOL ||
                        test == TEST_NULL;
    size_t i;

    if (test == TEST_ADDRESS)
        return fits_address(condition, text);
    for (i = 0; i < condition->value_count; i++) {
        if (imprint_pattern_match(&condition->values[i].pattern, text, request,
                                  ignores_case))
            return true;
    }
    return false;
}

/* A value of the condition that is made of what the request has not. */
static bool is_unresolved(const struct imprint_condition *condition,
                          const struct imprint_policy_request *request)
{
    size_t i;

    for (i = 0; i < condition->value_count; i++) {
        if (imprint_pattern_missing(&condition->values[i].pattern, request))
            return true;
    }
    return false;
}

static bool hold_one(const struct imprint_condition *condition,
                     const struct imprint_policy_request *request)
{
    bool negated = condition->operator->is_negated;
    struct imprint_slice text;
    bool is_there = imprint_variable_get(&condition->key, request, 0, &text);
    bool every = true;
    bool some = false;
    size_t i;

    if (condition->operator->test == TEST_NULL)
        return fits(condition, imprint_slice_text(is_there ? "false" : "true"),
                    request);
    if (is_unresolved(condition, request))
        return false;
    if (!is_there)
        return condition->is_optional || condition->quantity == QUANTITY_ALL ||
               (negated && condition->quantity == QUANTITY_ONE);
    for (i = 0; imprint_variable_get(&condition->key, request, i, &text); i++) {
        bool fits_now = fits(condition, text, request) != negated;

        every = every && fits_now;
        some = some || fits_now;
    }
    if (condition->quantity == QUANTITY_ONE)
        return negated ? every : some;
    return condition->quantity == QUANTITY_ALL ? every : some;
}

bool imprint_condition_hold(const struct imprint_condition *conditions,
                            size_t count,
                            const struct imprint_policy_request *request,
                            size_t *failed)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (!hold_one(&conditions[i], request)) {
            *failed = i;
            return false;
        }
    }
    return true;
}

const char *imprint_condition_name(const struct imprint_condition *conditions,
                                   size_t index)
{
    return conditions[index].name;
}
