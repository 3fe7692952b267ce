/*
 * The endpoint without a broker: sessions, both flows in both formats, what is
 * refused, and what survives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "endpoint/admin.h"
#include "endpoint/endpoint.h"
#include "imprint/codec.h"
#include "imprint/topics.h"
#include "posix/file.h"
#include "posix/keys.h"

#define PATH_LEN 512
#define LOG_LEN 262144
#define WAIT_S 30

struct reply {
    char topic[128];
    uint8_t payload[16384];
    size_t len;
    uint8_t text[16384];
};

struct fixture {
    char dir[64];
    struct imprint_endpoint_paths paths;
    struct imprint_endpoint *endpoint;
    sem_t woken;
    pthread_mutex_t lock;
    char log[LOG_LEN]; /* all lines */
    size_t log_len;
};

static void take_wake(void *user)
{
    struct fixture *fixture = user;

    (void)sem_post(&fixture->woken);
}

static void take_line(void *user, const char *line)
{
    struct fixture *fixture = user;
    size_t len = strlen(line);

    assert_null(strchr(line, '\n'));
    (void)pthread_mutex_lock(&fixture->lock);
    if (fixture->log_len + len + 2 < LOG_LEN) {
        memcpy(fixture->log + fixture->log_len, line, len);
        fixture->log_len += len;
        fixture->log[fixture->log_len++] = '\n';
        fixture->log[fixture->log_len] = '\0';
    }
    (void)pthread_mutex_unlock(&fixture->lock);
}

static bool is_logged(struct fixture *fixture, const char *text)
{
    bool found;

    (void)pthread_mutex_lock(&fixture->lock);
    found = strstr(fixture->log, text) != NULL;
    (void)pthread_mutex_unlock(&fixture->lock);
    return found;
}

static void must(enum imprint_status status, const struct imprint_why *why)
{
    if (status != IMPRINT_OK)
        fail_msg("%s: %s", imprint_status_name(status), why->text);
}

static void open_endpoint(struct fixture *fixture)
{
    const struct imprint_endpoint_options options = {fixture->dir, take_wake,
                                                     take_line, fixture};
    struct imprint_why why = {"", ""};

    must(imprint_endpoint_open(&options, &fixture->endpoint, &why), &why);
}

static void prepare(struct fixture *fixture)
{
    struct imprint_why why = {"", ""};

    must(imprint_endpoint_prepare(fixture->dir, NULL, &fixture->paths, &why),
         &why);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct imprint_why why = {"", ""};

    assert_non_null(fixture);
    (void)sem_init(&fixture->woken, 0, 0);
    (void)pthread_mutex_init(&fixture->lock, NULL);
    (void)snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/imprint-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    prepare(fixture);
    assert_true(fixture->paths.made);
    must(imprint_endpoint_set(fixture->dir, "pool_size", 0, &why), &why);
    open_endpoint(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    imprint_endpoint_close(fixture->endpoint);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->dir);
    assert_int_equal(system(command), 0);
    (void)sem_destroy(&fixture->woken);
    (void)pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

/* ---- certificates ---- */

static uint8_t *der_of(const char *pem, size_t len, size_t *der_len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    uint8_t *der = NULL;

    assert_non_null(certificate);
    assert_true(imprint_endpoint_take_x509(certificate, &der, der_len));
    BIO_free(bio);
    return der;
}

static enum imprint_status connect_pem(struct fixture *fixture, const char *pem,
                                       size_t len, const char *client_id,
                                       struct imprint_endpoint_session **out)
{
    struct imprint_endpoint_connect who = {
        .client_id = client_id, .address = "127.0.0.1", .mqtt_version = 4};
    enum imprint_status status;
    size_t der_len;
    uint8_t *der = der_of(pem, len, &der_len);

    who.certificate_der = imprint_slice_of(der, der_len);
    status = imprint_endpoint_admit(fixture->endpoint, &who, out);
    free(der);
    return status;
}

static enum imprint_status try_claim(struct fixture *fixture, const char *path,
                                     const char *client_id,
                                     struct imprint_endpoint_session **out)
{
    struct imprint_why why = {"", ""};
    enum imprint_status status;
    char *pem = NULL;
    size_t len = 0;

    must(imprint_file_read(path, 8192, &pem, &len, &why), &why);
    status = connect_pem(fixture, pem, len, client_id, out);
    free(pem);
    return status;
}

static struct imprint_endpoint_session *connect_claim(struct fixture *fixture,
                                                      const char *client_id)
{
    struct imprint_endpoint_session *session = NULL;

    assert_int_equal(try_claim(fixture, fixture->paths.claim_certificate_pem,
                               client_id, &session),
                     IMPRINT_OK);
    return session;
}

static char *make_csr(enum imprint_keys_kind kind)
{
    struct imprint_why why = {"", ""};
    struct imprint_keys_key *key = NULL;
    char *pem = NULL;

    must(imprint_keys_make(kind, &key, &why), &why);
    must(imprint_keys_request(key, "A Device", &pem, &why), &why);
    imprint_keys_free(key);
    return pem;
}

/* ---- requests ---- */

static void copy_reply(const struct imprint_endpoint_reply *from,
                       struct reply *out)
{
    (void)snprintf(out->topic, sizeof(out->topic), "%s", from->topic);
    assert_true(from->payload.len <= sizeof(out->payload));
    memcpy(out->payload, from->payload.bytes, from->payload.len);
    out->len = from->payload.len;
}

static struct imprint_endpoint_session *wait_reply(struct fixture *fixture,
                                                   struct reply *out)
{
    struct imprint_endpoint_reply reply;
    struct timespec then;

    (void)clock_gettime(CLOCK_REALTIME, &then);
    then.tv_sec += WAIT_S;
    while (!imprint_endpoint_collect(fixture->endpoint, &reply))
        assert_int_equal(sem_timedwait(&fixture->woken, &then), 0);
    copy_reply(&reply, out);
    return reply.session;
}

static void ask(struct fixture *fixture,
                struct imprint_endpoint_session *session, const char *topic,
                struct imprint_slice payload, struct reply *out)
{
    assert_true(imprint_endpoint_allows(fixture->endpoint, session,
                                        IMPRINT_ENDPOINT_PUBLISH, topic));
    assert_true(
        imprint_endpoint_submit(fixture->endpoint, session, topic, payload));
    assert_ptr_equal(wait_reply(fixture, out), session);
}

static const struct imprint_format *format_of(enum imprint_encoding encoding)
{
    return encoding == IMPRINT_ENC_JSON ? &imprint_json_format
                                        : &imprint_cbor_format;
}

static void name_topic(char topic[128], enum imprint_operation operation,
                       enum imprint_encoding encoding)
{
    const struct imprint_topic parts = {operation, IMPRINT_OUT_REQUEST,
                                        encoding, imprint_slice_text("fleet")};
    struct imprint_writer writer = imprint_slice_writer(topic, 127);

    imprint_topics_put(&writer, &parts);
    assert_true(imprint_slice_fits(&writer));
    topic[writer.len] = '\0';
}

static bool is_accepted(const struct reply *reply)
{
    return strstr(reply->topic, "/accepted") != NULL;
}

/* The reply's certificate, borrowed from reply->text. */
static struct imprint_identity read_created(struct reply *reply,
                                            enum imprint_encoding encoding)
{
    struct imprint_writer text =
        imprint_slice_writer(reply->text, sizeof(reply->text));
    struct imprint_identity identity;

    if (!is_accepted(reply))
        fail_msg("%s: %.*s", reply->topic, (int)reply->len, reply->payload);
    assert_int_equal(
        imprint_codec_get_created(format_of(encoding),
                                  imprint_slice_of(reply->payload, reply->len),
                                  &text, &identity),
        IMPRINT_OK);
    return identity;
}

static struct imprint_identity create_csr(
    struct fixture *fixture, struct imprint_endpoint_session *session,
    enum imprint_encoding encoding, struct reply *reply)
{
    char topic[128];
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    char *csr = make_csr(IMPRINT_KEYS_P256);

    name_topic(topic, IMPRINT_OP_CREATE_CSR, encoding);
    imprint_codec_put_csr(&writer, format_of(encoding),
                          imprint_slice_text(csr));
    ask(fixture, session, topic, imprint_slice_since(&writer, 0), reply);
    imprint_keys_free_pem(csr);
    return read_created(reply, encoding);
}

static void ask_register(struct fixture *fixture,
                         struct imprint_endpoint_session *session,
                         enum imprint_encoding encoding,
                         struct imprint_slice token, const char *serial,
                         struct reply *reply)
{
    const struct imprint_pair parameter = {imprint_slice_text("SerialNumber"),
                                           imprint_slice_text(serial)};
    char topic[128];
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));

    name_topic(topic, IMPRINT_OP_REGISTER, encoding);
    imprint_codec_put_register(&writer, format_of(encoding), token, &parameter,
                               serial ? 1 : 0);
    ask(fixture, session, topic, imprint_slice_since(&writer, 0), reply);
}

static void check_rejected(struct reply *reply, enum imprint_encoding encoding,
                           uint32_t status_code, const char *code)
{
    struct imprint_writer text =
        imprint_slice_writer(reply->text, sizeof(reply->text));
    struct imprint_rejection rejection;

    assert_non_null(strstr(reply->topic, "/rejected"));
    assert_int_equal(imprint_codec_get_rejection(
                         format_of(encoding),
                         imprint_slice_of(reply->payload, reply->len), &text,
                         &rejection),
                     IMPRINT_OK);
    assert_int_equal(rejection.status_code, status_code);
    if (!imprint_slice_is(rejection.code, code))
        fail_msg("%.*s", (int)reply->len, reply->payload);
    assert_true(rejection.message.len > 0);
}

/* ---- tests ---- */

/* Create, register, connect as the device; and what a pending one may not. */
static void provision_csr(void **state, enum imprint_encoding encoding)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        connect_claim(fixture, "imprint-1");
    struct imprint_endpoint_session *device = NULL;
    static struct reply created;
    static struct reply registered;
    struct imprint_identity identity =
        create_csr(fixture, session, encoding, &created);
    struct imprint_identity result;
    struct imprint_keys_certificate read;
    struct imprint_why why = {"", ""};
    uint8_t text[4096];
    struct imprint_writer writer = imprint_slice_writer(text, sizeof(text));

    assert_int_equal(identity.private_key_pem.len, 0);
    assert_int_equal(identity.token.len, 464);
    must(imprint_keys_read_certificate(identity.certificate_pem, &read, &why),
         &why);
    assert_true(imprint_slice_is(identity.certificate_id, read.id));
    assert_string_equal(read.subject, "CN=A Device");
    assert_int_equal(read.not_after, 2524607999);

    assert_int_equal(connect_pem(fixture,
                                 (const char *)identity.certificate_pem.bytes,
                                 identity.certificate_pem.len, "SN-1", &device),
                     IMPRINT_ERR_REFUSED);
    assert_true(is_logged(fixture, "PENDING_ACTIVATION"));

    ask_register(fixture, session, encoding, identity.token, "SN-1",
                 &registered);
    assert_true(is_accepted(&registered));
    assert_int_equal(imprint_codec_get_registered(
                         format_of(encoding),
                         imprint_slice_of(registered.payload, registered.len),
                         &writer, &result),
                     IMPRINT_OK);
    assert_true(imprint_slice_is(result.thing_name, "SN-1"));
    assert_true(result.device_configuration.len > 2);

    /* under the thing's name, and no other */
    assert_int_equal(connect_pem(fixture,
                                 (const char *)identity.certificate_pem.bytes,
                                 identity.certificate_pem.len, "SN-2", &device),
                     IMPRINT_ERR_REFUSED);
    assert_int_equal(connect_pem(fixture,
                                 (const char *)identity.certificate_pem.bytes,
                                 identity.certificate_pem.len, "SN-1", &device),
                     IMPRINT_OK);
    assert_true(imprint_endpoint_allows(fixture->endpoint, device,
                                        IMPRINT_ENDPOINT_PUBLISH,
                                        "devices/SN-1/hello"));
    assert_false(imprint_endpoint_allows(fixture->endpoint, device,
                                         IMPRINT_ENDPOINT_PUBLISH,
                                         "devices/SN-2/hello"));
    assert_false(imprint_endpoint_allows(fixture->endpoint, device,
                                         IMPRINT_ENDPOINT_PUBLISH,
                                         "$aws/certificates/create/json"));
    imprint_endpoint_leave(fixture->endpoint, device);
    imprint_endpoint_leave(fixture->endpoint, session);
    /* no secret in any line */
    assert_false(is_logged(fixture, "eyJ2ZXJzaW9u"));
    assert_false(is_logged(fixture, "BEGIN"));
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
        connect_claim(fixture, "imprint-1");
    struct imprint_keys_key *key = NULL;
    struct imprint_why why = {"", ""};
    static struct reply reply;
    int encoding;

    for (encoding = IMPRINT_ENC_JSON; encoding <= IMPRINT_ENC_CBOR;
         encoding++) {
        struct imprint_identity identity;
        char topic[128];

        name_topic(topic, IMPRINT_OP_CREATE_KEYS,
                   (enum imprint_encoding)encoding);
        ask(fixture, session, topic,
            imprint_slice_text(encoding == IMPRINT_ENC_JSON ? "{}" : ""),
            &reply);
        identity = read_created(&reply, (enum imprint_encoding)encoding);
        assert_memory_equal(identity.private_key_pem.bytes,
                            "-----BEGIN RSA PRIVATE KEY-----\n", 32);
        must(imprint_keys_read(identity.private_key_pem, NULL, &key, &why),
             &why);
        assert_int_equal(imprint_keys_kind_of(key), IMPRINT_KEYS_RSA2048);
        must(imprint_keys_check_pair(key, identity.certificate_pem, &why),
             &why);
        imprint_keys_free(key);
    }
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_register_twice(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        connect_claim(fixture, "imprint-1");
    static struct reply created;
    static struct reply first;
    static struct reply again;
    struct imprint_identity identity =
        create_csr(fixture, session, IMPRINT_ENC_JSON, &created);

    ask_register(fixture, session, IMPRINT_ENC_JSON, identity.token, "SN-1",
                 &first);
    assert_true(is_accepted(&first));
    /* over another connection, too: the first one may have been cut */
    imprint_endpoint_leave(fixture->endpoint, session);
    session = connect_claim(fixture, "imprint-2");
    ask_register(fixture, session, IMPRINT_ENC_JSON, identity.token, "SN-1",
                 &again);
    assert_true(is_accepted(&again));
    assert_int_equal(first.len, again.len);
    assert_memory_equal(first.payload, again.payload, first.len);
    /* another request with the same token */
    ask_register(fixture, session, IMPRINT_ENC_JSON, identity.token, "SN-2",
                 &again);
    check_rejected(&again, IMPRINT_ENC_JSON, 400,
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
        connect_claim(fixture, "imprint-1");
    static struct reply reply;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ask(fixture, session, cases[i].topic,
            imprint_slice_text(cases[i].payload), &reply);
        check_rejected(&reply, IMPRINT_ENC_JSON, cases[i].status_code,
                       cases[i].code);
    }
    imprint_endpoint_leave(fixture->endpoint, session);
}

static void test_missing_parameter(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        connect_claim(fixture, "imprint-1");
    static struct reply created;
    static struct reply reply;
    struct imprint_identity identity =
        create_csr(fixture, session, IMPRINT_ENC_CBOR, &created);

    ask_register(fixture, session, IMPRINT_ENC_CBOR, identity.token, NULL,
                 &reply);
    check_rejected(&reply, IMPRINT_ENC_CBOR, 400, "InvalidParameters");
    assert_true(is_logged(fixture, "SerialNumber"));
    ask_register(fixture, session, IMPRINT_ENC_CBOR, identity.token,
                 "with space", &reply);
    check_rejected(&reply, IMPRINT_ENC_CBOR, 400, "InvalidParameters");
    /* nothing of it was kept: the token is as good as before */
    ask_register(fixture, session, IMPRINT_ENC_CBOR, identity.token, "SN-1",
                 &reply);
    assert_true(is_accepted(&reply));
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* A claim may provision by its template, and do nothing else. */
static void test_claim_may_only_provision(void **state)
{
    static const struct {
        enum imprint_endpoint_access access;
        const char *topic;
        bool allowed;
    } cases[] = {
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/certificates/create/json", true},
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/certificates/create-from-csr/cbor",
         true},
        {IMPRINT_ENDPOINT_PUBLISH,
         "$aws/provisioning-templates/fleet/provision/cbor", true},
        {IMPRINT_ENDPOINT_PUBLISH,
         "$aws/provisioning-templates/other/provision/cbor", false},
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/certificates/create/json/accepted",
         false},
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/certificates/create/json/rejected",
         false},
        {IMPRINT_ENDPOINT_PUBLISH,
         "$aws/provisioning-templates/fleet/provision/json/accepted", false},
        {IMPRINT_ENDPOINT_PUBLISH, "$aws/things/a/shadow/update", false},
        {IMPRINT_ENDPOINT_PUBLISH, "hello", false},
        {IMPRINT_ENDPOINT_RETAIN, "$aws/certificates/create/json", false},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "$aws/certificates/create/json/accepted",
         true},
        {IMPRINT_ENDPOINT_SUBSCRIBE,
         "$aws/provisioning-templates/fleet/provision/cbor/rejected", true},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "$aws/certificates/create/json/+", true},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "$aws/certificates/create/json", false},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "$aws/certificates/#", false},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "#", false},
        {IMPRINT_ENDPOINT_SUBSCRIBE, "devices/#", false},
        {IMPRINT_ENDPOINT_RECEIVE, "$aws/certificates/create/json/accepted",
         true},
        {IMPRINT_ENDPOINT_RECEIVE, "devices/a/b", false},
    };
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        connect_claim(fixture, "imprint-1");
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool allowed = imprint_endpoint_allows(fixture->endpoint, session,
                                               cases[i].access, cases[i].topic);

        if (allowed != cases[i].allowed)
            fail_msg("%s", cases[i].topic);
    }
    assert_false(imprint_endpoint_submit(fixture->endpoint, session, "hello",
                                         imprint_slice_text("x")));
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
        sessions[i] = connect_claim(fixture, client_id);
        must(imprint_keys_make(IMPRINT_KEYS_P256, &keys[i], &why), &why);
        must(imprint_keys_request(keys[i], client_id, &csr, &why), &why);
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
        struct imprint_endpoint_session *session = wait_reply(fixture, &reply);
        struct imprint_identity identity =
            read_created(&reply, IMPRINT_ENC_JSON);
        size_t at = 0;

        while (at < 8 && sessions[at] != session)
            at++;
        assert_true(at < 8 && at != 3);
        assert_int_equal(answered[at]++, 0);
        must(imprint_keys_check_pair(keys[at], identity.certificate_pem, &why),
             &why);
    }
    for (i = 0; i < 8; i++) {
        imprint_keys_free(keys[i]);
        if (i != 3)
            imprint_endpoint_leave(fixture->endpoint, sessions[i]);
    }
}

struct count {
    size_t all;
    size_t pending;
};

static void count_one(void *user,
                      const struct imprint_endpoint_certificate *certificate)
{
    struct count *count = user;

    count->all++;
    count->pending += strcmp(certificate->status, "PENDING_ACTIVATION") == 0;
}

static struct count count_certificates(struct fixture *fixture)
{
    struct imprint_why why = {"", ""};
    struct count count = {0, 0};

    must(imprint_endpoint_list(fixture->dir, count_one, &count, &why), &why);
    return count;
}

/* With a lifetime of one second. */
static void test_token_expires(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    struct imprint_why why = {"", ""};
    static struct reply created;
    static struct reply reply;
    struct imprint_identity identity;
    struct timespec pause = {.tv_nsec = 20 * 1000000};
    int i;

    imprint_endpoint_close(fixture->endpoint);
    must(imprint_endpoint_set(fixture->dir, "token_lifetime_s", 1, &why), &why);
    open_endpoint(fixture);
    session = connect_claim(fixture, "imprint-1");
    identity = create_csr(fixture, session, IMPRINT_ENC_JSON, &created);
    assert_int_equal(count_certificates(fixture).pending, 1);
    for (i = 0; i < 500 && count_certificates(fixture).pending > 0; i++)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(count_certificates(fixture).pending, 0);
    assert_int_equal(count_certificates(fixture).all, 1);
    assert_true(is_logged(fixture, "deleted 1 certificate that nobody"));
    ask_register(fixture, session, IMPRINT_ENC_JSON, identity.token, "SN-1",
                 &reply);
    check_rejected(&reply, IMPRINT_ENC_JSON, 400,
                   "InvalidCertificateOwnershipToken");
    imprint_endpoint_leave(fixture->endpoint, session);
}

/* 200 at once, from a pool that has them: none waits for a key to be made. */
static void test_burst_of_keys(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    sqlite3 *database = NULL;
    char path[PATH_LEN];
    char *pem = NULL;
    char line[256];
    static struct reply reply;
    struct timespec start;
    struct timespec end;
    size_t i;

    imprint_endpoint_close(fixture->endpoint);
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL,
                                                          0, NULL, NULL),
                     1);
    (void)BIO_write(bio, "", 1);
    (void)BIO_get_mem_data(bio, &pem);
    (void)snprintf(path, sizeof(path), "%s/registry.db", fixture->dir);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    for (i = 0; i < 200; i++) {
        char *sql =
            sqlite3_mprintf("INSERT INTO spare_key (pem) VALUES (%Q)", pem);

        assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL),
                         SQLITE_OK);
        sqlite3_free(sql);
    }
    (void)sqlite3_close(database);
    BIO_free(bio);
    EVP_PKEY_free(key);
    open_endpoint(fixture);
    imprint_endpoint_figures(fixture->endpoint, line, sizeof(line));
    assert_non_null(strstr(line, "pool: 200 of 0 keys, 0 made"));

    session = connect_claim(fixture, "imprint-1");
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (i = 0; i < 200; i++)
        assert_true(imprint_endpoint_submit(fixture->endpoint, session,
                                            "$aws/certificates/create/json",
                                            imprint_slice_text("{}")));
    for (i = 0; i < 200; i++) {
        assert_ptr_equal(wait_reply(fixture, &reply), session);
        assert_true(is_accepted(&reply));
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    print_message("# 200 service keys in %.0f ms\n",
                  1e3 * (double)(end.tv_sec - start.tv_sec) +
                      1e-6 * (double)(end.tv_nsec - start.tv_nsec));
    imprint_endpoint_figures(fixture->endpoint, line, sizeof(line));
    assert_non_null(strstr(line, "pool: 0 of 0 keys, 0 made"));
    imprint_endpoint_leave(fixture->endpoint, session);
    /* each was used up for good */
    imprint_endpoint_close(fixture->endpoint);
    open_endpoint(fixture);
    imprint_endpoint_figures(fixture->endpoint, line, sizeof(line));
    assert_non_null(strstr(line, "pool: 0 of 0 keys, 0 made"));
}

/* Requests for keys do not hold up those that need none. */
static void test_keys_wait_aside(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *waiting =
        connect_claim(fixture, "imprint-1");
    struct imprint_endpoint_session *other =
        connect_claim(fixture, "imprint-2");
    static struct reply reply;
    char *csr = make_csr(IMPRINT_KEYS_P256);
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
    while (wait_reply(fixture, &reply) != other)
        before_csr++;
    assert_true(is_accepted(&reply));
    assert_true(before_csr < 6);
    for (i = before_csr; i < 6; i++) {
        assert_ptr_equal(wait_reply(fixture, &reply), waiting);
        assert_true(is_accepted(&reply));
    }
    imprint_keys_free_pem(csr);
    imprint_endpoint_leave(fixture->endpoint, other);
    imprint_endpoint_leave(fixture->endpoint, waiting);
}

static void test_close_with_open_requests(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        connect_claim(fixture, "imprint-1");
    size_t i;

    for (i = 0; i < 6; i++)
        assert_true(imprint_endpoint_submit(fixture->endpoint, session,
                                            "$aws/certificates/create/json",
                                            imprint_slice_text("")));
    imprint_endpoint_leave(fixture->endpoint, session);
    imprint_endpoint_close(fixture->endpoint);
    open_endpoint(fixture);
}

/* What another connection to the registry changes is seen within a second. */
static void test_deactivated_claim_is_thrown_off(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *one = connect_claim(fixture, "one");
    struct imprint_endpoint_session *two = connect_claim(fixture, "two");
    struct imprint_endpoint_session *none = NULL;
    struct imprint_endpoint_session *first = NULL;
    struct imprint_endpoint_session *second;
    struct imprint_why why = {"", ""};
    struct timespec pause = {.tv_nsec = 10 * 1000000};
    char id[65];
    int i;

    assert_null(imprint_endpoint_evicted(fixture->endpoint));
    (void)snprintf(id, sizeof(id), "%s", imprint_endpoint_certificate_id(one));
    must(imprint_endpoint_set_status(fixture->dir, id, "INACTIVE", &why), &why);
    for (i = 0; i < 100 && !first; i++) {
        (void)nanosleep(&pause, NULL);
        first = imprint_endpoint_evicted(fixture->endpoint);
    }
    second = imprint_endpoint_evicted(fixture->endpoint);
    assert_true((first == one && second == two) ||
                (first == two && second == one));
    assert_null(imprint_endpoint_evicted(fixture->endpoint));
    assert_false(imprint_endpoint_allows(fixture->endpoint, one,
                                         IMPRINT_ENDPOINT_PUBLISH,
                                         "$aws/certificates/create/json"));
    imprint_endpoint_leave(fixture->endpoint, one);
    imprint_endpoint_leave(fixture->endpoint, two);
    assert_int_equal(
        try_claim(fixture, fixture->paths.claim_certificate_pem, "one", &none),
        IMPRINT_ERR_REFUSED);
    /* and a later run does not make it good again */
    prepare(fixture);
    assert_int_equal(
        try_claim(fixture, fixture->paths.claim_certificate_pem, "one", &none),
        IMPRINT_ERR_REFUSED);
    must(imprint_endpoint_set_status(fixture->dir, id, "ACTIVE", &why), &why);
    assert_int_equal(
        try_claim(fixture, fixture->paths.claim_certificate_pem, "one", &none),
        IMPRINT_OK);
    imprint_endpoint_leave(fixture->endpoint, none);
}

static void test_policy_changes_at_once(void **state)
{
    static const char nothing[] =
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\","
        "\"Action\":\"iot:*\",\"Resource\":\"*\"}}";
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session = connect_claim(fixture, "one");
    struct imprint_endpoint_session *none = NULL;
    struct imprint_why why = {"", ""};
    struct timespec pause = {.tv_nsec = 10 * 1000000};
    bool allowed = true;
    int i;

    must(imprint_endpoint_put_policy(fixture->dir, "fleet-claim",
                                     imprint_slice_text(nothing), &why),
         &why);
    for (i = 0; i < 100 && allowed; i++) {
        (void)nanosleep(&pause, NULL);
        assert_null(imprint_endpoint_evicted(fixture->endpoint));
        allowed = imprint_endpoint_allows(fixture->endpoint, session,
                                          IMPRINT_ENDPOINT_PUBLISH,
                                          "$aws/certificates/create/json");
    }
    assert_false(allowed);
    assert_true(is_logged(fixture, "denied by {\"Effect\":\"Deny\""));
    imprint_endpoint_leave(fixture->endpoint, session);
    assert_int_equal(
        try_claim(fixture, fixture->paths.claim_certificate_pem, "one", &none),
        IMPRINT_ERR_REFUSED);
}

static void test_other_claims(void **state)
{
    const struct imprint_endpoint_claim rsa = {.name = "rsa", .is_rsa = true};
    const struct imprint_endpoint_claim old = {.name = "old",
                                               .not_after = 1700000000};
    const struct imprint_endpoint_claim bad = {.name = "../x"};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session = NULL;
    struct imprint_why why = {"", ""};
    struct stat found;
    char path[PATH_LEN];

    must(imprint_endpoint_make_claim(fixture->dir, &rsa, &why), &why);
    must(imprint_endpoint_make_claim(fixture->dir, &rsa, &why), &why);
    must(imprint_endpoint_make_claim(fixture->dir, &old, &why), &why);
    assert_int_equal(imprint_endpoint_make_claim(fixture->dir, &bad, &why),
                     IMPRINT_ERR_ARGUMENT);
    (void)snprintf(path, sizeof(path), "%s/claims/rsa/private.key",
                   fixture->dir);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    (void)snprintf(path, sizeof(path), "%s/claims/rsa/certificate.pem",
                   fixture->dir);
    assert_int_equal(try_claim(fixture, path, "a", &session), IMPRINT_OK);
    imprint_endpoint_leave(fixture->endpoint, session);
    (void)snprintf(path, sizeof(path), "%s/claims/old/certificate.pem",
                   fixture->dir);
    assert_int_equal(try_claim(fixture, path, "a", &session),
                     IMPRINT_ERR_REFUSED);
    assert_true(is_logged(fixture, "expired"));
    assert_int_equal(count_certificates(fixture).all, 3);
}

/* Everything is there after a restart, and nothing is made twice. */
static void test_reopen(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        connect_claim(fixture, "imprint-1");
    struct imprint_endpoint_session *device = NULL;
    static struct reply created;
    static struct reply reply;
    struct imprint_identity identity =
        create_csr(fixture, session, IMPRINT_ENC_CBOR, &created);
    struct imprint_why why = {"", ""};
    char *before = NULL;
    char *after = NULL;
    size_t len = 0;

    must(imprint_file_read(fixture->paths.ca_pem, 16384, &before, &len, &why),
         &why);
    imprint_endpoint_leave(fixture->endpoint, session);
    imprint_endpoint_close(fixture->endpoint);
    prepare(fixture);
    assert_false(fixture->paths.made);
    must(imprint_file_read(fixture->paths.ca_pem, 16384, &after, &len, &why),
         &why);
    assert_string_equal(before, after);
    free(before);
    free(after);
    open_endpoint(fixture);
    session = connect_claim(fixture, "imprint-1");
    ask_register(fixture, session, IMPRINT_ENC_CBOR, identity.token, "SN-1",
                 &reply);
    assert_true(is_accepted(&reply));
    imprint_endpoint_leave(fixture->endpoint, session);
    imprint_endpoint_close(fixture->endpoint);
    open_endpoint(fixture);
    assert_int_equal(connect_pem(fixture,
                                 (const char *)identity.certificate_pem.bytes,
                                 identity.certificate_pem.len, "SN-1", &device),
                     IMPRINT_OK);
    imprint_endpoint_leave(fixture->endpoint, device);
    assert_int_equal(count_certificates(fixture).all, 2);
}

/* Whatever file is missing after a cut, the next run makes it. */
static void test_prepare_after_cut(void **state)
{
    static const char *const files[] = {"root.pem",
                                        "issuer.key",
                                        "issuer.pem",
                                        "ca.pem",
                                        "server.key",
                                        "server.pem",
                                        "claims/default/certificate.pem",
                                        "claims/default/private.key"};
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session;
    char path[PATH_LEN];
    size_t i;

    imprint_endpoint_close(fixture->endpoint);
    for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, files[i]);
        assert_int_equal(unlink(path), 0);
        prepare(fixture);
        assert_int_equal(access(path, F_OK), 0);
        open_endpoint(fixture);
        session = connect_claim(fixture, "imprint-1");
        imprint_endpoint_leave(fixture->endpoint, session);
        imprint_endpoint_close(fixture->endpoint);
    }
    open_endpoint(fixture);
}

/* How fast one thread of requests gets through, for the log of the tests. */
static void test_rate(void **state)
{
    struct fixture *fixture = *state;
    struct imprint_endpoint_session *session =
        connect_claim(fixture, "imprint-1");
    char *csr = make_csr(IMPRINT_KEYS_P256);
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
        assert_ptr_equal(wait_reply(fixture, &reply), session);
        assert_true(is_accepted(&reply));
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
        assert_ptr_equal(wait_reply(fixture, &reply), session);
        if (!is_accepted(&reply))
            check_rejected(&reply, IMPRINT_ENC_JSON, 429, "Throttled");
    }
    imprint_endpoint_leave(fixture->endpoint, session);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_csr_json),
        TEST(test_csr_cbor),
        TEST(test_service_keys),
        TEST(test_register_twice),
        TEST(test_rejections),
        TEST(test_missing_parameter),
        TEST(test_claim_may_only_provision),
        TEST(test_sessions_apart),
        TEST(test_token_expires),
        TEST(test_burst_of_keys),
        TEST(test_keys_wait_aside),
        TEST(test_close_with_open_requests),
        TEST(test_deactivated_claim_is_thrown_off),
        TEST(test_policy_changes_at_once),
        TEST(test_other_claims),
        TEST(test_reopen),
        TEST(test_prepare_after_cut),
        TEST(test_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
