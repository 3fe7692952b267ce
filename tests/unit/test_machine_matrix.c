/*
 * Every state x every event, right and wrong id, against a golden file; and
 * random walks over the machine's promises. IMPRINT_UPDATE_GOLDEN=1 rewrites
 * tests/vectors/machine.golden.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine_rig.h"

static void test_reach(void **unused)
{
    static struct rig rig;
    int state;

    (void)unused;
    for (state = 0; state < STATES; state++) {
        rig_reach(&rig, state);
        assert_string_equal(rig_state_names[rig.machine.state],
                            rig_state_names[state]);
    }
}

static void print_row(FILE *out, struct rig *rig, int from,
                      const struct column *column, bool right)
{
    uint64_t deadline_ms = rig->action.deadline_ms;

    fprintf(out, "%-14s %-18s %-5s -> %-14s %-9s", rig_state_names[from],
            column->name, right ? "right" : "wrong",
            rig_state_names[rig->machine.state],
            rig_action_names[rig->action.kind]);
    if (deadline_ms == IMPRINT_NEVER)
        fprintf(out, " never");
    else
        fprintf(out, " %+lld", (long long)deadline_ms - (long long)rig->now_ms);
    if (rig->action.kind == IMPRINT_DO_CONNECT)
        fprintf(out, " as-%s",
                rig->action.as == IMPRINT_AS_CLAIM ? "claim" : "identity");
    if (rig->action.kind == IMPRINT_DO_PUBLISH)
        fprintf(out, " %s",
                rig->action.topics[0].len == sizeof(REGISTER) - 1 ? "register"
                                                                  : "create");
    if (rig->action.kind == IMPRINT_DO_STOP)
        fprintf(out, " %s", imprint_status_name(rig->action.status));
    fprintf(out, "\n");
}

static char *matrix(void)
{
    static struct rig rig;
    char *text = NULL;
    size_t text_len = 0;
    FILE *out = open_memstream(&text, &text_len);
    size_t column;
    int state;
    int wrong;

    fprintf(out, "# state, event, id -> state, action, deadline from now in "
                 "ms, detail\n");
    for (state = 0; state < STATES; state++) {
        for (column = 0; column < RIG_COLUMN_COUNT; column++) {
            for (wrong = 0; wrong < 2; wrong++) {
                if (wrong && rig_columns[column].kind == IMPRINT_EV_TICK)
                    continue;
                rig_reach(&rig, state);
                rig_drive(&rig, &rig_columns[column], !wrong);
                print_row(out, &rig, state, &rig_columns[column], !wrong);
            }
        }
    }
    fclose(out);
    return text;
}

static void test_golden(void **unused)
{
    char *text = matrix();
    char *golden = calloc(1, strlen(text) + 2);
    FILE *file;

    (void)unused;
    if (getenv("IMPRINT_UPDATE_GOLDEN")) {
        file = fopen(TEST_VECTORS "/machine.golden", "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
    }
    file = fopen(TEST_VECTORS "/machine.golden", "r");
    assert_non_null(file);
    assert_int_equal(fread(golden, 1, strlen(text) + 1, file), strlen(text));
    fclose(file);
    assert_string_equal(text, golden);
    free(golden);
    free(text);
}

/* Random walks, reproducible, over the promises of machine_rules.h. */
static uint32_t walk_state;

static uint32_t walk(uint32_t below)
{
    walk_state = walk_state * 1664525u + 1013904223u;
    return (walk_state >> 16) % below;
}

static void test_random_walks(void **unused)
{
    static struct rig rig;
    size_t count = RIG_COLUMN_COUNT;
    int ends = 0;
    int run;

    (void)unused;
    for (run = 0; run < 20000; run++) {
        int i;

        walk_state = (uint32_t)run;
        rig_prepare(&rig);
        rig.config.seed = walk_state;
        if (walk(3) == 0)
            rig_stage_earlier(&rig, walk(2) ? 600000 : 0);
        rig_begin(&rig);
        for (i = 0; i < 60; i++) {
            if (walk(2))
                rig_answer(&rig);
            else
                rig_drive(&rig, &rig_columns[walk((uint32_t)count)],
                          walk(8) != 0);
        }
        if (rig.rules.stopped && rig.rules.stop.status == IMPRINT_OK)
            ends++;
        imprint_wipe(&rig.machine);
    }
    assert_in_range(ends, 1000, 20000); /* walks that reach the end count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_random_walks),
    };

    return cmocka_run_group_tests_name("machine_matrix", tests, NULL, NULL);
}
