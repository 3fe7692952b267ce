/* Hooks: targets, events, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/hook.h"
#include "posix/json.h"

/* ---- targets ---- */

static void test_targets(void **state)
{
    static const char *const good[] = {
        "exec:/usr/bin/hook",
        "exec:/",
        "http://127.0.0.1:8000",
        "http://[::1]:8000/a?b=c",
        "https://example.com/2015-03-31/functions/f/invocations",
        "http://h/at@path",
    };
    static const char *const bad[] = {
        "",
        "exec:",
        "exec:hook",
        "exec:./hook",
        "exec:/hook --flag",
        "exec:/ho\nok",
        "Exec:/hook",
        "/usr/bin/hook",
        "http://",
        "http:///path",
        "http://:80/",
        "http://me:secret@host/",
        "file:///etc/passwd",
        "ftp://host/",
        "HTTP://host/",
        "arn:aws:lambda:us-east-1:000000000000:function:f",
    };
    struct imprint_why why;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (imprint_hook_check_target(good[i], &why) != IMPRINT_OK)
            fail_msg("%s: %s", good[i], why.text);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (imprint_hook_check_target(bad[i], &why) != IMPRINT_ERR_ARGUMENT)
            fail_msg("%s is taken", bad[i]);
        assert_non_null(strstr(why.text, bad[i]));
        assert_non_null(strstr(why.hint, "exec:/"));
    }
}

/* A job of such a target fails, with words. */
static void check_not_run(const char *target, const char *problem)
{
    struct imprint_hook_job *job =
        imprint_hook_new(strdup(target), strdup("{}"));

    assert_non_null(job);
    imprint_hook_run(job);
    assert_int_equal(job->outcome, IMPRINT_HOOK_FAILED);
    if (!strstr(job->problem, problem))
        fail_msg("%s", job->problem);
    imprint_hook_free(job);
}

static void test_no_target(void **state)
{
    (void)state;
    check_not_run("exec:hook", "is neither exec:/path nor a URL");
    check_not_run("arn:aws:lambda:x", "is neither exec:/path nor a URL");
}

static void test_new_without_memory(void **state)
{
    (void)state;
    assert_null(imprint_hook_new(NULL, strdup("{}")));
    assert_null(imprint_hook_new(strdup("exec:/x"), NULL));
    assert_null(imprint_hook_new(NULL, NULL));
    imprint_hook_free(NULL);
}

/* ---- events ---- */

static void test_event(void **state)
{
    const struct imprint_pair parameters[] = {
        {imprint_slice_text("SerialNumber"), imprint_slice_text("SN-1")},
        {imprint_slice_text("q\"uote"), imprint_slice_text("a\\b\nc \xc3\xa9")},
    };
    const struct imprint_hook_event event = {
        .claim_certificate_id = "c1",
        .certificate_id = "c2",
        .certificate_pem = "-----BEGIN\nPEM",
        .template_arn = "arn:aws:iot:us-east-1:000000000000:"
                        "provisioningtemplate/fleet",
        .client_id = "client \"7\"",
        .parameters = parameters,
        .parameter_count = 2,
    };
    char *text = imprint_hook_write_event(&event);
    struct imprint_json *object = NULL;
    struct imprint_why why;

    (void)state;
    assert_non_null(text);
    assert_int_equal(imprint_json_read(imprint_slice_text(text), &object, &why),
                     IMPRINT_OK);
    assert_string_equal(imprint_json_text(object, "claimCertificateId"), "c1");
    assert_string_equal(imprint_json_text(object, "certificateId"), "c2");
    assert_string_equal(imprint_json_text(object, "certificatePem"),
                        "-----BEGIN\nPEM");
    assert_string_equal(imprint_json_text(object, "templateArn"),
                        event.template_arn);
    assert_string_equal(imprint_json_text(object, "clientId"), event.client_id);
    assert_non_null(strstr(text, "\"parameters\": {"));
    assert_non_null(strstr(text, "\"q\\\"uote\": \"a\\\\b\\nc \xc3\xa9\""));
    imprint_json_free(object);
    free(text);
}

static void test_event_is_no_text(void **state)
{
    const struct imprint_pair parameter = {imprint_slice_text("a"),
                                           imprint_slice_text("\xff")};
    struct imprint_hook_event event = {
        .claim_certificate_id = "",
        .certificate_id = "",
        .certificate_pem = "",
        .template_arn = "",
        .client_id = "",
    };
    char *text = imprint_hook_write_event(&event);

    (void)state;
    assert_non_null(strstr(text, "\"parameters\": {}"));
    free(text);
    event.parameters = &parameter;
    event.parameter_count = 1;
    assert_null(imprint_hook_write_event(&event));
    event.parameter_count = 0;
    event.client_id = "\xc3";
    assert_null(imprint_hook_write_event(&event));
}

static void test_csr_event(void **state)
{
    char *text = imprint_hook_write_csr("CSR\n", "principal", "client");
    struct imprint_json *object = NULL;
    struct imprint_why why;

    (void)state;
    assert_int_equal(imprint_json_read(imprint_slice_text(text), &object, &why),
                     IMPRINT_OK);
    assert_string_equal(imprint_json_text(object, "certificateSigningRequest"),
                        "CSR\n");
    assert_string_equal(imprint_json_text(object, "principalId"), "principal");
    assert_string_equal(imprint_json_text(object, "clientId"), "client");
    imprint_json_free(object);
    free(text);
    assert_null(imprint_hook_write_csr("\xff", "", ""));
}

/* ---- answers ---- */

static struct imprint_hook_job *make_job(const char *answer)
{
    struct imprint_hook_job *job =
        imprint_hook_new(strdup("exec:/a/hook"), strdup("{}"));

    assert_non_null(job);
    job->outcome = IMPRINT_HOOK_ANSWERED;
    job->answer = strdup(answer);
    job->answer_len = strlen(answer);
    return job;
}

static void test_yes(void **state)
{
    static const char *const texts[] = {
        "{\"allowProvisioning\":true}",
        "  {\"allowProvisioning\" : true, \"parameterOverrides\": {}}\n",
        "{\"more\":[1,{}],\"allowProvisioning\":true}",
    };
    struct imprint_hook_answer answer;
    struct imprint_hook_job *job;
    struct imprint_why why;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        job = make_job(texts[i]);
        assert_int_equal(imprint_hook_read_answer(job, &answer, &why),
                         IMPRINT_OK);
        assert_true(answer.allows);
        assert_int_equal(answer.override_count, 0);
        imprint_hook_free_answer(&answer);
        imprint_hook_free(job);
    }
}

static void test_no(void **state)
{
    struct imprint_hook_job *job = make_job("{\"allowProvisioning\":false}");
    struct imprint_hook_answer answer = {.allows = true};
    struct imprint_why why;

    (void)state;
    assert_int_equal(imprint_hook_read_answer(job, &answer, &why), IMPRINT_OK);
    assert_false(answer.allows);
    imprint_hook_free_answer(&answer);
    imprint_hook_free(job);
}

static void test_overrides(void **state)
{
    struct imprint_hook_job *job =
        make_job("{\"allowProvisioning\":true,\"parameterOverrides\":"
                 "{\"CertDate\":\"2026\",\"\":\"\",\"b\":\"\\u00e9\"}}");
    struct imprint_hook_answer answer;
    struct imprint_why why;

    (void)state;
    assert_int_equal(imprint_hook_read_answer(job, &answer, &why), IMPRINT_OK);
    assert_int_equal(answer.override_count, 3);
    assert_true(imprint_slice_is(answer.overrides[0].name, "CertDate"));
    assert_true(imprint_slice_is(answer.overrides[0].value, "2026"));
    assert_true(imprint_slice_is(answer.overrides[2].value, "\xc3\xa9"));
    imprint_hook_free_answer(&answer);
    assert_null(answer.overrides);
    imprint_hook_free(job);
}

/* Each counts as a no, and says what it was; "SECRET" is never said. */
static void test_no_answers(void **state)
{
    static const struct {
        const char *answer;
        const char *words;
    } rows[] = {
        {"", "answered nothing"},
        {"\n", "answered no JSON: line "},
        {"hello", "answered no JSON: line 1"},
        {"{\"allowProvisioning\":true", "answered no JSON: line 1"},
        {"{\"allowProvisioning\":true}{}", "answered no JSON: line 1"},
        {"{\"allowProvisioning\":true,}", "answered no JSON: line 1"},
        {"{\"allowProvisioning\":true,\n\"SECRET\"}",
         "answered no JSON: line 2"},
        {"{\"allowProvisioning\":true,\"allowProvisioning\":true}",
         "answered no JSON"},
        {"{\"allowProvisioning\":True}", "answered no JSON"},
        {"{'allowProvisioning':true}", "answered no JSON"},
        {"{\"allowProvisioning\":true,\"a\":\"\xff\"}", "answered no JSON"},
        {"{\"allowProvisioning\":true,\"a\":\"\\u0000\"}", "answered no JSON"},
        {"null", "answered no JSON object"},
        {"true", "answered no JSON object"},
        {"\"allowProvisioning\"", "answered no JSON object"},
        {"[{\"allowProvisioning\":true}]", "answered no JSON object"},
        {"{}", "answered without \"allowProvisioning\""},
        {"{\"AllowProvisioning\":true}",
         "answered without \"allowProvisioning\""},
        {"{\"allowProvisioning\":null}", "neither true nor false"},
        {"{\"allowProvisioning\":\"true\"}", "neither true nor false"},
        {"{\"allowProvisioning\":1}", "neither true nor false"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":null}",
         "\"parameterOverrides\" that are no object"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":[]}",
         "\"parameterOverrides\" that are no object"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":\"SECRET\"}",
         "\"parameterOverrides\" that are no object"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":"
         "{\"a\":\"SECRET\",\"b\":1}}",
         "whose \"b\" is no text"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":{\"b\":null}}",
         "whose \"b\" is no text"},
        {"{\"allowProvisioning\":false,\"parameterOverrides\":{\"b\":{}}}",
         "whose \"b\" is no text"},
    };
    struct imprint_hook_answer answer;
    struct imprint_hook_job *job;
    struct imprint_why why;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        job = make_job(rows[i].answer);
        if (imprint_hook_read_answer(job, &answer, &why) != IMPRINT_ERR_REFUSED)
            fail_msg("%s is taken", rows[i].answer);
        if (!strstr(why.text, rows[i].words) ||
            strncmp(why.text, "the hook \"exec:/a/hook\" ", 24) != 0 ||
            strstr(why.text, "SECRET"))
            fail_msg("%s: %s", rows[i].answer, why.text);
        imprint_hook_free(job);
    }
}

static void test_no_answer_at_all(void **state)
{
    struct imprint_hook_job *job = make_job("{\"allowProvisioning\":true}");
    struct imprint_hook_answer answer;
    struct imprint_why why;

    (void)state;
    job->outcome = IMPRINT_HOOK_LATE;
    (void)snprintf(job->problem, sizeof(job->problem),
                   "was killed after 5000 ms");
    assert_int_equal(imprint_hook_read_answer(job, &answer, &why),
                     IMPRINT_ERR_REFUSED);
    assert_string_equal(why.text,
                        "the hook \"exec:/a/hook\" was killed after 5000 ms");
    job->outcome = IMPRINT_HOOK_NOT_RUN;
    assert_int_equal(imprint_hook_read_answer(job, &answer, &why),
                     IMPRINT_ERR_REFUSED);
    assert_string_equal(why.text, "the hook \"exec:/a/hook\" did not run");
    imprint_hook_free(job);
}

/* A URL's query may be a secret. */
static void test_query_is_not_said(void **state)
{
    struct imprint_hook_job *job =
        imprint_hook_new(strdup("http://h/p?key=SECRET"), strdup("{}"));
    struct imprint_hook_answer answer;
    struct imprint_why why;

    (void)state;
    assert_int_equal(imprint_hook_read_answer(job, &answer, &why),
                     IMPRINT_ERR_REFUSED);
    assert_string_equal(why.text, "the hook \"http://h/p\" did not run");
    imprint_hook_free(job);
}

static void test_certificate(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{",
                                      "{}",
                                      "{\"certificatePem\":1}",
                                      "{\"certificatePem\":null}",
                                      "{\"certificatepem\":\"x\"}"};
    struct imprint_hook_job *job = make_job("{\"certificatePem\":\"a\\nb\"}");
    struct imprint_why why;
    char *pem = NULL;
    size_t i;

    (void)state;
    assert_int_equal(imprint_hook_read_certificate(job, &pem, &why),
                     IMPRINT_OK);
    assert_string_equal(pem, "a\nb");
    free(pem);
    imprint_hook_free(job);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        job = make_job(bad[i]);
        assert_int_equal(imprint_hook_read_certificate(job, &pem, &why),
                         IMPRINT_ERR_REFUSED);
        assert_non_null(strstr(why.text, "the certificate provider \"exec:"));
        assert_non_null(strstr(why.text, "answered"));
        imprint_hook_free(job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_no_target),
        cmocka_unit_test(test_new_without_memory),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_event_is_no_text),
        cmocka_unit_test(test_csr_event),
        cmocka_unit_test(test_yes),
        cmocka_unit_test(test_no),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_no_answers),
        cmocka_unit_test(test_no_answer_at_all),
        cmocka_unit_test(test_query_is_not_said),
        cmocka_unit_test(test_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
