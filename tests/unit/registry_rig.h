/* A registry of its own, for tests of what is kept in one. */
#ifndef TESTS_UNIT_REGISTRY_RIG_H
#define TESTS_UNIT_REGISTRY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "endpoint/registry.h"

struct rig {
    char dir[64];
    struct imprint_registry *registry;
    struct imprint_registry *reader;
};

int rig_set_up(void **state);
int rig_tear_down(void **state);

#define RIG_TEST(name) \
    cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

struct imprint_registry *rig_open(const struct rig *rig,
                                  enum imprint_registry_use use);

void rig_ok(enum imprint_status status);

void rig_put(struct imprint_registry *registry, const char *id,
             enum imprint_registry_state state);

/* Runs SQL on the file beside the registry. */
void rig_run(const struct rig *rig, const char *sql);
/* Every row's columns with | between, every row with a newline; free it. */
char *rig_ask(const struct rig *rig, const char *sql);
/* All rows of all tables but change, for comparing; free it. */
char *rig_dump(const struct rig *rig);

/* What each call of a callback gave, joined by spaces. */
struct rig_seen {
    size_t count;
    char all[1024];
};

void rig_see(struct rig_seen *seen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void rig_see_name(void *seen, const char *name);
void rig_see_document(void *seen, const char *name, const char *document);

/* What was committed until now, the reader is told when it asks next. */
void rig_settle(const struct rig *rig);
/* What the reader is told since the last time; NULL is "*". */
struct rig_seen rig_changes(const struct rig *rig);

#endif
