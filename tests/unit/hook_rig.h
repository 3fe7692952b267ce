/* Scripts as hooks, and where what they started went. */
#ifndef TESTS_UNIT_HOOK_RIG_H
#define TESTS_UNIT_HOOK_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "endpoint/hook.h"

#define HOOK_LONG_MS 60000 /* never reached */
#define HOOK_WAIT_MS 20000
#define HOOK_PATH_LEN 128

/* The test's directory, made by hook_set_up. */
extern char hook_dir[];

int hook_set_up(void **state);
int hook_tear_down(void **state);

void hook_name_file(char path[HOOK_PATH_LEN], const char *name);

/* The target of a new shell script, which begins in the test's directory. */
char *hook_write_script(const char *body);

/* Takes target over. */
struct imprint_hook_job *hook_make_job(char *target, const char *event,
                                       int64_t timeout_ms);

/* Fails after HOOK_WAIT_MS. */
void hook_wait_for(bool (*is_so)(void));

/* Children in its group, in groups and sessions of their own, and orphans. */
#define HOOK_FAMILY                                                          \
    "rm -f same own orphan deep self\n"                                      \
    "sleep 600 & echo $!. >same\n"                                           \
    "setsid sh -c 'echo $$. >own; exec sleep 600' &\n"                       \
    "(setsid sh -c 'trap \"\" TERM HUP INT; echo $$. >orphan; "              \
    "sleep 600 & wait' </dev/null >/dev/null 2>&1 &)\n"                      \
    "(setsid sh -c '(setsid sh -c \"echo \\$\\$. >deep; sleep 600; :\" &) '" \
    " &)\n"                                                                  \
    "until [ -s same ] && [ -s own ] && [ -s orphan ] && [ -s deep ]; do\n"  \
    "sleep 0.01; done\n"                                                     \
    "echo $$. >self\n"

void hook_forget_family(void);
bool hook_is_family_there(void);
bool hook_is_family_dead(void);

#endif
