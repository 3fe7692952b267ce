/* What faults do to an identity before it is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/fault.h"
#include "endpoint/keyring.h"
#include "posix/file.h"

#define PEM_MAX_LEN 65536

struct fixture {
    char dir[64];
    struct imprint_authority *authority;
    char *key;
    struct imprint_authority_certificate certificate;
    struct imprint_identity identity;
    char *text; /* of the edit */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct imprint_why why = {"", ""};
    bool made = false;

    assert_non_null(fixture);
    (void)snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/imprint-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    assert_int_equal(
        imprint_keyring_prepare(fixture->dir, "device.example", &made, &why),
        IMPRINT_OK);
    assert_int_equal(
        imprint_keyring_open(fixture->dir, &fixture->authority, &why),
        IMPRINT_OK);
    fixture->key = imprint_authority_make_key();
    assert_non_null(fixture->key);
    assert_int_equal(imprint_authority_sign_key(
                         fixture->authority, imprint_slice_text(fixture->key),
                         IMPRINT_AUTHORITY_LAST_DAY, &fixture->certificate,
                         &why),
                     IMPRINT_OK);
    fixture->identity = (struct imprint_identity){
        .certificate_id = imprint_slice_text(fixture->certificate.id),
        .certificate_pem = imprint_slice_text(fixture->certificate.pem),
        .token = imprint_slice_text("a token"),
        .private_key_pem = imprint_slice_text(fixture->key),
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    free(fixture->text);
    free(fixture->certificate.pem);
    imprint_file_free_secret(fixture->key, strlen(fixture->key));
    imprint_authority_close(fixture->authority);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->dir);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static void edit(struct fixture *fixture, enum imprint_fault_kind kind,
                 int64_t number)
{
    const struct imprint_fault fault = {kind, number, ""};

    assert_int_equal(imprint_fault_edit(&fault, fixture->authority,
                                        &fixture->identity, &fixture->text),
                     IMPRINT_OK);
}

static bool is_pair(const struct fixture *fixture)
{
    return imprint_authority_is_signed(fixture->authority,
                                       fixture->identity.private_key_pem,
                                       fixture->identity.certificate_pem);
}

static bool is_same(struct imprint_slice slice, const char *text)
{
    return imprint_slice_is(slice, text);
}

static size_t count_certificates(struct imprint_slice pem)
{
    char *text = strndup((const char *)pem.bytes, pem.len);
    size_t count = 0;

    assert_non_null(text);
    for (const char *at = text; (at = strstr(at, "-----BEGIN CERTIFICATE"));
         at++)
        count++;
    free(text);
    return count;
}

static void other_kinds_change_nothing(void **state)
{
    struct fixture *fixture = *state;

    for (int kind = IMPRINT_FAULT_NONE; kind <= IMPRINT_FAULT_REFUSE; kind++) {
        edit(fixture, (enum imprint_fault_kind)kind, 1);
        assert_null(fixture->text);
    }
    assert_true(is_pair(fixture));
    assert_true(is_same(fixture->identity.token, "a token"));
}

static void a_wrong_certificate_is_ours_for_another_key(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_why why = {"", ""};
    char *pem;
    char file[128];
    const struct imprint_authority_trust trust = {file, fixture->dir};
    struct imprint_authority_certificate read = {.pem = NULL};

    edit(fixture, IMPRINT_FAULT_WRONG_CERTIFICATE, 0);
    assert_false(is_pair(fixture));
    assert_true(is_same(fixture->identity.private_key_pem, fixture->key));
    pem = strndup((const char *)fixture->identity.certificate_pem.bytes,
                  fixture->identity.certificate_pem.len);
    assert_non_null(pem);
    (void)snprintf(file, sizeof(file), "%s/ca.pem", fixture->dir);
    if (imprint_authority_check(&trust, imprint_slice_text(pem), NULL, &read,
                                &why) != IMPRINT_OK)
        fail_msg("%s", why.text);
    assert_true(is_same(fixture->identity.certificate_id, read.id));
    assert_string_not_equal(read.id, fixture->certificate.id);
    free(read.pem);
    free(pem);
}

static void the_other_key_is_none_of_the_certificates(void **state)
{
    struct fixture *fixture = *state;
    char *half;

    edit(fixture, IMPRINT_FAULT_OTHER_KEY, 0);
    assert_false(is_pair(fixture));
    assert_true(
        is_same(fixture->identity.certificate_pem, fixture->certificate.pem));
    half = imprint_authority_write_public(fixture->identity.private_key_pem);
    assert_non_null(half);
    free(half);
}

static void a_long_token_begins_as_it_did(void **state)
{
    struct fixture *fixture = *state;

    edit(fixture, IMPRINT_FAULT_LONG_TOKEN, 0);
    assert_int_equal(fixture->identity.token.len, 2048);
    assert_memory_equal(fixture->identity.token.bytes, "a tokenAAAA", 11);
    assert_int_equal(strlen((const char *)fixture->identity.token.bytes), 2048);
}

static void a_chain_has_the_leaf_first(void **state)
{
    struct fixture *fixture = *state;

    edit(fixture, IMPRINT_FAULT_CHAIN, 4);
    assert_int_equal(count_certificates(fixture->identity.certificate_pem), 4);
    assert_true(is_pair(fixture));
    assert_memory_equal(fixture->identity.certificate_pem.bytes,
                        fixture->certificate.pem,
                        strlen(fixture->certificate.pem));
}

static void a_chain_of_one_is_the_leaf(void **state)
{
    struct fixture *fixture = *state;

    edit(fixture, IMPRINT_FAULT_CHAIN, 1);
    assert_true(
        is_same(fixture->identity.certificate_pem, fixture->certificate.pem));
}

/* As much as the service's model lets a certificatePem be, and no more. */
static void a_long_reply_is_nearly_the_maximum(void **state)
{
    struct fixture *fixture = *state;

    edit(fixture, IMPRINT_FAULT_LONG_REPLY, 0);
    assert_in_range(fixture->identity.certificate_pem.len, PEM_MAX_LEN - 2048,
                    PEM_MAX_LEN);
    assert_true(is_pair(fixture));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(other_kinds_change_nothing),
        TEST(a_wrong_certificate_is_ours_for_another_key),
        TEST(the_other_key_is_none_of_the_certificates),
        TEST(a_long_token_begins_as_it_did),
        TEST(a_chain_has_the_leaf_first),
        TEST(a_chain_of_one_is_the_leaf),
        TEST(a_long_reply_is_nearly_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
