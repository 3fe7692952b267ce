/* What an operator may do to a registry, and what AWS would not let him. */
#include "dir_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/admin.h"
#include "endpoint/catalog.h"
#include "endpoint/registry.h"
#include "endpoint/rules.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define LAMBDA "arn:aws:lambda:us-east-1:000000000000:function:check"
#define POLICY                                                          \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\"," \
    "\"Action\":\"iot:Connect\",\"Resource\":\"arn:aws:iot:us-east-1:"  \
    "000000000000:client/a\"}]}"
#define TEMPLATE                                                            \
    "{\"Parameters\":{\"AWS::IoT::Certificate::Id\":{\"Type\":\"String\"}"  \
    "},\"Resources\":{\"certificate\":{\"Type\":\"AWS::IoT::Certificate\"," \
    "\"Properties\":{\"CertificateId\":{\"Ref\":"                           \
    "\"AWS::IoT::Certificate::Id\"},\"Status\":\"Active\"}}}}"

/* ---- the fixture: A and B are of claim batch, C is a device ---- */

static void put(struct imprint_registry *registry, const char *id,
                const char *claim)
{
    const struct imprint_registry_certificate certificate = {
        .id = id,
        .pem = "pem",
        .claim = claim,
        .state = IMPRINT_REGISTRY_ACTIVE,
        .created = 1000,
        .not_after = 2000};

    assert_int_equal(imprint_registry_put_certificate(registry, &certificate),
                     IMPRINT_OK);
}

static int set_up(void **state)
{
    const struct imprint_catalog_thing thing = {.name = "thing"};
    struct imprint_registry *registry = NULL;

    (void)state;
    dir_make();
    assert_int_equal(
        imprint_registry_open(dir, IMPRINT_REGISTRY_WRITE, &registry, &why),
        IMPRINT_OK);
    put(registry, ID_A, "batch");
    put(registry, ID_B, "batch");
    put(registry, ID_C, NULL);
    assert_int_equal(imprint_catalog_put_thing(registry, &thing), IMPRINT_OK);
    assert_int_equal(
        imprint_catalog_attach_thing(registry, ID_C, "thing", false),
        IMPRINT_OK);
    assert_int_equal(imprint_catalog_put_policy(registry, "$own", POLICY),
                     IMPRINT_OK);
    imprint_registry_close(registry);
    return 0;
}

/* Lines that were listed. */
struct lines {
    char text[16384];
};

static void add(struct lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct lines *lines, const char *format, ...)
{
    size_t len = strlen(lines->text);
    va_list values;

    va_start(values, format);
    (void)vsnprintf(lines->text + len, sizeof(lines->text) - len, format,
                    values);
    va_end(values);
}

/* ---- certificates ---- */

static void list_certificate(
    void *user, const struct imprint_admin_certificate *certificate)
{
    add(user, "%c %s %s %s\n", certificate->id[0], certificate->claim,
        certificate->thing, certificate->status);
}

static void check_certificates(const char *wanted)
{
    struct lines lines = {""};

    must(imprint_admin_each_certificate(dir, list_certificate, &lines, &why));
    assert_string_equal(lines.text, wanted);
}

static void test_states(void **state)
{
    (void)state;
    check_certificates("a batch  ACTIVE\nb batch  ACTIVE\nc  thing ACTIVE\n");
    must(imprint_admin_set_status(dir, ID_A, "INACTIVE", &why));
    must(imprint_admin_set_status(dir, ID_B, "REVOKED", &why));
    check_certificates(
        "a batch  INACTIVE\nb batch  REVOKED\nc  thing ACTIVE\n");
    must(imprint_admin_set_status(dir, ID_A, "ACTIVE", &why));
    check_says(imprint_admin_set_status(dir, ID_A, "PENDING_ACTIVATION", &why),
               IMPRINT_ERR_ARGUMENT, "PENDING_ACTIVATION");
    check_says(imprint_admin_set_status(dir, "nobody", "ACTIVE", &why),
               IMPRINT_ERR_NOT_FOUND, "\"nobody\"");
    check_certificates("a batch  ACTIVE\nb batch  REVOKED\nc  thing ACTIVE\n");
}

/* Policies first, then things, then the state. */
static void test_delete(void **state)
{
    (void)state;
    must(imprint_admin_put_policy(dir, "p", imprint_slice_text(POLICY), &why));
    must(imprint_admin_attach_policy(dir, "p", "batch", true, &why));
    check_says(imprint_admin_drop_certificate(dir, ID_A, false, &why),
               IMPRINT_ERR_REFUSED, "policy \"p\"");
    assert_non_null(strstr(why.hint, "--force"));
    must(imprint_admin_attach_policy(dir, "p", ID_A, false, &why));
    check_says(imprint_admin_drop_certificate(dir, ID_A, false, &why),
               IMPRINT_ERR_REFUSED, "ACTIVE");
    must(imprint_admin_set_status(dir, ID_A, "INACTIVE", &why));
    must(imprint_admin_drop_certificate(dir, ID_A, false, &why));
    must(imprint_admin_drop_certificate(dir, ID_B, true, &why));
    must(imprint_admin_set_status(dir, ID_C, "INACTIVE", &why));
    check_says(imprint_admin_drop_certificate(dir, ID_C, false, &why),
               IMPRINT_ERR_REFUSED, "thing \"thing\"");
    must(imprint_admin_drop_certificate(dir, ID_C, true, &why));
    check_says(imprint_admin_drop_certificate(dir, ID_C, true, &why),
               IMPRINT_ERR_NOT_FOUND, ID_C);
    check_certificates("");
    /* nothing holds the policy any more */
    must(imprint_admin_drop_name(dir, IMPRINT_ADMIN_POLICY, "p", &why));
}

/* ---- policies ---- */

static void list_policy(void *user, const char *name, const char *document)
{
    (void)document;
    add(user, "%s ", name);
}

static void check_policies(const char *id, const char *wanted)
{
    struct imprint_registry *registry = NULL;
    struct lines lines = {""};

    must(imprint_registry_open(dir, IMPRINT_REGISTRY_READ, &registry, &why));
    must(imprint_catalog_each_certificate_policy(registry, id, list_policy,
                                                 &lines));
    imprint_registry_close(registry);
    assert_string_equal(lines.text, wanted);
}

static void test_attach(void **state)
{
    (void)state;
    must(imprint_admin_put_policy(dir, "p", imprint_slice_text(POLICY), &why));
    must(imprint_admin_put_policy(dir, "q", imprint_slice_text(POLICY), &why));
    must(imprint_admin_attach_policy(dir, "p", "batch", true, &why));
    must(imprint_admin_attach_policy(dir, "p", "batch", true, &why));
    must(imprint_admin_attach_policy(dir, "q", ID_B, true, &why));
    check_policies(ID_A, "p ");
    check_policies(ID_B, "p q ");
    /* of two, one has it */
    must(imprint_admin_attach_policy(dir, "q", "batch", false, &why));
    check_policies(ID_B, "p ");
    check_says(imprint_admin_attach_policy(dir, "q", "batch", false, &why),
               IMPRINT_ERR_NOT_FOUND, "not attached");
    check_says(imprint_admin_attach_policy(dir, "none", "batch", true, &why),
               IMPRINT_ERR_NOT_FOUND, "policy \"none\"");
    check_says(imprint_admin_attach_policy(dir, "$own", "batch", true, &why),
               IMPRINT_ERR_NOT_FOUND, "policy \"$own\"");
    check_says(imprint_admin_attach_policy(dir, "p", "nobody", true, &why),
               IMPRINT_ERR_NOT_FOUND, "\"nobody\"");
    check_says(imprint_admin_attach_policy(dir, "p", "group/none", true, &why),
               IMPRINT_ERR_NOT_FOUND, "thing group \"none\"");
    must(imprint_admin_put_name(dir, IMPRINT_ADMIN_THING_GROUP, "g", &why));
    must(imprint_admin_attach_policy(dir, "p", "group/g", true, &why));
    check_says(imprint_admin_drop_name(dir, IMPRINT_ADMIN_POLICY, "p", &why),
               IMPRINT_ERR_REFUSED, "policy \"p\"");
    must(imprint_admin_attach_policy(dir, "p", "group/g", false, &why));
    check_says(imprint_admin_attach_policy(dir, "p", "group/g", false, &why),
               IMPRINT_ERR_NOT_FOUND, "not attached");
}

/* 10 are allowed, and what fails half way leaves nothing. */
static void test_ten_policies(void **state)
{
    char name[8];
    int i;

    (void)state;
    for (i = 0; i < 11; i++) {
        (void)snprintf(name, sizeof(name), "p%02d", i);
        must(imprint_admin_put_policy(dir, name, imprint_slice_text(POLICY),
                                      &why));
        if (i < 10)
            must(imprint_admin_attach_policy(dir, name, ID_B, true, &why));
    }
    check_says(imprint_admin_attach_policy(dir, "p10", "batch", true, &why),
               IMPRINT_ERR_REFUSED, ID_B);
    check_policies(ID_A, "");
}

static void test_bad_policies(void **state)
{
    static const char *const names[] = {"", "$p", "a b", "a/b", "\xc3\xbc"};
    char longest[130];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_says(imprint_admin_put_policy(dir, names[i],
                                            imprint_slice_text(POLICY), &why),
                   IMPRINT_ERR_ARGUMENT, "policy's name");
    memset(longest, 'p', sizeof(longest));
    longest[129] = '\0';
    check_says(imprint_admin_put_policy(dir, longest,
                                        imprint_slice_text(POLICY), &why),
               IMPRINT_ERR_ARGUMENT, "policy's name");
    longest[128] = '\0';
    must(imprint_admin_put_policy(dir, longest, imprint_slice_text(POLICY),
                                  &why));
    assert_int_equal(
        imprint_admin_put_policy(dir, "p", imprint_slice_text("{"), &why),
        IMPRINT_ERR_FORMAT);
    assert_int_equal(
        imprint_admin_put_policy(
            dir, "p", imprint_slice_of(POLICY, sizeof(POLICY)), &why),
        IMPRINT_ERR_FORMAT);
}

/* ---- templates ---- */

static void list_template(void *user,
                          const struct imprint_admin_template *template)
{
    add(user, "%s %s %d %zu\n", template->name,
        template->hook ? template->hook : "-", template->is_enabled,
        template->document.len);
}

static enum imprint_status put_template(const char *name, const char *hook)
{
    const struct imprint_admin_template template = {
        .name = name,
        .document = imprint_slice_text(TEMPLATE),
        .hook = hook,
        .is_enabled = true};

    return imprint_admin_put_template(dir, &template, &why);
}

static void test_templates(void **state)
{
    struct imprint_admin_template template = {
        .name = "b", .document = imprint_slice_text(TEMPLATE)};
    struct lines lines = {""};
    char wanted[256];

    (void)state;
    must(put_template("a", "exec:/bin/true"));
    must(put_template("a", LAMBDA)); /* whether it is mapped or not */
    must(imprint_admin_put_template(dir, &template, &why));
    must(imprint_admin_each_template(dir, list_template, &lines, &why));
    (void)snprintf(wanted, sizeof(wanted), "a " LAMBDA " 1 %zu\nb - 0 %zu\n",
                   strlen(TEMPLATE), strlen(TEMPLATE));
    assert_string_equal(lines.text, wanted);
    must(imprint_admin_drop_name(dir, IMPRINT_ADMIN_TEMPLATE, "a", &why));
    check_says(imprint_admin_drop_name(dir, IMPRINT_ADMIN_TEMPLATE, "a", &why),
               IMPRINT_ERR_NOT_FOUND, "template \"a\"");
}

/* What is not said stays, whoever changed it meanwhile. */
static void test_kept_templates(void **state)
{
    struct imprint_admin_template template = {.name = "b",
                                              .keeps_document = true,
                                              .keeps_hook = true,
                                              .keeps_state = true};
    struct lines lines = {""};
    char wanted[128];

    (void)state;
    check_says(imprint_admin_put_template(dir, &template, &why),
               IMPRINT_ERR_NOT_FOUND, "no template \"b\"");
    must(put_template("b", LAMBDA));
    template.keeps_state = false;
    must(imprint_admin_put_template(dir, &template, &why));
    template = (struct imprint_admin_template){
        .name = "b", .keeps_document = true, .keeps_state = true};
    must(imprint_admin_put_template(dir, &template, &why));
    template = (struct imprint_admin_template){
        .name = "b", .hook = LAMBDA, .keeps_document = true};
    must(imprint_admin_put_template(dir, &template, &why));
    template = (struct imprint_admin_template){
        .name = "b",
        .document = imprint_slice_text(TEMPLATE " "),
        .keeps_hook = true,
        .keeps_state = true};
    must(imprint_admin_put_template(dir, &template, &why));
    must(imprint_admin_each_template(dir, list_template, &lines, &why));
    (void)snprintf(wanted, sizeof(wanted), "b " LAMBDA " 0 %zu\n",
                   strlen(TEMPLATE) + 1);
    assert_string_equal(lines.text, wanted);
}

static void test_bad_templates(void **state)
{
    static const char *const names[] = {
        "", "$a", "a b", "a.b", "0123456789012345678901234567890123456"};
    static const char *const hooks[] = {"",
                                        "exec:",
                                        "ftp://x",
                                        "check",
                                        "arn:aws:iot:us-east-1:0:thing/x",
                                        "arn::lambda:x",
                                        "arn:aws:lambda:",
                                        "arn:aws:lambda:a b"};
    const struct imprint_admin_template broken = {
        .name = "a", .document = imprint_slice_text("{}x")};
    struct lines lines = {""};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_says(put_template(names[i], NULL), IMPRINT_ERR_ARGUMENT,
                   "template's name");
    for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        assert_int_equal(put_template("a", hooks[i]), IMPRINT_ERR_ARGUMENT);
    assert_int_equal(imprint_admin_put_template(dir, &broken, &why),
                     IMPRINT_ERR_FORMAT);
    must(imprint_admin_each_template(dir, list_template, &lines, &why));
    assert_string_equal(lines.text, "");
}

static void test_256_templates(void **state)
{
    struct imprint_registry *registry = NULL;
    char name[8];
    int i;

    (void)state;
    must(imprint_registry_open(dir, IMPRINT_REGISTRY_WRITE, &registry, &why));
    must(imprint_registry_begin(registry));
    for (i = 0; i < 256; i++) {
        const struct imprint_catalog_template template = {.name = name,
                                                          .document = TEMPLATE};

        (void)snprintf(name, sizeof(name), "t%d", i);
        must(imprint_catalog_put_template(registry, &template));
    }
    must(imprint_registry_commit(registry));
    imprint_registry_close(registry);
    check_says(put_template("more", NULL), IMPRINT_ERR_REFUSED, "256");
    must(put_template("t0", NULL));
}

/* ---- names ---- */

static void list_name(void *user, const char *name)
{
    add(user, "%s ", name);
}

static void check_names(enum imprint_admin_kind kind, const char *wanted)
{
    struct lines lines = {""};

    must(imprint_admin_each_name(dir, kind, list_name, &lines, &why));
    assert_string_equal(lines.text, wanted);
}

static void test_names(void **state)
{
    static const enum imprint_admin_kind kinds[] = {
        IMPRINT_ADMIN_THING_TYPE, IMPRINT_ADMIN_THING_GROUP,
        IMPRINT_ADMIN_BILLING_GROUP};
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        must(imprint_admin_put_name(dir, kinds[i], "b:_-9", &why));
        must(imprint_admin_put_name(dir, kinds[i], "b:_-9", &why));
        must(imprint_admin_put_name(dir, kinds[i], "a", &why));
        check_names(kinds[i], "a b:_-9 ");
        check_says(imprint_admin_put_name(dir, kinds[i], "$a", &why),
                   IMPRINT_ERR_ARGUMENT, "\"$a\"");
        check_says(imprint_admin_put_name(dir, kinds[i], "", &why),
                   IMPRINT_ERR_ARGUMENT, "\"\"");
        check_says(imprint_admin_drop_name(dir, kinds[i], "a", &why),
                   IMPRINT_ERR_ARGUMENT, "can't be deleted");
    }
    check_says(
        imprint_admin_drop_name(dir, IMPRINT_ADMIN_TEMPLATE, "fleet", &why),
        IMPRINT_ERR_REFUSED, "would come back");
    check_names(IMPRINT_ADMIN_POLICY, ""); /* not $own */
    check_says(imprint_admin_drop_name(dir, IMPRINT_ADMIN_POLICY, "$own", &why),
               IMPRINT_ERR_ARGUMENT, "endpoint's own");
    check_says(imprint_admin_put_name(dir, IMPRINT_ADMIN_POLICY, "x", &why),
               IMPRINT_ERR_ARGUMENT, "more than a name");
}

/* ---- settings ---- */

static void list_setting(void *user,
                         const struct imprint_admin_setting *setting)
{
    if (setting->is_set || strncmp(setting->name, "hook:", 5) == 0)
        add(user, "%s=%s%s\n", setting->name, setting->value,
            setting->is_set ? "" : " (not set)");
    assert_non_null(setting->aws);
    assert_true(strlen(setting->text) > 0);
}

static void check_settings(const char *wanted)
{
    struct lines lines = {""};

    must(imprint_admin_each_setting(dir, list_setting, &lines, &why));
    assert_string_equal(lines.text, wanted);
}

static void test_settings(void **state)
{
    (void)state;
    check_settings("");
    must(imprint_admin_set(dir, "token_lifetime_s", "5", &why));
    must(imprint_admin_set(dir, "provider", LAMBDA, &why));
    must(imprint_admin_set(dir, "faults", "register nth=2: lose\n", &why));
    check_settings("token_lifetime_s=5\nprovider=" LAMBDA
                   "\nfaults=register nth=2: lose\n\nhook:" LAMBDA
                   "= (not set)\n");
    must(imprint_admin_set(dir, "hook:" LAMBDA, "exec:/bin/true", &why));
    must(put_template("a", LAMBDA)); /* named twice, listed once */
    must(imprint_admin_set(dir, "token_lifetime_s", NULL, &why));
    must(imprint_admin_set(dir, "faults", NULL, &why));
    check_settings("provider=" LAMBDA "\nhook:" LAMBDA "=exec:/bin/true\n");
    /* set before anything names it */
    must(imprint_admin_set(dir, "hook:" LAMBDA "2", "exec:/bin/b", &why));
    check_settings("provider=" LAMBDA "\nhook:" LAMBDA "=exec:/bin/true\n"
                   "hook:" LAMBDA "2=exec:/bin/b\n");
}

static void test_add_faults(void **state)
{
    (void)state;
    must(imprint_admin_add_faults(dir, "register nth=2: lose\n", &why));
    must(imprint_admin_add_faults(dir, "register nth=3: lose\n", &why));
    check_says(imprint_admin_add_faults(dir, "explode: now\n", &why),
               IMPRINT_ERR_FORMAT, "3");
    check_settings("faults=register nth=2: lose\nregister nth=3: lose\n\n");
}

static void count_setting(void *user,
                          const struct imprint_admin_setting *setting)
{
    (void)setting;
    ++*(int *)user;
}

/* Each rule: one below and one above what it may be. */
static void test_bounds(void **state)
{
    int count = 0;
    int rule;

    (void)state;
    for (rule = 0; rule < IMPRINT_RULE_COUNT; rule++) {
        const struct imprint_rules_row *row =
            imprint_rules_row((enum imprint_rule)rule);
        char value[32];

        (void)snprintf(value, sizeof(value), "%lld", (long long)row->high + 1);
        check_says(imprint_admin_set(dir, row->name, value, &why),
                   IMPRINT_ERR_ARGUMENT, row->name);
        (void)snprintf(value, sizeof(value), "%lld", (long long)row->low - 1);
        check_says(imprint_admin_set(dir, row->name, value, &why),
                   IMPRINT_ERR_ARGUMENT, value);
        (void)snprintf(value, sizeof(value), "%lld", (long long)row->high);
        assert_non_null(strstr(why.text, value));
        must(imprint_admin_set(dir, row->name, value, &why));
    }
    must(imprint_admin_each_setting(dir, count_setting, &count, &why));
    assert_int_equal(count, IMPRINT_RULE_COUNT + 2);
}

static void test_bad_settings(void **state)
{
    static const char *const numbers[] = {"",   "x",   "5x",
                                          " 5", "1e3", "99999999999999999999"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        check_says(imprint_admin_set(dir, "token_lifetime_s", numbers[i], &why),
                   IMPRINT_ERR_ARGUMENT, "is a number from");
    check_says(imprint_admin_set(dir, "token_lifetime", "5", &why),
               IMPRINT_ERR_ARGUMENT, "\"token_lifetime\"");
    check_says(imprint_admin_set(dir, "hook:x", "exec:/x", &why),
               IMPRINT_ERR_ARGUMENT, "\"x\"");
    assert_int_equal(imprint_admin_set(dir, "hook:" LAMBDA, LAMBDA, &why),
                     IMPRINT_ERR_ARGUMENT);
    check_says(imprint_admin_set(dir, "provider", "check", &why),
               IMPRINT_ERR_ARGUMENT, "the certificate provider can't be");
    assert_int_equal(imprint_admin_set(dir, "faults", "explode: now", &why),
                     IMPRINT_ERR_FORMAT);
    check_settings("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, dir_remove)

/* As DeleteThing: not while a certificate stands for it. */
static void test_drop_thing(void **state)
{
    (void)state;
    check_says(imprint_admin_drop_thing(dir, "none", &why),
               IMPRINT_ERR_NOT_FOUND, "no thing \"none\"");
    check_says(imprint_admin_drop_thing(dir, "thing", &why),
               IMPRINT_ERR_REFUSED, "has a certificate");
    must(imprint_admin_drop_certificate(dir, ID_C, true, &why));
    must(imprint_admin_drop_thing(dir, "thing", &why));
    check_says(imprint_admin_drop_thing(dir, "thing", &why),
               IMPRINT_ERR_NOT_FOUND, "no thing \"thing\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_states),         TEST(test_drop_thing),
        TEST(test_delete),         TEST(test_attach),
        TEST(test_ten_policies),   TEST(test_bad_policies),
        TEST(test_templates),      TEST(test_bad_templates),
        TEST(test_256_templates),  TEST(test_names),
        TEST(test_settings),       TEST(test_bounds),
        TEST(test_bad_settings),   TEST(test_add_faults),
        TEST(test_kept_templates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
