/* The language of faults, what fits a rule, and what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "endpoint/fault.h"

#define THREAD_COUNT 4
#define MATCH_COUNT 1000

static int set_up(void **state)
{
    *state = imprint_fault_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    imprint_fault_free(*state);
    return 0;
}

static void set(struct imprint_faults *faults, const char *text)
{
    struct imprint_why why = {"", ""};

    if (imprint_fault_set(faults, imprint_slice_text(text), &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
}

static const struct imprint_pair parameters[] = {
    {{(const uint8_t *)"SerialNumber", 12}, {(const uint8_t *)"SN-7", 4}},
    {{(const uint8_t *)"Empty", 5}, {NULL, 0}},
};

/* Whose texts the rules below ask for. */
static struct imprint_fault strike(struct imprint_faults *faults,
                                   enum imprint_fault_event event)
{
    const struct imprint_fault_case now = {
        .event = event,
        .client_id = "dev-1",
        .claim = "default",
        .thing_name = "SN-7",
        .template_name = "fleet",
        .parameters = parameters,
        .parameter_count = 2,
    };
    struct imprint_fault fault;

    imprint_fault_match(faults, &now, &fault);
    return fault;
}

/* ---- the language ---- */

/* Bits: the events that strike, in the order of the enum. */
static void each_event_is_its_own(void **state)
{
    static const struct {
        const char *line;
        unsigned bits;
    } cases[] = {
        {"connect: close", 1},          {"subscribe: close", 2},
        {"create-keys: lose", 4},       {"create-csr: lose", 8},
        {"create: lose", 4 + 8},        {"register: lose", 16},
        {"reply: lose", 4 + 8 + 16},    {": lose", 4 + 8 + 16},
        {" \tregister : lose\r\n", 16}, {"client=dev-1: lose", 4 + 8 + 16},
        {"# connect: close\n\n", 0},    {"", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned bits = 0;

        set(*state, cases[i].line);
        for (unsigned event = 0; event <= IMPRINT_FAULT_REGISTER; event++) {
            if (strike(*state, (enum imprint_fault_event)event).kind !=
                IMPRINT_FAULT_NONE)
                bits |= 1u << event;
        }
        if (bits != cases[i].bits)
            fail_msg("\"%s\": %u", cases[i].line, bits);
    }
}

static void each_action_has_its_number(void **state)
{
    static const struct {
        const char *line;
        enum imprint_fault_event event;
        struct imprint_fault fault;
    } cases[] = {
        {"connect: close", IMPRINT_FAULT_CONNECT, {IMPRINT_FAULT_CLOSE, 0, ""}},
        {"connect: refuse",
         IMPRINT_FAULT_CONNECT,
         {IMPRINT_FAULT_REFUSE, 0, ""}},
        {"subscribe: refuse",
         IMPRINT_FAULT_SUBSCRIBE,
         {IMPRINT_FAULT_REFUSE, 0, ""}},
        {": close", IMPRINT_FAULT_REGISTER, {IMPRINT_FAULT_CLOSE, 0, ""}},
        {": lose", IMPRINT_FAULT_REGISTER, {IMPRINT_FAULT_LOSE, 0, ""}},
        {": delay 250", IMPRINT_FAULT_REGISTER, {IMPRINT_FAULT_DELAY, 250, ""}},
        {": double", IMPRINT_FAULT_REGISTER, {IMPRINT_FAULT_DOUBLE, 0, ""}},
        {": swap", IMPRINT_FAULT_REGISTER, {IMPRINT_FAULT_SWAP, 0, ""}},
        {": cut 0", IMPRINT_FAULT_REGISTER, {IMPRINT_FAULT_CUT, 0, ""}},
        {": refuse 429",
         IMPRINT_FAULT_REGISTER,
         {IMPRINT_FAULT_REFUSE, 429, ""}},
        {": refuse  503 \t Away ",
         IMPRINT_FAULT_REGISTER,
         {IMPRINT_FAULT_REFUSE, 503, "Away"}},
        {"create: wrong-certificate",
         IMPRINT_FAULT_CREATE_CSR,
         {IMPRINT_FAULT_WRONG_CERTIFICATE, 0, ""}},
        {"create-keys: other-key",
         IMPRINT_FAULT_CREATE_KEYS,
         {IMPRINT_FAULT_OTHER_KEY, 0, ""}},
        {"create: long-token",
         IMPRINT_FAULT_CREATE_CSR,
         {IMPRINT_FAULT_LONG_TOKEN, 0, ""}},
        {"create: chain 4",
         IMPRINT_FAULT_CREATE_CSR,
         {IMPRINT_FAULT_CHAIN, 4, ""}},
        {": long-reply",
         IMPRINT_FAULT_REGISTER,
         {IMPRINT_FAULT_LONG_REPLY, 0, ""}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct imprint_fault fault;

        set(*state, cases[i].line);
        fault = strike(*state, cases[i].event);
        if (fault.kind != cases[i].fault.kind ||
            fault.number != cases[i].fault.number ||
            strcmp(fault.text, cases[i].fault.text) != 0)
            fail_msg("\"%s\": %d %lld \"%s\"", cases[i].line, (int)fault.kind,
                     (long long)fault.number, fault.text);
    }
}

static void a_bad_line_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *said;
        const char *word;
    } cases[] = {
        {"\n# x\nregistr: lose", "line 3", "\"registr\""},
        {"register lose", "line 1", "no condition"},
        {"register", "line 1", "no colon"},
        {"register x=1: lose", "line 1", "\"x\""},
        {"register param.=1: lose", "line 1", "\"param.\""},
        {"register =1: lose", "line 1", "\"\""},
        {"client=a register: lose", "line 1", "\"register\""},
        {"register nth=0: lose", "line 1", "\"0\""},
        {"register nth=: lose", "line 1", "nth"},
        {"register nth=-2: lose", "line 1", "\"-2\""},
        {"register nth=4-2: lose", "line 1", "\"4-2\""},
        {"register nth=2-3-4: lose", "line 1", "\"2-3-4\""},
        {"register nth=99999999999999999999: lose", "line 1", "nth"},
        {"register:", "line 1", "is not close"},
        {"register: loose", "line 1", "\"loose\""},
        {": lose\n: lose 3", "line 2", "\"3\""},
        {"connect: lose", "line 1", "\"lose\" can't happen"},
        {"connect: refuse 500", "line 1", "\"500\""},
        {"subscribe: delay 5", "line 1", "\"delay\" can't happen"},
        {"create: other-key", "line 1", "\"other-key\" can't happen"},
        {": chain 2", "line 1", "\"chain\" can't happen"},
        {": delay", "line 1", "\"delay\" needs milliseconds"},
        {": delay 0", "line 1", "from 1 to 600000"},
        {": delay 5x", "line 1", "from 1 to 600000"},
        {": cut -1", "line 1", "\"cut\" needs bytes"},
        {": refuse", "line 1", "\"refuse\" needs a status code"},
        {": refuse 200", "line 1", "from 400 to 599"},
        {": refuse 500 A B", "line 1", "\"B\""},
        {"create: chain 17", "line 1", "from 1 to 16"},
        {": refuse 500 "
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         "line 1", "too long"},
        {"client=1 client=2 client=3 client=4 client=5 client=6 client=7 "
         "client=8 client=9: lose",
         "line 1", "one condition too many"},
    };

    set(*state, "register: double");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct imprint_why why = {"", ""};

        assert_int_equal(
            imprint_fault_set(*state, imprint_slice_text(cases[i].text), &why),
            IMPRINT_ERR_FORMAT);
        if (!strstr(why.text, cases[i].said) ||
            !strstr(why.text, cases[i].word))
            fail_msg("\"%s\": %s", cases[i].text, why.text);
    }
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind,
                     IMPRINT_FAULT_DOUBLE);
}

static void bounds_of_lines_and_rules_hold(void **state)
{
    struct imprint_why why = {"", ""};
    char text[65 * 7 + 1] = "";
    char line[600];

    for (size_t i = 0; i < 64; i++)
        memcpy(text + 7 * i, ": lose\n", 8);
    set(*state, text);
    memcpy(text + 7 * 64, ": lose\n", 8);
    assert_int_equal(imprint_fault_set(*state, imprint_slice_text(text), &why),
                     IMPRINT_ERR_FORMAT);
    assert_non_null(strstr(why.text, "line 65"));
    memset(line, 'a', sizeof(line));
    memcpy(line, "client=", 7);
    memcpy(line + sizeof(line) - 7, ": lose", 7);
    assert_int_equal(imprint_fault_set(*state, imprint_slice_text(line), &why),
                     IMPRINT_ERR_FORMAT);
    assert_int_equal(
        imprint_fault_set(*state, imprint_slice_of(": lose\0x", 8), &why),
        IMPRINT_ERR_FORMAT);
}

/* ---- what fits ---- */

static void conditions_are_globs(void **state)
{
    static const struct {
        const char *line;
        bool fits;
    } cases[] = {
        {"client=dev-1: lose", true},
        {"client=dev-*: lose", true},
        {"client=dev-?: lose", true},
        {"client=dev-[2-9]: lose", false},
        {"client=dev: lose", false},
        {"claim=default: lose", true},
        {"claim=: lose", false},
        {"thing=SN-7 template=fleet: lose", true},
        {"thing=SN-7 template=other: lose", false},
        {"param.SerialNumber=SN-*: lose", true},
        {"param.SerialNumber=SN-8: lose", false},
        {"param.Empty=: lose", true},
        {"param.Serial=*: lose", false},
        {"param.SerialNumber=SN-7 client=dev-1 claim=d*: lose", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set(*state, cases[i].line);
        if ((strike(*state, IMPRINT_FAULT_REGISTER).kind ==
             IMPRINT_FAULT_LOSE) != cases[i].fits)
            fail_msg("\"%s\"", cases[i].line);
    }
}

static void what_there_is_none_of_is_empty(void **state)
{
    const struct imprint_fault_case now = {.event = IMPRINT_FAULT_CONNECT};
    struct imprint_fault fault;

    set(*state, "connect claim= thing=: close");
    imprint_fault_match(*state, &now, &fault);
    assert_int_equal(fault.kind, IMPRINT_FAULT_CLOSE);
    set(*state, "connect claim=?*: close");
    imprint_fault_match(*state, &now, &fault);
    assert_int_equal(fault.kind, IMPRINT_FAULT_NONE);
}

/* ---- what is counted ---- */

static void nth_has_three_forms(void **state)
{
    static const struct {
        const char *line;
        const char *strikes; /* by the match: x or . */
    } cases[] = {
        {"nth=1: lose", "x....."},   {"nth=2: lose", ".x...."},
        {"nth=2-4: lose", ".xxx.."}, {"nth=3-3: lose", "..x..."},
        {"nth=3-: lose", "..xxxx"},  {": lose", "xxxxxx"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[7] = "";

        set(*state, cases[i].line);
        for (size_t k = 0; k < 6; k++)
            got[k] = strike(*state, IMPRINT_FAULT_REGISTER).kind ==
                             IMPRINT_FAULT_LOSE
                         ? 'x'
                         : '.';
        assert_string_equal(got, cases[i].strikes);
        set(*state, "");
    }
}

static void only_what_fits_is_counted(void **state)
{
    set(*state, "register nth=2: lose");
    assert_int_equal(strike(*state, IMPRINT_FAULT_CREATE_CSR).kind, 0);
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind, 0);
    assert_int_equal(strike(*state, IMPRINT_FAULT_CREATE_CSR).kind, 0);
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind,
                     IMPRINT_FAULT_LOSE);
}

static void the_first_strikes_and_all_count(void **state)
{
    set(*state, "nth=2: lose\nnth=2: double\nnth=3: swap");
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind, 0);
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind,
                     IMPRINT_FAULT_LOSE);
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind,
                     IMPRINT_FAULT_SWAP);
}

static void counters_go_on_where_a_line_stays(void **state)
{
    set(*state, "nth=2: lose");
    (void)strike(*state, IMPRINT_FAULT_REGISTER);
    set(*state, "connect: close\n  nth=2: lose  \n");
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind,
                     IMPRINT_FAULT_LOSE);
    set(*state, "nth=2 : lose");
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind, 0);
    set(*state, "");
    set(*state, "nth=2 : lose");
    assert_int_equal(strike(*state, IMPRINT_FAULT_REGISTER).kind, 0);
}

struct worker {
    struct imprint_faults *faults;
    size_t struck;
};

static void *match_often(void *user)
{
    struct worker *worker = user;

    for (size_t i = 0; i < MATCH_COUNT; i++) {
        if (strike(worker->faults, IMPRINT_FAULT_REGISTER).kind !=
            IMPRINT_FAULT_NONE)
            worker->struck++;
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    struct worker workers[THREAD_COUNT];
    pthread_t threads[THREAD_COUNT];
    size_t struck = 0;

    set(*state, "nth=101-600: lose");
    for (size_t i = 0; i < THREAD_COUNT; i++) {
        workers[i] = (struct worker){.faults = *state};
        assert_int_equal(
            pthread_create(&threads[i], NULL, match_often, &workers[i]), 0);
    }
    for (size_t i = 0; i < 50; i++)
        set(*state,
            i % 2 ? "nth=101-600: lose" : "connect: close\nnth=101-600: lose");
    for (size_t i = 0; i < THREAD_COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        struck += workers[i].struck;
    }
    assert_int_equal(struck, 500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_event_is_its_own),
        TEST(each_action_has_its_number),
        TEST(a_bad_line_is_named),
        TEST(bounds_of_lines_and_rules_hold),
        TEST(conditions_are_globs),
        TEST(what_there_is_none_of_is_empty),
        TEST(nth_has_three_forms),
        TEST(only_what_fits_is_counted),
        TEST(the_first_strikes_and_all_count),
        TEST(counters_go_on_where_a_line_stays),
        TEST(threads_count_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
