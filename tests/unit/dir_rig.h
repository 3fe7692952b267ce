/* A directory of a test's own, and what was said of a call. */
#ifndef TESTS_UNIT_DIR_RIG_H
#define TESTS_UNIT_DIR_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "imprint/status.h"
#include "imprint/why.h"

extern char dir[64];
extern struct imprint_why why;

void dir_make(void);

/* A tear-down: with all that is in it. */
int dir_remove(void **state);

/* Fails with why unless status is OK. */
void must(enum imprint_status status);

/* What was said, of a call that had to fail so. */
void check_says(enum imprint_status status, enum imprint_status wanted,
                const char *text);

#endif
