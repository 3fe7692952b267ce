#include "pattern.h"

#include <string.h>

#include "memory.h"

enum piece_kind { PIECE_PLAIN, PIECE_VARIABLE, PIECE_ANY_RUN, PIECE_ANY_ONE };

struct imprint_pattern_piece {
    enum piece_kind kind;
    struct imprint_slice plain; /* in the pattern's text */
    size_t variable;            /* its index */
};

/* ---- sieve ---- */

void imprint_pattern_sift(struct imprint_slice text,
                          struct imprint_pattern_sieve *out)
{
    size_t i;

    for (i = 1; i < text.len; i++) {
        uint8_t bit = (uint8_t)(text.bytes[i - 1] * 31u + text.bytes[i]);

        out->bits[bit / 64] |= (uint64_t)1 << bit % 64;
    }
}

bool imprint_pattern_may_match(const struct imprint_pattern *pattern,
                               const struct imprint_pattern_sieve *text)
{
    uint64_t missing = 0;
    size_t i;

    for (i = 0; i < IMPRINT_PATTERN_SIEVE_LEN; i++)
        missing |= pattern->sieve.bits[i] & ~text->bits[i];
    return missing == 0;
}

/* ---- compile ---- */

struct compiling {
    struct imprint_slice text;
    size_t at;
    struct imprint_pattern_piece *pieces;
    struct imprint_variable *variables;
    struct imprint_pattern *out;
};

static struct imprint_pattern_piece *add(struct compiling *state,
                                         enum piece_kind kind)
{
    struct imprint_pattern_piece *piece =
        &state->pieces[state->out->piece_count++];

    piece->kind = kind;
    return piece;
}

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
    if (len == 1 && strchr("*?$", *name)) {
        add(state, PIECE_PLAIN)->plain = imprint_slice_of(name, 1);
        state->at += len + 3;
        return IMPRINT_PATTERN_FINE;
    }
    if (out->variable_count == IMPRINT_PATTERN_VARIABLE_MAX_COUNT)
        return IMPRINT_PATTERN_TOO_MANY;
    if (!imprint_variable_find(imprint_slice_of(name, len),
                               &state->variables[out->variable_count]) ||
        imprint_variable_is_list(&state->variables[out->variable_count]))
        return IMPRINT_PATTERN_UNKNOWN;
    add(state, PIECE_VARIABLE)->variable = out->variable_count++;
    state->at += len + 3;
    return IMPRINT_PATTERN_FINE;
}

static bool is_variable(const struct compiling *state)
{
    return state->at + 1 < state->text.len &&
           state->text.bytes[state->at] == '$' &&
           state->text.bytes[state->at + 1] == '{';
}

static bool is_wildcard(uint8_t byte)
{
    return byte == '*' || byte == '?';
}

/* A wildcard, or all bytes up to the next one or a variable. */
static void compile_bytes(struct compiling *state, bool has_wildcards)
{
    const uint8_t *from = state->text.bytes + state->at;
    size_t count = state->out->piece_count;
    struct imprint_slice *plain;

    if (has_wildcards && *from == '*') {
        if (count == 0 || state->pieces[count - 1].kind != PIECE_ANY_RUN)
            (void)add(state, PIECE_ANY_RUN);
        state->at++;
        return;
    }
    if (has_wildcards && *from == '?') {
        (void)add(state, PIECE_ANY_ONE);
        state->at++;
        return;
    }
    while (state->at < state->text.len && !is_variable(state) &&
           !(has_wildcards && is_wildcard(state->text.bytes[state->at])))
        state->at++;
    plain = &add(state, PIECE_PLAIN)->plain;
    *plain =
        imprint_slice_of(from, (size_t)(state->text.bytes + state->at - from));
    imprint_pattern_sift(*plain, &state->out->sieve);
}

/* Each character that is not plain is a piece, with plain ones around it. */
static size_t count_pieces(struct imprint_slice text)
{
    size_t count = 1;
    size_t i;

    for (i = 0; i < text.len; i++)
        count += is_wildcard(text.bytes[i]) || text.bytes[i] == '$' ? 2 : 0;
    return count;
}

/* What stands as it is at both ends: most texts differ there. */
static void find_ends(struct imprint_pattern *out)
{
    const struct imprint_pattern_piece *pieces = out->pieces;
    size_t count = out->piece_count;

    if (count > 0 && pieces[0].kind == PIECE_PLAIN &&
        pieces[0].plain.bytes == (const uint8_t *)out->text)
        out->literal_len = pieces[0].plain.len;
    if (count > 1 && pieces[count - 1].kind == PIECE_PLAIN)
        out->tail_len = pieces[count - 1].plain.len;
}

enum imprint_pattern_problem imprint_pattern_compile(
    struct imprint_slice text, bool has_wildcards, void **memory,
    struct imprint_pattern *out, size_t *problem_at)
{
    struct compiling state = {.out = out};
    enum imprint_pattern_problem problem = IMPRINT_PATTERN_FINE;

    *out = (struct imprint_pattern){
        .text = imprint_memory_copy(memory, text),
        .len = text.len,
    };
    state.text = imprint_slice_of(out->text, text.len);
    state.pieces = imprint_memory_take(
        memory, count_pieces(text) * sizeof(struct imprint_pattern_piece));
    state.variables =
        imprint_memory_take(memory, IMPRINT_PATTERN_VARIABLE_MAX_COUNT *
                                        sizeof(struct imprint_variable));
    if (!out->text || !state.pieces || !state.variables)
        return IMPRINT_PATTERN_NO_MEMORY;
    while (state.at < text.len && problem == IMPRINT_PATTERN_FINE) {
        if (is_variable(&state))
            problem = compile_variable(&state);
        else
            compile_bytes(&state, has_wildcards);
    }
    out->pieces = state.pieces;
    out->variables = state.variables;
    find_ends(out);
    *problem_at = state.at;
    return problem;
}

/* ---- match ---- */

struct matching {
    const struct imprint_pattern_piece *pieces;
    size_t count;
    struct imprint_slice values[IMPRINT_PATTERN_VARIABLE_MAX_COUNT];
    struct imprint_slice text;
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

/* The bytes of a piece that is no wildcard. */
static struct imprint_slice bytes_of(const struct matching *state, size_t piece)
{
    const struct imprint_pattern_piece *it = &state->pieces[piece];

    return it->kind == PIECE_PLAIN ? it->plain : state->values[it->variable];
}

static uint8_t fold(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

static bool is_same(const struct matching *state, struct imprint_slice bytes,
                    const uint8_t *text)
{
    size_t i;

    if (!state->ignores_case && bytes.len > 0)
        return memcmp(bytes.bytes, text, bytes.len) == 0;
    for (i = 0; i < bytes.len; i++) {
        if (fold(bytes.bytes[i]) != fold(text[i]))
            return false;
    }
    return true;
}

/* Takes from the text at *at what piece stands for, if that is there. */
static bool take(const struct matching *state, size_t piece, size_t *at)
{
    size_t left = state->text.len - *at;
    struct imprint_slice bytes;

    if (state->pieces[piece].kind == PIECE_ANY_ONE) {
        if (left == 0)
            return false;
        (*at)++;
        while (*at < state->text.len &&
               (state->text.bytes[*at] & 0xc0u) == 0x80u)
            (*at)++; /* one character, in UTF-8 */
        return true;
    }
    bytes = bytes_of(state, piece);
    if (bytes.len > left || !is_same(state, bytes, state->text.bytes + *at))
        return false;
    *at += bytes.len;
    return true;
}

/* Where from at on the piece behind a * can stand; false: nowhere. */
static bool find(const struct matching *state, size_t piece, size_t *at)
{
    struct imprint_slice text = state->text;
    const uint8_t *found;
    struct imprint_slice bytes;

    if (*at > text.len)
        return false;
    if (state->ignores_case || state->pieces[piece].kind == PIECE_ANY_ONE)
        return true;
    bytes = bytes_of(state, piece);
    if (bytes.len == 0)
        return true;
    found = memmem(text.bytes + *at, text.len - *at, bytes.bytes, bytes.len);
    if (found)
        *at = (size_t)(found - text.bytes);
    return found;
}

/*
 * One step back, to the last *, is enough: whatever an earlier * could take,
 * the last one can take as well.
 */
static bool match_from(const struct matching *state, size_t piece)
{
    size_t star = 0; /* the piece behind the last *; 0: none yet */
    size_t star_at = 0;
    size_t at = 0;

    while (piece < state->count || at < state->text.len) {
        if (piece < state->count &&
            state->pieces[piece].kind == PIECE_ANY_RUN) {
            star = ++piece;
            star_at = at;
            if (star == state->count)
                return true;
        } else if (piece < state->count && take(state, piece, &at)) {
            piece++;
            continue;
        } else if (star > 0) {
            star_at++;
        } else {
            return false;
        }
        if (!find(state, star, &star_at))
            return false;
        piece = star;
        at = star_at;
    }
    return true;
}

bool imprint_pattern_match(const struct imprint_pattern *pattern,
                           struct imprint_slice text,
                           const struct imprint_policy_request *request,
                           bool ignores_case)
{
    struct matching state;
    size_t literal_len = ignores_case ? 0 : pattern->literal_len;
    size_t tail_len = ignores_case ? 0 : pattern->tail_len;

    if (text.len < literal_len + tail_len ||
        (literal_len > 0 &&
         memcmp(text.bytes, pattern->text, literal_len) != 0) ||
        (tail_len > 0 &&
         memcmp(text.bytes + text.len - tail_len,
                pattern->pieces[pattern->piece_count - 1].plain.bytes,
                tail_len) != 0))
        return false;
    if (literal_len == pattern->len)
        return text.len == literal_len;
    if (!resolve(pattern, request, state.values))
        return false;
    state.pieces = pattern->pieces;
    state.count = pattern->piece_count - (tail_len > 0);
    state.text = imprint_slice_of(text.bytes + literal_len,
                                  text.len - literal_len - tail_len);
    state.ignores_case = ignores_case;
    return match_from(&state, literal_len > 0);
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
