/* A fleet's file: written and read again, comments, and what is generated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/policy.h"
#include "aws/template.h"
#include "cloud/fleet.h"
#include "posix/file.h"

static char path[] = "/tmp/imprint-fleet-XXXXXX.jsonc";

static int make_file(void **state)
{
    int file = mkstemps(path, 6);

    (void)state;
    return file >= 0 ? close(file) : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* The first finding is in why. */
static enum imprint_status read_text(const char *text,
                                     struct imprint_fleet *fleet,
                                     struct imprint_why *why)
{
    struct imprint_findings findings = {.count = 0};
    char *bytes = NULL;
    enum imprint_status status =
        imprint_file_replace(path, imprint_slice_text(text), 0600, why);

    assert_int_equal(status, IMPRINT_OK);
    status = imprint_fleet_read(path, fleet, &findings, &bytes, why);
    imprint_finding_free(&findings);
    free(bytes);
    return status;
}

static void test_written_and_read(void **state)
{
    static const struct {
        const char *region;
        const char *thing_name;
        const char *hook;
    } cases[] = {
        {NULL, NULL, NULL},
        {"eu-west-1", "a:${SerialNumber}_b", NULL},
        {NULL, "${SerialNumber}",
         "arn:aws:lambda:eu-west-1:123456789012:function:f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char name[] = "lamps";
        struct imprint_fleet fleet = {
            .name = name,
            .region = (char *)(uintptr_t)cases[i].region,
            .thing_name = (char *)(uintptr_t)cases[i].thing_name,
            .hook = (char *)(uintptr_t)cases[i].hook,
        };
        char *text = imprint_fleet_write(&fleet);
        struct imprint_fleet again;
        struct imprint_why why = {"", ""};

        assert_non_null(text);
        if (read_text(text, &again, &why) != IMPRINT_OK)
            fail_msg("%s: %s", text, why.text);
        assert_string_equal(again.name, "lamps");
        assert_string_equal(again.region ? again.region : "",
                            cases[i].region ? cases[i].region : "");
        assert_string_equal(again.thing_name ? again.thing_name : "",
                            cases[i].thing_name ? cases[i].thing_name : "");
        assert_string_equal(again.hook ? again.hook : "",
                            cases[i].hook ? cases[i].hook : "");
        imprint_fleet_free(&again);
        free(text);
    }
}

/* Slashes in texts begin none; what is not closed is no comment. */
static void test_comments(void **state)
{
    static const struct {
        const char *text;
        enum imprint_status status;
    } cases[] = {
        {"// a\n{\"name\":/* b\n */\"x\", \"hook\":\"" IMPRINT_FLEET_NO_HOOK
         "\"} "
         "// c",
         IMPRINT_OK},
        {"{\"name\":\"x\", \"hook\":\"" IMPRINT_FLEET_NO_HOOK
         "\", \"region\":\"a//b/*\\\"c*/\"}",
         IMPRINT_OK},
        {"{\"name\":\"x\" /* , \"hook\":\"" IMPRINT_FLEET_NO_HOOK "\"}",
         IMPRINT_ERR_FORMAT},
        {"{\"name\":\"x\\", IMPRINT_ERR_FORMAT},
        {"/", IMPRINT_ERR_FORMAT},
        {"", IMPRINT_ERR_FORMAT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct imprint_fleet fleet;
        struct imprint_why why = {"", ""};

        if (read_text(cases[i].text, &fleet, &why) != cases[i].status)
            fail_msg("%s: %s", cases[i].text, why.text);
        imprint_fleet_free(&fleet);
    }
}

/* What AWS would not take is not generated. */
static void test_generated(void **state)
{
    static const struct imprint_fleet_home home = {"aws-cn", "cn-north-1",
                                                   "123456789012"};
    char name[] = "a_b-36-characters-is-what-it-may-be-";
    struct imprint_fleet fleet = {.name = name};
    struct imprint_findings findings = {.count = 0};
    char *text = imprint_fleet_write_template(&fleet);

    (void)state;
    assert_non_null(text);
    imprint_template_check(imprint_slice_text(text), true, &findings);
    /* that the policy has to be there before: apply makes it first */
    assert_int_equal(findings.count, 1);
    assert_non_null(strstr(findings.items[0].text, "must exist before"));
    imprint_finding_free(&findings);
    free(text);
    text = imprint_fleet_write_policy(&fleet, &home);
    assert_non_null(text);
    imprint_policy_check(imprint_slice_text(text), &findings);
    assert_int_equal(findings.count, 0);
    assert_non_null(strstr(text, "\"arn:aws-cn:iot:cn-north-1:123456789012:"
                                 "topic/a_b-36-characters-is-what-it-may-be-/"
                                 "${iot:Connection.Thing.ThingName}/*\""));
    imprint_finding_free(&findings);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_generated),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
