/* What others signed: adopted, judged, described. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aws/memory.h"
#include "endpoint/authority.h"
#include "endpoint/keyring.h"
#include "endpoint/pem.h"
#include "posix/file.h"
#include "posix/keys.h"

#define PATH_LEN 256
#define DAY_S (24 * 60 * 60)

static char dir[64];
static char ca_path[PATH_LEN];
static char cas_path[PATH_LEN];
static struct imprint_authority_trust trust = {ca_path, cas_path};

static int set_up(void **state)
{
    struct imprint_authority *authority = NULL;
    bool made;

    (void)snprintf(dir, sizeof(dir), "/tmp/imprint-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(imprint_keyring_prepare(dir, NULL, &made, NULL),
                     IMPRINT_OK);
    assert_int_equal(imprint_keyring_open(dir, &authority, NULL), IMPRINT_OK);
    (void)snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", dir);
    (void)snprintf(cas_path, sizeof(cas_path), "%s/cas", dir);
    assert_int_equal(mkdir(cas_path, 0700), 0);
    *state = authority;
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    imprint_authority_close(*state);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

/* ---- certificates by hand ---- */

/* Who signs, or is signed. */
struct party {
    EVP_PKEY *key;
    X509 *certificate;
    char pem[8192];
};

static void add_extension(X509 *certificate, X509 *issuer, int nid,
                          const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void write_pem(struct party *party)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int len;

    assert_int_equal(PEM_write_bio_X509(bio, party->certificate), 1);
    len = BIO_read(bio, party->pem, sizeof(party->pem) - 1);
    assert_true(len > 0);
    party->pem[len] = '\0';
    BIO_free(bio);
}

/* Not signed yet; subject is "CN=a/O=b". */
static void start(struct party *party, const char *subject, long days)
{
    char copy[1024];
    char *rest = copy;
    char *part;

    party->key = EVP_EC_gen("P-256");
    party->certificate = X509_new();
    (void)X509_set_version(party->certificate, X509_VERSION_3);
    (void)ASN1_INTEGER_set_uint64(X509_get_serialNumber(party->certificate),
                                  UINT64_C(0x921285cbb7a5e086));
    (void)X509_gmtime_adj(X509_getm_notBefore(party->certificate), -2 * DAY_S);
    (void)X509_gmtime_adj(X509_getm_notAfter(party->certificate), days * DAY_S);
    (void)X509_set_pubkey(party->certificate, party->key);
    (void)snprintf(copy, sizeof(copy), "%s", subject);
    while ((part = strsep(&rest, "/"))) {
        char *value = strchr(part, '=');

        *value++ = '\0';
        assert_int_equal(X509_NAME_add_entry_by_txt(
                             X509_get_subject_name(party->certificate), part,
                             MBSTRING_UTF8, (const uint8_t *)value, -1, -1, 0),
                         1);
    }
}

static void finish(struct party *party, const struct party *signer)
{
    (void)X509_set_issuer_name(party->certificate,
                               X509_get_subject_name(signer->certificate));
    assert_true(X509_sign(party->certificate, signer->key, EVP_sha256()) > 0);
    write_pem(party);
}

static void make_ca(struct party *ca, const char *subject,
                    const struct party *signer)
{
    start(ca, subject, 30);
    add_extension(ca->certificate, ca->certificate, NID_basic_constraints,
                  "critical,CA:TRUE");
    add_extension(ca->certificate, ca->certificate, NID_key_usage,
                  "critical,keyCertSign,cRLSign");
    finish(ca, signer ? signer : ca);
}

static void make_leaf(struct party *leaf, const char *subject, long days,
                      const struct party *signer)
{
    start(leaf, subject, days);
    finish(leaf, signer ? signer : leaf);
}

static void release(struct party *party)
{
    EVP_PKEY_free(party->key);
    X509_free(party->certificate);
}

/* ---- adopt ---- */

static char *make_csr(const char *common_name, struct imprint_keys_key **key)
{
    char *csr = NULL;

    assert_int_equal(imprint_keys_make(IMPRINT_KEYS_P256, key, NULL),
                     IMPRINT_OK);
    assert_int_equal(imprint_keys_request(*key, common_name, &csr, NULL),
                     IMPRINT_OK);
    return csr;
}

static enum imprint_status adopt(const char *csr, const char *pem,
                                 struct imprint_authority_certificate *out,
                                 struct imprint_why *why)
{
    return imprint_authority_adopt(imprint_slice_text(csr),
                                   imprint_slice_text(pem), out, why);
}

static void test_adopt(void **state)
{
    struct imprint_authority_certificate made = {.pem = NULL};
    struct imprint_authority_certificate out = {.pem = NULL};
    struct imprint_keys_key *keys[2];
    char *csr = make_csr("thing", &keys[0]);
    char *other = make_csr("thing", &keys[1]);
    struct imprint_why why = {"", ""};
    struct party ca;
    char chain[16384];

    assert_int_equal(imprint_authority_sign_csr(*state, imprint_slice_text(csr),
                                                &made, &why),
                     IMPRINT_OK);
    make_ca(&ca, "CN=any", NULL);
    (void)snprintf(chain, sizeof(chain), "%s%s", made.pem, ca.pem);
    assert_int_equal(adopt(csr, chain, &out, &why), IMPRINT_OK);
    assert_string_equal(out.id, made.id);
    assert_string_equal(out.pem, chain);
    assert_int_equal(out.not_after, IMPRINT_AUTHORITY_LAST_DAY);
    free(out.pem);
    out.pem = NULL;
    /* another key, the chain upside down, half a chain, no certificate */
    assert_int_equal(adopt(other, made.pem, &out, &why), IMPRINT_ERR_REFUSED);
    (void)snprintf(chain, sizeof(chain), "%s%s", ca.pem, made.pem);
    assert_int_equal(adopt(csr, chain, &out, &why), IMPRINT_ERR_REFUSED);
    (void)snprintf(chain, sizeof(chain), "%s%.100s", made.pem, ca.pem);
    assert_int_equal(adopt(csr, chain, &out, &why), IMPRINT_ERR_FORMAT);
    assert_int_equal(adopt(csr, "", &out, &why), IMPRINT_ERR_FORMAT);
    /* the same under another label, which others would not read */
    (void)snprintf(chain, sizeof(chain), "-----BEGIN X509 %s",
                   strstr(made.pem, "CERTIFICATE-----"));
    (void)snprintf(strstr(chain, "-----END "), 256, "%s%s",
                   "-----END X509 CERTIFICATE-----\n", "");
    assert_int_equal(adopt(csr, chain, &out, &why), IMPRINT_ERR_FORMAT);
    strcat(chain, ca.pem);
    assert_int_equal(adopt(csr, chain, &out, &why), IMPRINT_ERR_FORMAT);
    assert_int_equal(adopt("", made.pem, &out, &why), IMPRINT_ERR_FORMAT);
    assert_null(out.pem);
    imprint_keys_free_pem(csr);
    imprint_keys_free_pem(other);
    imprint_keys_free(keys[0]);
    imprint_keys_free(keys[1]);
    release(&ca);
    free(made.pem);
}

/* The key of the request, under another name. */
static void test_adopt_other_subject(void **state)
{
    struct imprint_authority_certificate made = {.pem = NULL};
    struct imprint_authority_certificate out = {.pem = NULL};
    struct imprint_keys_key *key;
    char *csr = make_csr("thing", &key);
    char *renamed = NULL;
    struct imprint_why why = {"", ""};

    assert_int_equal(imprint_keys_request(key, "other", &renamed, &why),
                     IMPRINT_OK);
    assert_int_equal(imprint_authority_sign_csr(
                         *state, imprint_slice_text(renamed), &made, &why),
                     IMPRINT_OK);
    assert_int_equal(adopt(csr, made.pem, &out, &why), IMPRINT_ERR_REFUSED);
    assert_non_null(strstr(why.text, "another subject"));
    imprint_keys_free_pem(csr);
    imprint_keys_free_pem(renamed);
    imprint_keys_free(key);
    free(made.pem);
}

/* ---- check ---- */

static enum imprint_status check(const char *pem, char *hash,
                                 struct imprint_why *why)
{
    struct imprint_authority_certificate out = {.pem = NULL};
    enum imprint_status status = imprint_authority_check(
        &trust, imprint_slice_text(pem), hash, &out, why);

    assert_int_equal(status == IMPRINT_OK, out.pem != NULL);
    if (out.pem)
        assert_int_equal(strlen(out.id), IMPRINT_AUTHORITY_ID_LEN);
    free(out.pem);
    return status;
}

static void put_trust(const char *hash, const struct party *ca)
{
    char path[PATH_LEN + 32];

    (void)snprintf(path, sizeof(path), "%s/%s.0", cas_path, hash);
    assert_int_equal(
        imprint_file_replace(path, imprint_slice_text(ca->pem), 0644, NULL),
        IMPRINT_OK);
}

static void test_clients(void **state)
{
    struct imprint_authority_certificate own = {.pem = NULL};
    char hash[IMPRINT_AUTHORITY_HASH_LEN + 1] = "";
    struct imprint_why why = {"", ""};
    char *key = imprint_authority_make_key();
    struct party ca;
    struct party leaf;
    struct party old;
    struct party lonely;

    assert_int_equal(imprint_authority_sign_key(*state, imprint_slice_text(key),
                                                IMPRINT_AUTHORITY_LAST_DAY,
                                                &own, &why),
                     IMPRINT_OK);
    assert_int_equal(check(own.pem, NULL, &why), IMPRINT_OK);
    make_ca(&ca, "CN=Foreign CA/O=Maker AG", NULL);
    make_leaf(&leaf, "CN=thing", 10, &ca);
    make_leaf(&old, "CN=thing", -1, &ca);
    make_leaf(&lonely, "CN=thing", 10, NULL);
    assert_int_equal(check(leaf.pem, NULL, &why), IMPRINT_ERR_REFUSED);
    assert_non_null(strstr(why.text, "issuer"));
    assert_int_equal(check(ca.pem, hash, &why), IMPRINT_OK);
    assert_int_equal(strlen(hash), 8);
    put_trust(hash, &ca);
    assert_int_equal(check(leaf.pem, NULL, &why), IMPRINT_OK);
    assert_int_equal(check(old.pem, NULL, &why), IMPRINT_ERR_REFUSED);
    assert_non_null(strstr(why.text, "expired"));
    assert_int_equal(check(lonely.pem, NULL, &why), IMPRINT_ERR_REFUSED);
    assert_int_equal(check("-----BEGIN CERTIFICATE-----", NULL, &why),
                     IMPRINT_ERR_FORMAT);
    imprint_file_free_secret(key, strlen(key));
    free(own.pem);
    release(&ca);
    release(&leaf);
    release(&old);
    release(&lonely);
}

/* The endpoint's server is no client, and a device is no CA. */
static void test_wrong_roles(void **state)
{
    char path[PATH_LEN];
    char hash[IMPRINT_AUTHORITY_HASH_LEN + 1] = "";
    struct imprint_why why = {"", ""};
    char *server = NULL;
    size_t len = 0;
    char two[16384];
    struct party ca;
    struct party leaf;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/server.pem", dir);
    assert_int_equal(imprint_file_read(path, 8192, &server, &len, &why),
                     IMPRINT_OK);
    assert_int_equal(check(server, NULL, &why), IMPRINT_ERR_REFUSED);
    assert_int_equal(check(server, hash, &why), IMPRINT_ERR_REFUSED);
    make_ca(&ca, "CN=ca", NULL);
    make_leaf(&leaf, "CN=leaf", 10, NULL);
    assert_int_equal(check(leaf.pem, hash, &why), IMPRINT_ERR_REFUSED);
    assert_non_null(strstr(why.text, "no CA"));
    (void)snprintf(two, sizeof(two), "%s%s", ca.pem, ca.pem);
    assert_int_equal(check(two, hash, &why), IMPRINT_ERR_FORMAT);
    assert_string_equal(hash, "");
    free(server);
    release(&ca);
    release(&leaf);
}

/* Below another one, which must be there first. */
static void test_lower_ca(void **state)
{
    char hash[IMPRINT_AUTHORITY_HASH_LEN + 1] = "";
    struct imprint_why why = {"", ""};
    struct party root;
    struct party lower;
    struct party leaf;

    (void)state;
    make_ca(&root, "CN=root", NULL);
    make_ca(&lower, "CN=lower", &root);
    make_leaf(&leaf, "CN=leaf", 10, &lower);
    assert_int_equal(check(lower.pem, hash, &why), IMPRINT_ERR_REFUSED);
    assert_int_equal(check(root.pem, hash, &why), IMPRINT_OK);
    put_trust(hash, &root);
    assert_int_equal(check(lower.pem, hash, &why), IMPRINT_OK);
    assert_int_equal(check(leaf.pem, NULL, &why), IMPRINT_ERR_REFUSED);
    put_trust(hash, &lower);
    assert_int_equal(check(leaf.pem, NULL, &why), IMPRINT_OK);
    release(&root);
    release(&lower);
    release(&leaf);
}

/* ---- describe ---- */

struct description {
    void *memory;
    struct imprint_pair *pairs;
    size_t count;
};

/* The index-th value of this name, or "". */
static const char *value_of(const struct description *description,
                            const char *name, size_t index)
{
    size_t i;

    for (i = 0; i < description->count; i++) {
        const struct imprint_pair *pair = &description->pairs[i];

        if (imprint_slice_equal(pair->name, imprint_slice_text(name)) &&
            index-- == 0)
            return (const char *)pair->value.bytes;
    }
    return "";
}

static void describe(const struct party *party, struct description *out)
{
    out->memory = NULL;
    assert_int_equal(imprint_authority_describe(imprint_slice_text(party->pem),
                                                &out->memory, &out->pairs,
                                                &out->count),
                     IMPRINT_OK);
}

static void check_values(const struct party *party,
                         const char *const (*rows)[2], size_t count)
{
    struct description description;
    size_t i;

    describe(party, &description);
    for (i = 0; i < count; i++)
        assert_string_equal(value_of(&description, rows[i][0], 0), rows[i][1]);
    imprint_memory_free(&description.memory);
}

/* The guide's own example, as far as it has values. */
static void test_variables(void **state)
{
    static const char *const rows[][2] = {
        {"Issuer.Country", "US"},
        {"Issuer.CommonName", "IoT Devices Primary CA"},
        {"Issuer.SerialNumber", "987"},
        {"Subject.Country", "US"},
        {"Subject.Organization", "IoT Devices"},
        {"Subject.OrganizationalUnit", "LightBulb"},
        {"Subject.State", "NY"},
        {"Subject.CommonName", "LightBulb Device Cert"},
        {"Subject.GivenName", "Bulb"},
        {"Subject.Initials", "ZZ"},
        {"Subject.DistinguishedNameQualifier", "Bulb001"},
        {"Subject.Surname", "Multi Color"},
        {"Subject.Title", "RGB"},
        {"Subject.Pseudonym", "RGB Device"},
        {"Subject.GenerationQualifier", "4"},
        {"Subject.SerialNumber", "123"},
        {"Subject.AlternativeName.DNSName", "example.com"},
        {"Subject.AlternativeName.IPAddress", "1.2.3.4"},
        {"Subject.AlternativeName.IPAddress.1", "2001:db8::1"},
        {"Subject.AlternativeName.UniformResourceIdentifier",
         "ResourceIdentifier001"},
        {"Subject.AlternativeName.RFC822Name", "device1@example.com"},
        {"Issuer.AlternativeName.DNSName", "issuer.com"},
        {"SerialNumber", "10525622389124227206"},
        {"Subject.CommonName.1", ""},
        {"Subject.Locality", ""},
    };
    struct party ca;
    struct party leaf;

    (void)state;
    make_ca(&ca, "C=US/CN=IoT Devices Primary CA/serialNumber=987", NULL);
    start(&leaf,
          "C=US/O=IoT Devices/OU=LightBulb/ST=NY/CN=LightBulb Device Cert/"
          "GN=Bulb/initials=ZZ/dnQualifier=Bulb001/SN=Multi Color/title=RGB/"
          "pseudonym=RGB Device/generationQualifier=4/serialNumber=123/L=Here",
          10);
    add_extension(leaf.certificate, ca.certificate, NID_subject_alt_name,
                  "DNS:example.com,IP:1.2.3.4,IP:2001:db8::1,"
                  "URI:ResourceIdentifier001,email:device1@example.com");
    add_extension(leaf.certificate, ca.certificate, NID_issuer_alt_name,
                  "DNS:issuer.com");
    finish(&leaf, &ca);
    check_values(&leaf, rows, sizeof(rows) / sizeof(rows[0]));
    release(&ca);
    release(&leaf);
}

/* DirName:/C=US/O=IoT/OU=SmartHome/CN=LightBulbCert */
static void test_directory_name(void **state)
{
    static const char *const rows[][2] = {
        {"Subject.AlternativeName.DirectoryName",
         "cn=Light\\,Bulb,ou=SmartHome,o=IoT,c=US"}};
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *one = GENERAL_NAME_new();
    struct party leaf;
    struct party named;

    (void)state;
    start(&named, "C=US/O=IoT/OU=SmartHome/CN=Light,Bulb", 10);
    start(&leaf, "CN=leaf", 10);
    GENERAL_NAME_set0_value(
        one, GEN_DIRNAME,
        X509_NAME_dup(X509_get_subject_name(named.certificate)));
    (void)sk_GENERAL_NAME_push(names, one);
    assert_int_equal(
        X509_add1_ext_i2d(leaf.certificate, NID_subject_alt_name, names, 0, 0),
        1);
    finish(&leaf, &leaf);
    check_values(&leaf, rows, 1);
    GENERAL_NAMES_free(names);
    release(&named);
    release(&leaf);
}

/* The first, one-based others, a list of at most five. */
static void test_several_values(void **state)
{
    struct description description;
    struct party leaf;

    (void)state;
    make_leaf(&leaf, "OU=a/OU=b/OU=c/OU=d/OU=e/OU=f/CN=x", 10, NULL);
    describe(&leaf, &description);
    assert_string_equal(value_of(&description, "Subject.OrganizationalUnit", 0),
                        "a");
    assert_string_equal(
        value_of(&description, "Subject.OrganizationalUnit.1", 0), "b");
    assert_string_equal(
        value_of(&description, "Subject.OrganizationalUnit.4", 0), "e");
    assert_string_equal(
        value_of(&description, "Subject.OrganizationalUnit.5", 0), "");
    assert_string_equal(
        value_of(&description, "Subject.OrganizationalUnit.List", 4), "e");
    assert_string_equal(
        value_of(&description, "Subject.OrganizationalUnit.List", 5), "");
    imprint_memory_free(&description.memory);
    release(&leaf);
}

/* Wildcards take a value away, other special characters are escaped. */
static void test_special_characters(void **state)
{
    static const char *const rows[][2] = {
        {"Subject.CommonName", ""},
        {"Subject.CommonName.1", "b"},
        {"Subject.CommonName.List", "b"},
        {"Subject.Organization", "a\\=b\\,c\\;d\\\"e\\\\f\\<g\\>"},
        {"Subject.Title", "Gr\xc3\xbc\xc3\x9f"},
    };
    static const char *const wild[] = {"CN=a*", "CN=$a", "CN=a+", "CN=a?",
                                       "CN=#a"};
    struct description description;
    struct party leaf;
    size_t i;

    (void)state;
    make_leaf(&leaf, "CN=*/CN=b/O=a=b,c;d\"e\\f<g>/title=Gr\xc3\xbc\xc3\x9f",
              10, NULL);
    check_values(&leaf, rows, sizeof(rows) / sizeof(rows[0]));
    release(&leaf);
    for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
        make_leaf(&leaf, wild[i], 10, NULL);
        describe(&leaf, &description);
        assert_string_equal(value_of(&description, "Subject.CommonName", 0),
                            "");
        imprint_memory_free(&description.memory);
        release(&leaf);
    }
}

/* Every prefix of the DER, and every byte of it another one. */
static void test_broken_der(void **state)
{
    struct party leaf;
    unsigned char *der = NULL;
    char pem[8192];
    size_t len;
    size_t i;

    (void)state;
    start(&leaf, "CN=leaf/O=x/OU=y", 10);
    add_extension(leaf.certificate, leaf.certificate, NID_subject_alt_name,
                  "DNS:a.example,IP:1.2.3.4,email:a@b.c");
    finish(&leaf, &leaf);
    len = (size_t)i2d_X509(leaf.certificate, &der);
    for (i = 0; i < 2 * len; i++) {
        size_t prefix = i < len ? i : len;
        struct description out = {.memory = NULL};
        size_t at = 27; /* behind the first line */

        (void)snprintf(pem, sizeof(pem), "-----BEGIN CERTIFICATE-----");
        if (i >= len)
            der[i - len] = (unsigned char)~der[i - len];
        imprint_pem_encode(imprint_slice_of(der, prefix), pem + at);
        (void)strcat(pem, "-----END CERTIFICATE-----");
        if (imprint_authority_describe(imprint_slice_text(pem), &out.memory,
                                       &out.pairs, &out.count) == IMPRINT_OK)
            assert_true(i > 0);
        imprint_memory_free(&out.memory);
        if (i >= len)
            der[i - len] = (unsigned char)~der[i - len];
    }
    OPENSSL_free(der);
    release(&leaf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_adopt),
        TEST(test_adopt_other_subject),
        TEST(test_clients),
        TEST(test_wrong_roles),
        TEST(test_lower_ca),
        TEST(test_variables),
        TEST(test_directory_name),
        TEST(test_several_values),
        TEST(test_special_characters),
        TEST(test_broken_der),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
