#include "pattern.h"

#include <string.h>

#include "memory.h"

/*
 * One code a character: its byte, a wildcard, or the index of a variable.
 */
enum { CODE_ANY_RUN = 0x100, CODE_ANY_ONE = 0x101, CODE_VARIABLE = 0x200 };

/* ---- compile ---- */

struct compiling {
    struct imprint_slice text;
    size_t at;
    uint16_t *codes;
    struct imprint_variable *variables;
    struct imprint_pattern *out;
};

/* ${*}, ${?} and ${$} stand for the character; the rest for a variable. */
static enum imprint_pattern_problem compile_variable(struct compiling *state)
{
    const uint8_t *name = state->text.bytes + state->at + 2;
    size_t left = state->text.len - state->at - 2;
    const uint8_t *end = memchr(name, '}', left);
    size_t len = end ? (size_t)(end - name) : 0;
    struct imprint_pattern *out = state->out;

    if (!end)
        return IMPRINT_PATTERN_OPEN;
    state->at += len + 3;
    if (len == 1 && strchr("*?$", *name)) {
        state->codes[out->count++] = *name;
        return IMPRINT_PATTERN_FINE;
    }
    if (out->variable_count == IMPRINT_PATTERN_VARIABLE_MAX_COUNT)
        return IMPRINT_PATTERN_TOO_MANY;
    if (!imprint_variable_find(imprint_slice_of(name, len),
                               &state->variables[out->variable_count]) ||
        imprint_variable_is_list(&state->variables[out->variable_count])) {
        state->at -= len + 3;
        return IMPRINT_PATTERN_UNKNOWN;
    }
    state->codes[out->count++] =
        (uint16_t)(CODE_VARIABLE + out->variable_count++);
    return IMPRINT_PATTERN_FINE;
}

static void compile_byte(struct compiling *state, bool has_wildcards)
{
    uint8_t byte = state->text.bytes[state->at++];
    struct imprint_pattern *out = state->out;
    uint16_t code = byte;

    if (has_wildcards && byte == '*')
        code = CODE_ANY_RUN;
    else if (has_wildcards && byte == '?')
        code = CODE_ANY_ONE;
    if (code == CODE_ANY_RUN && out->count > 0 &&
        state->codes[out->count - 1] == CODE_ANY_RUN)
        return;
    state->codes[out->count++] = code;
}

enum imprint_pattern_problem imprint_pattern_compile(
    struct imprint_slice text, bool has_wildcards, void **memory,
    struct imprint_pattern *out, size_t *problem_at)
{
    struct compiling state = {.out = out};
    enum imprint_pattern_problem problem = IMPRINT_PATTERN_FINE;

    *out = (struct imprint_pattern){
        .text = imprint_memory_copy(memory, text),
    };
    state.text = imprint_slice_of(out->text, text.len);
    state.codes =
        imprint_memory_take(memory, (text.len + 1) * sizeof(uint16_t));
    state.variables =
        imprint_memory_take(memory, IMPRINT_PATTERN_VARIABLE_MAX_COUNT *
                                        sizeof(struct imprint_variable));
    if (!out->text || !state.codes || !state.variables)
        return IMPRINT_PATTERN_NO_MEMORY;
    while (state.at < text.len && problem == IMPRINT_PATTERN_FINE) {
        if (state.at + 1 < text.len && text.bytes[state.at] == '$' &&
            text.bytes[state.at + 1] == '{')
            problem = compile_variable(&state);
        else
            compile_byte(&state, has_wildcards);
    }
    out->codes = state.codes;
    out->variables = state.variables;
    while (out->literal_len < out->count &&
           state.codes[out->literal_len] ==
               (uint8_t)out->text[out->literal_len])
        out->literal_len++;
    *problem_at = state.at;
    return problem;
}

/* ---- match ---- */

/* Where in the pattern: inside a variable's value, offset counts its bytes. */
struct cursor {
    size_t code;
    size_t offset;
};

struct matching {
    const struct imprint_pattern *pattern;
    struct imprint_slice values[IMPRINT_PATTERN_VARIABLE_MAX_COUNT];
    bool ignores_case;
};

static bool resolve(const struct imprint_pattern *pattern,
                    const struct imprint_policy_request *request,
                    struct imprint_slice *values)
{
    size_t i;

    for (i = 0; i < pattern->variable_count; i++) {
        if (!imprint_variable_put_in(&pattern->variables[i], request,
                                     &values[i]))
            return false;
    }
    return true;
}

/* What is to be matched next: a byte, a wildcard, or 0xffff at the end. */
static uint16_t peek(const struct matching *state, struct cursor *cursor)
{
    while (cursor->code < state->pattern->count) {
        uint16_t code = state->pattern->codes[cursor->code];
        const struct imprint_slice *value;

        if (code < CODE_VARIABLE)
            return code;
        value = &state->values[code - CODE_VARIABLE];
        if (cursor->offset < value->len)
            return value->bytes[cursor->offset];
        cursor->code++;
        cursor->offset = 0;
    }
    return 0xffff;
}

static void advance(const struct matching *state, struct cursor *cursor)
{
    if (state->pattern->codes[cursor->code] >= CODE_VARIABLE)
        cursor->offset++;
    else
        cursor->code++;
}

static uint16_t fold(uint16_t code)
{
    return code >= 'A' && code <= 'Z' ? (uint16_t)(code - 'A' + 'a') : code;
}

static bool is_same(const struct matching *state, uint16_t code, uint8_t byte)
{
    return code == CODE_ANY_ONE || code == byte ||
           (state->ignores_case && code < 0x80 && fold(code) == fold(byte));
}

/*
 * One step back, to the last *, is enough: whatever an earlier * could take,
 * the last one can take as well.
 */
static bool match_from(const struct matching *state, struct cursor cursor,
                       struct imprint_slice text)
{
    struct cursor star = {0, 0};
    bool has_star = false;
    size_t star_at = 0;
    size_t at = 0;

    while (at < text.len) {
        uint16_t code = peek(state, &cursor);

        if (code == CODE_ANY_RUN) {
            advance(state, &cursor);
            has_star = true;
            star = cursor;
            star_at = at;
        } else if (code != 0xffff && is_same(state, code, text.bytes[at])) {
            advance(state, &cursor);
            at++;
            while (code == CODE_ANY_ONE && at < text.len &&
                   (text.bytes[at] & 0xc0u) == 0x80u)
                at++; /* one character, in UTF-8 */
        } else if (has_star) {
            cursor = star;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (peek(state, &cursor) == CODE_ANY_RUN)
        advance(state, &cursor);
    return peek(state, &cursor) == 0xffff;
}

bool imprint_pattern_match(const struct imprint_pattern *pattern,
                           struct imprint_slice text,
                           const struct imprint_policy_request *request,
                           bool ignores_case)
{
    struct matching state;
    size_t literal_len = ignores_case ? 0 : pattern->literal_len;

    if (text.len < literal_len ||
        (literal_len > 0 &&
         memcmp(text.bytes, pattern->text, literal_len) != 0))
        return false;
    if (literal_len == pattern->count)
        return text.len == literal_len;
    state.pattern = pattern;
    state.ignores_case = ignores_case;
    if (!resolve(pattern, request, state.values))
        return false;
    return match_from(
        &state, (struct cursor){literal_len, 0},
        imprint_slice_of(text.bytes + literal_len, text.len - literal_len));
}

const struct imprint_variable *imprint_pattern_missing(
    const struct imprint_pattern *pattern,
    const struct imprint_policy_request *request)
{
    struct imprint_slice value;
    size_t i;

    for (i = 0; i < pattern->variable_count; i++) {
        if (!imprint_variable_put_in(&pattern->variables[i], request, &value))
            return &pattern->variables[i];
    }
    return NULL;
}

size_t imprint_pattern_run(const struct imprint_pattern *pattern,
                           struct imprint_slice text)
{
    size_t run = 0;

    while (run < pattern->literal_len && run < text.len &&
           (uint8_t)pattern->text[run] == text.bytes[run])
        run++;
    return run;
}
