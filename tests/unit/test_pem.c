/* PEM without OpenSSL, and keys with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "endpoint/authority.h"
#include "endpoint/pem.h"
#include "posix/file.h"

static void test_pem(void **state)
{
    static const char *const bad[] = {
        "",
        "-----BEGIN X-----QUJD",
        "-----BEGIN X-----QUJ-----END X-----",
        "-----BEGIN X-----QUJD=QUJD-----END X-----",
        "-----BEGIN X-----Q===-----END X-----",
        "-----BEGIN X-----QU!D-----END X-----",
        "-----BEGIN X----------END X-----",
        "-----BEGIN Y-----QUJD-----END Y-----"};
    uint8_t *bytes = NULL;
    size_t len = 0;
    size_t i;
    char text[16];

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(
            imprint_pem_decode(imprint_slice_text(bad[i]), "X", &bytes, &len));
    assert_true(imprint_pem_decode(
        imprint_slice_text("junk-----BEGIN X-----\r\nQU JD\nQQ==\n"
                           "-----END X-----junk"),
        "X", &bytes, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "ABCA", 4);
    free(bytes);
    imprint_pem_encode(imprint_slice_text("ABCAB"), text);
    assert_string_equal(text, "QUJDQUI=");
    imprint_pem_encode(imprint_slice_text("A"), text);
    assert_string_equal(text, "QQ==");
    imprint_pem_encode(imprint_slice_of(NULL, 0), text);
    assert_string_equal(text, "");
}

static void test_public_key(void **state)
{
    char *key = imprint_authority_make_key();
    char *pem = imprint_authority_write_public(imprint_slice_text(key));

    (void)state;
    assert_non_null(strstr(key, "-----BEGIN PRIVATE KEY-----"));
    assert_non_null(pem);
    assert_int_equal(strncmp(pem, "-----BEGIN PUBLIC KEY-----\n", 27), 0);
    assert_null(imprint_authority_write_public(imprint_slice_text("x")));
    imprint_file_free_secret(key, strlen(key));
    free(pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_public_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
