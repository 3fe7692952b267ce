#include "endpoint_rig.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint/admin.h"
#include "posix/file.h"
#include "registry_place.h"

#define WAIT_S 30

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

bool fixture_is_logged(struct fixture *fixture, const char *text)
{
    bool found;

    (void)pthread_mutex_lock(&fixture->lock);
    found = strstr(fixture->log, text) != NULL;
    (void)pthread_mutex_unlock(&fixture->lock);
    return found;
}

void fixture_must(enum imprint_status status, const struct imprint_why *why)
{
    if (status != IMPRINT_OK)
        fail_msg("%s: %s", imprint_status_name(status), why->text);
}

void fixture_open_endpoint(struct fixture *fixture)
{
    const struct imprint_endpoint_options options = {fixture->dir, take_wake,
                                                     take_line, fixture};
    struct imprint_why why = {"", ""};

    fixture_must(imprint_endpoint_open(&options, &fixture->endpoint, &why),
                 &why);
}

void fixture_prepare(struct fixture *fixture)
{
    struct imprint_why why = {"", ""};

    fixture_must(
        imprint_endpoint_prepare(fixture->dir, NULL, &fixture->paths, &why),
        &why);
}

int fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct imprint_why why = {"", ""};

    assert_non_null(fixture);
    (void)sem_init(&fixture->woken, 0, 0);
    (void)pthread_mutex_init(&fixture->lock, NULL);
    (void)snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/imprint-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    registry_place_set(fixture->dir);
    fixture_prepare(fixture);
    assert_true(fixture->paths.made);
    fixture_must(imprint_admin_set(fixture->dir, "pool_size", "0", &why), &why);
    fixture_open_endpoint(fixture);
    *state = fixture;
    return 0;
}

int fixture_tear_down(void **state)
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

enum imprint_status fixture_connect_pem(struct fixture *fixture,
                                        const char *pem, size_t len,
                                        const char *client_id,
                                        struct imprint_endpoint_session **out)
{
    struct imprint_endpoint_connect who = {.client_id = client_id,
                                           .address = "127.0.0.1",
                                           .mqtt_version =
                                               fixture->is_v311 ? 4 : 5};
    enum imprint_status status;
    size_t der_len;
    uint8_t *der = der_of(pem, len, &der_len);

    who.certificate_der = imprint_slice_of(der, der_len);
    status = imprint_endpoint_admit(fixture->endpoint, &who, out);
    free(der);
    return status;
}

enum imprint_status fixture_try_claim(struct fixture *fixture, const char *path,
                                      const char *client_id,
                                      struct imprint_endpoint_session **out)
{
    struct imprint_why why = {"", ""};
    enum imprint_status status;
    char *pem = NULL;
    size_t len = 0;

    fixture_must(imprint_file_read(path, 8192, &pem, &len, &why), &why);
    status = fixture_connect_pem(fixture, pem, len, client_id, out);
    free(pem);
    return status;
}

struct imprint_endpoint_session *fixture_connect_claim(struct fixture *fixture,
                                                       const char *client_id)
{
    struct imprint_endpoint_session *session = NULL;

    assert_int_equal(fixture_try_claim(fixture,
                                       fixture->paths.claim_certificate_pem,
                                       client_id, &session),
                     IMPRINT_OK);
    return session;
}

char *fixture_make_csr(enum imprint_keys_kind kind)
{
    struct imprint_why why = {"", ""};
    struct imprint_keys_key *key = NULL;
    char *pem = NULL;

    fixture_must(imprint_keys_make(kind, &key, &why), &why);
    fixture_must(imprint_keys_request(key, "A Device", &pem, &why), &why);
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

struct imprint_endpoint_session *fixture_wait_reply(struct fixture *fixture,
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

void fixture_ask(struct fixture *fixture,
                 struct imprint_endpoint_session *session, const char *topic,
                 struct imprint_slice payload, struct reply *out)
{
    assert_true(
        fixture_allows(fixture, session, IMPRINT_ENDPOINT_PUBLISH, topic));
    assert_true(
        imprint_endpoint_submit(fixture->endpoint, session, topic, payload));
    assert_ptr_equal(fixture_wait_reply(fixture, out), session);
}

const struct imprint_format *fixture_format_of(enum imprint_encoding encoding)
{
    return encoding == IMPRINT_ENC_JSON ? &imprint_json_format
                                        : &imprint_cbor_format;
}

void fixture_name_topic(char topic[128], enum imprint_operation operation,
                        enum imprint_encoding encoding)
{
    const struct imprint_topic parts = {operation, IMPRINT_OUT_REQUEST,
                                        encoding, imprint_slice_text("fleet")};
    struct imprint_writer writer = imprint_slice_writer(topic, 127);

    imprint_topics_put(&writer, &parts);
    assert_true(imprint_slice_fits(&writer));
    topic[writer.len] = '\0';
}

bool fixture_is_accepted(const struct reply *reply)
{
    return strstr(reply->topic, "/accepted") != NULL;
}

struct imprint_identity fixture_read_created(struct reply *reply,
                                             enum imprint_encoding encoding)
{
    struct imprint_writer text =
        imprint_slice_writer(reply->text, sizeof(reply->text));
    struct imprint_identity identity;

    if (!fixture_is_accepted(reply))
        fail_msg("%s: %.*s", reply->topic, (int)reply->len, reply->payload);
    assert_int_equal(
        imprint_codec_get_created(fixture_format_of(encoding),
                                  imprint_slice_of(reply->payload, reply->len),
                                  &text, &identity),
        IMPRINT_OK);
    return identity;
}

struct imprint_identity fixture_create_csr(
    struct fixture *fixture, struct imprint_endpoint_session *session,
    enum imprint_encoding encoding, struct reply *reply)
{
    char topic[128];
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));
    char *csr = fixture_make_csr(IMPRINT_KEYS_P256);

    fixture_name_topic(topic, IMPRINT_OP_CREATE_CSR, encoding);
    imprint_codec_put_csr(&writer, fixture_format_of(encoding),
                          imprint_slice_text(csr));
    fixture_ask(fixture, session, topic, imprint_slice_since(&writer, 0),
                reply);
    imprint_keys_free_pem(csr);
    return fixture_read_created(reply, encoding);
}

void fixture_ask_register(struct fixture *fixture,
                          struct imprint_endpoint_session *session,
                          const struct registration *what, struct reply *reply)
{
    const struct imprint_pair parameter = {imprint_slice_text("SerialNumber"),
                                           imprint_slice_text(what->serial)};
    char topic[128];
    uint8_t payload[8192];
    struct imprint_writer writer =
        imprint_slice_writer(payload, sizeof(payload));

    fixture_name_topic(topic, IMPRINT_OP_REGISTER, what->encoding);
    imprint_codec_put_register(&writer, fixture_format_of(what->encoding),
                               what->token, &parameter, what->serial ? 1 : 0);
    fixture_ask(fixture, session, topic, imprint_slice_since(&writer, 0),
                reply);
}

void fixture_check_rejected(struct reply *reply, enum imprint_encoding encoding,
                            uint32_t status_code, const char *code)
{
    struct imprint_writer text =
        imprint_slice_writer(reply->text, sizeof(reply->text));
    struct imprint_rejection rejection;

    assert_non_null(strstr(reply->topic, "/rejected"));
    assert_int_equal(imprint_codec_get_rejection(
                         fixture_format_of(encoding),
                         imprint_slice_of(reply->payload, reply->len), &text,
                         &rejection),
                     IMPRINT_OK);
    assert_int_equal(rejection.status_code, status_code);
    if (!imprint_slice_is(rejection.code, code))
        fail_msg("%.*s", (int)reply->len, reply->payload);
    assert_true(rejection.message.len > 0);
}

bool fixture_allows(struct fixture *fixture,
                    struct imprint_endpoint_session *session,
                    enum imprint_endpoint_access access, const char *topic)
{
    const struct imprint_endpoint_act act = {.access = access, .topic = topic};

    return imprint_endpoint_allows(fixture->endpoint, session, &act) ==
           IMPRINT_ENDPOINT_ALLOWED;
}

struct imprint_endpoint_session *fixture_evicted(struct fixture *fixture)
{
    struct imprint_endpoint_eviction eviction;

    return imprint_endpoint_evicted(fixture->endpoint, &eviction)
               ? eviction.session
               : NULL;
}

static void count_one(void *user,
                      const struct imprint_admin_certificate *certificate)
{
    struct count *count = user;

    count->all++;
    count->pending += strcmp(certificate->status, "PENDING_ACTIVATION") == 0;
}

struct count fixture_count_certificates(struct fixture *fixture)
{
    struct imprint_why why = {"", ""};
    struct count count = {0, 0};

    fixture_must(
        imprint_admin_each_certificate(fixture->dir, count_one, &count, &why),
        &why);
    return count;
}
