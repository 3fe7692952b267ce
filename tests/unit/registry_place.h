/*
 * Where the registries of tests are: SQLite, or a schema of its own for each
 * directory on the server that IMPRINT_TEST_POSTGRES names
 * (tests/postgres/with).
 */
#ifndef TESTS_UNIT_REGISTRY_PLACE_H
#define TESTS_UNIT_REGISTRY_PLACE_H

#include <stdbool.h>

bool registry_place_is_postgres(void);
/* Before a registry is opened in dir, which must be a new one. */
void registry_place_set(const char *dir);
/* Runs SQL there. Every row's columns with | between; free it. */
char *registry_place_ask(const char *dir, const char *sql);

#endif
