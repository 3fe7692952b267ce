#include "imprint/status.h"

/* One text, not a table of pointers: no relocations, a third of the size. */
static const char names[] =
    "ok\0argument\0space\0format\0refused\0lost\0timeout\0throttled\0cannot\0"
    "storage\0key\0clock\0settings\0busy\0not_found\0network\0stopped\0"
    "internal\0unknown";

const char *imprint_status_name(enum imprint_status status)
{
    const char *name = names;
    int skip = -(int)status;

    if (skip < 0 || skip > -(int)IMPRINT_ERR_INTERNAL)
        skip = 1 - (int)IMPRINT_ERR_INTERNAL;
    for (; skip; skip--) {
        while (*name)
            name++;
        name++;
    }
    return name;
}
