/* Claims of batches and of trusted users, and what other CAs signed. */
#include "dir_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "aws/policy.h"
#include "endpoint/admin.h"
#include "endpoint/authority.h"
#include "endpoint/catalog.h"
#include "endpoint/claims.h"
#include "endpoint/endpoint.h"
#include "endpoint/registry.h"
#include "posix/file.h"
#include "posix/keys.h"

#define PATH_LEN 512

static struct imprint_endpoint_paths paths;

static int set_up(void **state)
{
    (void)state;
    dir_make();
    must(imprint_endpoint_prepare(dir, NULL, &paths, &why));
    return 0;
}

/* ---- what is there ---- */

struct found {
    const char *claim; /* NULL: whatever is not default's */
    size_t count;
    char id[65];
    char status[32];
    char thing[129];
    int64_t created;
};

static void find(void *user,
                 const struct imprint_admin_certificate *certificate)
{
    struct found *found = user;
    const char *wanted = found->claim ? found->claim : certificate->claim;

    if (strcmp(certificate->claim, wanted) != 0 ||
        (!found->claim && strcmp(certificate->claim, "default") == 0))
        return;
    found->count++;
    (void)snprintf(found->id, sizeof(found->id), "%s", certificate->id);
    (void)snprintf(found->status, sizeof(found->status), "%s",
                   certificate->status);
    (void)snprintf(found->thing, sizeof(found->thing), "%s",
                   certificate->thing);
    found->created = certificate->created;
}

static struct found look(const char *claim)
{
    struct found found = {.claim = claim};

    must(imprint_admin_each_certificate(dir, find, &found, &why));
    return found;
}

static void add_name(void *user, const char *name, const char *document)
{
    (void)document;
    (void)strcat(user, name);
    (void)strcat(user, " ");
}

static void check_policies(const char *id, const char *wanted)
{
    struct imprint_registry *registry = NULL;
    char names[1024] = "";

    must(imprint_registry_open(dir, IMPRINT_REGISTRY_READ, &registry, &why));
    must(
        imprint_catalog_each_certificate_policy(registry, id, add_name, names));
    imprint_registry_close(registry);
    assert_string_equal(names, wanted);
}

static bool is_there(const char *name)
{
    char path[PATH_LEN];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void put_template(const char *name, bool is_enabled)
{
    static const char text[] =
        "{\"Parameters\":{\"AWS::IoT::Certificate::Id\":{\"Type\":\"String\"}"
        "},\"Resources\":{\"certificate\":{\"Type\":\"AWS::IoT::Certificate\","
        "\"Properties\":{\"CertificateId\":{\"Ref\":"
        "\"AWS::IoT::Certificate::Id\"},\"Status\":\"Active\"}}}}";
    const struct imprint_admin_template template = {
        .name = name,
        .document = imprint_slice_text(text),
        .is_enabled = is_enabled};

    must(imprint_admin_put_template(dir, &template, &why));
}

/* In dir, by its shell. */
static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    char command[2048];
    int len = snprintf(command, sizeof(command), "cd '%s' && ", dir);
    va_list values;

    va_start(values, format);
    (void)vsnprintf(command + len, sizeof(command) - (size_t)len, format,
                    values);
    va_end(values);
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* ---- batches ---- */

static void test_default(void **state)
{
    struct found found = look("default");
    struct found again;

    (void)state;
    assert_int_equal(found.count, 1);
    assert_string_equal(found.status, "ACTIVE");
    check_policies(found.id, "fleet-claim ");
    assert_true(is_there("cas"));
    /* whatever became of it, a second start leaves it so */
    must(imprint_admin_set_status(dir, found.id, "INACTIVE", &why));
    must(imprint_endpoint_prepare(dir, NULL, &paths, &why));
    again = look("default");
    assert_int_equal(again.count, 1);
    assert_string_equal(again.id, found.id);
    assert_string_equal(again.status, "INACTIVE");
}

static void test_batch(void **state)
{
    struct imprint_claims_batch batch = {.name = "batch-7",
                                         .template_name = "pumps"};
    struct stat key;
    char path[PATH_LEN];
    struct found found;

    (void)state;
    check_says(imprint_claims_make(dir, &batch, &why), IMPRINT_ERR_NOT_FOUND,
               "template \"pumps\"");
    assert_int_equal(look("batch-7").count, 0);
    assert_false(is_there("claims/batch-7"));
    put_template("pumps", true);
    must(imprint_claims_make(dir, &batch, &why));
    must(imprint_claims_make(dir, &batch, &why));
    found = look("batch-7");
    assert_int_equal(found.count, 1);
    check_policies(found.id, "pumps-claim ");
    (void)snprintf(path, sizeof(path), "%s/claims/batch-7/private.key", dir);
    assert_int_equal(stat(path, &key), 0);
    assert_int_equal(key.st_mode & 07777, 0600);
    must(imprint_admin_set_status(dir, found.id, "INACTIVE", &why));
    must(imprint_claims_make(dir, &batch, &why));
    assert_string_equal(look("batch-7").status, "INACTIVE");
}

/* A second batch of a template shares its policy, even one that changed. */
static void test_policies(void **state)
{
    struct imprint_claims_batch batch = {.name = "a"};

    (void)state;
    must(imprint_claims_make(dir, &batch, &why));
    check_policies(look("a").id, "fleet-claim ");
    batch = (struct imprint_claims_batch){.name = "b", .policy = "mine"};
    check_says(imprint_claims_make(dir, &batch, &why), IMPRINT_ERR_NOT_FOUND,
               "policy \"mine\"");
    batch.policy = "fleet-device";
    must(imprint_claims_make(dir, &batch, &why));
    check_policies(look("b").id, "fleet-device ");
}

static void test_names(void **state)
{
    static const char *const names[] = {
        "", "..", "a/b", "a b", "$a", "0123456789012345678901234567890123456"};
    struct imprint_claims_batch batch = {.name = "temporary"};
    size_t i;

    (void)state;
    check_says(imprint_claims_make(dir, &batch, &why), IMPRINT_ERR_ARGUMENT,
               "\"temporary\"");
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        batch.name = names[i];
        check_says(imprint_claims_make(dir, &batch, &why), IMPRINT_ERR_ARGUMENT,
                   "claim's name");
        check_says(imprint_claims_drop(dir, names[i], &why),
                   IMPRINT_ERR_ARGUMENT, "claim's name");
    }
}

static void test_drop(void **state)
{
    struct imprint_claims_batch batch = {.name = "a", .is_rsa = true};

    (void)state;
    must(imprint_claims_make(dir, &batch, &why));
    must(imprint_claims_drop(dir, "a", &why));
    assert_int_equal(look("a").count, 0);
    assert_false(is_there("claims/a"));
    assert_int_equal(look("default").count, 1);
    check_says(imprint_claims_drop(dir, "a", &why), IMPRINT_ERR_NOT_FOUND,
               "claim \"a\"");
    /* cut off behind the registry: the files still go */
    must(imprint_claims_make(dir, &batch, &why));
    must(imprint_admin_drop_certificate(dir, look("a").id, true, &why));
    must(imprint_claims_drop(dir, "a", &why));
    assert_false(is_there("claims/a"));
    /* and before them: the certificate still does */
    must(imprint_claims_make(dir, &batch, &why));
    run("rm -rf claims/a");
    must(imprint_claims_drop(dir, "a", &why));
    assert_int_equal(look("a").count, 0);
}

/* Deleted by its id, and its files lie about: it is not made known again. */
static void test_no_return(void **state)
{
    struct imprint_claims_batch batch = {.name = "a"};
    char id[65];
    char path[PATH_LEN];
    char *before = NULL;
    char *after = NULL;
    size_t len;

    (void)state;
    must(imprint_claims_make(dir, &batch, &why));
    (void)snprintf(id, sizeof(id), "%s", look("a").id);
    (void)snprintf(path, sizeof(path), "%s/claims/a/private.key", dir);
    must(imprint_file_read(path, 4096, &before, &len, &why));
    must(imprint_admin_drop_certificate(dir, id, true, &why));
    must(imprint_claims_make(dir, &batch, &why));
    assert_int_equal(look("a").count, 1);
    assert_string_not_equal(look("a").id, id);
    must(imprint_file_read(path, 4096, &after, &len, &why));
    assert_string_not_equal(after, before);
    free(before);
    free(after);
    /* another certificate's files stay, its own go */
    must(imprint_claims_drop_files(dir, "a", id, &why));
    assert_true(is_there("claims/a/private.key"));
    must(imprint_claims_drop_files(dir, "a", look("a").id, &why));
    assert_false(is_there("claims/a"));
    must(imprint_claims_drop_files(dir, "a", id, &why));
    must(imprint_claims_drop_files(dir, "temporary", id, &why));
}

/* ---- temporary ---- */

struct row {
    struct imprint_registry_certificate certificate;
    bool is_found;
};

static void take_row(void *user,
                     const struct imprint_registry_certificate *found)
{
    struct row *row = user;

    row->certificate = *found;
    row->is_found = strcmp(found->claim, "temporary") == 0;
}

static struct row find_row(const char *id)
{
    struct imprint_registry *registry = NULL;
    struct row row = {.is_found = false};

    must(imprint_registry_open(dir, IMPRINT_REGISTRY_READ, &registry, &why));
    (void)imprint_registry_each_certificate(registry, id, take_row, &row);
    imprint_registry_close(registry);
    return row;
}

static void test_temporary(void **state)
{
    struct imprint_claims_temporary claim;
    struct imprint_keys_certificate read;
    struct imprint_keys_key *key = NULL;
    int64_t now = (int64_t)time(NULL);
    struct row row;

    (void)state;
    must(imprint_claims_make_temporary(dir, "fleet", &claim, &why));
    must(imprint_keys_read_certificate(
        imprint_slice_text(claim.certificate_pem), &read, &why));
    assert_string_equal(read.id, claim.id);
    assert_in_range(claim.expires, now + 300, now + 302);
    assert_in_range(read.not_after, claim.expires - 1, claim.expires + 1);
    must(imprint_keys_read(imprint_slice_text(claim.private_key_pem), NULL,
                           &key, &why));
    must(imprint_keys_check_pair(key, imprint_slice_text(claim.certificate_pem),
                                 &why));
    imprint_keys_free(key);
    assert_int_equal(
        strncmp(claim.public_key_pem, "-----BEGIN PUBLIC KEY-----", 26), 0);
    /* listed nowhere, kept without its key */
    assert_int_equal(look(NULL).count, 0);
    assert_int_equal(look("temporary").count, 0);
    row = find_row(claim.id);
    assert_true(row.is_found);
    assert_true(row.certificate.is_temporary);
    assert_int_equal(row.certificate.state, IMPRINT_REGISTRY_ACTIVE);
    assert_int_equal(row.certificate.not_after, claim.expires);
    check_policies(claim.id, "$claim-fleet ");
    imprint_claims_free_temporary(&claim);
    assert_null(claim.private_key_pem);
    imprint_claims_free_temporary(&claim);
}

static void test_temporary_refused(void **state)
{
    struct imprint_claims_temporary claim = {.id = "before"};

    (void)state;
    check_says(imprint_claims_make_temporary(dir, "none", &claim, &why),
               IMPRINT_ERR_NOT_FOUND, "template \"none\"");
    put_template("off", false);
    check_says(imprint_claims_make_temporary(dir, "off", &claim, &why),
               IMPRINT_ERR_REFUSED, "template \"off\" is disabled");
    assert_string_equal(claim.id, "before");
}

/* By the service's clock, wherever it is. */
static void test_temporary_clock(void **state)
{
    struct imprint_claims_temporary claim;
    struct imprint_keys_certificate read;
    struct imprint_registry *registry = NULL;
    int64_t now = (int64_t)time(NULL);
    size_t count = 0;

    (void)state;
    must(imprint_admin_set(dir, "clock_offset_s", "-3600", &why));
    must(imprint_admin_set(dir, "temporary_claim_lifetime_s", "60", &why));
    must(imprint_claims_make_temporary(dir, "fleet", &claim, &why));
    must(imprint_keys_read_certificate(
        imprint_slice_text(claim.certificate_pem), &read, &why));
    assert_in_range(claim.expires, now - 3600 + 60, now - 3600 + 62);
    assert_in_range(read.not_after, now + 60, now + 62);
    must(imprint_registry_open(dir, IMPRINT_REGISTRY_WRITE, &registry, &why));
    must(imprint_registry_expire(registry, claim.expires - 1, &count));
    assert_true(find_row(claim.id).is_found);
    must(imprint_registry_expire(registry, claim.expires, &count));
    imprint_registry_close(registry);
    assert_false(find_row(claim.id).is_found);
    imprint_claims_free_temporary(&claim);
}

/* Does a policy of this name allow it? */
static bool allows(const char *policy, const char *action, const char *resource)
{
    char arn[256];
    struct imprint_registry *registry = NULL;
    struct imprint_policy *compiled = NULL;
    const struct imprint_policy *all[1];
    struct imprint_policy_decision decision;
    struct imprint_policy_request request = {
        .action = action, .resource = arn, .client_id = "any"};
    char *text = NULL;

    (void)snprintf(arn, sizeof(arn), "arn:aws:iot:us-east-1:000000000000:%s",
                   resource);
    must(imprint_registry_open(dir, IMPRINT_REGISTRY_READ, &registry, &why));
    must(imprint_catalog_find_policy(registry, policy, &text));
    imprint_registry_close(registry);
    must(imprint_policy_parse(imprint_slice_text(text), &compiled, &why));
    all[0] = compiled;
    imprint_policy_evaluate(all, 1, &request, &decision);
    imprint_policy_free(compiled);
    free(text);
    return decision.verdict == IMPRINT_POLICY_ALLOWED;
}

/* Its template alone, whatever flow and format. */
static void test_what_it_may(void **state)
{
    static const char *const names[] = {"fleet-claim", "$claim-fleet"};
    struct imprint_claims_temporary claim;
    size_t i;

    (void)state;
    must(imprint_claims_make_temporary(dir, "fleet", &claim, &why));
    imprint_claims_free_temporary(&claim);
    for (i = 0; i < 2; i++) {
        const char *name = names[i];

        assert_true(allows(name, "iot:Connect", "client/any"));
        assert_true(
            allows(name, "iot:Publish", "topic/$aws/certificates/create/json"));
        assert_true(allows(name, "iot:Publish",
                           "topic/$aws/certificates/create-from-csr/cbor"));
        assert_true(
            allows(name, "iot:Publish",
                   "topic/$aws/provisioning-templates/fleet/provision/cbor"));
        assert_true(allows(name, "iot:Subscribe",
                           "topicfilter/$aws/provisioning-templates/fleet/"
                           "provision/json/accepted"));
        assert_true(allows(name, "iot:Receive",
                           "topic/$aws/certificates/create/json/rejected"));
        assert_false(
            allows(name, "iot:Publish",
                   "topic/$aws/provisioning-templates/other/provision/json"));
        assert_false(allows(name, "iot:Publish", "topic/devices/any/x"));
        assert_false(allows(name, "iot:Subscribe", "topicfilter/#"));
    }
}

/* ---- made elsewhere ---- */

#define NEW_KEY "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

static void make_ca(const char *file, const char *name)
{
    run("openssl req -x509 " NEW_KEY " -subj '/CN=%s' -days 30 "
        "-keyout %s.key -out %s.pem 2>log",
        name, file, file);
}

static void make_leaf(const char *file, const char *ca)
{
    run("openssl req " NEW_KEY " -subj /CN=x -keyout %s.key -out %s.csr 2>log",
        file, file);
    run("openssl x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -set_serial 7 "
        "-days 9 -out %s.pem 2>log",
        file, ca, ca, file);
}

static char *read_pem(const char *file)
{
    char path[PATH_LEN];
    char *text = NULL;
    size_t len = 0;

    (void)snprintf(path, sizeof(path), "%s/%s.pem", dir, file);
    must(imprint_file_read(path, 65536, &text, &len, &why));
    return text;
}

static enum imprint_status trust(const char *file)
{
    char *text = read_pem(file);
    enum imprint_status status =
        imprint_claims_trust(dir, imprint_slice_text(text), &why);

    free(text);
    return status;
}

static enum imprint_status add_foreign(const char *file,
                                       struct imprint_claims_foreign foreign,
                                       char id[65])
{
    char *text = read_pem(file);
    enum imprint_status status;

    foreign.certificate_pem = imprint_slice_text(text);
    status = imprint_claims_register(dir, &foreign, id, &why);
    free(text);
    return status;
}

static void check_ca_count(int count)
{
    run("test $(ls cas | wc -l) = %d", count);
}

static void test_foreign(void **state)
{
    const struct imprint_claims_foreign device = {.thing = "pump-1",
                                                  .policy = "fleet-device"};
    const struct imprint_claims_foreign bare = {.claim = NULL};
    struct found found;
    char id[65] = "none";

    (void)state;
    make_ca("maker", "Maker CA");
    make_leaf("leaf", "maker");
    make_leaf("leaf2", "maker");
    check_says(add_foreign("leaf", device, id), IMPRINT_ERR_REFUSED, "issuer");
    assert_non_null(strstr(why.hint, "imprint endpoint ca"));
    assert_string_equal(id, "none");
    must(trust("maker"));
    must(add_foreign("leaf", device, id));
    found = look(NULL);
    assert_string_equal(found.id, id);
    assert_string_equal(found.thing, "pump-1");
    assert_string_equal(found.status, "ACTIVE");
    check_policies(id, "fleet-device ");
    check_says(add_foreign("leaf", device, id), IMPRINT_ERR_REFUSED,
               "registered already");
    must(add_foreign("leaf2", bare, id));
    check_policies(id, "");
}

static void test_foreign_claim(void **state)
{
    struct imprint_claims_foreign claim = {.claim = "line-3"};
    char id[65];

    (void)state;
    make_ca("maker", "Maker CA");
    make_leaf("leaf", "maker");
    must(trust("maker"));
    claim.template_name = "none";
    check_says(add_foreign("leaf", claim, id), IMPRINT_ERR_NOT_FOUND,
               "template \"none\"");
    claim.template_name = NULL;
    claim.policy = "none";
    check_says(add_foreign("leaf", claim, id), IMPRINT_ERR_NOT_FOUND,
               "policy \"none\"");
    assert_int_equal(look(NULL).count, 0);
    claim.policy = NULL;
    claim.claim = "a/b";
    check_says(add_foreign("leaf", claim, id), IMPRINT_ERR_ARGUMENT, "a/b");
    claim.claim = "line-3";
    claim.thing = "a b";
    check_says(add_foreign("leaf", claim, id), IMPRINT_ERR_ARGUMENT, "a b");
    claim.thing = NULL;
    must(add_foreign("leaf", claim, id));
    assert_string_equal(look("line-3").id, id);
    check_policies(id, "fleet-claim ");
    must(imprint_claims_drop(dir, "line-3", &why));
    assert_int_equal(look("line-3").count, 0);
}

/* Twice is once; others of the same name stand beside it. */
static void test_trust(void **state)
{
    (void)state;
    make_ca("a", "Maker CA");
    make_ca("b", "Maker CA");
    make_ca("c", "Other CA");
    make_leaf("leaf", "a");
    must(trust("a"));
    must(trust("a"));
    check_ca_count(1);
    must(trust("b"));
    must(trust("c"));
    must(trust("b"));
    check_ca_count(3);
    check_says(trust("leaf"), IMPRINT_ERR_REFUSED, "no CA");
    check_says(trust("server"), IMPRINT_ERR_REFUSED, "no CA");
    assert_int_equal(
        imprint_claims_trust(dir, imprint_slice_text("no PEM"), &why),
        IMPRINT_ERR_FORMAT);
    check_ca_count(3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, dir_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_default),
        TEST(test_batch),
        TEST(test_policies),
        TEST(test_names),
        TEST(test_drop),
        TEST(test_no_return),
        TEST(test_temporary),
        TEST(test_temporary_refused),
        TEST(test_temporary_clock),
        TEST(test_what_it_may),
        TEST(test_foreign),
        TEST(test_foreign_claim),
        TEST(test_trust),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
