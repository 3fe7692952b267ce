#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <string.h>

#include "posix/nearest.h"

static const char *find(const char *name)
{
    static const char *const known[] = {"endpoint",  "ca",   "claim",
                                        "claim-key", "key",  "template",
                                        "timeout",   "state"};
    struct imprint_nearest nearest;

    imprint_nearest_start(&nearest, name, strlen(name));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        imprint_nearest_offer(&nearest, known[i]);
    return nearest.best;
}

static void slips_are_found(void **state)
{
    (void)state;
    assert_string_equal(find("endpiont"), "endpoint"); /* swapped */
    assert_string_equal(find("endpoin"), "endpoint");  /* left out */
    assert_string_equal(find("kkey"), "key");          /* put in */
    assert_string_equal(find("tomeout"), "timeout");   /* replaced */
    assert_string_equal(find("claim_key"), "claim-key");
    assert_string_equal(find("claims"), "claim");
    assert_string_equal(find("template"), "template");
}

static void far_names_are_not(void **state)
{
    (void)state;
    assert_null(find(""));
    assert_null(find("xx"));
    assert_null(find("colour"));
    assert_null(find("something-else"));
    assert_null(find("endpointendpointendpointendpointendpointx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_are_found),
        cmocka_unit_test(far_names_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
