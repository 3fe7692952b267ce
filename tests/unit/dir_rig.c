#include "dir_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry_place.h"

char dir[64];
struct imprint_why why;

void dir_make(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/imprint-XXXXXX");
    assert_non_null(mkdtemp(dir));
    registry_place_set(dir);
}

int dir_remove(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

void must(enum imprint_status status)
{
    if (status != IMPRINT_OK)
        fail_msg("%s", why.text);
}

void check_says(enum imprint_status status, enum imprint_status wanted,
                const char *text)
{
    assert_int_equal(status, wanted);
    if (!strstr(why.text, text))
        fail_msg("%s", why.text);
}
