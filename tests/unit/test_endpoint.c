/* The three operations, without a broker: replies, refusals, and whose. */
#include "endpoint_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint/admin.h"

/* Create, register, connect as the device; and what a pending one may not. */
static void provision_csr(void **state, enum imprint_encoding encoding)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    struct imprint_endpoint_session *device = NULL;
    static struct reply created;
    static struct reply registered;
    struct imprint_identity identity =
        fixture_create_csr(fixture, session, encoding, &created);
    struct imprint_identity result;
    struct imprint_keys_certificate read;
    struct imprint_why why = {"", ""};
    uint8_t text[4096];
    struct imprint_writer writer = imprint_slice_writer(text, sizeof(text));

    assert_int_equal(identity.private_key_pem.len, 0);
    assert_int_equal(identity.token.len, 464);
    fixture_must(
        imprint_keys_read_certificate(identity.certificate_pem, &read, &why),
        &why);
    assert_true(imprint_slice_is(identity.certificate_id, read.id));
    assert_string_equal(read.subject, "CN=A Device");
    assert_int_equal(read.not_after, 2524607999);

    assert_int_equal(fixture_connect_pem(
                         fixture, (const char *)identity.certificate_pem.bytes,
                         identity.certificate_pem.len, "SN-1", &device),
                     IMPRINT_ERR_REFUSED);
    assert_true(fixture_is_logged(fixture, "PENDING_ACTIVATION"));

    fixture_ask_register(
        fixture, session,
        &(struct registration){encoding, identity.token, "SN-1"}, &registered);
    assert_true(fixture_is_accepted(&registered));
    assert_int_equal(imprint_codec_get_registered(
                         fixture_format_of(encoding),
                         imprint_slice_of(registered.payload, registered.len),
                         &writer, &result),
                     IMPRINT_OK);
    assert_true(imprint_slice_is(result.thing_name, "SN-1"));
    assert_true(result.device_configuration.len > 2);

    /* under the thing's name, and no other */
    assert_int_equal(fixture_connect_pem(
                         fixture, (const char *)identity.certificate_pem.bytes,
                         identity.certificate_pem.len, "SN-2", &device),
                     IMPRINT_ERR_REFUSED);
    assert_int_equal(fixture_connect_pem(
                         fixture, (const char *)identity.certificate_pem.bytes,
                         identity.certificate_pem.len, "SN-1", &device),
                     IMPRINT_OK);
    assert_true(fixture_allows(fixture, device, IMPRINT_ENDPOINT_PUBLISH,
                               "devices/SN-1/hello"));
    assert_false(fixture_allows(fixture, device, IMPRINT_ENDPOINT_PUBLISH,
                                "devices/SN-2/hello"));
    assert_false(fixture_allows(fixture, device, IMPRINT_ENDPOINT_PUBLISH,
                                "$aws/certificates/create/json"));
    imprint_endpoint_leave(fixture->endpoint, device);
    imprint_endpoint_leave(fixture->endpoint, session);
    /* no secret in any line */
    assert_false(fixture_is_logged(fixture, "eyJ2ZXJzaW9u"));
    assert_false(fixture_is_logged(fixture, "BEGIN"));
}

static void test_csr_json(void **state)
{
    provision_csr(state, IMPRINT_ENC_JSON);
}

static void test_csr_cbor(void **state)
{
    provision_csr(state, IMPRINT_ENC_CBOR);
}

/* One request each; the pool is empty, so each waits for a key to be made. */
static void test_service_keys(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    struct imprint_keys_key *key = NULL;
    struct imprint_why why = {"", ""};
    static struct reply reply;
    int encoding;

    for (encoding = IMPRINT_ENC_JSON; encoding <= IMPRINT_ENC_CBOR;
         encoding++) {
        struct imprint_identity identity;
        char topic[128];

        fixture_name_topic(topic, IMPRINT_OP_CREATE_KEYS,
                           (enum imprint_encoding)encoding);
        fixture_ask(
            fixture, session, topic,
            imprint_slice_text(encoding == IMPRINT_ENC_JSON ? "{}" : ""),
            &reply);
        identity =
            fixture_read_created(&reply, (enum imprint_encoding)encoding);
        assert_memory_equal(identity.private_key_pem.bytes,
                            "-----BEGIN RSA PRIVATE KEY-----\n", 32);
        fixture_must(
            imprint_keys_read(identity.private_key_pem, NULL, &key, &why),
            &why);
        assert_int_equal(imprint_keys_kind_of(key), IMPRINT_KEYS_RSA2048);
        fixture_must(
            imprint_keys_check_pair(key, identity.certificate_pem, &why), &why);
        imprint_keys_free(key);
    }
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_register_twice(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    static struct reply created;
    static struct reply first;
    static struct reply again;
    struct imprint_identity identity =
        fixture_create_csr(fixture, session, IMPRINT_ENC_JSON, &created);

    fixture_ask_register(
        fixture, session,
        &(struct registration){IMPRINT_ENC_JSON, identity.token, "SN-1"},
        &first);
    assert_true(fixture_is_accepted(&first));
    /* over another connection, too: the first one may have been cut */
    imprint_endpoint_leave(fixture->endpoint, session);
    session = fixture_connect_claim(fixture, "imprint-2");
    fixture_ask_register(
        fixture, session,
        &(struct registration){IMPRINT_ENC_JSON, identity.token, "SN-1"},
        &again);
    assert_true(fixture_is_accepted(&again));
    assert_int_equal(first.len, again.len);
    assert_memory_equal(first.payload, again.payload, first.len);
    /* another request with the same token */
    fixture_ask_register(
        fixture, session,
        &(struct registration){IMPRINT_ENC_JSON, identity.token, "SN-2"},
        &again);
    fixture_check_rejected(&again, IMPRINT_ENC_JSON, 400,
                           "InvalidCertificateOwnershipToken");
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_rejections(void **state)
{
    static const struct {
        const char *topic;
        const char *payload;
        uint32_t status_code;
        const char *code;
    } cases[] = {
        {"$aws/certificates/create-from-csr/json", "", 400, "InvalidPayload"},
        {"$aws/certificates/create-from-csr/json", "{}", 400, "InvalidPayload"},
        {"$aws/certificates/create-from-csr/json", "{\"a\":1}x", 400,
         "InvalidPayload"},
        {"$aws/certificates/create-from-csr/json",
         "{\"certificateSigningRequest\":\"nothing\"}", 400,
         "InvalidCertificateSigningRequest"},
        {"$aws/certificates/create-from-csr/json",
         "{\"certificateSigningRequest\":\"-----BEGIN CERTIFICATE REQUEST-----"
         "AAAA-----END CERTIFICATE REQUEST-----\"}",
         400, "InvalidCertificateSigningRequest"},
        {"$aws/provisioning-templates/fleet/provision/json", "", 400,
         "InvalidPayload"},
        {"$aws/provisioning-templates/fleet/provision/json",
         "{\"certificateOwnershipToken\":\"\"}", 400,
         "InvalidCertificateOwnershipToken"},
        {"$aws/provisioning-templates/fleet/provision/json",
         "{\"certificateOwnershipToken\":\"bogus\"}", 400,
         "InvalidCertificateOwnershipToken"},
        {"$aws/provisioning-templates/fleet/provision/json",
         "{\"certificateOwnershipToken\":\"a\",\"parameters\":{\"a\":1}}", 400,
         "InvalidPayload"},
    };
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    static struct reply reply;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fixture_ask(fixture, session, cases[i].topic,
                    imprint_slice_text(cases[i].payload), &reply);
        fixture_check_rejected(&reply, IMPRINT_ENC_JSON, cases[i].status_code,
                               cases[i].code);
    }
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_missing_parameter(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    static struct reply created;
    static struct reply reply;
    struct imprint_identity identity =
        fixture_create_csr(fixture, session, IMPRINT_ENC_CBOR, &created);

    fixture_ask_register(
        fixture, session,
        &(struct registration){IMPRINT_ENC_CBOR, identity.token, NULL}, &reply);
    fixture_check_rejected(&reply, IMPRINT_ENC_CBOR, 400, "InvalidParameters");
    assert_true(fixture_is_logged(fixture, "SerialNumber"));
    fixture_ask_register(
        fixture, session,
        &(struct registration){IMPRINT_ENC_CBOR, identity.token, "with space"},
        &reply);
    fixture_check_rejected(&reply, IMPRINT_ENC_CBOR, 400, "InvalidParameters");
    /* nothing of it was kept: the token is as good as before */
    fixture_ask_register(
        fixture, session,
        &(struct registration){IMPRINT_ENC_CBOR, identity.token, "SN-1"},
        &reply);
    assert_true(fixture_is_accepted(&reply));
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* Whoever asks gets the reply, in whatever order they come back. */
static void test_sessions_apart(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *sessions[8];
    struct imprint_keys_key *keys[8];
    struct imprint_why why = {"", ""};
    static struct reply reply;
    int answered[8] = {0};
    size_t i;

    for (i = 0; i < 8; i++) {
        char client_id[32];
        uint8_t payload[8192];
        struct imprint_writer writer =
            imprint_slice_writer(payload, sizeof(payload));
        char *csr = NULL;

        (void)snprintf(client_id, sizeof(client_id), "client-%zu", i);
        sessions[i] = fixture_connect_claim(fixture, client_id);
        fixture_must(imprint_keys_make(IMPRINT_KEYS_P256, &keys[i], &why),
                     &why);
        fixture_must(imprint_keys_request(keys[i], client_id, &csr, &why),
                     &why);
        imprint_codec_put_csr(&writer, &imprint_json_format,
                              imprint_slice_text(csr));
        imprint_keys_free_pem(csr);
        assert_true(
            imprint_endpoint_submit(fixture->endpoint, sessions[i],
                                    "$aws/certificates/create-from-csr/json",
                                    imprint_slice_since(&writer, 0)));
    }
    /* one of them does not wait for its reply */
    imprint_endpoint_leave(fixture->endpoint, sessions[3]);
    for (i = 0; i < 7; i++) {
        struct imprint_endpoint_session *session =
            fixture_wait_reply(fixture, &reply);
        struct imprint_identity identity =
            fixture_read_created(&reply, IMPRINT_ENC_JSON);
        size_t at = 0;

        while (at < 8 && sessions[at] != session)
            at++;
        assert_true(at < 8 && at != 3);
        assert_int_equal(answered[at]++, 0);
        fixture_must(
            imprint_keys_check_pair(keys[at], identity.certificate_pem, &why),
            &why);
    }
    for (i = 0; i < 8; i++) {
        imprint_keys_free(keys[i]);
        if (i != 3)
            imprint_endpoint_leave(fixture->endpoint, sessions[i]);
    }
}

/* Requests for keys do not hold up those that need none. */
static void test_keys_wait_aside(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *waiting =
        fixture_connect_claim(fixture, "imprint-1");
    struct imprint_endpoint_session *other =
        fixture_connect_claim(fixture, "imprint-2");
    static struct reply reply;
    char *csr = fixture_make_csr(IMPRINT_KEYS_P256);
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    size_t before_csr = 0;
    size_t i;

    imprint_codec_put_csr(&writer, &imprint_json_format,
                          imprint_slice_text(csr));
    for (i = 0; i < 6; i++)
        assert_true(imprint_endpoint_submit(fixture->endpoint, waiting,
                                            "$aws/certificates/create/json",
                                            imprint_slice_text("")));
    assert_true(imprint_endpoint_submit(
        fixture->endpoint, other, "$aws/certificates/create-from-csr/json",
        imprint_slice_since(&writer, 0)));
    while (fixture_wait_reply(fixture, &reply) != other)
        before_csr++;
    assert_true(fixture_is_accepted(&reply));
    assert_true(before_csr < 6);
    for (i = before_csr; i < 6; i++) {
        assert_ptr_equal(fixture_wait_reply(fixture, &reply), waiting);
        assert_true(fixture_is_accepted(&reply));
    }
    imprint_keys_free_pem(csr);
    imprint_endpoint_leave(fixture->endpoint, other);
    imprint_endpoint_leave(fixture->endpoint, waiting);
}

/* How fast one thread of requests gets through, for the log of the tests. */
static void test_rate(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    char *csr = fixture_make_csr(IMPRINT_KEYS_P256);
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    static struct reply reply;
    struct timespec start;
    struct timespec end;
    double seconds;
    size_t i;

    imprint_codec_put_csr(&writer, &imprint_json_format,
                          imprint_slice_text(csr));
    imprint_keys_free_pem(csr);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (i = 0; i < 256; i++)
        assert_true(
            imprint_endpoint_submit(fixture->endpoint, session,
                                    "$aws/certificates/create-from-csr/json",
                                    imprint_slice_since(&writer, 0)));
    for (i = 0; i < 256; i++) {
        assert_ptr_equal(fixture_wait_reply(fixture, &reply), session);
        assert_true(fixture_is_accepted(&reply));
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    seconds = (double)(end.tv_sec - start.tv_sec) +
              1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    print_message("# %.0f certificates/s by CSR\n", 256 / seconds);
    /* one more than a session may have open */
    for (i = 0; i < 257; i++)
        assert_true(
            imprint_endpoint_submit(fixture->endpoint, session,
                                    "$aws/certificates/create-from-csr/json",
                                    imprint_slice_since(&writer, 0)));
    for (i = 0; i < 257; i++) {
        assert_ptr_equal(fixture_wait_reply(fixture, &reply), session);
        if (!fixture_is_accepted(&reply))
            fixture_check_rejected(&reply, IMPRINT_ENC_JSON, 429, "Throttled");
    }
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* RegisterThing by any template, whatever the claim's policy says of it. */
static void register_by(struct fixture *fixture,
                        struct imprint_endpoint_session *session,
                        const char *template_name, const char *serial,
                        const char *color, struct reply *reply)
{
    const struct imprint_pair parameters[] = {
        {imprint_slice_text("SerialNumber"), imprint_slice_text(serial)},
        {imprint_slice_text("Color"), imprint_slice_text(color)}};
    static struct reply created;
    struct imprint_identity identity =
        fixture_create_csr(fixture, session, IMPRINT_ENC_JSON, &created);
    char topic[128];
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));

    (void)snprintf(topic, sizeof(topic),
                   "$aws/provisioning-templates/%s/provision/json",
                   template_name);
    imprint_codec_put_register(&writer, &imprint_json_format, identity.token,
                               parameters, 2);
    assert_true(imprint_endpoint_submit(fixture->endpoint, session, topic,
                                        imprint_slice_since(&writer, 0)));
    assert_ptr_equal(fixture_wait_reply(fixture, reply), session);
}

/* Parameters, then the resources beside the certificate. */
#define TEMPLATE(status, resources)                                  \
    "{\"Parameters\":{\"SerialNumber\":{\"Type\":\"String\"},"       \
    "\"Color\":{\"Type\":\"String\",\"Default\":\"red\"}},"          \
    "\"Resources\":{\"c\":{\"Type\":"                                \
    "\"AWS::IoT::Certificate\",\"Properties\":{\"Status\":\"" status \
    "\",\"CertificateId\":{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}" \
    "," resources "}}"
#define THING                                                            \
    "\"t\":{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{\"ThingName\":" \
    "{\"Ref\":\"SerialNumber\"},\"AttributePayload\":{\"color\":"        \
    "{\"Ref\":\"Color\"}}}}"

static void put_template(struct fixture *fixture, const char *name,
                         const char *text)
{
    const struct imprint_admin_template template = {
        .name = name,
        .document = imprint_slice_text(text),
        .is_enabled = true,
    };
    struct imprint_why why = {"", ""};

    fixture_must(imprint_admin_put_template(fixture->dir, &template, &why),
                 &why);
}

static void test_other_templates(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    struct imprint_why why = {"", ""};
    static struct reply reply;

    register_by(fixture, session, "none", "SN-1", "red", &reply);
    fixture_check_rejected(&reply, IMPRINT_ENC_JSON, 404, "ResourceNotFound");
    put_template(fixture, "colors", TEMPLATE("ACTIVE", THING));
    register_by(fixture, session, "colors", "SN-1", "red", &reply);
    assert_true(fixture_is_accepted(&reply));
    /* the same thing again, with another certificate */
    register_by(fixture, session, "colors", "SN-1", "red", &reply);
    assert_true(fixture_is_accepted(&reply));
    register_by(fixture, session, "colors", "SN-1", "blue", &reply);
    fixture_check_rejected(&reply, IMPRINT_ENC_JSON, 409, "ResourceConflict");
    register_by(fixture, session, "colors", "SN-2", "light blue", &reply);
    fixture_check_rejected(&reply, IMPRINT_ENC_JSON, 400, "InvalidParameters");
    put_template(fixture, "nobody",
                 TEMPLATE("ACTIVE",
                          THING ",\"p\":{\"Type\":\"AWS::IoT::Policy\","
                                "\"Properties\":{\"PolicyName\":\"gone\"}}"));
    register_by(fixture, session, "nobody", "SN-3", "red", &reply);
    fixture_check_rejected(&reply, IMPRINT_ENC_JSON, 404, "ResourceNotFound");
    /* the thing of a registration that failed was not kept */
    register_by(fixture, session, "colors", "SN-3", "blue", &reply);
    assert_true(fixture_is_accepted(&reply));
    assert_int_equal(
        imprint_admin_put_template(
            fixture->dir,
            &(struct imprint_admin_template){
                .name = "colors", .document = imprint_slice_text("{}")},
            &why),
        IMPRINT_ERR_FORMAT);
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* A policy that the template brings along; a certificate left INACTIVE. */
static void test_policy_in_template(void **state)
{
    static const char policy[] =
        "\"p\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{"
        "\"PolicyDocument\":{\"Version\":\"2012-10-17\",\"Statement\":[{"
        "\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\"Resource\":"
        "\"arn:aws:iot:us-east-1:000000000000:client/any-*\"}]}}}";
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "imprint-1");
    struct imprint_endpoint_session *device = NULL;
    static struct reply created;
    static struct reply reply;
    struct imprint_identity identity;
    char text[2048];
    size_t i;

    for (i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof(text), TEMPLATE("%s", "%s"),
                       i == 0 ? "Active" : "Inactive", policy);
        put_template(fixture, "fleet", text);
        identity =
            fixture_create_csr(fixture, session, IMPRINT_ENC_JSON, &created);
        fixture_ask_register(
            fixture, session,
            &(struct registration){IMPRINT_ENC_JSON, identity.token, "SN-1"},
            &reply);
        assert_true(fixture_is_accepted(&reply));
        assert_null(strstr((const char *)reply.payload, "thingName"));
        assert_int_equal(
            fixture_connect_pem(fixture,
                                (const char *)identity.certificate_pem.bytes,
                                identity.certificate_pem.len, "other", &device),
            IMPRINT_ERR_REFUSED);
        assert_int_equal(
            fixture_connect_pem(fixture,
                                (const char *)identity.certificate_pem.bytes,
                                identity.certificate_pem.len, "any-1", &device),
            i == 0 ? IMPRINT_OK : IMPRINT_ERR_REFUSED);
        if (i == 0)
            imprint_endpoint_leave(fixture->endpoint, device);
    }
    assert_true(fixture_is_logged(fixture, "its certificate is INACTIVE"));
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* A client's words can't forge a line, and too much is not taken. */
static void test_bad_clients(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        fixture_connect_claim(fixture, "a\n\"b");
    struct imprint_endpoint_session *none = NULL;
    static uint8_t payload[40000];
    static struct reply reply;
    char client_id[130];
    char topic[1200];

    assert_true(fixture_is_logged(fixture, "client \"a?'b\" ("));
    fixture_ask(fixture, session, "$aws/certificates/create/json",
                imprint_slice_of(payload, sizeof(payload)), &reply);
    fixture_check_rejected(&reply, IMPRINT_ENC_JSON, 400, "InvalidPayload");
    (void)memset(topic, 'a', sizeof(topic));
    topic[sizeof(topic) - 1] = '\0';
    assert_false(
        fixture_allows(fixture, session, IMPRINT_ENDPOINT_PUBLISH, topic));
    assert_true(fixture_is_logged(fixture, "it is too long"));
    (void)memset(client_id, 'a', sizeof(client_id));
    client_id[129] = '\0';
    assert_int_equal(fixture_try_claim(fixture,
                                       fixture->paths.claim_certificate_pem,
                                       client_id, &none),
                     IMPRINT_ERR_REFUSED);
    imprint_endpoint_leave(fixture->endpoint, session);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_csr_json),        TEST(test_csr_cbor),
        TEST(test_service_keys),    TEST(test_register_twice),
        TEST(test_rejections),      TEST(test_missing_parameter),
        TEST(test_sessions_apart),  TEST(test_keys_wait_aside),
        TEST(test_other_templates), TEST(test_policy_in_template),
        TEST(test_bad_clients),     TEST(test_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
